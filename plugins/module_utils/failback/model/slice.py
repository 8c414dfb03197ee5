# SPDX-License-Identifier: GPL-3.0-or-later
"""One slice of work that may take days: read, act, wait a little, read again; then return the state of every machine.

Nothing depends on what a slice passes on (its cursor): a killed run and the next slice are the same case.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from .ports import Clock

S = TypeVar("S")


class Slice(Generic[S]):
    """The skeleton of a slice; ``S`` is the result of one read. All times are real seconds.

    One read too many costs requests and one too few costs time, so the last pause is never started: what does not fit into the
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
        """Whether another read is unnecessary."""
        raise NotImplementedError

    def pause(self) -> float:
        """Seconds until the next read."""
        raise NotImplementedError

    def late(self, pause: float) -> None:
        """The pause does not fit into the slice any more."""

    def result(self, seen: S) -> dict[str, Any]:
        """The state of all machines after the last read."""
        raise NotImplementedError
