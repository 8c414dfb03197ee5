# SPDX-License-Identifier: GPL-3.0-or-later
"""Items, jobs and events of a classic vault in the shapes that were recorded."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from vault_fixture import SMALL
from wire import Wire

FAULT = {
    "operation": "failover",
    "direction": "to_azure",
    "level": "Error",
    "code": "95225",
    "message": "No.",
    "times": 1,
}
NEVER = "0001-01-01T00:00:00"


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    states = ("home", "out", "home_unprotected", "ready", "home")
    machines: list[dict[str, Any]] = [
        {**machine, "name": f"m{n}", "state": state}
        for n, (machine, state) in enumerate(zip(SMALL["machines"], states, strict=True))
    ]
    machines[4]["faults"] = [FAULT]
    return run_vault({**SMALL, "vaults": [{**SMALL["vaults"][0], "recovery_plans": {}}], "machines": machines})


def details(vault: Wire, name: str) -> dict[str, Any]:
    found: dict[str, Any] = vault.item(name)["properties"]["providerSpecificDetails"]
    return found


def test_an_item_on_its_way_out(vault: Wire) -> None:
    told = details(vault, "m0")
    assert told["isAgentUpdateRequired"] == "NotRequired"
    assert told["replicaId"]
    assert told["recoveryAzureLogStorageAccountId"].rsplit("/", 2)[1] == "storageAccounts"
    assert {d["diskId"] for d in told["protectedManagedDisks"]} == {d["diskId"] for d in told["protectedDisks"]}
    assert {
        "targetAvailabilityZone",
        "targetProximityPlacementGroupId",
        "sqlServerLicenseType",
        "targetVmTags",
        "seedManagedDiskTags",
        "targetManagedDiskTags",
        "targetNicTags",
        "switchProviderBlockingErrorDetails",
    } <= set(told)


def test_an_adapter_is_known_by_its_mac(vault: Wire) -> None:
    (nic,) = details(vault, "m0")["vmNics"]
    assert re.fullmatch(r"00:50:56(:[0-9A-F]{2}){3}", nic["nicId"])
    assert (len(nic), len(nic["ipConfigs"][0])) == (19, 15)


#: Words of an item alone and in a list, by the machine's state.
WORDS: dict[str, dict[str, Any]] = {
    "m0": {
        "isRebootAfterUpdateRequired": "NotRequired",
        "selectedTfoAzureNetworkId": None,
        "recoveryAvailabilitySetId": None,
        "seedManagedDiskTags": None,
        "targetManagedDiskTags": None,
        "totalProgressHealth": "Completed",
        "isAdditionalStatsAvailable": False,
        "firmwareType": "UEFI",
    },
    "m3": {
        "rebootAfterUpdateStatus": None,
        "vCenterInfrastructureId": None,
        "sourceVmCpuCount": 0,
        "sourceVmRamSizeInMB": 0,
        "resyncDetails": {"initialReplicationType": "InitialReplication", "initialReplicationProgressPercentage": "0"},
        "totalDataTransferred": -1,
        "totalProgressHealth": "Completed",
        "isAdditionalStatsAvailable": False,
        "osVersion": None,
    },
    "m2": {"totalDataTransferred": 0, "rebootAfterUpdateStatus": None, "vCenterInfrastructureId": None},
}


@pytest.mark.parametrize("name", WORDS)
def test_words_of_an_item(vault: Wire, name: str) -> None:
    wanted = WORDS[name]
    for told in (details(vault, name), vault.items()[name]["properties"]["providerSpecificDetails"]):
        assert {key: told[key] for key in wanted} == wanted


def test_what_a_list_keeps(vault: Wire) -> None:
    single, listed = details(vault, "m0"), vault.items()["m0"]["properties"]["providerSpecificDetails"]
    for key in ("replicaId", "recoveryAzureLogStorageAccountId", "vmNics", "osVersion"):
        assert single[key] == listed[key], key
        assert single[key]
    assert single["replicaId"].startswith(f"{single['vmId']}_replica_cloud_")
    assert vault.items()["m3"]["properties"]["providerSpecificDetails"]["diskResized"] is None


def test_disks_of_both_directions(vault: Wire) -> None:
    out, home = details(vault, "m0"), details(vault, "m3")
    for told in (out, home):
        first = told["protectedDisks"][0]
        assert (first["progressHealth"], first["progressStatus"]) == ("Completed", "Grey")
        assert (first["rpoInSeconds"], first["lastRpoCalculatedTime"]) == (
            told["rpoInSeconds"],
            told["lastRpoCalculatedTime"],
        )
    assert home["osDetails"] == {"osType": "Linux", "osVhdId": None, "vhdName": None}
    planned = out["azureVMDiskDetails"][0]
    assert {key for key, value in planned.items() if value is not None} == {"vhdId", "targetDiskName"}
    assert planned["vhdId"] == out["protectedDisks"][0]["diskId"]


def test_the_azure_vms_id_has_no_name_before_there_is_a_vm(vault: Wire) -> None:
    assert details(vault, "m0")["targetVmId"].endswith("/virtualMachines/")
    assert details(vault, "m1")["targetVmId"].endswith("/virtualMachines/m1")


def test_the_adapter_of_a_failback_is_the_azure_vms(vault: Wire) -> None:
    (nic,) = details(vault, "m3")["vmNics"]
    assert nic["nicId"].startswith("00:22:48:")
    assert (nic["selectionType"], nic["recoveryVMNetworkId"], nic["sourceNicArmId"]) == ("NotSelected", None, None)
    assert (nic["ipConfigs"][0]["recoverySubnetName"], nic["ipConfigs"][0]["recoveryStaticIPAddress"]) == ("", "")


def test_the_failovers_time_is_its_jobs_start_and_goes_with_the_reprotect(vault: Wire) -> None:
    out = vault.item("m1")["properties"]
    assert out["lastSuccessfulFailoverTime"]
    assert "lastSuccessfulFailoverTime" not in vault.item("m3")["properties"]


def test_a_machine_that_was_tested_says_when(vault: Wire) -> None:
    for item in vault.items().values():
        told = item["properties"]
        tested = told["testFailoverState"] == "MarkedForDeletion"
        assert ("lastSuccessfulTestFailoverTime" in told) is tested
        warned = [e for e in told["healthErrors"] if e["errorCode"] == "161011"]
        if warned:
            assert not tested
            assert (warned[0]["errorId"], warned[0]["errorType"], warned[0]["entityId"]) == (
                "6:8010",
                "8010",
                told["providerSpecificDetails"]["vmId"],
            )


@pytest.mark.parametrize("name", ["m1", "m2"])
def test_after_a_failover_the_last_point_stands_still_and_its_age_grows(vault: Wire, name: str) -> None:
    before = details(vault, name)
    after = vault.until(lambda: details(vault, name), lambda d: d["rpoInSeconds"] > before["rpoInSeconds"])
    assert before["rpoInSeconds"] >= 3600
    assert after.get("lastRecoveryPointReceived") == before.get("lastRecoveryPointReceived")
    listed = vault.items()[name]["properties"]["providerSpecificDetails"]
    assert listed["rpoInSeconds"] >= before["rpoInSeconds"]


def test_committed_home_the_disks_are_gone(vault: Wire) -> None:
    item = vault.item("m2")["properties"]
    told = item["providerSpecificDetails"]
    assert (told["instanceType"], told["protectedDisks"], item["testFailoverState"]) == ("InMage", None, "None")
    # The recording says so in every phase of the failback.
    assert told["resyncDetails"] == {
        "initialReplicationType": "InitialReplication",
        "initialReplicationProgressPercentage": "0",
    }


def tasks_of(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["name"]: task for task in job["tasks"]}


#: Tasks of each scenario as they were recorded, with what people read.
FRIENDLY = {
    "UnplannedFailover": {
        "VmUfoPrerequisitesCheck": "Prerequisites check for failover",
        "VmShutdownVmOnPrimary": "Shut down the virtual machine",
        "VmPrepareForUnPlannedFailover": "Synchronizing the latest changes",
        "VmFailover": "Start failover",
        "VmFoStartVmOnSecondary": "Start the replica virtual machine",
    },
    "CommitFailover": {"VmCommitPrerequisitesCheck": "Prerequisite check", "VmCommit": "Commit"},
    "SwitchReplicationGroupProtection": {
        "SwitchReplicationGroupProtectionPreflightTask": "Prerequisite check",
        "VmCommitFailover": "Committing failover",
        "DiscoverReplicaTask": "Discovering replica virtual machine (1)",
        "GetSwitchProtectionRequirementsTask": "Getting reprotection requirements",
        "ProtectReplicaTask": "Reprotecting virtual machine (1)",
    },
}


def test_a_reprotect_runs_a_second_job(vault: Wire) -> None:
    item = vault.item("m1")
    machine, azure = item["properties"]["providerSpecificDetails"]["vmId"], "m1"
    vault.registered(item)
    job = vault.run(item, "reProtect", vault.home_body(item))["properties"]
    *_others, last = job["tasks"]
    assert (last["name"], last["taskType"]) == ("ProtectReplicaTask", "GroupTaskDetails")
    (child,) = last["groupTaskCustomDetails"]["childTasks"]
    assert (child["taskId"], child["name"], child["friendlyName"]) == ("EnableDr", azure, azure)
    assert (child["taskType"], child["customDetails"]["instanceType"]) == ("JobTaskDetails", "JobTaskDetails")
    link = child["customDetails"]["jobTask"]
    second = vault.get(link["jobId"])["properties"]
    assert (link["jobScenarioName"], second["scenarioName"], second["state"]) == ("EnableDr", "EnableDr", "Succeeded")
    # The machine that is replicated from now on.
    assert (link["targetInstanceType"], link["targetObjectId"]) == (
        "Vm",
        vault.get(item["id"])["properties"]["providerSpecificDetails"]["vmId"],
    )
    assert all(uuid.UUID(task["taskId"]) for task in job["tasks"])
    plain = [task for task in job["tasks"] if task["taskType"] == "TaskDetails"]
    assert all(task["customDetails"]["instanceType"] == "TaskDetails" for task in plain)
    groups = [task for task in job["tasks"] if task["taskType"] == "GroupTaskDetails"]
    assert [task["name"] for task in groups] == ["DiscoverReplicaTask", "ProtectReplicaTask"]
    assert all(task["customDetails"] is None for task in groups)
    assert {t["groupTaskCustomDetails"]["instanceType"] for t in groups} == {"GroupTaskDetails"}
    skipped = tasks_of(job)["VmCommitFailover"]
    assert (skipped["state"], skipped["startTime"], skipped["endTime"]) == ("Other", NEVER, NEVER)
    found = groups[0]["groupTaskCustomDetails"]["childTasks"][0]["customDetails"]["jobTask"]
    assert (found["jobScenarioName"], found["jobFriendlyName"]) == ("DiscoverReplica", None)
    assert {name: task["friendlyName"] for name, task in tasks_of(job).items()} == FRIENDLY[job["scenarioName"]]
    # No list shows the jobs of tasks.
    listed = vault.all(f"{vault.vault}/replicationJobs")
    assert not {"EnableDr", "DiscoverReplica"} & {j["properties"]["scenarioName"] for j in listed}
    affected = job["customDetails"]["affectedObjectDetails"]
    assert (affected["primaryVmId"], affected["recoveryVmId"], affected["recoveryCloudName"]) == (
        machine,
        "",
        "Microsoft Azure",
    )
    assert affected["recoveryCloudId"] == "d38048d4-b460-4791-8ece-108395ee8478"


def test_jobs_of_the_way_home_and_their_words(vault: Wire) -> None:
    item = vault.item("m3")
    body = {
        "failoverDirection": "PrimaryToRecovery",
        "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": {"instanceType": "InMage", "recoveryPointType": "LatestTime"},
    }
    reply = vault.start(item, "unplannedFailover", body)
    name = reply.headers["Location"].split("/operationresults/")[1].split("?")[0]
    running = vault.until(
        lambda: vault.get(f"{vault.vault}/replicationJobs/{name}")["properties"],
        lambda job: job["state"] != "NotStarted",
    )
    if running["state"] == "InProgress":
        assert running["customDetails"]["protectedItemDetails"] == []
    failover = vault.good(vault.job(reply))["properties"]
    began = vault.get(item["id"])["properties"]["lastSuccessfulFailoverTime"]
    assert began == failover["startTime"]
    assert re.fullmatch(r"[0-9T:-]{19}Z", failover["endTime"])
    assert {n: task["friendlyName"] for n, task in tasks_of(failover).items()} == FRIENDLY["UnplannedFailover"]
    assert len(failover["customDetails"]["protectedItemDetails"]) == 1
    commit = vault.run(item, "failoverCommit")["properties"]
    assert {n: task["friendlyName"] for n, task in tasks_of(commit).items()} == FRIENDLY["CommitFailover"]
    told = [j["customDetails"]["affectedObjectDetails"] for j in (failover, commit)]
    # One policy, that of the item; the machine comes home to the configuration server.
    assert len({t["protectionProfileId"] for t in told}) == 1
    assert {t["recoveryCloudName"] for t in told} == {"CS-01"}


def test_a_task_that_runs_has_not_ended(vault: Wire) -> None:
    reply = vault.start(vault.item("m0"), "repairReplication")
    name = reply.headers["Location"].split("/operationresults/")[1].split("?")[0]
    running = vault.until(
        lambda: vault.get(f"{vault.vault}/replicationJobs/{name}")["properties"],
        lambda job: job["state"] != "NotStarted",
    )
    if running["state"] == "InProgress":
        assert running["tasks"][0]["endTime"] == NEVER
    assert vault.job(reply)["properties"]["tasks"][0]["endTime"] > NEVER


def test_monitoring_events_are_listed_beside_those_of_jobs(vault: Wire) -> None:
    item = vault.item("m4")
    body = {
        "failoverDirection": "PrimaryToRecovery",
        "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": {"instanceType": "InMageAzureV2"},
    }
    vault.run(item, "unplannedFailover", body)
    events = vault.all(f"{vault.vault}/replicationEvents?$filter=eventType eq 'VmHealth' or eventType eq 'JobStatus'")
    mine = [e["properties"] for e in events if e["properties"]["affectedObjectFriendlyName"] == "m4"]
    assert {e["eventType"] for e in mine} == {"VmHealth", "JobStatus"}
    health = next(e for e in mine if e["eventType"] == "VmHealth")
    # The name says VmMonitoringEvent, the code what has changed.
    assert (health["eventCode"], health["severity"]) == ("SRSVMHealthChanged", "Critical")
    assert set(health["healthErrors"][0]) == {
        "errorSource",
        "errorType",
        "errorLevel",
        "errorCategory",
        "errorCode",
        "summaryMessage",
        "errorMessage",
        "possibleCauses",
        "recommendedAction",
        "creationTimeUtc",
        "recoveryProviderErrorMessage",
        "entityId",
        "customerResolvability",
    }
    assert set(health["providerSpecificDetails"]) == {
        "instanceType",
        "eventType",
        "category",
        "component",
        "correctiveAction",
        "details",
        "summary",
        "siteName",
    }
    assert health["providerSpecificDetails"]["siteName"]
    names = [e["name"] for e in events if e["properties"] == health]
    assert re.fullmatch(r"VmMonitoringEvent;\d{19}_[0-9a-f-]{36}", names[0])
    assert health["healthErrors"][0]["errorCode"] == "78024"
    assert health["providerSpecificDetails"]["instanceType"] == "InMageAzureV2"


def test_protectable_items_name_disks_by_id(vault: Wire) -> None:
    protectable = vault.get(vault.item("m0")["properties"]["protectableItemId"])["properties"]["customDetails"]
    assert [d["diskId"] for d in protectable["diskDetails"]] == [
        d["diskId"] for d in details(vault, "m0")["protectedDisks"]
    ]
