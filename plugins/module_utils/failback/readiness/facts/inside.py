# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script finds inside Azure VMs that run: TCP ports of the servers, the agent, and room for it. Run by Azure's Run Command
(SPEC Microsoft.Compute VirtualMachines_RunCommand), on request only: nothing is changed, but something runs in each machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ...lifecycle.modernized import LIFECYCLE
from ...model.errors import FailbackError
from ...model.items import Json
from ...model.servers import Fabric
from ...proofs.prove import power_state
from ...servers.finding import CLASSIC_FABRIC
from .azure_vm import AWAY
from .ports import CONTROL, DATA, TcpPort
from .reading import Read

#: Runs a script in an Azure VM and waits for what it prints: (resource id, body) -> answer. Raises FailbackError.
RunScript = Callable[[str, Json], Json]

#: Scripts that run side by side.
WORKERS = 8

#: Seconds for which a script tries a port.
PATIENCE = 5

#: What an address may be made of: it becomes part of a script.
_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*")

_LINUX = """\
t() {
if timeout SECONDS bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; then echo "asr tcp $1 $2 open"; else echo "asr tcp $1 $2 closed"; fi
}
if systemctl is-active --quiet vxagent 2>/dev/null || pgrep svagent >/dev/null 2>&1; then echo "asr agent running"
elif [ -e /usr/local/.vx_version ]; then echo "asr agent stopped"
else echo "asr agent missing"
fi
df -Pm /usr/local | awk 'NR==2 {print "asr free " $4}'"""

_WINDOWS = """\
function t($h, $p) {
$c = New-Object Net.Sockets.TcpClient
try { $ok = $c.ConnectAsync($h, $p).Wait(SECONDS000) } catch { $ok = $false }
$c.Dispose()
if ($ok) { "asr tcp $h $p open" } else { "asr tcp $h $p closed" }
}
$s = Get-Service -DisplayName 'InMage Scout Application Service' -ErrorAction SilentlyContinue
if (-not $s) { 'asr agent missing' } elseif ($s.Status -eq 'Running') { 'asr agent running' } else { 'asr agent stopped' }
'asr free ' + [math]::Floor((Get-PSDrive $env:SystemDrive[0]).Free / 1MB)"""


@dataclass(frozen=True)
class Inside:
    """What a script has found in one VM. ``why``: why it found nothing. ``agent`` is running, stopped or missing; empty and None:
    the script did not say."""

    ports: Mapping[TcpPort, bool] = field(default_factory=dict)
    agent: str = ""
    free_mb: float | None = None
    why: str = ""


def script(windows: bool, ports: Iterable[TcpPort]) -> Json:
    """The request's body."""
    lines = (_WINDOWS if windows else _LINUX).replace("SECONDS", str(PATIENCE)).splitlines()
    tries = [f"t {address} {port}" for address, port in ports if _ADDRESS.fullmatch(address)]
    return {
        "commandId": "RunPowerShellScript" if windows else "RunShellScript",
        "script": [*lines, *tries],
    }


def printed(answer: Json) -> Inside:
    """What a script has printed, among the words that Azure puts around it."""
    text = "\n".join(str(entry.get("message") or "") for entry in answer.get("value") or ())
    ports: dict[TcpPort, bool] = {}
    agent, free = "", None
    for line in text.splitlines():
        words = line.split()
        if words[:2] == ["asr", "tcp"] and len(words) == 5 and words[3].isdigit():
            ports[words[2], int(words[3])] = words[4] == "open"
        elif words[:2] == ["asr", "agent"] and len(words) == 3:
            agent = words[2]
        elif words[:2] == ["asr", "free"] and len(words) == 3 and words[2].isdigit():
            free = float(words[2])
    nothing = not (ports or agent or free is not None)
    return Inside(ports, agent, free, "the script printed nothing that is understood" if nothing else "")


def wanted(seen: Read) -> dict[str, tuple[bool, tuple[TcpPort, ...]]]:
    """Azure VM -> whether it runs Windows, and the ports to try from it: those of classic machines that are to be failed back, and
    those of process servers, by the ids that Azure gives them."""
    found: dict[str, tuple[bool, tuple[TcpPort, ...]]] = {}
    fabrics = {fabric.key: fabric for fabric in seen.fabrics if fabric.instance_type == CLASSIC_FABRIC}
    for item in seen.choice.items:
        fabric, there = fabrics.get(item.fabric_id.lower()), seen.there.get(item.key)
        if fabric is None or there is None or len(there.machines) != 1 or LIFECYCLE.position(item) not in AWAY:
            continue
        vm = there.machines[0]
        if power_state(vm) == "running":
            found[str(vm["id"])] = (item.os_type or "").lower() == "windows", machine_ports(fabric)
    names = {server.name.lower(): fabric for fabric in fabrics.values() for server in fabric.process_servers}
    for vm in (seen.azure or {}).values():
        fabric = names.get(str(vm.get("name") or "").lower())
        if fabric is not None and power_state(vm) == "running":
            found.setdefault(str(vm["id"]), (True, ((fabric.ip, CONTROL),) if fabric.ip else ()))
    return found


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
        return {vm_id.lower(): found for (vm_id, _how), found in zip(asked, pool.map(one, asked), strict=True)}
