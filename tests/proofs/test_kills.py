# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at any point, the same command run again finishes the job, and nothing was accepted twice."""

from __future__ import annotations

import signal

import pytest
from proof_scene import ENDS, OPERATIONS, STAGE_OF, STAGES, WAY_HOME, Scene, descendants, stage_operations, until

from rehearsal import processes

LIST = {"method": "GET", "path": r"replicationProtectedItems\?"}

#: Service seconds in a real one while a job must not end before the next run has seen it.
SLOW = 5.0


def slowly(scene: Scene) -> None:
    """The job lives when the next run looks, and the lists show it at once."""
    scene.settings(lag=0)
    scene.speed(SLOW)


def finish(scene: Scene, machine: str, operation: str) -> str:
    """Run the stage again; it must arrive with each operation accepted once. Gives what the second run did."""
    stage, step = STAGE_OF[operation], operation.replace("/", "_")
    again = scene.drive(stage, [machine], {"slice_seconds": 1})
    until(lambda: step in again.story(machine) or not again.alive(), "the second run to come to the operation")
    scene.speed(600)
    again.arrives()
    assert scene.accepted(machine) == stage_operations(stage)
    assert scene.truth(machine)["phase"] == ENDS[stage]
    return again.story(machine).get(step, "unchanged")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_before_accept(scene: Scene, operation: str) -> None:
    stage = STAGE_OF[operation]
    (machine,) = scene.take(STAGES[stage][0])
    match = {"operation": operation, "item": machine}
    point = scene.hold(match)
    scene.fault("drop_before_accept", match)
    run = scene.drive(stage, [machine])
    scene.held(point, run)
    run.kill()
    scene.release(point)
    assert operation not in scene.accepted(machine)
    assert finish(scene, machine, operation) == "started"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_after_accept(scene: Scene, operation: str) -> None:
    """The service has begun; its reply never reached anybody. The next run joins the job, which still runs."""
    stage = STAGE_OF[operation]
    (machine,) = scene.take(STAGES[stage][0])
    match = {"operation": operation, "item": machine}
    gate, point = scene.hold(match), scene.hold(match, when="after")
    run = scene.drive(stage, [machine])
    scene.held(gate, run)
    slowly(scene)
    scene.release(gate)
    scene.held(point, run)
    run.kill()
    assert scene.accepted(machine)[operation] == 1
    scene.release(point)
    assert finish(scene, machine, operation) == "joined"
    assert len(scene.sent(machine, operation)) == 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_after_reply(scene: Scene, operation: str) -> None:
    """The reply was read; the process dies with its next look at the vault."""
    stage = STAGE_OF[operation]
    (machine,) = scene.take(STAGES[stage][0])
    gate = scene.hold({"operation": operation, "item": machine})
    run = scene.drive(stage, [machine])
    scene.held(gate, run)
    slowly(scene)
    point = scene.hold(LIST)
    scene.release(gate)
    scene.held(point, run)
    run.kill()
    assert scene.accepted(machine)[operation] == 1
    scene.release(point)
    assert finish(scene, machine, operation) == "joined"
    assert len(scene.sent(machine, operation)) == 1


def test_killed_after_every_operation_of_a_failback(scene: Scene) -> None:
    """One command, killed four times with a request in flight, and again to the end."""
    (machine,) = scene.take("out")
    expected: dict[str, int] = {}
    for operation in OPERATIONS[2:]:
        point = scene.hold({"operation": operation, "item": machine}, when="after")
        run = scene.drive_tasks(WAY_HOME, [machine])
        scene.held(point, run)
        run.kill()
        expected[operation] = 1
        assert scene.accepted(machine) == expected
        scene.release(point)
    scene.drive_tasks(WAY_HOME, [machine]).arrives()
    assert scene.accepted(machine) == expected
    assert scene.truth(machine)["phase"] == "home"


def test_a_run_that_forgets_everything_between_slices_arrives(scene: Scene) -> None:
    """The cursor saves reads; nothing depends on it."""
    (machine,) = scene.take("out")
    run = scene.drive_tasks(WAY_HOME, [machine], {"slice_seconds": 1}, forget=True)
    run.arrives()
    assert len(run.lines()) > 2
    assert scene.accepted(machine) == dict.fromkeys(OPERATIONS[2:], 1)


@pytest.mark.playbook
def test_a_playbook_killed_after_accept_finishes_when_run_again(scene: Scene) -> None:
    (machine,) = scene.take("out")
    point = scene.hold({"operation": "reprotect/to_onprem", "item": machine}, when="after")
    run = scene.playbook("stage_2_reprotect_to_onprem", [machine])
    scene.held(point, run)
    run.kill()
    scene.release(point)
    again = scene.playbook("stage_2_reprotect_to_onprem", [machine])
    assert again.wait() == 0, again.text()[-3000:]
    assert scene.accepted(machine) == {"reprotect/to_onprem": 1}
    assert scene.truth(machine)["phase"] == "ready"


@pytest.mark.playbook
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_an_interrupted_playbook_lets_the_failover_go_on(scene: Scene, number: signal.Signals) -> None:
    """Interrupting only detaches: the failover runs on, no cancel leaves (the log is checked when the scene ends)."""
    (machine,) = scene.take("ready")
    scene.speed(1)
    run = scene.playbook("stage_3_failover_to_onprem", [machine])
    until(lambda: scene.accepted(machine) or not run.alive(), "the failover to be accepted")
    assert run.alive(), run.text()[-3000:]
    below = descendants(run.process.pid)
    writes = scene.counters()["writes"]
    run.signal(number)
    assert run.wait() != 0
    until(lambda: not any(processes.born(pid) for pid in below), "the module to end, too")
    assert scene.counters()["writes"] == writes
    truth = scene.truth(machine)
    assert truth["busy"], truth
    assert truth["phase"] == "failing_home"
    assert not [entry for entry in scene.requests() if "cancel" in entry["path"].lower()]
    scene.speed(600)
    again = scene.playbook("stage_3_failover_to_onprem", [machine])
    assert again.wait() == 0, again.text()[-3000:]
    assert scene.accepted(machine) == {"failover/to_onprem": 1, "commit/to_onprem": 1}
    assert scene.truth(machine)["phase"] == "home_unprotected"
