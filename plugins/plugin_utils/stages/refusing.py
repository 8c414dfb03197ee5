# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that a person or a hook refuses by name (``asr_refuse``), and the members of their consistency groups. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.next_stage import held_row, unit
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import Named, stripped

Row = Mapping[str, Any]


def names(machine: Row) -> tuple[str, ...]:
    """What a machine is called: its name, its item's name, the item's id."""
    item_id = str(machine.get("item_id") or "")
    return str(machine.get("name") or ""), item_id.rpartition("/")[2], item_id


def reasons(given: Any, known: Sequence[Row]) -> dict[str, str]:
    """The reason for each machine that is refused, by the id of its item in lower case.

    ``known`` are all machines of the run. Raises InputError for a name that is none of theirs, and for one without a reason:
    a misspelt refusal would let the machine go.
    """
    if not given:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(
            "wrong_type",
            f"asr_refuse must be a mapping from machines to reasons, but is {given!r}.",
            "Write it as NAME: reason.",
        )
    index = Named(known, names)
    found: dict[str, str] = {}
    for name, reason in given.items():
        if not isinstance(reason, str) or not stripped(reason):
            raise InputError(
                "refuse_without_reason",
                f"asr_refuse gives no reason for {name!r} ({reason!r}).",
                "Give it in a few words.",
            )
        meant = index.exact(str(name))
        if not meant:
            near = difflib.get_close_matches(str(name), [str(m.get("name")) for m in known], n=1, cutoff=0.6)
            raise InputError(
                "refuse_not_found",
                f"asr_refuse names {name!r}, which is not a machine of this run.",
                f"{f'Did you mean {near[0]}? ' if near else ''}Correct or remove it.",
            )
        found.update({_key(machine): stripped(reason) for machine in meant})
    return found


def rows(going: Sequence[Row], why: Mapping[str, str], stage: str) -> list[dict[str, Any]]:
    """The rows of those of ``going`` that do not go to a stage: the refused ones and the members of their groups."""
    refused = [_refused(machine, why[_key(machine)]) for machine in going if _key(machine) in why]
    behind: dict[str, list[Row]] = {}
    for machine in refused:
        if named := unit(machine):
            behind.setdefault(named, []).append(machine)
    held = [
        held_row({**machine, "after": _stands(machine)}, stage, behind[unit(machine)])
        for machine in going
        if _key(machine) not in why and unit(machine) in behind
    ]
    return refused + held


def _refused(machine: Row, reason: str) -> dict[str, Any]:
    return {
        **machine,
        "before": _stands(machine),
        "after": _stands(machine),
        "done": "refused",
        "changed": False,
        **dict.fromkeys(("step", "job", "recovery_point", "start", "end", "duration_seconds", "placement", "sync")),
        "warnings": [],
        "errors": [],
        "steps": [],
        "code": "refused_by_name",
        "unproven": False,
        "reason": f"Refused in asr_refuse: {reason.rstrip('.')}.",
        "remedy": "Fix the cause, then rerun without it in asr_refuse.",
    }


def _stands(machine: Row) -> Any:
    """Its position: rows of the plan have the one it would reach."""
    return machine.get("before") if machine.get("looked") else machine.get("after")


def _key(machine: Row) -> str:
    return str(machine.get("item_id") or "").lower()
