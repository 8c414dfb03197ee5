# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory around the machines: clusters, hosts, datastores and datastore clusters, in a constant number of calls."""

from __future__ import annotations

from typing import Any

from ..failback.model.site_estate import SiteEstate, SiteHost, SitePod, SiteStore
from . import sdk
from .read import Entry, Reader, plain_name

#: Properties by kind; all of them leaves.
PATHS = {
    "Datacenter": ("name",),
    "ClusterComputeResource": ("name", "configurationEx"),
    "HostSystem": ("name", "parent"),
    "Datastore": ("name", "host", "summary.type", "summary.capacity", "summary.freeSpace"),
    "StoragePod": ("name", "childEntity"),
}


def read_estate(content: Any, reader: Reader) -> SiteEstate:
    """Everything of these kinds that the account may see."""
    with sdk.speaking("list its inventory"):
        view = content.viewManager.CreateContainerView(
            container=content.rootFolder, type=[getattr(sdk.vim, kind) for kind in PATHS], recursive=True
        )
        try:
            refs = list(view.view)
        finally:
            view.DestroyView()
    wanted = [
        (kind, [r for r in refs if isinstance(r, getattr(sdk.vim, kind))], paths) for kind, paths in PATHS.items()
    ]
    entries = reader.some(wanted)
    names = {entry.moid: plain_name(entry.get("name")) for entry in entries}

    def of(kind: str) -> list[Entry]:
        return [entry for entry in entries if isinstance(entry.ref, getattr(sdk.vim, kind))]

    def name(ref: Any) -> str:
        return names.get(sdk.moid(ref), "") if ref is not None else ""

    clusters = {entry.moid for entry in of("ClusterComputeResource")}
    return SiteEstate(
        datacenters=tuple(sorted(names[e.moid] for e in of("Datacenter"))),
        drs=frozenset(names[e.moid] for e in of("ClusterComputeResource") if _balances(e.get("configurationEx"))),
        hosts=tuple(
            SiteHost(names[e.moid], name(e.get("parent")) if _moid(e.get("parent")) in clusters else "")
            for e in sorted(of("HostSystem"), key=lambda e: names[e.moid])
        ),
        stores=tuple(
            SiteStore(
                names[e.moid],
                str(e.get("summary.type") or ""),
                int(e.get("summary.capacity") or 0),
                int(e.get("summary.freeSpace") or 0),
                tuple(sorted(name(mount.key) for mount in e.get("host") or () if name(mount.key))),
            )
            for e in sorted(of("Datastore"), key=lambda e: names[e.moid])
        ),
        pods=tuple(
            SitePod(names[e.moid], tuple(sorted(name(child) for child in e.get("childEntity") or () if name(child))))
            for e in of("StoragePod")
        ),
    )


def _moid(ref: Any) -> str:
    return sdk.moid(ref) if ref is not None else ""


def _balances(config: Any) -> bool:
    """Whether a cluster's DRS is on."""
    drs = getattr(config, "drsConfig", None)
    return bool(getattr(drs, "enabled", False))
