# SPDX-License-Identifier: GPL-3.0-or-later
"""A consistency group moves as one: a step for all its members or none, the next one when all have taken it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from builders import (
    STAGES,
    START,
    VAULT,
    WAY_HOME,
    error_json,
    fabric_json,
    item_id,
    of,
    order,
    point_json,
    stage,
    target_json,
)
from world import STEPS, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteDisk, SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

P = Position
SHOP = {"multiVmGroupName": "shop", "multiVmGroupId": "G-1"}
TILL = {"multiVmGroupName": "till"}
NAMES = ("a1", "a2", "a3")


def choosing(**wishes: Any) -> Order:
    return Order(vaults=(VAULT,), route=tuple(WAY_HOME), commit_when="verified", **wishes)


def plan_json(name: str, *members: str, actions: tuple[str, ...] = ()) -> dict[str, Any]:
    manual = [{"actionName": a, "customDetails": {"instanceType": "ManualActionDetails"}} for a in actions]
    items = [{"id": item_id(member)} for member in members]
    return {"name": name, "properties": {"groups": [{"replicationProtectedItems": items, "startGroupActions": manual}]}}


OFF = SiteMachine(
    "vm-a3",
    "a3",
    "uuid-a3",
    powered_on=False,
    disks=(SiteDisk("[ds1] a3.vmdk"),),
    tools="running",
    addresses=("10.0.0.5",),
)


def fleet(world: World, position: P = P.OUT) -> World:
    """Two groups, of which the second is well, and a machine of its own."""
    world.add(*NAMES, position=position, details=dict(SHOP))
    world.add("t1", "t2", position=position, details=dict(TILL))
    world.add("solo", position=position)
    return world


def sent(world: World, *names: str) -> set[str]:
    return {step for name, step in world.steps_sent() if name in names}


def held(result: dict[str, Any], name: str, *words: str) -> None:
    told = of(result, name)
    assert (told["done"], told["code"]) == ("held", "group_held"), told
    for word in ("a3", "'shop'", *words):
        assert word in told["reason"]
    assert "{set:split_groups=true}" in told["remedy"] or "approve" in told["remedy"]


@pytest.mark.parametrize("advance", ["each", "together"])
@pytest.mark.parametrize("lag", [0.0, 20.0])
@pytest.mark.parametrize("step", WAY_HOME)
def test_a_member_that_fails_holds_its_fellows_before_the_next_step(
    world: World, step: str, lag: float, advance: str
) -> None:
    fleet(world).lag = lag
    world.outcomes["a3", step] = [("Failed", [error_json(28031)])]
    result = world.go(order(advance=advance))
    assert of(result, "a3")["done"] == "failed"
    walked = set(WAY_HOME[: WAY_HOME.index(step) + 1])
    assert sent(world, "a1") == sent(world, "a2") == walked
    if step == WAY_HOME[-1]:
        # The last step was sent for all, and nothing follows.
        assert {of(result, name)["after"] for name in ("a1", "a2")} == {"home"}
    else:
        for name in ("a1", "a2"):
            held(result, name, "failed")
    for name in ("t1", "t2", "solo"):
        assert of(result, name)["after"] == "home"


@pytest.mark.parametrize("advance", ["each", "together"])
def test_a_group_starts_each_step_in_the_same_second(world: World, advance: str) -> None:
    fleet(world)
    world.sync_factor["a2"] = 7.0
    result = world.go(order(advance=advance))
    assert {m["after"] for m in result["machines"]} == {"home"}
    for step in WAY_HOME:
        starts = {job.start for job in world.jobs.values() if job.step == step and job.machine in NAMES}
        assert len(starts) == 1


@pytest.mark.parametrize("advance", ["each", "together"])
def test_a_member_that_cannot_begin_holds_all_before_anything_is_sent(world: World, advance: str) -> None:
    fleet(world)
    world.add("a3", position=P.OUT_UNCOMMITTED, details=dict(SHOP))
    result = world.go(order(advance=advance))
    assert of(result, "a3")["code"] == "commit_first"
    for name in ("a1", "a2"):
        held(result, name, "refused", "not committed")
    assert sent(world, *NAMES) == set()
    assert of(result, "t1")["after"] == of(result, "solo")["after"] == "home"


@pytest.mark.parametrize("position", [P.SYNCING_HOME, P.OUT])
def test_a_failover_home_waits_for_no_member_that_is_not_ready_in_its_stage(world: World, position: P) -> None:
    fleet(world, P.READY)
    world.add("a3", position=position, details=dict(SHOP))
    result = world.go(stage(3, "all"))
    for name in ("a1", "a2"):
        held(result, name, "refused")
    assert sent(world, *NAMES) == set()


def test_members_that_are_further_on_are_no_obstacle(world: World) -> None:
    """The rest catches up, and then all go on together."""
    world.add("a1", position=P.OUT, details=dict(SHOP))
    world.add("a2", position=P.READY, details=dict(SHOP))
    world.add("a3", position=P.HOME, details=dict(SHOP))
    result = world.go(order())
    assert {m["after"] for m in result["machines"]} == {"home"}
    starts = {j.start for j in world.jobs.values() if j.step == "failover_to_onprem"}
    assert len(starts) == 1
    assert sent(world, "a3") == set()


def test_a_step_refused_by_the_service_for_one_is_finished_by_the_others(world: World) -> None:
    fleet(world)
    world.faults["a3", "reProtect"] = ["refuse"]
    result = world.go(order())
    for name in ("a1", "a2"):
        held(result, name, "failed")
        assert of(result, name)["after"] == "ready"
    assert sent(world, "a1") == {"reprotect_to_onprem"}


@pytest.mark.parametrize("fault", ["before", "after", "throttled", "offline", "busy"])
@pytest.mark.parametrize("step", WAY_HOME)
def test_one_members_trouble_on_the_way_to_the_service_makes_the_others_wait(
    world: World, fault: str, step: str
) -> None:
    fleet(world)
    world.faults["a3", STEPS[step][2]] = [fault]
    result = world.go(order())
    assert {m["after"] for m in result["machines"]} == {"home"}
    assert len(world.accepted) == len(world.states) * len(WAY_HOME)
    ends = {name: {j.step: j.end for j in world.jobs.values() if j.machine == name} for name in NAMES}
    starts = {name: {j.step: j.start for j in world.jobs.values() if j.machine == name} for name in NAMES}
    for before, after in itertools.pairwise(WAY_HOME):
        assert max(ends[n][before] for n in NAMES) <= min(starts[n][after] for n in NAMES)


@pytest.mark.parametrize("advance", ["each", "together"])
def test_a_commit_waits_until_all_members_are_proven(world: World, advance: str) -> None:
    fleet(world, P.READY)
    world.site_says["a3"] = (OFF,)
    result = world.go(stage(3, "all", advance=advance))
    assert of(result, "a3")["code"] == "onprem_not_running"
    for name in ("a1", "a2"):
        held(result, name, "not powered on")
        assert of(result, name)["after"] == "home_uncommitted"
    assert "commit_to_onprem" not in sent(world, *NAMES)
    assert "commit_to_onprem" in sent(world, "t1") & sent(world, "solo")


def test_a_commit_goes_when_the_last_member_is_proven(world: World) -> None:
    fleet(world, P.READY)
    world.site_says["a3"] = (OFF,)
    cursor = None
    for _dummy in range(200):
        result = world.slice(stage(3, "all"), cursor)
        cursor = result["cursor"]
        if "a3" in (of(result, "a1")["reason"] or ""):
            assert "commit_to_onprem" not in sent(world, *NAMES)
            world.site_says["a3"] = (replace(OFF, powered_on=True),)
        if result["finished"]:
            break
    starts = {j.start for j in world.jobs.values() if j.step == "commit_to_onprem" and j.machine in NAMES}
    assert len(starts) == 1
    assert {of(result, name)["after"] for name in NAMES} == {"home_unprotected"}


def test_a_member_without_a_place_holds_its_fellows(world: World) -> None:
    """The operating system of one fits no account: nothing of the group is sent, the others go home."""
    fleet(world)
    world.fabric = fabric_json([target_json("mt-a")])
    world.extra["a3"] = {"details": {**SHOP, "protectedDisks": [{"diskId": str(n)} for n in range(61)]}}
    result = world.go(order())
    assert sent(world, *NAMES) == set()
    assert all(of(result, name)["done"] in ("held", "refused") for name in NAMES)
    assert of(result, "solo")["after"] == "home"


def test_a_member_whose_points_cannot_be_read_holds_its_fellows(world: World) -> None:
    fleet(world, P.HOME)
    world.points = [point_json("p1", world.now)]
    world.unreadable.add("a3")
    wanted = [*NAMES, "solo"]
    result = world.slice(stage(1, *wanted, recovery_point="latest_processed", wait=False))
    # They may be readable in a minute: until patience is used up all three wait.
    assert {of(result, name)["done"] for name in NAMES} == {"waiting"}
    assert sent(world, *NAMES) == set()
    result = world.go(stage(1, *wanted, recovery_point="latest_processed", wait=False))
    assert of(result, "a3")["code"] == "read_failed"
    for name in ("a1", "a2"):
        held(result, name)
    assert sent(world, *NAMES) == set()


def test_a_member_that_vanishes_holds_its_fellows(world: World) -> None:
    fleet(world)
    cursor = None
    for number in range(2000):
        result = world.slice(order(), cursor)
        cursor = result["cursor"]
        if number == 1:
            world.become("a3", listed=False)
            world.gone.add("a3")
        if result["finished"]:
            break
    assert of(result, "a3")["code"] == "item_gone"
    for name in ("a1", "a2"):
        held(result, name, "no longer in the vault")
    assert sent(world, "a1") == {"reprotect_to_onprem"}


def test_what_stopped_is_remembered_by_a_run_that_lost_its_cursor(world: World) -> None:
    fleet(world)
    world.outcomes["a3", "reprotect_to_onprem"] = [("Failed", [error_json(28031)])] * 9
    result = world.go(order(), cursor_of=lambda cursor, number: None if number % 3 == 0 else cursor)
    assert "failover_to_onprem" not in sent(world, *NAMES)
    assert of(result, "solo")["after"] == "home"


def buckets(*levels: int) -> Callable[[], int]:
    """The write bucket's tokens, look by look; the last level stays."""
    looks = itertools.chain(levels, itertools.repeat(levels[-1]))
    return lambda: next(looks)


