# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""What preparing the servers asks of the vault and of vCenter beyond the ports every run uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .items import Json, VaultRef
from .ports import SiteMachine, SitePort, VaultPort


def short_name(name: str) -> str:
    """A host's name without its domain, for comparing; an IPv4 address stays whole."""
    folded = name.strip().casefold()
    head = folded.partition(".")[0]
    return folded if head.isdigit() else head


@dataclass(frozen=True)
class SiteServer(SiteMachine):
    """A VM that may be a server of ours: with what VMware Tools tell of the guest."""

    host_name: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class VmChange:
    """What a bulk write did to one VM, or would do in check mode.

    ``settled`` is False while the change still runs (a guest shutting down). ``code`` is set where the VM was refused
    or failed, with ``reason`` and ``remedy``; ``details`` holds plain data for the result.
    """

    moid: str
    name: str
    before: str
    after: str
    changed: bool = False
    settled: bool = True
    code: str = ""
    reason: str = ""
    remedy: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


class ServerSitePort(SitePort, Protocol):
    """vCenter as the servers' preparation needs it. Reads are bulk; writes are one task per VM that must change."""

    def servers(self, names: Iterable[str] = (), addresses: Iterable[str] = ()) -> Sequence[SiteServer]:
        """VMs whose name, guest name (both without domain) or guest address is among those given, with their disks."""

    def enable_uuid(
        self, moids: Sequence[str], *, power_off: bool, guest_timeout: float, budget: float, check: bool
    ) -> list[VmChange]:
        """Set disk.EnableUUID TRUE; ``budget`` bounds the seconds spent, ``guest_timeout`` a guest's own shutdown."""

    def set_frozen(self, moids: Sequence[str], *, frozen: bool, check: bool) -> list[VmChange]:
        """Exclude VMs from vMotion and Storage vMotion by DRS, or put back what was there before."""


class ServerVaultPort(VaultPort, Protocol):
    """The vault as the servers' preparation needs it."""

    def list_providers(self, vault: VaultRef) -> list[Json]:
        """The Site Recovery providers registered in the vault (one per configuration server)."""
