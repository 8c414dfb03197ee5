# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do with one item next. Pure: no I/O, no clock, no Ansible.

(item as observed, its job, route, policy) -> Send | Join | Wait | Done | Hold | Refuse.
It looks at the provider, the active location, the operation that must be in allowedOperations and the scenario that
holds the item. protectionState is only displayed, never evaluated. Words it does not know and does not need are
ignored; an item it cannot place is refused with an explanation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Union

from ..model.items import Item
from ..model.refusal import Refusal
from .health import health_entries, health_words
from .table import (
    CANCEL_FAILOVER_TO_ONPREM,
    COMMITS,
    CONFIRM,
    DONE,
    FAILOVER_TO_AZURE,
    FAILOVERS,
    NOT_CONFIRMED,
    POSITION_TEXT,
    REFUSALS,
    REPROTECTS,
    SEND,
    STEP_TEXT,
    VERDICTS,
    WAIT,
    Lifecycle,
    Operation,
    Position,
)

#: Code of the refusal of a machine whose agent did not register before the limit.
AGENT_MISSING = "agent_not_registered"


@dataclass(frozen=True)
class Send:
    """Send the step's operation now."""

    operation: Operation


@dataclass(frozen=True)
class Join:
    """A job of the wanted step already runs: join it."""

    operation: Operation
    job: str


@dataclass(frozen=True)
class Wait:
    """Nothing to send: time brings the item on.

    ``step`` is the one that is under way, ``then`` the one that is sent when the wait is over, where there is one.
    """

    reason: str
    operation: Operation | None = None
    then: Operation | None = None


@dataclass(frozen=True)
class Done:
    """The item is at the end of the route or past it."""


@dataclass(frozen=True)
class Hold:
    """The item waits for approval before the step."""

    operation: Operation


Decision = Union[Send, Join, Wait, Done, Hold, Refusal]


@dataclass(frozen=True)
class Conditions:
    """The user's options beyond the route.

    ``commit_when`` "manual" commits only machines that are approved, "verified" all that are proven. Without
    ``confirmed`` no failover to Azure is sent. ``agent_timeout`` is how long, in seconds of the service's clock after a
    failover, a reprotect waits for the agent before the machine is refused (DOC: up to 15 minutes are normal). 0: the
    agent is not checked.
    """

    commit_when: str = "manual"
    wait_for: str = "synchronised"
    agent_timeout: float = 1200.0
    confirmed: bool = False

    def holds(self, step: str, approved: bool) -> bool:
        """Whether a machine waits for approval before the step."""
        return step in COMMITS and self.commit_when == "manual" and not approved


@dataclass(frozen=True)
class Observed:
    """An item and what is known beside the list: the service's time when the item was read, the job we hold for it, the position
    an evaluated job has brought it to (lists lag behind), when this run first saw the item, and whether its commit is approved."""

    item: Item
    now: datetime
    job: str | None = None
    arrived: Position | None = None
    since: datetime | None = None
    approved: bool = False


def verdict(step: str, position: Position, operation: Operation | None) -> str:
    """The table's word for a step at a position; a step's own row may let it depart from further positions."""
    if operation is not None and position in operation.departs:
        return SEND
    return VERDICTS[step][position]


def decide(seen: Observed, route: tuple[str, ...], lifecycle: Lifecycle, policy: Conditions) -> Decision:
    """The next thing to do with an item on a route."""
    item = seen.item
    if item.odd:
        return not_understood(item)
    generation = lifecycle.generation(item)
    if generation is None:
        return Refusal(
            "provider_not_supported",
            (
                f"The machine replicates with {item.instance_type or 'an unnamed provider'}, which this collection does "
                "not support."
            ),
            "Leave it out of the selection. Only VMware machines and physical servers can be failed back.",
        )
    candidates = lifecycle.candidates(item, route)
    if candidates:
        decisions = [_while_running(seen, operation, route, lifecycle, generation) for operation in candidates]
        sure = isinstance(decisions[0], (Join, Wait)) or len(set(map(type, decisions))) == 1
        return decisions[0] if sure else Wait("another operation is running on it")
    position = lifecycle.position(item)
    if (
        seen.arrived is not None
        and position is not seen.arrived
        and behind(position, seen.arrived, lifecycle, generation)
    ):
        return Wait("the finished job is not in the list yet")
    if position is None:
        return _unplaced(item)
    for step in route:
        operation = lifecycle.operation(generation, step)
        word = verdict(step, position, operation)
        if word == DONE or (word == WAIT and step in REPROTECTS and policy.wait_for == "job"):
            continue
        if word == WAIT:
            return Wait(POSITION_TEXT[position], operation)
        if word == SEND and operation is not None:
            return _before_firing(seen, operation, policy)
        if not item.allowed:
            return _nothing_allowed(item)
        return _refusal(word, step)
    return Done()


def project(
    first: Decision, seen: Observed, route: tuple[str, ...], lifecycle: Lifecycle, policy: Conditions
) -> tuple[list[Operation], Decision, Position | None]:
    """The steps a run would send from here, how it would end, and where the item would then stand.

    Each step's result is fed into the next, as check mode needs it on a route.
    """
    generation = lifecycle.generation(seen.item) or ""
    position = lifecycle.position(seen.item)
    operations: list[Operation] = []
    decision = first
    for _step in range(len(route) + 1):
        sent = (
            decision.operation if isinstance(decision, Send) else decision.then if isinstance(decision, Wait) else None
        )
        if sent is not None:
            operations.append(sent)
            position = sent.settles
        elif isinstance(decision, (Join, Wait)) and decision.operation is not None:
            position = decision.operation.settles
        else:
            break
        decision = _onward(position, route, lifecycle, generation, policy, seen.approved)
    return operations, decision, position


