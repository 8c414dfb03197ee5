# SPDX-License-Identifier: GPL-3.0-or-later
"""Envelopes, headers, links and refusals, as recorded or documented."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
from vault_fixture import SMALL
from wire import API, AZURE_TO, SUBSCRIPTION, Wire


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    return run_vault({**SMALL, "speed": 60.0})


def test_an_accepted_operation_names_its_job_in_two_links(vault: Wire) -> None:
    item = vault.item("web-01")
    reply = vault.start(item, "unplannedFailover", AZURE_TO)
    assert reply.status_code == 202
    assert reply.content == b""
    assert reply.headers["Retry-After"] == "1"
    location, status = reply.headers["Location"], reply.headers["Azure-AsyncOperation"]
    job = re.search(r"/operationresults/([0-9a-f-]{36})\?", location)
    assert job
    assert f"/replicationOperationStatus/{job.group(1)}?" in status
    assert location.startswith(f"{vault.url}/Subscriptions/")
    assert f"api-version={API}" in location
    assert reply.headers["x-ms-request-id"].endswith(f"/replicationJobs/{job.group(1)}")
    for header in (
        "x-ms-correlation-request-id",
        "x-ms-routing-request-id",
        "x-ms-ratelimit-remaining-subscription-writes",
        "Strict-Transport-Security",
    ):
        assert header in reply.headers

    first = vault.get(status)
    assert first["name"] == job.group(1)
    assert set(first) == {
        "error",
        "id",
        "name",
        "properties",
        "status",
        "startTime",
        "endTime",
        "percentComplete",
    }
    if first["status"] == "NotStarted":
        assert first["startTime"] is None
    assert vault.call("GET", location).status_code == 202
    done = vault.until(lambda: vault.call("GET", status), lambda r: r.json()["status"] == "Succeeded")
    assert done.json()["error"] is None
    assert "Retry-After" not in done.headers
    final = vault.call("GET", location)
    assert final.status_code == 200
    assert final.json()["name"] == item["name"]


def test_links_work_only_with_their_signature(vault: Wire) -> None:
    reply = vault.start(vault.item("web-02"), "repairReplication")
    link = reply.headers["Azure-AsyncOperation"]
    assert vault.call("GET", link).status_code == 200
    assert vault.call("GET", re.sub(r"&t=.*", "", link)).status_code == 403
    assert vault.call("GET", link.replace("&s=", "&s=x")).status_code == 403
    vault.control("POST", "/settings", {"signed_links": False})
    try:
        plain = vault.start(vault.item("web-02"), "repairReplication").headers["Azure-AsyncOperation"]
        assert plain.endswith(f"?api-version={API}")
        assert vault.call("GET", plain).status_code == 200
    finally:
        vault.control("POST", "/settings", {"signed_links": True})


def test_pace_is_reported_for_the_clock_that_runs(vault: Wire) -> None:
    """30 service seconds (SEEN), in real seconds of a clock that runs faster; at least one."""
    item = vault.item("web-02")
    for speed, told in ((1, "30"), (10, "3"), (60, "1"), (600, "1")):
        vault.control("POST", "/clock", {"speed": speed})
        assert vault.start(item, "repairReplication").headers["Retry-After"] == told
    vault.control("POST", "/clock", {"speed": 60})


def test_the_date_header_is_the_virtual_now(vault: Wire) -> None:
    vault.control("POST", "/clock/advance", {"seconds": 86400})
    reply = vault.call("GET", f"{vault.vault}/replicationFabrics")
    now = vault.control("GET", "/clock")["now"]
    assert abs(parsedate_to_datetime(reply.headers["Date"]).timestamp() - now) < 60


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (
            "/subscriptions/{s}/resourceGroups/rg-homeward/providers/Microsoft.RecoveryServices/vaults/none",
            404,
            "ResourceNotFound",
        ),
        (
            "/subscriptions/{s}/resourceGroups/none/providers/Microsoft.RecoveryServices/vaults/vault-small",
            404,
            "ResourceGroupNotFound",
        ),
        ("/subscriptions/none/resourceGroups/rg-homeward", 400, "InvalidSubscriptionId"),
        (
            "/subscriptions/00000000-2222-4333-8444-555555555555/resourceGroups/rg-homeward",
            404,
            "SubscriptionNotFound",
        ),
        ("{v}/replicationFabrics?api-version=2001-01-01", 400, "InvalidApiVersionParameter"),
        ("{v}/replicationFabrics?api-version=latest", 400, "InvalidApiVersionParameter"),
        ("{v}/replicationFabrics/none", 404, "NotFound"),
        ("{v}/replicationJobs/none", 404, "NotFound"),
        ("{v}/replicationPolicies/none", 404, "NotFound"),
        ("{v}/replicationWhatever", 404, "InvalidResourceType"),
        ("{v}/replicationProtectedItems?$filter=weather eq 'nice'", 400, "BadRequest"),
        ("{v}/replicationProtectedItems?skipToken=made-up", 400, "InvalidSkipToken"),
    ],
)
def test_refusals(vault: Wire, path: str, status: int, code: str) -> None:
    reply = vault.call("GET", path.format(s=SUBSCRIPTION, v=vault.vault))
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    if code == "NotFound":
        detail = reply.json()["error"]["details"][0]
        assert detail["code"] == "ArmResourceDoesNotExist"
        assert {"possibleCauses", "recommendedAction", "clientRequestId", "activityId"} <= set(detail)


def test_the_api_version_is_demanded(vault: Wire) -> None:
    reply = vault.http.get(
        f"{vault.url}{vault.vault}/replicationFabrics", headers={"Authorization": f"Bearer {vault.bearer}"}, timeout=30
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_types_and_names_are_found_in_any_case(vault: Wire) -> None:
    fabric = vault.fabric()
    odd = fabric["id"].replace("/Subscriptions/", "/SUBSCRIPTIONS/").replace("replicationFabrics", "ReplicationFabrics")
    assert vault.get(odd.upper().replace("API-VERSION", "api-version"))["id"] == fabric["id"]
    assert vault.get(odd)["id"].startswith("/Subscriptions/")


def test_the_log_holds_every_request_and_no_secret(vault: Wire) -> None:
    vault.control("POST", "/counters/reset")
    reply = vault.start(vault.item("web-03"), "unplannedFailover", AZURE_TO)
    vault.get(reply.headers["Azure-AsyncOperation"])
    text = (vault.directory / "requests.jsonl").read_text(encoding="utf-8")  # type: ignore[attr-defined]
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"time", "method", "path", "status", "x-ms-client-request-id", "body_sha256"} == set(lines[-1])
    post, link = lines[-2], lines[-1]
    assert (post["method"], post["status"]) == ("POST", 202)
    assert re.fullmatch(r"[0-9a-f]{64}", post["body_sha256"])
    assert "t=...&c=...&s=...&h=..." in link["path"]
    assert vault.told["secrets"]["client_secret"] not in text
    assert str(vault.bearer) not in text
    signed = re.findall(r"&(?:t|c|s|h)=([^&]+)", reply.headers["Azure-AsyncOperation"])
    assert signed
    assert not any(value in text for value in signed)
    assert "InMageAzureV2" not in text
    (body,) = vault.control("GET", "/bodies")
    assert body["operation"] == "failover/to_azure"
    assert body["body"] == {"properties": AZURE_TO}


def test_the_ready_file_is_private(vault: Wire) -> None:
    assert (vault.directory / "azure.json").stat().st_mode & 0o777 == 0o600  # type: ignore[attr-defined]


def test_the_control_endpoint_is_not_behind_the_arm_port(vault: Wire) -> None:
    for path in ("/counters", "/faults", "/clock"):
        reply = vault.http.get(vault.url + path, timeout=30)
        assert reply.status_code == 404
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(vault.told["control"].replace("http://", "https://") + "/counters", timeout=30)


def test_quiet_resources(vault: Wire) -> None:
    """One look at each list, and at its first entry alone where there is one."""
    fabric = vault.fabric()["id"]
    (container,) = vault.all(f"{vault.vault}/replicationProtectionContainers")
    assert container["name"].startswith("cloud_")
    policies = {
        p["name"]: p["properties"]["providerSpecificDetails"] for p in vault.all(f"{vault.vault}/replicationPolicies")
    }
    assert policies["daily-dr-failback"]["instanceType"] == "InMage"
    assert "crashConsistentFrequencyInMinutes" not in policies["daily-dr-failback"]
    lists: list[Any] = [
        f"{fabric}/replicationRecoveryServicesProviders",
        f"{fabric}/replicationvCenters",
        f"{fabric}/replicationProtectionContainers",
        f"{container['id']}/replicationProtectionContainerMappings",
        f"{container['id']}/replicationProtectableItems",
        f"{container['id']}/replicationProtectedItems",
        f"{vault.vault}/replicationRecoveryPlans",
        f"{vault.vault}/replicationPolicies",
    ]
    for path in lists:
        entries = vault.all(path)
        assert entries, path
        alone = vault.get(entries[0]["id"])
        assert alone["name"] == entries[0]["name"], path
        assert alone["id"].startswith("/Subscriptions/")
    plan = vault.get(f"{vault.vault}/replicationRecoveryPlans/shop")["properties"]
    assert [g["groupType"] for g in plan["groups"]] == ["Shutdown", "Failover", "Boot"]
    assert [len(g["replicationProtectedItems"]) for g in plan["groups"]] == [0, 0, 2]
    health = vault.get(f"{vault.vault}/replicationVaultHealth")
    assert health["properties"]["protectedItemsHealth"]["resourceCount"] == 5
    assert vault.job(vault.call("POST", f"{vault.vault}/replicationVaultHealth/default/refresh"))
    provider = vault.all(f"{vault.vault}/replicationRecoveryServicesProviders")[0]
    job = vault.job(vault.call("POST", f"{provider['id']}/refreshProvider"))
    assert job["properties"]["scenarioName"] == "RefreshFabricLayout"
    vaults = vault.all(vault.vault.rsplit("/", 1)[0])
    assert [v["name"] for v in vaults] == ["vault-small"]
    assert vault.get(vault.vault)["sku"]["name"] == "RS0"
    assert vault.get(vault.vault.split("/providers/")[0])["name"] == "rg-homeward"


def test_the_fabric_shows_servers_as_recorded(vault: Wire) -> None:
    details = vault.fabric()["properties"]["customDetails"]
    assert details["instanceType"] == "VMware"
    for server in details["processServers"]:
        assert re.fullmatch(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{16}", server["id"])
        assert server["hostId"] == server["id"]
    target = details["masterTargetServers"][0]
    now = vault.control("GET", "/clock")["now"]
    age = now - _epoch(target["lastHeartbeat"])
    assert 540 < age < 720, "about ten minutes in a healthy vault"
    assert target["diskCount"] == 2
    assert re.fullmatch(r"\d+\.\d+", target["dataStores"][0]["capacity"])
    assert details["runAsAccounts"] == [{"accountId": "1", "accountName": "vm-admin"}]
    assert "historicHealth" in details["processServers"][0]
    alone = vault.get(vault.fabric()["id"])["properties"]["customDetails"]
    assert "historicHealth" not in alone["processServers"][0]


def _epoch(text: str) -> float:
    from rehearsal.azure.clock import parse_time

    return parse_time(text)


def test_machines_move_to_another_process_server(vault: Wire) -> None:
    fabric = vault.fabric()
    azure, home = fabric["properties"]["customDetails"]["processServers"]
    item = vault.item("web-05")
    body = {
        "properties": {
            "containerName": "",
            "sourceProcessServerId": home["id"],
            "targetProcessServerId": azure["id"],
            "vmsToMigrate": [item["properties"]["providerSpecificDetails"]["vmId"]],
            "updateType": "ServerLevel",
        }
    }
    vault.good(vault.job(vault.call("POST", f"{fabric['id']}/reassociateGateway", body)))
    assert vault.item("web-05")["properties"]["providerSpecificDetails"]["processServerId"] == azure["id"]
    assert vault.item("web-04")["properties"]["providerSpecificDetails"]["processServerId"] == home["id"]
