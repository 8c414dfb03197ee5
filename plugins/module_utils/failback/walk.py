# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""The state of one slice: the order, the ports, the memory and the items as last read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from .decide import Decision, Done, Observed, Refuse, decide
from .errors import FailbackError, NotFound
from .group import parts as split
from .group import units
from .items import Item, Json, VaultRef, iso, last_segment, parse_time
from .lifecycle import Lifecycle, Position, Step
from .memory import Memory, Track
from .order import Order, validate
from .ports import Clock, SitePort, VaultPort
from .refusals import group_split, lost_point, member_gone
from .selection import Choice, Gone, choose, ordered

#: Requests in flight at once.
WORKERS = 8

T = TypeVar("T")
R = TypeVar("R")


class Walk:
    """Many items on one route, and everything needed to look at them."""

    def __init__(
        self,
        order: Order,
        vaults: VaultPort,
        site: SitePort | None,
        clock: Clock,
        memory: Memory,
        lifecycle: Lifecycle,
    ) -> None:
        validate(order)
        self.order = order
        self.vaults = vaults
        self.site = site
        self.clock = clock
        self.memory = memory
        self.lifecycle = lifecycle
        self.policy = order.decision_policy
        self.items: dict[str, Item] = {}
        self.all_items: list[Item] = []
        #: Items read by themselves because lists do not tell how far they are.
        self.closer: dict[str, Item] = {}
        self.pool = ThreadPoolExecutor(max_workers=WORKERS)

    def read(self) -> None:
        """One list of each vault; the chosen items out of it."""
        listed: list[Item] = []
        for vault in self.order.vaults:
            before = self.vaults.requests.reads
            listed.extend(Item.parse(entry, vault) for entry in self.vaults.list_items(vault))
            self.count_reads(self.vaults.requests.reads - before)
        self.all_items = [i for i in listed if self.lifecycle.generation(i) is not None]
        if not self.memory.tracks:
            self.choose(listed)
        by_key = {item.key: item for item in listed}
        for key, track in self.memory.tracks.items():
            found = by_key.get(key)
            if found is not None:
                self.items[key] = found
            elif not track.ended:
                self.look_for(key, track)

    def choose(self, listed: Sequence[Item]) -> None:
        plans: dict[str, list[Json]] = {}
        if self.order.recovery_plans or not (self.order.machines or self.order.groups):
            for vault in self.order.vaults:
                plans[vault.key] = self.vaults.list_recovery_plans(vault)
                self.count_reads(1)
        choice = choose(self.order, listed, plans, lambda item: self.lifecycle.generation(item) is not None)
        absent = self.find_gone(choice)
        self.memory.notes = [{"message": text} for text in dict.fromkeys(choice.notes)]
        bound = units(listed)
        moves = {item.key for item in choice.items if self.lifecycle.generation(item) is not None}
        parts = split(listed, bound, moves)
        if parts and not self.order.split_groups:
            raise group_split(parts.values())
        for item in choice.items:
            track = self.memory.tracks[item.key] = Track(
                name=item.friendly_name,
                key=item.key,
                group=item.group or "",
                unit=bound.get(item.key, "") if item.key in moves else "",
                before=self.lifecycle.standing(item, self.order.route),
                system=item.os_type or "",
                since=iso(self.now) or "",
            )
            if track.unit in parts and not isinstance(self.decision(item, track), Done):
                track.warnings.append(lost_point(parts[track.unit]))
        for member, refusal in absent:
            key = member.id.lower()
            self.memory.tracks[key] = Track(name=last_segment(member.id), key=key, before="unknown", after="unknown")
            self.memory.tracks[key].end("refused", refusal.code, refusal.reason, refusal.remedy)

    def find_gone(self, choice: Choice) -> list[tuple[Gone, Refuse]]:
        """Look for plan members that are not listed, each by itself: only its own GET can say that one is gone (P6)."""

        def read(member: Gone) -> Item | Refuse:
            vault = next(v for v in self.order.vaults if v.key == member.vault)
            if not member.id.lower().startswith(f"{vault.key}/"):
                return member_gone(member)
            try:
                return Item.parse(self.vaults.get_item(member.id), vault)
            except NotFound:
                return member_gone(member)
            except FailbackError as exc:
                return Refuse(exc.code, f"A member of the recovery plan {member.plan!r}: {exc.message}", exc.remedy)

        found = list(zip(choice.gone, self.spread(read, choice.gone), strict=True))
        self.count_reads(len(found))
        late = [answer for _member, answer in found if isinstance(answer, Item)]
        if late:
            choice.items = ordered({i.key: i for i in [*choice.items, *late]}.values())
            self.items.update({i.key: i for i in late})
        return [(member, answer) for member, answer in found if isinstance(answer, Refuse)]

    def look_for(self, key: str, track: Track) -> None:
        """A chosen machine is missing from the list: only its own GET can say that it is gone (promise P6)."""
        known = self.items.get(key)
        try:
            vault = known.vault if known else self._vault_of(key)
            self.items[key] = Item.parse(self.vaults.get_item(key if known is None else known.id), vault)
        except NotFound:
            track.end(
                "failed",
                "item_gone",
                "The replicated item is no longer in the vault.",
                "Look into the vault's jobs for who removed it; a machine without replication cannot be brought home.",
            )

    def vault_name(self, key: str) -> str:
        """Name of the vault that a replicated item's key lies in."""
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
            if not track.ended and key in self.items
        ]

    def observed(self, item: Item, track: Track) -> Observed:
        """A machine as this run knows it."""
        return Observed(
            item,
            self.now,
            job=track.job or None,
            arrived=Position(track.arrived) if track.arrived else None,
            since=parse_time(track.since),
        )

    def decision(self, item: Item, track: Track) -> Decision:
        return decide(self.observed(item, track), self.order.route, self.lifecycle, self.policy)


def held_words(step: Step, order: Order) -> tuple[str, str, str]:
    """Code, reason and remedy of a machine that waits for a person before its commit."""
    if step.leg.endswith("_onprem"):
        look = "Look at it on-premises: is it powered on, does it answer, is its data right, has it its address? The commit deletes the Azure VM for good."
    else:
        look = "Look at it in Azure: does it run, does it answer, is its data right? The commit drops all other recovery points."
    command = order.continue_command or "run the same command again with asr_commit_when=verified"
    return "commit_held", "The machine waits for your word before the commit.", f"{look} Then go on: {command}"
