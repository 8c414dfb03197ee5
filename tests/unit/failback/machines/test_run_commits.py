# SPDX-License-Identifier: GPL-3.0-or-later
"""No commit before every proof has passed for this very failover."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    azure_json,
    of,
    order,
    stage,
    text,
)
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Problem
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.evidence import jobs_in_results

P = Position
LAGS = [pytest.param(0.0, id="prompt"), pytest.param(20.0, id="lagging")]


STRAY = SiteMachine("vm-stray", "web", "uuid-web", powered_on=True)
#: Another VM that says it is the same machine.
TWIN = {**azure_json("web", "deallocated"), "id": azure_json("web-2", "")["id"]}
OFF = SiteMachine("vm-web", "web", "uuid-web", powered_on=False)


@pytest.mark.parametrize("fresh", [True, False], ids=["after our failover", "found uncommitted"])
@pytest.mark.parametrize(
    ("site", "azure", "code"),
    [
        ((OFF,), None, "onprem_not_running"),
        ((), None, "onprem_missing"),
        ((STRAY, replace(STRAY, moid="vm-2")), None, "onprem_ambiguous"),
        (None, [azure_json("web", "running")], "azure_vm_not_stopped"),
        (None, [], "azure_vm_missing"),
        (None, [azure_json("web", "deallocated"), TWIN], "azure_vm_contradiction"),
    ],
)
def test_a_broken_proof_stops_the_commit_home(world: World, site: Any, azure: Any, code: str, fresh: bool) -> None:
    world.add("web", "db", position=P.READY)
    if not fresh:
        world.go(stage(3, "web", "db", commit_when="manual"))
    if site is not None:
        world.site_says["web"] = site
    if azure is not None:
        world.azure_says["web"] = azure
    result = world.go(stage(3, "web", "db"))
    assert ("web", "commit_to_onprem") not in world.steps_sent()
    row = of(result, "web")
    assert (row["done"], row["code"], row["after"]) == (
        "refused",
        code,
        "home_uncommitted",
    )
    assert row["reason"].startswith("Not committed: ")
    assert row["unproven"] is True
    assert of(result, "db")["after"] == "home_unprotected"
    assert of(result, "db")["unproven"] is False


@pytest.mark.parametrize(
    ("site", "azure", "code"),
    [
        ((STRAY,), None, "onprem_running"),
        (None, [azure_json("web", "stopped")], "azure_vm_not_running"),
        (None, [], "azure_vm_missing"),
    ],
)
def test_a_broken_proof_stops_the_commit_to_azure(world: World, site: Any, azure: Any, code: str) -> None:
    world.add("web", "db", position=P.HOME)
    if site is not None:
        world.site_says["web"] = site
    if azure is not None:
        world.azure_says["web"] = azure
    result = world.go(stage(1, "web", "db"))
    assert ("web", "commit_to_azure") not in world.steps_sent()
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("refused", code)
    assert of(result, "db")["after"] == "out"


def test_a_machine_that_is_still_starting_is_given_a_little_time(world: World) -> None:
    world.add("web", position=P.READY)
    world.site_says["web"] = (OFF,)
    cursor = None
    for _dummy in range(500):
        result = world.slice(stage(3), cursor)
        cursor = result["cursor"]
        if "not yet verified" in (of(result, "web")["reason"] or ""):
            world.site_says.clear()
        if result["finished"]:
            break
    assert of(result, "web")["after"] == "home_unprotected"
    assert world.steps_sent() == [("web", "failover_to_onprem"), ("web", "commit_to_onprem")]


def uncommitted(world: World, name: str, state: str) -> None:
    """A machine found failed over whose failover's job ended in a word."""
    world.add(name, position=P.READY)
    world.accept(name, "unplannedFailover")
    world.advance(300)
    for job in world.jobs.values():
        if job.machine == name and job.step == "failover_to_onprem":
            job.state = state


@pytest.mark.parametrize("state", ["Failed", "Cancelled", "NeverSeen"])
def test_a_failover_that_did_not_succeed_is_never_committed(world: World, state: str) -> None:
    uncommitted(world, "web", state)
    uncommitted(world, "db", "Succeeded")
    result = world.go(stage(3, "web", "db"))
    assert (of(result, "web")["code"], of(result, "db")["after"]) == ("failover_not_succeeded", "home_unprotected")
    assert ("web", "commit_to_onprem") not in world.steps_sent()


def test_a_failover_whose_job_nobody_lists_is_never_committed(world: World) -> None:
    world.add("web", position=P.HOME_UNCOMMITTED)
    world.jobs.clear()
    result = world.go(stage(3))
    assert of(result, "web")["code"] == "failover_job_not_found"
    assert world.accepted == []


