# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages for selections that cannot be followed as given. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..lifecycle.group import Part
from ..model.errors import InputError
from ..model.jobs import Problem
from ..model.refusal import Refusal
from .selection import Choice, Gone, listing


def group_split(parts: Iterable[Part]) -> InputError:
    """The refusal of a choice that takes a part of consistency groups."""
    found = sorted(parts, key=lambda p: (p.group.lower(), p.vault.lower()))
    split = "; ".join(
        f"{listing(p.chosen)} of the consistency group {p.group!r} in vault {p.vault}, without {listing(p.missing)}"
        for p in found
    )
    return InputError(
        "group_split",
        f"Members of a consistency group move together, and only some are selected: {split}.",
        "Select all its members. To move only some of them anyway, set {set:split_groups=true}. "
        "The group then loses its common recovery point.",
        {"groups": [p.result() for p in found]},
    )


def lost_point(part: Part) -> Problem:
    """The warning of a machine whose group was split on request."""
    return Problem(
        "group_split",
        f"Its consistency group {part.group!r} is split: {listing(part.missing)} stay behind, so the group no longer "
        "has a common recovery point.",
        action="Check the data these machines share before they go back into use.",
        level="Warning",
    )


def member_gone(member: Gone) -> Refusal:
    """The row of a recovery plan's member that its vault does not know."""
    return Refusal(
        "plan_member_gone",
        f"The recovery plan {member.plan!r} names a replicated item that is not in the vault.",
        "Remove it from the plan, or check the vault's jobs to see who disabled its replication. A machine without "
        "replication cannot be failed back.",
    )


def selection_messages(choice: Choice) -> list[str]:
    """Messages about a selection for tasks that have no rows for it: plan members that are gone, and notes."""
    return [*(f"{member_gone(member).reason} ({member.id})" for member in choice.gone), *choice.notes]
