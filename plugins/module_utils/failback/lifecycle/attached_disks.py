# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that an appliance or a master target holds for machines being failed back. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..model.items import Item
from .table import Lifecycle, Position

#: Positions in which an appliance holds a machine's disks; a planned failover detaches them (DOC).
HOLDS = frozenset({Position.SYNCING_HOME, Position.READY})


def agent_id(item: Item) -> str:
    """The reprotect agent that holds a machine being failed back; empty where the item does not report it."""
    return str(item.details.get("reprotectAgentId") or "")


def attached(items: Iterable[Item], lifecycle: Lifecycle) -> Counter[str]:
    """Disks that appliances hold, by agent id. The service counts items at most (SPEC), so the disks are counted here."""
    disks: Counter[str] = Counter()
    for item in items:
        if agent_id(item) and lifecycle.position(item) in HOLDS:
            disks[agent_id(item)] += disks_of(item)
    return disks


def disks_of(item: Item) -> int:
    """Disks a reprotect attaches to its master target or appliance; an answer without disks counts as one."""
    return len(item.disks) or 1
