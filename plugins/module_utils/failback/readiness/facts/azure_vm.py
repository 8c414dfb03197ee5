# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Azure VM's entry and its network interfaces say. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...lifecycle.table import Position
from ...model.items import Json
from .facts import Facts, properties

#: Positions in which the machine works in Azure, and those in which its Azure VM is still there.
AWAY = frozenset({Position.OUT_UNCOMMITTED, Position.OUT, Position.SYNCING_HOME, Position.READY})
IN_AZURE = AWAY | {Position.HOME_UNCOMMITTED}


def configs_in(vm: Json, interfaces: Mapping[str, Json]) -> list[Json] | None:
    """The IP configurations of an Azure VM's interfaces; None where one of them is not among those that are known."""
    found: list[Json] = []
    for nic in (properties(vm).get("networkProfile") or {}).get("networkInterfaces") or ():
        entry = interfaces.get(str(nic.get("id") or "").lower())
        if entry is None:
            return None
        found += [properties(c) for c in properties(entry).get("ipConfigurations") or ()]
    return found


def addresses(vm: Json, f: Facts) -> list[Json] | None:
    """The IP configurations of an Azure VM's interfaces; None where they are not known."""
    return None if f.network.interfaces is None else configs_in(vm, f.network.interfaces)


def network_in(vm: Json, interfaces: Mapping[str, Json]) -> str | None:
    """Id of the virtual network of an Azure VM, in lower case; None where it is not known."""
    for config in configs_in(vm, interfaces) or ():
        subnet = str((config.get("subnet") or {}).get("id") or "").lower()
        if "/subnets/" in subnet:
            return subnet.partition("/subnets/")[0]
    return None


def network_of(vm: Json, f: Facts) -> str | None:
    """The same, by what was read."""
    return None if f.network.interfaces is None else network_in(vm, f.network.interfaces)


def networks_of_gateway(gateway: Json) -> set[str]:
    """Ids of the virtual networks that a gateway is in, in lower case."""
    configs = properties(gateway).get("ipConfigurations") or ()
    subnets = (str((properties(c).get("subnet") or {}).get("id") or "").lower() for c in configs)
    return {subnet.partition("/subnets/")[0] for subnet in subnets if subnet}
