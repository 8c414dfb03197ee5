# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Azure VM's entry and its network interfaces say. Pure."""

from __future__ import annotations

from ...lifecycle.table import Position
from ...model.items import Json
from .facts import Facts, properties

#: Positions in which the machine works in Azure, and those in which its Azure VM is still there.
AWAY = frozenset({Position.OUT_UNCOMMITTED, Position.OUT, Position.SYNCING_HOME, Position.READY})
IN_AZURE = AWAY | {Position.HOME_UNCOMMITTED}


def addresses(vm: Json, f: Facts) -> list[Json] | None:
    """The IP configurations of an Azure VM's interfaces; None where they are not known."""
    known = f.network.interfaces
    if known is None:
        return None
    found: list[Json] = []
    for nic in (properties(vm).get("networkProfile") or {}).get("networkInterfaces") or ():
        entry = known.get(str(nic.get("id") or "").lower())
        if entry is None:
            return None
        found += [properties(c) for c in properties(entry).get("ipConfigurations") or ()]
    return found


def network_of(vm: Json, f: Facts) -> str | None:
    """Id of the virtual network of an Azure VM, in lower case; None where it is not known."""
    for config in addresses(vm, f) or ():
        subnet = str((config.get("subnet") or {}).get("id") or "").lower()
        if "/subnets/" in subnet:
            return subnet.partition("/subnets/")[0]
    return None
