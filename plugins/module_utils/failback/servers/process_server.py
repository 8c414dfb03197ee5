# SPDX-License-Identifier: GPL-3.0-or-later
"""Process servers: found, registered and healthy, and machines moved from one to another. One slice per call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..lifecycle.modernized import LIFECYCLE
from ..model.errors import InputError, certain
from ..model.items import Item, VaultRef, iso
from ..model.ports import Clock
from ..model.refusal import Advice, Refusal
from ..model.server_ports import ServerVaultPort
from ..model.servers import Fabric, ProcessServer
from ..wanted.order import without_blanks
from ..wanted.refusals import selection_messages
from ..wanted.selection import excluded
from .appliance_health import judge_appliance
from .appliance_move import ApplianceMover
from .by_name import find_server, not_found
from .chosen import chosen
from .entries import entry_of, settle, warning
from .fabrics import serving
from .health import Verdict, judge_process_server
from .reassign import Mover, Pair
from .server_slice import ServerSlice

READY, REGISTERED = "ready", "registered"

#: Providers whose machines use a process server of a classic vault.
CLASSIC_PROVIDERS = frozenset({"InMageAzureV2", "InMage"})


@dataclass(frozen=True)
class ProcessServerOrder:
    """What is wanted. ``name`` empty means every process server of the vaults. Times are seconds."""

    vaults: tuple[VaultRef, ...]
    name: str | None = None
    state: str = READY
    move_machines_from: str | None = None
    machines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    recovery_plans: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    refresh: bool = False
    await_registration: bool = False
    ready_timeout: float = 1200.0
    wait: bool = True
    poll_interval: float | None = None
    slice_seconds: float = 25.0
    check: bool = False
    #: Rule of readiness about a deployment -> why it may be passed.
    accept: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = bool(self.machines or self.groups or self.recovery_plans)
        without_blanks(self, ("machines", "groups", "recovery_plans", "exclude"))
        if given and not self.chooses_machines:
            # Left out they mean every machine of the server, and a blank word must not.
            raise InputError(
                "no_machines",
                "'{option:machines}', '{option:groups}' and '{option:recovery_plans}' are set but empty.",
                "List the machines, or omit the options to select every machine of the process server.",
            )

    @property
    def chooses_machines(self) -> bool:
        return bool(self.machines or self.groups or self.recovery_plans)

    @property
    def narrows(self) -> bool:
        """Whether some machines of the old server are not meant."""
        return self.chooses_machines or bool(self.exclude)


@dataclass(frozen=True)
class WantedServer:
    """A process server as last seen, or one still unknown to the vault (``server`` is None)."""

    wanted: str
    fabric: Fabric | None = None
    server: ProcessServer | None = None
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def name(self) -> str:
        return self.server.name if self.server else self.wanted


def ensure_process_server(
    order: ProcessServerOrder, vaults: ServerVaultPort, clock: Clock, cursor: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One slice. Raises InputError before anything is written when the order cannot be carried out at all."""
    if order.move_machines_from and not order.name:
        raise InputError(
            "process_server_missing",
            f"move_machines_from={order.move_machines_from!r} is set, but '{{option:name}}' is not.",
            "Set '{option:name}' to the process server the machines should move to.",
        )
    if order.chooses_machines and not order.move_machines_from:
        raise InputError(
            "move_source_missing",
            "Machines are selected, but `move_machines_from` is not set.",
            "Set `move_machines_from` to the process server they use, or select no machines.",
        )
    return ProcessServers(order, vaults, clock, dict(cursor or {})).run()


#: The result of one read: the servers, and the entries of the result.
Seen = tuple[list[WantedServer], list[dict[str, Any]]]