def _onward(
    position: Position,
    route: tuple[str, ...],
    lifecycle: Lifecycle,
    generation: str,
    policy: Conditions,
    approved: bool,
) -> Decision:
    """The decision at a projected position, from the tables alone."""
    for step in route:
        operation = lifecycle.operation(generation, step)
        word = verdict(step, position, operation)
        if word == DONE:
            continue
        if word == SEND and operation is not None:
            return Hold(operation) if policy.holds(step, approved) else Send(operation)
        if word == WAIT:
            return Wait(POSITION_TEXT[position], operation)
        return _refusal(word, step)
    return Done()


def _while_running(
    seen: Observed, running: Operation, route: tuple[str, ...], lifecycle: Lifecycle, generation: str
) -> Decision:
    item = seen.item
    job = item.scenario.job if item.scenario else ""
    doing = STEP_TEXT[running.step]
    if running.step in route:
        return Wait(doing, running) if seen.job == job else Join(running, job)
    if running.step in FAILOVERS and CANCEL_FAILOVER_TO_ONPREM in route:
        return Refusal(
            "failover_running",
            f"The machine is {doing}. A failover in progress is never cancelled.",
            "Wait for the failover to end, then rerun.",
        )
    # A step started elsewhere: the item is treated as at that step's target, and nothing is sent while it is busy.
    for step in route:
        word = verdict(step, running.arrives, lifecycle.operation(generation, step))
        if word == DONE:
            continue
        if word in (SEND, WAIT):
            return Wait(f"another operation is running on it: {doing}")
        refusal = _refusal(word, step)
        return Refusal(refusal.code, f"The machine is {doing}.", refusal.remedy)
    return Done()


def _before_firing(seen: Observed, operation: Operation, policy: Conditions) -> Decision:
    item = seen.item
    if not operation.permitted(item):
        if not item.allowed:
            return _nothing_allowed(item)
        said = health_words(health_entries(item))
        return Refusal(
            "operation_not_allowed",
            f"The service does not allow {operation.permission} on the machine now; it allows {', '.join(sorted(item.allowed))}."
            + (f" The vault reports: {said}." if said else " The vault reports no health error for the machine."),
            "Fix what the vault reports for the machine, then rerun."
            if said
            else "Check the machine and its recent jobs in the vault, then rerun.",
        )
    if policy.holds(operation.step, seen.approved):
        return Hold(operation)
    if operation.step == FAILOVER_TO_AZURE and not policy.confirmed:
        return Refusal(NOT_CONFIRMED, "Failing it over to Azure takes it off-premises and was not confirmed.", CONFIRM)
    if operation.agent_sign is not None and item.agent_registered(operation.agent_sign) is False:
        # An item that does not report its failover is given its time from this run's first look.
        began = item.last_failover or seen.since
        if began is None or seen.now < began + timedelta(seconds=policy.agent_timeout):
            return Wait("its agent has not registered since the failover", then=operation)
        if policy.agent_timeout > 0:
            return _agent_missing(policy)
    return Send(operation)


def _nothing_allowed(item: Item) -> Wait:
    said = health_words(health_entries(item))
    return Wait(
        "the service does not allow any operation on it at the moment"
        + (f" (the vault reports: {said})" if said else "")
    )


def _agent_missing(policy: Conditions) -> Refusal:
    return Refusal(
        AGENT_MISSING,
        f"The machine's agent did not register within {round(policy.agent_timeout / 60)} minutes of the failover "
        "(agent_timeout). A reprotect fails without it.",
        "Check that the machine is running and that its Mobility service is started and can reach the configuration "
        "server, process server or appliance, then rerun. Set agent_timeout to 0 to reprotect without checking the "
        "agent.",
    )


def behind(position: Position | None, arrived: Position, lifecycle: Lifecycle, generation: str) -> bool:
    """Whether a listed position is one from which the evaluated job departed."""
    return any(
        operation.arrives is arrived and (position in operation.departs)
        for operation in lifecycle.operations
        if operation.generation == generation
    )


def _unplaced(item: Item) -> Decision:
    if item.scenario is not None:
        return Wait(f"another operation is running on it: {item.scenario.name}")
    if not item.allowed:
        return _nothing_allowed(item)
    said = health_words(health_entries(item))
    return Refusal(
        "not_understood",
        f"The machine's state could not be determined: provider {item.instance_type}, active location "
        f"{item.active_location or 'unknown'}, allowed operations {', '.join(sorted(item.allowed))}."
        + (f" The vault reports: {said}." if said else ""),
        (
            "Check the machine in the vault. A machine that was migrated, or whose protection was disabled, cannot be "
            "failed back."
        ),
    )


def not_understood(item: Item) -> Refusal:
    """A machine whose entry in the vault's answer has a field of an unexpected type."""
    fields = ", ".join(item.odd[:3]) + (f" and {len(item.odd) - 3} more" if len(item.odd) > 3 else "")
    return Refusal(
        "not_understood",
        f"The vault's entry for the machine is invalid: {fields} is missing or has the wrong type.",
        "Check the machine in the vault, then rerun. If the entry stays invalid, contact Microsoft support.",
    )


def _refusal(code: str, step: str) -> Refusal:
    reason, remedy = REFUSALS.get(
        code, (f"The step {step} cannot start from here.", "Check the machine in the vault, then rerun.")
    )
    return Refusal(code, reason, remedy)


def steps_left(position: Position, route: tuple[str, ...], lifecycle: Lifecycle, generation: str) -> Iterator[str]:
    """The steps of a route that an item at a position still has to do (send or wait)."""
    for step in route:
        if verdict(step, position, lifecycle.operation(generation, step)) != DONE:
            yield step
