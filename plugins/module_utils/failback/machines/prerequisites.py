# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that must be known before the first write of a run: servers, placements, points, proofs.

Wrong names, missing servers and ambiguous choices are found here, for all steps of the route that any machine will still take,
so that a run never stops half-way over a misspelt option.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..lifecycle.attached_disks import agent_id
from ..lifecycle.decide import project
from ..lifecycle.points import choose, needs_list
from ..lifecycle.table import FAILOVERS, REPROTECT_TO_AZURE, REPROTECT_TO_ONPREM, REPROTECTS, Operation, Position
from ..model.errors import ConnectionFailed, FailbackError, InputError, ReadFailed
from ..model.items import Item, VaultRef
from ..model.refusal import Refusal
from ..model.servers import Fabric, Policy
from ..placement.classic import Estate, check_names, place_to_azure
from ..placement.estate import unsure
from ..placement.home import home_by_both
from ..placement.modernized import accounts_of
from ..servers.fabrics import list_whole
from ..tracking.state import SliceState
from .placing import learn_systems, place_all, with_systems
from .read_ahead import StepsAhead, look_ahead, look_home, need_site, refused_later
from .requests import RequestBuilder


def prerequisites(state: SliceState, items: Sequence[Item]) -> RequestBuilder:
    """Read what the remaining steps need and refuse wrong options before anything is written."""
    operations: dict[str, list[Operation]] = {}
    ways: dict[str, StepsAhead] = {}
    for item in items:
        track = state.memory.tracks[item.key]
        seen = state.observed(item, track)
        operations[item.key], end, _where = project(
            state.decision(item, track), seen, state.order.route, state.lifecycle, state.policy
        )
        ways[item.key] = operations[item.key], end
    ahead = [operation for some in operations.values() for operation in some]
    need_site(state, ways)
    learn_systems(
        state, [(i, state.memory.tracks[i.key]) for i in items if any(s.step in FAILOVERS for s in operations[i.key])]
    )
    items = [i for i in items if i.key not in state.trouble]
    look_home(state, items, ways)
    check_points(state, items, operations)
    estate: Estate | None = None
    if any(operation.step in REPROTECTS for operation in ahead):
        estate = read_estate(state, {i.vault.key: i.vault for i in items if operations[i.key]}.values())
        stores = any(
            home_by_both(i, state.homes.get(i.key)).exists is not True for i in items if _comes_home(operations[i.key])
        )
        try:
            check_names(state.order, estate, stores)
        except InputError:
            # A name may be meant for a vault whose machines have nothing to do now.
            estate = read_estate(state, state.order.vaults)
            if not state.trouble:
                check_names(state.order, estate, stores)
        items = [i for i in items if i.key not in state.trouble]
        outward = [(item, state.memory.tracks[item.key]) for item in items if _comes_home(operations[item.key])]
        place_all(state, estate, outward)
        state.homeward = {item.key: dict(track.placement) for item, track in outward if track.placement}
        returning = [
            (item, state.memory.tracks[item.key])
            for item in items
            if any(s.step == REPROTECT_TO_AZURE for s in operations[item.key])
            and not _appliance_unknown(state, estate, item, operations[item.key])
        ]
        systems = with_systems(state, returning)
        for item, track in returning:
            told = systems[item.key]
            if not isinstance(told, FailbackError):
                placed = place_to_azure(told, state.order, estate, track.place())
                if (
                    isinstance(placed, Refusal)
                    and not track.ended
                    and operations[item.key][0].step != REPROTECT_TO_AZURE
                ):
                    track.end("refused", refused_later(placed))
    if not state.memory.checked:
        look_ahead(state, items, ways)
    return RequestBuilder(state, estate)


def _appliance_unknown(state: SliceState, estate: Estate, item: Item, ahead: Sequence[Operation]) -> bool:
    """Whether a reprotect to on-premises that another run started goes on: only at its end does the item name the appliance, which
    is the default for its reprotect to Azure. Until then nothing can be said about that step."""
    fabric = estate.fabric_of(item)
    started = state.lifecycle.position(item) in (None, Position.OUT) and not _comes_home(ahead)
    return bool(
        fabric and fabric.modernized and started and not state.memory.tracks[item.key].placement and not agent_id(item)
    )


def _comes_home(operations: Sequence[Operation]) -> bool:
    return any(operation.step == REPROTECT_TO_ONPREM for operation in operations)


def check_points(state: SliceState, items: Sequence[Item], operations: Mapping[str, Sequence[Operation]]) -> None:
    """Refuse a kind of recovery point that no machine's step knows; where some do, the others are refused by name."""
    unknown: list[tuple[Item, Refusal]] = []
    fits = False
    for item in items:
        for operation in operations[item.key]:
            if operation.step not in FAILOVERS:
                continue
            wanted = state.point_for(item)
            chosen = unsure(state.with_system(item), "recovery_point", state.order.recovery_point)
            if chosen is None and not needs_list(operation, wanted):
                point = choose(operation, wanted, ())
                chosen = point if isinstance(point, Refusal) else None
            if chosen is not None:
                unknown.append((item, chosen))
            else:
                fits = True
    for item, refusal in unknown:
        if not fits:
            raise InputError(refusal.code, refusal.reason, refusal.remedy)
        state.memory.tracks[item.key].end("refused", refusal)


def read_estate(state: SliceState, vaults: Iterable[VaultRef]) -> Estate:
    """Fabrics and policies of the vaults: two lists a vault, and a GET for a fabric of appliances.

    Once the run has begun, a vault whose servers cannot be read lets its own machines wait; before that the error comes out.
    """
    fabrics: dict[str, Fabric] = {}
    policies: dict[str, Sequence[Policy]] = {}
    for vault in vaults:
        before = state.vaults.requests.reads
        try:
            listed = [Fabric.parse(entry, vault) for entry in list_whole(state.vaults, vault)]
            policies[vault.key] = tuple(Policy.parse(entry) for entry in state.vaults.list_policies(vault))
        except (ReadFailed, ConnectionFailed) as exc:
            if not state.memory.checked:
                raise
            for item, _track in state.open_tracks():
                if item.vault.key == vault.key:
                    state.wait_for(item.key, exc, dark=True)
            continue
        fabrics.update((fabric.key, fabric) for fabric in listed)
        state.count_reads(state.vaults.requests.reads - before)
    accounts: dict[str, frozenset[str]] = {}
    for item in state.all_items:
        accounts[item.vault.key] = accounts.get(item.vault.key, frozenset()).union(accounts_of(item))
    return Estate(fabrics, policies, state.now, accounts)
