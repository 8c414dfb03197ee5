# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs asr_failback slice by slice."""

from __future__ import annotations

from ansible_collections.homeward.asr.plugins.plugin_utils.running.slices import Slices


class ActionModule(Slices):
    """Waits and shows progress; see plugin_utils/running/slices.py."""