def test_an_older_failovers_success_proves_nothing(world: World) -> None:
    """The job of the way out is listed, the one of the failback is not: the commit is not proven by the former."""
    world.add("web", position=P.HOME)
    for verb in ("unplannedFailover", "failoverCommit", "reProtect", "unplannedFailover"):
        world.accept("web", verb)
        world.advance(2000)
    home = next(name for name, job in world.jobs.items() if job.step == "failover_to_onprem")
    del world.jobs[home]
    result = world.go(stage(3))
    assert ("web", "commit_to_onprem") not in world.steps_sent()
    assert of(result, "web")["code"] == "failover_job_not_found"


def test_proofs_are_read_for_all_machines_at_once(world: World) -> None:
    names = [f"m{n:02}" for n in range(20)]
    world.add(*names, position=P.READY)
    world.go(stage(3, *names))
    assert world.calls["site"] <= 3
    assert world.calls["list_azure_machines"] <= 3


@pytest.mark.parametrize(
    ("start", "to", "after", "read"), [(P.HOME, "azure", "out", 2), (P.READY, "onprem", "home_unprotected", 4)]
)
def test_a_failover_that_another_task_has_judged_is_read_again_only_before_a_commit_home(
    world: World, start: P, to: str, after: str, read: int
) -> None:
    """The point that it used and the ids that it reports are proofs of that commit, and nobody passes them on."""
    world.add("web", "db", position=start)
    over = world.go(order([f"failover_to_{to}"], "web", "db", confirm_failover_to_azure=True))
    before = world.calls["get_job"]
    result = world.go(order([f"commit_to_{to}"], "web", "db", judged=tuple(over["machines"])))
    assert {m["after"] for m in result["machines"]} == {after}
    assert world.calls["get_job"] - before == read  # the commits' own, and before one home the failovers'


def test_an_old_point_is_found_by_the_task_that_only_commits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the failover's own task read of it is not what lets the commit go."""
    world.add("web", position=P.READY)
    shown = World.job_view

    def with_point(self: World, job: Any, full: bool) -> dict[str, Any]:
        found = shown(self, job, full)
        if full and job.step == "failover_to_onprem":
            old = {"recoveryPointTime": text(job.start - timedelta(days=3))}
            found["properties"]["customDetails"] = {"protectedItemDetails": [old]}
        return found

    monkeypatch.setattr(World, "job_view", with_point)
    over = world.go(order(["failover_to_onprem"], "web"))
    wanted = order(["commit_to_onprem"], "web", judged=tuple(over["machines"]))
    row = of(world.go(wanted), "web")
    assert (row["done"], row["code"]) == ("refused", "rpo")
    assert "3 days older" in row["reason"]
    # Half an hour is what an application-consistent point may be old, not days.
    consistent = replace(wanted, recovery_point="latest_app_consistent")
    assert of(world.go(consistent), "web")["code"] == "rpo"
    assert of(world.go(replace(wanted, recovery_point="by-its-name")), "web")["done"] == "started"


def test_a_warning_that_another_task_has_reported_is_reported_in_the_same_words() -> None:
    warning = Problem("28175", "It was renamed.", "Its name is taken.", "Rename it.", "Warning")
    step = {"step": "failover_to_onprem", "state": "Succeeded", "job": "J"}
    job = jobs_in_results([{"steps": [step], "warnings": [warning.result()]}])["j"]
    assert job.warnings == (warning,)
    assert jobs_in_results([{"steps": [{**step, "state": "Failed"}], "warnings": []}]) == {}


def test_what_another_task_says_of_an_older_failover_counts_for_nothing(world: World) -> None:
    world.add("web", position=P.READY)
    over = world.go(order(["failover_to_onprem"], "web"))
    for step in over["machines"][0]["steps"]:
        step["job"] = "an-older-job"
    before = world.calls["get_job"]
    result = world.go(order(["commit_to_onprem"], "web", judged=tuple(over["machines"])))
    assert of(result, "web")["after"] == "home_unprotected"
    assert world.calls["get_job"] - before == 2  # the failover's and the commit's


def test_only_a_failover_uses_a_recovery_point(world: World) -> None:
    world.add("web", position=P.READY)
    result = world.go(order(["failover_to_onprem", "commit_to_onprem", "reprotect_to_azure"], "web"))
    points = {step["step"]: step["recovery_point"] for step in of(result, "web")["steps"]}
    assert points == {"failover_to_onprem": "latest", "commit_to_onprem": None, "reprotect_to_azure": None}
    # And only a commit home ends an Azure VM.
    vms = {step["step"]: step["azure_vm"] for step in of(result, "web")["steps"]}
    assert vms.pop("commit_to_onprem").lower().endswith("/virtualmachines/web")
    assert set(vms.values()) == {None}


