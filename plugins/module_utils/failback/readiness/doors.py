# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about TCP ports of servers, as the machine that runs the module reaches them. Pure; the attempt itself is handed in.

It stands for the on-premises side: that Azure VMs reach the same ports shows in their agents' heartbeats. So what does not answer
is a warning. Ports are those of the documents (CS 443, data 9443).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ..model.servers import Fabric
from ..servers.finding import CLASSIC_FABRIC
from .facts import Configuring, Facts, Gateway, Processing
from .rules import (
    BACK,
    CS,
    FAILOVER,
    GATEWAY,
    MASTER_TARGET,
    ONLY_CLASSIC,
    PROCESS_SERVER,
    PS,
    REPROTECT,
    WARN,
    Rule,
    Said,
    bad,
    ok,
    unknown,
)

#: An address and a TCP port.
Door = tuple[str, int]

#: Tries one: why it does not answer, empty where it does.
Reach = Callable[[str, int], str]

CONTROL, DATA = 443, 9443

#: Ports that are tried side by side.
WORKERS = 16


def doors(fabrics: Iterable[Fabric]) -> list[Door]:
    """The ports of all classic servers, each once."""
    found: list[Door] = []
    for fabric in fabrics:
        if fabric.instance_type == CLASSIC_FABRIC:
            found.append((fabric.ip, CONTROL))
            found += [(server.ip, DATA) for server in fabric.process_servers]
            found += [(target.ip, DATA) for target in fabric.master_targets]
    return list(dict.fromkeys(door for door in found if door[0]))


def tried(fabrics: Iterable[Fabric], reach: Reach) -> Mapping[Door, str]:
    """What became of each port."""
    asked = doors(fabrics)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return dict(zip(asked, pool.map(lambda door: reach(*door), asked), strict=True))


def _said(name: str, address: str, port: int, f: Facts) -> Said:
    if f.doors is None:
        return unknown(f"TCP {port} of {name} was not tried.", "Set {option:probe} to true to try it from here.")
    why = f.doors.get((address, port))
    if why is None:
        return unknown(f"The vault does not report the address of {name}.")
    return bad(f"{name} does not answer on TCP {port} at {address}: {why}.") if why else ok(f"TCP {port} answers.")


def cs_door(s: Configuring, f: Facts) -> Said | None:
    return None if s.fabric is None else _said(s.name, s.fabric.ip, CONTROL, f)


def server_door(s: Processing | Gateway, f: Facts) -> Said | None:
    return None if s.server is None else _said(s.name, s.server.ip, DATA, f)


_FROM = "a TCP connection from the machine that runs the module"

RULES: tuple[Rule, ...] = (
    Rule(
        "cs_port", "Configuration server answers on TCP 443", CS, REPROTECT | FAILOVER | BACK, WARN, cs_door, _FROM,
        "Check the line, its firewall and its services; Azure VMs and servers need this port.",
        "preflight checks 6 and 9", (6, 9), ONLY_CLASSIC,
    ),
    Rule(
        "ps_port", "Process server answers on TCP 9443", PS, REPROTECT | FAILOVER | {PROCESS_SERVER}, WARN, server_door,
        _FROM, "Check the line, its firewall and its services; machines and master targets need this port.",
        "preflight checks 8 and 9", (8, 9), ONLY_CLASSIC,
    ),
    Rule(
        "mt_port", "Master target answers on TCP 9443", GATEWAY, REPROTECT | FAILOVER | {MASTER_TARGET}, WARN,
        server_door, _FROM, "Check its firewall and its agent; the process server needs this port.",
        "preflight check 9", (9,), ONLY_CLASSIC,
    ),
)  # fmt: skip
