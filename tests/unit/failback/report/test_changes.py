# SPDX-License-Identifier: GPL-3.0-or-later
"""Events between two pictures of the vaults."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.report.changes import (
    JOBS_REMEMBERED,
    between,
    remembered,
    selected,
)

Facts = dict[str, Any]
NOW = 1_800_000_000.0


def machine(name: str, **more: Any) -> Facts:
    facts = {"name": name, "vault_key": "v", "item_id": f"/items/{name}", "state": "ready", "health": "Normal"}
    return {**facts, "doing": "", "chosen_as": name, **more}


def server(role: str = "configuration_server", **more: Any) -> Facts:
    return {
        "role": role,
        "name": "CS-01",
        "id": f"/servers/{role}",
        "vault_key": "v",
        "state": "connected",
        "health": "Normal",
        "reason": "",
        **more,
    }


def job(name: str, ended_at: float | None = None) -> Facts:
    ended = ended_at is not None
    facts = {"job": name, "vault_key": "v", "state": "Succeeded" if ended else "InProgress", "alive": not ended}
    return {**facts, "ended_at": ended_at}


def part(
    *machines: Facts, servers: tuple[Facts, ...] = (server(),), jobs: tuple[Facts, ...] = (), **more: Any
) -> Facts:
    return {
        "facts": {"vault": "dr", "vault_key": "v"},
        "readable": True,
        "reason": "",
        "read_at": NOW,
        "machines": {m["item_id"]: m for m in machines},
        "servers": {s["id"]: s for s in servers},
        "jobs": {j["job"]: j for j in jobs},
        **more,
    }


def picture(vault: Facts, seq: int = 1, selection: Facts | None = None) -> Facts:
    return {"format": 1, "seq": seq, "vaults": {"v": vault}, "selection": selection}


def told(before: Facts | None, after: Facts, **options: Any) -> list[tuple[str, list[str]]]:
    return [(e["kind"], e["changes"]) for e in between(before, after, **options)]


def test_the_first_picture_is_reported_as_it_is_or_not_at_all() -> None:
    after = picture(part(machine("a"), jobs=(job("old", NOW - 9), job("new"))), selection=selected({}, [], []))
    assert [event[0] for event in told(None, after)] == ["server", "machine", "job", "selection"]
    assert [event[0] for event in told(None, after, report_current=False)] == ["selection"]
    assert told(after, after) == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (part(machine("a", state="home_uncommitted")), [("machine", ["state"])]),
        (part(machine("a", health="Critical", doing="failover")), [("machine", ["health", "doing"])]),
        (part(machine("a", sync_percentage=5)), []),
        (part(), [("machine", ["gone", "state"])]),
        (part(machine("a"), machine("b")), [("machine", ["found", "state", "health", "doing"])]),
        (part(machine("a"), servers=(server(state="lost", reason="it is silent"),)), [("server", ["state"])]),
        (part(machine("a"), servers=(server(reason="another text"),)), []),
        (part(machine("a"), servers=()), [("server", ["gone", "state"])]),
        (part(machine("a"), jobs=(job("j"),)), [("job", ["found", "state"])]),
        (part(machine("a"), jobs=(job("j", NOW + 5),)), [("job", ["found", "state"])]),
        (part(machine("a"), jobs=(job("j", NOW - JOBS_REMEMBERED - 5),)), []),
        (part(readable=False, reason="HTTP 503"), [("vault", ["readable"])]),
    ],
)
def test_each_change_is_one_event(after: Facts, expected: list[tuple[str, list[str]]]) -> None:
    before = picture(part(machine("a")))
    assert told(before, picture(after, 2)) == expected
    assert told(picture(after, 2), picture(copy.deepcopy(after), 3)) == []


def test_what_could_not_be_read_is_not_gone_and_not_found_again() -> None:
    before = picture(part(machine("a")))
    unread = picture(part(machine("a"), readable=False, reason="HTTP 503"), 2)
    assert told(before, unread) == [("vault", ["readable"])]
    assert told(unread, picture(part(machine("a", health="Critical")), 3)) == [
        ("vault", ["readable"]),
        ("machine", ["health"]),
    ]
    never = picture(part(servers=(), readable=False, reason="HTTP 503", read_at=None))
    assert told(None, never) == [("vault", ["readable"])]
    assert told(never, before, report_current=False) == [("vault", ["readable"])]


def test_an_event_has_what_was_and_an_id_of_its_own() -> None:
    before, after = picture(part(machine("a"))), picture(part(machine("a", state="home")), 2)
    (event,) = between(before, after)
    assert event["was"] == {"state": "ready"}
    assert between(before, after)[0]["meta"] == event["meta"]
    assert between(before, {**after, "seq": 4})[0]["meta"] != event["meta"]


def test_ended_jobs_are_remembered_for_a_while() -> None:
    jobs = {"runs": job("runs"), "young": job("young", NOW - 60), "old": job("old", NOW - 5 * JOBS_REMEMBERED)}
    assert sorted(remembered(jobs, NOW)) == ["runs", "young"]


@pytest.mark.parametrize(
    ("machines", "vault", "ready", "hold"),
    [
        ([machine("a"), machine("b")], part(), True, ""),
        ([machine("a"), machine("b", state="syncing_home")], part(), False, ""),
        ([machine("a", doing="failover")], part(), False, ""),
        ([machine("a", health="Critical")], part(), False, "a is in critical health"),
        ([machine("a")], part(servers=(server(state="lost", reason="CS-01 is silent."),)), False, "CS-01 is silent"),
        ([machine("a")], part(servers=(server(health="Critical"),)), False, "as Critical"),
        ([machine("a")], part(servers=()), False, "No configuration server"),
        ([machine("a")], part(servers=(server("appliance", state="lost", reason="x"),)), False, "No appliance"),
        ([machine("a")], part(servers=(server("appliance"), server("master_target", state="lost"))), True, ""),
        ([machine("a")], part(readable=False, reason="HTTP 503"), False, "cannot be read"),
        ([], part(), False, ""),
    ],
)
def test_a_selection_is_ready_when_all_are_and_nothing_holds_it(
    machines: list[Facts], vault: Facts, ready: bool, hold: str
) -> None:
    found = selected({"machines": ["a"]}, machines, [vault])
    assert (found["ready"], found["held"]) == (ready, bool(hold))
    assert hold in " ".join(found["holds"])


def test_a_vault_that_cannot_be_read_leaves_the_selection_as_it_was_known() -> None:
    words = {"machines": ["shop-*"]}
    former = selected(words, [machine("shop-1"), machine("shop-2")], [part()])
    closed = part(readable=False, reason="HTTP 503")
    found = selected(words, [machine("shop-1")], [part(), closed], former=former)
    assert (found["machines"], found["ready"]) == (["shop-1", "shop-2"], False)
    assert not selected(words, [machine("shop-1")], [part(), closed])["ready"]
    (event,) = between(picture(part(), 1, former), picture(part(), 2, found))
    assert event["changes"] == ["ready", "held"]
