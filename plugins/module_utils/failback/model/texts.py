# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that others wrote, made fit for a terminal: nothing in them steers it, reorders it or floods it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

#: Characters of one text of the service at most.
LONGEST = 1000

#: Terminal escape sequences whole; then whatever else is no character to be seen: controls (a tab and a line's end apart),
#: and marks that turn the direction of writing or hide.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """``text`` without what a terminal would obey; everything that can be read stays, braces too."""
    if not _HIDDEN.search(text):
        return text
    return _HIDDEN.sub(" ", _ESCAPES.sub("", text))


def bounded(text: object, limit: int = LONGEST) -> str:
    """``text`` as others wrote it, clean and no longer than ``limit`` characters."""
    shown = printable(str(text)).strip()
    return shown if len(shown) <= limit else shown[: limit - 3].rstrip() + "..."


def begun(text: str) -> str:
    """A text as the beginning of a sentence; names within keep their capitals."""
    return text[:1].upper() + text[1:]


def joined(sentences: Iterable[str]) -> str:
    """Sentences as one part of another one, without their own full stops."""
    return "; ".join(text.strip().rstrip(".") for text in sentences)


def clean_all(value: Any) -> Any:
    """Plain data with every text in it clean."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: clean_all(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_all(part) for part in value]
    return value


def age(seconds: float) -> str:
    """A span in words."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"
