# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates: what blocks moving a machine although the service would allow it. Pure.

A failover home ends the replication and its commit deletes the Azure VM with everything that was not copied, so a copy
that is incomplete or too old is not moved without an explicit override: a gate is accepted by its name and
a reason (``accept``), and both are kept in the result.

What a field means is SPEC (ReplicationDetails of both generations) unless a line says otherwise. Some stay alarming on
healthy items and are no gate: ``isLastUpgradeSuccessful`` is "false" and ``isInitialReplicationComplete`` "false" on
items that are ready (SEEN RCM 130, 162); after a failover ``rpoInSeconds`` grows and ``resyncRequired`` is Required (SEEN
RP1), so both are read before the failover only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ..model.hints import accepting
from ..model.items import Item, Json, iso, parse_time
from ..model.jobs import Job
from ..model.refusal import Refusal
from ..model.texts import age
from .failed_failover import FAILED_FAILOVER
from .health import health_entries, health_words
from .reported import disk_name, number_of, raw_disks

#: Seconds of the recovery point's age that pass where neither the user nor the policy says so (DOC failback policy).
RPO_LIMIT = 900

#: Seconds after which the last report about an item's replication, or of its agent, is stale; agents and servers
#: are heard of every 10 to 12 minutes in health (SEEN FB).
STALE = 3600


#: Word of each gate -> what it means; these are the keys of ``accept``.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "replication_health": "the vault reports that replication is not healthy",
        "failover_health": "the vault reports that the machine cannot be failed over reliably",
        "rpo": "the newest recovery point is older than {option:rpo_limit}",
        "resync_required": "the copy differs from the machine and needs a resynchronization",
        "resync_in_progress": "the copy is still synchronizing",
        "disk_resized": "a disk was resized and the copy was not",
        "disk_state": "a disk of the copy is not protected or not healthy",
        "disk_unprotected": "the Azure VM has disks that are not replicated and are deleted with it",
        "agent_silent": "the machine's agent has not reported for an hour",
        FAILED_FAILOVER: "the machine's last failover failed",
        "onprem_tools": "VMware Tools do not show that the on-premises machine's operating system runs",
        "onprem_disks": "the on-premises machine lacks disks, or a master target still has them",
        "guest_ports": "the on-premises machine does not reach the servers that protect it to Azure again",
        "azure_vm_missing": "the Azure VM no longer exists",
        "azure_vm_unsettled": "Azure reports the provisioning state Failed for the VM",
        "azure_identity": "the ids do not identify the machine's Azure VM; the reason gives its resource id",
        "onprem_identity": "the ids do not identify the machine's VM in vCenter; the reason gives its UUID",
    }
)

#: Categories of health errors that say nothing about the copy (SEEN 161011 TestFailover; SPEC).
ASIDE = frozenset({"testfailover", "versionexpiry", "agentautoupdateinfra", "agentautoupdateartifactdeleted"})

REPAIR = (
    "Fix what the vault reports (resynchronize the machine there if it asks for that) and wait until it is healthy."
)

_AGENT = (
    "Check that the machine is running in Azure, that its agent's services are running and that it reaches the vault."
)


def way_on(gates: Sequence[Refusal]) -> str:
    """The remedy for gates, or how to accept them."""
    words = accepting({gate.code: "reason" for gate in gates})
    said = " ".join(dict.fromkeys(gate.remedy for gate in gates))
    return f"{said} To accept it, give the reason: {words}"


def passed(gates: Iterable[Refusal], accept: Mapping[str, str]) -> tuple[list[Refusal], list[dict[str, str]]]:
    """The gates that remain, and those that were accepted, as in the result."""
    shut: list[Refusal] = []
    taken: list[dict[str, str]] = []
    for gate in gates:
        reason = str(accept.get(gate.code) or "").strip()
        if reason:
            taken.append({"gate": gate.code, "reason": reason, "text": gate.reason})
        else:
            shut.append(gate)
    return shut, taken


