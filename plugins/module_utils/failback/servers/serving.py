# SPDX-License-Identifier: GPL-3.0-or-later
"""Which master targets serve which machines, and what follows for a machine whose master target was moved.

A machine being failed back is bound to one master target, and only its own GET shows which (SEEN FB: lists omit details).
Any other could go through each of its fabric with its kind of operating system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Union

from ..lifecycle.attached_disks import agent_id
from ..lifecycle.modernized import LIFECYCLE
from ..lifecycle.table import COMMIT_TO_ONPREM, FAILOVER_TO_ONPREM, Operation, Position
from ..model.errors import ReadFailed
from ..model.items import Item
from ..model.refusal import Refusal
from ..model.servers import Fabric, MasterTarget

#: Positions of machines that still have to be failed back: their on-premises VM is off and may be prepared.
AWAY = frozenset({Position.OUT, Position.OUT_UNCOMMITTED})

#: Positions in which a master target holds or may hold a machine's disks.
HELD = frozenset({Position.SYNCING_HOME, Position.READY, Position.HOME_UNCOMMITTED})

#: Steps that need the machine's disks to be where its master target took them.
NEEDING = frozenset({FAILOVER_TO_ONPREM, COMMIT_TO_ONPREM})

Server = tuple[Fabric, MasterTarget]
Read = Callable[[Item], Union[Item, ReadFailed]]


def bound_to(item: Item) -> str:
    """The id of the master target, or of the reprotect agent, that an item names; empty where it names none."""
    return (agent_id(item) or str(item.details.get("masterTargetId") or "")).lower()


def holding(items: Iterable[Item]) -> set[str]:
    """Fabrics whose master targets hold, or may be about to hold, disks of machines."""
    return {i.fabric_id.lower() for i in items if LIFECYCLE.position(i) in HELD or i.scenario is not None}


def could_serve(item: Item, fabric: Fabric, server: MasterTarget) -> bool:
    """A server of the machine's fabric and operating system; what is not reported is no obstacle."""
    if fabric.key != item.fabric_id.lower():
        return False
    kinds = {item.os_type.casefold() if item.os_type else "", server.os_type.casefold()}
    return server.appliance or "" in kinds or len(kinds) == 1


def needed(servers: Sequence[Server], items: Sequence[Item], read: Read) -> set[str]:
    """Ids of the servers that serve some of the machines, or could.

    A machine is only read individually where its master target makes a difference: while some server of its fabric is
    not known to be needed anyway.
    """
    found = set[str]()
    for item in items:
        if LIFECYCLE.position(item) not in HELD:
            found.update(s.id.lower() for f, s in servers if could_serve(item, f, s))
    for item in items:
        if LIFECYCLE.position(item) not in HELD:
            continue
        candidates = {s.id.lower() for f, s in servers if f.key == item.fabric_id.lower()}
        if candidates <= found:
            continue
        known = bound_to(item)
        if not known:
            full = read(item)
            known = bound_to(full) if isinstance(full, Item) else ""
        found.update({known} if known in candidates else candidates)
    return found


class LostPlaces:
    """The master targets that lost their place, as the watch found them, and the machines bound to them."""

    def __init__(self, found: Sequence[Mapping[str, Any]]) -> None:
        self._found = {str(entry["id"]).lower(): entry for entry in found if entry.get("id")}
        self._bound: dict[str, str] = {}

    def concerned(self, due: Iterable[tuple[Item, Operation]]) -> list[Item]:
        """Machines that must be read individually to know whether theirs is among them."""
        return [i for i, operation in due if self._asked(i, operation) and i.key not in self._bound and not bound_to(i)]

    def _asked(self, item: Item, operation: Operation) -> bool:
        # A machine that is still away is bound to none yet; the watch was not about it.
        return bool(self._found) and operation.step in NEEDING and LIFECYCLE.position(item) in HELD

    def learn(self, item: Item, full: Item) -> None:
        """Take the master target from a machine's own GET."""
        self._bound[item.key] = bound_to(full)

    def refusal(self, item: Item, operation: Operation) -> Refusal | None:
        """Why a machine must not take a step; None where its master target is not among the lost ones."""
        if not self._asked(item, operation):
            return None
        bound = self._bound.get(item.key) or bound_to(item)
        entry = self._found.get(bound)
        said = "Its disks are on a master target whose location could not be verified. {reason}"
        if entry is None and not bound:
            # Not even its own GET names one, so it may be any of them.
            entry = next(iter(self._found.values()))
            said = "The vault does not report which master target holds its disks, and it may be {name}: {reason}"
        if entry is None:
            return None
        told = said.format(name=entry.get("name") or "of its own", reason=entry.get("reason") or "it was moved.")
        return Refusal(str(entry.get("code") or "master_target_moved"), told, str(entry.get("remedy") or ""))
