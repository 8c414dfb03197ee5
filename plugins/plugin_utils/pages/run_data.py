# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a run's report: what was done with each machine and when, what was committed and deleted, on which proofs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import iso, parse_time
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import SUCCEEDED
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.findings_table import all_findings
from ansible_collections.homeward.asr.plugins.module_utils.failback.report import rows
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.story import Story
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import gather

Row = Mapping[str, Any]


#: The commit that deletes the Azure VM for good.
COMMIT_HOME = "commit_to_onprem"


#: The warning of a commit home whose Azure VM is still there (machines/azure_vms_left.py).
REMAINS = "azure_vm_remains"


#: A point in time within the name of a recovery point.
POINT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?")


def run(results: Sequence[Row], verdict: Row, now: str) -> dict[str, Any]:
    """The data of a run's report. ``results`` are those of its stages in order, ``verdict`` is that of asr_report."""
    report = gather(results)
    said = {key: _by_machine(results, key) for key in ("proofs", "accepted", "approved")}
    said["before"], said["through"] = _first(results, "before"), _through(results)
    machines = [_machine(story, said) for story in report.stories]
    return {
        "kind": "run",
        "format": 1,
        "time": now,
        "began": min(filter(None, (m["start"] for m in machines)), default=None),
        "stages": list(dict.fromkeys(str(r["stage"]) for r in results if r.get("stage") not in (None, "look"))),
        "code": verdict.get("code") or "",
        "msg": verdict.get("msg") or "",
        "counts": {**(verdict.get("counts") or {}), "total": len(machines)},
        "requests": verdict.get("requests") or {},
        "stopped": list(dict.fromkeys(report.stopped)),
        "still_running": report.running,
        "notes": list(report.notes),
        "onward": [dict(entry) for entry in verdict.get("onward") or ()],
        "machines": machines,
        "committed": [m["label"] for m in machines if m["commit"]],
        "deleted": [
            {"machine": m["label"], "azure_vm": m["commit"]["azure_vm"], "time": m["commit"]["end"]}
            for m in machines
            if m["commit"] and m["commit"]["deleted"]
        ],
        "findings": all_findings(results),
    }


def _machine(story: Story, said: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    last = story.last
    key = _key(last)
    steps = [_step(row) for row in story.rows if row.get("step")]
    point = story.point
    return {
        "name": story.name,
        "label": story.label,
        "vault": last.get("vault") or "",
        "item_id": last.get("item_id") or "",
        "group": last.get("group") or "",
        "done": story.done,
        "moved": story.moved,
        "before": said["before"].get(key),
        "after": last.get("after"),
        "location": story.location,
        "through": list(said["through"].get(key) or ()),
        "start": iso(story.began),
        "end": iso(story.ended),
        "elapsed_seconds": story.elapsed,
        "downtime_seconds": story.downtime,
        "recovery_point": point or None,
        "recovery_point_age_seconds": _age(point, steps),
        "approved": bool(said["approved"].get(key)),
        "accepted": list(said["accepted"].get(key) or ()),
        "commit": _commit(steps, story),
        "proofs": list(said["proofs"].get(key) or ()),
        "code": last.get("code"),
        "reason": last.get("reason"),
        "remedy": last.get("remedy"),
        "warnings": list(story.warnings),
        "errors": list(last.get("errors") or ()),
        "steps": steps,
    }


def _step(row: Row) -> dict[str, Any]:
    keys = ("step", "done", "state", "job", "start", "end", "duration_seconds", "recovery_point", "azure_vm")
    return {**{key: row.get(key) for key in keys}, "result": rows.result(row)}


def _commit(steps: Sequence[Row], story: Story) -> dict[str, Any] | None:
    """The machine's commit, where it has succeeded in this run, and whether it deleted the Azure VM."""
    remains = any(w.get("code") == REMAINS for w in story.warnings)
    for step in reversed(steps):
        if str(step["step"]).startswith("commit_") and step["state"] in SUCCEEDED:
            home = step["step"] == COMMIT_HOME
            return {**{k: step[k] for k in ("step", "end", "azure_vm")}, "deleted": home and not remains}
    return None


def _age(point: str, steps: Iterable[Row]) -> float | None:
    """How old the recovery point was when its failover began, which is what was lost."""
    found = POINT.search(point)
    made = parse_time(found[0]) if found else None
    began = [parse_time(s.get("start")) for s in steps if str(s["step"]).startswith("failover_")]
    used = next(filter(None, reversed(began)), None)
    return max(0.0, (used - made).total_seconds()) if made and used else None


def _key(machine: Row) -> str:
    return str(machine.get("item_id") or f"{machine.get('vault')}/{machine.get('name')}").lower()


def _by_machine(results: Iterable[Row], key: str) -> dict[str, Any]:
    """What results say of each machine under a key; a later stage that says nothing takes nothing away."""
    rows_of = (machine for result in results for machine in result.get("machines") or ())
    return {_key(machine): machine[key] for machine in rows_of if machine.get(key)}


def _first(results: Iterable[Row], key: str) -> dict[str, Any]:
    """What the first stage of a run says of each machine under a key; the look ahead is of the same moment."""
    found: dict[str, Any] = {}
    for result in results:
        for machine in result.get("machines") or ():
            found.setdefault(_key(machine), machine.get(key))
    return found


def _through(results: Iterable[Row]) -> dict[str, list[str]]:
    """The servers and datastores that each machine went through, in order."""
    found: dict[str, dict[str, None]] = {}
    for result in results:
        for machine in result.get("machines") or ():
            placement = machine.get("placement") or {}
            parts = (placement.get(key) for key in ("process_server", "master_target", "datastore"))
            found.setdefault(_key(machine), {}).update(dict.fromkeys(str(part) for part in parts if part))
    return {key: list(parts) for key, parts in found.items()}
