# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at machines through the rules and the gates, right before they move and again before the commit.

Lists omit details and lag, so each machine is read individually, in parallel, just before it moves; those reads belong to the
floor. A machine that cannot be read stays behind; the others continue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ..lifecycle.azure_disks import azure_disk_gates
from ..lifecycle.failed_failover import failed_failover, failed_gate
from ..lifecycle.gates import RPO_LIMIT, copy_gates, health_gates, passed, point_gate, way_on
from ..lifecycle.points import KNOWN_POINTS
from ..lifecycle.table import COMMIT_TO_ONPREM, FAILOVER_TO_ONPREM, FAILOVERS, SEALS, STEP_TEXT, Operation, Position
from ..model.errors import ConnectionFailed, ReadFailed
from ..model.identity import all_named, azure_disks
from ..model.items import Item
from ..model.jobs import Job
from ..model.refusal import Refusal
from ..model.servers import Policy
from ..proofs.arrival import disks_gate, tools_gate
from ..proofs.evidence import failovers
from ..proofs.guest_look import ports_gate, room_warning
from ..proofs.prove import Evidence
from ..tracking.state import Due, SliceState
from ..tracking.track import Track
from ..wanted.ruling import DueStep, Ruling

#: A machine from its own GET, with the service's time of the answer.
Seen = tuple[Item, datetime]

#: Seconds by which the newest application-consistent point may be older than the newest one (DOC: they are made hourly).
APP_CONSISTENT_EVERY = 3600

#: Where the service allows nothing for a while.
SYNCHRONISING = frozenset({Position.SYNCING_HOME, Position.SYNCING_OUT})

#: Seconds for which a machine that was read individually counts as read just now: as long as it takes to read some hundred others and
#: vCenter, so that what is sent together is read once.
MOMENT = 30.0
#: The same before a commit, which deletes the other copy.
MOMENT_OF_COMMIT = 10.0


def _not_sent(operation: Operation) -> str:
    return f"Not sent, {STEP_TEXT[operation.step]}"


def has_left(state: SliceState, fresh: Item, operation: Operation) -> bool:
    """Whether a machine, read individually, is past the start of a step, or on its way.

    A machine that only allows nothing looks as if it synchronised; that proves nothing unless the step leads there.
    """
    if state.lifecycle.running(fresh) is not None:
        return True
    position = state.lifecycle.position(fresh)
    return position not in operation.departs and (position not in SYNCHRONISING or position == operation.arrives)


