# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of an item as the service reports them, for the gates: its disks, and numbers that may be strings. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..model.items import Item, Json


def raw_disks(item: Item) -> list[Json]:
    """The item's protected disks as reported by the service."""
    return [d for d in item.details.get("protectedDisks") or () if isinstance(d, Mapping)]


def disk_name(disk: Json) -> str:
    return str(disk.get("diskName") or disk.get("diskId") or "a disk")


def number_of(value: Any) -> float | None:
    """A number, also as a string; NaN and infinity are ignored."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
