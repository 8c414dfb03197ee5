# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine around the circle on a clock that stands still between looks: the words of each phase, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from vault_fixture import SMALL
from wire import AZURE_TO, HOME_TO, Wire, provider_error

#: Phase, instanceType, protectionState, activeLocation, activeSiteType, allowedOperations: section 3.1 of the fact sheet.
WORDS: dict[str, tuple[str, str, str, str | None, list[str]]] = {
    "home": (
        "InMageAzureV2",
        "Protected",
        "Primary",
        None,
        ["UnplannedFailover", "DisableProtection", "TestFailover"],
    ),
    "failing_out": ("InMageAzureV2", "UnplannedFailoverTransitionStatesBegin", "Primary", None, []),
    "out_uncommitted": (
        "InMageAzureV2",
        "UnplannedFailoverCommitPendingStatesBegin",
        "Recovery",
        None,
        ["CompleteMigration", "Commit", "DisableProtection", "ChangePit"],
    ),
    "out": (
        "InMageAzureV2",
        "UnplannedFailoverCommitted",
        "Recovery",
        None,
        ["CompleteMigration", "DisableProtection", "SwitchProtection"],
    ),
    "syncing_home": ("InMage", "InitialReplicationInProgress", "Primary", "Azure", ["DisableProtection"]),
    "ready": ("InMage", "Protected", "Primary", "Azure", ["UnplannedFailover", "DisableProtection"]),
    "failing_home": ("InMage", "UnplannedFailoverTransitionStatesBegin", "Primary", "Azure", []),
    "home_uncommitted": (
        "InMage",
        "UnplannedFailoverCommitPendingStatesBegin",
        "Recovery",
        "OnPrem",
        ["Commit", "DisableProtection"],
    ),
    "home_unprotected": (
        "InMage",
        "UnplannedFailoverCommitted",
        "Recovery",
        "OnPrem",
        ["CompleteMigration", "DisableProtection", "SwitchProtection"],
    ),
    "syncing_out": ("InMageAzureV2", "InitialReplicationInProgress", "Primary", None, ["DisableProtection"]),
}


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    return run_vault({**SMALL, "speed": 1.0})


def words(item: dict[str, Any]) -> tuple[str, str, str, str | None, list[str]]:
    properties = item["properties"]
    details = properties["providerSpecificDetails"]
    return (
        details["instanceType"],
        properties["protectionState"],
        properties["activeLocation"],
        details.get("activeSiteType"),
        properties["allowedOperations"],
    )


def ahead(vault: Wire, seconds: float) -> None:
    vault.control("POST", "/clock/advance", {"seconds": seconds})


