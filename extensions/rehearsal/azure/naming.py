# SPDX-License-Identifier: GPL-3.0-or-later
"""What both generations call a machine's disks, and the address its Azure VM gets."""

from __future__ import annotations

from rehearsal.fleet import Machine, stable_uuid


def disk_names(machine: Machine) -> list[str]:
    """Windows and Linux name disks differently; sdX names are those of the time of protection."""
    if machine.os.lower() == "windows":
        return [rf"\\.\PHYSICALDRIVE{n}" for n in range(len(machine.disks_gb))]
    return [f"/dev/sd{chr(ord('a') + n)}" for n in range(len(machine.disks_gb))]


def protected_name(machine: Machine, number: int) -> str:
    """What a classic item calls a disk that it replicates: of Windows its number alone (SEEN)."""
    return f"Disk{number}" if machine.os.lower() == "windows" else disk_names(machine)[number]


def disk_ids(machine: Machine) -> list[str]:
    return [
        f"{{{stable_uuid('disk', machine.vault, machine.name, str(n)).upper()}}}" for n in range(len(machine.disks_gb))
    ]


def new_disk_ids(machine: Machine, count: int) -> list[str]:
    """Ids of disks that the machine got later and that are not replicated, in order."""
    first = len(machine.disks_gb)
    return [f"{{{stable_uuid('disk', machine.vault, machine.name, str(first + n)).upper()}}}" for n in range(count)]


def seed_disk_names(machine: Machine) -> list[str]:
    """Names of the disks in Azure that replication writes to (INFER)."""
    return [f"asrseeddisk-{machine.name}-{n}" for n in range(len(machine.disks_gb))]


def azure_ip(machine: Machine) -> str:
    """The machine's address in a network of Azure's own address space."""
    octets = machine.ip.split(".")
    return ".".join(["10", "50", *octets[2:]])
