# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about what a machine at home has found from inside (proofs/guest_look.py). Pure.

A run asks it between the failover home and the commit (``asr_verify``), preflight where it is pointed at the machines. Nobody asked
is not known, and stops nothing.
"""

from __future__ import annotations

from ...lifecycle.table import Position
from ...proofs.guest_look import PORTS, PORTS_REMEDY, ROOM, ROOM_REMEDY, ports_said, room_said
from ..facts.facts import Facts
from ..facts.moments import BACK, COMMIT, MACHINE
from ..facts.subjects import Machine
from .rule import BLOCK, WARN, Rule, Said, unknown

#: Positions in which the on-premises machine is the one that runs.
AT_HOME = frozenset({Position.HOME_UNCOMMITTED, Position.HOME_UNPROTECTED})


def _judged(s: Machine, f: Facts, what: str) -> Said | None:
    if s.position not in AT_HOME or s.item is None:
        return None
    look = (f.guests or {}).get(s.item.key)
    said = (ports_said if what == PORTS else room_said)(look) if look is not None else None
    return (
        Said(*said)
        if said is not None
        else unknown(
            "Nothing was asked inside the machine.",
            "Set {option:guests}: the machine is asked where it is a host of the inventory.",
        )
    )


def guest_ports(s: Machine, f: Facts) -> Said | None:
    return _judged(s, f, PORTS)


def guest_room(s: Machine, f: Facts) -> Said | None:
    return _judged(s, f, ROOM)


_FROM = "a script run inside the machine at home, on request"

RULES: tuple[Rule, ...] = (
    Rule(
        PORTS, "Machine at home reaches the servers that protect it to Azure", MACHINE, COMMIT | BACK, BLOCK, guest_ports,
        _FROM, PORTS_REMEDY, "preflight check 68", (68,),
    ),
    Rule(
        ROOM, "Agent has room on the machine at home", MACHINE, COMMIT | BACK, WARN, guest_room, _FROM, ROOM_REMEDY,
        "preflight check 76", (76,),
    ),
)  # fmt: skip
