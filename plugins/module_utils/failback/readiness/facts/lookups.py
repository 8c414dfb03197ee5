# SPDX-License-Identifier: GPL-3.0-or-later
"""What the subjects of the rules are made from: what was read and asked, by the keys that machines, groups and servers look up. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...lifecycle.attached_disks import attached
from ...lifecycle.modernized import LIFECYCLE
from ...lifecycle.table import (
    REPROTECT_TO_ONPREM,
    Position,
)
from ...model.items import Item
from ...model.server_ports import SiteServer
from ...model.servers import Policy
from ...placement.estate import Estate
from ...placement.modernized import accounts_of
from ...servers.serving import HELD, bound_to
from ...servers.target_vm import match_vm
from ...wanted.order import Order
from ...wanted.ruling import DueStep
from .facts import Facts
from .moments import MASTER_TARGET, PROCESS_SERVER
from .reading import Read
from .subjects import Machine

#: Servers are checked for the failback as long as a machine still needs it.
BEFORE = frozenset({Position.HOME, Position.OUT_UNCOMMITTED, Position.OUT})


def estate_of(seen: Read, facts: Facts) -> Estate:
    """What placing machines needs to know."""
    policies = {key: tuple(Policy.parse(entry) for entry in entries or ()) for key, entries in seen.policies.items()}
    accounts: dict[str, frozenset[str]] = {}
    for item in seen.items:
        accounts[item.vault.key] = accounts.get(item.vault.key, frozenset()).union(accounts_of(item))
    return Estate({fabric.key: fabric for fabric in seen.fabrics}, policies, facts.now, accounts, seen.homes)


def keys_of(machines: Iterable[Machine]) -> tuple[str, ...]:
    return tuple(m.item.key for m in machines if m.item is not None)


class Lookups:
    """What was asked, read and found out before, for all subjects of one look."""

    def __init__(
        self,
        order: Order,
        seen: Read,
        facts: Facts,
        moments: tuple[str, ...],
        due: Mapping[str, DueStep] | None = None,
    ) -> None:
        self.order, self.seen, self.facts, self.moments, self.due = order, seen, facts, moments, due
        self.fabrics = {fabric.key: fabric for fabric in seen.fabrics}
        self.held = attached(seen.items, LIFECYCLE)
        self.estate = estate_of(seen, facts)
        known = [policy for some in self.estate.policies.values() for policy in some]
        self.limits = {policy.id.lower(): policy.rpo_threshold for policy in known if policy.rpo_threshold}
        self.vms: dict[str, SiteServer] = {}
        for fabric in seen.fabrics:
            for target in fabric.master_targets:
                found = match_vm(target, seen.servers) if facts.survey is not None else None
                if isinstance(found, SiteServer):
                    self.vms[target.id.lower()] = found

    def bound(self, item: Item) -> str | None:
        """The id, as it is spelt, of the server that holds the disks of a machine being failed back."""
        if LIFECYCLE.position(item) not in HELD:
            return None
        word = bound_to(item)
        fabric = self.fabrics.get(item.fabric_id.lower())
        return next((t.id for t in fabric.master_targets if t.id.lower() == word), None) if fabric else None

    def asked(self, machines: Iterable[Machine]) -> frozenset[str]:
        """The steps a server is checked for: its machines', and the failback for those that have not begun it."""
        some = list(machines)
        steps = {step for m in some for step in m.moments}
        if self.due is None and not self.moments and any(m.position in BEFORE for m in some):
            steps.add(REPROTECT_TO_ONPREM)
        return frozenset(steps | {m for m in self.moments if m in (MASTER_TARGET, PROCESS_SERVER)})
