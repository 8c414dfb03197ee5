# SPDX-License-Identifier: GPL-3.0-or-later
"""What each task of a modernized vault's jobs checks and does: with appliances instead of master targets and process servers.

What the generations share is in ``effects``. The order of a planned failover is DOC: the recovery point is made after
the job started, the Azure VM is shut down, the disks go back to the machine and are snapshotted, the machine is powered on.
"""

from __future__ import annotations

from typing import Any

from rehearsal.azure import effects, errors
from rehearsal.azure.effects import item_of, prepare, provider_part, warn
from rehearsal.azure.errors import JobFailure
from rehearsal.azure.items import Item
from rehearsal.azure.jobs import Job
from rehearsal.azure.lifecycle_table import Move
from rehearsal.azure.onprem import OnPremError, TargetView
from rehearsal.azure.words import last_segment, same
from rehearsal.azure.world import World
from rehearsal.fleet import Appliance, MasterTarget

# -- failover to Azure -----------------------------------------------------------------------------------------------


async def shut_source_down(world: World, job: Job) -> bool:
    """``performShutdown`` decides here; sourceSiteOperations is sent beside it and says NotRequired (SEEN)."""
    wanted = provider_part(job).get("performShutdown") == "true"
    return await effects.silence_and_stop(world, job, wanted)


async def make_azure_vm(world: World, job: Job) -> bool:
    """A name that is taken is changed, and the job says so (SEEN, with these words)."""
    await effects.make_azure_vm(world, job)
    item = item_of(job)
    if item.machine.azure_name_taken:
        warn(job, JobFailure(errors.RENAMED, old=item.machine.name, new=item.azure_name).cause)
    return True


# -- the appliance ---------------------------------------------------------------------------------------------------


def _appliance(item: Item, wanted: str | None) -> Appliance:
    """The appliance of an id, able to work. Raises JobFailure."""
    appliance = item.vault.appliance(wanted)
    if appliance is None:
        raise JobFailure(errors.APPLIANCE_UNKNOWN, appliance=wanted)
    health = item.vault.appliance_health.get(appliance.id, appliance.health)
    if health == "Critical":
        raise JobFailure(errors.APPLIANCE_UNHEALTHY, appliance=appliance.name)
    return appliance


async def _view(world: World, vm: MasterTarget) -> TargetView:
    view: TargetView | None = await world.on_premises(world.onprem.target, vm)
    if view is None or not view.running:
        raise JobFailure(errors.APPLIANCE_GONE, appliance=vm.name)
    if view.snapshot:
        raise JobFailure(errors.APPLIANCE_SNAPSHOT, appliance=vm.name)
    return view


def _lending(item: Item) -> MasterTarget:
    """The VM that holds the item's disks."""
    vm = item.vault.gateway(item.master_target)
    if vm is None:
        raise JobFailure(errors.APPLIANCE_UNKNOWN, appliance=item.master_target)
    return vm


# -- reprotect to on-premises ----------------------------------------------------------------------------------------


async def commit_first(world: World, job: Job) -> bool:
    """A reprotect of an uncommitted item commits it; skipped when it is committed already (SEEN)."""
    return job.move is not None and job.move.start.endswith("_uncommitted")


async def check_appliance(world: World, job: Job) -> bool:
    item, details = item_of(job), provider_part(job)
    machine, vault = item.machine, item.vault
    appliance = _appliance(item, details["reprotectAgentId"])
    if not any(same(account, details["logStorageAccountId"]) for account in vault.log_storage()):
        raise JobFailure(errors.LOG_STORAGE, account=details["logStorageAccountId"])
    policy = details.get("policyId")
    if policy and not same(last_segment(policy), vault.failback_policy):
        raise JobFailure(errors.POLICY, policy=last_segment(policy), wanted="InMageRcmFailback")
    view = await _view(world, appliance.vm)
    present = await world.on_premises(world.onprem.machine, machine)
    for name in {details["datastoreName"], *(present.stores if present else ())}:
        store = view.stores.get(name)
        if name not in appliance.datastores or store is None or not store.usable:
            raise JobFailure(errors.APPLIANCE_DATASTORE, datastore=name, appliance=appliance.name)
    if present is None and await world.on_premises(world.onprem.names_on, view.host, machine.name, machine):
        raise JobFailure(errors.NAME_CLASH, machine=machine.name, host=view.host, target=appliance.name)
    return True


async def take_disks(world: World, job: Job) -> bool:
    """Attach the machine's disks to the appliance's VM; original location where the machine exists, else recreated."""
    item, details = item_of(job), provider_part(job)
    machine, vm = item.machine, _appliance(item, details["reprotectAgentId"]).vm
    async with world.lock(vm.name):
        view = await _view(world, vm)
        if view.disks + len(machine.disks_gb) > vm.limit:
            own = len(vm.disks_gb) + vm.extra_disks
            raise JobFailure(
                errors.APPLIANCE_FULL,
                appliance=vm.name,
                attached=view.disks - own,
                machine=machine.name,
                disks=len(machine.disks_gb),
            )
        try:
            if await world.on_premises(world.onprem.machine, machine) is None:
                await world.on_premises(world.onprem.build, machine, vm, details["datastoreName"])
                item.rebuilt_on = details["datastoreName"]
            else:
                await world.on_premises(world.onprem.lend, machine, vm)
        except OnPremError as problem:
            raise effects.translated(item, problem, vm.name) from problem
    item.master_target = vm.id
    item.log_storage = next(a for a in item.vault.log_storage() if same(a, details["logStorageAccountId"]))
    return True


