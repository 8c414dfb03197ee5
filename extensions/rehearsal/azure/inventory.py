# SPDX-License-Identifier: GPL-3.0-or-later
"""The quiet resources of a vault: container, mappings, policies, protectable items, plans, events, health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.azure import wishes
from rehearsal.azure.clock import Clock, iso
from rehearsal.azure.items import Item
from rehearsal.azure.jobs import Job
from rehearsal.azure.naming import disk_ids, disk_names
from rehearsal.azure.words import AGENT_VERSION, AZURE, RS, same
from rehearsal.fleet import stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.vault import VaultState

#: Events kept for each vault; older ones fall out.
EVENTS = 2000


def vault_body(vault: VaultState) -> dict[str, Any]:
    spec = vault.spec
    return {
        "location": spec.location,
        "name": spec.name,
        "etag": "W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\"",
        "properties": {
            "provisioningState": "Succeeded",
            "privateEndpointStateForBackup": "None",
            "privateEndpointStateForSiteRecovery": "None",
            "publicNetworkAccess": "Enabled",
        },
        # The plain ARM resource spells its own id in lower case.
        "id": vault.id.replace("/Subscriptions/", "/subscriptions/"),
        "type": RS,
        "sku": {"name": "RS0", "tier": "Standard"},
        "tags": {},
    }


def container(vault: VaultState) -> dict[str, Any]:
    return {
        "id": vault.container_id,
        "name": vault.container,
        "type": f"{RS}/replicationFabrics/replicationProtectionContainers",
        "properties": {
            "fabricFriendlyName": vault.fabric_friendly,
            "friendlyName": vault.container_friendly,
            "fabricType": vault.fabric_type,
            "protectedItemCount": len(vault.items),
            "pairingStatus": "Paired",
            "role": "Primary",
            "fabricSpecificDetails": None,
        },
    }


def mappings(vault: VaultState) -> list[dict[str, Any]]:
    """The container paired with Azure (forward policy) and with itself (failback policy; SEEN in a test script)."""
    fabric, container = vault.fabric_friendly, vault.container_friendly
    # The description knows no details of classic mappings (SPEC); a modernized one to Azure has these (SEEN).
    upgrade = {"instanceType": "InMageRcm", "enableAgentAutoUpgrade": "true"} if vault.modernized else None
    pairs = (
        (vault.forward_policy, AZURE, AZURE, AZURE, upgrade),
        (vault.failback_policy, vault.container_id, container, fabric, None),
    )
    return [
        {
            "id": f"{vault.container_id}/replicationProtectionContainerMappings/{policy}",
            "name": policy,
            "type": f"{RS}/replicationFabrics/replicationProtectionContainers/replicationProtectionContainerMappings",
            "properties": {
                "targetProtectionContainerId": target,
                "targetProtectionContainerFriendlyName": friendly,
                "providerSpecificDetails": details,
                "health": "Normal",
                "healthErrorDetails": [],
                "policyId": vault.policy_id(policy),
                "state": "Paired",
                "sourceProtectionContainerFriendlyName": container,
                "sourceFabricFriendlyName": fabric,
                "targetFabricFriendlyName": target_fabric,
                "policyFriendlyName": policy,
            },
        }
        for policy, target, friendly, target_fabric, details in pairs
    ]


def policies(vault: VaultState) -> list[dict[str, Any]]:
    """Forward and failback policy."""
    forward, failback = _modernized_policies() if vault.modernized else _classic_policies()
    return [
        {
            "id": vault.policy_id(name),
            "name": name,
            "type": f"{RS}/replicationPolicies",
            "properties": {"friendlyName": name, "providerSpecificDetails": details},
        }
        for name, details in (
            (vault.forward_policy, forward),
            (vault.failback_policy, {**failback, **vault.spec.failback_policy_says}),
        )
    ]


def _modernized_policies() -> tuple[dict[str, Any], dict[str, Any]]:
    """The first with its odd fields (SEEN), the second SPEC."""
    forward = {
        "instanceType": "InMageRcm",
        "recoveryPointHistoryInMinutes": 1440,
        "appConsistentFrequencyInMinutes": 60,
        "crashConsistentFrequencyInMinutes": 5,
        "enableMultiVmSync": "true",
        "status": False,
        "associatedItemsCount": 0,
        "dataSourceType": "VM",
    }
    failback = {
        "instanceType": "InMageRcmFailback",
        "appConsistentFrequencyInMinutes": 0,
        "crashConsistentFrequencyInMinutes": 5,
    }
    return forward, failback


def _classic_policies() -> tuple[dict[str, Any], dict[str, Any]]:
    """The second has no crash-consistent frequency (SEEN)."""
    forward = {
        "instanceType": "InMageAzureV2",
        "crashConsistentFrequencyInMinutes": 5,
        "recoveryPointThresholdInMinutes": 15,
        "recoveryPointHistory": 1440,
        "appConsistentFrequencyInMinutes": 60,
        "multiVmSyncStatus": "Enabled",
    }
    failback = {k: v for k, v in forward.items() if k != "crashConsistentFrequencyInMinutes"} | {
        "instanceType": "InMage"
    }
    return forward, failback


def protectable(item: Item) -> dict[str, Any]:
    """The protectable item of the machine the server sees now: the VMware machine, or the Azure VM (Physical, SEEN).

    Disks are known by their ids, with words of their own (SEEN); the Azure VM's list also has its temporary disk there.
    """
    vault, machine, row = item.vault, item.machine, item.row
    vmware = row.forward and machine.onprem != "physical"
    return {
        "id": vault.protectable_id(item.protectable_name),
        "name": item.protectable_name,
        "type": f"{RS}/replicationFabrics/replicationProtectionContainers/replicationProtectableItems",
        "properties": {
            "friendlyName": machine.name,
            "protectionStatus": "Protected",
            "replicationProtectedItemId": item.id,
            "recoveryServicesProviderId": vault.provider_id,
            "protectionReadinessErrors": [],
            "supportedReplicationProviders": ["InMageAzureV2" if row.forward else "InMage"],
            "customDetails": {
                "instanceType": "VMwareVirtualMachine",
                # The agent's own, unlike every other id of the machine (SEEN).
                "agentGeneratedId": stable_uuid("agent", vault.spec.name, machine.name, str(row.forward)),
                "agentInstalled": "Installed",
                "osType": machine.os.upper(),
                "agentVersion": AGENT_VERSION,
                "ipAddress": machine.ip if row.forward else wishes.address(item),
                "poweredOn": "On" if row.forward else "Off",
                "vCenterInfrastructureId": stable_uuid("vcenter", vault.spec.name) if vmware else None,
                "discoveryType": "vCenter" if vmware else "Physical",
                "diskDetails": [
                    {
                        "diskId": disk,
                        "diskName": name,
                        "diskSizeInMB": str(size * 1024),
                        "diskType": "Data" if number else "OperatingSystem",
                        "diskConfiguration": "Basic",
                        "volumeList": [],
                    }
                    for number, (disk, name, size) in enumerate(
                        zip(disk_ids(machine), disk_names(machine), machine.disks_gb, strict=True)
                    )
                ],
                "validationErrors": [],
            },
        },
    }


#: Operations of a plan, in the order they are reported.
PLAN_WORDS = (
    "UnplannedFailover",
    "PlannedFailover",
    "TestFailover",
    "TestFailoverCleanup",
    "Commit",
    "SwitchProtection",
)


def plan_groups(vault: VaultState, name: str) -> list[dict[str, Any]]:
    """A plan's groups as in the service's answers; a fleet's plan has all its machines in one Boot group."""

    def told(kind: str, items: list[Item], before: list[Any], after: list[Any]) -> dict[str, Any]:
        return {
            "groupType": kind,
            "replicationProtectedItems": [{"id": item.id, "virtualMachineId": item.vm_id} for item in items],
            "startGroupActions": before,
            "endGroupActions": after,
        }

    kept = vault.kept_plans.get(name)
    if kept is not None:
        return [
            told(
                group["groupType"],
                [vault.items[one] for one in group["items"] if one in vault.items],
                group["startGroupActions"],
                group["endGroupActions"],
            )
            for group in kept
        ]
    by_name = {item.machine.name: item for item in vault.items.values()}
    members = [by_name[machine] for machine in vault.spec.recovery_plans[name] if machine in by_name]
    return [told("Shutdown", [], [], []), told("Failover", [], [], []), told("Boot", members, [], [])]


