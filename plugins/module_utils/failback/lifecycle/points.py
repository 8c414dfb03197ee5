# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing the recovery point of a failover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ..model.items import Json, iso, last_segment, parse_time
from ..model.refusal import Refusal
from ..model.shapes import POINT, all_understood
from ..model.words import same
from .table import FAILOVER_TO_AZURE, Operation

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

#: Names a user may give beside a single point's own name.
KNOWN_POINTS = ("latest", "latest_processed", "latest_app_consistent", "latest_crash_consistent")


@dataclass(frozen=True)
class Point:
    """A choice: the step's value for it, or one point's id; ``label`` is displayed."""

    label: str
    type: str = ""
    id: str = ""


def needs_list(operation: Operation, wanted: str) -> bool:
    """Whether the choice takes one list of the item's recovery points (a read that counts to the floor)."""
    if wanted in operation.points:
        return operation.step == FAILOVER_TO_AZURE and bool(operation.points[wanted])
    return wanted not in KNOWN_POINTS and operation.named_point


def choose(operation: Operation, wanted: str, points: Sequence[Json]) -> Point | Refusal:
    """The point to fail over to. ``points`` are the entries of RecoveryPoints_ListByReplicationProtectedItems."""
    points = all_understood(points, POINT)
    if wanted in operation.points:
        word = operation.points[wanted]
        if not needs_list(operation, wanted):
            return Point(label=wanted, type=word)
        fitting = [p for p in points if word == "any" or _type(p) == word]
        if not fitting:
            return Refusal(
                "recovery_point_missing",
                f"The machine has no recovery point of the kind {wanted!r} ('{{option:recovery_point}}').",
                "Choose latest, or wait for the next such point, then rerun.",
            )
        newest = max(fitting, key=lambda p: _time(p) or _EPOCH)
        return _single(newest)
    if wanted in KNOWN_POINTS or not operation.named_point:
        return Refusal(
            "recovery_point_unknown_here",
            f"This step does not offer the recovery point {wanted!r} ('{{option:recovery_point}}').",
            f"Choose one of {', '.join(operation.points)}" + (", or a point's name." if operation.named_point else "."),
        )
    for point in points:
        if same(wanted, str(point.get("name") or ""), str(point.get("id") or "")):
            return _single(point)
    have = ", ".join(f"{p.get('name')} ({iso(_time(p))})" for p in list(points)[:5]) or "none"
    return Refusal(
        "recovery_point_missing",
        f"The machine has no recovery point named {wanted!r} ('{{option:recovery_point}}').",
        f"Choose one of {', '.join(operation.points)}, or one of its points: {have}.",
    )


def _time(point: Json) -> datetime | None:
    return parse_time((point.get("properties") or {}).get("recoveryPointTime"))


def _type(point: Json) -> str:
    return str((point.get("properties") or {}).get("recoveryPointType") or "")


def _single(point: Json) -> Point:
    when = iso(_time(point))
    name = str(point.get("name") or last_segment(point.get("id")))
    return Point(label=f"{name} ({when})" if when else name, id=str(point.get("id") or ""))
