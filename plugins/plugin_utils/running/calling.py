# SPDX-License-Identifier: GPL-3.0-or-later
"""An action that runs other modules of ours as tasks of their own would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.homeward.asr.plugins.module_utils.shell.specs import SHARED

from .once import Once

#: Everything of ours begins so.
PREFIX = "homeward.asr."


class Calling(Once):
    """See the class's actions."""

    def _inner(self, module: str, arguments: dict[str, Any], check: bool, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run one of our modules as a task would: through its action plugin, with the play's defaults for it."""
        task = self._task.copy()
        task.action = PREFIX + module
        task.check_mode = check
        task.args = {**self._defaults(task.action), **arguments}
        # Options written in this task are not passed to the modules.
        task._ds = None  # type: ignore[attr-defined]
        action = self._shared_loader_obj.action_loader.get(
            task.action,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        action.is_event = False
        try:
            return dict(action.run(task_vars=task_vars))
        except AnsibleError as error:
            return {"failed": True, "changed": False, "msg": str(error)}

    def _defaults(self, action: str) -> dict[str, Any]:
        """``module_defaults`` of the play: those of the group have come with this task's own arguments."""
        shared = {name for part in SHARED.values() for name in part()}
        found = {name: value for name, value in self._task.args.items() if name in shared}
        given = self._task.module_defaults or []
        for defaults in given if isinstance(given, list) else [given]:
            if isinstance(defaults, Mapping) and isinstance(defaults.get(action), Mapping):
                found.update(self._templar.template(defaults[action]))
        return found
