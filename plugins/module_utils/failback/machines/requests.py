# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that must be known before the first write of a run: servers, placements, points, proofs.

Wrong names, missing servers and ambiguous choices are found here, for all steps of the route that any machine will
still walk, so that a run never stops half-way over a misspelt option.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

from ..lifecycle.bodies import Body, Placement, Wishes, build
from ..lifecycle.decide import project
from ..lifecycle.points import Point, choose, needs_list
from ..lifecycle.table import (
    COMMIT_TO_ONPREM,
    FAILOVERS,
    REPROTECT_TO_AZURE,
    REPROTECT_TO_ONPREM,
    REPROTECTS,
    SEALS,
    Operation,
)
from ..model.errors import ConnectionFailed, FailbackError, InputError, ReadFailed, certain
from ..model.items import Item, Job, Json, VaultRef
from ..model.refusal import Refusal
from ..model.servers import Fabric, Policy
from ..placement.classic import Estate, check_names, place_to_azure
from ..placement.estate import unsure
from ..placement.home import judged
from ..placement.modernized import accounts_of
from ..servers.fabrics import list_whole
from ..servers.serving import LostPlaces
from .evidence import Asked, failovers, gather, told
from .foresight import Way, look_ahead, look_home, need_site, refused_later
from .gating import Gatekeeper
from .placing import learn_systems, place_all, with_systems
from .proofs import Evidence, prove
from .track import Track
from .walk import Walk

#: Seconds of the service's clock after a failover's end during which a machine may still be starting or stopping.
PROOF_GRACE = 300.0

Due = tuple[Item, Track, Operation]


