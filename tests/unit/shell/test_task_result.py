# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says: verdict, message, diff."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.shell.task_result import failure, shape, too_many, why


def machine(name: str, done: str = "started", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "done": done,
        "changed": done == "started",
        "before": "out",
        "after": "ready" if done == "started" else "out",
        "reason": "",
        "remedy": "",
        "errors": [],
        **more,
    }


def raw(*machines: dict[str, Any], finished: bool = True) -> dict[str, Any]:
    return {
        "finished": finished,
        "changed": True,
        "machines": list(machines),
        "cursor": {"a": 1},
        "next_slice_seconds": 9,
    }


PARAMS = {"on_failure": "fail", "allowed_failures": 0.0}


def test_a_finished_slice_says_what_moved_and_drops_the_cursor() -> None:
    result = shape(raw(machine("a"), machine("b", "unchanged")), PARAMS, check=False)
    assert "failed" not in result
    assert "cursor" not in result
    assert "next_slice_seconds" not in result
    assert result["msg"] == "2 machines: 1 moved, 1 had nothing to do."


def test_an_unfinished_slice_gives_no_verdict_and_keeps_the_cursor() -> None:
    result = shape(raw(machine("a", "failed"), machine("b", "waiting"), finished=False), PARAMS, check=False)
    assert "failed" not in result
    assert result["cursor"] == {"a": 1}
    assert result["failed_machines"] == ["a"]


def test_check_mode_is_always_finished() -> None:
    result = shape(raw(machine("a"), finished=False), PARAMS, check=True)
    assert result["finished"] is True
    assert "1 would move" in result["msg"]
    assert "cursor" not in result


def test_bad_machines_are_named_with_reason_and_remedy() -> None:
    bad = machine("db", "refused", reason="It is still at sea.", remedy="Wait for it.")
    result = shape(raw(machine("a"), bad), PARAMS, check=False)
    assert result["failed"] is True
    assert result["code"] == "machines_refused"
    assert "db: It is still at sea. Wait for it." in result["msg"]
    assert result["refused_machines"] == ["db"]


def test_report_names_them_without_failing() -> None:
    result = shape(raw(machine("a", "failed")), {**PARAMS, "on_failure": "report"}, check=False)
    assert "failed" not in result
    assert result["code"] == "machines_failed"


@pytest.mark.parametrize(
    ("bad", "total", "allowed", "verdict"),
    [(0, 0, 0, False), (0, 10, 0, False), (1, 10, 0, True), (1, 10, 10, False), (2, 10, 10, True), (1, 3, 33.3, True)],
)
def test_allowed_share(bad: int, total: int, allowed: float, verdict: bool) -> None:
    assert too_many(bad, total, allowed) is verdict


def test_only_ten_are_named_in_the_message_and_one_cause_is_reported_once() -> None:
    result = shape(raw(*(machine(f"m{i}", "failed") for i in range(25))), PARAMS, check=False)
    assert result["msg"].endswith("m8, m9 and 15 more: no reason was given.")
    assert "m10" not in result["msg"]
    assert len(result["failed_machines"]) == 25
    assert result["counts"] == {"failed": 25, "refused": 0, "awaiting_approval": 0, "held": 0, "waiting": 0, "moved": 0}


def test_only_ten_causes_are_reported_in_the_message() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    result = shape(raw(*(machine(w, "failed", reason=f"For {w * 2}.") for w in words)), PARAMS, check=False)
    assert "ten: For tenten." in result["msg"]
    assert result["msg"].endswith("and 2 more for other reasons.")


def test_failures_come_before_refusals_in_the_message() -> None:
    result = shape(raw(machine("a", "refused", reason="No."), machine("b", "failed", reason="Broken.")), PARAMS, False)
    assert result["msg"].splitlines()[1:] == ["b: Broken.", "a: No."]


def test_what_is_only_sent_has_not_moved() -> None:
    """With wait: false a task ends while the service still works."""
    sent = machine("a", steps=[{"done": "started", "state": "InProgress"}])
    arrived = machine("b", steps=[{"done": "started", "state": "Succeeded", "end": "x"}])
    assert shape(raw(sent, arrived), PARAMS, check=False)["msg"] == "2 machines: 1 moved, 1 under way."


def test_why_falls_back_to_the_providers_words() -> None:
    told = why(
        machine("a", "failed", errors=[{"code": "95226", "message": "No route.", "recommended_action": "Fix it."}])
    )
    assert told == "95226 No route. Fix it."


def test_diff_has_one_shape_in_both_worlds() -> None:
    real = shape(raw(machine("a")), PARAMS, check=False)["diff"]
    planned = shape(raw(machine("a")), PARAMS, check=True)["diff"]
    assert real == planned
    assert real["before"] == {"a": "out"}
    assert real["after"] == {"a": "ready"}


def test_a_domain_error_becomes_a_failed_result() -> None:
    result = failure(InputError("x", "It is wrong.", "Fix it.", {"a": 1}))
    assert result == {
        "failed": True,
        "changed": False,
        "msg": "It is wrong. Fix it.",
        "code": "x",
        "remedy": "Fix it.",
        "details": {"a": 1},
    }
