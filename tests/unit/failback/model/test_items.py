# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing what the vault says: tolerant where the service is, silent where it says nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from builders import VAULT, error_json, item, item_json, job_json, text

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import (
    Item,
    Scenario,
    VaultRef,
    iso,
    last_segment,
    parse_time,
    truth,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job, Problem
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.evidence import concerns

P = Position


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023-08-26T04:22:13Z", at(2023, 8, 26, 4, 22, 13)),
        ("2023-08-26T04:22:13.1215306Z", at(2023, 8, 26, 4, 22, 13, 121530)),
        ("2023-08-26T04:22:13.1215306", at(2023, 8, 26, 4, 22, 13, 121530)),
        ("2023-08-26T04:22:13.72", at(2023, 8, 26, 4, 22, 13, 720000)),
        ("2023-08-26T04:22:13", at(2023, 8, 26, 4, 22, 13)),
        (" 2023-08-26T04:22:13Z ", at(2023, 8, 26, 4, 22, 13)),
        ("2023-08-26T09:52:13.5+05:30", at(2023, 8, 26, 4, 22, 13, 500000)),
        ("0001-01-01T00:00:00", None),
        ("1601-01-01T00:00:00Z", None),
        ("1753-01-01T01:01:01Z", None),
        ("9999-12-31T23:59:59.9999999Z", None),
        ("soon", None),
        ("", None),
        (None, None),
        (1693023733, None),
    ],
)
def test_times(value: Any, expected: datetime | None) -> None:
    assert parse_time(value) == expected


def test_times_are_written_in_utc_seconds() -> None:
    east = datetime(2026, 3, 1, 10, 0, 0, 999999, tzinfo=timezone(timedelta(hours=2)))
    assert iso(east) == "2026-03-01T08:00:00Z"
    assert iso(None) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        (" Yes ", True),
        ("no", False),
        ("NotApplicable", None),
        ("", None),
        (None, None),
        (1, None),
    ],
)
def test_truth(value: Any, expected: bool | None) -> None:
    assert truth(value) is expected


@pytest.mark.parametrize(("value", "expected"), [("/a/b/c", "c"), ("/a/b/c/", "c"), ("c", "c"), ("", ""), (None, "")])
def test_last_segment(value: str | None, expected: str) -> None:
    assert last_segment(value) == expected


def test_a_vault_is_the_same_in_any_case() -> None:
    upper = VaultRef(VAULT.subscription_id.upper(), "RG-DR", "Vault-DR")
    assert upper.id != VAULT.id
    assert upper.key == VAULT.key


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, None),
        ({}, None),
        ({"scenarioName": "None", "jobId": "/x/replicationJobs/None"}, None),
        ({"scenarioName": "None", "jobId": None}, None),
        ({"scenarioName": "CommitFailover", "jobId": "/X/replicationJobs/J-1"}, Scenario("CommitFailover", "J-1")),
        ({"scenarioName": "NeverSeen", "jobId": "/x/replicationJobs/j"}, Scenario("NeverSeen", "j")),
    ],
)
def test_the_job_that_holds_an_item(data: Any, expected: Scenario | None) -> None:
    assert Scenario.parse(data) == expected


def test_an_item_of_a_list() -> None:
    data = item_json("web", details={"multiVmGroupName": "shop", "multiVmGroupId": "g-1"}, replicationHealth="Normal")
    parsed = Item.parse(data, VAULT)
    assert parsed.id.startswith("/Subscriptions/")
    assert parsed.key == parsed.id.lower()
    assert (parsed.name, parsed.friendly_name, parsed.vm_id) == ("rpi-web", "web", "guid-web")
    assert (parsed.group, parsed.group_id, parsed.os_type) == ("shop", "g-1", "Windows")
    assert parsed.container_id.endswith("/replicationProtectionContainers/cloud-1")
    assert parsed.fabric_id.endswith("/replicationFabrics/fabric-1")
    assert [d.size_bytes for d in parsed.disks] == [1 << 30]
    assert parsed.allowed == {"CompleteMigration", "DisableProtection", "SwitchProtection"}


