# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines as subjects of the rules: the steps they are checked for, and where a reprotect would put them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Union

from ...lifecycle.bodies import Placement
from ...lifecycle.decide import Conditions as Wishes
from ...lifecycle.decide import Observed, decide
from ...lifecycle.gates import RPO_LIMIT
from ...lifecycle.modernized import LIFECYCLE
from ...lifecycle.table import (
    COMMIT_TO_AZURE,
    COMMIT_TO_ONPREM,
    FAILOVER_TO_AZURE,
    FAILOVER_TO_ONPREM,
    REPROTECT_TO_AZURE,
    REPROTECT_TO_ONPREM,
    STEPS,
    Position,
)
from ...model.errors import InputError
from ...model.items import Item
from ...model.refusal import Refusal
from ...placement.classic import place_to_azure, place_to_onprem
from ...placement.estate import Slots
from ...proofs.arrival import holders
from ...wanted.approval import WAITS, approval, approved_of
from ...wanted.order import Order
from .lookups import Lookups
from .moments import MACHINE
from .subjects import Machine

#: The next step from each position.
NEXT: Mapping[Position, str] = {
    Position.HOME: FAILOVER_TO_AZURE,
    Position.OUT_UNCOMMITTED: COMMIT_TO_AZURE,
    Position.OUT: REPROTECT_TO_ONPREM,
    Position.SYNCING_HOME: FAILOVER_TO_ONPREM,
    Position.READY: FAILOVER_TO_ONPREM,
    Position.HOME_UNCOMMITTED: COMMIT_TO_ONPREM,
    Position.HOME_UNPROTECTED: REPROTECT_TO_AZURE,
}

Placed = Union[Placement, Refusal]


def fits_alone(m: Machine) -> bool:
    """Whether a machine that is recreated would have room, were it alone: only those take room from each other."""
    free = next((d.free_gb for d in (m.gateway.datastores if m.gateway else ()) if d.name == m.datastore), None)
    return bool(m.recreated) and m.disks_gb is not None and (free is None or m.disks_gb <= free)


