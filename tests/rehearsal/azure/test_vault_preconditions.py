# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a job fail or warn, judged when the job runs: the vault's own reasons, and faults that a fleet names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from vault_fixture import SMALL
from wire import AZURE_TO, HOME_TO, Wire, provider_error


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    """Machines in Azure, committed, with their agents registered."""
    fault = {"code": "95226", "message": "The Azure VM cannot reach {the} server.", "causes": "VPN", "action": "Wait"}
    warning = {**fault, "operation": "failover", "direction": "to_onprem", "level": "Warning", "code": "28175"}
    machines = [
        {"name": "plain", "os": "Linux", "state": "out"},
        {"name": "fails", "os": "Linux", "state": "out", "faults": [{**fault, "operation": "reprotect", "direction": "to_onprem", "times": 2}]},
        {"name": "warns", "os": "Linux", "state": "ready", "faults": [warning]},
        {"name": "ready", "os": "Linux", "state": "ready"},
        {"name": "fresh", "os": "Linux"},
        {"name": "gone", "os": "Linux", "onprem": "gone", "state": "out"},
        {"name": "back", "os": "Linux", "state": "home_unprotected"},
    ]  # fmt: skip
    vaults = [{**SMALL["vaults"][0], "recovery_plans": {}}]
    return run_vault({**SMALL, "speed": 1200, "vaults": vaults, "machines": machines})


def reprotect(vault: Wire, name: str, **changes: Any) -> dict[str, Any]:
    item = vault.item(name)
    return vault.run(item, "reProtect", vault.home_body(item, **changes))


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"masterTargetId": "NOBODY"}, 79002, "NOBODY"),
        ({"processServerId": "NOBODY"}, 79009, "NOBODY"),
        ({"runAsAccountId": "77"}, 79010, "77"),
        ({"retentionDrive": "Q"}, 79008, "Q"),
        ({"profileId": "/x/replicationPolicies/daily-dr"}, 79011, "daily-dr"),
        ({"datastoreName": "attic"}, 8061, "attic"),
    ],
)
def test_servers_that_do_not_exist(vault: Wire, changes: dict[str, Any], code: int, said: str) -> None:
    job = reprotect(vault, "plain", **changes)
    error = provider_error(job)
    assert error["errorCode"] == code
    assert said in error["errorMessage"]
    assert error["possibleCauses"]
    assert error["recommendedAction"]
    task = next(t for t in job["properties"]["tasks"] if t["errors"])
    assert task["name"] == "GetSwitchProtectionRequirementsTask"
    assert task["errors"] == job["properties"]["errors"]
    assert "SwitchProtection" in vault.item("plain")["properties"]["allowedOperations"]


@pytest.mark.parametrize("missing", ["masterTargetId", "processServerId", "retentionDrive", "profileId"])
def test_fields_the_description_requires_are_asked_for_at_once(vault: Wire, missing: str) -> None:
    item = vault.item("plain")
    reply = vault.start(item, "reProtect", vault.home_body(item, **{missing: None}))
    assert reply.status_code == 400
    assert missing in reply.json()["error"]["message"]


def test_the_master_target_must_run_the_machines_system(vault: Wire) -> None:
    targets = vault.fabric()["properties"]["customDetails"]["masterTargetServers"]
    windows = next(t for t in targets if t["osType"] == "Windows")
    error = provider_error(reprotect(vault, "plain", masterTargetId=windows["id"], retentionDrive="R"))
    assert error["errorCode"] == 79004


def test_a_new_machine_needs_a_datastore(vault: Wire) -> None:
    assert provider_error(reprotect(vault, "gone", datastoreName=None))["errorCode"] == 8061


def test_the_azure_vm_must_run(vault: Wire) -> None:
    vault.control("POST", "/items/plain", {"azure_power": "deallocated"})
    assert provider_error(reprotect(vault, "plain"))["errorCode"] == 78093
    vault.control("POST", "/items/plain", {"azure_power": "running"})


