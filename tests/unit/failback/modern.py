# SPDX-License-Identifier: GPL-3.0-or-later
"""A modernized vault in small: its items, fabric and a scripted world, in the shapes of asr-api.md 1.2, 1.3 and 3.2."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from builders import CONTAINER_ID, FABRIC_ID, VAULT, P, item_json, policy_json, scenario, text
from world import FLOW, Port, Running, Sent, Site, State, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.run import run_slice
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import Rejected
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock

OUT, BACK = "InMageRcm", "InMageRcmFailback"
LOG = f"/subscriptions/{VAULT.subscription_id}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/logs01"
ACCOUNT = "/subscriptions/x/runasaccounts/a1"

#: Position -> instanceType, activeLocation, allowedOperations. The last three rows of the failback were never recorded.
LOOKS: dict[P, tuple[str, str, tuple[str, ...]]] = {
    P.HOME: (OUT, "Primary", ("UnplannedFailover", "DisableProtection", "TestFailover")),
    P.OUT_UNCOMMITTED: (
        OUT,
        "Recovery",
        ("CompleteMigration", "Commit", "DisableProtection", "ChangePit", "SwitchProtection"),
    ),
    P.OUT: (OUT, "Recovery", ("CompleteMigration", "DisableProtection", "SwitchProtection")),
    P.SYNCING_HOME: (BACK, "Primary", ("DisableProtection",)),
    P.READY: (BACK, "Primary", ("PlannedFailover", "DisableProtection")),
    P.HOME_UNCOMMITTED: (BACK, "Recovery", ("Commit", "DisableProtection")),
    P.HOME_UNPROTECTED: (BACK, "Recovery", ("CompleteMigration", "DisableProtection", "SwitchProtection")),
    P.SYNCING_OUT: (OUT, "Primary", ("DisableProtection",)),
}

#: What was never recorded, in every plausible way: name -> rows laid over LOOKS.
ALTERNATIVES: dict[str, dict[P, tuple[str, str, tuple[str, ...]]]] = {
    "as_classic": {},
    "active_primary": {
        P.HOME_UNCOMMITTED: (BACK, "Primary", ("Commit", "DisableProtection")),
        P.HOME_UNPROTECTED: (BACK, "Primary", ("DisableProtection", "SwitchProtection")),
    },
    "offers_all": {
        P.HOME_UNCOMMITTED: (BACK, "Recovery", ("Commit", "SwitchProtection", "CancelFailover")),
        P.HOME_UNPROTECTED: (BACK, "Recovery", ("SwitchProtection",)),
    },
    "offers_all_primary": {
        P.HOME_UNCOMMITTED: (BACK, "Primary", ("FailoverCancel", "SwitchProtection", "Commit", "CompleteMigration")),
        P.HOME_UNPROTECTED: (BACK, "Primary", ("SwitchProtection", "CompleteMigration")),
    },
    "no_location": {
        P.HOME_UNCOMMITTED: (BACK, "", ("Commit",)),
        P.HOME_UNPROTECTED: (BACK, "", ("SwitchProtection",)),
    },
}

#: Names of the scenarios that were never recorded: what plannedFailover's, reProtect's and the cancellation's jobs may be called.
SCENARIOS: dict[str, dict[str, str]] = {
    "likely": {"plannedFailover": "PlannedFailover", "reProtect": "SwitchReplicationGroupProtection"},
    "other": {"plannedFailover": "UnplannedFailover", "reProtect": "SwitchProtection"},
}


def rcm_json(name: str = "web", position: P = P.OUT, words: str = "as_classic", **props: Any) -> dict[str, Any]:
    """One modernized item at a position, the never recorded ones in the words of an alternative."""
    instance, location, allowed = ALTERNATIVES[words].get(position, LOOKS[position])
    disk: dict[str, Any] = {"diskId": "0", "diskName": "disk0", "capacityInBytes": 1 << 30, "isOSDisk": "true"}
    details: dict[str, Any] = {"internalIdentifier": f"guid-{name}", "targetVmName": name}
    if instance == OUT:
        details.update(
            fabricDiscoveryMachineId=f"/sites/s/machines/vcenter_uuid-{name}",
            processServerId="id-a1",
            targetResourceGroupId=f"/subscriptions/{VAULT.subscription_id}/resourceGroups/rg",
            runAsAccountId=ACCOUNT,
            discoveredVmDetails={"datastores": ["ds1"], "isDeleted": False},
        )
        disk["logStorageAccountId"] = LOG
    else:
        details.update(
            azureVirtualMachineId=f"/subscriptions/{VAULT.subscription_id}/resourceGroups/rg/providers/"
            f"Microsoft.Compute/virtualMachines/{name}",
            reprotectAgentId="id-a1",
            logStorageAccountId=LOG,
            lastUsedPolicyId=f"{VAULT.id}/replicationPolicies/daily",
            discoveredVmDetails=None,
        )
        disk["diskUuid"] = f"disk-{name}"
    details["protectedDisks"] = [disk]
    given = props.pop("details", {})
    found = item_json(name, position, **props)
    own = found["properties"]["providerSpecificDetails"]
    for gone in ("vmId", "infrastructureVmId", "lastHeartbeat"):
        own.pop(gone, None)
    own.update(details)
    own.update({"instanceType": instance, **given})
    found["properties"].setdefault("activeLocation", location)
    found["properties"]["activeLocation"] = props.get("activeLocation", location)
    found["properties"]["allowedOperations"] = list(props.get("allowedOperations", allowed))
    return found


def rcm(name: str = "web", position: P = P.OUT, words: str = "as_classic", **props: Any) -> Item:
    return Item.parse(rcm_json(name, position, words, **props), VAULT)


def agent_json(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A reprotect agent (SEEN RCM 131)."""
    return {
        "id": f"id-a{number}",
        "name": f"appliance-{number}",
        "fqdn": f"appliance-{number}.example",
        "fabricObjectId": f"/sites/s/machines/vcenter_uuid-appliance-{number}",
        "lastHeartbeatUtc": None,
        "health": "Normal",
        "healthErrors": [],
        "accessibleDatastores": ["ds1", "ds2"],
        "vcenterId": "/sites/s/vcenters/vcenter",
        **fields,
    }


