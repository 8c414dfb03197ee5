# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits the size of results for events, logs and readers, whatever the number of machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.outcomes import LISTED

#: Names in one list of a failed result, and entries in one list of a result's copy of the arguments.
NAMES = 50

#: Lists of names that only repeat what is in ``machines``.
LISTS = tuple(f"{word}_machines" for word in LISTED)

#: Characters of JSON that the result of a chain may have.
EVENT = 90_000

#: Maximum names in one list of the result for workflows, and maximum rows of a stage.
TOLD = 20

#: Keys of a machine's row that stay when rows are shortened.
_BRIEF = ("name", "vault", "item_id", "group", "approved", "done", "code", "after")

#: Options that are left out of the result's copy of the arguments: users do not set them, and they may be long.
BULKY = frozenset({"cursor", "results", "judged", "verifications", "guests"})


def failed(result: dict[str, Any]) -> dict[str, Any]:
    """A failed result as it is passed on: no ``lines``, which were displayed already, and short lists of names.

    ``counts`` holds the totals and ``machines`` all rows.
    """
    if not result.get("failed"):
        return result
    kept = {key: value for key, value in result.items() if key != "lines"}
    for key in LISTS:
        if isinstance(kept.get(key), list):
            kept[key] = kept[key][:NAMES]
    return kept


def arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """A module's arguments as its result repeats them."""
    return {key: _short(value) for key, value in given.items() if key not in BULKY}


def _short(value: Any) -> Any:
    if not isinstance(value, list) or len(value) <= NAMES:
        return value
    return [*value[:NAMES], f"and {len(value) - NAMES} more"]


def summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """What other jobs of a workflow branch on (``asr_result``)."""
    listed = {
        word: list(report.get(f"{word}_machines") or ())[:TOLD] for word in ("failed", "refused", "awaiting_approval")
    }
    return {"code": str(report.get("code") or ""), "counts": dict(report.get("counts") or {}), **listed}


def event(result: dict[str, Any]) -> dict[str, Any]:
    """The result of a chain, small enough for an event: rows are shortened before any is left out, and ``stages[].counts``
    and the report's own counts always cover all machines."""
    shorter: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (_without_plans, _brief, _urgent, _cut)
    return _shortened(result, shorter)


def findings(result: dict[str, Any]) -> dict[str, Any]:
    """The result of preflight in the role, small enough for an event: machines that pass go first, then what repeats the findings.
    ``counts`` always covers all machines, as the report file does."""
    shorter: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (_not_passed, _few_machines, _few_findings)
    short = _shortened(result, shorter)
    return result if short is result else {**short, "shortened": True}


def listing(result: dict[str, Any], *names: str) -> dict[str, Any]:
    """A result of our own playbooks whose lists nothing reads after them, small enough for an event. What was printed covers all."""
    while len(json.dumps(result, default=str)) > EVENT:
        longest = max(names, key=lambda name: len(json.dumps(result.get(name) or [], default=str)))
        kept = list(result.get(longest) or ())
        if len(kept) <= TOLD:
            break
        result = {**result, longest: kept[: len(kept) // 2], "shortened": True}
    return result


def _shortened(result: dict[str, Any], steps: Iterable[Callable[[dict[str, Any]], dict[str, Any]]]) -> dict[str, Any]:
    """A result after as many steps as make it small enough."""
    for step in steps:
        if len(json.dumps(result, default=str)) <= EVENT:
            break
        result = step(result)
    return result


def _not_passed(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "machines": [m for m in result.get("machines") or () if m.get("verdict") != "pass"]}


def _few_machines(result: dict[str, Any]) -> dict[str, Any]:
    def few(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "machines": list(row.get("machines") or ())[:TOLD]}

    kept = {key: [few(row) for row in result.get(key) or ()] for key in ("findings", "servers")}
    blocked = list(result.get("blocked_machines") or ())[: 10 * TOLD]
    return {**result, **kept, "machines": list(result.get("machines") or ())[:TOLD], "blocked_machines": blocked}


def _few_findings(result: dict[str, Any]) -> dict[str, Any]:
    few = {key: list(result.get(key) or ())[: 2 * TOLD] for key in ("findings", "servers", "accepted")}
    return {**_cut(result), **few}


def _without_plans(result: dict[str, Any]) -> dict[str, Any]:
    return _staged(result, lambda stage: {k: v for k, v in stage.items() if k not in ("plan", "findings")})


def _brief(result: dict[str, Any]) -> dict[str, Any]:
    def rows(stage: dict[str, Any]) -> dict[str, Any]:
        machines = stage.get("machines")
        if not isinstance(machines, list):
            return stage
        return {**stage, "machines": [{k: m.get(k) for k in _BRIEF} for m in machines], "shortened": True}

    return _staged(result, rows)


def _urgent(result: dict[str, Any]) -> dict[str, Any]:
    """Only the rows of machines that need attention, up to a limit."""

    def rows(stage: dict[str, Any]) -> dict[str, Any]:
        kept = {k: v[:TOLD] if k in LISTS else v for k, v in stage.items()}
        machines = stage.get("machines")
        if isinstance(machines, list):
            kept["machines"] = [m for m in machines if m.get("done") in LISTED][:TOLD]
        return kept

    return _staged(result, rows)


def _cut(result: dict[str, Any]) -> dict[str, Any]:
    """What was printed is in the job's output already."""
    return {**result, "lines": list(result.get("lines") or ())[-10 * TOLD :]}


def _staged(result: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    return {**result, "stages": [change(stage) for stage in result.get("stages") or ()]}
