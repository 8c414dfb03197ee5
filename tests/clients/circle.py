# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's whole circle with Microsoft's own models and pollers, in either generation, as a person would script it.

The two major releases of the SDK differ in where the vault is named: ``lead`` holds its resource group and name where
each method wants them. Everything else is written once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from azure.identity import EnvironmentCredential
from looks import Looks

ENDPOINT = os.environ["AZURE_RESOURCE_MANAGER_ENDPOINT"]
#: Seconds: a look at an operation's status, and the longest wait for a state.
PACE, PATIENCE = 1, 120


def login() -> EnvironmentCredential:
    """Who and where stand in the environment; the authority is no public one."""
    return EnvironmentCredential(disable_instance_discovery=True)


def cloud() -> dict[str, Any]:
    """Options of any management client for another cloud than the public one."""
    return {"base_url": ENDPOINT, "credential_scopes": [f"{ENDPOINT}/.default"]}


class Circle:
    """One vault, seen through one release of the SDK."""

    def __init__(self, client: Any, models: Any, lead: tuple[str, ...], looks: Looks) -> None:
        self.client, self.models, self.lead, self.looks = client, models, lead, looks
        (self.fabric,) = client.replication_fabrics.list(*lead)
        (container,) = client.replication_protection_containers.list_by_replication_fabrics(*lead, self.fabric.name)
        self.place = (*lead, self.fabric.name, container.name)

    # -- reading -----------------------------------------------------------------------------------------------------

    def tour(self) -> dict[str, int]:
        """Every list of a vault, page by page, and how many there were."""
        client, lead, place = self.client, self.lead, self.place
        below = place[:-1]
        lists = {
            "items": client.replication_protected_items.list(*lead),
            "items of the container": client.replication_protected_items.list_by_replication_protection_containers(
                *place
            ),
            "protectable": client.replication_protectable_items.list_by_replication_protection_containers(*place),
            "mappings": client.replication_protection_container_mappings.list(*lead),
            "policies": client.replication_policies.list(*lead),
            "jobs": client.replication_jobs.list(*lead),
            "events": client.replication_events.list(*lead),
            "plans": client.replication_recovery_plans.list(*lead),
            "providers": client.replication_recovery_services_providers.list(*lead),
            "servers": client.replicationv_centers.list(*lead)
            if hasattr(client, "replicationv_centers")
            else client.replication_vcenters.list(*lead),
            "networks": client.replication_networks.list(*lead),
            "network mappings": client.replication_network_mappings.list(*lead),
            "appliances": client.replication_appliances.list(*lead),
            "alerts": client.replication_alert_settings.list(*lead),
            "settings": client.replication_vault_setting.list(*lead),
            "networks of the fabric": client.replication_networks.list_by_replication_fabrics(*below),
        }
        found = {name: len(list(entries)) for name, entries in lists.items()}
        assert client.replication_vault_health.get(*lead).properties.protected_items_health.resource_count
        client.supported_operating_systems.get(*lead)
        return found

    def item(self, name: str) -> Any:
        """The single item of a machine: an entry of a list is thin."""
        for item in self.client.replication_protected_items.list(*self.lead):
            if item.properties.friendly_name == name:
                return self.client.replication_protected_items.get(*self.place, item.name)
        raise LookupError(f"{name} is not in the vault")

    def until(self, name: str, what: str, good: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not good(item := self.item(name)):
            assert time.monotonic() < deadline, f"{name}: {what} is not so after {PATIENCE} s"
            time.sleep(PACE)
        return item

    def allowed(self, name: str, operation: str) -> Any:
        return self.until(name, operation, lambda item: operation in item.properties.allowed_operations)

    def registered(self, name: str) -> Any:
        """The agent has reported from where the machine runs now."""

        def good(item: Any) -> bool:
            details = item.properties.provider_specific_details
            if hasattr(details, "is_agent_registration_successful_after_failover"):
                return bool(details.is_agent_registration_successful_after_failover)
            beat, moved = details.last_heartbeat, item.properties.last_successful_failover_time
            return bool(beat and moved and beat.replace(tzinfo=None) > moved.replace(tzinfo=None))

        return self.until(name, "the agent's registration", good)

    # -- moving ------------------------------------------------------------------------------------------------------

    def do(self, verb: str, name: str, *body: Any) -> Any:
        """Begin an operation, let the SDK's poller wait for its end, and take what it returns."""
        begin = getattr(self.client.replication_protected_items, f"begin_{verb}")
        item = begin(*self.place, self.item(name).name, *body, polling_interval=PACE).result()
        assert item.properties.friendly_name == name, f"{verb} of {name} ended with {item}"
        return item

    def failover(self, verb: str, direction: str, details: Any) -> Any:
        """The body of a failover: the models of the planned and the unplanned one are alike."""
        models = self.models
        properties = {"failover_direction": direction, "provider_specific_details": details}
        if verb == "planned_failover":
            return models.PlannedFailoverInput(properties=models.PlannedFailoverInputProperties(**properties))
        properties["source_site_operations"] = "Required"
        return models.UnplannedFailoverInput(properties=models.UnplannedFailoverInputProperties(**properties))

    def reverse(self, direction: str, details: Any) -> Any:
        models = self.models
        return models.ReverseReplicationInput(
            properties=models.ReverseReplicationInputProperties(
                failover_direction=direction, provider_specific_details=details
            )
        )

    def details(self) -> Any:
        """The servers: only the single fabric has them."""
        return self.client.replication_fabrics.get(*self.lead, self.fabric.name).properties.custom_details

    def policy(self, kind: type) -> str:
        for policy in self.client.replication_policies.list(*self.lead):
            if isinstance(policy.properties.provider_specific_details, kind):
                return str(policy.id)
        raise LookupError(f"there is no policy of {kind}")

    def classic(self, name: str) -> None:
        """Out to Azure and home again, with a master target, a process server and a datastore."""
        models, looks = self.models, self.looks
        looks.at(name, "home")
        system = self.item(name).properties.provider_specific_details.os_type
        self.do(
            "unplanned_failover",
            name,
            self.failover("unplanned_failover", "PrimaryToRecovery", models.InMageAzureV2UnplannedFailoverInput()),
        )
        looks.at(name, "off")
        self.do("failover_commit", name)
        self.registered(name)
        servers = self.details()
        target = next(t for t in servers.master_target_servers if t.os_type == system)
        gateway = servers.process_servers[0]
        home = models.InMageReprotectInput(
            master_target_id=target.id,
            process_server_id=gateway.id,
            retention_drive=target.retention_volumes[0].volume_name,
            profile_id=self.policy(models.InMagePolicyDetails),
            run_as_account_id=servers.run_as_accounts[0].account_id,
            datastore_name=target.data_stores[0].symbolic_name,
        )
        self.do("reprotect", name, self.reverse("RecoveryToPrimary", home))
        looks.at(name, "lent")
        self.allowed(name, "UnplannedFailover")
        looks.at(name, "lent")
        back = models.InMageUnplannedFailoverInput(recovery_point_type="LatestTime")
        self.do("unplanned_failover", name, self.failover("unplanned_failover", "PrimaryToRecovery", back))
        looks.at(name, "home")
        self.do("failover_commit", name)
        self.registered(name)
        server = next(s for s in servers.process_servers if s.friendly_name == servers.host_name)
        again = models.InMageAzureV2ReprotectInput(
            master_target_id=server.id,
            process_server_id=server.id,
            run_as_account_id=servers.run_as_accounts[0].account_id,
            policy_id=self.policy(models.InMageAzureV2PolicyDetails),
        )
        self.do("reprotect", name, self.reverse("RecoveryToPrimary", again))
        self.allowed(name, "UnplannedFailover")
        looks.at(name, "home")

    def modernized(self, name: str) -> None:
        """Out to Azure and home again, with an appliance."""
        models, looks = self.models, self.looks
        looks.at(name, "home")
        out = models.InMageRcmUnplannedFailoverInput(perform_shutdown="true")
        self.do("unplanned_failover", name, self.failover("unplanned_failover", "PrimaryToRecovery", out))
        looks.at(name, "off")
        self.do("failover_commit", name)
        item = self.registered(name)
        agent = self.details().reprotect_agents[0]
        home = models.InMageRcmReprotectInput(
            reprotect_agent_id=agent.id,
            datastore_name=agent.accessible_datastores[0],
            log_storage_account_id=item.properties.provider_specific_details.protected_disks[0].log_storage_account_id,
        )
        self.do("reprotect", name, self.reverse("RecoveryToPrimary", home))
        looks.at(name, "lent")
        self.allowed(name, "PlannedFailover")
        looks.at(name, "lent")
        back = models.InMageRcmFailbackPlannedFailoverProviderInput(recovery_point_type="CrashConsistent")
        self.do("planned_failover", name, self.failover("planned_failover", "RecoveryToPrimary", back))
        looks.at(name, "home")
        self.do("failover_commit", name)
        self.registered(name)
        again = models.InMageRcmFailbackReprotectInput(
            process_server_id=self.details().process_servers[0].id, policy_id=self.policy(models.InMageRcmPolicyDetails)
        )
        self.do("reprotect", name, self.reverse("PrimaryToRecovery", again))
        self.allowed(name, "UnplannedFailover")
        looks.at(name, "home")

    def points(self, name: str) -> int:
        return len(
            list(self.client.recovery_points.list_by_replication_protected_items(*self.place, self.item(name).name))
        )
