# SPDX-License-Identifier: GPL-3.0-or-later
"""Lost replies, refusals, failed jobs, lists that lie and lost cursors: nothing is sent twice, one fails alone."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    WAY_HOME,
    error_json,
    of,
    order,
    stage,
)
from world import STEPS, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position

P = Position
LAGS = [pytest.param(0.0, id="prompt"), pytest.param(20.0, id="lagging")]


def spent(result: dict[str, Any]) -> tuple[int, int]:
    return result["requests"]["writes"], result["requests"]["floor"]["writes"]


# -- replies that are lost, refusals, two runs -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lag", "blind"), [(0.0, False), (20.0, False), (20.0, True)], ids=["prompt", "lagging", "blind"]
)
@pytest.mark.parametrize("fault", ["before", "after", "busy"])
@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_accepted_twice_when_a_reply_is_lost(
    world: World, step: str, fault: str, lag: float, blind: bool
) -> None:
    number, position, verb = STEPS[step]
    world.lag, world.blind = lag, blind
    world.add("web", "db", position=position)
    world.faults["web", verb] = [fault]
    result = world.go(stage(number, "web", "db"))
    assert set(Counter(world.steps_sent()).values()) == {1}
    assert ("web", step) in world.steps_sent()
    told = of(result, "web")
    assert told["done"] in ("started", "joined")
    assert told["changed"]
    assert of(result, "db")["done"] == "started"
    # A request that left again for one machine is the whole price.
    assert world.calls["act"] == len(world.accepted) + (fault != "after")


@pytest.mark.parametrize("step", STEPS)
def test_somebody_elses_operation_is_joined(world: World, step: str) -> None:
    number, position, verb = STEPS[step]
    world.lag = 20.0
    world.add("web", position=position)
    world.advance(30)
    world.accept("web", verb)
    result = world.go(stage(number))
    assert Counter(world.steps_sent())["web", step] == 1
    told = of(result, "web")
    assert told["steps"][0]["done"] == "joined"
    assert told["changed"]


@pytest.mark.parametrize("lag", LAGS)
def test_two_runs_at_once_send_everything_once(world: World, lag: float) -> None:
    world.lag = lag
    world.add("web", "db")
    cursors: list[Any] = [None, None]
    done = [False, False]
    for _turn in range(2000):
        for runner in (0, 1):
            if not done[runner]:
                result = world.slice(order(slice_seconds=7), cursors[runner])
                cursors[runner], done[runner] = result["cursor"], result["finished"]
                assert all(m["done"] not in ("failed", "refused") for m in result["machines"])
        if all(done):
            break
    assert done == [True, True]
    assert Counter(world.steps_sent()) == {(name, step): 1 for name in ("web", "db") for step in WAY_HOME}


def test_a_lost_reply_of_a_job_that_ended_meanwhile_is_found_in_the_jobs(world: World) -> None:
    """Nothing can be read after the send, and the job has failed before anyone looks: it is judged, not repeated."""
    world.lag = 100.0
    world.add("web")
    world.outcomes["web", "reprotect_to_onprem"] = [("Failed", [error_json(95265, "No datastore.")])]
    world.faults["web", "reProtect"] = ["after"]
    world.gone.add("web")
    cursor = world.slice(stage(2, slice_seconds=1))["cursor"]
    world.gone.clear()
    world.advance(900)
    for _dummy in range(20):
        result = world.slice(stage(2), cursor)
        cursor = result["cursor"]
        if result["finished"]:
            break
    assert result["finished"]
    assert of(result, "web")["code"] == "95265"
    assert world.steps_sent() == [("web", "reprotect_to_onprem")]


def test_a_definite_refusal_ends_one_machine_in_the_services_words(world: World) -> None:
    world.add("web", "db")
    world.faults["web", "reProtect"] = ["refuse"]
    result = world.go(stage(2, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["changed"]) == ("failed", False)
    assert told["errors"][0]["code"] == "X1"
    assert told["remedy"] == "Fix it."
    assert of(result, "db")["after"] == "ready"
    assert result["progress"]["failed"] == 1


def test_a_joined_job_that_waits_for_a_person_is_read_and_its_task_named(world: World) -> None:
    world.add("web", position=P.READY)
    world.add("db", position=P.READY)
    job = world.accept("web", "unplannedFailover").job
    world.jobs[job].end = world.now + timedelta(days=9)
    view = World.job_view

    def suspended(running: Any, full: bool) -> dict[str, Any]:
        told = view(world, running, full)
        if running.name == job:
            task = {"name": "ManualAction", "friendlyName": "Check the DNS", "state": "Suspended"}
            told["properties"].update(state="Suspended", friendlyName="Failover of plan shop", tasks=[task])
        return told

    world.job_view = suspended  # type: ignore[method-assign]
    result = world.go(stage(3, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["code"]) == ("failed", "job_Suspended")
    assert "'Check the DNS'" in told["reason"]
    assert "'Failover of plan shop'" in told["reason"]
    assert "resume" in told["remedy"].lower()
    assert of(result, "db")["after"] == "home_unprotected"


def test_a_lock_is_reported_at_once_with_its_remedy(world: World) -> None:
    world.add("web", "db")
    world.faults["web", "reProtect"] = ["locked"] * 50
    result = world.go(stage(2, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["code"]) == ("failed", "locked")
    assert "Remove the lock" in told["remedy"]
    assert world.calls["act"] == 1 + 1


def test_what_the_service_said_is_reported_while_it_is_tried_again(world: World) -> None:
    world.add("web")
    world.faults["web", "reProtect"] = ["busy"]
    told = of(world.slice(stage(2, slice_seconds=1)), "web")
    assert "Azure refused it" in told["reason"]


def test_a_machine_that_stays_busy_is_given_up_by_name(world: World) -> None:
    world.add("web", "db")
    world.faults["web", "reProtect"] = ["busy"] * 50
    result = world.go(stage(2, "web", "db"))
    assert of(result, "web")["done"] == "failed"
    assert world.calls["act"] == 5 + 1
    assert of(result, "db")["after"] == "ready"


@pytest.mark.parametrize("fault", ["throttled", "offline"])
@pytest.mark.parametrize("step", STEPS)
def test_what_was_not_accepted_and_is_nobodys_fault_is_sent_again(world: World, step: str, fault: str) -> None:
    number, position, verb = STEPS[step]
    world.add("web", position=position)
    world.faults["web", verb] = [fault] * 8
    told = of(world.go(stage(number)), "web")
    assert told["done"] == "started"
    assert Counter(world.steps_sent())["web", step] == 1
    # Nothing is read for the fault's sake; before what cannot be undone the machine is looked at each time.
    looks = {"failover_to_onprem": 10, "commit_to_onprem": 9}
    assert world.calls["get_item"] == looks.get(step, 0)


@pytest.mark.parametrize("step", STEPS)
def test_a_machine_that_only_looks_busy_is_not_taken_for_one_that_moved(world: World, step: str) -> None:
    """Refused, and its own GET allows nothing and names no job: a few careful tries, never one a second."""
    number, position, verb = STEPS[step]
    world.add("web", position=position)
    world.hollow.add("web")
    world.faults["web", verb] = ["busy"] * 9
    cursor = world.slice(stage(number))["cursor"]
    result = world.slice(stage(number), cursor)
    assert world.calls["act"] <= 2
    assert of(result, "web")["done"] == "waiting"
    assert not result["changed"]


# -- jobs that end otherwise -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_a_retryable_failure_is_repeated_and_raises_the_floor(world: World, step: str) -> None:
    number, position, _verb = STEPS[step]
    world.add("web", position=position)
    world.outcomes["web", step] = [("Failed", [error_json(95226, "No way to the server.")])] * 2
    result = world.go(stage(number, retries=2))
    told = of(result, "web")
    assert told["done"] == "started"
    assert told["changed"]
    assert Counter(world.steps_sent())["web", step] == 3
    assert [w["code"] for w in told["warnings"]] == ["95226", "95226"]
    assert "No way to the server." in told["warnings"][0]["message"]
    writes, floor = spent(result)
    assert writes == floor == len(world.accepted)
    starts = sorted(job.start for job in world.jobs.values() if job.step == step)
    ends = sorted(job.end for job in world.jobs.values() if job.step == step)
    pauses = [(start - end).total_seconds() for start, end in zip(starts[1:], ends, strict=False)]
    assert pauses[0] >= 60
    assert pauses[1] >= 120


@pytest.mark.parametrize("retries", [0, 1])
def test_no_more_repetitions_than_asked_for(world: World, retries: int) -> None:
    world.add("web")
    world.outcomes["web", "reprotect_to_onprem"] = [("Failed", [error_json(95226)])] * 9
    result = world.go(stage(2, retries=retries))
    assert of(result, "web")["code"] == "95226"
    assert len(world.accepted) == retries + 1


@pytest.mark.parametrize(
    ("state", "errors", "code"),
    [
        ("Failed", [error_json(95265, "No datastore.")], "95265"),
        ("Failed", [error_json(95226), error_json(95265)], "95226"),
        ("Failed", [], "job_Failed"),
        ("Cancelled", [], "job_Cancelled"),
        ("Suspended", [], "job_Suspended"),
        ("Paused", [], "job_Paused"),
    ],
)
@pytest.mark.parametrize("step", STEPS)
def test_any_other_end_fails_the_machine_and_no_other(
    world: World, step: str, state: str, errors: list[dict[str, Any]], code: str
) -> None:
    number, position, _verb = STEPS[step]
    world.add("web", "db", position=position)
    world.outcomes["web", step] = [(state, errors)]
    result = world.go(stage(number, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["code"], told["changed"]) == ("failed", code, False)
    assert state in told["reason"]
    assert told["remedy"]
    assert [e["code"] for e in told["errors"]] == [e["providerErrorDetails"]["errorCode"].__str__() for e in errors]
    assert Counter(world.steps_sent())["web", step] == 1
    assert of(result, "db")["done"] == "started"


@pytest.mark.parametrize("step", STEPS)
def test_a_success_with_something_to_say_is_a_success_and_says_it(world: World, step: str) -> None:
    number, position, _verb = STEPS[step]
    world.add("web", position=position)
    world.outcomes["web", step] = [("CompletedWithInformation", [error_json(28175, "Renamed.")])]
    told = of(world.go(stage(number)), "web")
    assert told["done"] == "started"
    assert [(w["code"], w["message"]) for w in told["warnings"]] == [("28175", "Renamed.")]
    assert told["errors"] == []


def test_a_failed_job_is_reported_although_the_machine_is_left_without_operations(world: World) -> None:
    """allowedOperations may stay [] after a failure: the job's end is found all the same."""
    world.add("web", position=P.READY, allowedOperations=["UnplannedFailover"])
    world.outcomes["web", "failover_to_onprem"] = [("Failed", [error_json(95265, "No datastore.")])]
    cursor = world.slice(stage(3))["cursor"]
    world.extra["web"]["allowedOperations"] = []
    for _dummy in range(60):
        result = world.slice(stage(3), cursor)
        cursor = result["cursor"]
        if result["finished"]:
            break
    assert of(result, "web")["code"] == "95265"


