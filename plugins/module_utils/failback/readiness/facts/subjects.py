# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules evaluate: machines, servers and consistency groups with what was found of each. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from ...lifecycle.bodies import Placement
from ...lifecycle.decide import Decision
from ...lifecycle.table import Position
from ...model.identity import Found
from ...model.items import Item, Json, VaultRef
from ...model.ports import SiteMachine
from ...model.refusal import Refusal
from ...model.server_ports import SiteServer, VmChange, VmPlace
from ...model.servers import Fabric, MasterTarget, ProcessServer
from ...model.site_ports import SiteHost
from ...placement.home import Home
from ...servers.health import Verdict


@dataclass(frozen=True)
class Subject:
    """What every subject has: its name, vault and generation, the steps it is checked for, the machines it concerns by name and,
    because names repeat, by the keys of their items."""

    kind: str
    name: str
    vault: VaultRef
    generation: str
    moments: frozenset[str]
    machines: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine(Subject):
    """A machine. ``placed`` is where a reprotect would put it, or why that cannot be; ``gateway`` the server that holds its
    disks, or would; ``here`` and ``there`` are what was found of it in vCenter and in Azure, None where it was not read."""

    item: Item | None = None
    position: Position | None = None
    unread: str = ""
    placed: Union[Placement, Refusal, None] = None
    placed_out: Union[Placement, Refusal, None] = None
    fabric: Fabric | None = None
    gateway: MasterTarget | None = None
    gateway_vm: SiteServer | None = None
    home: Home = field(default_factory=Home)
    here: Found | None = None
    there: Found | None = None
    #: The oldest recovery point in seconds that passes.
    limit: float = 900.0
    #: GB that other chosen machines are to take on the same datastore.
    beside_gb: float = 0.0
    #: Master target or appliance by each disk file that is attached to it.
    held: Mapping[str, str] = field(default_factory=dict)
    #: What the engine would decide for each of its moments, by step.
    decided: Mapping[str, Decision] = field(default_factory=dict)
    #: What its commit waits for; None where it is approved, or every proven machine is committed.
    awaiting: Refusal | None = None

    @property
    def vm(self) -> SiteMachine | None:
        """Its one VM in vCenter."""
        found = self.here.machines if self.here is not None else ()
        return found[0] if len(found) == 1 else None

    @property
    def azure_vm(self) -> Json | None:
        found = self.there.machines if self.there is not None else ()
        return found[0] if len(found) == 1 else None

    @property
    def recreated(self) -> bool | None:
        """Whether it is recreated at an alternate location; None where that is not known."""
        return None if self.home.exists is None else not self.home.exists

    @property
    def details(self) -> Json:
        return self.item.details if self.item is not None else {}

    @property
    def datastore(self) -> str:
        """The datastore that a reprotect names for it; empty where it was not placed."""
        return self.placed.datastore if isinstance(self.placed, Placement) else ""

    @property
    def disks_gb(self) -> float | None:
        """The sum of its disks; None where one does not report its size."""
        sizes = [d.size_bytes for d in self.item.disks] if self.item is not None else []
        return None if not sizes or None in sizes else sum(s or 0 for s in sizes) / (1 << 30)


@dataclass(frozen=True)
class Server(Subject):
    """A server's own entry and its fabric's. ``verdict`` is what servers/health.py says about it."""

    fabric: Fabric | None = None
    #: The fabric's customDetails, or the server's entry there, as reported by the service.
    told: Json = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)

    def reason(self, *codes: str) -> Refusal | None:
        """The first reason of these codes."""
        return next((r for r in self.verdict.reasons if r.code in codes), None)


@dataclass(frozen=True)
class Gateway(Server):
    """A master target or appliance with its VM, the host that runs it, and what became of its place."""

    server: MasterTarget | None = None
    vm: SiteServer | None = None
    host: SiteHost | None = None
    place: VmPlace | None = None
    exclusion: VmChange | None = None
    #: Disks that are to be attached to it besides those it has.
    wanted_disks: int = 0
    #: VMs of machines that it serves, whose UUIDs must not be its own.
    served: tuple[SiteMachine, ...] = ()
    #: Systems of those machines as the vault tells them, empty where it does not.
    systems: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Processing(Server):
    """A process server. ``outward``: it serves the replication to Azure; ``azure_vm`` its Azure VM."""

    server: ProcessServer | None = None
    outward: bool = False
    azure_vm: Json | None = None
    #: Virtual networks of the machines it serves, and its own, by id in lower case; None where not known.
    networks: frozenset[str] | None = None
    own_network: str | None = None


@dataclass(frozen=True)
class Built(Subject):
    """A server that is built, as its builder has found it. By the name of a rule: whether it was asked, what is against it, and why
    that is not known."""

    asked: frozenset[str] = frozenset()
    against: Mapping[str, Refusal] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuring(Server):
    """A configuration server; ``vm`` is its VM where vCenter shows one of its name."""

    vm: SiteServer | None = None


@dataclass(frozen=True)
class Group(Subject):
    """A consistency group: all its members, those that are chosen, and the servers its members are bound to."""

    members: tuple[Item, ...] = ()
    missing: tuple[str, ...] = ()
    bound: frozenset[str] = frozenset()
