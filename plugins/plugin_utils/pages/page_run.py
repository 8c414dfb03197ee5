# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a run, from the data of its report (``run_data``). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import last_segment
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import SUCCEEDED
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.outcomes import LISTED, STOPPED, in_words
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.rule import (
    BLOCK,
    PASS,
    UNKNOWN,
    WARN,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.causes import SharedCause, causes
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import STAGES, span

from . import page_readiness
from .page_axis import MARKS, Scale, lane, legend
from .page_render import when
from .run_data import COMMIT_HOME, POINT, Row

#: Rows of one list before it is folded, and rows of one fold.
OPEN, FOLD = 60, 50


#: The mark of what a person let pass.
ACCEPTED = "accepted"

#: What proofs are called, and how their verdicts are marked.
_PROOFS: Mapping[str, str] = {
    "onprem_vm": "on-premises VM",
    "onprem_tools": "VMware Tools",
    "onprem_disks": "disks",
    "azure_vm": "Azure VM",
    "checks": "your own checks",
    "guest": "from inside the machine",
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


def view(data: Mapping[str, Any], earlier: Iterable[str] = ()) -> dict[str, Any]:
    """The page of a run. ``earlier`` are names of the pages of earlier runs beside it."""
    machines: Sequence[Row] = data["machines"]
    counts = data["counts"]
    state, said = _state(data)
    times = Scale.of(machines, str(data["time"]))
    lanes = [lane(m, times) for m in machines]
    shown = [each for each in lanes if each["bars"]]
    downtimes = [m["downtime_seconds"] for m in machines if m["downtime_seconds"] is not None]
    tiles: list[tuple[str, Any, str]] = [("Machines", len(machines), ""), ("Moved", int(counts.get("moved") or 0), "")]
    tiles += [(in_words(w).capitalize(), int(counts[w]), MARKS[w]) for w in LISTED if counts.get(w)]
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
        "legend": legend(machines),
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
    bad = [f"{counts[w]} {in_words(w)}" for w in STOPPED if counts.get(w)]
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


def _told(cause: SharedCause, rules: Mapping[str, Row]) -> dict[str, Any]:
    word, _blank, code = cause.kind.partition(" ")
    reason, remedy, *more = cause.texts
    heads = [text.partition(_HEAD) for text in more]
    rule = rules.get(code)
    return {
        "rule": page_readiness.origin(rule) if rule is not None else None,
        "mark": MARKS.get(word, "warn"),
        "word": in_words(word).capitalize(),
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


def _row(machine: Row) -> dict[str, Any]:
    point = str(machine["recovery_point"] or "")
    age = machine["recovery_point_age_seconds"]
    return {
        "name": machine["label"],
        "vault": machine["vault"],
        "group": machine["group"],
        "mark": MARKS.get(machine["done"], "pass"),
        "word": "done" if machine["done"] in ("started", "joined") else in_words(machine["done"]),
        "code": str(machine["code"] or "") if machine["done"] in STOPPED else "",
        "state": str(machine["after"] or "").replace("_", " "),
        "downtime": span(machine["downtime_seconds"]),
        "elapsed": span(machine["elapsed_seconds"]),
        "point": POINT.sub(lambda found: when(found[0]), point),
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
    return in_words(str(step["result"])) if step["end"] or step["result"] == "failed" else "under way"


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
    """A proof of a commit as it was recorded (proofs/record.py)."""
    verdict, name = str(proof.get("verdict") or "unknown"), str(proof.get("proof") or "")
    mark, word = _VERDICTS.get(verdict, (UNKNOWN, verdict))
    return {
        "mark": mark,
        "word": word,
        "name": _PROOFS.get(name, name.replace("_", " ")),
        "value": str(proof.get("value") or ""),
        "time": proof.get("time") or "",
    }
