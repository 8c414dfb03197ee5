# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the Azure VMs of committed machines are really gone, read once at the end of a run.

A commit home deletes the Azure VM (DOC), but a lock on it or on its resource group lets the VM stay while the job succeeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Union

from ..lifecycle.table import COMMIT_TO_ONPREM
from ..model.errors import ConnectionFailed, FailbackError, NotFound, ReadFailed, certain
from ..model.items import Json
from ..model.jobs import Problem
from ..proofs.evidence import azure_vm
from ..proofs.prove import power_state
from ..tracking.state import SliceState
from ..tracking.track import Track

LEFT = "azure_vm_remains"

#: With at least this many VMs of one subscription, its list is read first; only the VMs in it are read individually.
MANY = 20


def look_for_azure_vms(state: SliceState) -> None:
    """A warning for each machine whose Azure VM still exists after its commit; one that cannot be read is reported as such."""
    committed = [track for track in state.memory.tracks.values() if track.azure_vm and _committed(track)]
    listed = _listed(state, committed)

    def read(track: Track) -> Union[Json, FailbackError, None]:
        known = listed.get(_subscription(track.azure_vm))
        if known is not None and track.azure_vm.lower() not in known:
            return None
        try:
            return azure_vm(state.vaults, track.azure_vm)
        except NotFound:
            return None
        except (ReadFailed, ConnectionFailed) as exc:
            return exc

    before = state.vaults.requests.reads
    answers = state.spread(read, committed)
    state.count_reads(state.vaults.requests.reads - before)
    for track, found in zip(committed, answers, strict=True):
        vm_id = track.hand_over_vm()
        job = certain(track.verdict(COMMIT_TO_ONPREM))
        certain(track.entry(job.name))["azure_vm"] = vm_id
        if found is None:
            continue
        if isinstance(found, FailbackError):
            said = f"Could not check whether the commit deleted the Azure VM {vm_id}: {found.message}"
            track.warn(Problem(LEFT, said, action="Check in Azure.", level="Warning"))
            continue
        provisioning = str((found.get("properties") or {}).get("provisioningState") or "").lower()
        if provisioning == "deleting":
            continue
        power = power_state(found) or "in an unknown power state"
        said = f"The commit succeeded, but the Azure VM {vm_id} is still there ({power})."
        causes = "There is a lock on the VM or its resource group, or the deletion is still running."
        action = "Make sure it stays off, remove the lock, and delete the VM, its disks and NICs by hand."
        track.warn(Problem(LEFT, said, causes, action, "Warning"))


def _listed(state: SliceState, committed: Sequence[Track]) -> dict[str, frozenset[str]]:
    """Ids of the VMs that are there, by subscription (all in lower case), where many of one are looked for.

    A list is whole or an error, so what is not in it is gone. A subscription whose list cannot be read, or has an entry
    without an id, is left out.
    """
    many = Counter(_subscription(track.azure_vm) for track in committed)
    listed: dict[str, frozenset[str]] = {}
    for subscription in (name for name, number in many.items() if name and number >= MANY):
        before = state.vaults.requests.reads
        try:
            machines = state.vaults.list_azure_machines(subscription)
        except (ReadFailed, ConnectionFailed):
            continue
        finally:
            state.count_reads(state.vaults.requests.reads - before)
        ids = [m.get("id") if isinstance(m, Mapping) else None for m in machines]
        if all(isinstance(vm_id, str) and vm_id for vm_id in ids):
            listed[subscription] = frozenset(str(vm_id).lower() for vm_id in ids)
    return listed


def _subscription(vm_id: str) -> str:
    """The subscription in an Azure VM's id, in lower case; empty where it names none."""
    parts = vm_id.lower().split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else ""


def _committed(track: Track) -> bool:
    """Whether a commit home of this run has succeeded."""
    job = track.verdict(COMMIT_TO_ONPREM)
    return job is not None and job.succeeded
