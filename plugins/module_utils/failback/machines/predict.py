# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode: the decisions, bodies and order of the run that would follow, each step's result fed into the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..lifecycle.decide import Hold, Send, Wait, project
from ..lifecycle.table import COMMITS, Operation, Position
from ..model.items import Item
from ..model.refusal import Refusal
from ..tracking.state import SliceState
from ..tracking.track import Track
from ..wanted.approval import approval
from .barrier import foresee
from .commits import refuse_unproven
from .prerequisites import prerequisites
from .requests import RequestBuilder

#: A request that a run would send: the machine, its track, the step and the body.
Planned = tuple[Item, Track, Operation, Any]


def predict(state: SliceState) -> list[dict[str, Any]]:
    """The requests a run would send, in order of steps and names. Nothing is written."""
    requests = prerequisites(state, [item for item, _track in state.open_tracks()])
    first = [(item, track, state.decision(item, track)) for item, track in state.open_tracks()]
    commits = [(i, t, d.operation) for i, t, d in first if isinstance(d, Send) and d.operation.step in COMMITS]
    unproven = requests.commits.unproven(commits, requests.commits.failovers(commits)) if commits else {}
    going = [
        (i, t, operation) for i, t, d in first if (operation := next_of(d)) is not None and not unproven.get(i.key)
    ]
    going = state.clear(requests.gates.by_rules(going))
    requests.gates.may_fail_over([(i, t, o) for i, t, o in going if isinstance(state.decision(i, t), Send)])
    planned: list[Planned] = []
    ways: list[tuple[Track, Sequence[Operation], object]] = []
    projected: list[tuple[Item, Track, list[Operation], object, object]] = []
    for item, track, decision in first:
        if track.ended:
            # A gate stops it.
            track.stand(track.before)
            continue
        if unproven.get(item.key):
            refuse_unproven(track, unproven[item.key])
            continue
        seen = state.observed(item, track)
        projected.append((item, track, *project(decision, seen, state.order.route, state.lifecycle, state.policy)))
    requests.read_ahead(
        [(item, track, operation) for item, track, operations, _end, _where in projected for operation in operations]
    )
    for item, track, operations, end, where in projected:
        track.stand(where.value if isinstance(where, Position) else "")
        conclude(state, track, operations, end)
        whole = [(item, track, operation) for operation in operations]
        bodies = walkable(requests, whole)
        planned.extend(bodies)
        ways.append((track, [operation for _item, _track, operation, _body in bodies], end))
    held = foresee(state, ways)
    planned = [entry for entry in planned if not beyond(state, entry, held)]
    planned.sort(key=lambda entry: state.order.route.index(entry[2].step))
    plan: list[dict[str, Any]] = []
    for item, track, operation, body in planned:
        track.foresee(operation.step)
        plan.append(
            {
                "machine": item.friendly_name,
                "vault": item.vault.name,
                "step": operation.step,
                "operation": operation.verb,
                "body": body,
            }
        )
    for key in held:
        track = state.memory.tracks[key]
        run = [operation for _item, other, operation, _body in planned if other is track]
        track.stand(run[-1].settles.value if run else track.before)
    return plan


def next_of(decision: object) -> Operation | None:
    """The step that a run would send first for a machine, now or when its agent has registered."""
    if isinstance(decision, Send):
        return decision.operation
    return decision.then if isinstance(decision, Wait) else None


def walkable(requests: RequestBuilder, operations: Sequence[tuple[Item, Track, Operation]]) -> list[Planned]:
    """One machine's requests, up to the first that has no body: the steps before it run anyway."""
    found: list[Planned] = []
    for item, track, operation in operations:
        request = requests.request(item, track, operation)
        if isinstance(request, Refusal):
            track.end("refused", request)
            track.stand(found[-1][2].settles.value if found else track.before)
            break
        track.going(request.point, request.placement)
        found.append((item, track, operation, request.body))
    return found


def beyond(state: SliceState, entry: Planned, held: Mapping[str, str]) -> bool:
    """Whether a request comes after the step before which its machine's group stops."""
    step = held.get(entry[1].key)
    route = state.order.route
    return step is not None and route.index(entry[2].step) >= route.index(step)


def conclude(state: SliceState, track: Track, operations: list[Operation], end: object) -> None:
    """How the machine's route would end."""
    if isinstance(end, Hold):
        track.end("awaiting_approval", approval(end.operation.step))
    elif isinstance(end, Refusal):
        track.end("refused", end)
        if not operations:
            track.stand(track.before)
    elif isinstance(end, Wait):
        track.wait(end.reason)
    else:
        track.end("done")
        if not operations and track.after not in ("", track.before):
            track.join()
