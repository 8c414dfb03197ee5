# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Command of an Azure VM (SPEC VirtualMachines_RunCommand): the stand-in plays what a script of readiness would print."""

from __future__ import annotations

import re
import uuid
from typing import Any

from rehearsal.azure.call import Call, Reply
from rehearsal.azure.errors import refused
from rehearsal.azure.routes.base import Service, reply, route
from rehearsal.azure.routes.machines import MACHINES
from rehearsal.azure.words import same

COMMANDS = ("RunShellScript", "RunPowerShellScript")
_TRY = re.compile(r"t (\S+) (\d+)")


@route("POST", f"{MACHINES}/*/runcommand")
async def run_command(service: Service, call: Call) -> Reply:
    assert call.path is not None
    place, machine, inside, power = _machine(service, call)
    body = call.json()
    command = str(body.get("commandId") or "")
    if command not in COMMANDS:
        raise refused(400, "InvalidParameter", f"The entity {command} was not found.")
    if power != "running":
        raise refused(409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running.")
    operation = str(uuid.uuid4())
    service.run_commands[operation] = _answer(inside, body)
    service.ledger.count_accepted(machine, "vm/runcommand", None, operation)
    link = (
        f"{call.base_url}/subscriptions/{call.path.subscription}/providers/Microsoft.Compute/locations/{place}"
        f"/runcommandresults/{operation}?api-version={call.api_version}"
    )
    return reply("", 202, **{"Location": link, "Retry-After": "1"})


def _machine(service: Service, call: Call) -> tuple[str, str, dict[str, Any], str]:
    """Location, name, what a script finds inside, and power state: of a process server's VM, or of a failed-over machine's."""
    assert call.path is not None
    body = service.estate.find("/" + "/".join(call.parts[:-1]))
    if body is None:
        vm = service.compute.find(call.path.subscription, call.path.group or "", call.name(0))
        return vm.location, vm.item.machine.name, vm.inside, vm.power
    servers = [server for vault in service.world.vaults for server in vault.spec.process_servers]
    closed = next((server.closed for server in servers if same(server.name, body["name"])), ())
    return body["location"], body["name"], {"closed": closed}, "running"


@route("GET", "microsoft.compute/locations/*/runcommandresults/*")
async def result(service: Service, call: Call) -> Reply:
    found = service.run_commands.get(call.name(1))
    if found is None:
        raise refused(404, "NotFound", f"There is no operation {call.name(1)}.")
    return reply(found)


def _answer(inside: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """What the script printed, as Azure wraps it (DOC)."""
    closed = inside.get("closed") or ()
    lines = [f"asr agent {inside.get('agent', 'running')}", f"asr free {inside.get('free_mb', 20480)}"]
    for line in body.get("script") or ():
        if tried := _TRY.fullmatch(str(line)):
            where = f"{tried[1]}:{tried[2]}"
            lines.append(f"asr tcp {tried[1]} {tried[2]} {'closed' if where in closed else 'open'}")
    text = "\n".join(lines)
    if body["commandId"] == "RunShellScript":
        text = f"Enable succeeded: \n[stdout]\n{text}\n\n[stderr]\n"
    entry = {
        "code": "ComponentStatus/StdOut/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "message": text,
    }
    return {"value": [entry]}
