# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as users enter them: when two are the same, and when one is blank. Pure.

A blank entry must never select anything: an unanswered survey question is an empty string.
"""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from .errors import InputError

T = TypeVar("T")

#: Invisible characters that text copied from a web page or a spreadsheet brings along; ``str.strip`` keeps them.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"

#: Characters that make a word a pattern.
PATTERN_CHARACTERS = frozenset("*?[")


def stripped(text: str) -> str:
    """A text without the blanks around it."""
    before = None
    while text != before:
        before, text = text, text.strip().strip(_INVISIBLE)
    return text


def fold(text: str) -> str:
    """What two spellings of one name have in common: neither case nor the form of an umlaut distinguishes machines."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


@lru_cache(maxsize=1 << 16)
def name_key(text: str) -> str:
    """What every spelling of a name has in common, without the blanks around it; empty for a blank text."""
    return fold(stripped(text))


def is_pattern(word: str) -> bool:
    """Whether a word has the characters of a pattern; it may be a plain name all the same."""
    return bool(PATTERN_CHARACTERS & set(word))


def names_nothing(pattern: str) -> bool:
    """Whether a pattern has nothing but wildcards: what is left of ``{{ prefix }}*`` where the prefix is empty."""
    return is_pattern(pattern) and not stripped(pattern.replace("*", "").replace("?", ""))


def same(word: str, *names: str | None) -> bool:
    """Whether a word is one of the names. A word or a name that is blank is the same as nothing."""
    wanted = name_key(word)
    return bool(wanted) and any(wanted == name_key(name) for name in names if name)


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern."""
    key = name_key(name)
    return bool(key) and fnmatch.fnmatchcase(key, name_key(pattern))


def words(option: str, given: Any) -> tuple[str, ...]:
    """The words of an option that takes several. Blank ones are dropped, so that they choose nothing.

    Raises InputError (``wrong_type``) for what is no text: a number has lost its spelling (007, 1.10, on).
    """
    entries: Iterable[Any] = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else given
    if isinstance(given, Mapping):
        raise wrong_type(option, given, "a list of names")
    found: list[str] = []
    for entry in entries:
        if entry is None:
            continue
        if not isinstance(entry, str):
            raise wrong_type(option, entry, "a list of names")
        word = stripped(str(entry))
        if word:
            found.append(word)
    return tuple(found)


def wrong_type(option: str, value: Any, wanted: str) -> InputError:
    """A value of the wrong type, named with its option and the remedy."""
    remedy = f"Set {option} to {wanted}."
    if isinstance(value, (bool, int, float)):
        remedy = f"Put the name in quotes; unquoted, YAML reads it as {value!r}."
    kind = next((word for kind, word in _KINDS if isinstance(value, kind)), "something else")
    return InputError("wrong_type", f"{option} must be {wanted}, but {value!r} is {kind}.", remedy)


_KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (Mapping, "a mapping"),
    (str, "a string"),
    (Iterable, "a list"),
    (type(None), "nothing"),
)


class Named(Generic[T]):
    """Things by their names, indexed once: selecting thousands of machines by name costs one look-up each.

    ``names`` gives the names of a thing; patterns are held against the first of them. The order of ``things`` is kept.
    """

    def __init__(self, things: Iterable[T], names: Callable[[T], Sequence[str | None]]) -> None:
        self._things: list[tuple[T, str]] = []
        self._by_key: dict[str, list[T]] = {}
        for thing in things:
            called = names(thing)
            self._things.append((thing, called[0] or ""))
            for key in {name_key(name) for name in called if name} - {""}:
                self._by_key.setdefault(key, []).append(thing)

    def exact(self, word: str) -> list[T]:
        """The things of this very name; none where the word is blank."""
        return list(self._by_key.get(name_key(word), ()))

    def found(self, word: str) -> list[T]:
        """The things that match an entry: those with exactly that name, else those that match it as a pattern.

        ``SQL [prod]`` is a name with brackets as long as there is such a machine.
        """
        exact = self.exact(word)
        if exact or not is_pattern(word) or names_nothing(word):
            return exact
        return [thing for thing, name in self._things if fits(word, name)]
