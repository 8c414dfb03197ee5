# SPDX-License-Identifier: GPL-3.0-or-later
"""A master target's VM in vCenter: which one it is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.refusal import Refusal
from ..model.server_ports import SiteServer, short_name
from ..model.servers import MasterTarget
from ..wanted.selection import listing

#: Controllers a master target may have for its disks (DOC REP18, PREP: LSI Logic only).
LSI = frozenset({"lsilogic", "lsilogic-sas"})


def match_vm(server: MasterTarget, vms: Sequence[SiteServer]) -> SiteServer | Refusal:
    """The one VM that is this master target, or why there is not exactly one.

    A VM whose guest has the server's address is believed first; else the names decide (the VM's, or the guest's).
    """
    itself = [
        v for v in vms if server.vm_uuid and server.vm_uuid.casefold() in (v.uuid.casefold(), v.bios_uuid.casefold())
    ]
    if len(itself) == 1:
        # An appliance names its VM (SEEN RCM 131: fabricObjectId).
        return itself[0]
    named = [v for v in vms if short_name(server.name) in (short_name(v.name), short_name(v.host_name))]
    at_address = [v for v in vms if server.ip and server.ip in v.addresses]
    for candidates in ([v for v in named if v in at_address], named, at_address):
        if len(candidates) == 1:
            return candidates[0]
    candidates = named or at_address
    if not candidates:
        return Refusal(
            "vm_not_found",
            f"vCenter has no virtual machine for the {server.kind} {server.name} ({server.ip or server.fqdn}).",
            "A master target must be a VMware VM of the vCenter in `hostname`; check the option and the VM's name.",
        )
    return Refusal(
        "vm_ambiguous",
        f"vCenter has {len(candidates)} virtual machines that could be the {server.kind} {server.name}: "
        f"{listing(f'{v.name} ({v.moid})' for v in candidates)}.",
        "Rename the others, or start VMware Tools so that the IP address identifies the right one.",
    )


def judge_vm(vm: SiteServer) -> list[Refusal]:
    """The verdict about a master target's VM in vCenter (checks 26, 27, 28 and 41). Stale data is not evaluated."""
    if vm.doubt:
        return [
            Refusal(
                "vm_unreachable",
                f"The state of the virtual machine {vm.name} is unknown: {vm.doubt}.",
                "Restore its host, its datastore and their connection to vCenter.",
                waits=True,
            )
        ]
    reasons = []
    if vm.has_snapshot:
        reasons.append(
            Refusal(
                "has_snapshot",
                f"The virtual machine {vm.name} has a snapshot, which a master target must not have.",
                "Delete all its snapshots.",
            )
        )
    wrong = sorted(({"pvscsi"} & set(vm.controllers)) | {d.controller for d in vm.disks if d.controller} - LSI)
    if wrong:
        reasons.append(
            Refusal(
                "controller_not_lsi",
                (
                    f"The virtual machine {vm.name} has a {', '.join(wrong)} controller; a master target supports LSI "
                    "Logic only."
                ),
                "Power it off and change its SCSI controllers to LSI Logic.",
            )
        )
    if not vm.uuid_enabled:
        reasons.append(
            Refusal(
                "uuid_not_enabled",
                f"disk.EnableUUID is not TRUE on the virtual machine {vm.name}.",
                "Set it with `enable_uuid: true` while the machine is off.",
            )
        )
    if not vm.powered_on:
        word = "powered off" if vm.powered_on is False else vm.power or "in an unknown power state"
        reasons.append(Refusal("powered_off", f"The virtual machine {vm.name} is {word}.", "Power it on.", waits=False))
    elif not vm.tools_running:
        reasons.append(
            Refusal(
                "tools_not_running",
                f"VMware Tools is not running on {vm.name}, so the vault cannot see the datastores of its host.",
                "Install or start VMware Tools (or open-vm-tools) on it.",
                waits=True,
            )
        )
    return reasons