# -- lists that lie ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slices", [1, 3])
def test_a_machine_missing_from_the_list_is_read_by_itself(world: World, slices: int) -> None:
    world.add("web", "db")
    cursor = None
    for _dummy in range(slices):
        cursor = world.slice(stage(2, "web", "db"), cursor)["cursor"]
    world.become("web", listed=False)
    result = {"finished": False}
    for _dummy in range(500):
        result = world.slice(stage(2, "web", "db"), cursor)
        cursor = result["cursor"]
        if result["finished"]:
            break
    assert of(result, "web")["after"] == "ready"
    assert of(result, "web")["changed"]
    assert world.calls["get_item"] > 0


def test_a_machine_that_is_gone_fails_and_the_others_go_on(world: World) -> None:
    world.add("web", "db")
    cursor = world.slice(stage(2, "web", "db"))["cursor"]
    world.become("web", listed=False)
    world.gone.add("web")
    for _dummy in range(500):
        result = world.slice(stage(2, "web", "db"), cursor)
        cursor = result["cursor"]
        if result["finished"]:
            break
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("failed", "item_gone")
    assert of(result, "db")["after"] == "ready"


def test_a_machine_that_has_ended_keeps_its_result_when_lists_lose_it(world: World) -> None:
    world.add("web", "db")
    world.sync_factor["db"] = 3.0
    cursor, early = None, {}
    for _dummy in range(2000):
        result = world.slice(stage(2, "web", "db"), cursor)
        cursor = result["cursor"]
        if not early and result["progress"]["done"] == 1:
            early = of(result, "web")
            world.become("web", listed=False)
        if result["finished"]:
            break
    assert early["after"] == "ready"
    late = of(result, "web")
    assert (late["after"], late["changed"], late["done"]) == ("ready", True, "started")


