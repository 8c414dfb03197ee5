# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script finds inside Azure VMs that run: TCP ports of the servers, the agent, and room for it. Run by Azure's Run Command
(SPEC Microsoft.Compute VirtualMachines_RunCommand), on request only: nothing is changed, but something runs in each machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from ...lifecycle.modernized import LIFECYCLE
from ...model.errors import FailbackError
from ...model.items import Json
from ...model.servers import Fabric
from ...proofs.prove import power_state
from ...servers.by_name import CLASSIC_FABRIC
from ...servers.inside_script import Inside, TcpPort, found, lines
from ...servers.outward import CONTROL, DATA
from .azure_vm import AWAY
from .reading import Read

#: Runs a script in an Azure VM and waits for what it prints: (resource id, body) -> answer. Raises FailbackError.
RunScript = Callable[[str, Json], Json]

#: Scripts that run side by side.
WORKERS = 8


def script(windows: bool, ports: Iterable[TcpPort]) -> Json:
    """The request's body."""
    return {
        "commandId": "RunPowerShellScript" if windows else "RunShellScript",
        "script": lines(windows, ports),
    }


def printed(answer: Json) -> Inside:
    """What a script has printed, among the words that Azure puts around it."""
    return found("\n".join(str(entry.get("message") or "") for entry in answer.get("value") or ()))


def wanted(seen: Read) -> dict[str, tuple[bool, tuple[TcpPort, ...]]]:
    """Azure VM -> whether it runs Windows, and the ports to try from it: those of classic machines that are to be failed back, and
    those of process servers, by the ids that Azure gives them."""
    asked: dict[str, tuple[bool, tuple[TcpPort, ...]]] = {}
    fabrics = {fabric.key: fabric for fabric in seen.fabrics if fabric.instance_type == CLASSIC_FABRIC}
    for item in seen.choice.items:
        fabric, there = fabrics.get(item.fabric_id.lower()), seen.there.get(item.key)
        if fabric is None or there is None or len(there.machines) != 1 or LIFECYCLE.position(item) not in AWAY:
            continue
        vm = there.machines[0]
        if power_state(vm) == "running":
            asked[str(vm["id"])] = (item.os_type or "").lower() == "windows", machine_ports(fabric)
    mine = {item.fabric_id.lower() for item in seen.choice.items if LIFECYCLE.position(item) in AWAY}
    names = {s.name.lower(): fabric for key, fabric in fabrics.items() if key in mine for s in fabric.process_servers}
    for vm in (seen.azure or {}).values():
        fabric = names.get(str(vm.get("name") or "").lower())
        if fabric is not None and power_state(vm) == "running":
            asked.setdefault(str(vm["id"]), (True, ((fabric.ip, CONTROL),) if fabric.ip else ()))
    return asked


def machine_ports(fabric: Fabric) -> tuple[TcpPort, ...]:
    """What a machine in Azure must reach: its configuration server, and a process server."""
    ports = [(fabric.ip, CONTROL), *((server.ip, DATA) for server in fabric.process_servers)]
    return tuple(dict.fromkeys(port for port in ports if port[0]))


def look_inside(seen: Read, run: RunScript) -> dict[str, Inside]:
    """What each of them has found, by resource id in lower case."""

    def one(entry: tuple[str, tuple[bool, tuple[TcpPort, ...]]]) -> Inside:
        vm_id, (windows, ports) = entry
        try:
            return printed(run(vm_id, script(windows, ports)))
        except FailbackError as exc:
            return Inside(why=exc.message.rstrip("."))

    asked = list(wanted(seen).items())
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return {
            vm_id.lower(): seen_there for (vm_id, _how), seen_there in zip(asked, pool.map(one, asked), strict=True)
        }
