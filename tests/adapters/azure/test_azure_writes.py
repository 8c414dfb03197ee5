# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes over real TLS sockets against a scripted service: what is sent, sent again, and never sent again."""

from __future__ import annotations

import json

import pytest
from scripted_azure import (
    ITEM,
    JOB,
    SUBSCRIPTION,
    VAULT,
    Answer,
    FastClock,
    Service,
    accepted,
    open_vaults,
)

from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import Vaults
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    FailbackError,
    ReadFailed,
    Rejected,
    Unknown,
)


def test_a_write_is_one_post(service: Service, vaults: Vaults) -> None:
    service.say(accepted(JOB))
    body = {"properties": {"failoverDirection": "RecoveryToPrimary"}}
    sent = vaults.act(ITEM, "reProtect", body)
    assert (sent.job, sent.pace) == (JOB, 30.0)
    (seen,) = service.asked
    assert seen.method == "POST"
    assert seen.path == f"{ITEM.replace('/Sub', '/sub', 1)}/reProtect"
    assert json.loads(seen.body) == body
    assert seen.headers["content-type"] == "application/json"
    assert (vaults.requests.reads, vaults.requests.writes) == (0, 1)
    assert vaults.write_tokens() == 199


def test_a_write_without_a_body_says_so(service: Service, vaults: Vaults) -> None:
    service.say(accepted(JOB, pace=None))
    assert vaults.act(ITEM, "failoverCommit", None).pace is None
    (seen,) = service.asked
    assert seen.body == b""
    assert seen.headers["content-length"] == "0"
    assert "content-type" not in seen.headers


@pytest.mark.parametrize(
    ("links", "job"),
    [
        ({"Location": f"https://r/x/OperationResults/{JOB}?a=1"}, JOB),
        ({"Azure-AsyncOperation": f"https://r/x/replicationOperationStatus/{JOB}"}, JOB),
        ({"Location": "https://r/odd", "Azure-AsyncOperation": f"https://r/x/replicationOperationStatus/{JOB}"}, JOB),
    ],
)
def test_the_job_is_named_by_the_links(service: Service, vaults: Vaults, links: dict[str, str], job: str) -> None:
    service.say(accepted(JOB, links=links))
    assert vaults.act(ITEM, "failoverCommit", None).job == job


def test_an_acceptance_without_a_job_is_unknown(service: Service, vaults: Vaults) -> None:
    service.say(accepted(JOB, links={"x-ms-request-id": JOB}))
    with pytest.raises(Unknown):
        vaults.act(ITEM, "failoverCommit", None)
    assert len(service.asked) == 1


