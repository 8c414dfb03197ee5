# SPDX-License-Identifier: GPL-3.0-or-later
"""A classic item's network adapter: its id is its MAC address, its addresses are reported in 15 keys (SEEN)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from rehearsal.azure import networks, wishes

if TYPE_CHECKING:
    from rehearsal.azure.items import Item


def mac(item: Item) -> str:
    """An address that is the same at every start."""
    digest = hashlib.sha256(f"{item.machine.vault}/{item.machine.name}".encode()).hexdigest().upper()
    # Of VMware's range, or of Azure's once the Azure VM is what replicates (SEEN).
    maker = ("00", "50", "56") if item.row.forward else ("00", "22", "48")
    return ":".join([*maker, *(digest[n : n + 2] for n in (0, 2, 4))])


def nic(item: Item) -> dict[str, Any]:
    wished = item.wishes.get("nic", {}) if item.row.forward else {}
    found: dict[str, Any] = {
        "nicId": mac(item),
        "replicaNicId": None,
        "sourceNicArmId": None,
        # The adapter's own name in the guest (SEEN).
        "vMNetworkName": "Intel(R) 82574L Gigabit Network Connection"
        if item.row.forward
        else "Microsoft Hyper-V Network Adapter",
        "recoveryVMNetworkId": wishes.network_id(item) if item.row.forward else None,
        "ipConfigs": [{**_address(item), **wishes.addresses(item)}] if item.row.forward else [_address(item)],
        "selectionType": "SelectedByUser" if item.row.forward else "NotSelected",
        "recoveryNetworkSecurityGroupId": None,
        "enableAcceleratedNetworkingOnRecovery": None,
        "tfoVMNetworkId": None,
        "tfoNetworkSecurityGroupId": None,
        "enableAcceleratedNetworkingOnTfo": None,
        "recoveryNicName": None,
        "recoveryNicResourceGroupName": None,
        "reuseExistingNic": False,
        "tfoRecoveryNicName": None,
        "tfoRecoveryNicResourceGroupName": None,
        "tfoReuseExistingNic": False,
        "targetNicName": None,
    }
    found.update({key: value for key, value in wished.items() if key in found and key != "ipConfigs"})
    return found


def _address(item: Item) -> dict[str, Any]:
    return {
        "name": None,
        "isPrimary": True,
        "subnetName": "Subnet-1",
        "staticIPAddress": None,
        "ipAddressType": "Dynamic",
        "isSeletedForFailover": True,
        # Empty texts in the failback (SEEN).
        "recoverySubnetName": networks.SUBNET if item.row.forward else "",
        "recoveryStaticIPAddress": None if item.row.forward else "",
        "recoveryIPAddressType": "Dynamic",
        "recoveryPublicIPAddressId": None,
        "recoveryLBBackendAddressPoolIds": None,
        "tfoSubnetName": None,
        "tfoStaticIPAddress": None,
        "tfoPublicIPAddressId": None,
        "tfoLBBackendAddressPoolIds": None,
    }
