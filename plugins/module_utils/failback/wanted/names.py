# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that one of several servers offers, and which vault's servers a name is meant for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.words import same


def scoped(wanted: str | None, offered: Iterable[str], elsewhere: Iterable[str]) -> str | None:
    """The name wanted, unless only others offer it."""
    if wanted is None or among(wanted, offered) or not among(wanted, elsewhere):
        return wanted
    return None


def among(name: str, names: Iterable[str]) -> bool:
    """Whether a name is one of several."""
    return same(name, *names)
