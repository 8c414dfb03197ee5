# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of options that differ by machine (by_machine.py), compared with the machines of the vaults. Pure.

A key that matches nothing is misspelt: the machine it was for would silently get another value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model.errors import InputError
from ..model.items import Item
from ..model.words import Named, names_nothing
from .by_machine import OPTIONS, general, ranked
from .selection import item_names, listing


def check_keys(order: Any, listed: Sequence[Item], chosen: Sequence[Item]) -> None:
    """Raises InputError for a key that fits no machine or may mean several, and where two keys give a chosen machine
    different values. ``listed`` are all machines of the vaults: a mapping may be in an inventory for every run."""
    mappings = {option: given for option in OPTIONS if isinstance(given := getattr(order, option, None), Mapping)}
    if not mappings:
        return
    index = Named(listed, item_names)
    for option, given in mappings.items():
        for key in given:
            _check_key(option, key, listed, index)
        for item in chosen:
            _check_machine(option, given, item, index)


def _check_key(option: str, key: str, listed: Sequence[Item], index: Named[Item]) -> None:
    exact = index.exact(key)
    if exact and general(key):
        raise InputError(
            "key_ambiguous",
            f"The key {key!r} in '{{option:{option}}}' is a reserved word, and a machine also has that name.",
            f"For that machine, give the id of its replicated item ({exact[0].id}), or rename the key.",
        )
    if len(exact) > 1:
        where = listing(f"{item.friendly_name} in vault {item.vault.name} ({item.id})" for item in exact)
        raise InputError(
            "key_ambiguous",
            f"The key {key!r} in '{{option:{option}}}' matches {len(exact)} replicated items: {where}.",
            "Give the ids of those you mean, as listed here.",
        )
    if not exact and names_nothing(key):
        raise InputError(
            "pattern_too_broad",
            f"The pattern {key!r} in '{{option:{option}}}' has wildcards only.",
            "To cover all remaining machines, use the key default.",
        )
    if not general(key) and not index.found(key):
        raise InputError(
            "key_not_found",
            f"The key {key!r} in '{{option:{option}}}' matches no machine of the vaults.",
            f"Give windows, linux, default, or machines: {listing(item.friendly_name for item in listed)}.",
        )


def _check_machine(option: str, given: Mapping[str, str], item: Item, index: Named[Item]) -> None:
    ranks = ranked(item, given)
    keys = next((keys for keys in ranks if keys), [])
    if len({given[key] for key in keys}) > 1:
        raise InputError(
            "keys_differ",
            f"The keys {listing(map(repr, keys))} in '{{option:{option}}}' give {item.friendly_name} different values.",
            f"Add a key for {item.friendly_name}, or make the keys more specific.",
        )
    for key in keys if keys is ranks[1] else ():
        others = index.exact(key)
        if others:
            raise InputError(
                "key_ambiguous",
                (
                    f"The key {key!r} in '{{option:{option}}}' is the name of a machine, and as a pattern it also matches "
                    f"{item.friendly_name}."
                ),
                f"For that machine only, give the id of its replicated item ({others[0].id}).",
            )
