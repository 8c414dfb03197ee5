# SPDX-License-Identifier: GPL-3.0-or-later
"""How the report says that a run goes on."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import gather, render
from ansible_collections.homeward.asr.plugins.plugin_utils.output.command import CommandLine
from ansible_collections.homeward.asr.plugins.plugin_utils.output.next_steps import NAMED, Way, next_steps

TYPED = CommandLine(("ansible-playbook", "homeward.asr.failback", "-e", "@home.yml"))
WAY = Way("asr_", TYPED)
SUCCEEDED = {"step": "commit_to_onprem", "done": "started", "state": "Succeeded", "end": "2026-03-01T08:00:00Z"}


def machine(name: str, done: str = "started", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "vault": "vault-1",
        "item_id": f"/Subscriptions/s/vaults/vault-1/items/rpi-{name}",
        "group": None,
        "done": done,
        "approved": False,
        "after": "home_uncommitted" if done == "awaiting_approval" else "home",
        "code": "awaiting_approval" if done == "awaiting_approval" else "",
        "steps": [],
        **more,
    }


def result(*machines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"finished": True, "machines": list(machines), **more}


def ways(*results: dict[str, Any], way: Way = WAY, check: bool = False) -> list[dict[str, Any]]:
    return next_steps(gather(results, check), way)


def given(entry: dict[str, Any]) -> dict[str, Any]:
    """The variables that a command adds to what was typed."""
    words = shlex.split(entry["command"])
    assert tuple(words[: len(TYPED.words)]) == TYPED.words
    rest = words[len(TYPED.words) :]
    return dict(json.loads(rest[1])) if rest else {}


def test_all_that_wait_get_one_command() -> None:
    (entry,) = ways(result(machine("a", "awaiting_approval"), machine("b", "awaiting_approval"), machine("c")))
    assert (entry["about"], entry["count"]) == ("approve", 2)
    assert given(entry) == {"asr_approved": ["a", "b"]}


def test_a_member_held_for_its_group_needs_no_command_of_its_own() -> None:
    fellow = machine("b", "held", code="group_held", approved=True, after="home_uncommitted")
    (entry,) = ways(result(machine("a", "awaiting_approval"), fellow))
    assert given(entry) == {"asr_approved": ["a", "b"]}


def test_a_run_that_is_done_says_nothing_and_neither_does_check_mode() -> None:
    assert ways(result(machine("a"))) == []
    assert ways(result(machine("a", "awaiting_approval")), check=True) == []
    assert ways({"failed": True, "msg": "No vault."}) == []


def test_more_than_can_be_named_are_approved_as_held_and_counted() -> None:
    (entry,) = ways(result(*(machine(f"m{n:02d}", "awaiting_approval") for n in range(NAMED + 1))))
    assert given(entry) == {"asr_approved": ["held"]}
    assert f"{NAMED + 1} machines" in " ".join(entry["notes"])


def test_held_is_not_used_where_it_would_approve_another() -> None:
    many = [machine(f"m{n:02d}", "awaiting_approval") for n in range(NAMED + 1)]
    other = machine("other", "refused", after="home_uncommitted", code="group_incomplete")
    approve = ways(result(*many, other))[0]
    assert given(approve) == {"asr_approved": [m["name"] for m in many]}


def test_a_machine_that_waits_for_another_reason_is_not_approved() -> None:
    (entry,) = ways(result(machine("a", "held", code="group_waits")))
    assert (entry["about"], given(entry)) == ("again", {})


@pytest.mark.parametrize(
    ("twin", "said"),
    [
        ({"vault": "vault-2", "item_id": "/s/vaults/vault-2/items/rpi-a"}, "id"),
        ({"name": "A", "item_id": "/s/vaults/vault-2/items/rpi-x"}, "id"),
        ({"name": "b", "item_id": "/s/vaults/vault-2/items/a"}, "id"),
        ({"name": "b", "group": "a", "item_id": "/s/vaults/vault-1/items/rpi-b"}, "id"),
        ({"name": "b", "item_id": "/s/vaults/vault-1/items/rpi-b"}, "name"),
    ],
)
def test_a_name_that_means_another_machine_too_gives_way_to_the_id(twin: dict[str, Any], said: str) -> None:
    one = machine("a", "awaiting_approval")
    (entry,) = ways(result(one, machine(**{"name": "a", **twin}) if "name" not in twin else machine(**twin)))
    assert given(entry)["asr_approved"] == [one["item_id"] if said == "id" else "a"]


@pytest.mark.parametrize("name", ["held", "all", "a,b", "{{ x }}", " a"])
def test_a_name_that_would_be_read_as_something_else_gives_way_to_the_id(name: str) -> None:
    one = machine(name, "awaiting_approval")
    (entry,) = ways(result(one))
    assert given(entry)["asr_approved"] == [one["item_id"]]


# -- time over, and what went wrong --------------------------------------------------------------------------------


def test_time_over_goes_on_with_no_new_approval() -> None:
    approve, go_on = ways(result(machine("a", "waiting"), machine("b", "awaiting_approval"), finished=False))
    assert (approve["about"], given(approve)) == ("approve", {"asr_approved": ["b"]})
    assert (go_on["about"], go_on["count"], given(go_on)) == ("continue", 1, {})


def test_an_approval_that_was_not_used_is_kept_by_name() -> None:
    """The word ``held`` would mean machines that this run has brought to their commit."""
    used = machine("used", approved=True, steps=[SUCCEEDED])
    late = machine("late", "waiting", approved=True, after="home_uncommitted")
    approve, go_on = ways(result(used, late, machine("new", "awaiting_approval"), finished=False))
    assert given(approve) == {"asr_approved": ["new", "late"]}
    assert given(go_on) == {"asr_approved": ["late"]}


def test_approvals_in_a_file_that_were_used_do_not_approve_others_again() -> None:
    used = machine("used", approved=True, steps=[SUCCEEDED])
    (entry,) = ways(result(used, machine("bad", "failed")))
    assert (entry["about"], given(entry)) == ("again", {"asr_approved": []})


def test_a_machine_that_failed_is_run_again_with_the_approval_it_had() -> None:
    (entry,) = ways(result(machine("a", "refused", approved=True, after="home_uncommitted"), machine("b")))
    assert (entry["about"], entry["count"], given(entry)) == ("again", 1, {"asr_approved": ["a"]})


def test_a_chain_that_stopped_after_machines_had_moved_is_run_again() -> None:
    (entry,) = ways(result(machine("a")), {"failed": True, "msg": "vCenter is away."})
    assert entry["about"] == "again"


# -- what cannot be repeated ---------------------------------------------------------------------------------------


def test_what_is_left_out_is_named_and_the_choice_is_pinned() -> None:
    line = CommandLine(TYPED.words, left_out=("site", "the file /dev/fd/63"))
    (entry,) = ways(result(machine("a", "awaiting_approval"), machine("b")), way=Way("asr_", line))
    assert given(entry) == {
        "asr_machines": ["a", "b"],
        "asr_groups": [],
        "asr_recovery_plans": [],
        "asr_exclude": [],
        "asr_approved": ["a"],
    }
    assert "site, the file /dev/fd/63" in " ".join(entry["notes"])


def test_a_member_that_is_gone_is_not_chosen_by_name() -> None:
    line = CommandLine(TYPED.words, left_out=("site",))
    (entry,) = ways(
        result(machine("a", "awaiting_approval"), machine("lost", "refused", code="plan_member_gone")),
        way=Way("asr_", line),
    )[:1]
    assert given(entry)["asr_machines"] == ["a"]


def test_a_confirmation_that_is_missing_is_asked_for() -> None:
    (again,) = ways(result(machine("a", "refused", code="not_confirmed", after="home")))
    assert "confirm" not in again["command"]
    assert "asr_confirm_failover_to_azure" in " ".join(again["notes"])


def test_no_command_where_neither_can_be_done() -> None:
    line = CommandLine(TYPED.words, left_out=("site",))
    fleet = [machine("a", "awaiting_approval"), *(machine(f"m{n}") for n in range(NAMED))]
    (entry,) = ways(result(*fleet), way=Way("asr_", line))
    assert entry["command"] == ""
    assert entry["variable"] == """-e '{"asr_approved": ["a"]}'"""


def test_a_confirmation_that_was_typed_is_not_carried_and_that_is_said() -> None:
    line = CommandLine(TYPED.words, withheld=("asr_confirm_failover_to_azure",))
    approve, again = ways(result(machine("a", "awaiting_approval"), machine("b", "failed")), way=Way("asr_", line))
    assert "confirm" not in approve["command"] + again["command"]
    assert not approve["notes"]
    assert "asr_confirm_failover_to_azure" in " ".join(again["notes"])


def test_a_job_template_is_given_which_variable_to_set() -> None:
    (entry,) = ways(result(machine("a", "awaiting_approval")), way=Way("asr_", None))
    assert (entry["command"], entry["variable"]) == ("", 'asr_approved: ["a"]')
    assert "launch the same template again" in entry["words"]


def test_tasks_of_the_users_own_get_the_words_of_their_option() -> None:
    (entry,) = ways(result(machine("a", "awaiting_approval")), way=Way("", TYPED))
    assert (entry["command"], entry["variable"]) == ("", 'approved: ["a"]')


def test_the_report_shows_the_command_on_one_line_however_long() -> None:
    results = [result(*(machine(f"a-rather-long-machine-name-{n:02d}", "awaiting_approval") for n in range(NAMED)))]
    report = gather(results)
    (entry,) = next_steps(report, WAY)
    lines = render(report, onward=[entry])
    assert entry["command"] in lines
    assert all(len(line) <= 120 for line in lines if line != entry["command"])


def test_going_on_repeats_no_approval_that_a_file_holds() -> None:
    """``held`` would mean those that this run has brought there."""
    late = machine("b", reason="synchronising", end=None, after="azure")
    story = result(machine("a", "awaiting_approval"), late, finished=False)
    approve, on = ways(story, way=Way("asr_", TYPED, approving=True))
    assert given(approve) == {"asr_approved": ["a"]}
    assert given(on) == {"asr_approved": []}


def test_a_confirmation_in_a_file_is_withdrawn_and_one_that_was_typed_is_left_out() -> None:
    story = result(machine("a", "awaiting_approval", after="out_uncommitted"), machine("b", "refused", code="health"))
    for entry in ways(story, way=Way("asr_", TYPED, confirmed=True)):
        assert given(entry)["asr_confirm_failover_to_azure"] is False
    typed = CommandLine(TYPED.words, withheld=("asr_confirm_failover_to_azure",))
    for entry in ways(story, way=Way("asr_", typed, confirmed=True)):
        assert "confirm" not in entry["command"]


def test_a_playbook_of_ones_own_is_never_given_a_choice() -> None:
    """It may hold several runs, and the choice would be that of each."""
    own = CommandLine(("ansible-playbook", "site.yml"), ("token",), ("asr_confirm_failover_to_azure",), ours=False)
    (entry,) = ways(result(machine("a", "awaiting_approval")), way=Way("asr_", own, confirmed=True))
    assert entry["command"] == ""
    assert json.loads(shlex.split(entry["variable"])[1]) == {
        "asr_approved": ["a"],
        "asr_confirm_failover_to_azure": False,
    }
    assert "run your command again with this added" in entry["words"]


def test_a_printed_command_is_for_the_host_whose_machines_it_names() -> None:
    waiting = result(machine("a", "awaiting_approval"))
    (typed,) = ways(waiting, way=Way("asr_", TYPED, host="vault-a"))
    assert given(typed) == {"asr_hosts": "vault-a", "asr_approved": ["a"]}
    (template,) = ways(waiting, way=Way("asr_", None, host="vault-a"))
    assert template["variable"] == 'asr_hosts: "vault-a", asr_approved: ["a"]'
    assert "these variables" in template["words"]
    running = result(machine("a", "waiting"), finished=False)
    (template,) = ways(running, way=Way("asr_", None, host="vault-a"))
    assert template["variable"] == 'asr_hosts: "vault-a"'