def test_the_agent_must_have_registered_in_both_directions(vault: Wire) -> None:
    for name, body in (("plain", None), ("back", vault.azure_body())):
        vault.control("POST", f"/items/{name}", {"agent_registered": False})
        item = vault.item(name)
        job = vault.run(item, "reProtect", body or vault.home_body(item))
        assert provider_error(job)["errorCode"] == 79001
        vault.control("POST", f"/items/{name}", {"agent_registered": True})
    vault.good(vault.run(vault.item("back"), "reProtect", vault.azure_body()))


def test_a_fleet_fault_happens_as_often_as_it_says(vault: Wire) -> None:
    for _dummy in range(2):
        error = provider_error(reprotect(vault, "fails"))
        assert error["errorCode"] == 95226
        assert error["errorMessage"] == "The Azure VM cannot reach {the} server."
    vault.good(reprotect(vault, "fails"))


def test_a_failed_job_in_the_operation_status(vault: Wire) -> None:
    item = vault.item("plain")
    reply = vault.start(item, "reProtect", vault.home_body(item, datastoreName="attic"))
    job = vault.job(reply)
    status = vault.get(reply.headers["Azure-AsyncOperation"])
    assert status["status"] == job["properties"]["state"] == "Failed"
    assert status["error"]["code"] == "559"
    assert status["error"]["details"] is None


def test_a_warning_is_information_in_the_job_and_an_error_object_in_the_status(vault: Wire) -> None:
    item = vault.item("warns")
    reply = vault.start(item, "unplannedFailover", {**HOME_TO, "sourceSiteOperations": "NotRequired"})
    job = vault.job(reply)["properties"]
    assert job["state"] == "CompletedWithInformation"
    assert job["errors"][0]["errorLevel"] == "Warning"
    status = vault.get(reply.headers["Azure-AsyncOperation"])
    assert (status["status"], status["error"]["code"]) == ("Succeeded", "28175")
    assert "Commit" in vault.get(item["id"])["properties"]["allowedOperations"]


@pytest.mark.parametrize(
    "details",
    [
        {"recoveryPointType": "Custom", "recoveryPointId": "/x/recoveryPoints/Tag9999"},
        {"recoveryPointType": "Custom"},
        {"recoveryPointType": "Yesterday"},
    ],
)
def test_points_home_that_do_not_exist(vault: Wire, details: dict[str, str]) -> None:
    body = {**HOME_TO, "providerSpecificDetails": {"instanceType": "InMage", **details}}
    job = vault.run(vault.item("ready"), "unplannedFailover", body)
    assert provider_error(job)["errorCode"] == 79012
    properties = vault.item("ready")["properties"]
    assert (properties["protectionState"], properties["activeLocation"]) == (
        "UnplannedFailoverCompletionFailed",
        "Primary",
    )


def test_points_out(vault: Wire) -> None:
    item = vault.item("fresh")
    points = vault.all(f"{item['id']}/recoveryPoints")
    kinds = {p["properties"]["recoveryPointType"] for p in points}
    assert kinds == {"CrashConsistent", "ApplicationConsistent"}
    assert vault.get(points[0]["id"])["name"] == points[0]["name"]
    wrong = {
        **AZURE_TO,
        "providerSpecificDetails": {
            "instanceType": "InMageAzureV2",
            "recoveryPointId": item["id"] + "/recoveryPoints/none",
        },
    }
    assert provider_error(vault.run(item, "unplannedFailover", wrong))["errorCode"] == 79012
    chosen = next(p for p in points if p["properties"]["recoveryPointType"] == "ApplicationConsistent")
    body = {**AZURE_TO, "providerSpecificDetails": {"instanceType": "InMageAzureV2", "recoveryPointId": chosen["id"]}}
    job = vault.good(vault.run(item, "unplannedFailover", body))["properties"]
    assert job["customDetails"]["protectedItemDetails"][0]["recoveryPointId"] == chosen["id"]
    assert vault.get(item["id"])["properties"]["failoverRecoveryPointId"] == chosen["id"]
    assert vault.all(f"{item['id']}/recoveryPoints"), "they stay until the commit"
    vault.good(vault.run(item, "failoverCommit"))
    assert vault.all(f"{item['id']}/recoveryPoints") == []


