# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the subjects of the rules from what was read: which machines and servers, for which moments, and what they share. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...lifecycle.group import parts, units
from ...model.items import Item
from ...wanted.order import Order
from ...wanted.ruling import DueStep
from .build_machines import Machines
from .build_servers import Servers
from .facts import Facts
from .lookups import Lookups, keys_of
from .moments import GROUP
from .reading import Read
from .subjects import Group, Machine, Subject


def build(order: Order, seen: Read, facts: Facts, moments: Sequence[str]) -> list[Subject]:
    """Every subject. Without ``moments`` each machine is checked for its next step, and servers for what these need."""
    return _subjects(Lookups(order, seen, facts, tuple(moments)))


def build_due(order: Order, seen: Read, facts: Facts, asked: Mapping[str, DueStep]) -> list[Subject]:
    """Subjects for machines of a run that are about to take a step, by item key, and their servers and groups for those steps.
    What the run has decided and where it has placed them is not found out again."""
    return _subjects(Lookups(order, seen, facts, (), asked))


def _subjects(lookups: Lookups) -> list[Subject]:
    machines = Machines(lookups).all()
    return [*Servers(lookups).servers(machines), *groups(lookups, machines), *machines]


def groups(lookups: Lookups, machines: Sequence[Machine]) -> list[Subject]:
    """The replication groups that the machines are members of."""
    chosen = {m.item.key: m for m in machines if m.item is not None}
    bound = units(lookups.seen.items)
    split = parts(lookups.seen.items, bound, set(chosen)) if not lookups.order.split_groups else {}
    members: dict[str, list[Item]] = {}
    for item in lookups.seen.items:
        if item.key in bound:
            members.setdefault(bound[item.key], []).append(item)
    found: list[Subject] = []
    for unit, some in members.items():
        mine = [chosen[i.key] for i in some if i.key in chosen]
        if not mine:
            continue
        servers = {word for i in some if (word := lookups.bound(i)) is not None}
        found.append(
            Group(
                kind=GROUP,
                name=some[0].group or "",
                vault=some[0].vault,
                generation=mine[0].generation,
                moments=frozenset().union(*(m.moments for m in mine)),
                machines=tuple(m.name for m in mine),
                keys=keys_of(mine),
                members=tuple(some),
                missing=split[unit].missing if unit in split else (),
                bound=frozenset(servers),
            )
        )
    return found
