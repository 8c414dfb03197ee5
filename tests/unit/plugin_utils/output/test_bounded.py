# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thousand machines leave in results, events and on the terminal; and that no_log shows nothing."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.shell import reporting
from ansible_collections.homeward.asr.plugins.plugin_utils.output import bounded
from ansible_collections.homeward.asr.plugins.plugin_utils.running import once


def fleet(number: int) -> list[dict[str, Any]]:
    step = {"step": "reprotect_to_onprem", "done": "started", "state": "Failed", "end": "x"}
    return [
        {
            "name": f"machine-{n:04d}",
            "vault": "v",
            "done": "failed",
            "code": "95226",
            "changed": False,
            "reason": f"Reprotecting ended Failed: machine-{n:04d} has no route.",
            "remedy": f"Read job {n} in the vault.",
            "steps": [step],
            "warnings": [],
            "errors": [{"code": "95226", "message": f"machine-{n:04d} has no route."}],
        }
        for n in range(number)
    ]


class Report:
    """asr_report's action plugin with its module's real work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, results: list[dict[str, Any]], **task: Any) -> None:
        self.said: list[str] = []
        plugin = once.Once.__new__(once.Once)
        plugin._task = SimpleNamespace(action="homeward.asr.asr_report", args={}, no_log=False, environment=[])
        plugin._task.__dict__.update(task)
        plugin._templar = SimpleNamespace(template=lambda value: value)
        params = {"results": results, "fail": True, "allowed_failures": 0.0, "on_timeout": "fail"}
        answer = reporting.work(SimpleNamespace(params=params, check=False))  # type: ignore[arg-type]
        monkeypatch.setattr(plugin, "_module", lambda arguments, task_vars: answer)
        shown = SimpleNamespace(display=lambda text, stderr=False: self.said.append(text))
        monkeypatch.setattr(once, "display", shown)
        self.result = bounded.failed(plugin._work({}))


def test_a_failed_report_of_a_thousand_machines_is_a_small_event(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(monkeypatch, [{"finished": True, "machines": fleet(1000)}])
    result = report.result
    assert len(json.dumps(result)) < 8000
    assert "lines" not in result
    assert any("machine-0000" in text for text in report.said)
    assert len(result["failed_machines"]) == 50
    assert result["counts"]["failed"] == 1000
    # Each cause once, and the table not again.
    assert result["msg"].count("has no route") == 1
    assert "recovery point" not in result["msg"]


def test_a_report_without_failures_keeps_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = [{**m, "done": "unchanged", "errors": []} for m in fleet(3)]
    report = Report(monkeypatch, [{"finished": True, "machines": machines}])
    assert report.result["lines"] == report.said


def test_nothing_is_displayed_under_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(monkeypatch, [{"finished": True, "machines": fleet(3)}], no_log=True)
    assert report.said == []


def test_a_failed_stage_holds_its_machines_once() -> None:
    names = [f"m{n}" for n in range(711)]
    result = bounded.failed(
        {"failed": True, "machines": fleet(711), "failed_machines": names, "counts": {"failed": 711}, "lines": ["x"]}
    )
    assert len(result["machines"]) == 711
    assert result["failed_machines"] == names[:50]
    assert "lines" not in result
    whole = {"machines": [], "failed_machines": names}
    assert bounded.failed(whole) is whole


def test_long_arguments_are_not_repeated() -> None:
    given = {"machines": [str(n) for n in range(120)], "judged": [1], "cursor": {}, "results": [], "direction": "x"}
    told = bounded.arguments(given)
    assert set(told) == {"machines", "direction"}
    assert told["machines"][-1] == "and 70 more"
    assert len(told["machines"]) == 51


def preflight(number: int) -> dict[str, Any]:
    """A fleet in which every second machine is blocked, each for a reason of its own, and all have one server."""
    names = [f"machine-{n:04d}" for n in range(number)]
    finding = {
        "rule": "rpo",
        "about": "machine",
        "blocks": True,
        "verdict": "block",
        "text": "x" * 120,
        "remedy": "y" * 80,
    }
    row = {
        "vault": "v",
        "item_id": "/subscriptions/" + "i" * 200,
        "moments": ["failover_to_onprem"],
        "generation": "classic",
    }
    return {
        "machines": [{**row, "name": name, "verdict": ("pass", "block")[n % 2]} for n, name in enumerate(names)],
        "findings": [{**finding, "name": name, "machines": [name]} for name in names[1::2]],
        "servers": [{"name": "ps-01", "machines": names, "verdict": "pass"}],
        "blocked_machines": names[1::2],
        "accepted": [],
        "lines": [f"line about {name}" for name in names],
        "counts": {"block": number // 2},
        "ready": False,
    }


def test_the_preflight_of_a_thousand_machines_is_a_small_event() -> None:
    given = preflight(1000)
    told = bounded.findings(given)
    assert len(json.dumps(told)) < bounded.EVENT
    assert told["shortened"] is True
    assert (told["counts"], told["ready"]) == (given["counts"], False)
    assert all(m["verdict"] != "pass" for m in told["machines"])
    assert told["findings"][0]["name"] == "machine-0001"
    assert len(given["machines"]) == 1000
    assert bounded.findings(preflight(12)) == preflight(12)


def test_a_list_of_a_thousand_machines_is_a_small_event() -> None:
    rows = [{"name": f"machine-{n:04d}", "item_id": "i" * 300, "health_errors": []} for n in range(1000)]
    given = {"machines": rows, "lines": [f"{row['name']}  home" for row in rows], "changed": False}
    told = bounded.listing(given, "machines", "lines")
    assert len(json.dumps(told)) < bounded.EVENT
    assert told["shortened"] is True
    assert told["machines"][0] == rows[0]
    assert len(rows) == 1000
    few = {"machines": rows[:12], "lines": []}
    assert bounded.listing(few, "machines", "lines") == few


@pytest.mark.parametrize(
    ("called", "task", "expected"), [(False, True, True), (False, False, False), (True, True, False)]
)
def test_what_another_action_or_a_user_reads_is_not_shortened(
    monkeypatch: pytest.MonkeyPatch, called: bool, task: bool, expected: bool
) -> None:
    plugin = once.Once.__new__(once.Once)
    plugin.is_event = not called
    monkeypatch.setattr(plugin, "_listener", lambda: task)
    assert plugin._for_an_event() is expected