class ProcessServers(ServerSlice[Seen]):
    order: ProcessServerOrder

    def __init__(
        self, order: ProcessServerOrder, vaults: ServerVaultPort, clock: Clock, cursor: dict[str, Any]
    ) -> None:
        super().__init__(order, vaults, clock, cursor)
        self.known: list[tuple[Fabric, ProcessServer]] = []
        self.mover = Mover(vaults, self.cursor, settle_seconds=order.ready_timeout, check=order.check)
        self.appliance_mover = ApplianceMover(
            vaults, self.cursor, settle_seconds=order.ready_timeout, check=order.check
        )
        #: Notes about the selection of machines.
        self.notes: list[str] = []

    def look(self) -> Seen:
        servers = self.servers()
        if self.order.refresh and not self.order.check:
            self.refresh(servers)
        entries = [self.server_entry(s) for s in servers]
        ready = all(e["done"] not in ("refused", "waiting") for e in entries)
        if self.order.move_machines_from:
            entries += self.move(servers[0], ready)
        return servers, entries

    def rests(self, seen: Seen) -> bool:
        return self.order.check or not self.order.wait or all(e["done"] != "waiting" for e in seen[1])

    # reading

    def servers(self) -> list[WantedServer]:
        self.known = [(f, s) for f in serving(self.vaults, self.order.vaults) for s in f.process_servers]
        if not self.order.name:
            if not self.known:
                raise InputError(
                    "process_server_not_found",
                    "No process server is registered with the vaults.",
                    "Deploy one and register it with the configuration server first.",
                )
            return [self.judge(s.name, f, s) for f, s in self.known]
        found = find_server(self.order.name, self.known, "process server", "name")
        if found is None and not self.order.await_registration:
            raise not_found(self.order.name, self.known, "process server", "name")
        return [self.judge(self.order.name, *(found or (None, None)))]

    def judge(self, wanted: str, fabric: Fabric | None, server: ProcessServer | None) -> WantedServer:
        if fabric is None or server is None:
            missing = Refusal(
                "not_registered",
                f"The process server {wanted} has not registered with the vaults yet.",
                "It appears 10 to 15 minutes after its registration, or sooner with `{set:refresh=true}`.",
                waits=True,
            )
            return WantedServer(wanted, verdict=Verdict((missing,)))
        verdict = self.verdict(fabric, server)
        if self.order.state == REGISTERED:
            verdict = Verdict((), verdict.warnings + tuple(Advice(r.reason) for r in verdict.reasons))
        return WantedServer(wanted, fabric, server, verdict)

    def verdict(self, fabric: Fabric, server: ProcessServer) -> Verdict:
        """A process server alone; one of an appliance by the whole appliance."""
        agent = next((t for t in fabric.master_targets if t.appliance and t.id == server.id), None)
        if agent is not None:
            return judge_appliance(agent, fabric, self.vaults.now, held=0)
        return judge_process_server(server, fabric, self.vaults.now)

    def refresh(self, servers: Sequence[WantedServer]) -> None:
        """Once per run: the servers' own configuration servers, or all of them while the server is not known."""
        concerned = [s.fabric for s in servers if s.fabric is not None]
        self.refresh_once(concerned or [f for f, _server in self.known])

    # moving

    def move(self, server: WantedServer, ready: bool) -> list[dict[str, Any]]:
        """Move what is still on the old server; entries for all machines concerned."""
        if server.server is None or server.fabric is None:
            return []
        old = certain(self.order.move_machines_from)
        here = [(f, s) for f, s in self.known if f.key == server.fabric.key]
        found = find_server(old, here, "process server", "move_machines_from")
        if found is None:
            raise not_found(old, here, "process server", "move_machines_from")
        pair = Pair(server.fabric, found[1], server.server)
        obstacle = None if ready else _target_not_ready(server)
        if server.fabric.modernized:
            self.mover = self.appliance_mover
        return self.mover.entries(pair, self.chosen(server.fabric), obstacle, narrowed=self.order.narrows)

    def chosen(self, fabric: Fabric) -> list[Item]:
        """The machines of the configuration server that are meant."""
        items = [Item.parse(data, fabric.vault) for data in self.vaults.list_items(fabric.vault)]
        items = [i for i in items if LIFECYCLE.generation(i) and i.fabric_id.lower() == fabric.key]
        if not self.order.chooses_machines:
            left_out = excluded(self.order.exclude, items)
            return [i for i in items if i.key not in left_out]
        choice = chosen(self.order, self.vaults, items, (fabric.vault,))
        self.notes = selection_messages(choice)
        return choice.items

    # checks

    def server_entry(self, server: WantedServer) -> dict[str, Any]:
        word = "ready" if server.verdict.ready else f"not ready: {', '.join(r.code for r in server.verdict.reasons)}"
        before = self.before(f"server {server.name}", word)
        entry = entry_of(server.name, "process_server", server.fabric.vault.name if server.fabric else "", before, word)
        entry["warnings"] = [warning(text) for text in server.verdict.told]
        return settle(entry, (), server.verdict.worst, self.timed_out())

    def result(self, seen: Seen) -> dict[str, Any]:
        servers, entries = seen
        return self.shaped(
            entries,
            self.sent + self.mover.sent,
            len(self.order.vaults),
            process_servers=[self.facts(s) for s in servers],
            plan=self.mover.plan,
            **({"warnings": self.notes} if self.notes else {}),
        )

    def facts(self, entry: WantedServer) -> dict[str, Any]:
        """Everything known of one process server, as plain data."""
        server = entry.server
        beat = server.heartbeat if server else None
        return {
            "name": entry.name,
            "vault": entry.fabric.vault.name if entry.fabric else "",
            "configuration_server": entry.fabric.friendly_name if entry.fabric else "",
            "registered": server is not None,
            "ready": entry.verdict.ready,
            "reasons": [r.result() for r in entry.verdict.reasons],
            "warnings": entry.verdict.told,
            "id": server.id if server else "",
            "ip": server.ip if server else "",
            "version": server.version if server else "",
            "version_status": server.version_status if server else "",
            "service_status": server.service_status if server else "",
            "health": server.health if server else "",
            "heartbeat": iso(beat),
            "heartbeat_age_seconds": None if beat is None else int((self.vaults.now - beat).total_seconds()),
            "machine_count": server.machine_count if server else 0,
        }


def _target_not_ready(server: WantedServer) -> Refusal:
    worst = server.verdict.worst
    return Refusal(
        "target_not_ready",
        f"The process server {server.name} is not ready, so no machines are moved to it.",
        worst.remedy if worst else "",
        waits=bool(worst and worst.waits),
    )
