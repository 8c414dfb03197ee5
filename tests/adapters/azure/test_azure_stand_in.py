# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter against the vault stand-in: two independent readings of the protocol must agree."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from scripted_azure import FastClock
from stand_in_azure import FLEET, PAGE_SIZE, StandIn

from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import Vaults
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    ConnectionFailed,
    NotFound,
    ReadFailed,
    Rejected,
    Unknown,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from rehearsal.fleet_file import load

OUT = {
    "properties": {
        "failoverDirection": "PrimaryToRecovery",
        "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": {"instanceType": "InMageAzureV2"},
    }
}
MACHINES = [m.name for m in load(FLEET).machines]
LATER_PAGE = "/replicationProtectedItems.*skipToken"
FAILOVER = {"method": "POST", "path": "/unplannedFailover"}


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about in time"
        time.sleep(0.02)


@pytest.fixture(name="vaults")
def some_vaults(stand_in: StandIn) -> Iterator[Vaults]:
    vaults = stand_in.connect()
    yield vaults
    vaults.close()


def ids(stand_in: StandIn, vaults: Vaults) -> dict[str, str]:
    return {Item.parse(x, stand_in.vault).friendly_name: x["id"] for x in vaults.list_items(stand_in.vault)}


def accepted(stand_in: StandIn) -> int:
    """Operations the service has accepted."""
    return sum(stand_in.counters()["accepted"].values())


