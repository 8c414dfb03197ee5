# SPDX-License-Identifier: GPL-3.0-or-later
"""States that can be played, from the control endpoint and from a fleet, and put back."""

from __future__ import annotations

from dataclasses import replace

import pytest
import vsanapiutils
from pyVmomi import vim, vmodl

from rehearsal import fleet as fleets
from rehearsal import fleet_file, launcher
from rehearsal.vcenter import client, seed
from rehearsal.vcenter.control import ControlError


def vm(vcenter, name="app-01"):
    return client.find_vm(vcenter.si, name=name)


def entity(vcenter, kind, name):
    return client.names(vcenter.si, kind)[name]


@pytest.fixture
def played(vcenter):
    """Play scenes; they are put back afterwards, the last one first."""
    scenes = []

    def play(state, name, **more):
        scene = {"state": state, "name": name, **more}
        vcenter.control.play(scene)
        scenes.append(scene)

    yield play
    for scene in reversed(scenes):
        vcenter.control.play({**scene, "off": True})


@pytest.mark.parametrize(
    ("state", "word"), [("host_not_responding", "notResponding"), ("host_disconnected", "disconnected")]
)
def test_a_host_that_does_not_answer_takes_its_machines_along(vcenter, played, state, word):
    host = entity(vcenter, vim.HostSystem, "esx-03")
    played(state, "esx-03")
    assert (host.runtime.connectionState, host.summary.runtime.connectionState) == (word, word)
    assert vm(vcenter).runtime.connectionState == "disconnected"
    assert vm(vcenter).runtime.powerState == "poweredOn", "what was known last"
    assert vm(vcenter, "dc-01").runtime.connectionState == "connected"


def test_a_host_is_back_afterwards(vcenter):
    assert entity(vcenter, vim.HostSystem, "esx-03").runtime.connectionState == "connected"
    assert vm(vcenter).runtime.connectionState == "connected"


@pytest.mark.parametrize("word", ["disconnected", "orphaned", "inaccessible", "invalid"])
def test_a_machines_connection(vcenter, played, word):
    played(f"vm_{word}", "app-01")
    assert vm(vcenter).runtime.connectionState == vm(vcenter).summary.runtime.connectionState == word


def test_a_machine_without_its_configuration(vcenter, played):
    machine = vm(vcenter)
    played("vm_config_missing", "app-01")
    assert machine.config is None
    vcenter.control.play({"state": "vm_config_missing", "name": "app-01", "off": True})
    assert machine.config.name == "app-01"
    assert vcenter.alive()


def test_a_cluster_that_ignores_overrides(vcenter, played):
    cluster = entity(vcenter, vim.ClusterComputeResource, "cluster-1")
    assert cluster.configurationEx.drsConfig.enableVmBehaviorOverrides
    played("cluster_ignores_overrides", "cluster-1")
    assert not cluster.configurationEx.drsConfig.enableVmBehaviorOverrides


def test_a_renamed_datastore_renames_the_paths_on_it(vcenter, played):
    store = entity(vcenter, vim.Datastore, "datastore-1")
    played("datastore_renamed", "datastore-1", to="tier-1")
    assert (store.name, store.summary.name, store.info.name) == ("tier-1", "tier-1", "tier-1")
    assert vm(vcenter).config.files.vmPathName == "[tier-1] app-01/app-01.vmx"
    assert client.disks(vcenter.si, vm(vcenter))[0].backing.fileName == "[tier-1] app-01/app-01.vmdk"
    vcenter.control.play({"state": "datastore_renamed", "name": "datastore-1", "off": True})
    assert store.name == "datastore-1"
    assert client.disks(vcenter.si, vm(vcenter))[0].backing.fileName == "[datastore-1] app-01/app-01.vmdk"


def mounts(store):
    return {m.key.name: m.mountInfo for m in store.host}


