# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery plans that run: groups in order, the machines of a group side by side, manual actions waited for (SPEC, DOC)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from rehearsal.azure.clock import iso
from rehearsal.azure.engine import Engine
from rehearsal.azure.errors import PLAN_MEMBER, JobFailure, Refused, refused
from rehearsal.azure.inventory import plan_groups
from rehearsal.azure.items import Item
from rehearsal.azure.jobs import Job, Task
from rehearsal.azure.scenarios import JobTask
from rehearsal.azure.vault import VaultState
from rehearsal.azure.words import last_segment, same

#: Starts the operation on one machine; raises Refused.
Start = Callable[[Item], Job]

#: The kinds of groups (SPEC), and the most machines of one plan (DOC).
GROUP_TYPES = ("Shutdown", "Failover", "Boot")
MOST_MEMBERS = 100
#: What a plan says of its last run, by the run's scenario (SPEC as keys).
LAST_TIMES = {
    "PlannedFailover": "lastPlannedFailoverTime",
    "UnplannedFailover": "lastUnplannedFailoverTime",
    "TestFailover": "lastTestFailoverTime",
}

#: Service seconds between two polls of the jobs of a group.
LOOK = 2.0


def item_body(item: Item, given: dict[str, Any]) -> dict[str, Any]:
    """What a plan's request means for one machine: the entry of its provider, in the words that items take."""
    entries = given.get("providerSpecificDetails") or []
    if not isinstance(entries, list):
        raise refused(400, "InvalidRequest", "The property providerSpecificDetails is no list.")
    kind = item.row.instance_type
    entry: dict[str, Any] = next((e for e in entries if e.get("instanceType") == kind), {})
    details: dict[str, Any] = {"instanceType": kind}
    if kind in ("InMage", "InMageRcmFailback") and entry.get("recoveryPointType"):
        details["recoveryPointType"] = entry["recoveryPointType"]
    if kind == "InMageRcm":
        details["performShutdown"] = "true" if given.get("sourceSiteOperations") == "Required" else "false"
    return {
        "failoverDirection": given.get("failoverDirection"),
        "sourceSiteOperations": given.get("sourceSiteOperations"),
        "providerSpecificDetails": details,
    }


def begin(engine: Engine, vault: VaultState, name: str, scenario: str, friendly: str, start: Start, client: str) -> Job:
    """Run an operation over a plan's groups. Raises Refused while the plan is busy."""
    demand_idle(vault, name)
    job = Job(
        vault,
        scenario,
        friendly,
        name,
        name,
        "RecoveryPlan",
        created=engine.world.clock.now(),
        client_request_id=client,
    )
    job.owner_path = vault.plan_id(name)
    groups = plan_groups(vault, name)
    job.tasks = [task for n, group in enumerate(groups) for task in _tasks(n, group, scenario)]
    vault.jobs[job.name] = vault.plan_jobs[name] = job
    engine.launch(job, _run(engine, vault, job, start))
    return job


def demand_idle(vault: VaultState, name: str) -> None:
    """Raises Refused while the plan runs: it is neither started again nor changed nor removed (INFER)."""
    running = vault.plan_jobs.get(name)
    if running is not None and running.ended is None:
        raise refused(409, "RecoveryPlanBusy", f"The recovery plan '{name}' runs {running.friendly} just now.")


def _tasks(number: int, group: dict[str, Any], scenario: str) -> list[Task]:
    """A group's tasks: an action belongs only to the kinds of failover that it names."""
    kind = "Commit" if scenario == "CommitFailover" else scenario

    def actions(key: str) -> list[Task]:
        return [_manual(action) for action in group[key] if kind in (action.get("failoverTypes") or [kind])]

    found = actions("startGroupActions")
    step = JobTask("RecoveryPlanGroupTask", f"{group['groupType']} group {number + 1}", 0.0)
    members = [last_segment(entry["id"]) for entry in group["replicationProtectedItems"]]
    details = {
        "instanceType": "RecoveryPlanGroupTaskDetails",
        "name": step.friendly,
        "groupId": str(number + 1),
        "rpGroupType": group["groupType"],
    }
    found.append(Task(step, group=details, members=members))
    return found + actions("endGroupActions")


