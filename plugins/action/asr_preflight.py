# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs asr_preflight once, prints its table and writes its report."""

from __future__ import annotations

from functools import partial
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.output import bounded
from ansible_collections.homeward.asr.plugins.plugin_utils.pages import reports
from ansible_collections.homeward.asr.plugins.plugin_utils.pages.report_file import report_file
from ansible_collections.homeward.asr.plugins.plugin_utils.running.once import Once, display


class ActionModule(Once):
    """Keeps secrets off the disk and shows the lines; see plugin_utils/running/once.py."""

    parts = ("azure", "vcenter", "vault", "machines")

    def _work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        file = report_file(self._task.args.get("report_file"))
        if file is not None:
            file.check()
        result = super()._work(task_vars)
        if file is not None:
            make = partial(reports.of_preflight, result=result)
            result["report_files"] = reports.publish(
                file, make, bool(self._task.check_mode), self._say, display.warning
            )
        # A user's own task has all of it; the role's is an event in every job of the playbooks.
        return bounded.findings(result) if self._for_an_event() else result