def test_the_failback_has_no_list_of_points(vault: Wire) -> None:
    item = vault.item("ready")
    assert vault.all(f"{item['id']}/recoveryPoints") == []
    assert item["properties"]["providerSpecificDetails"]["consistencyPoints"]


def test_a_retired_vault_refuses_operations(run_vault: Callable[..., Wire], small: dict[str, Any]) -> None:
    small["vaults"][0]["retired"] = True
    vault = run_vault(small)
    reply = vault.start(vault.item("web-01"), "unplannedFailover", AZURE_TO)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "ClassicRetired")


def test_azure_vms_come_with_a_failover_and_go_with_the_commit_home(
    run_vault: Callable[..., Wire], small: dict[str, Any]
) -> None:
    vault = run_vault({**small, "speed": 1200})
    base = vault.vault.split("/resourceGroups/")[0]
    all_of_them = f"{base}/providers/Microsoft.Compute/virtualMachines?statusOnly=true"
    assert [m["name"] for m in vault.all(all_of_them)] == ["ps-azure-01"]
    for name, shut in (("web-01", "Required"), ("web-02", "NotRequired")):
        item = vault.item(name)
        vault.to_azure(item)
        (vm,) = [m for m in vault.all(all_of_them) if m["name"] == name]
        assert vm["properties"]["instanceView"]["statuses"][1]["code"] == "PowerState/running"
        assert "/resourceGroups/rg-homeward-dr/" in vm["id"]
        assert [m["name"] for m in vault.all(vm["id"].rsplit("/", 1)[0])] == [name]
        vault.to_ready(item)
        vault.good(vault.run(item, "unplannedFailover", {**HOME_TO, "sourceSiteOperations": shut}))
        code = vault.get(f"{vm['id']}/instanceView")["statuses"][1]["code"]
        assert code == ("PowerState/deallocated" if shut == "Required" else "PowerState/running")
        vault.good(vault.run(item, "failoverCommit"))
        assert vault.call("GET", vm["id"]).status_code == 404
    assert [m["name"] for m in vault.all(all_of_them)] == ["ps-azure-01"]


def test_an_azure_vm_that_somebody_deletes_is_gone_and_the_vault_learns_nothing_of_it(
    run_vault: Callable[..., Wire], small: dict[str, Any]
) -> None:
    vault = run_vault({**small, "speed": 1200})
    item = vault.item("web-01")
    vault.to_azure(item)
    base = vault.vault.split("/resourceGroups/")[0]
    machines = f"{base}/providers/Microsoft.Compute/virtualMachines"
    vm = next(m for m in vault.all(machines) if m["name"] == "web-01")
    before = vault.item("web-01")["properties"]["allowedOperations"]
    assert vault.call("DELETE", vm["id"]).status_code == 202
    vault.until(lambda: vault.call("GET", vm["id"]).status_code, lambda status: status == 404)
    assert "web-01" not in [m["name"] for m in vault.all(machines)]
    assert vault.get(vm["properties"]["networkProfile"]["networkInterfaces"][0]["id"])
    assert vault.item("web-01")["properties"]["allowedOperations"] == before
    assert vault.call("DELETE", vm["id"]).status_code == 204


def test_power_of_an_azure_vm(vault: Wire) -> None:
    base = vault.vault.split("/resourceGroups/")[0]
    vm = next(m for m in vault.all(f"{base}/providers/Microsoft.Compute/virtualMachines") if m["name"] == "plain")
    for action, settled in (
        ("deallocate", "deallocated"),
        ("start", "running"),
        ("powerOff", "stopped"),
        ("start", "running"),
    ):
        reply = vault.call("POST", f"{vm['id']}/{action}")
        assert reply.status_code == 202
        link = reply.headers["Azure-AsyncOperation"]
        vault.until(lambda link=link: vault.get(link)["status"], lambda status: status == "Succeeded")
        seen = vault.get(f"{vm['id']}?$expand=instanceView")["properties"]["instanceView"]["statuses"][1]["code"]
        assert seen == f"PowerState/{settled}"
