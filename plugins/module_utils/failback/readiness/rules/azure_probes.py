# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about what a script has found inside Azure VMs (facts/inside.py). Pure.

The script runs on request only. Without it an agent's heartbeat stands for the ports and the service, so what the script finds is a
warning.
"""

from __future__ import annotations

from ...lifecycle.bodies import Placement
from ...model.items import Json
from ...servers.inside_script import ROOM_MB, Inside, TcpPort
from ...servers.outward import CONTROL, DATA
from ..facts.azure_vm import AWAY
from ..facts.facts import Facts
from ..facts.moments import FAILOVER, MACHINE, ONLY_CLASSIC, PROCESS_SERVER, PS, REPROTECT
from ..facts.subjects import Machine, Processing
from .process_servers import is_configuration_server
from .rule import WARN, Rule, Said, bad, ok, unknown


def _inside(vm: Json | None, f: Facts) -> Inside | Said:
    """What was found inside a VM, or why nothing was."""
    if f.inside is None:
        return unknown(
            "Nothing was run inside its VM in Azure.",
            "Set {option:probe_azure} to true: a script that changes nothing then runs in each VM, by Run Command.",
        )
    found = f.inside.get(str(vm.get("id") or "").lower()) if vm is not None else None
    if found is None:
        return unknown("No script could be run inside its VM in Azure, which does not run or is not known.")
    return unknown(f"The script inside its VM in Azure failed: {found.why}.") if found.why else found


def _reached(found: Inside, wanted: list[TcpPort]) -> Said:
    closed = [f"{address} on TCP {port}" for address, port in wanted if found.ports.get((address, port)) is False]
    if closed:
        return bad(f"Its VM in Azure does not reach {' and '.join(closed)}.")
    untried = [f"{address} on TCP {port}" for address, port in wanted if (address, port) not in found.ports]
    if untried or not wanted:
        return unknown(f"The script did not try {' and '.join(untried) or 'any server'}.")
    return ok("Its VM in Azure reaches " + " and ".join(f"{address} on TCP {port}" for address, port in wanted) + ".")


def azure_ports(s: Machine, f: Facts) -> Said | None:
    """Errors 95226 and 78186 (DOC TRB, PSTS)."""
    if s.position not in AWAY or s.fabric is None:
        return None
    found = _inside(s.azure_vm, f)
    if isinstance(found, Said):
        return found
    chosen = (
        s.placed.process_server_id if isinstance(s.placed, Placement) else str(s.details.get("processServerId") or "")
    )
    wanted = [(s.fabric.ip, CONTROL)] if s.fabric.ip else []
    wanted += [(server.ip, DATA) for server in s.fabric.process_servers if server.id == chosen and server.ip]
    return _reached(found, wanted)


def azure_agent(s: Machine, f: Facts) -> Said | None:
    if s.position not in AWAY:
        return None
    found = _inside(s.azure_vm, f)
    if isinstance(found, Said):
        return found
    if not found.agent:
        return unknown("The script did not say whether the agent runs.")
    if found.agent == "running":
        return ok("Its agent's service runs.")
    return bad(
        "Its agent is not installed on its VM in Azure."
        if found.agent == "missing"
        else "Its agent's service does not run."
    )


def agent_room(s: Machine, f: Facts) -> Said | None:
    if s.position not in AWAY or s.item is None or (s.item.os_type or "").lower() != "windows":
        return None
    found = _inside(s.azure_vm, f)
    if isinstance(found, Said):
        return found
    if found.free_mb is None:
        return unknown("The script did not say how much room there is.")
    if found.free_mb < ROOM_MB:
        return bad(f"The system drive of its VM in Azure has {found.free_mb:.0f} MB free.")
    return ok(f"The system drive has {found.free_mb:.0f} MB free.")


def ps_to_cs(s: Processing, f: Facts) -> Said | None:
    if s.fabric is None or s.outward or is_configuration_server(s):
        return None
    if s.azure_vm is None and f.azure is None and "azure" not in f.unread:
        # Azure is read for machines that are there.
        return None
    if s.azure_vm is None and f.azure is None:
        return unknown(f"The VMs in Azure could not be read{f.because('azure')}")
    if s.azure_vm is None:
        return unknown(f"{s.name} was not found among the VMs in Azure, so nothing can be run inside it.")
    found = _inside(s.azure_vm, f)
    return found if isinstance(found, Said) else _reached(found, [(s.fabric.ip, CONTROL)] if s.fabric.ip else [])


_FROM = "a script run inside the VM, on request"

RULES: tuple[Rule, ...] = (
    Rule(
        "azure_ports", "Azure VM reaches configuration and process server", MACHINE, REPROTECT | FAILOVER, WARN, azure_ports,
        _FROM, "Check routes, network security groups and firewalls between its network and the server.",
        "preflight checks 7 and 8", (7, 8), ONLY_CLASSIC,
    ),
    Rule(
        "azure_agent", "Agent's service runs on the Azure VM", MACHINE, REPROTECT, WARN, azure_agent, _FROM,
        "Start it and set it to start automatically: InMage Scout Application Service, or vxagent. Never uninstall it.",
        "preflight check 13", (13,), ONLY_CLASSIC,
    ),
    Rule(
        "agent_room", "Agent has room on the Azure VM", MACHINE, REPROTECT, WARN, agent_room, _FROM,
        "Make 500 MB free there, and on the machine at home before it is reprotected to Azure.", "preflight check 76", (76,),
        ONLY_CLASSIC,
    ),
    Rule(
        "ps_to_cs", "Process server in Azure reaches the configuration server", PS, REPROTECT | {PROCESS_SERVER}, WARN,
        ps_to_cs, _FROM, "Check routes, network security groups and firewalls between its network and the server.",
        "preflight check 9", (9,), ONLY_CLASSIC,
    ),
)  # fmt: skip