def test_a_datastore_on_one_host(vcenter, played):
    store = entity(vcenter, vim.Datastore, "datastore-2")
    played("datastore_read_only", "datastore-2", host="esx-01")
    played("datastore_unmounted", "datastore-2", host="esx-02")
    seen = mounts(store)
    assert {n: m.accessMode for n, m in seen.items()} == {
        "esx-01": "readOnly",
        "esx-02": "readWrite",
        "esx-03": "readWrite",
    }
    assert {n: (m.mounted, m.accessible) for n, m in seen.items() if n != "esx-01"} == {
        "esx-02": (False, False),
        "esx-03": (True, True),
    }
    assert store.summary.accessible
    # A machine does not go where the datastore is not mounted.
    spec = vim.vm.RelocateSpec(host=entity(vcenter, vim.HostSystem, "esx-02"), datastore=store)
    with pytest.raises(client.TaskFailed) as refused:
        client.wait(vcenter.si, vm(vcenter).RelocateVM_Task(spec))
    assert isinstance(refused.value.fault, vim.fault.InaccessibleDatastore)


def test_no_disk_is_placed_where_the_datastore_is_read_only(vcenter, played):
    machine = vm(vcenter)
    played("datastore_read_only", "datastore-2", host=machine.runtime.host.name)
    store = entity(vcenter, vim.Datastore, "datastore-2")
    (controller,) = (d for d in machine.config.hardware.device if isinstance(d, vim.vm.device.VirtualSCSIController))
    change = seed.add(seed.disk("[datastore-2] app-01/new.vmdk", -1, (controller.key, 9), 1, None), "create")
    spec = seed.vm_spec(
        name="new-01",
        os="Linux",
        uuids=("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"),
        datastore="datastore-2",
        disks_gb=(1,),
        memory_mb=512,
        ip="10.20.0.250",
        uuid_enabled=False,
    )
    folder, pool = machine.parent, machine.resourcePool
    for attempt in (
        lambda: machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])),
        lambda: folder.CreateVM_Task(spec, pool, machine.runtime.host),
        lambda: machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=store)),
    ):
        with pytest.raises(client.TaskFailed) as refused:
            client.wait(vcenter.si, attempt())
        assert isinstance(refused.value.fault, vim.fault.CannotAccessFile)
    # Another host of the cluster writes there.
    made = client.wait(vcenter.si, folder.CreateVM_Task(spec, pool))
    client.wait(vcenter.si, made.Destroy_Task())


def test_a_datastore_nobody_reaches(vcenter, played):
    store = entity(vcenter, vim.Datastore, "datastore-2")
    played("datastore_inaccessible", "datastore-2")
    assert not store.summary.accessible


def test_snapshots_raw_devices_and_vsan_disks(vcenter, played):
    machine = vm(vcenter)
    before = len(client.disks(vcenter.si, machine))
    played("vm_snapshot", "app-01", to="of-the-backup")
    assert [s.name for s in machine.snapshot.rootSnapshotList] == ["of-the-backup"]
    played("vm_rdm", "app-01")
    played("vm_vsan_disk", "app-01")
    backings = [d.backing for d in client.disks(vcenter.si, machine)]
    assert len(backings) == before + 2
    raw = [b for b in backings if isinstance(b, vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo)]
    assert [b.compatibilityMode for b in raw] == ["physicalMode"]
    assert backings[-1].datastore.summary.type == "vsan"


def test_disks_and_snapshots_are_gone_afterwards(vcenter):
    assert len(client.disks(vcenter.si, vm(vcenter))) == 1
    assert vm(vcenter).snapshot is None


def test_a_foreign_rule_of_the_name_that_pinning_uses(vcenter, played):
    target = vm(vcenter, "mt-linux-01")
    cluster = entity(vcenter, vim.ClusterComputeResource, "cluster-1")
    played("vm_foreign_rule", "mt-linux-01")
    (rule,) = cluster.configurationEx.rule
    assert rule.name == f"homeward-asr-{target._moId}-rule"
    assert isinstance(rule, vim.cluster.AntiAffinityRuleSpec)
    vcenter.control.play({"state": "vm_foreign_rule", "name": "mt-linux-01", "off": True})
    assert not cluster.configurationEx.rule


