# SPDX-License-Identifier: GPL-3.0-or-later
"""What preparing master targets and process servers have in common: result entries, verdict words, the refresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..model.errors import Rejected, Unknown
from ..model.items import iso
from ..model.ports import Requests
from ..model.refusal import Refusal
from ..model.server_ports import ServerVaultPort, SiteServer, VmChange
from ..model.servers import Fabric, MasterTarget
from .health import Verdict, free_slots


def refresh_fabric(vaults: ServerVaultPort, fabric: Fabric) -> int:
    """Ask a configuration server to refresh its data in the vault; returns how many requests were needed.

    A refresh changes nothing, so one with an unknown outcome is not followed up.
    """
    asked = 0
    for provider in vaults.list_providers(fabric.vault):
        provider_id = str(provider.get("id") or "")
        if provider_id.lower().startswith(f"{fabric.key}/"):
            asked += 1
            try:
                vaults.act(provider_id, "refreshProvider", None)
            except (Unknown, Rejected):
                continue
    return asked


def settle(entry: dict[str, Any], changes: Sequence[VmChange], worst: Refusal | None, late: bool) -> dict[str, Any]:
    """Fill in the verdict words of an entry: what was refused or failed comes first, then what is awaited."""
    stopped = next((c.refusal for c in changes if c.refusal is not None), None)
    running = any(not c.settled for c in changes)
    if stopped is not None:
        broken = stopped.code.startswith("vcenter_") or stopped.code.endswith("_not_kept")
        entry.update(
            done="failed" if broken else "refused", code=stopped.code, reason=stopped.reason, remedy=stopped.remedy
        )
    elif running:
        entry.update(
            done="waiting",
            code="shutting_down",
            reason=("Its guest is shutting down so that the setting can take effect."),
        )
    elif worst is not None:
        ended = "failed" if worst.code.startswith("vcenter_") else "refused"
        entry.update(
            done="waiting" if worst.waits and not late else ended,
            code=worst.code,
            reason=worst.reason,
            remedy=worst.remedy,
        )
    else:
        entry["done"] = "started" if entry["changed"] else "unchanged"
    return entry


def requests_so_far(cursor: dict[str, Any], now: Requests, writes: int, reads: int) -> dict[str, Any]:
    """ARM requests of the whole run so far. ``writes`` and ``reads`` are this slice's floor; the cursor keeps the sums."""
    before = cursor.get("spent") or {"writes": 0, "reads": 0, "floor": {"writes": 0, "reads": 0}}
    floor = {"writes": before["floor"]["writes"] + writes, "reads": max(before["floor"]["reads"], reads)}
    total = {"writes": before["writes"] + now.writes, "reads": before["reads"] + now.reads, "floor": floor}
    cursor["spent"] = total
    return total


def progress(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts for the progress line, and what is waited for."""
    waiting = [e for e in entries if e["done"] == "waiting"]
    failed = sum(1 for e in entries if e["done"] in ("failed", "refused"))
    first = f"{waiting[0]['name']}: {waiting[0]['reason']}" if waiting else ""
    return {
        "total": len(entries),
        "done": len(entries) - len(waiting) - failed,
        "running": len(waiting),
        "failed": failed,
        "waiting_for": waiting[0]["code"] if waiting else "",
        "slowest": first,
    }


def entry_of(name: str, role: str, vault: str, before: Any, after: Any) -> dict[str, Any]:
    """A result entry to be settled: nothing done, nothing wrong."""
    return {
        "name": name,
        "role": role,
        "vault": vault,
        "before": before,
        "after": after,
        "done": "unchanged",
        "changed": False,
        "code": "",
        "reason": "",
        "remedy": "",
        "warnings": [],
        "errors": [],
    }


def warning(text: str) -> dict[str, str]:
    """A warning in the shape of the provider's problems."""
    return {"code": "", "message": text, "possible_causes": "", "recommended_action": "", "level": "Warning"}


def master_target_facts(
    name: str,
    fabric: Fabric | None,
    server: MasterTarget | None,
    vm: SiteServer | None,
    verdict: Verdict,
    exclusion: VmChange | None,
    now: datetime,
) -> dict[str, Any]:
    """Everything known of one master target, as plain data."""
    beat = server.heartbeat if server else None
    return {
        "name": name,
        "vault": fabric.vault.name if fabric else "",
        "configuration_server": fabric.friendly_name if fabric else "",
        "registered": server is not None,
        "ready": verdict.ready,
        "reasons": [r.result() for r in verdict.reasons],
        "warnings": verdict.told,
        "id": server.id if server else "",
        "ip": server.ip if server else "",
        "os_type": server.os_type if server else "",
        "version": server.version if server else "",
        "version_status": server.version_status if server else "",
        "heartbeat": iso(beat),
        "heartbeat_age_seconds": None if beat is None else int((now - beat).total_seconds()),
        "retention_volumes": [
            {"name": v.name, "capacity_bytes": v.capacity_bytes, "free_bytes": v.free_bytes}
            for v in (server.retention_volumes if server else ())
        ],
        "datastores": [
            {"name": d.name, "type": d.type, "capacity_gb": d.capacity_gb, "free_gb": d.free_gb}
            for d in (server.datastores if server else ())
        ],
        "disk_slots_free": free_slots(server, vm) if server else None,
        "vm": None
        if vm is None
        else {
            "name": vm.name,
            "moid": vm.moid,
            "uuid": vm.uuid,
            "host": vm.host,
            "datastores": list(vm.datastores),
            "powered_on": vm.powered_on,
            "tools_running": vm.tools_running,
            "uuid_enabled": vm.uuid_enabled,
            "has_snapshot": vm.has_snapshot,
            "controllers": list(vm.controllers),
            "disks": len(vm.disks),
        },
        "vmotion_exclusion": None if exclusion is None else {"state": exclusion.after, **exclusion.details},
    }
