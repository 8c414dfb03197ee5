# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Check mode: the decisions, bodies and order of the run that would follow, each leg's result fed into the next."""

from __future__ import annotations

from typing import Any

from .decide import Fire, Hold, Refuse, Wait, project
from .items import Item
from .lifecycle import COMMITS, Step
from .memory import Track
from .prepare import prepare, refuse_unproven
from .walk import Walk, held_words


def predict(walk: Walk) -> list[dict[str, Any]]:
    """The requests a run would send, in order of legs and names. Nothing is written."""
    prepared = prepare(walk, [item for item, _track in walk.open_tracks()])
    first = [(item, track, walk.decision(item, track)) for item, track in walk.open_tracks()]
    commits = [(i, t, d.step) for i, t, d in first if isinstance(d, Fire) and d.step.leg in COMMITS]
    unproven = prepared.unproven(commits, prepared.failovers(commits)) if commits else {}
    planned: list[tuple[Item, Track, Step]] = []
    for item, track, decision in first:
        if unproven.get(item.key):
            refuse_unproven(track, unproven[item.key])
            continue
        seen = walk.observed(item, track)
        steps, end, where = project(decision, seen, walk.order.route, walk.lifecycle, walk.policy)
        track.after = where.value if where is not None else ""
        planned.extend((item, track, step) for step in steps)
        conclude(walk, track, steps, end)
    planned.sort(key=lambda entry: walk.order.route.index(entry[2].leg))
    plan: list[dict[str, Any]] = []
    reached: dict[str, str] = {}
    stopped: set[str] = set()
    for item, track, step in planned:
        if item.key in stopped:
            continue
        body = prepared.body(item, track, step)
        if isinstance(body, Refuse):
            # The legs before this one are walked all the same.
            stopped.add(item.key)
            track.end("refused", body.code, body.reason, body.remedy)
            track.after = reached.get(item.key, track.before)
            continue
        reached[item.key] = step.settles.value
        track.legs.append({"leg": step.leg, "done": "fired", "job": None})
        plan.append(
            {
                "machine": item.friendly_name,
                "vault": item.vault.name,
                "leg": step.leg,
                "operation": step.verb,
                "body": body,
            }
        )
    return plan


def conclude(walk: Walk, track: Track, steps: list[Step], end: object) -> None:
    """How the machine's way would end."""
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
