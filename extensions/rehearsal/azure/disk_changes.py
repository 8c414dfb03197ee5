# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes a machine of vCenter in its disks: device specifications that move disks between machines as files."""

from __future__ import annotations

from typing import Any

from rehearsal.azure.onprem import OnPremError
from rehearsal.azure.onprem_look import SeenTarget
from rehearsal.vcenter import seed
from rehearsal.vcenter.sdk import vim

CONTROLLERS = 4


def removal(device: Any) -> Any:
    """Without a file operation: the file stays."""
    return vim.vm.device.VirtualDeviceSpec(operation="remove", device=device)


def addition(disk: Any, controller: int, unit: int) -> Any:
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


def attachments(seen: SeenTarget, disks: list[Any]) -> list[Any]:
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
        changes.append(addition(disk, key, unit))
    return changes
