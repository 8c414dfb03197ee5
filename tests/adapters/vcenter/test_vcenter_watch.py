# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch over a master target's place, and its VM-host rule, against the vCenter stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import VmPlace
from ansible_collections.homeward.asr.plugins.module_utils.vcenter import notes
from rehearsal.vcenter import client
from rehearsal.vcenter.sdk import vim


@pytest.fixture
def target(site: Any) -> Iterator[str]:
    """A master target without a note before and after."""
    moid = site.servers(names=["mt-plain"])[0].moid
    yield moid
    site.watch([moid], mode="forget", check=False)


def one(places: list[VmPlace]) -> VmPlace:
    assert len(places) == 1
    return places[0]


def vm(vcenter: Any, moid: str) -> Any:
    return vim.VirtualMachine(moid, vcenter.si._stub)


def note(vcenter: Any, moid: str) -> str:
    return {o.key: o.value for o in vm(vcenter, moid).config.extraConfig}.get(notes.PLACE_KEY, "")


def relocate(vcenter: Any, moid: str, *, host: str = "", datastore: str = "") -> None:
    spec = vim.vm.RelocateSpec()
    if host:
        spec.host = client.names(vcenter.si, vim.HostSystem)[host]
    if datastore:
        spec.datastore = client.names(vcenter.si, vim.Datastore)[datastore]
    client.wait(vcenter.si, vm(vcenter, moid).RelocateVM_Task(spec))


def test_noted_once_kept_and_forgotten(site: Any, vcenter: Any, target: str) -> None:
    predicted = one(site.watch([target], mode="keep", check=True))
    assert predicted.changed
    assert note(vcenter, target) == ""
    assert one(site.watch([target], mode="keep", check=False)).changed
    written = note(vcenter, target)
    assert "esx-01" in written
    again = one(site.watch([target], mode="keep", check=False))
    assert (again.changed, again.moved_host, again.moved_storage, again.moves) == (False, False, False, ())
    assert again.since is not None
    assert note(vcenter, target) == written
    assert one(site.watch([target], mode="forget", check=False)).changed
    assert note(vcenter, target) == ""
    assert not one(site.watch([target], mode="forget", check=False)).changed


def test_a_move_to_another_host_is_reported_with_who_and_when(site: Any, vcenter: Any, target: str) -> None:
    relocate(vcenter, target, host="esx-02")
    relocate(vcenter, target, host="esx-01")
    site.watch([target], mode="keep", check=False)
    # More than ten newer events stand before the one that matters.
    relocate(vcenter, target, host="esx-03")
    for number in range(15):
        spec = vim.vm.ConfigSpec(annotation=str(number))
        client.wait(vcenter.si, vm(vcenter, target).ReconfigVM_Task(spec))
    place = one(site.watch([target], mode="look", check=False))
    assert (place.moved_host, place.moved_storage) == (True, False)
    assert (place.noted_host, place.host) == ("esx-01", "esx-03")
    moves = [m for m in place.moves if m.to_host == "esx-03"]
    assert len(moves) == 1
    assert (moves[0].from_host, bool(moves[0].who), bool(moves[0].when)) == ("esx-01", True, True)
    relocate(vcenter, target, host="esx-01")


def test_a_storage_move_is_seen_and_nobodys_disks_let_the_place_be_noted_again(
    site: Any, vcenter: Any, target: str
) -> None:
    site.watch([target], mode="keep", check=False)
    relocate(vcenter, target, datastore="datastore-2")
    try:
        place = one(site.watch([target], mode="look", check=False))
        assert place.moved_storage
        assert place.noted_datastores == ("datastore-1",)
        assert place.foreign_disks == 0
        assert len(place.moves) == 1
        move = place.moves[0]
        assert (move.from_datastore, move.to_datastore) == ("datastore-1", "datastore-2")
        assert (move.from_host, move.to_host) == ("esx-01", "esx-01")
        assert move.who == vcenter.user
        assert one(site.watch([target], mode="keep", check=False)).changed
        assert not one(site.watch([target], mode="look", check=False)).moved_storage
    finally:
        relocate(vcenter, target, datastore="datastore-1")