def test_every_list_is_complete(stand_in: StandIn, vaults: Vaults) -> None:
    vault = stand_in.vault
    assert sorted(ids(stand_in, vaults)) == sorted(MACHINES)
    pages = -(-len(MACHINES) // PAGE_SIZE)
    assert vaults.requests.reads == pages
    assert [f["properties"]["customDetails"]["instanceType"] for f in vaults.list_fabrics(vault)] == ["VMware"]
    assert {p["properties"]["providerSpecificDetails"]["instanceType"] for p in vaults.list_policies(vault)} == {
        "InMageAzureV2",
        "InMage",
    }
    assert vaults.list_vcenters(vault)
    assert vaults.list_providers(vault)
    assert isinstance(vaults.list_recovery_plans(vault), list)
    assert isinstance(vaults.list_azure_machines(vault.subscription_id), list)
    assert vaults.get_vault(vault)["name"] == vault.name
    item = vaults.list_items(vault)[0]["id"]
    assert vaults.get_item(item)["id"] == item
    assert vaults.list_recovery_points(item)
    assert vaults.requests.reads == stand_in.counters()["reads"]


def test_an_operation_from_the_post_to_its_job(stand_in: StandIn, vaults: Vaults) -> None:
    name = MACHINES[0]
    item = ids(stand_in, vaults)[name]
    sent = vaults.act(item, "unplannedFailover", OUT)
    assert sent.pace is not None
    job = Job.parse(vaults.get_job(stand_in.vault, sent.job))
    assert job.name == sent.job
    assert job.alive
    assert accepted(stand_in) == 1
    (told,) = stand_in.control("GET", "/bodies")
    assert told["body"] == OUT
    until(lambda: sent.job in [Job.parse(j).name for j in vaults.list_jobs(stand_in.vault)])
    with pytest.raises(Rejected) as caught:
        vaults.act(item, "unplannedFailover", OUT)
    assert caught.value.code == "rejected"
    assert caught.value.details["http_status"] == 409
    assert caught.value.details["service_code"]
    assert caught.value.details["recommended_action"]
    until(lambda: not Job.parse(vaults.get_job(stand_in.vault, sent.job)).alive)
    assert Job.parse(vaults.get_job(stand_in.vault, sent.job)).succeeded
    until(lambda: bool(vaults.list_azure_machines(stand_in.vault.subscription_id)))
    counters = stand_in.counters()
    assert counters["writes"] == vaults.requests.writes == 2
    assert counters["reads"] == vaults.requests.reads


@pytest.mark.parametrize(
    ("action", "count"),
    [("drop_before_accept", 0), ("drop_after_accept", 1), ("cut_reply", 1)],
)
def test_a_lost_reply_is_unknown_and_never_repeated(stand_in: StandIn, vaults: Vaults, action: str, count: int) -> None:
    name = {"drop_before_accept": MACHINES[1], "drop_after_accept": MACHINES[2], "cut_reply": MACHINES[3]}[action]
    item = ids(stand_in, vaults)[name]
    stand_in.fault(action, FAILOVER, times=None)
    with pytest.raises(Unknown) as caught:
        vaults.act(item, "unplannedFailover", OUT)
    assert caught.value.code == "unknown_outcome"
    assert accepted(stand_in) == count
    assert vaults.requests.writes == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_of_a_write_is_unknown(stand_in: StandIn, vaults: Vaults, status: int) -> None:
    item = ids(stand_in, vaults)[MACHINES[4]]
    stand_in.fault("status", FAILOVER, code=status, times=None)
    with pytest.raises(Unknown):
        vaults.act(item, "unplannedFailover", OUT)
    assert vaults.requests.writes == 1
    assert accepted(stand_in) == 0


def test_a_hanging_write_is_unknown(stand_in: StandIn) -> None:
    item = ids(stand_in, stand_in.connect())[MACHINES[4]]
    vaults = stand_in.connect(timeouts=(5.0, 0.5))
    stand_in.fault("hang", FAILOVER)
    with pytest.raises(Unknown, match="timed out"):
        vaults.act(item, "unplannedFailover", OUT)


def test_429_waits_as_asked(stand_in: StandIn, vaults: Vaults) -> None:
    item = ids(stand_in, vaults)[MACHINES[5]]
    stand_in.fault("status", FAILOVER, code=429, retry_after=1, times=1)
    start = time.monotonic()
    vaults.act(item, "unplannedFailover", OUT)
    assert time.monotonic() - start >= 1.0
    assert accepted(stand_in) == 1
    assert vaults.requests.writes == 2


LISTS: dict[str, dict[str, Any]] = {
    "repeat_page": {},
    "repeat_link": {},
    "cut_reply": {},
    "drop_before_accept": {},
    "garbage": {"text": '{"value": [{"id'},
    "status": {"code": 503},
}


@pytest.mark.parametrize("action", LISTS)
def test_a_list_spoiled_once_is_whole_in_the_end(stand_in: StandIn, action: str) -> None:
    clock = FastClock()
    vaults = stand_in.connect(clock=Clock(clock.monotonic, clock.sleep))
    stand_in.fault(action, {"path": LATER_PAGE}, times=1, **LISTS[action])
    assert sorted(ids(stand_in, vaults)) == sorted(MACHINES)
    assert stand_in.counters()["faults"] == 1


@pytest.mark.parametrize("action", LISTS)
def test_a_list_spoiled_for_ever_is_refused(stand_in: StandIn, action: str) -> None:
    clock = FastClock()
    vaults = stand_in.connect(clock=Clock(clock.monotonic, clock.sleep))
    stand_in.fault(action, {"path": LATER_PAGE}, times=None, **LISTS[action])
    with pytest.raises(ReadFailed) as caught:
        vaults.list_items(stand_in.vault)
    assert stand_in.vault.name in caught.value.message


def test_revoked_and_outdated_tokens_are_replaced(stand_in: StandIn, vaults: Vaults) -> None:
    vaults.list_items(stand_in.vault)
    stand_in.control("POST", "/revoke-tokens")
    vaults.list_items(stand_in.vault)
    assert stand_in.counters()["tokens"] == 2
    # Told to live for so long by a service that takes them longer, on a clock of the test's: no machine is too slow for it.
    stand_in.control("POST", "/settings", {"token_told": 200})
    now = [0.0]
    try:
        short = stand_in.connect(clock=Clock(lambda: now[0], lambda seconds: None))
        for _dummy in range(5):
            short.get_vault(stand_in.vault)
        given = stand_in.counters()["tokens"]
        assert given <= 4, "one for each connection, and no new one for every call"
        now[0] += 200
        short.get_vault(stand_in.vault)
        assert stand_in.counters()["tokens"] > given
    finally:
        stand_in.control("POST", "/settings", {"token_told": 0})


def test_a_token_revoked_between_read_and_write(stand_in: StandIn, vaults: Vaults) -> None:
    item = ids(stand_in, vaults)[MACHINES[6]]
    stand_in.control("POST", "/revoke-tokens")
    vaults.act(item, "unplannedFailover", OUT)
    assert accepted(stand_in) == 1


def test_an_expired_secret(stand_in: StandIn) -> None:
    stand_in.control("POST", "/secret", {"expired": True})
    try:
        with pytest.raises(ConnectionFailed) as caught:
            stand_in.connect().list_items(stand_in.vault)
    finally:
        stand_in.control("POST", "/secret", {"expired": False})
    assert caught.value.code == "login_failed"
    assert "expired" in caught.value.message
    assert "AZURE_SECRET" in caught.value.remedy


def test_a_wrong_secret_does_not_show(stand_in: StandIn) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        stand_in.connect(stand_in.account(secret="canary-wrong-secret")).list_items(stand_in.vault)
    assert caught.value.code == "login_failed"
    assert "AZURE_SECRET" in caught.value.remedy
    assert "canary" not in caught.value.sentence() + json.dumps(caught.value.details)


@pytest.mark.parametrize(
    ("change", "code", "option"),
    [
        ({"name": "elsewhere"}, "vault_not_found", "ASR_VAULT"),
        ({"resource_group": "elsewhere"}, "resource_group_not_found", "resource_group"),
        ({"subscription_id": "99999999-9999-9999-9999-999999999999"}, "subscription_not_found", "subscription_id"),
    ],
)
@pytest.mark.parametrize("ask", ["get_vault", "list_items", "list_fabrics"])
def test_a_vault_that_is_not_there(
    stand_in: StandIn, vaults: Vaults, ask: str, change: dict[str, str], code: str, option: str
) -> None:
    known = stand_in.vault
    values = {"subscription_id": known.subscription_id, "resource_group": known.resource_group, "name": known.name}
    with pytest.raises(NotFound) as caught:
        getattr(vaults, ask)(VaultRef(**{**values, **change}))
    assert caught.value.code == code
    assert option in caught.value.remedy
    assert next(iter(change.values())) in caught.value.message


def test_an_item_that_is_not_there(stand_in: StandIn, vaults: Vaults) -> None:
    item = ids(stand_in, vaults)[MACHINES[0]]
    gone = f"{item.rpartition('/')[0]}/gone"
    with pytest.raises(NotFound, match="gone"):
        vaults.get_item(gone)
    with pytest.raises(Rejected) as caught:
        vaults.act(gone, "failoverCommit", None)
    assert caught.value.code == "not_found"


def test_check_mode_reads_and_writes_nothing(stand_in: StandIn) -> None:
    vaults = stand_in.connect(read_only=True)
    item = ids(stand_in, vaults)[MACHINES[0]]
    with pytest.raises(Exception, match="not sent"):
        vaults.act(item, "failoverCommit", None)
    assert stand_in.counters()["writes"] == 0


def test_many_writes_side_by_side_stay_under_the_bucket(stand_in: StandIn, vaults: Vaults) -> None:
    item = ids(stand_in, vaults)[MACHINES[7]]

    def refused(_n: int) -> str:
        with pytest.raises(Rejected) as caught:
            vaults.act(item, "failoverCommit", None)
        return caught.value.code

    start = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        codes = set(pool.map(refused, range(220)))
    assert codes == {"rejected"}
    assert time.monotonic() - start >= 1.8
    counters = stand_in.counters()
    # The service's bucket fills from the first arrival on: on a busy machine that is later than the first sending.
    late = counters["throttled"]
    assert late <= 3
    assert 220 <= counters["writes"] <= 220 + late
    assert 220 <= vaults.requests.writes <= 220 + late


def test_the_pace_is_carried_on_and_without_it_429_is_survived(stand_in: StandIn, vaults: Vaults) -> None:
    item = ids(stand_in, vaults)[MACHINES[7]]

    def spend(with_vaults: Vaults, count: int) -> None:
        def one(_n: int) -> None:
            with pytest.raises(Rejected):
                with_vaults.act(item, "failoverCommit", None)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(one, range(count)))

    spend(vaults, 200)
    carried = stand_in.connect(bucket_state=json.loads(json.dumps(vaults.bucket_state)))
    assert carried.write_tokens() < 60
    spend(carried, 10)
    assert stand_in.counters()["throttled"] == 0
    forgetful = stand_in.connect()
    spend(forgetful, 5)
    assert forgetful.write_tokens() < 60


def test_no_signed_value_and_no_token_is_in_the_log(stand_in: StandIn) -> None:
    text = stand_in.log.read_text(encoding="utf-8")
    assert "Bearer" not in text
    assert "eyJ" not in text
    ours = [json.loads(line)["x-ms-client-request-id"] for line in text.splitlines()]
    assert len(set(ours)) == len(ours)
