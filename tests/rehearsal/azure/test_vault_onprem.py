# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault's effects in vCenter, looked at with pyVmomi; and jobs that fail because of what vCenter shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from wire import AZURE_TO, HOME_TO, Wire, provider_error

from rehearsal import fleet as fleets
from rehearsal import fleet_file
from rehearsal.vcenter import client
from rehearsal.vcenter.sdk import vim

FLEET: dict[str, Any] = {
    "name": "onprem",
    "description": "Machines for the effects in vCenter",
    "speed": 1200,
    "site": {
        "datastores": [
            {"name": "datastore-1"},
            {"name": "datastore-2"},
            {"name": "datastore-nfs", "type": "NFS"},
        ]
    },
    "vaults": [
        {
            "name": "vault-onprem",
            "process_servers": [{"name": "ps-azure-01"}, {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False}],
            "master_targets": [
                {"name": "mt-linux-01", "os": "Linux", "host": "esx-01", "datastores": ["datastore-1", "datastore-2", "datastore-nfs"]},
                {"name": "mt-full", "os": "Linux", "host": "esx-02", "extra_disks": 57},
            ],
        }
    ],
    "machines": [
        {"name": "two-disks", "os": "Linux", "disks_gb": [30, 20], "host": "esx-02", "datastore": "datastore-2"},
        {"name": "plain", "os": "Linux", "disks_gb": [30], "state": "out"},
        {"name": "gone", "os": "Linux", "disks_gb": [30, 10], "onprem": "gone", "state": "out"},
        {"name": "metal", "os": "Linux", "disks_gb": [50], "onprem": "physical", "state": "out"},
        {"name": "wide", "os": "Linux", "disks_gb": [30, 10], "state": "out"},
        {"name": "clash", "os": "Linux", "disks_gb": [10], "onprem": "gone", "state": "out"},
        {"name": "ready", "os": "Linux", "disks_gb": [30], "state": "ready"},
        {"name": "ready-too", "os": "Linux", "disks_gb": [30], "state": "ready"},
    ],
}  # fmt: skip


@dataclass
class Site:
    """Both stand-ins of one fleet."""

    wire: Wire
    vcenter: Any
    fleet: fleets.Fleet

    def machine(self, name: str) -> Any:
        wanted = {m.name: m.uuid for m in self.fleet.machines} | {
            t.name: t.uuid for t in self.fleet.vaults[0].master_targets
        }
        return client.find_vm(self.vcenter.si, uuid=wanted[name])

    def files(self, name: str) -> dict[str, int]:
        return {d.backing.fileName: d.capacityInKB for d in client.disks(self.vcenter.si, self.machine(name))}

    def leaf(self, name: str, path: str) -> Any:
        (seen,) = client.get(self.vcenter.si, [self.machine(name)], [path])
        return seen.get(path)

    def wait(self, task: Any) -> Any:
        return client.wait(self.vcenter.si, task)

    def reconfigure(self, name: str, spec: Any) -> None:
        self.wait(self.machine(name).ReconfigVM_Task(spec))

    def reprotect(self, name: str, **changes: Any) -> dict[str, Any]:
        item = self.wire.item(name)
        return self.wire.run(item, "reProtect", self.wire.home_body(item, **changes))

    def fail_home(self, name: str) -> dict[str, Any]:
        return self.wire.run(self.wire.item(name), "unplannedFailover", {**HOME_TO, "sourceSiteOperations": "Required"})


@pytest.fixture(scope="module")
def site(run_vcenter: Callable[..., Any], run_vault: Callable[..., Wire]) -> Site:
    model = fleet_file.parse(FLEET)
    vcenter = run_vcenter(model)
    return Site(run_vault(FLEET, vcenter=vcenter), vcenter, model)


@pytest.fixture(autouse=True)
def clean(site: Site) -> Iterator[None]:
    yield
    site.vcenter.control.clear_faults()


def disk_count(site: Site, name: str) -> int:
    targets = site.wire.fabric()["properties"]["customDetails"]["masterTargetServers"]
    return next(t for t in targets if t["name"] == name)["diskCount"]


