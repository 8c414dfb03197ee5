# SPDX-License-Identifier: GPL-3.0-or-later
"""Consistency groups as units: which machines belong together, and what that means for a member's next step. Pure.

The members of a consistency group (multi-VM group) share recovery points (DOC failback-domain.md 7), which is worth
nothing once some have moved and others have not. So a step is sent for all of them or for none, and the next one waits
for all. A member that stopped holds its fellows before the first step that it has not taken itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from ..model.items import Item
from ..model.refusal import Refusal

T = TypeVar("T")

#: Code of a row that stopped for nothing but its group.
HELD = "group_held"

#: Outcome and code of a row that is awaiting approval of its commit.
AWAITING = "awaiting_approval"

#: Fellows named in a sentence before "and N more".
NAMED = 5


#: Of a member that has not stopped.
NO_REASON = Refusal("", "")


class FellowState(Enum):
    """A member of a group as seen from one step of another member."""

    #: The step is under way or behind it.
    PAST = "past"
    #: The step would be sent for it now.
    DUE = "due"
    #: It may still come to the step.
    OPEN = "open"
    #: It ended before the step.
    STOPPED = "stopped"


@dataclass(frozen=True)
class Fellow:
    """One member with its standing; ``why`` and ``ended`` describe one that stopped."""

    name: str
    standing: FellowState
    ended: str = ""
    why: Refusal = NO_REASON


@dataclass(frozen=True)
class GroupRuling:
    """What a group means for one member's step: it goes, is ``waiting`` for fellows, or held because some stopped."""

    go: bool
    waiting: str = ""
    refusal: Refusal | None = None


GO = GroupRuling(True)


def units(items: Iterable[Item]) -> dict[str, str]:
    """The unit of each item that belongs to a consistency group, by item key.

    Two items are of one group when they share its id, or its name on one fabric. An id without a name is no group: the
    service gives an ungrouped machine its own one (SEEN, asr-api.md).
    """
    parents: dict[str, str] = {}

    def root(mark: str) -> str:
        while parents.setdefault(mark, mark) != mark:
            mark = parents[mark]
        return mark

    marks: dict[str, str] = {}
    for item in items:
        if not item.group:
            continue
        named = f"{item.vault.key}|{item.fabric_id.lower()}|{item.group.strip().lower()}"
        marks[item.key] = named
        if item.group_id:
            parents[root(f"{item.vault.key}|{item.group_id}")] = root(named)
    return {key: root(mark) for key, mark in marks.items()}


@dataclass(frozen=True)
class Part:
    """A group of which a choice takes some members and not others; all names in order."""

    group: str
    vault: str
    chosen: tuple[str, ...]
    missing: tuple[str, ...]

    def result(self) -> dict[str, Any]:
        return {"group": self.group, "vault": self.vault, "chosen": list(self.chosen), "missing": list(self.missing)}


def parts(items: Sequence[Item], bound: Mapping[str, str], chosen: AbstractSet[str]) -> dict[str, Part]:
    """The groups that a choice splits, by unit. ``items`` are all that the vaults list, ``bound`` their units, ``chosen``
    the keys of those that a run may move."""
    found: dict[str, Part] = {}
    for unit, members in _by_unit(items, bound).items():
        taken = sorted((i.friendly_name for i in members if i.key in chosen), key=str.lower)
        missing = sorted((i.friendly_name for i in members if i.key not in chosen), key=str.lower)
        if taken and missing:
            first = members[0]
            found[unit] = Part(first.group or "", first.vault.name, tuple(taken), tuple(missing))
    return found


def _by_unit(items: Iterable[Item], bound: Mapping[str, str]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.key in bound:
            found.setdefault(bound[item.key], []).append(item)
    return found


def rule(group: str, doing: str, fellows: Sequence[Fellow]) -> GroupRuling:
    """Whether a member's step may be sent, given the other members of its group in this run."""
    stopped = [f for f in fellows if f.standing is FellowState.STOPPED]
    if stopped:
        # One that is itself only held for the group is no explanation if another one is.
        causes = [f for f in stopped if f.why.code != HELD] or stopped
        said = " ".join(f"{f.name} {_how(f)}." for f in causes[:NAMED]) + _more(len(causes))
        return GroupRuling(
            False,
            refusal=Refusal(
                HELD,
                f"Held before {doing} with its consistency group {group!r}, whose members move together: {said}",
                remedy(causes),
            ),
        )
    waited_for = [f.name for f in fellows if f.standing is FellowState.OPEN]
    if waited_for:
        names = ", ".join(waited_for[:NAMED]) + _more(len(waited_for))
        return GroupRuling(False, f"waiting for {names} of its consistency group {group!r} before {doing}")
    return GO


def remedy(causes: Sequence[Fellow]) -> str:
    """What to do about the members that hold a group."""
    names = ", ".join(f.name for f in causes[:NAMED]) + _more(len(causes))
    if all(f.why.code == AWAITING for f in causes):
        return f"Check {names} and approve as well: the group is committed once all its members are approved."
    own = " ".join(dict.fromkeys(f"{f.name}: {f.why.remedy}" for f in causes[:NAMED] if f.why.remedy))
    return (
        f"Fix the cause for {names}, then rerun for the whole group."
        + (f" {own}" if own else "")
        + f" To continue without {'it' if len(causes) == 1 else 'them'}, choose only the others and set "
        f"{{set:split_groups=true}}. The group then loses its common recovery point."
    )


def _how(fellow: Fellow) -> str:
    words = {
        "failed": "failed",
        "refused": "was refused",
        "held": "is held",
        "awaiting_approval": "is waiting for approval",
        "under way": "is still in progress",
    }
    why = fellow.why.reason.strip().rstrip(".")
    return f"{words.get(fellow.ended, 'stopped')}{f' ({why})' if why else ''}"


def _more(number: int) -> str:
    return f" and {number - NAMED} more" if number > NAMED else ""


def blocks(entries: Iterable[T], unit: Callable[[T], object]) -> list[list[T]]:
    """Entries with one's fellows beside it, in the order in which each unit first appears."""
    found: dict[object, list[T]] = {}
    for entry in entries:
        found.setdefault(unit(entry), []).append(entry)
    return list(found.values())


def cut(pieces: Sequence[Sequence[T]], room: int) -> tuple[list[T], list[T]]:
    """The leading whole blocks that fit into ``room``, and the rest, both flat. None is overtaken by a smaller one."""
    number = used = 0
    for piece in pieces:
        if used + len(piece) > room:
            break
        used += len(piece)
        number += 1
    return [e for piece in pieces[:number] for e in piece], [e for piece in pieces[number:] for e in piece]


@dataclass(frozen=True)
class FellowRoute:
    """A member's way as check mode sees it: steps behind it, steps ahead in order, and how it would stop."""

    past: frozenset[str]
    ahead: tuple[str, ...]
    fellow: Fellow | None = None

    def reaches(self, step: str) -> bool:
        return step in self.past or step in self.ahead


def barriers(ways: Mapping[str, FellowRoute]) -> dict[str, tuple[str, list[Fellow]]]:
    """For each member of one group that would be held: the step it is held before, and the fellows that stopped."""
    found: dict[str, tuple[str, list[Fellow]]] = {}
    for key, way in ways.items():
        for step in way.ahead:
            stopped = [
                other.fellow
                for name, other in ways.items()
                if name != key and other.fellow is not None and not other.reaches(step)
            ]
            if stopped:
                found[key] = (step, stopped)
                break
    return found
