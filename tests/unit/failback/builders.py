# SPDX-License-Identifier: GPL-3.0-or-later
"""Service JSON in small, in the shapes of asr-api.md sections 1.1, 3.1 and 4."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle import table as lc
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

P = Position
VAULT = VaultRef("00000000-0000-0000-0000-000000000001", "rg-dr", "vault-dr")
START = datetime(2026, 3, 1, 8, 0, 0, tzinfo=timezone.utc)
FABRIC_ID = f"{VAULT.id}/replicationFabrics/fabric-1"
CONTAINER_ID = f"{FABRIC_ID}/replicationProtectionContainers/cloud-1"
#: The resource group that machines fail over to.
GROUP_ID = f"/subscriptions/{VAULT.subscription_id}/resourceGroups/rg"
NO_SCENARIO = {
    "scenarioName": "None",
    "jobId": f"{VAULT.id}/replicationJobs/None",
    "startTime": "1753-01-01T01:01:01Z",
}

STAGES: dict[int, tuple[str, ...]] = {
    1: (lc.FAILOVER_TO_AZURE, lc.COMMIT_TO_AZURE),
    2: (lc.REPROTECT_TO_ONPREM,),
    3: (lc.FAILOVER_TO_ONPREM, lc.COMMIT_TO_ONPREM),
    4: (lc.REPROTECT_TO_AZURE,),
}
WAY_HOME: tuple[str, ...] = (*STAGES[2], *STAGES[3], *STAGES[4])

#: Position -> instanceType, activeLocation, allowedOperations, protectionState (asr-api.md 3.1).
LOOKS: dict[P, tuple[str, str, tuple[str, ...], str]] = {
    P.HOME: ("InMageAzureV2", "Primary", ("UnplannedFailover", "DisableProtection", "TestFailover"), "Protected"),
    P.OUT_UNCOMMITTED: (
        "InMageAzureV2",
        "Recovery",
        ("CompleteMigration", "Commit", "DisableProtection", "ChangePit"),
        "UnplannedFailoverCommitPendingStatesBegin",
    ),
    P.OUT: (
        "InMageAzureV2",
        "Recovery",
        ("CompleteMigration", "DisableProtection", "SwitchProtection"),
        "UnplannedFailoverCommitted",
    ),
    P.SYNCING_HOME: ("InMage", "Primary", ("DisableProtection",), "InitialReplicationInProgress"),
    P.READY: ("InMage", "Primary", ("UnplannedFailover", "DisableProtection"), "Protected"),
    P.HOME_UNCOMMITTED: ("InMage", "Recovery", ("CompleteMigration", "Commit", "DisableProtection"), "CommitPending"),
    P.HOME_UNPROTECTED: (
        "InMage",
        "Recovery",
        ("CompleteMigration", "DisableProtection", "SwitchProtection"),
        "UnplannedFailoverCommitted",
    ),
    P.SYNCING_OUT: ("InMageAzureV2", "Primary", ("DisableProtection",), "InitialReplicationInProgress"),
}


def text(when: datetime | None) -> str | None:
    """A time as the service writes it: seven digits and a Z."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z" if when else None


def item_id(name: str) -> str:
    """Ids differ in case: items say /Subscriptions (SEEN)."""
    return f"{CONTAINER_ID}/replicationProtectedItems/rpi-{name}".replace("/subscriptions", "/Subscriptions", 1)


def item_json(name: str = "web", position: P = P.OUT, **props: Any) -> dict[str, Any]:
    """One replicated item at a position; ``props`` override properties, ``details=`` the provider's details."""
    instance, location, allowed, state = LOOKS[position]
    details: dict[str, Any] = {
        "instanceType": instance,
        "vmId": f"guid-{name}",
        "infrastructureVmId": f"uuid-{name}",
        "osType": "Windows",
        "rpoInSeconds": 120,
        "recoveryAzureResourceGroupId": GROUP_ID if instance == "InMageAzureV2" else None,
        "protectedDisks": [{"diskId": "0", "diskName": "disk0", "diskCapacityInBytes": 1 << 30}],
    }
    if instance == "InMage":
        # The id of the Azure machine is there; the on-premises one is the replica's (SEEN FB, RP2).
        details.update(infrastructureVmId=f"guid-{name}", replicaId=f"uuid-{name}")
    details.update(props.pop("details", {}))
    return {
        "id": item_id(name),
        "name": f"rpi-{name}",
        "properties": {
            "friendlyName": name,
            "protectionState": state,
            "protectionStateDescription": state,
            "activeLocation": location,
            "allowedOperations": list(allowed),
            "currentScenario": dict(NO_SCENARIO),
            "policyFriendlyName": "daily",
            "replicationHealth": "Normal",
            "providerSpecificDetails": details,
            **props,
        },
    }


