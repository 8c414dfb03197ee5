# SPDX-License-Identifier: GPL-3.0-or-later
"""providerSpecificDetails of a replicated item, one function for each provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rehearsal.azure import details_modernized
from rehearsal.azure.clock import iso, iso_seconds
from rehearsal.azure.lifecycle import AFTER_FAILOVER
from rehearsal.azure.naming import azure_ip, disk_ids, disk_names, seed_disk_names
from rehearsal.azure.nics import nic
from rehearsal.azure.words import AGE_MARK, AGENT_VERSION, GIB, NEVER_EXPIRES, booltext
from rehearsal.fleet import stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.items import Item


def provider_details(item: Item, hollow: bool, heartbeat: str, calculated: str, progress: Any) -> dict[str, Any]:
    details = BY_TYPE[item.row.instance_type](item, hollow, heartbeat, calculated, progress)
    details.update({key: value for key, value in item.wishes.items() if key in details and key != "vmNics"})
    details.update(item.machine.details)
    details.update(item.overrides.get("details", {}))
    return details


def _disks(item: Item, progress: Any, megabytes: tuple[str, str, str]) -> list[dict[str, Any]]:
    row, machine = item.row, item.machine
    # After the commit to Azure disks still say so, with replicationHealth Normal (SEEN).
    stale = row.phase in ("out", "home_unprotected")
    disks = []
    for size, name, disk in zip(machine.disks_gb, disk_names(machine), disk_ids(machine), strict=True):
        entry: dict[str, Any] = {
            "diskId": disk,
            "diskName": name,
            "protectionStage": "InitialSync" if row.syncing else "DifferentialSync",
            "healthErrorCode": "ECH0007" if stale else None,
            "rpoInSeconds": 0,
            "resyncRequired": "Required" if stale else "NotRequired",
            "resyncProgressPercentage": progress if row.syncing else 0,
            "resyncDurationInSeconds": 0,
            "diskCapacityInBytes": size * GIB,
            "fileSystemCapacityInBytes": size * GIB,
            **dict.fromkeys(megabytes, 0.0),
            "diskResized": "NotResized",
            "lastRpoCalculatedTime": None,
            "resyncProcessedBytes": 0,
            "resyncTotalTransferredBytes": 0,
            "resyncLast15MinutesTransferredBytes": 0,
            "resyncLastDataTransferTimeUTC": None,
            "resyncStartTime": iso(item.sync_started) if row.syncing and item.sync_started else None,
            "progressHealth": "InProgress" if row.syncing else "None",
            "progressStatus": None,
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
    group = machine.group
    found = machine.onprem != "physical"
    return {
        "instanceType": row.instance_type,
        "infrastructureVmId": item.vm_id,
        "vCenterInfrastructureId": stable_uuid("vcenter", vault.spec.name) if found or not row.forward else None,
        "protectionStage": "InitialSync" if row.syncing else "DifferentialSync",
        "vmId": item.vm_id,
        "vmProtectionState": state,
        "vmProtectionStateDescription": description,
        "rpoInSeconds": _rpo(item, hollow),
        "compressedDataRateInMB": 0.0,
        "uncompressedDataRateInMB": 0.0,
        "lastHeartbeat": heartbeat,
        "processServerId": item.process_server,
        # A machine without a group is its own group, without a name (SEEN).
        "multiVmGroupId": stable_uuid("group", vault.spec.name, group or machine.item_name),
        "multiVmGroupName": group,
        "multiVmSyncStatus": "Enabled",
        "sourceVmCpuCount": 2,
        "sourceVmRamSizeInMB": machine.memory_mb,
        "vmNics": [nic(item)],
        "datastores": [machine.datastore] if found else [],
        "validationErrors": [],
        "lastRpoCalculatedTime": calculated,
        "lastUpdateReceivedTime": calculated,
        "osVersion": None,
        "isAdditionalStatsAvailable": True,
        "totalDataTransferred": -1,
        "totalProgressHealth": "InProgress" if row.syncing else "None",
        "diskResized": "NotResized",
    }


def _azure_disks(item: Item) -> list[dict[str, Any]]:
    machine = item.machine
    return [
        {
            "vhdType": "OperatingSystem" if n == 0 else "DataDisk",
            "vhdId": disk,
            "diskId": disk,
            "vhdName": name,
            "maxSizeMB": str(size * 1024),
            "targetDiskLocation": None,
            "targetDiskName": f"{item.azure_name}-{n}",
            "lunId": str(n),
            "diskEncryptionSetId": None,
            "customTargetDiskName": None,
        }
        for n, (size, name, disk) in enumerate(
            zip(machine.disks_gb, disk_names(machine), disk_ids(machine), strict=True)
        )
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
    "recoveryAzureLogStorageAccountId": None,
    "replicaId": None,
    "sourceVmCpuCount": 0,
    "sourceVmRamSizeInMB": 0,
}


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
            "isRebootAfterUpdateRequired": booltext(False),
            "processServerName": servers.get(item.process_server or ""),
            "protectedDisks": _disks(
                item, progress, ("sourceDataInMegaBytes", "psDataInMegaBytes", "targetDataInMegaBytes")
            ),
            # PowerShell copied the process server's id here (SEEN).
            "masterTargetId": item.process_server,
            "osType": machine.os,
            "vhdName": disk_names(machine)[0],
            "osDiskId": disk_ids(machine)[0],
            "azureVMDiskDetails": _azure_disks(item),
            "recoveryAzureVMName": item.azure_name,
            "recoveryAzureVMSize": "Standard_D2s_v3",
            "recoveryAzureStorageAccount": None,
            "recoveryAzureLogStorageAccountId": _log_storage(item, group),
            "selectedRecoveryAzureNetworkId": item.network_id,
            "selectedTfoAzureNetworkId": "",
            "selectedSourceNicId": None,
            "discoveryType": "vCenter" if machine.onprem != "physical" else "Physical",
            "enableRdpOnTargetOption": "Never",
            "targetVmId": item.azure_vm.id if item.azure_vm and row.in_azure else None,
            "recoveryAzureResourceGroupId": group,
            "recoveryAvailabilitySetId": "",
            "useManagedDisks": booltext(True),
            "licenseType": "NotSpecified",
            # Filled (SEEN); with what is INFER.
            "replicaId": stable_uuid("replica", vault.spec.name, machine.name),
            "protectedManagedDisks": _managed_disks(item),
            "lastRecoveryPointReceived": item.last_point() or calculated,
            "targetAvailabilityZone": None,
            "targetProximityPlacementGroupId": None,
            "sqlServerLicenseType": "NotSpecified",
            "targetVmTags": {},
            "seedManagedDiskTags": {},
            "targetManagedDiskTags": {},
            "targetNicTags": {},
            "switchProviderBlockingErrorDetails": [],
            "switchProviderDetails": None,
            "firmwareType": "BIOS",
            "azureVmGeneration": "V1",
            "osName": None,
        }
    )
    if hollow:
        details.update(HOLLOW)
    return details


RESYNCED = {"initialReplicationType": "Automatic", "initialReplicationProgressPercentage": "100"}


def _failback(item: Item, hollow: bool, heartbeat: str, calculated: str, progress: Any) -> dict[str, Any]:
    """InMage: the failback. A list omits details: no disks, master target, points or retention window (SEEN)."""
    machine, row = item.machine, item.row
    details = _common(item, hollow, heartbeat, calculated)
    points = {} if row.syncing else consistency_points(item)
    committed = item.phase == "home_unprotected"
    details.update(
        {
            "activeSiteType": row.site,
            "osDetails": None
            if hollow
            else {"osType": machine.os, "osVhdId": disk_ids(machine)[0], "vhdName": disk_names(machine)[0]},
            # Filled once committed home, where the disks are gone (SEEN).
            "resyncDetails": RESYNCED if committed else None,
            "retentionWindowStart": None,
            "retentionWindowEnd": None,
            "protectedDisks": []
            if hollow
            else None
            if committed
            else _disks(item, progress, ("sourceDataInMB", "psDataInMB", "targetDataInMB")),
            "ipAddress": azure_ip(machine) if row.in_azure else machine.ip,
            "masterTargetId": None if hollow else item.master_target,
            "consistencyPoints": None if hollow else points,
            "rebootAfterUpdateStatus": "NotRequired",
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
    if points and not hollow:
        details["retentionWindowStart"] = iso(item.protected_since)
        details["retentionWindowEnd"] = calculated
    return details


def consistency_points(item: Item) -> dict[str, str]:
    """Tags of the failback: one when the synchronisation ended, then one each hour, the last three (INFER).

    They are the only sign that a point exists in this direction (SEEN).
    """
    first = item.protected_since
    now = item.points_until or item.clock.now()
    count = int(max(0.0, now - first) // 3600)
    return {f"Tag{n:04d}": iso_seconds(first + n * 3600) for n in range(max(0, count - 2), count + 1)}


BY_TYPE: dict[str, Callable[..., dict[str, Any]]] = {
    "InMageAzureV2": _forward,
    "InMage": _failback,
    "InMageRcm": details_modernized.forward,
    "InMageRcmFailback": details_modernized.failback,
}
