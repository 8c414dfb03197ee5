# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commit home was proven with, for the result and the report: each proof with its time and value. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..lifecycle.reported import raw_disks
from ..model.items import iso, last_segment
from ..model.refusal import Refusal
from ..model.texts import age
from .guest_look import known, told
from .prove import Evidence, power_state

#: Proof -> prefixes of the codes that contradict it.
_AGAINST: Mapping[str, tuple[str, ...]] = {
    "failover_job": ("failover_job", "failover_running", "failover_not"),
    "onprem_vm": ("onprem_missing", "onprem_not", "onprem_amb", "onprem_con", "onprem_unr", "onprem_ide"),
    "onprem_tools": ("onprem_tools",),
    "onprem_disks": ("onprem_disks",),
    "azure_vm": ("azure_",),
    "replication": ("replication_health", "failover_health", "disk_", "resync_"),
    "recovery_point": ("rpo",),
    "checks": ("verify_",),
    "guest": ("guest_",),
}


def record(
    evidence: Evidence,
    unproven: Iterable[Refusal],
    accepted: Sequence[Mapping[str, str]],
    approved: bool,
    checks: Mapping[str, Any] | None,
    now: datetime,
) -> list[dict[str, Any]]:
    """The proofs in order: ``proof``, ``verdict`` (holds, missing, accepted, approved, unknown), ``value``, ``time``.

    ``approved``: a person approved the commit, which stands for what VMware Tools cannot report.
    """
    against = {refusal.code for refusal in unproven}
    passed = {str(entry.get("gate")) for entry in accepted}
    found: list[dict[str, Any]] = []
    for proof, value in _values(evidence, checks).items():
        codes = _AGAINST[proof]
        if any(code.startswith(codes) for code in against):
            verdict = "missing"
        elif any(gate.startswith(codes) for gate in passed):
            verdict = "accepted"
        elif proof == "onprem_tools" and not value.startswith("running"):
            verdict = "approved" if approved else "unknown"
        elif proof == "guest" and not known((checks or {})["guest"]):
            verdict = "unknown"
        else:
            verdict = "holds" if value else "unknown"
        found.append({"proof": proof, "verdict": verdict, "value": value or "not reported", "time": iso(now)})
    return found


def _beside(point: datetime, start: datetime | None) -> str:
    """How old a recovery point was when its failover began; a planned one makes its own after that."""
    if start is None:
        return ""
    seconds = (start - point).total_seconds()
    return f", {age(abs(seconds))} {'before the failover' if seconds >= 0 else 'after the failover began'}"


def _values(evidence: Evidence, checks: Mapping[str, Any] | None) -> dict[str, str]:
    job, item = evidence.job, evidence.item
    vm = evidence.site[0] if len(evidence.site) == 1 else None
    azure = evidence.azure[0] if len(evidence.azure) == 1 else None
    values = dict.fromkeys(_AGAINST, "")
    if job is not None:
        values["failover_job"] = f"{job.name} {job.state}{f', ended {iso(job.end)}' if job.end else ''}"
    elif item.came_home:
        values["failover_job"] = "lastPlannedFailoverStatus Succeeded"
    if vm is not None:
        power = (
            "powered on" if vm.powered_on else "powered off" if vm.powered_on is False else vm.power or "power unknown"
        )
        host = f"host {vm.host or 'unknown'} {vm.host_connection or 'in an unknown state'}"
        tools = {"running": "running", "not_running": "not running", "not_installed": "not installed"}.get(vm.tools, "")
        values["onprem_vm"] = f"{vm.name} ({vm.uuid or vm.bios_uuid or vm.moid}) {power}, {host}"
        values["onprem_tools"] = ", ".join(part for part in (tools, *vm.addresses) if part)
        values["onprem_disks"] = f"{len(vm.disks)} attached, {len(raw_disks(item))} replicated"
    if azure is not None:
        where = last_segment(str(azure.get("id") or ""))
        values["azure_vm"] = f"{where} {power_state(azure) or 'in an unknown power state'}"
    values["replication"] = f"health {item.health}" if item.health else ""
    if job is not None and job.point_time is not None:
        values["recovery_point"] = f"{iso(job.point_time)}{_beside(job.point_time, job.start)}"
    look = (checks or {}).get("guest")
    if look:
        values["guest"] = told(look)
    else:
        del values["guest"]
    if checks is None or (look and checks.get("passed") is True and not checks.get("checks")):
        del values["checks"]
    elif checks.get("passed") is True:
        values["checks"] = f"{', '.join(map(str, checks.get('checks') or ())) or 'checks'} passed"
    else:
        values["checks"] = str(checks.get("reason") or "did not pass")
    return values
