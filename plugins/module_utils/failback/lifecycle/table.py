# SPDX-License-Identifier: GPL-3.0-or-later
"""The life cycle of a replicated item, as data.

Three tables say everything: PLACES (how a position looks in the vault), STEPS (what moves an item from one position
to the next) and VERDICTS (what a step means at a position). Generations differ only in rows.

Sources: asr-api.md 2.3 (bodies), 3.1 (classic states), 4 (jobs). Rows marked INFER there are evaluated by the operation
the service allows, never by the text of a state, so a different text cannot mislead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from ..model.items import Item


class Position(str, Enum):
    """Where an item is in its life cycle."""

    HOME = "home"
    OUT_UNCOMMITTED = "out_uncommitted"
    OUT = "out"
    SYNCING_HOME = "syncing_home"
    READY = "ready"
    HOME_UNCOMMITTED = "home_uncommitted"
    HOME_UNPROTECTED = "home_unprotected"
    SYNCING_OUT = "syncing_out"


#: Each position in words.
POSITION_TEXT: Mapping[Position, str] = MappingProxyType(
    {
        Position.HOME: "on-premises, protected to Azure",
        Position.OUT_UNCOMMITTED: "failed over to Azure, not committed",
        Position.OUT: "running in Azure, failover committed",
        Position.SYNCING_HOME: "synchronizing to on-premises",
        Position.READY: "ready to fail over to on-premises",
        Position.HOME_UNCOMMITTED: "failed over to on-premises, not committed",
        Position.HOME_UNPROTECTED: "on-premises, not protected",
        Position.SYNCING_OUT: "synchronizing to Azure",
    }
)

FAILOVER_TO_AZURE = "failover_to_azure"
COMMIT_TO_AZURE = "commit_to_azure"
REPROTECT_TO_ONPREM = "reprotect_to_onprem"
FAILOVER_TO_ONPREM = "failover_to_onprem"
COMMIT_TO_ONPREM = "commit_to_onprem"
REPROTECT_TO_AZURE = "reprotect_to_azure"

#: Cancelling a planned failover before its commit. No route of several steps contains it.
CANCEL_FAILOVER_TO_ONPREM = "cancel_failover_to_onprem"

#: The steps in order: to Azure and back.
STEPS: tuple[str, ...] = (
    FAILOVER_TO_AZURE,
    COMMIT_TO_AZURE,
    REPROTECT_TO_ONPREM,
    FAILOVER_TO_ONPREM,
    COMMIT_TO_ONPREM,
    REPROTECT_TO_AZURE,
)

COMMITS = frozenset({COMMIT_TO_AZURE, COMMIT_TO_ONPREM})
REPROTECTS = frozenset({REPROTECT_TO_ONPREM, REPROTECT_TO_AZURE})
FAILOVERS = frozenset({FAILOVER_TO_AZURE, FAILOVER_TO_ONPREM})

#: What runs during a step, for progress lines and reasons.
STEP_TEXT: Mapping[str, str] = MappingProxyType(
    {
        FAILOVER_TO_AZURE: "failing over to Azure",
        COMMIT_TO_AZURE: "committing the failover to Azure",
        REPROTECT_TO_ONPREM: "reprotecting to on-premises",
        FAILOVER_TO_ONPREM: "failing over to on-premises",
        COMMIT_TO_ONPREM: "committing the failover to on-premises",
        REPROTECT_TO_AZURE: "reprotecting to Azure",
        CANCEL_FAILOVER_TO_ONPREM: "cancelling the failover to on-premises",
    }
)

#: The failover whose success a commit seals.
SEALS: Mapping[str, str] = MappingProxyType({COMMIT_TO_AZURE: FAILOVER_TO_AZURE, COMMIT_TO_ONPREM: FAILOVER_TO_ONPREM})


@dataclass(frozen=True)
class Place:
    """How an idle item at a position looks: provider, active location, one operation it allows, others it lacks.

    An ``active_location`` of "*" fits any: where the service's word was never recorded, the operation decides alone.
    """

    generation: str
    position: Position
    instance_type: str
    active_location: str
    allows: str | None = None
    lacks: frozenset[str] = frozenset()
    #: Names of scenarios of which one must hold the item; empty for an item that is idle or whose scenario does not matter.
    holds: frozenset[str] = frozenset()

    def fits(self, item: Item) -> bool:
        if self.holds and (item.scenario is None or item.scenario.name not in self.holds):
            return False
        return (
            item.instance_type == self.instance_type
            and self.active_location in ("*", item.active_location)
            and (self.allows is None or self.allows in item.allowed)
            and not (self.lacks & item.allowed)
        )


@dataclass(frozen=True)
class Operation:
    """One operation: from where, with which request, to where.

    ``permission`` is the value that must be in allowedOperations, or one of ``or_permissions`` where the value was
    never recorded. ``verb`` is the last segment of the operation's
    path, ``body`` names the builder in bodies.py (None: no body at all). ``arrives`` is the position when the job has
    succeeded, ``settles`` the one when the step is over: a succeeded reprotect is not yet protected. ``in_flight``
    lists (scenario name, instance type, active location or "*") by which a running job of this step is recognised.
    ``points`` maps the recovery points this step knows by name to what the body says about them; ``named_point`` reports
    whether a single point can be given. ``agent_sign`` names how one sees that the machine's agent has registered
    since the failover ("heartbeat": lastHeartbeat is younger than the failover; "flag": the item says it); None where
    the step does not depend on the agent.
    """

    generation: str
    step: str
    departs: frozenset[Position]
    arrives: Position
    settles: Position
    permission: str
    verb: str
    direction: str | None
    body: str | None
    scenarios: frozenset[str]
    in_flight: frozenset[tuple[str, str, str]]
    points: Mapping[str, str] = field(default_factory=dict)
    named_point: bool = False
    agent_sign: str | None = None
    or_permissions: frozenset[str] = frozenset()

    def permitted(self, item: Item) -> bool:
        """Whether the service would take the operation now."""
        return self.permission in item.allowed or bool(self.or_permissions & item.allowed)

    def runs(self, item: Item) -> bool:
        """Whether the job that holds the item is one of this step."""
        if item.scenario is None:
            return False
        name = item.scenario.name
        return any(
            name == scenario and item.instance_type == instance and location in ("*", item.active_location)
            for scenario, instance, location in self.in_flight
        )


@dataclass(frozen=True)
class Lifecycle:
    """The tables of one or more generations. Adding a generation is adding rows."""

    places: tuple[Place, ...]
    operations: tuple[Operation, ...]

    def __add__(self, other: Lifecycle) -> Lifecycle:
        return Lifecycle(self.places + other.places, self.operations + other.operations)

    def generation(self, item: Item) -> str | None:
        """The generation an item's provider belongs to, None for providers that are not VMware or physical."""
        for place in self.places:
            if place.instance_type == item.instance_type:
                return place.generation
        return None

    def position(self, item: Item) -> Position | None:
        """Where the item is, None where no row fits. The first fitting row wins."""
        if item.scenario is not None and item.scenario.name in ASIDE:
            # It does not show where the item is, and allows nothing meanwhile.
            return None
        for place in self.places:
            if place.fits(item):
                return place.position
        return None

    def candidates(self, item: Item, route: Iterable[str] = ()) -> tuple[Operation, ...]:
        """The steps whose job may hold the item now, the likeliest first.

        Where the service's words fit two steps (a reprotect of an item that says the same before and after it came
        home), one of the route comes first, then the one that fits the last planned failover's status (SPEC).
        """
        steps = frozenset(route)
        found = [operation for operation in self.operations if operation.runs(item)]
        return tuple(
            sorted(found, key=lambda s: (s.step not in steps, (s.step == REPROTECT_TO_AZURE) != item.came_home))
        )

    def running(self, item: Item, route: Iterable[str] = ()) -> Operation | None:
        """The step whose job holds the item now."""
        return next(iter(self.candidates(item, route)), None)

    def standing(self, item: Item, route: Iterable[str] = ()) -> str:
        """Where the item is, for results: a position, what runs on it, or "unknown"."""
        running = self.running(item, route)
        if running is not None:
            return STEP_TEXT[running.step]
        position = self.position(item)
        return position.value if position is not None else "unknown"

    @property
    def scenarios(self) -> dict[str, frozenset[str]]:
        """Each step with the scenario words of its jobs, whatever the generation."""
        found: dict[str, frozenset[str]] = {}
        for row in self.operations:
            found[row.step] = found.get(row.step, frozenset()) | row.scenarios
        return found

    def operation(self, generation: str, step: str) -> Operation | None:
        return next((s for s in self.operations if s.generation == generation and s.step == step), None)