@pytest.mark.parametrize("levels", [(1, 2, 3, 4, 9), (2, 2, 2, 2)])
def test_the_write_bucket_never_cuts_a_group(world: World, levels: tuple[int, ...]) -> None:
    """It waits until the bucket holds enough; where the bucket is full and still too small, the group leaves all the same."""
    world.add(*NAMES, details=dict(SHOP))
    world.add("zz")
    tokens = buckets(*levels)
    world.tokens = tokens
    world.go(stage(2, "all"))
    starts = {j.start for j in world.jobs.values() if j.machine in NAMES}
    assert len(starts) == 1
    assert len(world.accepted) == 4


@pytest.mark.parametrize("position", [P.READY, P.HOME])
def test_an_approval_of_one_member_does_not_approve_the_group(world: World, position: P) -> None:
    """Held members keep their own reason; nobody of the group is committed."""
    fleet(world, position)
    number = 3 if position is P.READY else 1
    names = [*NAMES, "t1", "t2", "solo"]
    result = world.go(stage(number, *names, commit_when="manual"))
    assert {m["done"] for m in result["machines"]} == {"awaiting_approval"}
    assert not any(step.startswith("commit") for _name, step in world.steps_sent())


@pytest.mark.parametrize("position", [P.READY, P.HOME_UNCOMMITTED, P.HOME])
@pytest.mark.parametrize("advance", ["each", "together"])
def test_approving_a_part_of_a_group_holds_the_whole_group(world: World, position: P, advance: str) -> None:
    fleet(world, position)
    number = 1 if position is P.HOME else 3
    wanted = stage(
        number, *NAMES, "t1", "t2", "solo", commit_when="manual", approved=("a1", "a2", "t*"), advance=advance
    )
    result = world.go(wanted)
    for name in ("a1", "a2"):
        held(result, name, "approval")
        assert "a3" in of(result, name)["remedy"]
    assert of(result, "a3")["code"] == of(result, "solo")["code"] == "awaiting_approval"
    committed = {name for name, step in world.steps_sent() if step.startswith("commit")}
    assert committed == {"t1", "t2"}
    # All of them approved, the whole group goes.
    world.go(stage(number, *NAMES, commit_when="manual", approved=("shop",)))
    starts = {j.start for j in world.jobs.values() if j.step.startswith("commit") and j.machine in NAMES}
    assert len(starts) == 1
    assert {name for name, step in world.steps_sent() if step.startswith("commit")} >= set(NAMES)


