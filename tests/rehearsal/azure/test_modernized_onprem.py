# SPDX-License-Identifier: GPL-3.0-or-later
"""What a modernized vault does in vCenter, looked at with pyVmomi; and jobs that fail because of what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from modernized_wire import HOME, OUT, Modern, details
from wire import Wire, provider_error

from rehearsal import fleet as fleets
from rehearsal import fleet_file
from rehearsal.vcenter import client
from rehearsal.vcenter.sdk import vim

BIG = [1] * 30
FLEET: dict[str, Any] = {
    "name": "modernized-onprem",
    "description": "Machines for the effects of a modernized vault in vCenter",
    "speed": 1200,
    "site": {"datastores": [{"name": "datastore-1"}, {"name": "datastore-2"}, {"name": "attic"}]},
    "vaults": [
        {
            "name": "vault-modernized",
            "generation": "modernized",
            "appliances": [
                {"name": "appliance-01", "fqdn": "appliance-01.home.example"},
                {"name": "appliance-02", "host": "esx-02"},
                {"name": "appliance-ill", "health": "Critical"},
            ],
        }
    ],
    "machines": [
        {"name": "two-disks", "os": "Linux", "disks_gb": [30, 20], "host": "esx-02", "datastore": "datastore-2"},
        {"name": "plain", "os": "Windows", "disks_gb": [30], "state": "out"},
        {"name": "in-the-attic", "os": "Linux", "disks_gb": [10], "state": "out", "datastore": "attic"},
        {"name": "gone", "os": "Linux", "disks_gb": [30, 10], "onprem": "gone", "state": "out_uncommitted"},
        {"name": "metal", "os": "Linux", "disks_gb": [50], "onprem": "physical", "state": "out"},
        {"name": "clash", "os": "Linux", "disks_gb": [10], "onprem": "gone", "state": "out"},
        {"name": "big-1", "os": "Linux", "disks_gb": BIG, "state": "out"},
        {"name": "big-2", "os": "Linux", "disks_gb": BIG, "state": "out"},
        {"name": "ready", "os": "Linux", "disks_gb": [30], "state": "ready"},
        {"name": "started", "os": "Linux", "disks_gb": [30], "state": "ready"},
        {"name": "silent", "os": "Linux", "disks_gb": [30], "state": "ready"},
        {"name": "renamed", "os": "Windows", "disks_gb": [10], "azure_name_taken": True},
        {"name": "grows", "os": "Linux", "disks_gb": [10]},
    ],
}


@dataclass
class Site:
    """Both stand-ins of one fleet."""

    modern: Modern
    vcenter: Any
    fleet: fleets.Fleet

    @property
    def wire(self) -> Wire:
        return self.modern.wire

    def machine(self, name: str) -> Any:
        wanted = {m.name: m.uuid for m in self.fleet.machines} | {t.name: t.uuid for t in self.fleet.vaults[0].gateways}
        return client.find_vm(self.vcenter.si, uuid=wanted[name])

    def files(self, name: str) -> dict[str, int]:
        return {d.backing.fileName: d.capacityInKB for d in client.disks(self.vcenter.si, self.machine(name))}

    def leaf(self, name: str, path: str) -> Any:
        (seen,) = client.get(self.vcenter.si, [self.machine(name)], [path])
        return seen.get(path)

    def snapshots(self, name: str) -> list[str]:
        return [node.name for node in getattr(self.leaf(name, "snapshot"), "rootSnapshotList", [])]

    def reprotect(self, name: str, **changes: Any) -> dict[str, Any]:
        item = self.wire.item(name)
        return self.modern.run(item, "reProtect", self.modern.home_body(item, **changes))

    def agent(self, name: str) -> dict[str, Any]:
        return next(a for a in self.modern.components("reprotectAgents") if a["name"] == name)


@pytest.fixture(scope="module")
def site(run_vcenter: Callable[..., Any], run_vault: Callable[..., Wire]) -> Site:
    model = fleet_file.parse(FLEET)
    vcenter = run_vcenter(model)
    return Site(Modern(run_vault(FLEET, vcenter=vcenter)), vcenter, model)


def test_a_disk_added_on_premises_is_in_vcenter(site: Site) -> None:
    site.wire.control("POST", "/items/grows", {"new_disk_gb": 7})
    assert sorted(site.files("grows").values()) == [7 * 1024**2, 10 * 1024**2]
    item = site.wire.item("grows")
    (waiting,) = details(item)["unprotectedDisks"]
    new = {"diskId": waiting["diskId"], "logStorageAccountId": "/x/logs", "diskType": "Premium_LRS"}
    body = {"providerSpecificDetails": {"instanceType": "InMageRcm", "disks": [new]}}
    site.modern.good(item, "addDisks", body)
    assert len(details(site.wire.item("grows"))["protectedDisks"]) == 2


def test_the_whole_way_with_the_machines_own_disks(site: Site) -> None:
    item = site.wire.item("two-disks")
    before = site.files("two-disks")
    own = site.files("appliance-01")
    assert len(before) == 2
    site.modern.to_azure(item)
    assert site.leaf("two-disks", "runtime.powerState") == "poweredOff"
    site.modern.to_ready(item)
    assert site.files("two-disks") == {}
    assert site.files("appliance-01").keys() >= own.keys() | before.keys()

    job = site.modern.good(item, "plannedFailover", HOME)
    assert job["properties"]["state"] == "Succeeded"
    assert site.files("two-disks") == before
    assert not before.keys() & site.files("appliance-01").keys()
    assert site.leaf("two-disks", "runtime.powerState") == "poweredOn"
    assert len(site.snapshots("two-disks")) == 1
    assert site.wire.control("GET", "/items/two-disks")["azure_vm"]["power"] == "deallocated"

    site.modern.good(item, "failoverCommit")
    assert site.snapshots("two-disks") == []
    assert site.wire.control("GET", "/items/two-disks")["azure_vm"] is None
    home = site.modern.protect_again(item)
    assert details(home)["discoveredVmDetails"]["datastores"] == ["datastore-2"]


def test_a_cancelled_planned_failover_leaves_no_trace(site: Site) -> None:
    item = site.wire.item("ready")
    lent = {name for name in site.files("appliance-01") if " ready/" in name or "/ready" in name}
    assert len(lent) == 1
    site.modern.good(item, "plannedFailover", HOME)
    assert set(site.files("ready")) == lent
    site.modern.good(item, "failoverCancel")
    assert site.snapshots("ready") == []
    assert site.leaf("ready", "runtime.powerState") == "poweredOff"
    assert site.files("ready") == {}
    assert lent <= site.files("appliance-01").keys()
    site.modern.to_home(item)
    assert set(site.files("ready")) == lent


@pytest.mark.parametrize("name", ["gone", "metal"])
def test_a_machine_that_does_not_exist_is_recreated(site: Site, name: str) -> None:
    """Straight after the failover for one of them: without a commit."""
    item = site.wire.item(name)
    assert site.machine(name) is None
    ready = site.modern.to_ready(item, datastoreName="datastore-2")
    assert details(ready)["targetDataStoreName"] == "datastore-2"
    made = site.machine(name)
    assert made is not None
    assert site.files(name) == {}
    site.modern.to_home(item)
    assert all(file.startswith("[datastore-2]") for file in site.files(name))
    home = site.modern.protect_again(item)
    assert details(home)["discoveredVmDetails"]["datastores"] == ["datastore-2"]
    assert details(home)["discoveredVmDetails"]["isDeleted"] is False


def test_what_an_appliance_reaches(site: Site) -> None:
    assert site.agent("appliance-01")["accessibleDatastores"] == ["datastore-1", "datastore-2"]
    assert site.agent("appliance-01")["fqdn"] == "appliance-01.home.example"
    # The list of fabrics omits details, the list of appliances does not.
    assert site.wire.fabric()["properties"]["customDetails"]["reprotectAgents"] == []
    (listed,) = site.wire.all(f"{site.wire.vault}/replicationAppliances")
    found = listed["properties"]["providerSpecificDetails"]["appliances"]
    assert [a["reprotectAgent"]["accessibleDatastores"] for a in found] == [["datastore-1", "datastore-2"]] * 3
    assert [a["reprotectAgent"]["health"] for a in found] == ["Normal", "Normal", "Critical"]


@pytest.mark.parametrize(
    ("name", "changes", "code", "said"),
    [
        ("plain", {"reprotectAgentId": "nobody"}, 79021, "nobody"),
        ("plain", {"reprotectAgentId": "appliance-ill"}, 79022, "appliance-ill"),
        ("plain", {"datastoreName": "attic"}, 8061, "attic"),
        ("plain", {"datastoreName": "cellar"}, 8061, "cellar"),
        # Original location: the machine's own datastore must be within reach too.
        ("in-the-attic", {}, 8061, "attic"),
        ("plain", {"logStorageAccountId": "/x/storageAccounts/none"}, 79026, "none"),
        ("plain", {"policyId": "/x/replicationPolicies/daily-dr"}, 79011, "daily-dr"),
    ],
)
def test_reprotects_that_cannot_work(site: Site, name: str, changes: dict[str, str], code: int, said: str) -> None:
    if changes.get("reprotectAgentId") == "appliance-ill":
        changes = {"reprotectAgentId": site.agent("appliance-ill")["id"]}
    error = provider_error(site.reprotect(name, **changes))
    assert error["errorCode"] == code
    assert said in error["errorMessage"]
    assert "SwitchProtection" in site.wire.item(name)["properties"]["allowedOperations"]


def test_sixty_disks_of_machines_are_the_most(site: Site) -> None:
    """appliance-02 takes two machines of thirty disks, and not one disk more."""
    agent = site.agent("appliance-02")["id"]
    for name in ("big-1", "big-2"):
        site.wire.good(site.reprotect(name, reprotectAgentId=agent))
    error = provider_error(site.reprotect("plain", reprotectAgentId=agent))
    assert error["errorCode"] == 79025
    assert "60 disks" in error["errorMessage"]
    assert len(site.files("appliance-02")) == 62
    site.wire.until(lambda: site.agent("appliance-02")["protectedItemCount"], lambda n: n == 2)


def test_a_name_that_is_taken_on_the_appliances_host(site: Site) -> None:
    host = site.leaf("appliance-01", "runtime.host")
    (place,) = client.get(site.vcenter.si, [site.machine("appliance-01")], ["parent", "resourcePool"])
    spec = vim.vm.ConfigSpec(
        name="clash", guestId="ubuntu64Guest", files=vim.vm.FileInfo(vmPathName="[datastore-1] other/other.vmx")
    )
    client.wait(site.vcenter.si, place["parent"].CreateVM_Task(spec, place["resourcePool"], host))
    assert provider_error(site.reprotect("clash"))["errorCode"] == 78052


def test_an_azure_vm_that_is_off_and_an_agent_that_is_silent(site: Site) -> None:
    site.wire.control("POST", "/items/plain", {"azure_power": "deallocated"})
    assert provider_error(site.reprotect("plain"))["errorCode"] == 78093
    site.wire.control("POST", "/items/plain", {"azure_power": "running", "agent_registered": False})
    item = site.wire.item("plain")
    assert details(item)["isAgentRegistrationSuccessfulAfterFailover"] is False
    assert provider_error(site.reprotect("plain"))["errorCode"] == 79001
    site.wire.control("POST", "/items/plain", {"agent_registered": True})
    assert details(site.wire.item("plain"))["isAgentRegistrationSuccessfulAfterFailover"] is True


def test_a_planned_failover_that_fails_is_cancelled_by_the_service(site: Site) -> None:
    item = site.wire.item("started")
    client.wait(site.vcenter.si, site.machine("started").PowerOnVM_Task())
    assert provider_error(site.modern.run(item, "plannedFailover", HOME))["errorCode"] == 79013
    failed = site.wire.item("started")
    assert "PlannedFailover" in failed["properties"]["allowedOperations"]
    assert details(failed)["lastPlannedFailoverStatus"] == "Failed"
    assert site.wire.control("GET", "/items/started")["azure_vm"]["power"] == "running"
    client.wait(site.vcenter.si, site.machine("started").PowerOffVM_Task())
    site.modern.good(item, "plannedFailover", HOME)


def test_a_planned_failover_needs_the_azure_vm(site: Site) -> None:
    site.wire.control("POST", "/items/silent", {"azure_power": "stopped"})
    assert provider_error(site.modern.run(site.wire.item("silent"), "plannedFailover", HOME))["errorCode"] == 78093


def test_a_name_that_is_taken_in_azure(site: Site) -> None:
    item = site.wire.item("renamed")
    job = site.modern.good(item, "unplannedFailover", OUT)
    assert job["properties"]["state"] == "CompletedWithInformation"
    error = job["properties"]["errors"][0]
    assert (error["errorLevel"], error["providerErrorDetails"]["errorCode"]) == ("Warning", 28175)
    new = site.wire.control("GET", "/items/renamed")["azure_name"]
    assert new in error["providerErrorDetails"]["errorMessage"]
    over = site.modern.registered(item)
    assert details(over)["targetVmName"] == "renamed"
    assert new not in str(over)
    ready = site.modern.to_ready(item)
    assert details(ready)["azureVirtualMachineId"].endswith(f"/virtualMachines/{new}")
    assert site.wire.call("GET", details(ready)["azureVirtualMachineId"]).status_code == 200


def test_an_appliances_vm_that_is_off_or_has_a_snapshot(site: Site) -> None:
    """At the end: the appliance does not come back."""
    vm = site.machine("appliance-02")
    agent = site.agent("appliance-02")["id"]
    client.wait(site.vcenter.si, vm.CreateSnapshot_Task("left", "", False, False))
    site.wire.until(
        lambda: provider_error(site.reprotect("plain", reprotectAgentId=agent))["errorCode"], lambda code: code == 79024
    )
    client.wait(site.vcenter.si, vm.RemoveAllSnapshots_Task())
    client.wait(site.vcenter.si, vm.PowerOffVM_Task())
    site.wire.until(
        lambda: provider_error(site.reprotect("plain", reprotectAgentId=agent))["errorCode"], lambda code: code == 79023
    )
