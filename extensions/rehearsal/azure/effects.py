# SPDX-License-Identifier: GPL-3.0-or-later
"""What each task of a job checks and does: in the vault, in Azure, and on-premises.

A check uses the present state (vCenter's where it has one) when the job runs, not when the call is accepted.
"""

from __future__ import annotations

from typing import Any

from rehearsal.azure import errors
from rehearsal.azure.details import consistency_points
from rehearsal.azure.errors import Cause, JobFailure
from rehearsal.azure.items import Item
from rehearsal.azure.jobs import Job
from rehearsal.azure.lifecycle_table import Move
from rehearsal.azure.onprem import SLOTS, OnPremError, TargetView
from rehearsal.azure.points import newest_point, point_by_id
from rehearsal.azure.words import last_segment, same
from rehearsal.azure.world import World
from rehearsal.fleet import Fault, MasterTarget


def item_of(job: Job) -> Item:
    assert job.item is not None
    return job.item


def provider_part(job: Job) -> dict[str, Any]:
    return job.body.get("providerSpecificDetails") or {}


# -- faults of the fleet ---------------------------------------------------------------------------------------------


def _fleet_cause(job: Job, level: str) -> Cause | None:
    """The next fault of that level the fleet holds for this machine, operation and direction; counts it."""
    item, move = item_of(job), job.move
    for n, fault in enumerate(item.machine.faults):
        applies = move and (fault.operation, fault.direction, fault.level) == (move.operation, move.direction, level)
        if applies and item.faults_done.get(n, 0) < fault.times:
            item.faults_done[n] = item.faults_done.get(n, 0) + 1
            return _as_cause(fault)
    return None


def _as_cause(fault: Fault) -> Cause:
    digits = "".join(c for c in fault.code if c.isdigit())
    return Cause(int(digits or 0), fault.message, fault.causes, fault.action, "DOC")


def fleet_fault(job: Job) -> None:
    """Raises JobFailure when the fleet says that this attempt fails."""
    cause = _fleet_cause(job, "Error")
    if cause is not None:
        raise JobFailure(_braced(cause))


def _braced(cause: Cause) -> Cause:
    """Text of a fleet file goes through format() like ours; its braces are meant literally."""

    def escape(text: str) -> str:
        return text.replace("{", "{{").replace("}", "}}")

    return Cause(cause.code, escape(cause.message), escape(cause.causes), escape(cause.action), cause.source)


def fleet_warning(job: Job) -> None:
    cause = _fleet_cause(job, "Warning")
    if cause is not None:
        warn(job, cause)


def warn(job: Job, cause: Cause) -> None:
    job.add_error(cause, "Warning", item_of(job).clock.now(), job.tasks[-1])


def unexpected(item: Item, problem: Exception) -> Cause:
    return JobFailure(errors.VCENTER, machine=item.machine.name, reason=str(problem) or type(problem).__name__).cause


def translated(item: Item, problem: OnPremError, target: str) -> JobFailure:
    values = {"machine": item.machine.name, "reason": str(problem), "target": target}
    kinds = {
        "gone": errors.MACHINE_GONE,
        "memory": errors.HOST_MEMORY,
        "disks": errors.DISKS_LOST,
    }
    return JobFailure(kinds.get(problem.kind, errors.VCENTER), **values)


# -- failover to Azure -----------------------------------------------------------------------------------------------


async def check_point_out(world: World, job: Job) -> bool:
    item = item_of(job)
    wanted = provider_part(job).get("recoveryPointId")
    point = point_by_id(item, wanted) if wanted else newest_point(item)
    if point is None:
        raise JobFailure(errors.RECOVERY_POINT, point=wanted or "of any kind", machine=item.machine.name)
    job.recovery_point = (point.item_word(item), point.moment)
    return True


async def shut_source_down(world: World, job: Job) -> bool:
    return await silence_and_stop(world, job, job.body.get("sourceSiteOperations") == "Required")


async def silence_and_stop(world: World, job: Job, wanted: bool) -> bool:
    """The agent falls silent; the on-premises machine is powered off if ``wanted``. If that fails the failover goes on
    with a warning (DOC)."""
    item = item_of(job)
    fall_silent(world, job)
    if not wanted or item.machine.onprem == "physical":
        return False
    try:
        await world.on_premises(world.onprem.power_off, item.machine)
    except OnPremError as problem:
        warn(job, JobFailure(errors.SHUTDOWN, machine=item.machine.name, reason=str(problem)).cause)
    return True


def fall_silent(world: World, job: Job) -> None:
    """The last heartbeat is older than the failover (INFER)."""
    item, now = item_of(job), world.clock.now()
    item.silent_since = min(now, now if job.started is None else job.started) - 60.0
    item.agent_registers_at = float("inf")


async def prepare(world: World, job: Job) -> bool:
    return True


async def make_azure_vm(world: World, job: Job) -> bool:
    item = item_of(job)
    if item.azure_vm is None:
        world.add_azure_vm(item).power = "starting"
    return True


async def start_azure_vm(world: World, job: Job) -> bool:
    vm = item_of(job).azure_vm
    if vm is not None:
        vm.power = "running"
    return True


