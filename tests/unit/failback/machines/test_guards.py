# SPDX-License-Identifier: GPL-3.0-or-later
"""Guards of the engine, each by what goes wrong without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from builders import (
    STAGES,
    START,
    VAULT,
    error_json,
    fabric_json,
    item,
    job_json,
    of,
    scenario,
    stage,
    target_json,
    text,
)
from modern import rcm_json
from test_decide import verdict_on
from test_modernized_servers import Vaults as Appliances
from test_modernized_servers import servers as appliance_servers
from test_modernized_servers import two
from test_process_server import ORDER
from test_process_server import Vaults as Servers
from test_process_server import run as move_servers
from world import Port, Running, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy import present as ps_present
from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.spec import Wish
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.decide import Wait
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.modernized import LIFECYCLE
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import FAILOVER_TO_ONPREM, Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines import result as outcome
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.commits import Commits
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import iso
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock, SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs import evidence
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.process_server import ProcessServerOrder

P = Position

OTHER_SCENARIO = scenario("SwitchReplicationGroupProtection", "job-other")


# -- jobs ----------------------------------------------------------------------------------------------------------


def test_a_job_that_no_list_has_shown_yet_is_not_asked_for(world: World) -> None:
    world.lag = 40.0
    world.add("web")
    world.advance(60)
    result = world.slice(stage(2, slice_seconds=30))
    assert world.steps_sent() == [("web", "reprotect_to_onprem")]
    assert world.calls["get_job"] == 0
    assert of(result, "web")["done"] == "started"


def test_a_job_that_ended_before_any_list_showed_it_is_judged_all_the_same(world: World) -> None:
    """A refused commit takes two seconds, and lists lag by twenty: the list never shows it, nor a new position."""
    world.lag = 20.0
    world.add("web", position=P.OUT_UNCOMMITTED)
    world.advance(60)
    world.outcomes["web", "commit_to_azure"] = [("Failed", [error_json(95265)])]
    shown = world.show
    world.show = lambda name, state: shown(name, replace(state, job="", scenario=""))  # type: ignore[method-assign]
    result = world.go(stage(1), limit=40)
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("failed", "95265")
    assert world.steps_sent() == [("web", "commit_to_azure")]


def test_ones_own_ended_job_is_no_rival(world: World) -> None:
    """The machine's own GET lags too and still names the job that has just failed."""
    world.add("web")
    world.advance(60)
    world.outcomes["web", "reprotect_to_onprem"] = [("Failed", [error_json(95265)])]
    single = Port.get_item

    def late(self: Port, wanted: str) -> dict[str, Any]:
        found = single(self, wanted)
        found["properties"].update(
            allowedOperations=[], currentScenario={**OTHER_SCENARIO, "jobId": f"{VAULT.id}/replicationJobs/job-1"}
        )
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Port, "get_item", late)
        result = world.go(stage(2), limit=200)
    told = of(result, "web")
    assert (told["done"], told["code"]) == ("failed", "95265")
    assert [(step["done"], step["job"]) for step in told["steps"]] == [("started", "job-1")]
    assert world.calls["get_job"] == 1


@pytest.mark.parametrize(
    ("began", "ended"),
    [(-3600.0, None), (-3600.0, -1800.0), (-40.0, -10.0)],
    ids=["long ago, end not told", "long ago", "just over"],
)
def test_a_lost_reply_adopts_no_older_job(world: World, began: float, ended: float | None) -> None:
    """The request got lost on its way: an older attempt of the same step is not what became of it."""
    world.add("web")
    world.advance(7200)
    start = world.now + timedelta(seconds=began)
    end = world.now + timedelta(seconds=ended if ended is not None else began + 60)
    world.jobs["job-0"] = Running(
        "job-0", "web", "SwitchReplicationGroupProtection", "reprotect_to_onprem", start, end, P.OUT, "Failed", []
    )
    if ended is None:
        told = world.job_view

        def hollow(job: Running, full: bool) -> dict[str, Any]:
            found = told(job, full)
            if job.name == "job-0":
                found["properties"]["endTime"] = None
            return found

        world.job_view = hollow  # type: ignore[method-assign]
    world.faults["web", "reProtect"] = ["before"]
    result = world.go(stage(2))
    assert world.steps_sent() == [("web", "reprotect_to_onprem")]
    assert [step["job"] for step in of(result, "web")["steps"]] == ["job-2" if "job-2" in world.jobs else "job-1"]
    assert of(result, "web")["after"] == "ready"


