# SPDX-License-Identifier: GPL-3.0-or-later
"""The on-premises side as a whole: clusters, hosts, datastores and datastore clusters."""

from __future__ import annotations

from dataclasses import dataclass

from .site_ports import SiteDatastore, SiteHost


@dataclass(frozen=True)
class SitePod:
    """A datastore cluster and the names of its datastores."""

    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class SiteEstate:
    """All of them; ``drs`` are the names of clusters with DRS on."""

    datacenters: tuple[str, ...] = ()
    drs: frozenset[str] = frozenset()
    hosts: tuple[SiteHost, ...] = ()
    stores: tuple[SiteDatastore, ...] = ()
    pods: tuple[SitePod, ...] = ()
