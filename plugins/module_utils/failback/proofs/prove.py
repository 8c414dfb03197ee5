# SPDX-License-Identifier: GPL-3.0-or-later
"""The proofs a commit needs. A commit to on-premises deletes the Azure VM for good, so every one must hold.

To on-premises: the failover's job succeeded, the machine is powered on in vCenter, the Azure VM is stopped.
To Azure: the failover's job succeeded, the Azure VM is running, the machine is off on-premises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..lifecycle.table import COMMIT_TO_ONPREM
from ..model.errors import FailbackError
from ..model.hints import accepting
from ..model.identity import NOTHING, Found
from ..model.items import Item, Json
from ..model.jobs import Job
from ..model.ports import SiteMachine
from ..model.refusal import Refusal
from ..model.shapes import AZURE_VM, understood


@dataclass(frozen=True)
class Evidence:
    """What was read for one item: its failover's job, the VMs of vCenter and of Azure that may be it."""

    item: Item
    job: Job | None
    site: tuple[SiteMachine, ...]
    azure: tuple[Json, ...]
    #: How those were found, or why they were not.
    site_found: Found = NOTHING
    azure_found: Found = NOTHING
    #: Names of VMs that vCenter cannot read, where Azure was searched, and why that could not be read.
    unreadable: tuple[str, ...] = ()
    looked: str = ""
    azure_error: FailbackError | None = None
    #: Master target or appliance by each disk file that is attached to it.
    held: Mapping[str, str] = field(default_factory=dict)


#: Provisioning states in which an Azure VM's power state may not be true.
UNSETTLED = ("failed", "updating", "creating", "deleting")


def power_state(machine: Json) -> str:
    """The word behind PowerState/ in an Azure VM's instance view: running, stopped, deallocated ... or ""."""
    machine, _odd = understood(machine, AZURE_VM)
    view: Json = (machine.get("properties") or {}).get("instanceView") or {}
    for status in view.get("statuses") or ():
        code = str(status.get("code") or "")
        if code.lower().startswith("powerstate/"):
            return code.partition("/")[2].lower()
    return ""


def prove(evidence: Evidence, step: str) -> list[Refusal]:
    """The proofs that do not hold for this very failover; an empty list lets the commit go."""
    home = step == COMMIT_TO_ONPREM
    found = [_job(evidence, home), _site(evidence, home), *_azure(evidence, home)]
    return [proof for proof in found if proof is not None]


def provisioning(machine: Json) -> str:
    """An Azure VM's provisioning state, in lower case."""
    return str((machine.get("properties") or {}).get("provisioningState") or "").lower()


def _job(evidence: Evidence, home: bool) -> Refusal | None:
    job = evidence.job
    if job is None and home and evidence.item.came_home:
        # The item itself reports that its last planned failover succeeded (SPEC lastPlannedFailoverStatus).
        return None
    if job is None:
        return Refusal(
            "failover_job_not_found",
            "The vault lists no job for this failover, so its success cannot be verified.",
            "Check the machine yourself and commit it in the portal if it is in order.",
        )
    if job.alive:
        return Refusal(
            "failover_running", "The failover job is still running.", "Wait for it to end, then rerun.", True
        )
    if not job.succeeded:
        said = "; ".join(f"{p.code}: {p.message}" for p in job.errors[:2])
        return Refusal(
            "failover_not_succeeded",
            f"The failover job ended {job.state}" + (f" ({said})." if said else "."),
            "Fix what the job reports, check the machine, and commit it in the portal if it is in order.",
        )
    return None


def _site(evidence: Evidence, home: bool) -> Refusal | None:
    machines, found = evidence.site, evidence.site_found
    name = evidence.item.friendly_name
    if found.clash:
        return Refusal(
            "onprem_contradiction",
            f"The ids of the on-premises machine contradict each other: {found.clash}.",
            "Find out which of the machines was failed back, and commit it in the portal if it is in order.",
        )
    if len(machines) > 1:
        listed = ", ".join(f"{m.name} ({m.uuid or m.moid})" for m in machines)
        return Refusal(
            "onprem_ambiguous",
            (
                f"vCenter has {len(machines)} machines with the ids of {name!r}, so its power state cannot be verified: "
                f"{listed}."
            ),
            "Give the copy its own UUID or remove it, then rerun.",
        )
    if not machines and evidence.unreadable:
        return Refusal(
            "onprem_unreachable",
            f"vCenter has no machine with the ids of {name!r}, but cannot read some that could be it "
            f"({', '.join(evidence.unreadable[:3])}).",
            "Restore their host, their datastore and their connection to vCenter, then rerun.",
            True,
        )
    if home and not machines and found.alike:
        like = ", ".join(f"{m.name} with UUID {m.uuid or m.bios_uuid}" for m in found.alike)
        return Refusal(
            "onprem_identity",
            f"The ids do not identify {name!r} in vCenter: {found.compared}; vCenter has {like}.",
            "Check that VM. If it is the machine (recreated, for example), accept it by its UUID: "
            + accepting({"onprem_identity": f"UUID is {_called(evidence, found)}, says NAME"}),
        )
    if machines and machines[0].doubt:
        return Refusal(
            "onprem_unreachable",
            f"vCenter cannot see the on-premises machine: {machines[0].doubt}, so its power state is out of date.",
            "Restore its host and its connection to vCenter, check the machine, then rerun.",
            True,
        )
    if home:
        if not machines:
            return Refusal(
                "onprem_missing",
                f"vCenter has no machine {name!r}{f' ({found.compared})' if found.compared else ''}.",
                "Check that 'hostname' is the vCenter it was failed back to, then rerun.",
                True,
            )
        if not machines[0].powered_on:
            word = (
                "not powered on"
                if machines[0].powered_on is False
                else machines[0].power or "in an unknown power state"
            )
            return Refusal(
                "onprem_not_running",
                f"The on-premises machine is {word} in vCenter.",
                "Power it on, check it, then rerun.",
                True,
            )
    elif machines and machines[0].powered_on is not False:
        word = "powered on" if machines[0].powered_on else machines[0].power or "in an unknown power state"
        return Refusal(
            "onprem_running",
            f"The on-premises machine is {word} in vCenter although the machine runs in Azure.",
            "Shut it down so that only one of the two is running, then rerun.",
            True,
        )
    return None


