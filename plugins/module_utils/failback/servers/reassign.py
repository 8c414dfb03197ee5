# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving machines from one process server to another (ReplicationFabrics_ReassociateGateway).

A move is one request per configuration server and container. Machines on the new server already are left out. Before a
request leaves, the vault is asked for a move that runs: after a lost reply or a kill it is joined, not sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..model.errors import NotFound, Rejected, Unknown
from ..model.items import Item, Json, iso, last_segment, parse_time
from ..model.jobs import Job
from ..model.refusal import Refusal
from ..model.server_ports import ServerVaultPort
from ..model.servers import Fabric, ProcessServer
from .entries import entry_of, settle

#: Moves everything (vmsToMigrate left out) or the machines named (SPEC example, SEEN PS).
SYSTEM_LEVEL, SERVER_LEVEL = "SystemLevel", "ServerLevel"

#: Parts of the scenario name of a job that changes process servers. The name itself is not recorded anywhere (INFER).
SCENARIO_PARTS = ("processserver", "gateway")

#: Service seconds until a request whose reply was lost must show as a job, if it was accepted. Lists lag (SEEN RCM).
UNSURE_SECONDS = 120.0


@dataclass(frozen=True)
class Pair:
    """From which process server to which, on one configuration server."""

    fabric: Fabric
    source: ProcessServer
    target: ProcessServer


@dataclass(frozen=True)
class ReassignRequest:
    """Machines of one container that go in one request."""

    operation = "reassociateGateway"

    pair: Pair
    container: str
    items: tuple[Item, ...]
    whole: bool

    @property
    def resource_id(self) -> str:
        return self.pair.fabric.id

    @property
    def key(self) -> str:
        return f"{self.container}:{self.pair.source.id}:{self.pair.target.id}".lower()

    @property
    def body(self) -> Json:
        """The request as published and recorded. Machines are named by their protectable item's name: the last segment
        of protectableItemId, as the service's own PowerShell client does (the published example shows bare names)."""
        properties: dict[str, Any] = {
            "containerName": self.container,
            "sourceProcessServerId": self.pair.source.id,
            "targetProcessServerId": self.pair.target.id,
            "updateType": SYSTEM_LEVEL if self.whole else SERVER_LEVEL,
        }
        if not self.whole:
            properties["vmsToMigrate"] = [
                last_segment(i.properties.get("protectableItemId")) or i.name for i in self.items
            ]
        return {"properties": properties}


def process_server_id(item: Item) -> str:
    """The process server an item uses, lower case; empty where the answer omits it (lists, SEEN FB)."""
    return str(item.details.get("processServerId") or "").lower()


