# SPDX-License-Identifier: GPL-3.0-or-later
"""The request to prepare master targets, and the state of a master target while it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.items import VaultRef
from ..model.ports import SiteMachine
from ..model.server_ports import SiteServer, VmChange
from ..model.servers import Fabric, MasterTarget
from ..wanted.order import without_blanks
from .health import Verdict
from .moved import UNCHANGED

READY, REGISTERED = "ready", "registered"
#: What can be set on a VM, and how it is called in before, after and the diff.
UUID, VMOTION, PIN = "disk_uuid", "vmotion", "vm_host_rule"

#: Results of a watch that do not prove that the master target was not moved.
LOST = frozenset({"refused", "failed", "waiting"})


@dataclass(frozen=True)
class MasterTargetOrder:
    """What is wanted. ``names`` empty means every master target of the vaults. Times are seconds."""

    vaults: tuple[VaultRef, ...]
    names: tuple[str, ...] = ()
    state: str = READY
    machines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    recovery_plans: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    retention_volume: str | None = None
    datastores: tuple[str, ...] = ()
    enable_uuid: bool = True
    power_off: bool = False
    guest_shutdown_timeout: float = 300.0
    vmotion_exclusion: str = UNCHANGED
    pin_to_host: bool = False
    refresh: bool = False
    await_registration: bool = False
    ready_timeout: float = 1200.0
    wait: bool = True
    poll_interval: float | None = None
    slice_seconds: float = 25.0
    check: bool = False

    def __post_init__(self) -> None:
        without_blanks(self, ("names", "machines", "groups", "recovery_plans", "exclude", "datastores"))

    @property
    def chooses_machines(self) -> bool:
        return bool(self.machines or self.groups or self.recovery_plans)


@dataclass(frozen=True)
class Target:
    """A master target as last seen, or one still unknown to the vault (``server`` is None)."""

    wanted: str
    fabric: Fabric | None = None
    server: MasterTarget | None = None
    vm: SiteServer | None = None
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def name(self) -> str:
        return self.server.name if self.server else self.wanted


def distinct(targets: Sequence[Target]) -> list[Target]:
    """One entry per server, also where it was named by its name and by its address."""
    kept: dict[str, Target] = {}
    for target in targets:
        kept.setdefault(target.server.id.lower() if target.server else f"? {target.wanted}", target)
    return list(kept.values())


def lost_place(target: Target, entry: Mapping[str, Any]) -> dict[str, str]:
    """A master target whose location is not proven, as passed to the stages."""
    told = {k: str(entry[k]) for k in ("name", "code", "reason", "remedy")}
    return {"id": target.server.id if target.server else "", **told}


def readiness_words(verdict: Verdict) -> str:
    """What blocks a server now, for the diff."""
    return "ready" if verdict.ready else f"not ready: {', '.join(r.code for r in verdict.reasons)}"


def vm_settings(vm: SiteMachine | None, changes: Mapping[str, VmChange], when: str) -> dict[str, str]:
    """A VM's settings before or after; settings that were not requested are included only if they were read anyway."""
    if vm is None:
        return {}
    told = {UUID: "TRUE" if vm.uuid_enabled else "not TRUE"}
    told.update({what: str(getattr(change, when)) for what, change in changes.items()})
    return told