def test_disks_of_other_machines_are_counted_and_keep_the_note(site: Any, vcenter: Any, target: str) -> None:
    site.watch([target], mode="keep", check=False)
    disk = vim.vm.device.VirtualDisk(
        key=-1,
        controllerKey=client.disks(vcenter.si, vm(vcenter, target))[0].controllerKey,
        unitNumber=9,
        capacityInKB=1024**2,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName="[datastore-1]", diskMode="persistent"),
    )
    add = vim.vm.device.VirtualDeviceSpec(operation="add", fileOperation="create", device=disk)
    client.wait(vcenter.si, vm(vcenter, target).ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[add])))
    relocate(vcenter, target, host="esx-02")
    place = one(site.watch([target], mode="keep", check=False))
    assert (place.foreign_disks, place.moved_host, place.changed) == (1, True, False)
    relocate(vcenter, target, host="esx-01")
    last = client.disks(vcenter.si, vm(vcenter, target))[-1]
    remove = vim.vm.device.VirtualDeviceSpec(operation="remove", fileOperation="destroy", device=last)
    client.wait(vcenter.si, vm(vcenter, target).ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[remove])))


def test_collectors_are_given_back(site: Any, target: str) -> None:
    site.watch([target], mode="keep", check=False)
    # A session may hold 32 of them.
    for _time in range(40):
        site.watch([target], mode="look", check=False)


def test_a_note_that_cannot_be_read_is_reported_and_left_alone(site: Any, vcenter: Any, target: str) -> None:
    for text in ("{", '{"version": 99}', '{"version": 1}'):
        client.wait(vcenter.si, vm(vcenter, target).ReconfigVM_Task(notes.change({notes.PLACE_KEY: text})))
        place = one(site.watch([target], mode="keep", check=False))
        assert place.refusal.reason
        assert not place.changed
        assert note(vcenter, target) == text
    client.wait(vcenter.si, vm(vcenter, target).ReconfigVM_Task(notes.change({notes.PLACE_KEY: ""})))


def test_the_rule_comes_and_goes(site: Any, vcenter: Any, target: str) -> None:
    cluster = client.names(vcenter.si, vim.ClusterComputeResource)["cluster-1"]

    def rules() -> list[str]:
        return [r.name for r in cluster.configurationEx.rule or ()]

    def groups() -> list[str]:
        return [g.name for g in cluster.configurationEx.group or ()]

    assert site.set_pinned([target], pinned=True, check=True)[0].changed
    assert rules() == []
    change = site.set_pinned([target], pinned=True, check=False)[0]
    assert (change.before, change.after, change.changed, change.code) == ("free", "pinned", True, "")
    assert rules() == [f"homeward-asr-{target}-rule"]
    assert not site.set_pinned([target], pinned=True, check=False)[0].changed
    assert site.set_pinned([target], pinned=False, check=False)[0].changed
    assert (rules(), groups()) == ([], [])
    assert not site.set_pinned([target], pinned=False, check=False)[0].changed


def test_a_host_without_a_cluster_is_an_ordinary_case(site: Any, vcenter: Any, tmp_path: Path) -> None:
    si = vcenter.si
    (datacenter,) = [o for o in client.content(si).rootFolder.childEntity if isinstance(o, vim.Datacenter)]
    spec = vim.host.ConnectSpec(hostName="esx-alone", userName="root", force=True)
    client.wait(si, datacenter.hostFolder.AddStandaloneHost_Task(spec, None, True))
    host = client.names(si, vim.HostSystem)["esx-alone"]
    host.configManager.datastoreSystem.CreateLocalDatastore("alone", str(tmp_path))
    (above,) = client.get(si, [host], ["parent"])
    pool = client.get(si, [above["parent"]], ["resourcePool"])[0]["resourcePool"]
    made = vim.vm.ConfigSpec(
        name="mt-alone",
        guestId="ubuntu64Guest",
        numCPUs=1,
        memoryMB=64,
        files=vim.vm.FileInfo(vmPathName="[alone] mt-alone/mt-alone.vmx"),
    )
    moid = client.wait(si, datacenter.vmFolder.CreateVM_Task(made, pool, host))._moId
    excluded = site.set_excluded([moid], excluded=True, check=False)[0]
    assert (excluded.after, excluded.changed, excluded.details["drs"]) == ("immovable", False, "no cluster")
    kept = one(site.watch([moid], mode="keep", check=False))
    assert (kept.changed, kept.host) == (True, "esx-alone")
    pinned = site.set_pinned([moid], pinned=True, check=False)[0]
    assert (pinned.after, pinned.changed) == ("no cluster", False)
    assert one(site.watch([moid], mode="look", check=False)).moves == ()
    assert one(site.watch([moid], mode="forget", check=False)).changed
    client.wait(si, vm(vcenter, moid).Destroy_Task())


