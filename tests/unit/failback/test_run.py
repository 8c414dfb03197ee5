# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole routes, slice by slice, against the scripted vault: what is sent, what is never sent twice, what is told."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    FLOW,
    STAGES,
    WAY_HOME,
    Port,
    World,
    azure_json,
    error_json,
    fabric_json,
    of,
    order,
    point_json,
    target_json,
)

from ansible_collections.homeward.asr.plugins.module_utils.failback.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.ports import Clock, SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.failback.run import run_slice

P = Position
#: leg -> (stage, position it departs from, verb).
LEGS = {
    leg: (stage, position, verb)
    for (position, verb), (leg, *_rest) in FLOW.items()
    for stage, legs in STAGES.items()
    if leg in legs
}
LAGS = [pytest.param(0.0, id="prompt"), pytest.param(20.0, id="lagging")]


def stage(number: int, *machines: str, **wishes: Any) -> Any:
    return order(STAGES[number], *(machines or ("web",)), confirm_failover_to_azure=number == 1, **wishes)


def spent(result: dict[str, Any]) -> tuple[int, int]:
    return result["requests"]["writes"], result["requests"]["floor"]["writes"]


# -- the plain way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("advance", ["each", "together"])
def test_the_way_home(world: World, lag: float, advance: str) -> None:
    world.lag = lag
    world.add("web", "db")
    result = world.go(order(advance=advance))
    for name in ("web", "db"):
        assert [leg for machine, leg in world.legs_sent() if machine == name] == list(WAY_HOME)
        told = of(result, name)
        assert (told["before"], told["after"], told["done"], told["changed"]) == ("out", "home", "fired", True)
        assert [leg["leg"] for leg in told["legs"]] == list(WAY_HOME)
        assert {leg["state"] for leg in told["legs"]} == {"Succeeded"}
        assert told["legs"][1]["duration_seconds"] == 215
        assert told["code"] is told["reason"] is None
        assert told["placement"]["process_server"] == "cs-1"
    assert result["changed"]
    assert spent(result) == (8, 8)
    assert result["progress"] == {"total": 2, "done": 2, "running": 0, "failed": 0, "waiting_for": "", "slowest": ""}
    # One list a tick, one GET a finished job and the discovery: every read belongs to the floor.
    assert result["requests"]["reads"] == result["requests"]["floor"]["reads"]
    assert world.calls["get_job"] == 8
    assert world.calls["get_item"] == 0


@pytest.mark.parametrize("lag", [*LAGS, pytest.param(90.0, id="far behind")])
@pytest.mark.parametrize("leg", LEGS)
def test_each_leg_by_its_stage(world: World, leg: str, lag: float) -> None:
    """Even where a list shows an operation only long after it has ended, none is sent a second time."""
    number, position, _verb = LEGS[leg]
    world.lag = lag
    world.add("web", position=position)
    result = world.go(stage(number))
    assert world.legs_sent()[0] == ("web", leg)
    assert of(result, "web")["done"] == "fired"
    assert {one for _name, one in world.legs_sent()} <= set(STAGES[number])
    assert world.calls["act"] == len(world.accepted)


def test_a_fleet_that_is_home_costs_nothing(world: World) -> None:
    world.add("web", "db", position=P.HOME)
    result = world.slice(order())
    assert result["finished"]
    assert not result["changed"]
    assert {m["done"] for m in result["machines"]} == {"nothing"}
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


# -- replies that are lost, refusals, two runs -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lag", "blind"), [(0.0, False), (20.0, False), (20.0, True)], ids=["prompt", "lagging", "blind"]
)
@pytest.mark.parametrize("fault", ["before", "after", "busy"])
@pytest.mark.parametrize("leg", LEGS)
def test_nothing_is_accepted_twice_when_a_reply_is_lost(
    world: World, leg: str, fault: str, lag: float, blind: bool
) -> None:
    number, position, verb = LEGS[leg]
    world.lag, world.blind = lag, blind
    world.add("web", "db", position=position)
    world.faults["web", verb] = [fault]
    result = world.go(stage(number, "web", "db"))
    assert set(Counter(world.legs_sent()).values()) == {1}
    assert ("web", leg) in world.legs_sent()
    told = of(result, "web")
    assert told["done"] in ("fired", "adopted")
    assert told["changed"]
    assert of(result, "db")["done"] == "fired"
    # A request that left again for one machine is the whole price.
    assert world.calls["act"] == len(world.accepted) + (fault != "after")


