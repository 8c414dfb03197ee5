# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving disks between machines, as a failback does."""

from __future__ import annotations

from pyVmomi import vim

from rehearsal.vcenter import client


def reconfigure(si, vm, *changes):
    client.wait(si, vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=list(changes))))


def detach(si, vm, disk):
    reconfigure(si, vm, vim.vm.device.VirtualDeviceSpec(operation="remove", device=disk))


def attach(si, vm, file, unit, claimed_kb=0):
    """Attach an existing file; ``claimed_kb`` is the size the request claims, which vCenter must not believe."""
    (controller,) = (d for d in vm.config.hardware.device if isinstance(d, vim.vm.device.VirtualSCSIController))
    disk = vim.vm.device.VirtualDisk(
        key=-1,
        controllerKey=controller.key,
        unitNumber=unit,
        capacityInKB=claimed_kb,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName=file, diskMode="persistent"),
    )
    reconfigure(si, vm, vim.vm.device.VirtualDeviceSpec(operation="add", device=disk))
    return next(d for d in client.disks(si, vm) if d.backing.fileName == file)


def identity(disk):
    return disk.backing.fileName, disk.capacityInKB, disk.capacityInBytes, disk.backing.uuid


def there_and_back(si, machine, target, claimed_kb=0):
    """A powered-off machine's disk goes to the master target and comes home; returns its identity at each stop."""
    disk = min(client.disks(si, machine), key=lambda d: d.unitNumber)
    stops = [identity(disk)]
    detach(si, machine, disk)
    stops.append(identity(attach(si, target, disk.backing.fileName, 9, claimed_kb)))
    detach(si, target, next(d for d in client.disks(si, target) if d.backing.fileName == disk.backing.fileName))
    stops.append(identity(attach(si, machine, disk.backing.fileName, disk.unitNumber, claimed_kb)))
    return stops
