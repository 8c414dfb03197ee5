# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations beside the life cycle that hold an item while their job runs, and what users do to jobs themselves."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.azure import remains
from rehearsal.azure.engine import Engine
from rehearsal.azure.errors import refused
from rehearsal.azure.items import Item
from rehearsal.azure.jobs import Job, Task
from rehearsal.azure.lifecycle import move_for
from rehearsal.azure.vault import AzureVm
from rehearsal.azure.world import World


def hold(
    engine: Engine, item: Item, scenario: str, friendly: str, duration: str, client: str, then: Callable[[], None]
) -> Job:
    """A job during which nothing is allowed of the item."""

    def ended() -> None:
        item.job = None
        then()
        item.touch()

    job = engine.side_job(item.vault, scenario, friendly, duration, item, client, ended)
    item.job = job
    item.touch()
    return job


def demand(engine: Engine, item: Item, word: str, verb: str, ids: tuple[str, str]) -> None:
    """Raises Refused unless the item allows the operation now."""
    if item.busy or word not in item.allowed:
        raise engine.busy(item, verb, ids)


# -- test failover ---------------------------------------------------------------------------------------------------


def test_vm(item: Item) -> AzureVm:
    spec = item.vault.spec
    name = f"{item.azure_name}-test"
    return AzureVm(name, spec.subscription_id, spec.target_resource_group, spec.location, item, test=True)


def tested(world: World, item: Item) -> None:
    vm = test_vm(item)
    world.keep_azure_vm(vm)
    item.test, item.tested_at = "waiting", world.clock.now()


def cleaned(world: World, item: Item) -> None:
    vm = test_vm(item)
    world.azure_vms.pop(vm.id.casefold(), None)
    # The clean-up takes everything that the test made (DOC).
    for body in remains.made(vm):
        world.resources.pop(body["id"].casefold(), None)
    item.test = "cleaned"


# -- jobs ------------------------------------------------------------------------------------------------------------


def cancel(engine: Engine, job: Job) -> None:
    """End a living job as Cancelled; its item is where it was before. Raises Refused where it has ended.

    What it has done on-premises by then stays done (INFER; a cancelled job was never recorded).
    """
    if job.ended is not None:
        raise refused(
            400, "JobCannotBeCancelled", f"The job {job.name} has ended as {job.state}; it cannot be cancelled."
        )
    engine.drop(job)
    now = engine.world.clock.now()
    job.started = now if job.started is None else job.started
    for task in job.tasks:
        if task.state == "InProgress":
            task.state = task.description = "Cancelled"
            task.ended = now
    job.finish("Cancelled", now)
    job.description = "Cancelled"
    item = job.item
    if item is not None and item.job is job:
        item.job = None
        if job.move is not None:
            item.phase = job.move.start
            item.agent_registers_at = min(item.agent_registers_at, now)
        item.touch()


def restart(engine: Engine, job: Job, ids: tuple[str, str]) -> None:
    """Run a failed job again from its first task. Raises Refused where it has not failed or its item has moved on."""
    item, move = job.item, job.move
    if job.state != "Failed" or item is None or move is None:
        raise refused(
            400, "JobCannotBeRestarted", f"The job {job.name} is {job.state}; only a failed one can be restarted."
        )
    again = move_for(item.vault.spec.generation, move.verb, item.phase)
    if item.busy or again is None or again.word not in item.allowed:
        raise engine.busy(item, move.verb, ids)
    job.tasks = [Task(task.step) for task in job.tasks]
    job.errors, job.cause, job.started, job.ended = [], None, None, None
    job.state = job.description = "NotStarted"
    job.created = engine.world.clock.now()
    engine.run(job, item, again)
