# SPDX-License-Identifier: GPL-3.0-or-later
"""What it means that a master target kept or lost its place between reprotect and commit. Pure.

Check 43 of failback-domain.md section 4, and 1.8 (DOC REP18, PREP, SUPT): a storage move takes the attached disks of
other machines along, and their failback cannot detach them; a move to another host does no harm.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..model.items import iso
from ..model.refusal import Advice, Refusal
from ..model.server_ports import VmChange, VmPlace
from ..wanted.selection import listing

#: Code of an exclusion that the cluster makes nothing of.
WITHOUT_EFFECT = "exclusion_without_effect"

#: Code of a location whose note cannot be read.
NOTE_UNREADABLE = "place_note_unreadable"

EXCLUDED, RESTORED, UNCHANGED, WATCHED = "excluded", "restored", "unchanged", "watched"

#: Option `vmotion_exclusion` -> what to do with the noted place.
MODES = {EXCLUDED: "keep", WATCHED: "look", RESTORED: "forget"}


def judge_place(place: VmPlace, exclusion: str) -> tuple[tuple[Refusal, ...], tuple[Advice, ...]]:
    """Reasons to stop, and warnings. A restored exclusion only reports: the failback is over then."""
    if place.refusal is not None:
        return _told(place.refusal, exclusion) if place.refusal.code == NOTE_UNREADABLE else ((place.refusal,), ())
    if place.running:
        reason = Refusal(
            "moving_now",
            f"{place.name} is being moved ({listing(place.running)}).",
            "Wait for it to finish. If the master target holds disks of other machines, cancel it in vCenter.",
            waits=True,
        )
        return _told(reason, exclusion)
    who = "; ".join(m.sentence for m in place.moves) or "vCenter's events do not show who moved it"
    # Away and back again is a move as well for the disks that hung on it.
    travelled = any(m.from_datastore and m.to_datastore and m.from_datastore != m.to_datastore for m in place.moves)
    if place.moved_storage or (travelled and place.foreign_disks):
        sentence = (
            f"{place.name} has left the datastores it was on since {iso(place.since)} "
            f"({listing(place.noted_datastores)}; now {listing(place.datastores)}): {who}."
        )
        if place.foreign_disks:
            files = f" ({listing(place.foreign_files)})" if place.foreign_files else ""
            reason = Refusal(
                "master_target_moved",
                f"{sentence} It holds {_disks(place.foreign_disks)} of other machines{files}, which moved with it "
                "and cannot be detached.",
                "Find those disks (VMDK files) on the datastores, and attach them to their machines by hand after "
                "the failover, or enable replication of those machines again. Then restore its vMotion settings and "
                "exclude it again.",
            )
            return _told(reason, exclusion)
        return (), (Advice(f"{sentence} It held no disks of other machines, so nothing is lost."),)
    if place.moved_host:
        sentence = f"{place.name} moved from host {place.noted_host} to {place.host} since {iso(place.since)}: {who}."
        return (), (Advice(f"{sentence} That is harmless as long as its new host reaches the same datastores."),)
    if place.moves:
        said = f"{place.name} was moved since {iso(place.since)} and is back in its original location: {who}."
        return (), (Advice(said),)
    return (), ()


def _told(reason: Refusal, exclusion: str) -> tuple[tuple[Refusal, ...], tuple[Advice, ...]]:
    if exclusion == RESTORED:
        return (), (Advice(reason.reason),)
    return (reason,), ()


def verified(change: VmChange) -> tuple[VmChange, tuple[Advice, ...]]:
    """An exclusion that is only read: ``change`` is what excluding would do. One that was made and is gone is refused."""
    looked = replace(change, after=change.before, changed=False, details=change.found)
    refusal = change.refusal
    if refusal is not None and refusal.code == WITHOUT_EFFECT and not change.found.get("noted"):
        # Nobody claimed that it was excluded.
        return replace(looked, refusal=None), (Advice(refusal.reason),)
    if refusal is not None or not change.changed:
        return looked, ()
    if not change.found.get("noted"):
        return looked, (
            Advice(
                f"{change.name} is not excluded from vMotion.",
                "To exclude it, {run:prepare} with `{set:vmotion_exclusion=excluded}`.",
            ),
        )
    lost = Refusal(
        "exclusion_lost",
        f"{change.name} was excluded from vMotion, but no longer is: {_words(change)}.",
        "To exclude it again, {run:prepare} before the next failover.",
    )
    return replace(looked, refusal=lost), ()


def _disks(number: int) -> str:
    return f"{number} disk{'' if number == 1 else 's'}"


def _words(change: VmChange) -> str:
    """What moves it, in the places where it is now: an override changed by hand, or another cluster."""
    found = change.found
    told = [f"DRS of the cluster {found['cluster']} is {found.get('drs')} for it"] if found.get("cluster") else []
    told += [
        f"Storage DRS of {pod['datastore_cluster']} is {pod['state']} for it" for pod in found.get("storage_drs") or ()
    ]
    return "; ".join(told) or change.before


def facts(place: VmPlace | None) -> dict[str, Any] | None:
    """A place as plain data for a result."""
    if place is None:
        return None
    return {
        "host": place.noted_host or place.host,
        "datastores": list(place.noted_datastores or place.datastores),
        "since": iso(place.since),
        "moved_host": place.moved_host,
        "moved_storage": place.moved_storage,
        "foreign_disks": place.foreign_disks,
        "moves": [vars(m) for m in place.moves],
    }
