# SPDX-License-Identifier: GPL-3.0-or-later
"""A large fleet starts from a dump; what comes from one behaves like what was seeded."""

from __future__ import annotations

from dataclasses import replace

from disk_moves import there_and_back
from pyVmomi import vim

from rehearsal import fleet_file
from rehearsal.vcenter import client

PATHS = ["name", "config.instanceUuid", "config.uuid", "runtime.powerState", "guest.toolsRunningStatus", "datastore"]


def picture(vcenter):
    """Everything a failback looks at, in comparable form."""
    seen = {}
    for vm in client.get(vcenter.si, list(client.names(vcenter.si, vim.VirtualMachine).values()), PATHS):
        files = [(d.backing.fileName, d.capacityInKB, d.backing.uuid) for d in client.disks(vcenter.si, vm["obj"])]
        seen[vm["name"]] = [str(vm.get(path)) for path in PATHS], files
    for name, store in client.names(vcenter.si, vim.Datastore).items():
        seen[name] = store.summary.type, store.summary.freeSpace, type(store.info).__name__, len(store.host)
    return seen


def test_a_loaded_fleet_is_the_seeded_one_and_works_on(run_vcenter, tmp_path):
    fleet = fleet_file.load("classic-101")
    targets = fleet.vaults[0].master_targets
    fleet = replace(
        fleet, vaults=(replace(fleet.vaults[0], master_targets=(*targets[:-1], replace(targets[-1], snapshot=True))),)
    )
    seeded = run_vcenter(fleet, cache=tmp_path)
    (dump,) = tmp_path.iterdir()
    created = seeded.control.counters()["CreateVM_Task"]
    assert created == 101 + len(fleet.vaults[0].master_targets)
    loaded = run_vcenter(fleet, cache=tmp_path)
    assert list(tmp_path.iterdir()) == [dump]
    assert "CreateVM_Task" not in loaded.control.counters()
    assert picture(loaded) == picture(seeded)

    si = loaded.si
    machine = client.find_vm(si, uuid=fleet.machines[0].uuid)
    target = client.find_vm(si, name=targets[0].name)
    client.wait(si, machine.PowerOffVM_Task())
    assert machine.guest.toolsRunningStatus == "guestToolsNotRunning"
    stops = there_and_back(si, machine, target)
    assert stops == [stops[0]] * 3
    client.wait(si, machine.PowerOnVM_Task())
    assert machine.runtime.faultToleranceState == "notConfigured"
    with_snapshot = client.find_vm(si, name=targets[-1].name)
    (snapshot,) = with_snapshot.snapshot.rootSnapshotList
    client.wait(si, snapshot.snapshot.RemoveSnapshot_Task(False))
    assert getattr(with_snapshot, "snapshot", None) is None
    assert loaded.alive()
    assert seeded.alive()


def test_a_small_fleet_is_not_dumped(run_vcenter, tmp_path):
    run_vcenter("classic-2", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
