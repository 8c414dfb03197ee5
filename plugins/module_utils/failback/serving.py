# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Which master targets serve which machines, and what follows for a machine whose master target lost its place.

A machine on its way home is bound to one master target, and only its own GET tells which (SEEN FB: lists are hollow). One
that is still away could go through any of its fabric with its kind of operating system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Union

from .appliances import agent_id
from .decide import Refuse
from .errors import ReadFailed
from .generations import LIFECYCLE
from .items import Item, Json
from .lifecycle import COMMIT_TO_ONPREM, FAILOVER_TO_ONPREM, Position
from .servers import Fabric, MasterTarget

#: Positions of machines that still have to come home: their on-premises VM is at rest and may be prepared.
AWAY = frozenset({Position.OUT, Position.OUT_UNCOMMITTED})

#: Positions in which a master target holds or may hold a machine's disks.
HELD = frozenset({Position.SYNCING_HOME, Position.READY, Position.HOME_UNCOMMITTED})

#: Legs that need the machine's disks to be where its master target took them.
NEEDING = frozenset({FAILOVER_TO_ONPREM, COMMIT_TO_ONPREM})

Server = tuple[Fabric, MasterTarget]
Read = Callable[[Item], Union[Item, ReadFailed]]


def bound_to(item: Item) -> str:
    """The id of the master target, or of the reprotect agent, that an item names; empty where it does not tell."""
    return (agent_id(item) or str(item.details.get("masterTargetId") or "")).lower()


def holding(items: Iterable[Item]) -> set[str]:
    """Fabrics whose master targets hold, or may be about to hold, disks of machines."""
    return {i.fabric_id.lower() for i in items if LIFECYCLE.position(i) in HELD or i.scenario is not None}


def could_serve(item: Item, fabric: Fabric, server: MasterTarget) -> bool:
    """A server of the machine's fabric and of its kind of system; what is not told is no obstacle."""
    if fabric.key != item.fabric_id.lower():
        return False
    kinds = {item.os_type.casefold() if item.os_type else "", server.os_type.casefold()}
    return server.appliance or "" in kinds or len(kinds) == 1


def needed(servers: Sequence[Server], items: Sequence[Item], read: Read) -> set[str]:
    """Ids of the servers that serve some of the machines, or could.

    A machine is only read by itself where its master target makes a difference: while some server of its fabric is
    not known to be needed anyway.
    """
    found = set[str]()
    for item in items:
        position = LIFECYCLE.position(item)
        if position in AWAY or position is None:
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
        self._found = {str(entry.get("id") or "").lower(): entry for entry in found if entry.get("id")}
        self._bound: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def asks(self, item: Item) -> bool:
        """Whether the machine must be read by itself to know its master target."""
        return bool(self._found) and item.key not in self._bound and not bound_to(item)

    def refusal(self, item: Item, full: Item | ReadFailed | None = None) -> Refuse | None:
        """Why a machine must not go on; None where its master target stands where it stood."""
        if isinstance(full, ReadFailed):
            return Refuse(full.code, full.message, full.remedy)
        self._bound.setdefault(item.key, bound_to(full or item) or bound_to(item))
        entry = self._found.get(self._bound[item.key])
        if entry is None and not self._bound[item.key]:
            # Not even its own GET names a master target: it may be any of those that lost their place.
            entry = next(iter(self._found.values()), None)
        if entry is None:
            return None
        name = str(entry.get("name") or "its master target")
        return Refuse(
            str(entry.get("code") or "master_target_moved"),
            f"Its disks are on the master target {name}: {entry.get('reason') or ''}".rstrip(),
            str(entry.get("remedy") or ""),
        )


def plain_entries(value: Any) -> tuple[Json, ...]:
    """The option as the watch handed it on; anything else in it is left out."""
    return tuple(dict(entry) for entry in value or () if isinstance(entry, Mapping))
