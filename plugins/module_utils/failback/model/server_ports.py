# SPDX-License-Identifier: GPL-3.0-or-later
"""What preparing the servers asks of the vault and of vCenter beyond the ports every run uses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from .items import Json, VaultRef
from .ports import SiteMachine, SitePort, VaultPort
from .refusal import Refusal


def short_name(name: str) -> str:
    """A host's name without its domain, for comparing; an IPv4 address stays whole."""
    folded = name.strip().casefold()
    head = folded.partition(".")[0]
    return folded if head.isdigit() else head


@dataclass(frozen=True)
class SiteServer(SiteMachine):
    """A VM that may be one of our servers, with what VMware Tools reports about the guest."""

    host_name: str = ""


@dataclass(frozen=True)
class VmChange:
    """What a bulk write did to one VM, or would do in check mode.

    ``settled`` is False while the change still runs (a guest shutting down). ``refusal`` is set where the VM was refused
    or failed; ``details`` holds plain data for the result, ``found`` the same as it was
    before; ``warnings`` is what should be known although it stops nothing.
    """

    moid: str
    name: str
    before: str
    after: str
    changed: bool = False
    settled: bool = True
    refusal: Refusal | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """Of its refusal; empty without one."""
        return self.refusal.code if self.refusal is not None else ""


@dataclass(frozen=True)
class SiteMove:
    """A finished move of a VM as vCenter's events report it; what an event leaves open is empty."""

    when: str
    who: str
    from_host: str = ""
    to_host: str = ""
    from_datastore: str = ""
    to_datastore: str = ""

    @property
    def sentence(self) -> str:
        """Who moved it when, from where to where."""
        hosts = f" from host {self.from_host} to {self.to_host}" if self.from_host != self.to_host else ""
        stores = ""
        if self.from_datastore != self.to_datastore and (self.from_datastore or self.to_datastore):
            stores = f" from datastore {self.from_datastore or '?'} to {self.to_datastore or '?'}"
        return f"{self.who} moved it at {self.when}{hosts}{stores}"


@dataclass(frozen=True)
class VmPlace:
    """Where a VM is, and where it was when that was noted on it (``since`` None: never).

    ``foreign_disks`` are the disks that are not its own: those of other machines, with their files. ``running`` are moves
    under way, as vCenter describes them. ``refusal`` says why its place, or the note of it, is not known.
    """

    moid: str
    name: str
    host: str = ""
    datastores: tuple[str, ...] = ()
    since: datetime | None = None
    noted_host: str = ""
    noted_datastores: tuple[str, ...] = ()
    moved_host: bool = False
    moved_storage: bool = False
    foreign_disks: int = 0
    foreign_files: tuple[str, ...] = ()
    moves: tuple[SiteMove, ...] = ()
    running: tuple[str, ...] = ()
    changed: bool = False
    refusal: Refusal | None = None


class ServerSitePort(SitePort, Protocol):
    """vCenter as the servers' preparation needs it. Reads are bulk; writes are one task per VM that must change."""

    def servers(self, names: Iterable[str] = (), addresses: Iterable[str] = ()) -> Sequence[SiteServer]:
        """VMs whose name, guest name (both without domain) or guest address is among those given, with their disks."""

    def enable_uuid(
        self, moids: Sequence[str], *, power_off: bool, guest_timeout: float, budget: float, check: bool
    ) -> list[VmChange]:
        """Set disk.EnableUUID TRUE; ``budget`` bounds the seconds spent, ``guest_timeout`` a guest's own shutdown."""

    def set_excluded(self, moids: Sequence[str], *, excluded: bool, check: bool) -> list[VmChange]:
        """Exclude VMs from vMotion and Storage vMotion by DRS, or put back what was there before."""

    def watch(self, moids: Sequence[str], *, mode: str, check: bool, idle: Collection[str] = ()) -> list[VmPlace]:
        """Whether VMs kept their place: ``keep`` notes it on a VM without a note, ``look`` only compares, ``forget``
        compares and drops the note. To the VMs in ``idle`` no machine can be attached now."""

    def set_pinned(self, moids: Sequence[str], *, pinned: bool, check: bool) -> list[VmChange]:
        """Bind VMs to their hosts by a VM-host rule, or remove that rule."""


class ServerVaultPort(VaultPort, Protocol):
    """The vault as the servers' preparation needs it."""

    def list_providers(self, vault: VaultRef) -> list[Json]:
        """The Site Recovery providers registered in the vault (one per configuration server)."""
