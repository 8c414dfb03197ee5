# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending what is due: proven, as fast as the service's write bucket fills, and never blindly twice."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Optional

from ..lifecycle.decide import verdict
from ..lifecycle.group import cut
from ..lifecycle.modernized import retired
from ..lifecycle.rejections import lasting, passing
from ..lifecycle.table import COMMITS, DONE, FAILOVERS, STEP_TEXT, WAIT, Operation
from ..model.errors import ConnectionFailed, FailbackError, ReadFailed, Rejected, Unknown, certain
from ..model.items import Item, Json
from ..model.jobs import Job, Problem
from ..model.ports import Sent
from ..model.refusal import Refusal
from ..model.texts import begun
from ..tracking.pace import LAG, REFILL, REFILLED, REJECTIONS, TRICKLE
from ..tracking.patience import by_name
from ..tracking.state import Due, SliceState
from ..tracking.track import Track
from .barrier import as_units, whole_groups
from .prerequisites import prerequisites
from .requests import RequestBuilder

#: Code of an answer that says "not now" (429) and accepted nothing.
THROTTLED = "throttled"

#: HTTP codes of refusals that explain themselves: permissions, a missing thing, an item that is busy.
EXPLAINED = frozenset({401, 403, 404, 409})

#: Seconds from looking at what proves a commit until it is sent. Where the service or vCenter is slow, or many others were sent first,
#: it is looked at again: somebody may have powered a machine off, or started its Azure VM.
PROOF_AGE = 30.0

#: A request that is due: the machine, its track, the step and the body.
Ready = tuple[Item, Track, Operation, Optional[Json]]


