# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted vault with its vCenter, for running whole routes.

It keeps its own table of the life cycle (FLOW), so a wrong row in the collection's tables cannot agree with itself
here. Time is a number that only ``sleep`` moves.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from builders import (
    STAGES,
    START,
    azure_json,
    fabric_json,
    item_id,
    item_json,
    job_json,
    policy_json,
    scenario,
    text,
)

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle import table as lc
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.run import run_slice
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    ConnectionFailed,
    NotFound,
    ReadFailed,
    Rejected,
    Unknown,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import (
    Clock,
    Requests,
    Sent,
    SiteDisk,
    SiteMachine,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

P = Position
#: (position, verb) -> step, position after the job, scenario, seconds of the job (asr-api.md 4).
FLOW: dict[tuple[P, str], tuple[str, P, str, float]] = {
    (P.HOME, "unplannedFailover"): ("failover_to_azure", P.OUT_UNCOMMITTED, "UnplannedFailover", 104),
    (P.OUT_UNCOMMITTED, "failoverCommit"): ("commit_to_azure", P.OUT, "CommitFailover", 2),
    (P.OUT, "reProtect"): ("reprotect_to_onprem", P.SYNCING_HOME, "SwitchReplicationGroupProtection", 775),
    (P.READY, "unplannedFailover"): ("failover_to_onprem", P.HOME_UNCOMMITTED, "UnplannedFailover", 215),
    (P.HOME_UNCOMMITTED, "failoverCommit"): ("commit_to_onprem", P.HOME_UNPROTECTED, "CommitFailover", 111),
    (P.HOME_UNPROTECTED, "reProtect"): ("reprotect_to_azure", P.SYNCING_OUT, "SwitchReplicationGroupProtection", 129),
}
#: step -> (stage, position it departs from, verb).
STEPS: dict[str, tuple[int, P, str]] = {
    step: (stage, position, verb)
    for (position, verb), (step, *_rest) in FLOW.items()
    for stage, steps in STAGES.items()
    if step in steps
}
SYNCS: dict[P, tuple[P, float]] = {P.SYNCING_HOME: (P.READY, 990), P.SYNCING_OUT: (P.HOME, 1190)}
AT_HOME = frozenset({P.HOME, P.HOME_UNCOMMITTED, P.HOME_UNPROTECTED, P.SYNCING_OUT})
AZURE_RUNS = frozenset({P.OUT_UNCOMMITTED, P.OUT, P.SYNCING_HOME, P.READY})


def thinned(entry: dict[str, Any]) -> dict[str, Any]:
    """An item as a list shows it: without disks and master target (SEEN, asr-api.md 10)."""
    details = entry["properties"]["providerSpecificDetails"]
    details.update(protectedDisks=[], masterTargetId=None)
    if details["instanceType"] == "InMage":
        details.update(osType=None, osDetails=None)
    return entry


@dataclass(frozen=True)
class State:
    """A machine as the vault knows it at one moment."""

    position: P
    job: str = ""
    scenario: str = ""
    failed_over: datetime | None = None
    listed: bool = True


@dataclass
class Running:
    name: str
    machine: str
    scenario: str
    step: str
    start: datetime
    end: datetime
    arrives: P
    state: str
    errors: list[dict[str, Any]]


@dataclass
class World:
    """A vault, its jobs and its vCenter; handed to ``run_slice`` as ports. Faults are queued per (machine, verb).

    ``lag``: seconds by which lists are late; ``blind``: single GETs are as late. ``hollow``: a machine's GET allows
    nothing. ``gone``: its GET says 404. ``closed``: its GET fails. ``thin``: lists tell
    no disks, as those of a real vault. ``unreadable``: its job's and its points' answers are cut. ``shouts``: every
    other list writes ids in capitals.
    """

    lag: float = 0.0
    tokens: Callable[[], int] = lambda: 1000
    pace: float | None = None
    agent_delay: float = 60.0
    sync_factor: dict[str, float] = field(default_factory=dict)
    fabric: dict[str, Any] = field(default_factory=fabric_json)
    now: datetime = START
    states: dict[str, list[tuple[datetime, State]]] = field(default_factory=dict)
    extra: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, Running] = field(default_factory=dict)
    faults: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    outcomes: dict[tuple[str, str], list[tuple[str, list[dict[str, Any]]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    points: list[dict[str, Any]] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    site_says: dict[str, tuple[SiteMachine, ...]] = field(default_factory=dict)
    azure_says: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    accepted: list[tuple[str, str, Any]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    gone: set[str] = field(default_factory=set)
    hollow: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    thin: bool = False
    shouts: bool = False
    blind: bool = False
    spent: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    # -- the stage ---------------------------------------------------------------------------------------------

    def add(self, *names: str, position: P = P.OUT, **extra: Any) -> World:
        for name in names:
            failed = self.now - timedelta(hours=2) if position is not P.HOME else None
            self.states[name] = [(self.now, State(position, failed_over=failed))]
            self.extra[name] = extra
            if position in (P.OUT_UNCOMMITTED, P.HOME_UNCOMMITTED):
                self.past_failover(name, position)
        return self

    def past_failover(self, name: str, position: P) -> None:
        """The succeeded job that brought a machine to where its commit is due."""
        step = lc.FAILOVER_TO_AZURE if position is P.OUT_UNCOMMITTED else lc.FAILOVER_TO_ONPREM
        start, end = self.now - timedelta(hours=3), self.now - timedelta(hours=2)
        job = f"job-{len(self.jobs) + 1}"
        self.jobs[job] = Running(job, name, "UnplannedFailover", step, start, end, position, "Succeeded", [])

    def state(self, name: str) -> State:
        return self.states[name][-1][1]

    def become(self, name: str, when: datetime | None = None, **changes: Any) -> None:
        self.states[name].append((when or self.now, replace(self.state(name), **changes)))

    def sleep(self, seconds: float) -> None:
        assert seconds > 0, "a pause of nothing is a busy loop"
        self.spent += seconds
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move time on, and everything that falls due, in order of time."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            due = [(job.end, job.machine) for job in self.jobs.values() if self.state(job.machine).job == job.name]
            due += [
                (self.states[name][-1][0] + timedelta(seconds=self.sync(name)), name)
                for name in self.states
                if self.state(name).position in SYNCS and not self.state(name).job
            ]
            when, name = min(due, default=(end, ""))
            if not name or when > end:
                break
            self.now = max(when, self.now)
            self.settle(name)
        self.now = end

    def sync(self, name: str) -> float:
        return SYNCS[self.state(name).position][1] * self.sync_factor.get(name, 1.0)

    def settle(self, name: str) -> None:
        state = self.state(name)
        if not state.job:
            self.become(name, position=SYNCS[state.position][0])
            return
        job = self.jobs[state.job]
        good = job.state in ("Succeeded", "CompletedWithInformation")
        changes: dict[str, Any] = {"job": "", "scenario": ""}
        if good:
            changes["position"] = job.arrives
            if job.step.startswith("failover"):
                changes["failed_over"] = self.now
        self.become(name, **changes)

    # -- what is read ------------------------------------------------------------------------------------------

    def show(self, name: str, state: State) -> dict[str, Any]:
        extra = {key: dict(value) if isinstance(value, dict) else value for key, value in self.extra[name].items()}
        failed = state.failed_over
        fresh = failed is None or self.now >= failed + timedelta(seconds=self.agent_delay)
        details = {
            "lastHeartbeat": text(self.now if fresh else failed - timedelta(minutes=1)),
            **extra.pop("details", {}),
        }
        props: dict[str, Any] = {"lastSuccessfulFailoverTime": text(failed), **extra, "details": details}
        if state.job:
            props.update(allowedOperations=[], currentScenario=scenario(state.scenario, state.job))
        return item_json(name, state.position, **props)

    def listed(self, name: str) -> State:
        """The state a lagging list shows."""
        seen = [state for when, state in self.states[name] if when <= self.now - timedelta(seconds=self.lag)]
        return seen[-1] if seen else self.states[name][0][1]

    def job_view(self, job: Running, full: bool) -> dict[str, Any]:
        over = self.now >= job.end
        return job_json(
            job.name,
            job.scenario,
            job.state if over else "InProgress",
            target=f"guid-{job.machine}",
            startTime=text(job.start),
            endTime=text(job.end) if over else None,
            errors=job.errors if full and over else [],
        )

    def site_machines(self) -> list[SiteMachine]:
        found: list[SiteMachine] = []
        for name in self.states:
            on = self.state(name).position in AT_HOME
            disks = (SiteDisk(f"[ds1] {name}.vmdk", f"disk-{name}"),)
            usual = SiteMachine(
                f"vm-{name}", name, f"uuid-{name}", powered_on=on, disks=disks, tools="running", addresses=("10.0.0.5",)
            )
            found.extend(self.site_says.get(name, (usual,)))
        return found

    def azure_machines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for name in self.states:
            position = self.state(name).position
            usual: list[dict[str, Any]] = []
            if position in AZURE_RUNS or position is P.HOME_UNCOMMITTED:
                usual = [azure_json(name, "running" if position in AZURE_RUNS else "deallocated")]
            found.extend(self.azure_says.get(name, usual))
        return found

    # -- what is sent ------------------------------------------------------------------------------------------

    def act(self, resource_id: str, verb: str, body: Any) -> Sent:
        with self.lock:
            name = next(n for n in self.states if item_id(n).lower() == resource_id.lower())
            fault = self.faults[name, verb].pop(0) if self.faults[name, verb] else ""
            if fault == "before":
                raise Unknown("unknown_outcome", "The reply was lost.")
            if fault == "throttled":
                raise Rejected("throttled", "Fewer requests, please.", "Later.", {"http_status": 429})
            if fault == "offline":
                raise ConnectionFailed("unreachable", "No way to Azure.")
            if fault == "locked":
                details = {"http_status": 409, "service_code": "ScopeLocked"}
                raise Rejected("rejected", "The scope is locked.", "", details)
            if fault in ("busy", "refuse"):
                status = 409 if fault == "busy" else 400
                raise Rejected(
                    "rejected", "Azure refused it.", "Fix it.", {"http_status": status, "service_code": "X1"}
                )
            state = self.state(name)
            if state.job or (state.position, verb) not in FLOW:
                raise Rejected("rejected", "Another operation is in progress.", "Wait.", {"http_status": 409})
            sent = self.accept(name, verb, body)
            if fault == "after":
                raise Unknown("unknown_outcome", "The reply was lost.")
            return sent

    def accept(self, name: str, verb: str, body: Any = None) -> Sent:
        step, arrives, scenario_name, seconds = FLOW[self.state(name).position, verb]
        outcome, errors = self.outcomes[name, step].pop(0) if self.outcomes[name, step] else ("Succeeded", [])
        job = f"job-{len(self.jobs) + 1}"
        end = self.now + timedelta(seconds=seconds)
        self.jobs[job] = Running(job, name, scenario_name, step, self.now, end, arrives, outcome, errors)
        self.become(name, job=job, scenario=scenario_name)
        self.accepted.append((name, step, json.loads(json.dumps(body))))
        return Sent(job, self.pace)

    # -- running -----------------------------------------------------------------------------------------------

    def slice(self, wanted: Order, cursor: Any = None, **more: Any) -> dict[str, Any]:
        """One slice in what is, to the domain, a new process."""
        clock = Clock(monotonic=lambda: self.spent, sleep=self.sleep)
        return run_slice(wanted, Port(self), Site(self), clock, cursor, **more)

    def go(
        self,
        wanted: Order,
        cursor_of: Callable[[Any, int], Any] = lambda cursor, number: cursor,
        cursor: Any = None,
        limit: int = 2000,
    ) -> dict[str, Any]:
        """Slices until all is done. The cursor travels as JSON, as it does between processes."""
        for number in range(limit):
            result = self.slice(wanted, cursor)
            if result["finished"]:
                return result
            cursor = cursor_of(json.loads(json.dumps(result["cursor"])), number)
        raise AssertionError(f"not finished after {limit} slices: {result['machines']}")

    def steps_sent(self) -> list[tuple[str, str]]:
        return [(name, step) for name, step, _body in self.accepted]


class Port:
    """The vault as the domain sees it, counting the requests of one slice."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.requests = Requests()

    @property
    def now(self) -> datetime:
        return self.world.now

    def _read(self, what: str) -> World:
        with self.world.lock:
            self.requests.reads += 1
            self.world.calls[what] += 1
        return self.world

    def list_items(self, vault: VaultRef) -> list[dict[str, Any]]:
        world = self._read("list_items")
        found = [world.show(name, world.listed(name)) for name in world.states if world.listed(name).listed]
        if world.thin:
            found = [thinned(entry) for entry in found]
        if world.shouts and world.calls["list_items"] % 2:
            for entry in found:
                entry["id"] = entry["id"].upper()
                holds = entry["properties"]["currentScenario"]
                holds["jobId"] = holds["jobId"].upper().replace("/NONE", "/None")
        return found

    def get_item(self, wanted: str) -> dict[str, Any]:
        world = self._read("get_item")
        if any(item_id(name).lower() == wanted.lower() for name in world.closed):
            raise ReadFailed("answer_cut", f"The answer about {wanted} is cut.", "Run it again.")
        for name in world.states:
            if item_id(name).lower() == wanted.lower() and name not in world.gone:
                found = world.show(name, world.listed(name) if world.blind else world.state(name))
                if name in world.hollow:
                    found["properties"]["allowedOperations"] = []
                return found
        raise NotFound("not_found", f"No {wanted}.")

    def list_recovery_points(self, wanted: str) -> list[dict[str, Any]]:
        world = self._read("list_recovery_points")
        if any(item_id(name).lower() == wanted.lower() for name in world.unreadable):
            raise ReadFailed("read_failed", f"The answer for {wanted} is cut.")
        return world.points

    def list_fabrics(self, vault: VaultRef) -> list[dict[str, Any]]:
        return [self._read("list_fabrics").fabric]

    def list_policies(self, vault: VaultRef) -> list[dict[str, Any]]:
        self._read("list_policies")
        return [policy_json("daily", "InMageAzureV2"), policy_json("daily-failback", "InMage")]

    def list_recovery_plans(self, vault: VaultRef) -> list[dict[str, Any]]:
        return list(self._read("list_recovery_plans").plans)

    def list_vcenters(self, vault: VaultRef) -> list[dict[str, Any]]:
        self._read("list_vcenters")
        return []

    def list_jobs(self, vault: VaultRef, odata_filter: str | None = None) -> list[dict[str, Any]]:
        world = self._read("list_jobs")
        shown = world.now - timedelta(seconds=world.lag)
        return [world.job_view(job, full=False) for job in world.jobs.values() if job.start <= shown]

    def get_job(self, vault: VaultRef, name: str) -> dict[str, Any]:
        world = self._read("get_job")
        job = world.jobs.get(name.lower())
        if job is None:
            raise NotFound("not_found", f"No job {name}.")
        if job.machine in world.unreadable:
            raise ReadFailed("read_failed", f"The answer for job {name} is cut.")
        return world.job_view(job, full=True)

    def list_azure_machines(self, subscription_id: str) -> list[dict[str, Any]]:
        return self._read("list_azure_machines").azure_machines()

    def get_azure_machine(self, vm_id: str) -> dict[str, Any]:
        world = self._read("get_azure_machine")
        for machine in world.azure_machines():
            if str(machine.get("id")).lower() == vm_id.lower():
                return machine
        raise NotFound("not_found", f"No {vm_id}.")

    def act(self, resource_id: str, operation: str, body: Any) -> Sent:
        with self.world.lock:
            self.requests.writes += 1
            self.world.calls["act"] += 1
        return self.world.act(resource_id, operation, body)

    def write_tokens(self) -> int:
        return self.world.tokens()


class Site:
    """vCenter as the domain sees it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def machines(
        self, uuids: Iterable[str] = (), names: Iterable[str] = (), devices: bool = False
    ) -> list[SiteMachine]:
        self.world.calls["site"] += 1
        wanted, called = set(uuids), set(names)
        return [m for m in self.world.site_machines() if m.uuid in wanted or m.name in called]
