# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan that is printed before a run: machines, steps, destination and servers. Pure text, 120 columns.

Machines with the same route are one paragraph, so that the plan of a thousand machines fits a screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..lifecycle.table import COMMITS, REPROTECT_TO_ONPREM, STEP_TEXT
from ..placement.home import Home, goes_back, home_by_both
from ..report.rows import fold_lines
from ..tracking.state import SliceState

#: Providers whose machines keep their own datastore, whatever the request names.
CLASSIC = frozenset({"InMageAzureV2", "InMage"})

#: Machines named before "and N more".
NAMED = 20

GIB = 1024**3


@dataclass(frozen=True)
class Paragraph:
    """What machines of one paragraph have in common."""

    operations: tuple[str, ...]
    place: str
    through: str
    held: bool


def plan_lines(state: SliceState, plan: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines of the plan; empty where nothing would be sent."""
    operations: dict[tuple[str, str], list[str]] = {}
    for entry in plan:
        operations.setdefault((str(entry["vault"]), str(entry["machine"])), []).append(str(entry["step"]))
    ways: dict[Paragraph, list[str]] = {}
    sizes: dict[Paragraph, int | None] = {}
    for key, track in state.memory.tracks.items():
        item = state.items.get(key)
        steps = operations.get((item.vault.name, item.friendly_name), []) if item is not None else []
        if item is None or not steps:
            continue
        homeward = REPROTECT_TO_ONPREM in steps
        where = state.locations.get(key) or home_by_both(item, state.homes.get(key))
        placement = state.homeward.get(key) or track.placement or {}
        way = Paragraph(
            operations=tuple(steps),
            place=_place(where, placement) if homeward else "",
            through=_through(placement, where.exists is not True or item.instance_type not in CLASSIC),
            held=track.ended == "awaiting_approval" and not any(step in COMMITS for step in steps),
        )
        ways.setdefault(way, []).append(track.name)
        size, sum_ = state.sizes.get(key), sizes.get(way, 0)
        # A sum that leaves out what was not read would be too small.
        sizes[way] = None if size is None or sum_ is None else sum_ + size
    if not ways:
        return []
    total = sum(map(len, ways.values()))
    # What is the same for all is printed once.
    shared = {_operations(way) for way in ways}
    common = shared.pop() if len(shared) == 1 else ""
    head = f"The plan, for {total} machine{'' if total == 1 else 's'}:{f' {common}' if common else ''}"
    lines = ["", *fold_lines(head, rest="  ")]
    for way, names in ways.items():
        lines += _paragraph(way, names, sizes[way], bool(common))
    idle = len(state.memory.tracks) - total
    if idle:
        lines.append(f"  {idle} more {'has' if idle == 1 else 'have'} nothing to do or cannot continue.")
    return lines


def _operations(way: Paragraph) -> str:
    said = ", then ".join(STEP_TEXT.get(step, step) for step in way.operations)
    return said + (", then waiting for approval before the commit" if way.held else "")


def _paragraph(way: Paragraph, names: Sequence[str], size: int | None, short: bool) -> list[str]:
    who = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    said = who if short else f"{who}: {_operations(way)}"
    where = [way.place, way.through, f"{size / GIB:.0f} GB" if size else ""]
    told = "; ".join(part for part in where if part)
    return [*fold_lines(said, first="  ", rest="    "), *fold_lines(told, first="    ", rest="    ")]


def _place(where: Home, placement: Mapping[str, Any]) -> str:
    if where.exists:
        if not goes_back(where, placement):
            return "to the existing VM, on another datastore (alternate location)"
        return "to the existing VM, on its own datastore (original location)"
    if where.exists is None:
        return "to the existing VM if there is one (original location), otherwise recreated (alternate location)"
    alike = "; another VM has the same name" if where.namesake else ""
    return f"recreated, because its VM no longer exists (alternate location){alike}"


def _through(placement: Mapping[str, Any], tells_store: bool) -> str:
    words = (
        ("process server", "process_server"),
        ("master target", "master_target"),
        ("datastore", "datastore" if tells_store else ""),
        ("retention volume", "retention_volume"),
        ("policy", "policy"),
    )
    return ", ".join(f"{word} {placement[key]}" for word, key in words if placement.get(key))
