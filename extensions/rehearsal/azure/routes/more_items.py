# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations on items beside the failback: test failover, points in time, removal, changes (SPEC as calls, INFER as effects)."""

from __future__ import annotations

from typing import Any

from rehearsal.azure import catalogue, details_modernized, wishes
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.details import seed_disks
from rehearsal.azure.engine import check_support
from rehearsal.azure.errors import refused
from rehearsal.azure.items import Item
from rehearsal.azure.jobs import Job
from rehearsal.azure.nics import mac
from rehearsal.azure.points import point_by_id
from rehearsal.azure.routes.base import ITEM, Service, bodies, item_of, route
from rehearsal.azure.routes.jobs import accepted
from rehearsal.azure.side import cleaned, demand, hold, tested
from rehearsal.azure.words import ITEM_TYPE, last_segment, same

#: What a client may change of an item, where its provider has it.
CHANGEABLE = (
    "recoveryAzureVMName",
    "recoveryAzureVMSize",
    "selectedRecoveryAzureNetworkId",
    "selectedTfoAzureNetworkId",
    "enableRdpOnTargetOption",
    "licenseType",
    "recoveryAvailabilitySetId",
    "targetProximityPlacementGroupId",
    "targetAvailabilityZone",
    "targetVmTags",
    "targetManagedDiskTags",
    "targetNicTags",
    "sqlServerLicenseType",
    "targetVmName",
    "targetVmSize",
    "targetNetworkId",
    "testNetworkId",
    "targetBootDiagnosticsStorageAccountId",
)


def _body(call: Call) -> dict[str, Any]:
    properties = call.json().get("properties") or {}
    if not isinstance(properties, dict):
        raise refused(400, "InvalidRequest", "The property properties is no object.")
    return properties


def _provider(item: Item, properties: dict[str, Any], required: bool = True) -> dict[str, Any]:
    details = properties.get("providerSpecificDetails") or {}
    if (details or required) and details.get("instanceType") != item.row.instance_type:
        raise refused(
            400,
            "InvalidRequest",
            f"The provider {details.get('instanceType')!r} does not fit the item; expected {item.row.instance_type!r}.",
        )
    return dict(details)


def _done(service: Service, call: Call, job: Job, operation: str) -> Reply:
    assert job.item is not None
    service.ledger.count_accepted(job.item.machine.name, operation, call.json() or None, job.name)
    return accepted(service, call, job)


@route("POST", f"{ITEM}/testfailover")
async def test_failover(service: Service, call: Call) -> Reply:
    item = item_of(call)
    check_support(item.vault, call.ids)
    demand(service.engine, item, "TestFailover", "testFailover", call.ids)
    properties = _body(call)
    _provider(item, properties)
    direction = properties.get("failoverDirection")
    if direction not in (None, "PrimaryToRecovery"):
        raise refused(400, "InvalidRequest", f"The failover direction {direction!r} does not fit a test failover.")
    if same(properties.get("networkType"), "VmNetworkAsInput") and not properties.get("networkId"):
        raise refused(400, "InvalidRequest", "The property networkId is required.")
    job = hold(
        service.engine,
        item,
        "TestFailover",
        "Test failover",
        "test_failover",
        call.ids[0],
        lambda: tested(service.world, item),
    )
    return _done(service, call, job, "testFailover")


@route("POST", f"{ITEM}/testfailovercleanup")
async def test_cleanup(service: Service, call: Call) -> Reply:
    item = item_of(call)
    check_support(item.vault, call.ids)
    demand(service.engine, item, "TestFailoverCleanup", "testFailoverCleanup", call.ids)
    job = hold(
        service.engine,
        item,
        "TestFailoverCleanup",
        "Test failover cleanup",
        "test_cleanup",
        call.ids[0],
        lambda: cleaned(service.world, item),
    )
    return _done(service, call, job, "testFailoverCleanup")


@route("POST", f"{ITEM}/applyrecoverypoint")
async def apply_point(service: Service, call: Call) -> Reply:
    """Change the point in time of a failover that is not committed; the failback has none (SPEC)."""
    item = item_of(call)
    check_support(item.vault, call.ids)
    demand(service.engine, item, "ChangePit", "applyRecoveryPoint", call.ids)
    properties = _body(call)
    details = _provider(item, properties)
    wanted = str(properties.get("recoveryPointId") or details.get("recoveryPointId") or "")
    point = point_by_id(item, wanted) if wanted else None
    if point is None:
        raise refused(400, "InvalidRequest", f"The recovery point '{last_segment(wanted)}' is none of the item's.")

    def applied() -> None:
        item.failover_point = point.item_word(item)

    job = hold(service.engine, item, "ApplyRecoveryPoint", "Change recovery point", "apply_point", call.ids[0], applied)
    return _done(service, call, job, "applyRecoveryPoint")


