# SPDX-License-Identifier: GPL-3.0-or-later
"""providerSpecificDetails of a replicated item, one function for each provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rehearsal.azure import details_modernized, wishes
from rehearsal.azure.clock import iso, iso_seconds
from rehearsal.azure.lifecycle import AFTER_FAILOVER
from rehearsal.azure.naming import disk_ids, disk_names, protected_name, seed_disk_names
from rehearsal.azure.nics import mac, nic
from rehearsal.azure.words import AGE_MARK, AGENT_VERSION, GIB, NEVER_EXPIRES, booltext
from rehearsal.fleet import stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.items import Item


#: Operating systems as a classic vault writes them (SEEN; the second INFER).
WINDOWS, LINUX = "Microsoft Windows Server 2016 Datacenter", "Red Hat Enterprise Linux 8.8"


def provider_details(item: Item, hollow: bool, heartbeat: str, calculated: str, progress: Any) -> dict[str, Any]:
    details = BY_TYPE[item.row.instance_type](item, hollow, heartbeat, calculated, progress)
    details.update({key: value for key, value in item.wishes.items() if key in details})
    details.update(item.machine.details)
    details.update(item.overrides.get("details", {}))
    return details


def _disks(item: Item, progress: Any, calculated: str, megabytes: tuple[str, str, str]) -> list[dict[str, Any]]:
    row, machine = item.row, item.machine
    # After the commit to Azure disks still say so, with replicationHealth Normal (SEEN).
    stale = row.phase == "out"
    disks = []
    for number, (size, disk) in enumerate(zip(machine.disks_gb, disk_ids(machine), strict=True)):
        entry: dict[str, Any] = {
            "diskId": disk,
            "diskName": protected_name(machine, number),
            "protectionStage": "InitialSync" if row.syncing else "DifferentialSync",
            "healthErrorCode": "ECH0007" if stale else None,
            "rpoInSeconds": _rpo(item, False),
            "resyncRequired": "Required" if stale else "NotRequired",
            "resyncProgressPercentage": progress if row.syncing else 0,
            "resyncDurationInSeconds": 0,
            "diskCapacityInBytes": size * GIB,
            "fileSystemCapacityInBytes": size * GIB,
            **dict.fromkeys(megabytes, 0.0),
            "diskResized": "NotResized",
            "lastRpoCalculatedTime": calculated,
            "resyncProcessedBytes": 0,
            "resyncTotalTransferredBytes": 0,
            "resyncLast15MinutesTransferredBytes": 0,
            "resyncLastDataTransferTimeUTC": None,
            "resyncStartTime": iso(item.sync_started) if row.syncing and item.sync_started else None,
            "progressHealth": "InProgress" if row.syncing else "Completed",
            "progressStatus": None if row.syncing else "Grey",
        }
        disks.append(entry)
    return disks


def _rpo(item: Item, hollow: bool) -> Any:
    """Age of the last recovery point in seconds; it grows once a failover is behind the item (SEEN)."""
    if item.row.syncing:
        return 0
    if item.phase not in AFTER_FAILOVER:
        return 120
    return AGE_MARK.strip('"') if hollow else item.point_age()


def _common(item: Item, hollow: bool, heartbeat: str, calculated: str) -> dict[str, Any]:
    vault, machine, row = item.vault, item.machine, item.row
    state, description = item.overrides.get("protection_state", (row.state, row.description))
    # A machine without a group is its own group, whose name is its id (SEEN).
    group_id = stable_uuid("group", vault.spec.name, machine.group or machine.item_name)
    found = machine.onprem != "physical"
    return {
        "instanceType": row.instance_type,
        "infrastructureVmId": item.vm_id,
        "vCenterInfrastructureId": stable_uuid("vcenter", vault.spec.name) if found and row.forward else None,
        "protectionStage": "InitialSync" if row.syncing else "DifferentialSync",
        "vmId": item.vm_id,
        "vmProtectionState": state,
        "vmProtectionStateDescription": description,
        "rpoInSeconds": _rpo(item, hollow),
        "compressedDataRateInMB": 0.0,
        "uncompressedDataRateInMB": 0.0,
        "lastHeartbeat": heartbeat,
        "processServerId": item.process_server,
        "multiVmGroupId": group_id,
        "multiVmGroupName": machine.group or group_id,
        "multiVmSyncStatus": "Enabled",
        # Nothing is reported of an Azure VM (SEEN).
        "sourceVmCpuCount": 2 if row.forward else 0,
        "sourceVmRamSizeInMB": machine.memory_mb if row.forward else 0,
        "vmNics": [nic(item)],
        "datastores": [machine.datastore] if found else [],
        "validationErrors": [],
        "lastRpoCalculatedTime": calculated,
        "lastUpdateReceivedTime": calculated,
        "osVersion": (WINDOWS if machine.os.lower() == "windows" else LINUX) if row.forward else None,
        "isAdditionalStatsAvailable": False,
        "totalDataTransferred": -1,
        "totalProgressHealth": "InProgress" if row.syncing else "Completed",
        "diskResized": "NotResized",
    }


def _azure_disks(item: Item) -> list[dict[str, Any]]:
    """The disks that the failover is going to make: their ids on-premises and their names in Azure, nothing else (SEEN)."""
    return [
        {
            "vhdType": None,
            "vhdId": disk,
            "diskId": None,
            "vhdName": None,
            "maxSizeMB": None,
            "targetDiskLocation": None,
            "targetDiskName": f"{item.azure_name}-{n}",
            "lunId": None,
            "diskEncryptionSetId": None,
            "customTargetDiskName": None,
        }
        for n, disk in enumerate(disk_ids(item.machine))
    ]


def seed_disks(item: Item) -> list[str]:
    """Ids of the disks in Azure that a machine's changes are written to."""
    spec = item.vault.spec
    group = f"/subscriptions/{spec.subscription_id}/resourceGroups/{spec.target_resource_group}"
    return [f"{group}/providers/Microsoft.Compute/disks/{name}" for name in seed_disk_names(item.machine)]


