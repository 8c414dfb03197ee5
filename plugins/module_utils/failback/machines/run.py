# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: takes many items through a route of steps, one slice at a time.

A slice reads the vault, decides for every item, sends what is due, waits a little and returns the state of every machine.
Correctness rests on the vault alone: a killed run and the next slice are the same case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..lifecycle.decide import AGENT_MISSING, Done, Hold, Join, Send, Wait, steps_left
from ..lifecycle.gates import passed, way_on
from ..lifecycle.modernized import LIFECYCLE
from ..lifecycle.table import COMMIT_TO_ONPREM, STEP_TEXT, Lifecycle, Operation, Position
from ..model.errors import FailbackError, defect
from ..model.items import Item, parse_time
from ..model.ports import Clock, SitePort, VaultPort
from ..model.refusal import Refusal
from ..model.slice import Slice
from ..proofs.guest_look import ports_gate
from ..tracking.cursor import Memory
from ..tracking.pace import FIRST_PAUSE, GROWTH, LAST_PAUSE
from ..tracking.state import Due, SliceState
from ..tracking.track import Track
from ..wanted.approval import approval
from ..wanted.order import Order
from ..wanted.ruling import Judge
from .azure_vms_left import look_for_azure_vms
from .barrier import hold_waiting, whole_groups
from .explain import explain
from .jobs import Jobs
from .plan import plan_lines
from .predict import predict
from .result import render
from .send import Sender
from .sync_progress import look_closer, take_stock


def run_slice(
    order: Order,
    vaults: VaultPort,
    site: SitePort | None,
    clock: Clock,
    cursor: Mapping[str, Any] | None = None,
    lifecycle: Lifecycle = LIFECYCLE,
    judge: Judge | None = None,
) -> dict[str, Any]:
    """One slice of work. ``judge`` are the rules that are asked right before each step. Returns the result described in
    result.render; raises FailbackError for wrong input."""
    return Run(order, vaults, site, clock, Memory.load(cursor), lifecycle, judge).run()