def test_a_living_failover_counts_before_one_that_ended_later() -> None:
    """Of two failovers sent at once the refused one ends, and only the living one is to be judged."""
    alive = job_json("job-a", "UnplannedFailover", "InProgress")
    ended = job_json("job-b", "UnplannedFailover", "Failed", endTime=text(START + timedelta(minutes=9)))
    found: list[str] = []

    class Reads:
        requests = SimpleNamespace(reads=0)

        def list_jobs(self, vault: Any) -> list[Any]:
            return [alive, ended]

        def get_job(self, vault: Any, name: str) -> Any:
            found.append(name)
            return alive if name == "job-a" else ended

    operation = LIFECYCLE.operation("classic", "commit_to_onprem")
    scenarios = {step: frozenset({"UnplannedFailover"}) for step in (FAILOVER_TO_ONPREM,)}
    web = item(position=P.HOME_UNCOMMITTED)
    evidence.failovers(
        [(web, operation)],  # type: ignore[list-item]
        {},
        {},
        scenarios,
        Reads(),  # type: ignore[arg-type]
        lambda work, over: [work(one) for one in over],
        lambda number: None,
        {},
    )
    assert found == ["job-a"]


# -- what is decided -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "position"), [(3, P.SYNCING_HOME), (1, P.HOME_UNPROTECTED), (4, P.READY)])
def test_a_machine_that_allows_nothing_for_a_moment_is_not_refused(number: int, position: Position) -> None:
    """Between a job's end and the new position an item allows nothing; without a cursor the job is unknown."""
    between = item(position=position, allowedOperations=[])
    assert isinstance(verdict_on(between, STAGES[number]), Wait)
    assert isinstance(verdict_on(item(position=position), STAGES[number]), Refusal)


def test_a_run_without_its_cursor_is_not_refused_in_the_moment_between(world: World) -> None:
    world.add("web", position=P.READY)
    world.advance(60)
    cursor = world.slice(stage(3, commit_when="never", slice_seconds=1))["cursor"]
    assert cursor
    job = next(j for j in world.jobs.values() if j.step == "failover_to_onprem" and j.name in world.state("web").job)
    world.advance((job.end - world.now).total_seconds() + 1)
    shown = world.show
    quiet = world.now + timedelta(seconds=40)

    def between(name: str, state: Any) -> dict[str, Any]:
        found = shown(name, replace(state, position=P.SYNCING_HOME) if world.now < quiet else state)
        if world.now < quiet:
            found["properties"]["allowedOperations"] = []
        return found

    world.show = between  # type: ignore[method-assign]
    result = world.go(stage(3))
    assert of(result, "web")["after"] == "home_unprotected"


def test_a_place_that_is_not_known_any_more_is_no_change(world: World) -> None:
    world.add("web", position=P.READY)
    world.extra["web"] = {}
    state = SimpleNamespace(
        items={},
        closer={},
        memory=SimpleNamespace(tracks={}),
        order=stage(2),
        lifecycle=LIFECYCLE,
        now=world.now,
        vault_name=lambda key: "",
    )
    state.vault_name = lambda key: "vault-dr"
    track = outcome.Track(name="web", before="ready")
    told = outcome.machine(state, "key", track)  # type: ignore[arg-type]
    assert (told["after"], told["changed"]) == ("unknown", False)


# -- what is sent --------------------------------------------------------------------------------------------------


def test_a_group_goes_to_the_master_target_of_its_member(world: World) -> None:
    """The emptier master target would be chosen, were the group not bound to the one that its member uses."""
    world.fabric = fabric_json([target_json("mt-1", diskCount=40), target_json("mt-2", diskCount=0)])
    group = {"details": {"multiVmGroupId": "g1", "multiVmGroupName": "shop"}}
    world.add("ahead", position=P.SYNCING_HOME)
    world.add("behind")
    world.extra["ahead"] = {"details": {**group["details"], "masterTargetId": "id-mt-1"}}
    world.extra["behind"] = group
    world.slice(stage(2, "ahead", "behind", slice_seconds=1))
    ((name, step, body),) = world.accepted
    assert (name, step) == ("behind", "reprotect_to_onprem")
    assert body["properties"]["providerSpecificDetails"]["masterTargetId"] == "id-mt-1"