def test_a_machine_goes_out_and_comes_home_with_its_disks(site: Site) -> None:
    item = site.wire.item("two-disks")
    before = site.files("two-disks")
    assert len(before) == 2
    assert site.leaf("two-disks", "runtime.powerState") == "poweredOn"
    attached = disk_count(site, "mt-linux-01")

    site.wire.good(site.wire.run(item, "unplannedFailover", {**AZURE_TO, "sourceSiteOperations": "Required"}))
    assert site.leaf("two-disks", "runtime.powerState") == "poweredOff"
    site.wire.good(site.wire.run(item, "failoverCommit"))
    site.wire.registered(item)
    site.wire.good(site.reprotect("two-disks"))

    on_target = site.files("mt-linux-01")
    assert before.items() <= on_target.items(), "files and sizes as they were"
    assert site.files("two-disks") == {}
    site.wire.until(lambda: disk_count(site, "mt-linux-01"), lambda n: n == attached + 2)

    site.wire.allows(item, "UnplannedFailover")
    site.wire.good(site.fail_home("two-disks"))
    assert site.files("two-disks") == before
    assert not before.keys() & site.files("mt-linux-01").keys()
    assert site.leaf("two-disks", "runtime.powerState") == "poweredOn"
    site.wire.good(site.wire.run(item, "failoverCommit"))


def test_the_source_may_be_left_running(site: Site, run_vault: Callable[..., Wire]) -> None:
    wire = run_vault(
        {**FLEET, "machines": [{"name": "two-disks", "os": "Linux", "disks_gb": [30, 20]}]}, vcenter=site.vcenter
    )
    site.wait(site.machine("two-disks").PowerOffVM_Task())
    site.wait(site.machine("two-disks").PowerOnVM_Task())
    job = wire.good(
        wire.run(wire.item("two-disks"), "unplannedFailover", {**AZURE_TO, "sourceSiteOperations": "NotRequired"})
    )
    assert job["properties"]["state"] == "Succeeded"
    assert site.leaf("two-disks", "runtime.powerState") == "poweredOn"


def test_a_source_that_cannot_be_shut_down_is_a_warning(site: Site, run_vault: Callable[..., Wire]) -> None:
    wire = run_vault(
        {**FLEET, "machines": [{"name": "two-disks", "os": "Linux", "disks_gb": [30, 20]}]}, vcenter=site.vcenter
    )
    site.vcenter.control.fault("NoPermission", method="PowerOffVM_Task", max=1)
    job = wire.run(wire.item("two-disks"), "unplannedFailover", {**AZURE_TO, "sourceSiteOperations": "Required"})
    assert job["properties"]["state"] == "CompletedWithInformation", job["properties"]["errors"]
    assert job["properties"]["errors"][0]["errorLevel"] == "Warning"
    assert "shut down" in job["properties"]["errors"][0]["providerErrorDetails"]["errorMessage"]


@pytest.mark.parametrize("name", ["gone", "metal"])
def test_a_machine_without_a_home_is_recreated(site: Site, name: str) -> None:
    assert site.machine(name) is None
    site.wire.good(site.reprotect(name, datastoreName="datastore-2"))
    made = site.machine(name)
    assert made is not None
    assert site.leaf(name, "runtime.powerState") == "poweredOff"
    host = site.leaf(name, "runtime.host")
    assert client.get(site.vcenter.si, [host], ["name"])[0]["name"] == "esx-01", "the master target's host"
    own = [f for f in site.files("mt-linux-01") if f"/{name}" in f]
    assert own
    assert all(f.startswith("[datastore-2]") for f in own)
    site.wire.allows(site.wire.item(name), "UnplannedFailover")
    site.wire.good(site.fail_home(name))
    assert sorted(site.files(name)) == sorted(own)
    assert site.leaf(name, "runtime.powerState") == "poweredOn"


def test_a_master_target_with_a_snapshot(site: Site) -> None:
    target = site.machine("mt-linux-01")
    site.wait(target.CreateSnapshot_Task("forgotten", "", False, False))
    try:
        assert provider_error(site.reprotect("plain"))["errorCode"] == 79005
        assert provider_error(site.fail_home("ready"))["errorCode"] == 79005
    finally:
        site.wait(target.RemoveAllSnapshots_Task())