def test_a_permission_on_one_machine(vcenter, played):
    played(
        "permission",
        "app-01",
        user="operator",
        password="secret-of-tests",
        privileges=["System.Read", "VirtualMachine.Interact.PowerOff"],
    )
    si = vcenter.login("operator", "secret-of-tests")
    try:
        client.wait(si, client.find_vm(si, name="app-01").PowerOffVM_Task())
        assert client.find_vm(si, name="dc-01") is None
        with pytest.raises(vim.fault.NoPermission):
            vim.VirtualMachine(vm(vcenter, "dc-01")._moId, si._stub).PowerOffVM_Task()
        with pytest.raises(vim.fault.NoPermission):
            client.find_vm(si, name="app-01").PowerOnVM_Task()
    finally:
        client.disconnect(si)
        client.wait(vcenter.si, vm(vcenter).PowerOnVM_Task())


def test_what_cannot_be_played_is_refused_in_one_sentence(vcenter):
    with pytest.raises(ControlError, match=r"state 'vm_on_fire'|state \"vm_on_fire\" is not one of"):
        vcenter.control.play({"state": "vm_on_fire", "name": "app-01"})
    with pytest.raises(ControlError, match="vm_orphaned of nobody: there is no VirtualMachine of that name"):
        vcenter.control.play({"state": "vm_orphaned", "name": "nobody"})
    with pytest.raises(ControlError, match='no host "esx-99" mounts it'):
        vcenter.control.play({"state": "datastore_read_only", "name": "datastore-1", "host": "esx-99"})
    with pytest.raises(ControlError, match="unknown field"):
        vcenter.control.play({"state": "vm_orphaned", "name": "app-01", "when": "now"})


def test_a_fleet_brings_its_states_its_lonely_host_and_odd_names(run_vcenter):
    base = fleet_file.load("classic-12")
    machine = replace(base.machines[0], name="web/01 50%", host="esx-alone", datastore="fast/ssd 50%")
    model = replace(
        base,
        machines=(machine, *base.machines[-1:]),
        vaults=(replace(base.vaults[0], recovery_plans={}),),
        site=replace(
            base.site,
            datastores=(*base.site.datastores, fleets.Datastore("fast/ssd 50%")),
            standalone_hosts=("esx-alone",),
            states=({"state": "host_not_responding", "name": "esx-02"}, {"state": "vm_snapshot", "name": "web/01 50%"}),
        ),
    )
    vcenter = run_vcenter(model)
    odd = client.find_vm(vcenter.si, name="web/01 50%")
    assert odd.name == "web%2f01 50%25"
    assert odd.runtime.host.name == "esx-alone"
    assert not isinstance(odd.runtime.host.parent, vim.ClusterComputeResource)
    assert odd.snapshot.rootSnapshotList[0].name == "left-behind"
    assert client.disks(vcenter.si, odd)[0].backing.fileName == "[fast%2fssd 50%25] web_01 50_/web_01 50_.vmdk"
    assert entity(vcenter, vim.Datastore, "fast/ssd 50%").name == "fast%2fssd 50%25"
    assert entity(vcenter, vim.HostSystem, "esx-02").runtime.connectionState == "notResponding"


def test_a_fleet_with_a_state_nobody_knows_does_not_start(run_vcenter):
    base = fleet_file.load("classic-12")
    site = replace(base.site, states=({"state": "vm_on_fire", "name": "app-01"},))
    with pytest.raises(launcher.LaunchError, match="is not one of"):
        run_vcenter(replace(base, site=site))
    with pytest.raises(fleets.FleetError, match="a mapping with at least state and name"):
        fleet_file.parse({"name": "x", "description": "x", "vaults": [], "site": {"states": [{"name": "app-01"}]}})


