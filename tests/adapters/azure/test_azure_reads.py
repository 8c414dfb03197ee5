# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads over real TLS sockets against a scripted service: what is asked, asked again, and never believed."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from scripted_azure import (
    ITEM,
    JOB,
    NO_VAULT,
    SUBSCRIPTION,
    VAULT,
    Answer,
    FastClock,
    Seen,
    Service,
    entries,
    open_vaults,
)

from ansible_collections.homeward.asr.plugins.module_utils.azure import vaults as vaults_module
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import Vaults
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    FailbackError,
    NotFound,
    ReadFailed,
    Rejected,
)


def test_nothing_is_sent_before_the_first_question(service: Service, vaults: Vaults) -> None:
    assert service.asked == []
    assert service.tokens_given == 0
    assert vaults.write_tokens() == 200


LISTS = [
    ("list_items", (VAULT,), f"{VAULT.id}/replicationProtectedItems", vaults_module.SITE_RECOVERY_API, ""),
    ("list_fabrics", (VAULT,), f"{VAULT.id}/replicationFabrics", vaults_module.SITE_RECOVERY_API, ""),
    ("list_policies", (VAULT,), f"{VAULT.id}/replicationPolicies", vaults_module.SITE_RECOVERY_API, ""),
    ("list_recovery_plans", (VAULT,), f"{VAULT.id}/replicationRecoveryPlans", vaults_module.SITE_RECOVERY_API, ""),
    ("list_vcenters", (VAULT,), f"{VAULT.id}/replicationvCenters", vaults_module.SITE_RECOVERY_API, ""),
    (
        "list_providers",
        (VAULT,),
        f"{VAULT.id}/replicationRecoveryServicesProviders",
        vaults_module.SITE_RECOVERY_API,
        "",
    ),
    ("list_jobs", (VAULT,), f"{VAULT.id}/replicationJobs", vaults_module.SITE_RECOVERY_API, ""),
    (
        "list_jobs",
        (VAULT, "JobStatus eq 'Failed' and {x}"),
        f"{VAULT.id}/replicationJobs",
        vaults_module.SITE_RECOVERY_API,
        "&$filter=JobStatus%20eq%20%27Failed%27%20and%20%7Bx%7D",
    ),
    (
        "list_recovery_points",
        (ITEM,),
        f"{ITEM.replace('/Sub', '/sub', 1)}/recoveryPoints",
        vaults_module.SITE_RECOVERY_API,
        "",
    ),
    (
        "list_azure_machines",
        (SUBSCRIPTION,),
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines",
        vaults_module.COMPUTE_API,
        "&statusOnly=true",
    ),
]


@pytest.mark.parametrize(
    ("method", "args", "path", "version", "rest"), LISTS, ids=[f"{x[0]}-{len(x[1])}" for x in LISTS]
)
def test_lists(
    service: Service, vaults: Vaults, method: str, args: tuple[Any, ...], path: str, version: str, rest: str
) -> None:
    service.say(
        Answer(200, {"value": entries("a", "b"), "nextLink": f"{service.url}/next?skipToken=a%2Bb%7B&t=1&s=sig"}),
        Answer(200, {"value": entries("c"), "nextLink": None}),
    )
    assert getattr(vaults, method)(*args) == entries("a", "b", "c")
    first, second = service.asked
    assert first.path == path
    assert first.query == f"api-version={version}{rest}"
    assert (second.path, second.query) == ("/next", "skipToken=a%2Bb%7B&t=1&s=sig")
    assert (vaults.requests.reads, vaults.requests.writes) == (2, 0)
    assert first.headers["user-agent"].startswith("homeward.asr/")
    assert first.headers["x-ms-client-request-id"] != second.headers["x-ms-client-request-id"]
    assert service.tokens_given == 1


@pytest.mark.parametrize(
    ("ask", "path", "version"),
    [
        (lambda v: v.get_item(ITEM), ITEM.replace("/Sub", "/sub", 1), vaults_module.SITE_RECOVERY_API),
        (lambda v: v.get_job(VAULT, JOB), f"{VAULT.id}/replicationJobs/{JOB}", vaults_module.SITE_RECOVERY_API),
        (lambda v: v.get_vault(VAULT), VAULT.id, vaults_module.VAULT_API),
        (
            lambda v: v.get(
                f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m"
            ),
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m",
            vaults_module.COMPUTE_API,
        ),
        (lambda v: v.get("/subscriptions/x", "2020-01-01"), "/subscriptions/x", "2020-01-01"),
    ],
)
def test_single_reads(service: Service, vaults: Vaults, ask: Any, path: str, version: str) -> None:
    answer = {"id": "X", "properties": {"odd": None}}
    service.say(Answer(200, answer))
    assert ask(vaults) == answer
    assert service.asked[0].path == path
    assert service.asked[0].query == f"api-version={version}"


def test_now_is_the_service_s_date(service: Service, vaults: Vaults) -> None:
    service.say(Answer(200, {"id": "x"}, {"Date": "Tue, 06 Apr 2021 12:02:31 GMT"}))
    vaults.get_item(ITEM)
    assert vaults.now == datetime(2021, 4, 6, 12, 2, 31, tzinfo=timezone.utc)


