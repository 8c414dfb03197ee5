# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault's own words about a machine's health. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model.items import Item, Json
from ..model.texts import bounded


def health_entries(item: Item) -> list[Json]:
    """The item's health errors (asr-api.md 5.4: one array, two of other names in 2017), those inside others too."""
    found: list[Json] = []
    for key in ("healthErrors", "replicationHealthErrors", "failoverHealthErrors"):
        for entry in item.properties.get(key) or ():
            if isinstance(entry, Mapping):
                found.append(entry)
                found.extend(e for e in entry.get("innerHealthErrors") or () if isinstance(e, Mapping))
    return found


def health_words(entries: Sequence[Json]) -> str:
    """The first of them in one sentence fragment: codes and messages, and how many more there are."""
    told = []
    for entry in entries[:3]:
        code = str(entry.get("errorCode") or entry.get("errorId") or "")
        text = bounded(entry.get("errorMessage") or entry.get("summaryMessage") or "", 400).rstrip(".")
        told.append(": ".join(word for word in (code, text) if word))
    left = len(entries) - len(told)
    return "; ".join(told) + (f"; and {left} more" if left > 0 else "")
