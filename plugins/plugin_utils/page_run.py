# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a run: what was done with each machine and when, what was committed and deleted, on which proofs. Pure.

``run`` makes the data that stands in the report's JSON, ``view`` the page of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import (
    SUCCEEDED,
    iso,
    last_segment,
    parse_time,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.outcomes import LISTED, STOPPED, spoken
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.lines import collected
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules import BLOCK, PASS, UNKNOWN, WARN
from ansible_collections.homeward.asr.plugins.module_utils.failback.report import rows
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.causes import Cause, causes
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import STAGES, span
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.story import Story
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import gather

from . import page_readiness
from .page_render import when

Row = Mapping[str, Any]

#: Rows of one list before it is folded, and rows of one fold.
OPEN, FOLD = 60, 50

#: The commit that deletes the Azure VM for good.
COMMIT_HOME = "commit_to_onprem"

#: The warning of a commit home whose Azure VM is still there (machines/leftovers.py).
REMAINS = "azure_vm_remains"

#: A point in time within the name of a recovery point.
_POINT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?")

#: The mark of what a person let pass.
ACCEPTED = "accepted"

#: What proofs are called, and how their verdicts are marked.
_PROOFS: Mapping[str, str] = {
    "onprem_vm": "on-premises VM",
    "onprem_tools": "VMware Tools",
    "onprem_disks": "disks",
    "azure_vm": "Azure VM",
    "checks": "your own checks",
}
_VERDICTS: Mapping[str, tuple[str, str]] = {
    "holds": (PASS, "passed"),
    "missing": (BLOCK, "failed"),
    "accepted": (ACCEPTED, "accepted"),
    "approved": (ACCEPTED, "approved by a person"),
    "unknown": (UNKNOWN, "not known"),
}

#: Between the head of a problem's part and its text.
_HEAD = "\n"

#: Letter and pattern of a step on the time axis.
_BARS: Mapping[str, tuple[str, str]] = {
    "reprotect_to_onprem": ("R", "reprotect"),
    "failover_to_onprem": ("F", "failover"),
    "commit_to_onprem": ("C", "commit"),
    "reprotect_to_azure": ("P", "protect"),
    "failover_to_azure": ("F", "failover"),
    "commit_to_azure": ("C", "commit"),
    "cancel_failover_to_onprem": ("X", "cancel"),
}

#: How an outcome is marked.
_MARKS: Mapping[str, str] = {
    "failed": BLOCK,
    "refused": BLOCK,
    "awaiting_approval": WARN,
    "held": WARN,
    "waiting": UNKNOWN,
}

#: Steps of the time axis in seconds between two ticks.
_TICKS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000)


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
        "findings": collected(results),
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
    found = _POINT.search(point)
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


# -- the page --------------------------------------------------------------------------------------------------------


def view(data: Mapping[str, Any], earlier: Iterable[str] = ()) -> dict[str, Any]:
    """The page of a run. ``earlier`` are names of the pages of earlier runs beside it."""
    machines: Sequence[Row] = data["machines"]
    counts = data["counts"]
    state, said = _state(data)
    times = _Scale.of(machines, str(data["time"]))
    lanes = [_lane(m, times) for m in machines]
    shown = [lane for lane in lanes if lane["bars"]]
    downtimes = [m["downtime_seconds"] for m in machines if m["downtime_seconds"] is not None]
    tiles: list[tuple[str, Any, str]] = [("Machines", len(machines), ""), ("Moved", int(counts.get("moved") or 0), "")]
    tiles += [(spoken(w).capitalize(), int(counts[w]), _MARKS[w]) for w in LISTED if counts.get(w)]
    if data["committed"]:
        tiles.append(("Committed", len(data["committed"]), "pass"))
    if data["deleted"]:
        tiles.append(("Azure VMs deleted", len(data["deleted"]), "accepted"))
    if downtimes:
        tiles.append(("Longest downtime", span(max(downtimes)), ""))
    # What blocked a machine is told with the machine, under what needs attention.
    findings: Sequence[Row] = data.get("findings") or ()
    readiness = page_readiness.parts({"findings": [f for f in findings if not f["blocks"]]})
    return {
        "title": "Run report",
        "state": state,
        "said": said,
        "time": data["time"],
        "began": data["began"],
        "stages": [STAGES.get(str(s), str(s)) for s in data["stages"]],
        "vaults": list(dict.fromkeys(str(m["vault"]) for m in machines)),
        "requests": data["requests"],
        "message": "\n".join(data["stopped"]),
        "remedy": "",
        "notes": data["notes"],
        "tiles": [{"title": title, "number": number, "mark": mark} for title, number, mark in tiles],
        "onward": data["onward"],
        "causes": _causes(machines, {str(f["rule"]): f for f in findings}),
        "axis": times.ticks(),
        "legend": _legend(machines),
        "lanes": folded(shown),
        "machines": len(machines),
        "rows": folded([_row(m) for m in machines]),
        "commits": folded([_committed(m) for m in machines if m["commit"] or m["proofs"]]),
        "deleted": len(data["deleted"]),
        "earlier": [{"name": name, "href": quote(name, safe="", errors="replace")} for name in earlier],
        "sections": readiness["sections"],
        "guide": readiness["guide"],
    }