class Run(SliceState, Slice[None]):
    """The engine of one slice."""

    def __init__(
        self,
        order: Order,
        vaults: VaultPort,
        site: SitePort | None,
        clock: Clock,
        memory: Memory,
        lifecycle: Lifecycle,
        judge: Judge | None = None,
    ) -> None:
        SliceState.__init__(self, order, vaults, site, clock, memory, lifecycle, judge)
        Slice.__init__(self, clock, order.slice_seconds)
        self.jobs = Jobs(self)
        self.sender = Sender(self, self.deadline)
        #: What check mode would send.
        self.plan: list[dict[str, Any]] = []

    # -- the slice -----------------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        try:
            return self.work()
        except FailbackError as exc:
            raise self.telling(exc) from exc
        except Exception as exc:
            raise self.telling(defect(exc)) from exc

    def work(self) -> dict[str, Any]:
        """The rest of the last slice's pause, then the slice."""
        self._sleep(self.memory.wait_left)
        self.memory.wait_left = 0.0
        try:
            return super().run()
        finally:
            self.pool.shutdown(wait=True)

    def look(self) -> None:
        self.read()
        if self.order.check:
            self.plan = predict(self)
        else:
            self.tick()

    def rests(self, seen: None) -> bool:
        return self.order.check or self.finished()

    def late(self, pause: float) -> None:
        left = self.deadline - self.clock.monotonic()
        self.memory.wait_left = max(0.0, pause - left)
        self._sleep(left)

    def result(self, seen: None) -> dict[str, Any]:
        if self.order.check:
            explain(self)
            take_stock(self)
            return {**render(self, finished=True, plan=self.plan), "plan_text": plan_lines(self, self.plan)}
        finished = self.finished()
        take_stock(self)
        if finished:
            explain(self)
            look_for_azure_vms(self)
        else:
            look_closer(self)
        take_stock(self)
        return render(self, finished=finished)

    def telling(self, error: FailbackError) -> FailbackError:
        """The error with what was sent and what is known; only this run has that."""
        if self.memory.tracks:
            take_stock(self)
            error.story = render(self, finished=False)
        return error

    def finished(self) -> bool:
        """All machines have finished; without waiting, also when nothing is left to send."""
        if all(track.ended for track in self.memory.tracks.values()):
            return True
        return not self.order.wait and not self.sender.unsent and not self.trouble

    def pause(self) -> float:
        """Seconds until the next read: the user's, the service's own pace, or a growing guess."""
        if self.sender.unsent:
            return 1.0
        if self.order.poll_interval is not None:
            return self.order.poll_interval
        if self.memory.pace is not None:
            return self.memory.pace
        self.memory.idle_ticks += 1
        return min(LAST_PAUSE, FIRST_PAUSE * GROWTH ** (self.memory.idle_ticks - 1))

    def _sleep(self, seconds: float) -> None:
        seconds = min(seconds, self.deadline - self.clock.monotonic())
        if seconds > 0:
            self.clock.sleep(seconds)

    # -- one tick ------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        self.sender.begin()
        self.jobs.begin()
        self.jobs.judge_ended_jobs()
        due: list[Due] = []
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
            self.sender.prerequisites()
            self.memory.checked = True
        due = whole_groups(self, self.clear(due))
        hold_waiting(self)
        if due:
            self.sender.all(due)
        self.calm()

    def consider(self, item: Item, track: Track) -> Operation | None:
        """Decide for one machine; returns the step to send now, if there is one."""
        self.settle(item, track)
        decision = self.decision(item, track)
        if isinstance(decision, Refusal) and decision.code == AGENT_MISSING:
            # Lists omit details and lag: the machine's own GET decides about its agent.
            item = self.refresh(item)
            decision = self.decision(item, track)
        if isinstance(decision, (Send, Hold)) and decision.operation.step == COMMIT_TO_ONPREM:
            failed = self.verifications.failed(item.key)
            if failed is None and isinstance(decision, Hold):
                failed = self.withheld(item)
            if failed is not None:
                track.end("refused", failed)
                return None
        if isinstance(decision, Send):
            if track.lost_step and not self.jobs.lost_is_settled(item, track):
                return None
            due = parse_time(track.not_before)
            if due is not None and self.now < due:
                if not track.rejections or not track.waiting:
                    track.wait(f"waiting before the retry: {STEP_TEXT[decision.operation.step]}")
                return None
            return decision.operation
        if isinstance(decision, Join):
            track.open(decision.operation.step, decision.job, self.now, started=False)
            track.join()
        elif isinstance(decision, Wait):
            track.wait(decision.reason)
            if decision.operation is not None:
                track.join()
        elif isinstance(decision, Done):
            track.end("done")
        elif isinstance(decision, Hold):
            track.end("awaiting_approval", approval(decision.operation.step))
        else:
            track.end("refused", decision)
        return None

    def withheld(self, item: Item) -> Refusal | None:
        """Why a machine is not offered for approval: what it has found from inside would stop its commit all the same."""
        gate = ports_gate(self.verifications.look(item.key))
        if gate is not None and self.judge is not None:
            self.judge.note(item, COMMIT_TO_ONPREM, [gate])
        shut, _taken = passed([gate] if gate is not None else [], self.order.accept)
        return Refusal(shut[0].code, f"Not committed: {shut[0].reason}", way_on(shut)) if shut else None

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

    def held_back(self, due: list[Due]) -> list[Due]:
        """Together: no machine starts a step while another one is still at an earlier step."""
        steps = self.order.route
        earliest = min(
            (steps.index(self.current_step(item, track)) for item, track in self.open_tracks()), default=len(steps)
        )
        kept = [(i, t, s) for i, t, s in due if steps.index(s.step) <= earliest]
        for _item, track, operation in due:
            if steps.index(operation.step) > earliest:
                track.wait(f"waiting for the others before {STEP_TEXT[operation.step]}")
        return kept

    def current_step(self, item: Item, track: Track) -> str:
        """The step of the route that a machine is doing or does next; the first one where unknown."""
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
            # A list that lags, or an operation started elsewhere: the last finished job counts, then the list.
            position = Position(track.arrived) if track.arrived else self.lifecycle.position(item)
            if position is not None:
                generation = self.lifecycle.generation(item) or ""
                step = next(steps_left(position, steps, self.lifecycle, generation), steps[-1])
        return step if step in steps else steps[0]
