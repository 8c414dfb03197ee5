# SPDX-License-Identifier: GPL-3.0-or-later
"""The on-premises side as a whole: clusters, hosts, datastores and datastore clusters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .server_ports import SiteServer
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


class EstatePort(Protocol):
    """vCenter as a snapshot of the estate needs it; reads only."""

    def estate(self) -> SiteEstate:
        """Clusters, hosts, datastores and datastore clusters."""

    def described(self, uuids: Iterable[str] = (), names: Iterable[str] = ()) -> Sequence[SiteServer]:
        """VMs by instance or BIOS UUID, or by the name of the VM or its guest, with disks and addresses."""
