# SPDX-License-Identifier: GPL-3.0-or-later
"""Options whose value may differ from machine to machine: one text for all, or a mapping. Pure.

A key of the mapping is a machine's name, the name or id of its replicated item, a pattern of names, ``windows`` or
``linux``, or ``default``. The machine's own name goes first, then a pattern, then its operating system, then the default.
Whether every key means something, keyed.py checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Union

from ..model.items import Item
from ..model.words import fits, is_pattern, name_key, names_nothing, same, stripped, wrong_type

Given = Union[str, Mapping[str, str]]

#: Options, and fields of the order, that take such a value.
OPTIONS = ("recovery_point", "datastore", "retention_volume")

SYSTEMS, DEFAULT = ("windows", "linux"), "default"

WANTED = "a string, or a mapping from machines, windows, linux or default to strings"


class Keys(dict[str, str]):
    """A mapping as it was given, its keys indexed once: the value of one of thousands of machines is one look-up."""

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, key in enumerate(self):
            places.setdefault(name_key(key), []).append(place)
        return places

    @cached_property
    def _spelt(self) -> list[str]:
        return list(self)

    @cached_property
    def patterns(self) -> list[str]:
        """Keys that may be patterns."""
        return [key for key in self if is_pattern(key) and not names_nothing(key)]

    @cached_property
    def systems(self) -> list[str]:
        """Keys that mean an operating system."""
        return self.of(*SYSTEMS)

    @cached_property
    def others(self) -> list[str]:
        """Keys for all machines that nothing else fits."""
        return self.of(DEFAULT)

    def of(self, *names: str) -> list[str]:
        """The keys that are one of the names, in the order they were given."""
        keys = {name_key(name) for name in names} - {""}
        return [self._spelt[place] for place in sorted(place for key in keys for place in self._places.get(key, ()))]


def meant(option: str, given: Any) -> Given | None:
    """The given value, stripped and without blank entries; None if nothing is left.

    Raises InputError (``wrong_type``) for anything but a text and a mapping of texts.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return stripped(given) or None
    if isinstance(given, Keys):
        return given or None
    if not isinstance(given, Mapping):
        raise wrong_type(option, given, WANTED)
    kept = Keys()
    for key, value in given.items():
        for part in (key, value):
            if part is not None and not isinstance(part, str):
                raise wrong_type(option, part, WANTED)
        if stripped(key or "") and stripped(value or ""):
            kept[stripped(key)] = stripped(value)
    return kept or None


def general(key: str) -> bool:
    """Whether a key means machines of a kind, or all others, rather than some by name."""
    return same(key, *SYSTEMS, DEFAULT)


def ranked(item: Item, given: Mapping[str, str]) -> tuple[list[str], ...]:
    """The keys that mean a machine: by its name, by pattern, by its operating system, and those for all others."""
    keys = given if isinstance(given, Keys) else Keys(given)
    exact = keys.of(*item.names)
    loose = [key for key in keys.patterns if key not in exact and fits(key, item.friendly_name)]
    system = [key for key in keys.systems if same(key, item.os_type)]
    return exact, loose, system, list(keys.others)


def value_for(item: Item, given: Given | None) -> str | None:
    """The value for one machine; None where none is given for it."""
    if given is None or isinstance(given, str):
        return given
    return next((given[key] for keys in ranked(item, given) for key in keys), None)


def needs_system(item: Item, given: Given | None) -> bool:
    """Whether the value depends on the machine's operating system, and that is not known yet."""
    if given is None or isinstance(given, str) or item.os_type:
        return False
    keys = given if isinstance(given, Keys) else Keys(given)
    exact, loose, _system, _default = ranked(item, keys)
    return not exact and not loose and bool(keys.systems)


def values(given: Given | None) -> list[str]:
    """Every value that is given, each once."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(dict.fromkeys(given.values()))
