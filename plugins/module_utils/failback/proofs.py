# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""The proofs a commit needs. A commit to on-premises deletes the Azure VM for good, so every one must hold.

To on-premises: the failover's job succeeded, the machine is powered on in vCenter, the Azure VM is stopped.
To Azure: the failover's job succeeded, the Azure VM is running, the machine is off on-premises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .items import Item, Job, Json, last_segment
from .lifecycle import COMMIT_TO_ONPREM
from .ports import SiteMachine
from .shapes import AZURE_VM, understood


@dataclass(frozen=True)
class Unproven:
    """A proof that does not hold. ``waits``: time may heal it (a machine that is still starting)."""

    code: str
    reason: str
    remedy: str
    waits: bool = False


@dataclass(frozen=True)
class Evidence:
    """What was read for one item: its failover's job, the VMs of vCenter and of Azure that may be it."""

    item: Item
    job: Job | None
    site: tuple[SiteMachine, ...]
    azure: tuple[Json, ...]


def site_matches(item: Item, machines: Sequence[SiteMachine]) -> tuple[SiteMachine, ...]:
    """The item's on-premises machine: by its UUID, else (a machine made anew, a physical server) by name."""
    uuid = (item.site_uuid or "").lower()
    by_uuid = tuple(m for m in machines if uuid and uuid in (m.uuid.lower(), m.bios_uuid.lower()))
    if by_uuid:
        return by_uuid
    return tuple(m for m in machines if m.name.lower() == item.friendly_name.lower() and not m.template)


#: What a failover appends to the planned name of an Azure VM where that is taken (SEEN RCM 129: "-" and a GUID).
_RENAMED = re.compile(r"^(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)


def planned_name(vm_id: str) -> str:
    """The name an Azure VM had before a failover renamed it; its own name where it was not."""
    name = last_segment(vm_id)
    renamed = _RENAMED.match(name)
    return renamed.group(1) if renamed else name


def azure_matches(item: Item, machines: Sequence[Json], told: str = "") -> tuple[Json, ...]:
    """The item's Azure VM: by the id the item carries, else by its planned name in its resource group.

    A modernized item names its Azure VM's id only after the reprotect, and goes on planning the old name where the failover
    had to take another (SEEN RCM 130, 158). ``told`` is what the failover's job said: a VM it names by its new name is
    the one. Without that word two candidates remain two, and prove nothing.
    """
    wanted = (item.azure_vm_id or "").lower()
    if wanted:
        return tuple(m for m in machines if str(m.get("id") or "").lower() == wanted)
    name = item.azure_vm_name.lower()
    group = str(item.details.get("targetResourceGroupId") or "").lower()
    ids = [(str(m.get("id") or "").lower(), m) for m in machines]
    found = [(vm_id, m) for vm_id, m in ids if name in (last_segment(vm_id), planned_name(vm_id))]
    if group:
        found = [(vm_id, m) for vm_id, m in found if vm_id.startswith(f"{group}/")] or found
    renamed = [m for vm_id, m in found if last_segment(vm_id) != name and last_segment(vm_id) in told.lower()]
    return tuple(renamed or [m for _vm_id, m in found])


def power_state(machine: Json) -> str:
    """The word behind PowerState/ in an Azure VM's instance view: running, stopped, deallocated ... or ""."""
    machine, _odd = understood(machine, AZURE_VM)
    view: Json = (machine.get("properties") or {}).get("instanceView") or {}
    for status in view.get("statuses") or ():
        code = str(status.get("code") or "")
        if code.lower().startswith("powerstate/"):
            return code.partition("/")[2].lower()
    return ""


def prove(evidence: Evidence, leg: str) -> list[Unproven]:
    """The proofs that do not hold for this very failover; an empty list lets the commit go."""
    home = leg == COMMIT_TO_ONPREM
    found = [_job(evidence, home), _site(evidence, home), _azure(evidence, home)]
    return [proof for proof in found if proof is not None]


def _job(evidence: Evidence, home: bool) -> Unproven | None:
    job = evidence.job
    if job is None and home and evidence.item.came_home:
        # The item itself says of its last planned failover that it succeeded (SPEC lastPlannedFailoverStatus).
        return None
    if job is None:
        return Unproven(
            "failover_job_not_found",
            "The vault lists no job of this failover, so its success is not proven.",
            "Look at the machine yourself and commit it in the portal if all is well.",
        )
    if job.alive:
        return Unproven(
            "failover_running", "The failover's job has not ended yet.", "Wait until it has, then run this again.", True
        )
    if not job.succeeded:
        said = "; ".join(f"{p.code}: {p.message}" for p in job.errors[:2])
        return Unproven(
            "failover_not_succeeded",
            f"The failover's job ended {job.state}" + (f" ({said})." if said else "."),
            "Resolve what the job names, look at the machine, and commit it in the portal if all is well.",
        )
    return None


def _site(evidence: Evidence, home: bool) -> Unproven | None:
    machines = evidence.site
    name = evidence.item.friendly_name
    if len(machines) > 1:
        return Unproven(
            "onprem_ambiguous",
            f"vCenter has {len(machines)} machines that could be {name!r}, so its power state is not proven.",
            "Rename or remove the stray ones, then run this again.",
        )
    if machines and machines[0].doubt:
        return Unproven(
            "onprem_unreachable",
            f"The on-premises machine is out of vCenter's sight: {machines[0].doubt}, so that its power state is only what "
            "it was before.",
            "Bring its host and its connection to vCenter back, look at the machine, then run this again.",
            True,
        )
    if home:
        if not machines:
            return Unproven(
                "onprem_missing",
                f"vCenter has no machine {name!r}.",
                "Check that 'hostname' names the vCenter it came home to, then run this again.",
                True,
            )
        if not machines[0].powered_on:
            word = (
                "not powered on"
                if machines[0].powered_on is False
                else machines[0].power or "in an unknown power state"
            )
            return Unproven(
                "onprem_not_running",
                f"The on-premises machine is {word} in vCenter.",
                "Power it on and look at it, then run this again.",
                True,
            )
    elif machines and machines[0].powered_on is not False:
        word = "powered on" if machines[0].powered_on else machines[0].power or "in an unknown power state"
        return Unproven(
            "onprem_running",
            f"The on-premises machine is {word} in vCenter although the machine runs in Azure.",
            "Shut it down so that only one of the two runs, then run this again.",
            True,
        )
    return None


def _azure(evidence: Evidence, home: bool) -> Unproven | None:
    machines = evidence.azure
    name = evidence.item.azure_vm_name
    if len(machines) > 1:
        return Unproven(
            "azure_vm_ambiguous",
            f"The subscription has {len(machines)} Azure VMs named {name!r}, so its power state is not proven.",
            "Rename or remove the stray ones, then run this again.",
        )
    if not machines:
        return Unproven(
            "azure_vm_missing",
            f"The Azure VM {name!r} is not in the subscription, so its power state is not proven.",
            "Check the account's permission to read virtual machines, then run this again.",
            not home,
        )
    state = power_state(machines[0])
    if home and state not in ("stopped", "deallocated"):
        return Unproven(
            "azure_vm_not_stopped",
            f"The Azure VM {name!r} is {state or 'in an unknown power state'}, not stopped.",
            "Stop it so that only one of the two runs, then run this again.",
            True,
        )
    if not home and state != "running":
        return Unproven(
            "azure_vm_not_running",
            f"The Azure VM {name!r} is {state or 'in an unknown power state'}, not running.",
            "Start it and look at it, then run this again.",
            True,
        )
    return None
