# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading vaults again and again for whoever watches them: pictures for ``failback.report.changes``. It never writes to a vault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..azure.vaults import Vaults
from ..failback.lifecycle.modernized import LIFECYCLE
from ..failback.model.errors import ConnectionFailed, FailbackError, InputError, NotFound
from ..failback.model.items import Item, Json, VaultRef, iso, last_segment
from ..failback.model.jobs import Job
from ..failback.model.servers import Fabric, MasterTarget, ProcessServer
from ..failback.model.shapes import JOB, all_understood
from ..failback.model.texts import clean_all
from ..failback.model.words import is_pattern, name_key, same
from ..failback.report import changes
from ..failback.servers.appliance_health import judge_appliance
from ..failback.servers.fabrics import list_whole
from ..failback.servers.health import judge_alive, judge_configuration_server
from ..failback.wanted.approval import HELD
from ..failback.wanted.order import ALL, Order
from ..failback.wanted.selection import choose, listing
from . import views

Picture = dict[str, Any]
Facts = dict[str, Any]

#: Health errors and errors of jobs are read for at most so many machines and jobs of one reading: lists omit them (SEEN JL).
DETAILS_READ = 20

#: Options that select the machines somebody waits for.
SELECTING = ("machines", "groups", "recovery_plans", "exclude")

#: Reasons of the checks of a server that mean that it does not report.
SILENT = frozenset({"no_heartbeat", "configuration_server_silent"})

#: Refusals that waiting does not cure: a watcher that starts with one ends with its sentence.
FINAL = frozenset({"login_failed", "login_unavailable", "forbidden", "certificate_not_trusted"})


@dataclass
class Watch:
    """The vaults and the machines that somebody waits for. ``params`` are checked options of ``specs.azure`` and ``specs.machines``."""

    vaults: Vaults
    refs: Sequence[VaultRef]
    params: Mapping[str, Any]

    @property
    def order(self) -> Order:
        """The machines that somebody waits for, without words that say nothing."""
        named: dict[str, Any] = {name: tuple(self.params[name]) for name in SELECTING}
        return replace(Order(vaults=tuple(self.refs), route=()), **named)

    def poll(
        self, before: Json | None, report_current: bool = True, first: bool = False
    ) -> tuple[Picture, list[Facts]]:
        """Read every vault; the new picture, and the events that lead to it from ``before``.

        A vault that cannot be read keeps what was known about it and is reported as unreadable. With ``first``, raises
        FailbackError for what waiting does not cure: a vault that is not there, a login that is refused, a name that fits nothing.
        """
        parts: dict[str, Facts] = {}
        items: list[Item] = []
        plans: dict[str, list[Json]] = {}
        for ref in self.refs:
            former = (before or {}).get("vaults", {}).get(ref.key)
            try:
                part, found = self._read(ref)
                if self.params["recovery_plans"]:
                    plans[ref.key] = list(self.vaults.list_recovery_plans(ref))
                items += found
            except FailbackError as exc:
                if first and (isinstance(exc, (InputError, NotFound)) or _final(exc)):
                    raise
                part = _unread(ref, former, exc)
            parts[ref.key] = part
        picture: Picture = {
            "format": changes.FORMAT,
            "seq": int((before or {}).get("seq", 0)) + 1,
            "vaults": parts,
            "selection": self._selection(items, plans, parts, (before or {}).get("selection"), first),
        }
        cleaned: Picture = clean_all(picture)
        events = changes.between(before, cleaned, report_current)
        self._tell_more(events)
        for part in cleaned["vaults"].values():
            if part["readable"]:
                part["jobs"] = changes.remembered(part["jobs"], part["read_at"])
        return cleaned, clean_all(events)

    def _read(self, ref: VaultRef) -> tuple[Facts, list[Item]]:
        items = [Item.parse(data, ref) for data in self.vaults.list_items(ref)]
        fabrics = [Fabric.parse(data, ref) for data in list_whole(self.vaults, ref)]
        jobs = all_understood(self.vaults.list_jobs(ref), JOB) if self.params["jobs"] else []
        now = self.vaults.now
        part = {
            "facts": _facts(ref),
            "readable": True,
            "reason": "",
            "read_at": now.timestamp(),
            "machines": {item.key: _machine(item) for item in items},
            "servers": {server["id"].lower(): server for fabric in fabrics for server in _servers(fabric, now)},
            "jobs": {str(data.get("name")): _job(data, ref) for data in jobs},
        }
        return part, items

    def _selection(
        self,
        items: Sequence[Item],
        plans: Mapping[str, Sequence[Json]],
        parts: Mapping[str, Facts],
        former: Json | None,
        first: bool,
    ) -> Facts | None:
        order = self.order
        if not (order.machines or order.groups or order.recovery_plans):
            return None
        problems: list[str] = []
        keys: list[str] = []
        # A name may be in a vault that cannot be read.
        whole = all(part["readable"] for part in parts.values())
        try:
            choice = choose(order, items, plans)
            keys = [item.key for item in choice.items]
            if choice.gone:
                names = listing(last_segment(gone.id) for gone in choice.gone)
                problems.append(f"The vaults do not list these members of recovery plans: {names}.")
            if not keys:
                problems.append("The selection is empty.")
        except InputError as exc:
            if first and whole:
                raise
            problems.append(exc.message)
        known = {key: machine for part in parts.values() for key, machine in part["machines"].items()}
        chosen = [{**known[key], "chosen_as": word} for key, word in _alone(keys, known).items()]
        words = {name: list(getattr(order, name)) for name in SELECTING if getattr(order, name)}
        return changes.selected(words, chosen, list(parts.values()), problems if whole else (), former)

    def _tell_more(self, events: list[Facts]) -> None:
        """Why machines are in critical health and jobs failed, for the first of them; what cannot be read stays out."""
        asked = 0
        refs = {ref.key: ref for ref in self.refs}
        for event in events:
            if event["kind"] == "machine":
                event["health_errors"] = []
                wanted = "health" in event["changes"] and str(event["health"]).lower() == changes.CRITICAL
            else:
                wanted = event["kind"] == "job" and not event["alive"] and not event["succeeded"]
            if not wanted or asked >= DETAILS_READ:
                continue
            asked += 1
            ref = refs[event["vault_key"]]
            try:
                if event["kind"] == "machine":
                    event["health_errors"] = views.health_errors(
                        Item.parse(self.vaults.get_item(event["item_id"]), ref)
                    )
                else:
                    event["errors"] = views.job_view(self.vaults.get_job(ref, event["job"]), ref.name)["errors"]
            except FailbackError:
                continue


