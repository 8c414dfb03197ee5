# SPDX-License-Identifier: GPL-3.0-or-later
"""The on-premises side of a vault: fabric, providers, vCenters, and of a classic one the process servers and master targets."""

from __future__ import annotations

from typing import Any

from rehearsal.azure import appliances
from rehearsal.azure.clock import iso
from rehearsal.azure.onprem import TargetView
from rehearsal.azure.vault import VaultState
from rehearsal.azure.words import AGENT_VERSION, GIB, NEVER_EXPIRES, RS
from rehearsal.fleet import MasterTarget, ProcessServer, stable_uuid

#: Heartbeats of servers are about ten minutes old in a healthy vault (SEEN).
HEARTBEAT_AGE = 600.0

CERTIFICATE_DAYS = 700


def version_details() -> dict[str, Any]:
    return {"version": AGENT_VERSION, "expiryDate": NEVER_EXPIRES, "status": "Supported"}


def _loads() -> dict[str, Any]:
    return {
        "systemLoad": "0",
        "systemLoadStatus": "Green",
        "cpuLoad": "0%",
        "cpuLoadStatus": "Green",
        "totalMemoryInBytes": 16 * GIB,
        "availableMemoryInBytes": 9 * GIB,
        "memoryUsageStatus": "Green",
        "totalSpaceInBytes": 600 * GIB,
        "availableSpaceInBytes": 420 * GIB,
        "spaceUsageStatus": "Green",
        "sslCertExpiryRemainingDays": CERTIFICATE_DAYS,
        "agentExpiryDate": NEVER_EXPIRES,
        "agentVersionDetails": version_details(),
    }


def process_server(vault: VaultState, server: ProcessServer, now: float, in_list: bool) -> dict[str, Any]:
    pairs = sum(1 for item in vault.items.values() if item.process_server == server.id)
    body = {
        "friendlyName": server.name,
        "id": server.id,
        "ipAddress": server.ip,
        "osType": "Windows",
        "agentVersion": AGENT_VERSION,
        "lastHeartbeat": iso(now - HEARTBEAT_AGE),
        "versionStatus": "Supported",
        "mobilityServiceUpdates": [],
        "hostId": server.id,
        "machineCount": str(pairs),
        "replicationPairCount": str(pairs),
        **_loads(),
        "psServiceStatus": "Running",
        "sslCertExpiryDate": iso(now + CERTIFICATE_DAYS * 86400.0),
        "osVersion": None,
        "healthErrors": [],
        "health": "Normal",
        "psStatsRefreshTime": iso(now - HEARTBEAT_AGE),
        "throughputUploadPendingDataInBytes": 0,
        "throughputInMBps": 0,
        "throughputInBytes": 0,
        "throughputStatus": "Green",
        "marsCommunicationStatus": "1",
        "marsRegistrationStatus": "1",
    }
    if in_list:
        # In list replies, absent from the single GET (SEEN).
        body["historicHealth"] = "Normal"
    return {**body, **server.says}


def master_target(target: MasterTarget, view: TargetView | None, now: float) -> dict[str, Any]:
    """Datastores are what the fleet registers and vCenter shows on the target's host; none visible is [] and no error (SEEN)."""
    stores = []
    if view is not None:
        for name in target.datastores:
            store = view.stores.get(name)
            if store is None or not store.usable or store.type.upper().startswith("NFS"):
                continue
            stores.append(
                {
                    "symbolicName": name,
                    "uuid": stable_uuid("datastore", name),
                    "capacity": f"{store.capacity_gb:.2f}",
                    "freeSpace": f"{store.free_gb:.2f}",
                    "type": store.type,
                }
            )
    return {
        "id": target.id,
        "ipAddress": target.ip,
        "name": target.name,
        "osType": target.os,
        "agentVersion": AGENT_VERSION,
        "lastHeartbeat": iso(now - HEARTBEAT_AGE),
        "versionStatus": "Supported",
        "retentionVolumes": [
            {
                "volumeName": volume,
                "capacityInBytes": 1024 * GIB,
                "freeSpaceInBytes": 900 * GIB,
                "thresholdPercentage": None,
            }
            for volume in target.retention_volumes
        ],
        "dataStores": stores,
        "validationErrors": [],
        "healthErrors": [],
        "diskCount": view.disks if view is not None else 0,
        "osVersion": None,
        "agentExpiryDate": NEVER_EXPIRES,
        "marsAgentVersion": None,
        "marsAgentExpiryDate": None,
        "agentVersionDetails": version_details(),
        "marsAgentVersionDetails": None,
        **target.says,
    }