def test_commits_that_wait_for_their_proof_do_not_starve_the_others(world: World) -> None:
    """Only what can leave by the next look is proven; where the first ones are not, the later ones have their try."""
    names = [f"m{number:03d}" for number in range(40)]
    world.add(*names, position=P.HOME_UNCOMMITTED)
    world.advance(60)
    world.tokens = lambda: 1
    for name in names[:30]:
        # Still starting: what is missing may come, so the machine waits and is not refused.
        world.site_says[name] = (SiteMachine(f"vm-{name}", name, f"uuid-{name}", powered_on=False),)
    failovers = {job.machine: job for job in world.jobs.values()}
    for job in failovers.values():
        job.end = world.now - timedelta(seconds=5)
    coming = SimpleNamespace(waits=True, code="x", reason="It is still starting.", remedy="Wait.")

    def unproven(self: Commits, commits: Any, jobs: Any) -> dict[str, Any]:
        return {i.key: [coming] if i.friendly_name in names[:30] else [] for i, _track, _operation in commits}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Commits, "unproven", unproven)
        world.slice(stage(3, *names, slice_seconds=1))
    assert world.steps_sent()
    assert {name for name, _step in world.steps_sent()} <= set(names[30:])


# -- servers -------------------------------------------------------------------------------------------------------


def test_a_living_job_of_another_kind_is_no_move_of_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    vaults = Servers(on={"web": "PS-OLD"}, jobs={"job-x": "InProgress"})
    usual = Servers._job

    def job(self: Servers, name: str) -> dict[str, Any]:
        found = usual(self, name)
        if name == "job-x":
            found["properties"]["scenarioName"] = "UnplannedFailover"
        return found

    monkeypatch.setattr(Servers, "_job", job)
    move_servers(replace(ORDER, slice_seconds=1.0), vaults)
    assert len(vaults.sent) == 1


def test_a_living_job_of_another_kind_is_no_move_to_an_appliance() -> None:
    busy = rcm_json("web", P.HOME, currentScenario={**OTHER_SCENARIO, "scenarioName": "TestFailover"})
    vaults = Appliances(two(), items=[busy])
    result = appliance_servers(vaults, name="appliance-2", move_machines_from="appliance-1")
    (entry,) = [e for e in result["machines"] if e["role"] == "machine"]
    assert entry.get("job") != "job-other"


@pytest.mark.parametrize(("passed", "sent"), [(10.0, 0), (119.0, 0), (121.0, 1)])
def test_a_deployment_whose_reply_was_lost_is_not_sent_again_while_it_may_have_been_accepted(
    passed: float, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now: datetime = START + timedelta(seconds=passed)
    asked: list[Any] = []
    wish = Wish("ps-1", "sub", "rg", "vnet", "subnet", "10.0.0.4")
    order = ProcessServerOrder(vaults=(VAULT,), name="ps-1", slice_seconds=1.0)
    cursor = {"deploy": {"unsure": iso(START)}}
    vaults = SimpleNamespace(now=now, put=lambda resource_id, body: asked.append(body))
    clock = Clock(monotonic=lambda: 0.0, sleep=lambda seconds: None)
    run = ps_present.ProcessServerDeployment(order, wish, ps_present.Secrets("p", "q"), vaults, clock, cursor)  # type: ignore[arg-type]
    run.fabric = SimpleNamespace()  # type: ignore[assignment]
    choice = ps_present.Picked.__new__(ps_present.Picked)
    object.__setattr__(choice, "warnings", ())
    monkeypatch.setattr(ps_present, "Chooser", lambda *given: SimpleNamespace(choose=lambda machine: choice))
    monkeypatch.setattr(ps_present, "replace", lambda value, **changes: value)
    monkeypatch.setattr(ps_present, "request", lambda *given: {})
    monkeypatch.setattr(run, "demand", lambda choice: None)
    assert run.deploy(network_only=False, machine=None).state == "deploying"
    assert len(asked) == sent


# -- slices --------------------------------------------------------------------------------------------------------


def test_slices_grow_only_while_every_machine_only_synchronises(world: World) -> None:
    world.pace = 30.0
    world.add("web")
    first = world.slice(stage(2, slice_seconds=25))
    # Nothing longer than the slices asked for; the loop of the action plugin knows how long those are.
    assert first["next_slice_seconds"] == 0
    world.advance(800)
    second = world.slice(stage(2, slice_seconds=25), first["cursor"])
    assert of(second, "web")["after"] == "syncing_home"
    assert second["next_slice_seconds"] == 120
