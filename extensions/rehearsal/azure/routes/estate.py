# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource groups beside the vaults: networks, sizes, quota, images, deployments and what they make."""

from __future__ import annotations

import uuid
from typing import Any

from rehearsal.azure import catalogue, networks
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.errors import refused, resource_not_found
from rehearsal.azure.filters import holds, parse_filter
from rehearsal.azure.resourcegroups import Body
from rehearsal.azure.routes.base import ROUTES, Handler, Service, page, reply, route
from rehearsal.azure.routes.machines import MACHINES
from rehearsal.azure.words import dumps, same

DEPLOYMENT = "microsoft.resources/deployments/*"
RUN_COMMAND = f"{MACHINES}/*/runcommands/*"
LOCATION = "microsoft.compute/locations/*"

#: Route -> type as it is written.
PLAIN = {
    "microsoft.network/networkinterfaces": "Microsoft.Network/networkInterfaces",
    "microsoft.network/networksecuritygroups": "Microsoft.Network/networkSecurityGroups",
    "microsoft.network/publicipaddresses": "Microsoft.Network/publicIPAddresses",
    "microsoft.network/virtualnetworks": "Microsoft.Network/virtualNetworks",
    "microsoft.network/virtualnetworkgateways": "Microsoft.Network/virtualNetworkGateways",
    "microsoft.network/connections": "Microsoft.Network/connections",
    "microsoft.compute/disks": "Microsoft.Compute/disks",
    "microsoft.compute/snapshots": "Microsoft.Compute/snapshots",
}


CONNECTIONS = PLAIN["microsoft.network/connections"]
#: What nobody deletes here.
KEPT = (PLAIN["microsoft.network/virtualnetworks"], PLAIN["microsoft.network/virtualnetworkgateways"], CONNECTIONS)


def _id(call: Call) -> str:
    return "/" + "/".join(call.parts)


def _group(call: Call) -> str:
    """The id of the resource group, or of the subscription where the path names no group."""
    assert call.path is not None
    whole = f"/subscriptions/{call.path.subscription}"
    return whole if call.path.group is None else f"{whole}/resourceGroups/{call.path.group}"


def _found(service: Service, call: Call, resource_id: str) -> Body:
    body = service.estate.find(resource_id)
    if body is None:
        assert call.path is not None
        kind = "/".join((call.path.namespace, *call.path.types))
        raise resource_not_found(kind, "/".join(call.path.names), call.path.group or "")
    return body


def _link(call: Call, path: str) -> str:
    return f"{call.base_url}{path}?api-version={call.api_version}"


# -- networks, sizes, quota, images ----------------------------------------------------------------------------------


@route("GET", "microsoft.network/virtualnetworks/*/checkipaddressavailability")
async def check_address(service: Service, call: Call) -> Reply:
    network = _found(service, call, _id(call).rsplit("/", 1)[0])
    used = service.estate.addresses()
    try:
        free = networks.is_free(network, call.query.get("ipaddress", ""), used)
    except ValueError:
        raise refused(400, "InvalidIPAddress", "The query parameter ipAddress is no IPv4 address.") from None
    others = [] if free else networks.free_addresses(network, used)
    return reply({"available": free, "availableIPAddresses": others, "isPlatformReserved": False})


@route("GET", "microsoft.network/virtualnetworkgateways/*/connections")
async def list_gateway_connections(service: Service, call: Call) -> Reply:
    """Those of one gateway, in whichever group they are."""
    gateway = _found(service, call, _id(call).rsplit("/", 1)[0])
    found = [
        networks.in_list(body)
        for body in service.estate.of_type(CONNECTIONS)
        if same(body["properties"]["virtualNetworkGateway1"]["id"], gateway["id"])
    ]
    return page(service, call, "gateway connections", found, dumps)


@route("GET", "microsoft.compute/skus")
async def list_sizes(service: Service, call: Call) -> Reply:
    location = service.world.vaults[0].spec.location
    return page(service, call, "skus", catalogue.skus(location), dumps)


@route("GET", f"{LOCATION}/usages")
async def list_usages(service: Service, call: Call) -> Reply:
    found = catalogue.usages(service.world.settings.cores_left, service.estate.cores())
    return page(service, call, "usages", found, dumps)


