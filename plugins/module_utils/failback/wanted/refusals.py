# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said where a choice of machines cannot be followed as it was given. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..lifecycle.group import Part
from ..model.errors import InputError
from ..model.items import Problem
from ..model.refusal import Refusal
from .selection import Choice, Gone, listing


def group_split(parts: Iterable[Part]) -> InputError:
    """The refusal of a choice that takes a part of consistency groups."""
    found = sorted(parts, key=lambda p: (p.group.lower(), p.vault.lower()))
    said = "; ".join(
        f"{listing(p.chosen)} of the consistency group {p.group!r} in vault {p.vault}, without {listing(p.missing)}"
        for p in found
    )
    return InputError(
        "group_split",
        f"A consistency group moves as a whole, and a part of one is chosen: {said}.",
        "Choose all its members. To move a part all the same, set asr_split_groups: true (option split_groups); "
        "the group's common recovery point is lost then.",
        {"groups": [p.result() for p in found]},
    )


def lost_point(part: Part) -> dict[str, str]:
    """The warning of a machine whose group was split by the user's word."""
    return Problem(
        "group_split",
        f"Its consistency group {part.group!r} is split: {listing(part.missing)} stay behind, so the group has no common "
        "recovery point any more.",
        action="Look at the data that these machines share before people work with them again.",
        level="Warning",
    ).result()


def member_gone(member: Gone) -> Refusal:
    """The row of a recovery plan's member that its vault does not know."""
    return Refusal(
        "plan_member_gone",
        f"The recovery plan {member.plan!r} names a replicated item that is not in the vault.",
        "Take it out of the plan in the vault, or find out in the vault's jobs who removed its replication; a machine without "
        "replication cannot be brought home.",
    )


def said(choice: Choice) -> list[str]:
    """What is to be said of a choice by tasks that have no rows for it: plan members that are gone, and notes."""
    return [*(f"{member_gone(member).reason} ({member.id})" for member in choice.gone), *choice.notes]