# -- reprotect to on-premises ----------------------------------------------------------------------------------------


async def check_agent_and_vm(world: World, job: Job) -> bool:
    item = item_of(job)
    if item.azure_vm is None or item.azure_vm.power != "running":
        raise JobFailure(errors.AZURE_VM_DOWN, machine=item.machine.name)
    if not item.agent_registered():
        raise JobFailure(errors.AGENT_MISSING, machine=item.machine.name)
    return True


def _server(item: Item, wanted: str | None) -> None:
    if not any(same(server.id, wanted) for server in item.vault.spec.process_servers):
        raise JobFailure(errors.PROCESS_SERVER, server=wanted)


def check_account(item: Item, wanted: str | None) -> None:
    if wanted and wanted not in {account["accountId"] for account in item.vault.accounts()}:
        raise JobFailure(errors.ACCOUNT, account=wanted)


def _target_of(item: Item, wanted: str | None) -> MasterTarget:
    for target in item.vault.spec.master_targets:
        if same(target.id, wanted):
            return target
    raise JobFailure(errors.TARGET_UNKNOWN, target=wanted)


async def check_servers(world: World, job: Job) -> bool:
    """Everything a reprotect to on-premises needs, checked against the present state of vault and vCenter."""
    item, details = item_of(job), provider_part(job)
    machine, vault = item.machine, item.vault
    _server(item, details["processServerId"])
    check_account(item, details.get("runAsAccountId"))
    if not same(last_segment(details["profileId"]), vault.failback_policy):
        raise JobFailure(errors.POLICY, policy=last_segment(details["profileId"]), wanted="InMage")
    target = _target_of(item, details["masterTargetId"])
    if not same(target.os, machine.os):
        raise JobFailure(errors.TARGET_OS, target=target.name, target_os=target.os, machine=machine.name, os=machine.os)
    if details["retentionDrive"] not in target.retention_volumes:
        raise JobFailure(errors.RETENTION, volume=details["retentionDrive"], target=target.name)
    view = await world.on_premises(world.onprem.target, target)
    check_target(view, target)
    present = await world.on_premises(world.onprem.machine, machine)
    _check_stores(view, target, present.stores if present else None, details.get("datastoreName"))
    if present is None and await world.on_premises(world.onprem.names_on, view.host, machine.name, machine):
        raise JobFailure(errors.NAME_CLASH, machine=machine.name, host=view.host, target=target.name)
    return True


def check_target(view: TargetView | None, target: MasterTarget) -> None:
    if view is None or not view.running:
        raise JobFailure(errors.TARGET_GONE, target=target.name)
    if view.snapshot:
        raise JobFailure(errors.TARGET_SNAPSHOT, target=target.name)
    if view.paravirtual:
        raise JobFailure(errors.TARGET_PVSCSI, target=target.name)


def _check_stores(view: TargetView, target: MasterTarget, own: tuple[str, ...] | None, chosen: str | None) -> None:
    """Original location: the machine's own datastores, and a chosen name must at least exist (its value is ignored, DOC).
    Alternate location: the chosen datastore."""
    needed = list(own or ())
    if chosen or own is None:
        needed.append(chosen or "(none)")
    for name in needed:
        store = view.stores.get(name)
        if store is None or not store.usable:
            raise JobFailure(errors.DATASTORE, datastore=name, host=view.host, target=target.name)


async def take_disks(world: World, job: Job) -> bool:
    """Attach the machine's disks to the master target, one job at a time for each target."""
    item, details = item_of(job), provider_part(job)
    machine = item.machine
    target = _target_of(item, details["masterTargetId"])
    async with world.lock(target.name):
        view = await world.on_premises(world.onprem.target, target)
        check_target(view, target)
        if view.disks + len(machine.disks_gb) > SLOTS:
            raise JobFailure(
                errors.TARGET_FULL,
                target=target.name,
                attached=view.disks,
                machine=machine.name,
                disks=len(machine.disks_gb),
            )
        try:
            if await world.on_premises(world.onprem.machine, machine) is None:
                await world.on_premises(world.onprem.build, machine, target, details["datastoreName"])
            else:
                await world.on_premises(world.onprem.lend, machine, target)
        except OnPremError as problem:
            raise translated(item, problem, target.name) from problem
    item.master_target = target.id
    item.process_server = next(s.id for s in item.vault.spec.process_servers if same(s.id, details["processServerId"]))
    return True


# -- failover to on-premises -----------------------------------------------------------------------------------------


async def check_point_home(world: World, job: Job) -> bool:
    item, details = item_of(job), provider_part(job)
    kind = details.get("recoveryPointType") or "LatestTime"
    points = consistency_points(item)
    if kind == "Custom":
        wanted = last_segment(details.get("recoveryPointId") or "")
        if wanted not in points:
            raise JobFailure(errors.RECOVERY_POINT, point=wanted or "(none)", machine=item.machine.name)
    elif kind not in ("LatestTime", "LatestTag") or not points:
        raise JobFailure(errors.RECOVERY_POINT, point=kind, machine=item.machine.name)
    job.recovery_point = (None, world.clock.now())
    target = _target_of(item, item.master_target)
    check_target(await world.on_premises(world.onprem.target, target), target)
    present = await world.on_premises(world.onprem.machine, item.machine)
    if present is None:
        raise JobFailure(errors.MACHINE_GONE, machine=item.machine.name)
    if present.running:
        raise JobFailure(errors.ONPREM_RUNNING, machine=item.machine.name)
    return True


