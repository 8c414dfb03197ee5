# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies that are lost, late, cut or an error: nothing is accepted twice, and the machine arrives."""

from __future__ import annotations

from typing import Any

import pytest
from proof_fleet import BROKEN, FAILS
from proof_scene import ENDS, OPERATIONS, STAGE_OF, STAGES, Scene, stage_operations, until

#: Seconds to wait for a connection and for an answer, where a test lets an answer come too late.
IMPATIENT = [10, 2]


def arrive(scene: Scene, operation: str, machine: str, sent: int = 1, **wish: Any) -> None:
    """Run the stage; the machine arrives, each operation was accepted once, and the rules have caught something.

    ``sent`` is how often the operation may have left: what was accepted is joined, never just sent again.
    """
    stage = STAGE_OF[operation]
    scene.drive(stage, [machine], **wish).arrives()
    assert scene.spoiled(), "no request was spoiled"
    assert scene.accepted(machine) == stage_operations(stage)
    assert scene.truth(machine)["phase"] == ENDS[stage]
    # A request that is held is logged when it is let go.
    scene.control("DELETE", "/faults")
    until(lambda: len(scene.sent(machine, operation)) >= sent, "the requests in the log")
    assert len(scene.sent(machine, operation)) == sent
    if sent > 1:
        assert read_between(scene, machine, operation), "it was sent again without a look"


def read_between(scene: Scene, machine: str, operation: str) -> bool:
    """Whether the machine was read on its own between the first two requests for an operation."""
    first, second = scene.sent(machine, operation)[:2]
    asked = scene.requests()
    between = asked[asked.index(first) : asked.index(second)]
    alone = f"/replicationProtectedItems/{scene.truth(machine)['item']}?"
    return any(e["method"] == "GET" and alone in e["path"] for e in between)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_reply_is_lost(scene: Scene, operation: str) -> None:
    (machine,) = scene.take(STAGES[STAGE_OF[operation]][0])
    scene.fault("drop_after_accept", {"operation": operation, "item": machine})
    arrive(scene, operation, machine)


@pytest.mark.parametrize("operation", ["failover/to_azure", "reprotect/to_azure"])
def test_the_request_is_lost(scene: Scene, operation: str) -> None:
    (machine,) = scene.take(STAGES[STAGE_OF[operation]][0])
    scene.fault("drop_before_accept", {"operation": operation, "item": machine}, times=2)
    arrive(scene, operation, machine, sent=3)


@pytest.mark.parametrize("operation", ["reprotect/to_onprem", "failover/to_onprem"])
def test_the_reply_is_lost_and_the_vault_lags(scene: Scene, operation: str) -> None:
    (machine,) = scene.take(STAGES[STAGE_OF[operation]][0])
    scene.settings(lag=50)
    scene.fault("drop_after_accept", {"operation": operation, "item": machine})
    arrive(scene, operation, machine)


@pytest.mark.parametrize("operation", ["commit/to_azure", "failover/to_onprem"])
def test_the_reply_is_later_than_the_client_waits(scene: Scene, operation: str) -> None:
    (machine,) = scene.take(STAGES[STAGE_OF[operation]][0])
    scene.fault("delay", {"operation": operation, "item": machine}, when="after", seconds=600)
    arrive(scene, operation, machine, timeouts=IMPATIENT)


@pytest.mark.parametrize("operation", ["reprotect/to_onprem", "commit/to_onprem"])
def test_the_reply_is_cut(scene: Scene, operation: str) -> None:
    """A 202 has no body to cut, but its end can be missing."""
    (machine,) = scene.take(STAGES[STAGE_OF[operation]][0])
    scene.fault("cut_reply", {"operation": operation, "item": machine})
    arrive(scene, operation, machine)


def test_a_request_arrives_after_its_sender_gave_up_and_sent_another(scene: Scene) -> None:
    """The first request hangs in the network, the second is accepted, then the first comes in and finds the item busy."""
    operation = "failover/to_onprem"
    (machine,) = scene.take("ready")
    late = scene.hold({"operation": operation, "item": machine})
    run = scene.drive(3, [machine], timeouts=IMPATIENT)
    scene.held(late, run)
    until(lambda: scene.accepted(machine) or not run.alive(), "the second request to be accepted")
    refused = scene.counters()["refused"]
    scene.release(late)
    run.arrives()
    until(lambda: scene.counters()["refused"] > refused, "the late request to be refused")
    assert scene.accepted(machine) == stage_operations(3)


def test_a_request_arrives_while_its_sender_still_reads(scene: Scene) -> None:
    """After a lost reply the run reads for a while before it sends again: what comes in meanwhile is joined."""
    operation = "reprotect/to_onprem"
    (machine,) = scene.take("out")
    late = scene.hold({"operation": operation, "item": machine})
    scene.speed(5)
    run = scene.drive(2, [machine], timeouts=IMPATIENT)
    scene.held(late, run)
    item = scene.truth(machine)["item"]

    def read_alone() -> bool:
        asked = scene.requests()[-40:]
        return any(e["method"] == "GET" and f"/replicationProtectedItems/{item}?" in e["path"] for e in asked)

    until(read_alone, "the run to read the machine on its own")
    scene.release(late)
    until(lambda: scene.accepted(machine), "the late request to be accepted")
    scene.speed(600)
    run.arrives()
    assert scene.accepted(machine) == stage_operations(2)


@pytest.mark.parametrize(
    ("code", "operation"),
    [
        (500, "failover/to_azure"),
        (502, "reprotect/to_onprem"),
        (503, "failover/to_onprem"),
        (504, "reprotect/to_azure"),
        (408, "commit/to_onprem"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_that_leaves_the_outcome_open(scene: Scene, code: int, operation: str, when: str) -> None:
    (machine,) = scene.take(STAGES[STAGE_OF[operation]][0])
    scene.fault("status", {"operation": operation, "item": machine}, code=code, when=when)
    arrive(scene, operation, machine, sent=2 if when == "before" else 1)


def test_the_reply_is_lost_and_the_job_fails_meanwhile(scene: Scene) -> None:
    """The machine is where it was, so only the vault's jobs show that something was accepted, and why it failed."""
    scene.fault("delay", {"operation": "failover/to_onprem", "item": FAILS}, when="after", seconds=600)
    run = scene.drive(3, [FAILS], timeouts=IMPATIENT)
    assert run.wait() == 1, run.text()[-3000:]
    (machine,) = run.lines()[-1]["machines"]
    assert machine["code"] == "8038", machine
    assert machine["remedy"] == BROKEN["action"]
    assert scene.accepted(FAILS) == {"failover/to_onprem": 1}


def test_errors_of_reads_are_sat_out(scene: Scene) -> None:
    (machine,) = scene.take("home_unprotected")
    for code in (500, 502, 503):
        scene.fault("status", {"method": "GET"}, code=code)
    scene.fault("drop_before_accept", {"path": "replicationJobs", "method": "GET"}, times=2)
    arrive(scene, "reprotect/to_azure", machine)


@pytest.mark.playbook
def test_a_playbook_whose_reply_is_lost(scene: Scene) -> None:
    (machine,) = scene.take("out")
    scene.fault("drop_after_accept", {"operation": "reprotect/to_onprem", "item": machine})
    run = scene.playbook("stage_2_reprotect_to_onprem", [machine])
    assert run.wait() == 0, run.text()[-3000:]
    assert scene.spoiled() == 1
    assert scene.accepted(machine) == stage_operations(2)
