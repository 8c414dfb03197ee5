# SPDX-License-Identifier: GPL-3.0-or-later
"""On which side a machine runs, and at which address it is reached there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..failback.lifecycle.table import (
    COMMIT_TO_AZURE,
    COMMIT_TO_ONPREM,
    REPROTECT_TO_AZURE,
    REPROTECT_TO_ONPREM,
    Lifecycle,
    Position,
)
from ..failback.model.items import Item, Json
from ..failback.model.ports import SiteMachine

AZURE, HOME = "azure", "home"

_OF_POSITION: Mapping[Position, str] = {
    Position.OUT_UNCOMMITTED: AZURE,
    Position.OUT: AZURE,
    Position.SYNCING_HOME: AZURE,
    Position.READY: AZURE,
    Position.HOME_UNCOMMITTED: HOME,
    Position.HOME_UNPROTECTED: HOME,
    Position.SYNCING_OUT: HOME,
    Position.HOME: HOME,
}

#: Operations during which the machine stays where it runs. A failover is not among them.
_DURING: Mapping[str, str] = {
    COMMIT_TO_AZURE: AZURE,
    REPROTECT_TO_ONPREM: AZURE,
    COMMIT_TO_ONPREM: HOME,
    REPROTECT_TO_AZURE: HOME,
}


def side(item: Item, lifecycle: Lifecycle) -> str | None:
    """Where the machine runs: V(azure) or V(home). None while a failover moves it, and where the vault leaves it open."""
    running = lifecycle.running(item)
    if running is not None:
        return _DURING.get(running.step)
    position = lifecycle.position(item)
    return None if position is None else _OF_POSITION[position]


def azure_addresses(nics: Iterable[Json]) -> dict[str, str]:
    """Lower-case id of an Azure machine -> its private address: the primary configuration of its primary NIC.

    ``nics`` are entries of NetworkInterfaces_ListAll (DOC Microsoft.Network). An unattached NIC and one without an
    address are left out.
    """
    found: dict[str, tuple[bool, str]] = {}
    for nic in nics:
        props = _mapping(nic.get("properties"))
        owner = str(_mapping(props.get("virtualMachine")).get("id") or "").lower()
        address = _private(props)
        if not owner or not address:
            continue
        primary = bool(props.get("primary"))
        if owner not in found or (primary and not found[owner][0]):
            found[owner] = (primary, address)
    return {owner: address for owner, (_primary, address) in found.items()}


def _private(props: Json) -> str:
    entries = props.get("ipConfigurations")
    configurations = [_mapping(_mapping(e).get("properties")) for e in (entries if isinstance(entries, list) else ())]
    configurations.sort(key=lambda c: not c.get("primary"))
    return next((told for c in configurations if isinstance(told := c.get("privateIPAddress"), str) and told), "")


def home_addresses(machines: Sequence[SiteMachine]) -> dict[str, str]:
    """UUID in vCenter -> the guest's address as VMware Tools report it.

    Left out: a machine that is off (what is told then is a memory), one that vCenter itself is in doubt about, and a UUID
    that several machines share.
    """
    owners: dict[str, set[str]] = {}
    told: dict[str, str] = {}
    for machine in machines:
        for uuid in {machine.uuid.lower(), machine.bios_uuid.lower()} - {""}:
            owners.setdefault(uuid, set()).add(machine.moid)
            addresses: Sequence[str] = getattr(machine, "addresses", ())
            if machine.powered_on and not machine.doubt and addresses:
                told[uuid] = addresses[0]
    return {uuid: address for uuid, address in told.items() if len(owners[uuid]) == 1}


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}