async def stop_azure_vm(world: World, job: Job) -> bool:
    item = item_of(job)
    if job.body.get("sourceSiteOperations") != "Required" or item.azure_vm is None:
        return False
    item.azure_vm.power = "deallocated"
    return True


async def return_disks(world: World, job: Job) -> bool:
    item = item_of(job)
    return await bring_disks_back(world, job, _target_of(item, item.master_target))


async def bring_disks_back(world: World, job: Job, target: MasterTarget, snapshot: bool = False) -> bool:
    item = item_of(job)
    fall_silent(world, job)
    async with world.lock(target.name):
        try:
            await world.on_premises(world.onprem.give_back, item.machine, target, snapshot)
        except OnPremError as problem:
            item.agent_registers_at = 0.0
            raise translated(item, problem, target.name) from problem
    return True


# -- commit and reprotect to Azure -----------------------------------------------------------------------------------


async def delete_azure_vm(world: World, job: Job) -> bool:
    world.remove_azure_vm(item_of(job))
    return True


async def check_agent_home(world: World, job: Job) -> bool:
    item = item_of(job)
    if not item.agent_registered():
        raise JobFailure(errors.AGENT_MISSING, machine=item.machine.name)
    return True


async def check_way_out(world: World, job: Job) -> bool:
    """All fields are optional here (SPEC); what is given must exist."""
    item, details = item_of(job), provider_part(job)
    if details.get("processServerId"):
        _server(item, details["processServerId"])
    check_account(item, details.get("runAsAccountId"))
    policy = details.get("policyId")
    if policy and not same(last_segment(policy), item.vault.forward_policy):
        raise JobFailure(errors.POLICY, policy=last_segment(policy), wanted="InMageAzureV2")
    return True


async def use_process_server(world: World, job: Job) -> bool:
    item = item_of(job)
    wanted = provider_part(job).get("processServerId")
    for server in item.vault.spec.process_servers:
        if wanted and same(server.id, wanted):
            item.process_server = server.id
    return True


#: What the tasks do, by move and task; a task that is left out is Skipped.
ACTIONS: dict[str, dict[str, Any]] = {
    "failover/to_azure": {
        "VmUfoPrerequisitesCheck": check_point_out,
        "VmShutdownVmOnPrimary": shut_source_down,
        "VmPrepareForUnPlannedFailover": prepare,
        "VmFailover": make_azure_vm,
        "VmFoStartVmOnSecondary": start_azure_vm,
    },
    "commit/to_azure": {"VmCommitPrerequisitesCheck": prepare, "VmCommit": prepare},
    "reprotect/to_onprem": {
        "SwitchReplicationGroupProtectionPreflightTask": check_agent_and_vm,
        "DiscoverReplicaTask": prepare,
        "GetSwitchProtectionRequirementsTask": check_servers,
        "ProtectReplicaTask": take_disks,
    },
    "failover/to_onprem": {
        "VmUfoPrerequisitesCheck": check_point_home,
        "VmShutdownVmOnPrimary": stop_azure_vm,
        "VmFailover": return_disks,
        "VmFoStartVmOnSecondary": prepare,
    },
    "commit/to_onprem": {"VmCommitPrerequisitesCheck": prepare, "VmCommit": delete_azure_vm},
    "reprotect/to_azure": {
        "SwitchReplicationGroupProtectionPreflightTask": check_agent_home,
        "DiscoverReplicaTask": prepare,
        "GetSwitchProtectionRequirementsTask": check_way_out,
        "ProtectReplicaTask": use_process_server,
    },
}


def settle(world: World, job: Job, move: Move, now: float) -> None:
    """What a finished move leaves on the item."""
    item = item_of(job)
    if move.operation == "failover":
        # An item says when the failover started (SEEN).
        item.last_failover = now if job.started is None else job.started
        item.agent_registers_at = now + item.machine.agent_registers_after
        item.points_until = now
        if move.direction == "to_azure" and job.recovery_point:
            item.failover_point = job.recovery_point[0]
    elif move.operation == "reprotect":
        item.turns += 1
        item.points_until = None
        # It vanishes with the reprotect (SEEN); so does what was said about a planned failover (INFER).
        item.last_failover = item.planned = None
        if move.direction == "to_azure":
            item.failover_point = None
            item.master_target = None
    elif move.operation == "cancel":
        item.last_failover = item.points_until = None
        item.agent_registers_at = now
    if item.vault.modernized and move.direction == "to_onprem" and move.operation in ("failover", "cancel"):
        status = "Succeeded" if move.operation == "failover" else "Cancelled"
        item.planned = (item.planned[0] if item.planned else job.started or now, status)
