# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure VMs: what a failover makes and a commit deletes. Shapes are those of Microsoft.Compute (DOC)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from rehearsal.azure import wishes
from rehearsal.azure.clock import iso
from rehearsal.azure.errors import resource_not_found
from rehearsal.azure.remains import disk_ids
from rehearsal.azure.vault import AzureVm
from rehearsal.azure.words import last_segment, same
from rehearsal.azure.world import World
from rehearsal.fleet import stable_uuid

DISPLAY = {
    "running": "VM running",
    "starting": "VM starting",
    "deallocated": "VM deallocated",
    "deallocating": "VM deallocating",
    "stopped": "VM stopped",
    "stopping": "VM stopping",
}

#: Action -> power on the way, power at the end.
POWER = {
    "start": ("starting", "running"),
    "deallocate": ("deallocating", "deallocated"),
    "poweroff": ("stopping", "stopped"),
}


@dataclass
class PowerOperation:
    id: str
    started: float
    ends: float


class Compute:
    def __init__(self, world: World) -> None:
        self.world = world
        self.operations: dict[str, PowerOperation] = {}

    def find(self, subscription: str, group: str, name: str) -> AzureVm:
        for vm in self.world.azure_vms.values():
            if same(vm.subscription, subscription) and same(vm.group, group) and same(vm.name, name):
                return vm
        raise resource_not_found("Microsoft.Compute/virtualMachines", name, group)

    def listed(self, subscription: str, group: str | None) -> list[AzureVm]:
        return [
            vm
            for vm in self.world.azure_vms.values()
            if same(vm.subscription, subscription) and (group is None or same(vm.group, group))
        ]

    def instance_view(self, vm: AzureVm) -> dict[str, Any]:
        now = iso(self.world.clock.now())
        return {
            "statuses": [
                {
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": "Provisioning succeeded",
                    "time": now,
                },
                {"code": f"PowerState/{vm.power}", "level": "Info", "displayStatus": DISPLAY.get(vm.power, vm.power)},
            ]
        }

    def body(self, vm: AzureVm, with_view: bool) -> dict[str, Any]:
        machine = vm.item.machine
        disks = disk_ids(vm.item, vm.test)
        properties: dict[str, Any] = {
            "vmId": stable_uuid("test-vm", machine.vault, machine.name) if vm.test else vm.item.azure_machine_id,
            "hardwareProfile": {"vmSize": wishes.size(vm.item)},
            "storageProfile": {
                "osDisk": {
                    "osType": machine.os,
                    "name": last_segment(disks[0]),
                    "managedDisk": {"id": disks[0], "storageAccountType": "Premium_LRS"},
                    "createOption": "Attach",
                    "caching": "ReadWrite",
                },
                "dataDisks": [
                    {
                        "lun": n,
                        "name": last_segment(disk),
                        "createOption": "Attach",
                        "diskSizeGB": size,
                        "managedDisk": {"id": disk, "storageAccountType": "Premium_LRS"},
                    }
                    for n, (disk, size) in enumerate(zip(disks[1:], machine.disks_gb[1:], strict=True))
                ],
            },
            "networkProfile": {"networkInterfaces": [{"id": vm.nic_id, "properties": {"primary": True}}]},
            "provisioningState": "Succeeded",
        }
        if with_view:
            properties["instanceView"] = self.instance_view(vm)
        return {
            "name": vm.name,
            "id": vm.id,
            "type": "Microsoft.Compute/virtualMachines",
            "location": vm.location,
            "tags": {},
            "properties": properties,
        }

    def act(self, vm: AzureVm, action: str) -> PowerOperation:
        """Start, stop or deallocate; the power state settles at the operation's end."""
        moving, settled = POWER[action]
        clock = self.world.clock
        now = clock.now()
        operation = PowerOperation(str(uuid.uuid4()), now, now + self.world.durations["vm_power"])
        self.operations[operation.id] = operation
        vm.power = moving

        def settle() -> None:
            if vm.power == moving:
                vm.power = settled

        clock.call_at(operation.ends, settle)
        return operation

    def operation_body(self, name: str) -> dict[str, Any] | None:
        operation = self.operations.get(name)
        if operation is None:
            return None
        done = self.world.clock.now() >= operation.ends
        body = {
            "name": operation.id,
            "startTime": iso(operation.started),
            "status": "Succeeded" if done else "InProgress",
        }
        return body | ({"endTime": iso(operation.ends)} if done else {})
