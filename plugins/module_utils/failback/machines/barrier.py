# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies the rules of consistency groups: before anything is sent, and in check mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from ..lifecycle import group
from ..lifecycle.decide import Hold, Send, Wait, behind, verdict
from ..lifecycle.group import Fellow, FellowRoute, FellowState
from ..lifecycle.table import DONE, STEP_TEXT, WAIT, Operation, Position
from ..model.outcomes import STOPPED
from ..model.refusal import Refusal
from ..tracking.state import Due, SliceState
from ..tracking.track import Track


class GroupRulings:
    """What groups mean for the steps of one moment; ``going`` are the (machine, step) that would be sent now.

    A group's word is the same for all its members before a step, so each is found once, however large the group is.
    """

    def __init__(self, state: SliceState, going: AbstractSet[tuple[str, str]] = frozenset()) -> None:
        self.state = state
        self.going = going
        self.found: dict[tuple[str, str], group.GroupRuling] = {}
        self.members: dict[str, list[Track]] = {}
        for track in state.memory.tracks.values():
            if track.unit:
                self.members.setdefault(track.unit, []).append(track)

    def of(self, track: Track, step: str) -> group.GroupRuling:
        """What its group means for a machine before a step."""
        if not track.unit:
            return group.GO
        if (track.unit, step) not in self.found:
            fellows = [
                fellow_of(self.state, other, step, (other.key, step) in self.going)
                for other in self.members[track.unit]
            ]
            self.found[track.unit, step] = group.rule(track.group, STEP_TEXT[step], fellows)
        return self.found[track.unit, step]


def whole_groups(state: SliceState, due: Sequence[Due]) -> list[Due]:
    """What of ``due`` may be sent with regard to groups. The others wait, or are held if another member has stopped."""
    rulings = GroupRulings(state, {(track.key, operation.step) for _item, track, operation in due})
    kept: list[Due] = []
    for item, track, operation in due:
        ruling = rulings.of(track, operation.step)
        if ruling.go:
            kept.append((item, track, operation))
        elif ruling.refusal is not None:
            track.end("held", ruling.refusal)
        else:
            track.wait(ruling.waiting)
    return kept


def hold_waiting(state: SliceState) -> None:
    """Hold what only waits for its next step, if another member that stopped would hold it then."""
    rulings = GroupRulings(state)
    for item, track in state.open_tracks() if rulings.members else ():
        if not track.unit or track.job or track.lost_step:
            continue
        decision = state.decision(item, track)
        operation = (
            decision.then if isinstance(decision, Wait) else decision.operation if isinstance(decision, Send) else None
        )
        ruling = rulings.of(track, operation.step) if operation is not None else group.GO
        if ruling.refusal is not None:
            track.end("held", ruling.refusal)


def fellow_of(state: SliceState, track: Track, step: str, due: bool) -> Fellow:
    """A group's member as its fellows see it before a step."""
    if due:
        standing = FellowState.DUE
    elif passed(state, track, step):
        standing = FellowState.PAST
    else:
        standing = FellowState.STOPPED if track.ended else FellowState.OPEN
    return Fellow(track.name, standing, track.ended, track.why)


def passed(state: SliceState, track: Track, step: str) -> bool:
    """Whether a machine is doing the step or has done it."""
    if track.ended == "done":
        return True
    item = state.items.get(track.key)
    route = state.order.route
    ahead = route[route.index(step) :]
    if item is None:
        # It has left the list; only its last position is known.
        known = track.after if track.after in set(Position) else ""
        return bool(known) and past(state, None, Position(known), step)
    if track.job and track.step in ahead:
        return True
    running = state.lifecycle.running(item, route)
    if running is not None and running.step in ahead:
        return True
    generation = state.lifecycle.generation(item) or ""
    position = state.lifecycle.position(item)
    arrived = Position(track.arrived) if track.arrived else None
    if arrived is not None and (position is None or behind(position, arrived, state.lifecycle, generation)):
        position = arrived
    return position is not None and past(state, generation, position, step)


def past(state: SliceState, generation: str | None, position: Position, step: str) -> bool:
    """Whether a listed machine has done the step, or is doing it."""
    operation = state.lifecycle.operation(generation, step) if generation else None
    return verdict(step, position, operation) in (DONE, WAIT)


def foresee(state: SliceState, ways: Sequence[tuple[Track, Sequence[Operation], object]]) -> dict[str, str]:
    """Check mode: for each machine that its group would hold, the step it would be held before.

    ``ways`` are machines with the steps a run would send for each and how it would end. What holds a machine is
    written into its track.
    """
    whole: dict[str, dict[str, FellowRoute]] = {}
    tracks: dict[str, Track] = {}
    known = {track.key for track, _operations, _end in ways}
    entries: list[tuple[Track, Sequence[Operation], object]] = [
        *ways,
        *((t, (), None) for t in state.memory.tracks.values() if t.key not in known),
    ]
    for track, operations, end in entries:
        if not track.unit:
            continue
        stops = track.ended in STOPPED or isinstance(end, (Hold, Refusal))
        fellow = Fellow(track.name, FellowState.STOPPED, track.ended, track.why)
        tracks[track.key] = track
        whole.setdefault(track.unit, {})[track.key] = FellowRoute(
            frozenset(step for step in state.order.route if passed(state, track, step)),
            tuple(operation.step for operation in operations),
            fellow if stops else None,
        )
    found: dict[str, str] = {}
    for members in whole.values():
        for key, (step, stopped) in group.barriers(members).items():
            ruling = group.rule(tracks[key].group, STEP_TEXT[step], stopped)
            tracks[key].end("held", ruling.refusal)
            found[key] = step
    return found


def as_units(entries: Iterable[Any]) -> list[list[Any]]:
    """Requests of one step and one group as one block each, in the order given."""
    return group.blocks(entries, lambda entry: (entry[2].step, entry[1].unit or entry[1].key))
