# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Check mode: the decisions, bodies and order of the run that would follow, each leg's result fed into the next."""

from __future__ import annotations

from typing import Any

from .decide import Fire, Hold, Observed, Refuse, Wait, project
from .items import Item
from .lifecycle import COMMITS, Step
from .memory import Track
from .prepare import prepare, refuse_unproven
from .walk import Walk, held_words


def predict(walk: Walk) -> list[dict[str, Any]]:
    """The requests a run would send, in order of legs and names. Nothing is written."""
    prepared = prepare(walk, [item for item, _track in walk.open_tracks()])
    planned: list[tuple[Item, Track, Step]] = []
    for item, track in walk.open_tracks():
        decision = walk.decision(item, track)
        if isinstance(decision, Fire) and decision.step.leg in COMMITS:
            unproven = prepared.unproven([(item, track, decision.step)])[item.key]
            if unproven:
                refuse_unproven(track, unproven)
                continue
        seen = Observed(item, walk.now)
        steps, end, where = project(decision, seen, walk.order.route, walk.lifecycle, walk.policy)
        track.after = where.value if where is not None else ""
        planned.extend((item, track, step) for step in steps)
        conclude(walk, track, steps, end)
    planned.sort(key=lambda entry: walk.order.route.index(entry[2].leg))
    plan = []
    for item, track, step in planned:
        body = prepared.body(item, track, step)
        if isinstance(body, Refuse):
            track.end("refused", body.code, body.reason, body.remedy)
            track.after = track.before
            continue
        plan.append(
            {
                "machine": item.friendly_name,
                "vault": item.vault.name,
                "leg": step.leg,
                "operation": step.verb,
                "body": body,
            }
        )
    refused = {
        track.name for track in walk.memory.tracks.values() if track.ended == "refused" and track.after == track.before
    }
    return [entry for entry in plan if entry["machine"] not in refused]


def conclude(walk: Walk, track: Track, steps: list[Step], end: object) -> None:
    """How the machine's way would end."""
    for step in steps:
        track.legs.append({"leg": step.leg, "done": "fired", "job": None})
    if isinstance(end, Hold):
        track.end("held", *held_words(end.step, walk.order))
    elif isinstance(end, Refuse):
        track.end("refused", end.code, end.reason, end.remedy)
        if not steps:
            track.after = track.before
    elif isinstance(end, Wait):
        track.waiting = end.reason
    else:
        track.end("done")
        track.joined = not steps and track.after not in ("", track.before)
