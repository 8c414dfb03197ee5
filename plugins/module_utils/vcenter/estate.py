# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory around the machines: clusters, hosts, datastores and datastore clusters, in a constant number of calls."""

from __future__ import annotations

from typing import Any

from ..failback.model.site_estate import SiteEstate, SitePod
from . import pyvmomi
from .hosts_and_datastores import is_a, read_hosts_and_datastores
from .read import Entry, Reader, plain_name

#: What is read beside hosts and datastores, by kind; of a datastore here only what a datastore cluster calls it by.
PATHS = (
    ("Datacenter", ("name",)),
    ("ClusterComputeResource", ("name", "configurationEx")),
    ("Datastore", ("name",)),
    ("StoragePod", ("name", "childEntity")),
)


def read_site(service: Any, content: Any, reader: Reader) -> SiteEstate:
    """Everything of these kinds that the account may see."""
    found = read_hosts_and_datastores(service, content, reader)
    with pyvmomi.speaking("list its inventory"):
        entries = reader.everything(PATHS)
    names = {entry.moid: plain_name(entry.get("name")) for entry in entries}

    def of(kind: str) -> list[Entry]:
        return [entry for entry in entries if is_a(entry, kind)]

    return SiteEstate(
        datacenters=tuple(sorted(names[e.moid] for e in of("Datacenter"))),
        drs=frozenset(names[e.moid] for e in of("ClusterComputeResource") if _balances(e.get("configurationEx"))),
        hosts=tuple(found.hosts[name] for name in sorted(found.hosts)),
        stores=tuple(store for name in sorted(found.datastores) for store in found.datastores[name]),
        pods=tuple(
            SitePod(
                names[e.moid],
                tuple(sorted(filter(None, (names.get(pyvmomi.moid(c)) for c in e.get("childEntity") or ())))),
            )
            for e in of("StoragePod")
        ),
    )


def _balances(config: Any) -> bool:
    """Whether a cluster's DRS is on."""
    drs = getattr(config, "drsConfig", None)
    return bool(getattr(drs, "enabled", False))
