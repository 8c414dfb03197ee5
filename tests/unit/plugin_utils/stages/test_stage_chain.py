# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain of stages: what each is asked for, what stops it, what is handed from task to task, how large its result may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.plugin_utils.output import bounded
from ansible_collections.homeward.asr.plugins.plugin_utils.stages import tasks
from ansible_collections.homeward.asr.plugins.plugin_utils.stages.chain import Chain

ROUTE = ["reprotect_to_onprem", "failover_to_onprem", "commit_to_onprem", "reprotect_to_azure"]
SETTINGS = {"machines": ["a", "b"], "groups": ["shop"], "approved": ["held"], "watch": True, "commit_when": "manual"}


def row(name: str, done: str = "started", **more: Any) -> dict[str, Any]:
    return {"name": name, "item_id": f"/i/{name}", "done": done, "after": "ready", "end": "x", "reason": None, **more}


class Modules:
    """Answers of modules in order, by name; everything asked is kept."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any], bool]] = []

    def __call__(self, module: str, arguments: dict[str, Any], check: bool) -> dict[str, Any]:
        self.asked.append((module, arguments, check))
        return dict(self.answers.get(module, {"finished": True, "changed": True, "machines": [row("a"), row("b")]}))

    @property
    def order(self) -> list[str]:
        return [module for module, _arguments, _check in self.asked]


def walk(chain: Chain, modules: Modules, route: list[str], check: bool = False) -> None:
    chain.begin()
    if not check:
        chain.look(route, SETTINGS, modules)
    for stage in tasks.stages_to_run(route, check):
        chain.run(stage, route, SETTINGS, modules, check)


def test_the_look_chooses_for_every_stage_by_id_and_the_watch_comes_before_the_failover_and_the_commit() -> None:
    modules = Modules(asr_failback={"finished": True, "machines": [row("a", approved=True), row("b", "refused")]})
    walk(Chain(), modules, ROUTE)
    assert modules.order == [
        "asr_failback",
        "asr_reprotect",
        "asr_master_target",
        "asr_failover",
        "asr_master_target",
        "asr_commit",
        "asr_reprotect",
    ]
    look, first = modules.asked[0], modules.asked[1]
    assert (look[1]["machines"], look[1]["groups"], look[2]) == (["a", "b"], ["shop"], True)
    assert (first[1]["machines"], first[1]["groups"], first[2]) == (["/i/a"], [], False)
    # Who waited when the run began is approved by id; the word would mean those that the run fails over itself.
    assert first[1]["approved"] == ["/i/a"]
    commit = modules.asked[5][1]
    assert (commit["direction"], commit["commit_when"], commit["approved"]) == ("to_onprem", "manual", [])


def test_what_the_look_cannot_do_stops_the_chain_before_the_first_write() -> None:
    modules = Modules(asr_failback={"failed": True, "msg": "No vault."})
    chain = Chain()
    walk(chain, modules, ROUTE)
    assert modules.order == ["asr_failback"]
    assert [r["stage"] for r in chain.results] == ["look"]


@pytest.mark.parametrize(("code", "goes"), [("vcenter_missing", True), ("vcenter_unreachable", False)])
def test_a_watch_that_cannot_look_stops_the_stage_but_for_nothing_to_look_at(code: str, goes: bool) -> None:
    modules = Modules(asr_master_target={"failed": True, "code": code, "msg": "x", "machines": [row("mt")]})
    chain = Chain()
    walk(chain, modules, ["failover_to_onprem", "commit_to_onprem"])
    assert ("asr_commit" in modules.order) is goes
    assert chain.stopped is not goes
    # A server is no machine of the report.
    assert not [m for r in chain.results for m in r["machines"] if m["name"] == "mt"]


def test_nobody_left_ends_the_chain_and_check_mode_looks_along_it_in_the_stages_themselves() -> None:
    modules = Modules(asr_failover={"finished": True, "changed": False, "machines": [row("a", "failed")]})
    chain = Chain()
    walk(chain, modules, ["failover_to_onprem", "commit_to_onprem", "reprotect_to_azure"], check=True)
    assert modules.order == ["asr_master_target", "asr_failover"]
    assert modules.asked[1][1]["commit_when"] == "manual"
    assert modules.asked[1][2] is True


def test_an_approval_is_for_one_commit_also_in_the_next_chain() -> None:
    committed = row("a", step="commit_to_onprem", approved=True)
    modules = Modules(
        asr_commit={"finished": True, "machines": [committed]},
        asr_failover={"finished": True, "machines": [row("a", approved=True)]},
    )
    chain = Chain()
    walk(chain, modules, ["failover_to_onprem", "commit_to_onprem"])
    assert modules.asked[-1][1]["approved"] == ["/i/a"]
    walk(chain, modules, ["failover_to_onprem", "commit_to_onprem"])
    assert modules.asked[-1][1]["approved"] == ["/i/a"]
    assert chain.spent == ["/i/a"]
    assert next(a for m, a, c in reversed(modules.asked) if m == "asr_failover" and not c)["approved"] == []


def test_who_is_refused_by_name_is_left_out_in_check_mode_as_well() -> None:
    modules = Modules()
    chain = Chain()
    chain.begin()
    settings = {**SETTINGS, "watch": False, "refuse": {"b": "not today"}}
    route = ["failover_to_onprem", "commit_to_onprem"]
    chain.look(route, settings, modules)
    chain.run("failover_to_onprem", route, settings, modules, True)
    assert modules.asked[-1][1]["machines"] == ["/i/a"]
    assert "refused" in [m["done"] for r in chain.results for m in r["machines"] if m["name"] == "b"]


@pytest.mark.parametrize("variable", ["asr_verify", "asr_verify_addresses"])
@pytest.mark.parametrize(
    ("key", "several", "refused", "noted"),
    [
        ("a", False, False, False),
        ("c", False, False, True),
        ("typo", False, True, False),
        ("typo", True, False, True),
    ],
)
def test_a_key_that_means_no_selected_machine_is_refused_or_said(
    variable: str, key: str, several: bool, refused: bool, noted: bool
) -> None:
    modules = Modules(asr_replicated_item_info={"machines": [row("a"), row("b"), row("c")]})
    chain = Chain()
    chain.begin()
    chain.look(["failover_to_onprem", "commit_to_onprem"], SETTINGS, modules)
    checks = {key: [{"check": "ping"}]} if variable == "asr_verify" else {}
    settings = {**SETTINGS, "verify_addresses": {key: "10.0.0.1"} if variable == "asr_verify_addresses" else None}
    if refused:
        with pytest.raises(InputError) as caught:
            chain.learn_checks(checks, modules, settings, several)
        assert caught.value.code == "verify_no_match"
        assert variable in caught.value.message
        return
    chain.learn_checks(checks, modules, settings, several)
    notes = [note for result in chain.results for note in result.get("notes") or ()]
    assert any(variable in note and key in note for note in notes) is noted
    assert ("asr_replicated_item_info" in modules.order) is (noted and not several)
    assert chain.first


def test_what_decides_commits_is_what_the_chain_began_with(tmp_path: Path) -> None:
    chain = Chain()
    chain.begin()
    chain.settle({**SETTINGS, "accept": {}, "rpo_limit": 900})
    chain.save(tmp_path / "chain.json")
    chain = Chain.load(tmp_path / "chain.json")
    assert chain.as_settled({**SETTINGS, "accept": None, "rpo_limit": 900})["commit_when"] == "manual"
    assert chain.results == []
    changed = {**SETTINGS, "commit_when": "verified", "accept": {"rpo": "x"}, "rpo_limit": 900, "refuse": {"a": "x"}}
    for _twice in range(2):
        found = chain.as_settled(changed)
    assert (found["commit_when"], found["accept"], found["refuse"]) == ("manual", {}, {"a": "x"})
    (note,) = [note for result in chain.results for note in result["notes"]]
    assert "asr_commit_when, asr_accept" in note


def test_the_next_task_finds_the_chain_as_it_was_left(tmp_path: Path) -> None:
    chain = Chain()
    chain.results.append({"stage": "look", "left_out": True, "machines": [row("a")]})
    chain.chosen = ["/i/a"]
    path = tmp_path / "chain.json"
    chain.save(path)
    assert Chain.load(path) == chain
    assert path.stat().st_mode & 0o077 == 0
    assert Chain.load(tmp_path / "none.json") == Chain()


@pytest.mark.parametrize("route", [[], ["failover"], ["reprotect_to_onprem", "failover_to_azure"]])
def test_a_route_that_cannot_be_is_refused(route: list[str]) -> None:
    with pytest.raises(InputError):
        tasks.checked_route(route)


@pytest.mark.parametrize("hooks", [{"comit_to_onprem": {}}, {"commit_to_onprem": {"befor": ["x"]}}, "x.yml"])
def test_a_misspelt_hook_is_refused(hooks: Any) -> None:
    with pytest.raises(InputError):
        tasks.hooks_of(hooks)


def test_hooks_run_around_their_stage() -> None:
    hooks = tasks.hooks_of({"failover_to_onprem": {"before": "b.yml", "after": [["c.yml"], ""]}, "failback": {}})
    told = [(s["stage"], s["hook"]) for s in tasks.steps(["failover_to_onprem", "commit_to_onprem"], hooks)]
    failover = "failover_to_onprem"
    assert told == [(failover, "b.yml"), (failover, ""), (failover, "c.yml"), ("commit_to_onprem", "")]


@pytest.mark.parametrize("done", ["started", "failed"])
def test_an_event_stays_small_at_a_thousand_machines(done: str) -> None:
    machines = [
        row(f"machine-{n:04d}", done, item_id="/subscriptions/" + "x" * 220, reason="It broke. " * 20, steps=[{}] * 4)
        for n in range(1000)
    ]
    names = [m["name"] for m in machines]
    stages = [
        {"stage": stage, "counts": {done: 1000}, "machines": machines, f"{done}_machines": names} for stage in ROUTE
    ]
    result = bounded.event({"changed": True, "stages": stages, "lines": ["x" * 119] * 900, "counts": {done: 1000}})
    assert len(json.dumps(result)) < 100_000
    assert [stage["counts"] for stage in result["stages"]] == [{done: 1000}] * 4
    few = {"stages": [{"machines": machines[:5]}]}
    assert bounded.event(few) == few


def test_a_workflow_is_given_little() -> None:
    names = [f"m{n}" for n in range(50)]
    told = bounded.summary(
        {"counts": {"failed": 50}, "failed_machines": names, "code": "machines_failed", "lines": names}
    )
    assert told == {
        "code": "machines_failed",
        "counts": {"failed": 50},
        "failed": names[:20],
        "refused": [],
        "awaiting_approval": [],
    }
