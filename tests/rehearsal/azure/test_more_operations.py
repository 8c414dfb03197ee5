# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations beside the failback, in both generations: tests, points in time, removal, changes, jobs, settings."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from vault_fixture import SMALL
from wire import AZURE_TO, SUBSCRIPTION, Wire

FAULT = {
    "operation": "failover",
    "direction": "to_azure",
    "level": "Error",
    "code": "95225",
    "message": "No.",
    "times": 1,
}
MODERN = {
    "name": "vault-small",
    "generation": "modernized",
    "appliances": [{"name": "appliance-01", "fqdn": "appliance-01.home.example", "ip": "10.20.3.10"}],
}


def fleet(generation: str) -> dict[str, Any]:
    made = copy.deepcopy(SMALL)
    if generation == "modernized":
        made["vaults"] = [MODERN]
    made["vaults"][0]["recovery_plans"] = {}
    made["machines"][1]["faults"] = [FAULT]
    been_away = {"name": "app-06", "os": "Linux", "disks_gb": [30, 8], "ip": "10.20.0.16", "state": "home_unprotected"}
    goes = {"name": "app-07", "os": "Linux", "disks_gb": [30], "ip": "10.20.0.17"}
    made["machines"] += [been_away, goes]
    return made


@pytest.fixture(scope="module", params=["classic", "modernized"])
def vault(request: pytest.FixtureRequest, run_vault: Callable[..., Wire]) -> Wire:
    return run_vault(fleet(request.param))


def provider(item: dict[str, Any]) -> dict[str, Any]:
    name = item["properties"]["providerSpecificDetails"]["instanceType"]
    return {"instanceType": name, **({"performShutdown": "false"} if name == "InMageRcm" else {})}


def out(item: dict[str, Any]) -> dict[str, Any]:
    return {**AZURE_TO, "sourceSiteOperations": "NotRequired", "providerSpecificDetails": provider(item)}


