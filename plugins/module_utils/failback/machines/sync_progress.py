# SPDX-License-Identifier: GPL-3.0-or-later
"""How far synchronising machines are, and which machine is the slowest.

Lists of classic vaults do not show the progress of a synchronisation (SEEN FB), so a few machines are read
individually in every slice: the slowest one known, and those that were not read for the longest time. What was reported last is
remembered, so that the progress line keeps its numbers between two polls.
"""

from __future__ import annotations

from dataclasses import replace

from ..lifecycle.decide import steps_left
from ..lifecycle.table import STEP_TEXT, Position
from ..model.errors import FailbackError
from ..model.items import Item, parse_time
from ..model.sync import Sync, measure
from ..tracking.state import SliceState
from ..tracking.track import Track

#: Machines read individually in one slice. These reads belong to no floor: they only feed the progress line.
LOOKS = 4


def look_closer(state: SliceState) -> None:
    """Read a few of the machines whose synchronisation the list does not report."""
    unreported = {
        key: track
        for key, track in state.memory.tracks.items()
        if key in state.items and synchronising(state, state.items[key], track) and not _listed(state.items[key])
    }
    first = slowest(state)
    # An ISO string of the service's clock sorts like its time; a machine that was never read comes first.
    turns = sorted(
        unreported,
        key=lambda key: (key != first or not unreported[key].sync, unreported[key].looked, unreported[key].name),
    )
    for key in turns[:LOOKS]:
        item = state.items[key]
        unreported[key].look(state.now)
        try:
            state.closer[key] = state.fetch(item)
        except FailbackError:
            # It only feeds the progress line.
            continue


def _listed(item: Item) -> bool:
    """Whether the list itself has what a synchronisation is measured by."""
    return bool(item.disks)


def synchronising(state: SliceState, item: Item, track: Track) -> bool:
    """Whether nothing but the synchronisation holds the machine."""
    idle = not track.job and not track.ended and item.scenario is None
    return idle and state.lifecycle.position(item) in (Position.SYNCING_HOME, Position.SYNCING_OUT)


def take_stock(state: SliceState) -> None:
    """Record the progress of synchronising machines, and the state of those that have ended."""
    for key, track in state.memory.tracks.items():
        item = state.items.get(key)
        if track.ended:
            # It stays with what the run has seen, whatever later lists show or leave out.
            track.stand(track.after or standing_of(state, item, track))
        if item is None:
            continue
        if not synchronising(state, item, track):
            track.synchronises(None, state.now)
            continue
        when = parse_time(track.sync_seen[0]) if track.sync_seen else None
        now = measure(state.closer.get(key) or item, state.now, (when, float(track.sync_seen[1])) if when else None)
        if now.told:
            track.synchronises(now, state.now)


def standing_of(state: SliceState, item: Item | None, track: Track) -> str:
    """Where the machine is; an accepted or a finished job takes precedence over a list that lags."""
    if item is None:
        return "unknown"
    listed = state.lifecycle.standing(item, state.order.route)
    operation = state.lifecycle.operation(state.lifecycle.generation(item) or "", track.step)
    if track.ended or operation is None or state.lifecycle.position(item) not in operation.departs:
        return listed
    if track.job:
        return STEP_TEXT[track.step]
    return track.arrived or listed


def synchronisation(state: SliceState, key: str, track: Track) -> Sync | None:
    """The machine's last reported synchronisation; None where none is in progress or reported."""
    item = state.items.get(key)
    if item is None or not synchronising(state, item, track):
        return None
    # What an earlier read reported has continued in the meantime.
    values = dict(track.sync)
    at = parse_time(values.pop("at", None))
    if at is None:
        return None
    sync = Sync(**values)
    if sync.eta_seconds is None:
        return sync
    left = round(sync.eta_seconds - (state.now - at).total_seconds())
    return replace(sync, eta_seconds=left if left > 0 else None)


def slowest(state: SliceState) -> str:
    """Key of the open machine that has got least far; empty when all have ended."""
    tracks = state.memory.tracks
    return min((k for k, t in tracks.items() if not t.ended), key=lambda k: rank(state, k, tracks[k]), default="")


def rank(state: SliceState, key: str, track: Track) -> tuple[int, bool, bool, float, str]:
    """How far a machine has got on the route; the least is the slowest.

    Of machines on one step those that only synchronise are further; of these, one whose percentage is known is named before
    one without any.
    """
    item = state.items.get(key)
    syncs = item is not None and synchronising(state, item, track)
    sync = synchronisation(state, key, track)
    percentage = sync.percentage if sync and sync.percentage is not None else None
    return _step(state, item, track), syncs, percentage is None, percentage or 0.0, track.opened or "9999"


def _step(state: SliceState, item: Item | None, track: Track) -> int:
    """Number of the step of the route a machine is on, or has next before it."""
    route = state.order.route
    if track.job and track.step in route:
        return route.index(track.step)
    position = state.lifecycle.position(item) if item is not None else None
    if item is None or position is None:
        return route.index(track.step) if track.step in route else 0
    step = next(steps_left(position, route, state.lifecycle, state.lifecycle.generation(item) or ""), route[-1])
    return route.index(step)