def run(vault: Wire, item: dict[str, Any], verb: str, body: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
    """Start an operation and let its job's time pass."""
    reply = vault.start(item, verb, body)
    assert reply.status_code == 202, reply.text
    ahead(vault, 3)
    ahead(vault, seconds)
    return vault.job(reply)


def test_the_words_of_every_phase(vault: Wire) -> None:
    item = vault.item("web-01")
    first = item["properties"]
    assert words(item) == WORDS["home"]
    assert first["recoveryFabricId"] == first["recoveryFabricFriendlyName"] == "Microsoft Azure"
    assert first["failoverRecoveryPointId"] is None
    assert first["providerSpecificDetails"]["discoveryType"] == "vCenter"
    assert first["currentScenario"]["scenarioName"] == "None"
    assert first["currentScenario"]["startTime"] == "1753-01-01T01:01:01Z"
    assert first["currentScenario"]["jobId"].endswith("/replicationJobs/None")

    reply = vault.start(item, "unplannedFailover", {**AZURE_TO, "sourceSiteOperations": "NotRequired"})
    during = vault.get(item["id"])
    assert words(during) == WORDS["failing_out"]
    assert during["properties"]["currentScenario"]["scenarioName"] == "UnplannedFailover"
    job_name = reply.headers["Location"].split("/operationresults/")[1].split("?")[0]
    assert during["properties"]["currentScenario"]["jobId"].endswith(job_name)
    ahead(vault, 3)
    ahead(vault, 104)
    vault.good(vault.job(reply))
    failed_over = vault.get(item["id"])
    assert words(failed_over) == WORDS["out_uncommitted"]
    assert failed_over["properties"]["failoverRecoveryPointId"].startswith(item["id"])
    assert "lastSuccessfulFailoverTime" in failed_over["properties"]

    vault.good(run(vault, item, "failoverCommit", None, 2))
    out = vault.get(item["id"])
    assert words(out) == WORDS["out"]
    assert out["properties"]["providerSpecificDetails"]["protectedDisks"][0]["healthErrorCode"] == "ECH0007"

    ahead(vault, 200)
    vault.good(run(vault, item, "reProtect", vault.home_body(item), 775))
    syncing = vault.get(item["id"])
    assert words(syncing) == WORDS["syncing_home"]
    properties = syncing["properties"]
    assert properties["failoverRecoveryPointId"] == ""
    assert properties["policyFriendlyName"] == "daily-dr-failback"
    assert properties["recoveryFabricFriendlyName"] == properties["primaryFabricFriendlyName"] == "CS-01"
    assert properties["protectableItemId"] != first["protectableItemId"]
    assert properties["providerSpecificDetails"]["discoveryType"] == "Physical"
    assert properties["providerSpecificDetails"]["replicaId"] == first["providerSpecificDetails"]["infrastructureVmId"]
    assert properties["providerSpecificDetails"]["consistencyPoints"] == {}
    ahead(vault, 500)
    halfway = vault.get(item["id"])["properties"]["providerSpecificDetails"]["protectedDisks"][0]
    assert 45 <= halfway["resyncProgressPercentage"] <= 55
    ahead(vault, 490)
    ready = vault.allows(item, "UnplannedFailover")
    assert words(ready) == WORDS["ready"]
    assert len(ready["properties"]["providerSpecificDetails"]["consistencyPoints"]) == 1

    reply = vault.start(item, "unplannedFailover", {**HOME_TO, "sourceSiteOperations": "Required"})
    assert words(vault.get(item["id"])) == WORDS["failing_home"]
    ahead(vault, 3)
    ahead(vault, 215)
    vault.good(vault.job(reply))
    assert words(vault.get(item["id"])) == WORDS["home_uncommitted"]
    vault.good(run(vault, item, "failoverCommit", None, 111))
    assert words(vault.get(item["id"])) == WORDS["home_unprotected"]

    ahead(vault, 200)
    vault.good(run(vault, item, "reProtect", vault.azure_body(), 129))
    assert words(vault.get(item["id"])) == WORDS["syncing_out"]
    ahead(vault, 1190)
    home = vault.allows(item, "UnplannedFailover")
    assert words(home) == WORDS["home"]
    assert home["properties"]["policyFriendlyName"] == "daily-dr"
    assert home["name"] == item["name"]
    assert home["properties"]["recoveryServicesProviderId"] == first["recoveryServicesProviderId"]
    assert home["properties"]["testFailoverState"] == first["testFailoverState"]


def test_busy_items_refuse_a_second_operation_and_lists_lag_behind(vault: Wire) -> None:
    item = vault.item("web-02")
    reply = vault.start(item, "unplannedFailover", {**AZURE_TO, "sourceSiteOperations": "NotRequired"})
    assert reply.status_code == 202
    assert vault.items()["web-02"]["properties"]["allowedOperations"], "the list is behind the single item"
    assert vault.get(item["id"])["properties"]["allowedOperations"] == []

    second = vault.start(item, "unplannedFailover", AZURE_TO)
    assert second.status_code == 409
    error = second.json()["error"]
    assert error["code"].isdigit()
    assert error["details"][0]["possibleCauses"]
    assert vault.start(item, "failoverCommit").status_code == 409

    ahead(vault, 6)
    assert vault.items()["web-02"]["properties"]["allowedOperations"] == []
    jobs = [j for j in vault.all(f"{vault.vault}/replicationJobs") if j["properties"]["targetObjectName"] == "web-02"]
    assert len(jobs) == 1
    ahead(vault, 120)
    vault.good(vault.job(reply))


def test_busy_can_be_recognised_by_a_job_that_fails(vault: Wire) -> None:
    item = vault.item("web-03")
    vault.control("POST", "/settings", {"busy_as": "job"})
    try:
        first = vault.start(item, "unplannedFailover", AZURE_TO)
        second = vault.start(item, "unplannedFailover", AZURE_TO)
        assert second.status_code == 202
        ahead(vault, 3)
        ahead(vault, 3)
        assert provider_error(vault.job(second))["errorMessage"].startswith("The operation unplannedfailover")
        ahead(vault, 120)
        vault.good(vault.job(first))
        assert vault.control("GET", "/counters")["by_item"]["web-03"] == {"failover/to_azure": 1}
    finally:
        vault.control("POST", "/settings", {"busy_as": "http"})


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("failoverCommit", None),
        (
            "reProtect",
            {"failoverDirection": "RecoveryToPrimary", "providerSpecificDetails": {"instanceType": "InMage"}},
        ),
        ("plannedFailover", {"failoverDirection": "PrimaryToRecovery"}),
        ("failoverCancel", None),
    ],
)
def test_operations_that_the_phase_does_not_allow_are_refused(vault: Wire, verb: str, body: Any) -> None:
    item = vault.item("web-04")
    assert vault.start(item, verb, body).status_code == 409
    assert words(vault.get(item["id"])) == WORDS["home"]


