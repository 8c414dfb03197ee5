# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that travel, files that are locked, and datastores that are not there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from disk_moves import attach, detach, identity, there_and_back
from pyVmomi import vim

from rehearsal.vcenter import client, seed


@pytest.fixture
def target(vcenter):
    return client.find_vm(vcenter.si, name="mt-windows-01")


@pytest.fixture
def machine(vcenter):
    """A machine that is powered off during the test."""
    vm = client.find_vm(vcenter.si, name="files-01")
    client.wait(vcenter.si, vm.PowerOffVM_Task())
    yield vm
    client.wait(vcenter.si, vm.PowerOnVM_Task())


def free(vcenter):
    return client.names(vcenter.si, vim.Datastore)["datastore-1"].summary.freeSpace


@pytest.mark.parametrize("claimed_kb", [0, 7])
def test_a_disk_keeps_file_size_and_uuid_there_and_back(vcenter, machine, target, claimed_kb):
    before = free(vcenter)
    stops = there_and_back(vcenter.si, machine, target, claimed_kb)
    assert stops[0][1] == 60 * 1024**2
    assert stops == [stops[0]] * 3
    assert free(vcenter) == before, "moving a disk takes no space"


def test_a_machine_does_not_start_while_the_running_master_target_has_its_disk(vcenter, machine, target):
    disk = client.disks(vcenter.si, machine)[0]
    attached = attach(vcenter.si, target, disk.backing.fileName, 10)
    with pytest.raises(client.TaskFailed) as failed:
        client.wait(vcenter.si, machine.PowerOnVM_Task())
    assert isinstance(failed.value.fault, vim.fault.FileLocked)
    assert disk.backing.fileName in str(failed.value)
    detach(vcenter.si, target, attached)


def test_the_disk_of_a_running_machine_cannot_be_attached_elsewhere(vcenter, target):
    running = client.find_vm(vcenter.si, name="dc-01")
    with pytest.raises(client.TaskFailed) as failed:
        attach(vcenter.si, target, client.disks(vcenter.si, running)[0].backing.fileName, 11)
    assert isinstance(failed.value.fault, vim.fault.FileLocked)


def test_many_machines_at_once_move_their_disks_and_nothing_is_lost(vcenter, target):
    """As a fleet's reprotect and failover do: every machine's disk on one master target, all at the same time."""
    names = ["dc-01", "late-agent-01", "warns-01", "retries-01", "shop-app-01", "shop-web-01"]
    everyone = [client.find_vm(vcenter.si, name=name) for name in names]
    client.wait_all(vcenter.si, [vm.PowerOffVM_Task() for vm in everyone])
    before = {vm: client.disks(vcenter.si, vm)[0] for vm in everyone}

    def move(vm, unit):
        disk = before[vm]
        detach(vcenter.si, vm, disk)
        attached = attach(vcenter.si, target, disk.backing.fileName, unit)
        detach(vcenter.si, target, attached)
        return identity(attach(vcenter.si, vm, disk.backing.fileName, disk.unitNumber))

    with ThreadPoolExecutor(len(everyone)) as pool:
        for _round in range(5):
            after = list(pool.map(move, everyone, range(8, 8 + len(everyone))))
            assert after == [identity(before[vm]) for vm in everyone]
    client.wait_all(vcenter.si, [vm.PowerOnVM_Task() for vm in everyone])
    assert vcenter.alive()


def test_a_missing_file_and_a_taken_unit_are_refused(vcenter, target):
    with pytest.raises(client.TaskFailed) as failed:
        attach(vcenter.si, target, "[datastore-1] nobody/nobody.vmdk", 12)
    assert isinstance(failed.value.fault, vim.fault.FileNotFound)
    off = client.find_vm(vcenter.si, name="app-01")
    client.wait(vcenter.si, off.PowerOffVM_Task())
    with pytest.raises(client.TaskFailed) as failed:
        attach(vcenter.si, target, client.disks(vcenter.si, off)[0].backing.fileName, 0)
    assert isinstance(failed.value.fault, vim.fault.InvalidDeviceSpec)
    client.wait(vcenter.si, off.PowerOnVM_Task())


def create(vcenter, datastore, name="made-anew", host="esx-01"):
    si = vcenter.si
    datacenter = client.names(si, vim.Datacenter)["dc-home"]
    cluster = client.names(si, vim.ClusterComputeResource)["cluster-1"]
    spec = seed.vm_spec(
        name=name,
        os="Linux",
        uuids=("5d1c6b0a-0000-4000-8000-000000000001", "5d1c6b0a-0000-4000-8000-000000000002"),
        datastore=datastore,
        disks_gb=(40,),
        memory_mb=1024,
        ip="10.20.0.99",
        uuid_enabled=True,
    )
    on = client.names(si, vim.HostSystem)[host] if host else None
    return client.wait(si, datacenter.vmFolder.CreateVM_Task(spec, cluster.resourcePool, on))


@pytest.mark.parametrize("host", ["esx-01", None])
def test_an_unknown_datastore_is_a_failed_task_not_the_end_of_vcenter(vcenter, host):
    with pytest.raises(client.TaskFailed) as failed:
        create(vcenter, "datastore-99", host=host)
    assert isinstance(failed.value.fault, vim.fault.InvalidDatastore)
    assert failed.value.fault.name == "datastore-99"
    assert vcenter.alive()


def test_a_new_machine_lands_on_the_chosen_host_and_takes_space(vcenter):
    before = free(vcenter)
    vm = create(vcenter, "datastore-1", host="esx-02")
    assert vm.runtime.host.name == "esx-02"
    assert free(vcenter) == before - 40 * 1024**3
    assert vm.runtime.faultToleranceState == "notConfigured"
    client.wait(vcenter.si, vm.Destroy_Task())


def test_an_inaccessible_datastore_refuses_disks(vcenter, target):
    store = client.names(vcenter.si, vim.Datastore)["datastore-2"]
    vcenter.control.set((store, "summary.accessible", False))
    try:
        with pytest.raises(client.TaskFailed) as failed:
            create(vcenter, "datastore-2")
        assert isinstance(failed.value.fault, vim.fault.InaccessibleDatastore)
    finally:
        vcenter.control.set((store, "summary.accessible", True))