class Machines:
    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups

    def all(self) -> list[Machine]:
        """The chosen machines, with their places."""
        return self.placed([self.machine(item) for item in self.lookups.seen.choice.items])

    def machine(self, item: Item) -> Machine:
        position = LIFECYCLE.position(item)
        steps = [m for m in self.lookups.moments if m in STEPS]
        if self.lookups.due is not None:
            steps = [self.lookups.due[item.key].step]
        elif not self.lookups.moments:
            running = LIFECYCLE.running(item)
            next_step = NEXT.get(position) if position is not None else None
            steps = [running.step] if running is not None else [next_step] if next_step else []
            if not steps and position is not Position.SYNCING_OUT:
                # Its next step is unknown: it is checked for the first step of the failback, which gives the reason.
                steps = [REPROTECT_TO_ONPREM]
        wishes = Wishes(commit_when="verified", confirmed=True, agent_timeout=self.lookups.order.agent_timeout)
        observed = Observed(item, self.lookups.facts.now)
        here, there = self.lookups.seen.here.get(item.key), self.lookups.seen.there.get(item.key)
        limit = self.lookups.order.rpo_limit or self.lookups.limits.get((item.policy_id or "").lower()) or RPO_LIMIT
        return Machine(
            kind=MACHINE,
            name=item.friendly_name,
            vault=item.vault,
            generation=LIFECYCLE.generation(item) or "",
            moments=frozenset(steps),
            machines=(item.friendly_name,),
            keys=(item.key,),
            item=item,
            position=position,
            unread=self.lookups.seen.unread.get(item.key, ""),
            fabric=self.lookups.fabrics.get(item.fabric_id.lower()),
            home=self.lookups.estate.home_of(item),
            here=here,
            there=there,
            limit=limit,
            held=self.held,
            decided={step: decide(observed, (step,), LIFECYCLE, wishes) for step in steps if self.lookups.due is None},
            awaiting=self.awaiting(item),
        )

    def awaiting(self, item: Item) -> Refusal | None:
        """As the run decides it."""
        approved = self.lookups.due is not None or item.key in self.approved
        held = self.lookups.order.decision_policy.holds(COMMIT_TO_ONPREM, approved)
        return approval(COMMIT_TO_ONPREM) if held else None

    @cached_property
    def approved(self) -> set[str]:
        """Keys of the machines whose commit is approved."""
        chosen = self.lookups.seen.choice.items
        waiting = {item.key for item in chosen if LIFECYCLE.standing(item) in WAITS}
        return approved_of(self.lookups.order.approved, chosen, waiting)

    @cached_property
    def held(self) -> dict[str, str]:
        """Which server has which disk file, for all machines at once."""
        return holders(self.lookups.vms.values())

    def placed(self, machines: list[Machine]) -> list[Machine]:
        """The machines with where a reprotect would put them."""
        places = self.places(machines)
        planned: dict[tuple[str, str], float] = {}
        found = []
        for m in machines:
            m = replace(m, placed=places.get(m.item.key) if m.item else None, placed_out=self.out(m))
            m = self.through(m)
            if isinstance(m.placed, Placement) and fits_alone(m):
                where = (m.placed.master_target_id, m.placed.datastore)
                planned[where] = planned.get(where, 0.0) + (m.disks_gb or 0.0)
            found.append(m)
        return [
            replace(m, beside_gb=planned[m.placed.master_target_id, m.placed.datastore] - (m.disks_gb or 0.0))
            if isinstance(m.placed, Placement) and fits_alone(m)
            else m
            for m in found
        ]

    def places(self, machines: Sequence[Machine]) -> dict[str, Placed]:
        """Group by group, so that one that cannot be placed says nothing of the others."""
        if self.lookups.due is not None:
            return {key: question.placed for key, question in self.lookups.due.items() if question.placed is not None}
        slots = Slots(dict(self.lookups.held))
        bound = {
            item.group_id: word
            for item in self.lookups.seen.items
            if item.group_id and (word := self.lookups.bound(item)) is not None
        }
        todo: dict[str, list[Item]] = {}
        for m in machines:
            if m.item and REPROTECT_TO_ONPREM in m.moments and m.position is Position.OUT and m.fabric and not m.unread:
                todo.setdefault(m.item.group_id or m.item.key, []).append(m.item)
        places: dict[str, Placed] = {}
        for members in todo.values():
            try:
                places.update(place_to_onprem(members, self.lookups.order, self.lookups.estate, slots, bound))
            except InputError as exc:
                places.update({item.key: Refusal.of(exc) for item in members})
        return places

    @cached_property
    def outwards(self) -> Order:
        """The order of a protection to Azure: one for all machines, because what a fabric has of it is worked out once for each order."""
        return replace(self.lookups.order, route=(REPROTECT_TO_AZURE,))

    def out(self, m: Machine) -> Placed | None:
        if m.item is None or m.fabric is None or m.unread or REPROTECT_TO_AZURE not in m.moments:
            return None
        if m.position is not Position.HOME_UNPROTECTED:
            return None
        try:
            return place_to_azure(m.item, self.outwards, self.lookups.estate)
        except InputError as exc:
            return Refusal.of(exc)

    def through(self, m: Machine) -> Machine:
        """The machine with the server that holds its disks, or will."""
        word = m.placed.master_target_id.lower() if isinstance(m.placed, Placement) else ""
        if not word and m.item is not None:
            word = (self.lookups.bound(m.item) or "").lower()
        targets = m.fabric.master_targets if m.fabric else ()
        target = next((t for t in targets if t.id.lower() == word), None)
        if target is None:
            return m
        return replace(m, gateway=target, gateway_vm=self.lookups.vms.get(target.id.lower()))