@route("POST", f"{ITEM}/resolvehealtherrors")
async def resolve_errors(service: Service, call: Call) -> Reply:
    item = item_of(call)
    check_support(item.vault, call.ids)
    named = {str(e.get("healthErrorId") or "") for e in _body(call).get("healthErrors") or ()}

    def resolved() -> None:
        kept = [e for e in item.overrides.get("health_errors", []) if e["errorId"] not in named]
        item.overrides["health_errors"] = kept
        item.touch()

    job = service.engine.side_job(
        item.vault, "ResolveHealthErrors", "Resolve health errors", "refresh", item, call.ids[0], resolved
    )
    return _done(service, call, job, "resolveHealthErrors")


# -- removal ---------------------------------------------------------------------------------------------------------


def _forget(service: Service, item: Item) -> None:
    item.vault.items.pop(item.name, None)


def _leave_disks(service: Service, item: Item) -> None:
    """The disks that replication wrote to stay in Azure, attached to nothing."""
    sizes = item.machine.disks_gb
    for disk, size in zip(seed_disks(item), sizes, strict=True):
        service.estate.resources[disk.casefold()] = {
            "id": disk,
            "name": last_segment(disk),
            "type": "Microsoft.Compute/disks",
            "location": item.vault.spec.location,
            "tags": {},
            "sku": {"name": "Standard_LRS"},
            "properties": {"diskSizeGB": size, "diskState": "Unattached", "provisioningState": "Succeeded"},
        }


@route("POST", f"{ITEM}/remove")
async def disable_protection(service: Service, call: Call) -> Reply:
    """The clean end of a replication: what it kept in Azure goes, an Azure VM that works stays. After a failback the disks that
    replication wrote to are left behind (DOC)."""
    item = item_of(call)
    check_support(item.vault, call.ids)
    demand(service.engine, item, "DisableProtection", "remove", call.ids)

    def removed() -> None:
        if item.turns and not item.row.in_azure:
            _leave_disks(service, item)
        _forget(service, item)

    job = hold(service.engine, item, "DisableDr", "Disable replication", "disable", call.ids[0], removed)
    job.leaves_nothing = True
    return _done(service, call, job, "remove")


@route("DELETE", ITEM)
async def purge(service: Service, call: Call) -> Reply:
    """Forced: the item goes at once, and the disks that replication wrote to are left behind in Azure."""
    item = item_of(call)
    check_support(item.vault, call.ids)
    if item.busy:
        raise service.engine.busy(item, "purge", call.ids)

    def purged() -> None:
        _leave_disks(service, item)
        _forget(service, item)

    job = hold(service.engine, item, "DisableDr", "Disable replication", "disable", call.ids[0], purged)
    job.leaves_nothing = True
    return _done(service, call, job, "purge")


# -- changes ---------------------------------------------------------------------------------------------------------


@route("PATCH", ITEM)
async def update_item(service: Service, call: Call) -> Reply:
    """Name, size, network and adapters of the Azure VM to come; only while the machine replicates to Azure (INFER)."""
    item = item_of(call)
    check_support(item.vault, call.ids)
    if item.busy or not item.row.forward or item.row.in_azure:
        raise service.engine.busy(item, "update", call.ids)
    properties = _body(call)
    given = {**properties, **_provider(item, properties, required=item.vault.modernized)}
    size = given.get("recoveryAzureVMSize") or given.get("targetVmSize")
    if size and size not in catalogue.SIZES:
        raise refused(400, "InvalidRequest", f"The size {size!r} is not offered in {item.vault.spec.location}.")
    name = given.get("recoveryAzureVMName") or given.get("targetVmName")
    if name and not wishes.good_name(item, name):
        raise refused(400, "InvalidRequest", f"The name {name!r} is none that Azure takes for a virtual machine.")
    changed = {key: given[key] for key in CHANGEABLE if given.get(key) is not None}
    own = details_modernized.mac(item) if item.vault.modernized else mac(item)
    for nic in given.get("vmNics") or ():
        if not same(nic.get("nicId"), own):
            raise refused(400, "InvalidRequest", f"The machine has no network adapter {nic.get('nicId')!r}.")
        changed["nic"] = nic

    def applied() -> None:
        item.wishes.update(changed)

    job = hold(
        service.engine, item, "UpdateVmProperties", "Update the virtual machine", "update_item", call.ids[0], applied
    )
    return _done(service, call, job, "update")


@route("GET", f"{ITEM}/targetcomputesizes")
async def list_sizes(service: Service, call: Call) -> Reply:
    item = item_of(call)
    found = [
        {
            "id": f"{item.id}/targetComputeSizes/{name}",
            "name": name,
            "type": f"{ITEM_TYPE}/targetComputeSizes",
            "properties": {
                "name": name,
                "friendlyName": name,
                "cpuCoresCount": cpus,
                "vCPUsAvailable": cpus,
                "memoryInGB": float(memory),
                "maxDataDiskCount": cpus * 2,
                "maxNicsCount": max(2, cpus // 2),
                "errors": [],
                "highIopsSupported": "true",
                "hyperVGenerations": ["V1", "V2"],
            },
        }
        for name, (_family, cpus, memory) in catalogue.SIZES.items()
        if name not in catalogue.RESTRICTED
    ]
    return bodies(service, call, "sizes", found)