def health_gates(item: Item) -> list[Refusal]:
    """The gates from the vault's own health. Warnings count if they are about the replication."""
    found: list[Refusal] = []
    said = [e for e in health_entries(item) if _category(e) not in ASIDE]
    bad = [e for e in said if _level(e) != "warning" or _category(e) in ("replication", "")]
    word = item.health.lower()
    if word in ("", "none") or word not in ("normal", "warning", "critical"):
        found.append(
            Refusal(
                "replication_health",
                f"The vault does not report whether replication is healthy (health: {item.health or 'none'}).",
                "Check the machine in the vault.",
            )
        )
    elif word == "critical" or bad:
        told = health_words(bad or said) or "no reason given"
        found.append(
            Refusal("replication_health", f"The vault reports replication health {item.health}: {told}.", REPAIR)
        )
    if str(item.properties.get("failoverHealth") or "").lower() == "critical":
        told = health_words(said) or "no reason given"
        found.append(Refusal("failover_health", f"The vault reports failover health Critical: {told}.", REPAIR))
    return found


def copy_gates(item: Item, now: datetime, limit: float, chosen_point: bool = False) -> list[Refusal]:
    """All gates of an item that is ready, from its own GET. ``limit`` is the recovery point's greatest
    age in seconds; ``chosen_point``: an older point was chosen by name, so its age is intended."""
    found = health_gates(item)
    if not chosen_point:
        found += _rpo(item, now, limit)
    found += _resync(item)
    found += _disks(item)
    beat = item.agent_heartbeat
    if beat is None and item.agent_heartbeat_told:
        found.append(
            Refusal(
                "agent_silent",
                f"The machine's agent has never reported (last heartbeat {item.agent_heartbeat_told}).",
                _AGENT,
            )
        )
    if beat is not None and (now - beat).total_seconds() > STALE:
        found.append(
            Refusal(
                "agent_silent",
                f"The machine's agent last reported {age((now - beat).total_seconds())} ago ({iso(beat)}).",
                _AGENT,
            )
        )
    return found


def point_gate(job: Job | None, limit: float) -> list[Refusal]:
    """Whether the point that a failover used was fresh when the failover began. A job without a point is no evidence."""
    if job is None or job.point_time is None or job.start is None:
        return []
    lost = (job.start - job.point_time).total_seconds()
    if lost <= limit:
        return []
    return [
        Refusal(
            "rpo",
            f"The failover used the recovery point of {iso(job.point_time)}, {age(lost)} older than its start.",
            "Compare the machine's data with the Azure VM's before the Azure VM is deleted.",
        )
    ]


def _category(entry: Json) -> str:
    word = str(entry.get("errorCategory") or "").lower()
    return "" if word == "none" else word


def _level(entry: Json) -> str:
    return str(entry.get("errorLevel") or "error").lower()


def _rpo(item: Item, now: datetime, limit: float) -> list[Refusal]:
    """The recovery point's age: rpoInSeconds (classic), or the disks' last synchronisation where an item shows that."""
    remedy = (
        "Check the connection between the machine and the process server or appliance, and wait for a newer "
        "recovery point."
    )
    rpo = rpo_seconds(item)
    calculated = parse_time(item.details.get("lastRpoCalculatedTime"))
    synced = [when for d in raw_disks(item) if (when := parse_time(d.get("lastSyncTime"))) is not None]
    # A time that means "never" (items.SENTINEL_YEARS): the value next to it is no measurement.
    never = [disk_name(d) for d in raw_disks(item) if d.get("lastSyncTime") and parse_time(d["lastSyncTime"]) is None]
    text = ""
    if rpo is not None and rpo > limit:
        text = f"The newest recovery point is {age(rpo)} old (RPO {rpo:.0f} s, limit {limit:.0f} s)."
    elif calculated is None and item.details.get("lastRpoCalculatedTime"):
        text = f"The RPO was never calculated (lastRpoCalculatedTime {item.details['lastRpoCalculatedTime']})."
    elif never:
        text = f"{never[0]} was never synchronized."
    elif calculated is not None and (now - calculated).total_seconds() > max(limit, STALE):
        text = f"The RPO was last calculated {age((now - calculated).total_seconds())} ago ({iso(calculated)})."
    elif synced and (now - min(synced)).total_seconds() > max(limit, STALE):
        text = f"A disk was last synchronized {age((now - min(synced)).total_seconds())} ago ({iso(min(synced))})."
    elif rpo is None and item.instance_type == "InMage":
        text = "The vault does not report the age of the newest recovery point."
    return [Refusal("rpo", text, remedy)] if text else []


def rpo_seconds(item: Item) -> float | None:
    """The RPO of the item or its worst disk, in seconds; None where none is reported."""
    told = [number_of(item.details.get("rpoInSeconds")), number_of(item.details.get("lastRpoInSeconds"))]
    told += [number_of(d.get("rpoInSeconds")) for d in raw_disks(item)]
    known = [value for value in told if value is not None and value >= 0]
    return max(known, default=None)


