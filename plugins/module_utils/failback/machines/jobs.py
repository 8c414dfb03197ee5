# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of a run's machines: read when they seem to have ended, and evaluated."""

from __future__ import annotations

from datetime import timedelta

from ..lifecycle.retries import pause as retry_pause
from ..lifecycle.retries import retryable
from ..lifecycle.table import FAILOVERS, STEP_TEXT
from ..model.errors import ConnectionFailed, FailbackError, NotFound, ReadFailed
from ..model.items import Item, Json, parse_time
from ..model.jobs import Job, Problem
from ..model.refusal import Refusal
from ..model.shapes import JOB, all_understood
from ..model.texts import begun
from ..proofs.evidence import concerns
from ..tracking.pace import LAG, LINGER, UNSHOWN
from ..tracking.state import SliceState
from ..tracking.track import Track

#: What to do about a job whose end cannot be read.
LOOK_AT_JOB = (
    "Check the machine and its jobs in the vault, then rerun: the run continues from the machine's current state."
)


class Jobs:
    """The jobs of one slice."""

    def __init__(self, state: SliceState) -> None:
        self.state = state
        #: The vaults' jobs, by vault, where this tick had to list them.
        self._listed: dict[str, list[Json]] = {}

    def begin(self) -> None:
        """A tick begins: what was listed before is old."""
        self._listed = {}

    def judge_ended_jobs(self) -> None:
        """One GET for every job that seems to have ended: the verdict on a machine comes from nowhere else."""
        ended = [
            (item, track) for item, track in self.state.open_tracks() if track.job and self.seems_ended(item, track)
        ]

        def read(pair: tuple[Item, Track]) -> Job | FailbackError:
            try:
                return Job.parse(self.state.vaults.get_job(pair[0].vault, pair[1].job))
            except (ReadFailed, ConnectionFailed) as exc:
                return exc

        for (item, track), job in zip(ended, self.state.spread(read, ended), strict=True):
            if isinstance(job, FailbackError) and not isinstance(job, NotFound):
                self.state.wait_for(item.key, job)
            elif not isinstance(job, FailbackError) and job.alive and track.seen and track.asked_after:
                continue
            elif isinstance(job, FailbackError):
                self.look_for_job(item, track)
            elif job.alive:
                # The list was wrong: look again later.
                track.look_later(self.state.now, LAG / 2)
            elif not job.told:
                said = f"The vault does not report the state of the job {track.job} ({STEP_TEXT[track.step]})."
                self.state.wait_for(item.key, ReadFailed("not_understood", said, LOOK_AT_JOB))
            else:
                self.state.count_reads(1)
                self.judge(item, track, job)

    def look_for_job(self, item: Item, track: Track) -> None:
        """A job that was accepted is not shown: soon after that it is not listed yet, later it is the machine's trouble."""
        opened = parse_time(track.opened)
        if opened is None or (self.state.now - opened).total_seconds() < UNSHOWN:
            track.look_later(self.state.now, LAG / 2)
            return
        said = f"The vault no longer has the job {track.job} ({STEP_TEXT[track.step]}) that it accepted."
        self.state.wait_for(item.key, ReadFailed("read_failed", said, LOOK_AT_JOB))

    def seems_ended(self, item: Item, track: Track) -> bool:
        if item.scenario is not None and item.scenario.job.lower() == track.job.lower():
            track.show()
            return self.lingers(track)
        later = parse_time(track.look_after)
        if later is not None and self.state.now < later:
            return False
        opened = parse_time(track.opened)
        fresh = opened is not None and (self.state.now - opened).total_seconds() < LAG
        if not item.allowed and item.scenario is None and fresh:
            return False
        generation = self.state.lifecycle.generation(item) or ""
        operation = self.state.lifecycle.operation(generation, track.step)
        unmoved = operation is not None and self.state.lifecycle.position(item) in operation.departs
        return not (unmoved and not track.seen and fresh)

    def lingers(self, track: Track) -> bool:
        """Whether a joined job that this run did not start is read although it holds the machine: it may be suspended."""
        entry = track.entry(track.job)
        since = parse_time(track.asked_after) or parse_time(track.opened)
        if (
            entry is None
            or entry["done"] != "joined"
            or since is None
            or self.state.now < since + timedelta(seconds=LINGER)
        ):
            return False
        track.ask_after(self.state.now)
        return True

    def judge(self, item: Item, track: Track, job: Job) -> None:
        """Take a job's end for what it is: success, a success with words, or a failure that may be repeated."""
        step = track.step
        generation = self.state.lifecycle.generation(item) or ""
        operation = self.state.lifecycle.operation(generation, step)
        track.close(job)
        self.state.memory.idle_ticks = 0
        if job.succeeded:
            if step in FAILOVERS:
                track.used_point(job)
            track.arrive(operation.arrives if operation else None)
            track.succeed()
            return
        if job.suspended:
            track.fail(job.errors, suspended(job, STEP_TEXT[step]))
            return
        item = self.state.refresh(item)
        running = self.state.lifecycle.running(item)
        if (
            running is not None
            and running.step == step
            and item.scenario is not None
            and item.scenario.job.lower() != job.name.lower()
        ):
            # Another run was faster: ours failed because the machine was busy with the very same operation.
            track.open(step, item.scenario.job, self.state.now, started=False)
            track.join()
            return
        position = self.state.lifecycle.position(item)
        if (
            operation is not None
            and position in (operation.arrives, operation.settles)
            and position not in operation.departs
        ):
            track.warn(
                Problem(f"job_{job.state}", f"The job ended {job.state}, but the machine moved on.", level="Warning")
            )
            return
        attempts = track.attempt(step)
        if retryable(job.errors) and attempts <= self.state.order.retries:
            track.repeat(step, self.state.now, retry_pause(attempts + 1))
            said = "; ".join(f"{p.code}: {p.message}" for p in job.errors)
            track.warn(
                Problem(
                    job.errors[0].code,
                    f"Attempt {attempts} of {STEP_TEXT[step]} failed and was retried ({said}).",
                    job.errors[0].causes,
                    job.errors[0].action,
                    "Warning",
                )
            )
            return
        first = job.errors[0] if job.errors else None
        track.fail(
            job.errors,
            Refusal(
                first.code if first and first.code else f"job_{job.state}",
                f"{begun(STEP_TEXT[step])} ended {job.state}" + (f": {first.message}" if first else "."),
                (
                    first.action
                    if first and first.action
                    else f"See job {job.name} in the vault, fix the cause and rerun."
                ),
            ),
        )

    def lost_is_settled(self, item: Item, track: Track) -> bool:
        """After a lost reply: whether it is proven that nothing was accepted, so that the operation may be sent.

        The list has had time to show a job; then the vault's jobs are listed once and a job of this item that began
        since the request left is joined, one that has failed meanwhile too. The service's clocks may differ a little.
        """
        lost = parse_time(track.lost_at)
        since = parse_time(track.lost_since) or lost or self.state.now
        if lost is not None and (self.state.now - lost).total_seconds() < LAG:
            track.wait("a reply was lost: checking the vault before sending again")
            return False
        operation = self.state.lifecycle.operation(self.state.lifecycle.generation(item) or "", track.lost_step)
        if item.vault.key not in self._listed:
            try:
                self._listed[item.vault.key] = all_understood(self.state.vaults.list_jobs(item.vault), JOB)
            except (ReadFailed, ConnectionFailed) as exc:
                self.state.wait_for(item.key, exc)
                return False
        for entry in self._listed[item.vault.key]:
            props: Json = entry.get("properties") or {}
            began, ended = parse_time(props.get("startTime")), parse_time(props.get("endTime"))
            late = began is None or began >= since - timedelta(seconds=LAG)
            over = ended is not None and ended < since
            if (
                operation
                and props.get("scenarioName") in operation.scenarios
                and concerns(entry, item)
                and late
                and not over
            ):
                name = str(entry.get("name") or "")
                if track.entry(name) is None:
                    track.open(operation.step, name, self.state.now, started=True)
                    track.show()
                    return False
        track.find()
        return True


def suspended(job: Job, doing: str) -> Refusal:
    """The message for a machine whose job waits for a manual action."""
    called = f" of {job.title!r}" if job.title else ""
    task = f" at its task {job.stopped_at!r}" if job.stopped_at else ""
    return Refusal(
        f"job_{job.state}",
        f"{begun(doing)} is Suspended: job {job.name}{called} is waiting{task} for manual action.",
        "Do what the task requires and resume or cancel the job under Site Recovery jobs in the portal, then rerun.",
    )