def plan(vault: VaultState, name: str) -> dict[str, Any]:
    """A plan has three groups, the first two empty (SEEN). Its operations are what all its machines allow."""
    by_name = {item.machine.name: item for item in vault.items.values()}
    members = [by_name[machine] for machine in vault.spec.recovery_plans[name] if machine in by_name]
    common = set.intersection(*(set(item.allowed) for item in members)) if members else set()
    types = list(dict.fromkeys(item.row.instance_type for item in members))

    running = vault.plan_jobs.get(name)
    busy = running if running is not None and running.ended is None else None
    scenario = None
    if busy is not None:
        common = set()
        scenario = {"scenarioName": busy.scenario, "jobId": busy.id, "startTime": iso(busy.started or busy.created)}
    return {
        "id": vault.plan_id(name),
        "name": name,
        "type": f"{RS}/replicationRecoveryPlans",
        "properties": {
            "friendlyName": name,
            "primaryFabricId": vault.fabric_id,
            "primaryFabricFriendlyName": vault.fabric_friendly,
            "recoveryFabricId": AZURE,
            "recoveryFabricFriendlyName": AZURE,
            "failoverDeploymentModel": "ResourceManager",
            "replicationProviders": types,
            "allowedOperations": [word for word in PLAN_WORDS if word in common],
            "currentScenario": scenario,
            "currentScenarioStatus": busy.state if busy else None,
            "currentScenarioStatusDescription": busy.description if busy else None,
            "groups": plan_groups(vault, name),
            "providerSpecificDetails": [],
            **vault.plan_times.get(name, {}),
        },
    }


