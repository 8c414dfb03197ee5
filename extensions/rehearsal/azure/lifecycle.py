# SPDX-License-Identifier: GPL-3.0-or-later
"""The life cycle as data: what an item says about itself in each phase, and which operation leads where.

A generation is a tuple of rows and a tuple of moves; nothing else in the package asks which generation an item is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rehearsal.fleet import FleetError

from .lifecycle_classic import CLASSIC_MOVES, CLASSIC_ROWS
from .lifecycle_modernized import MODERNIZED_MOVES, MODERNIZED_ROWS
from .lifecycle_table import Move, Row

#: Phases in which a failover is behind the item, and the next reprotect has not been yet.
AFTER_FAILOVER = ("out_uncommitted", "out", "home_uncommitted", "home_unprotected")

#: Where a failed classic failover leaves the item, and where a resynchronisation takes it from there (INFER).
AFTER_FAILURE = {"failing_out": "failed_out", "failing_home": "failed_home"}
AFTER_REPAIR = {"failed_out": "home", "failed_home": "ready"}

#: Where a synchronisation, or a part of it, ends.
AFTER_SYNC = {
    "classic": {"syncing_home": "ready", "syncing_out": "home"},
    "modernized": {"syncing_home": "ready", "syncing_out": "first_point", "first_point": "home"},
}

ROWS: dict[str, dict[str, Row]] = {
    "classic": {row.phase: row for row in CLASSIC_ROWS},
    "modernized": {row.phase: row for row in MODERNIZED_ROWS},
}
MOVES: dict[str, tuple[Move, ...]] = {"classic": CLASSIC_MOVES, "modernized": MODERNIZED_MOVES}


def rows_of(generation: str, words: Mapping[str, Mapping[str, Any]]) -> dict[str, Row]:
    """The rows of a generation with a fleet's own words over them. Raises FleetError for a phase that does not exist."""
    rows = dict(ROWS[generation])
    for phase, changes in words.items():
        if phase not in rows:
            raise FleetError(f"words: phase {phase!r} is unknown; known are {', '.join(rows)}.")
        fields = dict(changes)
        if "allowed" in fields:
            fields["allowed"] = tuple(fields["allowed"])
        rows[phase] = replace(rows[phase], **fields, source="fleet")
    return rows


def move_for(generation: str, verb: str, phase: str) -> Move | None:
    """The move a verb makes from a phase; None where the phase does not know it."""
    for move in MOVES[generation]:
        if move.verb == verb and move.start == phase:
            return move
    return None


def after_failure(generation: str, move: Move) -> str:
    """The phase of an item whose move failed: a classic failover says so, everything else is as if it had not been."""
    return AFTER_FAILURE.get(move.during, move.start) if generation == "classic" else move.start


def moves_of(generation: str, verb: str) -> tuple[Move, ...]:
    return tuple(move for move in MOVES[generation] if move.verb == verb)
