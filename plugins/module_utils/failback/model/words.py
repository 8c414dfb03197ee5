# SPDX-License-Identifier: GPL-3.0-or-later
"""Words as people give them: when two are the same name, and when one says nothing at all. Pure.

A word that says nothing must never choose anything: an unanswered question of a survey is an empty text.
"""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from .errors import InputError

T = TypeVar("T")

#: Invisible characters that text copied from a web page or a spreadsheet brings along; ``str.strip`` keeps them.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"

#: Characters that make a word a pattern.
PATTERN_CHARACTERS = frozenset("*?[")


def clean(text: str) -> str:
    """A text without the blanks around it."""
    before = None
    while text != before:
        before, text = text, text.strip().strip(_INVISIBLE)
    return text


def fold(text: str) -> str:
    """What two spellings of one name have in common: neither case nor the form of an umlaut tells machines apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def is_pattern(word: str) -> bool:
    """Whether a word has the characters of a pattern; it may be a plain name all the same."""
    return bool(PATTERN_CHARACTERS & set(word))


def names_nothing(pattern: str) -> bool:
    """Whether a pattern has nothing but wildcards: what is left of ``{{ prefix }}*`` where the prefix is empty."""
    return is_pattern(pattern) and not clean(pattern.replace("*", "").replace("?", ""))


def same(word: str, *names: str | None) -> bool:
    """Whether a word is one of the names. A word or a name that is blank is the same as nothing."""
    wanted = fold(clean(word))
    return bool(wanted) and any(wanted == fold(clean(name)) for name in names if name)


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern."""
    return bool(clean(name)) and fnmatch.fnmatchcase(fold(clean(name)), fold(clean(pattern)))


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
        word = clean(str(entry))
        if word:
            found.append(word)
    return tuple(found)


def wrong_type(option: str, value: Any, wanted: str) -> InputError:
    """A value of the wrong type, named with its option and the remedy."""
    remedy = f"Give {option} as {wanted}."
    if isinstance(value, (bool, int, float)):
        remedy = f"Write a name in quotes, as it is spelt; unquoted, YAML reads {value!r}."
    kind = next((word for kind, word in _KINDS if isinstance(value, kind)), "something else")
    return InputError("wrong_type", f"{option} takes {wanted}, and {value!r} is {kind}.", remedy)


_KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (Mapping, "a mapping"),
    (str, "a text"),
    (Iterable, "a list"),
    (type(None), "nothing"),
)


def found_by(word: str, things: Sequence[T], names: Callable[[T], Sequence[str | None]]) -> list[T]:
    """The things a word means: those of that very name, and only where there is none, those that fit it as a pattern.

    ``names`` gives the names of a thing. ``SQL [prod]`` is a name with brackets as long as there is such a machine.
    """
    exact = [thing for thing in things if same(word, *names(thing))]
    if exact or not is_pattern(word) or names_nothing(word):
        return exact
    return [thing for thing in things if fits(word, names(thing)[0] or "")]
