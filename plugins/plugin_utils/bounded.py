# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of a size that an event, a log and a person can bear, whatever the number of machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.outcomes import LISTED

#: Names in one list of a failed result, and entries in one list of a result's copy of the arguments.
NAMES = 50

#: Lists of names that only say again what stands in ``machines``.
LISTS = tuple(f"{word}_machines" for word in LISTED)

#: Options that are left out of the result's copy of the arguments: nobody typed them, and they may be long.
BULKY = frozenset({"cursor", "results", "judged"})


def failed(result: dict[str, Any]) -> dict[str, Any]:
    """A failed result as it is handed on: no ``lines``, which were displayed already, and short lists of names.

    ``counts`` tells how many there are and ``machines`` holds them all.
    """
    if not result.get("failed"):
        return result
    kept = {key: value for key, value in result.items() if key != "lines"}
    for key in LISTS:
        if isinstance(kept.get(key), list):
            kept[key] = kept[key][:NAMES]
    return kept


def arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """A module's arguments as its result repeats them."""
    return {key: _short(value) for key, value in given.items() if key not in BULKY}


def _short(value: Any) -> Any:
    if not isinstance(value, list) or len(value) <= NAMES:
        return value
    return [*value[:NAMES], f"and {len(value) - NAMES} more"]
