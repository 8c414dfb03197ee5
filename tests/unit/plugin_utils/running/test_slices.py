# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of the action plugin: slices, cursor, progress, time-out, trouble on the way. Only the module is acted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.plugin_utils.running import slices


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
        plugin = slices.Slices.__new__(slices.Slices)
        plugin._task = SimpleNamespace(
            action="homeward.asr.asr_reprotect",
            args=args,
            async_val=0,
            check_mode=check,
            no_log=False,
            environment=args.pop("_environment", []),
            _role=None,
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


END = {"finished": True, "changed": True, "machines": [{"name": "a", "done": "started"}], "cursor": {"n": 9}}


def test_slices_are_called_until_finished_with_the_cursor_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going(0), going(1), END], machines=["a"])
    result = stage.run()
    assert [sent.get("cursor") for sent in stage.sent] == [None, {"n": 0}, {"n": 1}]
    assert all(sent["machines"] == ["a"] for sent in stage.sent)
    assert result["finished"] is True
    assert "cursor" not in result
    assert len(stage.said) == 2


def test_what_the_rules_found_in_any_slice_is_in_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(rule: str, name: str, *machines: str, text: str = "x") -> dict[str, Any]:
        return {"rule": rule, "about": "a", "vault": "v", "name": name, "text": text, "machines": list(machines)}

    stage = Stage(
        monkeypatch,
        [
            going(0, findings=[found("mt_tools", "mt-1", "a"), found("vm_uuid", "a", "a")]),
            going(1),
            {**END, "findings": [found("mt_tools", "mt-1", "b", text="y")]},
        ],
    )
    result = stage.run()
    # A server's machines add up; its last word counts.
    assert result["findings"] == [found("mt_tools", "mt-1", "a", "b", text="y"), found("vm_uuid", "a", "a")]
    # They are no part of what is passed from slice to slice.
    assert all("findings" not in (sent.get("cursor") or {}) for sent in stage.sent)
    # A run that ends with an error has them as well.
    broken = Stage(
        monkeypatch,
        [
            going(0, findings=[found("mt_tools", "mt-1", "a")]),
            {"failed": True, "changed": False, "code": "secret_wrong", "msg": "No."},
        ],
    ).run()
    assert [f["rule"] for f in broken["findings"]] == ["mt_tools"]


def test_who_is_approved_is_settled_by_the_first_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later slice would take what this run has failed over itself for what waited at its beginning."""
    first = [{"name": "a", "item_id": "/a", "done": "waiting", "approved": True}, {"name": "b", "item_id": "/b"}]
    stage = Stage(monkeypatch, [going(machines=first), END], approved=["held"])
    stage.run()
    assert [sent["approved"] for sent in stage.sent] == [["held"], ["/a"]]


def test_where_the_first_slice_died_nobody_was_held_at_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    died = {"failed": True, "code": slices.slice_end.DIED, "msg": "The slice died.", "_takes": 1.0}
    stage = Stage(monkeypatch, [died, END], approved=["held", "a"])
    stage.run()
    assert [sent["approved"] for sent in stage.sent] == [["held", "a"], ["a"]]


def test_a_module_that_takes_no_approvals_is_given_none(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going(), END])
    stage.run()
    assert not any("approved" in sent for sent in stage.sent)


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
    assert 100 + slices.PATIENCE <= stage.time.now <= 100 + slices.PATIENCE + 120


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


# -- what worked before in this run and fails now ----------------------------------------------------------------

#: What Ansible passes on of a module's process that was killed, and of one whose output was cut (RUN).
KILLED = {"failed": True, "msg": "MODULE FAILURE", "module_stdout": "", "module_stderr": "Killed", "rc": 137}
CUT = {"failed": True, "msg": "MODULE FAILURE", "module_stdout": '{"finished": fal', "module_stderr": "", "rc": 0}
CRASHED = {
    "failed": True,
    "msg": "MODULE FAILURE",
    "module_stdout": "",
    "module_stderr": "Traceback (most recent call last):\nImportError: no json",
    "rc": 1,
}
LOGIN = {"failed": True, "code": "login_failed", "msg": "The secret has expired.", "remedy": "Make a new one."}


def sent(writes: int, **more: Any) -> dict[str, Any]:
    """An error's answer with the story of the slice it has ended."""
    machines = [{"name": "a", "done": "started", "steps": [{"step": "x", "end": None}]}]
    told = {
        "requests": {"writes": writes, "reads": 1},
        "machines": machines,
        "finished": False,
        "changed": bool(writes),
    }
    return {"failed": True, "code": "read_failed", "msg": "No answer.", "cursor": {"n": "kept"}, **told, **more}


@pytest.mark.parametrize("dead", [KILLED, CUT, {**KILLED, "rc": -9}, {}], ids=["137", "cut", "-9", "empty"])
def test_a_slice_that_dies_is_run_again_with_the_last_cursor(
    monkeypatch: pytest.MonkeyPatch, dead: dict[str, Any]
) -> None:
    stage = Stage(monkeypatch, [going(1), dead, END])
    result = stage.run()
    assert result["finished"] is True
    assert "failed" not in result
    assert [s.get("cursor") for s in stage.sent] == [None, {"n": 1}, {"n": 1}]


def test_a_first_slice_that_dies_is_started_again_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Stage(monkeypatch, [KILLED, END]).run()["finished"] is True
    stage = Stage(monkeypatch, [KILLED])
    result = stage.run()
    assert (result["code"], len(stage.sent)) == ("process_died", 3)
    assert "137" in result["msg"]
    assert "module_stdout" not in result


