# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole routes, slice by slice, against the scripted vault: what is sent, in which order, and what is reported."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import (
    STAGES,
    WAY_HOME,
    error_json,
    fabric_json,
    of,
    order,
    point_json,
    stage,
    target_json,
)
from world import STEPS, Port, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.run import run_slice
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock

P = Position
LAGS = [pytest.param(0.0, id="prompt"), pytest.param(20.0, id="lagging")]


def spent(result: dict[str, Any]) -> tuple[int, int]:
    return result["requests"]["writes"], result["requests"]["floor"]["writes"]


# -- the plain way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("advance", ["each", "together"])
def test_the_failback(world: World, lag: float, advance: str) -> None:
    world.lag = lag
    world.add("web", "db")
    result = world.go(order(advance=advance))
    for name in ("web", "db"):
        assert [step for machine, step in world.steps_sent() if machine == name] == list(WAY_HOME)
        told = of(result, name)
        assert (told["before"], told["after"], told["done"], told["changed"]) == ("out", "home", "started", True)
        assert [step["step"] for step in told["steps"]] == list(WAY_HOME)
        assert {step["state"] for step in told["steps"]} == {"Succeeded"}
        assert told["steps"][1]["duration_seconds"] == 215
        assert told["code"] is told["reason"] is None
        assert told["placement"]["process_server"] == "cs-1"
    assert result["changed"]
    assert spent(result) == (8, 8)
    assert result["progress"] == {
        "total": 2,
        "done": 2,
        "running": 0,
        "failed": 0,
        "at": {},
        "waiting_for": "",
        "slowest": "",
    }
    # One list a tick, one GET a finished job and the discovery: every read belongs to the floor.
    assert result["requests"]["reads"] == result["requests"]["floor"]["reads"]
    assert world.calls["get_job"] == 8
    # Each is looked at on its own before its failover home and before its commit.
    assert world.calls["get_item"] == 4


@pytest.mark.parametrize("lag", [*LAGS, pytest.param(90.0, id="far behind")])
@pytest.mark.parametrize("step", STEPS)
def test_each_step_by_its_stage(world: World, step: str, lag: float) -> None:
    """Even where a list shows an operation only long after it has ended, none is sent a second time."""
    number, position, _verb = STEPS[step]
    world.lag = lag
    world.add("web", position=position)
    result = world.go(stage(number))
    assert world.steps_sent()[0] == ("web", step)
    assert of(result, "web")["done"] == "started"
    assert {one for _name, one in world.steps_sent()} <= set(STAGES[number])
    assert world.calls["act"] == len(world.accepted)


def test_a_fleet_that_is_home_costs_nothing(world: World) -> None:
    world.add("web", "db", position=P.HOME)
    result = world.slice(order())
    assert result["finished"]
    assert not result["changed"]
    assert {m["done"] for m in result["machines"]} == {"unchanged"}
    assert world.calls == {"list_items": 1}
    assert spent(result) == (0, 0)


def test_the_same_command_again_changes_nothing(world: World) -> None:
    world.add("web")
    world.go(order())
    writes = world.calls["act"]
    again = world.go(order())
    assert world.calls["act"] == writes
    assert not again["changed"]


def test_a_machine_that_only_synchronises_is_waited_for_and_moves(world: World) -> None:
    world.add("web", position=P.SYNCING_HOME)
    result = world.go(stage(2))
    told = of(result, "web")
    assert (told["before"], told["after"], told["changed"]) == ("syncing_home", "ready", True)
    assert world.accepted == []


def test_wrong_options_are_refused_before_anything_is_written(world: World) -> None:
    world.add("web", position=P.READY)
    for wishes in ({"process_server_onprem": "nowhere"}, {"recovery_point": "latest_processed"}):
        with pytest.raises(InputError):
            world.go(order(**wishes))
    assert world.calls["act"] == 0


def test_a_commit_needs_a_vcenter_before_anything_is_written(world: World) -> None:
    world.add("web")
    with pytest.raises(InputError) as caught:
        run_slice(order(), Port(world), None, Clock(lambda: world.spent, world.sleep))
    assert caught.value.code == "vcenter_missing"
    assert world.calls["act"] == 0


# -- each and together -------------------------------------------------------------------------------------------


def first(world: World, step: str) -> Any:
    return min(job.start for job in world.jobs.values() if job.step == step)


def last(world: World, step: str) -> Any:
    return max(job.start for job in world.jobs.values() if job.step == step)


