# SPDX-License-Identifier: GPL-3.0-or-later
"""One slice of work that may take days: look, act, wait a little, look again; then say where everybody stands.

Nothing depends on what a slice hands on (its cursor): a killed run and the next slice are the same case.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from .ports import Clock

S = TypeVar("S")


class Slice(Generic[S]):
    """The skeleton of a slice; ``S`` is what one look finds. All times are real seconds.

    A look too many costs requests and one too few costs time, so the last pause is never begun: what does not fit into the
    slice is left to the next one.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.deadline = clock.monotonic() + seconds

    def run(self) -> dict[str, Any]:
        """Look until there is nothing to wait for or the slice is over; the result as plain data."""
        while True:
            seen = self.look()
            if self.rests(seen):
                break
            pause = self.pause()
            if self.clock.monotonic() + pause > self.deadline:
                self.late(pause)
                break
            self.clock.sleep(pause)
        return self.result(seen)

    def left(self) -> float:
        """Seconds left; one at least, for work that must be given some."""
        return max(1.0, self.deadline - self.clock.monotonic())

    def look(self) -> S:
        """Read, decide, and send what is due."""
        raise NotImplementedError

    def rests(self, seen: S) -> bool:
        """Whether another look would be of no use."""
        raise NotImplementedError

    def pause(self) -> float:
        """Seconds until the next look."""
        raise NotImplementedError

    def late(self, pause: float) -> None:
        """The pause does not fit into the slice any more."""

    def result(self, seen: S) -> dict[str, Any]:
        """Where everybody stands after the last look."""
        raise NotImplementedError
