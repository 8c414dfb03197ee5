# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs asr_replicated_item_info once."""

from __future__ import annotations

from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils import bounded
from ansible_collections.homeward.asr.plugins.plugin_utils.runner import Once


class ActionModule(Once):
    """Keeps secrets off the disk; see plugin_utils/runner.py."""

    parts = ("azure", "vcenter", "vault", "machines")

    def _work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        result = super()._work(task_vars)
        # A user's own task has all of it; a playbook of ours prints it, and nothing reads its result.
        return bounded.listing(result, "machines", "lines") if self._for_an_event() else result
