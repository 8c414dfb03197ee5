# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM's token buckets, in real time, one set for each principal and subscription (DOC: per region, subscription and principal)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Kind of call -> (size, tokens per second).
LIMITS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}

#: All principals of a subscription together have fifteen times as much (DOC; 3749 SEEN beside 249).
GLOBAL_FACTOR = 15


def kind_of(method: str) -> str:
    if method in ("GET", "HEAD"):
        return "reads"
    return "deletes" if method == "DELETE" else "writes"


@dataclass
class Bucket:
    size: float
    rate: float
    level: float
    at: float

    def take(self, now: float) -> float | None:
        """None: taken. Otherwise the seconds until a token is there."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= 1.0:
            self.level -= 1.0
            return None
        return (1.0 - self.level) / self.rate


class Throttle:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        #: Calls of a kind that still find an empty bucket.
        self._drained: dict[str, int] = {}

    def take(self, principal: str, method: str, subscription: str = "") -> tuple[int, int | None]:
        """Tokens left and, when the call must be refused, the whole seconds of Retry-After."""
        kind = kind_of(method)
        now = self._monotonic()
        size, rate = LIMITS[kind]
        bucket = self._buckets.setdefault((principal, subscription.lower(), kind), Bucket(size, rate, size, now))
        if self._drained.get(kind, 0) > 0:
            # Somebody else took the tokens just before: how fast this machine is plays no part.
            self._drained[kind] -= 1
            bucket.level, bucket.at = 0.0, now
        wait = bucket.take(now)
        return int(bucket.level), None if wait is None else max(1, math.ceil(wait))

    def drain(self, kind: str, times: int) -> None:
        """The next calls of a kind find an empty bucket, whoever asks."""
        self._drained[kind] = times

    def reset(self) -> None:
        self._buckets.clear()
        self._drained.clear()
