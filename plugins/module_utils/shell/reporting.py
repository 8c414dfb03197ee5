# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of asr_report: render the stages' results and decide whether the chain failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..failback.model.outcomes import LISTED, WENT_WELL
from ..failback.readiness.findings_table import all_findings, beside
from ..failback.report.table import Report, gather, render, still_running
from .specs import Spec
from .task_result import complaint, too_many

if TYPE_CHECKING:
    from .module import Call

#: Maximum names in one of the result's lists; ``counts`` holds the totals.
NAMES = 50


def argument_spec() -> Spec:
    """The module's options."""
    return {
        "results": {"type": "list", "elements": "dict", "required": True},
        "fail": {"type": "bool", "default": True},
        "allowed_failures": {"type": "float", "default": 0.0},
        "on_timeout": {"type": "str", "choices": ["fail", "ok"], "default": "fail"},
        "approve_with": {"type": "str", "default": ""},
        "report_file": {"type": "str", "default": ""},
        "onward": {"type": "list", "elements": "dict", "default": []},
        "verbose": {"type": "bool", "default": False},
    }


def judge(report: Report, allowed_failures: float, on_timeout: str) -> tuple[str, str, bool]:
    """Code and message of the chain's problem, and whether it is a failure; empty without a problem."""
    if report.stopped:
        return "stage_failed", "\n".join(dict.fromkeys(report.stopped)), True
    if too_many(len(report.failed), len(report.stories), allowed_failures):
        return "machines_failed", complaint([s.last for s in report.stories]), True
    if report.running:
        return "still_running", still_running(report), on_timeout == "fail"
    return "", "", False


def _arrived(report: Report) -> set[str]:
    """Names of the machines, in lower case, that nothing is left to do about."""
    well = {story.name.lower() for story in report.stories if story.last.get("done") in WENT_WELL}
    return well - {story.name.lower() for story in report.stories if story.last.get("done") not in WENT_WELL}


def work(call: Call) -> dict[str, Any]:
    """The report as the module gives it."""
    return report_result(call.params, call.check)


def report_result(params: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """The report as a result. ``params`` are the module's options, checked."""
    report = gather(params["results"], check)
    onward = list(params.get("onward") or ())
    code, message, bad = judge(report, params["allowed_failures"], params["on_timeout"])
    arrived = set() if check or report.running or bad else _arrived(report)
    rules = beside(all_findings(params["results"]), arrived)
    result: dict[str, Any] = {
        "changed": False,
        "lines": render(report, onward=onward, verbose=bool(params.get("verbose")), rules=rules),
        "onward": onward,
        "total": len(report.stories),
        "counts": {
            "moved": sum(story.moved for story in report.stories),
            **{word: len(report.named(word)) for word in LISTED},
        },
        **{f"{word}_machines": report.named(word)[:NAMES] for word in LISTED},
        "requests": {
            "writes": report.writes,
            "reads": report.reads,
            "floor": {"writes": report.floor_writes, "reads": report.floor_reads},
        },
    }
    if code:
        result["code"] = code
        result["msg"] = message
        if bad and params["fail"]:
            result["failed"] = True
    return result
