# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pipelines of a process share: token, buckets, counts, the service's time; and what one request is for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..failback.model.errors import ConnectionFailed, FailbackError
from ..failback.model.ports import Clock, Requests
from . import failures
from .failures import Reply, RequestName
from .pacing import READ_CAPACITY, READ_RATE, TokenBucket
from .tokens import Tokens

#: How often one read is sent in all when answers are lost, cut or 5xx.
READ_ATTEMPTS = 5


#: Seconds that any wait the service asks for lasts at least.
LEAST_WAIT = 0.5


#: Seconds of the first pause between two attempts, and of the longest.
PAUSE_FIRST, PAUSE_LONGEST = 0.5, 20.0


def seconds(
    value: str | None, otherwise: float | None, date: str | None = None, longest: float = 86400.0
) -> float | None:
    """Retry-After in seconds; ``otherwise`` where it is absent or makes no sense.

    Always a number so far (SEEN); a date is allowed (RFC 9110) and counts from the answer's own ``date``. None is below
    ``LEAST_WAIT``: nothing is requested again without a pause.
    """
    if value is None:
        return otherwise
    try:
        told = float(value)
    except ValueError:
        try:
            told = (parsedate_to_datetime(value) - parsedate_to_datetime(date or "")).total_seconds()
        except (TypeError, ValueError):
            return otherwise
    return max(LEAST_WAIT, told) if 0 <= told < longest else otherwise


@dataclass
class Exchange:
    """What one request is for, and what came of it. Handed to a pipeline as its option ``call``.

    ``what`` names it in messages. ``changes`` is False for a POST that only asks; it counts as a read then. With ``pending``
    a read takes a 202 as an empty object. ``found`` is the JSON a read gave, ``reply`` the answer that was accepted.
    """

    what: str
    changes: bool = True
    pending: bool = False
    reply: Reply | None = None
    found: dict[str, Any] | None = None
    #: The latest attempt, and how often the service refused the token and asked to wait.
    ask: RequestName = field(default_factory=lambda: RequestName("", ""))
    refused: int = 0
    throttled: int = 0


class Shared:
    """What the pipelines of a process share: token, buckets, counts, the service's time. Safe to use from many threads.

    ``deadline`` is a time of ``clock.monotonic`` after which no pause may end: a pause that would is an error at once.
    ``random`` gives numbers from 0 to 1 and spreads the pauses.
    """

    def __init__(
        self,
        endpoint: str,
        tokens: Tokens,
        clock: Clock,
        random: Callable[[], float],
        deadline: float | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.requests = Requests()
        self.deadline = deadline
        self.endpoint = endpoint
        self.tokens = tokens
        self.clock = clock
        self.wall = wall
        self.told: datetime | None = None
        self._random = random
        self._lock = threading.Lock()
        self._writes: dict[str, TokenBucket] = {}
        self._reads: dict[str, TokenBucket] = {}

    def bucket(self, subscription: str, write: bool) -> TokenBucket:
        """The token bucket of a subscription."""
        with self._lock:
            buckets = self._writes if write else self._reads
            if subscription not in buckets:
                fresh = TokenBucket(self.clock.monotonic)
                buckets[subscription] = fresh if write else TokenBucket(self.clock.monotonic, READ_CAPACITY, READ_RATE)
            return buckets[subscription]

    def write_buckets(self) -> list[TokenBucket]:
        """The write buckets known so far."""
        with self._lock:
            return list(self._writes.values())

    def export(self) -> dict[str, dict[str, dict[str, float]]]:
        """All buckets as plain numbers, by subscription."""
        wall = self.wall()
        with self._lock:
            names = {*self._writes, *self._reads}
        return {
            name: {kind: self.bucket(name, kind == "writes").export(wall) for kind in ("writes", "reads")}
            for name in sorted(names)
        }

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Take over what ``export`` gave; what is not understood is left aside."""
        if not isinstance(state, Mapping):
            return
        for name, kinds in state.items():
            if isinstance(kinds, Mapping):
                for kind in ("writes", "reads"):
                    self.bucket(str(name).lower(), kind == "writes").restore(kinds.get(kind), self.wall())

    def count(self, write: bool, by: int) -> None:
        with self._lock:
            if write:
                self.requests.writes += by
            else:
                self.requests.reads += by

    def backoff(self, attempt: int) -> float:
        return min(PAUSE_LONGEST, PAUSE_FIRST * 2.0 ** (attempt - 1)) * (0.5 + self._random() / 2)

    def pause(self, length: float) -> bool:
        """Wait ``length`` seconds; False, without waiting, when that would pass the deadline."""
        if self.deadline is not None and self.clock.monotonic() + length > self.deadline:
            return False
        if length > 0:
            self.clock.sleep(length)
        return True

    def token(self, claims: str | None) -> str:
        """A token; a token endpoint in trouble is asked again after growing pauses, a refused login is not.

        Raises ConnectionFailed.
        """
        failed = 0
        while True:
            try:
                return self.tokens.get(claims)
            except ConnectionFailed as exc:
                failed += 1
                passes = exc.code in ("login_unavailable", "unreachable")
                if not passes or failed >= READ_ATTEMPTS or not self.pause(self.backoff(failed)):
                    raise

    def unreachable(self, exc: BaseException) -> FailbackError:
        return failures.cannot_reach(
            exc, self.endpoint, "resource_manager_endpoint (AZURE_RESOURCE_MANAGER_ENDPOINT) or cloud_environment"
        )
