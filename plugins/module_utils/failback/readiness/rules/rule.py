# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules. A rule evaluates one subject (a machine, a group, a server) from facts that were read before, and nothing else.

Unknown is its own verdict and never a pass. Where it would put data at risk it blocks (``unknown_blocks``), elsewhere it
is reported like a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Optional

from ..facts.moments import BOTH

PASS, WARN, BLOCK, UNKNOWN = "pass", "warn", "block", "unknown"

#: How the remedy of what is not known begins where the rule has no better one.
LOOK_YOURSELF = "Check it yourself."


@dataclass(frozen=True)
class Said:
    """The result of a rule for a subject: whether it holds (None: not known), in a sentence, and its own remedy."""

    holds: bool | None
    text: str
    remedy: str = ""


def numbered(numbers: Iterable[int]) -> str:
    """The source of a rule that the fact sheet lists under these numbers."""
    found = list(numbers)
    return f"preflight check{'s' if len(found) > 1 else ''} {' and '.join(map(str, found))}"


def ok(text: str) -> Said:
    return Said(True, text)


def bad(text: str, remedy: str = "") -> Said:
    return Said(False, text, remedy)


def unknown(text: str, remedy: str = "") -> Said:
    return Said(None, text, remedy)


#: Evaluates a subject by the facts; None where the rule does not apply.
Judge = Callable[[Any, Any], Optional[Said]]


@dataclass(frozen=True)
class Rule:
    """One check, as a row.

    ``id`` is a stable word, by which it is accepted. ``checks`` are its numbers in docs/facts (preflight checks), ``reads`` says
    what is read and where, ``source`` where the rule comes from: a preflight check or section of the fact sheet.
    """

    id: str
    title: str
    about: str
    moments: frozenset[str]
    severity: str
    judge: Judge
    reads: str
    remedy: str
    source: str
    checks: tuple[int, ...] = ()
    generations: frozenset[str] = BOTH
    unknown_blocks: bool = False

    def verdict(self, said: Said) -> str:
        if said.holds is None:
            return UNKNOWN
        return PASS if said.holds else self.severity

    def blocks(self, said: Said) -> bool:
        """Whether this stops the subject unless it is accepted."""
        return (said.holds is False and self.severity == BLOCK) or (said.holds is None and self.unknown_blocks)
