# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about TCP ports of servers, as the machine that runs the module reaches them. Pure; the attempt itself is handed in.

It stands for the on-premises side: that Azure VMs reach the same ports shows in their agents' heartbeats. So what does not answer
is a warning. Ports are those of the documents (CS 443, data 9443).
"""

from __future__ import annotations

from ...servers.outward import CONTROL, DATA
from ..facts.facts import Facts
from ..facts.moments import BACK, CS, FAILOVER, GATEWAY, MASTER_TARGET, ONLY_CLASSIC, PROCESS_SERVER, PS, REPROTECT
from ..facts.subjects import Configuring, Gateway, Processing
from .rule import WARN, Rule, Said, bad, ok, unknown


def _said(name: str, address: str, port: int, f: Facts) -> Said:
    if f.ports is None:
        return unknown(f"TCP {port} of {name} was not tried.", "Set {option:probe} to true to try it from here.")
    why = f.ports.get((address, port))
    if why is None:
        return unknown(f"The vault does not report the address of {name}.")
    return bad(f"{name} does not answer on TCP {port} at {address}: {why}.") if why else ok(f"TCP {port} answers.")


def cs_answers(s: Configuring, f: Facts) -> Said | None:
    return None if s.fabric is None else _said(s.name, s.fabric.ip, CONTROL, f)


def server_answers(s: Processing | Gateway, f: Facts) -> Said | None:
    return None if s.server is None else _said(s.name, s.server.ip, DATA, f)


_FROM = "a TCP connection from the machine that runs the module"

RULES: tuple[Rule, ...] = (
    Rule(
        "cs_port", "Configuration server answers on TCP 443", CS, REPROTECT | FAILOVER | BACK, WARN, cs_answers, _FROM,
        "Check the network, its firewall and its services; Azure VMs and servers need this port.",
        "preflight checks 6 and 9", (6, 9), ONLY_CLASSIC,
    ),
    Rule(
        "ps_port", "Process server answers on TCP 9443", PS, REPROTECT | FAILOVER | {PROCESS_SERVER}, WARN, server_answers,
        _FROM, "Check the network, its firewall and its services; machines and master targets need this port.",
        "preflight checks 8 and 9", (8, 9), ONLY_CLASSIC,
    ),
    Rule(
        "mt_port", "Master target answers on TCP 9443", GATEWAY, REPROTECT | FAILOVER | {MASTER_TARGET}, WARN,
        server_answers, _FROM, "Check its firewall and its agent; the process server needs this port.",
        "preflight check 9", (9,), ONLY_CLASSIC,
    ),
)  # fmt: skip
