# SPDX-License-Identifier: GPL-3.0-or-later
"""Walking a route of steps with many items, one slice at a time.

A slice reads the vault, decides for every item, sends what is due, waits a little and returns where everybody stands.
Correctness rests on the vault alone: a killed run and the next slice are the same case.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..lifecycle.decide import AGENT_MISSING, Done, Hold, Join, Send, Wait, steps_left, verdict
from ..lifecycle.group import cut
from ..lifecycle.modernized import LIFECYCLE, retired
from ..lifecycle.rejections import lasting, passing
from ..lifecycle.retries import pause as retry_pause
from ..lifecycle.retries import retryable
from ..lifecycle.table import COMMITS, DONE, FAILOVERS, STEP_TEXT, WAIT, Lifecycle, Operation, Position
from ..model.errors import ConnectionFailed, FailbackError, NotFound, ReadFailed, Rejected, Unknown, certain, defect
from ..model.items import Item, Job, Json, Problem, iso, parse_time
from ..model.ports import Clock, Sent, SitePort, VaultPort
from ..model.refusal import Refusal
from ..model.shapes import JOB, all_understood
from ..wanted.order import Order
from .barrier import as_units, hold_waiting, whole_groups
from .closer import look_closer
from .evidence import concerns
from .leftovers import look_for_leftovers
from .patience import by_name
from .plan import tell
from .predict import predict
from .requests import Prepared, prepare
from .result import render
from .track import Memory, Track
from .walk import Walk, approval

#: Seconds of the service's clock for which a list that does not show an accepted operation is taken to lag.
LAG = 60.0

#: Seconds of the service's clock for which a job that was accepted may not be shown yet.
UNSHOWN = 600.0

#: What to do about a job whose end cannot be read.
LOOK_AT_JOB = "Look at the machine and its jobs in the vault, then rerun: it goes on from where the machine stands."

#: Seconds of real time for which one look at the vault may be sent by, and those between two looks into the write bucket.
TRICKLE, REFILL = 10.0, 1.0

#: Writes that the service's bucket takes more in each second of real time (DOC, asr-api.md section 8).
REFILLED = 10.0

#: Code of an answer that says "not now" (429) and accepted nothing.
THROTTLED = "throttled"

#: Refusals of one operation ("busy") after which a machine is given up.
REJECTIONS = 5

#: HTTP codes of refusals that explain themselves: permissions, a missing thing, an item that is busy.
EXPLAINED = frozenset({401, 403, 404, 409})

#: Seconds of the service's clock between two looks at somebody else's job that holds a machine.
LINGER = 300.0

#: Pause between two ticks, in seconds, where the service told none: it grows from the first to the last.
FIRST_PAUSE, LAST_PAUSE, GROWTH = 1.0, 30.0, 1.5


#: A request that is due: the machine, its track, the step and the body.
Ready = tuple[Item, Track, Operation, "Json | None"]


def run_slice(
    order: Order,
    vaults: VaultPort,
    site: SitePort | None,
    clock: Clock,
    cursor: Mapping[str, Any] | None = None,
    lifecycle: Lifecycle = LIFECYCLE,
) -> dict[str, Any]:
    """One slice of work. Returns the result described in outcome.render; raises FailbackError for wrong input."""
    return Run(order, vaults, site, clock, Memory.load(cursor), lifecycle).slice()


class Run(Walk):
    """The engine of one slice."""

    prepared: Prepared | None = None
    #: Whether something could not be read for it.
    partial = False
    #: Requests that are due and still wait for the write bucket.
    unsent = False
    #: Tokens in the write bucket when it was last looked at and nothing fitted.
    tokens_left: int | None = None
    #: When this slice's time is used up.
    end = 0.0
    #: The service's time before the requests under way left.
    asked: datetime | None = None
    #: Jobs of the vaults, where this tick had to list them.
    jobs: dict[str, list[Json]]

    # -- the slice -----------------------------------------------------------------------------------------------

    def slice(self) -> dict[str, Any]:
        try:
            return self.work()
        except FailbackError as exc:
            raise self.telling(exc) from exc
        except Exception as exc:
            raise self.telling(defect(exc)) from exc

    def telling(self, error: FailbackError) -> FailbackError:
        """The error with what was sent and what is known: nobody else can tell it."""
        if self.memory.tracks:
            error.story = render(self, finished=False)
        return error

    def work(self) -> dict[str, Any]:
        end = self.end = self.clock.monotonic() + self.order.slice_seconds
        self._sleep(self.memory.wait_left, end)
        self.memory.wait_left = 0.0
        try:
            while True:
                self.read()
                if self.order.check:
                    plan = predict(self)
                    return {**render(self, finished=True, plan=plan), "plan_text": tell(self, plan)}
                self.tick()
                if self.finished():
                    look_for_leftovers(self)
                    break
                pause = self.pause()
                left = end - self.clock.monotonic()
                self.memory.wait_left = max(0.0, pause - left)
                if self.memory.wait_left > 0:
                    self._sleep(left, end)
                    break
                self.clock.sleep(pause)
        finally:
            self.pool.shutdown(wait=True)
        if not self.finished():
            look_closer(self)
        return render(self, finished=self.finished())

    def finished(self) -> bool:
        """Every machine's way has ended; without waiting, also when nothing is left to send."""
        if all(track.ended for track in self.memory.tracks.values()):
            return True
        return not self.order.wait and not self.unsent and not self.trouble

    def pause(self) -> float:
        """Seconds until the next look: the user's, the service's own pace, or a growing guess."""
        if self.unsent:
            return 1.0
        if self.order.poll_interval is not None:
            return self.order.poll_interval
        if self.memory.pace is not None:
            return self.memory.pace
        self.memory.idle_ticks += 1
        return min(LAST_PAUSE, FIRST_PAUSE * GROWTH ** (self.memory.idle_ticks - 1))

    def _sleep(self, seconds: float, end: float) -> None:
        seconds = min(seconds, end - self.clock.monotonic())
        if seconds > 0:
            self.clock.sleep(seconds)

    # -- one tick ------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        self.unsent = False
        self.jobs = {}
        if self.partial:
            # What could not be read for some machines is read anew.
            self.prepared, self.partial = None, False
        self.judge_ended_jobs()
        due: list[tuple[Item, Track, Operation]] = []
        for item, track in self.open_tracks():
            if track.job:
                continue
            operation = self.consider(item, track)
            if operation is not None:
                due.append((self.items[item.key], track, operation))
        if self.order.advance == "together":
            due = self.held_back(due)
        if not self.memory.checked:
            # Wrong names and missing servers are found before the first write of the run.
            self.prepared = prepare(self, [i for i, t in self.open_tracks()])
            self.memory.checked = True
        due = whole_groups(self, self.clear(due))
        hold_waiting(self)
        if due:
            self.send_all(due)
        self.calm()

    def clear(self, due: list[tuple[Item, Track, Operation]]) -> list[tuple[Item, Track, Operation]]:
        """Those whose way has not ended meanwhile and that lack nothing they need."""
        return [entry for entry in due if not entry[1].ended and entry[0].key not in self.trouble]

    def consider(self, item: Item, track: Track) -> Operation | None:
        """Decide for one machine; returns the step to send now, if there is one."""
        self.settle(item, track)
        decision = self.decision(item, track)
        if isinstance(decision, Refusal) and decision.code == AGENT_MISSING:
            # Lists are hollow and lag behind: the machine's own GET has the last word on its agent.
            item = self.by_itself(item)
            decision = self.decision(item, track)
        if isinstance(decision, Send):
            if track.lost_step and not self.lost_is_settled(item, track):
                return None
            due = parse_time(track.not_before)
            if due is not None and self.now < due:
                if not track.rejections or not track.waiting:
                    track.waiting = f"waiting before it is tried again: {STEP_TEXT[decision.operation.step]}"
                return None
            return decision.operation
        if isinstance(decision, Join):
            track.open(decision.operation.step, decision.job, self.now, started=False)
            track.joined = True
        elif isinstance(decision, Wait):
            track.waiting = decision.reason
            track.joined = track.joined or decision.operation is not None
        elif isinstance(decision, Done):
            track.end("done")
        elif isinstance(decision, Hold):
            track.end("awaiting_approval", approval(decision.operation))
        else:
            track.end("refused", decision)
        return None

    def settle(self, item: Item, track: Track) -> None:
        """Write down the end of a step that lasts beyond its job, such as a reprotect's synchronisation."""
        operation = (
            self.lifecycle.operation(self.lifecycle.generation(item) or "", track.step) if track.settling else None
        )
        if (
            operation is not None
            and operation.settles is not operation.arrives
            and self.lifecycle.position(item) is operation.settles
        ):
            track.settle(self.now)

    def held_back(self, due: list[tuple[Item, Track, Operation]]) -> list[tuple[Item, Track, Operation]]:
        """Together: nobody starts a step while another machine still walks an earlier one."""
        steps = self.order.route
        earliest = min((steps.index(self.walks(item, track)) for item, track in self.open_tracks()), default=len(steps))
        kept = [(i, t, s) for i, t, s in due if steps.index(s.step) <= earliest]
        for _item, track, operation in due:
            if steps.index(operation.step) > earliest:
                track.waiting = f"waiting for the others before {STEP_TEXT[operation.step]}"
        return kept

    def walks(self, item: Item, track: Track) -> str:
        """The step of the route that a machine is on or has next before it; the first one where nothing tells."""
        steps = self.order.route
        decision = self.decision(item, track)
        operation = (
            self.lifecycle.running(item, steps)
            or getattr(decision, "operation", None)
            or getattr(decision, "then", None)
        )
        step = track.step
        if not track.job and operation is not None:
            step = operation.step
        elif not track.job:
            # A list that lags, or somebody else's operation: what was judged last counts, then what is listed.
            position = Position(track.arrived) if track.arrived else self.lifecycle.position(item)
            if position is not None:
                generation = self.lifecycle.generation(item) or ""
                step = next(steps_left(position, steps, self.lifecycle, generation), steps[-1])
        return step if step in steps else steps[0]

    # -- jobs ----------------------------------------------------------------------------------------------------

    def judge_ended_jobs(self) -> None:
        """One GET for every job that seems to have ended: the verdict on a machine comes from nowhere else."""
        ended = [(item, track) for item, track in self.open_tracks() if track.job and self.seems_ended(item, track)]

        def read(pair: tuple[Item, Track]) -> Job | FailbackError:
            try:
                return Job.parse(self.vaults.get_job(pair[0].vault, pair[1].job))
            except (ReadFailed, ConnectionFailed) as exc:
                return exc

        for (item, track), job in zip(ended, self.spread(read, ended), strict=True):
            if isinstance(job, FailbackError) and not isinstance(job, NotFound):
                self.wait_for(item.key, job)
            elif not isinstance(job, FailbackError) and job.alive and track.seen and track.asked_after:
                continue
            elif isinstance(job, FailbackError):
                self.look_for_job(item, track)
            elif job.alive:
                # The list was wrong: look again later.
                track.look_after = iso(self.now + timedelta(seconds=LAG / 2)) or ""
            elif not job.told:
                said = f"The vault does not say how the job {track.job} ({STEP_TEXT[track.step]}) stands."
                self.wait_for(item.key, ReadFailed("not_understood", said, LOOK_AT_JOB))
            else:
                self.count_reads(1)
                self.judge(item, track, job)

    def look_for_job(self, item: Item, track: Track) -> None:
        """A job that was accepted is not shown: soon after that it is not listed yet, later it is the machine's trouble."""
        opened = parse_time(track.opened)
        if opened is None or (self.now - opened).total_seconds() < UNSHOWN:
            track.look_after = iso(self.now + timedelta(seconds=LAG / 2)) or ""
            return
        said = f"The vault does not know the job {track.job} ({STEP_TEXT[track.step]}) that it had accepted."
        self.wait_for(item.key, ReadFailed("read_failed", said, LOOK_AT_JOB))

    def seems_ended(self, item: Item, track: Track) -> bool:
        if item.scenario is not None and item.scenario.job.lower() == track.job.lower():
            track.seen = True
            return self.lingers(track)
        later = parse_time(track.look_after)
        if later is not None and self.now < later:
            return False
        opened = parse_time(track.opened)
        fresh = opened is not None and (self.now - opened).total_seconds() < LAG
        if not item.allowed and item.scenario is None and fresh:
            return False
        generation = self.lifecycle.generation(item) or ""
        operation = self.lifecycle.operation(generation, track.step)
        unmoved = operation is not None and self.lifecycle.position(item) in operation.departs
        return not (unmoved and not track.seen and fresh)

    def lingers(self, track: Track) -> bool:
        """Whether somebody else's job that was joined is to be read although it holds the machine: it may be suspended."""
        entry = track.entry(track.job)
        since = parse_time(track.asked_after) or parse_time(track.opened)
        if entry is None or entry["done"] != "joined" or since is None or self.now < since + timedelta(seconds=LINGER):
            return False
        track.asked_after = iso(self.now) or ""
        return True

    def judge(self, item: Item, track: Track, job: Job) -> None:
        """Take a job's end for what it is: success, a success with words, or a failure that may be repeated."""
        step = track.step
        generation = self.lifecycle.generation(item) or ""
        operation = self.lifecycle.operation(generation, step)
        track.close(job)
        self.memory.idle_ticks = 0
        if job.succeeded:
            if step in FAILOVERS:
                track.used_point(job)
            track.arrived = operation.arrives.value if operation else ""
            track.rejections = 0
            return
        if job.suspended:
            track.fail(job.errors, suspended(job, STEP_TEXT[step]))
            return
        item = self.by_itself(item)
        running = self.lifecycle.running(item)
        if (
            running is not None
            and running.step == step
            and item.scenario is not None
            and item.scenario.job.lower() != job.name.lower()
        ):
            # Another run was faster: ours failed because the machine was busy with the very same operation.
            track.open(step, item.scenario.job, self.now, started=False)
            track.joined = True
            return
        position = self.lifecycle.position(item)
        if (
            operation is not None
            and position in (operation.arrives, operation.settles)
            and position not in operation.departs
        ):
            track.warnings.append(
                Problem(
                    f"job_{job.state}", f"The job ended {job.state}, yet the machine moved on.", level="Warning"
                ).result()
            )
            return
        attempts = track.attempts.get(step, 1)
        if retryable(job.errors) and attempts <= self.order.retries:
            track.attempts[step] = attempts + 1
            track.not_before = iso(self.now + timedelta(seconds=retry_pause(attempts + 1))) or ""
            said = "; ".join(f"{p.code}: {p.message}" for p in job.errors)
            track.warnings.append(
                Problem(
                    job.errors[0].code,
                    f"Attempt {attempts} of {STEP_TEXT[step]} failed and was repeated ({said}).",
                    job.errors[0].causes,
                    job.errors[0].action,
                    "Warning",
                ).result()
            )
            return
        first = job.errors[0] if job.errors else None
        track.fail(
            job.errors,
            Refusal(
                first.code if first and first.code else f"job_{job.state}",
                f"{STEP_TEXT[step].capitalize()} ended {job.state}" + (f": {first.message}" if first else "."),
                (
                    first.action
                    if first and first.action
                    else f"Read job {job.name} in the vault, fix the cause and rerun."
                ),
            ),
        )

    def by_itself(self, item: Item) -> Item:
        """The machine from its own GET, because lists lag; as it was listed where that GET fails."""
        try:
            self.items[item.key] = self.alone(item)
        except (ReadFailed, ConnectionFailed):
            return item
        return self.items[item.key]

    def lost_is_settled(self, item: Item, track: Track) -> bool:
        """After a lost reply: whether it is proven that nothing was accepted, so that the operation may be sent.

        The list has had time to show a job; then the vault's jobs are listed once and a job of this item that began
        since the request left is joined, one that has failed meanwhile too. The service's clocks may differ a little.
        """
        lost = parse_time(track.lost_at)
        since = parse_time(track.lost_since) or lost or self.now
        if lost is not None and (self.now - lost).total_seconds() < LAG:
            track.waiting = "a reply was lost: reading before anything is sent again"
            return False
        operation = self.lifecycle.operation(self.lifecycle.generation(item) or "", track.lost_step)
        if item.vault.key not in self.jobs:
            try:
                self.jobs[item.vault.key] = all_understood(self.vaults.list_jobs(item.vault), JOB)
            except (ReadFailed, ConnectionFailed) as exc:
                self.wait_for(item.key, exc)
                return False
        for entry in self.jobs[item.vault.key]:
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
                    track.open(operation.step, name, self.now, started=True)
                    track.seen = True
                    return False
        track.lost_step = track.lost_at = track.lost_since = ""
        return True

    # -- sending -------------------------------------------------------------------------------------------------

    def send_all(self, due: list[tuple[Item, Track, Operation]]) -> None:
        """Send what is due as far as the write bucket has tokens, machines of one step in the order of their names."""
        if self.prepared is None:
            self.prepared = prepare(self, [i for i, t in self.open_tracks()])
            self.partial = bool(self.trouble)
            due = self.clear(due)
        due.sort(key=lambda entry: self.order.route.index(entry[2].step))
        commits = [entry for entry in due if entry[2].step in COMMITS]
        jobs = self.prepared.failovers(commits) if commits else {}
        due = self.clear(due)
        room = max(0, self.vaults.write_tokens()) + math.ceil(REFILLED * self.window())
        ready: list[tuple[Item, Track, Operation]] = []
        # A proof ages: only what can leave by the next look is proven. Where much of that is not, the others have a try.
        for number in (room, len(due)):
            some, due = cut(as_units(due), number)
            commits = [entry for entry in some if entry[2].step in COMMITS]
            proven = self.prepared.prove(commits, jobs) if commits else set()
            going = [entry for entry in some if entry[2].step not in COMMITS or entry[0].key in proven]
            ready += whole_groups(self, going)
            if len(ready) >= room or not due:
                break
        self.trickle(ready, due)

    def window(self) -> float:
        """Seconds for which one look at the vault may be sent by: as long as the service's pace lets it count."""
        return max(0.0, min(self.end - self.clock.monotonic(), max(self.memory.pace or 0.0, TRICKLE)))

    def ready(self, due: list[tuple[Item, Track, Operation]]) -> list[Ready]:
        """The bodies of what leaves now; recovery points are read just before, so that each is read once and fresh."""
        prepared = certain(self.prepared)
        due = prepared.gates.may_fail_over(due)
        prepared.read_ahead([(item, operation) for item, _track, operation in due])
        due = self.clear(due)
        ready: list[Ready] = []
        for item, track, operation in due:
            body = prepared.body(item, track, operation)
            if isinstance(body, Refusal):
                if item.key not in self.trouble and not track.ended:
                    track.end("refused", body)
            elif item.key not in self.trouble:
                ready.append((item, track, operation, body))
        # A member without a body holds its fellows.
        whole = {id(track) for _item, track, _operation in whole_groups(self, [entry[:3] for entry in ready])}
        return [entry for entry in ready if id(entry[1]) in whole]

    def trickle(self, due: list[tuple[Item, Track, Operation]], later: list[tuple[Item, Track, Operation]]) -> None:
        """Send as the write bucket fills, for as long as the last look at the vault counts; the rest, and what is for
        ``later``, waits for the next look."""
        until = self.clock.monotonic() + self.window()
        while due:
            some, due = self.fitting(due)
            batch = self.ready(some)
            self.asked = self.now
            for (item, track, operation, _body), answer in zip(batch, self.spread(self.send, batch), strict=True):
                self.take(item, track, operation, answer)
            if not due or self.clock.monotonic() + REFILL > until:
                break
            self.clock.sleep(REFILL)
        self.unsent = bool(due or later)
        for _item, track, operation in [*due, *later]:
            track.waiting = f"waiting for the service's write limit before {STEP_TEXT[operation.step]}"

    def fitting(
        self, due: list[tuple[Item, Track, Operation]]
    ) -> tuple[list[tuple[Item, Track, Operation]], list[tuple[Item, Track, Operation]]]:
        """What the write bucket's tokens are enough for, and the rest. A group leaves whole.

        One that is larger than the bucket leaves when that is full, which shows by its not filling any more.
        """
        tokens = max(0, self.vaults.write_tokens())
        pieces = as_units(due)
        full = self.tokens_left is not None and 0 < tokens <= self.tokens_left
        some, later = cut(pieces, len(pieces[0]) if full and len(pieces[0]) > tokens else tokens)
        self.tokens_left = None if some else tokens
        return some, later

    def send(self, entry: Ready) -> Sent | FailbackError | Item:
        """POST one operation. A refusal or an unknown fate is followed by reading the item by itself."""
        item, _track, operation, body = entry
        try:
            return self.vaults.act(item.id, operation.verb, body)
        except ConnectionFailed as exc:
            return exc
        except (Rejected, Unknown) as exc:
            if exc.code == THROTTLED:
                return exc
            try:
                fresh = self.alone(item)
            except (ReadFailed, ConnectionFailed):
                return exc
            running = self.lifecycle.running(fresh, (operation.step,))
            position = self.lifecycle.position(fresh)
            # A machine that is only busy with something else has not moved: it allows nothing, which looks like a sync.
            moved = (
                position is not None
                and position not in operation.departs
                and verdict(operation.step, position, operation) in (DONE, WAIT)
            )
            if (running is not None and running.step == operation.step) or moved:
                return fresh
            return exc

    def take(self, item: Item, track: Track, operation: Operation, answer: Sent | FailbackError | Item) -> None:
        """Write down what became of a request."""
        self.memory.idle_ticks = 0
        if isinstance(answer, FailbackError):
            by_name(answer, item)
        if isinstance(answer, Sent):
            self.memory.floor.writes += 1
            track.open(operation.step, answer.job, self.now, started=True)
            if operation.step in FAILOVERS and track.point:
                track.steps[-1]["recovery_point"] = track.point
            if answer.pace is not None:
                self.memory.pace = answer.pace
        elif isinstance(answer, Item):
            # Somebody's operation, perhaps our own with a lost reply, was accepted: it is joined, not repeated.
            running = self.lifecycle.running(answer, (operation.step,))
            self.items[item.key] = answer
            if running is not None and running.step == operation.step and answer.scenario is not None:
                track.open(operation.step, answer.scenario.job, self.now, started=False)
                track.joined = True
            else:
                position = self.lifecycle.position(answer)
                track.arrived = position.value if position is operation.arrives else track.arrived
                track.joined = True
        elif isinstance(answer, ConnectionFailed) or answer.code == THROTTLED:
            # Nothing was accepted and the machine is not at fault: the next look decides anew.
            track.waiting = f"{answer.message} Trying again"
        elif isinstance(answer, Unknown):
            track.lost_step, track.lost_at = operation.step, iso(self.now) or ""
            track.lost_since = iso(self.asked or self.now) or ""
            track.waiting = "a reply was lost: reading before anything is sent again"
        else:
            self.rejected(item, track, operation, answer)

    def rejected(self, item: Item, track: Track, operation: Operation, error: FailbackError) -> None:
        track.rejections += 1
        if passing(error.details) and track.rejections < REJECTIONS:
            track.not_before = iso(self.now + timedelta(seconds=LAG / 2)) or ""
            said = error.message.rstrip(".")
            track.waiting = f"the service did not take it before {STEP_TEXT[operation.step]} ({said}); trying again"
            return
        problem = Problem(
            str(error.details.get("service_code") or error.code),
            error.message,
            str(error.details.get("possible_causes") or ""),
            str(error.details.get("recommended_action") or error.remedy),
        )
        code, remedy = lasting(error.details) or (error.code, error.remedy)
        if code == error.code and error.details.get("http_status") not in EXPLAINED:
            said = " ".join((problem.code, problem.message, problem.causes, problem.action))
            surely, left = retired(operation.generation, self.lifecycle.position(item), said)
            if surely:
                code, remedy = "classic_retired", left
            elif left:
                track.warnings.append(Problem("classic_out_of_support", left, level="Warning").result())
        said = f"{STEP_TEXT[operation.step].capitalize()} was refused: {error.message}"
        track.fail((problem,), Refusal(code, said, remedy))


def suspended(job: Job, doing: str) -> Refusal:
    """What is said of a machine whose job waits for a person."""
    called = f" of {job.title!r}" if job.title else ""
    task = f" at its task {job.stopped_at!r}" if job.stopped_at else ""
    return Refusal(
        f"job_{job.state}",
        f"{doing.capitalize()} is Suspended: job {job.name}{called} waits{task} for a person's word, and has not ended.",
        (
            "Do what the task asks for and resume the job (or cancel it) under Site Recovery jobs in the portal, then "
            "rerun."
        ),
    )
