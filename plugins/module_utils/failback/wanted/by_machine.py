# SPDX-License-Identifier: GPL-3.0-or-later
"""Options whose value may differ from machine to machine: one text for all, or a mapping. Pure.

A key of the mapping is a machine's name, the name or id of its replicated item, a pattern of names, ``windows`` or
``linux``, or ``default``. The machine's own name goes first, then a pattern, then its operating system, then the default.
Whether every key means something, keyed.py checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from ..model.items import Item
from ..model.words import clean, fits, is_pattern, names_nothing, same, wrong_type

Given = Union[str, Mapping[str, str]]

#: Options, and fields of the order, that take such a value.
OPTIONS = ("recovery_point", "datastore", "retention_volume")

SYSTEMS, DEFAULT = ("windows", "linux"), "default"

WANTED = "a text, or a mapping from machines, windows, linux or default to texts"


def meant(option: str, given: Any) -> Given | None:
    """What was given, without blanks around it and without what is blank; None where nothing is left.

    Raises InputError (``wrong_type``) for anything but a text and a mapping of texts.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return clean(given) or None
    if not isinstance(given, Mapping):
        raise wrong_type(option, given, WANTED)
    kept: dict[str, str] = {}
    for key, value in given.items():
        for part in (key, value):
            if part is not None and not isinstance(part, str):
                raise wrong_type(option, part, WANTED)
        if clean(key or "") and clean(value or ""):
            kept[clean(key)] = clean(value)
    return kept or None


def general(key: str) -> bool:
    """Whether a key means machines of a kind, or all others, rather than some by name."""
    return same(key, *SYSTEMS, DEFAULT)


def ranked(item: Item, given: Mapping[str, str]) -> tuple[list[str], ...]:
    """The keys that mean a machine: by its name, by pattern, by its operating system, and those for all others."""
    exact = [key for key in given if same(key, *item.names)]
    loose = [
        key
        for key in given
        if key not in exact and is_pattern(key) and not names_nothing(key) and fits(key, item.friendly_name)
    ]
    system = [key for key in given if same(key, *SYSTEMS) and same(key, item.os_type)]
    return exact, loose, system, [key for key in given if same(key, DEFAULT)]


def value_for(item: Item, given: Given | None) -> str | None:
    """The value for one machine; None where none is given for it."""
    if given is None or isinstance(given, str):
        return given
    return next((given[key] for keys in ranked(item, given) for key in keys), None)


def needs_system(item: Item, given: Given | None) -> bool:
    """Whether the value depends on the machine's operating system, and nothing has told that yet."""
    if given is None or isinstance(given, str) or item.os_type:
        return False
    exact, loose, _system, _default = ranked(item, given)
    return not exact and not loose and any(same(key, *SYSTEMS) for key in given)


def values(given: Given | None) -> list[str]:
    """Every value that is given, each once."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(dict.fromkeys(given.values()))
