# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client has asked the Azure VM of an item to be (PATCH): its name, size, network, subnet and address.

The keys differ between the generations (SPEC); here they are read in one place. A wish stays until it is changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rehearsal.azure import networks
from rehearsal.azure.naming import azure_ip

if TYPE_CHECKING:
    from rehearsal.azure.items import Item

SIZE = "Standard_D2s_v3"
#: What Azure takes for a VM's name (DOC); a Windows one is shorter.
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
LONGEST_WINDOWS = 15


def good_name(item: Item, name: str) -> bool:
    return bool(NAME.fullmatch(name)) and (item.machine.os.lower() != "windows" or len(name) <= LONGEST_WINDOWS)


def name(item: Item) -> str:
    return str(item.wishes.get("recoveryAzureVMName") or item.wishes.get("targetVmName") or item.machine.name)


def size(item: Item) -> str:
    return str(item.wishes.get("recoveryAzureVMSize") or item.wishes.get("targetVmSize") or SIZE)


def network_id(item: Item) -> str:
    """The network that the Azure VM comes up in."""
    own = networks.network_id(item.vault.spec, networks.OF_MACHINES)
    return str(item.wishes.get("selectedRecoveryAzureNetworkId") or item.wishes.get("targetNetworkId") or own)


def _nic(item: Item) -> dict[str, Any]:
    """The wish for the machine's one adapter, whose address is what is asked for in either generation."""
    return dict(item.wishes.get("nic", {}))


def addresses(item: Item) -> dict[str, Any]:
    """The first of ipConfigs of a classic adapter's wish, in the words of the answer."""
    told = dict(next(iter(_nic(item).get("ipConfigs") or ()), {}))
    if "ipConfigName" in told:
        told["name"] = told.pop("ipConfigName")
    if told.get("recoveryStaticIPAddress"):
        told["recoveryIPAddressType"] = "Static"
    return told


def subnet(item: Item) -> str:
    return str(addresses(item).get("recoverySubnetName") or _nic(item).get("targetSubnetName") or networks.SUBNET)


def static_address(item: Item) -> str | None:
    return addresses(item).get("recoveryStaticIPAddress") or _nic(item).get("targetStaticIPAddress") or None


def address(item: Item) -> str:
    """The Azure VM's own address."""
    return static_address(item) or given_address(item)


def given_address(item: Item) -> str:
    """The address that the network gives it."""
    return item.machine.ip if item.vault.spec.keeps_addresses else azure_ip(item.machine)


def modernized_nic(item: Item) -> dict[str, Any]:
    """What the wish for a modernized adapter changes of its details."""
    wish = _nic(item)
    told = {
        k: wish[k]
        for k in ("isPrimaryNic", "isSelectedForFailover", "targetSubnetName", "testSubnetName")
        if wish.get(k)
    }
    for kind in ("target", "test"):
        if wish.get(f"{kind}StaticIPAddress"):
            told[f"{kind}IPAddress"] = wish[f"{kind}StaticIPAddress"]
            told[f"{kind}IPAddressType"] = "Static"
    return told
