# SPDX-License-Identifier: GPL-3.0-or-later
"""On-premises effects in a vCenter endpoint.

Disks move between a machine and its master target as files: removed from one without touching the file, added to the
other. Every call is cheap in number: machines are found once, and a master target's devices are read at most a few
times a second however many jobs look at it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rehearsal.azure.onprem import MachineView, OnPremError, Store, TargetView
from rehearsal.azure.words import GIB, MIB
from rehearsal.fleet import Fleet, Machine, MasterTarget
from rehearsal.vcenter import client, seed
from rehearsal.vcenter.sdk import vim, vmodl

T = TypeVar("T")

#: Service seconds for which a look at a master target or at the datastores counts as the present, and the most real
#: seconds that may be.
FRESH, FRESH_AT_MOST = 30.0, 0.3

CONTROLLERS = 4

#: A host refuses a machine with more memory than so many times its own (INFER; overcommitment is usual).
OVERCOMMIT = 2

#: Name of the snapshot that a planned failover takes (the real name is not recorded).
SNAPSHOT = "asr-planned-failover"

_DEVICES = "config.hardware.device"


@dataclass
class _Seen:
    """A master target as last read: where its disks are, and what its controllers are."""

    vm: Any
    at: float
    view: TargetView
    disks: dict[str, Any] = field(default_factory=dict)
    controllers: list[Any] = field(default_factory=list)
    used: dict[int, set[int]] = field(default_factory=dict)
    stale: bool = False


class VCenterOnPrem:
    """One session, used from several threads (pyVmomi keeps a pool of connections)."""

    def __init__(self, fleet: Fleet, speed: float, url: str, user: str, password: str, cafile: str | None) -> None:
        self._fleet = fleet
        self._fresh = min(FRESH_AT_MOST, FRESH / speed)
        self._access = (url, user, password, cafile)
        self._lock = threading.RLock()
        self._session: Any = None
        self._machines: dict[str, Any] = {}
        self._targets: dict[str, _Seen] = {}
        #: How often each master target was changed, so that a look that overlaps a change is not kept.
        self._changed: dict[str, int] = {}
        self._layouts: dict[str, list[tuple[str, int, int]]] = {}
        self._stores: tuple[float, dict[str, dict[str, Store]]] = (float("-inf"), {})
        self._names: dict[str, str] = {}

    # -- the session -------------------------------------------------------------------------------------------------

    def _si(self) -> Any:
        with self._lock:
            if self._session is None:
                url, user, password, cafile = self._access
                self._session = client.connect(url, user, password, cafile or "")
            return self._session

    def _forget(self) -> None:
        with self._lock:
            self._session = None
            self._machines.clear()
            self._targets.clear()
            self._names.clear()

    def _try(self, work: Callable[[Any], T]) -> T:
        """Do some work with a session; repeat it with a new one if the old one is gone."""
        for attempt in (1, 2):
            try:
                return work(self._si())
            except client.TaskFailed as problem:
                raise OnPremError("vcenter", str(problem)) from problem
            except (vmodl.fault.ManagedObjectNotFound, vim.fault.NotAuthenticated, OSError) as problem:
                self._forget()
                if attempt == 2:
                    raise OnPremError("vcenter", getattr(problem, "msg", "") or str(problem)) from problem
            except vmodl.MethodFault as problem:
                raise OnPremError("vcenter", getattr(problem, "msg", None) or type(problem).__name__) from problem
        raise AssertionError

    def close(self) -> None:
        if self._session is not None:
            # vCenter may have stopped first: the session is gone anyway.
            with contextlib.suppress(OSError, vmodl.MethodFault):
                client.disconnect(self._session)

    # -- looking -----------------------------------------------------------------------------------------------------

    def _find(self, si: Any, uuid: str) -> Any:
        found = self._machines.get(uuid)
        if found is None:
            found = client.find_vm(si, uuid=uuid)
            if found is not None:
                self._machines[uuid] = found
        return found

    def _name(self, si: Any, thing: Any) -> str:
        key = thing._moId
        if key not in self._names:
            (seen,) = client.get(si, [thing], ["name"])
            self._names[key] = client.plain(seen["name"])
        return self._names[key]

    def _stores_on(self, si: Any, host: str) -> dict[str, Store]:
        """What a host mounts, by name; one call for all hosts."""
        at, by_host = self._stores
        if time.monotonic() - at > self._fresh:
            by_host = {}
            paths = ["name", "host", "summary.type", "summary.accessible", "summary.capacity", "summary.freeSpace"]
            for seen in client.get(si, list(client.names(si, vim.Datastore).values()), paths):
                kind = seen.get("summary.type", "")
                for mount in seen.get("host", []):
                    info = mount.mountInfo
                    mounted = info.accessible is not False and info.mounted is not False
                    usable = (
                        seen.get("summary.accessible") is not False
                        and mounted
                        and info.accessMode == "readWrite"
                        and not kind.upper().startswith("NFS")
                    )
                    store = Store(
                        client.plain(seen["name"]),
                        kind,
                        usable,
                        round(seen.get("summary.capacity", 0) / GIB, 2),
                        round(seen.get("summary.freeSpace", 0) / GIB, 2),
                    )
                    by_host.setdefault(mount.key._moId, {})[store.name] = store
            self._stores = (time.monotonic(), by_host)
        return by_host.get(host, {})

    def _target(self, si: Any, target: MasterTarget, fresh: bool = False) -> _Seen | None:
        seen = self._targets.get(target.name)
        if seen is not None and not fresh and not seen.stale and time.monotonic() - seen.at < self._fresh:
            return seen
        vm = self._find(si, target.uuid)
        if vm is None:
            self._targets.pop(target.name, None)
            return None
        changed = self._changed.get(target.name, 0)
        read = client.get(si, [vm], ["runtime.powerState", "runtime.host", "snapshot", _DEVICES])
        if not read:
            return None
        seen = self._as_seen(si, target, read[0])
        with self._lock:
            if self._changed.get(target.name, 0) == changed:
                self._targets[target.name] = seen
        return seen

    def _as_seen(self, si: Any, target: MasterTarget, read: dict[str, Any]) -> _Seen:
        devices = read.get(_DEVICES, [])
        controllers = [d for d in devices if isinstance(d, vim.vm.device.VirtualSCSIController)]
        disks = [d for d in devices if isinstance(d, vim.vm.device.VirtualDisk)]
        host = read["runtime.host"]
        view = TargetView(
            target.name,
            self._name(si, host),
            running=str(read.get("runtime.powerState")) == "poweredOn",
            disks=len(disks),
            snapshot=read.get("snapshot") is not None,
            paravirtual=any(isinstance(c, vim.vm.device.ParaVirtualSCSIController) for c in controllers),
            stores=dict(self._stores_on(si, host._moId)),
        )
        used: dict[int, set[int]] = {c.key: set() for c in controllers}
        for device in devices:
            if device.controllerKey in used and device.unitNumber is not None:
                used[device.controllerKey].add(device.unitNumber)
        files = {name: d for d in disks if (name := getattr(d.backing, "fileName", None))}
        return _Seen(read["obj"], time.monotonic(), view, files, controllers, used)

    def survey(self) -> dict[str, TargetView]:
        def look(si: Any) -> dict[str, TargetView]:
            found = {}
            for vault in self._fleet.vaults:
                for target in vault.gateways:
                    seen = self._target(si, target)
                    if seen is not None:
                        # Without tools in the master target the datastores of its host are not listed (DOC).
                        found[target.name] = seen.view
                        if not target.tools_running and not self._tools(si, seen.vm):
                            found[target.name].stores = {}
            return found

        return self._try(look)

    def _tools(self, si: Any, vm: Any) -> bool:
        (seen,) = client.get(si, [vm], ["guest.toolsRunningStatus"])
        return str(seen.get("guest.toolsRunningStatus")) == "guestToolsRunning"

    def target(self, target: MasterTarget) -> TargetView | None:
        seen = self._try(lambda si: self._target(si, target))
        return seen.view if seen is not None else None

    def machine(self, machine: Machine) -> MachineView | None:
        def look(si: Any) -> MachineView | None:
            vm = self._find(si, machine.uuid)
            if vm is None:
                return None
            (seen,) = client.get(si, [vm], ["runtime.powerState", "runtime.host", "datastore", "snapshot"])
            return MachineView(
                self._name(si, seen["runtime.host"]),
                str(seen["runtime.powerState"]) == "poweredOn",
                tuple(self._name(si, store) for store in seen.get("datastore", [])),
                seen.get("snapshot") is not None,
            )

        return self._try(look)

    def names_on(self, host: str, name: str, machine: Machine) -> bool:
        def look(si: Any) -> bool:
            place = client.names(si, vim.HostSystem).get(host)
            if place is None:
                return False
            (seen,) = client.get(si, [place], ["vm"])
            others = client.get(si, list(seen.get("vm", [])), ["name", "config.instanceUuid"])
            return any(client.plain(o["name"]) == name and o.get("config.instanceUuid") != machine.uuid for o in others)

        return self._try(look)

    # -- acting ------------------------------------------------------------------------------------------------------

    def _existing(self, si: Any, machine: Machine) -> Any:
        vm = self._find(si, machine.uuid)
        if vm is None:
            raise OnPremError("gone", f"{machine.name} is not in vCenter")
        return vm

    def add_disk(self, machine: Machine, number: int, size_gb: int) -> None:
        def work(si: Any) -> None:
            vm = self._existing(si, machine)
            (seen,) = client.get(si, [vm], [_DEVICES])
            controllers = [d for d in seen[_DEVICES] if isinstance(d, vim.vm.device.VirtualSCSIController)]
            used = {(d.controllerKey, d.unitNumber) for d in seen[_DEVICES]}
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
        changes = _attach(seen, disks)
        self._change(si, vm, [_removal(d) for d in disks])
        try:
            self._change_target(si, target, seen, changes)
        except client.TaskFailed:
            self._change(si, vm, [_addition(d, d.controllerKey, d.unitNumber) for d in disks])
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
            self._change_target(si, target, seen, [_removal(d) for d in disks])
            seen.view.disks -= len(disks)
            for disk in disks:
                seen.used.get(disk.controllerKey, set()).discard(disk.unitNumber)
            changes = [_addition(d, key, unit) for d, (_dummy, key, unit) in zip(disks, layout, strict=True)]
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

    def _change_target(self, si: Any, target: MasterTarget, seen: _Seen, changes: list[Any]) -> None:
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


def _removal(device: Any) -> Any:
    """Without a file operation: the file stays."""
    return vim.vm.device.VirtualDeviceSpec(operation="remove", device=device)


def _addition(disk: Any, controller: int, unit: int) -> Any:
    """An existing disk file at a place of another machine."""
    same = {
        "fileName": disk.backing.fileName,
        "diskMode": disk.backing.diskMode or "persistent",
        "uuid": disk.backing.uuid,
    }
    kinds = vim.vm.device.VirtualDisk
    if isinstance(disk.backing, kinds.RawDiskMappingVer1BackingInfo):
        raw = ("compatibilityMode", "deviceName", "lunUuid")
        backing = kinds.RawDiskMappingVer1BackingInfo(**same, **{name: getattr(disk.backing, name) for name in raw})
    else:
        backing = kinds.FlatVer2BackingInfo(**same, thinProvisioned=disk.backing.thinProvisioned)
    added = vim.vm.device.VirtualDisk(
        key=-(3000 + abs(controller) % 1000 * 16 + unit),
        controllerKey=controller,
        unitNumber=unit,
        backing=backing,
        capacityInKB=disk.capacityInKB,
        capacityInBytes=disk.capacityInBytes,
    )
    return vim.vm.device.VirtualDeviceSpec(operation="add", device=added)


def _attach(seen: _Seen, disks: list[Any]) -> list[Any]:
    """Places for disks on a master target's LSI controllers, with new controllers where the present ones are full."""
    changes: list[Any] = []
    free = [(key, unit) for key, used in seen.used.items() for unit in seed.UNITS if unit not in used]
    bus = {c.busNumber for c in seen.controllers}
    number = 0
    while len(free) < len(disks) and len(seen.controllers) + number < CONTROLLERS:
        number += 1
        next_bus = next(n for n in range(CONTROLLERS) if n not in bus)
        bus.add(next_bus)
        controller = vim.vm.device.VirtualLsiLogicController(
            key=-(200 + number), busNumber=next_bus, sharedBus=vim.vm.device.VirtualSCSIController.Sharing.noSharing
        )
        changes.append(vim.vm.device.VirtualDeviceSpec(operation="add", device=controller))
        free += [(controller.key, unit) for unit in seed.UNITS]
    if len(free) < len(disks):
        raise OnPremError("vcenter", f"master target {seen.view.name} has no free SCSI slot left")
    for disk, (key, unit) in zip(disks, free, strict=False):
        changes.append(_addition(disk, key, unit))
    return changes
