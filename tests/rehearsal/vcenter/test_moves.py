# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves between hosts and datastores: what the events tell, where the files and the free space go, who did it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyVmomi import vim, vmodl

from rehearsal.vcenter import client

GB = 1024**3


@pytest.fixture
def vm(vcenter):
    return client.find_vm(vcenter.si, name="app-01")


def store(vcenter, name):
    return client.names(vcenter.si, vim.Datastore)[name]


def host(vcenter, name):
    return client.names(vcenter.si, vim.HostSystem)[name]


def relocate(vcenter, vm, **spec):
    return client.wait(vcenter.si, vm.RelocateVM_Task(vim.vm.RelocateSpec(**spec)))


def last_event(vcenter, vm, *kinds):
    spec = vim.event.EventFilterSpec(
        entity=vim.event.EventFilterSpec.ByEntity(entity=vm, recursion="self"), eventTypeId=list(kinds)
    )
    return max(vcenter.si.content.eventManager.QueryEvents(spec), key=lambda e: e.key)


def files_of(vcenter, name):
    return Path(store(vcenter, name).summary.url)


def test_a_move_to_another_host_names_the_destination(vcenter, vm):
    try:
        client.wait(vcenter.si, vm.MigrateVM_Task(None, host(vcenter, "esx-02"), "defaultPriority", None))
        event = last_event(vcenter, vm, "VmMigratedEvent")
        assert (event.sourceHost.name, event.host.name) == ("esx-03", "esx-02")
        assert (event.sourceDatastore.name, event.ds.name) == ("datastore-1", "datastore-1")
        assert event.userName == vcenter.user
        assert vm.runtime.host == host(vcenter, "esx-02")
        assert vm in host(vcenter, "esx-02").vm
        assert vm not in host(vcenter, "esx-03").vm
    finally:
        relocate(vcenter, vm, host=host(vcenter, "esx-03"))
    event = last_event(vcenter, vm, "VmMigratedEvent")
    assert (event.sourceHost.name, event.host.name) == ("esx-02", "esx-03")


@pytest.mark.parametrize(
    ("power", "spec", "kind"),
    [
        ("on", {"host": "esx-02"}, "VmBeingHotMigratedEvent"),
        ("off", {"host": "esx-02"}, "VmBeingMigratedEvent"),
        ("off", {"datastore": "datastore-2"}, "VmBeingRelocatedEvent"),
    ],
)
def test_the_beginning_of_a_move_says_from_where_to_where(vcenter, vm, power, spec, kind):
    places = {
        "host": host(vcenter, spec.get("host", "esx-03")),
        "datastore": store(vcenter, spec.get("datastore", "datastore-1")),
    }
    if power == "off":
        client.wait(vcenter.si, vm.PowerOffVM_Task())
    try:
        relocate(vcenter, vm, **{key: places[key] for key in spec})
        text = last_event(vcenter, vm, kind).fullFormattedMessage
        assert "from esx-03, datastore-1" in text, text
        assert f"to {places['host'].name}, {places['datastore'].name}" in text, text
        described = {e.key: e.category for e in vcenter.si.content.eventManager.description.eventInfo}
        assert described[getattr(vim.event, kind)] == "info"
    finally:
        relocate(vcenter, vm, host=host(vcenter, "esx-03"), datastore=store(vcenter, "datastore-1"))
        if power == "off":
            client.wait(vcenter.si, vm.PowerOnVM_Task())


