# SPDX-License-Identifier: GPL-3.0-or-later
"""Hints in the domain's sentences become what people set and ran."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import REFUSALS
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.hints import HINT, accepting
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.rows import WIDTH, fold_lines
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.state_tables import prepared_table
from ansible_collections.homeward.asr.plugins.plugin_utils.output.wording import (
    IN_PLAYBOOKS,
    IN_TASKS,
    RoleNames,
    variable,
    worded,
)
from ansible_collections.homeward.asr.plugins.plugin_utils.running import once

DOMAIN = Path(__file__).resolve().parents[4] / "plugins" / "module_utils" / "failback"


@pytest.mark.parametrize(
    ("text", "in_playbooks", "in_a_task"),
    [
        ("Set '{option:datastore}'.", "Set 'asr_datastore'.", "Set 'datastore'."),
        ("No '{option:hostname}'.", "No 'hostname'.", "No 'hostname'."),
        ("{option:master_target} 'x'", "asr_master_targets 'x'", "master_target 'x'"),
        ("Set {set:split_groups=true}.", "Set asr_split_groups: true.", "Set split_groups: true."),
        (
            accepting({"rpo": "reason", "disk_state": "reason"}),
            """-e '{"asr_accept": {"rpo": "reason", "disk_state": "reason"}}'""",
            'accept: {"rpo": "reason", "disk_state": "reason"}',
        ),
        (
            accepting({"azure_identity": 'ID is {a};b=c "d" ü, says NAME'}),
            """-e '{"asr_accept": {"azure_identity": "ID is {a};b=c \\"d\\" ü, says NAME"}}'""",
            'accept: {"azure_identity": "ID is {a};b=c \\"d\\" ü, says NAME"}',
        ),
        (
            "First {run:reprotect_to_onprem}.",
            "First run stage_2_reprotect_to_onprem for this machine.",
            "First use asr_reprotect with direction to_onprem.",
        ),
        ("no {hint:here} and {} {{", "no {hint:here} and {} {{", "no {hint:here} and {} {{"),
    ],
)
def test_a_hint_is_worded_for_those_who_read_it(text: str, in_playbooks: str, in_a_task: str) -> None:
    assert worded(text, True) == in_playbooks
    assert worded(text, False) == in_a_task


def test_every_text_of_a_result_is_worded_and_nothing_else_is_touched() -> None:
    result: dict[str, Any] = {
        "msg": "{option:policy}",
        "machines": [{"reason": "{option:policy}", "warnings": ({"message": "{option:policy}"},), "disks": 3}],
        "cursor": {"tracks": "{option:policy}"},
    }
    told = worded(result, True)
    assert told == {
        "msg": "asr_policy",
        "machines": [{"reason": "asr_policy", "warnings": [{"message": "asr_policy"}], "disks": 3}],
        "cursor": {"tracks": "{option:policy}"},
    }


def test_a_warning_of_a_module_is_worded_as_ansible_hands_it_over() -> None:
    """From 2.19 on a warning is an object with its text inside."""
    messages = pytest.importorskip("ansible.module_utils._internal._messages")
    warning = messages.WarningSummary(event=messages.Event(msg="Set {set:validate_certs=true}."))
    (told,) = worded({"warnings": [warning]}, True)["warnings"]
    assert isinstance(told, messages.WarningSummary)
    assert told.event.msg == "Set asr_validate_certs: true."


def messages_of(path: Path) -> list[str]:
    """The sentences of a source file: its texts of several words that are no docstrings, f-strings with {} in their gaps."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            skipped.add(id(node.body[0].value))  # type: ignore[attr-defined]
        if isinstance(node, ast.JoinedStr):
            skipped.update(id(part) for part in node.values)
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            texts.append(node.value)
        if isinstance(node, ast.JoinedStr):
            texts.append("".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values))
    return [text for text in texts if " " in text]


SOURCES = sorted((DOMAIN.parent).rglob("*.py"))


def test_every_hint_of_the_domain_is_known() -> None:
    sources = "\n".join(p.read_text(encoding="utf-8") for p in SOURCES if p.name != "hints.py")
    assert set(re.findall(r"\{run:(\w+)\}", sources)) == set(IN_PLAYBOOKS) == set(IN_TASKS)
    named = set(re.findall(r"\{(?:option|set):(\w+)", sources))
    assert {name for name in named if variable(name) == name} <= set()