def _resync(item: Item) -> list[Refusal]:
    found: list[Refusal] = []
    needy = [disk_name(d) for d in raw_disks(item) if _required(d.get("resyncRequired"))]
    if needy or _required(item.details.get("resyncRequired")):
        what = f" of {', '.join(needy[:3])}" if needy else ""
        found.append(
            Refusal(
                "resync_required",
                f"The vault asks for a resynchronization{what}.",
                "Resynchronize it in the vault and wait until that has finished.",
            )
        )
    doing = _syncing(item)
    if doing:
        found.append(
            Refusal(
                "resync_in_progress",
                f"Synchronization is not finished: {doing}.",
                "Wait until the synchronization has finished.",
            )
        )
    return found


#: Values of progress that appear only while data is transferred (SPEC).
_UNDER_WAY = frozenset({"inprogress", "slowprogress", "noprogress", "queued"})


def _of_a_sync(stage: str) -> bool:
    """A stage before the steady one, DifferentialSync (SEEN FB)."""
    return "initial" in stage.lower() or "resync" in stage.lower()


def _syncing(item: Item) -> str:
    """The first value that shows a synchronisation in progress; empty without one."""
    details = item.details
    state = str(details.get("resyncState") or "None")
    if state.lower() != "none":
        return f"resyncState {state}"
    for key in ("resyncProgressHealth", "initialReplicationProgressHealth", "totalProgressHealth"):
        word = str(details.get(key) or "None")
        if word.lower() in _UNDER_WAY:
            return f"{key} {word}"
    stage = str(details.get("protectionStage") or "")
    if _of_a_sync(stage):
        return f"protectionStage {stage}"
    whole = details.get("resyncDetails")
    share = number_of(whole.get("initialReplicationProgressPercentage")) if isinstance(whole, Mapping) else None
    if share is not None and 0 < share < 100:
        return f"resyncDetails {share:.0f}%"
    for key in ("resyncProgressPercentage", "initialReplicationProgressPercentage"):
        share = number_of(details.get(key))
        if share is not None and 0 < share < 100:
            return f"{key} {share:.0f}"
    for disk in raw_disks(item):
        stage = str(disk.get("protectionStage") or "")
        if _of_a_sync(stage):
            return f"{disk_name(disk)} is in {stage}"
        word = str(disk.get("progressHealth") or "")
        if word.lower() in _UNDER_WAY:
            return f"{disk_name(disk)}: progressHealth {word}"
        share = number_of(disk.get("resyncProgressPercentage"))
        if share is not None and 0 < share < 100:
            return f"{disk_name(disk)} is at {share:.0f}%"
        for key in ("resyncDetails", "irDetails"):
            told = disk.get(key)
            share = number_of(told.get("progressPercentage")) if isinstance(told, Mapping) else None
            if share is not None and 0 <= share < 100:
                return f"{disk_name(disk)} is at {share:.0f}%"
    return ""


def _disks(item: Item) -> list[Refusal]:
    found: list[Refusal] = []
    resized = [disk_name(d) for d in raw_disks(item) if _resized(d.get("diskResized"))]
    if resized or _resized(item.details.get("diskResized")):
        what = ", ".join(resized[:3]) or "a disk"
        found.append(
            Refusal(
                "disk_resized",
                f"The vault reports that {what} was resized after replication began.",
                (
                    "Enable replication again so that the copy has the new size, or make sure that there is no data "
                    "beyond the old size."
                ),
            )
        )
    ill = [
        f"{disk_name(d)}: {word}"
        for d in raw_disks(item)
        for word in (str(d.get("diskState") or ""), str(d.get("healthErrorCode") or ""))
        if word and word.lower() not in ("protected", "none")
    ]
    if ill:
        found.append(Refusal("disk_state", f"The vault reports unhealthy disks: {'; '.join(ill[:3])}.", REPAIR))
    wrong = [e for e in item.details.get("validationErrors") or () if isinstance(e, Mapping) and _level(e) != "warning"]
    if wrong:
        found.append(Refusal("failover_health", f"The vault reports for the machine: {health_words(wrong)}.", REPAIR))
    return found


#: Values that mean "no" or nothing (SEEN NotRequired, NotResized, "false"). Any other value closes the gate.
_NO = frozenset({"", "no", "none", "false", "notrequired", "notresized"})


def _required(value: Any) -> bool:
    return str(value or "").strip().lower() not in _NO


_resized = _required