@route("GET", f"{LOCATION}/publishers/*/artifacttypes/*/offers/*/skus/*/versions")
async def list_image_versions(service: Service, call: Call) -> Reply:
    """A bare list, without an envelope (DOC)."""
    publisher, offer, sku = call.name(1), call.name(3), call.name(4)
    if not catalogue.offered(publisher, offer, sku, service.world.settings.gallery_image):
        raise refused(404, "NotFound", f"Artifact: VMImage was not found: {publisher}, {offer}, {sku}.")
    version = "2016.127.20250613"
    return reply(dumps([{"location": call.name(0), "name": version, "id": f"{_id(call)}/{version}"}]))


# -- deployments -----------------------------------------------------------------------------------------------------


@route("GET", "microsoft.resources/deployments")
async def list_deployments(service: Service, call: Call) -> Reply:
    """Those of the group, the youngest first. Those of the subscription itself are none: nothing is deployed there."""
    now = service.world.clock.now()
    here = f"{_id(call)}/".casefold()
    found = [d.body(now) for key, d in service.deployments.known.items() if f"{key}/".startswith(here)]
    known = ("provisioningstate",)
    terms = parse_filter(call.query.get("$filter"), known)
    shown = [
        body
        for body in reversed(found)
        if holds(terms, lambda term, body=body: same(body["properties"]["provisioningState"], term[2]))  # type: ignore[misc]
    ]
    return page(service, call, "deployments", shown, dumps)


@route("GET", DEPLOYMENT)
async def get_deployment(service: Service, call: Call) -> Reply:
    deployment = service.deployments.find(_id(call))
    if deployment is None:
        raise refused(404, "DeploymentNotFound", f"Deployment '{call.name(0)}' could not be found.")
    return reply(deployment.body(service.world.clock.now()))


@route("PUT", DEPLOYMENT)
async def put_deployment(service: Service, call: Call) -> Reply:
    template, given = service.deployments.read(call.json())
    deployment = service.deployments.start(_id(call), template, given)
    service.ledger.accepted["deployment"] += 1
    link = _link(call, f"{_id(call)}/operationStatuses/{deployment.correlation}")
    return reply(deployment.body(service.world.clock.now()), 201, **{"Azure-AsyncOperation": link})


@route("DELETE", DEPLOYMENT)
async def delete_deployment(service: Service, call: Call) -> Reply:
    if service.deployments.known.pop(_id(call).casefold(), None) is None:
        return reply("", 204)
    return reply("", 202, **{"Retry-After": "1"})


@route("POST", f"{DEPLOYMENT}/validate")
async def validate_deployment(service: Service, call: Call) -> Reply:
    template, given = service.deployments.read(call.json())
    made = service.deployments.validate(_group(call), template, given)
    resources = [{"id": r["id"]} for r in made]
    properties = {"provisioningState": "Succeeded", "mode": "Incremental", "validatedResources": resources}
    return reply({"id": _id(call).rsplit("/", 1)[0], "name": call.name(0), "properties": properties})


@route("POST", f"{DEPLOYMENT}/whatif")
async def look_ahead(service: Service, call: Call) -> Reply:
    """Accepted at once; the answer waits behind the link (DOC)."""
    template, given = service.deployments.read(call.json())
    made = service.deployments.validate(_group(call), template, given)
    answer = str(uuid.uuid4())
    service.what_ifs[answer] = service.deployments.what_if(made)
    link = _link(call, f"{_id(call).rsplit('/', 1)[0]}/operationResults/{answer}")
    return reply("", 202, **{"Location": link, "Retry-After": "0"})


@route("GET", f"{DEPLOYMENT}/operationresults/*")
async def what_if_result(service: Service, call: Call) -> Reply:
    answer = service.what_ifs.pop(call.name(1), None)
    if answer is None:
        raise refused(404, "NotFound", f"There is no operation {call.name(1)}.")
    return reply(answer)


@route("GET", "microsoft.authorization/locks")
async def list_locks(service: Service, call: Call) -> Reply:
    """Those of the subscription or group, and of everything in it (DOC)."""
    here = f"{_group(call)}/".casefold()
    return page(service, call, "locks", [b for key, b in service.estate.locks.items() if key.startswith(here)], dumps)


