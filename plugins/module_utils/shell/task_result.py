# SPDX-License-Identifier: GPL-3.0-or-later
"""From the rows of a slice to the result of a task: verdict, message, diff. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..failback.model.errors import FailbackError
from ..failback.model.outcomes import BAD, LISTED, STOPPED
from ..failback.report.causes import causes
from ..failback.report.naming import handles, labels
from ..failback.report.progress import moved, under_way

Machine = Mapping[str, Any]

#: Maximum machines with reason and remedy in a message; the result holds all of them.
NAMED = 10


def failure(error: FailbackError) -> dict[str, Any]:
    """A domain error as a failed result, with the story of the slice it has ended: what was sent, and what is known."""
    story = error.story or {}
    return {
        **story,
        "failed": True,
        "changed": bool(story.get("changed")),
        "msg": error.sentence(),
        "code": error.code,
        "remedy": error.remedy,
        "details": error.details,
    }


def names(machines: Sequence[Machine], *done: str) -> list[str]:
    """Names of the machines with one of these verdicts, in the order given; the item's id where a name repeats."""
    return [word for word, m in zip(handles(machines), machines, strict=True) if m.get("done") in done]


def too_many(bad: int, total: int, allowed_percent: float) -> bool:
    """Whether more than the allowed share of the machines went wrong."""
    return bad * 100.0 > allowed_percent * total


def why(machine: Machine) -> str:
    """One machine's reason and remedy."""
    reason = str(machine.get("reason") or "")
    errors = machine.get("errors") or ()
    if not reason and errors:
        reason = f"{errors[0].get('code', '')} {errors[0].get('message', '')}".strip()
    remedy = str(machine.get("remedy") or (errors[0].get("recommended_action") if errors else "") or "")
    return f"{reason or 'no reason was given.'} {remedy}".strip()


def count(number: int, word: str = "machine") -> str:
    """A number with its noun."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def complaint(machines: Sequence[Machine]) -> str:
    """The message of a failed task: machines with reason and remedy, failures first. What applies to
    several machines is printed once."""
    called = list(zip(labels(machines), machines, strict=True))
    bad = [(name, m) for word in BAD for name, m in called if m.get("done") == word]
    found = causes([(name, f"{m['done']} {m.get('code') or ''}", (why(m),)) for name, m in bad])
    lines = [f"{cause.who(NAMED)}: {cause.texts[0]} {cause.note}".rstrip() for cause in found[:NAMED]]
    if len(found) > NAMED:
        rest = sum(len(cause.names) for cause in found[NAMED:])
        lines.append(f"and {rest} more for other reasons.")
    return "\n".join([f"{len(bad)} of {count(len(machines))} failed or were refused.", *lines])


def summary(machines: Sequence[Machine], check: bool) -> str:
    """The message of a task that went well."""
    number = sum(bool(m.get("changed")) if check else moved(m) for m in machines)
    parts = [f"{number} would move" if check else f"{number} moved"]
    on_its_way = 0 if check else sum(under_way(m) and not moved(m) for m in machines)
    if on_its_way:
        parts.append(f"{on_its_way} under way")
    for word, text in (
        ("unchanged", "had nothing to do"),
        ("awaiting_approval", "awaiting approval"),
        ("held", "held"),
        ("refused", "refused"),
        ("failed", "failed"),
    ):
        number = len(names(machines, word))
        if number:
            parts.append(f"{number} {text}")
    return f"{count(len(machines))}: {', '.join(parts)}."


def diff(machines: Iterable[Machine]) -> dict[str, Any]:
    """Positions before and after, of the plan in check mode: the same shape in both worlds."""
    listed = list(machines)
    return {
        "before_header": "positions before",
        "after_header": "positions after",
        "before": {name: m.get("before") for name, m in zip(labels(listed), listed, strict=True)},
        "after": {name: m.get("after") for name, m in zip(labels(listed), listed, strict=True)},
    }


def shape(raw: Mapping[str, Any], params: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """A slice's answer as the task's result.

    A slice that has not finished gives no verdict: machines that failed until now are in the result, and the verdict
    falls once, at the end. The cursor is kept only for the next slice.
    """
    result = dict(raw)
    machines: list[Machine] = list(raw.get("machines") or ())
    finished = bool(raw.get("finished", True))
    result.update({f"{word}_machines": names(machines, word) for word in STOPPED})
    result["counts"] = {word: len(names(machines, word)) for word in LISTED}
    result["counts"]["moved"] = sum(bool(m.get("changed")) if check else moved(m) for m in machines)
    result["diff"] = diff(machines)
    if check:
        finished = True
        result["finished"] = True
    if not finished:
        result["msg"] = f"{sum(map(under_way, machines))} of {count(len(machines))} under way."
        return result
    result.pop("cursor", None)
    result.pop("next_slice_seconds", None)
    bad = len(result["failed_machines"]) + len(result["refused_machines"])
    if not bad:
        result["msg"] = summary(machines, check)
        return result
    result["code"] = "machines_failed" if result["failed_machines"] else "machines_refused"
    result["msg"] = complaint(machines)
    if params.get("on_failure", "fail") == "fail" and too_many(bad, len(machines), params.get("allowed_failures") or 0):
        result["failed"] = True
    return result
