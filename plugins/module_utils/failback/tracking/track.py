# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run keeps about one machine: what was sent for it, what came of it, and why it ended where it did."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from ..lifecycle.bodies import Placement
from ..lifecycle.points import Point
from ..lifecycle.table import Position
from ..model.identity import Known
from ..model.items import Item, iso, parse_time
from ..model.jobs import Job, Problem
from ..model.refusal import Refusal
from ..model.sync import Sync
from ..model.texts import age

#: Providers that replicate to Azure; they report the ids that items being failed back omit.
FORWARD = frozenset({"InMageAzureV2", "InMageRcm"})


@dataclass
class Track:
    """One machine's progress in this run. Times are the service's, as ISO strings.

    Its fields are changed by its own methods alone, which is what makes the class long: everything that can happen to a
    machine is a method here.
    """

    name: str
    before: str
    #: Key of the machine's replicated item.
    key: str = ""
    #: Name of its consistency group, and what binds the group's members together (group.units); empty without a group.
    group: str = ""
    unit: str = ""
    system: str = ""
    #: When this run first saw the machine.
    since: str = ""
    #: Its commit was approved when the run began.
    approved: bool = False
    step: str = ""
    job: str = ""
    opened: str = ""
    seen: bool = False
    look_after: str = ""
    #: When a joined job that this run did not start was last read although it still holds the machine.
    asked_after: str = ""
    arrived: str = ""
    #: The finished job whose synchronisation is still in progress.
    settling: str = ""
    lost_step: str = ""
    lost_at: str = ""
    #: A time before the request whose reply was lost was sent.
    lost_since: str = ""
    attempts: dict[str, int] = field(default_factory=dict)
    rejections: int = 0
    not_before: str = ""
    joined: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)
    point: str = ""
    #: Gates that were accepted: gate, reason, and the service's text.
    accepted: list[dict[str, str]] = field(default_factory=list)
    #: Ids that the item reported before its reprotect removed them, and the Azure VM that a commit home was proven for.
    azure_vm_id: str = ""
    site_uuid: str = ""
    azure_vm: str = ""
    #: Whether this run checked the copy before it sent the failover home.
    whole: bool = False
    #: The proofs of its commit home, with time and value (proofs/record.py).
    proofs: list[dict[str, Any]] = field(default_factory=list)
    #: What was met on-premises when its commit home was looked at (commits.meeting).
    onprem: dict[str, Any] = field(default_factory=dict)
    placement: dict[str, str] | None = None
    #: Disks that the placement uses; lists do not report them.
    disks: int = 0
    after: str = ""
    ended: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""
    #: It was refused because a proof of its commit does not hold (yet).
    unproven: bool = False
    waiting: str = ""
    #: Seconds for which reading about the machine has failed in a row; None while it does not.
    troubled: float | None = None
    #: This run's first read of the synchronisation: when, and its percentage.
    sync_seen: list[Any] = field(default_factory=list)
    #: What the latest read reported of the synchronisation, and when ("at"); when the machine was last read for it.
    sync: dict[str, Any] = field(default_factory=dict)
    looked: str = ""

    def open(self, step: str, job: str, now: datetime, started: bool, point: str = "") -> None:
        """Keep a job for this machine until it has been evaluated."""
        self.step, self.job, self.opened = step, job, iso(now) or ""
        self.seen = not started
        self.look_after = self.lost_step = self.lost_at = self.lost_since = ""
        self.waiting = ""
        entry = {"step": step, "done": "started" if started else "joined", "job": job, "state": "InProgress"}
        self.steps.append({**entry, "recovery_point": point} if point else entry)

    def close(self, job: Job) -> None:
        """Record a finished job's verdict in the machine's list of steps."""
        entry = self.entry(job.name)
        if entry is None:
            entry = {"step": self.step, "done": "joined", "job": job.name}
            self.steps.append(entry)
        entry.update(state=job.state, start=iso(job.start), end=iso(job.end))
        if job.point_time is not None:
            entry["point_time"] = iso(job.point_time)
        if job.affected:
            entry["affected"] = dict(job.affected)
        if job.start and job.end:
            # A job's end is told in whole seconds (SEEN JL), which may be just before its start.
            entry["duration_seconds"] = max(0, round((job.end - job.start).total_seconds()))
        self.job = ""
        self.settling = job.name
        for warning in job.warnings:
            if warning.result() not in self.warnings:
                self.warnings.append(warning.result())

    def settle(self, now: datetime) -> None:
        """The synchronisation after the finished job is over: the step lasted until now."""
        entry = self.entry(self.settling) if self.settling else None
        self.settling = ""
        if entry is not None and entry.get("start"):
            began = parse_time(entry["start"])
            entry["end"] = iso(now)
            entry["duration_seconds"] = round((now - began).total_seconds()) if began else None

    def entry(self, job: str) -> dict[str, Any] | None:
        return next((entry for entry in self.steps if entry.get("job") == job), None)

    def verdict(self, step: str) -> Job | None:
        """The finished job of a step in this run, as far as a proof needs it."""
        for entry in reversed(self.steps):
            if entry["step"] == step and entry.get("end"):
                return Job(
                    name=entry["job"],
                    scenario="",
                    state=entry["state"],
                    start=parse_time(entry.get("start")),
                    end=parse_time(entry.get("end")),
                    point_time=parse_time(entry.get("point_time")),
                    affected=entry.get("affected") or {},
                    problems=tuple(
                        Problem(w.get("code", ""), w.get("message", ""), level="Warning") for w in self.warnings
                    ),
                )
        return None

    def remember(self, item: Item) -> None:
        """Keep the ids that an item reports, while it does."""
        if item.instance_type in FORWARD:
            # Before the failover an Azure VM of an earlier one may still be named.
            self.azure_vm_id = item.azure_vm_id or "" if item.active_location == "Recovery" else ""
            self.site_uuid = item.site_uuid or self.site_uuid

    @property
    def known(self) -> Known:
        return Known(self.azure_vm_id, self.site_uuid)

    def used_point(self, job: Job) -> None:
        """The recovery point that a failover's job used: its own time and its age then, instead of "latest"."""
        if job.point_time is None:
            return
        old = (job.start - job.point_time).total_seconds() if job.start is not None else 0.0
        when = iso(job.point_time) or ""
        if when not in self.point:
            kind = "" if self.point in ("", "latest") else f"{self.point}, "
            self.point = f"{kind}{when}"
        if old > 0 and " old)" not in self.point:
            self.point += f" ({age(old)} old)"
        entry = self.entry(job.name)
        if entry is not None:
            entry["recovery_point"] = self.point

    def accept(self, taken: list[dict[str, str]]) -> None:
        """Record the accepted gates, each once."""
        known = {entry["gate"] for entry in self.accepted}
        self.accepted += [entry for entry in taken if entry["gate"] not in known]

    # -- what a read finds ---------------------------------------------------------------------------------------

    def wait(self, why: str) -> None:
        """Nothing is sent for it now, for the reason given."""
        self.waiting = why

    def join(self) -> None:
        """Somebody else's operation brings it on."""
        self.joined = True

    def arrive(self, position: Position | None) -> None:
        """A finished job has brought it here, whatever lists still show."""
        self.arrived = position.value if position is not None else ""

    def stand(self, position: str) -> None:
        """Its position at the end, as in results."""
        self.after = position

    def warn(self, problem: Problem) -> None:
        """Something that should be known and stops nothing."""
        self.warnings.append(problem.result())

    def learn_system(self, system: str | None) -> None:
        """Its operating system, from the first source that reported it."""
        self.system = self.system or system or ""

    def trouble(self, elapsed: float | None) -> float:
        """Reading about it has failed again; gives the seconds of it in a row. ``elapsed`` is None where it begins now."""
        self.troubled = 0.0 if self.troubled is None or elapsed is None else self.troubled + elapsed
        return self.troubled

    def calm(self) -> None:
        """Reading about it has succeeded."""
        self.troubled = None

    def synchronises(self, sync: Sync | None, now: datetime) -> None:
        """Its synchronisation at the last read; None where none is in progress."""
        if sync is None:
            self.sync_seen, self.sync, self.looked = [], {}, ""
            return
        if sync.percentage is not None and (not self.sync_seen or sync.percentage < self.sync_seen[1]):
            self.sync_seen = [iso(now), sync.percentage]
        self.sync = {"at": iso(now), **sync.result()}

    def look(self, now: datetime) -> None:
        """It is read individually for its synchronisation."""
        self.looked = iso(now) or ""

    # -- its job -------------------------------------------------------------------------------------------------

    def show(self) -> None:
        """A list has shown its job."""
        self.seen = True

    def look_later(self, now: datetime, seconds: float) -> None:
        """Its job need not be read before."""
        self.look_after = iso(now + timedelta(seconds=seconds)) or ""

    def ask_after(self, now: datetime) -> None:
        """A job that this run did not start is read although it still holds the machine."""
        self.asked_after = iso(now) or ""

    def judged(self, step: str, job: Job) -> None:
        """A job of an earlier run was read for its verdict."""
        self.steps.append({"step": step, "done": "unchanged", "job": job.name})
        self.step = step
        self.close(job)

    # -- its next request ----------------------------------------------------------------------------------------

    def place_at(self, placement: Placement, disks: int) -> None:
        """It is placed, with so many disks."""
        self.placement, self.disks = asdict(placement), disks

    def going(self, point: Point | None, placement: Placement | None) -> None:
        """Its request leaves next, with this recovery point or placement in it."""
        if point is not None:
            self.point = point.label
        if placement is not None:
            self.placement = asdict(placement)

    def look_whole(self) -> None:
        """Its copy was checked before the failover home."""
        self.whole = True

    def prove(self, proofs: list[dict[str, Any]]) -> None:
        """The proofs of its commit were looked at."""
        self.proofs = proofs

    def meet(self, onprem: dict[str, Any]) -> None:
        """Its commit home was looked at."""
        self.onprem = onprem

    def proven_for(self, vm_id: str) -> None:
        """The Azure VM that its commit was proven for."""
        self.azure_vm = vm_id

    def hand_over_vm(self) -> str:
        """That Azure VM, once; empty where there is none."""
        vm_id, self.azure_vm = self.azure_vm, ""
        return vm_id

    def hold_back(self, now: datetime, seconds: float) -> None:
        """Nothing is sent for it for a while."""
        self.not_before = iso(now + timedelta(seconds=seconds)) or ""

    def attempt(self, step: str) -> int:
        """Number of the attempt at a step that was sent last."""
        return self.attempts.get(step, 1)

    def repeat(self, step: str, now: datetime, seconds: float) -> None:
        """The attempt at a step failed; it is sent again after a while."""
        self.attempts[step] = self.attempt(step) + 1
        self.hold_back(now, seconds)

    def reject(self) -> int:
        """The service has not taken its request; gives how often in a row."""
        self.rejections += 1
        return self.rejections

    def succeed(self) -> None:
        """A request has succeeded."""
        self.rejections = 0

    def lose(self, step: str, now: datetime, since: datetime) -> None:
        """The reply to a request was lost; ``since`` is when it had not left yet."""
        self.lost_step, self.lost_at, self.lost_since = step, iso(now) or "", iso(since) or ""

    def find(self) -> None:
        """It is settled what became of the lost request."""
        self.lost_step = self.lost_at = self.lost_since = ""

    def foresee(self, step: str) -> None:
        """Check mode: the step would be sent."""
        self.steps.append({"step": step, "done": "started", "job": None})

    # -- its end -------------------------------------------------------------------------------------------------

    def end(self, how: str, why: Refusal | None = None) -> None:
        """It has ended in this run; ``why`` if it has not finished."""
        self.ended = how
        self.code, self.reason, self.remedy = (why.code, why.reason, why.remedy) if why is not None else ("", "", "")
        self.waiting, self.troubled = "", None

    def leave_unproven(self, why: Refusal) -> None:
        """Its commit is refused because a proof does not hold (yet)."""
        self.unproven = True
        self.end("refused", why)

    def fail(self, problems: tuple[Problem, ...], why: Refusal) -> None:
        self.errors = [p.result() for p in problems]
        self.end("failed", why)

    @property
    def why(self) -> Refusal:
        """Why it ended where it did."""
        return Refusal(self.code, self.reason, self.remedy)

    def place(self) -> Placement | None:
        return Placement(**self.placement) if self.placement else None

    def written(self) -> dict[str, Any]:
        """What differs from a track that has just begun. Not a copy: for writing it down at once."""
        return {
            name: value
            for name, start in _BEGINNING.items()
            if name != "key" and (value := getattr(self, name)) != start
        }


#: A track's fields and their initial values; ``...`` for those that have none.
_BEGINNING: dict[str, Any] = {
    entry.name: entry.default_factory()
    if entry.default_factory is not MISSING
    else ...
    if entry.default is MISSING
    else entry.default
    for entry in fields(Track)
}
