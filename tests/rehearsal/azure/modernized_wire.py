# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain client's trip around the life cycle of a modernized vault, and the small fleet its tests use."""

from __future__ import annotations

from typing import Any

from wire import Wire

#: A few machines of one kind. Tests change copies of it.
MODERNIZED: dict[str, Any] = {
    "name": "small-modernized",
    "description": "A few machines for the protocol",
    "speed": 1200,
    "vaults": [
        {
            "name": "vault-modern",
            "generation": "modernized",
            "appliances": [{"name": "appliance-01"}, {"name": "appliance-02", "host": "esx-02", "ip": "10.20.3.11"}],
        }
    ],
    "machines": [
        {"name": name, "os": "Linux", "disks_gb": [30, 10], "ip": f"10.20.0.{n}"}
        for n, name in enumerate(["web-01", "web-02", "web-03"], 11)
    ],
}

OUT = {
    "failoverDirection": "PrimaryToRecovery",
    "sourceSiteOperations": "NotRequired",
    "providerSpecificDetails": {"instanceType": "InMageRcm", "performShutdown": "true"},
}
HOME = {"providerSpecificDetails": {"instanceType": "InMageRcmFailback", "recoveryPointType": "CrashConsistent"}}


def details(item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = item["properties"]["providerSpecificDetails"]
    return found


class Modern:
    """The calls of one client. Bodies are made from what the vault says, as a client would make them."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def components(self, kind: str) -> list[dict[str, Any]]:
        """The list of fabrics omits details: the single fabric has them."""
        found: list[dict[str, Any]] = self.wire.get(self.wire.fabric()["id"])["properties"]["customDetails"][kind]
        return found

    def home_body(self, item: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A reprotect to on-premises with the first appliance; the log storage account is the item's own."""
        agent = self.components("reprotectAgents")[0]
        wanted = {
            "instanceType": "InMageRcm",
            "reprotectAgentId": agent["id"],
            "datastoreName": agent["accessibleDatastores"][0],
            "logStorageAccountId": details(item)["protectedDisks"][0]["logStorageAccountId"],
            **changes,
        }
        part = {key: value for key, value in wanted.items() if value is not None}
        return {"failoverDirection": "RecoveryToPrimary", "providerSpecificDetails": part}

    def azure_body(self, direction: str | None = "PrimaryToRecovery", **changes: Any) -> dict[str, Any]:
        wanted = {
            "instanceType": "InMageRcmFailback",
            "processServerId": self.components("processServers")[0]["id"],
            "policyId": self.policy("InMageRcm"),
            **changes,
        }
        body: dict[str, Any] = {
            "providerSpecificDetails": {key: value for key, value in wanted.items() if value is not None}
        }
        return body if direction is None else {**body, "failoverDirection": direction}

    def policy(self, kind: str) -> str:
        policies = self.wire.all(f"{self.wire.vault}/replicationPolicies")
        found = next(p for p in policies if p["properties"]["providerSpecificDetails"]["instanceType"] == kind)
        return str(found["id"])

    def registered(self, item: dict[str, Any]) -> dict[str, Any]:
        """Wait until the flag says that the agent has registered after the failover."""
        found: dict[str, Any] = self.wire.until(
            lambda: self.wire.get(item["id"]),
            lambda i: details(i)["isAgentRegistrationSuccessfulAfterFailover"] is True,
        )
        return found

    def run(self, item: dict[str, Any], verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        job: dict[str, Any] = self.wire.run(item, verb, body)
        return job

    def good(self, item: dict[str, Any], verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.wire.good(self.run(item, verb, body))

    # -- the journey ----------------------------------------------------------------------------------------------------

    def to_azure(self, item: dict[str, Any]) -> dict[str, Any]:
        self.good(item, "unplannedFailover", OUT)
        return self.registered(item)

    def to_ready(self, item: dict[str, Any], **changes: Any) -> dict[str, Any]:
        self.good(item, "reProtect", self.home_body(self.wire.get(item["id"]), **changes))
        return self.wire.allows(item, "PlannedFailover")

    def to_home(self, item: dict[str, Any]) -> None:
        self.good(item, "plannedFailover", HOME)
        self.good(item, "failoverCommit")

    def protect_again(self, item: dict[str, Any]) -> dict[str, Any]:
        self.registered(item)
        self.good(item, "reProtect", self.azure_body())
        return self.wire.allows(item, "UnplannedFailover")
