# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs asr_job_info once."""

from __future__ import annotations

from ansible_collections.homeward.asr.plugins.plugin_utils.running.once import Once


class ActionModule(Once):
    """Keeps secrets off the disk; see plugin_utils/running/once.py."""

    own = ("machines",)
