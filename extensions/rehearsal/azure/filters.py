# SPDX-License-Identifier: GPL-3.0-or-later
"""``$filter`` as the service takes it: comparisons joined with ``and`` and ``or``, in brackets where need be."""

from __future__ import annotations

import re
from collections.abc import Callable

from rehearsal.azure.errors import Refused, refused

#: Key in lower case, operator, value.
Term = tuple[str, str, str]
#: All terms of one alternative must hold.
Alternatives = list[list[Term]]

_TOKEN = re.compile(r"\s*(\(|\)|'(?:[^']|'')*'|[^\s()']+)")


def parse_filter(text: str | None, known: tuple[str, ...]) -> Alternatives:
    """The alternatives of a filter, one of which must hold; one without terms where there is no filter. Raises Refused."""
    if not text or not text.strip():
        return [[]]
    return _Reader(text, known).whole()


def holds(alternatives: Alternatives, term_holds: Callable[[Term], bool]) -> bool:
    return any(all(term_holds(term) for term in terms) for terms in alternatives)


class _Reader:
    def __init__(self, text: str, known: tuple[str, ...]) -> None:
        self.text, self.known = text, known
        self.words = [m.group(1) for m in _TOKEN.finditer(text)]
        self.place = 0
        if "".join(self.words) != re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text):
            raise self._no()

    def _no(self) -> Refused:
        return refused(
            400, "BadRequest", f"The filter {self.text!r} is not supported; known keys are {', '.join(self.known)}."
        )

    def _peek(self) -> str:
        return self.words[self.place].lower() if self.place < len(self.words) else ""

    def _next(self) -> str:
        if self.place >= len(self.words):
            raise self._no()
        self.place += 1
        return self.words[self.place - 1]

    def whole(self) -> Alternatives:
        found = self._either()
        if self.place != len(self.words):
            raise self._no()
        return found

    def _either(self) -> Alternatives:
        found = self._both()
        while self._peek() == "or":
            self.place += 1
            found = found + self._both()
        return found

    def _both(self) -> Alternatives:
        found = self._one()
        while self._peek() == "and":
            self.place += 1
            more = self._one()
            found = [a + b for a in found for b in more]
        return found

    def _one(self) -> Alternatives:
        if self._peek() == "(":
            self.place += 1
            inside = self._either()
            if self._next() != ")":
                raise self._no()
            return inside
        key, operator, value = self._next().lower(), self._next().lower(), self._next()
        if key not in self.known or operator not in ("eq", "ge", "gt", "le", "lt") or value in "()":
            raise self._no()
        if value.startswith("'"):
            value = value[1:-1].replace("''", "'")
        return [[(key, operator, value)]]