@pytest.mark.parametrize("lag", LAGS)
def test_each_machine_goes_home_as_soon_as_it_can(world: World, lag: float) -> None:
    world.lag = lag
    world.add("quick", "slow")
    world.sync_factor["slow"] = 10.0
    world.go(order(advance="each"))
    assert first(world, "reprotect_to_azure") < last(world, "failover_to_onprem")


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("position", [P.OUT, P.SYNCING_HOME, P.READY])
def test_together_nobody_starts_a_step_before_the_others_have_ended_the_one_before(
    world: World, lag: float, position: Position
) -> None:
    world.lag = lag
    world.add("quick", position=position)
    world.add("slow", position=P.OUT)
    world.sync_factor["slow"] = 5.0
    # The slow one is tried again once in every step: a pause before a repetition holds the others as well.
    for step in WAY_HOME:
        world.outcomes["slow", step] = [("Failed", [error_json(95226)])]
    result = world.go(order(advance="together"))
    assert [m["after"] for m in result["machines"]] == ["home", "home"]
    for before, after in itertools.pairwise(WAY_HOME):
        assert max(j.end for j in world.jobs.values() if j.step == before) <= first(world, after)


def test_together_does_not_wait_for_a_machine_that_failed(world: World) -> None:
    world.add("good", "bad")
    world.outcomes["bad", "reprotect_to_onprem"] = [("Failed", [error_json(95265)])]
    result = world.go(order(advance="together"))
    assert (of(result, "good")["after"], of(result, "bad")["done"]) == ("home", "failed")


# -- not waiting, waiting for the job, waiting for a person ------------------------------------------------------


def test_without_waiting_everything_due_is_sent_and_nothing_is_waited_for(world: World) -> None:
    world.add("web", "db")
    result = world.slice(stage(2, "web", "db", wait=False))
    assert result["finished"]
    assert sorted(world.steps_sent()) == [("db", "reprotect_to_onprem"), ("web", "reprotect_to_onprem")]
    assert world.spent == 0
    for name in ("web", "db"):
        told = of(result, name)
        assert (told["done"], told["job"]) == ("started", told["steps"][0]["job"])
        # An accepted operation has moved the machine, whether or not a list shows it yet.
        assert told["after"] == "reprotecting to on-premises"
        assert told["changed"]
    assert result["changed"]


def test_without_waiting_the_write_limit_is_still_waited_for(world: World) -> None:
    world.add("web", "db")
    tokens = iter([1, 0, 1, 1])
    world.tokens = lambda: next(tokens)
    result = world.slice(stage(2, "web", "db", wait=False))
    assert result["finished"]
    assert len(world.accepted) == 2


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize(
    ("number", "position", "after"), [(2, P.OUT, "syncing_home"), (4, P.HOME_UNPROTECTED, "syncing_out")]
)
def test_waiting_only_for_the_job(world: World, number: int, position: Position, after: str, lag: float) -> None:
    world.lag = lag
    world.add("web", position=position)
    result = world.go(stage(number, wait_for="job"))
    told = of(result, "web")
    assert (told["after"], told["done"], told["steps"][0]["state"]) == (after, "started", "Succeeded")
    assert world.spent < 1100


@pytest.mark.parametrize(
    ("number", "position", "before"), [(3, P.READY, "home_uncommitted"), (1, P.HOME, "out_uncommitted")]
)
def test_a_commit_waits_for_approval(world: World, number: int, position: Position, before: str) -> None:
    world.add("web", position=position)
    result = world.go(stage(number, commit_when="manual"))
    told = of(result, "web")
    assert (told["done"], told["after"], told["code"], told["changed"]) == (
        "awaiting_approval",
        before,
        "awaiting_approval",
        True,
    )
    assert told["approved"] is False
    assert told["remedy"].endswith("rerun with its name in '{option:approved}'.")
    assert [step for _name, step in world.steps_sent()] == [STAGES[number][0]]
    # Approved by name, the same order goes on.
    assert of(world.go(stage(number, commit_when="manual", approved=("web",))), "web")["done"] == "started"
    assert [step for _name, step in world.steps_sent()] == list(STAGES[number])


def test_in_a_failback_a_held_machine_does_not_hold_the_run(world: World) -> None:
    world.add("web", "db")
    result = world.go(order(commit_when="manual", advance="together"))
    assert {m["done"] for m in result["machines"]} == {"awaiting_approval"}
    assert result["progress"]["done"] == 2


# -- cost --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pace", [20.0, 60.0])
def test_the_services_pace_is_kept_over_slices(world: World, pace: float) -> None:
    """A slice of 25 s must look once to tell where all stand; beyond that no list is read before its time."""
    world.pace = pace
    world.add("web")
    cursor = None
    for _dummy in range(12):
        cursor = world.slice(stage(2), cursor)["cursor"]
    assert world.spent == 300
    assert world.calls["list_items"] <= (300 / pace + 1 if pace < 25 else 12)


def test_the_users_own_pause_counts_before_the_services(world: World) -> None:
    world.pace = 60.0
    world.add("web")
    world.slice(stage(2, poll_interval=5.0))
    assert world.calls["list_items"] == 6