class Mover:
    """Sends moves and follows them. Its state is in ``cursor``; losing that only costs reads."""

    def __init__(self, vaults: ServerVaultPort, cursor: dict[str, Any], settle_seconds: float, check: bool) -> None:
        self.vaults = vaults
        self.cursor = cursor
        self.settle_seconds = settle_seconds
        self.check = check
        self.sent = 0
        self.plan: list[dict[str, Any]] = []

    def entries(
        self, pair: Pair, items: Sequence[Item], obstacle: Refusal | None, narrowed: bool
    ) -> list[dict[str, Any]]:
        """The state of every machine, after moving what is still on the old server.

        ``obstacle`` keeps machines from being sent. Where nothing narrows the choice (``narrowed``), machines on a third
        server are none of ours.
        """
        names = {s.id.lower(): s.name for s in pair.fabric.process_servers}
        listed, going = [], []
        for item in [self.whole(pair, i) for i in items]:
            at = process_server_id(item)
            now = names.get(at, at or "unknown")
            if at not in (pair.source.id.lower(), pair.target.id.lower()) and not narrowed:
                continue
            entry = entry_of(item.friendly_name, "machine", item.vault.name, now, now)
            entry["before"] = self.cursor.setdefault("before", {}).setdefault(item.name, now)
            entry["changed"] = item.name in self.cursor.get("moved", [])
            listed.append(entry)
            if at == pair.target.id.lower():
                settle(entry, (), None, late=True)
            elif at != pair.source.id.lower():
                settle(entry, (), _elsewhere(item, pair.source, now), late=True)
            elif obstacle is not None:
                settle(entry, (), obstacle, late=False)
            else:
                going.append((item, entry))
        self.carry_all(pair, going, narrowed)
        return listed

    def carry_all(self, pair: Pair, going: Sequence[tuple[Item, dict[str, Any]]], narrowed: bool) -> None:
        """One move for the machines of each container."""
        containers: dict[str, list[tuple[Item, dict[str, Any]]]] = {}
        for item, entry in going:
            containers.setdefault(last_segment(item.container_id), []).append((item, entry))
        for container, group in sorted(containers.items()):
            self.carry(
                ReassignRequest(pair, container, tuple(i for i, _entry in group), not narrowed),
                [e for _item, e in group],
            )

    def whole(self, pair: Pair, item: Item) -> Item:
        """The item with its process server known. List entries of machines being failed back do not report it (SEEN FB):
        they are read individually, but not again while their move runs."""
        if process_server_id(item):
            return item
        if item.name in self.cursor.get("moved", []) and self.job_alive(pair, item):
            details = {**item.details, "processServerId": pair.source.id}
            return Item.parse(
                {
                    "id": item.id,
                    "name": item.name,
                    "properties": {**item.properties, "providerSpecificDetails": details},
                },
                item.vault,
            )
        return Item.parse(self.vaults.get_item(item.id), item.vault)

    def job_alive(self, pair: Pair, item: Item) -> bool:
        key = ReassignRequest(pair, last_segment(item.container_id), (), True).key
        return bool(self.cursor.get("alive", {}).get(key))

    def carry(self, move: ReassignRequest, entries: Sequence[dict[str, Any]]) -> None:
        """Send a move, or join the one that runs; fills in the machines' entries."""
        if self.check:
            for entry, item in zip(entries, move.items, strict=True):
                entry.update(done="started", changed=True, after=move.pair.target.name)
                self.plan.append(
                    {
                        "machine": item.friendly_name,
                        "vault": item.vault.name,
                        "operation": move.operation,
                        "body": move.body,
                    }
                )
            return
        reason = self.follow(move) or self.send(move)
        self.cursor.setdefault("alive", {})[move.key] = reason.code == "moving"
        for entry, item in zip(entries, move.items, strict=True):
            entry["changed"] = item.name in self.cursor.get("moved", [])
            entry["job"] = self.cursor.get("jobs", {}).get(move.key, "")
            settle(entry, (), reason, late=False)

    def follow(self, move: ReassignRequest) -> Refusal | None:
        """What came of a move sent before: it runs, it has ended and does not show yet, or it failed. None: send it."""
        jobs = self.cursor.setdefault("jobs", {})
        if move.key not in jobs:
            running = self.running(move)
            if running is None:
                return _moving(move) if self.unsure(move) else None
            jobs[move.key] = running
            self.claim(move)
        try:
            job = Job.parse(self.vaults.get_job(move.pair.fabric.vault, jobs[move.key]))
        except NotFound:
            return _moving(move)
        if job.alive:
            return _moving(move)
        if job.succeeded:
            return self.settling(move)
        said = "; ".join(f"{p.code} {p.message}".strip() for p in job.errors)
        advice = " ".join(p.action for p in job.errors if p.action)
        return Refusal(
            "move_failed",
            f"The move to {move.pair.target.name} ended as {job.state}{': ' + said if said else ''}.",
            advice or "Check the job in the vault, fix the cause and rerun.",
        )

    def settling(self, move: ReassignRequest) -> Refusal:
        """A move that is done shows after up to 15 minutes, or a refresh (DOC PSMG)."""
        since = parse_time(self.cursor.setdefault("moved_at", {}).setdefault(move.key, iso(self.vaults.now)))
        if since is None or (self.vaults.now - since).total_seconds() <= self.settle_seconds:
            return Refusal(
                "settling",
                f"Moved to {move.pair.target.name}; the vault does not list it yet.",
                "It appears after up to 15 minutes, or sooner with `{set:refresh=true}`.",
                waits=True,
            )
        return Refusal(
            "move_not_listed",
            f"The vault reports the move to {move.pair.target.name} as done, "
            f"but the machine is still on {move.pair.source.name}.",
            "Rerun with `{set:refresh=true}`. If it still is, check the job in the vault.",
        )

    def running(self, move: ReassignRequest) -> str | None:
        """A running job of the vault that moves machines between process servers of this configuration server."""
        for data in self.vaults.list_jobs(move.pair.fabric.vault):
            job = Job.parse(data)
            if job.alive and any(part in job.scenario.lower() for part in SCENARIO_PARTS):
                return job.name
        return None

    def unsure(self, move: ReassignRequest) -> bool:
        """Whether a request whose reply was lost may still have been accepted."""
        since = parse_time(self.cursor.get("unsure", {}).get(move.key))
        return since is not None and (self.vaults.now - since).total_seconds() <= UNSURE_SECONDS

    def claim(self, move: ReassignRequest) -> None:
        moved = self.cursor.setdefault("moved", [])
        moved.extend(i.name for i in move.items if i.name not in moved)

    def send(self, move: ReassignRequest) -> Refusal:
        """Send the request once."""
        self.sent += 1
        try:
            sent = self.vaults.act(move.resource_id, move.operation, move.body)
        except Rejected as refusal:
            return Refusal(
                "move_refused",
                f"The vault refused the move to {move.pair.target.name}: {refusal.message}",
                refusal.remedy or "Fix the cause and rerun.",
            )
        except Unknown:
            self.cursor.setdefault("unsure", {})[move.key] = iso(self.vaults.now)
            return _moving(move)
        self.cursor["jobs"][move.key] = sent.job
        self.claim(move)
        return _moving(move)


def _moving(move: ReassignRequest) -> Refusal:
    return Refusal(
        "moving", f"Moving from {move.pair.source.name} to {move.pair.target.name}.", "Wait for it.", waits=True
    )


def _elsewhere(item: Item, source: ProcessServer, at: str) -> Refusal:
    return Refusal(
        "not_on_source",
        f"{item.friendly_name} uses the process server {at}, not {source.name} (`move_machines_from`).",
        f"Set `move_machines_from` to {at}, or leave the machine out.",
    )
