# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading once, before the first write of a run, every list that a later step of it needs.

A permission that is missing, or a vCenter that is not given, is found while the machines still run where they ran. One list
a vault and subscription each, however many machines there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from ..lifecycle.decide import Hold
from ..lifecycle.points import needs_list
from ..lifecycle.table import COMMITS, FAILOVERS, REPROTECT_TO_ONPREM, Operation
from ..model.errors import FailbackError, InputError, NotFound
from ..model.identity import Known, site_words, subscriptions, targets, vm_ids
from ..model.items import Item, before_segment
from ..model.lookup import index
from ..model.refusal import Refusal
from ..placement.home import found
from ..tracking.patience import may_resolve_itself
from ..tracking.state import SliceState

#: A machine's predicted route: the steps ahead, and how it ends.
StepsAhead = tuple[Sequence[Operation], object]


def commits_later(way: StepsAhead) -> bool:
    """Whether a commit follows something that would be sent before it, now or after somebody's word."""
    operations, end = way
    return bool(operations) and (
        any(operation.step in COMMITS for operation in operations[1:]) or isinstance(end, Hold)
    )


def need_site(state: SliceState, ways: Mapping[str, StepsAhead]) -> None:
    """Raises InputError (``vcenter_missing``) if a commit is due and there is no vCenter to verify it in."""
    if state.site is not None:
        return
    if any(commits_later(way) or any(operation.step in COMMITS for operation in way[0]) for way in ways.values()):
        raise InputError(
            "vcenter_missing",
            "The commit has to be checked against vCenter, but 'hostname' is not set.",
            "Set hostname, username and password of vCenter (or VMWARE_HOST, VMWARE_USER, VMWARE_PASSWORD).",
        )


class _Probe:
    """Lists that are read once; what could not be read is reported for every machine that needs it."""

    def __init__(self, state: SliceState) -> None:
        self.state = state
        self.missing: dict[str, list[FailbackError]] = {}

    def read(self, items: Iterable[Item], read: Callable[[], object]) -> None:
        before = self.state.vaults.requests.reads
        try:
            read()
        except FailbackError as exc:
            for item in items:
                if may_resolve_itself(exc):
                    self.state.wait_for(item.key, exc)
                else:
                    self.missing.setdefault(item.key, []).append(exc)
        self.state.count_reads(self.state.vaults.requests.reads - before)

    def refuse(self) -> None:
        for key, problems in self.missing.items():
            track = self.state.memory.tracks[key]
            if not track.ended:
                said = " ".join(dict.fromkeys(p.message for p in problems))
                remedy = " ".join(dict.fromkeys(p.remedy for p in problems if p.remedy))
                told = f"A later step would fail: {said}"
                track.end("refused", Refusal(problems[0].code, told, remedy))


def look_ahead(state: SliceState, items: Sequence[Item], ways: Mapping[str, StepsAhead]) -> None:
    """Read what later steps read. Machines whose later step could not be read are refused, or wait where it may resolve itself
    it; the others continue."""
    probe = _Probe(state)
    later = [item for item in items if not state.memory.tracks[item.key].ended and commits_later(ways[item.key])]
    for vault in {item.vault.key: item.vault for item in later}.values():
        probe.read([i for i in later if i.vault.key == vault.key], partial(state.vaults.list_jobs, vault))
    _azure(state, later, probe)
    for item in _pointed(state, items, ways):
        mine = [i for i in items if i.vault.key == item.vault.key and _chooses_later(state, i, ways[i.key])]
        probe.read(mine, partial(state.vaults.list_recovery_points, item.id))
    probe.refuse()


def look_home(state: SliceState, items: Sequence[Item], ways: Mapping[str, StepsAhead]) -> None:
    """Ask vCenter once for the location of all machines: it decides the reprotect home, and shows before the first
    write that the account may read what a later commit's proof will need."""
    asked: list[tuple[Item, Known]] = []
    for item in items:
        track = state.memory.tracks[item.key]
        placed_later = track.placement is None and any(s.step == REPROTECT_TO_ONPREM for s in ways[item.key][0])
        ahead = placed_later or (not state.memory.checked and commits_later(ways[item.key]))
        if ahead and not track.ended and item.key not in state.homes:
            asked.append((item, track.known))
    if state.site is None or not asked:
        return
    names = [item.friendly_name for item, _known in asked]
    try:
        machines = state.site.machines(uuids=[w for i, known in asked for w in site_words(i, None, known)], names=names)
    except FailbackError as exc:
        # A temporary error stops the commits when they are due; a run that has begun continues without this.
        if state.memory.checked or may_resolve_itself(exc):
            return
        raise
    look_up = index(machines, lambda m: (m.uuid, m.bios_uuid, m.name))
    hidden = [m for m in machines if not m.identified]
    for item, known in asked:
        mine = look_up((*site_words(item, None, known), item.friendly_name))
        state.homes[item.key] = found(item, [*mine, *(m for m in hidden if m not in mine)], known)


def _chooses_later(state: SliceState, item: Item, way: StepsAhead) -> bool:
    """Whether a failover after the next step will choose from a list of recovery points."""
    return any(operation.step in FAILOVERS and needs_list(operation, state.point_for(item)) for operation in way[0][1:])


def _pointed(state: SliceState, items: Sequence[Item], ways: Mapping[str, StepsAhead]) -> list[Item]:
    """One machine a vault whose recovery points are read ahead; those of failovers due now are read anyway."""
    return list({i.vault.key: i for i in items if _chooses_later(state, i, ways[i.key])}.values())


def _azure(state: SliceState, later: Sequence[Item], probe: _Probe) -> None:
    """Azure VMs as the proofs will read them: one of each resource group by its id where that is known, else one list of
    each subscription."""
    groups: dict[str, list[tuple[Item, str]]] = {}
    lists: dict[str, list[Item]] = {}
    nearby = targets(state.all_items)
    for item in later:
        ids = list(vm_ids(item, None, Known()))
        if len(ids) == 1:
            groups.setdefault(before_segment(ids[0], "/providers/").lower(), []).append((item, ids[0]))
            continue
        for subscription in subscriptions(item, None, Known(), nearby):
            lists.setdefault(subscription, []).append(item)
    for members in groups.values():
        probe.read([item for item, _id in members], partial(_one, state, members[0][1]))
    for subscription, items in sorted(lists.items(), key=lambda entry: entry[0]):
        probe.read(items, partial(state.vaults.list_azure_machines, subscription))


def _one(state: SliceState, vm_id: str) -> None:
    """Read one Azure VM; that it is not there is the proofs' own affair."""
    try:
        state.vaults.get_azure_machine(vm_id)
    except NotFound:
        return


def refused_later(refusal: Refusal) -> Refusal:
    """The refusal of a machine whose last reprotect cannot be placed, found before its first step."""
    return Refusal(
        refusal.code,
        f"Reprotecting it to Azure afterwards would be refused: {refusal.reason}",
        f"{refusal.remedy} To fail it back without protecting it again, {{run:without_reprotect}}.",
    )
