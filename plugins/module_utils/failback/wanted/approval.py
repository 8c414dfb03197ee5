# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines whose commit is approved. Pure.

An approval picks among the machines of the selection and never adds one to it. A word that fits none of them is an
error: a misspelt approval must not go unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from ..lifecycle.table import Position
from ..model.errors import InputError
from ..model.items import Item
from ..model.refusal import Refusal
from ..model.words import Named, same, stripped
from .selection import item_names, listing

#: The word for those of the selection that already waited for their commit when the run began.
HELD = "held"

#: Where a machine waits for its commit, as results call it.
WAITS = frozenset({Position.OUT_UNCOMMITTED.value, Position.HOME_UNCOMMITTED.value})


def approved_of(words: Iterable[str], chosen: Sequence[Item], held: AbstractSet[str]) -> set[str]:
    """Keys of the chosen items that are approved; ``held`` are the keys of those that waited when the run began.

    A word is an item's id, its name or friendly name, a consistency group, or a pattern for friendly names, searched in this
    order; blank entries are ignored. Raises InputError for an entry that matches no selected item,
    and for a name of several.
    """
    found: set[str] = set()
    by_id, by_name = Named(chosen, lambda i: (i.id,)), Named(chosen, item_names)
    by_group = Named(chosen, lambda i: (i.group,))
    for word in words:
        if same(word, HELD):
            found |= held
        elif stripped(word):
            found |= _keys(by_id.exact(word)) or _fitting(word, chosen, by_name, by_group)
    return found


def _keys(items: Iterable[Item]) -> set[str]:
    return {item.key for item in items}


def _fitting(word: str, chosen: Sequence[Item], by_name: Named[Item], by_group: Named[Item]) -> set[str]:
    named, grouped = _keys(by_name.exact(word)), _keys(by_group.exact(word))
    if len(named) > 1 or (named and grouped - named):
        both = [i for i in chosen if i.key in named | grouped]
        raise InputError(
            "approval_ambiguous",
            f"The approval {word!r} in '{{option:approved}}' matches {len(both)} machines: "
            f"{listing(f'{i.friendly_name} in vault {i.vault.name}' for i in both)}.",
            f"Approve by id: {listing(i.id for i in both)}.",
        )
    fits = named or grouped or _keys(by_name.found(word))
    if not fits:
        raise InputError(
            "approval_not_found",
            f"{word!r} in '{{option:approved}}' matches no machine of this selection.",
            f"Correct or remove it; choose from: {listing(i.friendly_name for i in chosen)}.",
        )
    return fits


def approval(step: str) -> Refusal:
    """The message for a machine that waits for approval before its commit."""
    if step.endswith("_onprem"):
        look = (
            "Check it on-premises: Is it powered on and reachable? Is the data current and the IP address "
            "correct? The commit deletes the Azure VM for good."
        )
    else:
        look = (
            "Check it in Azure: Is it running and reachable? Is the data current? The commit deletes all other "
            "recovery points."
        )
    approve = "Then rerun with its name in '{option:approved}'."
    return Refusal("awaiting_approval", "The machine is waiting for approval before the commit.", f"{look} {approve}")