def test_a_storage_move_takes_files_paths_and_free_space_along(vcenter, vm):
    size = sum(d.capacityInBytes for d in client.disks(vcenter.si, vm))
    uuids = [d.backing.uuid for d in client.disks(vcenter.si, vm)]
    free = {n: store(vcenter, n).summary.freeSpace for n in ("datastore-1", "datastore-2")}
    relocate(vcenter, vm, datastore=store(vcenter, "datastore-2"))
    try:
        event = last_event(vcenter, vm, "VmMigratedEvent")
        assert (event.sourceDatastore.name, event.ds.name) == ("datastore-1", "datastore-2")
        assert store(vcenter, "datastore-1").summary.freeSpace == free["datastore-1"] + size
        assert store(vcenter, "datastore-2").summary.freeSpace == free["datastore-2"] - size
        assert store(vcenter, "datastore-2").info.freeSpace == free["datastore-2"] - size
        assert vm.config.files.vmPathName == vm.summary.config.vmPathName == "[datastore-2] app-01/app-01.vmx"
        (disk,) = client.disks(vcenter.si, vm)
        assert disk.backing.fileName == "[datastore-2] app-01/app-01.vmdk"
        assert disk.backing.datastore == store(vcenter, "datastore-2")
        assert [disk.backing.uuid] == uuids
        assert (files_of(vcenter, "datastore-2") / "app-01" / "app-01.vmdk").is_file()
        assert not (files_of(vcenter, "datastore-1") / "app-01" / "app-01.vmdk").exists()
        assert list(vm.datastore) == [store(vcenter, "datastore-2")]
        assert vm in store(vcenter, "datastore-2").vm
        assert vm not in store(vcenter, "datastore-1").vm
        # It still starts: its files are where it says.
        client.wait(vcenter.si, vm.PowerOffVM_Task())
        client.wait(vcenter.si, vm.PowerOnVM_Task())
    finally:
        relocate(vcenter, vm, datastore=store(vcenter, "datastore-1"))
    assert {n: store(vcenter, n).summary.freeSpace for n in free} == free


def test_a_machine_that_is_off_is_relocated(vcenter, vm):
    client.wait(vcenter.si, vm.PowerOffVM_Task())
    try:
        relocate(vcenter, vm, datastore=store(vcenter, "datastore-2"))
        event = last_event(vcenter, vm, "VmRelocatedEvent")
        assert (event.sourceDatastore.name, event.ds.name) == ("datastore-1", "datastore-2")
    finally:
        relocate(vcenter, vm, datastore=store(vcenter, "datastore-1"))
        client.wait(vcenter.si, vm.PowerOnVM_Task())


def test_one_disk_moves_alone_and_two_of_a_name_stay_apart(vcenter):
    machine = client.find_vm(vcenter.si, name="files-01")
    _first, second = client.disks(vcenter.si, machine)
    locators = [vim.vm.RelocateSpec.DiskLocator(diskId=second.key, datastore=store(vcenter, "datastore-2"))]
    relocate(vcenter, machine, disk=locators)
    files = [d.backing.fileName for d in client.disks(vcenter.si, machine)]
    assert files == ["[datastore-1] files-01/files-01.vmdk", "[datastore-2] files-01/files-01_1.vmdk"]
    assert {s.name for s in machine.datastore} == {"datastore-1", "datastore-2"}
    # What is there already is not overwritten.
    taken = files_of(vcenter, "datastore-1") / "files-01" / "files-01_1.vmdk"
    taken.write_text("somebody else's")
    relocate(vcenter, machine, datastore=store(vcenter, "datastore-1"))
    files = [d.backing.fileName for d in client.disks(vcenter.si, machine)]
    assert files == ["[datastore-1] files-01/files-01.vmdk", "[datastore-1] files-01/files-01_1_1.vmdk"]
    assert taken.read_text() == "somebody else's"
    taken.unlink()


def test_moves_that_vcenter_refuses(vcenter, vm):
    control = vcenter.control
    target = store(vcenter, "datastore-2")
    control.set((target, "summary.freeSpace", GB))
    with pytest.raises(client.TaskFailed) as full:
        relocate(vcenter, vm, datastore=target)
    assert isinstance(full.value.fault, vim.fault.NoDiskSpace)
    control.set((target, "summary.freeSpace", 2048 * GB))
    control.set((host(vcenter, "esx-01"), "runtime.connectionState", "notResponding"))
    try:
        with pytest.raises(client.TaskFailed) as silent:
            relocate(vcenter, vm, host=host(vcenter, "esx-01"))
    finally:
        control.set((host(vcenter, "esx-01"), "runtime.connectionState", "connected"))
    assert isinstance(silent.value.fault, vmodl.fault.HostNotConnected)
    assert vm.runtime.host == host(vcenter, "esx-03")