TRANSIENT = {
    "500": Answer(500),
    "503": Answer(503, None, {"Retry-After": "2"}),
    "dropped": Answer(drop=True),
    "cut": Answer(200, {"value": entries("a", "b", "c")}, cut=True),
    "no JSON": Answer(200, b"<html>hello</html>"),
    "no object": Answer(200, ["x"]),
    "empty": Answer(200, b""),
    "late": Answer(wait=20),
    "no value": Answer(200, {"other": 1}),
}


@pytest.mark.parametrize("answer", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_a_read_survives_what_passes(service: Service, clock: FastClock, answer: Answer) -> None:
    vaults = open_vaults(service, clock, timeouts=(5.0, 0.5))
    service.say(answer, Answer(200, {"value": entries("a")}))
    assert vaults.list_items(VAULT) == entries("a")
    assert vaults.requests.reads == len(service.asked) == 2


@pytest.mark.parametrize("name", [n for n in TRANSIENT if n != "late"])
def test_a_read_that_never_heals_is_given_up(service: Service, vaults: Vaults, name: str) -> None:
    service.say(TRANSIENT[name])
    with pytest.raises(ReadFailed) as caught:
        vaults.list_items(VAULT)
    assert caught.value.code == "read_failed"
    assert "'vault'" in caught.value.message
    assert len(service.asked) <= 5


def test_a_cut_page_in_the_middle_is_read_again_alone(service: Service, vaults: Vaults) -> None:
    page = {"value": entries("c")}
    service.say(
        Answer(200, {"value": entries("a", "b"), "nextLink": f"{service.url}/next"}),
        Answer(200, page, cut=True),
        Answer(200, page),
    )
    assert [e["name"] for e in vaults.list_items(VAULT)] == ["a", "b", "c"]
    assert len(service.asked) == 3


def test_a_link_to_another_host_gets_no_token(service: Service, vaults: Vaults, tmp_path: Path) -> None:
    with Service(tmp_path, "other") as other:
        service.say(Answer(200, {"value": entries("a"), "nextLink": f"{other.url}/next"}))
        with pytest.raises(ReadFailed, match=r"points to another host"):
            vaults.list_items(VAULT)
        assert other.asked == []


def test_a_redirect_is_not_followed(service: Service, vaults: Vaults) -> None:
    service.say(Answer(307, None, {"Location": f"{service.url}/elsewhere"}))
    with pytest.raises(ReadFailed):
        vaults.get_item(ITEM)
    with pytest.raises(Rejected):
        vaults.act(ITEM, "reProtect", None)
    assert len(service.asked) == 2


def test_not_found_is_not_tried_again(service: Service, vaults: Vaults) -> None:
    service.say(
        Answer(
            404,
            {
                "error": {
                    "code": "ResourceNotFound",
                    "message": NO_VAULT,
                }
            },
        )
    )
    with pytest.raises(NotFound) as caught:
        vaults.list_fabrics(VAULT)
    assert caught.value.code == "vault_not_found"
    assert len(service.asked) == 1


def test_pauses_grow_and_end_at_the_deadline(service: Service, clock: FastClock) -> None:
    vaults = open_vaults(service, clock, deadline=clock.monotonic() + 1.0)
    service.say(Answer(500))
    with pytest.raises(ReadFailed):
        vaults.get_item(ITEM)
    assert clock.slept == [0.375]


def test_nothing_of_a_signed_link_shows_in_errors(service: Service, vaults: Vaults) -> None:
    link = f"{service.url}/next?t=638&c=CANARYC&s=CANARYS&h=CANARYH"

    def script(seen: Seen) -> Answer:
        if seen.path == "/next":
            return Answer(500, {"error": {"code": "X", "message": f"failed at {link}"}})
        return Answer(200, {"value": entries("a"), "nextLink": link})

    service.script = script
    with pytest.raises(ReadFailed) as caught:
        vaults.list_items(VAULT)
    assert "CANARY" not in repr(caught.value) + caught.value.sentence() + json.dumps(caught.value.details)


def test_counts_stay_true_among_threads(service: Service, vaults: Vaults) -> None:
    service.say(Answer(200, {"id": "x"}))
    barrier = threading.Barrier(8)

    def ask(_n: int) -> None:
        barrier.wait(10)
        for _dummy in range(10):
            vaults.get_item(ITEM)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert vaults.requests.reads == len(service.asked) == 80


def test_messages_call_machines_by_their_names(service: Service, vaults: Vaults) -> None:
    """Items and configuration servers have GUIDs and hashes for names; people know them by others."""
    fabric = f"{VAULT.id}/replicationFabrics/0a1b2c"
    service.say(Answer(200, {"value": [{"id": ITEM.lower(), "properties": {"friendlyName": "shop-db-01"}}]}))
    vaults.list_items(VAULT)
    service.say(Answer(200, {"value": [{"id": fabric, "properties": {"friendlyName": "cs-01"}}]}))
    vaults.list_fabrics(VAULT)
    service.say(Answer(403, {"error": {"code": "AuthorizationFailed", "message": "No."}}))
    said = []
    for ask in (
        lambda: vaults.get_item(ITEM),
        lambda: vaults.list_recovery_points(ITEM),
        lambda: vaults.act(ITEM, "reProtect", None),
        lambda: vaults.get_fabric(fabric),
    ):
        with pytest.raises(FailbackError) as caught:
            ask()
        said.append(caught.value.sentence())
    assert ["shop-db-01" in text for text in said] == [True, True, True, False], said
    assert "cs-01" in said[3]
    assert not any("'i 1'" in text or "0a1b2c" in text for text in said), said
