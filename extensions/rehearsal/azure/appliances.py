# SPDX-License-Identifier: GPL-3.0-or-later
"""The replication appliances of a modernized vault, as its fabric, its providers and its list of appliances show them.

Every component of one appliance shares id, name and biosId (SEEN rcm_020, rcm_131). In a list of fabrics the components
are empty and the agents' identity is null (SEEN rcm_008): read the single fabric.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from rehearsal.azure.clock import iso
from rehearsal.azure.items import health_error
from rehearsal.azure.onprem import TargetView
from rehearsal.azure.vault import VaultState
from rehearsal.azure.words import GIB, NEVER_EXPIRES, RS
from rehearsal.fleet import Appliance, stable_uuid

VERSION = "9.66.7567.1"
PROVIDER_VERSION = "5.25.1104.3"
#: Component arrays of the fabric -> the key of the list of appliances.
COMPONENTS = {
    "processServers": "processServer",
    "rcmProxies": "rcmProxy",
    "pushInstallers": "pushInstaller",
    "replicationAgents": "replicationAgent",
    "reprotectAgents": "reprotectAgent",
    "marsAgents": "marsAgent",
    "dras": "dra",
}


#: Items by direction (True: on their way out) and by the id of the appliance that serves them.
Counts = Counter[tuple[bool, "str | None"]]


def _identity(vault: VaultState, application: str, audience: str) -> dict[str, Any]:
    tenant = stable_uuid("tenant", vault.fleet.name)
    return {
        "tenantId": tenant,
        "applicationId": stable_uuid("application", vault.spec.name, application),
        "objectId": stable_uuid("object", vault.spec.name, application),
        "audience": f"api://{tenant}/{audience}",
        "aadAuthority": f"https://login.microsoftonline.com/{tenant}",
    }


def _counts(vault: VaultState) -> Counts:
    rows = ((item.row.forward, item) for item in vault.items.values())
    return Counter((forward, item.process_server if forward else item.master_target) for forward, item in rows)


def components(
    vault: VaultState, appliance: Appliance, view: TargetView | None, now: float, counts: Counts
) -> dict[str, dict[str, Any]]:
    """One body for each component array of the fabric. protectedItemCount is newer than the recordings (SPEC)."""
    health = vault.appliance_health.get(appliance.id, appliance.health)
    errors = []
    if health != "Normal":
        level = "Error" if health == "Critical" else "Warning"
        message = f"A component of appliance {appliance.name} does not work properly."
        errors = [health_error("301010", level, "FabricInfrastructure", message, now - 600.0)]
    beat = iso(now - appliance.heartbeat_age)
    common = {
        "id": appliance.id,
        "name": appliance.name,
        "biosId": stable_uuid("bios", "master-target", appliance.name).upper(),
        "fabricObjectId": f"{vault.site}/machines/{appliance.vcenter}_{appliance.vm.uuid}",
        "fqdn": appliance.fqdn or appliance.name,
    }
    state = {"version": VERSION, "lastHeartbeatUtc": beat, "health": health, "healthErrors": errors}
    word = "Critical" if health == "Critical" else "Healthy"
    out, home = counts[True, appliance.id], counts[False, appliance.id]
    memory, used, space, filled = 36 * GIB, 4 * GIB, 620 * GIB, 6 * GIB
    dra = {key: value for key, value in common.items() if key not in ("fabricObjectId", "fqdn")}
    return {
        "processServers": {
            **common,
            "ipAddresses": [appliance.ip],
            "version": VERSION,
            "lastHeartbeatUtc": beat,
            "totalMemoryInBytes": memory,
            "availableMemoryInBytes": memory - used,
            "usedMemoryInBytes": used,
            "memoryUsagePercentage": 100.0 * used / memory,
            "totalSpaceInBytes": space,
            "availableSpaceInBytes": space - filled,
            "usedSpaceInBytes": filled,
            "freeSpacePercentage": 100.0 * (space - filled) / space,
            "throughputUploadPendingDataInBytes": 0,
            "throughputInBytes": 0,
            "processorUsagePercentage": 1.0,
            "throughputStatus": word,
            "systemLoad": 0,
            "systemLoadStatus": word,
            "diskUsageStatus": word,
            "memoryUsageStatus": word,
            "processorUsageStatus": word,
            "health": health,
            "healthErrors": errors,
            "protectedItemCount": out,
            "historicHealth": health,
        },
        "rcmProxies": {**common, "clientAuthenticationType": "Certificate", **state},
        "pushInstallers": {**common, **state},
        "replicationAgents": {**common, **state},
        "reprotectAgents": {
            **common,
            **state,
            "protectedItemCount": home,
            "accessibleDatastores": accessible(appliance, view),
            "vcenterId": f"{vault.site}/vcenters/{appliance.vcenter}",
            # The appliance looks about every half hour (SEEN: 35 and 14 minutes old).
            "lastDiscoveryInUtc": iso(now // 1800 * 1800),
        },
        "marsAgents": {**common, **state},
        "dras": {**dra, **state, "forwardProtectedItemCount": out, "reverseProtectedItemCount": home},
    }


def accessible(appliance: Appliance, view: TargetView | None) -> list[str]:
    """Plain names (SEEN): what the fleet says it reaches and vCenter shows as usable on its host."""
    if view is None:
        return []
    return [name for name in appliance.datastores if name in view.stores and view.stores[name].usable]


def fabric_details(vault: VaultState, views: dict[str, TargetView], now: float, in_list: bool) -> dict[str, Any]:
    """customDetails of the fabric."""
    number = str(int(stable_uuid("container", vault.spec.name)[:8], 16))
    pod = f"{vault.spec.location}.hypervrecoverymanager.windowsazure.com"
    shown = () if in_list else vault.spec.appliances
    counts = _counts(vault)
    parts = [components(vault, appliance, views.get(appliance.name), now, counts) for appliance in shown]
    identity = None if in_list else _identity(vault, "failback", f"{vault.stem}failbackagentauthaadapp")
    return {
        "instanceType": "InMageRcm",
        "vmwareSiteId": vault.site,
        "physicalSiteId": vault.physical_site,
        "serviceEndpoint": f"https://pod01-srs1.{pod}",
        "serviceResourceId": f"82{number}",
        "serviceContainerId": f"52{number}",
        "dataPlaneUri": f"https://pod01-prot2.{vault.spec.location}.backup.windowsazure.com",
        "controlPlaneUri": f"https://pod01-rcm1.{pod}",
        "sourceAgentIdentityDetails": identity,
        **{key: [part[key] for part in parts] for key in COMPONENTS},
        "agentDetails": [],
    }


def appliances(vault: VaultState, views: dict[str, TargetView], now: float) -> dict[str, Any] | None:
    """The one entry of the list of appliances, with all of them in it and no id (SPEC); None for a vault that has none."""
    if not vault.modernized:
        return None
    found, counts = [], _counts(vault)
    for appliance in vault.spec.appliances:
        parts = components(vault, appliance, views.get(appliance.name), now, counts)
        found.append(
            {
                "id": appliance.id,
                "name": appliance.name,
                "fabricArmId": vault.fabric_id,
                **{COMPONENTS[key]: body for key, body in parts.items()},
                "switchProviderBlockingErrorDetails": [],
            }
        )
    return {"properties": {"providerSpecificDetails": {"instanceType": "InMageRcm", "appliances": found}}}


def providers(vault: VaultState, now: float) -> list[dict[str, Any]]:
    counts = _counts(vault)
    return [_provider(vault, appliance, now, counts) for appliance in vault.spec.appliances]


def _provider(vault: VaultState, appliance: Appliance, now: float, counts: Counts) -> dict[str, Any]:
    """An appliance as a provider. Its name is not the one that items name it by (SEEN)."""
    name = f"{appliance.name}{stable_uuid('dra', appliance.name)[:4]}dra"
    return {
        "id": f"{vault.fabric_id}/replicationRecoveryServicesProviders/{name}",
        "type": f"{RS}/replicationFabrics/replicationRecoveryServicesProviders",
        "name": name,
        "properties": {
            "fabricType": "InMageRcm",
            "friendlyName": appliance.name,
            "providerVersion": PROVIDER_VERSION,
            "serverVersion": "0.0",
            "providerVersionState": "Latest",
            "providerVersionExpiryDate": NEVER_EXPIRES,
            "fabricFriendlyName": vault.fabric_friendly,
            "lastHeartBeat": iso(now - 45.0),
            "connectionStatus": "Connected",
            "protectedItemCount": counts[True, appliance.id] + counts[False, appliance.id],
            "allowedScenarios": ["Refresh"],
            "healthErrorDetails": [],
            "draIdentifier": appliance.id,
            "machineId": appliance.id,
            "machineName": appliance.name,
            "biosId": stable_uuid("bios", "master-target", appliance.name).upper(),
            "authenticationIdentityDetails": _identity(vault, "agent", f"{vault.stem}agentauthaadapp"),
            "resourceAccessIdentityDetails": _identity(vault, "failback", f"{vault.stem}failbackagentauthaadapp"),
            "dataPlaneAuthenticationIdentityDetails": _identity(
                vault, "data", f"RecoveryServiceContainerV2/{vault.spec.location}"
            ),
            "providerVersionDetails": {"version": PROVIDER_VERSION, "expiryDate": NEVER_EXPIRES, "status": "Supported"},
        },
    }
