# SPDX-License-Identifier: GPL-3.0-or-later
"""What the vault does on-premises, and what it sees there.

:class:`OnPrem` is the protocol; :class:`MemoryOnPrem` keeps the effects in memory, for tests of the wire protocol alone;
``onprem_vcenter.VCenterOnPrem`` has them in a real vCenter endpoint. All methods may block; the engine calls them in threads.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

from rehearsal.fleet import Fleet, Machine, MasterTarget

#: SCSI slots of a master target: four controllers of fifteen (INFER), which is the documented cap of 60 disks.
SLOTS = 60


class OnPremError(Exception):
    """vCenter refused or could not be reached. ``kind`` is gone, memory, disks or vcenter."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class Store:
    """A datastore as the host of a master target sees it."""

    name: str
    type: str = "VMFS"
    usable: bool = True
    capacity_gb: float = 4096.0
    free_gb: float = 2048.0


@dataclass
class TargetView:
    """A master target as vCenter shows it now."""

    name: str
    host: str
    running: bool = True
    disks: int = 2
    snapshot: bool = False
    paravirtual: bool = False
    stores: dict[str, Store] = field(default_factory=dict)


@dataclass
class MachineView:
    host: str
    running: bool
    stores: tuple[str, ...]
    snapshot: bool = False


class OnPrem(Protocol):
    def survey(self) -> dict[str, TargetView]:
        """All master targets by name; a target that vCenter does not know is left out."""

    def target(self, target: MasterTarget) -> TargetView | None:
        """One master target; None where vCenter does not know it."""

    def machine(self, machine: Machine) -> MachineView | None:
        """None: vCenter does not have the machine."""

    def names_on(self, host: str, name: str, machine: Machine) -> bool:
        """Whether another VM of that name is on the host."""

    def add_disk(self, machine: Machine, number: int, size_gb: int) -> None:
        """Give the machine one more disk; ``number`` counts its disks from 0."""

    def power_off(self, machine: Machine) -> None:
        """Power the machine off on-premises."""

    def lend(self, machine: Machine, target: MasterTarget) -> None:
        """Power the machine off and attach its disks to the master target."""

    def build(self, machine: Machine, target: MasterTarget, datastore: str) -> None:
        """Recreate the machine, powered off, on the target's host, its new disks attached to the target."""

    def give_back(self, machine: Machine, target: MasterTarget, snapshot: bool = False) -> None:
        """Detach the disks from the target, attach them to the machine again, take a snapshot if asked, power it on."""

    def drop_snapshot(self, machine: Machine) -> None:
        """Delete the snapshot that give_back took; nothing happens where there is none."""

    def revert(self, machine: Machine) -> None:
        """Power the machine off and bring it back to that snapshot, which goes too."""

    def close(self) -> None:
        """Give connections back."""


@dataclass
class _Vm:
    host: str
    store: str
    running: bool
    disks: int
    snapshot: bool = False


class MemoryOnPrem:
    """A vCenter of dictionaries: for tests of the protocol alone, nothing is visible outside this process."""

    def __init__(self, fleet: Fleet) -> None:
        self._lock = threading.RLock()
        self._machines = {
            m.uuid: _Vm(m.host, m.datastore, m.at_home, len(m.disks_gb))
            for m in fleet.machines
            if m.onprem == "present"
        }
        self._names = {m.uuid: m.name for m in fleet.machines}
        stores = {
            d.name: (d, Store(d.name, d.type, d.type.upper() in ("VMFS", "VSAN"), d.capacity_gb, d.free_gb))
            for d in fleet.site.datastores
        }
        self._targets: dict[str, TargetView] = {}
        for vault in fleet.vaults:
            for t in vault.gateways:
                seen = {
                    name: store
                    for name, (d, store) in stores.items()
                    if name in t.datastores and (not d.hosts or t.host in d.hosts)
                }
                self._targets[t.name] = TargetView(
                    t.name,
                    t.host,
                    disks=len(t.disks_gb) + t.extra_disks,
                    snapshot=t.snapshot,
                    paravirtual=t.controller == "pvscsi",
                    stores=seen if t.tools_running else {},
                )

    def survey(self) -> dict[str, TargetView]:
        with self._lock:
            return dict(self._targets)

    def target(self, target: MasterTarget) -> TargetView | None:
        return self._targets.get(target.name)

    def machine(self, machine: Machine) -> MachineView | None:
        vm = self._machines.get(machine.uuid)
        return MachineView(vm.host, vm.running, (vm.store,), vm.snapshot) if vm else None

    def names_on(self, host: str, name: str, machine: Machine) -> bool:
        return any(
            vm.host == host and self._names[uuid] == name and uuid != machine.uuid
            for uuid, vm in self._machines.items()
        )

    def add_disk(self, machine: Machine, number: int, size_gb: int) -> None:
        self._get(machine).disks = number + 1

    def power_off(self, machine: Machine) -> None:
        self._get(machine).running = False

    def lend(self, machine: Machine, target: MasterTarget) -> None:
        with self._lock:
            vm = self._get(machine)
            vm.running = False
            self._targets[target.name].disks += vm.disks

    def build(self, machine: Machine, target: MasterTarget, datastore: str) -> None:
        with self._lock:
            view = self._targets[target.name]
            self._machines[machine.uuid] = _Vm(view.host, datastore, False, len(machine.disks_gb))
            view.disks += len(machine.disks_gb)

    def give_back(self, machine: Machine, target: MasterTarget, snapshot: bool = False) -> None:
        with self._lock:
            vm = self._get(machine)
            self._targets[target.name].disks -= vm.disks
            vm.running, vm.snapshot = True, snapshot

    def drop_snapshot(self, machine: Machine) -> None:
        self._get(machine).snapshot = False

    def revert(self, machine: Machine) -> None:
        vm = self._get(machine)
        vm.running = vm.snapshot = False

    def close(self) -> None:
        return None

    def _get(self, machine: Machine) -> _Vm:
        try:
            return self._machines[machine.uuid]
        except KeyError:
            raise OnPremError("gone", f"{machine.name} is not in vCenter") from None