def _managed_disks(item: Item) -> list[dict[str, Any]]:
    """The seed disks in Azure that the changes are written to."""
    return [
        {
            "diskId": disk,
            "seedManagedDiskId": seed,
            "replicaDiskType": "Standard_LRS",
            "diskEncryptionSetId": None,
            "targetDiskName": f"{item.azure_name}-{n}",
        }
        for n, (disk, seed) in enumerate(zip(disk_ids(item.machine), seed_disks(item), strict=True))
    ]


def _log_storage(item: Item, group: str) -> str:
    return item.log_storage or f"{group}/providers/Microsoft.Storage/storageAccounts/asrlogs"


#: What a list omits of an InMageAzureV2 item (SEEN); only its own GET has it.
HOLLOW: dict[str, Any] = {
    "protectedDisks": [],
    "protectedManagedDisks": [],
    "masterTargetId": None,
    "osDiskId": None,
    "vhdName": None,
    "azureVMDiskDetails": None,
    "diskResized": None,
    "sourceVmCpuCount": 0,
    "sourceVmRamSizeInMB": 0,
}


def _azure_vm_name(item: Item) -> str:
    return item.azure_vm.name if item.azure_vm is not None and item.row.in_azure else ""


def _forward(item: Item, hollow: bool, heartbeat: str, calculated: str, progress: Any) -> dict[str, Any]:
    """InMageAzureV2: the way out."""
    machine, vault, row = item.machine, item.vault, item.row
    group = f"/subscriptions/{vault.spec.subscription_id}/resourceGroups/{vault.spec.target_resource_group}"
    details = _common(item, hollow, heartbeat, calculated)
    servers = {server.id: server.name for server in vault.spec.process_servers}
    details.update(
        {
            "resyncProgressPercentage": progress if row.syncing else 0,
            "ipAddress": machine.ip,
            "agentVersion": AGENT_VERSION,
            "agentExpiryDate": NEVER_EXPIRES,
            # A word, where one would expect a boolean (SEEN).
            "isAgentUpdateRequired": "NotRequired",
            "isRebootAfterUpdateRequired": "NotRequired",
            "processServerName": servers.get(item.process_server or ""),
            "protectedDisks": _disks(
                item, progress, calculated, ("sourceDataInMegaBytes", "psDataInMegaBytes", "targetDataInMegaBytes")
            ),
            # PowerShell copied the process server's id here (SEEN).
            "masterTargetId": item.process_server,
            "osType": machine.os,
            "vhdName": disk_names(machine)[0],
            "osDiskId": disk_ids(machine)[0],
            "azureVMDiskDetails": _azure_disks(item),
            "recoveryAzureVMName": item.azure_name,
            "recoveryAzureVMSize": wishes.size(item),
            "recoveryAzureStorageAccount": None,
            "recoveryAzureLogStorageAccountId": _log_storage(item, group),
            "selectedRecoveryAzureNetworkId": wishes.network_id(item),
            "selectedTfoAzureNetworkId": None,
            "selectedSourceNicId": mac(item),
            "discoveryType": "vCenter" if machine.onprem != "physical" else "Physical",
            "enableRdpOnTargetOption": "Never",
            # An id without a name until there is a VM (SEEN).
            "targetVmId": f"{group}/providers/Microsoft.Compute/virtualMachines/{_azure_vm_name(item)}",
            "recoveryAzureResourceGroupId": group,
            "recoveryAvailabilitySetId": None,
            "useManagedDisks": booltext(True),
            "licenseType": "NotSpecified",
            "replicaId": f"{item.vm_id}_replica_{vault.container}",
            "protectedManagedDisks": _managed_disks(item),
            "lastRecoveryPointReceived": item.last_point() or calculated,
            "targetAvailabilityZone": None,
            "targetProximityPlacementGroupId": None,
            "sqlServerLicenseType": "NotSpecified",
            "targetVmTags": {},
            "seedManagedDiskTags": None,
            "targetManagedDiskTags": None,
            "targetNicTags": {},
            "switchProviderBlockingErrorDetails": [],
            "switchProviderDetails": None,
            "firmwareType": "UEFI",
            "azureVmGeneration": "V2",
            "osName": None,
        }
    )
    if hollow:
        details.update(HOLLOW)
    return details