def test_writes_wait_for_the_bucket_and_points_are_read_once(world: World) -> None:
    names = [f"m{n:02}" for n in range(12)]
    world.add(*names, position=P.HOME)
    world.points = [point_json("p1", world.now - timedelta(hours=1))]
    world.tokens = lambda: 3
    world.go(stage(1, *names, recovery_point="latest_processed", commit_when="manual"))
    assert len(world.accepted) == 12
    assert world.calls["list_recovery_points"] == 12
    per_second = Counter(job.start for job in world.jobs.values())
    assert max(per_second.values()) <= 3


def test_the_chosen_point_is_sent_and_reported(world: World) -> None:
    world.add("web", position=P.HOME)
    world.points = [point_json("p1", world.now - timedelta(hours=1), "ApplicationConsistent")]
    result = world.go(stage(1, recovery_point="latest_app_consistent"))
    assert world.accepted[0][2]["properties"]["providerSpecificDetails"]["recoveryPointId"] == "points/p1"
    assert of(result, "web")["recovery_point"].startswith("p1 (")


def test_a_machine_without_the_wanted_point_is_refused_and_the_others_are_not(world: World) -> None:
    world.add("web", position=P.HOME)
    result = world.go(stage(1, recovery_point="latest_app_consistent"))
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("refused", "recovery_point_missing")
    assert world.accepted == []


# -- one bad machine ---------------------------------------------------------------------------------------------


def test_a_machine_without_a_place_is_refused_and_the_others_go_home(world: World) -> None:
    world.add("web")
    world.add("lin", details={"osType": "Linux"})
    result = world.go(order())
    assert (of(result, "lin")["done"], of(result, "lin")["code"]) == ("refused", "master_target_wrong_os")
    assert of(result, "web")["after"] == "home"


def test_a_machine_that_is_not_committed_is_refused_and_the_others_go_home(world: World) -> None:
    world.add("web")
    world.add("new", position=P.OUT_UNCOMMITTED)
    result = world.go(order())
    assert (of(result, "new")["code"], of(result, "new")["changed"]) == ("commit_first", False)
    assert of(result, "web")["after"] == "home"


def test_machines_of_a_later_slice_find_the_slots_that_earlier_ones_took(world: World) -> None:
    disks = [{"diskId": str(n)} for n in range(40)]
    world.fabric = fabric_json([target_json("mt-a"), target_json("mt-b")])
    world.add("one", details={"protectedDisks": disks})
    world.slice(stage(2, "one", wait=False))
    world.extra["one"]["details"] = {"protectedDisks": disks, "masterTargetId": "id-mt-a"}
    world.add("two", details={"protectedDisks": disks})
    result = world.slice(stage(2, "two", wait=False))
    assert of(result, "two")["placement"]["master_target"] == "mt-b"


def test_a_machine_whose_points_cannot_be_read_waits_then_fails_and_the_others_go_on(world: World) -> None:
    world.points = [point_json("p1", world.now)]
    world.add("web", "db", position=P.HOME)
    world.unreadable.add("web")
    result = world.go(stage(1, "web", "db", recovery_point="latest_processed", wait=False))
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("failed", "read_failed")
    assert ("web", "failover_to_azure") not in world.steps_sent()
    assert ("db", "failover_to_azure") in world.steps_sent()


def test_a_failover_whose_job_cannot_be_read_is_not_committed_and_the_others_are(world: World) -> None:
    world.add("web", "db", position=P.HOME_UNCOMMITTED)
    world.unreadable.add("web")
    result = world.go(stage(3, "web", "db"))
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("failed", "read_failed")
    assert world.steps_sent() == [("db", "commit_to_onprem")]


def test_a_late_agent_is_waited_for(world: World) -> None:
    world.add("web", position=P.READY)
    world.agent_delay = 600.0
    world.go(order())
    failover = next(j for j in world.jobs.values() if j.step == "failover_to_onprem")
    assert first(world, "reprotect_to_azure") >= failover.end + timedelta(seconds=600)


class SlowPort(Port):
    """A vault whose clock stands 20 minutes after the list's answer whenever anything else is asked."""

    listed = False

    def list_items(self, vault: Any) -> list[dict[str, Any]]:
        self.listed = True
        return super().list_items(vault)

    @property
    def now(self) -> datetime:
        answer, self.listed = self.listed, False
        return self.world.now + timedelta(seconds=0 if answer else 1200)


def test_an_agent_that_was_not_there_when_the_list_was_made_is_not_given_up_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("web", position=P.READY)
    world.agent_delay = 600.0
    monkeypatch.setattr("world.Port", SlowPort)
    result = world.go(order(agent_timeout=1200.0))
    assert of(result, "web")["after"] == "home"


def test_progress_names_the_slowest(world: World) -> None:
    world.add("web", position=P.READY)
    world.add("db", position=P.OUT)
    result = world.slice(order())
    assert result["progress"]["running"] == 2
    assert result["progress"]["slowest"]
    assert result["progress"]["waiting_for"]
    assert result["vaults"][0]["generation"] == "classic"
