# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module one time: no trace of its arguments on disk or in the process list, and its lines shown.

Every action plugin of this collection is a ``Once`` or, where it waits, a ``Slices`` (slices.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.texts import printable
from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import too_old
from ansible_collections.homeward.asr.plugins.module_utils.shell.specs import SECRETS, SHARED, UNUSED_SECRETS
from ansible_collections.homeward.asr.plugins.module_utils.shell.task_result import failure
from ansible_collections.homeward.asr.plugins.plugin_utils.output import bounded
from ansible_collections.homeward.asr.plugins.plugin_utils.output.wording import Listener, RoleNames, worded
from ansible_collections.homeward.asr.plugins.plugin_utils.running.direct import Direct
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.given import options

display = Display()

#: Where our playbooks are installed.
OURS = "/ansible_collections/homeward/asr/playbooks/"

#: A variable that only our playbooks have (playbooks/vars/stage.yml).
GIVEN = "stage_given"


class Once(Direct):
    """Runs the module one time, with no trace of its arguments on disk or in the process list."""

    _supports_check_mode = True
    _supports_async = False

    #: Shared parts of the argument spec that the module takes, and its own options with a shared name.
    parts: tuple[str, ...] = ("azure", "vault")
    own: tuple[str, ...] = ()

    #: Lists of the result that may be shortened where nothing reads them.
    lists: tuple[str, ...] = ()

    #: The host, where the play has several.
    _where = ""

    #: Whether the result becomes an event of the job as it is; another action that calls this one makes an event of its own.
    is_event = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._refuse_async()
        self._task_variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        if self._several(task_vars or {}):
            self._where = str((task_vars or {}).get("inventory_hostname") or "")
        self._pipeline()
        try:
            result.update(bounded.failed(self._work(task_vars or {})))
        except InputError as error:
            result.update(worded(failure(error), self._listener()))
        invocation = result.get("invocation")
        if isinstance(invocation, Mapping):
            arguments = bounded.arguments(invocation.get("module_args") or {})
            result["invocation"] = {**invocation, "module_args": arguments}
        return result

    def _work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        result = self._module(self._arguments(), task_vars)
        self._say_all(result.get("lines") or ())
        # A user's own task has all of it; a playbook of ours prints it, and nothing reads its result.
        return bounded.listing(result, *self.lists) if self.lists and self._for_an_event() else result

    def _refuse_async(self) -> None:
        """A job detached by Ansible would leave its arguments on disk, and the next slice would never be called."""
        if self._task.async_val:
            raise AnsibleActionFail(
                f"{self._task.action} does not support async. Remove async; with wait: false the task returns as "
                "soon as everything is sent."
            )

    def _pipeline(self) -> None:
        """Turn pipelining on for this task's connection, and stop if it is not available.

        Without it Ansible writes the module with its clear arguments to remote_tmp, and a killed run leaves it there.
        """
        reason = ""
        if constants.DEFAULT_KEEP_REMOTE_FILES:
            reason = "ANSIBLE_KEEP_REMOTE_FILES (keep_remote_files) is set, which writes passwords to disk; unset it"
        else:
            try:
                self._connection.set_option("pipelining", True)
            except (KeyError, AttributeError):
                self._play_context.pipelining = True
            if not self._is_pipelining_enabled("new", False):
                reason = (
                    "pipelining is not possible on this connection, and passwords would be written to disk without "
                    "it; use the local or ssh connection without become (or with sudo)"
                )
        if reason:
            raise AnsibleActionFail(f"{self._task.action} was not started: {reason}.")

    def _arguments(self) -> dict[str, Any]:
        """The task's arguments; secrets given through the task's ``environment`` are moved here.

        Ansible puts a task's environment in front of the command, where every process list shows it.
        """
        arguments = dict(self._task.args)
        blocks = self._task.environment or []
        blocks = blocks if isinstance(blocks, list) else [blocks]
        merged: dict[str, Any] = {}
        for block in blocks:
            given = self._templar.template(block)
            if isinstance(given, Mapping):
                merged.update(given)
        found = any(merged.pop(variable, None) is not None for variable in UNUSED_SECRETS)
        for option, variables in SECRETS.items():
            for variable in variables:
                value = merged.pop(variable, None)
                found = found or value is not None
                if value and arguments.get(option) is None:
                    arguments[option] = value
        if found:
            self._task.environment = [merged]
        foreign = self._foreign()
        self._refuse_strangers(foreign)
        mine = {name: value for name, value in arguments.items() if name not in foreign}
        return options(mine, kept={*SHARED["azure"](), *SHARED["vcenter"](), *SECRETS, "continue_command"})

    def _refuse_strangers(self, foreign: set[str]) -> None:
        """Stop at a shared option that the task itself gives to a module which does not take it: it would not be heard."""
        said = sorted(foreign & set(self._task.args) & own_options(self._task))
        if said:
            raise InputError(
                "option_not_supported",
                f"{self._task.action} does not support {', '.join(said)}.",
                (
                    "Remove it from the task. Only the defaults of the group homeward.asr.asr may contain options that "
                    "some modules do not support."
                ),
            )

    def _foreign(self) -> set[str]:
        """Shared options this module does not take: defaults for the whole action group must not break it."""
        everything = {name for part in SHARED.values() for name in part()} | set(SECRETS)
        taken = {name for part in self.parts for name in SHARED[part]()}
        return everything - taken - set(self.own)

    def _module(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = worded(self._answer(self._task.action, arguments, task_vars), self._listener())
        # A Python that cannot parse the module's first line cannot report it.
        if "future feature annotations is not defined" in str(answer.get("module_stderr")):
            return {
                **answer,
                **too_old("older than 3.7", str(task_vars.get("ansible_python_interpreter") or "its Python")),
            }
        return answer

    #: The variables of the task; read only for the names that there are.
    _task_variables: Mapping[str, Any] = {}

    def _listener(self) -> Listener:
        """How the options are called by whoever set them: as variables in our playbooks and roles, as options in other tasks."""
        role = self._task._role
        path = getattr(self._task, "get_path", str)()
        name = str(role.get_name()) if role is not None else ""
        if name.startswith("homeward.asr.") and self._task_variables and GIVEN not in self._task_variables:
            prefix = f"{name.rpartition('.')[2]}_"
            return RoleNames(prefix, frozenset(v for v in map(str, self._task_variables) if v.startswith(prefix)))
        return name.startswith("homeward.asr.") or OURS in str(path)

    def _for_an_event(self) -> bool:
        """Whether the result of a task in our playbooks and roles is shown and kept, and may be shortened for that."""
        return self.is_event and self._listener() is not False

    @staticmethod
    def _hosts(task_vars: Mapping[str, Any]) -> list[Any]:
        """The hosts of the play."""
        return list(task_vars.get("ansible_play_hosts_all") or ())

    def _several(self, task_vars: Mapping[str, Any]) -> bool:
        """Whether the run has several hosts, though this play may have one of them."""
        told = "stage_several" in task_vars and self._templar.template(task_vars["stage_several"])
        return len(self._hosts(task_vars)) > 1 or told in (True, "True")

    def _say(self, text: str) -> None:
        """One line for users; on stderr where a callback writes JSON to stdout, nowhere under no_log. Where several hosts of a
        play speak at the same time, it says which."""
        if not self._task.no_log:
            text = f"{self._where}: {text.strip()}" if self._where and text.strip() else text
            display.display(printable(text), stderr="json" in str(constants.DEFAULT_STDOUT_CALLBACK).lower())

    def _say_all(self, lines: Sequence[str]) -> None:
        """A table. Where several hosts of a play speak at the same time, it is one piece under the host's name."""
        if self._where and lines:
            self._say("\n".join(["", *(printable(line) for line in lines)]))
            return
        for text in lines:
            self._say(text)


def own_options(task: Any) -> set[str]:
    """The options that a task gives itself, beside those it has from ``module_defaults``."""
    source = getattr(task, "_ds", None)
    if not isinstance(source, Mapping):
        return set()
    found: set[str] = set()
    for key, value in source.items():
        if (
            key in ("args", "action", "local_action")
            or str(key).rpartition(".")[2] == str(task.action).rpartition(".")[2]
        ):
            found.update(map(str, value) if isinstance(value, Mapping) else re.findall(r"(\w+)=", str(value or "")))
    return found
