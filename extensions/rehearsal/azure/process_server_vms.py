# SPDX-License-Identifier: GPL-3.0-or-later
"""The VMs of a fleet's own process servers in Azure: somebody set them up before, in the vault's resource group, by hand.

Shapes are those of Microsoft.Compute and Microsoft.Network (DOC).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rehearsal.azure import networks
from rehearsal.fleet import ProcessServer, Vault, stable_uuid

Body = dict[str, Any]

#: The portal's size for a process server (DOC).
SIZE = "Standard_A8_v2"


def made(vault: Vault) -> Iterable[Body]:
    """VM, interface and system disk of each one whose address is in a network of the vault."""
    for server in vault.process_servers:
        network = networks.network_at(vault, server.ip) if server.in_azure else None
        if network is not None:
            yield from _parts(vault, server, network)


def _parts(vault: Vault, server: ProcessServer, network: str) -> Iterable[Body]:
    base = f"/subscriptions/{vault.subscription_id}/resourceGroups/{vault.resource_group}/providers"
    vm = f"{base}/Microsoft.Compute/virtualMachines/{server.name}"
    nic = f"{base}/Microsoft.Network/networkInterfaces/{server.name}-nic"
    disk = f"{base}/Microsoft.Compute/disks/{server.name}-os"
    common = {"location": vault.location, "tags": {}}
    config = {
        "provisioningState": "Succeeded",
        "primary": True,
        "privateIPAddress": server.ip,
        "privateIPAllocationMethod": "Static",
        "subnet": {"id": f"{network}/subnets/{networks.SUBNET}"},
    }
    yield {
        "name": f"{server.name}-nic",
        "id": nic,
        "type": "Microsoft.Network/networkInterfaces",
        **common,
        "properties": {
            "provisioningState": "Succeeded",
            "primary": True,
            "virtualMachine": {"id": vm},
            "ipConfigurations": [
                {"name": "ipconfig1", "id": f"{nic}/ipConfigurations/ipconfig1", "properties": config}
            ],
        },
    }
    yield {
        "name": f"{server.name}-os",
        "id": disk,
        "type": "Microsoft.Compute/disks",
        **common,
        "managedBy": vm,
        "properties": {
            "provisioningState": "Succeeded",
            "osType": "Windows",
            "diskState": "Attached",
            "diskSizeGB": 127,
        },
    }
    yield {
        "name": server.name,
        "id": vm,
        "type": "Microsoft.Compute/virtualMachines",
        **common,
        "properties": {
            "vmId": stable_uuid("process-server-vm", vault.name, server.name),
            "hardwareProfile": {"vmSize": SIZE},
            "storageProfile": {
                "osDisk": {
                    "osType": "Windows",
                    "name": f"{server.name}-os",
                    "managedDisk": {"id": disk, "storageAccountType": "Standard_LRS"},
                    "createOption": "FromImage",
                },
                "dataDisks": [],
            },
            "osProfile": {"computerName": server.name, "adminUsername": "asradmin"},
            "networkProfile": {"networkInterfaces": [{"id": nic, "properties": {"primary": True}}]},
            "provisioningState": "Succeeded",
        },
    }
