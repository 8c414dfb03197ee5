# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and datastores of a vCenter, all in one reading."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..failback.model.site_ports import DatastoreMount, SiteDatastore, SiteHost, SiteSurvey
from . import pyvmomi
from .read import Entry, Reader, plain_name

HOST = (
    "name",
    "parent",
    "runtime.connectionState",
    "runtime.inMaintenanceMode",
    "summary.config.product.fullName",
    "summary.hardware.memorySize",
    "summary.quickStats.overallMemoryUsage",
)
DATASTORE = (
    "name",
    "host",
    "summary.type",
    "summary.accessible",
    "summary.maintenanceMode",
    "summary.capacity",
    "summary.freeSpace",
)
CLUSTER = ("name",)


def read_hosts_and_datastores(service: Any, content: Any, reader: Reader) -> SiteSurvey:
    """Six calls, however large the inventory is."""
    with pyvmomi.speaking("read its hosts and datastores"):
        entries = reader.everything(
            (("HostSystem", HOST), ("Datastore", DATASTORE), ("ClusterComputeResource", CLUSTER))
        )
        clock = service.CurrentTime()
    api = str(content.about.apiType or "")
    clusters = {e.moid: plain_name(e.get("name")) for e in entries if is_a(e, "ClusterComputeResource")}
    hosts = {e.moid: _host(e, clusters) for e in entries if is_a(e, "HostSystem")}
    names = {moid: host.name for moid, host in hosts.items()}
    stores: dict[str, tuple[SiteDatastore, ...]] = {}
    for entry in entries:
        if is_a(entry, "Datastore"):
            store = _datastore(entry, names)
            stores[store.name] = (*stores.get(store.name, ()), store)
    return SiteSurvey(
        hosts={host.name: host for host in hosts.values()},
        datastores=stores,
        clock=_aware(clock),
        api=api,
        product=str(content.about.fullName or ""),
        features=_features(content) if api == "HostAgent" else None,
    )


def is_a(entry: Entry, kind: str) -> bool:
    """Whether an entry is an object of this type."""
    return isinstance(entry.ref, getattr(pyvmomi.vim, kind))


def _aware(value: Any) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def _host(entry: Entry, clusters: Mapping[str, str]) -> SiteHost:
    parent = entry.get("parent")
    size, used = entry.get("summary.hardware.memorySize"), entry.get("summary.quickStats.overallMemoryUsage")
    return SiteHost(
        name=plain_name(entry.get("name")),
        connection=str(entry.get("runtime.connectionState") or ""),
        maintenance=bool(entry.get("runtime.inMaintenanceMode")),
        product=str(entry.get("summary.config.product.fullName") or ""),
        cluster=clusters.get(pyvmomi.moid(parent), "") if parent is not None else "",
        memory_mb=None if size is None else int(size) >> 20,
        memory_used_mb=None if used is None else int(used),
    )


def _datastore(entry: Entry, hosts: Mapping[str, str]) -> SiteDatastore:
    mounts = {}
    for mount in entry.get("host") or ():
        name = hosts.get(pyvmomi.moid(mount.key))
        if name is not None:
            info = mount.mountInfo
            mounts[name] = DatastoreMount(str(info.accessMode or ""), info.mounted, info.accessible)
    capacity, free = entry.get("summary.capacity"), entry.get("summary.freeSpace")
    return SiteDatastore(
        name=plain_name(entry.get("name")),
        type=str(entry.get("summary.type") or ""),
        accessible=bool(entry.get("summary.accessible")),
        maintenance=str(entry.get("summary.maintenanceMode") or "normal"),
        capacity_bytes=None if capacity is None else int(capacity),
        free_bytes=None if free is None else int(free),
        mounts=mounts,
    )


def _features(content: Any) -> tuple[str, ...] | None:
    """What the licence of a host that is asked itself allows; None where it may not be read."""
    try:
        licences = content.licenseManager.licenses
    except Exception:  # noqa: BLE001 - an account without that right sees the rest all the same
        return None
    found = []
    for licence in licences or ():
        found.append(str(licence.name or ""))
        for entry in licence.properties or ():
            if entry.key == "feature":
                found.append(str(getattr(entry.value, "value", "") or ""))
    return tuple(found)