UNKNOWN = {
    "500": Answer(500, {"error": {"code": "InternalServerError", "message": "boom"}}, {"Retry-After": "1"}),
    "502": Answer(502, b"<html>"),
    "503": Answer(503, None, {"Retry-After": "1"}),
    "504": Answer(504),
    "408": Answer(408),
    "dropped": Answer(drop=True),
    "cut": Answer(202, {"some": "body"}, {"Location": f"https://x/operationresults/{JOB}"}, cut=True),
    "late": Answer(wait=20),
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_write_whose_fate_is_unknown_is_never_sent_again(service: Service, clock: FastClock, answer: Answer) -> None:
    vaults = open_vaults(service, clock, timeouts=(5.0, 0.5))
    service.say(answer)
    with pytest.raises(Unknown) as caught:
        vaults.act(ITEM, "unplannedFailover", {"properties": {}})
    assert caught.value.code == "unknown_outcome"
    assert caught.value.details["client_request_id"] == service.asked[0].headers["x-ms-client-request-id"]
    assert len(service.asked) == 1
    assert vaults.requests.writes == 1
    assert clock.slept == []


@pytest.mark.parametrize("status", [400, 404, 409, 412, 422])
def test_a_refused_write_is_never_sent_again(service: Service, vaults: Vaults, status: int) -> None:
    service.say(
        Answer(
            status,
            {"error": {"code": "X", "message": "No.", "details": [{"code": "539", "recommendedAction": "Do this."}]}},
        )
    )
    with pytest.raises(Rejected) as caught:
        vaults.act(ITEM, "reProtect", {"properties": {}})
    assert caught.value.details["service_code"] == "539"
    assert caught.value.remedy == "Do this"
    assert len(service.asked) == 1


def test_a_write_answered_429_waits_as_asked_and_is_sent_again(
    service: Service, vaults: Vaults, clock: FastClock
) -> None:
    service.say(Answer(429, None, {"Retry-After": "17"}), Answer(429, None, {"Retry-After": "3"}), accepted(JOB))
    assert vaults.act(ITEM, "reProtect", {"properties": {}}).job == JOB
    assert len(service.asked) == 3
    assert vaults.requests.writes == 3
    assert clock.slept[0] >= 17
    assert clock.slept[1] >= 3
    assert len({s.headers["x-ms-client-request-id"] for s in service.asked}) == 3


def test_a_429_storm_ends(service: Service, vaults: Vaults) -> None:
    service.say(Answer(429))
    with pytest.raises(Rejected) as caught:
        vaults.act(ITEM, "reProtect", {"properties": {}})
    assert caught.value.code == "throttled"
    assert len(service.asked) <= 12
    with pytest.raises(ReadFailed) as read:
        vaults.get_item(ITEM)
    assert read.value.code == "throttled"


def test_no_pause_passes_the_deadline(service: Service, clock: FastClock) -> None:
    vaults = open_vaults(service, clock, deadline=clock.monotonic() + 20)
    service.say(Answer(429, None, {"Retry-After": "60"}))
    with pytest.raises(Rejected) as caught:
        vaults.act(ITEM, "reProtect", {"properties": {}})
    assert (caught.value.code, caught.value.details["retry_after"]) == ("throttled", 60.0)
    assert len(service.asked) == 1
    assert clock.slept == []
    assert vaults.write_tokens() == 0
    # A second write is not even sent: the bucket knows.
    with pytest.raises(Rejected, match="wait"):
        vaults.act(ITEM, "reProtect", {"properties": {}})
    assert len(service.asked) == 1


def test_pacing_keeps_under_the_bucket(service: Service, vaults: Vaults, clock: FastClock) -> None:
    service.say(accepted(JOB))
    start = clock.monotonic()
    for _dummy in range(230):
        vaults.act(ITEM, "failoverCommit", None)
    assert 0 < sum(clock.slept) <= 1.15 * 3.0
    assert clock.monotonic() - start >= 2.9


def test_the_service_s_count_is_taken_over(service: Service, clock: FastClock) -> None:
    vaults = open_vaults(service, clock)
    answer = accepted(JOB)
    service.say(Answer(202, None, {**answer.headers, "x-ms-ratelimit-remaining-subscription-writes": "7"}))
    vaults.act(ITEM, "failoverCommit", None)
    assert vaults.write_tokens() == 7
    again = open_vaults(service, clock, bucket_state=json.loads(json.dumps(vaults.bucket_state)))
    assert 7 <= again.write_tokens() <= 60


def test_check_mode_sends_no_write(service: Service, clock: FastClock) -> None:
    vaults = open_vaults(service, clock, read_only=True)
    for write in (
        lambda: vaults.act(ITEM, "failoverCommit", None),
        lambda: vaults.act(ITEM, "refreshProvider", None),
        lambda: vaults.act(ITEM, "reassociateGateway", {"properties": {}}),
    ):
        with pytest.raises(FailbackError) as caught:
            write()
        assert caught.value.code == "read_only"
    assert service.asked == []


def test_server_operations(service: Service, vaults: Vaults) -> None:
    service.say(accepted(JOB))
    fabric = f"{VAULT.id}/replicationFabrics/f"
    assert vaults.act(f"{fabric}/replicationRecoveryServicesProviders/p", "refreshProvider", None).job == JOB
    vaults.act(fabric, "reassociateGateway", {"properties": {"updateType": "SystemLevel"}})
    assert [s.path.rpartition("/")[2] for s in service.asked] == ["refreshProvider", "reassociateGateway"]
    assert json.loads(service.asked[1].body) == {"properties": {"updateType": "SystemLevel"}}


def test_two_subscriptions_have_buckets_of_their_own(service: Service, vaults: Vaults) -> None:
    service.say(accepted(JOB))
    for _dummy in range(3):
        vaults.act(ITEM, "failoverCommit", None)
    vaults.act(ITEM.replace(SUBSCRIPTION, "other"), "failoverCommit", None)
    assert vaults.write_tokens() == 197
    assert set(vaults.bucket_state) == {SUBSCRIPTION, "other"}
