# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine asks what a consistency group means: before anything is sent, and in check mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from ..lifecycle import group
from ..lifecycle.decide import Fire, Hold, Refuse, Wait, behind, verdict
from ..lifecycle.group import STOPS, Fellow, Standing, Way
from ..lifecycle.table import DONE, LEG_TEXT, WAIT, Position, Step
from ..model.items import Item
from .track import Track
from .walk import Walk

Due = tuple[Item, Track, Step]


class Rulings:
    """What groups mean for the steps of one moment; ``going`` are the (machine, leg) that would be sent now.

    A group's word is the same for all its members before a leg, so each is found once, however large the group is.
    """

    def __init__(self, walk: Walk, going: AbstractSet[tuple[str, str]] = frozenset()) -> None:
        self.walk = walk
        self.going = going
        self.found: dict[tuple[str, str], group.Ruling] = {}
        self.members: dict[str, list[Track]] = {}
        for track in walk.memory.tracks.values():
            if track.unit:
                self.members.setdefault(track.unit, []).append(track)

    def of(self, track: Track, leg: str) -> group.Ruling:
        """What its group means for a machine before a leg."""
        if not track.unit:
            return group.GO
        if (track.unit, leg) not in self.found:
            fellows = [
                fellow_of(self.walk, other, leg, (other.key, leg) in self.going) for other in self.members[track.unit]
            ]
            self.found[track.unit, leg] = group.rule(track.group, LEG_TEXT[leg], fellows)
        return self.found[track.unit, leg]


def whole_groups(walk: Walk, due: Sequence[Due]) -> list[Due]:
    """What of ``due`` may be sent with regard to groups. The others wait, or are held where a fellow has stopped."""
    rulings = Rulings(walk, {(track.key, step.leg) for _item, track, step in due})
    kept: list[Due] = []
    for item, track, step in due:
        ruling = rulings.of(track, step.leg)
        if ruling.go:
            kept.append((item, track, step))
        elif ruling.held:
            track.end("held", group.HELD, ruling.reason, ruling.remedy)
        else:
            track.waiting = ruling.reason
    return kept


def hold_waiting(walk: Walk) -> None:
    """Hold what only waits for its next step's time, where a fellow that stopped would hold it then."""
    rulings = Rulings(walk)
    for item, track in walk.open_tracks() if rulings.members else ():
        if not track.unit or track.job or track.lost_leg:
            continue
        decision = walk.decision(item, track)
        step = decision.then if isinstance(decision, Wait) else decision.step if isinstance(decision, Fire) else None
        ruling = rulings.of(track, step.leg) if step is not None else group.GO
        if ruling.held:
            track.end("held", group.HELD, ruling.reason, ruling.remedy)


def fellow_of(walk: Walk, track: Track, leg: str, due: bool) -> Fellow:
    """A group's member as its fellows see it before a leg."""
    if due:
        standing = Standing.DUE
    elif passed(walk, track, leg):
        standing = Standing.PAST
    else:
        standing = Standing.STOPPED if track.ended else Standing.OPEN
    return Fellow(track.name, standing, track.ended, track.code, track.reason, track.remedy)


def passed(walk: Walk, track: Track, leg: str) -> bool:
    """Whether the leg is under way for a machine or behind it."""
    if track.ended == "done":
        return True
    item = walk.items.get(track.key)
    route = walk.order.route
    ahead = route[route.index(leg) :]
    if item is None:
        # It has left the list; where it stood when it ended is all that is known.
        known = track.after if track.after in set(Position) else ""
        return bool(known) and past(walk, None, Position(known), leg)
    if track.job and track.leg in ahead:
        return True
    running = walk.lifecycle.running(item, route)
    if running is not None and running.leg in ahead:
        return True
    generation = walk.lifecycle.generation(item) or ""
    position = walk.lifecycle.position(item)
    arrived = Position(track.arrived) if track.arrived else None
    if arrived is not None and (position is None or behind(position, arrived, walk.lifecycle, generation)):
        position = arrived
    return position is not None and past(walk, generation, position, leg)


def past(walk: Walk, generation: str | None, position: Position, leg: str) -> bool:
    """Whether a machine that stands there has the leg behind it, or on its way."""
    step = walk.lifecycle.step(generation, leg) if generation else None
    return verdict(leg, position, step) in (DONE, WAIT)


def foresee(walk: Walk, ways: Sequence[tuple[Track, Sequence[Step], object]]) -> dict[str, str]:
    """Check mode: for each machine that its group would hold, the leg it would be held before.

    ``ways`` are machines with the steps a run would send for each and how its way would end. What holds a machine is
    written into its track.
    """
    whole: dict[str, dict[str, Way]] = {}
    tracks: dict[str, Track] = {}
    known = {track.key for track, _steps, _end in ways}
    entries: list[tuple[Track, Sequence[Step], object]] = [
        *ways,
        *((t, (), None) for t in walk.memory.tracks.values() if t.key not in known),
    ]
    for track, steps, end in entries:
        if not track.unit:
            continue
        stops = track.ended in STOPS or isinstance(end, (Hold, Refuse))
        fellow = Fellow(track.name, Standing.STOPPED, track.ended, track.code, track.reason, track.remedy)
        tracks[track.key] = track
        whole.setdefault(track.unit, {})[track.key] = Way(
            frozenset(leg for leg in walk.order.route if passed(walk, track, leg)),
            tuple(step.leg for step in steps),
            fellow if stops else None,
        )
    found: dict[str, str] = {}
    for members in whole.values():
        for key, (leg, stopped) in group.barriers(members).items():
            ruling = group.rule(tracks[key].group, LEG_TEXT[leg], stopped)
            tracks[key].end("held", group.HELD, ruling.reason, ruling.remedy)
            found[key] = leg
    return found


def as_units(entries: Iterable[Any]) -> list[list[Any]]:
    """Requests of one leg and one group as one block each, in the order given."""
    return group.blocks(entries, lambda entry: (entry[2].leg, entry[1].unit or entry[1].key))