# -- what exists -------------------------------------------------------------------------------------------------


async def _get(service: Service, call: Call) -> Reply:
    return reply(_found(service, call, _id(call)))


async def _delete(service: Service, call: Call) -> Reply:
    body = service.estate.find(_id(call))
    if body is None:
        # A VM that a failover made: its interface and its disks stay, and the vault learns nothing of it.
        vm = service.world.azure_vms.get(_id(call).casefold())
        if vm is None:
            return reply("", 204)
        ends = service.world.clock.now() + service.world.durations["resource/deleted"]
        service.world.clock.call_at(ends, lambda: service.world.remove_azure_vm(vm.item))
        return reply("", 202, **{"Retry-After": "1"})
    service.estate.check_removable(body)
    body["properties"]["provisioningState"] = "Deleting"
    ends = service.world.clock.now() + service.world.durations["resource/deleted"]
    service.world.clock.call_at(ends, lambda: service.estate.remove(body))
    return reply("", 202, **{"Retry-After": "1"})


def _listing(kind: str) -> Handler:
    async def listed(service: Service, call: Call) -> Reply:
        found = service.estate.of_type(kind, _group(call))
        if kind == CONNECTIONS:
            found = [networks.in_list(body) for body in found]
        return page(service, call, kind, found, dumps)

    return listed


for _route, _kind in PLAIN.items():
    ROUTES[("GET", _route)] = _listing(_kind)
    ROUTES[("GET", f"{_route}/*")] = _get
    if _kind not in KEPT:
        ROUTES[("DELETE", f"{_route}/*")] = _delete
ROUTES[("DELETE", f"{MACHINES}/*")] = _delete

_failed_over = {key: ROUTES[key] for key in (("GET", f"{MACHINES}/*"), ("GET", f"{MACHINES}/*/instanceview"))}


@route("GET", MACHINES)
async def list_machines(service: Service, call: Call) -> Reply:
    """Machines that a failover made, and the others."""
    assert call.path is not None
    query = call.query
    with_view = query.get("statusonly", "").lower() == "true" or "instanceview" in query.get("$expand", "").lower()
    found = [
        *(
            service.compute.body(vm, with_view)
            for vm in service.compute.listed(call.path.subscription, call.path.group)
        ),
        *(
            _viewed(service, body) if with_view else body
            for body in service.estate.of_type("Microsoft.Compute/virtualMachines", _group(call))
        ),
    ]
    return page(service, call, "machines", found, dumps)


def _viewed(service: Service, body: Body) -> Body:
    return {**body, "properties": {**body["properties"], "instanceView": service.estate.instance_view(body)}}


@route("GET", f"{MACHINES}/*")
async def get_machine(service: Service, call: Call) -> Reply:
    """A machine that a deployment made, or one that a failover made."""
    body = service.estate.find(_id(call))
    if body is None:
        return await _failed_over[("GET", f"{MACHINES}/*")](service, call)
    return reply(_viewed(service, body) if "instanceview" in call.query.get("$expand", "").lower() else body)


@route("GET", f"{MACHINES}/*/instanceview")
async def get_instance_view(service: Service, call: Call) -> Reply:
    body = service.estate.find(_id(call).rsplit("/", 1)[0])
    if body is None:
        return await _failed_over[("GET", f"{MACHINES}/*/instanceview")](service, call)
    return reply(service.estate.instance_view(body))


def _command(call: Call, body: Body) -> dict[str, Any]:
    shown = {k: v for k, v in body.items() if k != "view"}
    if "instanceview" in call.query.get("$expand", "").lower() and "view" in body:
        shown["properties"] = {**shown["properties"], "instanceView": body["view"]}
    return shown


@route("GET", RUN_COMMAND)
async def get_run_command(service: Service, call: Call) -> Reply:
    return reply(_command(call, _found(service, call, _id(call))))


@route("PUT", RUN_COMMAND)
async def put_run_command(service: Service, call: Call) -> Reply:
    _found(service, call, _id(call).rsplit("/", 2)[0])
    body = service.deployments.run_command(_id(call), call.json())
    service.ledger.accepted["runCommand"] += 1
    return reply(_command(call, body), 201)
