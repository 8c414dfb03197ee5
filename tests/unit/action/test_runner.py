# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of the action plugin: slices, cursor, progress, time-out, trouble on the way. Only the module is acted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.homeward.asr.plugins.module_utils.failback.ports import Clock
from ansible_collections.homeward.asr.plugins.plugin_utils import runner


class Time:
    """A clock that moves only when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep)


class Stage:
    """An action plugin whose module is a list of answers, each taking some seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]], **args: Any) -> None:
        self.time = Time()
        self.sent: list[dict[str, Any]] = []
        self.said: list[str] = []
        check = args.pop("_check", False)
        plugin = runner.Slices.__new__(runner.Slices)
        plugin._task = SimpleNamespace(
            action="homeward.asr.asr_reprotect",
            args=args,
            async_val=0,
            check_mode=check,
            no_log=False,
            environment=args.pop("_environment", []),
        )
        plugin._templar = SimpleNamespace(template=lambda value: value)
        plugin.clock = self.time.clock
        waiting = list(answers)

        def module(arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
            self.sent.append(arguments)
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.time.now += answer.get("_takes", 25.0)
            return {k: v for k, v in answer.items() if k != "_takes"}

        monkeypatch.setattr(plugin, "_module", module)
        monkeypatch.setattr(plugin, "_say", self.said.append)
        self.plugin = plugin

    def run(self) -> dict[str, Any]:
        return self.plugin._work({})


def going(done: int = 0, **more: Any) -> dict[str, Any]:
    progress = {"total": 3, "done": done, "running": 3 - done, "failed": 0, "slowest": "a synchronising 5 %"}
    machines = [{"name": "a", "done": "waiting"}]
    return {
        "finished": False,
        "changed": True,
        "cursor": {"n": done},
        "progress": progress,
        "machines": machines,
        **more,
    }


END = {"finished": True, "changed": True, "machines": [{"name": "a", "done": "fired"}], "cursor": {"n": 9}}


def test_slices_are_called_until_finished_with_the_cursor_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going(0), going(1), END], machines=["a"])
    result = stage.run()
    assert [sent.get("cursor") for sent in stage.sent] == [None, {"n": 0}, {"n": 1}]
    assert all(sent["machines"] == ["a"] for sent in stage.sent)
    assert result["finished"] is True
    assert "cursor" not in result
    assert len(stage.said) == 2


def test_check_mode_is_exactly_one_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going()], _check=True)
    assert "cursor" not in stage.run()
    assert len(stage.sent) == 1


def test_time_over_is_no_failure_of_a_machine_and_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going()], wait_timeout=100, continue_command="ansible-playbook again")
    result = stage.run()
    assert result["failed"] is True
    assert result["finished"] is False
    assert result["code"] == "still_running"
    assert result["continue_command"] == "ansible-playbook again"
    assert "ansible-playbook again" in result["msg"]
    assert "a." in result["msg"]
    assert result["cursor"] == {"n": 0}
    assert len(stage.sent) == 4


def test_time_over_may_be_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    result = Stage(monkeypatch, [going()], wait_timeout="60", on_timeout="ok").run()
    assert "failed" not in result
    assert result["code"] == "still_running"


def test_the_last_slice_ends_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going()], wait_timeout=60)
    stage.run()
    assert [sent["slice_seconds"] for sent in stage.sent] == [25.0, 25.0, 10.0]


def test_the_service_may_ask_for_longer_slices_but_not_in_the_first_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going(next_slice_seconds=120)] * 40 + [END])
    stage.run()
    lengths = [sent["slice_seconds"] for sent in stage.sent]
    assert set(lengths[:24]) == {25.0}
    assert lengths[-1] == 120


def test_an_error_of_the_first_slice_ends_the_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [{"failed": True, "code": "unreachable", "msg": "No answer."}])
    assert stage.run()["code"] == "unreachable"
    assert len(stage.sent) == 1


def test_a_service_that_is_away_for_a_while_is_sat_out(monkeypatch: pytest.MonkeyPatch) -> None:
    away = {"failed": True, "code": "unreachable", "msg": "No answer.", "_takes": 5.0}
    stage = Stage(monkeypatch, [going(), away, away, away, END])
    result = stage.run()
    assert result["finished"] is True
    assert "failed" not in result
    assert any("No answer." in text for text in stage.said)
    assert [sent.get("cursor") for sent in stage.sent] == [None, *[{"n": 0}] * 4]


def test_a_service_that_stays_away_ends_the_run_and_keeps_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    away = {"failed": True, "changed": False, "code": "unreachable", "msg": "No answer."}
    stage = Stage(monkeypatch, [going(), away])
    result = stage.run()
    assert result["failed"] is True
    assert result["msg"] == "No answer."
    assert result["changed"] is True
    assert result["machines"] == [{"name": "a", "done": "waiting"}]
    assert 100 + runner.PATIENCE <= stage.time.now <= 100 + runner.PATIENCE + 120


def test_an_error_that_does_not_pass_ends_the_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going(), {"failed": True, "code": "forbidden", "msg": "No."}])
    assert stage.run()["code"] == "forbidden"
    assert len(stage.sent) == 2


def test_a_line_at_least_every_half_minute_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going()] * 23 + [END])
    stage.run()
    assert len(stage.said) == 23


def test_async_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [END])
    stage.plugin._task.async_val = 60
    with pytest.raises(AnsibleActionFail, match="wait: false"):
        stage.plugin.run(None, {})


def test_secrets_in_the_tasks_environment_move_to_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [{"AZURE_SECRET": "canary", "HTTPS_PROXY": "p"}, {"VMWARE_PASSWORD": "canary2"}]
    stage = Stage(monkeypatch, [END], _environment=given)
    stage.run()
    assert stage.sent[0]["secret"] == "canary"
    assert stage.sent[0]["password"] == "canary2"
    assert stage.plugin._task.environment == [{"HTTPS_PROXY": "p"}]


def test_an_option_wins_over_the_environment_which_is_emptied_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [END], _environment=[{"AZURE_CLIENT_SECRET": "canary"}], secret="mine")
    stage.run()
    assert stage.sent[0]["secret"] == "mine"
    assert stage.plugin._task.environment == [{}]


def test_an_environment_without_secrets_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [{"HTTPS_PROXY": "{{ proxy }}"}]
    stage = Stage(monkeypatch, [END], _environment=given)
    stage.run()
    assert stage.plugin._task.environment is given