@pytest.mark.parametrize(
    ("name", "group_id", "group"),
    [
        ("826B9831-3F12", "826b9831-3f12", None),
        (" ", "826b9831-3f12", None),
        ("shop", "826b9831-3f12", "shop"),
        ("shop", "", "shop"),
        ("shop", "shop-1", "shop"),
    ],
)
def test_a_group_is_more_than_the_machines_own(name: str, group_id: str, group: str | None) -> None:
    parsed = item("web", P.OUT, details={"multiVmGroupName": name, "multiVmGroupId": group_id})
    assert (parsed.group, parsed.group_id is None) == (group, group is None)


@pytest.mark.parametrize(
    ("told", "vm_id", "name"),
    [
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/", None, "web"),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/w", "same", "w"),
        (None, None, "web"),
    ],
)
def test_an_id_without_a_name_is_no_vm(told: str | None, vm_id: str | None, name: str) -> None:
    parsed = item("web", P.OUT, details={"targetVmId": told})
    assert (parsed.azure_vm_id, parsed.azure_vm_name) == (told if vm_id else None, name)


@pytest.mark.parametrize("props", [None, {}, {"providerSpecificDetails": None, "allowedOperations": None}])
def test_an_item_that_says_nothing(props: Any) -> None:
    parsed = Item.parse({"id": "/x/y", "name": None, "properties": props}, VAULT)
    assert (parsed.name, parsed.instance_type, parsed.active_location) == ("y", "", "")
    assert parsed.allowed == frozenset()
    assert (parsed.scenario, parsed.site_uuid, parsed.azure_vm_id, parsed.agent_heartbeat) == (None, None, None, None)
    assert parsed.sync_percentage is None


def test_a_hollow_entry_of_a_list_has_no_disks_and_no_system() -> None:
    parsed = item(details={"osType": None, "osDetails": None, "protectedDisks": [], "masterTargetId": None})
    assert (parsed.disks, parsed.os_type) == ((), None)


def test_the_operating_system_may_be_one_level_deeper() -> None:
    assert item(details={"osType": None, "osDetails": {"osType": "Linux"}}).os_type == "Linux"


@pytest.mark.parametrize(
    ("details", "vm_id", "name"),
    [
        ({}, None, "web"),
        ({"recoveryAzureVMName": "web-az"}, None, "web-az"),
        ({"targetVmName": "web-t"}, None, "web-t"),
        (
            {"targetVmId": "/s/virtualMachines/real", "recoveryAzureVMName": "planned"},
            "/s/virtualMachines/real",
            "real",
        ),
        ({"azureVirtualMachineId": "/s/vm/new", "targetVmId": "/s/vm/old"}, "/s/vm/new", "new"),
    ],
)
def test_the_azure_vm_of_an_item(details: dict[str, Any], vm_id: str | None, name: str) -> None:
    parsed = item(details=details)
    assert (parsed.azure_vm_id, parsed.azure_vm_name) == (vm_id, name)


FAILED_OVER = at(2026, 3, 1, 8, 0)


@pytest.mark.parametrize(
    ("sign", "failover", "details", "expected"),
    [
        ("heartbeat", FAILED_OVER, {"lastHeartbeat": "2026-03-01T08:00:01"}, True),
        ("heartbeat", FAILED_OVER, {"lastHeartbeat": "2026-03-01T07:59:59.9999999Z"}, False),
        ("heartbeat", FAILED_OVER, {"lastHeartbeat": "1601-01-01T00:00:00Z"}, None),
        ("heartbeat", None, {"lastHeartbeat": "2026-03-01T08:00:01Z"}, None),
        ("flag", None, {"isAgentRegistrationSuccessfulAfterFailover": True}, True),
        ("flag", None, {"isAgentRegistrationSuccessfulAfterFailover": False}, False),
        ("flag", None, {"isAgentRegistrationSuccessfulAfterFailover": "true"}, True),
        ("flag", None, {"isAgentRegistrationSuccessfulAfterFailover": None}, None),
    ],
)
def test_whether_the_agent_registered(
    sign: str, failover: datetime | None, details: dict[str, Any], expected: bool | None
) -> None:
    assert item(details=details, lastSuccessfulFailoverTime=text(failover)).agent_registered(sign) is expected


def test_the_least_advanced_disk_reports_how_far_the_synchronisation_is() -> None:
    disks = [{"diskId": str(n), "resyncProgressPercentage": p} for n, p in enumerate((90, None, 40))]
    assert item(details={"protectedDisks": disks}).sync_percentage == 40