def test_no_message_names_a_variable_or_a_playbook() -> None:
    """Messages name what the user set through hints, because only the edge knows whether that is a variable or an option."""
    modules = {path.stem for path in (DOMAIN.parents[1] / "modules").glob("asr_*.py")}
    named = {
        f"{path.name}: {word}"
        for path in SOURCES
        for text in messages_of(path)
        for word in re.findall(r"\basr_[a-z]\w+|\bstage_[1-4]\w*", text)
        if word not in modules
    }
    assert not named


def test_no_message_quotes_an_option_that_has_a_variable() -> None:
    """An option in quotes is a hint wherever playbooks set it under a variable's name."""
    quoted = re.compile(r"[\'`]([a-z][a-z_]+)(?:: [^\'`]*)?[\'`]")
    named = {
        f"{path.name}: {text}"
        for path in SOURCES
        for text in messages_of(path)
        for option in quoted.findall(text)
        if variable(option) != option
    }
    assert not named


def test_every_refusal_of_the_table_is_worded() -> None:
    for reason, remedy in REFUSALS.values():
        for playbooks in (True, False):
            assert not HINT.search(worded(f"{reason} {remedy}", playbooks))


def test_a_role_used_without_our_playbooks_names_its_own_variables() -> None:
    """What the user set: stage_datastore, not asr_datastore; the option where the role has no variable for it."""
    role = RoleNames("stage_", frozenset({"stage_datastore", "stage_master_targets", "stage_accept"}))
    text = "Set {option:datastore}, {set:master_target=mt-1} or {option:poll}; {accept:rpo=why}"
    assert worded(text, role) == 'Set stage_datastore, stage_master_targets: mt-1 or poll; stage_accept: {"rpo": "why"}'
    assert worded("{run:failback}", role) == worded("{run:failback}", False)


@pytest.mark.parametrize(
    ("role", "known", "said"),
    [
        ("homeward.asr.stage", {"stage_given": 1, "stage_datastore": 1}, "asr_datastore"),
        ("homeward.asr.stage", {"stage_datastore": 1}, "stage_datastore"),
        ("homeward.asr.preflight", {"preflight_datastore": 1, "stage_datastore": 1}, "preflight_datastore"),
        ("their.own.role", {"stage_datastore": 1}, "datastore"),
        (None, {}, "datastore"),
    ],
)
def test_the_listener_is_found_by_role_and_variables(role: str | None, known: dict[str, Any], said: str) -> None:
    plugin = once.Once.__new__(once.Once)
    named = None if role is None else SimpleNamespace(get_name=lambda: role)
    plugin._task = SimpleNamespace(_role=named, get_path=lambda: "/srv/play/site.yml:3")
    plugin._task_variables = known
    assert worded("{option:datastore}", plugin._listener()) == said


#: Hints whose words are shorter, longer, and have spaces that no line may end at before they are words.
HINTED = "{run:reprotect_to_onprem} with `{set:vmotion_exclusion=excluded}`, or accept it: {accept:rpo=the owner says so;mt_place=the owner says so} "


@pytest.mark.parametrize("listener", [True, False, RoleNames("master_target_", frozenset())])
@pytest.mark.parametrize("before", range(60, 110, 3))
def test_lines_are_divided_when_their_hints_are_words(before: int, listener: Any) -> None:
    text = f"{'x' * (before - 1)} {HINTED * 2}and so on."
    lines = worded(["first", *fold_lines(text, first="  rule  ", rest="        "), "last"], listener)
    assert (lines[0], lines[-1]) == ("first", "last")
    assert max(map(len, lines)) <= WIDTH
    assert lines[1].startswith("  rule  x")
    assert all(line.startswith("        ") for line in lines[2:-1])
    assert " ".join(" ".join(lines[1:-1]).split()) == f"rule {worded(text, listener)}"


def test_a_table_of_servers_keeps_to_the_terminal_in_words() -> None:
    entry = {
        "name": "mt-linux-01",
        "role": "master_target",
        "done": "refused",
        "reason": "mt-linux-01 was excluded from vMotion, but no longer is: DRS of the cluster east is fullyAutomated for it.",
        "remedy": "To exclude it again, {run:prepare} before the next failover.",
        "warnings": [{"message": f"mt-linux-01 is not excluded from vMotion, whatever it is called there. {HINTED}"}],
    }
    lines = worded({"lines": prepared_table([entry], check=False)}, True)["lines"]
    assert max(map(len, lines)) <= WIDTH
    assert not any(HINT.search(line) for line in lines)
    assert "To exclude it again, run the playbook prepare before the next failover." in " ".join(
        " ".join(lines).split()
    )
