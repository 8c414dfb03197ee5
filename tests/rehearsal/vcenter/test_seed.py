# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet becomes in vCenter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyVmomi import vim

from rehearsal import fleet as fleets
from rehearsal import fleet_file, generated_fleets
from rehearsal.vcenter import client, seed

GB_IN_KB = 1024**2
PATHS = [
    "name",
    "config.instanceUuid",
    "config.uuid",
    "config.extraConfig",
    "config.guestId",
    "runtime.powerState",
    "runtime.host",
    "guest.toolsRunningStatus",
    "guest.ipAddress",
]


def machines(vcenter):
    return {seen["name"]: seen for seen in client.get(vcenter.si, list(all_vms(vcenter).values()), PATHS)}


def all_vms(vcenter):
    return client.names(vcenter.si, vim.VirtualMachine)


def extra(seen):
    return {o.key: o.value for o in seen["config.extraConfig"]}


@pytest.fixture(scope="module")
def twelve():
    return fleet_file.load("classic-12")


def test_every_machine_that_exists_on_premises_is_there_and_no_other(vcenter, twelve):
    expected = {m.name for m in twelve.machines if m.onprem == "present"}
    expected |= {mt.name for v in twelve.vaults for mt in v.master_targets}
    assert {"gone-01", "metal-01"}.isdisjoint(expected)
    assert set(machines(vcenter)) == expected


def test_a_machine_is_the_fleets(vcenter, twelve):
    seen = machines(vcenter)
    hosts = {h: n for n, h in client.names(vcenter.si, vim.HostSystem).items()}
    for machine in (m for m in twelve.machines if m.onprem == "present"):
        vm = seen[machine.name]
        assert vm["config.instanceUuid"] == machine.uuid
        assert vm["config.uuid"] == machine.bios_uuid
        assert extra(vm)["disk.EnableUUID"] == "TRUE"
        assert vm["runtime.powerState"] == "poweredOn"
        assert vm["guest.toolsRunningStatus"] == "guestToolsRunning"
        assert vm["guest.ipAddress"] == machine.ip
        assert hosts[vm["runtime.host"]] == machine.host
        disks = client.disks(vcenter.si, vm["obj"])
        assert [d.capacityInKB // GB_IN_KB for d in disks] == list(machine.disks_gb)
        assert {d.backing.fileName.partition(" ")[0] for d in disks} == {f"[{machine.datastore}]"}
        assert client.find_vm(vcenter.si, uuid=machine.uuid) == vm["obj"]


def test_a_master_target_has_lsi_controllers_its_two_disks_and_running_tools(vcenter, twelve):
    for mt in twelve.vaults[0].master_targets:
        vm = machines(vcenter)[mt.name]
        devices = vm["obj"].config.hardware.device
        controllers = [d for d in devices if isinstance(d, vim.vm.device.VirtualSCSIController)]
        assert {type(c) for c in controllers} == {vim.vm.device.VirtualLsiLogicController}
        assert [d.capacityInKB // GB_IN_KB for d in client.disks(vcenter.si, vm["obj"])] == [100, 1024]
        assert vm["guest.toolsRunningStatus"] == "guestToolsRunning"
        assert vm["config.instanceUuid"] == mt.uuid
        assert {store.name for store in vm["obj"].datastore} == {"datastore-1", "datastore-2"}, "one is in the pod"


def test_datastores_are_vmfs_with_the_fleets_sizes_on_every_host(vcenter, twelve):
    stores = client.names(vcenter.si, vim.Datastore)
    hosts = set(client.names(vcenter.si, vim.HostSystem).values())
    for wanted in twelve.site.datastores:
        store = stores[wanted.name]
        assert store.summary.type == "VMFS"
        assert isinstance(store.info, vim.host.VmfsDatastoreInfo)
        assert store.info.vmfs.name == wanted.name
        assert store.summary.capacity == wanted.capacity_gb * 1024**3
        assert store.summary.freeSpace == wanted.free_gb * 1024**3
        assert {mount.key for mount in store.host} == hosts


def test_cluster_and_datastore_cluster_balance_by_themselves(vcenter, twelve):
    cluster = client.names(vcenter.si, vim.ClusterComputeResource)[twelve.site.cluster]
    assert cluster.configurationEx.drsConfig.enabled
    pod = client.names(vcenter.si, vim.StoragePod)[twelve.site.datastore_cluster]
    config = pod.podStorageDrsEntry.storageDrsConfig.podConfig
    assert config.enabled
    assert config.defaultVmBehavior == "automated"
    assert [store.name for store in pod.childEntity] == list(twelve.site.pod_stores)


def test_the_odd_cases_of_a_fleet(run_vcenter):
    """No EnableUUID, tools that do not run, a snapshot, PVSCSI, many disks, a machine that is in Azure, a datastore of
    one host, NFS."""
    base = generated_fleets.generated_classic(2)
    vault = base.vaults[0]
    odd = replace(
        vault.master_targets[0],
        name="mt-odd",
        uuid_enabled=False,
        tools_running=False,
        snapshot=True,
        controller="pvscsi",
        extra_disks=20,
    )
    away, other = base.machines
    stores = (
        *base.site.datastores,
        fleets.Datastore("nfs-1", type="NFS"),
        fleets.Datastore("local-1", hosts=("esx-02",)),
    )
    vcenter = run_vcenter(
        replace(
            base,
            vaults=(replace(vault, master_targets=(odd, *vault.master_targets[1:])),),
            machines=(
                replace(away, state="out"),
                replace(other, uuid_enabled=False, datastore="local-1", host="esx-02"),
            ),
            site=replace(base.site, datastores=stores),
        )
    )
    seen = machines(vcenter)
    mt = seen["mt-odd"]
    assert "disk.EnableUUID" not in extra(mt)
    assert mt["guest.toolsRunningStatus"] == "guestToolsNotRunning"
    assert [s.name for s in mt["obj"].snapshot.rootSnapshotList] == ["before-update"]
    assert len(client.disks(vcenter.si, mt["obj"])) == 22
    kinds = {type(d) for d in mt["obj"].config.hardware.device if isinstance(d, vim.vm.device.VirtualSCSIController)}
    assert kinds == {vim.vm.device.ParaVirtualSCSIController}
    assert seen[away.name]["runtime.powerState"] == "poweredOff"
    assert seen[away.name]["guest.toolsRunningStatus"] == "guestToolsNotRunning"
    assert "disk.EnableUUID" not in extra(seen[other.name])
    found = client.names(vcenter.si, vim.Datastore)
    assert found["nfs-1"].summary.type == "NFS"
    assert [mount.key.name for mount in found["local-1"].host] == ["esx-02"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": "esx-99"}, "host 'esx-99'"),
        ({"datastore": "nowhere"}, "datastore 'nowhere'"),
    ],
)
def test_a_fleet_that_contradicts_itself_is_refused_before_anything_is_made(twelve, change, words):
    broken = replace(twelve, machines=(replace(twelve.machines[0], **change),))
    with pytest.raises(seed.SeedError, match=words):
        seed.check(broken)