# -- jobs --------------------------------------------------------------------------------------------------------


def test_a_problem_speaks_in_the_providers_words() -> None:
    problem = Problem.parse(error_json(95226, "No way to the server."))
    assert (problem.code, problem.message) == ("95226", "No way to the server.")
    assert problem.result() == {
        "code": "95226",
        "message": "No way to the server.",
        "possible_causes": "A cause.",
        "recommended_action": "Do this.",
        "level": "Error",
    }


@pytest.mark.parametrize("provider", [None, {}, {"errorCode": None, "errorMessage": ""}])
def test_a_problem_without_a_provider_is_the_services(provider: Any) -> None:
    problem = Problem.parse(
        {"serviceErrorDetails": {"code": "559", "message": "It failed."}, "providerErrorDetails": provider}
    )
    assert (problem.code, problem.message, problem.level) == ("559", "It failed.", "Error")


@pytest.mark.parametrize(
    ("state", "alive", "succeeded"),
    [
        ("NotStarted", True, False),
        ("InProgress", True, False),
        ("Succeeded", False, True),
        ("CompletedWithInformation", False, True),
        ("Failed", False, False),
        ("Cancelled", False, False),
        ("Suspended", False, False),
        ("Paused", False, False),
        ("Other", False, False),
        ("", False, False),
    ],
)
def test_any_word_but_two_means_that_a_job_has_ended(state: str, alive: bool, succeeded: bool) -> None:
    job = Job.parse(job_json("j", "CommitFailover", state))
    assert (job.alive, job.succeeded) == (alive, succeeded)


def test_an_error_of_job_and_task_is_listed_once_and_tasks_may_still_say_in_progress() -> None:
    """SEEN MS: a failed job whose own task still runs, the same entry in both."""
    entry = error_json(78093)
    tasks = [{"name": "VmFailover", "state": "InProgress", "errors": [entry, error_json(1, level="Warning")]}]
    job = Job.parse(job_json("j", "UnplannedFailover", "Failed", errors=[entry], tasks=tasks))
    assert [p.code for p in job.problems] == ["78093", "1"]
    assert [p.code for p in job.errors] == ["78093"]
    assert [p.code for p in job.warnings] == ["1"]


def test_all_that_a_succeeded_job_says_is_a_warning() -> None:
    job = Job.parse(job_json("j", "UnplannedFailover", "CompletedWithInformation", errors=[error_json(28175)]))
    assert job.errors == ()
    assert [p.code for p in job.warnings] == ["28175"]


def test_a_job_reports_what_it_does_now() -> None:
    tasks = [{"name": "Done", "state": "Succeeded"}, {"name": "Now", "state": "InProgress"}, {"name": "Next"}]
    assert Job.parse(job_json("j", "UnplannedFailover", "InProgress", tasks=tasks)).doing == "Now"


@pytest.mark.parametrize("props", [None, {}, {"errors": None, "tasks": None, "endTime": "0001-01-01T00:00:00"}])
def test_a_hollow_job(props: Any) -> None:
    job = Job.parse({"id": "/x/replicationJobs/j-9", "properties": props})
    assert (job.name, job.problems, job.tasks, job.end) == ("j-9", (), (), None)


@pytest.mark.parametrize(
    ("position", "details", "uuid"),
    [
        (P.HOME, {}, "uuid-web"),
        # In a failback the other id is the Azure machine's (SEEN FB, RP2).
        (P.READY, {}, "uuid-web"),
        (P.HOME_UNCOMMITTED, {"infrastructureVmId": "azure-id", "replicaId": "onprem-id"}, "onprem-id"),
        # A physical server has an id, but none that vCenter knows.
        (P.OUT, {"discoveryType": "Physical"}, None),
        (P.OUT, {"discoveryType": "vCenter"}, "uuid-web"),
    ],
)
def test_the_machine_in_vcenter_of_each_direction(position: P, details: dict[str, Any], uuid: str | None) -> None:
    assert item("web", position, details=details).site_uuid == uuid


def test_a_job_names_the_machine_by_the_id_of_its_time() -> None:
    ready = item("web", P.READY)
    for target in ("guid-web", "UUID-web", "rpi-web"):
        assert concerns({"properties": {"targetObjectId": target}}, ready)
    assert not concerns({"properties": {"targetObjectId": ""}}, ready)
