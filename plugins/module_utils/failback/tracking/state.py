# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of one slice: the order, the ports, the memory and the items as last read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from ..lifecycle.decide import Decision, Done, Observed, Wait, decide, not_understood
from ..lifecycle.failed_failover import FAILED_FAILOVER, failed_failover, failed_gate
from ..lifecycle.gates import way_on
from ..lifecycle.group import parts as split
from ..lifecycle.group import units
from ..lifecycle.table import FAILOVER_TO_AZURE, NOT_CONFIRMED, Lifecycle, Operation, Position
from ..model.errors import ConnectionFailed, FailbackError, NotFound, ReadFailed
from ..model.items import Item, Json, VaultRef, iso, last_segment, parse_time
from ..model.ports import Clock, SitePort, VaultPort
from ..model.refusal import Refusal
from ..placement.home import Home
from ..proofs.verifications import Verifications
from ..wanted.approval import WAITS, approved_of
from ..wanted.by_machine import value_for
from ..wanted.keyed import check_keys
from ..wanted.order import LATEST, Order, not_confirmed, validate
from ..wanted.refusals import group_split, lost_point, member_gone
from ..wanted.ruling import Judge
from ..wanted.selection import Choice, Gone, choose, ordered
from .cursor import Memory
from .patience import by_name, may_resolve_itself, sit_out
from .track import Track

#: Requests in flight at once.
WORKERS = 8

#: A step that may be sent for a machine.
Due = tuple[Item, Track, Operation]

T = TypeVar("T")
R = TypeVar("R")


