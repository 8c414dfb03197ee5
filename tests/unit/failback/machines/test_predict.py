# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode says beforehand what the run then does: who, which request, which body, in which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from builders import STAGES, WAY_HOME, azure_json, of, order, point_json, target_json
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

P = Position


def check(world: World, route: tuple[str, ...] = WAY_HOME, *machines: str, **wishes: Any) -> dict[str, Any]:
    """A check, which is one slice, takes no time and sends nothing."""
    before = (world.calls["act"], world.spent)
    result = world.slice(order(route, *machines, check=True, **wishes))
    assert (world.calls["act"], world.spent) == before
    assert result["finished"]
    assert result["requests"]["writes"] == 0
    return result


def planned(result: dict[str, Any]) -> list[tuple[str, str, Any]]:
    return [(entry["machine"], entry["step"], entry["body"]) for entry in result["plan"]]


def by_step(entries: list[tuple[str, str, Any]]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Steps in the order of their requests, each with its machines and bodies; within a step requests leave side by side."""
    steps: dict[str, list[tuple[str, Any]]] = {}
    for name, step, body in entries:
        steps.setdefault(step, []).append((name, body))
    return [(step, sorted(found, key=lambda one: one[0])) for step, found in steps.items()]


def fleet(world: World) -> World:
    """Somebody at every position of the way, one of them refused."""
    world.fabric["properties"]["customDetails"]["masterTargetServers"] = [
        target_json("mt-a"),
        target_json("mt-b"),
        target_json("mt-l", "Linux"),
    ]
    world.add("a-out", "b-out")
    world.add("c-linux", details={"osType": "Linux"})
    world.add("d-group", "e-group", details={"multiVmGroupName": "shop", "multiVmGroupId": "g"})
    world.add("f-new", position=P.OUT_UNCOMMITTED)
    world.add("g-sync", position=P.SYNCING_HOME)
    world.add("h-ready", position=P.READY)
    world.add("i-back", position=P.HOME_UNCOMMITTED)
    world.add("j-bare", position=P.HOME_UNPROTECTED)
    world.add("k-home", position=P.HOME)
    return world


@pytest.mark.parametrize("route", [WAY_HOME, STAGES[2], STAGES[3], STAGES[4]], ids=["failback", "2", "3", "4"])
def test_the_plan_is_the_run_that_follows(world: World, route: tuple[str, ...]) -> None:
    fleet(world)
    foretold = check(world, route)
    done = world.go(order(route, advance="together"))
    assert planned(foretold)
    assert by_step(planned(foretold)) == by_step(world.accepted)
    for told in done["machines"]:
        said = of(foretold, told["name"])
        assert (said["after"], said["code"], said["reason"]) == (told["after"], told["code"], told["reason"]), told[
            "name"
        ]
        assert (said["before"], said["changed"]) == (told["before"], told["changed"])
        assert (said["done"] == "refused") == (told["done"] == "refused")
    assert foretold["changed"] == done["changed"]


def test_the_plan_is_in_the_order_of_steps_and_names(world: World) -> None:
    plan = check(fleet(world))["plan"]
    assert [WAY_HOME.index(entry["step"]) for entry in plan] == sorted(WAY_HOME.index(entry["step"]) for entry in plan)
    for step in WAY_HOME:
        names = [entry["machine"] for entry in plan if entry["step"] == step]
        # A group has its own name, "shop".
        assert names == sorted(names, key=lambda name: "shop" if "group" in name else name)
    assert {entry["operation"] for entry in plan} == {"reProtect", "unplannedFailover", "failoverCommit"}
    assert {entry["vault"] for entry in plan} == {"vault-dr"}


def test_the_refused_machine_is_named_and_not_in_the_plan(world: World) -> None:
    result = check(fleet(world))
    assert of(result, "f-new")["code"] == "commit_first"
    assert "f-new" not in {entry["machine"] for entry in result["plan"]}
    assert Counter(m["done"] for m in result["machines"])["refused"] == 1


def test_the_first_stage_is_predicted_to_its_commit(world: World) -> None:
    world.add("web", position=P.HOME)
    said = check(world, STAGES[1], "web", confirm_failover_to_azure=True)
    assert [step for _name, step, _body in planned(said)] == list(STAGES[1])
    world.go(order(STAGES[1], "web", confirm_failover_to_azure=True))
    assert by_step(planned(said)) == by_step(world.accepted)


def test_a_plan_ends_where_a_person_is_asked(world: World) -> None:
    world.add("web", position=P.READY)
    said = check(world, commit_when="manual")
    assert [step for _name, step, _body in planned(said)] == ["failover_to_onprem"]
    assert (of(said, "web")["done"], of(said, "web")["after"]) == ("awaiting_approval", "home_uncommitted")
    done = world.go(order(commit_when="manual"))
    assert of(done, "web")["after"] == "home_uncommitted"
    assert by_step(planned(said)) == by_step(world.accepted)


def test_a_broken_proof_is_predicted(world: World) -> None:
    world.add("web", "db", position=P.HOME_UNCOMMITTED)
    world.azure_says["web"] = [azure_json("web", "running")]
    said = check(world, STAGES[3])
    assert (of(said, "web")["done"], of(said, "web")["code"]) == ("refused", "azure_vm_not_stopped")
    assert [name for name, _step, _body in planned(said)] == ["db"]
    # However many machines there are, what proves them is listed once.
    assert world.calls["list_jobs"] == world.calls["site"] == world.calls["list_azure_machines"] == 1


def test_a_machine_without_a_place_is_predicted(world: World) -> None:
    world.add("web")
    world.add("lin", details={"osType": "Linux"})
    said = check(world)
    assert of(said, "lin")["code"] == "master_target_wrong_os"
    assert {name for name, _step, _body in planned(said)} == {"web"}


def test_a_missing_point_is_predicted(world: World) -> None:
    world.points = [point_json("p1", world.now)]
    world.add("web", position=P.READY)
    said = check(world, recovery_point="p9")
    done = world.go(order(recovery_point="p9"))
    assert of(said, "web")["code"] == of(done, "web")["code"] == "recovery_point_missing"
    assert planned(said) == []
    assert world.accepted == []


def test_a_point_is_chosen_as_the_run_chooses_it(world: World) -> None:
    world.points = [point_json("p1", world.now)]
    world.add("web", position=P.READY)
    said = check(world, recovery_point="p1")
    assert planned(said)[0][2]["properties"]["providerSpecificDetails"]["recoveryPointId"] == "points/p1"
    world.go(order(recovery_point="p1"))
    assert by_step(planned(said)) == by_step(world.accepted)


def test_a_machine_refused_at_a_later_step_still_takes_the_ones_before(world: World) -> None:
    world.points = [point_json("p1", world.now)]
    world.add("web")
    said = check(world, recovery_point="p9")
    done = world.go(order(recovery_point="p9"))
    assert by_step(planned(said)) == by_step(world.accepted)
    assert of(said, "web")["code"] == of(done, "web")["code"] == "recovery_point_missing"
    assert of(said, "web")["after"] == of(done, "web")["after"] == "ready"


def test_a_machine_whose_agent_is_late_is_predicted_all_the_same(world: World) -> None:
    world.agent_delay = 3 * 3600.0
    world.add("web")
    said = check(world, STAGES[2], agent_timeout=4 * 3600.0)
    assert [step for _name, step, _body in planned(said)] == list(STAGES[2])


def test_somebody_elses_running_step_is_not_planned_again(world: World) -> None:
    world.add("web")
    world.accept("web", "reProtect")
    world.accepted.clear()
    said = check(world)
    assert [step for _name, step, _body in planned(said)] == list(WAY_HOME[1:])
    world.go(order())
    assert by_step(planned(said)) == by_step(world.accepted)


def test_two_machines_of_one_name_are_kept_apart(world: World) -> None:
    world.add("web")
    world.add("other", position=P.OUT_UNCOMMITTED, friendlyName="web")
    said = check(world)
    assert Counter(m["done"] for m in said["machines"])["refused"] == 1
    assert [step for _name, step, _body in planned(said)] == list(WAY_HOME)


def test_a_fleet_at_home_is_predicted_to_stay(world: World) -> None:
    world.add("web", "db", position=P.HOME)
    said = check(world)
    assert not said["changed"]
    assert planned(said) == []


def test_a_machine_that_only_synchronises_is_predicted_to_move(world: World) -> None:
    world.add("web", position=P.SYNCING_OUT)
    said = check(world)
    assert (of(said, "web")["after"], of(said, "web")["changed"], planned(said)) == ("home", True, [])


@pytest.mark.parametrize(
    "wishes", [{"datastore": "nowhere"}, {"recovery_point": "latest_processed"}, {"machines": ("nobody",)}]
)
def test_wrong_options_end_a_check_as_they_end_a_run(world: World, wishes: dict[str, Any]) -> None:
    world.add("web")
    wanted: Order = order(WAY_HOME, *wishes.pop("machines", ()), check=True, **wishes)
    with pytest.raises(InputError):
        world.slice(wanted)
    assert world.calls["act"] == 0


def test_nothing_that_a_check_saw_moves_the_vault(world: World) -> None:
    fleet(world)
    before = {name: world.state(name) for name in world.states}
    check(world)
    assert {name: world.state(name) for name in world.states} == before
    assert world.accepted == []
