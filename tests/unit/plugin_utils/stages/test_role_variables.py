# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables are read as Ansible reads them, with one template for all that the playbooks' user gave."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Undefined
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.homeward.asr.plugins.plugin_utils.stages.role_variables import GIVEN, RoleVariables

ROOT = Path(__file__).resolve().parents[4]


def read(*parts: str) -> dict[str, Any]:
    return yaml.safe_load(ROOT.joinpath(*parts).read_text(encoding="utf-8"))


ROLE = {**read("roles", "stage", "defaults", "main.yml"), **read("roles", "stage", "vars", "main.yml")}
PLAYBOOK = read("playbooks", "vars", "stage.yml")


class Templates:
    """Ansible's templating as far as these files need it; counts what was compiled."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.asked: list[str] = []
        self.environment = NativeEnvironment()
        self.environment.filters.update(bool=bool, combine=lambda a, b: {**a, **b})

    def __call__(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self(part) for part in value]
        if not isinstance(value, str) or "{{" not in value:
            return value
        self.asked.append(value)
        expression = value.strip().removeprefix("{{").removesuffix("}}")
        compiled = self.environment.compile_expression(expression, undefined_to_none=False)
        named = set(re.findall(r"[a-z_]+", expression)) & set(self.variables)
        # What a filter returned is no template, neither here nor in Ansible.
        names = {n: self.variables[n] if n == "given_by_user" else self(self.variables[n]) for n in named}
        found = compiled(**names)
        assert not isinstance(found, Undefined), value
        return found


def both(given: dict[str, Any], **more: Any) -> tuple[Templates, Templates, RoleVariables]:
    variables = {**ROLE, **PLAYBOOK, "stage_given": "{{ given_by_user }}", "given_by_user": given, **more}
    # The role's own variables come last in Ansible as well.
    variables.update(read("roles", "stage", "vars", "main.yml"))
    straight, quick = Templates(variables), Templates(variables)
    return straight, quick, RoleVariables(variables, quick)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"asr_machines": ["a"], "asr_retries": 0, "asr_watch": False, "asr_datastore": {"a": "ds"}},
        {"asr_hooks_before_commit": ["gate.yml"], "asr_policy": "{{ not a template }}", "asr_vaults": [{"name": "v"}]},
    ],
)
def test_the_same_values_with_one_template_for_what_was_given(given: dict[str, Any]) -> None:
    straight, quick, role = both(given)
    settings, hooks = role.settings(), role.hooks()
    assert settings == straight(straight.variables["stage_settings"])
    assert hooks == straight(straight.variables["stage_hooks"])
    assert len(quick.asked) < 20
    assert len(straight.asked) > 100


def test_a_variable_that_somebody_else_sets_counts() -> None:
    _straight, _quick, role = both(
        {"asr_machines": ["a"]}, stage_machines=["b"], stage_datastore="{{ mine }}", mine="ds", stage_hooks={}
    )
    settings = role.settings()
    assert (settings["machines"], settings["datastore"], role.hooks()) == (["b"], "ds", {})


def test_outside_of_the_role_there_is_nothing() -> None:
    role = RoleVariables({}, lambda value: value)
    assert (role.settings(), role.hooks()) == ({}, {})


def test_every_variable_of_the_playbooks_has_a_readable_default() -> None:
    texts = [text for value in PLAYBOOK.values() for text in (value if isinstance(value, list) else [value])]
    found = [match for text in texts if isinstance(text, str) and (match := GIVEN.fullmatch(text))]
    assert len(found) > 30
    for match in found:
        assert yaml.safe_load(match[2]) == NativeEnvironment().compile_expression(match[2])(), match[0]
