# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failover makes beside the Azure VM, and what is left of it without the VM: its NIC and its disks.

Shapes are those of Microsoft.Network and Microsoft.Compute (DOC). That NIC and disks outlive the VM is INFER: the VM is
deleted, and deleting a VM leaves what is only attached to it (DOC, no delete option is set).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.azure import networks, wishes
from rehearsal.fleet import stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.items import Item
    from rehearsal.azure.vault import AzureVm

Body = dict[str, Any]


def target_group(item: Item) -> str:
    return networks.group_id(item.vault.spec)


def disk_ids(item: Item, test: bool = False) -> list[str]:
    """Ids of the Azure VM's disks: of a classic item as targetDiskName says, of a modernized one as targetManagedDiskId."""
    found = []
    for number in range(len(item.machine.disks_gb)):
        name = f"{item.azure_name}-{number}"
        if item.vault.modernized:
            name = f"disk{number}-{item.machine.name}-{stable_uuid('managed', item.name, str(number))}"
        found.append(f"{target_group(item)}/providers/Microsoft.Compute/disks/{name}{'-test' if test else ''}")
    return found


def made(vm: AzureVm) -> list[Body]:
    """NIC and disks of a new Azure VM."""
    return [_nic(vm), *_disks(vm)]


def left(resources: dict[str, Body], vm: AzureVm) -> None:
    """The VM is gone: NIC and disks stay, attached to nothing."""
    nic = resources.get(vm.nic_id.casefold())
    if nic is not None:
        nic["properties"].pop("virtualMachine", None)
    for disk_id in disk_ids(vm.item, vm.test):
        disk = resources.get(disk_id.casefold())
        if disk is not None:
            disk.pop("managedBy", None)
            disk["properties"]["diskState"] = "Unattached"


def _nic(vm: AzureVm) -> Body:
    # A test runs beside the machine itself: a wished address is not its.
    static = None if vm.test else wishes.static_address(vm.item)
    return {
        "name": vm.nic_id.rpartition("/")[2],
        "id": vm.nic_id,
        "type": "Microsoft.Network/networkInterfaces",
        "location": vm.location,
        "tags": vm.item.wishes.get("targetNicTags") or {},
        "properties": {
            "provisioningState": "Succeeded",
            "primary": True,
            "virtualMachine": {"id": vm.id},
            "ipConfigurations": [
                {
                    "name": "ipconfig1",
                    "id": f"{vm.nic_id}/ipConfigurations/ipconfig1",
                    "properties": {
                        "provisioningState": "Succeeded",
                        "primary": True,
                        "privateIPAddress": static or wishes.given_address(vm.item),
                        "privateIPAllocationMethod": "Static" if static else "Dynamic",
                        "subnet": {"id": f"{wishes.network_id(vm.item)}/subnets/{wishes.subnet(vm.item)}"},
                    },
                }
            ],
        },
    }


def _disks(vm: AzureVm) -> list[Body]:
    machine = vm.item.machine
    return [
        {
            "id": disk_id,
            "name": disk_id.rpartition("/")[2],
            "type": "Microsoft.Compute/disks",
            "location": vm.location,
            "tags": vm.item.wishes.get("targetManagedDiskTags") or {},
            "sku": {"name": "Premium_LRS", "tier": "Premium"},
            "managedBy": vm.id,
            "properties": {
                "diskSizeGB": size,
                "diskState": "Attached",
                "provisioningState": "Succeeded",
                **({"osType": machine.os} if number == 0 else {}),
            },
        }
        for number, (disk_id, size) in enumerate(zip(disk_ids(vm.item, vm.test), machine.disks_gb, strict=True))
    ]
