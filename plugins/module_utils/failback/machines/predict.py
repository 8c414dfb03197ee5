# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode: the decisions, bodies and order of the run that would follow, each leg's result fed into the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..lifecycle.decide import Fire, Hold, Refuse, Wait, project
from ..lifecycle.table import COMMITS, Position, Step
from ..model.items import Item
from .barrier import foresee
from .requests import Prepared, prepare, refuse_unproven
from .track import Track
from .walk import Walk, held_words

#: A request that a run would send: the machine, its track, the step and the body.
Planned = tuple[Item, Track, Step, Any]


def predict(walk: Walk) -> list[dict[str, Any]]:
    """The requests a run would send, in order of legs and names. Nothing is written."""
    prepared = prepare(walk, [item for item, _track in walk.open_tracks()])
    first = [(item, track, walk.decision(item, track)) for item, track in walk.open_tracks()]
    commits = [(i, t, d.step) for i, t, d in first if isinstance(d, Fire) and d.step.leg in COMMITS]
    unproven = prepared.unproven(commits, prepared.failovers(commits)) if commits else {}
    prepared.gates.may_fail_over([(i, t, d.step) for i, t, d in first if isinstance(d, Fire)])
    planned: list[Planned] = []
    ways: list[tuple[Track, Sequence[Step], object]] = []
    projected: list[tuple[Item, Track, list[Step], object, object]] = []
    for item, track, decision in first:
        if track.ended:
            # A gate stops it.
            track.after = track.before
            continue
        if unproven.get(item.key):
            refuse_unproven(track, unproven[item.key])
            continue
        seen = walk.observed(item, track)
        projected.append((item, track, *project(decision, seen, walk.order.route, walk.lifecycle, walk.policy)))
    prepared.read_ahead([(item, step) for item, _track, steps, _end, _where in projected for step in steps])
    for item, track, steps, end, where in projected:
        track.after = where.value if isinstance(where, Position) else ""
        conclude(walk, track, steps, end)
        whole = [(item, track, step) for step in steps]
        bodies = walkable(prepared, whole)
        planned.extend(bodies)
        ways.append((track, [step for _item, _track, step, _body in bodies], end))
    held = foresee(walk, ways)
    planned = [entry for entry in planned if not beyond(walk, entry, held)]
    planned.sort(key=lambda entry: walk.order.route.index(entry[2].leg))
    plan: list[dict[str, Any]] = []
    for item, track, step, body in planned:
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
    for key in held:
        track = walk.memory.tracks[key]
        walked = [step for _item, other, step, _body in planned if other is track]
        track.after = walked[-1].settles.value if walked else track.before
    return plan


def walkable(prepared: Prepared, steps: Sequence[tuple[Item, Track, Step]]) -> list[Planned]:
    """One machine's requests, up to the first that has no body: the legs before it are walked all the same."""
    found: list[Planned] = []
    for item, track, step in steps:
        body = prepared.body(item, track, step)
        if isinstance(body, Refuse):
            track.end("refused", body.code, body.reason, body.remedy)
            track.after = found[-1][2].settles.value if found else track.before
            break
        found.append((item, track, step, body))
    return found


def beyond(walk: Walk, entry: Planned, held: Mapping[str, str]) -> bool:
    """Whether a request lies beyond the leg its machine's group holds it before."""
    leg = held.get(entry[1].key)
    route = walk.order.route
    return leg is not None and route.index(entry[2].leg) >= route.index(leg)


def conclude(walk: Walk, track: Track, steps: list[Step], end: object) -> None:
    """How the machine's way would end."""
    if isinstance(end, Hold):
        track.end("held", *held_words(end.step))
    elif isinstance(end, Refuse):
        track.end("refused", end.code, end.reason, end.remedy)
        if not steps:
            track.after = track.before
    elif isinstance(end, Wait):
        track.waiting = end.reason
    else:
        track.end("done")
        track.joined = not steps and track.after not in ("", track.before)
