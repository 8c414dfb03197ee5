# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""The state of one slice: the order, the ports, the memory and the items as last read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from .decide import Decision, Observed, decide
from .errors import NotFound
from .group import units
from .items import Item, Json, VaultRef, iso, parse_time
from .lifecycle import Lifecycle, Position, Step
from .memory import Memory, Track
from .order import Order, validate
from .ports import Clock, SitePort, VaultPort
from .selection import item_names, select
from .words import same

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
        # An item of a provider we do not drive is only met when it is named; it is then refused by name.
        foreign = [
            i
            for i in listed
            if self.lifecycle.generation(i) is None and any(same(name, *item_names(i)) for name in self.order.machines)
        ]
        bound = units(listed)
        for item in select(self.order, [*self.all_items, *foreign], plans):
            self.memory.tracks[item.key] = Track(
                name=item.friendly_name,
                key=item.key,
                group=item.group or "",
                unit=bound.get(item.key, ""),
                before=self.lifecycle.standing(item, self.order.route),
                system=item.os_type or "",
                since=iso(self.now) or "",
            )

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