def test_a_task_is_whole_and_reports_who_started_it(vcenter, vm):
    task = vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="by the administrator"))
    client.wait(vcenter.si, task)
    info = task.info
    assert info.name.info.wsdlName == "ReconfigVM_Task"
    assert (info.reason.userName, info.entityName, info.entity) == (vcenter.user, "app-01", vm)
    vcenter.control.user("operator", "secret-of-tests")
    root = vcenter.si.content.rootFolder
    manager = vcenter.si.content.authorizationManager
    role = manager.AddAuthorizationRole("operators", ["System.Read", "VirtualMachine.Config.Settings"])
    entry = vim.AuthorizationManager.Permission(principal="operator", group=False, roleId=role, propagate=True)
    manager.SetEntityPermissions(root, [entry])
    si = vcenter.login("operator", "secret-of-tests")
    try:
        other = client.find_vm(si, name="app-01").ReconfigVM_Task(vim.vm.ConfigSpec(annotation="by the operator"))
        client.wait(si, other)
        assert other.info.reason.userName == "operator"
    finally:
        client.disconnect(si)


def test_tasks_of_managers_decode_whole(vcenter):
    """Their entity is of the inventory, as vCenter's is: clients that read the whole of task.info refuse others."""
    pod = client.names(vcenter.si, vim.StoragePod)["pod-1"]
    spec = vim.storageDrs.ConfigSpec(podConfigSpec=vim.storageDrs.PodConfigSpec(defaultVmBehavior="automated"))
    task = vcenter.si.content.storageResourceManager.ConfigureStorageDrsForPod_Task(pod, spec, True)
    client.wait(vcenter.si, task)
    assert isinstance(task.info.entity, vim.ManagedEntity)


def test_both_calls_reconfigure_a_cluster_and_keep_what_they_are_given(vcenter):
    cluster = client.names(vcenter.si, vim.ClusterComputeResource)["cluster-1"]
    drs = vim.cluster.DrsConfigInfo(enableVmBehaviorOverrides=False, vmotionRate=2)
    spec = vim.cluster.ConfigSpecEx(drsConfig=drs)
    client.wait(vcenter.si, cluster.ReconfigureComputeResource_Task(spec, True))
    kept = cluster.configurationEx.drsConfig
    assert (kept.enabled, kept.enableVmBehaviorOverrides, kept.vmotionRate) == (True, False, 2)
    older = vim.cluster.ConfigSpec(drsConfig=vim.cluster.DrsConfigInfo(enableVmBehaviorOverrides=True, vmotionRate=3))
    client.wait(vcenter.si, cluster.ReconfigureCluster_Task(older, True))
    kept = cluster.configurationEx.drsConfig
    assert (kept.enabled, kept.enableVmBehaviorOverrides, kept.vmotionRate) == (True, True, 3)
    # The older property reports the same.
    assert cluster.configuration.drsConfig.vmotionRate == 3


@pytest.mark.parametrize("call", ["ReconfigureComputeResource_Task", "ReconfigureCluster_Task"])
def test_overrides_and_rules_stand_in_the_older_configuration_too(vcenter, vm, call):
    cluster = client.names(vcenter.si, vim.ClusterComputeResource)["cluster-1"]
    kind = vim.cluster.ConfigSpecEx if call == "ReconfigureComputeResource_Task" else vim.cluster.ConfigSpec
    override = vim.cluster.DrsVmConfigInfo(key=vm, enabled=True, behavior="manual")
    rule = vim.cluster.AntiAffinityRuleSpec(name="apart", enabled=True, vm=[vm])

    def reconfigure(**given):
        client.wait(vcenter.si, getattr(cluster, call)(kind(**given), True))

    reconfigure(
        drsVmConfigSpec=[vim.cluster.DrsVmConfigSpec(operation="add", info=override)],
        rulesSpec=[vim.cluster.RuleSpec(operation="add", info=rule)],
    )
    told = cluster.configuration
    assert vm in [o.key for o in told.drsVmConfig]
    (kept,) = (r for r in told.rule if r.name == "apart")
    reconfigure(
        drsVmConfigSpec=[vim.cluster.DrsVmConfigSpec(operation="remove", removeKey=vm)],
        rulesSpec=[vim.cluster.RuleSpec(operation="remove", removeKey=kept.key)],
    )
    told = cluster.configuration
    assert vm not in [o.key for o in told.drsVmConfig]
    assert "apart" not in [r.name for r in told.rule]
