# SPDX-License-Identifier: GPL-3.0-or-later
"""One vault's state: its ids, its machines' items, its jobs and events."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.azure.durations import drawn, merged
from rehearsal.azure.lifecycle import rows_of
from rehearsal.azure.words import AZURE_CONTAINER, AZURE_FABRIC, RS, same
from rehearsal.fleet import Appliance, Fleet, MasterTarget, Vault, stable_uuid

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
    #: Made by a test failover.
    test: bool = False
    #: What a script inside it finds: ``closed`` (a list of ADDRESS:PORT), ``agent`` and ``free_mb``.
    inside: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/"
            f"Microsoft.Compute/virtualMachines/{self.name}"
        )

    @property
    def nic_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/"
            f"Microsoft.Network/networkInterfaces/{self.name}-nic"
        )


@dataclass
class VaultState:
    """A vault of the fleet with everything that changes in it. Names of fabric, container and provider are derived."""

    fleet: Fleet
    spec: Vault
    items: dict[str, Item] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    #: Groups of plans that a client has put, by name; items stand by their names.
    kept_plans: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: When a plan last ran to its end, by its name and the key that says so.
    plan_times: dict[str, dict[str, str]] = field(default_factory=dict)
    #: The last job of each plan.
    plan_jobs: dict[str, Job] = field(default_factory=dict)
    #: Alert and vault settings that a client has put.
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Health of appliances by id, where it is no longer what the fleet says.
    appliance_health: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spec = self.spec
        self.modernized = spec.generation == "modernized"
        self.rows = rows_of(spec.generation, spec.words)
        self.durations = merged(self.fleet.durations, spec.generation)
        self.draws: Counter[tuple[str, str]] = Counter()
        self.internal_id = stable_uuid("fabric", spec.name)
        #: A container of this name is in ids of recovery points in both generations (SEEN).
        self.cloud = f"cloud_{self.internal_id}"
        self.vcenter = "vcenter-home"
        self.forward_policy = spec.policy
        self._name_modernized() if self.modernized else self._name_classic()
        #: Ids from the service start with a capital S (SEEN).
        self.id = (
            f"/Subscriptions/{spec.subscription_id}/resourceGroups/{spec.resource_group}/providers/{RS}/{spec.name}"
        )
        self.fabric_id = f"{self.id}/replicationFabrics/{self.fabric}"
        self.container_id = f"{self.fabric_id}/replicationProtectionContainers/{self.container}"
        #: As items write it: in a modernized vault the id ends in an appliance's, whatever the provider is called (SEEN).
        self.provider_id = f"{self.fabric_id}/replicationRecoveryServicesProviders/{self.provider}"
        self.azure_container_id = (
            f"{self.id}/replicationFabrics/{AZURE_FABRIC}/replicationProtectionContainers/{AZURE_CONTAINER}"
        )

    def _name_classic(self) -> None:
        spec = self.spec
        self.fabric = hashlib.sha256(f"fabric/{spec.name}".encode()).hexdigest()
        self.fabric_friendly = self.container_friendly = spec.configuration_server
        self.fabric_type = "VMware"
        self.container = self.cloud
        self.provider = stable_uuid("provider", spec.name)
        self.failback_policy = f"{spec.policy}-failback"

    def _name_modernized(self) -> None:
        """Names as a real modernized vault has them (SEEN): sites, container and fabric share a stem of the vault's name."""
        spec = self.spec
        stem = f"{spec.name.replace('-', '')[:10]}{stable_uuid('site', spec.name)[:4]}"
        off_azure = (
            f"/subscriptions/{spec.subscription_id}/resourceGroups/{spec.resource_group}/providers/Microsoft.OffAzure"
        )
        self.fabric = self.fabric_friendly = f"{spec.name}-vmwarefabric"
        self.fabric_type = "InMageRcm"
        self.container = self.container_friendly = f"{stem}replicationcontainer"
        self.stem = stem
        self.site = f"{off_azure}/VMwareSites/{stem}vmwaresite"
        self.physical_site = f"{off_azure}/ServerSites/{stem}physicalsite"
        self.provider = spec.appliances[0].id if spec.appliances else stable_uuid("provider", spec.name)
        # The service's own choice where reprotect names none (SEEN).
        self.failback_policy = "crashconsistency-policy-failback"

    def takes(self, name: str, machine: str) -> float:
        """Service seconds that a thing takes for a machine this time."""
        self.draws[name, machine] += 1
        return drawn(self.durations[name], self.fleet.seed, name, machine, str(self.draws[name, machine]))

    def gateway(self, wanted: str | None) -> MasterTarget | None:
        """The master target, or the appliance's VM, of that id."""
        return next((target for target in self.spec.gateways if same(target.id, wanted)), None)

    def appliance(self, wanted: str | None) -> Appliance | None:
        return next((appliance for appliance in self.spec.appliances if same(appliance.id, wanted)), None)

    def log_storage(self) -> list[str]:
        """Ids of the log storage accounts."""
        spec = self.spec
        group = f"/subscriptions/{spec.subscription_id}/resourceGroups/{spec.target_resource_group}"
        return [f"{group}/providers/Microsoft.Storage/storageAccounts/{name}" for name in spec.log_storage_accounts]

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
        """Run-as accounts: ids are small numbers as text in a classic vault, resources of the site in a modernized (SEEN)."""
        if self.modernized:
            names = self.spec.run_as_accounts
            return [
                {"accountId": f"{self.site}/runasaccounts/{stable_uuid('account', n)}", "accountName": n} for n in names
            ]
        return [{"accountId": str(n), "accountName": name} for n, name in enumerate(self.spec.run_as_accounts, 1)]
