# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery plans: made, changed, removed, and what is started on all their machines (SPEC as calls)."""

from __future__ import annotations

from functools import partial
from typing import Any

from rehearsal.azure import inventory, plans
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.engine import check_support
from rehearsal.azure.errors import item_not_found, provider_refused, refused
from rehearsal.azure.items import Item
from rehearsal.azure.jobs import Job
from rehearsal.azure.routes.base import ROUTES, VAULT, Handler, Service, route, vault_of
from rehearsal.azure.routes.jobs import accepted
from rehearsal.azure.side import cleaned, demand, hold, tested
from rehearsal.azure.vault import VaultState

PLAN = f"{VAULT}/replicationrecoveryplans/*"

#: Verb -> the word a plan must allow, scenario, friendly name.
VERBS = {
    "unplannedFailover": ("UnplannedFailover", "UnplannedFailover", "Failover"),
    "plannedFailover": ("PlannedFailover", "PlannedFailover", "Planned failover"),
    "failoverCommit": ("Commit", "CommitFailover", "Commit"),
    "failoverCancel": ("Commit", "CancelFailover", "Cancel failover"),
    "testFailover": ("TestFailover", "TestFailover", "Test failover"),
    "testFailoverCleanup": ("TestFailoverCleanup", "TestFailoverCleanup", "Test failover cleanup"),
}


def _plan(call: Call) -> tuple[VaultState, str]:
    vault = vault_of(call)
    check_support(vault, call.ids)
    name = inventory.plan_named(vault, call.name(1))
    if name is None:
        raise item_not_found(call.name(1), call.ids)
    return vault, name


def _changed(service: Service, call: Call, vault: VaultState, name: str, word: str) -> Reply:
    friendly = f"{word} recovery plan"
    job = service.engine.side_job(vault, "UpdateRecoveryPlan", friendly, "refresh", None, call.ids[0])
    job.target_id, job.target_name, job.target_type = name, name, "RecoveryPlan"
    job.owner_path = vault.plan_id(name)
    service.ledger.count_accepted(name, f"{word.lower()}Plan", call.json() or None, job.name)
    return accepted(service, call, job)


async def _put(service: Service, call: Call) -> Reply:
    vault = vault_of(call)
    check_support(vault, call.ids)
    properties = call.json().get("properties") or {}
    if call.method == "PATCH" and inventory.plan_named(vault, call.name(1)) is None:
        raise item_not_found(call.name(1), call.ids)
    given = properties.get("groups")
    if given is None and call.method == "PUT":
        raise refused(400, "InvalidRequest", "The property groups is required.")
    name = inventory.plan_named(vault, call.name(1)) or call.name(1)
    plans.demand_idle(vault, name)
    if given is not None:
        plans.keep(vault, name, given)
    return _changed(service, call, vault, name, "Save")


ROUTES[("PUT", PLAN)] = ROUTES[("PATCH", PLAN)] = _put


@route("DELETE", PLAN)
async def delete_plan(service: Service, call: Call) -> Reply:
    vault, name = _plan(call)
    plans.demand_idle(vault, name)
    vault.spec.recovery_plans.pop(name)
    vault.plan_times.pop(name, None)
    vault.kept_plans.pop(name, None)
    answer = _changed(service, call, vault, name, "Delete")
    list(vault.jobs.values())[-1].leaves_nothing = True
    return answer


@route("POST", f"{PLAN}/reprotect")
async def refuse_reprotect(service: Service, call: Call) -> Reply:
    """It has no body and no longer works: machines are reprotected one by one (DOC; the refusal's words are INFER)."""
    _plan(call)
    raise provider_refused(
        400,
        "OperationDeprecated",
        "Reprotect of a recovery plan is deprecated.",
        causes="The operation takes no servers, which every machine needs.",
        action="Reprotect the machines of the plan one by one.",
        ids=call.ids,
    )


def _start(service: Service, call: Call, verb: str, given: dict[str, Any], item: Item) -> Job:
    """The operation on one machine of the plan."""
    engine, client = service.engine, call.ids[0]
    _word, scenario, friendly = VERBS[verb]
    if verb == "testFailover":
        demand(engine, item, "TestFailover", verb, call.ids)
        return hold(engine, item, scenario, friendly, "test_failover", client, lambda: tested(service.world, item))
    if verb == "testFailoverCleanup":
        demand(engine, item, "TestFailoverCleanup", verb, call.ids)
        return hold(engine, item, scenario, friendly, "test_cleanup", client, lambda: cleaned(service.world, item))
    job = engine.accept(item, verb.lower(), plans.item_body(item, given), call.ids)
    if job.move is not None:
        service.ledger.count_accepted(item.machine.name, job.move.name, given, job.name)
    return job


def _operate(verb: str) -> Handler:
    word, scenario, friendly = VERBS[verb]

    async def operate(service: Service, call: Call) -> Reply:
        vault, name = _plan(call)
        given = call.json().get("properties") or {}
        if not isinstance(given.get("providerSpecificDetails") or [], list):
            raise refused(400, "InvalidRequest", "The property providerSpecificDetails is no list.")
        if verb in ("unplannedFailover", "plannedFailover", "testFailover") and not given.get("failoverDirection"):
            raise refused(400, "InvalidRequest", "The property failoverDirection is required.")
        allowed = inventory.plan(vault, name)["properties"]["allowedOperations"]
        if word not in allowed:
            raise refused(
                409, "OperationNotAllowed", f"The recovery plan '{name}' allows {', '.join(allowed) or 'nothing'}."
            )
        job = plans.begin(
            service.engine, vault, name, scenario, friendly, partial(_start, service, call, verb, given), call.ids[0]
        )
        service.ledger.count_accepted(name, f"plan/{verb}", call.json() or None, job.name)
        return accepted(service, call, job)

    return operate


for _verb in VERBS:
    ROUTES[("POST", f"{PLAN}/{_verb.lower()}")] = _operate(_verb)
