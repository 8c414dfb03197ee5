# SPDX-License-Identifier: GPL-3.0-or-later
"""What the slices of the servers have in common: the time they are given, and the shape of their result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from ..model.items import iso, parse_time
from ..model.ports import Clock
from ..model.server_ports import ServerVaultPort
from ..model.servers import Fabric
from ..model.slice import Slice
from .entries import progress, refresh_fabric, requests_so_far

S = TypeVar("S")

#: Real seconds between two polls of the vault while waiting; a server's registration takes minutes.
POLL = 10.0


class Wanted(Protocol):
    """The time limits of every order of servers. Seconds; ``ready_timeout`` is of the service's clock."""

    @property
    def slice_seconds(self) -> float:
        """How long one slice may take."""

    @property
    def poll_interval(self) -> float | None:
        """Seconds between two polls; None for the default."""

    @property
    def ready_timeout(self) -> float:
        """How long to wait for what may resolve itself."""

    @property
    def wait(self) -> bool:
        """Whether to wait at all."""


class ServerSlice(Slice[S]):
    """A slice whose memory is its ``cursor``."""

    def __init__(self, order: Wanted, vaults: ServerVaultPort, clock: Clock, cursor: dict[str, Any]) -> None:
        super().__init__(clock, order.slice_seconds)
        self.order = order
        self.vaults = vaults
        self.cursor = cursor
        #: Writes of this slice that had to be.
        self.sent = 0

    def pause(self) -> float:
        return self.order.poll_interval or POLL

    def timed_out(self) -> bool:
        """Whether the wait for what may resolve itself is over, by the vault's own clock."""
        now = self.vaults.now
        since = parse_time(self.cursor.setdefault("since", iso(now)))
        return since is not None and (now - since).total_seconds() > self.order.ready_timeout

    def refresh_once(self, fabrics: Iterable[Fabric]) -> None:
        """Ask configuration servers to refresh their data in the vault; each once per run."""
        done = self.cursor.setdefault("refreshed", [])
        for fabric in {f.key: f for f in fabrics}.values():
            if fabric.key not in done:
                self.sent += refresh_fabric(self.vaults, fabric)
                done.append(fabric.key)

    def before(self, key: str, seen: Any) -> Any:
        """The state before the run's first slice, carried on by the cursor."""
        return self.cursor.setdefault("before", {}).setdefault(key, seen)

    def shaped(self, entries: Sequence[dict[str, Any]], sent: int, reads: int, **more: Any) -> dict[str, Any]:
        """The result of a slice. ``sent`` and ``reads`` are the requests that had to be; ``more`` is the slice's own."""
        waiting = any(entry["done"] == "waiting" for entry in entries)
        return {
            "finished": not waiting or not self.order.wait,
            "changed": any(entry["changed"] for entry in entries),
            "machines": list(entries),
            "progress": progress(entries),
            "requests": requests_so_far(self.cursor, self.vaults.requests, sent, reads),
            "cursor": self.cursor,
            "next_slice_seconds": self.order.slice_seconds,
            **more,
        }
