# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure VMs that a failover made: power states, start and stop."""

from __future__ import annotations

from rehearsal.azure.call import Call, Reply
from rehearsal.azure.errors import refused
from rehearsal.azure.routes.base import ROUTES, Service, reply, route
from rehearsal.azure.vault import AzureVm

MACHINES = "microsoft.compute/virtualmachines"


def _machine(service: Service, call: Call) -> AzureVm:
    assert call.path is not None
    return service.compute.find(call.path.subscription, call.path.group or "", call.name(0))


@route("GET", f"{MACHINES}/*")
async def get_machine(service: Service, call: Call) -> Reply:
    with_view = "instanceview" in call.query.get("$expand", "").lower()
    return reply(service.compute.body(_machine(service, call), with_view))


@route("GET", f"{MACHINES}/*/instanceview")
async def get_instance_view(service: Service, call: Call) -> Reply:
    return reply(service.compute.instance_view(_machine(service, call)))


async def _power(service: Service, call: Call) -> Reply:
    assert call.path is not None
    vm = _machine(service, call)
    operation = service.compute.act(vm, call.path.types[-1])
    link = (
        f"{call.base_url}/subscriptions/{vm.subscription}/providers/Microsoft.Compute/locations/{vm.location}"
        f"/operations/{operation.id}?api-version={call.api_version}"
    )
    service.ledger.count_accepted(vm.item.machine.name, f"vm/{call.path.types[-1]}", None, operation.id)
    return reply("", 202, **{"Location": link, "Azure-AsyncOperation": link, "Retry-After": "1"})


for _action in ("start", "deallocate", "poweroff"):
    ROUTES[("POST", f"{MACHINES}/*/{_action}")] = _power


@route("GET", "microsoft.compute/locations/*/operations/*")
async def machine_operation(service: Service, call: Call) -> Reply:
    body = service.compute.operation_body(call.name(1))
    if body is None:
        raise refused(404, "NotFound", f"There is no operation {call.name(1)}.")
    return reply(body)