@pytest.mark.parametrize(
    "body",
    [
        {"failoverDirection": "RecoveryToPrimary", "providerSpecificDetails": {"instanceType": "InMageAzureV2"}},
        {"failoverDirection": "PrimaryToRecovery", "providerSpecificDetails": {"instanceType": "InMage"}},
        {"failoverDirection": "PrimaryToRecovery"},
    ],
)
def test_bodies_for_another_item_are_refused_at_once(vault: Wire, body: dict[str, Any]) -> None:
    item = vault.item("web-04")
    assert vault.start(item, "unplannedFailover", body).status_code == 400
    assert words(vault.get(item["id"])) == WORDS["home"]


def test_the_agent_is_silent_until_it_has_registered(vault: Wire) -> None:
    item = vault.item("web-05")
    vault.good(run(vault, item, "unplannedFailover", AZURE_TO, 104))
    vault.good(run(vault, item, "failoverCommit", None, 2))
    silent = vault.get(item["id"])["properties"]
    assert silent["providerSpecificDetails"]["lastHeartbeat"] < silent["lastSuccessfulFailoverTime"]

    early = run(vault, item, "reProtect", vault.home_body(item), 775)
    assert "agent" in provider_error(early)["errorMessage"]
    assert early["properties"]["errors"][0]["serviceErrorDetails"]["code"] == "559"
    assert early["properties"]["allowedActions"] == ["Restart"]
    assert words(vault.get(item["id"])) == WORDS["out"]

    later = vault.get(item["id"])["properties"]["providerSpecificDetails"]["lastHeartbeat"]
    assert later > silent["lastSuccessfulFailoverTime"]
    ahead(vault, 60)
    assert vault.get(item["id"])["properties"]["providerSpecificDetails"]["lastHeartbeat"] > later


def test_lists_are_hollow(vault: Wire) -> None:
    """Jobs in a list hold nothing; items being failed back hold no disks, master target or points."""
    item = vault.item("web-01")
    if item["properties"]["providerSpecificDetails"]["instanceType"] != "InMage":
        vault.good(run(vault, item, "unplannedFailover", AZURE_TO, 104))
        vault.good(run(vault, item, "failoverCommit", None, 2))
        ahead(vault, 200)
        vault.good(run(vault, item, "reProtect", vault.home_body(item), 775))
        ahead(vault, 1000)
    listed = vault.until(
        lambda: vault.items()["web-01"]["properties"]["providerSpecificDetails"],
        lambda details: details["instanceType"] == "InMage",
    )
    full = vault.get(item["id"])["properties"]["providerSpecificDetails"]
    assert listed["protectedDisks"] == []
    assert listed["masterTargetId"] is listed["osDetails"] is listed["consistencyPoints"] is None
    assert full["protectedDisks"]
    assert full["masterTargetId"]
    for job in vault.all(f"{vault.vault}/replicationJobs"):
        properties = job["properties"]
        assert properties["tasks"] == properties["errors"] == []
        assert properties["customDetails"] is properties["activityId"] is None
    assert "@" not in str(vault.call("GET", f"{vault.vault}/replicationProtectedItems").text)


def test_tasks_of_a_failover_with_the_source_left_alone(vault: Wire) -> None:
    jobs = vault.all(f"{vault.vault}/replicationJobs?$filter=jobName eq 'UnplannedFailover'")
    assert jobs
    oldest = vault.get(jobs[-1]["id"])["properties"]
    states = {task["name"]: (task["state"], task["stateDescription"]) for task in oldest["tasks"]}
    assert list(states) == [
        "VmUfoPrerequisitesCheck",
        "VmShutdownVmOnPrimary",
        "VmPrepareForUnPlannedFailover",
        "VmFailover",
        "VmFoStartVmOnSecondary",
    ]
    assert states["VmShutdownVmOnPrimary"] == ("Other", "Skipped")
    skipped = oldest["tasks"][1]
    assert skipped["startTime"] == skipped["endTime"] == "0001-01-01T00:00:00", "a skipped task never ran"
    assert states["VmFailover"] == ("Succeeded", "Completed")
    assert oldest["customDetails"]["instanceType"] == "FailoverJobDetails"
    assert oldest["targetInstanceType"] == "ProtectionEntity"
    # The machine has come home since: its id of then is its replica's now.
    details = vault.item("web-01")["properties"]["providerSpecificDetails"]
    assert oldest["targetObjectId"] == (details["replicaId"] or details["vmId"])
