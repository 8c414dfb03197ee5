# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource Manager's token buckets as seen from here, so that requests leave no faster than they are taken.

Per region, subscription and principal: writes 200 refilled with 10/s, reads 250 with 25/s (DOC, asr-api.md section 8;
the SEEN remaining-reads header 249 agrees). The service's own answers can only lower our estimate.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

WRITE_CAPACITY, WRITE_RATE = 200, 10.0
READ_CAPACITY, READ_RATE = 250, 25.0


class TokenBucket:
    """A token bucket with reservations, safe to use from many threads.

    ``monotonic`` gives the time in seconds. ``take`` reserves a token at once and says how long to wait for it, so that
    threads that come together leave one after the other. The level goes below zero by the tokens reserved in advance.
    """

    def __init__(
        self, monotonic: Callable[[], float], capacity: int = WRITE_CAPACITY, rate: float = WRITE_RATE
    ) -> None:
        self._monotonic = monotonic
        self.capacity = capacity
        self.rate = rate
        self._level = float(capacity)
        # The level is the one at this time; nothing is refilled before it. A refusal sets it into the future.
        self._at = monotonic()
        # Tokens taken since the bucket was full, until the first answer; None when there is nothing to correct.
        self._unanswered: int | None = None
        self._lock = threading.Lock()

    def _settle(self) -> float:
        """Refill up to now; gives now. Call with the lock held."""
        now = self._monotonic()
        if now > self._at:
            self._level = min(float(self.capacity), self._level + (now - self._at) * self.rate)
            self._at = now
        return now

    def _delay(self, now: float, wanted: float) -> float:
        missing = max(0.0, wanted - self._level) / self.rate
        return max(0.0, self._at - now) + missing

    def tokens(self) -> int:
        """How many requests may leave now without waiting."""
        with self._lock:
            now = self._settle()
            return 0 if self._at > now else max(0, math.floor(self._level + 1e-9))

    def take(self) -> float:
        """Reserve a token; seconds to wait before the request may leave (0 when it may leave now)."""
        with self._lock:
            now = self._settle()
            delay = self._delay(now, 1.0)
            if self._level >= self.capacity:
                self._unanswered = 0
            if self._unanswered is not None:
                self._unanswered += 1
            self._level -= 1.0
            return delay

    def give_back(self) -> None:
        """Undo a reservation whose request never left."""
        with self._lock:
            self._settle()
            self._level = min(float(self.capacity), self._level + 1.0)

    def answered(self) -> None:
        """An answer came. The first one after a full bucket corrects the level.

        A full bucket is not refilled, and the service's was full until the first request reached it, which was at the
        latest now: what we thought to be refilled since that request left does not count. Without this the first
        paced request would come too early by the time a request travels.
        """
        with self._lock:
            if self._unanswered is not None:
                self._settle()
                self._level = min(self._level, float(self.capacity - self._unanswered))
                self._unanswered = None

    def lower(self, remaining: str | int | None) -> None:
        """Take over the service's own count (x-ms-ratelimit-remaining-subscription-*) where it is below ours.

        Counts of the old hourly model (1199, 11999: SEEN) are above the capacity and change nothing.
        """
        try:
            count = int(remaining)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return
        with self._lock:
            self._settle()
            self._level = min(self._level, float(max(0, count)))

    def block(self, seconds: float) -> None:
        """The service refused for lack of tokens (429): the bucket is empty and stays so for ``seconds``."""
        with self._lock:
            now = self._settle()
            self._level = min(self._level, 0.0)
            self._at = max(self._at, now + max(0.0, seconds))

    def export(self, wall: float) -> dict[str, float]:
        """The state as plain numbers; ``wall`` is the wall time in seconds."""
        with self._lock:
            now = self._settle()
            return {"level": round(self._level, 3), "at": round(wall + (self._at - now), 3)}

    def restore(self, state: Mapping[str, Any] | None, wall: float) -> None:
        """Take over an exported state. An invalid state is ignored: the service reports its count anyway."""
        try:
            level, at = float(state["level"]), float(state["at"])  # type: ignore[index]
        except (TypeError, KeyError, ValueError, OverflowError):
            return
        if not (math.isfinite(level) and math.isfinite(at)):
            return
        with self._lock:
            now = self._monotonic()
            # A wall clock that was set back must not hold requests for longer than an empty bucket would.
            ahead = min(at - wall, self.capacity / self.rate)
            self._level = min(float(self.capacity), max(-float(self.capacity), level))
            self._at = now + ahead
            self._settle()
