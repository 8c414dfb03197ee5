# SPDX-License-Identifier: GPL-3.0-or-later
"""From one stage of a chain to the next: the machines that go on, by id, and those held because of their group. Pure.

Stages hand machines on by the id of their replicated item: names repeat in and between vaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..lifecycle import group
from ..lifecycle.group import Fellow, FellowState
from ..lifecycle.table import COMMITS, DONE, STEP_TEXT, VERDICTS, Position
from ..model.errors import certain
from ..model.items import before_segment
from ..model.outcomes import LISTED, STOPPED
from ..model.refusal import Refusal

Machine = Mapping[str, Any]

#: Verdicts of a machine that stops, and those of one that in check mode has not yet reached the next stage's start.
_WOULD_MOVE = ("started", "joined")
_WOULD_GO = (*_WOULD_MOVE, "waiting")


@dataclass(frozen=True)
class Onward:
    """What a stage passes on: ids of those that go on, the last stage's own result, and rows of those that are held."""

    machines: tuple[str, ...]
    last: Mapping[str, Any]
    held: tuple[dict[str, Any], ...]


def who_continues(results: Sequence[Mapping[str, Any]], stage: str, check: bool = False) -> Onward:
    """Who goes on to ``stage``, given the results of the stages before it; ``check``: they are of check mode.

    A member of a consistency group goes on if no member of its group has stopped or is still in progress.
    """
    stages = [result for result in results if not result.get("left_out")]
    last = stages[-1] if stages else {}
    stopped = {_key(m): m for m in _stopped(results, check)}
    behind: dict[str, list[Machine]] = {}
    for machine in stopped.values():
        if named := unit(machine):
            behind.setdefault(named, []).append(machine)
    going: list[str] = []
    held: list[dict[str, Any]] = []
    for machine in last.get("machines") or ():
        if _key(machine) in stopped:
            continue
        fellows = behind.get(unit(machine), [])
        causes = [f for f in fellows if f.get("done") in STOPPED or not check]
        if not fellows:
            going.append(str(machine["item_id"]))
        elif causes and not _at_the_end(machine, stage):
            held.append(held_row(machine, stage, causes))
    return Onward(tuple(going), last, tuple(held))


@dataclass(frozen=True)
class Looked:
    """The result of planning a route: ids of machines that go on, of those that are approved, and the rows of the rest."""

    machines: tuple[str, ...]
    approved: tuple[str, ...]
    ended: tuple[dict[str, Any], ...]


def looked(result: Mapping[str, Any], spent: Iterable[str] = ()) -> Looked:
    """The machines that go on after the whole route was planned (``result``, of check mode), and the rows of those that cannot.

    A group stays behind as a whole, also a member that has nothing left to do: the stages would get a part of it.
    A group that only lacks an approval goes on until its commit. ``spent`` are ids of machines whose
    approval has brought one commit in this run already.
    """
    machines = list(result.get("machines") or ())
    stopped = [m for m in machines if _cannot_go(m)]
    behind: dict[str, list[Machine]] = {}
    for machine in stopped:
        if named := unit(machine):
            behind.setdefault(named, []).append(machine)
    used = {item_id.lower() for item_id in spent}
    going: list[Machine] = []
    ended: list[dict[str, Any]] = []
    for machine in machines:
        fellows = behind.get(unit(machine), [])
        if machine in stopped or (fellows and machine.get("done") not in _WOULD_GO):
            ended.append(dict(machine))
        elif fellows:
            # In the report of a run, "started" would say that something was sent.
            ended.append(held_row(machine, str(machine.get("step") or "next"), fellows))
        else:
            going.append(machine)
    return Looked(
        tuple(str(m.get("item_id") or "") for m in going),
        tuple(str(m["item_id"]) for m in going if m.get("approved") and _key(m) not in used),
        tuple(ended),
    )


def used_approvals(results: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Ids of the machines whose approval these results have used: their commit was sent, or joined."""
    return tuple(
        str(machine.get("item_id") or "")
        for result in results
        for machine in result.get("machines") or ()
        if machine.get("approved")
        and any(
            row.get("step") in COMMITS and row.get("done") in _WOULD_MOVE
            for row in (machine, *(machine.get("steps") or ()))
        )
    )


def _cannot_go(machine: Machine) -> bool:
    """Whether the plan shows that a machine cannot go. A proof that does not hold yet is left to the commit: it waits
    a little where it may resolve itself."""
    return machine.get("done") in ("failed", "refused") and not machine.get("unproven")


def held_row(machine: Machine, stage: str, fellows: Sequence[Machine]) -> dict[str, Any]:
    """The row of a machine that a stage leaves out for its group."""
    refusal = certain(
        group.rule(
            str(machine.get("group") or ""),
            STEP_TEXT.get(stage, f"the stage {stage}"),
            [
                Fellow(
                    str(f.get("name")),
                    FellowState.STOPPED,
                    str(f["done"]) if f.get("done") in STOPPED else "under way",
                    Refusal(
                        str(f.get("code") or ""),
                        str(f.get("reason") or ""),
                        str(f.get("remedy") or "") if f.get("done") in STOPPED else "",
                    ),
                )
                for f in fellows
            ],
        ).refusal
    )
    return {
        **machine,
        "before": machine.get("after"),
        "done": "held",
        "changed": False,
        "step": stage if stage in STEP_TEXT else None,
        **dict.fromkeys(("job", "recovery_point", "start", "end", "duration_seconds", "placement", "sync")),
        "warnings": [],
        "errors": [],
        "steps": [],
        "code": refusal.code,
        "unproven": False,
        "reason": refusal.reason,
        "remedy": refusal.remedy,
    }


def _stopped(results: Iterable[Mapping[str, Any]], check: bool) -> Iterable[Machine]:
    """The machines that a stage must not get."""
    for result in results:
        still = result.get("finished") is not True and not result.get("left_out")
        for machine in result.get("machines") or ():
            done = machine.get("done")
            moving = done in _WOULD_MOVE
            # When wait_timeout has expired, a machine whose operation was sent is still in progress.
            under_way = still and moving and (bool(machine.get("reason")) or not machine.get("end"))
            if done in LISTED or (check and moving) or under_way:
                yield machine


def _at_the_end(machine: Machine, stage: str) -> bool:
    """Whether the stage has nothing to do for the machine."""
    try:
        return VERDICTS[stage][Position(machine.get("after"))] == DONE
    except (KeyError, ValueError):
        return False


def _key(machine: Machine) -> str:
    return str(machine.get("item_id") or "").lower()


def unit(machine: Machine) -> str:
    """What the members of a consistency group have in common: its name on their fabric; empty without a group."""
    named = str(machine.get("group") or "").strip().lower()
    key = _key(machine)
    where = before_segment(key, "/replicationprotectioncontainers/") or str(machine.get("vault") or "")
    return f"{where}|{named}" if named else ""
