# SPDX-License-Identifier: GPL-3.0-or-later
"""The domain's errors. Each carries a stable code, a sentence for users, and what to do next."""

from __future__ import annotations

import os
import traceback
from typing import Any, TypeVar

T = TypeVar("T")


class FailbackError(Exception):
    """Something that ends a run, or one machine's part in it.

    ``code`` is stable and meant for playbooks to branch on; ``message`` is one sentence; ``remedy`` says what to do
    next; ``details`` holds plain data (never a secret). ``story`` is the result of a slice that the error has ended: what
    was known and what had been sent by then.
    """

    story: dict[str, Any] | None = None

    def __init__(self, code: str, message: str, remedy: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.details = details or {}

    def sentence(self) -> str:
        """Message and remedy as one text."""
        return f"{self.message} {self.remedy}".strip()


class InputError(FailbackError):
    """An option that cannot be used; found before anything is written."""


class ConnectionFailed(FailbackError):
    """The service or vCenter cannot be reached, or does not let us in."""


class ReadFailed(FailbackError):
    """An answer that cannot be trusted: truncated, repeated, incomplete, or an error of the service."""


class NotFound(ReadFailed):
    """The service knows no such thing (HTTP 404)."""


class Rejected(FailbackError):
    """A write the service refused (a definite 4xx): nothing was accepted."""


class Unknown(FailbackError):
    """A write with an unknown outcome (5xx, reset, time-out): read before anything is sent again."""


def defect(exc: BaseException) -> FailbackError:
    """An unexpected exception: a bug of this collection, with its location."""
    frames = traceback.extract_tb(exc.__traceback__)[-3:]
    where = " < ".join(
        f"{frame.name} ({os.path.basename(frame.filename)}:{frame.lineno})" for frame in reversed(frames)
    )
    return FailbackError(
        "defect",
        (
            f"A bug in this collection ended the run: {type(exc).__name__}: {str(exc)[:200]} in "
            f"{where or 'an unknown place'}."
        ),
        (
            "Please report it with this text. Operations that were sent continue in Azure; rerunning the same command "
            "joins them."
        ),
    )


def certain(value: T | None) -> T:
    """A value that the flow of the program guarantees; its absence is a defect of ours, not of the input."""
    if value is None:
        raise RuntimeError("a required value is missing; please report this as a bug")
    return value
