# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine over all stages of a run: what was done with it, how long that took, where it went. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..model.items import parse_time
from ..model.jobs import SUCCEEDED
from ..model.outcomes import BAD, LISTED
from .progress import moved

Row = Mapping[str, Any]


@dataclass
class Story:
    """One machine over all stages: its rows, how it ended, its messages."""

    name: str
    #: What distinguishes it from others of its name (naming.wheres).
    where: tuple[str, ...] = ()
    rows: list[Row] = field(default_factory=list)
    last: Row = field(default_factory=dict)
    warnings: list[Row] = field(default_factory=list)
    #: Whether it moved (see progress.moved), or in check mode whether it would.
    moved: bool = False
    #: ``original`` or ``alternate``, if the failback reported it.
    location: str = ""

    def take(self, machine: Row, check: bool = False) -> None:
        """Add a stage's rows: one a step; a stage in which nothing was to do adds none beside others."""
        steps = machine.get("steps") or ()
        self.moved = self.moved or (bool(machine.get("changed")) if check else moved(machine))
        self.location = str((machine.get("placement") or {}).get("location") or self.location)
        if steps or not self.rows or machine.get("done") != "unchanged":
            # An earlier stage that had nothing to do does not matter if a later one did something.
            self.rows = [row for row in self.rows if row.get("done") != "unchanged"]
            self.rows.extend(steps or [machine])

    @property
    def label(self) -> str:
        """What it is called in sentences."""
        return f"{self.name} ({', '.join(self.where)})" if self.where else self.name

    @property
    def done(self) -> str:
        return str(self.last.get("done") or "")

    @property
    def bad(self) -> bool:
        return self.done in BAD

    @property
    def needs_a_look(self) -> bool:
        return bool(self.warnings) or self.done in LISTED

    @property
    def urgency(self) -> int:
        """Order in the report: failures first, then refused, held, in progress, and the rest."""
        return LISTED.index(self.done) if self.done in LISTED else len(LISTED)

    @property
    def began(self) -> datetime | None:
        """When the first of its operations began."""
        return min(filter(None, (parse_time(row.get("start")) for row in self.rows)), default=None)

    @property
    def ended(self) -> datetime | None:
        """When the last of its operations ended; None while one is open."""
        if any(row.get("start") and not row.get("end") for row in self.rows):
            return None
        return max(filter(None, (parse_time(row.get("end")) for row in self.rows)), default=None)

    @property
    def elapsed(self) -> float | None:
        """Seconds from the first beginning to the last end; without beginnings, what the operations took together."""
        began, ended = self.began, self.ended
        if began and ended:
            return (ended - began).total_seconds()
        told = [float(row["duration_seconds"]) for row in self.rows if row.get("duration_seconds") is not None]
        return sum(told) if told and began is None else None

    @property
    def downtime(self) -> float | None:
        """Seconds from when a failover began, which turns the source off, to when the target was on; None where there was none."""
        tries = [row for row in self.rows if str(row.get("step") or "").startswith("failover_")]
        ends = [parse_time(row.get("end")) for row in tries if row.get("state") in SUCCEEDED]
        starts = [parse_time(row.get("start")) for row in tries]
        if not ends or ends[-1] is None or starts[0] is None:
            return None
        return (ends[-1] - starts[0]).total_seconds()

    @property
    def point(self) -> str:
        """The recovery point of its failover, as the service or the order named it."""
        return next((str(row["recovery_point"]) for row in reversed(self.rows) if row.get("recovery_point")), "")