#: Scenarios of users' other operations, during which nothing is allowed wherever the item is (asr-api.md 4; SPEC).
ASIDE = frozenset({"UpdateMobilityService", "UpdateVmProperties", "VMNicUpdate", "UpdateAppliance", "SwitchProvider"})

#: Scenarios of a test failover, which is only possible for a machine that is protected at home (SEEN).
TESTS = frozenset({"TestFailover", "TestFailoverCleanup"})


SEND, WAIT, DONE = "send", "wait", "done"

_P = Position
_BEYOND_OUT = {
    _P.SYNCING_HOME: "failback_in_progress",
    _P.READY: "failback_in_progress",
    _P.HOME_UNCOMMITTED: "failback_in_progress",
}

#: What a step means for an item at a position: send, wait, done, or the code of a refusal (see REFUSALS).
VERDICTS: Mapping[str, Mapping[Position, str]] = MappingProxyType(
    {
        FAILOVER_TO_AZURE: {
            _P.HOME: SEND,
            _P.OUT_UNCOMMITTED: DONE,
            _P.OUT: DONE,
            **_BEYOND_OUT,
            _P.HOME_UNPROTECTED: "protect_first",
            _P.SYNCING_OUT: "synchronising_to_azure",
        },
        COMMIT_TO_AZURE: {
            _P.HOME: "failover_to_azure_first",
            _P.OUT_UNCOMMITTED: SEND,
            _P.OUT: DONE,
            **_BEYOND_OUT,
            _P.HOME_UNPROTECTED: "protect_first",
            _P.SYNCING_OUT: "synchronising_to_azure",
        },
        REPROTECT_TO_ONPREM: {
            _P.OUT_UNCOMMITTED: "commit_first",
            _P.OUT: SEND,
            _P.SYNCING_HOME: WAIT,
            _P.READY: DONE,
            _P.HOME_UNCOMMITTED: DONE,
            _P.HOME_UNPROTECTED: DONE,
            _P.SYNCING_OUT: DONE,
            _P.HOME: DONE,
        },
        FAILOVER_TO_ONPREM: {
            _P.OUT_UNCOMMITTED: "reprotect_first",
            _P.OUT: "reprotect_first",
            _P.SYNCING_HOME: "synchronising_home",
            _P.READY: SEND,
            _P.HOME_UNCOMMITTED: DONE,
            _P.HOME_UNPROTECTED: DONE,
            _P.SYNCING_OUT: DONE,
            _P.HOME: DONE,
        },
        COMMIT_TO_ONPREM: {
            _P.OUT_UNCOMMITTED: "reprotect_first",
            _P.OUT: "reprotect_first",
            _P.SYNCING_HOME: "synchronising_home",
            _P.READY: "failover_home_first",
            _P.HOME_UNCOMMITTED: SEND,
            _P.HOME_UNPROTECTED: DONE,
            _P.SYNCING_OUT: DONE,
            _P.HOME: DONE,
        },
        REPROTECT_TO_AZURE: {
            _P.OUT_UNCOMMITTED: "reprotect_first",
            _P.OUT: "reprotect_first",
            _P.SYNCING_HOME: "synchronising_home",
            _P.READY: "failover_home_first",
            _P.HOME_UNCOMMITTED: "commit_home_first",
            _P.HOME_UNPROTECTED: SEND,
            _P.SYNCING_OUT: WAIT,
            _P.HOME: DONE,
        },
        CANCEL_FAILOVER_TO_ONPREM: {
            **dict.fromkeys(_P, "nothing_to_cancel"),
            _P.READY: DONE,
            # Only a generation with a row that departs from here can cancel it.
            _P.HOME_UNCOMMITTED: "cancel_not_offered",
        },
    }
)

