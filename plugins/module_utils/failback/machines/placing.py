# SPDX-License-Identifier: GPL-3.0-or-later
"""Placing the machines of a run: what lists do not report is read from the items themselves, in parallel.

A list of the vault omits details (SEEN, asr-api.md 10): its items have no disks, no master target and, during the failback, no
operating system. A decision that needs them reads the single item. Such a read that fails concerns its machine alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Union

from ..lifecycle.attached_disks import HOLDS, agent_id, disks_of
from ..lifecycle.table import REPROTECT_TO_ONPREM, Position
from ..model.errors import ConnectionFailed, FailbackError, ReadFailed
from ..model.items import Item
from ..model.refusal import Refusal
from ..placement.classic import place_to_onprem
from ..placement.estate import Estate, Slots
from ..tracking.state import SliceState
from ..tracking.track import Track
from ..wanted.by_machine import needs_system

Seen = Union[Item, FailbackError]
Wanting = tuple[Item, Track]


def read_whole(state: SliceState, items: Sequence[Item]) -> dict[str, Seen]:
    """Each item by its own GET, by key, or why it could not be read. The reads belong to the floor."""

    def read(item: Item) -> Seen:
        try:
            return state.fetch(item)
        except (ReadFailed, ConnectionFailed) as exc:
            return exc

    state.count_reads(len(items))
    return dict(zip([item.key for item in items], state.spread(read, items), strict=True))


def with_systems(state: SliceState, wanting: Sequence[Wanting]) -> dict[str, Seen]:
    """The items with their operating systems, where the choice of a run-as account depends on it.

    What an earlier step of the run knows is used, else the item is read individually.
    """
    order = state.order
    if not (order.run_as_account_windows or order.run_as_account_linux):
        return {item.key: item for item, _track in wanting}
    return _read_systems(state, wanting)


def learn_systems(state: SliceState, wanting: Sequence[Wanting]) -> None:
    """Find out the operating systems on which recovery points depend. A machine that cannot be read waits alone."""
    asked = [(i, t) for i, t in wanting if needs_system(state.with_system(i), state.order.recovery_point)]
    for key, seen in _read_systems(state, asked).items():
        if isinstance(seen, FailbackError):
            state.wait_for(key, seen)


def _read_systems(state: SliceState, wanting: Sequence[Wanting]) -> dict[str, Seen]:
    unknown = [item for item, track in wanting if not item.os_type and not track.system]
    read = read_whole(state, unknown)
    seen: dict[str, Seen] = {}
    for item, track in wanting:
        found = read.get(item.key, item)
        if isinstance(found, FailbackError):
            seen[item.key] = found
            continue
        track.learn_system(found.os_type)
        seen[item.key] = item if item.os_type else replace(item, os_type=track.system or None)
    return seen


def place_all(state: SliceState, estate: Estate, wanting: Sequence[Wanting], due: bool = False) -> None:
    """Place machines that have no placement yet and write it down; those without a place are refused.

    A machine that cannot be read stays without one, and with it its consistency group, which must fit one master target
    whole; where it is ``due`` it waits until it can be read.
    """
    wanted = [(item, track) for item, track in wanting if track.placement is None and not track.ended]
    if not wanted:
        return
    seen = read_whole(state, [item for item, _track in wanted if not item.disks])
    slots, bound, unread = occupied(state, estate, [item for item, _track in wanted])
    for item, _track in wanted:
        found = seen.get(item.key)
        if isinstance(found, FailbackError):
            unread[unit_of(item)] = found
    for key, track in state.memory.tracks.items():
        # Placed earlier in this run and not attached yet, so the service does not count its disks.
        place = track.place()
        mine = state.items.get(key)
        if place is not None and place.master_target_id and mine is not None and not track.arrived:
            slots_take(slots, estate, mine, place.master_target_id, track.disks)
            if mine.group_id:
                bound[mine.group_id] = place.master_target_id
    whole: list[tuple[Item, Track]] = []
    for item, track in wanted:
        problem = unread.get(unit_of(item))
        if problem is None:
            known = seen.get(item.key, item)
            whole.append((state.with_system(known if isinstance(known, Item) else item), track))
        elif due:
            state.wait_for(item.key, problem)
    estate = replace(estate, homes=state.homes)
    for item, _track in whole:
        # A list has less of it than what was read here; the plan uses this.
        state.locations[item.key] = estate.home_of(item)
    placed = place_to_onprem([item for item, _track in whole], state.order, estate, slots, bound)
    for item, track in whole:
        found_place = placed[item.key]
        if isinstance(found_place, Refusal):
            track.end("refused", found_place)
        else:
            track.place_at(found_place, disks_of(item))


def unit_of(item: Item) -> str:
    """What is placed whole: the consistency group, or the machine."""
    return item.group_id or item.key


def occupied(
    state: SliceState, estate: Estate, wanting: Sequence[Item]
) -> tuple[Slots, dict[str, str], dict[str, FailbackError]]:
    """Slots on their way to being used, the master targets that consistency groups are bound to, and the groups of which
    that could not be read.

    A running reprotect may not have attached its disks yet, and lists do not report its master target: such an item is
    read individually. So are the other members of a group that is about to be placed, and the machines of an appliance, whose
    disks are counted nowhere else.
    """
    slots, bound, unread = Slots(), dict[str, str](), dict[str, FailbackError]()
    groups = {item.group_id for item in wanting if item.group_id}
    own = {item.key for item in wanting} | set(state.memory.tracks)
    held: list[Item] = []
    closer: list[tuple[Item, bool]] = []
    for item in state.all_items:
        running = state.lifecycle.running(item)
        moving = running is not None and running.step == REPROTECT_TO_ONPREM
        position = state.lifecycle.position(item)
        member = item.group_id in groups and position in (Position.SYNCING_HOME, Position.READY)
        fabric = estate.fabric_of(item)
        if fabric is not None and fabric.modernized:
            # Those of this run are counted when they are placed.
            track = state.memory.tracks.get(item.key)
            if position in HOLDS and not (track and track.placement and not track.arrived):
                held.append(item)
            if member and item.group_id:
                bound[item.group_id] = agent_id(item)
        elif member or (moving and not (item.key in own and _placed(state, item))):
            closer.append((item, moving))
    seen = read_whole(state, [i for i in held if not i.disks] + [item for item, _moving in closer])
    for item in held:
        _take(slots, estate, seen.get(item.key, item), item, agent_id(item))
    for item, moving in closer:
        full = seen[item.key]
        if isinstance(full, FailbackError):
            if item.group_id in groups and item.group_id:
                unread[item.group_id] = full
            fabric = estate.fabric_of(item)
            for server in fabric.master_targets if fabric and moving else ():
                # It is unknown which one it uses: room is left for it on each.
                slots.take(server, disks_of(item))
            continue
        target = str(full.details.get("masterTargetId") or "")
        if target and moving:
            slots_take(slots, estate, full, target)
        if target and item.group_id:
            bound[item.group_id] = target
    return slots, bound, unread


def _placed(state: SliceState, item: Item) -> bool:
    track = state.memory.tracks.get(item.key)
    return bool(track and track.placement)


def _take(slots: Slots, estate: Estate, seen: Seen, listed: Item, target_id: str) -> None:
    """Count a machine's disks; one that could not be read counts by its list entry."""
    slots_take(slots, estate, listed if isinstance(seen, FailbackError) else seen, target_id)


def slots_take(slots: Slots, estate: Estate, item: Item, target_id: str, disks: int = 0) -> None:
    """Take the slots of a machine on a master target; ``disks`` where they are known from before."""
    fabric = estate.fabric_of(item)
    target = next((t for t in fabric.master_targets if t.id == target_id), None) if fabric else None
    if target is not None:
        slots.take(target, disks or disks_of(item))
