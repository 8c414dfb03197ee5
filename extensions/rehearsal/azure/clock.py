# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual clock: starts at the real present and then runs ``speed`` times faster.

All times in answers, the Date header included, are the virtual now, so that a client that takes "now" from the service
sees a consistent world. Waiting is done on the virtual clock too: a change of speed, or a jump, moves every waiter.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import formatdate


class Clock:
    """Virtual seconds since the epoch; ``monotonic`` and ``start`` are passed in by tests."""

    def __init__(
        self,
        speed: float = 1.0,
        start: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if speed <= 0:
            raise ValueError(f"speed={speed}: the clock runs forward only; give a number above 0.")
        self._monotonic = monotonic
        self._speed = float(speed)
        self._anchor_real = monotonic()
        self._anchor = time.time() if start is None else start
        self._waiters: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> float:
        """The virtual now, in seconds since the epoch."""
        return self._anchor + (self._monotonic() - self._anchor_real) * self._speed

    def set_speed(self, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"speed={speed}: the clock runs forward only; give a number above 0.")
        self._anchor = self.now()
        self._anchor_real = self._monotonic()
        self._speed = float(speed)
        self._arm()

    def advance(self, seconds: float) -> None:
        """Jump forward; everything that would have become due in between becomes due now, in order."""
        if seconds < 0:
            raise ValueError(f"seconds={seconds}: the clock runs forward only; give a number of at least 0.")
        self._anchor += seconds
        self._arm()

    def call_at(self, when: float, action: Callable[[], None]) -> None:
        """Run ``action`` in the event loop once the virtual now has reached ``when``."""
        heapq.heappush(self._waiters, (when, next(self._order), action))
        if self._waiters[0][0] == when:
            self._arm()

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now() + seconds)

    async def sleep_until(self, when: float) -> None:
        if when <= self.now():
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        self.call_at(when, wake)
        await future

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._waiters:
            delay = max(0.0, (self._waiters[0][0] - self.now()) / self._speed)
            self._handle = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        self._handle = None
        now = self.now()
        while self._waiters and self._waiters[0][0] <= now + 1e-6:
            heapq.heappop(self._waiters)[2]()
        self._arm()


def iso(moment: float) -> str:
    """``2023-08-26T04:22:13.1215306Z``: seven digits and a zone, as the service writes most times (SEEN)."""
    whole = int(moment)
    ticks = int((moment - whole) * 10_000_000)
    return f"{datetime.fromtimestamp(whole, tz=timezone.utc):%Y-%m-%dT%H:%M:%S}.{ticks:07d}Z"


def iso_seconds(moment: float) -> str:
    """``2023-08-26T04:22:13Z``."""
    return f"{datetime.fromtimestamp(int(moment), tz=timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def http_date(moment: float) -> str:
    return formatdate(moment, usegmt=True)


def parse_time(text: str) -> float:
    """Epoch seconds of a time in a filter; a time without a zone is taken as UTC. Raises ValueError."""
    text = text.strip().strip("'").replace(" ", "T")
    if text.upper().endswith("Z"):
        text = text[:-1] + "+00:00"
    head, dot, tail = text.partition(".")
    if dot:
        digits = "".join(itertools.takewhile(str.isdigit, tail))
        text = f"{head}.{digits[:6].ljust(6, '0')}{tail[len(digits) :]}"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()