# -- planned failover, its commit and its cancellation ---------------------------------------------------------------


async def check_way_home(world: World, job: Job) -> bool:
    item = item_of(job)
    item.planned = (job.started or world.clock.now(), "Unknown")
    await effects.check_agent_and_vm(world, job)
    await _view(world, _lending(item))
    present = await world.on_premises(world.onprem.machine, item.machine)
    if present is None:
        raise JobFailure(errors.MACHINE_GONE, machine=item.machine.name)
    if present.running:
        raise JobFailure(errors.ONPREM_RUNNING, machine=item.machine.name)
    return True


async def make_point(world: World, job: Job) -> bool:
    job.recovery_point = (None, world.clock.now())
    return True


async def stop_azure_vm(world: World, job: Job) -> bool:
    vm = item_of(job).azure_vm
    if vm is not None:
        vm.power = "deallocated"
    return True


async def return_disks(world: World, job: Job) -> bool:
    return await effects.bring_disks_back(world, job, _lending(item_of(job)), snapshot=True)


async def delete_azure_vm(world: World, job: Job) -> bool:
    """The commit deletes the Azure VM (DOC), and the snapshots of the planned failover with it (INFER)."""
    item = item_of(job)
    try:
        await world.on_premises(world.onprem.drop_snapshot, item.machine)
    except OnPremError as problem:
        raise effects.translated(item, problem, "") from problem
    world.remove_azure_vm(item)
    return True


async def take_disks_again(world: World, job: Job) -> bool:
    """Back to the snapshots, and the disks back to the appliance (DOC)."""
    item = item_of(job)
    vm = _lending(item)
    async with world.lock(vm.name):
        await _view(world, vm)
        try:
            await world.on_premises(world.onprem.revert, item.machine)
            await world.on_premises(world.onprem.lend, item.machine, vm)
        except OnPremError as problem:
            raise effects.translated(item, problem, vm.name) from problem
    return True


def fall_back(job: Job, move: Move) -> None:
    """A planned failover that fails is cancelled by the service: the Azure VM runs again (DOC)."""
    item = item_of(job)
    if move.provider == "InMageRcmFailback" and move.operation == "failover":
        item.planned = (item.planned[0] if item.planned else job.started or job.created, "Failed")
        if item.azure_vm is not None and item.azure_vm.power == "deallocated":
            item.azure_vm.power = "running"


# -- reprotect to Azure ----------------------------------------------------------------------------------------------


async def check_way_out(world: World, job: Job) -> bool:
    item, details = item_of(job), provider_part(job)
    _appliance(item, details["processServerId"])
    effects.check_account(item, details.get("runAsAccountId"))
    if not same(last_segment(details["policyId"]), item.vault.forward_policy):
        raise JobFailure(errors.POLICY, policy=last_segment(details["policyId"]), wanted="InMageRcm")
    return True


async def use_appliance(world: World, job: Job) -> bool:
    item = item_of(job)
    if item.azure_vm is not None:
        await delete_azure_vm(world, job)
    item.process_server = _appliance(item, provider_part(job)["processServerId"]).id
    return True


#: What the tasks do, by move and task; a task that is left out is Skipped.
ACTIONS: dict[str, dict[str, Any]] = {
    "failover/to_azure": {
        "VmUfoPrerequisitesCheck": effects.check_point_out,
        "VmShutdownVmOnPrimary": shut_source_down,
        "VmPrepareForUnPlannedFailover": prepare,
        "VmFailover": make_azure_vm,
        "VmFoStartVmOnSecondary": effects.start_azure_vm,
    },
    "commit/to_azure": effects.ACTIONS["commit/to_azure"],
    "reprotect/to_onprem": {
        "SwitchReplicationGroupProtectionPreflightTask": effects.check_agent_and_vm,
        "VmCommitFailover": commit_first,
        "DiscoverReplicaTask": prepare,
        "GetSwitchProtectionRequirementsTask": check_appliance,
        "ProtectReplicaTask": take_disks,
    },
    "failover/to_onprem": {
        "VmPfoPrerequisitesCheck": check_way_home,
        "VmPrepareForPlannedFailover": make_point,
        "VmShutdownVmOnPrimary": stop_azure_vm,
        "VmFailover": return_disks,
        "VmFoStartVmOnSecondary": prepare,
    },
    "commit/to_onprem": {"VmCommitPrerequisitesCheck": prepare, "VmCommit": delete_azure_vm},
    "cancel/to_onprem": {"VmCancelFailover": take_disks_again, "VmStartVmOnPrimary": effects.start_azure_vm},
    "reprotect/to_azure": {
        "SwitchReplicationGroupProtectionPreflightTask": effects.check_agent_home,
        "VmCommitFailover": commit_first,
        "DiscoverReplicaTask": prepare,
        "GetSwitchProtectionRequirementsTask": check_way_out,
        "ProtectReplicaTask": use_appliance,
    },
}