@pytest.mark.parametrize("seconds", [1.0, 120.0], ids=["prompt", "slow"])
@pytest.mark.parametrize("how", ["rules", "write limit"])
def test_a_proof_that_has_aged_is_looked_at_again_before_its_commit(world: World, seconds: float, how: str) -> None:
    """Between the proof and its commit rules read vCenter, and others are sent first; meanwhile somebody powers a machine off."""
    names = ["web", "db"]
    world.add(*names, position=P.HOME_UNCOMMITTED)
    world.advance(600)
    usual = world.sleep
    passed: list[float] = []

    def later() -> None:
        passed.append(seconds)
        usual(seconds)
        if seconds > 60:
            world.site_says["web"] = (OFF,)

    class Rules:
        def __call__(self, _items: Any, _asked: Any) -> dict[str, Any]:
            later()
            return {}

        def note(self, *_told: Any) -> None:
            return

    def sleep(wait: float) -> None:
        if world.steps_sent() and not passed:
            later()
        usual(wait)

    more: dict[str, Any] = {"judge": Rules()} if how == "rules" else {}
    if how == "write limit":
        # One token, and much later enough: db leaves first.
        world.tokens = lambda: 100 if passed else 0 if world.steps_sent() else 1
        world.sleep = sleep  # type: ignore[method-assign]
    wanted = stage(3, *names, slice_seconds=300)
    result = world.slice(wanted, **more)
    sent = [name for name, step in world.steps_sent() if step == "commit_to_onprem"]
    assert passed
    assert sorted(sent) == (["db", "web"] if seconds < 60 else ["db"])
    if seconds > 60:
        assert of(result, "web")["code"] == "onprem_not_running"


CLOSED = {"role": "configuration server", "name": "CS-1", "address": "10.0.0.5", "port": 443, "state": "closed"}


def cut_off(world: World, **more: Any) -> dict[str, Any]:
    """What a play found from inside a machine that awaits its commit."""
    world.go(stage(3, "web", commit_when="manual"))
    (seen,) = world.go(stage(3, "web", prove_only=True))["machines"]
    look = {"ports": [CLOSED], "free_mb": 90, "room_mb": 500, "why": "", "required": True, **more}
    return {
        "item_id": seen["item_id"], "job": seen["onprem"]["failover_job"], "passed": True, "checks": [], "age_seconds": 0.0,
        "guest": look,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wishes", "committed"),
    [
        ({"commit_when": "verified"}, False),
        ({"commit_when": "manual", "approved": ("web",)}, False),
        # Nor is it offered for approval.
        ({"commit_when": "manual"}, False),
        ({"commit_when": "verified", "accept": {"guest_ports": "The firewall opens tomorrow, says the owner"}}, True),
    ],
)
def test_a_machine_that_does_not_reach_its_servers_is_not_committed(world: World, wishes: Any, committed: bool) -> None:
    world.add("web", position=P.READY)
    entry = cut_off(world)
    row = of(world.go(stage(3, "web", verifications=(entry,), **wishes)), "web")
    assert (("web", "commit_to_onprem") in world.steps_sent()) is committed
    assert row["code"] == (None if committed else "guest_ports")
    if not committed:
        assert row["done"] == "refused"
        assert "does not reach CS-1 at 10.0.0.5 on TCP 443" in row["reason"]
        assert "{accept:guest_ports=reason}" in row["remedy"]
    verdicts = {p["proof"]: p["verdict"] for p in row["proofs"]}
    if wishes != {"commit_when": "manual"}:
        assert verdicts["guest"] == ("accepted" if committed else "missing")
        assert "checks" not in verdicts


@pytest.mark.parametrize(
    ("more", "verdict"),
    [({}, "holds"), ({"room_mb": 0}, "holds"), ({"free_mb": "", "room_mb": 500}, "unknown")],
)
def test_too_little_room_stops_nobody(world: World, more: Any, verdict: str) -> None:
    world.add("web", position=P.READY)
    entry = cut_off(world, ports=[{**CLOSED, "state": "open"}], **more)
    row = of(world.go(stage(3, "web", verifications=(entry,))), "web")
    assert ("web", "commit_to_onprem") in world.steps_sent()
    assert {p["proof"]: p["verdict"] for p in row["proofs"]}["guest"] == verdict


def test_the_servers_are_named_only_where_machines_are_to_be_checked(world: World) -> None:
    world.add("web", position=P.READY)
    world.go(stage(3, "web", commit_when="manual"))
    assert of(world.go(stage(3, "web", prove_only=True)), "web")["onprem"]["servers"]
    assert "servers" not in of(world.go(stage(3, "web")), "web")["onprem"]
