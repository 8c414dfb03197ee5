# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicated items: lists, the single item, recovery points, and the operations of the life cycle."""

from __future__ import annotations

from rehearsal.azure import inventory
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.items import Item, minute_before
from rehearsal.azure.paging import parse_filter
from rehearsal.azure.points import points
from rehearsal.azure.routes.base import (
    CONTAINER,
    ITEM,
    ROUTES,
    VAULT,
    Service,
    bodies,
    container_of,
    item_of,
    named,
    page,
    reply,
    route,
    vault_of,
)
from rehearsal.azure.routes.jobs import accepted
from rehearsal.azure.words import HEARTBEAT_MARK, RPO_MARK, same


def _items_page(service: Service, call: Call, items: list[Item]) -> Reply:
    world = service.world
    now = world.clock.now()
    moment = now - world.settings.lag
    answer = page(service, call, "items", items, lambda item: item.list_entry(moment))
    minute = minute_before(now)
    answer.body = answer.body.replace(HEARTBEAT_MARK, minute).replace(RPO_MARK, minute)
    return answer


@route("GET", f"{VAULT}/replicationprotecteditems")
async def list_all_items(service: Service, call: Call) -> Reply:
    """The flat list, with the keys of its filter (SPEC: query parameters of protected items)."""
    vault = vault_of(call)
    known = (
        "sourcefabricname",
        "recoveryplanname",
        "vcentername",
        "instancetype",
        "processserverid",
        "multivmgroupcreateoption",
    )
    items = list(vault.items.values())
    for key, dummy, value in parse_filter(call.query.get("$filter"), known):
        if key == "recoveryplanname":
            name = inventory.plan_named(vault, value)
            members = vault.spec.recovery_plans[name] if name else ()
            items = [i for i in items if i.machine.name in members]
        elif key == "instancetype":
            items = [i for i in items if same(i.row.instance_type, value)]
        elif key == "processserverid":
            items = [i for i in items if same(i.process_server, value)]
        elif (
            key == "sourcefabricname"
            and not (same(value, vault.spec.configuration_server) or same(value, vault.fabric))
        ) or (key == "vcentername" and not same(value, vault.vcenter)):
            items = []
    return _items_page(service, call, items)


@route("GET", f"{CONTAINER}/replicationprotecteditems")
async def list_items(service: Service, call: Call) -> Reply:
    return _items_page(service, call, list(container_of(call).items.values()))


@route("GET", ITEM)
async def get_item(service: Service, call: Call) -> Reply:
    """The single item is current, where lists lag."""
    return reply(item_of(call).render())


@route("GET", f"{ITEM}/recoverypoints")
async def list_points(service: Service, call: Call) -> Reply:
    item = item_of(call)
    return bodies(service, call, "points", [point.body(item) for point in points(item)])


@route("GET", f"{ITEM}/recoverypoints/*")
async def get_point(service: Service, call: Call) -> Reply:
    item = item_of(call)
    return reply(named(call, 4, [point.body(item) for point in points(item)]))


async def _operate(service: Service, call: Call) -> Reply:
    """An operation of the life cycle: accepted with 202 and two links, or refused."""
    item = item_of(call)
    assert call.path is not None
    body = call.json()
    verb = call.path.types[-1]
    properties = body.get("properties") or {}
    leg = call.operation_and_leg
    job = service.engine.accept(item, verb, properties, call.ids)
    if job.move is not None:
        service.ledger.count_accepted(item.machine.name, leg or verb, body, job.name)
    return accepted(service, call, job)


for _verb in ("unplannedfailover", "failovercommit", "reprotect"):
    ROUTES[("POST", f"{ITEM}/{_verb}")] = _operate


async def _not_for_classic(service: Service, call: Call) -> Reply:
    """Verbs of the modernized generation: a classic item never lists them (SEEN), so they are refused."""
    item = item_of(call)
    assert call.path is not None
    job = service.engine.accept(item, call.path.types[-1], call.json().get("properties") or {}, call.ids)
    return accepted(service, call, job)


for _verb in ("plannedfailover", "failovercancel"):
    ROUTES[("POST", f"{ITEM}/{_verb}")] = _not_for_classic


@route("POST", f"{ITEM}/repairreplication")
async def repair(service: Service, call: Call) -> Reply:
    item = item_of(call)
    job = service.engine.side_job(
        item.vault, "RepairVMReplication", "Resynchronize the virtual machine", "repair", item, call.ids[0]
    )
    service.ledger.count_accepted(item.machine.name, "repairReplication", None, job.name)
    return accepted(service, call, job)


@route("POST", f"{ITEM}/updatemobilityservice")
async def update_agent(service: Service, call: Call) -> Reply:
    item = item_of(call)
    job = service.engine.side_job(
        item.vault, "UpdateMobilityService", "Update Mobility Service", "update_agent", item, call.ids[0]
    )
    service.ledger.count_accepted(item.machine.name, "updateMobilityService", call.json(), job.name)
    return accepted(service, call, job)
