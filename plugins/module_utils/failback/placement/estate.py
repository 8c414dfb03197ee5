# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing one of several: what placing a machine knows, and how a name, or the lack of one, picks a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar, Union

from ..lifecycle.bodies import Placement
from ..model.errors import InputError
from ..model.items import Item, last_segment
from ..model.refusal import Refusal
from ..model.servers import DISK_CAP, HEARTBEAT_STALE, Fabric, MasterTarget, Policy
from ..model.words import same
from ..wanted.by_machine import Given, general, needs_system
from ..wanted.names import scoped
from ..wanted.order import Order
from ..wanted.selection import choose_of, listing
from .home import Home, home_by_both

Placed = Union[Placement, Refusal]

T = TypeVar("T")


@dataclass
class Slots:
    """Disk slots of the master targets: what the service counts, plus disks about to be attached."""

    used: dict[str, int] = field(default_factory=dict)

    def free(self, target: MasterTarget) -> int:
        return DISK_CAP - self.used.get(target.id, target.disk_count)

    def take(self, target: MasterTarget, disks: int) -> None:
        self.used[target.id] = self.used.get(target.id, target.disk_count) + disks

    def refusal(self, disks: int, targets: Iterable[MasterTarget], another: str) -> Refusal:
        """The refusal to attach so many disks where none of ``targets`` has room; ``another`` is what would help."""
        room = listing(f"{target.name} has {max(0, self.free(target))} free" for target in targets)
        return Refusal(
            "no_disk_slots",
            f"The {disks} disk(s) to attach exceed the limit of {DISK_CAP} disks: {room}.",
            f"Add {another}, or wait until other machines have been failed back, then rerun.",
        )


@dataclass(frozen=True)
class Estate:
    """What placing needs to know of the vaults: fabrics by id key, policies by vault key, the service's time.

    ``log_accounts`` are the log storage accounts that a modernized vault's machines use, by vault key.
    """

    fabrics: Mapping[str, Fabric]
    policies: Mapping[str, Sequence[Policy]]
    now: datetime
    log_accounts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: What vCenter reported about machines, by item key.
    homes: Mapping[str, Home] = field(default_factory=dict)
    #: Orders as ``local`` gave them, by the order's identity and the fabric's key, each with the order it is from.
    meant: dict[tuple[int, str], tuple[Order, Order]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def fabric_of(self, item: Item) -> Fabric | None:
        return self.fabrics.get(item.fabric_id.lower())

    def home_of(self, item: Item) -> Home:
        """Whether the machine still is on-premises."""
        return home_by_both(item, self.homes.get(item.key))


#: What a fabric offers under each option that names something of it.
_OFFERS: Mapping[str, Callable[[Fabric], list[str]]] = {
    "process_server": lambda f: [s.name for s in f.process_servers],
    "process_server_onprem": lambda f: [s.name for s in f.process_servers],
    "datastore": lambda f: [d.name for t in f.master_targets for d in t.datastores],
    "retention_volume": lambda f: [v.name for t in f.master_targets for v in t.retention_volumes],
    "run_as_account": lambda f: [a.name for a in f.run_as_accounts],
    "run_as_account_windows": lambda f: [a.name for a in f.run_as_accounts],
    "run_as_account_linux": lambda f: [a.name for a in f.run_as_accounts],
}


def local(order: Order, fabric: Fabric, estate: Estate) -> Order:
    """The order as far as it is meant for a fabric: a name that only another fabric offers does not apply to this one.

    Worked out once for each fabric, however many machines are placed by it.
    """
    known = estate.meant.get((id(order), fabric.key))
    if known is None or known[0] is not order:
        known = estate.meant[id(order), fabric.key] = (order, _local(order, fabric, estate))
    return known[1]


def _local(order: Order, fabric: Fabric, estate: Estate) -> Order:
    others = [f for f in estate.fabrics.values() if f.key != fabric.key]
    meant: dict[str, Given | None] = {
        option: scoped_each(getattr(order, option), offers(fabric), [name for f in others for name in offers(f)])
        for option, offers in _OFFERS.items()
    }
    here = [p.friendly_name for p in estate.policies.get(fabric.vault.key, ())]
    elsewhere = [p.friendly_name for policies in estate.policies.values() for p in policies]
    for option in ("policy", "policy_to_azure"):
        meant[option] = scoped(getattr(order, option), here, elsewhere)
    known = estate.log_accounts.get(fabric.vault.key, ())
    everywhere = [last_segment(a) for accounts in estate.log_accounts.values() for a in accounts]
    meant["log_storage_account"] = scoped(order.log_storage_account, map(last_segment, known), everywhere)
    targets = [t.name for t in fabric.master_targets]
    others_targets = [t.name for f in others for t in f.master_targets]
    named = tuple(name for name in order.master_targets if scoped(name, targets, others_targets))
    return replace(order, master_targets=named, **meant)  # type: ignore[arg-type]


def scoped_each(given: Given | None, offered: Iterable[str], elsewhere: Iterable[str]) -> Given | None:
    """The same for each value of a mapping; one that is given for machines by name is meant, wherever it is offered."""
    if not isinstance(given, Mapping):
        return scoped(given, offered, elsewhere)
    here, there = list(offered), list(elsewhere)
    return {k: v for k, v in given.items() if not general(k) or scoped(v, here, there) is not None} or None


def unsure(item: Item, option: str, given: Given | None) -> Refusal | None:
    """Why the value of an option cannot be known for a machine; None where it can."""
    if not needs_system(item, given):
        return None
    return Refusal(
        "system_unknown",
        f"The vault does not report the machine's operating system, which '{{option:{option}}}' depends on.",
        f"Add a key for {item.friendly_name} to '{{option:{option}}}', or give one value for all.",
    )


def one(option: str, wanted: str | None, offered: Sequence[T], name: Callable[[T], str]) -> T | Refusal:
    """The named one, or the only one. Raises InputError when several fit and none is named."""
    if wanted is not None:
        for entry in offered:
            if same(wanted, name(entry)):
                return entry
        return Refusal(
            f"{option}_not_offered",
            f"{{option:{option}}} {wanted!r} does not exist where the machine needs it.",
            choose_of(name(o) for o in offered),
        )
    if len(offered) == 1:
        return offered[0]
    if not offered:
        return Refusal(
            f"{option}_none",
            f"There is no {option.replace('_', ' ')} that the machine can use.",
            "To see what is missing, {run:prepare}. New servers and disks take up to 15 minutes to appear.",
        )
    raise ambiguous(option, (name(o) for o in offered))


def ambiguous(option: str, names: Iterable[str]) -> InputError:
    """Several fit and none is named."""
    fitting = list(names)
    return InputError(
        f"{option}_ambiguous",
        f"{option} is not set and {len(fitting)} fit: {listing(fitting)}.",
        f"Name one in {option!r}.",
    )


def stale(heartbeat: datetime | None, now: datetime) -> bool:
    return heartbeat is not None and (now - heartbeat).total_seconds() > HEARTBEAT_STALE


def first_name(name: str) -> tuple[int, ...]:
    """Sort key that prefers the alphabetically first name under max()."""
    return tuple(-ord(c) for c in name.lower())
