# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of guests in the playbooks: whose is recorded or restored, what a commit needs, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import gather, render
from ansible_collections.homeward.asr.plugins.plugin_utils.before_commit import failed_over, guests

ID = "/vaults/v/replicationProtectedItems/a1"
HOST = {"host": "web-1", "name": "web-1", "item_id": ID, "job": "job-1"}


def outcome(outcome: str, *, action: str = "restore", job: str = "job-1", **more: Any) -> dict[str, Any]:
    return {"guest_outcome": {"action": action, "outcome": outcome, "job": job, **more}}


NOT = "the network of the guest was not restored"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, NOT),
        (outcome("recorded", action="record"), NOT),
        (outcome("restored", job="job-0"), NOT),
        (outcome("unreachable", reason="It cannot be reached."), f"{NOT}: It cannot be reached."),
        (outcome("rolled_back"), f"{NOT}: rolled_back"),
        (outcome("differs"), f"{NOT}: differs"),
        ({"asr_guest": "restore"}, NOT),
        ({"asr_guest": "retsore"}, f"{NOT}: asr_guest is 'retsore' for this host, not record, restore or off"),
        (outcome("restored"), None),
        (outcome("unchanged"), None),
    ],
)
def test_a_commit_needs_the_network_of_this_very_failover(facts: dict[str, Any], why: str | None) -> None:
    (found,) = failed_over.verifications({}, [HOST], {"web-1": facts}, 100.0, "restore")
    assert (found["passed"], found["job"]) == (why is None, "job-1")
    assert found["reason"] == (why or "")
    assert found["checks"] == ([] if why else ["network as recorded"])


@pytest.mark.parametrize(
    ("own", "run", "asked"),
    [
        (None, "restore", True),
        (None, "record", False),
        (None, "off", False),
        (None, "", False),
        ("off", "restore", False),
        (False, "restore", False),
        ("record", "restore", False),
        ("restore", "off", True),
        ("restore", "", True),
        ("retsore", "off", True),
    ],
)
def test_a_host_of_the_inventory_decides_for_itself(own: Any, run: str, asked: bool) -> None:
    found = failed_over.verifications({}, [HOST], {"web-1": {"asr_guest": own}}, 100.0, run)
    assert bool(found) is asked


def test_own_checks_count_beside_the_network() -> None:
    checks = {ID.lower(): [{"check": "ping"}]}
    made = {"checks": ["ping"], "of": checks[ID.lower()]}
    facts = {**outcome("restored"), "verify_outcome": {"job": "job-1", "at": 90.0, "passed": True, **made}}
    (found,) = failed_over.verifications(checks, [HOST], {"web-1": facts}, 100.0, "restore")
    assert (found["passed"], found["checks"], found["age_seconds"]) == (True, ["network as recorded", "ping"], 10.0)
    facts["verify_outcome"] = {"job": "job-1", "at": 90.0, "passed": False, "reason": "no answer", **made}
    (found,) = failed_over.verifications(checks, [HOST], {"web-1": facts}, 100.0, "restore")
    assert (found["passed"], found["reason"]) == (False, "no answer")
    (found,) = failed_over.verifications(
        checks, [HOST], {"web-1": {**facts, **outcome("rolled_back")}}, 100.0, "restore"
    )
    assert (found["passed"], found["reason"]) == (False, f"{NOT}: rolled_back")


def test_only_machines_at_home_are_recorded_and_the_others_are_named() -> None:
    machines = [
        {"name": "web-1", "item_id": ID, "position": "home", "position_text": "protected at home"},
        {"name": "db-1", "item_id": "/x/b1", "position": "out", "position_text": "running in Azure, committed"},
        {"name": "db-2", "item_id": "/x/b2", "position": "home_uncommitted", "position_text": "at home, not committed"},
        {"name": "DUP", "item_id": "/x/C1", "position": "home", "position_text": ""},
        {"name": "dup", "item_id": "/y/c2", "position": "syncing_out", "position_text": ""},
    ]
    found = guests.entries(machines, {ID.lower(): "10.0.0.9"})
    assert [e["host"] for e in found if e["home"]] == ["web-1", "DUP c1", "dup c2"]
    assert found[0]["address_given"] == "10.0.0.9"
    facts = {
        "web-1": outcome("recorded", action="record", addresses={"eth0": ["10.0.0.9/24"]}, file="/r/web-1.yml"),
        "DUP c1": outcome("kept", action="record", reason="The record is not as the machine is now; it was left."),
        "dup c2": outcome("unreachable", action="record", reason="This machine cannot be reached at dup."),
    }
    told = guests.result(guests.rows(found, facts, "record"), "record", "asr-records")
    assert told["changed"]
    assert told["guests"][0]["addresses"] == ["10.0.0.9/24"]
    assert told["notes"] == [
        "Networks of guests recorded: 2 of 5 in asr-records.",
        "Network not recorded: db-1 (Its network is recorded on-premises; it is running in Azure, committed).",
        "Network not recorded: db-2 (Its network is recorded on-premises; it is at home, not committed).",
        "Network not recorded: dup (This machine cannot be reached at dup).",
        "An earlier record is not as the machine is now and was kept: DUP (The record is not as the machine is now; it was left).",
    ]
    printed = "\n".join(render(gather([told])))
    assert "Note: Networks of guests recorded: 2 of 5 in asr-records." in printed


def test_a_thousand_that_are_not_reached_are_one_sentence() -> None:
    hosts = [{"host": f"m{n}", "name": f"m{n}", "item_id": f"/x/{n}"} for n in range(1000)]
    told = guests.result(guests.rows(hosts, {}, "restore"), "restore")
    assert told["notes"][0] == "Networks of guests restored: 0 of 1000."
    assert told["notes"][1].endswith("m19 and 980 more (The tasks for it did not finish).")
    assert len(told["guests"]) == 200
