# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual networks of the groups that failed-over machines live in, and which of their addresses are free.

Shapes are those of Microsoft.Network (DOC: general knowledge of Resource Manager, nothing recorded).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from rehearsal.fleet import Vault

#: Name -> address space. The subnet ``servers`` is the first /24 of each. A fleet's process servers in Azure are in the
#: first one, so it has its process server; the second one has none.
NETWORKS = {"vnet-dr": "10.50.0.0/16", "vnet-dr-2": "10.60.0.0/16"}
SUBNET = "servers"
#: The one that machines come up in.
OF_MACHINES = "vnet-dr-2"

#: Azure keeps the first four addresses and the last one of a subnet for itself (DOC).
RESERVED_FIRST = 4


def subnet_of(space: str) -> str:
    return str(next(ipaddress.ip_network(space).subnets(new_prefix=24)))


def group_id(vault: Vault) -> str:
    return f"/subscriptions/{vault.subscription_id}/resourceGroups/{vault.target_resource_group}"


def networks(vault: Vault) -> Iterable[dict[str, Any]]:
    """The bodies of a vault's virtual networks."""
    for name, space in NETWORKS.items():
        network = f"{group_id(vault)}/providers/Microsoft.Network/virtualNetworks/{name}"
        yield {
            "name": name,
            "id": network,
            "type": "Microsoft.Network/virtualNetworks",
            "location": vault.location,
            "tags": {},
            "properties": {
                "provisioningState": "Succeeded",
                "addressSpace": {"addressPrefixes": [space]},
                "subnets": [
                    {
                        "name": SUBNET,
                        "id": f"{network}/subnets/{SUBNET}",
                        "type": "Microsoft.Network/virtualNetworks/subnets",
                        "properties": {"provisioningState": "Succeeded", "addressPrefix": subnet_of(space)},
                    }
                ],
            },
        }


def prefixes(subnet: dict[str, Any]) -> list[ipaddress.IPv4Network]:
    properties = subnet["properties"]
    found = properties.get("addressPrefixes") or [properties["addressPrefix"]]
    return [ipaddress.IPv4Network(p) for p in found]


def is_free(network: dict[str, Any], address: str, used: set[str]) -> bool:
    """Whether an address can be given to a new interface. Raises ValueError for a text that is no address."""
    wanted = ipaddress.IPv4Address(address)
    for subnet in network["properties"]["subnets"]:
        for prefix in prefixes(subnet):
            if wanted in prefix:
                offset = int(wanted) - int(prefix.network_address)
                return offset >= RESERVED_FIRST and wanted != prefix.broadcast_address and address not in used
    return False


def free_addresses(network: dict[str, Any], used: set[str], count: int = 5) -> list[str]:
    found: list[str] = []
    for subnet in network["properties"]["subnets"]:
        for prefix in prefixes(subnet):
            for host in prefix.hosts():
                if len(found) == count:
                    return found
                if is_free(network, str(host), used):
                    found.append(str(host))
    return found