#: The same in every phase of the failback (SEEN).
RESYNCED = {"initialReplicationType": "InitialReplication", "initialReplicationProgressPercentage": "0"}


def _failback(item: Item, hollow: bool, heartbeat: str, calculated: str, progress: Any) -> dict[str, Any]:
    """InMage: the failback. A list omits details: no disks, master target, points or retention window (SEEN)."""
    machine, row = item.machine, item.row
    details = _common(item, hollow, heartbeat, calculated)
    committed = item.phase == "home_unprotected"
    points = {} if row.syncing or committed else consistency_points(item)
    details.update(
        {
            "activeSiteType": row.site,
            "osDetails": None if hollow else {"osType": machine.os, "osVhdId": None, "vhdName": None},
            "resyncDetails": RESYNCED,
            "retentionWindowStart": None,
            "retentionWindowEnd": None,
            "protectedDisks": []
            if hollow
            else None
            if committed
            else _disks(item, progress, calculated, ("sourceDataInMB", "psDataInMB", "targetDataInMB")),
            # The Azure VM's, even once the machine runs on-premises (SEEN).
            "ipAddress": wishes.address(item),
            "masterTargetId": None if hollow else item.master_target,
            "consistencyPoints": None if hollow else points,
            "rebootAfterUpdateStatus": None,
            "agentDetails": {
                "agentVersion": AGENT_VERSION,
                "agentUpdateStatus": "NotRequired",
                "postUpdateRebootStatus": "NotRequired",
                "agentExpiryDate": NEVER_EXPIRES,
            },
            # Physical even for a VMware machine: the Azure VM is a separate machine to the server (SEEN).
            "discoveryType": "Physical",
            "azureStorageAccountId": None,
            # The original machine's id (SEEN).
            "replicaId": machine.uuid,
        }
    )
    if committed:
        details["totalDataTransferred"] = 0
    if hollow:
        details["diskResized"] = None
    elif points:
        details["retentionWindowStart"] = iso(item.protected_since)
        details["retentionWindowEnd"] = calculated
    return details


def consistency_points(item: Item) -> dict[str, str]:
    """Tags of the failback: one when the synchronisation ended, then one each hour, the last three (INFER).

    They are the only sign that a point exists in this direction; a name ends in a time of its own (SEEN).
    """
    first = item.protected_since
    now = item.points_until or item.clock.now()
    count = int(max(0.0, now - first) // 3600)
    times = [int(first + n * 3600) for n in range(max(0, count - 2), count + 1)]
    return {f"fileSystem{time:08x}": iso_seconds(time) for time in times}


BY_TYPE: dict[str, Callable[..., dict[str, Any]]] = {
    "InMageAzureV2": _forward,
    "InMage": _failback,
    "InMageRcm": details_modernized.forward,
    "InMageRcmFailback": details_modernized.failback,
}
