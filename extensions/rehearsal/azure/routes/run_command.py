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
from rehearsal.azure.vault import AzureVm

COMMANDS = ("RunShellScript", "RunPowerShellScript")
_TRY = re.compile(r"t (\S+) (\d+)")


@route("POST", f"{MACHINES}/*/runcommand")
async def run_command(service: Service, call: Call) -> Reply:
    assert call.path is not None
    vm = service.compute.find(call.path.subscription, call.path.group or "", call.name(0))
    body = call.json()
    command = str(body.get("commandId") or "")
    if command not in COMMANDS:
        raise refused(400, "InvalidParameter", f"The entity {command} was not found.")
    if vm.power != "running":
        raise refused(409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running.")
    operation = str(uuid.uuid4())
    service.run_commands[operation] = _answer(vm, body)
    service.ledger.count_accepted(vm.item.machine.name, "vm/runcommand", None, operation)
    link = (
        f"{call.base_url}/subscriptions/{vm.subscription}/providers/Microsoft.Compute/locations/{vm.location}"
        f"/runcommandresults/{operation}?api-version={call.api_version}"
    )
    return reply("", 202, **{"Location": link, "Retry-After": "1"})


@route("GET", "microsoft.compute/locations/*/runcommandresults/*")
async def result(service: Service, call: Call) -> Reply:
    found = service.run_commands.get(call.name(1))
    if found is None:
        raise refused(404, "NotFound", f"There is no operation {call.name(1)}.")
    return reply(found)


def _answer(vm: AzureVm, body: dict[str, Any]) -> dict[str, Any]:
    """What the script printed, as Azure wraps it (DOC)."""
    closed = vm.inside.get("closed") or ()
    lines = [f"asr agent {vm.inside.get('agent', 'running')}", f"asr free {vm.inside.get('free_mb', 20480)}"]
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
