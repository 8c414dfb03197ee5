# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence for commits, read for many machines at once, and the handling of those that are not proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..lifecycle.table import COMMIT_TO_ONPREM, SEALS, Operation
from ..model.errors import ConnectionFailed, FailbackError, InputError, ReadFailed, certain
from ..model.items import Item
from ..model.jobs import Job
from ..model.refusal import Refusal
from ..model.servers import Fabric, MasterTarget
from ..proofs.evidence import Asked, failovers, gather, jobs_in_results
from ..proofs.prove import Evidence, prove
from ..proofs.record import record
from ..servers.fabrics import list_whole
from ..servers.outward import outward_servers
from ..tracking.state import Due, SliceState
from ..tracking.track import Track
from .gating import Gatekeeper, has_left

#: Seconds of the service's clock after a failover's end during which a machine may still be starting or stopping.
PROOF_GRACE = 300.0


class Commits:
    """The commits of one slice."""

    def __init__(self, state: SliceState, gates: Gatekeeper) -> None:
        self.state = state
        self.gates = gates
        #: Fabrics with their servers by vault, read once a slice.
        self.fabrics: dict[str, list[Fabric]] = {}

    def failovers(self, commits: Sequence[Due]) -> dict[str, Job]:
        """The failover jobs to be committed, by item key; their verdicts are written down, so that each is read once."""
        state = self.state
        known: dict[str, Job] = {}
        for item, track, operation in commits:
            verdict = track.verdict(SEALS[operation.step])
            if verdict is not None:
                known[item.key] = verdict
        scenarios = state.lifecycle.scenarios
        jobs: dict[str, Job] = {}
        for vault in dict.fromkeys(item.vault.key for item, _track, _operation in commits):
            pairs = [(item, operation) for item, _track, operation in commits if item.vault.key == vault]
            mine = {item.key: known[item.key] for item, _operation in pairs if item.key in known}
            unread: dict[str, FailbackError] = {}
            try:
                jobs |= failovers(
                    pairs,
                    mine,
                    jobs_in_results(state.order.judged),
                    scenarios,
                    state.vaults,
                    state.spread,
                    state.count_reads,
                    unread,
                )
            except (ReadFailed, ConnectionFailed) as exc:
                unread = {item.key: exc for item, _operation in pairs}
            for key, error in unread.items():
                state.wait_for(key, error)
        for item, track, operation in commits:
            job = jobs.get(item.key)
            if job is not None and not job.alive and item.key not in known:
                # Read once: the next tick of this run need not ask the vault again.
                track.judged(SEALS[operation.step], job)
        return jobs

    def unproven(self, commits: Sequence[Due], jobs: Mapping[str, Job]) -> dict[str, list[Refusal]]:
        """The proofs that do not hold, by item key. ``jobs`` as ``failovers`` gives them."""
        state = self.state
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
                state.wait_for(item.key, evidence.azure_error)
                continue
            missing[item.key] = self.gates.accepted(track, evidence, prove(evidence, operation.step))
            if operation.step == COMMIT_TO_ONPREM:
                missing[item.key] += self.gates.before_commit(track, evidence)
                missing[item.key] += state.verifications.unproven(item.key, evidence.job, track.since, state.now)
                checks = state.verifications.of(item.key)
                track.prove(record(evidence, missing[item.key], track.accepted, track.approved, checks, state.now))
                found_here = meeting(evidence, state.lifecycle.generation(item) or "")
                track.meet({**found_here, **self._outward(evidence.item)})
        return missing

    def _evidence(self, asked: Sequence[Asked]) -> dict[str, Evidence]:
        """Evidence by item key, read for all at once. Without vCenter nothing is proven: all machines wait."""
        state = self.state
        try:
            return gather(
                asked,
                state.vaults,
                certain(state.site),
                state.spread,
                state.count_reads,
                state.all_items,
                state.order.accept,
                self._servers(asked),
            )
        except InputError:
            raise
        except FailbackError as exc:
            for entry in asked:
                state.wait_for(entry.item.key, exc)
            return {}

    def _servers(self, asked: Sequence[Asked]) -> list[MasterTarget]:
        """Master targets and appliances that the disks of machines to be committed home may still be attached to.

        Where they cannot be read, what a machine has attached itself is the proof that is left.
        """
        state = self.state
        found: list[MasterTarget] = []
        for vault in {a.item.vault.key: a.item.vault for a in asked if a.home}.values():
            if vault.key not in self.fabrics:
                before = state.vaults.requests.reads
                try:
                    self.fabrics[vault.key] = [Fabric.parse(entry, vault) for entry in list_whole(state.vaults, vault)]
                except (ReadFailed, ConnectionFailed):
                    self.fabrics[vault.key] = []
                state.count_reads(state.vaults.requests.reads - before)
            found += [server for fabric in self.fabrics[vault.key] for server in fabric.master_targets]
        return found

    def _outward(self, item: Item) -> dict[str, Any]:
        """The servers that the machine itself can be asked about; only who checks machines before their commit needs them."""
        if not self.state.order.prove_only:
            return {}
        fabrics = self.fabrics.get(item.vault.key, ())
        mine = next((fabric for fabric in fabrics if fabric.key == item.fabric_id.lower()), None)
        return {"servers": outward_servers(item, mine) if mine is not None else []}

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
                and self.state.now - verdict.end < timedelta(seconds=PROOF_GRACE)
            )
            if all(p.waits for p in unproven) and (young or verdict is None):
                track.wait(f"not yet verified: {unproven[0].reason}")
            elif self.moved_on(item, operation):
                if item.key not in self.state.trouble:
                    track.wait("another run has started the commit")
                    track.join()
            else:
                refuse_unproven(track, unproven)
        return may_go

    def moved_on(self, item: Item, operation: Operation) -> bool:
        """Whether the machine has left the step's start since it was listed, so that what it lacks proves nothing; nor does
        it where the machine cannot be read now, which is noted as its trouble.

        Another run may commit between our reads of the vault and of the Azure VM, which is then gone.
        """
        state = self.state
        try:
            fresh = state.fetch(item)
        except (ReadFailed, ConnectionFailed) as exc:
            state.wait_for(item.key, exc)
            return True
        if not has_left(state, fresh, operation):
            return False
        state.items[item.key] = fresh
        return True


def meeting(evidence: Evidence, generation: str) -> dict[str, Any]:
    """What the run found on-premises, as in results: the VM, its address, and its failover."""
    vm = evidence.site[0] if len(evidence.site) == 1 else None
    return {
        "vm": vm.name if vm is not None else "",
        "uuid": (vm.uuid or vm.bios_uuid) if vm is not None else "",
        "host": vm.host if vm is not None else "",
        "address": vm.addresses[0] if vm is not None and vm.addresses else "",
        "system": evidence.item.os_type or "",
        "generation": generation,
        "failover_job": evidence.job.name if evidence.job is not None else "",
    }


def refuse_unproven(track: Track, unproven: Sequence[Refusal]) -> None:
    """Refuse a commit, naming every proof that does not hold."""
    first = unproven[0]
    reasons = " ".join(p.reason for p in unproven)
    remedy = " ".join(dict.fromkeys(p.remedy for p in unproven if p.remedy))
    track.leave_unproven(Refusal(first.code, f"Not committed: {reasons}", remedy))
