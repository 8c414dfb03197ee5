# SPDX-License-Identifier: GPL-3.0-or-later
"""Accepts operations and runs their jobs on the virtual clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from rehearsal.azure import effects, effects_modernized, wishes
from rehearsal.azure.errors import BUSY, Cause, JobFailure, Refused, provider_refused, refused
from rehearsal.azure.inventory import add_event, add_health_event
from rehearsal.azure.items import Item
from rehearsal.azure.jobs import Job, Task
from rehearsal.azure.lifecycle import AFTER_SYNC, after_failure, move_for, moves_of
from rehearsal.azure.lifecycle_table import Move
from rehearsal.azure.scenarios import FINALIZED
from rehearsal.azure.vault import VaultState
from rehearsal.azure.world import World

log = logging.getLogger("rehearsal.azure.engine")

#: What the tasks do, by generation, move and task; False when there was nothing to do (the task is then shown as Skipped).
ACTIONS = {"classic": effects.ACTIONS, "modernized": effects_modernized.ACTIONS}


class Engine:
    """Acceptance is synchronous: between the look at an item and the mark on it nothing else can run.

    It is long because accepting, running and ending a job change the same item, and the order in which they do is the point.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._running: set[asyncio.Task[None]] = set()

    # -- accepting ---------------------------------------------------------------------------------------------------

    def accept(self, item: Item, verb: str, properties: dict[str, Any], ids: tuple[str, str]) -> Job:
        """Accept an operation on an item, or raise Refused.

        Refused with 400 are bodies that the published description forbids (SPEC) and bodies for the other direction
        (INFER). Preconditions outside the vault are checked when the job runs.
        """
        vault = item.vault
        generation = vault.spec.generation
        check_support(vault, ids)
        move = move_for(generation, verb, item.phase)
        if item.busy or move is None or move.word not in item.allowed:
            return self._busy(item, verb, move, ids)
        if move.provider is not None:
            _check_body(move, properties)
        job = self._job(vault, move.scenario, move.friendly, item, ids[0])
        job.body = properties
        self.run(job, item, move)
        return job

    def _busy(self, item: Item, verb: str, move: Move | None, ids: tuple[str, str]) -> Job:
        """The service's own form is not recorded: a 4xx with a numeric code, or a job that fails (INFER)."""
        settings = self.world.settings
        failure = JobFailure(BUSY, operation=verb, machine=item.machine.name)
        known = move or next(iter(moves_of(item.vault.spec.generation, verb)), None)
        if settings.busy_as != "job" or known is None:
            raise self.busy(item, verb, ids)
        job = self._job(item.vault, known.scenario, known.friendly, item, ids[0])
        self._start(job, self._run_refused(job, failure.cause))
        return job

    def busy(self, item: Item, verb: str, ids: tuple[str, str]) -> Refused:
        """How an operation that is not allowed now is refused at once."""
        cause = JobFailure(BUSY, operation=verb, machine=item.machine.name).cause
        status = self.world.settings.busy_status
        return provider_refused(
            status, str(cause.code), cause.message, causes=cause.causes, action=cause.action, ids=ids
        )

    def side_job(
        self,
        vault: VaultState,
        scenario: str,
        friendly: str,
        duration: str,
        item: Item | None,
        client: str,
        then: Callable[[], None] | None = None,
    ) -> Job:
        """A job beside the life cycle; it takes ``durations[duration]`` and does ``then`` at its end."""
        job = self._job(vault, scenario, friendly, item, client)
        self._start(job, self._run_plain(job, vault.durations[duration], then))
        return job

    def _job(self, vault: VaultState, scenario: str, friendly: str | None, item: Item | None, client: str) -> Job:
        now = self.world.clock.now()
        if item is not None:
            target = (item.vm_id, item.machine.name, "ProtectionEntity")
        else:
            target = (vault.internal_id, vault.fabric_friendly, "Server")
        job = Job(vault, scenario, friendly, *target, created=now, client_request_id=client, item=item)
        job.owner_path = item.id if item is not None else vault.fabric_id
        vault.jobs[job.name] = job
        return job

    def run(self, job: Job, item: Item, move: Move) -> None:
        """Let a job of the life cycle begin (again)."""
        job.move = move
        item.job = job
        item.phase = move.during
        item.touch()
        self._start(job, self._run_move(job, move))

    def drop(self, job: Job) -> None:
        """Stop what runs for a job."""
        for task in list(self._running):
            if task.get_name() == f"job {job.name}":
                task.cancel()

    def launch(self, job: Job, work: Any) -> None:
        """Run a job outside the life cycle."""
        self._start(job, work)

    def _start(self, job: Job, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"job {job.name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    # -- running -----------------------------------------------------------------------------------------------------

    async def _begin(self, job: Job) -> None:
        """Leave NotStarted. The start is the time that was due, so that a jump of the clock carries a job to its end."""
        due = job.created + job.vault.durations["not_started"]
        await self.world.clock.sleep_until(due)
        job.started = due
        job.state = job.description = "InProgress"

    async def _run_move(self, job: Job, move: Move) -> None:
        """Walk the tasks; the due time of each is counted from the job's start, so that slow effects do not add up."""
        world, item = self.world, job.item
        assert item is not None
        clock = world.clock
        await self._begin(job)
        started = job.started or clock.now()
        duration = job.vault.takes(move.name, item.machine.name)
        actions = ACTIONS[job.vault.spec.generation][move.name]
        due = started
        state = "Succeeded"
        try:
            for task in job.tasks:
                action = actions.get(task.step.name)
                if action is None:
                    _skip(task)
                    continue
                task.state = task.description = "InProgress"
                task.started = clock.now()
                task.child = self._child(job, task)
                due += duration * task.step.share
                acted = await action(world, job)
                await clock.sleep_until(due)
                if task is job.tasks[0]:
                    effects.fleet_fault(job)
                if acted:
                    task.state, task.description, task.ended = "Succeeded", "Completed", clock.now()
                else:
                    _skip(task)
                self._end_child(task, "Succeeded", clock.now())
            await clock.sleep_until(started + duration)
            effects.fleet_warning(job)
            if job.errors:
                state = "CompletedWithInformation"
        except JobFailure as failure:
            self._fail(job, failure.cause)
            state = "Failed"
        except Exception as problem:  # a defect of the stand-in or a vCenter that went away: never a hanging job
            log.exception("job %s of %s", job.scenario, item.machine.name)
            self._fail(job, effects.unexpected(item, problem))
            state = "Failed"
        now = clock.now()
        for task in job.tasks:
            if task.child is not None and task.child.ended is None:
                self._end_child(task, "Failed", now)
        job.finish(state, now)
        item.job = None
        item.phase = after_failure(job.vault.spec.generation, move) if state == "Failed" else move.done
        if state == "Failed":
            # A failover that fell back: the machine, and with it its agent, runs where it ran before.
            item.agent_registers_at = min(item.agent_registers_at, now)
            item.failed_at = now
            effects_modernized.fall_back(job, move)
        else:
            effects.settle(world, job, move, now)
            self._after(item, move, now)
        item.touch()
        add_event(item, job)
        if item.broken:
            add_health_event(item, item.render()["properties"]["healthErrors"])

    def _child(self, job: Job, task: Task) -> Job | None:
        """What a classic reprotect does in separate jobs: it enables the replication, and looks for the Azure VM (SEEN)."""
        item, move = job.item, job.move
        if job.vault.modernized or item is None or move is None:
            return None
        if task.step.name == "ProtectReplicaTask":
            # The machine that is replicated from now on.
            goal = item.azure_machine_id if move.direction == "to_onprem" else item.machine.uuid
            child = self._job(job.vault, "EnableDr", "Enable replication", item, job.client_request_id)
        elif task.step.name == "DiscoverReplicaTask" and move.direction == "to_onprem":
            goal = wishes.address(item)
            child = self._job(job.vault, "DiscoverReplica", None, item, job.client_request_id)
        else:
            return None
        child.listed = False
        child.target_id, child.target_type = goal, "Vm"
        child.started, child.state, child.description = self.world.clock.now(), "InProgress", "InProgress"
        child.tasks[0].state = child.tasks[0].description = "InProgress"
        child.tasks[0].started = child.started
        return child

    @staticmethod
    def _end_child(task: Task, state: str, now: float) -> None:
        if task.child is not None:
            task.child.finish(state, now)
            if state == "Succeeded":
                first = task.child.tasks[0]
                first.state, first.description, first.ended = "Succeeded", "Completed", now

    def _fail(self, job: Job, cause: Cause) -> None:
        """The failing task keeps saying InProgress with its errors filled (SEEN)."""
        now = self.world.clock.now()
        current = next((t for t in job.tasks if t.state == "InProgress"), job.tasks[0])
        job.add_error(cause, "Error", now, current)

    def _after(self, item: Item, move: Move, now: float) -> None:
        """What follows a move automatically: the agent registers again, the synchronisation ends."""
        if move.operation == "failover":
            self.world.clock.call_at(item.agent_registers_at, item.touch)
        if item.row.syncing:
            self._synchronise(item, now)

    def _synchronise(self, item: Item, now: float) -> None:
        """Start the synchronisation of the item's phase, or the part of it that the phase is."""
        clock, durations = self.world.clock, item.vault.durations
        direction = "to_azure" if item.row.forward else "to_onprem"
        name = item.phase if durations.get(item.phase) else f"sync/{direction}"
        seconds = item.vault.takes(name, item.machine.name)
        item.sync_started, item.sync_ends = now, now + seconds
        if item.phase == "syncing_out":
            early = durations["sync/to_azure/primary"]
            clock.call_at(now + early, lambda: self._finalized(item, "PrimaryIrCompletion"))
        phase = item.phase
        clock.call_at(now + seconds, lambda: self._synchronised(item, phase))

    def resume_first_states(self) -> None:
        """Start the timers of machines that the fleet puts in the middle of something."""
        now = self.world.clock.now()
        for vault in self.world.vaults:
            for item in vault.items.values():
                if item.agent_registers_at > now:
                    self.world.clock.call_at(item.agent_registers_at, item.touch)
                if item.row.syncing:
                    self._synchronise(item, now)
                    item.touch()

    def _synchronised(self, item: Item, phase: str) -> None:
        if item.phase != phase:
            return
        now = self.world.clock.now()
        item.phase = AFTER_SYNC[item.vault.spec.generation][phase]
        item.protected_since = now
        item.sync_started = item.sync_ends = None
        if item.row.syncing:
            self._synchronise(item, now)
            item.touch()
            return
        item.touch()
        if item.row.forward:
            self._finalized(item, "SecondaryIrCompletion")
        else:
            self._finalized(item, "IrCompletion")

    def _finalized(self, item: Item, scenario: str) -> None:
        self.side_job(item.vault, scenario, FINALIZED[scenario], "finalize", item, "")

    async def _run_plain(self, job: Job, duration: float, then: Callable[[], None] | None) -> None:
        clock = self.world.clock
        await self._begin(job)
        for task in job.tasks:
            task.state = task.description = "InProgress"
            task.started = clock.now()
            await clock.sleep(duration * task.step.share)
            task.state, task.description, task.ended = "Succeeded", "Completed", clock.now()
        if then is not None:
            then()
        job.finish("Succeeded", clock.now())

    async def _run_refused(self, job: Job, cause: Cause) -> None:
        await self._begin(job)
        await self.world.clock.sleep(2.0)
        job.tasks[0].state = job.tasks[0].description = "InProgress"
        job.tasks[0].started = self.world.clock.now()
        self._fail(job, cause)
        job.finish("Failed", self.world.clock.now())


def check_support(vault: VaultState, ids: tuple[str, str]) -> None:
    """Raises Refused for any write in a retired vault, in the fleet's words."""
    if vault.spec.retired:
        no = vault.spec.refusal
        raise provider_refused(no.status, no.code, no.message, causes=no.causes, action=no.action, ids=ids)


def _skip(task: Task) -> None:
    """A skipped task has state Other, description Skipped, and neither start nor end (SEEN)."""
    task.state, task.description, task.started, task.ended = "Other", "Skipped", None, None


def _check_body(move: Move, properties: dict[str, Any]) -> None:
    details = properties.get("providerSpecificDetails")
    if not isinstance(details, dict) or not details.get("instanceType"):
        raise refused(400, "InvalidRequest", "The property providerSpecificDetails.instanceType is required.")
    if details["instanceType"] != move.provider:
        raise refused(
            400,
            "InvalidRequest",
            f"The provider {details['instanceType']!r} does not fit the item; expected {move.provider!r}.",
        )
    if properties.get("failoverDirection") not in move.directions:
        raise refused(
            400,
            "InvalidRequest",
            f"The failover direction {properties.get('failoverDirection')!r} does not fit the item; "
            f"expected {move.directions[0]!r}.",
        )
    for name in move.required:
        if not details.get(name):
            raise refused(400, "InvalidRequest", f"The property providerSpecificDetails.{name} is required.")
    for name, words in move.values:
        if details.get(name) not in words:
            raise refused(
                400,
                "InvalidRequest",
                f"The value {details.get(name)!r} of providerSpecificDetails.{name} is not one of {', '.join(words)}.",
            )
