# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs about to send the same operation: one is accepted, the other joins it, both end well."""

from __future__ import annotations

import pytest
from proof_scene import ENDS, OPERATIONS, STAGE_OF, STAGES, WAY_HOME, Scene, stage_operations


def together(scene: Scene, operation: str, machine: str) -> None:
    """Run the stage twice at once, both held until both are about to send the operation."""
    stage = STAGE_OF[operation]
    step = operation.replace("/", "_")
    point = scene.hold({"operation": operation, "item": machine}, parties=2, times=2)
    runs = [scene.drive(stage, [machine]) for _dummy in range(2)]
    for run in runs:
        scene.held(point, run, parties=1)
    for run in runs:
        run.arrives()
    assert scene.control("GET", f"/barrier/{point}")["waiting"] == 2, "both runs were to come to the same point"
    assert scene.accepted(machine) == stage_operations(stage)
    assert scene.truth(machine)["phase"] == ENDS[stage]
    assert [run.story(machine).get(step) for run in runs].count("started") == 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_one_is_accepted_and_the_other_joins(scene: Scene, operation: str) -> None:
    (machine,) = scene.take(STAGES[STAGE_OF[operation]][0])
    together(scene, operation, machine)


@pytest.mark.parametrize("operation", ["reprotect/to_onprem", "failover/to_onprem"])
def test_the_loser_is_patient_while_the_vault_does_not_show_it_yet(scene: Scene, operation: str) -> None:
    """Lists and jobs lag behind what was accepted; only the refusal shows the loser that somebody was faster."""
    (machine,) = scene.take(STAGES[STAGE_OF[operation]][0])
    scene.settings(lag=50)
    together(scene, operation, machine)


def test_a_second_run_that_comes_later_joins_at_every_step(scene: Scene) -> None:
    """The same command twice, a moment apart, over a whole failback."""
    (machine,) = scene.take("out")
    point = scene.hold({"operation": "reprotect/to_onprem", "item": machine}, when="after")
    first = scene.drive_tasks(WAY_HOME, [machine])
    scene.held(point, first)
    second = scene.drive_tasks(WAY_HOME, [machine])
    scene.release(point)
    for run in (first, second):
        run.arrives()
    assert scene.accepted(machine) == dict.fromkeys(OPERATIONS[2:], 1)
    assert scene.truth(machine)["phase"] == "home"


def test_two_runs_over_several_machines_share_the_work(scene: Scene) -> None:
    machines = scene.take("ready", 3)
    point = scene.hold({"operation": "failover/to_onprem"}, parties=6, times=6)
    runs = [scene.drive(3, machines) for _dummy in range(2)]
    scene.held(point, runs[0], parties=1)
    for run in runs:
        run.arrives()
    for machine in machines:
        assert scene.accepted(machine) == stage_operations(3)
        assert scene.truth(machine)["phase"] == ENDS[3]


def test_a_commit_of_another_run_between_two_looks_is_no_missing_proof(scene: Scene) -> None:
    """The Azure VM is gone when the slower run looks for it, because the faster one has committed meanwhile."""
    (machine,) = scene.take("ready")
    point = scene.hold({"method": "GET", "path": r"Microsoft\.Compute/virtualMachines(/[^/?]+)?\?"})
    slower = scene.drive(3, [machine])
    scene.held(point, slower)
    scene.drive(3, [machine]).arrives()
    scene.release(point)
    slower.arrives()
    assert scene.accepted(machine) == stage_operations(3)


@pytest.mark.parametrize(
    ("operation", "lag"), [("reprotect/to_onprem", 200), ("commit/to_onprem", 5), ("failover/to_onprem", 50)]
)
def test_the_loser_whose_job_is_refused_joins_too(scene: Scene, operation: str, lag: int) -> None:
    """A second operation may be taken in and fail as a job (INFER); the machine's own way goes on all the same.

    With the longest lag the lists are older than any patience, so that only the machine's own GET shows it.
    """
    stage = STAGE_OF[operation]
    (machine,) = scene.take(STAGES[stage][0])
    scene.settings(busy_as="job", lag=lag)
    earlier = {job["name"] for job in scene.truth(machine)["jobs"]}
    point = scene.hold({"operation": operation, "item": machine}, parties=2, times=2)
    runs = [scene.drive(stage, [machine]) for _dummy in range(2)]
    scene.held(point, runs[0])
    for run in runs:
        run.arrives()
    assert scene.truth(machine)["phase"] == ENDS[stage]
    jobs = [job for job in scene.truth(machine)["jobs"] if job["name"] not in earlier and job["operation"] == operation]
    assert [job["state"] for job in jobs].count("Succeeded") == 1


@pytest.mark.playbook
def test_two_playbooks_at_once(scene: Scene) -> None:
    (machine,) = scene.take("ready")
    point = scene.hold({"operation": "failover/to_onprem", "item": machine}, parties=2, times=2)
    runs = [scene.playbook("stage_3_failover_to_onprem", [machine]) for _dummy in range(2)]
    scene.held(point, runs[0])
    for run in runs:
        assert run.wait() == 0, run.text()[-3000:]
    assert scene.control("GET", f"/barrier/{point}")["waiting"] == 2
    assert scene.accepted(machine) == stage_operations(3)
    assert scene.truth(machine)["phase"] == ENDS[3]