@pytest.mark.parametrize("leg", LEGS)
def test_somebody_elses_operation_is_joined(world: World, leg: str) -> None:
    number, position, verb = LEGS[leg]
    world.lag = 20.0
    world.add("web", position=position)
    world.advance(30)
    world.accept("web", verb)
    result = world.go(stage(number))
    assert Counter(world.legs_sent())["web", leg] == 1
    told = of(result, "web")
    assert told["legs"][0]["done"] == "adopted"
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
    assert Counter(world.legs_sent()) == {(name, leg): 1 for name in ("web", "db") for leg in WAY_HOME}


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
    for dummy in range(20):
        result = world.slice(stage(2), cursor)
        cursor = result["cursor"]
        if result["finished"]:
            break
    assert result["finished"]
    assert of(result, "web")["code"] == "95265"
    assert world.legs_sent() == [("web", "reprotect_to_onprem")]


def test_a_definite_refusal_ends_one_machine_in_the_services_words(world: World) -> None:
    world.add("web", "db")
    world.faults["web", "reProtect"] = ["refuse"]
    result = world.go(stage(2, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["changed"]) == ("failed", False)
    assert told["errors"][0]["code"] == "X1"
    assert told["remedy"] == "Mend it."
    assert of(result, "db")["after"] == "ready"
    assert result["progress"]["failed"] == 1


def test_a_machine_that_stays_busy_is_given_up_by_name(world: World) -> None:
    world.add("web", "db")
    world.faults["web", "reProtect"] = ["busy"] * 50
    result = world.go(stage(2, "web", "db"))
    assert of(result, "web")["done"] == "failed"
    assert world.calls["act"] == 5 + 1
    assert of(result, "db")["after"] == "ready"


@pytest.mark.parametrize("fault", ["throttled", "offline"])
@pytest.mark.parametrize("leg", LEGS)
def test_what_was_not_accepted_and_is_nobodys_fault_is_sent_again(world: World, leg: str, fault: str) -> None:
    number, position, verb = LEGS[leg]
    world.add("web", position=position)
    world.faults["web", verb] = [fault] * 8
    told = of(world.go(stage(number)), "web")
    assert told["done"] == "fired"
    assert Counter(world.legs_sent())["web", leg] == 1
    assert world.calls["get_item"] == 0


@pytest.mark.parametrize("leg", LEGS)
def test_a_machine_that_only_looks_busy_is_not_taken_for_one_that_moved(world: World, leg: str) -> None:
    """Refused, and its own GET allows nothing and names no job: a few careful tries, never one a second."""
    number, position, verb = LEGS[leg]
    world.add("web", position=position)
    world.hollow.add("web")
    world.faults["web", verb] = ["busy"] * 9
    cursor = world.slice(stage(number))["cursor"]
    result = world.slice(stage(number), cursor)
    assert world.calls["act"] <= 2
    assert of(result, "web")["done"] == "waiting"
    assert not result["changed"]


# -- jobs that end otherwise -------------------------------------------------------------------------------------


@pytest.mark.parametrize("leg", LEGS)
def test_a_retryable_failure_is_repeated_and_raises_the_floor(world: World, leg: str) -> None:
    number, position, _verb = LEGS[leg]
    world.add("web", position=position)
    world.outcomes["web", leg] = [("Failed", [error_json(95226, "No way to the server.")])] * 2
    result = world.go(stage(number, retries=2))
    told = of(result, "web")
    assert told["done"] == "fired"
    assert told["changed"]
    assert Counter(world.legs_sent())["web", leg] == 3
    assert [w["code"] for w in told["warnings"]] == ["95226", "95226"]
    assert "No way to the server." in told["warnings"][0]["message"]
    writes, floor = spent(result)
    assert writes == floor == len(world.accepted)
    starts = sorted(job.start for job in world.jobs.values() if job.leg == leg)
    ends = sorted(job.end for job in world.jobs.values() if job.leg == leg)
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
@pytest.mark.parametrize("leg", LEGS)
def test_any_other_end_fails_the_machine_and_no_other(
    world: World, leg: str, state: str, errors: list[dict[str, Any]], code: str
) -> None:
    number, position, _verb = LEGS[leg]
    world.add("web", "db", position=position)
    world.outcomes["web", leg] = [(state, errors)]
    result = world.go(stage(number, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["code"], told["changed"]) == ("failed", code, False)
    assert state in told["reason"]
    assert told["remedy"]
    assert [e["code"] for e in told["errors"]] == [e["providerErrorDetails"]["errorCode"].__str__() for e in errors]
    assert Counter(world.legs_sent())["web", leg] == 1
    assert of(result, "db")["done"] == "fired"


@pytest.mark.parametrize("leg", LEGS)
def test_a_success_with_something_to_say_is_a_success_and_says_it(world: World, leg: str) -> None:
    number, position, _verb = LEGS[leg]
    world.add("web", position=position)
    world.outcomes["web", leg] = [("CompletedWithInformation", [error_json(28175, "Renamed.")])]
    told = of(world.go(stage(number)), "web")
    assert told["done"] == "fired"
    assert [(w["code"], w["message"]) for w in told["warnings"]] == [("28175", "Renamed.")]
    assert told["errors"] == []


def test_a_failed_job_is_told_although_the_machine_is_left_without_operations(world: World) -> None:
    """allowedOperations may stay [] after a failure: the job's end is found all the same."""
    world.add("web", position=P.READY, allowedOperations=["UnplannedFailover"])
    world.outcomes["web", "failover_to_onprem"] = [("Failed", [error_json(95265, "No datastore.")])]
    cursor = world.slice(stage(3))["cursor"]
    world.extra["web"]["allowedOperations"] = []
    for dummy in range(60):
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
    for dummy in range(slices):
        cursor = world.slice(stage(2, "web", "db"), cursor)["cursor"]
    world.become("web", listed=False)
    result = {"finished": False}
    for dummy in range(500):
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
    for dummy in range(500):
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
    for dummy in range(2000):
        result = world.slice(stage(2, "web", "db"), cursor)
        cursor = result["cursor"]
        if not early and result["progress"]["done"] == 1:
            early = of(result, "web")
            world.become("web", listed=False)
        if result["finished"]:
            break
    assert early["after"] == "ready"
    late = of(result, "web")
    assert (late["after"], late["changed"], late["done"]) == ("ready", True, "fired")


def test_ids_that_change_their_case_are_the_same_machine_and_the_same_job(world: World) -> None:
    world.shouts = True
    world.add("web", "db")
    result = world.go(order())
    assert len(result["machines"]) == 2
    assert Counter(world.legs_sent()) == {(name, leg): 1 for name in ("web", "db") for leg in WAY_HOME}
    assert result["requests"]["reads"] == result["requests"]["floor"]["reads"]


# -- each and together -------------------------------------------------------------------------------------------


def first(world: World, leg: str) -> Any:
    return min(job.start for job in world.jobs.values() if job.leg == leg)


def last(world: World, leg: str) -> Any:
    return max(job.start for job in world.jobs.values() if job.leg == leg)


@pytest.mark.parametrize("lag", LAGS)
def test_each_machine_goes_home_as_soon_as_it_can(world: World, lag: float) -> None:
    world.lag = lag
    world.add("quick", "slow")
    world.sync_factor["slow"] = 10.0
    world.go(order(advance="each"))
    assert first(world, "reprotect_to_azure") < last(world, "failover_to_onprem")


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("position", [P.OUT, P.SYNCING_HOME, P.READY])
def test_together_nobody_starts_a_leg_before_the_others_have_ended_the_one_before(
    world: World, lag: float, position: Position
) -> None:
    world.lag = lag
    world.add("quick", position=position)
    world.add("slow", position=P.OUT)
    world.sync_factor["slow"] = 5.0
    # The slow one is tried again once in every leg: a pause before a repetition holds the others as well.
    for leg in WAY_HOME:
        world.outcomes["slow", leg] = [("Failed", [error_json(95226)])]
    result = world.go(order(advance="together"))
    assert [m["after"] for m in result["machines"]] == ["home", "home"]
    for before, after in itertools.pairwise(WAY_HOME):
        assert max(j.end for j in world.jobs.values() if j.leg == before) <= first(world, after)


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
    assert sorted(world.legs_sent()) == [("db", "reprotect_to_onprem"), ("web", "reprotect_to_onprem")]
    assert world.spent == 0
    for name in ("web", "db"):
        told = of(result, name)
        assert (told["done"], told["job"]) == ("fired", told["legs"][0]["job"])
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
    assert (told["after"], told["done"], told["legs"][0]["state"]) == (after, "fired", "Succeeded")
    assert world.spent < 1100


@pytest.mark.parametrize(
    ("number", "position", "before"), [(3, P.READY, "home_uncommitted"), (1, P.HOME, "out_uncommitted")]
)
def test_a_commit_is_held_for_a_person(world: World, number: int, position: Position, before: str) -> None:
    world.add("web", position=position)
    result = world.go(stage(number, commit_when="manual", continue_command="ansible-playbook go-on"))
    told = of(result, "web")
    assert (told["done"], told["after"], told["code"], told["changed"]) == ("held", before, "commit_held", True)
    assert told["remedy"].endswith("Then go on: ansible-playbook go-on")
    assert [leg for _name, leg in world.legs_sent()] == [STAGES[number][0]]
    # The word given, the same command goes on.
    assert of(world.go(stage(number)), "web")["done"] == "fired"
    assert [leg for _name, leg in world.legs_sent()] == list(STAGES[number])


def test_on_the_way_home_a_held_machine_does_not_hold_the_run(world: World) -> None:
    world.add("web", "db")
    result = world.go(order(commit_when="manual", advance="together"))
    assert {m["done"] for m in result["machines"]} == {"held"}
    assert result["progress"]["done"] == 2


# -- proofs ------------------------------------------------------------------------------------------------------

STRAY = SiteMachine("vm-stray", "web", "uuid-web", powered_on=True)
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
        (None, [azure_json("web", "deallocated"), azure_json("web", "deallocated")], "azure_vm_ambiguous"),
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
    assert ("web", "commit_to_onprem") not in world.legs_sent()
    told = of(result, "web")
    assert (told["done"], told["code"], told["after"]) == ("refused", code, "home_uncommitted")
    assert told["reason"].startswith("Not committed: ")
    assert of(result, "db")["after"] == "home_unprotected"


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
    assert ("web", "commit_to_azure") not in world.legs_sent()
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("refused", code)
    assert of(result, "db")["after"] == "out"


def test_a_machine_that_is_still_starting_is_given_a_little_time(world: World) -> None:
    world.add("web", position=P.READY)
    world.site_says["web"] = (OFF,)
    cursor = None
    for dummy in range(500):
        result = world.slice(stage(3), cursor)
        cursor = result["cursor"]
        if "proven" in (of(result, "web")["reason"] or ""):
            world.site_says.clear()
        if result["finished"]:
            break
    assert of(result, "web")["after"] == "home_unprotected"
    assert world.legs_sent() == [("web", "failover_to_onprem"), ("web", "commit_to_onprem")]


def uncommitted(world: World, name: str, state: str) -> None:
    """A machine found failed over whose failover's job ended in a word."""
    world.add(name, position=P.READY)
    world.accept(name, "unplannedFailover")
    world.advance(300)
    for job in world.jobs.values():
        if job.machine == name and job.leg == "failover_to_onprem":
            job.state = state


@pytest.mark.parametrize("state", ["Failed", "Cancelled", "NeverSeen"])
def test_a_failover_that_did_not_succeed_is_never_committed(world: World, state: str) -> None:
    uncommitted(world, "web", state)
    uncommitted(world, "db", "Succeeded")
    result = world.go(stage(3, "web", "db"))
    assert (of(result, "web")["code"], of(result, "db")["after"]) == ("failover_not_succeeded", "home_unprotected")
    assert ("web", "commit_to_onprem") not in world.legs_sent()


def test_a_failover_whose_job_nobody_lists_is_never_committed(world: World) -> None:
    world.add("web", position=P.HOME_UNCOMMITTED)
    world.jobs.clear()
    result = world.go(stage(3))
    assert of(result, "web")["code"] == "failover_job_not_found"
    assert world.accepted == []


def test_an_older_failovers_success_proves_nothing(world: World) -> None:
    """The job of the way out is listed, the one of the way home is not: the commit is not proven by the former."""
    world.add("web", position=P.HOME)
    for verb in ("unplannedFailover", "failoverCommit", "reProtect", "unplannedFailover"):
        world.accept("web", verb)
        world.advance(2000)
    home = next(name for name, job in world.jobs.items() if job.leg == "failover_to_onprem")
    del world.jobs[home]
    result = world.go(stage(3))
    assert ("web", "commit_to_onprem") not in world.legs_sent()
    assert of(result, "web")["code"] == "failover_job_not_found"


def test_proofs_are_read_for_all_machines_at_once(world: World) -> None:
    names = [f"m{n:02}" for n in range(20)]
    world.add(*names, position=P.READY)
    world.go(stage(3, *names))
    assert world.calls["site"] <= 3
    assert world.calls["list_azure_machines"] <= 3


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
        assert sorted(world.legs_sent()) == sorted(steady.legs_sent()), f"lost at slice {lost}"
        assert {m["after"] for m in result["machines"]} == {"home"}, f"lost at slice {lost}"
        assert {world.state(name).position for name in world.states} == {P.HOME}


@pytest.mark.parametrize("lag", LAGS)
def test_a_cursor_lost_every_time_costs_no_write(lag: float) -> None:
    world = World(lag=lag)
    world.add("web", "db")
    result = world.go(order(), lambda cursor, number: None)
    assert Counter(world.legs_sent()) == {(name, leg): 1 for name in ("web", "db") for leg in WAY_HOME}
    assert {m["after"] for m in result["machines"]} == {"home"}


def test_the_cursor_is_plain_small_and_without_secrets(world: World) -> None:
    world.add("web")
    cursor = world.slice(order())["cursor"]
    assert len(json.dumps(cursor)) < 3000
    assert json.loads(json.dumps(cursor)) == cursor


# -- cost --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pace", [20.0, 60.0])
def test_the_services_pace_is_kept_over_slices(world: World, pace: float) -> None:
    """A slice of 25 s must look once to tell where all stand; beyond that no list is read before its time."""
    world.pace = pace
    world.add("web")
    cursor = None
    for dummy in range(12):
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


def test_the_chosen_point_is_sent_and_told(world: World) -> None:
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


def test_a_machine_whose_points_cannot_be_read_is_refused_and_the_others_go_on(world: World) -> None:
    world.points = [point_json("p1", world.now)]
    world.add("web", "db", position=P.HOME)
    world.unreadable.add("web")
    result = world.slice(stage(1, "web", "db", recovery_point="latest_processed", wait=False))
    assert of(result, "web")["code"] == "read_failed"
    assert world.legs_sent() == [("db", "failover_to_azure")]


def test_a_failover_whose_job_cannot_be_read_is_not_committed_and_the_others_are(world: World) -> None:
    world.add("web", "db", position=P.HOME_UNCOMMITTED)
    world.unreadable.add("web")
    result = world.go(stage(3, "web", "db"))
    assert of(result, "web")["done"] == "refused"
    assert world.legs_sent() == [("db", "commit_to_onprem")]


def test_a_late_agent_is_waited_for(world: World) -> None:
    world.add("web", position=P.READY)
    world.agent_delay = 600.0
    world.go(order())
    failover = next(j for j in world.jobs.values() if j.leg == "failover_to_onprem")
    assert first(world, "reprotect_to_azure") >= failover.end + timedelta(seconds=600)


def test_progress_names_the_slowest(world: World) -> None:
    world.add("web", position=P.READY)
    world.add("db", position=P.OUT)
    result = world.slice(order())
    assert result["progress"]["running"] == 2
    assert result["progress"]["slowest"]
    assert result["progress"]["waiting_for"]
    assert result["vaults"][0]["generation"] == "classic"
