# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicated items: lists, the single item, recovery points, and the operations of the life cycle."""

from __future__ import annotations

from typing import Any

from rehearsal.azure import errors, inventory
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.engine import check_support
from rehearsal.azure.errors import provider_refused, refused
from rehearsal.azure.filters import Term, holds, parse_filter
from rehearsal.azure.items import Item, minute_before
from rehearsal.azure.lifecycle import AFTER_FAILOVER, AFTER_REPAIR
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
    terms = parse_filter(call.query.get("$filter"), known)

    def true(item: Item, term: Term) -> bool:
        key, _operator, value = term
        if key == "recoveryplanname":
            name = inventory.plan_named(vault, value)
            return name is not None and item.machine.name in vault.spec.recovery_plans[name]
        if key == "instancetype":
            return same(item.row.instance_type, value)
        if key == "processserverid":
            return same(item.process_server, value)
        if key == "sourcefabricname":
            return same(value, vault.fabric_friendly) or same(value, vault.fabric)
        return key != "vcentername" or same(value, vault.vcenter)

    found = [item for item in vault.items.values() if holds(terms, lambda term, item=item: true(item, term))]  # type: ignore[misc]
    return _items_page(service, call, found)


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
    direction = call.operation_and_direction
    job = service.engine.accept(item, verb, properties, call.ids)
    if job.move is not None:
        service.ledger.count_accepted(item.machine.name, direction or verb, body, job.name)
    return accepted(service, call, job)


# The last two are verbs of the modernized generation: a classic item never lists them (SEEN), so they are refused there.
for _verb in ("unplannedfailover", "failovercommit", "reprotect", "plannedfailover", "failovercancel"):
    ROUTES[("POST", f"{ITEM}/{_verb}")] = _operate


def _required(given: dict[str, Any], place: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not given.get(name):
            raise refused(400, "InvalidRequest", f"The property {place}{name} is required.")


@route("POST", f"{ITEM}/updateappliance")
async def update_appliance(service: Service, call: Call) -> Reply:
    """Move a machine to another appliance; only while it replicates from on-premises to Azure (DOC)."""
    item = item_of(call)
    wanted = call.json().get("properties") or {}
    _required(wanted, "", ("targetApplianceId", "providerSpecificDetails"))
    provider = wanted["providerSpecificDetails"].get("instanceType")
    if not item.vault.modernized or provider != "InMageRcm":
        raise refused(400, "InvalidRequest", f"The provider {provider!r} does not fit the item or the operation.")
    appliance = item.vault.appliance(wanted["targetApplianceId"])
    if appliance is None:
        raise refused(400, "InvalidRequest", "The property targetApplianceId names no appliance of this vault.")
    if item.busy or item.phase != "home":
        raise service.engine.busy(item, "updateAppliance", call.ids)

    def move() -> None:
        item.process_server = appliance.id
        item.touch()

    job = service.engine.side_job(
        item.vault, "UpdateAppliance", "Change appliance", "update_appliance", item, call.ids[0], move
    )
    service.ledger.count_accepted(item.machine.name, "updateAppliance", call.json(), job.name)
    return accepted(service, call, job)


@route("POST", f"{ITEM}/switchprovider")
async def switch_provider(service: Service, call: Call) -> Reply:
    """Move a classic item to a modernized vault. Refused while it is away from home (DOC); a retired vault lets items go.

    The item in the other vault is not simulated; only switchProviderState shows it (its values are INFER).
    """
    item = item_of(call)
    wanted = call.json().get("properties") or {}
    _required(wanted, "", ("targetInstanceType", "providerSpecificDetails"))
    details = wanted["providerSpecificDetails"]
    if item.vault.modernized or (wanted["targetInstanceType"], details.get("instanceType")) != (
        "InMageRcm",
        "InMageAzureV2",
    ):
        raise refused(400, "InvalidRequest", "Only an item of 'InMageAzureV2' can be moved, and only to 'InMageRcm'.")
    _required(details, "providerSpecificDetails.", ("targetVaultID", "targetFabricID", "targetApplianceID"))
    if item.busy or item.phase != "home":
        cause = errors.JobFailure(errors.NOT_AT_HOME, machine=item.machine.name).cause
        raise provider_refused(
            409, str(cause.code), cause.message, causes=cause.causes, action=cause.action, ids=call.ids
        )

    def switched() -> None:
        item.switched = "Completed"
        item.touch()

    friendly = "Move to the modernized experience"
    job = service.engine.side_job(item.vault, "SwitchProvider", friendly, "refresh", item, call.ids[0], switched)
    service.ledger.count_accepted(item.machine.name, "switchProvider", call.json(), job.name)
    return accepted(service, call, job)


@route("POST", f"{ITEM}/repairreplication")
async def repair(service: Service, call: Call) -> Reply:
    """Resynchronise; refused while another job runs and after a failover, when nothing replicates (INFER)."""
    item = item_of(call)
    check_support(item.vault, call.ids)
    if item.busy or item.phase in AFTER_FAILOVER:
        raise service.engine.busy(item, "repairReplication", call.ids)

    def repaired() -> None:
        item.phase = AFTER_REPAIR.get(item.phase, item.phase)
        item.touch()

    job = service.engine.side_job(
        item.vault, "RepairVMReplication", "Resynchronize the virtual machine", "repair", item, call.ids[0], repaired
    )
    service.ledger.count_accepted(item.machine.name, "repairReplication", None, job.name)
    return accepted(service, call, job)


@route("POST", f"{ITEM}/updatemobilityservice")
async def update_agent(service: Service, call: Call) -> Reply:
    """Refused while another job runs (INFER)."""
    item = item_of(call)
    check_support(item.vault, call.ids)
    if item.busy:
        raise service.engine.busy(item, "updateMobilityService", call.ids)
    job = service.engine.side_job(
        item.vault, "UpdateMobilityService", "Update Mobility Service", "update_agent", item, call.ids[0]
    )
    service.ledger.count_accepted(item.machine.name, "updateMobilityService", call.json(), job.name)
    return accepted(service, call, job)