def item(name: str = "web", position: P = P.OUT, **props: Any) -> Item:
    return Item.parse(item_json(name, position, **props), VAULT)


def scenario(name: str, job: str = "job-1") -> dict[str, Any]:
    return {"scenarioName": name, "jobId": f"{VAULT.id}/replicationJobs/{job}", "startTime": text(START)}


def error_json(code: Any, message: str = "It broke.", level: str = "Error") -> dict[str, Any]:
    """A job's error: the service's 559 with the provider's real cause (SEEN MS)."""
    return {
        "serviceErrorDetails": {"code": "559", "message": "The operation could not be completed."},
        "providerErrorDetails": {
            "errorCode": code,
            "errorMessage": message,
            "possibleCauses": "A cause.",
            "recommendedAction": "Do this.",
        },
        "errorLevel": level,
    }


def job_json(name: str, scenario_name: str, state: str, target: str = "guid-web", **props: Any) -> dict[str, Any]:
    return {
        "id": f"{VAULT.id}/replicationJobs/{name}",
        "name": name,
        "properties": {
            "scenarioName": scenario_name,
            "state": state,
            "targetObjectId": target,
            "startTime": text(START),
            "errors": [],
            "tasks": [],
            **props,
        },
    }


def target_json(name: str = "mt-win", os_type: str = "Windows", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"id-{name}",
        "name": name,
        "osType": os_type,
        "diskCount": 0,
        "lastHeartbeat": None,
        "retentionVolumes": [{"volumeName": "R"}],
        "dataStores": [{"symbolicName": "ds1", "capacity": "439.5"}],
        **fields,
    }


def fabric_json(targets: Sequence[dict[str, Any]] | None = None, **details: Any) -> dict[str, Any]:
    return {
        "id": FABRIC_ID,
        "name": "fabric-1",
        "properties": {
            "friendlyName": "cs-1",
            "customDetails": {
                "instanceType": "VMware",
                "hostName": "CS-1",
                "processServers": [{"id": "id-ps", "friendlyName": "cs-1"}],
                "masterTargetServers": list(targets) if targets is not None else [target_json()],
                "runAsAccounts": [{"accountId": "2", "accountName": "admin"}],
                **details,
            },
        },
    }


def policy_json(name: str, instance_type: str) -> dict[str, Any]:
    return {
        "id": f"{VAULT.id}/replicationPolicies/{name}",
        "name": name,
        "properties": {"friendlyName": name, "providerSpecificDetails": {"instanceType": instance_type}},
    }


def point_json(name: str, when: datetime, kind: str = "CrashConsistent") -> dict[str, Any]:
    return {
        "id": f"points/{name}",
        "name": name,
        "properties": {"recoveryPointTime": text(when), "recoveryPointType": kind},
    }


def azure_json(name: str, power: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{VAULT.subscription_id}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{name}",
        "properties": {
            "vmId": f"guid-{name}",
            "storageProfile": {"osDisk": {"name": f"{name}-os"}, "dataDisks": []},
            "instanceView": {"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": f"PowerState/{power}"}]},
        },
    }


def order(route: Sequence[str] = WAY_HOME, *machines: str, **wishes: Any) -> Order:
    """An order that nobody watches, unless told otherwise."""
    wishes = {"commit_when": "verified", **wishes}
    return Order(vaults=(VAULT,), route=tuple(route), machines=machines or ("all",), **wishes)


def of(result: dict[str, Any], name: str) -> dict[str, Any]:
    """One machine's part of a result."""
    return next(entry for entry in result["machines"] if entry["name"] == name)


def stage(number: int, *machines: str, **wishes: Any) -> Order:
    """An order for one stage; the first is confirmed."""
    return order(STAGES[number], *(machines or ("web",)), confirm_failover_to_azure=number == 1, **wishes)
