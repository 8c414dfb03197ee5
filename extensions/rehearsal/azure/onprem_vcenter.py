# SPDX-License-Identifier: GPL-3.0-or-later
"""On-premises effects in a vCenter endpoint.

Disks move between a machine and its master target as files: removed from one without touching the file, added to the other.
"""

from __future__ import annotations

from typing import Any

from rehearsal.azure.disk_changes import addition, attachments, removal
from rehearsal.azure.onprem import OnPremError
from rehearsal.azure.onprem_look import DEVICES, SeenTarget, VCenterLook
from rehearsal.azure.words import MIB
from rehearsal.fleet import Fleet, Machine, MasterTarget
from rehearsal.vcenter import client, seed
from rehearsal.vcenter.sdk import vim

#: A host refuses a machine with more memory than so many times its own (INFER; overcommitment is usual).
OVERCOMMIT = 2

#: Name of the snapshot that a planned failover takes (the real name is not recorded).
SNAPSHOT = "asr-planned-failover"


class VCenterOnPrem(VCenterLook):
    """Changes machines in vCenter."""

    def __init__(self, fleet: Fleet, speed: float, url: str, user: str, password: str, cafile: str | None) -> None:
        super().__init__(fleet, speed, url, user, password, cafile)
        #: Where a machine's disks were before they were moved to a master target: file, controller, unit.
        self._layouts: dict[str, list[tuple[str, int, int]]] = {}

    def _existing(self, si: Any, machine: Machine) -> Any:
        vm = self._find(si, machine.uuid)
        if vm is None:
            raise OnPremError("gone", f"{machine.name} is not in vCenter")
        return vm

    def add_disk(self, machine: Machine, number: int, size_gb: int) -> None:
        def work(si: Any) -> None:
            vm = self._existing(si, machine)
            (seen,) = client.get(si, [vm], [DEVICES])
            controllers = [d for d in seen[DEVICES] if isinstance(d, vim.vm.device.VirtualSCSIController)]
            used = {(d.controllerKey, d.unitNumber) for d in seen[DEVICES]}
            places = [(c.key, unit) for c in controllers for unit in seed.UNITS if (c.key, unit) not in used]
            if not places:
                raise OnPremError("vcenter", f"{machine.name} has no free SCSI slot left")
            file = seed.file_path(machine.datastore, machine.name, f"_{number}.vmdk")
            disk = seed.disk(file, -1, places[0], size_gb, machine.disk_uuid(number))
            self._change(si, vm, [seed.add(disk, "create")])

        self._try(work)

    def power_off(self, machine: Machine) -> None:
        self._try(lambda si: self._power_off(si, self._existing(si, machine)))

    def _power_off(self, si: Any, vm: Any) -> None:
        (seen,) = client.get(si, [vm], ["runtime.powerState"])
        if str(seen["runtime.powerState"]) == "poweredOn":
            client.wait(si, vm.PowerOffVM_Task())

    def lend(self, machine: Machine, target: MasterTarget) -> None:
        def work(si: Any) -> None:
            vm = self._existing(si, machine)
            self._power_off(si, vm)
            self._move_to_target(si, machine, vm, target)

        self._try(work)

    def build(self, machine: Machine, target: MasterTarget, datastore: str) -> None:
        def work(si: Any) -> None:
            seen = self._target(si, target)
            if seen is None:
                raise OnPremError("vcenter", f"master target {target.name} is not in vCenter")
            (place,) = client.get(si, [seen.vm], ["runtime.host", "resourcePool", "parent"])
            spec = seed.vm_spec(
                name=machine.name,
                os=machine.os,
                uuids=(machine.bios_uuid, machine.uuid),
                datastore=datastore,
                disks_gb=machine.disks_gb,
                disk_uuids=machine.disk_uuids,
                memory_mb=machine.memory_mb,
                ip=machine.ip,
                uuid_enabled=True,
                tools=machine.tools,
            )
            vm = client.wait(si, place["parent"].CreateVM_Task(spec, place["resourcePool"], place["runtime.host"]))
            self._move_to_target(si, machine, vm, target)

        self._try(work)

    def _move_to_target(self, si: Any, machine: Machine, vm: Any, target: MasterTarget) -> None:
        disks = client.disks(si, vm)
        layout = [(d.backing.fileName, d.controllerKey, d.unitNumber) for d in disks]
        seen = self._target(si, target)
        if seen is None:
            raise OnPremError("vcenter", f"master target {target.name} is not in vCenter")
        changes = attachments(seen, disks)
        self._change(si, vm, [removal(d) for d in disks])
        try:
            self._change_target(si, target, seen, changes)
        except client.TaskFailed:
            self._change(si, vm, [addition(d, d.controllerKey, d.unitNumber) for d in disks])
            raise
        self._layouts[machine.uuid] = layout
        # Keys of what was added are not known until the next look; places are.
        for change in changes:
            device = change.device
            if device.controllerKey in seen.used:
                seen.used[device.controllerKey].add(device.unitNumber)
            else:
                seen.stale = True
        seen.view.disks += len(disks)

    def give_back(self, machine: Machine, target: MasterTarget, snapshot: bool = False) -> None:
        def work(si: Any) -> None:
            vm = self._existing(si, machine)
            layout = self._layouts.get(machine.uuid, [])
            if machine.leaves_disk:
                layout = layout[:-1]
            seen = self._target(si, target)
            if seen is None:
                raise OnPremError("disks", f"master target {target.name} is not in vCenter")
            missing = [file for file, _dummy, _dummy in layout if file not in seen.disks]
            if missing:
                seen = self._target(si, target, fresh=True)
                missing = [file for file, _dummy, _dummy in layout if seen is None or file not in seen.disks]
            if missing or seen is None:
                raise OnPremError("disks", f"cannot find virtual disk {missing[0] if missing else machine.name}")
            disks = [seen.disks.pop(file) for file, _dummy, _dummy in layout]
            self._change_target(si, target, seen, [removal(d) for d in disks])
            seen.view.disks -= len(disks)
            for disk in disks:
                seen.used.get(disk.controllerKey, set()).discard(disk.unitNumber)
            changes = [addition(d, key, unit) for d, (_dummy, key, unit) in zip(disks, layout, strict=True)]
            self._change(si, vm, changes)
            self._layouts.pop(machine.uuid, None)
            if snapshot:
                text = "Made by Site Recovery before the machine was started."
                client.wait(si, vm.CreateSnapshot_Task(SNAPSHOT, text, False, False))
            self._power_on(si, machine, vm)

        self._try(work)

    def drop_snapshot(self, machine: Machine) -> None:
        def work(si: Any) -> None:
            for taken in self._own_snapshots(si, self._existing(si, machine)):
                client.wait(si, taken.RemoveSnapshot_Task(False))

        self._try(work)

    def revert(self, machine: Machine) -> None:
        def work(si: Any) -> None:
            vm = self._existing(si, machine)
            self._power_off(si, vm)
            for taken in self._own_snapshots(si, vm):
                client.wait(si, taken.RevertToSnapshot_Task(None, True))
                client.wait(si, taken.RemoveSnapshot_Task(False))

        self._try(work)

    def _own_snapshots(self, si: Any, vm: Any) -> list[Any]:
        (seen,) = client.get(si, [vm], ["snapshot"])
        found: list[Any] = []
        left = list(getattr(seen.get("snapshot"), "rootSnapshotList", []))
        while left:
            node = left.pop()
            left += node.childSnapshotList
            if node.name == SNAPSHOT:
                found.append(node.snapshot)
        return found

    def _power_on(self, si: Any, machine: Machine, vm: Any) -> None:
        (seen,) = client.get(si, [vm], ["runtime.host", "config.hardware.memoryMB"])
        (host,) = client.get(si, [seen["runtime.host"]], ["summary.hardware.memorySize"])
        memory, size = seen["config.hardware.memoryMB"] * MIB, host.get("summary.hardware.memorySize", 0)
        if size and memory > OVERCOMMIT * size:
            raise OnPremError("memory", f"it needs {memory // MIB} MB, its host has {size // MIB} MB")
        try:
            client.wait(si, vm.PowerOnVM_Task())
        except client.TaskFailed as problem:
            raise OnPremError("memory", str(problem)) from problem

    def _change_target(self, si: Any, target: MasterTarget, seen: SeenTarget, changes: list[Any]) -> None:
        """Change a master target. Others may look at it meanwhile, and what they see must not be taken for the state
        afterwards: only ``seen``, which the caller brings up to date, is kept."""
        with self._lock:
            self._changed[target.name] = self._changed.get(target.name, 0) + 1
        try:
            self._change(si, seen.vm, changes)
        except client.TaskFailed:
            seen.stale = True
            raise
        finally:
            with self._lock:
                self._changed[target.name] += 1
                self._targets[target.name] = seen

    def _change(self, si: Any, vm: Any, changes: list[Any]) -> None:
        if changes:
            client.wait(si, vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=changes)))
