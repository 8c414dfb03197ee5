# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a machine still exists on-premises and returns to its original location, or is recreated elsewhere. Pure.

The service decides: a machine that exists keeps its own datastore, whatever the request names; one that is
gone, and every physical server, is recreated on the datastore of the request (DOC failback-domain.md 3.3). The classic
item does not show whether its machine exists; while it replicates to Azure it reports physical servers (SEEN discoveryType). The modernized
one reports a VM's datastores and whether it was deleted (SEEN RCM 130).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.identity import Known, onprem, site_words
from ..model.items import Item, Json, truth
from ..model.ports import SiteMachine
from ..wanted.names import among


@dataclass(frozen=True)
class Home:
    """``exists`` is None where that is not known. ``datastores`` are those of the machine that is there, by name;
    ``namesake``: it is gone, and another machine there has its name."""

    exists: bool | None = None
    datastores: tuple[str, ...] = ()
    namesake: bool = False


def home_by_item(item: Item) -> Home:
    """What the replicated item itself reports."""
    if _physical(item):
        return Home(exists=False)
    discovered: Json = item.details.get("discoveredVmDetails") or {}
    if truth(discovered.get("isDeleted")):
        return Home(exists=False)
    own = tuple(str(name) for name in discovered.get("datastores") or ())
    return Home(exists=True, datastores=own) if own else Home()


def found(item: Item, machines: Sequence[SiteMachine], known: Known) -> Home:
    """What vCenter reports. ``machines`` are those it found for the machine's ids and name; a name alone is no proof."""
    if _physical(item):
        return Home(exists=False)
    seen = onprem(item, None, machines, known)
    if seen.machines:
        # A VM that cannot be reached is there all the same.
        return Home(exists=True, datastores=tuple(dict.fromkeys(d for m in seen.machines for d in m.datastores)))
    if seen.clash or not site_words(item, None, known) or not all(m.identified for m in machines):
        return Home()
    return Home(exists=False, namesake=bool(seen.alike))


def home_by_both(item: Item, in_vcenter: Home | None) -> Home:
    """Both together. ``in_vcenter`` is None where vCenter was not asked.

    A VM that the item names and this vCenter does not have may be in another one: nothing is known then.
    """
    said = home_by_item(item)
    if in_vcenter is None or in_vcenter.exists is None:
        return said
    if in_vcenter.exists:
        # The item's first one is the service's own choice (SEEN RCM 132); vCenter counts mounted images too.
        return Home(exists=True, datastores=said.datastores or in_vcenter.datastores)
    return Home(datastores=said.datastores) if said.exists else in_vcenter


def goes_back(home: Home, placement: Mapping[str, Any]) -> bool:
    """Whether a machine goes back to its original location. A modernized vault, whose placement has no retention volume, puts the
    machine where the request says, also when it is there."""
    store = str(placement.get("datastore") or "")
    moves = store and not placement.get("retention_volume") and home.datastores and not among(store, home.datastores)
    return bool(home.exists) and not moves


def _physical(item: Item) -> bool:
    # During the failback every item says Physical (SEEN).
    return item.instance_type == "InMageAzureV2" and str(item.details.get("discoveryType") or "").lower() == "physical"
