# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the report, with the command that continues the run."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.texts import clean_all
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import gather
from ansible_collections.homeward.asr.plugins.module_utils.shell.reporting import argument_spec, report_result
from ansible_collections.homeward.asr.plugins.plugin_utils.output.command import CommandLine, command_line, typed
from ansible_collections.homeward.asr.plugins.plugin_utils.output.next_steps import Way, next_steps
from ansible_collections.homeward.asr.plugins.plugin_utils.output.wording import worded
from ansible_collections.homeward.asr.plugins.plugin_utils.pages import reports
from ansible_collections.homeward.asr.plugins.plugin_utils.pages.report_file import report_file
from ansible_collections.homeward.asr.plugins.plugin_utils.running.once import Once, display


class ActionModule(Once):
    """Prints the table; see plugin_utils/running/once.py and plugin_utils/output/next_steps.py."""

    parts = ()
    own = ("allowed_failures", "on_timeout")

    def _work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        results = self._task.args.get("results")
        file = report_file(self._task.args.get("report_file"))
        told = [result for result in results if isinstance(result, dict)] if isinstance(results, list) else []
        if isinstance(results, list):
            report = gather(told, bool(self._task.check_mode))
            variable = str(self._task.args.get("approve_with") or "")
            way = Way(
                variable.removesuffix("approved"),
                typed_here(task_vars),
                approving=bool(variable and self._said("stage_approved", task_vars)),
                confirmed=bool(variable and self._said("stage_confirm_failover_to_azure", task_vars)),
                host=self._where,
            )
            self._task.args = {"verbose": display.verbosity > 0, **self._task.args, "onward": next_steps(report, way)}
        result = super()._work(task_vars)
        if file is not None and "counts" in result:
            make = partial(reports.of_run, results=told, verdict=result)
            result["report_files"] = reports.publish(
                file, make, bool(self._task.check_mode), self._say, display.warning
            )
        return result

    def _module(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The module's work without its process: the report needs nothing from outside, and passing the results of a thousand
        machines to a process costs more CPU than the report."""
        results = arguments.get("results")
        rows = isinstance(results, list) and all(isinstance(result, dict) for result in results)
        # The validator copies its input.
        checked = ArgumentSpecValidator(argument_spec()).validate({**arguments, "results": []} if rows else arguments)
        if checked.error_messages:
            return {"failed": True, "changed": False, "msg": checked.errors.msg}
        told = report_result({**checked.validated_parameters, "results": results}, bool(self._task.check_mode))
        return dict(worded({key: clean_all(value) for key, value in told.items()}, self._listener()))

    def _said(self, name: str, task_vars: dict[str, Any]) -> Any:
        """What a variable of the role says, wherever it was set."""
        value = self._templar.template(task_vars.get(name))
        return value not in (False, "False", "false") and value


def typed_here(task_vars: dict[str, Any]) -> CommandLine | None:
    """The command line of this process, where a person typed it."""
    options = context.CLIARGS
    if not typed(Path(sys.argv[0]).name, os.environ, task_vars, options):
        return None
    return command_line(options, lambda name: getattr(constants, name, None), lambda path: Path(path).exists())
