# SPDX-License-Identifier: GPL-3.0-or-later
"""One cause of many machines printed once. Pure.

Two machines have the same cause if their texts differ only in names, ids and numbers: a reason that counts
disks or names the machine's own server is still one reason. The first machine's words are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

#: Ids and numbers: resource ids, GUIDs, hashes, and numbers with their dots and colons.
_VARYING = re.compile(
    r"/subscriptions/\S+|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\d+(?:[.:,]\d+)*", re.I
)
_WORD = re.compile(r"[\w.-]+")


@dataclass
class SharedCause:
    """The texts about these machines. ``texts`` are the first one's; ``alike``: the others' differ in names, ids or
    numbers."""

    kind: str
    texts: tuple[str, ...]
    names: list[str] = field(default_factory=list)
    alike: bool = False

    def who(self, limit: int) -> str:
        """The machines' names, and how many more there are beyond the limit."""
        more = len(self.names) - limit
        return ", ".join(self.names[:limit]) + (f" and {more} more" if more > 0 else "")

    @property
    def note(self) -> str:
        """That the texts are the first machine's; empty where they apply to all."""
        return f"(Details are for {self.names[0]}; names and numbers differ for the others.)" if self.alike else ""


def causes(said: Sequence[tuple[str, str, tuple[str, ...]]]) -> list[SharedCause]:
    """Causes in the order of their first machines. ``said``: for each machine its name, the kind (verdict and stable
    word: machines of two kinds never have one cause) and the texts."""
    names = {name.lower() for name, _kind, _texts in said}
    found: dict[tuple[str, ...], SharedCause] = {}
    for name, kind, texts in said:
        shapes = (kind, *(shape(text, name, names) for text in texts))
        cause = found.setdefault(shapes, SharedCause(kind, texts))
        cause.alike = cause.alike or cause.texts != texts
        if name not in cause.names:
            cause.names.append(name)
    return list(found.values())


def shape(text: str, own: str, names: Iterable[str]) -> str:
    """A text without what may differ between two machines of one cause."""

    def word(match: re.Match[str]) -> str:
        bare = match.group().rstrip(".")
        return match.group().replace(bare, "*") if bare.lower() in names else match.group()

    # A name may hold blanks and brackets, so the machine's own is searched separately.
    whole = re.sub(rf"(?<![\w-]){re.escape(own)}(?![\w-])", "*", text) if own else text
    return _VARYING.sub("#", _WORD.sub(word, whole))
