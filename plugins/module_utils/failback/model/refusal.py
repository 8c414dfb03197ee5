# SPDX-License-Identifier: GPL-3.0-or-later
"""Why something is not done, and what should be known though it stops nothing: one shape for machines, servers, virtual machines and guests."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import FailbackError


@dataclass(frozen=True)
class Refusal:
    """A stable ``code`` for playbooks, one sentence for users, and what to do next. ``waits``: it may resolve itself with time."""

    code: str
    reason: str
    remedy: str = ""
    waits: bool = False

    @classmethod
    def of(cls, error: FailbackError) -> Refusal:
        """An error as the refusal of the one thing it is about."""
        return cls(error.code, error.message, error.remedy)

    def result(self) -> dict[str, object]:
        """As in module results."""
        return {"code": self.code, "reason": self.reason, "remedy": self.remedy, "waits": self.waits}


@dataclass(frozen=True)
class Advice:
    """What stops nothing but should be known: one sentence for users, and what to do about it.

    ``about`` names what it is, for those that look for it; empty where nobody does.
    """

    reason: str
    remedy: str = ""
    about: str = ""

    def sentence(self) -> str:
        """Reason and remedy as one text."""
        return f"{self.reason} {self.remedy}".rstrip()
