# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a slice: the state of every machine, what was done with it, what it cost."""

from __future__ import annotations

from typing import Any

from ..lifecycle.modernized import NOTES
from ..lifecycle.table import STEP_TEXT
from ..model.items import parse_time
from ..model.outcomes import BAD, STOPPED
from ..model.ports import Requests
from ..placement.home import goes_back, home_by_both
from ..tracking.state import SliceState
from ..tracking.track import Track
from .sync_progress import slowest, standing_of, synchronisation

#: Seconds of the longest slice that is ever asked for.
LONGEST_SLICE = 600.0


def render(state: SliceState, finished: bool, plan: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The whole result. ``changed`` is true exactly when a machine moved (or, in check mode, would move)."""
    memory = state.memory
    machines = [machine(state, key, track) for key, track in memory.tracks.items()]
    spent = {
        "writes": memory.spent.writes + state.vaults.requests.writes,
        "reads": memory.spent.reads + state.vaults.requests.reads,
    }
    result: dict[str, Any] = {
        "finished": finished,
        "changed": any(entry["changed"] for entry in machines),
        "machines": machines,
        "progress": progress(state, machines),
        "requests": {**spent, "floor": {"writes": memory.floor.writes, "reads": memory.floor.reads}},
        "plan": plan or [],
        "vaults": vault_notes(state),
        "next_slice_seconds": next_slice(state),
    }
    if memory.notes:
        # Ansible prints a result's warnings itself.
        result["warnings"] = [note["message"] for note in memory.notes]
    result["cursor"] = memory.dump(Requests(**spent))
    return result


def machine(state: SliceState, key: str, track: Track) -> dict[str, Any]:
    """One machine's part of the result."""
    item = state.items.get(key)
    after = track.after or standing_of(state, item, track)
    started = any(entry["done"] == "started" for entry in track.steps)
    joined = track.joined or any(entry["done"] == "joined" for entry in track.steps)
    if track.ended in STOPPED:
        done = track.ended
    elif not track.ended and not (started or joined):
        done = "waiting"
    else:
        done = "started" if started else "joined" if joined else "unchanged"
    shown = [entry for entry in track.steps if entry["done"] != "unchanged"]
    last = shown[-1] if shown else {}
    starts = [e["start"] for e in shown if e.get("start")]
    ends = [e["end"] for e in shown if e.get("end")]
    start, end = min(starts, default=None), max(ends, default=None)
    began, ended = parse_time(start), parse_time(end)
    place = track.place()
    sync = synchronisation(state, key, track)
    return {
        "name": track.name,
        "vault": item.vault.name if item is not None else state.vault_name(key),
        "item_id": item.id if item is not None else key,
        "group": item.group if item is not None else track.group or None,
        "before": track.before,
        "approved": track.approved,
        "after": after,
        "done": done,
        "changed": after != track.before and "unknown" not in (after, track.before),
        "step": last.get("step"),
        "job": last.get("job"),
        "recovery_point": track.point or None,
        "accepted": track.accepted,
        "start": start,
        "end": end,
        "duration_seconds": round((ended - began).total_seconds()) if began and ended else None,
        "warnings": track.warnings,
        "errors": track.errors,
        "code": track.code or None,
        "unproven": track.unproven,
        "reason": track.reason or track.waiting or None,
        "remedy": track.remedy or None,
        "placement": {**place.result(), "location": location(state, key, track)} if place else None,
        "sync": sync.result() if sync else None,
        "onprem": track.onprem or None,
        "proofs": track.proofs,
        "steps": [step(entry) for entry in shown],
    }


def location(state: SliceState, key: str, track: Track) -> str | None:
    """``original`` or ``alternate`` for a machine whose reprotect home is placed; None where that is not known."""
    item = state.items.get(key)
    where = state.locations.get(key) or (home_by_both(item, state.homes.get(key)) if item is not None else None)
    if where is None or where.exists is None or not (track.placement or {}).get("master_target"):
        return None
    return "original" if goes_back(where, track.placement or {}) else "alternate"


def step(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "step": entry["step"],
        "done": entry["done"],
        "job": entry.get("job"),
        "state": entry.get("state"),
        "start": entry.get("start"),
        "end": entry.get("end"),
        "duration_seconds": entry.get("duration_seconds"),
        "recovery_point": entry.get("recovery_point"),
        "azure_vm": entry.get("azure_vm"),
    }


def progress(state: SliceState, machines: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts for the progress line, and what the slowest machine is doing."""
    tracks = state.memory.tracks
    done = sum(t.ended == "done" or (t.ended in STOPPED and t.ended not in BAD) for t in tracks.values())
    failed = sum(t.ended in BAD for t in tracks.values())
    key = slowest(state)
    doing = activity(state, key, tracks[key]) if key else ""
    return {
        "total": len(machines),
        "done": done,
        "running": sum(not t.ended for t in tracks.values()),
        "failed": failed,
        "at": {s: n for s in state.order.route if (n := sum(not t.ended and t.step == s for t in tracks.values()))},
        "waiting_for": doing,
        "slowest": tracks[key].name if key else "",
    }


def activity(state: SliceState, key: str, track: Track) -> str:
    if track.job:
        return STEP_TEXT[track.step]
    sync = synchronisation(state, key, track)
    said = sync.words if sync else ""
    doing = track.waiting or "about to start"
    return f"{doing} ({said})" if said else doing


def vault_notes(state: SliceState) -> list[dict[str, Any]]:
    """For each vault its generation and what follows from it, in one sentence (facts: asr-api.md 7)."""
    notes = []
    for vault in state.order.vaults:
        kinds = sorted({state.lifecycle.generation(i) or "" for i in state.all_items if i.vault.key == vault.key})
        note = " ".join(NOTES[kind] for kind in kinds if kind in NOTES)
        notes.append({"name": vault.name, "generation": ", ".join(k for k in kinds if k) or "unknown", "note": note})
    return notes


def next_slice(state: SliceState) -> float:
    """Seconds the next slice should last at least: longer while every open machine only synchronises, and only then."""
    tracks = [t for t in state.memory.tracks.values() if not t.ended]
    if tracks and all(not t.job and t.waiting for t in tracks):
        return min(LONGEST_SLICE, 4.0 * (state.memory.pace or 0.0))
    return 0.0
