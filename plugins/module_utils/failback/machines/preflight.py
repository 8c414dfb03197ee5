# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that must be known before the first write of a run: servers, placements, points, proofs.

Wrong names, missing servers and ambiguous choices are found here, for all steps of the route that any machine will
still walk, so that a run never stops half-way over a misspelt option.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..lifecycle.decide import project
from ..lifecycle.points import choose, needs_list
from ..lifecycle.table import FAILOVERS, REPROTECT_TO_AZURE, REPROTECT_TO_ONPREM, REPROTECTS, Operation
from ..model.errors import ConnectionFailed, FailbackError, InputError, ReadFailed
from ..model.items import Item, VaultRef
from ..model.refusal import Refusal
from ..model.servers import Fabric, Policy
from ..placement.classic import Estate, check_names, place_to_azure
from ..placement.estate import unsure
from ..placement.home import judged
from ..placement.modernized import accounts_of
from ..servers.fabrics import list_whole
from .foresight import Way, look_ahead, look_home, need_site, refused_later
from .placing import learn_systems, place_all, with_systems
from .requests import RequestBuilder
from .walk import Walk


def preflight(walk: Walk, items: Sequence[Item]) -> RequestBuilder:
    """Read what the remaining steps need and refuse wrong options before anything is written."""
    operations: dict[str, list[Operation]] = {}
    ways: dict[str, Way] = {}
    for item in items:
        track = walk.memory.tracks[item.key]
        seen = walk.observed(item, track)
        operations[item.key], end, _where = project(
            walk.decision(item, track), seen, walk.order.route, walk.lifecycle, walk.policy
        )
        ways[item.key] = operations[item.key], end
    ahead = [operation for some in operations.values() for operation in some]
    need_site(walk, ways)
    learn_systems(
        walk, [(i, walk.memory.tracks[i.key]) for i in items if any(s.step in FAILOVERS for s in operations[i.key])]
    )
    items = [i for i in items if i.key not in walk.trouble]
    look_home(walk, items, ways)
    check_points(walk, items, operations)
    estate: Estate | None = None
    if any(operation.step in REPROTECTS for operation in ahead):
        estate = read_estate(walk, {i.vault.key: i.vault for i in items if operations[i.key]}.values())
        stores = any(
            judged(i, walk.homes.get(i.key)).exists is not True for i in items if _comes_home(operations[i.key])
        )
        try:
            check_names(walk.order, estate, stores)
        except InputError:
            # A name may be meant for a vault whose machines have nothing to do now.
            estate = read_estate(walk, walk.order.vaults)
            if not walk.trouble:
                check_names(walk.order, estate, stores)
        items = [i for i in items if i.key not in walk.trouble]
        outward = [(item, walk.memory.tracks[item.key]) for item in items if _comes_home(operations[item.key])]
        place_all(walk, estate, outward)
        walk.homeward = {item.key: dict(track.placement) for item, track in outward if track.placement}
        returning = [
            (item, walk.memory.tracks[item.key])
            for item in items
            if any(s.step == REPROTECT_TO_AZURE for s in operations[item.key])
        ]
        systems = with_systems(walk, returning)
        for item, track in returning:
            told = systems[item.key]
            if not isinstance(told, FailbackError):
                placed = place_to_azure(told, walk.order, estate, track.place())
                if (
                    isinstance(placed, Refusal)
                    and not track.ended
                    and operations[item.key][0].step != REPROTECT_TO_AZURE
                ):
                    track.end("refused", refused_later(placed))
    if not walk.memory.checked:
        look_ahead(walk, items, ways)
    return RequestBuilder(walk, estate)


def _comes_home(operations: Sequence[Operation]) -> bool:
    return any(operation.step == REPROTECT_TO_ONPREM for operation in operations)


def check_points(walk: Walk, items: Sequence[Item], operations: Mapping[str, Sequence[Operation]]) -> None:
    """Refuse a kind of recovery point that no machine's step knows; where some do, the others are refused by name."""
    unknown: list[tuple[Item, Refusal]] = []
    fits = False
    for item in items:
        for operation in operations[item.key]:
            if operation.step not in FAILOVERS:
                continue
            wanted = walk.point_for(item)
            chosen = unsure(walk.with_system(item), "recovery_point", walk.order.recovery_point)
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
        walk.memory.tracks[item.key].end("refused", refusal)


def read_estate(walk: Walk, vaults: Iterable[VaultRef]) -> Estate:
    """Fabrics and policies of the vaults: two lists a vault, and a GET for a fabric of appliances.

    Once the run has begun, a vault whose servers cannot be read lets its own machines wait; before that the error comes out.
    """
    fabrics: dict[str, Fabric] = {}
    policies: dict[str, Sequence[Policy]] = {}
    for vault in vaults:
        before = walk.vaults.requests.reads
        try:
            listed = [Fabric.parse(entry, vault) for entry in list_whole(walk.vaults, vault)]
            policies[vault.key] = tuple(Policy.parse(entry) for entry in walk.vaults.list_policies(vault))
        except (ReadFailed, ConnectionFailed) as exc:
            if not walk.memory.checked:
                raise
            for item, _track in walk.open_tracks():
                if item.vault.key == vault.key:
                    walk.wait_for(item.key, exc, dark=True)
            continue
        fabrics.update((fabric.key, fabric) for fabric in listed)
        walk.count_reads(walk.vaults.requests.reads - before)
    accounts: dict[str, frozenset[str]] = {}
    for item in walk.all_items:
        accounts[item.vault.key] = accounts.get(item.vault.key, frozenset()).union(accounts_of(item))
    return Estate(fabrics, policies, walk.now, accounts)