def fabric(vault: VaultState, views: dict[str, TargetView], now: float, in_list: bool = False) -> dict[str, Any]:
    """The envelope is the same in both generations (SEEN)."""
    keys = {"kekState": "None", "kekCertThumbprint": None}
    if vault.modernized:
        details = appliances.fabric_details(vault, views, now, in_list)
    else:
        details = _server_details(vault, views, now, in_list)
    return {
        "name": vault.fabric,
        "type": f"{RS}/replicationFabrics",
        "id": vault.fabric_id,
        "properties": {
            "friendlyName": vault.fabric_friendly,
            "encryptionDetails": keys,
            "rolloverEncryptionDetails": keys,
            "internalIdentifier": vault.internal_id,
            "bcdrState": "Valid",
            "customDetails": details,
            "healthErrorDetails": [],
            "health": "Normal",
        },
    }


def _server_details(vault: VaultState, views: dict[str, TargetView], now: float, in_list: bool) -> dict[str, Any]:
    spec = vault.spec
    counted = str(len(vault.items))
    home = next((s for s in spec.process_servers if not s.in_azure), None)
    return {
        "instanceType": "VMware",
        "processServers": [process_server(vault, s, now, in_list) for s in spec.process_servers],
        "masterTargetServers": [master_target(t, views.get(t.name), now) for t in spec.master_targets],
        "runAsAccounts": vault.accounts(),
        "replicationPairCount": counted,
        "processServerCount": str(len(spec.process_servers)),
        "agentCount": counted,
        "protectedServers": counted,
        **_loads(),
        "webLoad": "0",
        "webLoadStatus": "Green",
        "databaseServerLoad": "0",
        "databaseServerLoadStatus": "Green",
        "csServiceStatus": "Running",
        "ipAddress": home.ip if home else "10.20.1.5",
        "agentVersion": AGENT_VERSION,
        "hostName": spec.configuration_server,
        "lastHeartbeat": iso(now - HEARTBEAT_AGE),
        "versionStatus": "Supported",
        "sslCertExpiryDate": iso(now + CERTIFICATE_DAYS * 86400.0),
        "psTemplateVersion": None,
        "switchProviderBlockingErrorDetails": [],
        **spec.configuration_server_says,
    }


def providers(vault: VaultState, now: float) -> list[dict[str, Any]]:
    if vault.modernized:
        return appliances.providers(vault, now)
    return [_provider(vault, now)]


def _provider(vault: VaultState, now: float) -> dict[str, Any]:
    server = vault.spec.configuration_server
    return {
        "id": vault.provider_id,
        "type": f"{RS}/replicationFabrics/replicationRecoveryServicesProviders",
        "name": vault.provider,
        "properties": {
            "fabricType": "VMware",
            "friendlyName": server,
            "providerVersion": "5.25.1104.3",
            "serverVersion": "0.0",
            "providerVersionState": "Latest",
            "providerVersionExpiryDate": NEVER_EXPIRES,
            "fabricFriendlyName": server,
            "lastHeartBeat": iso(now - 30.0),
            "connectionStatus": "Connected",
            "protectedItemCount": len(vault.items),
            "allowedScenarios": ["Refresh"],
            "healthErrorDetails": [],
            "draIdentifier": vault.provider,
            "machineId": vault.provider,
            "machineName": server,
            "biosId": None,
            "authenticationIdentityDetails": None,
            "resourceAccessIdentityDetails": None,
            "dataPlaneAuthenticationIdentityDetails": None,
            "providerVersionDetails": {"version": "5.25.1104.3", "expiryDate": NEVER_EXPIRES, "status": "Supported"},
        },
    }


def vcenters(vault: VaultState, now: float) -> list[dict[str, Any]]:
    """Classic only: an appliance's discovery keeps its own."""
    return [] if vault.modernized else [_vcenter(vault, now)]


def _vcenter(vault: VaultState, now: float) -> dict[str, Any]:
    spec = vault.spec
    server = next((s.id for s in spec.process_servers if not s.in_azure), None)
    return {
        "name": vault.vcenter,
        "type": f"{RS}/replicationFabrics/replicationvCenters",
        "id": f"{vault.fabric_id}/replicationvCenters/{vault.vcenter}",
        "properties": {
            "friendlyName": vault.vcenter,
            "internalId": stable_uuid("vcenter", spec.name),
            "lastHeartbeat": iso(now - HEARTBEAT_AGE),
            "discoveryStatus": "Discovered",
            "processServerId": server,
            "ipAddress": "10.20.1.2",
            "infrastructureId": stable_uuid("vcenter", spec.name),
            "port": "443",
            "runAsAccountId": "1",
            "fabricArmResourceName": vault.fabric,
            "healthErrors": [],
            **spec.vcenter_says,
        },
    }