def _final(exc: FailbackError) -> bool:
    return isinstance(exc, ConnectionFailed) and exc.code in FINAL


def _facts(ref: VaultRef) -> Facts:
    return {
        "vault": ref.name,
        "resource_group": ref.resource_group,
        "subscription_id": ref.subscription_id,
        "vault_key": ref.key,
    }


def _unread(ref: VaultRef, former: Json | None, exc: FailbackError) -> Facts:
    known: Facts = dict(former) if former is not None else {"read_at": None, "machines": {}, "servers": {}, "jobs": {}}
    return {**known, "facts": _facts(ref), "readable": False, "reason": exc.sentence()}


def _machine(item: Item) -> Facts:
    view = views.item_view(item, LIFECYCLE)
    return {
        "name": view["name"],
        "vault": view["vault"],
        "vault_key": item.vault.key,
        "item_id": view["item_id"],
        "group": view["group"] or "",
        "os_type": view["os_type"] or "",
        "state": view["position"],
        "health": view["health"],
        "doing": view["doing"],
        "job": view["job"] or "",
    }


def _alone(keys: Sequence[str], known: Mapping[str, Facts]) -> dict[str, str]:
    """For each machine the word that selects it and no other: its name where that is plain and nothing else is called so, or its id."""
    called = Counter(
        name_key(word)
        for machine in known.values()
        for word in dict.fromkeys((machine["name"], last_segment(machine["item_id"]), machine["group"]))
    )
    found = {}
    for key in keys:
        name = str(known[key]["name"])
        plain = not (is_pattern(name) or same(name, ALL, HELD) or set(name) & set("{,\n"))
        found[key] = name if plain and called[name_key(name)] == 1 else str(known[key]["item_id"])
    return found


def _job(data: Json, ref: VaultRef) -> Facts:
    job = Job.parse(data)
    ended = job.end or (None if job.alive else job.start)
    return {
        "job": job.name,
        "vault": ref.name,
        "vault_key": ref.key,
        "scenario": job.scenario,
        "name": str((data.get("properties") or {}).get("targetObjectName") or ""),
        "state": job.state,
        "alive": job.alive or not job.told,
        "succeeded": job.succeeded,
        "start": iso(job.start) or "",
        "end": iso(job.end) or "",
        "ended_at": ended.timestamp() if ended is not None else None,
        "errors": [],
    }


def _servers(fabric: Fabric, now: datetime) -> list[Facts]:
    """The servers of a fabric. ``state`` is lost where it does not report, ``reason`` the sentence why."""

    def server(role: str, name: str, server_id: str, health: str, silent: Sequence[str]) -> Facts:
        return {
            "role": role,
            "name": name,
            "id": server_id,
            "vault": fabric.vault.name,
            "vault_key": fabric.vault.key,
            "state": "lost" if silent else "connected",
            "health": health,
            "reason": silent[0] if silent else "",
        }

    def silence(reasons: Sequence[Any]) -> list[str]:
        return [f"{r.reason} {r.remedy}" for r in reasons if r.code in SILENT]

    if fabric.modernized:
        found = []
        for agent in fabric.master_targets:
            healths = [c.health for c in fabric.components if c.appliance_id == agent.id]
            worst = next((h for word in ("critical", "warning") for h in healths if h.lower() == word), agent.health)
            found.append(
                server(
                    "appliance", agent.name, agent.id, worst, silence(judge_appliance(agent, fabric, now, 0).reasons)
                )
            )
        return found
    if not (fabric.process_servers or fabric.master_targets or fabric.service_status or fabric.heartbeat):
        return []
    lost = judge_configuration_server(fabric, now)
    found = [server("configuration_server", fabric.friendly_name, fabric.id, fabric.health, silence(lost))]
    known: list[tuple[str, ProcessServer | MasterTarget]] = [
        ("process_server", ps) for ps in fabric.process_servers
    ] + [("master_target", t) for t in fabric.master_targets]
    for role, one in known:
        # What the configuration server's own silence says is not said again of each server behind it.
        silent = [r for r in judge_alive(one, fabric, now, role.replace("_", " ")) if r not in lost]
        found.append(server(role, one.name, f"{fabric.id}/{role}/{one.id}", one.health, silence(silent)))
    return found