def attach(vcenter: Any, moid: str, file: str, size_kb: int = 0) -> Any:
    """Attach a disk as a machine's failback does: an existing file, or a new one in a folder of its own."""
    disks = client.disks(vcenter.si, vm(vcenter, moid))
    disk = vim.vm.device.VirtualDisk(
        key=-1,
        controllerKey=disks[0].controllerKey,
        unitNumber=9,
        capacityInKB=size_kb,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName=file, diskMode="persistent"),
    )
    operation = vim.vm.device.VirtualDeviceSpec(operation="add", device=disk)
    client.wait(vcenter.si, vm(vcenter, moid).ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[operation])))
    known = {d.key for d in disks}
    return next(d for d in client.disks(vcenter.si, vm(vcenter, moid)) if d.key not in known)


def detach(vcenter: Any, moid: str, device: Any) -> None:
    operation = vim.vm.device.VirtualDeviceSpec(operation="remove", device=device)
    client.wait(vcenter.si, vm(vcenter, moid).ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[operation])))


@pytest.fixture
def foreign(site: Any, vcenter: Any, target: str) -> Iterator[Any]:
    """A disk of a machine that is off, attached to the master target; a storage move takes it along."""
    (machine,) = site.machines(names=["off-02"], devices=True)
    file = machine.disks[0].file
    device = attach(vcenter, target, file)
    yield device
    (now,) = (d for d in client.disks(vcenter.si, vm(vcenter, target)) if d.key == device.key)
    detach(vcenter, target, now)
    if now.backing.fileName != file:
        content = vcenter.si.content
        (center,) = (o for o in content.rootFolder.childEntity if isinstance(o, vim.Datacenter))
        client.wait(
            vcenter.si,
            content.virtualDiskManager.MoveVirtualDisk_Task(now.backing.fileName, center, file, center, True, None),
        )


def test_a_place_noted_in_the_middle_of_a_reprotect_distinguishes_the_disks(
    site: Any, vcenter: Any, target: str, foreign: Any
) -> None:
    noted = one(site.watch([target], mode="keep", check=False))
    assert (noted.changed, noted.foreign_disks) == (True, 1)
    stands = one(site.watch([target], mode="look", check=False))
    assert (stands.foreign_disks, stands.moved_storage) == (1, False)
    assert stands.foreign_files == (foreign.backing.fileName,)
    # Nothing of it is noted again while the disk hangs there.
    relocate(vcenter, target, datastore="datastore-2")
    try:
        moved = one(site.watch([target], mode="keep", check=False))
        assert (moved.changed, moved.moved_storage, moved.foreign_disks) == (False, True, 1)
    finally:
        relocate(vcenter, target, datastore="datastore-1")


def test_while_no_machine_can_be_attached_every_disk_is_its_own(
    site: Any, vcenter: Any, target: str, foreign: Any
) -> None:
    site.watch([target], mode="keep", check=False, idle=[target])
    assert one(site.watch([target], mode="look", check=False)).foreign_disks == 0


def test_a_renamed_datastore_is_no_move(site: Any, vcenter: Any, target: str, foreign: Any) -> None:
    site.watch([target], mode="keep", check=False)
    store = client.names(vcenter.si, vim.Datastore)["datastore-1"]
    vcenter.control.set((store, "name", "renamed"))
    try:
        place = one(site.watch([target], mode="look", check=False))
    finally:
        vcenter.control.set((store, "name", "datastore-1"))
    assert (place.moved_storage, place.foreign_disks) == (False, 1)
    assert place.datastores == ("renamed",)


def test_a_note_of_an_older_run_counts_only_what_is_certainly_its_own(
    site: Any, vcenter: Any, target: str, foreign: Any
) -> None:
    """Such a note was made without asking whose the disks are."""
    disks = {d.backing.uuid or str(d.key): d.backing.fileName for d in client.disks(vcenter.si, vm(vcenter, target))}
    since = vcenter.si.CurrentTime().isoformat()
    text = notes.text({"host": "esx-01", "datastores": ["datastore-1"], "disks": disks, "since": since})
    client.wait(vcenter.si, vm(vcenter, target).ReconfigVM_Task(notes.change({notes.PLACE_KEY: text})))
    place = one(site.watch([target], mode="look", check=False))
    assert (place.foreign_disks, place.moved_storage, place.moved_host) == (1, False, False)
    relocate(vcenter, target, datastore="datastore-2")
    try:
        assert one(site.watch([target], mode="keep", check=False)).moved_storage
    finally:
        relocate(vcenter, target, datastore="datastore-1")
    assert note(vcenter, target) == text