#: Code and remedy of a failover to Azure that was not confirmed.
NOT_CONFIRMED = "not_confirmed"
CONFIRM = "If you mean to do that, set {set:confirm_failover_to_azure=true}."

#: Code of a refusal -> (reason, remedy). A remedy is for this machine only: no stage must be run for all because
#: one of them is not where it should be.
REFUSALS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "commit_first": (
            "The failover to Azure is not committed.",
            ("Commit it first: {run:commit_to_azure}."),
        ),
        "reprotect_first": (
            "The machine runs in Azure and does not replicate to on-premises.",
            "Reprotect it first: {run:reprotect_to_onprem}.",
        ),
        "synchronising_home": (
            "The machine is still synchronizing to on-premises.",
            ("Wait until it is synchronized; to wait for it, {run:reprotect_to_onprem}."),
        ),
        "failover_home_first": (
            "The machine is synchronized but has not failed over to on-premises.",
            "Fail it over first: {run:failover_to_onprem}.",
        ),
        "commit_home_first": (
            "The failover to on-premises is not committed.",
            ("Check the machine, then {run:commit_to_onprem}."),
        ),
        "failback_in_progress": (
            "The machine is being failed back.",
            "Finish that first: {run:failback}.",
        ),
        "protect_first": (
            "The machine is on-premises but not protected.",
            "Protect it first: {run:reprotect_to_azure}.",
        ),
        "synchronising_to_azure": (
            "The machine is still synchronizing to Azure.",
            "Wait until it is protected; to wait for it, {run:reprotect_to_azure}.",
        ),
        "failover_to_azure_first": (
            "The machine is on-premises; there is no failover to commit.",
            "Leave it out. If it must run in Azure, {run:failover_to_azure}.",
        ),
        "nothing_to_cancel": (
            "There is no uncommitted failover to on-premises.",
            "Leave the machine out. Only a planned failover that is not committed yet can be cancelled.",
        ),
        "cancel_not_offered": (
            "A classic failover to on-premises cannot be cancelled.",
            ("Commit it: {run:commit_to_onprem}."),
        ),
    }
)


def ordered(route: Iterable[str]) -> tuple[str, ...]:
    """A route's steps in walking order."""
    wanted = set(route)
    return tuple(step for step in STEPS if step in wanted)