class Sender:
    """What one slice sends. ``deadline`` is the end of the slice (``clock.monotonic``)."""

    def __init__(self, state: SliceState, deadline: float) -> None:
        self.state = state
        self.deadline = deadline
        self.requests: RequestBuilder | None = None
        #: Whether something could not be read for the requests.
        self.partial = False
        #: Requests that are due and still wait for the write bucket.
        self.unsent = False
        #: Tokens in the write bucket when it was last checked and nothing fitted.
        self.tokens_left: int | None = None
        #: When the proofs of commits were looked at (``clock.monotonic``), by item key.
        self.proved: dict[str, float] = {}
        #: The service's time before the current requests were sent.
        self.asked: datetime | None = None

    def begin(self) -> None:
        """A tick begins: what could not be read for some machines is read again."""
        self.unsent = False
        if self.partial:
            self.requests, self.partial = None, False

    def prerequisites(self) -> None:
        """Read what the remaining steps need; wrong options are found here, before the first write."""
        self.requests = prerequisites(self.state, [item for item, _track in self.state.open_tracks()])

    def all(self, due: list[Due]) -> None:
        """Send what is due as far as the write bucket has tokens, machines of one step in the order of their names."""
        if self.requests is None:
            self.prerequisites()
            self.partial = bool(self.state.trouble)
            due = self.state.clear(due)
        requests = certain(self.requests)
        due.sort(key=lambda entry: self.state.order.route.index(entry[2].step))
        commits = [entry for entry in due if entry[2].step in COMMITS]
        jobs = requests.commits.failovers(commits) if commits else {}
        due = self.state.clear(due)
        room = max(0, self.state.vaults.write_tokens()) + math.ceil(REFILLED * self.window())
        ready: list[Due] = []
        # A proof ages: only what can be sent before the next read is proven. If much of that fails, the others have a try.
        for number in (room, len(due)):
            some, due = cut(as_units(due), number)
            commits = [entry for entry in some if entry[2].step in COMMITS]
            proven = self.prove(commits, jobs) if commits else set()
            if self.state.order.prove_only:
                for item, track, _operation in commits:
                    if item.key in proven:
                        track.end("done")
                continue
            going = [entry for entry in some if entry[2].step not in COMMITS or entry[0].key in proven]
            ready += whole_groups(self.state, self.state.clear(requests.gates.by_rules(going)))
            if len(ready) >= room or not due:
                break
        self.trickle(ready, due)

    def prove(self, commits: list[Due], jobs: dict[str, Job]) -> set[str]:
        """Keys of the machines whose commit may go, by what is read now."""
        began = self.state.clock.monotonic()
        proven = certain(self.requests).commits.prove(commits, jobs)
        self.proved.update(dict.fromkeys(proven, began))
        return proven

    def still_proven(self, due: list[Due]) -> list[Due]:
        """What of the due steps may leave: commits whose proofs have aged are proven again."""
        now = self.state.clock.monotonic()
        aged = [e for e in due if e[2].step in COMMITS and now - self.proved.get(e[0].key, -PROOF_AGE) > PROOF_AGE]
        if not aged:
            return due
        jobs = certain(self.requests).commits.failovers(aged)
        proven = self.prove(self.state.clear(aged), jobs)
        asked = {item.key for item, _track, _operation in aged}
        return whole_groups(self.state, [e for e in due if e[0].key not in asked or e[0].key in proven])

    def window(self) -> float:
        """Seconds for which one read of the vault may be used for sending: as long as the service's pace allows."""
        return max(0.0, min(self.deadline - self.state.clock.monotonic(), max(self.state.memory.pace or 0.0, TRICKLE)))

    def ready(self, due: list[Due]) -> list[Ready]:
        """The bodies of what leaves now; recovery points are read just before, so that each is read once and fresh."""
        requests = certain(self.requests)
        due = requests.gates.may_fail_over(self.still_proven(due))
        requests.read_ahead(due)
        due = self.state.clear(due)
        ready: list[Ready] = []
        for item, track, operation in due:
            request = requests.request(item, track, operation)
            if isinstance(request, Refusal):
                if item.key not in self.state.trouble and not track.ended:
                    track.end("refused", request)
            elif item.key not in self.state.trouble:
                track.going(request.point, request.placement)
                ready.append((item, track, operation, request.body))
        # A member without a body stops its group.
        whole = {id(track) for _item, track, _operation in whole_groups(self.state, [entry[:3] for entry in ready])}
        return [entry for entry in ready if id(entry[1]) in whole]

    def trickle(self, due: list[Due], later: list[Due]) -> None:
        """Send as the write bucket fills, for as long as the last read of the vault is valid; the rest, and what is for
        ``later``, waits for the next read."""
        until = self.state.clock.monotonic() + self.window()
        while due:
            some, due = self.fitting(due)
            batch = self.ready(some)
            self.asked = self.state.now
            for (item, track, operation, _body), answer in zip(batch, self.state.spread(self.send, batch), strict=True):
                self.take(item, track, operation, answer)
            if not due or self.state.clock.monotonic() + REFILL > until:
                break
            self.state.clock.sleep(REFILL)
        self.unsent = bool(due or later)
        for _item, track, operation in [*due, *later]:
            track.wait(f"waiting for the service's write limit before {STEP_TEXT[operation.step]}")

    def fitting(self, due: list[Due]) -> tuple[list[Due], list[Due]]:
        """What the write bucket's tokens are enough for, and the rest. A group is sent as a whole.

        One that is larger than the bucket leaves when that is full, which shows by its not filling any more.
        """
        tokens = max(0, self.state.vaults.write_tokens())
        pieces = as_units(due)
        full = self.tokens_left is not None and 0 < tokens <= self.tokens_left
        some, later = cut(pieces, len(pieces[0]) if full and len(pieces[0]) > tokens else tokens)
        self.tokens_left = None if some else tokens
        return some, later

    def send(self, entry: Ready) -> Sent | FailbackError | Item:
        """POST one operation. After a refusal or an unknown outcome the item is read individually."""
        item, _track, operation, body = entry
        try:
            return self.state.vaults.act(item.id, operation.verb, body)
        except ConnectionFailed as exc:
            return exc
        except (Rejected, Unknown) as exc:
            if exc.code == THROTTLED:
                return exc
            try:
                fresh = self.state.fetch(item)
            except (ReadFailed, ConnectionFailed):
                return exc
            running = self.state.lifecycle.running(fresh, (operation.step,))
            position = self.state.lifecycle.position(fresh)
            # A machine that is busy with something else has not moved: it allows nothing, which looks like a sync.
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
        self.state.memory.idle_ticks = 0
        if isinstance(answer, FailbackError):
            by_name(answer, item)
        if isinstance(answer, Sent):
            self.state.memory.floor.writes += 1
            point = track.point if operation.step in FAILOVERS else ""
            track.open(operation.step, answer.job, self.state.now, started=True, point=point)
            if answer.pace is not None:
                self.state.memory.pace = answer.pace
        elif isinstance(answer, Item):
            # Somebody's operation, perhaps our own with a lost reply, was accepted: it is joined, not repeated.
            running = self.state.lifecycle.running(answer, (operation.step,))
            self.state.items[item.key] = answer
            if running is not None and running.step == operation.step and answer.scenario is not None:
                track.open(operation.step, answer.scenario.job, self.state.now, started=False)
                track.join()
            else:
                position = self.state.lifecycle.position(answer)
                if position is operation.arrives:
                    track.arrive(position)
                track.join()
        elif isinstance(answer, ConnectionFailed) or answer.code == THROTTLED:
            # Nothing was accepted and the machine is not at fault: the next read decides again.
            track.wait(f"{answer.message} Retrying")
        elif isinstance(answer, Unknown):
            track.lose(operation.step, self.state.now, self.asked or self.state.now)
            track.wait("a reply was lost: checking the vault before sending again")
        else:
            self.rejected(item, track, operation, answer)

    def rejected(self, item: Item, track: Track, operation: Operation, error: FailbackError) -> None:
        if track.reject() < REJECTIONS and passing(error.details):
            track.hold_back(self.state.now, LAG / 2)
            said = error.message.rstrip(".")
            track.wait(f"the service did not accept it before {STEP_TEXT[operation.step]} ({said}); retrying")
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
            surely, left = retired(operation.generation, self.state.lifecycle.position(item), said)
            if surely:
                code, remedy = "classic_retired", left
            elif left:
                track.warn(Problem("classic_out_of_support", left, level="Warning"))
        said = f"{begun(STEP_TEXT[operation.step])} was refused: {error.message}"
        track.fail((problem,), Refusal(code, said, remedy))