def test_a_paravirtual_controller(site: Site) -> None:
    controller = vim.vm.device.ParaVirtualSCSIController(
        key=-1, busNumber=3, sharedBus=vim.vm.device.VirtualSCSIController.Sharing.noSharing
    )
    change = vim.vm.device.VirtualDeviceSpec(operation="add", device=controller)
    site.reconfigure("mt-linux-01", vim.vm.ConfigSpec(deviceChange=[change]))
    try:
        assert provider_error(site.reprotect("plain"))["errorCode"] == 79006
    finally:
        devices = site.leaf("mt-linux-01", "config.hardware.device")
        (added,) = [d for d in devices if isinstance(d, vim.vm.device.ParaVirtualSCSIController)]
        change = vim.vm.device.VirtualDeviceSpec(operation="remove", device=added)
        site.reconfigure("mt-linux-01", vim.vm.ConfigSpec(deviceChange=[change]))


def test_a_full_master_target_takes_one_more_disk_and_no_two(site: Site) -> None:
    """59 disks of its own: one slot is left of sixty."""
    targets = site.wire.fabric()["properties"]["customDetails"]["masterTargetServers"]
    full = next(t for t in targets if t["name"] == "mt-full")
    assert full["diskCount"] == 59
    error = provider_error(site.reprotect("wide", masterTargetId=full["id"]))
    assert error["errorCode"] == 79007
    assert "59 disks" in error["errorMessage"]
    assert len(site.files("wide")) == 2, "nothing was taken away"
    item = site.wire.item("plain")
    job = site.wire.run(item, "reProtect", site.wire.home_body(item, masterTargetId=full["id"]))
    site.wire.good(job)
    assert len(site.files("mt-full")) == 60
    site.wire.allows(item, "UnplannedFailover")


def test_a_name_that_is_taken_on_the_master_targets_host(site: Site) -> None:
    (place,) = client.get(site.vcenter.si, [site.machine("mt-linux-01")], ["runtime.host", "resourcePool", "parent"])
    spec = vim.vm.ConfigSpec(name="clash", guestId="otherGuest", files=vim.vm.FileInfo(vmPathName="[datastore-1]"))
    stray = site.wait(place["parent"].CreateVM_Task(spec, place["resourcePool"], place["runtime.host"]))
    try:
        assert provider_error(site.reprotect("clash"))["errorCode"] == 78052
    finally:
        site.wait(stray.Destroy_Task())
    site.wire.good(site.reprotect("clash"))


def test_datastores_that_cannot_be_used(site: Site) -> None:
    targets = site.wire.fabric()["properties"]["customDetails"]["masterTargetServers"]
    shown = next(t for t in targets if t["name"] == "mt-linux-01")["dataStores"]
    assert [s["symbolicName"] for s in shown] == ["datastore-1", "datastore-2"], "NFS is not offered"
    assert provider_error(site.reprotect("wide", datastoreName="datastore-nfs"))["errorCode"] == 8061

    store = client.names(site.vcenter.si, vim.Datastore)["datastore-1"]
    site.vcenter.control.set((store, "summary.accessible", False))
    try:
        error = provider_error(site.reprotect("wide", datastoreName="datastore-2"))
        assert error["errorCode"] == 8061, error
        assert "datastore-1" in error["errorMessage"]
    finally:
        site.vcenter.control.set((store, "summary.accessible", True))


def test_a_machine_that_someone_started(site: Site) -> None:
    machine = site.machine("ready")
    site.wait(machine.PowerOnVM_Task())
    try:
        assert provider_error(site.fail_home("ready"))["errorCode"] == 79013
    finally:
        site.wait(machine.PowerOffVM_Task())


def test_a_host_without_memory(site: Site) -> None:
    (former,) = client.get(site.vcenter.si, [site.machine("ready-too")], ["config.hardware.memoryMB"])
    site.reconfigure("ready-too", vim.vm.ConfigSpec(memoryMB=512 * 1024))
    error = provider_error(site.fail_home("ready-too"))
    assert error["errorCode"] == 8038
    assert "UnplannedFailover" in site.wire.item("ready-too")["properties"]["allowedOperations"]
    site.reconfigure("ready-too", vim.vm.ConfigSpec(memoryMB=former["config.hardware.memoryMB"]))
    site.wire.good(site.fail_home("ready-too"))
    assert len(site.files("ready-too")) == 1


def test_a_vcenter_that_refuses(site: Site) -> None:
    site.vcenter.control.fault("NoPermission", method="ReconfigVM_Task", max=1)
    assert site.fail_home("ready")["properties"]["state"] == "Failed"
    site.vcenter.control.clear_faults()
    site.wire.good(site.fail_home("ready"))
    assert site.leaf("ready", "runtime.powerState") == "poweredOn"
