# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch over a master target's place, and its VM-host rule, against the vCenter stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.server_ports import VmPlace
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


def test_a_move_to_another_host_is_told_with_who_and_when(site: Any, vcenter: Any, target: str) -> None:
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


def test_a_storage_move_is_seen_and_nobodys_disks_let_the_place_be_noted_anew(
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
        assert place.moves[0].who
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


def test_a_note_that_cannot_be_read_is_told_and_left_alone(site: Any, vcenter: Any, target: str) -> None:
    for text in ("{", '{"version": 99}', '{"version": 1}'):
        client.wait(vcenter.si, vm(vcenter, target).ReconfigVM_Task(notes.change({notes.PLACE_KEY: text})))
        place = one(site.watch([target], mode="keep", check=False))
        assert place.problem
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
    frozen = site.set_frozen([moid], frozen=True, check=False)[0]
    assert (frozen.after, frozen.changed, frozen.details["drs"]) == ("immovable", False, "no cluster")
    kept = one(site.watch([moid], mode="keep", check=False))
    assert (kept.changed, kept.host) == (True, "esx-alone")
    pinned = site.set_pinned([moid], pinned=True, check=False)[0]
    assert (pinned.after, pinned.changed) == ("no cluster", False)
    assert one(site.watch([moid], mode="look", check=False)).moves == ()
    assert one(site.watch([moid], mode="forget", check=False)).changed
    client.wait(si, vm(vcenter, moid).Destroy_Task())
