# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on the wire: what the client sees, and what really happened in the vault."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from vault_fixture import SMALL
from wire import AZURE_TO, Wire

BROKEN = (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture(scope="module")
def running(run_vault: Callable[..., Wire]) -> Wire:
    """A clock so slow that accepted operations stay where they are."""
    machines = [{**SMALL["machines"][0], "name": f"app-{n:02d}"} for n in range(20)]
    return run_vault(
        {**SMALL, "speed": 1, "machines": machines, "vaults": [{**SMALL["vaults"][0], "recovery_plans": {}}]}
    )


@pytest.fixture
def vault(running: Wire) -> Iterator[Wire]:
    running.control("POST", "/counters/reset")
    yield running
    running.control("DELETE", "/faults")


def fault(vault: Wire, action: str, **rule: Any) -> None:
    vault.control("POST", "/faults", {"action": action, **rule})


def accepted(vault: Wire) -> dict[str, Any]:
    return vault.control("GET", "/counters")["accepted"]


def busy(vault: Wire, name: str) -> bool:
    return vault.control("GET", f"/items/{name}")["busy"]


@pytest.mark.parametrize(
    ("action", "name", "happened"),
    [("drop_before_accept", "app-00", False), ("drop_after_accept", "app-01", True), ("cut_reply", "app-02", True)],
)
def test_lost_replies(vault: Wire, action: str, name: str, happened: bool) -> None:
    item = vault.item(name)
    fault(vault, action, match={"operation": "failover", "item": name})
    with pytest.raises(BROKEN):
        vault.start(item, "unplannedFailover", AZURE_TO)
    assert busy(vault, name) is happened
    assert accepted(vault) == ({"failover/to_azure": 1} if happened else {})
    again = vault.start(item, "unplannedFailover", AZURE_TO)
    assert again.status_code == (409 if happened else 202)


def test_a_cut_list_is_not_valid_json(vault: Wire) -> None:
    fault(vault, "cut_reply", match={"path": "replicationProtectedItems"})
    with pytest.raises(BROKEN):
        vault.get(f"{vault.vault}/replicationProtectedItems")
    assert len(vault.items()) == 20


def test_a_status_of_choice(vault: Wire) -> None:
    item = vault.item("app-03")
    fault(
        vault,
        "status",
        code=429,
        retry_after=7,
        body={"error": {"code": "TooManyRequests"}},
        match={"method": "POST"},
        times=2,
    )
    for _dummy in range(2):
        reply = vault.start(item, "unplannedFailover", AZURE_TO)
        assert (reply.status_code, reply.headers["Retry-After"]) == (429, "7")
        assert reply.json() == {"error": {"code": "TooManyRequests"}}
    assert accepted(vault) == {}
    assert vault.start(item, "unplannedFailover", AZURE_TO).status_code == 202


def test_an_error_over_an_accepted_operation(vault: Wire) -> None:
    """The worst of answers: it says that the service failed, and the job runs."""
    fault(vault, "status", code=503, when="after", match={"operation": "failover", "item": "app-09"})
    item = vault.item("app-09")
    assert vault.start(item, "unplannedFailover", AZURE_TO).status_code == 503
    assert busy(vault, "app-09")
    assert accepted(vault) == {"failover/to_azure": 1}


def test_delay_before_and_after(vault: Wire) -> None:
    fault(vault, "delay", seconds=0.5, match={"path": "replicationPolicies"})
    started = time.monotonic()
    vault.get(f"{vault.vault}/replicationPolicies")
    assert time.monotonic() - started >= 0.5

    item = vault.item("app-04")
    fault(vault, "delay", seconds=60, when="after", match={"item": "app-04", "method": "POST"})
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(vault.start, item, "unplannedFailover", AZURE_TO)
        vault.until(lambda: busy(vault, "app-04"), bool)
        assert not future.done(), "accepted, but the answer is still on its way"
        vault.control("DELETE", "/faults")
        assert future.result(timeout=120).status_code == 202


def test_a_hanging_request_ends_when_faults_are_cleared(vault: Wire) -> None:
    fault(vault, "hang", match={"path": "replicationPolicies"})
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(vault.get, f"{vault.vault}/replicationPolicies")
        vault.until(lambda: vault.control("GET", "/faults")[0]["done"], lambda n: n == 1)
        assert not future.done()
        vault.control("DELETE", "/faults")
        assert future.result(timeout=120)["value"]


def test_two_at_the_same_point(vault: Wire) -> None:
    """A barrier lets both go at once; one is accepted, the other refused."""
    item = vault.item("app-05")
    fault(vault, "barrier", name="both", parties=2, match={"operation": "failover/to_azure", "item": "app-05"})
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(vault.start, item, "unplannedFailover", AZURE_TO)
        vault.until(lambda: vault.control("GET", "/barrier/both")["waiting"], lambda n: n == 1)
        assert not first.done()
        second = pool.submit(vault.start, item, "unplannedFailover", AZURE_TO)
        statuses = sorted([first.result(timeout=120).status_code, second.result(timeout=120).status_code])
    assert statuses == [202, 409]
    assert vault.control("GET", "/counters")["by_item"]["app-05"] == {"failover/to_azure": 1}


def test_a_barrier_can_be_released(vault: Wire) -> None:
    fault(vault, "barrier", name="gate", parties=99, match={"path": "replicationPolicies"})
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(vault.get, f"{vault.vault}/replicationPolicies")
        vault.until(lambda: vault.control("GET", "/barrier/gate")["waiting"], lambda n: n == 1)
        vault.control("POST", "/barrier/gate/release")
        assert future.result(timeout=120)["value"]
    assert vault.get(f"{vault.vault}/replicationPolicies")["value"], "an open barrier stays open"


def test_garbage_words(vault: Wire) -> None:
    item = vault.item("app-06")
    fault(
        vault,
        "garbage",
        patch={"properties": {"protectionState": "Newfangled", "activeLocation": None}},
        match={"item": "app-06"},
    )
    seen = vault.get(item["id"])["properties"]
    assert seen["protectionState"] == "Newfangled"
    assert "activeLocation" not in seen
    fault(
        vault,
        "garbage",
        patch_entries={"properties": {"replicationHealth": "Odd"}},
        match={"path": "replicationProtectedItems"},
    )
    assert {i["properties"]["replicationHealth"] for i in vault.items().values()} == {"Odd"}
    fault(vault, "garbage", text="<html>", match={"path": "replicationPolicies"})
    assert vault.call("GET", f"{vault.vault}/replicationPolicies").text == "<html>"


def test_only_the_nth_match_is_spoiled(vault: Wire) -> None:
    fault(vault, "status", code=500, match={"path": "replicationPolicies", "nth": 3})
    path = f"{vault.vault}/replicationPolicies"
    assert [vault.call("GET", path).status_code for _dummy in range(4)] == [200, 200, 500, 200]


def test_faults_reach_the_token_endpoint(vault: Wire) -> None:
    fault(vault, "status", code=503, match={"path": "/oauth2/"})
    assert vault.token_reply().status_code == 503
    assert vault.token_reply().status_code == 200


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"action": "explode"}, "action: 'explode' is unknown"),
        ({"action": "hang", "match": {"colour": "red"}}, "colour: unknown key"),
        ({"action": "hang", "loud": True}, "loud: unknown key"),
        ({"action": "hang", "match": {"path": "("}}, "is no regular expression"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(vault: Wire, rule: dict[str, Any], said: str) -> None:
    reply = requests.post(vault.told["control"] + "/faults", json=rule, timeout=30)
    assert reply.status_code == 400
    assert said in reply.json()["error"]


def test_words_laid_over_the_truth(vault: Wire) -> None:
    item = vault.item("app-07")
    patch = {
        "allowed_operations": ["Sing", "DisableProtection"],
        "protection_state": ["Confused", "Unheard of"],
        "health_error": {"code": "78026", "message": "The RPO is beyond its threshold."},
        "details": {"brandNew": "word"},
    }
    vault.control("POST", "/items/app-07", patch)
    seen = vault.get(item["id"])["properties"]
    assert seen["allowedOperations"] == ["Sing", "DisableProtection"]
    assert seen["protectionState"] == "Confused"
    assert seen["healthErrors"][0]["errorCode"] == "78026"
    assert seen["providerSpecificDetails"]["brandNew"] == "word"
    assert vault.start(item, "unplannedFailover", AZURE_TO).status_code == 409
    vault.control("POST", "/items/app-07", dict.fromkeys(patch))
    after = vault.get(item["id"])["properties"]
    for moving in ("lastHeartbeat", "lastRpoCalculatedTime", "lastUpdateReceivedTime", "lastRecoveryPointReceived"):
        for properties in (after, item["properties"]):
            properties["providerSpecificDetails"].pop(moving, None)
    assert json.dumps(after) == json.dumps(item["properties"])


def test_the_digest_is_deaf_to_time_and_hears_changes(vault: Wire) -> None:
    before = vault.control("GET", "/digest")["digest"]
    vault.control("POST", "/clock/advance", {"seconds": 3600})
    vault.until(lambda: vault.control("GET", "/digest")["digest"], lambda d: d != before or not busy(vault, "app-00"))
    settled = vault.control("GET", "/digest")["digest"]
    vault.control("POST", "/clock/advance", {"seconds": 86400})
    assert vault.control("GET", "/digest")["digest"] == settled
    vault.start(vault.item("app-08"), "unplannedFailover", AZURE_TO)
    assert vault.control("GET", "/digest")["digest"] != settled
