# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory shows: every machine of the vaults with its facts, plans and address, read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..azure.vaults import Vaults
from ..failback.lifecycle.modernized import LIFECYCLE
from ..failback.model.identity import Known, azure_words, in_azure, subscriptions
from ..failback.model.items import Item, Json
from ..failback.model.lookup import azure_vm_words, index
from ..failback.model.servers import Fabric
from ..failback.model.shapes import AZURE_VM, all_understood
from ..failback.servers.fabrics import list_whole
from ..failback.wanted.recovery_plans import Plan
from . import views
from .addresses import AZURE, HOME, azure_addresses, home_addresses, side
from .module import Call

Facts = dict[str, Any]


def read_vaults(call: Call) -> list[Facts]:
    """The vaults themselves. Raises NotFound for one that is not there."""
    vaults = call.open_vaults()
    return [
        {
            "vault": ref.name,
            "resource_group": ref.resource_group,
            "subscription_id": ref.subscription_id,
            "location": str(vaults.get_vault(ref).get("location") or ""),
        }
        for ref in call.refs
    ]


def read_machines(call: Call) -> list[Facts]:
    """Every machine of every vault: the facts of ``views.item_view`` with ``plans``, ``running_in`` and ``address``.

    One list of items for each vault; raises ReadFailed where a list is not whole. Azure is asked for machines and NICs once
    for each subscription; vCenter, where it is given, once for all on-premises machines.
    """
    vaults = call.open_vaults()
    items = [Item.parse(data, ref) for ref in call.refs for data in vaults.list_items(ref)]
    fabrics = [Fabric.parse(data, ref) for ref in call.refs for data in list_whole(vaults, ref)]
    plans: dict[str, list[str]] = {}
    for ref in call.refs:
        for plan in (Plan.parse(data, ref.key) for data in vaults.list_recovery_plans(ref) if data):
            for member in plan.members:
                plans.setdefault(member.lower(), []).append(plan.friendly_name or plan.name)
    sides = {item.key: side(item, LIFECYCLE) for item in items}
    places = {item.key: _places(item) for item in items if sides[item.key] == AZURE}
    asked = {ref.subscription_id.lower() for ref in call.refs}.union(*places.values())
    listed = [m for name in sorted(asked) for m in vaults.list_azure_machines(name)]
    found = _in_azure(items, sides, listed)
    addresses = {**_azure_addresses(vaults, found), **_home_addresses(call, items, sides)}
    machines = {str(m.get("id") or "").lower(): m for m in listed}
    return [
        {
            **(view := views.item_view(item, LIFECYCLE, fabrics, machines)),
            # Lists of machines being failed back do not report it (SEEN); the Azure machine does.
            "os_type": view["os_type"] or _system(found.get(item.key)),
            "plans": plans.get(item.key, []),
            "running_in": sides[item.key],
            "address": addresses.get(item.key),
        }
        for item in items
    ]


def _places(item: Item) -> set[str]:
    """The subscriptions that the item itself names for its Azure machine, in lower case."""
    return subscriptions(item, None, Known(), {})


def _in_azure(items: list[Item], sides: Mapping[str, str | None], listed: list[Json]) -> dict[str, Json]:
    """Item's key -> its Azure machine, where its ids show which one it is; never by a name alone (identity.py)."""
    look_up = index(all_understood(listed, AZURE_VM), azure_vm_words)
    found: dict[str, Json] = {}
    for item in items:
        if sides[item.key] == AZURE:
            mine = in_azure(item, None, look_up(azure_words(item, None, Known())), Known())
            if len(mine.machines) == 1:
                found[item.key] = mine.machines[0]
    return found


def _azure_addresses(vaults: Vaults, found: Mapping[str, Json]) -> dict[str, str]:
    """Item's key -> private address of its Azure machine. NICs are listed once for each subscription that has such machines."""
    ids = {key: str(machine.get("id") or "").lower() for key, machine in found.items()}
    known: dict[str, str] = {}
    for subscription in sorted({vm_id.split("/")[2] for vm_id in ids.values() if vm_id.count("/") > 2}):
        path = f"/subscriptions/{subscription}/providers/Microsoft.Network/networkInterfaces"
        known.update(azure_addresses(vaults.list_resources(path)))
    return {key: known[vm_id] for key, vm_id in ids.items() if vm_id in known}


def _home_addresses(call: Call, items: list[Item], sides: Mapping[str, str | None]) -> dict[str, str]:
    """Item's key -> its guest's address in vCenter; empty where no vCenter is given."""
    uuids = {item.key: item.site_uuid.lower() for item in items if sides[item.key] == HOME and item.site_uuid}
    site = call.late_site() if uuids else None
    if site is None:
        return {}
    seen = home_addresses(site.machines(uuids=sorted(set(uuids.values()))))
    return {key: seen[uuid] for key, uuid in uuids.items() if uuid in seen}


def _system(machine: Json | None) -> str | None:
    props: Json = (machine or {}).get("properties") or {}
    told = ((props.get("storageProfile") or {}).get("osDisk") or {}).get("osType")
    return told if isinstance(told, str) and told else None
