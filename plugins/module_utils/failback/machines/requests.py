# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of a run: everything their bodies need is read first, and building one changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..lifecycle.bodies import Body, Placement, Wishes, build
from ..lifecycle.points import Point, choose, needs_list
from ..lifecycle.table import FAILOVERS, REPROTECT_TO_ONPREM, REPROTECTS, Operation
from ..model.errors import ConnectionFailed, FailbackError, InputError, ReadFailed, certain
from ..model.items import Item, Json
from ..model.refusal import Refusal
from ..placement.classic import place_to_azure
from ..placement.estate import Estate, Placed, unsure
from ..servers.serving import LostPlaces
from ..tracking.state import Due, SliceState
from ..tracking.track import Track
from .commits import Commits
from .gating import Gatekeeper
from .placing import place_all, with_systems


@dataclass(frozen=True)
class Request:
    """A request's body, with the recovery point and the placement that it names."""

    body: Body | None
    point: Point | None = None
    placement: Placement | None = None


class RequestBuilder:
    """The requests of one slice, and what was read once for them."""

    def __init__(self, state: SliceState, estate: Estate | None) -> None:
        self.state = state
        self.estate = estate
        self.points: dict[str, Point | Refusal] = {}
        #: Where a machine's reprotect goes, by key and step, or why it has no place.
        self.places: dict[tuple[str, str], Placed] = {}
        self.gates = Gatekeeper(state)
        self.commits = Commits(state, self.gates)
        self.lost = LostPlaces(state.order.lost_places)

    # -- reading -------------------------------------------------------------------------------------------------

    def read_ahead(self, due: Sequence[Due]) -> None:
        """Everything the bodies of these steps need, read side by side."""
        steps = [(item, operation) for item, _track, operation in due]
        asked = self.lost.concerned(steps)

        def read(item: Item) -> Item | FailbackError:
            try:
                return Item.parse(self.state.vaults.get_item(item.id), item.vault)
            except (ReadFailed, ConnectionFailed) as exc:
                return exc

        for item, full in zip(asked, self.state.spread(read, asked), strict=True):
            if isinstance(full, FailbackError):
                self.state.wait_for(item.key, full)
            else:
                self.lost.learn(item, full)
        self.state.count_reads(len(asked))
        self.read_points([(i, s) for i, s in steps if self.lost.refusal(i, s) is None])
        for item, track, operation in due:
            if operation.step in REPROTECTS and self._out_of_place(item, operation) is None:
                self.places[item.key, operation.step] = self._place(item, track, operation)

    def read_points(self, due: Iterable[tuple[Item, Operation]]) -> None:
        """One list of recovery points for each machine whose choice needs it."""
        state = self.state
        asked = [
            (i, operation)
            for i, operation in due
            if operation.step in FAILOVERS and needs_list(operation, state.point_for(i))
        ]

        def read(pair: tuple[Item, Operation]) -> list[Json] | FailbackError:
            try:
                return state.vaults.list_recovery_points(pair[0].id)
            except (ReadFailed, ConnectionFailed) as exc:
                return exc

        for (item, operation), points in zip(asked, state.spread(read, asked), strict=True):
            state.count_reads(1)
            if isinstance(points, FailbackError):
                state.wait_for(item.key, points)
            else:
                self.points[item.key] = choose(operation, state.point_for(item), points)

    def _place(self, item: Item, track: Track, operation: Operation) -> Placed:
        """Where a machine's reprotect goes. A choice only this machine lacks is its own refusal: the others have begun."""
        estate = certain(self.estate)
        if operation.step == REPROTECT_TO_ONPREM:
            known = track.place()
            if known is None:
                try:
                    place_all(self.state, estate, [(item, track)], due=True)
                except InputError as exc:
                    return Refusal.of(exc)
                known = track.place()
            return track.why if known is None else known
        seen = with_systems(self.state, [(item, track)])[item.key]
        if isinstance(seen, FailbackError):
            self.state.wait_for(item.key, seen)
            return Refusal.of(seen)
        try:
            return place_to_azure(seen, self.state.order, estate, track.place())
        except InputError as exc:
            return Refusal.of(exc)

    # -- building ------------------------------------------------------------------------------------------------

    def request(self, item: Item, track: Track, operation: Operation) -> Request | Refusal:
        """The request of a step that was read ahead for, or why it cannot be sent."""
        order = self.state.order
        lost = self._out_of_place(item, operation)
        if lost is not None:
            return lost
        point: Point | None = None
        if operation.step in FAILOVERS:
            chosen = self._point(item, operation)
            if isinstance(chosen, Refusal):
                return chosen
            point = chosen
        placement: Placement | None = None
        if operation.step in REPROTECTS:
            placed = self.places[item.key, operation.step]
            if isinstance(placed, Refusal):
                return placed
            placement = placed
        wishes = Wishes(
            shut_down_source=order.shut_down_source,
            exclude_temporary_disk=order.exclude_temporary_disk,
            point_type=point.type if point else "",
            point_id=point.id if point else "",
            placement=placement,
        )
        return Request(build(operation, wishes), point, placement)

    def _out_of_place(self, item: Item, operation: Operation) -> Refusal | None:
        """Why a machine's disks may hang on a master target that lost its place, unless a person accepts that rule."""
        if str(self.state.order.accept.get("mt_place") or "").strip():
            return None
        error = self.state.trouble.get(item.key) if self.lost.concerned([(item, operation)]) else None
        return Refusal.of(error) if error is not None else self.lost.refusal(item, operation)

    def _point(self, item: Item, operation: Operation) -> Point | Refusal:
        wanted = self.state.point_for(item)
        doubt = unsure(self.state.with_system(item), "recovery_point", self.state.order.recovery_point)
        if doubt is not None:
            return doubt
        if not needs_list(operation, wanted):
            return choose(operation, wanted, ())
        error = self.state.trouble.get(item.key)
        return Refusal.of(error) if error is not None else self.points[item.key]