def test_check_mode_foretells_that_a_part_of_a_group_is_approved(world: World) -> None:
    fleet(world, P.HOME_UNCOMMITTED)
    result = world.slice(order(commit_when="manual", approved=("a1", "a2", "solo"), check=True))
    assert {e["machine"] for e in result["plan"] if e["step"].startswith("commit")} == {"solo"}
    for name in ("a1", "a2"):
        held(result, name, "approval")


@pytest.mark.parametrize("how", ["commit_first", "unproven", "no place"])
def test_check_mode_foretells_what_a_group_holds(world: World, how: str) -> None:
    if how == "unproven":
        fleet(world, P.HOME_UNCOMMITTED)
        world.site_says["a3"] = (OFF,)
    else:
        fleet(world)
    if how == "commit_first":
        world.add("a3", position=P.OUT_UNCOMMITTED, details=dict(SHOP))
    if how == "no place":
        world.extra["a3"] = {"details": {**SHOP, "osType": "Linux"}}
    checked = world.slice(order(check=True))
    assert {e["machine"] for e in checked["plan"]} == {"t1", "t2", "solo"}
    done = world.go(order())
    for name in world.states:
        foretold, came = of(checked, name), of(done, name)
        assert (foretold["code"], foretold["after"]) == (came["code"], came["after"])