class Gatekeeper:
    """The gates of one slice."""

    def __init__(self, state: SliceState) -> None:
        self.state = state
        self.limits: dict[str, dict[str, float]] = {}
        #: Machines that were read for their failover home a moment ago, and when (``clock.monotonic``).
        self.fresh: dict[str, tuple[float, Seen]] = {}

    def by_rules(self, due: Sequence[Due]) -> list[Due]:
        """What of the due steps no rule of readiness stops, on facts read now; the others are refused by name."""
        state = self.state
        if state.judge is None or not due:
            return list(due)
        whole = self.whole(due)
        asked = [entry for entry in due if entry[0].key in whole and not self.overtaken(entry, whole[entry[0].key][0])]
        rulings = state.judge(
            state.all_items,
            [
                DueStep(whole[item.key][0], operation.step, track.place(), track.known)
                for item, track, operation in asked
            ],
        )
        blocked = [item for item, _track, _operation in asked if rulings.get(item.key, Ruling()).blocks]
        # Another run may have moved a machine between the two readings.
        again = {} if state.order.check else self.read(blocked)
        kept: list[Due] = []
        for item, track, operation in state.clear(asked):
            if item.key in again and self.overtaken((item, track, operation), again[item.key][0]):
                continue
            ruling = rulings.get(item.key, Ruling())
            if ruling.error is not None:
                state.wait_for(item.key, ruling.error)
                continue
            found = list(ruling.blocks)
            if found and operation.step == FAILOVER_TO_ONPREM:
                # Everything that blocks it is told at once.
                gates = copy_gates(*whole[item.key], self.limit(item), self.chosen_point(item))
                self.note(item, operation.step, gates)
                found += gates
            if self.open(track, found, _not_sent(operation)):
                kept.append((item, track, operation))
        return kept

    def note(self, item: Item, step: str, gates: Sequence[Refusal]) -> None:
        """Let the rules know what the gates found, so that the result has both."""
        if self.state.judge is not None and gates:
            self.state.judge.note(item, step, gates)

    def overtaken(self, due: Due, fresh: Item) -> bool:
        """Whether another run has brought the machine on since it was listed: then nothing is sent, and nothing is refused."""
        _item, track, operation = due
        if not has_left(self.state, fresh, operation):
            return False
        self.state.items[fresh.key] = fresh
        track.wait(f"another run has started {STEP_TEXT[operation.step]}")
        track.join()
        return True

    def whole(self, due: Sequence[Due]) -> dict[str, Seen]:
        """The machines read individually, as rules need them; what was read a moment ago is not read again."""
        now = self.state.clock.monotonic()
        found: dict[str, Seen] = {}
        asked: list[Item] = []
        for item, _track, operation in due:
            known = self.state.looked_at.get(item.key)
            if known is None or now - known[0] > (MOMENT_OF_COMMIT if operation.step in SEALS else MOMENT):
                asked.append(item)
            else:
                # Ages are counted to the answer: it knows nothing of what came after it.
                when, fresh, answered = known
                found[item.key] = fresh, answered
                self.fresh[item.key] = when, found[item.key]
        read = self.read(asked)
        self.fresh.update((key, (now, seen)) for key, seen in read.items())
        return {**found, **read}

    def may_fail_over(self, due: Sequence[Due]) -> list[Due]:
        """What of the due steps may be sent: all but the failovers that a gate stops, which are refused by name."""
        fresh = self._fresh([item for item, _track, operation in due if operation.step == FAILOVER_TO_ONPREM])
        shown = {key: seen[0] for key, seen in fresh.items()}
        # An attempt of this run that will be repeated does not count.
        marked = {
            item.key: failed_failover(shown.get(item.key, item))
            for item, track, operation in due
            if operation.step in FAILOVERS and track.attempt(operation.step) == 1
        }
        jobs = self.last_failovers([(item, operation) for item, _track, operation in due if marked.get(item.key)])
        kept: list[Due] = []
        for item, track, operation in due:
            seen = fresh.get(item.key)
            if operation.step == FAILOVER_TO_ONPREM and (
                seen is None or self.overtaken((item, track, operation), seen[0])
            ):
                continue
            gates: list[Refusal] = []
            if marked.get(item.key):
                gates.append(failed_gate(marked[item.key], jobs.get(item.key)))
            if seen is not None:
                gates += copy_gates(*seen, self.limit(seen[0]), self.chosen_point(item))
                track.look_whole()
            self.note(item, operation.step, gates)
            if self.open(track, gates, _not_sent(operation)):
                kept.append((item, track, operation))
        return kept

    def _fresh(self, items: Sequence[Item]) -> dict[str, Seen]:
        """Machines read individually: as the rules have just seen them, else read now."""
        now = self.state.clock.monotonic()
        found = {
            item.key: seen
            for item in items
            if (known := self.fresh.get(item.key)) is not None and now - known[0] <= MOMENT and (seen := known[1])
        }
        return {**found, **self.read([item for item in items if item.key not in found])}

    def before_commit(self, track: Track, evidence: Evidence) -> list[Refusal]:
        """The gates of a copy that was failed over home already: the point its failover used, disks that only the Azure VM
        has, the vault's health if this run did not check the copy before that failover, and what the machine has found from inside."""
        item = evidence.item
        gates = [] if track.whole else health_gates(item)
        if not self.chosen_point(item):
            hourly = self.state.point_for(item) == "latest_app_consistent"
            gates += point_gate(evidence.job, self.limit(item) + (APP_CONSISTENT_EVERY if hourly else 0))
        if len(evidence.azure) == 1:
            gates += azure_disk_gates(item, azure_disks(evidence.azure[0]))
            track.proven_for(str(evidence.azure[0].get("id") or ""))
        if len(evidence.site) == 1:
            vm = evidence.site[0]
            arrived = (tools_gate(vm, track.approved) if vm.powered_on else None, disks_gate(item, vm, evidence.held))
            gates += [gate for gate in arrived if gate is not None]
        look = self.state.verifications.look(item.key)
        gates += [gate for gate in (ports_gate(look),) if gate is not None]
        self.note(item, COMMIT_TO_ONPREM, gates + [warning for warning in (room_warning(look),) if warning is not None])
        shut, taken = passed(gates, self.state.order.accept)
        track.accept(taken)
        # The last one has the common remedy.
        return [Refusal(gate.code, gate.reason, way_on(shut) if gate is shut[-1] else "", gate.waits) for gate in shut]

    def accepted(self, track: Track, evidence: Evidence, unproven: Sequence[Refusal]) -> list[Refusal]:
        """The proofs that stay missing. The user may confirm that the Azure VM is gone, if nothing of its name is left but
        what the reason names; what the user named by its id is recorded."""
        accept = self.state.order.accept
        for word, found in (("onprem_identity", evidence.site_found), ("azure_identity", evidence.azure_found)):
            if found.named:
                track.accept([{"gate": word, "reason": found.named, "text": "Identified by the user, not by ids."}])
        left: list[Refusal] = []
        for proof in unproven:
            reason = str(accept.get(proof.code) or "").strip()
            known = all_named(reason, evidence.azure_found.alike)
            if proof.code == "azure_vm_missing" and not proof.waits and reason and known:
                track.accept([{"gate": proof.code, "reason": reason, "text": proof.reason}])
            elif proof.code == "azure_vm_unsettled" and not proof.waits and reason:
                # A state that stays Failed is an old failure; a separate proof still requires the VM to be stopped.
                track.accept([{"gate": proof.code, "reason": reason, "text": proof.reason}])
            else:
                left.append(proof)
        return left

    def chosen_point(self, item: Item) -> bool:
        """Whether one recovery point is chosen by name, so that its age is intended."""
        return self.state.point_for(item) not in KNOWN_POINTS

    def open(self, track: Track, gates: Sequence[Refusal], what: str) -> bool:
        """Whether every gate passes or was accepted; else the machine is refused with all gates that block it."""
        shut, taken = passed(gates, self.state.order.accept)
        if shut:
            reason = f"{what}: {' '.join(gate.reason for gate in shut)}"
            track.end("refused", Refusal(shut[0].code, reason, way_on(shut)))
            return False
        track.accept(taken)
        return True

    def read(self, items: Sequence[Item]) -> dict[str, Seen]:
        """Machines from their own GETs, in parallel; one that cannot be read now waits and is left out."""
        state = self.state

        def look(item: Item) -> Seen | ReadFailed | ConnectionFailed:
            try:
                return state.fetch(item), state.now
            except (ReadFailed, ConnectionFailed) as exc:
                return exc

        state.count_reads(len(items))
        found: dict[str, Seen] = {}
        for item, seen in zip(items, state.spread(look, items), strict=True):
            if isinstance(seen, (ReadFailed, ConnectionFailed)):
                state.wait_for(item.key, seen)
            else:
                found[item.key] = seen
        return found

    def limit(self, item: Item) -> float:
        """Seconds a machine's recovery point may be old: the user's, its policy's threshold, else 15 minutes."""
        wanted = self.state.order.rpo_limit
        if wanted is not None:
            return wanted
        vault = item.vault
        if vault.key not in self.limits:
            self.limits[vault.key] = {}
            self.state.count_reads(1)
            try:
                policies = [Policy.parse(entry) for entry in self.state.vaults.list_policies(vault)]
            except (ReadFailed, ConnectionFailed):
                # The documented threshold applies then.
                policies = []
            self.limits[vault.key] = {p.id.lower(): p.rpo_threshold for p in policies if p.rpo_threshold is not None}
        return self.limits[vault.key].get((item.policy_id or "").lower(), RPO_LIMIT)

    def last_failovers(self, marked: Sequence[tuple[Item, Operation]]) -> Mapping[str, Job]:
        """The failed failovers' jobs, as far as they can be read: they only give the reason."""
        state = self.state
        seals = {failover: commit for commit, failover in SEALS.items()}
        pairs = [
            (item, commit)
            for item, operation in marked
            if (commit := state.lifecycle.operation(operation.generation, seals[operation.step])) is not None
        ]
        if not pairs:
            return {}
        try:
            return failovers(
                pairs, {}, {}, state.lifecycle.scenarios, state.vaults, state.spread, state.count_reads, {}
            )
        except (ReadFailed, ConnectionFailed):
            return {}
