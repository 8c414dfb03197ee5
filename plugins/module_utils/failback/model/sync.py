# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a machine's synchronisation is, and how long it may still take. Pure.

Modernized items report bytes and percentages themselves, as a whole and by disk (SPEC InMageRcmSyncDetails; SEEN RCM 158:
all null while a disk is queued). Classic items report their disks' percentages in their own GET (SEEN FB). What an item does
not report stays None, and an estimate that cannot be made is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .items import Item, Json, parse_time

MB = 1 << 20

#: Units of bytes.
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")

#: Minimum seconds of the service's clock between two polls to compute a pace.
LONG_ENOUGH = 30.0


@dataclass(frozen=True)
class Sync:
    """A synchronisation as an item reports it. Bytes; ``eta_seconds`` is the estimate until everything has arrived."""

    percentage: float | None = None
    transferred_bytes: int | None = None
    total_bytes: int | None = None
    pending_bytes: int | None = None
    eta_seconds: int | None = None

    @property
    def told(self) -> bool:
        """Whether the item reports its progress."""
        return self.percentage is not None or self.transferred_bytes is not None

    def result(self) -> dict[str, Any]:
        """As in module results."""
        return asdict(self)

    @property
    def words(self) -> str:
        """For the progress line: what is known, and nothing that is not."""
        parts = []
        if self.percentage is not None:
            # Classic vaults report the disks' sizes and no amount sent.
            whole = f" of {amount(self.total_bytes)}" if self.total_bytes and not self.transferred_bytes else ""
            parts.append(f"{self.percentage:.0f}%{whole}")
        if self.transferred_bytes and self.total_bytes:
            parts.append(f"{amount(self.transferred_bytes)} of {amount(self.total_bytes)}")
        if self.pending_bytes and self.pending_bytes >= MB:
            parts.append(f"{amount(self.pending_bytes)} pending")
        if self.eta_seconds is not None:
            parts.append(f"about {about(self.eta_seconds)} left")
        return ", ".join(parts)


def measure(item: Item, now: datetime, before: tuple[datetime, float] | None = None) -> Sync:
    """What the item says about its synchronisation. ``before`` is an earlier read of this run: when, and its percentage."""
    details = item.details
    raw: Sequence[Json] = details.get("protectedDisks") or ()
    disks = [_Disk.parse(d) for d in raw]
    total = _sum(d.size for d in disks)
    transferred = _number(details, "initialReplicationTransferredBytes")
    transferred = transferred if transferred is not None else _sum(d.transferred for d in disks)
    if transferred is None:
        # -1 when unknown (SEEN FB).
        sent = _number(details, "totalDataTransferred")
        transferred = sent if sent is not None and sent >= 0 else None
    percentage = _number(details, "initialReplicationProgressPercentage")
    if percentage is None:
        percentage = _percentage(disks, _number(details, "initialReplicationProcessedBytes"), total)
    pending = _sum(d.pending for d in disks)
    left = None
    if percentage is not None and 0.0 < percentage < 100.0:
        left = _left(disks, percentage, now, before)
    return Sync(
        percentage=None if percentage is None else round(percentage, 1),
        transferred_bytes=None if transferred is None else round(transferred),
        total_bytes=None if total is None else round(total),
        pending_bytes=None if pending is None else round(pending),
        eta_seconds=None if left is None else round(left),
    )


@dataclass(frozen=True)
class _Disk:
    """One disk's share. ``began`` or ``spent``: since when, or for how many seconds, it has been in progress."""

    size: float | None
    percentage: float | None
    processed: float | None
    transferred: float | None
    pending: float | None
    began: datetime | None
    spent: float | None

    @classmethod
    def parse(cls, data: Json) -> _Disk:
        under_way: Json = data.get("irDetails") or data.get("resyncDetails") or {}
        waiting = [_number(data, key) for key in ("dataPendingInLogDataStoreInMB", "dataPendingAtSourceAgentInMB")]
        pending = _sum(waiting)
        told = _number(under_way, "progressPercentage")
        spent = _number(data, "resyncDurationInSeconds")
        return cls(
            size=_number(data, "capacityInBytes") or _number(data, "diskCapacityInBytes"),
            percentage=told if told is not None else _number(data, "resyncProgressPercentage"),
            processed=_number(under_way, "processedBytes"),
            transferred=_number(under_way, "transferredBytes"),
            pending=None if pending is None else pending * MB,
            began=parse_time(under_way.get("startTime")),
            spent=spent if spent and spent > 0 else None,
        )


def _percentage(disks: Sequence[_Disk], processed: float | None, total: float | None) -> float | None:
    """The item's own bytes, else the disks' percentages weighed by their sizes, else the least advanced disk's."""
    if processed is not None and total:
        return min(100.0, 100.0 * processed / total)
    known = [(d.percentage, d.size) for d in disks if d.percentage is not None]
    if not known or len(known) < len(disks):
        return None
    if total and all(size for _percent, size in known):
        return sum(percent * (size or 0.0) for percent, size in known) / total
    return min(percent for percent, _size in known)


def _left(
    disks: Sequence[_Disk], percentage: float, now: datetime, before: tuple[datetime, float] | None
) -> float | None:
    """Seconds still to go: by the slowest disk's own time so far, else by what this run has seen since its first look."""
    found: list[float] = []
    for disk in disks:
        if disk.percentage is None or not 0.0 < disk.percentage < 100.0:
            continue
        spent = disk.spent if disk.spent is not None else (now - disk.began).total_seconds() if disk.began else 0.0
        if spent > 0:
            found.append(spent * (100.0 - disk.percentage) / disk.percentage)
    if found:
        return max(found)
    if before is not None:
        when, then = before
        passed = (now - when).total_seconds()
        if passed >= LONG_ENOUGH and percentage > then:
            return passed * (100.0 - percentage) / (percentage - then)
    return None


def _number(data: Json, key: str) -> float | None:
    """A number, also where it comes as a string; None for null and for what is no number."""
    value = data.get(key)
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum of the reported values; None without any."""
    known = [v for v in values if v is not None]
    return sum(known) if known else None


def amount(number: float) -> str:
    """Bytes in words: 512 MB, 12.3 GB."""
    size, unit = float(number), 0
    while size >= 1024.0 and unit < len(_UNITS) - 1:
        size, unit = size / 1024.0, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if size >= 100.0 or unit < 2 else f"{size:.1f} {_UNITS[unit]}"


def about(seconds: float) -> str:
    """An estimate in words: minutes, then hours, then days; seconds would be false precision."""
    minutes = max(1, round(seconds / 60.0))
    if minutes < 90:
        return f"{minutes} min"
    hours = round(minutes / 60.0, 1)
    return f"{hours:g} h" if hours < 48 else f"{hours / 24.0:.1f} days"
