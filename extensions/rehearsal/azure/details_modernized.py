# SPDX-License-Identifier: GPL-3.0-or-later
"""providerSpecificDetails of items in a modernized vault, field by field as recorded (SEEN rcm_082 to rcm_162).

Booleans are strings but for isAgentRegistrationSuccessfulAfterFailover. The recordings show a synchronisation only in its
first seconds (irDetails Queued, percentages null) and after its end (irDetails gone); what is between is SPEC in its
fields and INFER in its values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.azure import networks, remains, wishes
from rehearsal.azure.clock import iso, iso_seconds
from rehearsal.azure.lifecycle import AFTER_FAILOVER
from rehearsal.azure.naming import disk_ids, disk_names, new_disk_ids
from rehearsal.azure.points import newest_point
from rehearsal.azure.words import GIB, RPO_MARK, booltext
from rehearsal.fleet import stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.items import Item

AGENT = "9.66.7567.1"
#: A synchronisation moves less than a disk holds: what is free or unchanged is only compared (INFER).
MOVED_SHARE = 0.4
#: Fields that stay null, None or empty while nothing of their kind happens.
NO_RESYNC = {
    "resyncProgressPercentage": None,
    "resyncProcessedBytes": None,
    "resyncTransferredBytes": None,
    "resyncProgressHealth": "None",
    "resyncRequired": "false",
    "resyncState": "None",
}


def registration(item: Item) -> bool | None:
    """null before a failover, false until the agent has registered after it, then true; null again once replication
    goes the other way (SEEN: null, false, null; true is SPEC)."""
    if item.phase in AFTER_FAILOVER:
        return item.agent_registered()
    return None


# -- progress --------------------------------------------------------------------------------------------------------


def fraction(item: Item) -> float | None:
    """How far the synchronisation is, 0 to 1; None while it is queued or when there is none."""
    if item.phase == "first_point":
        return 1.0
    if not item.row.syncing or item.sync_started is None or item.sync_ends is None:
        return None
    begun = item.sync_started + item.vault.durations["queued"]
    now = item.clock.now()
    if now < begun:
        return None
    return min(0.99, (now - begun) / max(1.0, item.sync_ends - begun))


def _sync_entry(item: Item, size: int) -> dict[str, Any]:
    """irDetails of a disk."""
    done = fraction(item)
    if done is None:
        return {
            "progressHealth": "Queued",
            "transferredBytes": 0,
            "last15MinutesTransferredBytes": 0,
            "lastDataTransferTimeUtc": None,
            "processedBytes": 0,
            "startTime": None,
            "lastRefreshTime": None,
            "progressPercentage": None,
        }
    now, moved = item.clock.now(), int(size * done * MOVED_SHARE)
    begun = min(now, (item.sync_started or now) + item.vault.durations["queued"])
    return {
        "progressHealth": "Completed" if done == 1.0 else "InProgress",
        "transferredBytes": moved,
        "last15MinutesTransferredBytes": int(moved * min(1.0, 900.0 / max(1.0, now - begun))) if done < 1.0 else 0,
        "lastDataTransferTimeUtc": iso(now),
        "processedBytes": int(size * done),
        "startTime": iso(begun),
        "lastRefreshTime": iso(now),
        "progressPercentage": int(100 * done),
    }


def _progress(item: Item) -> dict[str, Any]:
    """Of the whole item."""
    done, size = fraction(item), sum(item.machine.disks_gb) * GIB
    if done is None or done == 1.0:
        return {
            "initialReplicationProgressPercentage": None,
            "initialReplicationProcessedBytes": None,
            "initialReplicationTransferredBytes": None,
            "initialReplicationProgressHealth": "None",
        }
    return {
        "initialReplicationProgressPercentage": int(100 * done),
        "initialReplicationProcessedBytes": int(size * done),
        "initialReplicationTransferredBytes": int(size * done * MOVED_SHARE),
        "initialReplicationProgressHealth": "InProgress",
    }


def _pending(item: Item) -> dict[str, float]:
    """Data that waits in the log storage account and at the source, in MB."""
    done = fraction(item)
    waiting = 0.0 if done is None or done == 1.0 else round(256.0 * (1.0 - done), 1)
    return {"dataPendingInLogDataStoreInMB": waiting, "dataPendingAtSourceAgentInMB": 0.21875}


# -- disks -----------------------------------------------------------------------------------------------------------


def _disks(item: Item) -> list[dict[str, Any]]:
    machine, forward = item.machine, item.row.forward
    disks = []
    for n, (size, name, disk) in enumerate(zip(machine.disks_gb, disk_names(machine), disk_ids(machine), strict=True)):
        entry: dict[str, Any] = {
            "diskId": disk,
            "diskName": name,
            "isOSDisk": booltext(n == 0),
            "capacityInBytes": size * GIB,
        }
        entry.update(_azure_side(item, n) if forward else {"diskUuid": machine.disk_uuids[n]})
        # During the failback it still said false when the item was protected already (SEEN).
        copied = forward and (not item.row.syncing or item.phase == "first_point")
        entry.update(**_pending(item), isInitialReplicationComplete=booltext(copied))
        if item.row.syncing:
            entry["irDetails"] = _sync_entry(item, size * GIB)
        disks.append(entry)
    return disks


def _unprotected(item: Item) -> dict[str, Any]:
    """No key without such disks (SEEN); the entries are SPEC."""
    first, sizes = len(item.machine.disks_gb), item.new_disks_gb
    if not sizes:
        return {}
    ids = new_disk_ids(item.machine, len(sizes))
    entries = [
        {"diskId": disk, "diskName": f"Disk {first + n}", "capacityInBytes": size * GIB}
        for n, (disk, size) in enumerate(zip(ids, sizes, strict=True))
    ]
    return {"unprotectedDisks": entries}


def _azure_side(item: Item, number: int) -> dict[str, Any]:
    group = _target_group(item)
    disk = f"{group}/providers/Microsoft.Compute/disks"
    word = stable_uuid("managed", item.name, str(number))
    return {
        "logStorageAccountId": item.log_storage if item.vault.spec.shows_log_storage else None,
        "diskEncryptionSetId": None,
        "seedManagedDiskId": f"{disk}/asrseeddisk-{item.machine.name}-{word}",
        "seedBlobUri": None,
        "targetManagedDiskId": remains.disk_ids(item)[number] if item.row.in_azure else None,
        "targetBlobUri": None,
        "diskType": "Premium_LRS",
    }


# -- the item --------------------------------------------------------------------------------------------------------


def _target_group(item: Item) -> str:
    spec = item.vault.spec
    return f"/subscriptions/{spec.subscription_id}/resourceGroups/{spec.target_resource_group}"


def _agent(item: Item, heartbeat: str) -> dict[str, Any]:
    """mobilityAgentDetails; the two directions differ in one field (SEEN)."""
    details: dict[str, Any] = {"version": AGENT, "latestVersion": None}
    if item.row.forward:
        details["latestAgentReleaseDate"] = None
    details.update(
        {
            "driverVersion": AGENT,
            "latestUpgradableVersionWithoutReboot": None,
            "lastHeartbeatUtc": heartbeat,
            "reasonsBlockingUpgrade": [
                "AlreadyOnLatestVersion" if item.row.forward else "UnsupportedProtectionScenario"
            ],
            "isUpgradeable": "false",
        }
    )
    return details


def _upgrade_blocked(item: Item) -> dict[str, Any]:
    """The entry that is in every forward item whose agent is up to date (SEEN)."""
    name, appliance = item.machine.name, item.vault.appliance(item.process_server)
    return {
        "errorCode": "InMageRcmUpgradeBlockedAlreadyOnLatestVersion",
        "errorMessage": f"The Mobility agent of source machine '{name}' cannot be updated.",
        "possibleCauses": f" The Mobility agent of source machine '{name}' is already on latest version '{AGENT}'.",
        "recommendedAction": "No action is needed as agent is already on the latest version.",
        "errorMessageParameters": {
            "vmName": name,
            "rcmUri": "https://rcm.westeurope.hypervrecoverymanager.windowsazure.com",
            "applianceName": appliance.name if appliance else "",
            "agentVersion": AGENT,
            "latestVersion": None,
        },
        "errorTags": {"category": "ClientError"},
    }


def _mac(item: Item, prefix: str) -> str:
    digits = stable_uuid("mac", item.name).replace("-", "").upper()
    return f"{prefix}:{digits[0:2]}:{digits[2:4]}:{digits[4:6]}"


def mac(item: Item) -> str:
    """Of the adapter on-premises."""
    return _mac(item, "00:50:56")


def discovered(item: Item) -> dict[str, Any] | None:
    """What the appliance's discovery knows of the on-premises machine; a physical one is not in any vCenter."""
    machine, vault = item.machine, item.vault
    if machine.onprem == "physical" and item.rebuilt_on is None:
        return None
    appliance = vault.appliance(item.process_server)
    past = iso_seconds(item.clock.now() // 1800 * 1800)
    # The discovery looks about every hour: right after the failover it still knows the machine as running (SEEN).
    failed_over = item.last_failover if item.phase in ("out_uncommitted", "out") else None
    off = failed_over is not None and item.clock.now() - failed_over > 3600.0
    return {
        "vCenterId": f"{vault.site}/vcenters/{appliance.vcenter if appliance else ''}",
        "vCenterFqdn": "",
        "datastores": [item.rebuilt_on or machine.datastore],
        "ipAddresses": [machine.ip],
        "vmwareToolsStatus": "NotRunning" if off else "OK",
        "powerStatus": "OFF" if off else "ON",
        "vmFqdn": machine.name,
        "osName": "Microsoft Windows Server 2016 or later (64-bit)"
        if machine.os == "Windows"
        else "Ubuntu Linux (64-bit)",
        "createdTimestamp": iso(item.clock.now() - 30 * 86400.0),
        "updatedTimestamp": past,
        "isDeleted": machine.onprem == "gone" and item.rebuilt_on is None,
        "lastDiscoveryTimeInUtc": past,
    }


def _discovery_id(item: Item) -> str:
    vault, machine = item.vault, item.machine
    if machine.onprem == "physical":
        return f"{vault.physical_site}/machines/{stable_uuid('physical', item.name)}"
    appliance = vault.appliance(item.process_server)
    return f"{vault.site}/machines/{appliance.vcenter if appliance else ''}_{machine.uuid}"


def forward(item: Item, hollow: bool, heartbeat: str, calculated: str, progress: Any) -> dict[str, Any]:
    """InMageRcm: the way out."""
    machine, vault = item.machine, item.vault
    group = _target_group(item)
    appliance = vault.appliance(item.process_server)
    accounts = vault.accounts()
    thin = hollow and vault.spec.thin_lists
    details: dict[str, Any] = {
        "instanceType": "InMageRcm",
        "internalIdentifier": item.vm_id,
        "fabricDiscoveryMachineId": _discovery_id(item),
        "multiVmGroupName": machine.group,
        "discoveryType": "Physical" if machine.onprem == "physical" else "VCenter",
        "processServerId": item.process_server,
        "processorCoreCount": 2,
        "allocatedMemoryInMB": float(machine.memory_mb),
        "processServerName": appliance.name if appliance else None,
        "runAsAccountId": accounts[0]["accountId"] if accounts else None,
        "osType": machine.os,
        "firmwareType": "BIOS",
        "primaryNicIpAddress": machine.ip,
        "targetGeneration": "V1",
        "licenseType": "NotSpecified",
        "storageAccountId": None,
        # Keeps the machine's name when the failover gave the Azure VM another one (SEEN).
        "targetVmName": machine.name,
        "targetVmSize": wishes.size(item),
        "targetResourceGroupId": group,
        "targetLocation": vault.spec.location,
        "targetAvailabilitySetId": "",
        "targetAvailabilityZone": "",
        "targetProximityPlacementGroupId": "",
        "targetBootDiagnosticsStorageAccountId": item.log_storage,
        "targetNetworkId": wishes.network_id(item),
        "testNetworkId": "",
        "failoverRecoveryPointId": item.failover_point,
    }
    point = newest_point(item)
    if not item.row.syncing:
        # No key of these three while the first point is awaited (SEEN).
        details["lastRecoveryPointReceived"] = RPO_MARK if hollow else calculated
        details["lastRpoInSeconds"] = 222
        details["lastRpoCalculatedTime"] = RPO_MARK if hollow else calculated
    details.update(
        {
            "lastRecoveryPointId": point.item_word(item) if point else item.failover_point,
            **_progress(item),
            **NO_RESYNC,
            "agentUpgradeState": "None",
            "lastAgentUpgradeType": None,
            "agentUpgradeJobId": None,
            "agentUpgradeAttemptToVersion": None,
            "protectedDisks": [] if thin else _disks(item),
            **_unprotected(item),
            "isLastUpgradeSuccessful": "false",
            "isAgentRegistrationSuccessfulAfterFailover": registration(item),
            "mobilityAgentDetails": _agent(item, heartbeat),
            "lastAgentUpgradeErrorDetails": [],
            "agentUpgradeBlockingErrorDetails": [_upgrade_blocked(item)],
            "vmNics": [
                {
                    "nicId": mac(item),
                    "isPrimaryNic": "true",
                    "isSelectedForFailover": "true",
                    "sourceIPAddress": machine.ip,
                    "sourceIPAddressType": "Static",
                    "sourceNetworkId": "VM Network",
                    "sourceSubnetName": None,
                    "targetIPAddress": "",
                    "targetIPAddressType": "Dynamic",
                    "targetSubnetName": networks.SUBNET,
                    "testSubnetName": None,
                    "testIPAddress": None,
                    "testIPAddressType": "Dynamic",
                    **wishes.modernized_nic(item),
                }
            ],
            "discoveredVmDetails": None if thin else discovered(item),
        }
    )
    return details


def failback(item: Item, hollow: bool, heartbeat: str, calculated: str, progress: Any) -> dict[str, Any]:
    """InMageRcmFailback: the failback. The real Azure VM's id is here and nowhere before (SEEN)."""
    machine, vault = item.machine, item.vault
    appliance = vault.appliance(item.master_target)
    details: dict[str, Any] = {
        "instanceType": "InMageRcmFailback",
        "internalIdentifier": item.vm_id,
        "azureVirtualMachineId": item.azure_vm.id if item.azure_vm else None,
        "multiVmGroupName": machine.group,
        "reprotectAgentId": item.master_target,
        "reprotectAgentName": appliance.name if appliance else None,
        "osType": machine.os,
        "logStorageAccountId": item.log_storage,
        "targetvCenterId": f"{vault.site}/vcenters/{appliance.vcenter if appliance else ''}",
        "targetDataStoreName": item.rebuilt_on or machine.datastore,
        "targetVmName": machine.name,
        **_progress(item),
        **NO_RESYNC,
        "protectedDisks": [] if hollow and vault.spec.thin_lists else _disks(item),
        "mobilityAgentDetails": _agent(item, heartbeat),
        "vmNics": [
            {
                "macAddress": _mac(item, "00:0D:3A"),
                "networkName": None,
                "adapterType": None,
                "sourceIpAddress": wishes.address(item),
            }
        ],
        "discoveredVmDetails": None,
        "lastUsedPolicyId": vault.policy_id(vault.forward_policy),
        "lastUsedPolicyFriendlyName": vault.forward_policy,
        "isAgentRegistrationSuccessfulAfterFailover": registration(item),
    }
    if item.planned is not None:
        # No key of these before the first planned failover (SEEN); their words are SPEC.
        details["lastPlannedFailoverStartTime"] = iso(item.planned[0])
        details["lastPlannedFailoverStatus"] = item.planned[1]
    return details
