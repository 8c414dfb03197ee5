# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers, mappings, policies, protectable items, recovery plans and events."""

from __future__ import annotations

from typing import Any

from rehearsal.azure import inventory
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.clock import parse_time
from rehearsal.azure.errors import item_not_found
from rehearsal.azure.filters import Term, holds, parse_filter
from rehearsal.azure.routes.base import (
    CONTAINER,
    FABRIC,
    VAULT,
    Service,
    bodies,
    container_of,
    fabric_of,
    named,
    page,
    reply,
    route,
    vault_of,
)
from rehearsal.azure.words import dumps, same


@route("GET", f"{VAULT}/replicationprotectioncontainers")
async def list_all_containers(service: Service, call: Call) -> Reply:
    return bodies(service, call, "containers", [inventory.container(vault_of(call))])


@route("GET", f"{FABRIC}/replicationprotectioncontainers")
async def list_containers(service: Service, call: Call) -> Reply:
    return bodies(service, call, "containers", [inventory.container(fabric_of(call))])


@route("GET", CONTAINER)
async def get_container(service: Service, call: Call) -> Reply:
    return reply(inventory.container(container_of(call)))


@route("GET", f"{VAULT}/replicationprotectioncontainermappings")
async def list_all_mappings(service: Service, call: Call) -> Reply:
    return bodies(service, call, "mappings", inventory.mappings(vault_of(call)))


@route("GET", f"{CONTAINER}/replicationprotectioncontainermappings")
async def list_mappings(service: Service, call: Call) -> Reply:
    return bodies(service, call, "mappings", inventory.mappings(container_of(call)))


@route("GET", f"{CONTAINER}/replicationprotectioncontainermappings/*")
async def get_mapping(service: Service, call: Call) -> Reply:
    return reply(named(call, 3, inventory.mappings(container_of(call))))


@route("GET", f"{VAULT}/replicationpolicies")
async def list_policies(service: Service, call: Call) -> Reply:
    return bodies(service, call, "policies", inventory.policies(vault_of(call)))


@route("GET", f"{VAULT}/replicationpolicies/*")
async def get_policy(service: Service, call: Call) -> Reply:
    return reply(named(call, 1, inventory.policies(vault_of(call))))


@route("GET", f"{CONTAINER}/replicationprotectableitems")
async def list_protectable(service: Service, call: Call) -> Reply:
    vault = container_of(call)
    # A modernized vault's machines come from the site's discovery; its items name no protectable item (SEEN).
    items = [] if vault.modernized else list(vault.items.values())
    return page(service, call, "protectable", items, lambda item: dumps(inventory.protectable(item)))


@route("GET", f"{CONTAINER}/replicationprotectableitems/*")
async def get_protectable(service: Service, call: Call) -> Reply:
    for item in container_of(call).items.values():
        if same(item.protectable_name, call.name(3)):
            return reply(inventory.protectable(item))
    raise item_not_found(call.name(3), call.ids)


@route("GET", f"{VAULT}/replicationrecoveryplans")
async def list_plans(service: Service, call: Call) -> Reply:
    vault = vault_of(call)
    return bodies(service, call, "plans", [inventory.plan(vault, name) for name in vault.spec.recovery_plans])


@route("GET", f"{VAULT}/replicationrecoveryplans/*")
async def get_plan(service: Service, call: Call) -> Reply:
    vault = vault_of(call)
    name = inventory.plan_named(vault, call.name(1))
    if name is None:
        raise item_not_found(call.name(1), call.ids)
    return reply(inventory.plan(vault, name))


@route("GET", f"{VAULT}/replicationevents")
async def list_events(service: Service, call: Call) -> Reply:
    known = ("starttime", "endtime", "severity", "eventtype", "eventcode", "affectedobjectfriendlyname", "fabricname")
    terms = parse_filter(call.query.get("$filter"), known)

    def wanted(event: dict[str, Any]) -> bool:
        properties = event["properties"]

        def true(term: Term) -> bool:
            key, _operator, value = term
            if key in ("starttime", "endtime"):
                moment, limit = parse_time(properties["timeOfOccurrence"]), parse_time(value)
                return moment >= limit if key == "starttime" else moment <= limit
            fields = {"eventtype": "eventType", "eventcode": "eventCode", "severity": "severity"}
            return key == "fabricname" or same(properties[fields.get(key, "affectedObjectFriendlyName")], value)

        return holds(terms, true)

    return bodies(service, call, "events", [e for e in reversed(vault_of(call).events) if wanted(e)])


@route("GET", f"{VAULT}/replicationevents/*")
async def get_event(service: Service, call: Call) -> Reply:
    return reply(named(call, 1, vault_of(call).events))
