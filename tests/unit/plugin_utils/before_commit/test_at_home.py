# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines at home that preflight asks from inside: who they are, and what becomes of their answers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.plugin_utils.before_commit import at_home

FABRIC = "/v/replicationFabrics/f-1"
CS = {"role": "configuration server", "name": "CS", "address": "10.0.0.5", "port": 443}
FABRICS = [
    {"id": "/v/replicationFabrics/f-10", "outward_servers": []},
    {"id": FABRIC.upper(), "outward_servers": [{**CS, "natural": True}]},
]


def row(name: str, position: str = "home_unprotected", number: int = 1) -> dict[str, Any]:
    return {"name": name, "position": position, "item_id": f"{FABRIC}/items/{name}-{number}"}


@pytest.mark.parametrize(
    ("rows", "known", "hosts"),
    [
        ([row("web")], ["web", "db"], ["web"]),
        ([row("web", "home_uncommitted")], ["web"], ["web"]),
        ([row("web")], ["db"], [""]),
        # The host may be either of two machines of one name.
        ([row("web"), row("WEB", number=2)], ["web"], ["", ""]),
        ([row("localhost")], ["localhost"], [""]),
        ([row("web", "home"), row("db", "out"), row("app", "ready"), row("new", "syncing_out")], ["web", "db"], []),
    ],
)
def test_who_is_asked(rows: list[Any], known: list[str], hosts: list[str]) -> None:
    assert [entry["host"] for entry in at_home.entries(rows, FABRICS, known)] == hosts


def test_each_is_asked_for_the_servers_of_its_own_fabric() -> None:
    (entry,) = at_home.entries([row("web")], FABRICS, ["web"])
    assert entry["checks"] == [{"check": "reaches", "to": [CS]}, {"check": "room", "mb": 500}]


def answered(**more: Any) -> dict[str, Any]:
    (entry,) = at_home.entries([row("web")], FABRICS, ["web"])
    outcome = {
        "passed": True, "job": entry["job"], "of": entry["checks"], "at": 0,
        "guest": {"ports": [{**CS, "state": "open"}], "free_mb": 900.0, "why": ""}, **more,
    }  # fmt: skip
    (look,) = at_home.looks([entry], {"web": {"verify_outcome": outcome}})
    return look


def test_an_answer_is_what_preflight_takes() -> None:
    assert answered() == {
        "item_id": row("web")["item_id"], "ports": [{**CS, "state": "open"}], "free_mb": 900.0, "room_mb": 500, "why": "",
        "required": False,
    }  # fmt: skip


@pytest.mark.parametrize("more", [{"job": "another machine's"}, {"of": []}, {"guest": None}])
def test_the_answer_of_another_run_or_machine_does_not_count(more: dict[str, Any]) -> None:
    look = answered(**more)
    assert (look["why"], look["ports"][0]["state"]) == ("the tasks on it did not finish", "untried")


def test_who_is_no_host_is_named() -> None:
    (look,) = at_home.looks(at_home.entries([row("web")], FABRICS, []), {})
    assert look["why"] == "it is not a host of the inventory"


def test_a_host_that_machines_of_two_vaults_may_be_answers_for_neither() -> None:
    (entry,) = at_home.entries([row("web")], FABRICS, ["web"])
    ports = [{**port, "state": "open"} for port in entry["checks"][0]["to"]]
    outcome = {
        "passed": True,
        "job": entry["job"],
        "of": entry["checks"],
        "at": 0.0,
        "guest": {"ports": ports, "free_mb": 900, "why": ""},
    }
    facts = {"web": {"verify_outcome": outcome}}
    assert at_home.looks([entry], facts)[0]["why"] == ""
    (seen,) = at_home.looks([entry], facts, {"web"})
    assert "several vaults" in seen["why"]
    assert {port["state"] for port in seen["ports"]} == {"untried"}
