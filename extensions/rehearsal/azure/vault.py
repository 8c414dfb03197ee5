# SPDX-License-Identifier: GPL-3.0-or-later
"""One vault's state: its ids, its machines' items, its jobs and events."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.azure.words import AZURE_CONTAINER, AZURE_FABRIC, RS
from rehearsal.fleet import Fleet, Vault, stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.items import Item
    from rehearsal.azure.jobs import Job


@dataclass
class AzureVm:
    """A virtual machine that a failover made. ``power`` is the tail of the PowerState code."""

    name: str
    subscription: str
    group: str
    location: str
    item: Item
    power: str = "running"

    @property
    def id(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/"
            f"Microsoft.Compute/virtualMachines/{self.name}"
        )


@dataclass
class VaultState:
    """A vault of the fleet with everything that changes in it. Names of fabric, container and provider are derived."""

    fleet: Fleet
    spec: Vault
    items: dict[str, Item] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    #: Process server by machine name, where it was moved away from the first one.
    process_server_of: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spec = self.spec
        self.fabric = hashlib.sha256(f"fabric/{spec.name}".encode()).hexdigest()
        self.internal_id = stable_uuid("fabric", spec.name)
        self.container = f"cloud_{self.internal_id}"
        self.provider = stable_uuid("provider", spec.name)
        self.vcenter = "vcenter-home"
        self.forward_policy = spec.policy
        self.failback_policy = f"{spec.policy}-failback"
        #: Ids from the service start with a capital S (SEEN).
        self.id = (
            f"/Subscriptions/{spec.subscription_id}/resourceGroups/{spec.resource_group}/providers/{RS}/{spec.name}"
        )
        self.fabric_id = f"{self.id}/replicationFabrics/{self.fabric}"
        self.container_id = f"{self.fabric_id}/replicationProtectionContainers/{self.container}"
        self.provider_id = f"{self.fabric_id}/replicationRecoveryServicesProviders/{self.provider}"
        self.azure_container_id = (
            f"{self.id}/replicationFabrics/{AZURE_FABRIC}/replicationProtectionContainers/{AZURE_CONTAINER}"
        )

    def policy_id(self, name: str) -> str:
        return f"{self.id}/replicationPolicies/{name}"

    def job_id(self, name: str) -> str:
        return f"{self.id}/replicationJobs/{name}"

    def item_id(self, name: str) -> str:
        return f"{self.container_id}/replicationProtectedItems/{name}"

    def protectable_id(self, name: str) -> str:
        return f"{self.container_id}/replicationProtectableItems/{name}"

    def plan_id(self, name: str) -> str:
        return f"{self.id}/replicationRecoveryPlans/{name}"

    def accounts(self) -> list[dict[str, str]]:
        """Run-as accounts: ids are small numbers as text (SEEN)."""
        return [{"accountId": str(n), "accountName": name} for n, name in enumerate(self.spec.run_as_accounts, 1)]
