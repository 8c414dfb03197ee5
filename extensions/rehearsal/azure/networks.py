# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual networks of the groups that failed-over machines live in, which of their addresses are free, and the line to on-premises.

Shapes are those of Microsoft.Network (DOC: general knowledge of Resource Manager, nothing recorded).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from rehearsal.fleet import Vault

#: The network that machines come up in. A fleet's process servers in Azure are there as well, unless their address is another's.
OF_MACHINES = "vnet-dr"
#: Name -> address space. The subnet ``servers`` is the first /24 of each. The second one has no process server at first.
NETWORKS = {OF_MACHINES: "10.50.0.0/16", "vnet-dr-2": "10.60.0.0/16"}
SUBNET = "servers"
#: The subnet of the network's VPN gateway, as Azure demands it to be called (DOC).
GATEWAY_SUBNET = "GatewaySubnet"
GATEWAY, CONNECTION, SITE = "vpn-dr", "to-home", "home"

#: On-premises, as fleets have it.
ONPREM_SPACE = "10.20.0.0/16"

#: Azure keeps the first four addresses and the last one of a subnet for itself (DOC).
RESERVED_FIRST = 4


def subnet_of(space: str) -> str:
    return str(next(ipaddress.ip_network(space).subnets(new_prefix=24)))


def group_id(vault: Vault) -> str:
    return f"/subscriptions/{vault.subscription_id}/resourceGroups/{vault.target_resource_group}"


def network_id(vault: Vault, name: str) -> str:
    return f"{group_id(vault)}/providers/Microsoft.Network/virtualNetworks/{name}"


def spaces(vault: Vault) -> dict[str, str]:
    """Name -> address space of a vault's networks."""
    return {**NETWORKS, OF_MACHINES: ONPREM_SPACE} if vault.keeps_addresses else NETWORKS


def network_at(vault: Vault, address: str) -> str | None:
    """Id of the network that an address belongs to."""
    wanted = ipaddress.ip_address(address)
    found = (name for name, space in spaces(vault).items() if wanted in ipaddress.ip_network(space))
    return next((network_id(vault, name) for name in found), None)


def networks(vault: Vault) -> Iterable[dict[str, Any]]:
    """The bodies of a vault's virtual networks."""
    for name, space in spaces(vault).items():
        network = network_id(vault, name)
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
                    },
                    *([_gateway_subnet(network, space)] if name == OF_MACHINES else []),
                ],
            },
        }


def _gateway_subnet(network: str, space: str) -> dict[str, Any]:
    """The last /27 of the network."""
    last = ipaddress.ip_network(space).broadcast_address
    prefix = ipaddress.ip_network(f"{last}/27", strict=False)
    return {
        "name": GATEWAY_SUBNET,
        "id": f"{network}/subnets/{GATEWAY_SUBNET}",
        "type": "Microsoft.Network/virtualNetworks/subnets",
        "properties": {"provisioningState": "Succeeded", "addressPrefix": str(prefix)},
    }


def line(vault: Vault) -> Iterable[dict[str, Any]]:
    """The bodies of the VPN gateway of the machines' network, and of its connection to on-premises."""
    base = f"{group_id(vault)}/providers/Microsoft.Network"
    gateway = f"{base}/virtualNetworkGateways/{GATEWAY}"
    subnet = f"{network_id(vault, OF_MACHINES)}/subnets/{GATEWAY_SUBNET}"
    config = {"provisioningState": "Succeeded", "privateIPAllocationMethod": "Dynamic", "subnet": {"id": subnet}}
    common = {"location": vault.location, "tags": {}}
    yield {
        "name": GATEWAY,
        "id": gateway,
        "type": "Microsoft.Network/virtualNetworkGateways",
        **common,
        "properties": {
            "provisioningState": "Succeeded",
            "ipConfigurations": [
                {"name": "default", "id": f"{gateway}/ipConfigurations/default", "properties": config},
            ],
            "sku": {"name": "VpnGw1", "tier": "VpnGw1", "capacity": 2},
            "gatewayType": "Vpn",
            "vpnType": "RouteBased",
            "enableBgp": False,
            "activeActive": False,
        },
    }
    yield {
        "name": CONNECTION,
        "id": f"{base}/connections/{CONNECTION}",
        "type": "Microsoft.Network/connections",
        **common,
        "properties": {
            "provisioningState": "Succeeded",
            "virtualNetworkGateway1": {"id": gateway},
            "localNetworkGateway2": {"id": f"{base}/localNetworkGateways/{SITE}"},
            "connectionType": "IPsec",
            "connectionProtocol": "IKEv2",
            "routingWeight": 0,
            "enableBgp": False,
            "connectionStatus": vault.connection,
            "ingressBytesTransferred": 0,
            "egressBytesTransferred": 0,
        },
    }


def in_list(connection: dict[str, Any]) -> dict[str, Any]:
    """A connection as lists have it: without its state (DOC of Azure's clients, which show it for a single one only)."""
    properties = {key: value for key, value in connection["properties"].items() if key != "connectionStatus"}
    return {**connection, "properties": properties}


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
