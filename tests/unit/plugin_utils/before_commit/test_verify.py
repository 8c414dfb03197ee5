# SPDX-License-Identifier: GPL-3.0-or-later
"""asr_verify: what is a check, whose it is, what a play's outcome means; and machines that are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.plugin_utils.before_commit import failed_over, verify
from ansible_collections.homeward.asr.plugins.plugin_utils.stages import refusing

ROWS: list[dict[str, Any]] = [
    {"name": "web-1", "item_id": "/i/1", "group": None, "after": "ready", "done": "started"},
    {"name": "web-2", "item_id": "/i/2", "group": "shop", "after": "ready", "done": "started"},
    {"name": "db-1", "item_id": "/i/3", "group": "shop", "after": "ready", "done": "started"},
]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"web-1": {"tpc": 80}}, "Did you mean tcp"),
        ({"web-1": {"tcp": 70000}}, "70000"),
        ({"web-1": {"tcp": 0}}, "1 to 65535"),
        ({"web-1": {"tcp": True}}, "True"),
        ({"web-1": {"tcp": []}}, "no port"),
        ({"web-1": []}, "no check"),
        ({"web-1": "telnet"}, "telnet"),
        ({"web-1": {"tcp": 80, "ping": True}}, "which is not a check"),
        ({"web-1": {"http": {"status": 99}}}, "99"),
        ({"web-1": {"http": {"txt": "x"}}}, "Did you mean text"),
        ({"web-1": {"http": {"url": "http://x/", "port": 80}}}, "as well"),
        ({"web-1": {"http": "ftp://x/"}}, "ftp://x/"),
        ({"web-1": {"http": {"port": 65536}}}, "65536"),
        ({"web-1": {"ping": False}}, "ping"),
        ({"web-1": {"connection": "telnet"}}, "telnet"),
        ({"web-1": {"tasks": 7}}, "7"),
        ({"web-1": {"reach": "servers"}}, "Did you mean reaches"),
        ({"web-1": {"reaches": "10.0.0.1"}}, "10.0.0.1"),
        ({"web-1": {"reaches": "10.0.0.1:0"}}, "1 to 65535"),
        ({"web-1": {"reaches": "$(id):443"}}, "$(id):443"),
        ({"web-1": {"reaches": ["servers", 443]}}, "443"),
        ({"web-1": {"reaches": False}}, "False"),
        ({"web-1": {"reaches": []}}, "nothing"),
        ({"web-1": {"room": 0}}, "0"),
        ({"web-1": {"room": False}}, "False"),
        ({"web-1": {"room": "much"}}, "much"),
        ({7: {"tcp": 80}}, "7"),
        (["web-1"], "not a mapping"),
    ],
)
def test_what_is_no_check_is_refused_in_one_sentence(given: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        verify.read(given)
    assert caught.value.code == "verify_invalid"
    assert said in caught.value.sentence()
    assert "asr_verify" in caught.value.message


def test_a_machine_has_the_checks_of_every_key_that_means_it() -> None:
    checks = verify.read({"web-*": {"tcp": ["80", 443]}, "shop": "ping", "/i/1": {"http": "/up"}, "all": {"tcp": 80}})
    found = verify.by_machine(checks, ROWS)
    assert [(c["check"], c.get("port")) for c in found["/i/2"]] == [("tcp", 80), ("tcp", 443), ("ping", None)]
    assert found["/i/1"][-1]["url"] == "http://{address}/up"
    assert [c["check"] for c in found["/i/3"]] == ["ping", "tcp"]


def test_what_a_machine_is_asked_from_inside() -> None:
    given = verify.read(
        {"a": ["reaches", "room"], "b": [{"reaches": ["[fd00::5]:443", "Servers", "ps.example:9443"]}, {"room": "750"}]}
    )
    assert given["a"] == [{"check": "reaches", "servers": True, "to": []}, {"check": "room", "mb": 500}]
    reaches, room = given["b"]
    assert reaches["servers"] is True
    assert [(to["address"], to["port"]) for to in reaches["to"]] == [("fd00::5", 443), ("ps.example", 9443)]
    assert room == {"check": "room", "mb": 750}
    (own,) = verify.read({"a": {"reaches": "10.0.0.1:443"}})["a"]
    assert (own["servers"], len(own["to"])) == (False, 1)


def test_a_key_that_means_nobody_is_refused_with_what_was_meant() -> None:
    assert verify.unmatched(["web-*", "SHOP", "wbe-1", "all"], ROWS) == ["wbe-1"]
    assert "Did you mean web-1?" in verify.no_match("asr_verify", ["wbe-1"], ROWS).sentence()


def test_an_address_is_of_the_one_machine_that_its_key_means() -> None:
    given = {"web-2": "10.0.0.2", "*-2": "10.0.0.9", "/i/1": " 10.0.0.1 ", "DB-?": "db.example"}
    assert verify.addresses(given, [*ROWS, *ROWS]) == {"/i/1": "10.0.0.1", "/i/2": "10.0.0.2", "/i/3": "db.example"}
    assert verify.addresses({}, ROWS) == verify.addresses(None, ROWS) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"web-*": "10.0.0.1"}, "gives 2 machines the one address 10.0.0.1 ('web-*' means web-1, web-2)"),
        ({"shop": "10.0.0.1"}, "('shop' means db-1, web-2)"),
        ({"all": "10.0.0.1"}, "gives 3 machines"),
        ({"web-1": "10.0.0.1", "/i/1": "10.0.0.2"}, "10.0.0.1 ('web-1') and 10.0.0.2 ('/i/1')"),
        ({"web-1": ["10.0.0.1"]}, "['10.0.0.1']"),
        ({7: "10.0.0.1"}, "7"),
        (["web-1"], "not a mapping"),
    ],
)
def test_an_address_that_would_prove_several_machines_is_refused(given: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        verify.addresses(given, ROWS)
    assert said in caught.value.sentence()
    assert "asr_verify_addresses" in caught.value.message


HOST = {"host": "web-1", "name": "web-1", "item_id": "/i/1", "job": "j"}
ASKED = [{"check": "tcp", "port": 80}]


def outcome(**more: Any) -> dict[str, Any]:
    return {"verify_outcome": {"passed": True, "job": "j", "at": 90.0, "of": [{"check": "tcp", "port": "80"}], **more}}


@pytest.mark.parametrize(
    ("facts", "passed", "said"),
    [
        (outcome(), True, ""),
        (outcome(passed=False, reason="tcp 80"), False, "tcp 80"),
        (outcome(passed="true"), False, ""),
        (outcome(job="earlier"), False, "did not finish"),
        # A task file that runs the role itself leaves an outcome of other checks.
        (outcome(of=[{"check": "ping"}]), False, "did not finish"),
        (outcome(of=None), False, "did not finish"),
        ({"verify_outcome": None}, False, "did not finish"),
        ({}, False, "did not finish"),
        ({**outcome(), "asr_refuse": "no route"}, False, "no route"),
        ({**outcome(), "asr_refuse": {"WEB-1": "no route"}}, False, "no route"),
        ({**outcome(), "asr_refuse": {"/i/1": True}}, False, "True"),
        ({**outcome(), "asr_refuse": True}, False, "asr_refuse is True"),
        ({**outcome(), "asr_refuse": ["web-1"]}, False, "asr_refuse is ['web-1']"),
        # The run's own mapping is known to every host.
        ({**outcome(), "asr_refuse": {"web-2": "no route"}}, True, ""),
        ({**outcome(), "asr_refuse": " "}, True, ""),
    ],
)
def test_only_an_outcome_of_these_checks_and_this_failover_passes(
    facts: dict[str, Any], passed: bool, said: str
) -> None:
    (entry,) = failed_over.verifications({"/i/1": ASKED}, [HOST], {"web-1": facts}, 100.0)
    assert (entry["passed"], entry["job"]) == (passed, "j")
    assert said in entry["reason"]
    assert not passed or entry["age_seconds"] == 10.0


SERVER = {"role": "configuration server", "name": "CS", "address": "10.0.0.5", "port": 443, "natural": True}
MET: dict[str, Any] = {
    "name": "web-1", "item_id": "/i/1", "after": "home_uncommitted", "done": "unchanged",
    "onprem": {"failover_job": "j", "servers": [SERVER]},
}  # fmt: skip


def asked_inside(given: Any, look: Any, **more: Any) -> dict[str, Any]:
    """The verdict on a machine that was asked from inside."""
    checks = {"/i/1": verify.read({"web-1": given})["web-1"]}
    (host,) = failed_over.entries([{**MET, **more}], checks, {})
    told = {
        "passed": True,
        "job": "j",
        "at": 90.0,
        "of": host["checks"],
        "checks": ["reaches", "room", "tcp"],
        "guest": look,
    }
    (entry,) = failed_over.verifications(checks, [host], {"web-1": {"verify_outcome": told}}, 100.0)
    return entry


def test_what_a_machine_found_from_inside_goes_to_its_commit() -> None:
    port = {"role": "configuration server", "address": "10.0.0.5", "port": "443", "state": "open"}
    entry = asked_inside(["reaches", {"room": 800}, {"tcp": 80}], {"ports": [port], "free_mb": 900.0, "why": ""})
    assert (entry["passed"], entry["checks"]) == (True, ["tcp"])
    assert entry["guest"] == {
        "ports": [{"role": "configuration server", "name": "CS", "address": "10.0.0.5", "port": 443, "state": "open"}],
        "free_mb": 900.0, "room_mb": 800, "why": "", "required": True,
    }  # fmt: skip


@pytest.mark.parametrize("look", [{"ports": []}, {"ports": [{"address": "10.0.0.9", "port": 443, "state": "open"}]}])
def test_what_was_asked_and_not_answered_is_not_open(look: Any) -> None:
    entry = asked_inside("reaches", look)
    assert [port["state"] for port in entry["guest"]["ports"]] == ["untried"]


def test_what_a_machine_found_is_kept_where_its_network_was_restored() -> None:
    checks = {"/i/1": verify.read({"web-1": "room"})["web-1"]}
    (host,) = failed_over.entries([MET], checks, {})
    told = {"passed": True, "job": "j", "at": 90.0, "of": host["checks"], "checks": ["room"], "guest": {"free_mb": 7}}
    network = {"action": "restore", "job": "j", "outcome": "restored"}
    facts = {"web-1": {"verify_outcome": told, "guest_outcome": network}}
    (entry,) = failed_over.verifications(checks, [host], facts, 100.0, "restore")
    assert (entry["passed"], entry["checks"], entry["guest"]["free_mb"]) == (True, ["network as recorded"], 7)


@pytest.mark.parametrize("look", [None, "", []])
def test_who_was_asked_and_left_no_answer_has_not_passed(look: Any) -> None:
    entry = asked_inside("reaches", look)
    assert (entry["passed"], entry["reason"]) == (False, "they did not finish")


def test_a_machine_whose_servers_are_unknown_is_asked_for_what_nobody_can_try() -> None:
    entry = asked_inside("reaches", {"ports": []}, onprem={"failover_job": "j"})
    assert [(port["address"], port["state"]) for port in entry["guest"]["ports"]] == [("", "untried")]


def test_a_machine_that_should_have_been_checked_and_was_not_met_has_failed() -> None:
    (entry,) = failed_over.verifications({"/i/1": [{"check": "ping"}]}, [], {}, 100.0)
    assert not entry["passed"]
    assert failed_over.verifications({}, [HOST], {"web-1": {}}, 100.0) == []


def test_who_is_refused_by_name_holds_its_group() -> None:
    why = refusing.reasons({"db-1": "the listener is down"}, ROWS)
    found = {row["name"]: row for row in refusing.rows(ROWS, why, "commit_to_onprem")}
    assert {name: row["done"] for name, row in found.items()} == {"db-1": "refused", "web-2": "held"}
    assert "the listener is down" in found["db-1"]["reason"]
    for given, code in (({"db-2": "x"}, "refuse_not_found"), ({"db-1": " "}, "refuse_without_reason")):
        with pytest.raises(InputError) as caught:
            refusing.reasons(given, ROWS)
        assert caught.value.code == code


def test_a_host_that_machines_of_two_vaults_may_be_proves_neither() -> None:
    paused = [{"host": "web", "item_id": "/I/1", "name": "web", "job": "j", "checks": [{"check": "tcp", "port": 80}]}]
    plain = [{"host": "db", "item_id": "/I/2", "name": "db", "job": "j", "checks": []}]
    outcome = {"passed": True, "job": "j", "of": paused[0]["checks"], "at": 0.0, "checks": ["tcp"]}
    facts = {"web": {"verify_outcome": outcome}}
    # Whether or not the other one came as far.
    doubled = failed_over.doubled(
        [[*paused, *plain], [{"name": "WEB", "item_id": "/I/3"}], [{"name": "app"}, {"name": "app"}]]
    )
    assert doubled == {"web"}
    assert [v["passed"] for v in failed_over.verifications({}, paused, facts, 1.0)] == [True]
    (verdict,) = failed_over.verifications({}, paused, facts, 1.0, "", doubled)
    assert verdict["passed"] is False
    assert "several vaults" in verdict["reason"]
    # Its own host, by its id, is nobody else.
    own = [{**paused[0], "host": "web 1"}]
    assert [v["passed"] for v in failed_over.verifications({}, own, {"web 1": facts["web"]}, 1.0, "", doubled)] == [
        True
    ]
    # Where nothing is asked, nobody answers in another's place.
    assert failed_over.verifications({}, [{**paused[0], "checks": []}], {}, 1.0, "", doubled) == []
    assert [
        v["passed"] for v in failed_over.verifications({}, [{**paused[0], "checks": []}], {}, 1.0, "restore", doubled)
    ] == [False]