def plan_named(vault: VaultState, name: str) -> str | None:
    return next((n for n in vault.spec.recovery_plans if same(n, name)), None)


def add_event(item: Item, job: Job) -> None:
    """An event for a finished job of the life cycle."""
    vault, now = item.vault, item.clock.now()
    name = f"JobStatusEvent;{int(now * 1000)}_{job.name}"
    severity = {"Failed": "Critical", "CompletedWithInformation": "Warning"}.get(job.state, "OK")
    vault.events.append(
        {
            "id": f"{vault.id}/replicationEvents/{name}",
            "name": name,
            "type": f"{RS}/replicationEvents",
            "properties": {
                "eventCode": job.scenario,
                "description": f"{job.friendly} of {item.machine.name}: {job.state}",
                "eventType": "JobStatus",
                "affectedObjectFriendlyName": item.machine.name,
                "affectedObjectCorrelationId": stable_uuid("correlation", item.name, str(item.turns)),
                "severity": severity,
                "timeOfOccurrence": iso(now),
                "fabricId": vault.fabric_id,
                "providerSpecificDetails": {
                    "instanceType": item.row.instance_type if vault.modernized else "InMageAzureV2"
                },
                "eventSpecificDetails": {
                    "instanceType": "JobStatus",
                    "jobId": job.name,
                    "jobFriendlyName": job.friendly,
                    "jobStatus": job.state,
                    "affectedObjectType": "ProtectionEntity",
                },
                "healthErrors": [],
            },
        }
    )
    del vault.events[:-EVENTS]


#: What an event of a classic item may say of itself; empty in those of a machine's health (SEEN).
EVENT_KEYS = ("eventType", "category", "component", "correctiveAction", "details", "summary")
#: What a health error of an event has, of those it has on the item (SEEN); the others are empty or missing.
EVENT_ERROR_KEYS = (
    "errorCategory",
    "errorCode",
    "summaryMessage",
    "errorMessage",
    "possibleCauses",
    "recommendedAction",
    "creationTimeUtc",
    "customerResolvability",
)
EVENT_ERROR_EMPTY = ("errorSource", "errorType", "errorLevel", "recoveryProviderErrorMessage", "entityId")


def add_health_event(item: Item, errors: list[dict[str, Any]]) -> None:
    """The monitoring event of a machine whose health has changed (SEEN)."""
    if not errors:
        return
    vault, now = item.vault, item.clock.now()
    severity = "Critical" if any(e["errorLevel"] == "Error" for e in errors) else "Warning"
    details: dict[str, Any] = {"instanceType": item.row.instance_type}
    if not vault.modernized:
        details = {**details, **dict.fromkeys(EVENT_KEYS), "siteName": vault.fabric_friendly}
    own = stable_uuid("event", item.name, str(now))
    # Ticks that count down, so that the newest comes first by name (SEEN as a form).
    name = f"VmMonitoringEvent;{9_223_372_036_854_775_807 - int(now * 10_000_000)}_{own}"
    vault.events.append(
        {
            "id": f"{vault.id}/replicationEvents/{name}",
            "name": name,
            "type": f"{RS}/replicationEvents",
            "properties": {
                "eventCode": "SRSVMHealthChanged",
                "description": f"Replication health changed to {severity}.",
                "eventType": "VmHealth",
                "affectedObjectFriendlyName": item.machine.name,
                "affectedObjectCorrelationId": stable_uuid("correlation", item.name, str(item.turns)),
                "severity": severity,
                "timeOfOccurrence": iso(now),
                "fabricId": vault.fabric_id,
                "providerSpecificDetails": details,
                "eventSpecificDetails": None,
                "healthErrors": [
                    {**{key: e[key] for key in EVENT_ERROR_KEYS}, **dict.fromkeys(EVENT_ERROR_EMPTY)} for e in errors
                ],
            },
        }
    )
    del vault.events[:-EVENTS]


def vault_health(vault: VaultState, clock: Clock) -> dict[str, Any]:
    """Counts of what the vault holds, in the three summaries (SEEN)."""
    items = list(vault.items.values())
    warnings = sum(1 for i in items if i.overrides.get("replication_health") == "Warning")
    critical = sum(1 for i in items if i.overrides.get("replication_health") == "Critical")
    counters = {
        "protectedItemsCriticalCount": critical,
        "protectedItemsWarningCount": warnings,
        "protectedItemsNormalCount": len(items) - warnings - critical,
    }

    def summary(count: int, categorized: dict[str, int]) -> dict[str, Any]:
        return {"resourceCount": count, "issues": [], "categorizedResourceCounts": categorized}

    return {
        "id": f"{vault.id}/replicationVaultHealth/Default",
        "name": "Default",
        "type": f"{RS}/replicationVaultHealth",
        "properties": {
            "vaultErrors": [],
            "protectedItemsHealth": summary(len(items), counters),
            "fabricsHealth": summary(1, {}),
            "containersHealth": summary(1, {}),
        },
    }