def _called(evidence: Evidence, found: Found) -> str:
    """What a reason must name so that it refers to this machine only."""
    return evidence.item.name if found.shared else evidence.item.friendly_name


def _gone(others: bool) -> str:
    """How to confirm that an Azure VM no longer exists; if others have its name, that none of them is it."""
    if others:
        return (
            " If it really no longer exists and each VM of that name belongs to another machine, accept that and list "
            "them: " + accepting({"azure_vm_missing": "RESOURCE_ID is another machine, says NAME"})
        )
    return f" If it really no longer exists, accept that: {accepting({'azure_vm_missing': 'reason'})}"


def _azure(evidence: Evidence, home: bool) -> list[Refusal]:
    """What is missing of the Azure VM; a failed provisioning state may be accepted, its power state speaks for itself."""
    found = _azure_vm(evidence)
    if found is not None:
        return [found]
    if not evidence.azure:
        return [_azure_missing(evidence, home)]
    unsettled = _azure_unsettled(evidence)
    if unsettled is not None and unsettled.waits:
        return [unsettled]
    return [refusal for refusal in (unsettled, _azure_power(evidence, home)) if refusal is not None]


def _azure_vm(evidence: Evidence) -> Refusal | None:
    machines, found = evidence.azure, evidence.azure_found
    name = evidence.item.azure_vm_name
    if found.clash:
        return Refusal(
            "azure_vm_contradiction",
            f"The ids of the Azure VM contradict each other: {found.clash}.",
            "Find out which of them is the machine's, and commit it in the portal if it is in order.",
        )
    if len(machines) > 1:
        listed = ", ".join(str(m.get("id") or "") for m in machines)
        return Refusal(
            "azure_vm_ambiguous",
            f"{len(machines)} Azure VMs could be {name!r}: {listed}.",
            "Check them, and commit the machine in the portal if it is in order.",
        )
    if not machines and found.alike and not found.by_resource:
        return Refusal(
            "azure_identity",
            f"The ids do not identify the Azure VM {name!r}, and a name alone is not enough: {found.compared}.",
            "Check the VM. If it is the machine's, accept it by its resource id: "
            + accepting({"azure_identity": f"RESOURCE_ID is {_called(evidence, found)}, says NAME"}),
        )
    return None


def _azure_missing(evidence: Evidence, home: bool) -> Refusal:
    found, name = evidence.azure_found, evidence.item.azure_vm_name
    other = ", ".join(str(m.get("id") or "") for m in found.alike)
    return Refusal(
        "azure_vm_missing",
        f"The Azure VM {name!r} was not found in {evidence.looked or 'the subscription'}"
        + (f" ({found.compared})" if found.compared else "")
        + (f"; VMs with that name: {other}" if other else "")
        + ". It may have been moved or deleted, or the account may not see it.",
        "Check that the account may read virtual machines there; move the VM back if it was moved."
        + (_gone(bool(other)) if home else ""),
        not home,
    )


def _azure_unsettled(evidence: Evidence) -> Refusal | None:
    state, name = provisioning(evidence.azure[0]), evidence.item.azure_vm_name
    if state not in UNSETTLED:
        return None
    remedy = "Check the VM in Azure and fix its state, then rerun."
    if state == "failed":
        # It stays after a failed change or extension, whatever the VM does since.
        remedy += f" If the VM is stopped and its disks are in order, accept it: {accepting({'azure_vm_unsettled': 'reason'})}"
    return Refusal(
        "azure_vm_unsettled",
        f"Azure reports the VM {name!r} as {state.capitalize()}, so its power state cannot be trusted.",
        remedy,
        state != "failed",
    )


def _azure_power(evidence: Evidence, home: bool) -> Refusal | None:
    state, name = power_state(evidence.azure[0]), evidence.item.azure_vm_name
    if home and state not in ("stopped", "deallocated"):
        return Refusal(
            "azure_vm_not_stopped",
            f"The Azure VM {name!r} is {state or 'in an unknown power state'}, not stopped.",
            "Stop it so that only one of the two is running, then rerun.",
            True,
        )
    if not home and state != "running":
        return Refusal(
            "azure_vm_not_running",
            f"The Azure VM {name!r} is {state or 'in an unknown power state'}, not running.",
            "Start it, check it, then rerun.",
            True,
        )
    return None