def test_properties_that_other_clients_read(vcenter):
    machine = vm(vcenter)
    assert machine.snapshot is None
    assert machine.config.tools.lastInstallInfo.counter == 0
    assert machine.guest.toolsVersionStatus2 == "guestToolsCurrent"
    cluster = entity(vcenter, vim.ClusterComputeResource, "cluster-1")
    config = cluster.configurationEx
    assert config.dasConfig.admissionControlPolicy.failoverLevel == 1
    assert config.dasConfig.defaultVmSettings.vmToolsMonitoringSettings.maxFailures == 3
    assert config.vsanConfigInfo.defaultConfig is not None
    assert cluster.GetResourceUsage().storageCapacityMB > 0
    assert config.proactiveDrsConfig.enabled is False
    # A property that the client knows and the simulator does not.
    assert cluster.configManagerEnabled is None
    cluster.RefreshRecommendation()
    host = entity(vcenter, vim.HostSystem, "esx-01")
    manager = host.configManager
    assert manager.imageConfigManager.HostImageConfigGetAcceptance() == "partner"
    assert manager.imageConfigManager.FetchSoftwarePackages()[0].name == "esx-base"
    assert manager.virtualNicManager.QueryNetConfig("vmotion").selectedVnic == []
    assert manager.vsanSystem.QueryHostStatus().health == "unknown"
    assert "TSM-SSH" in [s.key for s in manager.serviceSystem.serviceInfo.service]
    assert manager.dateTimeSystem.dateTimeInfo.timeZone.key == "UTC"
    assert manager.networkSystem.networkConfig.portgroup
    volumes = {m.volume.name: m.volume.type for m in manager.storageSystem.fileSystemVolumeInfo.mountInfo}
    assert volumes == {"datastore-1": "VMFS", "datastore-2": "VMFS"}


def test_the_health_of_a_clusters_vsan(vcenter):
    cluster = entity(vcenter, vim.ClusterComputeResource, "cluster-1")
    stub = vcenter.si._stub
    objects = vsanapiutils.GetVsanVcMos(stub, context=stub.schemeArgs["context"], version="vsan.version.version3")

    def health():
        return objects["vsan-cluster-health-system"].VsanQueryVcClusterHealthSummary(cluster=cluster).overallHealth

    if not cluster.configurationEx.vsanConfigInfo.enabled:
        assert health() == "unknown"
        config = vim.cluster.ConfigSpecEx(vsanConfig=vim.vsan.cluster.ConfigInfo(enabled=True))
        client.wait(vcenter.si, cluster.ReconfigureComputeResource_Task(config, True))
    assert health() == "green"


def test_a_snapshot_is_renamed(vcenter):
    machine = vm(vcenter)
    client.wait(vcenter.si, machine.CreateSnapshot_Task("first", "", False, False))
    machine.snapshot.rootSnapshotList[0].snapshot.RenameSnapshot("second", "renamed")
    assert [(s.name, s.description) for s in machine.snapshot.rootSnapshotList] == [("second", "renamed")]
    client.wait(vcenter.si, machine.RemoveAllSnapshots_Task())
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        vim.vm.Snapshot("snapshot-0", vcenter.si._stub).RenameSnapshot("none", "")


@pytest.mark.parametrize(
    ("state", "name", "fault"),
    [
        ("host_not_responding", "esx-03", vmodl.fault.HostNotConnected),
        ("vm_disconnected", "app-01", vim.fault.InvalidState),
        ("vm_orphaned", "app-01", vim.fault.InvalidState),
        ("vm_inaccessible", "app-01", vim.fault.InvalidState),
        ("vm_config_missing", "app-01", vim.fault.InvalidState),
    ],
)
def test_nothing_is_done_to_a_machine_that_is_out_of_reach(vcenter, played, state, name, fault):
    machine = vm(vcenter)
    uuid, other = machine.config.instanceUuid, vm(vcenter, "dc-01").config.instanceUuid
    played(state, name)
    for task in (machine.PowerOff, lambda: machine.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="x"))):
        with pytest.raises(client.TaskFailed, match=fault.__name__.rpartition(".")[2]):
            client.wait(vcenter.si, task())
    with pytest.raises(fault):
        machine.CreateSnapshot_Task("one", "", False, False)
    with pytest.raises(fault):
        machine.ShutdownGuest()
    assert machine.runtime.powerState == "poweredOn"
    index = vcenter.si.content.searchIndex
    assert bool(index.FindByUuid(None, uuid, True, True)) is (state != "vm_config_missing")
    assert [m.name for m in index.FindAllByUuid(None, other, True, True)] == ["dc-01"]