def _state(data: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict of the whole run: how it is marked, and in words."""
    counts = data["counts"]
    bad = [f"{counts[w]} {spoken(w)}" for w in STOPPED if counts.get(w)]
    if data["stopped"]:
        return BLOCK, "Stopped"
    if counts.get("failed") or counts.get("refused"):
        return BLOCK, ", ".join(bad)
    if data["still_running"]:
        return UNKNOWN, f"{counts.get('waiting') or 'Some'} still under way"
    if bad:
        return WARN, ", ".join(bad)
    return PASS, "All done" if data["machines"] else "Nothing to do"


def folded(entries: Sequence[Any]) -> list[dict[str, Any]]:
    """Entries in folds: one open fold of all where they are few, else folds of a size, named by their first and last."""
    if len(entries) <= OPEN:
        return [{"title": "", "entries": entries}] if entries else []
    parts = [entries[start : start + FOLD] for start in range(0, len(entries), FOLD)]
    return [{"title": f"{part[0]['name']} to {part[-1]['name']}", "entries": part} for part in parts]


def _causes(machines: Sequence[Row], rules: Mapping[str, Row]) -> list[dict[str, Any]]:
    """What stopped machines and what the service warned of; one cause of many is told once. ``rules`` are those that did not hold."""
    stopped: list[tuple[str, str, tuple[str, ...]]] = []
    warned: list[tuple[str, str, tuple[str, ...]]] = []
    for m in machines:
        if m["done"] in LISTED:
            reason = str(m["reason"] or "No reason was given.")
            errors = [part for p in m["errors"] for part in _problem(p, f"{reason} {m['remedy'] or ''}")]
            stopped.append((m["label"], f"{m['done']} {m['code'] or ''}", (reason, str(m["remedy"] or ""), *errors)))
        for problem in m["warnings"]:
            warned.append((m["label"], f"warning {problem.get('code') or ''}", ("", "", *_problem(problem))))
    return [_told(cause, rules) for cause in (*causes(stopped), *causes(warned))]


def _told(cause: Cause, rules: Mapping[str, Row]) -> dict[str, Any]:
    word, _blank, code = cause.kind.partition(" ")
    reason, remedy, *more = cause.texts
    heads = [text.partition(_HEAD) for text in more]
    rule = rules.get(code)
    return {
        "rule": page_readiness.origin(rule) if rule is not None else None,
        "mark": _MARKS.get(word, "warn"),
        "word": spoken(word).capitalize(),
        "code": code,
        "names": cause.names,
        "text": reason,
        "remedy": remedy,
        "more": [{"head": head, "text": text} for head, _mark, text in heads],
        "note": cause.note.strip("()"),
    }


def _problem(problem: Row, told: str = "") -> list[str]:
    """A problem in the provider's words, each part behind its head, less what was told already."""
    parts = (("", "message"), ("Possible causes", "possible_causes"), ("Recommended", "recommended_action"))
    texts = [(head, str(problem.get(key) or "").strip()) for head, key in parts]
    return [f"{head}{_HEAD}{text}" for head, text in texts if text and text not in told]


class _Scale:
    """From points in time to places on the axis, in percent."""

    def __init__(self, began: datetime, ended: datetime) -> None:
        self.began, self.seconds = began, max(60.0, (ended - began).total_seconds())
        self.ended = began + timedelta(seconds=self.seconds)

    @classmethod
    def of(cls, machines: Iterable[Row], now: str) -> _Scale:
        points = [parse_time(s.get(key)) for m in machines for s in m["steps"] for key in ("start", "end")]
        known = list(filter(None, points))
        if not known:
            moment = parse_time(now)
            if moment is None:
                raise ValueError(f"{now!r} is not a time")
            known = [moment]
        return cls(min(known), max(known))

    def place(self, when: datetime) -> float:
        return round(100.0 * (when - self.began).total_seconds() / self.seconds, 2)

    def ticks(self) -> list[dict[str, Any]]:
        """Five to ten round times, each with its place."""
        every = next((t for t in _TICKS if self.seconds / t <= 7), _TICKS[-1])
        midnight = self.began.replace(hour=0, minute=0, second=0, microsecond=0)
        first = int((self.began - midnight).total_seconds() // every + 1)
        told, day = [], None
        for number in range(first, first + 40):
            moment = midnight + timedelta(seconds=every * number)
            if moment > self.ended:
                break
            told.append(
                {"at": self.place(moment), "text": moment.strftime("%H:%M" if moment.date() == day else "%m-%d %H:%M")}
            )
            day = moment.date()
        return told


def _lane(machine: Row, times: _Scale) -> dict[str, Any]:
    """A machine on the time axis: its bars, and the same in words."""
    bars, words = [], []
    for step in machine["steps"]:
        letter, look = _BARS.get(str(step["step"]), ("?", "cancel"))
        began, ended = parse_time(step["start"]), parse_time(step["end"])
        failed = step["result"] == "failed"
        name = STAGES.get(str(step["step"]), str(step["step"]))
        took = span(step["duration_seconds"])
        state = " failed" if failed else "" if ended else " not finished"
        words.append(f"{name}{state}{f' {took}' if took else ''}")
        if began is None:
            continue
        left = times.place(began)
        width = round(times.place(ended or times.ended) - left, 2)
        looks = f"b-{look}{' bad' if failed else ''}{'' if ended else ' open'}"
        bars.append({"left": min(left, 99.5), "width": max(width, 0.0), "letter": letter, "look": looks})
    if machine["downtime_seconds"] is not None:
        words.append(f"down for {span(machine['downtime_seconds'])}")
    return {
        "name": machine["label"],
        "mark": _MARKS.get(machine["done"], "pass"),
        "word": spoken(machine["done"]),
        "bars": bars,
        "words": words,
    }


def _legend(machines: Iterable[Row]) -> list[dict[str, str]]:
    """What the bars mean that are there."""
    there = dict.fromkeys(str(s["step"]) for m in machines for s in m["steps"])
    return [
        {"letter": _BARS[step][0], "look": f"b-{_BARS[step][1]}", "text": STAGES.get(step, step)}
        for step in _BARS
        if step in there
    ]


def _row(machine: Row) -> dict[str, Any]:
    point = str(machine["recovery_point"] or "")
    age = machine["recovery_point_age_seconds"]
    return {
        "name": machine["label"],
        "vault": machine["vault"],
        "group": machine["group"],
        "mark": _MARKS.get(machine["done"], "pass"),
        "word": "done" if machine["done"] in ("started", "joined") else spoken(machine["done"]),
        "state": str(machine["after"] or "").replace("_", " "),
        "downtime": span(machine["downtime_seconds"]),
        "elapsed": span(machine["elapsed_seconds"]),
        "point": _POINT.sub(lambda found: when(found[0]), point),
        "age": span(age) if age is not None and "old)" not in point else "",
        "location": machine["location"],
        "through": machine["through"],
        "steps": [
            {
                **step,
                "name": STAGES.get(str(step["step"]), str(step["step"])),
                "result": _outcome(step),
                "took": span(step["duration_seconds"]),
            }
            for step in machine["steps"]
        ],
    }


def _outcome(step: Row) -> str:
    """How a step went, in a word or two."""
    if step["state"] in SUCCEEDED:
        return "succeeded, joined" if step["done"] == "joined" else "succeeded"
    return spoken(str(step["result"])) if step["end"] or step["result"] == "failed" else "under way"


def _committed(machine: Row) -> dict[str, Any]:
    """A machine's commit with its proofs, or the proofs by which it was not committed."""
    commit = machine["commit"] or {}
    proofs = [_proof(p) for p in machine["proofs"]]
    accepted = [f"{a.get('gate') or a.get('rule')}: {a.get('reason')}" for a in machine["accepted"]]
    return {
        "name": machine["label"],
        "committed": bool(commit),
        "time": commit.get("end"),
        "deleted": commit.get("deleted"),
        "remains": commit.get("step") == COMMIT_HOME and not commit["deleted"],
        "azure_vm": last_segment(str(commit.get("azure_vm") or "")),
        "approved": machine["approved"],
        "accepted": accepted,
        "whole": all(proof["mark"] == "pass" for proof in proofs),
        # They are read together, as a rule: one time says all then.
        "read": proofs[0]["time"] if len({proof["time"] for proof in proofs}) == 1 else "",
        "proofs": proofs,
    }


def _proof(proof: Row) -> dict[str, Any]:
    """A proof of a commit as it was recorded (machines/proof_record.py)."""
    verdict, name = str(proof.get("verdict") or "unknown"), str(proof.get("proof") or "")
    mark, word = _VERDICTS.get(verdict, (UNKNOWN, verdict))
    return {
        "mark": mark,
        "word": word,
        "name": _PROOFS.get(name, name.replace("_", " ")),
        "value": str(proof.get("value") or ""),
        "time": proof.get("time") or "",
    }