def test_a_first_slice_that_crashes_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [CRASHED])
    result = stage.run()
    assert len(stage.sent) == 1
    assert "ImportError: no json" in result["msg"]


def test_the_first_slice_is_sat_out_once_it_has_sent_something(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [sent(2), END])
    assert stage.run()["finished"] is True
    assert [s.get("cursor") for s in stage.sent] == [None, {"n": "kept"}]
    assert len(Stage(monkeypatch, [sent(0), END]).plugin._work({}).get("msg", "")) > 0


def test_what_was_sent_is_reported_after_the_one_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    result = Stage(monkeypatch, [sent(2, code="forbidden", msg="Not allowed.")]).run()
    assert result["failed"] is True
    assert result["code"] == "forbidden"
    assert result["msg"].startswith("Not allowed.")
    assert "2 requests" in result["msg"]
    assert "with a" in result["msg"]
    assert result["changed"] is True
    assert "cursor" not in result


@pytest.mark.parametrize("on_timeout", ["fail", "ok"])
@pytest.mark.parametrize("error", [LOGIN, {**LOGIN, "code": "forbidden"}, KILLED, sent(3)])
def test_only_a_run_that_looked_at_its_clock_says_that_time_was_over(
    monkeypatch: pytest.MonkeyPatch, error: dict[str, Any], on_timeout: str
) -> None:
    """An expired secret, a lost permission or a cut output end as what they are, whenever the time is up."""
    result = Stage(monkeypatch, [going(), error], wait_timeout=200, on_timeout=on_timeout).run()
    assert result["failed"] is True
    assert result["code"] == error.get("code", "process_died")
    assert result["machines"][0]["name"] == "a"


def test_a_login_refused_after_an_earlier_success_is_sat_out_and_ends_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Stage(monkeypatch, [going(), LOGIN, LOGIN, END]).run()["finished"] is True
    stage = Stage(monkeypatch, [going(), LOGIN])
    result = stage.run()
    assert result["code"] == "login_failed"
    assert result["msg"].startswith("The secret has expired.")
    assert stage.time.now >= 100 + slices.PATIENCE
    first = Stage(monkeypatch, [LOGIN])
    assert first.run()["code"] == "login_failed"
    assert len(first.sent) == 1


def test_the_chains_earlier_stages_count(monkeypatch: pytest.MonkeyPatch) -> None:
    away = {"failed": True, "code": "unreachable", "msg": "No answer."}
    stage = Stage(monkeypatch, [away, END])
    earlier = [{"machines": [{"name": "a", "done": "started"}], "finished": True}]
    assert stage.plugin._work({"stage_results": earlier})["finished"] is True
    stage = Stage(monkeypatch, [away, END])
    assert stage.plugin._work({"stage_results": [{"failed": True, "machines": []}]})["code"] == "unreachable"


def test_slices_get_shorter_again_after_a_synchronisation(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(
        monkeypatch, [going()] * 24 + [going(next_slice_seconds=120)] * 3 + [going(next_slice_seconds=0), END]
    )
    stage.run()
    lengths = [s["slice_seconds"] for s in stage.sent]
    assert 120 in lengths
    assert lengths[-1] == 60.0


@pytest.mark.parametrize(("machines", "length"), [(12, 25.0), (250, 25.0), (1000, 100.0), (5000, 120.0)])
def test_slices_last_longer_for_many_machines(monkeypatch: pytest.MonkeyPatch, machines: int, length: float) -> None:
    stage = Stage(monkeypatch, [going(progress={"total": machines, "running": machines}), END])
    stage.run()
    assert [s["slice_seconds"] for s in stage.sent] == [25.0, length]


def test_a_slice_of_the_users_own_length_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [going(progress={"total": 1000})] * 150 + [END], slice_seconds=5)
    stage.run()
    assert {s["slice_seconds"] for s in stage.sent} == {5.0}


def test_numbers_that_are_none_are_left_to_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, [END], wait_timeout="nan", slice_seconds="inf")
    stage.run()
    assert stage.sent[0]["slice_seconds"] == 25.0


def test_a_slice_that_could_not_read_leaves_the_machines_where_they_were_seen_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = [{"step": "x", "end": "then"}]
    seen = {"name": "a", "item_id": "/a", "done": "started", "steps": steps, "after": "syncing_home", "changed": True}
    blind = {**seen, "after": "unknown", "changed": False}
    result = Stage(monkeypatch, [going(machines=[seen]), sent(1, code="forbidden", machines=[blind])]).run()
    assert result["machines"][0]["after"] == "syncing_home"
    moved = {**blind, "steps": [*steps, {"step": "y"}]}
    result = Stage(monkeypatch, [going(machines=[seen]), sent(1, code="forbidden", machines=[moved])]).run()
    assert result["machines"][0]["after"] == "unknown"


def test_a_trouble_that_lasts_is_reported_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    down = {"failed": True, "code": "unreachable", "msg": "No way to Azure.", "_takes": 5.0}
    stage = Stage(monkeypatch, [going(0), down], machines=["a"], wait_timeout=7200)
    assert stage.run()["code"] == "unreachable"
    told = [text for text in stage.said if "No way to Azure." in text]
    assert 2 <= len(told) <= 4, told
    assert "retrying for up to 15m" in told[0]
