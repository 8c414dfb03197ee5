# SPDX-License-Identifier: GPL-3.0-or-later
"""What shows that a machine has arrived on-premises: VMware Tools run and report an address, and it has its disks. Pure.

A VM that is powered on may hang in its boot loader, or run without a disk that stayed attached to the master target. Both
are gates (lifecycle/gates.py): a person may accept them by name and reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..lifecycle.reported import raw_disks
from ..model.identity import disk_uuids
from ..model.items import Item
from ..model.ports import SiteMachine
from ..model.refusal import Refusal


def tools_gate(vm: SiteMachine, approved: bool) -> Refusal | None:
    """Whether VMware Tools show that the guest runs. Where they cannot show it, a person's approval is needed."""
    if vm.tools == "running":
        if vm.addresses:
            return None
        return Refusal(
            "onprem_tools",
            "VMware Tools run on the on-premises machine but report no address.",
            "Check its network.",
            True,
        )
    if vm.tools == "not_running":
        return Refusal(
            "onprem_tools",
            "VMware Tools are installed on the on-premises machine but do not run.",
            "Check on its console whether the operating system has started.",
            True,
        )
    if approved:
        return None
    why = "are not installed on the on-premises machine" if vm.tools == "not_installed" else "have an unknown state"
    return Refusal(
        "onprem_tools",
        f"VMware Tools {why}, so nothing shows that its operating system runs.",
        "Check the machine yourself, then approve it by name ({set:commit_when=manual}, {option:approved}).",
    )


def holders(servers: Iterable[SiteMachine]) -> dict[str, str]:
    """Name of the master target or appliance by each disk file that is attached to it."""
    return {disk.file: server.name for server in servers for disk in server.disks if disk.file}


def disks_gate(item: Item, vm: SiteMachine, held: Mapping[str, str]) -> Refusal | None:
    """Whether the machine has its disks again. ``held`` as ``holders`` gives it.

    The vault tells how many disks are replicated, and of some machines their UUIDs; a VM may have more.
    """
    remedy = (
        "Detach them from the master target or appliance and attach them to the machine (their files are in its own "
        "folder), check the machine, then rerun."
    )
    own = {disk.uuid.replace("-", "").lower() for disk in vm.disks}
    # Disks of the machine that hang on a master target: by file where they hang on both, by UUID or folder where only there.
    folders = {disk.file.rpartition("/")[0] for disk in vm.disks if "/" in disk.file} | {
        f"[{store}] {vm.name}" for store in vm.datastores
    }
    known = {uuid.replace("-", "").lower() for uuid in disk_uuids(item)}
    left = sorted(
        f"{file} ({server})"
        for file, server in held.items()
        if file in {disk.file for disk in vm.disks} or file.rpartition("/")[0] in folders
    )
    if left:
        return Refusal(
            "onprem_disks",
            f"Disks of the machine are still attached to a master target or appliance: {', '.join(left[:3])}.",
            remedy,
            True,
        )
    wanted = raw_disks(item)
    missing = known - own
    if len(vm.disks) < len(wanted) or missing:
        return Refusal(
            "onprem_disks",
            f"The on-premises machine has {len(vm.disks)} disks attached, and {len(wanted)} are replicated"
            + (f"; the UUID {min(missing)} is missing." if missing else "."),
            remedy,
            True,
        )
    return None
