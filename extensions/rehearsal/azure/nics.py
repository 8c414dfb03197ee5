# SPDX-License-Identifier: GPL-3.0-or-later
"""A classic item's network adapter: its id is its MAC address, its addresses are reported in 15 keys (SEEN; values SPEC)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.azure.items import Item


def mac(item: Item) -> str:
    """An address of VMware's range, the same at every start."""
    digest = hashlib.sha256(f"{item.machine.vault}/{item.machine.name}".encode()).hexdigest()
    return ":".join(["00", "50", "56", *(digest[n : n + 2] for n in (0, 2, 4))])


def nic(item: Item) -> dict[str, Any]:
    wished = item.wishes.get("vmNics", {}).get(mac(item), {})
    found: dict[str, Any] = {
        "nicId": mac(item),
        "replicaNicId": None,
        # The NIC of the machine that replicates, where that is an Azure VM (SPEC; its value is INFER).
        "sourceNicArmId": None if item.row.forward or item.azure_vm is None else item.azure_vm.nic_id,
        "vMNetworkName": "VM Network",
        "recoveryVMNetworkId": item.network_id if item.row.forward else None,
        "ipConfigs": [_address(item)],
        "selectionType": "SelectedByUser",
        "recoveryNetworkSecurityGroupId": None,
        "enableAcceleratedNetworkingOnRecovery": False,
        "tfoVMNetworkId": None,
        "tfoNetworkSecurityGroupId": None,
        "enableAcceleratedNetworkingOnTfo": False,
        "recoveryNicName": None,
        "recoveryNicResourceGroupName": None,
        "reuseExistingNic": False,
        "tfoRecoveryNicName": None,
        "tfoRecoveryNicResourceGroupName": None,
        "tfoReuseExistingNic": False,
        "targetNicName": None,
    }
    found.update({key: value for key, value in wished.items() if key in found})
    return found


def _address(item: Item) -> dict[str, Any]:
    return {
        "name": "ipconfig1",
        "isPrimary": True,
        "subnetName": "servers",
        "staticIPAddress": item.machine.ip,
        "ipAddressType": "Static",
        "isSeletedForFailover": True,
        "recoverySubnetName": "servers",
        "recoveryStaticIPAddress": None,
        "recoveryIPAddressType": "Dynamic",
        "recoveryPublicIPAddressId": None,
        "recoveryLBBackendAddressPoolIds": [],
        "tfoSubnetName": None,
        "tfoStaticIPAddress": None,
        "tfoPublicIPAddressId": None,
        "tfoLBBackendAddressPoolIds": [],
    }