def test_ids_that_change_their_case_are_the_same_machine_and_the_same_job(world: World) -> None:
    world.shouts = True
    world.add("web", "db")
    result = world.go(order())
    assert len(result["machines"]) == 2
    assert Counter(world.steps_sent()) == {(name, step): 1 for name in ("web", "db") for step in WAY_HOME}
    assert result["requests"]["reads"] == result["requests"]["floor"]["reads"]


# -- the cursor --------------------------------------------------------------------------------------------------


def spoilt(kind: str, cursor: Any) -> Any:
    return {
        "dropped": None,
        "garbage": {"version": 1, "tracks": [1, 2]},
        "other version": {**cursor, "version": 99},
        "not a cursor": "nonsense",
    }[kind]


def baseline(lag: float) -> tuple[World, int]:
    """A run with its cursor, and how many slices it took."""
    world = World(lag=lag)
    world.add("web", "db")
    seen: list[int] = []
    world.go(order(), lambda cursor, number: seen.append(number) or cursor)
    return world, len(seen)


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize(("kind", "step"), [("dropped", 1), ("garbage", 9), ("other version", 9), ("not a cursor", 9)])
def test_a_cursor_lost_at_any_slice_costs_no_write(lag: float, kind: str, step: int) -> None:
    """All that is not a cursor is the same to the run (test_memory), so the kinds beside the first are samples."""
    steady, slices = baseline(lag)
    assert slices > 50
    for lost in range(0, slices, step):
        world = World(lag=lag)
        world.add("web", "db")
        result = world.go(order(), lambda cursor, number, lost=lost: spoilt(kind, cursor) if number == lost else cursor)
        assert sorted(world.steps_sent()) == sorted(steady.steps_sent()), f"lost at slice {lost}"
        assert {m["after"] for m in result["machines"]} == {"home"}, f"lost at slice {lost}"
        assert {world.state(name).position for name in world.states} == {P.HOME}


@pytest.mark.parametrize("lag", LAGS)
def test_a_cursor_lost_every_time_costs_no_write(lag: float) -> None:
    world = World(lag=lag)
    world.add("web", "db")
    result = world.go(order(), lambda cursor, number: None)
    assert Counter(world.steps_sent()) == {(name, step): 1 for name in ("web", "db") for step in WAY_HOME}
    assert {m["after"] for m in result["machines"]} == {"home"}


def test_the_cursor_is_plain_small_and_without_secrets(world: World) -> None:
    world.add("web")
    cursor = world.slice(order())["cursor"]
    assert len(json.dumps(cursor)) < 3000
    assert json.loads(json.dumps(cursor)) == cursor
