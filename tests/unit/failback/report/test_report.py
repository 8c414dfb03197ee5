# SPDX-License-Identifier: GPL-3.0-or-later
"""The closing report and the progress line."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import (
    Ticker,
    line,
    span,
    stumble,
    under_way,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.rows import WIDTH
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import gather, render, totals
from ansible_collections.homeward.asr.plugins.module_utils.shell.reporting import judge, report_result

LONG = "The machine was renamed during failover because its name was already in use at the destination. " * 3


def machine(name: str, done: str = "started", step: str = "reprotect_to_onprem", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "vault": "v",
        "done": done,
        "step": step,
        "after": "ready",
        "duration_seconds": 750.0,
        "recovery_point": None,
        "warnings": [],
        "errors": [],
        "reason": "It broke." if done in ("failed", "refused") else "",
        "remedy": "Fix it." if done in ("failed", "refused") else "",
        "steps": [
            {
                "step": step,
                "done": done,
                "state": {"started": "Succeeded", "failed": "Failed"}.get(done),
                "end": "2026-03-01T08:12:30Z",
                "duration_seconds": 750.0,
                "recovery_point": more.get("recovery_point"),
            }
        ],
        "changed": done == "started",
        **more,
    }


def stage(*machines: dict[str, Any], **more: Any) -> dict[str, Any]:
    spent = {"writes": len(machines), "reads": 9, "floor": {"writes": len(machines), "reads": 8}}
    return {"finished": True, "machines": list(machines), "requests": spent, **more}


def test_a_machine_is_reported_over_all_its_stages() -> None:
    first = stage(machine("b"), machine("a"))
    second = stage(machine("a", step="failover_to_onprem", after="home_uncommitted", recovery_point="latest"))
    lines = render(gather([first, second]))
    body = [text for text in lines if text and not text.startswith("-")]
    assert body[0].split("  ")[0] == "machine"
    end = ["03-01", "08:12"]
    assert body[1].split() == ["a", "started", "home", "uncommitted", *end, "25m00s", "latest"]
    assert body[2].split() == ["b", "started", "ready", *end, "12m30s"]


def test_the_steps_of_each_machine_and_the_requests_are_reported_to_those_who_ask() -> None:
    report = gather([stage(machine("a")), stage(machine("a", step="failover_to_onprem", recovery_point="latest"))])
    brief, told = ("\n".join(render(report, verbose=verbose)) for verbose in (False, True))
    for text in ("duration", "floor"):
        assert text in told
        assert text not in brief
    rows = [text.split() for text in told.splitlines()]
    assert ["a", "reprotect", "home", "started", "12m30s"] in rows
    assert ["fail", "over", "home", "started", "12m30s", "latest"] in rows


def step(name: str, start: str, end: str | None, state: str = "Succeeded", **more: Any) -> dict[str, Any]:
    return {"step": name, "done": "started", "state": state, "start": start, "end": end, **more}


def test_times_downtime_and_location_of_a_machine() -> None:
    """The source is off from when the first try of its failover begins until the target is on."""
    steps = [
        step("reprotect_to_onprem", "2026-03-01T23:10:00Z", "2026-03-01T23:40:00Z"),
        step("failover_to_onprem", "2026-03-01T23:50:00Z", "2026-03-01T23:52:00Z", "Failed"),
        step("failover_to_onprem", "2026-03-01T23:53:00Z", "2026-03-01T23:58:00Z"),
        step("commit_to_onprem", "2026-03-02T00:08:00Z", "2026-03-02T00:10:00Z"),
    ]
    home = machine("a", steps=steps, after="home", item_id="/i/A", step="commit_to_onprem")
    look = {"left_out": True, "machines": [], "locations": {"/i/a": "alternate"}}
    head, _rule, row = render(gather([look, stage(home)]))[1:4]
    told = {word: row[head.index(word) :].split("  ")[0] for word in head.split("  ") if word.strip()}
    assert told["start (UTC)"] == "03-01 23:10"
    assert told["end"] == "03-02 00:10"
    assert (told["elapsed"], told["downtime"], told["location"]) == ("1h00m", "8m00s", "alternate")


def test_a_failover_that_is_open_has_no_downtime_yet() -> None:
    steps = [step("failover_to_onprem", "2026-03-01T23:50:00Z", None, "InProgress")]
    (story,) = gather([stage(machine("a", steps=steps), finished=False)]).stories
    assert (story.downtime, story.elapsed, story.ended) == (None, None, None)


def test_the_vault_is_named_where_there_are_several() -> None:
    assert "vault" not in render(gather([stage(machine("a"))]))[1]
    assert "vault" in render(gather([stage(machine("a"), machine("b", vault="w"))]))[1]


def test_the_end_says_what_to_do_next() -> None:
    opened = [step("reprotect_to_onprem", "2026-03-01T23:10:00Z", None, "InProgress")]
    fleet = [
        machine("a", "failed"),
        machine("b", "failed"),
        machine("c", "awaiting_approval"),
        machine("d", steps=opened, done="started", reason="synchronising (42%, about 14 min left)"),
    ]
    approve = {"about": "approve", "words": "1 machine waits, run:", "command": "ansible-playbook x", "notes": []}
    again = {"about": "continue", "words": "To go on, run:", "command": "ansible-playbook y", "notes": []}
    lines = render(gather([stage(*fleet, finished=False)]), onward=[approve, again])
    assert lines[lines.index("NEXT") :] == [
        "NEXT",
        "  a, b failed: Fix it.",
        "  1 machine waits, run:",
        "ansible-playbook x",
        "  Under way in the service. Nothing was cancelled; a rerun joins what runs.",
        "    d, reprotect home since 03-01 23:10 UTC: synchronising (42%, about 14 min left)",
        "  To go on, run:",
        "ansible-playbook y",
    ]


def test_machines_with_nothing_to_do_are_one_line() -> None:
    fleet = [{**machine(f"m{n}", "unchanged", after="home", step=None), "steps": []} for n in range(3)]
    assert render(gather([stage(*fleet)]))[1] == "m0, m1, m2: nothing to do, home."
    lines = render(gather([stage(*fleet, machine("z"))]))
    assert lines[1].startswith("machine")


def test_a_run_that_went_well_ends_with_nothing_to_do() -> None:
    assert render(gather([stage(machine("a"))]))[-2:] == [
        "NEXT",
        "  Nothing to do: every machine is where this run takes it.",
    ]


def test_columns_line_up_and_nothing_is_wider_than_a_terminal() -> None:
    warned = machine("x" * 60, warnings=[{"code": "28175", "message": LONG, "possible_causes": LONG}])
    odd = machine("y", "failed", recovery_point="p" * 80, reason=LONG, errors=[{"code": "1", "message": LONG}])
    lines = render(gather([stage(warned, odd, machine("z"))]))
    assert max(len(text) for text in lines) <= WIDTH
    start = lines[1].index("stage")
    assert all(text[start - 2 : start] == "  " for text in lines[1:6])
    assert "28175" in "\n".join(lines)


def test_why_a_machine_did_not_arrive_is_reported_in_full() -> None:
    problem = {"code": "95226", "message": "No route.", "possible_causes": "VPN.", "recommended_action": "Check it."}
    text = "\n".join(render(gather([stage(machine("a", "failed", errors=[problem]))])))
    for part in (
        "a failed: It broke.",
        "NEXT\n  a failed: Fix it.",
        "95226 No route.",
        "Possible causes: VPN.",
        "Recommended: Check it.",
    ):
        assert part in text


def test_what_the_reason_says_is_not_said_again() -> None:
    problem = {"code": "95226", "message": "No route.", "possible_causes": "VPN.", "recommended_action": "Check it."}
    told = machine("a", "failed", errors=[problem], reason="Reprotecting ended Failed: No route.", remedy="Check it.")
    text = "\n".join(render(gather([stage(told)])))
    assert text.count("No route.") == text.count("Check it.") == text.count("95226") == 1
    assert "Possible causes: VPN." in text


def test_large_fleets_show_only_what_needs_a_look() -> None:
    fleet = [machine(f"m{i:04d}") for i in range(1000)] + [
        machine("bad", "refused"),
        machine("wait", "awaiting_approval"),
    ]
    lines = render(gather([stage(*fleet)]))
    text = "\n".join(lines)
    assert len(lines) < 20
    assert "bad" in text
    assert "wait" in text
    assert "m0001" not in text
    assert "and 1000 more machines" in text


def test_totals_set_requests_against_their_floor() -> None:
    report = gather([stage(machine("a"), machine("b", "unchanged")), stage(machine("a", "awaiting_approval"))])
    assert totals(report) == "2 machines, 1 moved, 0 failed, 0 refused, 1 awaiting approval."
    assert totals(report, verbose=True) == (
        "2 machines, 1 moved, 0 failed, 0 refused, 1 awaiting approval. Requests: 3 writes (floor 3), 18 reads (floor 16)."
    )


def test_a_machine_whose_operation_failed_has_not_moved() -> None:
    sent = [{"step": "reprotect_to_onprem", "done": "started", "state": "Failed", "end": "x"}]
    bad = machine("bad", "failed", steps=sent, changed=False)
    asked = machine(
        "busy", steps=[{"step": "reprotect_to_onprem", "done": "started", "state": "InProgress"}], changed=True
    )
    said = totals(gather([stage(machine("good"), bad, asked, finished=False)]))
    assert said.startswith("3 machines, 1 moved, 1 failed, 0 refused, 1 still under way.")


def test_a_machine_that_failed_later_has_moved_all_the_same() -> None:
    report = gather([stage(machine("a")), stage(machine("a", "failed", step="failover_to_onprem", changed=False))])
    assert totals(report).startswith("1 machine, 1 moved, 1 failed,")


def test_failures_come_first_then_what_was_refused_held_or_under_way() -> None:
    fleet = [
        machine("a"),
        machine("b", "waiting"),
        machine("c", "awaiting_approval"),
        machine("d", "refused"),
        machine("e", "failed"),
    ]
    fleet += [machine("f", "failed", reason="It fell.")]
    lines = render(gather([stage(*fleet, finished=False)]))
    assert [text.split()[0] for text in lines[3:9]] == ["e", "f", "d", "c", "b", "a"]
    said = [text for text in lines[11:] if text and not text.startswith(" ")]
    assert [text.split(":")[0] for text in said[:4]] == ["e failed", "f failed", "d refused", "c awaiting approval"]


def test_one_cause_of_many_machines_is_one_paragraph() -> None:
    """Reasons that differ in names, ids and numbers only are one; codes keep two causes apart."""
    job = "0b1f5f5d-3f5e-4b39-9a4c-2f3f6a1f8c{:02x}"
    fleet = [
        machine(
            f"m{n:03d}",
            "failed",
            code="95226",
            reason=f"Reprotecting m{n:03d} beside m{(n + 1) % 90:03d} ended Failed after {n} of 90 disks.",
            remedy=f"Read job {job.format(n)} in the vault.",
        )
        for n in range(90)
    ]
    other = machine("z", "failed", code="78028", reason="Reprotecting z beside m000 ended Failed after 1 of 90 disks.")
    lines = render(gather([stage(*fleet, other)]))
    text = " ".join(" ".join(lines[95:]).split())
    assert text.count("ended Failed") == 2
    assert "m000, m001, " in text
    assert "m019 and 70 more failed: Reprotecting m000 beside m001" in text
    assert "Details are for m000; names and numbers differ" in text
    assert "z failed: " in text


def test_a_table_of_a_broken_fleet_stays_readable() -> None:
    lines = render(gather([stage(*(machine(f"m{n:04d}", "failed") for n in range(1000)))]))
    assert len(lines) < 220
    assert "and 800 more machines that need attention; see the reasons below." in lines
    assert "1000 machines, 0 moved, 1000 failed" in "\n".join(lines)


def test_the_last_stage_says_how_a_machine_ended() -> None:
    report = gather([stage(machine("a")), stage(machine("a", "failed"), machine("b"))])
    assert report.failed == ["a"]


def test_a_warning_repeated_by_a_later_stage_is_reported_once() -> None:
    warned = machine("a", warnings=[{"code": "28175", "message": "Renamed."}])
    assert "\n".join(render(gather([stage(warned), stage(warned)]))).count("28175") == 1


def test_an_attempt_that_was_repeated_is_listed_as_failed() -> None:
    steps = [{"step": "reprotect_to_onprem", "done": "started", "state": state} for state in ("Failed", "Succeeded")]
    told = render(gather([stage(machine("a", steps=steps, after=""))]), verbose=True)
    rows = [text.split()[-1] for text in told if "reprotect home" in text]
    assert rows == ["failed", "started"]


def test_a_state_is_written_out_where_there_is_room() -> None:
    text = "\n".join(render(gather([stage(machine("a", after="committing the failover to on-premises"))])))
    assert "committing the failover to on-premises" in text


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"done": "waiting"}, True),
        ({"done": "started", "steps": [{"end": "x"}, {"end": None}]}, True),
        ({"done": "joined", "steps": [{"end": "x"}], "reason": "synchronising"}, True),
        ({"done": "started", "steps": [{"end": "x"}], "reason": None}, False),
        ({"done": "refused", "reason": "no"}, False),
        ({"done": "unchanged"}, False),
    ],
)
def test_under_way(more: dict[str, Any], verdict: bool) -> None:
    assert under_way({"name": "a", **more}) is verdict


def test_machines_of_one_name_in_two_vaults_stay_two() -> None:
    assert len(gather([stage(machine("a"), machine("a", vault="w"))]).stories) == 2


STOPPED = {"failed": True, "msg": "No vault is named. Name one.", "remedy": "Name one.", "code": "no_vault"}


@pytest.mark.parametrize(
    ("results", "allowed", "on_timeout", "code"),
    [
        ([stage(machine("a"))], 0, "fail", ""),
        ([stage(machine("a"), machine("b", "failed"))], 0, "fail", "machines_failed"),
        ([stage(machine("a"), machine("b", "refused"))], 50, "fail", ""),
        ([STOPPED], 100, "fail", "stage_failed"),
        ([{"skipped": True}, stage(machine("a"))], 0, "fail", ""),
        ([stage(machine("a", "waiting"), finished=False)], 0, "fail", "still_running"),
        ([stage(machine("a", "waiting"), finished=False, failed=True)], 0, "fail", "still_running"),
        ([stage(machine("a", "waiting"), finished=False)], 0, "ok", ""),
        ([stage(machine("a", "awaiting_approval"))], 0, "fail", ""),
    ],
)
def test_the_chain_is_judged_as_a_whole(results: list[Any], allowed: float, on_timeout: str, code: str) -> None:
    told, _message, bad = judge(gather(results), allowed, on_timeout)
    assert (told if bad else "") == code


def test_a_stage_that_could_not_begin_is_reported() -> None:
    assert "No vault is named. Name one." in "\n".join(render(gather([STOPPED])))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0s"), (59.6, "1m00s"), (250, "4m10s"), (3599.6, "1h00m"), (7500, "2h05m"), (97200, "1d03h")],
)
def test_spans(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


def test_the_progress_line() -> None:
    progress = {
        "total": 12,
        "done": 5,
        "running": 7,
        "failed": 0,
        "slowest": "files-01",
        "waiting_for": "synchronising home",
    }
    assert line(250, progress) == (
        "  homeward.asr    4m10s   done  5   running  7   failed  0   of 12   slowest: files-01: synchronising home"
    )


def test_progress_lines_keep_their_columns() -> None:
    lines = [
        line(used, {"total": 1000, "done": n, "running": 1000 - n, "slowest": "x"}) for used, n in ((5, 3), (7500, 999))
    ]
    assert len({text.index("slowest") for text in lines}) == 1


def test_a_line_without_numbers_is_still_a_line() -> None:
    assert "done  0" in line(0, {})
    assert "no answer" in stumble(1, "no answer\nmore", 900.0)


def walk(step: float, until: float, pulse: str = "same") -> list[float]:
    """When lines appear in a run whose slices take ``step`` seconds."""
    ticker, shown, used = Ticker(), [], 0.0
    while used < until:
        used += step
        if ticker.due(used, pulse, step):
            shown.append(used)
    return shown


@pytest.mark.parametrize("step", [1.0, 7.0, 10.0, 25.0, 29.0])
def test_in_the_first_ten_minutes_a_line_is_never_more_than_half_a_minute_away(step: float) -> None:
    shown = walk(step, Ticker.EARLY)
    gaps = [b - a for a, b in zip([0.0, *shown], shown, strict=False)]
    assert max(gaps) <= Ticker.EARLY_EVERY


def test_later_a_line_appears_every_five_minutes_only() -> None:
    late = [at for at in walk(25.0, 7200.0) if at > 1000]
    gaps = {b - a for a, b in itertools.pairwise(late)}
    assert max(gaps) <= Ticker.LATER_EVERY
    assert min(gaps) > 250


def test_a_change_is_shown_at_once() -> None:
    ticker = Ticker()
    assert ticker.due(5000.0, "a", 25)
    assert not ticker.due(5001.0, "a", 25)
    assert ticker.due(5002.0, "b", 25)


def test_a_stage_with_nothing_to_do_leaves_no_row_beside_a_refusal() -> None:
    report = gather([stage(machine("a", "unchanged")), stage(machine("a", "refused"))])
    assert [row["done"] for row in report.stories[0].rows] == ["refused"]


def test_what_the_rules_warned_of_is_printed_below_the_machines() -> None:
    def found(rule: str, name: str, verdict: str, **more: Any) -> dict[str, Any]:
        text, remedy = f"{name} has a snapshot.", "Delete it."
        common = {"blocks": verdict == "block", "accepted": "", "machines": [name], "about": "machine", "vault": "v"}
        return {"rule": rule, "name": name, "verdict": verdict, "text": text, "remedy": remedy, **common, **more}

    results = [
        {
            "machines": [],
            "findings": [
                found("vm_snapshot", "m-a", "warn"),
                found("mt_snapshot", "m-c", "block"),
                found("vm_off", "m-d", "block", blocks=False, accepted="A copy, says the owner."),
            ],
        },
        {"machines": [], "findings": [found("vm_snapshot", "m-b", "warn"), found("network_link", "m-a", "unknown")]},
    ]
    lines = report_result({"results": results, "fail": True, "allowed_failures": 0.0, "on_timeout": "fail"}, False)[
        "lines"
    ]
    text = "\n".join(lines)
    assert "WARNS\n  vm_snapshot  m-a has a snapshot. The same applies to m-b. Delete it." in text
    assert "ACCEPTED\n  vm_off  m-d has a snapshot. Accepted: A copy, says the owner." in text
    assert "Not known: network_link (m-a). The playbook preflight says why." in text
    # What blocks is reported with the machine that it stopped.
    assert "mt_snapshot" not in text


@pytest.mark.parametrize(("done", "printed"), [("started", False), ("unchanged", False), ("awaiting_approval", True)])
def test_a_warning_about_machines_that_have_arrived_is_in_the_files_only(done: str, printed: bool) -> None:
    finding = {
        "rule": "vm_snapshot",
        "about": "machine",
        "vault": "v",
        "name": "m-a",
        "machines": ["m-a"],
        "verdict": "warn",
    }
    told = {"text": "m-a has a snapshot.", "remedy": "Delete it.", "blocks": False, "accepted": ""}
    machine = {"name": "m-a", "vault": "v", "item_id": "/m-a", "done": done, "after": "home", "steps": []}
    results = [{"finished": True, "machines": [machine], "findings": [{**finding, **told}]}]
    options = {"results": results, "fail": True, "allowed_failures": 0.0, "on_timeout": "fail"}
    assert any("vm_snapshot" in line for line in report_result(options, False)["lines"]) is printed
    assert any("vm_snapshot" in line for line in report_result(options, True)["lines"]), (
        "check mode says what would be in the way"
    )
