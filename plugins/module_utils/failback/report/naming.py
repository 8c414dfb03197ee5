# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of machines in messages: unambiguous also where names repeat. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..model.items import last_segment
from ..model.words import fold

Machine = Mapping[str, Any]


def repeated(machines: Sequence[Machine]) -> list[bool]:
    """For each machine, whether another one of these has its name."""
    known = {_identity(m): fold(str(m.get("name") or "")) for m in machines}
    often = Counter(known.values())
    return [often[fold(str(m.get("name") or ""))] > 1 for m in machines]


def wheres(machines: Sequence[Machine]) -> list[tuple[str, ...]]:
    """What distinguishes each machine from others of its name: its vault, and its replicated item where the name repeats within it."""
    known = {_identity(m): (fold(str(m.get("name") or "")), str(m.get("vault") or "")) for m in machines}
    often = Counter(known.values())
    found: list[tuple[str, ...]] = []
    for machine, needs in zip(machines, repeated(machines), strict=True):
        vault = str(machine.get("vault") or "")
        inside = often[fold(str(machine.get("name") or "")), vault] > 1
        parts = (vault, last_segment(str(machine.get("item_id") or "")) if inside else "") if needs else ()
        found.append(tuple(filter(None, parts)))
    return found


def labels(machines: Sequence[Machine]) -> list[str]:
    """Each machine's name, with what distinguishes it from others where names repeat."""
    return [
        f"{m.get('name') or ''} ({', '.join(where)})" if where else str(m.get("name") or "")
        for m, where in zip(machines, wheres(machines), strict=True)
    ]


def handles(machines: Sequence[Machine]) -> list[str]:
    """Words that choose exactly each machine: its name, or its item's id where names repeat."""
    twice = repeated(machines)
    return [
        str(m.get("item_id") or m.get("name")) if needs else str(m.get("name") or "")
        for m, needs in zip(machines, twice, strict=True)
    ]


def _identity(machine: Machine) -> str:
    return str(machine.get("item_id") or f"{machine.get('vault')}/{machine.get('name')}").lower()