class SliceState:
    """Many items on one route, and everything needed to read them.

    It is long because all parts of the engine share this one state: the selected machines, what was read, and which ones wait.
    """

    def __init__(
        self,
        order: Order,
        vaults: VaultPort,
        site: SitePort | None,
        clock: Clock,
        memory: Memory,
        lifecycle: Lifecycle,
        judge: Judge | None = None,
    ) -> None:
        validate(order)
        self.order = order
        self.vaults = vaults
        self.site = site
        self.clock = clock
        self.memory = memory
        self.lifecycle = lifecycle
        #: The rules of readiness, asked right before a step; None: nobody asks them.
        self.judge = judge
        self.policy = order.decision_policy
        self.items: dict[str, Item] = {}
        self.all_items: list[Item] = []
        #: Items read individually because lists do not show their progress.
        self.closer: dict[str, Item] = {}
        #: Machines as their own GET told them, with the service's time of the answer, and when (``clock.monotonic``).
        self.looked_at: dict[str, tuple[float, Item, datetime]] = {}
        #: The service's time of the answer that an item is from, by key: what it lacks then may have come since.
        self.answered: dict[str, datetime] = {}
        #: Entries of the last list and what they are, by id as the service writes it.
        self._entries: dict[str, tuple[Json, Item]] = {}
        #: Machines that could not be read this time, by key; nothing is decided about them.
        self.trouble: dict[str, FailbackError] = {}
        #: When this process last found a machine in trouble, and when it began.
        self._found: dict[str, float] = {}
        self._began = clock.monotonic()
        #: vCenter's data about the machines' locations, by key, as far as it was read.
        self.homes: dict[str, Home] = {}
        #: Whether a machine goes back to its original location, by key, as it was placed.
        self.locations: dict[str, Home] = {}
        #: Bytes of a machine's disks, by key, where known.
        self.sizes: dict[str, int] = {}
        #: The placement of a machine's reprotect home, by key, for the plan.
        self.homeward: dict[str, dict[str, Any]] = {}
        self.verifications = Verifications(order.verifications, order.verification_age)
        self.pool = ThreadPoolExecutor(max_workers=WORKERS)

    def read(self) -> None:
        """One list of each vault; the chosen items out of it.

        A vault that cannot be read lets its own machines wait. Where that is every vault, or where the machines are not
        chosen yet, the error comes out.
        """
        listed: list[Item] = []
        dark: dict[str, FailbackError] = {}
        self.trouble = {}
        for vault in self.order.vaults:
            before = self.vaults.requests.reads
            try:
                found_here = [self.parsed(entry, vault) for entry in self.vaults.list_items(vault)]
                self.answered.update(dict.fromkeys((item.key for item in found_here), self.now))
                listed += found_here
            except (ReadFailed, ConnectionFailed) as exc:
                begins = not self.memory.tracks and self.may_hold(vault)
                if begins or len(dark) + 1 == len(self.order.vaults):
                    raise
                dark[vault.key] = exc
            self.count_reads(self.vaults.requests.reads - before)
        self.all_items = [i for i in listed if i.odd or self.lifecycle.generation(i) is not None]
        first = not self.memory.tracks
        if first:
            self.choose(listed)
        by_key = {item.key: item for item in listed}
        for key, track in self.memory.tracks.items():
            found = by_key.get(key)
            if found is not None and (first or track.ended or not found.odd):
                self.items[key] = found
                self.measure(found)
                track.remember(found)
            elif track.ended:
                continue
            elif (error := dark.get(self._vault_of(key).key)) is not None:
                self.wait_for(key, error, dark=True)
            elif found is not None:
                self.wait_for(key, _unclear(found))
            else:
                self.look_for(key, track)

    def parsed(self, entry: Json, vault: VaultRef) -> Item:
        """A list's entry as an item; one that has not changed since the last read is not parsed again."""
        name = str(entry.get("id") or "")
        known = self._entries.get(name)
        if known is None or known[0] != entry or known[1].vault is not vault:
            known = self._entries[name] = (entry, Item.parse(entry, vault))
        return known[1]

    def may_hold(self, vault: VaultRef) -> bool:
        """Whether a vault may hold the selected machines. A later stage of a chain names every machine by its id."""
        order = self.order
        named = [word.strip().lower() for word in order.machines]
        sure = named and not (order.groups or order.recovery_plans or order.exclude)
        return not (sure and all(w.startswith("/subscriptions/") and not w.startswith(f"{vault.key}/") for w in named))

    def calm(self) -> None:
        """A read has ended: a machine that could be read has its whole time limit again."""
        for key, track in self.memory.tracks.items():
            if key not in self.trouble:
                track.calm()

    def wait_for(self, key: str, error: FailbackError, dark: bool = False) -> None:
        """One machine cannot be read, or lacks what its next step needs: only it waits, up to the time limit.

        A permanent error ends it at once, unless its whole vault is ``dark``: that is not the machine's fault.
        """
        if key in self.trouble:
            return
        now = self.clock.monotonic()
        track = self.memory.tracks[key]
        if key in self.items:
            by_name(error, self.items[key])
        self.trouble[key] = error
        if self.order.check or not (dark or may_resolve_itself(error)):
            track.end("failed", Refusal.of(error))
            return
        sit_out(track, error, None if track.troubled is None else now - self._found.get(key, self._began))
        self._found[key] = now

    def fetch(self, item: Item) -> Item:
        """The machine from its own GET. Raises ReadFailed or ConnectionFailed, also where the answer is not understood."""
        try:
            fresh = Item.parse(self.vaults.get_item(item.id), item.vault)
        except (ReadFailed, ConnectionFailed) as exc:
            raise by_name(exc, item) from exc
        if fresh.odd:
            raise _unclear(fresh)
        self.measure(fresh)
        self.answered[fresh.key] = self.now
        self.looked_at[fresh.key] = (self.clock.monotonic(), fresh, self.answered[fresh.key])
        return fresh

    def refresh(self, item: Item) -> Item:
        """The machine from its own GET, because lists lag; as it was listed where that GET fails."""
        try:
            self.items[item.key] = self.fetch(item)
        except (ReadFailed, ConnectionFailed):
            return item
        return self.items[item.key]

    def measure(self, item: Item) -> None:
        """Keep the size of a machine if an answer has the size of every disk."""
        sizes = [disk.size_bytes for disk in item.disks]
        if sizes and None not in sizes:
            self.sizes[item.key] = sum(size or 0 for size in sizes)

    def with_system(self, item: Item) -> Item:
        """The machine with its operating system, if this run knows it and the answer lacks it."""
        track = self.memory.tracks.get(item.key)
        return replace(item, os_type=track.system) if track and track.system and not item.os_type else item

    def point_for(self, item: Item) -> str:
        """The requested recovery point of one machine."""
        return value_for(self.with_system(item), self.order.recovery_point) or LATEST

    def choose(self, listed: Sequence[Item]) -> None:
        plans: dict[str, list[Json]] = {}
        if self.order.recovery_plans or not (self.order.machines or self.order.groups):
            for vault in self.order.vaults:
                plans[vault.key] = self.vaults.list_recovery_plans(vault)
                self.count_reads(1)
        choice = choose(self.order, listed, plans, lambda item: bool(item.odd or self.lifecycle.generation(item)))
        absent = self.find_gone(choice)
        check_keys(self.order, listed, choice.items)
        self.memory.notes = [{"message": text} for text in dict.fromkeys(choice.notes)]
        bound = units(listed)
        moves = {item.key for item in choice.items if self.lifecycle.generation(item) is not None}
        parts = split(listed, bound, moves)
        if parts and not self.order.split_groups:
            raise group_split(parts.values())
        before = {item.key: self.lifecycle.standing(item, self.order.route) for item in choice.items}
        waiting = {key for key, stands in before.items() if stands in WAITS}
        approved = approved_of(self.order.approved, choice.items, waiting)
        self.stop_unconfirmed(choice.items)
        for item in choice.items:
            track = self.memory.tracks[item.key] = Track(
                name=item.friendly_name,
                key=item.key,
                group=item.group or "",
                unit=bound.get(item.key, "") if item.key in moves else "",
                before=before[item.key],
                system=item.os_type or "",
                since=iso(self.now) or "",
                approved=item.key in approved,
            )
            if track.unit in parts and not isinstance(self.decision(item, track), Done):
                track.warn(lost_point(parts[track.unit]))
        for member, refusal in absent:
            key = member.id.lower()
            self.memory.tracks[key] = Track(name=last_segment(member.id), key=key, before="unknown", after="unknown")
            self.memory.tracks[key].end("refused", refusal)

    def find_gone(self, choice: Choice) -> list[tuple[Gone, Refusal]]:
        """Look for plan members that are not listed, each with its own GET: only that can prove that one is gone."""

        def read(member: Gone) -> Item | Refusal:
            vault = next(v for v in self.order.vaults if v.key == member.vault)
            if not member.id.lower().startswith(f"{vault.key}/"):
                return member_gone(member)
            try:
                return Item.parse(self.vaults.get_item(member.id), vault)
            except NotFound:
                return member_gone(member)
            except FailbackError as exc:
                return Refusal(exc.code, f"A member of the recovery plan {member.plan!r}: {exc.message}", exc.remedy)

        found = list(zip(choice.gone, self.spread(read, choice.gone), strict=True))
        self.count_reads(len(found))
        late = [answer for _member, answer in found if isinstance(answer, Item)]
        if late:
            choice.items = ordered({i.key: i for i in [*choice.items, *late]}.values())
            self.items.update({i.key: i for i in late})
        return [(member, answer) for member, answer in found if isinstance(answer, Refusal)]

    def stop_unconfirmed(self, chosen: Sequence[Item]) -> None:
        """Refuse the order if every machine would need a failover to Azure that was not confirmed."""
        if FAILOVER_TO_AZURE not in self.order.route or self.order.confirm_failover_to_azure:
            return
        ways = [decide(Observed(i, self.now), self.order.route, self.lifecycle, self.policy) for i in chosen]
        if ways and all(isinstance(way, Refusal) and way.code == NOT_CONFIRMED for way in ways):
            raise not_confirmed()

    def look_for(self, key: str, track: Track) -> None:
        """A selected machine is missing from the list: only its own GET can prove that it is gone."""
        known = self.items.get(key)
        try:
            found = Item.parse(self.vaults.get_item(key if known is None else known.id), self._vault_of(key))
            if found.odd:
                self.wait_for(key, _unclear(found))
            else:
                self.items[key] = found
        except NotFound:
            track.end(
                "failed",
                Refusal(
                    "item_gone",
                    "The replicated item is no longer in the vault.",
                    "Check the vault's jobs to see who removed it. A machine without replication cannot be failed back.",
                ),
            )
        except (ReadFailed, ConnectionFailed) as exc:
            exc.message = exc.message.replace(f"'{last_segment(key)}'", f"'{track.name}'")
            self.wait_for(key, exc)

    def vault_name(self, key: str) -> str:
        """Name of the vault of a replicated item's key."""
        return self._vault_of(key).name

    def _vault_of(self, key: str) -> VaultRef:
        for vault in self.order.vaults:
            if key.startswith(vault.key + "/"):
                return vault
        return self.order.vaults[0]

    def count_reads(self, number: int) -> None:
        """Reads that belong to the floor: lists, verdicts, lists of points."""
        self.memory.floor.reads += number

    def spread(self, work: Callable[[T], R], over: Sequence[T]) -> list[R]:
        """Side by side, in order."""
        return list(self.pool.map(work, over))

    @property
    def now(self) -> datetime:
        return self.vaults.now

    def open_tracks(self) -> list[tuple[Item, Track]]:
        return [
            (self.items[key], track)
            for key, track in self.memory.tracks.items()
            if not track.ended and key in self.items and key not in self.trouble
        ]

    def clear(self, due: list[Due]) -> list[Due]:
        """Those that have not ended in the meantime and lack nothing they need."""
        return [entry for entry in due if not entry[1].ended and entry[0].key not in self.trouble]

    def observed(self, item: Item, track: Track) -> Observed:
        """A machine as this run knows it."""
        return Observed(
            item,
            self.answered.get(item.key, self.now),
            job=track.job or None,
            arrived=Position(track.arrived) if track.arrived else None,
            since=parse_time(track.since),
            approved=track.approved,
        )

    def decision(self, item: Item, track: Track) -> Decision:
        """What to do with a machine next. One that waits for a synchronisation after a failover home that failed would wait for
        ever; where this run tried that failover itself, it knows better (classic: SEEN protectionState)."""
        found = decide(self.observed(item, track), self.order.route, self.lifecycle, self.policy)
        words = failed_failover(item) if isinstance(found, Wait) and item.instance_type == "InMage" else ""
        if not words or track.attempts or track.steps or self.order.accept.get(FAILED_FAILOVER):
            return found
        if self.lifecycle.running(item) is not None:
            return found
        gate = failed_gate(words, None)
        return Refusal(gate.code, gate.reason, way_on([gate]))


def _unclear(item: Item) -> ReadFailed:
    """An item whose entry is not understood, as an answer that cannot be trusted."""
    refusal = not_understood(item)
    return ReadFailed(refusal.code, refusal.reason, refusal.remedy)
