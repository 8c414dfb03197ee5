# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the resource groups beside the vaults: networks, interfaces, security groups, disks and VMs.

Resources are kept as the JSON they are answered with (DOC: general knowledge of Resource Manager). What is secret in a
request (protected parameters, passwords) is never kept.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from rehearsal.azure import catalogue, networks, process_server_vms
from rehearsal.azure.clock import iso
from rehearsal.azure.errors import refused
from rehearsal.azure.vault import VaultState
from rehearsal.azure.words import same
from rehearsal.azure.world import World
from rehearsal.fleet import ProcessServer

log = logging.getLogger("rehearsal.azure.resourcegroups")

Body = dict[str, Any]

#: A refresh of the configuration server shows a process server that registered at least this many service seconds ago.
SHOWS_AFTER = 30.0


@dataclasses.dataclass
class Registration:
    """A process server that has registered and is not listed yet."""

    vault: VaultState
    server: ProcessServer
    at: float


class AzureResources:
    """All resources by id (in lower case), and process servers between their set-up and their listing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.resources: dict[str, Body] = world.resources
        self.registering: list[Registration] = []
        #: Locks by id in lower case (DOC ManagementLocks); the control endpoint sets them.
        self.locks: dict[str, Body] = {}
        for vault in world.vaults:
            for body in (
                *networks.networks(vault.spec),
                *networks.line(vault.spec),
                *process_server_vms.made(vault.spec),
            ):
                self.resources.setdefault(body["id"].casefold(), body)

    # -- reading -----------------------------------------------------------------------------------------------------

    def find(self, resource_id: str) -> Body | None:
        return self.resources.get(resource_id.rstrip("/").casefold())

    def of_type(self, kind: str, group_id: str | None = None) -> list[Body]:
        prefix = f"{group_id}/".casefold() if group_id else ""
        return [r for key, r in self.resources.items() if same(r["type"], kind) and key.startswith(prefix)]

    def addresses(self) -> set[str]:
        """Addresses in use, by interfaces."""
        found: set[str] = set()
        for nic in self.of_type("Microsoft.Network/networkInterfaces"):
            for entry in nic["properties"].get("ipConfigurations") or ():
                found.add(str(entry["properties"].get("privateIPAddress")))
        return found

    def cores(self) -> dict[str, int]:
        """vCPUs in use by family."""
        used: dict[str, int] = {}
        for vm in self.of_type("Microsoft.Compute/virtualMachines"):
            family, count, _dummy = catalogue.SIZES[vm["properties"]["hardwareProfile"]["vmSize"]]
            used[family] = used.get(family, 0) + count
        return used

    # -- making ------------------------------------------------------------------------------------------------------

    def make(self, body: Body) -> None:
        """Put a resource as a template or a request declares it (secrets already left out)."""
        kept = {k: v for k, v in body.items() if k not in ("apiVersion", "dependsOn")}
        properties = dict(kept.get("properties") or {})
        properties["provisioningState"] = "Succeeded"
        kept["properties"] = properties
        kind = kept["type"].casefold()
        if kind == "microsoft.compute/virtualmachines":
            self._machine(kept, properties)
        if kind == "microsoft.compute/virtualmachines/runcommands":
            properties.pop("protectedParameters", None)
        self.resources[kept["id"].casefold()] = kept

    def _machine(self, vm: Body, properties: Body) -> None:
        """What a VM brings with it: its system disk, and that its interfaces and disks know whose they are."""
        properties["vmId"] = vm["id"].casefold()
        properties["osProfile"] = {k: v for k, v in properties.get("osProfile", {}).items() if k != "adminPassword"}
        group = vm["id"].split("/providers/")[0]
        os_disk = properties["storageProfile"]["osDisk"]
        os_disk["osType"] = "Windows"
        os_id = f"{group}/providers/Microsoft.Compute/disks/{os_disk['name']}"
        os_disk.setdefault("managedDisk", {})["id"] = os_id
        self.resources.setdefault(
            os_id.casefold(),
            {
                "id": os_id,
                "name": os_disk["name"],
                "type": "Microsoft.Compute/disks",
                "location": vm["location"],
                "tags": {},
                "properties": {"provisioningState": "Succeeded", "osType": "Windows", "diskState": "Attached"},
            },
        )
        for attached in self._attached(vm):
            found = self.find(attached)
            if found is not None:
                found["managedBy"] = vm["id"]

    def _attached(self, vm: Body) -> list[str]:
        storage = vm["properties"]["storageProfile"]
        ids = [storage["osDisk"].get("managedDisk", {}).get("id")]
        ids += [d.get("managedDisk", {}).get("id") for d in storage.get("dataDisks") or ()]
        ids += [n["id"] for n in vm["properties"]["networkProfile"]["networkInterfaces"]]
        return [str(i) for i in ids if i]

    # -- removing ----------------------------------------------------------------------------------------------------

    def lock(self, scope: str, name: str, level: str) -> Body:
        """Lock a resource, a group or a subscription."""
        lock_id = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/locks/{name}"
        body = {"id": lock_id, "type": "Microsoft.Authorization/locks", "name": name, "properties": {"level": level}}
        self.locks[lock_id.casefold()] = body
        return body

    def check_removable(self, body: Body) -> None:
        """Raise Refused for a resource that is locked, or that another one needs."""
        for lock in self.locks.values():
            scope = lock["id"].partition("/providers/Microsoft.Authorization/")[0]
            if f"{body['id']}/".casefold().startswith(f"{scope}/".casefold()):
                raise refused(
                    409,
                    "ScopeLocked",
                    f"The scope '{body['id']}' cannot perform delete operation because following scope(s) are locked: "
                    f"'{scope}'. Please remove the lock and try again.",
                )
        owner = body.get("managedBy")
        kind = body["type"].casefold()
        if owner and self.find(owner) and kind == "microsoft.network/networkinterfaces":
            raise refused(
                400, "NicInUse", f"Network Interface {body['id']} is used by existing VM {owner}. Detach it first."
            )
        if owner and self.find(owner) and kind == "microsoft.compute/disks":
            raise refused(409, "OperationNotAllowed", f"Disk {body['name']} is attached to VM {owner}.")
        if kind == "microsoft.network/networksecuritygroups":
            for nic in self.of_type("Microsoft.Network/networkInterfaces"):
                if same((nic["properties"].get("networkSecurityGroup") or {}).get("id"), body["id"]):
                    raise refused(
                        400,
                        "InUseNetworkSecurityGroupCannotBeDeleted",
                        f"Network security group {body['id']} cannot be deleted since it is in use by {nic['id']}.",
                    )

    def remove(self, body: Body) -> None:
        self.resources.pop(body["id"].casefold(), None)
        for key in [k for k in self.resources if k.startswith(f"{body['id']}/".casefold())]:
            del self.resources[key]
        if body["type"].casefold() != "microsoft.compute/virtualmachines":
            return
        storage = body["properties"]["storageProfile"]
        parts = [(storage["osDisk"], "managedDisk")] + [(d, "managedDisk") for d in storage.get("dataDisks") or ()]
        for part, key in parts:
            if part.get("deleteOption") == "Delete":
                self.resources.pop(str(part[key]["id"]).casefold(), None)
        for nic in body["properties"]["networkProfile"]["networkInterfaces"]:
            if (nic.get("properties") or {}).get("deleteOption") == "Delete":
                self.resources.pop(nic["id"].casefold(), None)

    # -- process servers ---------------------------------------------------------------------------------------------

    def vault_of(self, address: str) -> VaultState | None:
        """The vault whose configuration server has that address or name."""
        for vault in self.world.vaults:
            home = next((s for s in vault.spec.process_servers if not s.in_azure), None)
            if address in (home.ip if home else "10.20.1.5", vault.spec.configuration_server):
                return vault
        return None

    def registered(self, name: str, address: str, configuration_server: str) -> None:
        """A process server's software has registered: the vault lists it after a while, or after a refresh."""
        vault = self.vault_of(configuration_server)
        if vault is None:
            log.warning("%s registers with %s, which is no configuration server here", name, configuration_server)
            return
        now = self.world.clock.now()
        entry = Registration(vault, ProcessServer(name, address), now)
        self.registering.append(entry)
        self.world.clock.call_at(now + self.world.durations["process_server/listed"], lambda: self._list(entry))

    def refreshed(self, vault: VaultState) -> None:
        """The configuration server refreshed its data in the vault."""
        now = self.world.clock.now()
        for entry in [e for e in self.registering if e.vault is vault and now - e.at >= SHOWS_AFTER]:
            self._list(entry)

    def _list(self, entry: Registration) -> None:
        if entry not in self.registering:
            return
        self.registering.remove(entry)
        spec = entry.vault.spec
        others = tuple(s for s in spec.process_servers if not same(s.name, entry.server.name))
        entry.vault.spec = dataclasses.replace(spec, process_servers=(*others, entry.server))

    def unregistered(self, name: str) -> None:
        """A process server's software was removed."""
        self.registering = [e for e in self.registering if not same(e.server.name, name)]
        for vault in self.world.vaults:
            left = tuple(s for s in vault.spec.process_servers if not same(s.name, name))
            vault.spec = dataclasses.replace(vault.spec, process_servers=left)

    def instance_view(self, vm: Body) -> Body:
        now = iso(self.world.clock.now())
        return {
            "computerName": vm["properties"]["osProfile"].get("computerName"),
            "statuses": [
                {
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": "Provisioning succeeded",
                    "time": now,
                },
                {"code": "PowerState/running", "level": "Info", "displayStatus": "VM running"},
            ],
        }