class Prepared:
    """What was read once for the writes of a slice."""

    def __init__(self, walk: Walk, estate: Estate | None) -> None:
        self.walk = walk
        self.estate = estate
        self.points: dict[str, Point | Refusal] = {}
        self.gates = Gatekeeper(walk)
        self.lost = LostPlaces(walk.order.lost_places)

    # -- bodies --------------------------------------------------------------------------------------------------

    def body(self, item: Item, track: Track, operation: Operation) -> Body | Refusal | None:
        """The request's JSON for one machine, or why it cannot be sent."""
        order = self.walk.order
        error = self.walk.trouble.get(item.key) if self.lost.concerned([(item, operation)]) else None
        if error is not None:
            return Refusal.of(error)
        lost = self.lost.refusal(item, operation)
        if lost is not None:
            return lost
        point: Point | None = None
        if operation.step in FAILOVERS:
            chosen = self._point(item, operation)
            if isinstance(chosen, Refusal):
                return chosen
            point = chosen
            track.point = point.label
        placement: Placement | None = None
        if operation.step in REPROTECTS:
            placed = self._placement(item, track, operation)
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
        return build(operation, wishes)

    def _placement(self, item: Item, track: Track, operation: Operation) -> Placement | Refusal:
        estate = certain(self.estate)
        if operation.step == REPROTECT_TO_AZURE:
            seen = with_systems(self.walk, [(item, track)])[item.key]
            if isinstance(seen, FailbackError):
                self.walk.wait_for(item.key, seen)
                return Refusal.of(seen)
            try:
                placed = place_to_azure(seen, self.walk.order, estate, track.place())
            except InputError as exc:
                # The others of the run have begun; a choice only this machine lacks is its own refusal.
                return Refusal.of(exc)
            if isinstance(placed, Placement):
                track.placement = asdict(placed)
            return placed
        known = track.place()
        if known is None:
            try:
                place_all(self.walk, estate, [(item, track)], due=True)
            except InputError as exc:
                return Refusal.of(exc)
            known = track.place()
        if known is None:
            return track.why
        return known

    def read_ahead(self, due: Sequence[tuple[Item, Operation]]) -> None:
        """Everything the bodies of these steps need, read side by side."""
        asked = self.lost.concerned(due)

        def read(item: Item) -> Item | FailbackError:
            try:
                return Item.parse(self.walk.vaults.get_item(item.id), item.vault)
            except (ReadFailed, ConnectionFailed) as exc:
                return exc

        for item, full in zip(asked, self.walk.spread(read, asked), strict=True):
            if isinstance(full, FailbackError):
                self.walk.wait_for(item.key, full)
            else:
                self.lost.learn(item, full)
        self.walk.count_reads(len(asked))
        self.read_points([(i, s) for i, s in due if self.lost.refusal(i, s) is None])

    def read_points(self, due: Iterable[tuple[Item, Operation]]) -> None:
        """One list of recovery points for each machine whose choice needs it."""
        walk = self.walk
        asked = [
            (i, operation)
            for i, operation in due
            if operation.step in FAILOVERS and needs_list(operation, walk.point_for(i))
        ]

        def read(pair: tuple[Item, Operation]) -> list[Json] | FailbackError:
            try:
                return walk.vaults.list_recovery_points(pair[0].id)
            except (ReadFailed, ConnectionFailed) as exc:
                return exc

        for (item, operation), points in zip(asked, walk.spread(read, asked), strict=True):
            walk.count_reads(1)
            if isinstance(points, FailbackError):
                walk.wait_for(item.key, points)
            else:
                self.points[item.key] = choose(operation, walk.point_for(item), points)

    def _point(self, item: Item, operation: Operation) -> Point | Refusal:
        wanted = self.walk.point_for(item)
        doubt = unsure(self.walk.with_system(item), "recovery_point", self.walk.order.recovery_point)
        if doubt is not None:
            return doubt
        if not needs_list(operation, wanted):
            return choose(operation, wanted, ())
        if item.key not in self.points:
            self.read_points([(item, operation)])
        error = self.walk.trouble.get(item.key)
        return Refusal.of(error) if error is not None else self.points[item.key]

    # -- proofs --------------------------------------------------------------------------------------------------

    def failovers(self, commits: Sequence[Due]) -> dict[str, Job]:
        """The failover jobs to be committed, by item key; their verdicts are written down, so that each is read once."""
        walk = self.walk
        known: dict[str, Job] = {}
        for item, track, operation in commits:
            verdict = track.verdict(SEALS[operation.step])
            if verdict is not None:
                known[item.key] = verdict
        scenarios = walk.lifecycle.scenarios
        jobs: dict[str, Job] = {}
        for vault in dict.fromkeys(item.vault.key for item, _track, _operation in commits):
            pairs = [(item, operation) for item, _track, operation in commits if item.vault.key == vault]
            mine = {item.key: known[item.key] for item, _operation in pairs if item.key in known}
            unread: dict[str, FailbackError] = {}
            try:
                jobs |= failovers(
                    pairs, mine, told(walk.order.judged), scenarios, walk.vaults, walk.spread, walk.count_reads, unread
                )
            except (ReadFailed, ConnectionFailed) as exc:
                unread = {item.key: exc for item, _operation in pairs}
            for key, error in unread.items():
                walk.wait_for(key, error)
        for item, track, _operation in commits:
            job = jobs.get(item.key)
            if job is not None and not job.alive and item.key not in known:
                # Read once: the next tick of this run need not ask the vault again.
                track.steps.append({"step": SEALS[_operation.step], "done": "unchanged", "job": job.name})
                track.step = SEALS[_operation.step]
                track.close(job)
        return jobs

    def unproven(self, commits: Sequence[Due], jobs: Mapping[str, Job]) -> dict[str, list[Refusal]]:
        """The proofs that do not hold, by item key. ``jobs`` as ``failovers`` gives them."""
        walk = self.walk
        fresh = self.gates.read([item for item, _track, operation in commits if operation.step == COMMIT_TO_ONPREM])
        asked = [
            Asked(fresh[item.key][0] if home else item, jobs.get(item.key), track.known, home)
            for item, track, operation in commits
            if not (home := operation.step == COMMIT_TO_ONPREM) or item.key in fresh
        ]
        found = self._evidence(asked)
        missing: dict[str, list[Refusal]] = {}
        for item, track, operation in commits:
            evidence = found.get(item.key)
            if evidence is None:
                continue
            if evidence.azure_error is not None:
                walk.wait_for(item.key, evidence.azure_error)
                continue
            missing[item.key] = self.gates.accepted(track, evidence, prove(evidence, operation.step))
            if operation.step == COMMIT_TO_ONPREM:
                missing[item.key] += self.gates.before_commit(track, evidence)
        return missing

    def _evidence(self, asked: Sequence[Asked]) -> dict[str, Evidence]:
        """Evidence by item key, read for all at once. Without vCenter nothing is proven: all of them wait."""
        walk = self.walk
        try:
            return gather(
                asked,
                walk.vaults,
                certain(walk.site),
                walk.spread,
                walk.count_reads,
                walk.all_items,
                walk.order.accept,
            )
        except InputError:
            raise
        except FailbackError as exc:
            for entry in asked:
                walk.wait_for(entry.item.key, exc)
            return {}

    def prove(self, commits: Sequence[Due], jobs: Mapping[str, Job]) -> set[str]:
        """Keys of the machines whose commit may go. The others wait a little or are refused, each by name."""
        missing = self.unproven(commits, jobs)
        may_go: set[str] = set()
        for item, track, operation in commits:
            if item.key not in missing:
                continue
            unproven = missing[item.key]
            if not unproven:
                may_go.add(item.key)
                continue
            verdict = track.verdict(SEALS[operation.step])
            young = (
                verdict is not None
                and verdict.end is not None
                and self.walk.now - verdict.end < timedelta(seconds=PROOF_GRACE)
            )
            if all(p.waits for p in unproven) and (young or verdict is None):
                track.waiting = f"not yet proven: {unproven[0].reason}"
            elif self.moved_on(item, operation):
                if item.key not in self.walk.trouble:
                    track.waiting = "another run has begun the commit"
                    track.joined = True
            else:
                refuse_unproven(track, unproven)
        return may_go

    def moved_on(self, item: Item, operation: Operation) -> bool:
        """Whether the machine has left the step's start since it was listed, so that what it lacks proves nothing; nor does
        it where the machine cannot be read now, which is noted as its trouble.

        Another run may commit between our look at the vault and our look at the Azure VM, which is then gone.
        """
        walk = self.walk
        try:
            fresh = walk.alone(item)
        except (ReadFailed, ConnectionFailed) as exc:
            walk.wait_for(item.key, exc)
            return True
        if walk.lifecycle.running(fresh) is None and walk.lifecycle.position(fresh) in operation.departs:
            return False
        walk.items[item.key] = fresh
        return True


def refuse_unproven(track: Track, unproven: Sequence[Refusal]) -> None:
    """Refuse a commit, naming every proof that does not hold."""
    first = unproven[0]
    track.unproven = True
    reasons = " ".join(p.reason for p in unproven)
    remedy = " ".join(dict.fromkeys(p.remedy for p in unproven if p.remedy))
    track.end("refused", Refusal(first.code, f"Not committed: {reasons}", remedy))


def prepare(walk: Walk, items: Sequence[Item]) -> Prepared:
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
    return Prepared(walk, estate)


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
