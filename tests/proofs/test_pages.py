# SPDX-License-Identifier: GPL-3.0-or-later
"""A cut body, a repeated page or link, a named machine missing from a list: never trusted."""

from __future__ import annotations

import json

import pytest
from proof_scene import ENDS, Scene, stage_operations, until

LIST = {"method": "GET", "path": r"replicationProtectedItems\?"}
ITEMS = r"replicationProtectedItems\?"


def second_pages() -> dict[str, str]:
    return {"method": "GET", "path": r"replicationProtectedItems\?.*skipToken"}


def finishes(scene: Scene, stage: int, machines: list[str]) -> None:
    for machine in machines:
        assert scene.accepted(machine) == stage_operations(stage)
        assert scene.truth(machine)["phase"] == ENDS[stage]


@pytest.mark.parametrize("path", [ITEMS, "replicationJobs/", r"replicationFabrics\?"])
def test_cut_bodies_are_read_again(scene: Scene, path: str) -> None:
    (machine,) = scene.take("out")
    scene.fault("cut_reply", {"method": "GET", "path": path}, times=2)
    scene.drive(2, [machine]).arrives()
    assert scene.spoiled() == 2
    finishes(scene, 2, [machine])


def test_a_list_that_is_always_cut_ends_the_run_before_the_first_write(scene: Scene) -> None:
    (machine,) = scene.take("home_unprotected")
    scene.fault("cut_reply", {"method": "GET", "path": ITEMS}, times=50)
    run = scene.drive(4, [machine])
    assert run.wait() == 2, run.text()[-3000:]
    assert run.lines()[-1]["code"] == "read_failed"
    assert "list of replicated items" in run.lines()[-1]["msg"]
    assert scene.accepted(machine) == {}
    scene.control("DELETE", "/faults")
    scene.drive(4, [machine]).arrives()
    finishes(scene, 4, [machine])


@pytest.mark.parametrize("action", ["repeat_page", "repeat_link"])
def test_a_repeated_page_or_link_before_the_first_write(scene: Scene, action: str) -> None:
    """With one page in place of another some machines are missing, so the list is worth nothing."""
    machines = scene.take("ready", 2)
    scene.settings(page_size=5)
    scene.fault(action, second_pages(), times=50)
    run = scene.drive(3, machines)
    assert run.wait() == 2, run.text()[-3000:]
    said = run.lines()[-1]
    assert said["code"] == "read_failed", said
    assert all(scene.accepted(machine) == {} for machine in machines)
    scene.control("DELETE", "/faults")
    scene.drive(3, machines).arrives()
    finishes(scene, 3, machines)


@pytest.mark.parametrize("action", ["repeat_page", "repeat_link"])
def test_a_repeated_page_or_link_in_the_middle(scene: Scene, action: str) -> None:
    """The operation is accepted, then the lists go wrong: the run may end, but nothing is sent twice and nothing is lost."""
    (machine,) = scene.take("ready")
    scene.settings(page_size=5)
    gate = scene.hold({"operation": "failover/to_onprem", "item": machine})
    run = scene.drive(3, [machine])
    scene.held(gate, run)
    scene.fault(action, second_pages(), times=50)
    scene.release(gate)
    assert run.wait() == 2, run.text()[-3000:]
    assert run.lines()[-1]["code"] == "read_failed"
    assert scene.accepted(machine) == {"failover/to_onprem": 1}
    scene.control("DELETE", "/faults")
    scene.drive(3, [machine]).arrives()
    finishes(scene, 3, [machine])


def without(scene: Scene, machine: str, times: int) -> None:
    """For a while the list leaves one machine out, and is otherwise sound."""
    listed = scene.hand().call("GET", "replicationProtectedItems").json()["value"]
    rest = [entry for entry in listed if entry["properties"]["friendlyName"] != machine]
    assert len(rest) == len(listed) - 1
    scene.fault("garbage", LIST, times=times, text=json.dumps({"value": rest, "nextLink": None}))


def test_a_machine_missing_from_the_list_in_the_middle_is_asked_for_by_itself(scene: Scene) -> None:
    (machine,) = scene.take("out")
    gate = scene.hold({"operation": "reprotect/to_onprem", "item": machine})
    run = scene.drive(2, [machine])
    scene.held(gate, run)
    without(scene, machine, times=4)
    scene.release(gate)
    run.arrives()
    assert [rule["done"] > 0 for rule in scene.control("GET", "/faults") if rule["action"] == "garbage"] == [True]
    finishes(scene, 2, [machine])


def test_a_machine_missing_from_the_list_at_the_start_is_refused_by_name(scene: Scene) -> None:
    """Without its id there is nothing else to ask: nothing is written, and the next run finds it."""
    present, missing = scene.take("home_unprotected", 2)
    without(scene, missing, times=50)
    run = scene.drive(4, [present, missing])
    assert run.wait() == 2, run.text()[-3000:]
    assert missing in run.lines()[-1]["msg"]
    assert scene.accepted(present) == {}
    scene.control("DELETE", "/faults")
    scene.drive(4, [present, missing]).arrives()
    finishes(scene, 4, [present, missing])


def test_an_empty_list_in_the_middle_is_not_the_end_of_the_machines(scene: Scene) -> None:
    machines = scene.take("home_unprotected", 2)
    gate = scene.hold({"operation": "reprotect/to_azure"}, times=2)
    run = scene.drive(4, machines)
    scene.held(gate, run, parties=2)
    scene.fault("garbage", LIST, times=3, body={"value": [], "nextLink": None})
    scene.release(gate)
    run.arrives()
    assert scene.spoiled() > 2, "no list was empty"
    finishes(scene, 4, machines)


@pytest.mark.playbook
def test_a_playbook_sits_out_lists_that_are_cut(scene: Scene) -> None:
    """Once begun, a run gets over a service that answers badly for a while."""
    (machine,) = scene.take("home_unprotected")
    run = scene.playbook("stage_4_reprotect_to_azure", [machine])
    until(lambda: scene.accepted(machine) or not run.alive(), "the reprotect to be accepted")
    scene.fault("cut_reply", {"method": "GET", "path": ITEMS}, times=3)
    assert run.wait() == 0, run.text()[-3000:]
    finishes(scene, 4, [machine])