def _manual(action: dict[str, Any]) -> Task:
    """A manual action waits for somebody; scripts and runbooks are taken for done (INFER)."""
    own = action.get("customDetails") or {}
    name = str(action.get("actionName") or "Action")
    task = Task(JobTask("RecoveryPlanActionTask", name, 0.0))
    if own.get("instanceType") == "ManualActionDetails":
        task.details = {
            "instanceType": "ManualActionTaskDetails",
            "name": name,
            "instructions": own.get("description") or "",
            "observation": None,
        }
    return task


async def _run(engine: Engine, vault: VaultState, job: Job, start: Start) -> None:
    clock = engine.world.clock
    await clock.sleep_until(job.created + vault.durations["not_started"])
    job.started = clock.now()
    job.state = job.description = "InProgress"
    state = "Succeeded"
    for task in job.tasks:
        task.state = task.description = "InProgress"
        task.started = clock.now()
        if (task.details or {}).get("instanceType") == "ManualActionTaskDetails":
            job.resumed = asyncio.Event()
            job.state, job.description = "Suspended", "WaitingForManualAction"
            await job.resumed.wait()
            job.state = job.description = "InProgress"
        elif task.members and not await _group(engine, vault, job, task, start):
            state = "Failed"
            break
        task.state, task.description, task.ended = "Succeeded", "Completed", clock.now()
    if state == "Succeeded" and job.scenario in LAST_TIMES:
        vault.plan_times.setdefault(job.target_name, {})[LAST_TIMES[job.scenario]] = iso(clock.now())
    job.finish(state, clock.now())


async def _group(engine: Engine, vault: VaultState, job: Job, task: Task, start: Start) -> bool:
    """Whether all machines of a group succeeded; the first that did not is reported."""
    clock, bad = engine.world.clock, ""
    for name in task.members:
        item = next((i for i in vault.items.values() if same(i.name, name)), None)
        if item is None:
            continue
        try:
            task.children.append(start(item))
        except Refused:
            bad = bad or item.machine.name
    while any(child.ended is None for child in task.children):
        await clock.sleep(LOOK)
    failed = [
        child.target_name for child in task.children if child.state not in ("Succeeded", "CompletedWithInformation")
    ]
    bad = bad or next(iter(failed), "")
    if bad:
        job.add_error(JobFailure(PLAN_MEMBER, machine=bad, plan=job.target_name).cause, "Error", clock.now(), task)
    return not bad


def keep(vault: VaultState, name: str, groups: list[dict[str, Any]]) -> None:
    """Write down a plan as a client gives it. Raises Refused where the vault cannot hold such a plan."""
    known = {item.id.casefold(): item for item in vault.items.values()}
    kept, members = [], []
    for group in groups:
        items = []
        for entry in group.get("replicationProtectedItems") or []:
            item = known.get(str(entry.get("id") or "").casefold())
            if item is None:
                raise refused(
                    400, "InvalidRequest", f"The vault has no replicated item '{last_segment(entry.get('id') or '')}'."
                )
            items.append(item)
        kind = group.get("groupType") or "Boot"
        if kind not in GROUP_TYPES:
            raise refused(
                400, "InvalidRequest", f"The group type {kind!r} is unknown; known are {', '.join(GROUP_TYPES)}."
            )
        kept.append(
            {
                "groupType": kind,
                "items": [item.name for item in items],
                "startGroupActions": group.get("startGroupActions") or [],
                "endGroupActions": group.get("endGroupActions") or [],
            }
        )
        members += [item.machine.name for item in items]
    twice = next((member for member in members if members.count(member) > 1), None)
    if twice is not None:
        raise refused(400, "InvalidRequest", f"The machine '{twice}' is more than once in the recovery plan '{name}'.")
    if len(members) > MOST_MEMBERS:
        raise refused(400, "InvalidRequest", f"A recovery plan holds at most {MOST_MEMBERS} machines.")
    # The answer has the first two whether or not they were given (SEEN).
    for kind in ("Failover", "Shutdown"):
        if not any(group["groupType"] == kind for group in kept):
            kept.insert(0, {"groupType": kind, "items": [], "startGroupActions": [], "endGroupActions": []})
    vault.kept_plans[name] = kept
    vault.spec.recovery_plans[name] = tuple(members)
