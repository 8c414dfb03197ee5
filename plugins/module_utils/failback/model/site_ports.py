# SPDX-License-Identifier: GPL-3.0-or-later
"""What readiness asks of vCenter beyond machines: its hosts, its datastores and its clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from .server_ports import ServerSitePort


@dataclass(frozen=True)
class SiteHost:
    """An ESXi host. ``cluster`` is empty for a standalone host, memory is in MB, None where vCenter does not report it."""

    name: str
    connection: str = "connected"
    maintenance: bool = False
    product: str = ""
    cluster: str = ""
    memory_mb: int | None = None
    memory_used_mb: int | None = None

    @property
    def free_mb(self) -> int | None:
        """Memory that is not in use."""
        if self.memory_mb is None or self.memory_used_mb is None:
            return None
        return max(0, self.memory_mb - self.memory_used_mb)


@dataclass(frozen=True)
class DatastoreMount:
    """How a host mounts a datastore; None where vCenter does not report it."""

    mode: str = "readWrite"
    mounted: bool | None = True
    accessible: bool | None = True

    @property
    def usable(self) -> bool:
        """Mounted read-write and accessible."""
        return self.mode == "readWrite" and self.mounted is not False and self.accessible is not False

    @property
    def words(self) -> str:
        """What is wrong with it, in words."""
        if self.mounted is False:
            return "not mounted"
        return "not accessible" if self.accessible is False else f"mounted {self.mode}"


@dataclass(frozen=True)
class SiteDatastore:
    """A datastore: its kind in vCenter's word (VMFS, NFS, NFS41, vsan, VVOL), sizes in bytes, mounts by host name."""

    name: str
    type: str = "VMFS"
    accessible: bool = True
    maintenance: str = "normal"
    capacity_bytes: int | None = None
    free_bytes: int | None = None
    mounts: Mapping[str, DatastoreMount] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Its type in lower case, for comparing; NFS 4.1 is NFS."""
        word = self.type.lower()
        return "nfs" if word.startswith("nfs") else word


@dataclass(frozen=True)
class SiteSurvey:
    """A vCenter's hosts and datastores by name, its clock when it was read, and whether it is a vCenter at all.

    ``api`` is VirtualCenter, or HostAgent where an ESXi host was asked itself; only then ``features`` holds what its
    licence allows, None where that could not be read.
    """

    hosts: Mapping[str, SiteHost] = field(default_factory=dict)
    datastores: Mapping[str, tuple[SiteDatastore, ...]] = field(default_factory=dict)
    clock: datetime | None = None
    api: str = "VirtualCenter"
    product: str = ""
    features: tuple[str, ...] | None = None

    def mounted_on(self, host: str, datastore: str) -> SiteDatastore | None:
        """The datastore of that name that the host mounts; another datacenter may have one of the same name."""
        named = self.datastores.get(datastore, ())
        return next((d for d in named if host in d.mounts), named[0] if len(named) == 1 else None)


class SurveyPort(ServerSitePort, Protocol):
    """vCenter as readiness needs it."""

    def survey(self) -> SiteSurvey:
        """All hosts and datastores in a constant number of calls."""
