# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery points of a replicated item on its way out.

Crash-consistent points are made every 5 minutes, application-consistent ones every hour (SEEN policy; DOC). They stop with the
failover, and vanish with the commit except the one that was used (DOC). The failback has no list of points (SEEN).
The word CrashConsistent is SPEC; ApplicationConsistent is INFER (no example holds one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.azure.clock import iso
from rehearsal.azure.words import ITEM_TYPE, booltext, last_segment, same
from rehearsal.fleet import stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.items import Item

CRASH_SECONDS = 300
APP_SECONDS = 3600
#: How far back the list reaches, in seconds; the policy keeps 24 hours, two are enough to choose from.
SPAN = 7200


@dataclass(frozen=True)
class Point:
    moment: float
    kind: str

    def name(self, item: Item) -> str:
        return stable_uuid("point", item.machine.vault, item.machine.name, self.kind, str(int(self.moment)))

    def id(self, item: Item) -> str:
        return f"{item.id}/recoveryPoints/{self.name(item)}"

    def item_word(self, item: Item) -> str:
        """How the item itself names the point: in a modernized vault under a container it does not live in (SEEN)."""
        return self.id(item).replace(f"/{item.vault.container}/", f"/{item.vault.cloud}/")

    def body(self, item: Item) -> dict[str, object]:
        return {
            "name": self.name(item),
            "type": f"{ITEM_TYPE}/recoveryPoints",
            "id": self.id(item),
            "properties": {
                "recoveryPointTime": iso(self.moment),
                "recoveryPointType": self.kind,
                "providerSpecificDetails": {
                    "instanceType": item.row.instance_type,
                    "isMultiVmSyncPoint": booltext(bool(item.machine.group)),
                },
            },
        }


def points(item: Item) -> list[Point]:
    """Newest first. Empty for items that have none (still synchronising, committed, being failed back)."""
    if item.phase not in ("home", "failing_out", "failed_out", "out_uncommitted"):
        return []
    last = item.points_until if item.phase == "out_uncommitted" and item.points_until else item.clock.now()
    first = max(last - SPAN, item.protected_since)
    found = []
    for seconds, kind in ((CRASH_SECONDS, "CrashConsistent"), (APP_SECONDS, "ApplicationConsistent")):
        moment = last // seconds * seconds
        while moment >= first:
            found.append(Point(moment, kind))
            moment -= seconds
    if not found:
        found.append(Point(first, "CrashConsistent"))
    return sorted(found, key=lambda p: p.moment, reverse=True)


def newest_point(item: Item) -> Point | None:
    found = points(item)
    return found[0] if found else None


def point_by_id(item: Item, wanted: str) -> Point | None:
    name = last_segment(wanted)
    return next((p for p in points(item) if same(p.name(item), name)), None)