#: How far each position is in a failback, and from where each step departs.
ALONG = (P.OUT, P.SYNCING_HOME, P.READY, P.HOME_UNCOMMITTED, P.HOME_UNPROTECTED, P.SYNCING_OUT, P.HOME)


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_no_member_is_ahead_of_the_others(world: World, seed: int) -> None:
    """Odd starts, failures, lost replies, late lists, small buckets: no step begins before all members stand at its start."""
    chance = random.Random(seed)
    for name in NAMES:
        world.add(name, position=chance.choice((P.OUT, P.OUT, P.READY, P.HOME)), details=dict(SHOP))
    world.add("solo")
    world.lag = chance.choice((0.0, 20.0, 90.0))
    world.sync_factor[chance.choice(NAMES)] = chance.choice((0.2, 8.0))
    world.tokens = buckets(*(chance.randrange(5) for _dummy in range(9)), 5)
    for _dummy in range(3):
        name, step = chance.choice(NAMES), chance.choice(WAY_HOME)
        world.faults[name, STEPS[step][2]].append(chance.choice(("before", "after", "throttled", "busy", "refuse", "")))
        code = chance.choice((28031, 95226))
        world.outcomes[name, step].append(chance.choice((("Failed", [error_json(code)]), ("Succeeded", []))))
    if chance.random() < 0.3:
        world.site_says["a3"] = (OFF,)
    world.go(order(advance=chance.choice(("each", "together"))))
    for job in world.jobs.values():
        if job.machine not in NAMES or job.step not in WAY_HOME or job.start < START:
            continue
        for fellow in NAMES:
            stood = [state for when, state in world.states[fellow] if when <= job.start][-1]
            assert ALONG.index(stood.position) >= ALONG.index(STEPS[job.step][1]), (job, fellow, stood)