def rcm_fabric_json(*agents: dict[str, Any], fabric_id: str = FABRIC_ID, hollow: bool = False) -> dict[str, Any]:
    """A fabric of appliances as its own GET reports it, or hollow as in a list (SEEN RCM 8)."""
    found = list(agents) or [agent_json()]
    servers = [
        {**{k: a[k] for k in ("id", "name", "health", "lastHeartbeatUtc")}, "ipAddresses": ["10.0.0.9"]} for a in found
    ]
    return {
        "id": fabric_id,
        "name": fabric_id.rpartition("/")[2],
        "properties": {
            "friendlyName": "vault-vmwarefabric",
            "customDetails": {
                "instanceType": OUT,
                "processServers": [] if hollow else servers,
                "reprotectAgents": [] if hollow else found,
                "dras": [],
            },
        },
    }


def policies() -> list[dict[str, Any]]:
    return [policy_json("daily", OUT), policy_json("daily-failback", BACK)]


@dataclass
class ModernWorld(World):
    """A modernized vault that goes round the classic world's circle with its own words, verbs and one more way out."""

    words: str = "as_classic"
    scenarios: str = "likely"
    fabric: dict[str, Any] = field(default_factory=rcm_fabric_json)

    def show(self, name: str, state: State) -> dict[str, Any]:
        failed = state.failed_over
        fresh = failed is None or (self.now - failed).total_seconds() >= self.agent_delay
        details: dict[str, Any] = {"isAgentRegistrationSuccessfulAfterFailover": bool(fresh)}
        details.update(self.extra[name].get("details", {}))
        props: dict[str, Any] = {k: v for k, v in self.extra[name].items() if k != "details"}
        if state.position in (P.HOME, P.OUT_UNCOMMITTED, P.OUT, P.SYNCING_OUT):
            props["lastSuccessfulFailoverTime"] = text(failed)
        if state.job:
            props.update(allowedOperations=[], currentScenario=scenario(state.scenario, state.job))
        return rcm_json(name, state.position, self.words, details=details, **props)

    def act(self, resource_id: str, verb: str, body: Any) -> Sent:
        name = next(n for n in self.states if resource_id.lower().endswith(f"/rpi-{n}"))
        position = self.state(name).position
        if verb == "failoverCancel":
            return self.cancel(name)
        if verb == "unplannedFailover" and position is P.READY:
            raise Rejected("rejected", "This is a planned failover.", "Send it.", {"http_status": 400})
        known = "unplannedFailover" if verb == "plannedFailover" else verb
        if position is P.OUT_UNCOMMITTED and verb == "reProtect":
            # It commits by the way (SEEN RCM 107 to 132).
            self.become(name, position=P.OUT)
        sent = super().act(resource_id, known, body)
        job = self.jobs[sent.job]
        job.scenario = SCENARIOS[self.scenarios].get(verb, job.scenario)
        self.become(name, scenario=job.scenario)
        return sent

    def cancel(self, name: str) -> Sent:
        assert self.state(name).position is P.HOME_UNCOMMITTED
        assert not self.state(name).job
        job = f"job-{len(self.jobs) + 1}"
        from datetime import timedelta

        end = self.now + timedelta(seconds=300)
        step = "cancel_failover_to_onprem"
        self.jobs[job] = Running(job, name, "CancelFailover", step, self.now, end, P.READY, "Succeeded", [])
        self.become(name, job=job, scenario="CancelFailover")
        self.accepted.append((name, step, None))
        return Sent(job, self.pace)

    def slice(self, wanted: Any, cursor: Any = None, **more: Any) -> dict[str, Any]:
        clock = Clock(monotonic=lambda: self.spent, sleep=self.sleep)
        return run_slice(wanted, ModernPort(self), Site(self), clock, cursor, **more)


class ModernPort(Port):
    """Its list of fabrics omits details; the fabric's own GET is whole."""

    def list_fabrics(self, vault: Any) -> list[dict[str, Any]]:
        self._read("list_fabrics")
        return [rcm_fabric_json(hollow=True)]

    def get_fabric(self, fabric_id: str) -> dict[str, Any]:
        assert fabric_id == FABRIC_ID
        return self._read("get_fabric").fabric

    def list_policies(self, vault: Any) -> list[dict[str, Any]]:
        self._read("list_policies")
        return policies()


__all__ = ["CONTAINER_ID", "FLOW", "ModernWorld", "rcm", "rcm_fabric_json", "rcm_json"]
