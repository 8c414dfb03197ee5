# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role ``stage`` as its action reads them.

As arguments of a task they would be some hundred templates, most of them one value of ``stage_given``, compiled again in the process of
each task (0.6 s of CPU). Here ``stage_given`` is read once, and only what is written otherwise is a template of its own. What a variable
is set to, and by whom, counts as ever: it is looked up where Ansible would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

#: A variable of the role by its name, and one that passes on what the playbooks' user gave (playbooks/vars/stage.yml).
NAMED = re.compile(r"\{\{ (stage_\w+) \}\}")
GIVEN = re.compile(r"\{\{ stage_given\.(asr_\w+) \| default\(([\w'{}\[\]-]*)\) \}\}")

Template = Callable[[Any], Any]


class RoleVariables:
    """The role's variables in one task. ``variables`` are the task's, as they are written; ``template`` is Ansible's."""

    def __init__(self, variables: Mapping[str, Any], template: Template) -> None:
        self._variables = variables
        self._template = template
        self._given: Mapping[str, Any] | None = None

    def settings(self) -> dict[str, Any]:
        """``stage_settings`` of the role's own vars; empty outside of it."""
        return self._mapping("stage_settings")

    def hooks(self) -> dict[str, Any]:
        """``stage_hooks``: task files by stage."""
        return self._mapping("stage_hooks")

    def _mapping(self, name: str) -> dict[str, Any]:
        found = self._variables.get(name)
        return (
            {key: self._value(value) for key, value in found.items()}
            if isinstance(found, Mapping)
            else (self._template(found) or {})
        )

    def _value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._value(part) for key, part in value.items()}
        named = NAMED.fullmatch(value) if isinstance(value, str) else None
        if named and named[1] in self._variables:
            value = self._variables[named[1]]
        passed = GIVEN.fullmatch(value) if isinstance(value, str) else None
        if passed is None or "stage_given" not in self._variables:
            return self._template(value)
        if self._given is None:
            self._given = self._template(self._variables["stage_given"])
        return self._given[passed[1]] if passed[1] in self._given else yaml.safe_load(passed[2])