def test_one_machines_trouble_is_reported_in_its_own_place(site: Any, vcenter: Any, target: str) -> None:
    other = site.servers(names=["mt-odd"])[0].moid
    denied = {
        "_typeName": "NoPermission",
        "object": {"_typeName": "ManagedObjectReference", "type": "VirtualMachine", "value": target},
        "privilegeId": "VirtualMachine.Config.AdvancedConfig",
    }
    for fault, task in (
        (denied, False),
        ({"_typeName": "TaskInProgress"}, True),
        ({"_typeName": "InvalidState"}, False),
    ):
        vcenter.control.fault(fault, method="ReconfigVM_Task", name="mt-plain", task=task)
        try:
            places = {p.moid: p for p in site.watch([target, other], mode="keep", check=False)}
        finally:
            vcenter.control.clear_faults()
            site.watch([other], mode="forget", check=False)
        assert places[target].refusal.code.startswith("vcenter_")
        assert places[target].refusal.reason
        assert places[target].refusal.remedy
        assert not places[target].changed
        assert (places[other].refusal, places[other].changed) == (None, True)
    assert note(vcenter, target) == ""


@pytest.mark.parametrize("state", ["disconnected", "orphaned", "inaccessible"])
def test_a_place_that_is_not_known_is_no_kept_place(site: Any, vcenter: Any, target: str, state: str) -> None:
    site.watch([target], mode="keep", check=False)
    vcenter.control.set((vm(vcenter, target), "runtime.connectionState", state))
    try:
        place = one(site.watch([target], mode="look", check=False))
    finally:
        vcenter.control.set((vm(vcenter, target), "runtime.connectionState", "connected"))
    assert place.refusal.code == "place_unknown"
    assert state in place.refusal.reason
    assert place.refusal.remedy


def spoil(vcenter: Any, cluster: Any, target: str, how: str) -> None:
    """Somebody changes what the rule rests on."""
    spec = vim.cluster.ConfigSpecEx()
    if how in ("disabled", "not mandatory"):
        (rule,) = cluster.configurationEx.rule
        rule.enabled, rule.mandatory = how != "disabled", how != "not mandatory"
        spec.rulesSpec = [vim.cluster.RuleSpec(operation="edit", info=rule)]
    else:
        host = client.names(vcenter.si, vim.HostSystem)["esx-03"]
        group = vim.cluster.HostGroup(name=f"homeward-asr-{target}-host", host=[host])
        spec.groupSpec = [vim.cluster.GroupSpec(operation="edit", info=group)]
    client.wait(vcenter.si, cluster.ReconfigureComputeResource_Task(spec, True))


@pytest.mark.parametrize("how", ["disabled", "not mandatory", "another host"])
def test_a_rule_counts_only_as_a_whole(site: Any, vcenter: Any, target: str, how: str) -> None:
    cluster = client.names(vcenter.si, vim.ClusterComputeResource)["cluster-1"]
    site.set_pinned([target], pinned=True, check=False)
    spoil(vcenter, cluster, target, how)
    change = site.set_pinned([target], pinned=True, check=False)[0]
    assert (change.before, change.after, change.changed, change.code) == ("free", "pinned", True, "")
    assert not site.set_pinned([target], pinned=True, check=False)[0].changed
    assert site.set_pinned([target], pinned=False, check=False)[0].changed
    assert not cluster.configurationEx.rule
    assert not cluster.configurationEx.group


def test_what_holds_another_machine_under_our_name_is_left_alone(site: Any, vcenter: Any, target: str) -> None:
    cluster = client.names(vcenter.si, vim.ClusterComputeResource)["cluster-1"]
    other = vm(vcenter, site.servers(names=["mt-odd"])[0].moid)
    name = f"homeward-asr-{target}-vm"

    def group(operation: str, **values: Any) -> None:
        spec = vim.cluster.ConfigSpecEx(groupSpec=[vim.cluster.GroupSpec(operation=operation, **values)])
        client.wait(vcenter.si, cluster.ReconfigureComputeResource_Task(spec, True))

    group("add", info=vim.cluster.VmGroup(name=name, vm=[other]))
    try:
        for pinned in (True, False):
            change = site.set_pinned([target], pinned=pinned, check=False)[0]
            assert (change.code, change.changed) == ("pin_conflict", False)
        assert [g.name for g in cluster.configurationEx.group] == [name]
    finally:
        group("remove", removeKey=name)
