# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery plans of both generations: made and changed, groups in order, manual actions, every operation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from vault_fixture import SMALL
from wire import Wire

MODERN = {
    "name": "vault-small",
    "generation": "modernized",
    "appliances": [{"name": "appliance-01", "fqdn": "appliance-01.home.example", "ip": "10.20.3.10"}],
}
MANUAL = {
    "actionName": "Look at it",
    "failoverTypes": ["UnplannedFailover"],
    "failoverDirections": ["PrimaryToRecovery"],
    "customDetails": {"instanceType": "ManualActionDetails", "description": "Look at the first group."},
}
OUT = {"failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "NotRequired"}


@pytest.fixture(scope="module", params=["classic", "modernized"])
def vault(request: pytest.FixtureRequest, run_vault: Callable[..., Wire]) -> Wire:
    made = copy.deepcopy(SMALL)
    if request.param == "modernized":
        made["vaults"] = [MODERN]
    made["vaults"][0]["recovery_plans"] = {"fleet": ["web-04"]}
    made["machines"][4]["faults"] = [
        {
            "operation": "failover",
            "direction": "to_azure",
            "level": "Error",
            "code": "95225",
            "message": "No.",
            "times": 1,
        }
    ]
    return run_vault(made)


def group(*items: dict[str, Any], before: Any = ()) -> dict[str, Any]:
    return {
        "groupType": "Boot",
        "replicationProtectedItems": [{"id": item["id"]} for item in items],
        "startGroupActions": list(before),
        "endGroupActions": [],
    }


def put(vault: Wire, name: str, *groups: dict[str, Any], method: str = "PUT") -> dict[str, Any]:
    path = f"{vault.vault}/replicationRecoveryPlans/{name}"
    vault.good(vault.job(vault.call(method, path, {"properties": {"groups": list(groups)}})))
    found: dict[str, Any] = vault.get(path)
    return found


def kinds(vault: Wire) -> list[dict[str, Any]]:
    one = next(iter(vault.items().values()))
    return [{"instanceType": one["properties"]["providerSpecificDetails"]["instanceType"]}]


def ended(vault: Wire, path: str) -> dict[str, Any]:
    found: dict[str, Any] = vault.until(
        lambda: vault.get(path)["properties"], lambda job: job["state"] not in ("NotStarted", "InProgress", "Suspended")
    )
    return found


def job_path(vault: Wire, reply: Any) -> str:
    assert reply.status_code == 202, reply.text
    name = reply.headers["Location"].split("/operationresults/")[1].split("?")[0]
    return f"{vault.vault}/replicationJobs/{name}"


def test_a_plan_runs_its_groups_in_order_and_waits_for_people(vault: Wire) -> None:
    first, second = vault.item("web-01"), vault.item("web-02")
    plan = put(vault, "shop", group(first), group(second, before=[MANUAL]))
    assert [g["groupType"] for g in plan["properties"]["groups"]] == ["Shutdown", "Failover", "Boot", "Boot"]
    assert "UnplannedFailover" in plan["properties"]["allowedOperations"]
    members = vault.all(f"{vault.vault}/replicationProtectedItems?$filter=recoveryPlanName eq 'shop'")
    assert len(members) == 2
    path = job_path(vault, vault.start(plan, "unplannedFailover", {**OUT, "providerSpecificDetails": kinds(vault)}))
    waiting = vault.until(lambda: vault.get(path)["properties"], lambda job: job["state"] == "Suspended")
    assert waiting["allowedActions"] == ["Resume", "Cancel"]
    assert "Commit" in vault.get(first["id"])["properties"]["allowedOperations"]
    assert "UnplannedFailover" in vault.get(second["id"])["properties"]["allowedOperations"]
    assert vault.get(plan["id"])["properties"]["currentScenarioStatus"] == "Suspended"
    assert vault.start(plan, "failoverCommit").status_code == 409
    again = {"properties": {"groups": [group(first)]}}
    for method, body in (("PUT", again), ("PATCH", again), ("DELETE", None)):
        no = vault.call(method, plan["id"], body)
        assert (no.status_code, no.json()["error"]["code"]) == (409, "RecoveryPlanBusy"), method
    assert vault.call("POST", f"{path}/resume", {"properties": {"comments": "Looked."}}).status_code == 202
    job = ended(vault, path)
    assert job["state"] == "Succeeded"
    groups = [
        t for t in job["tasks"] if t["taskType"] == "GroupTaskDetails" and t["groupTaskCustomDetails"]["childTasks"]
    ]
    assert [
        g["groupTaskCustomDetails"]["childTasks"][0]["customDetails"]["jobTask"]["targetObjectName"] for g in groups
    ] == [
        "web-01",
        "web-02",
    ]
    times = {key for key, value in vault.get(plan["id"])["properties"].items() if key.startswith("last") and value}
    assert times == {"lastUnplannedFailoverTime"}
    assert ended(vault, job_path(vault, vault.start(plan, "failoverCommit")))["state"] == "Succeeded"
    assert "SwitchProtection" in vault.get(second["id"])["properties"]["allowedOperations"]
    no = vault.start(plan, "reProtect")
    assert (no.status_code, no.json()["error"]["code"]) == (400, "OperationDeprecated")


def test_a_test_of_a_plan_and_its_cleanup(vault: Wire) -> None:
    plan = put(vault, "tests", group(vault.item("web-03")))
    body = {"failoverDirection": "PrimaryToRecovery", "networkType": "NoNetworkAttachAsInput"}
    assert ended(vault, job_path(vault, vault.start(plan, "testFailover", body)))["state"] == "Succeeded"
    assert vault.get(plan["id"])["properties"]["allowedOperations"] == ["TestFailoverCleanup"]
    assert (
        ended(vault, job_path(vault, vault.start(plan, "testFailoverCleanup", {"comments": ""})))["state"]
        == "Succeeded"
    )


def test_a_member_that_fails_stops_the_plan(vault: Wire) -> None:
    bad, later = vault.item("web-05"), vault.item("web-03")
    plan = put(vault, "stops", group(bad), group(later))
    job = ended(vault, job_path(vault, vault.start(plan, "unplannedFailover", OUT)))
    assert job["state"] == "Failed"
    assert "web-05" in job["errors"][0]["providerErrorDetails"]["errorMessage"]
    assert "UnplannedFailover" in vault.get(later["id"])["properties"]["allowedOperations"]


def test_plans_are_changed_and_removed(vault: Wire) -> None:
    put(vault, "gone", group(vault.item("web-03")))
    plan = put(vault, "GONE", group(vault.item("web-03"), vault.item("web-04")), method="PATCH")
    assert plan["name"] == "gone"
    assert len(plan["properties"]["groups"][-1]["replicationProtectedItems"]) == 2
    vault.good(vault.job(vault.call("PATCH", plan["id"], {"properties": {}})))
    assert vault.get(plan["id"])["properties"]["groups"] == plan["properties"]["groups"]
    member = {"replicationProtectedItems": [{"id": vault.item("web-03")["id"]}]}
    for wrong in ([{"groupType": "Nonsense"}], [member, member], [{"replicationProtectedItems": [{"id": "/x"}]}]):
        no = vault.call("PATCH", plan["id"], {"properties": {"groups": wrong}})
        assert (no.status_code, no.json()["error"]["code"]) == (400, "InvalidRequest"), wrong
    assert vault.get(plan["id"])["properties"]["groups"] == plan["properties"]["groups"]
    reply = vault.call("DELETE", plan["id"])
    vault.good(vault.job(reply))
    assert vault.call("GET", reply.headers["Location"]).status_code == 204
    assert vault.call("GET", plan["id"]).status_code == 404
    assert vault.call("PATCH", plan["id"], {"properties": {"groups": []}}).status_code == 404


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("failoverCommit", None, 409),
        ("plannedFailover", OUT, 409),
        ("unplannedFailover", {}, 400),
        ("unplannedFailover", {**OUT, "providerSpecificDetails": {"instanceType": "InMage"}}, 400),
        ("reProtect", None, 400),
    ],
)
def test_what_a_plan_refuses(vault: Wire, verb: str, body: Any, status: int) -> None:
    plan = vault.get(f"{vault.vault}/replicationRecoveryPlans/fleet")
    assert vault.start(plan, verb, body).status_code == status


def test_a_plan_names_machines_that_are_there(vault: Wire) -> None:
    path = f"{vault.vault}/replicationRecoveryPlans/none"
    assert vault.call("PUT", path, {"properties": {"groups": [group({"id": "/x/nobody"})]}}).status_code == 400
    assert vault.call("PUT", path, {"properties": {}}).status_code == 400