def names(vault: Wire) -> set[str]:
    found = vault.all(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines")
    return {machine["name"] for machine in found}


def test_a_test_failover_waits_for_its_cleanup(vault: Wire) -> None:
    item = vault.item("web-01")
    body = {"networkType": "VmNetworkAsInput", "networkId": "/x/vnet", "providerSpecificDetails": provider(item)}
    assert vault.start(item, "testFailover", {**body, "networkId": ""}).status_code == 400
    assert vault.start(item, "testFailover", {**body, "failoverDirection": "RecoveryToPrimary"}).status_code == 400
    assert vault.start(item, "testFailoverCleanup", {"comments": "too early"}).status_code == 409
    vault.good(vault.run(item, "testFailover", body))
    waiting = vault.get(item["id"])["properties"]
    assert (waiting["protectionState"], waiting["testFailoverState"]) == ("Protected", "WaitingForCompletion")
    assert waiting["allowedOperations"] == ["TestFailoverCleanup"]
    assert "web-01-test" in names(vault)
    assert vault.start(item, "unplannedFailover", out(item)).status_code == 409
    vault.good(vault.run(item, "testFailoverCleanup", {"comments": "done"}))
    after = vault.get(item["id"])["properties"]
    assert after["testFailoverState"] == "MarkedForDeletion"
    assert "UnplannedFailover" in after["allowedOperations"]
    assert "web-01-test" not in names(vault)


def test_a_point_in_time_can_be_changed_before_the_commit(vault: Wire) -> None:
    item = vault.item("web-03")
    points = vault.all(f"{item['id']}/recoveryPoints")
    body = {
        "recoveryPointId": points[-1]["id"],
        "providerSpecificDetails": {**provider(item), "recoveryPointId": points[-1]["id"]},
    }
    assert vault.start(item, "applyRecoveryPoint", body).status_code == 409
    vault.good(vault.run(item, "unplannedFailover", out(item)))
    last = vault.all(f"{item['id']}/recoveryPoints")[-1]
    body["recoveryPointId"] = body["providerSpecificDetails"]["recoveryPointId"] = last["id"]
    vault.good(vault.run(item, "applyRecoveryPoint", body))
    assert vault.get(item["id"])["properties"]["failoverRecoveryPointId"].endswith(last["name"])
    none = {**body, "recoveryPointId": "/x/none", "providerSpecificDetails": provider(item)}
    assert vault.start(item, "applyRecoveryPoint", none).status_code == 400


def test_a_failed_job_is_restarted_under_its_own_name(vault: Wire) -> None:
    item = vault.item("web-02")
    failed = vault.run(item, "unplannedFailover", out(item))
    assert failed["properties"]["allowedActions"] == ["Restart"]
    again = vault.job(vault.call("POST", f"{failed['id']}/restart"))
    assert (again["name"], again["properties"]["state"]) == (failed["name"], "Succeeded")
    assert "Commit" in vault.get(item["id"])["properties"]["allowedOperations"]
    assert vault.call("POST", f"{failed['id']}/restart").status_code == 400
    assert vault.call("POST", f"{failed['id']}/resume").status_code == 400
    assert vault.call("POST", f"{failed['id']}/cancel").status_code == 400


def test_a_running_job_is_cancelled_and_the_item_is_where_it_was(vault: Wire) -> None:
    item = vault.item("web-04")
    vault.control("POST", "/clock", {"speed": 1})
    try:
        reply = vault.start(item, "unplannedFailover", out(item))
        name = reply.headers["Location"].split("/operationresults/")[1].split("?")[0]
        path = f"{vault.vault}/replicationJobs/{name}"
        assert vault.call("POST", f"{path}/cancel").status_code == 202
        assert vault.get(path)["properties"]["state"] == "Cancelled"
        back = vault.get(item["id"])["properties"]
        assert (back["protectionState"], back["currentScenario"]["scenarioName"]) == ("Protected", "None")
    finally:
        vault.control("POST", "/clock", {"speed": 600})
    vault.good(vault.run(item, "unplannedFailover", out(item)))


def test_jobs_are_exported(vault: Wire) -> None:
    job = vault.job(vault.call("POST", f"{vault.vault}/replicationJobs/export", {"jobStatus": "Failed"}))
    assert job["properties"]["customDetails"]["instanceType"] == "ExportJobDetails"


def test_an_item_is_changed(vault: Wire) -> None:
    item = vault.item("web-05")
    kind = provider(item)["instanceType"]
    if kind == "InMageAzureV2":
        words = ("recoveryAzureVMName", "recoveryAzureVMSize", "selectedRecoveryAzureNetworkId")
    else:
        words = ("targetVmName", "targetVmSize", "targetNetworkId")
    network = other_network()
    wanted: dict[str, Any] = dict(zip(words, ("web-new", "Standard_D4s_v3", network), strict=True))
    nic = told_nic(vault, item)
    asked: dict[str, Any] = {"nicId": nic["nicId"].lower()}
    if kind == "InMageAzureV2":
        asked["ipConfigs"] = [
            {"ipConfigName": "one", "recoverySubnetName": "apps", "recoveryStaticIPAddress": "10.50.0.77"}
        ]
        asked["selectionType"] = "SelectedByUser"
    else:
        asked |= {"isPrimaryNic": "true", "targetSubnetName": "apps", "targetStaticIPAddress": "10.50.0.77"}

    def patch(**given: Any) -> Any:
        body = given if kind == "InMageAzureV2" else {"providerSpecificDetails": {"instanceType": kind, **given}}
        return vault.call("PATCH", item["id"], {"properties": body})

    sizes = {s["name"] for s in vault.all(f"{item['id']}/targetComputeSizes")}
    assert "Standard_D4s_v3" in sizes
    for wrong in ({words[0]: "no name!"}, {words[1]: "Standard_None"}, {"vmNics": [{**asked, "nicId": "00:00"}]}):
        assert patch(**wrong).status_code == 400, wrong
    vault.good(vault.job(patch(**wanted, vmNics=[asked])))
    told = vault.get(item["id"])["properties"]["providerSpecificDetails"]
    assert {word: told[word] for word in words} == wanted
    after = told_nic(vault, item)
    assert set(after) == set(nic)
    if kind == "InMageAzureV2":
        (address,) = after["ipConfigs"]
        assert set(address) == set(nic["ipConfigs"][0])
        assert (address["name"], address["recoverySubnetName"]) == ("one", "apps")
        assert (address["recoveryStaticIPAddress"], address["recoveryIPAddressType"]) == ("10.50.0.77", "Static")
    else:
        assert (after["targetSubnetName"], after["targetIPAddress"]) == ("apps", "10.50.0.77")
        assert after["targetIPAddressType"] == "Static"
    vault.good(vault.run(item, "unplannedFailover", out(item)))
    made = vault.get(f"{target_group()}/providers/Microsoft.Compute/virtualMachines/web-new")["properties"]
    assert made["hardwareProfile"]["vmSize"] == "Standard_D4s_v3"
    adapter = vault.get(made["networkProfile"]["networkInterfaces"][0]["id"])["properties"]["ipConfigurations"][0]
    assert adapter["properties"]["privateIPAddress"] == "10.50.0.77"
    assert adapter["properties"]["subnet"]["id"] == f"{network}/subnets/apps"
    assert patch(**wanted).status_code == 409


def target_group() -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-homeward-dr"


def other_network() -> str:
    return f"{target_group()}/providers/Microsoft.Network/virtualNetworks/vnet-dr"


def told_nic(vault: Wire, item: dict[str, Any]) -> dict[str, Any]:
    (nic,) = vault.get(item["id"])["properties"]["providerSpecificDetails"]["vmNics"]
    return dict(nic)


def test_an_azure_vm_comes_up_where_its_item_says(vault: Wire) -> None:
    item = vault.item("app-07")
    told = vault.get(item["id"])["properties"]["providerSpecificDetails"]
    network = told.get("selectedRecoveryAzureNetworkId") or told["targetNetworkId"]
    nic = told["vmNics"][0]
    subnet = nic["ipConfigs"][0]["recoverySubnetName"] if "ipConfigs" in nic else nic["targetSubnetName"]
    vault.good(vault.run(item, "unplannedFailover", out(item)))
    made = vault.get(f"{target_group()}/providers/Microsoft.Compute/virtualMachines/app-07")["properties"]
    adapter = vault.get(made["networkProfile"]["networkInterfaces"][0]["id"])["properties"]
    assert [c["properties"]["subnet"]["id"] for c in adapter["ipConfigurations"]] == [f"{network}/subnets/{subnet}"]


def test_new_disks_join_a_modernized_replication(vault: Wire) -> None:
    """Of a classic item and of disks that leave the description knows nothing (SPEC)."""
    item = vault.item("web-01")
    vault.control("POST", "/items/web-01", {"new_disk_gb": 20})
    vault.control("POST", "/items/web-01", {"new_disk_gb": 8})
    told = vault.get(item["id"])["properties"]["providerSpecificDetails"]
    waiting = told.get("unprotectedDisks", [])
    assert bool(waiting) == (told["instanceType"] == "InMageRcm")

    def add(*names: str) -> Any:
        disks = [{"diskId": n, "logStorageAccountId": "/x/logs", "diskType": "Premium_LRS"} for n in names]
        return vault.start(item, "addDisks", {"providerSpecificDetails": {"instanceType": "InMageRcm", "disks": disks}})

    for given in ((), ("{none}",)):
        assert add(*given).status_code == 400
    remove = {"providerSpecificDetails": {"instanceType": "A2A", "vmManagedDisksIds": ["/x/disk"]}}
    assert vault.start(item, "removeDisks", remove).status_code == 400
    if not waiting:
        return
    vault.good(vault.job(add(waiting[0]["diskId"])))
    after = vault.get(item["id"])["properties"]["providerSpecificDetails"]
    disks = after["protectedDisks"]
    assert [d["diskId"] for d in after["unprotectedDisks"]] == [waiting[1]["diskId"]]
    assert (disks[-1]["diskId"], disks[-1]["capacityInBytes"]) == (waiting[0]["diskId"], 20 * 1024**3)


def test_health_errors_are_resolved(vault: Wire) -> None:
    item = vault.item("web-01")
    vault.control("POST", "/items/web-01", {"health_error": {"code": "78026", "level": "Warning", "message": "Late."}})
    named = {"healthErrors": [{"healthErrorId": "78026"}]}
    vault.good(vault.run(item, "resolveHealthErrors", named))
    assert "78026" not in {e["errorCode"] for e in vault.get(item["id"])["properties"]["healthErrors"]}


def test_removed_cleanly_and_by_force(vault: Wire) -> None:
    """The last look at these machines; one of them has been in Azure and left its disks there (DOC)."""
    disks = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{{}}/providers/Microsoft.Compute/disks"
    clean, forced = vault.item("web-01"), vault.item("web-03")
    told = clean["properties"]["providerSpecificDetails"]
    group = (told.get("recoveryAzureResourceGroupId") or told["targetResourceGroupId"]).rsplit("/", 1)[1]
    reply = vault.start(clean, "remove", {})
    vault.good(vault.job(reply))
    assert vault.call("GET", reply.headers["Location"]).status_code == 204
    assert vault.call("GET", clean["id"]).status_code == 404
    assert not [d for d in vault.all(disks.format(group)) if "web-01" in d["name"]]
    vault.good(vault.run(vault.item("app-06"), "remove", {}))
    left = [d for d in vault.all(disks.format(group)) if "asrseeddisk-app-06" in d["name"]]
    assert [d["properties"]["diskSizeGB"] for d in left] == [30, 8]
    vault.good(vault.job(vault.call("DELETE", forced["id"])))
    assert vault.call("GET", forced["id"]).status_code == 404
    assert [d["name"] for d in vault.all(disks.format(group)) if "web-03" in d["name"]]


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("replicationAlertSettings", "defaultAlertSetting", {"customEmailAddresses": ["ops@home.example"]}),
        ("replicationVaultSettings", "default", {"vmwareToAzureProviderType": "VMWare"}),
    ],
)
def test_settings_are_kept(vault: Wire, kind: str, name: str, change: dict[str, Any]) -> None:
    (first,) = vault.all(f"{vault.vault}/{kind}")
    assert first["name"] == name
    assert vault.call("PUT", f"{vault.vault}/{kind}/{name}", {"properties": change}).status_code == 200
    told = vault.get(f"{vault.vault}/{kind}/{name}")["properties"]
    assert {key: told[key] for key in change} == change
    assert set(told) == set(first["properties"])


def test_what_is_supported(vault: Wire) -> None:
    found = vault.get(f"{vault.vault}/replicationSupportedOperatingSystems")["properties"]["supportedOsList"]
    assert found[0]["supportedOs"][0]["osVersions"]
    machines = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines"
    if not vault.all(machines):  # the tests of a file are shared out, so another one may have failed a machine over
        item = vault.item("web-05")
        vault.good(vault.run(item, "unplannedFailover", out(item)))
    path = f"{vault.all(machines)[0]['id']}/providers/Microsoft.RecoveryServices/replicationEligibilityResults"
    assert vault.get(path)["value"][0]["properties"]["errors"] == []
    assert vault.get(f"{path}/default")["name"] == "default"


@pytest.mark.parametrize("verb", ["checkConsistency", "renewCertificate"])
def test_a_fabric_is_checked_and_renewed(vault: Wire, verb: str) -> None:
    vault.good(vault.job(vault.call("POST", f"{vault.fabric()['id']}/{verb}")))


def test_networks_are_hyper_v_s(vault: Wire) -> None:
    for place in (vault.vault, vault.fabric()["id"]):
        assert vault.all(f"{place}/replicationNetworks") == []
    assert vault.all(f"{vault.vault}/replicationNetworkMappings") == []
