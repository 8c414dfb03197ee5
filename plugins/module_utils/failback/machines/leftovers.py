# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the Azure VMs of committed machines are really gone, read once at the end of a run.

A commit home deletes the Azure VM (DOC), but a lock on it or on its resource group lets the VM stay while the job succeeds.
"""

from __future__ import annotations

from typing import Union

from ..lifecycle.table import COMMIT_TO_ONPREM
from ..model.errors import ConnectionFailed, FailbackError, NotFound, ReadFailed, certain
from ..model.items import Json, Problem
from .evidence import azure_vm
from .proofs import power_state
from .state import SliceState
from .track import Track

LEFT = "azure_vm_remains"


def look_for_leftovers(state: SliceState) -> None:
    """A warning for each machine whose Azure VM still exists after its commit; one that cannot be read is reported as such."""
    committed = [track for track in state.memory.tracks.values() if track.azure_vm and _committed(track)]

    def read(track: Track) -> Union[Json, FailbackError]:
        try:
            return azure_vm(state.vaults, track.azure_vm)
        except (ReadFailed, ConnectionFailed) as exc:
            return exc

    state.count_reads(len(committed))
    for track, found in zip(committed, state.spread(read, committed), strict=True):
        vm_id = track.hand_over_vm()
        job = certain(track.verdict(COMMIT_TO_ONPREM))
        certain(track.entry(job.name))["azure_vm"] = vm_id
        if isinstance(found, NotFound):
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


def _committed(track: Track) -> bool:
    """Whether a commit home of this run has succeeded."""
    job = track.verdict(COMMIT_TO_ONPREM)
    return job is not None and job.succeeded