# -- what is chosen ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wishes",
    [
        {"machines": ("a1",)},
        {"machines": ("a[12]", "solo")},
        {"machines": ("all",), "exclude": ("a3",)},
        {"groups": ("shop",), "exclude": ("a1",)},
        {"recovery_plans": ("plan-a1",)},
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_a_part_of_a_group_is_refused(world: World, wishes: dict[str, Any], check: bool) -> None:
    fleet(world)
    world.plans = [plan_json("plan-a1", "a1")]
    with pytest.raises(InputError) as caught:
        world.slice(choosing(check=check, **wishes))
    error = caught.value
    assert error.code == "group_split"
    (part,) = error.details["groups"]
    assert part["group"] == "shop"
    assert sorted([*part["chosen"], *part["missing"]]) == list(NAMES)
    for word in (*NAMES, "'shop'", "{set:split_groups=true}", "common recovery point"):
        assert word in error.sentence()
    assert world.calls["act"] == 0


@pytest.mark.parametrize("route", [STAGES[1], STAGES[2], STAGES[3], STAGES[4], ("cancel_failover_to_onprem",)])
def test_every_stage_refuses_a_part_of_a_group(world: World, route: tuple[str, ...]) -> None:
    fleet(world)
    with pytest.raises(InputError) as caught:
        world.slice(order(route, "a1", confirm_failover_to_azure=True, confirm_cancel=True))
    assert caught.value.code == "group_split"


def test_a_member_of_another_provider_is_missing(world: World) -> None:
    fleet(world)
    world.extra["a3"] = {"details": {**SHOP, "instanceType": "A2A"}}
    for wishes in ({"groups": ("shop",)}, {"machines": ("all",)}, {"machines": NAMES}):
        with pytest.raises(InputError) as caught:
            world.slice(choosing(**wishes))
        assert caught.value.details["groups"][0]["missing"] == ["a3"]
    result = world.go(choosing(groups=("shop",), split_groups=True))
    assert of(result, "a3")["code"] == "provider_not_supported"
    assert of(result, "a1")["after"] == "home"


def test_a_group_that_the_user_splits_is_warned(world: World) -> None:
    fleet(world)
    world.outcomes["a1", "reprotect_to_onprem"] = [("Failed", [error_json(28031)])]
    result = world.go(choosing(machines=("a1", "a2"), split_groups=True))
    (warning,) = [w for w in of(result, "a2")["warnings"] if w["code"] == "group_split"]
    assert "a3" in warning["message"]
    assert "common recovery point" in warning["message"]
    # Those that are chosen are still a unit.
    assert of(result, "a2")["code"] == "group_held"
    assert sent(world, "a3") == set()


def test_a_split_group_that_is_home_is_not_warned(world: World) -> None:
    fleet(world, P.HOME)
    result = world.go(choosing(machines=("a1",), split_groups=True))
    assert of(result, "a1")["warnings"] == []


def test_a_group_id_without_a_name_is_no_group(world: World) -> None:
    world.add("a1", "a2", details={"multiVmGroupId": "g", "multiVmGroupName": None})
    assert of(world.go(choosing(machines=("a1",))), "a1")["after"] == "home"


# -- plans -------------------------------------------------------------------------------------------------------


def test_a_plans_member_that_is_gone_is_a_row_and_the_others_go_home(world: World) -> None:
    world.add("web")
    world.plans = [plan_json("shop", "web", "lost", "late")]
    # A list that leaves a machine out is not the truth yet.
    world.add("late")
    world.become("late", listed=False)
    result = world.go(choosing(recovery_plans=("shop",)))
    told = of(result, "rpi-lost")
    assert (told["done"], told["code"], told["before"], told["after"]) == (
        "refused",
        "plan_member_gone",
        "unknown",
        "unknown",
    )
    assert told["vault"] == "vault-dr"
    assert told["item_id"].endswith("/rpi-lost")
    assert "'shop'" in told["reason"]
    assert told["remedy"]
    assert of(result, "web")["after"] == "home"
    assert of(result, "late")["before"] == "out"


def test_a_plan_of_which_everybody_is_gone_is_no_green_run(world: World) -> None:
    world.add("web")
    world.plans = [plan_json("shop", "x", "y")]
    for check in (True, False):
        result = world.slice(choosing(recovery_plans=("shop",), check=check))
        assert result["finished"]
        assert {m["code"] for m in result["machines"]} == {"plan_member_gone"}
        assert len(result["machines"]) == 2


def test_a_plans_member_of_another_provider_is_a_row(world: World) -> None:
    world.add("web")
    world.add("cloud", details={"instanceType": "A2A"})
    world.plans = [plan_json("shop", "web", "cloud")]
    result = world.go(choosing(recovery_plans=("shop",)))
    assert of(result, "cloud")["code"] == "provider_not_supported"
    assert of(result, "web")["after"] == "home"


def test_what_is_left_out_or_not_run_is_said_in_every_slice(world: World) -> None:
    world.add("web")
    world.add("cloud", details={"instanceType": "A2A"})
    world.plans = [plan_json("shop", "web", actions=("gate",))]
    result = world.go(choosing(machines=("all",), recovery_plans=("shop",)))
    said = " ".join(result["warnings"])
    for word in ("'all'", "cloud", "A2A", "'gate'", "Not applied"):
        assert word in said


def test_a_run_of_no_machine_says_so(world: World) -> None:
    result = world.slice(choosing(machines=("all",)))
    assert result["finished"]
    assert "list no machines" in result["warnings"][0]
