# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine at home was asked from inside: whether it reaches the servers that a reprotect to Azure needs, and whether its agent has
room. Pure.

A look, as ``asr_verify`` and ``asr_preflight`` hand it in: ``ports``, each with ``role``, ``name``, ``address``, ``port`` and ``state`` (open,
closed, untried), ``free_mb`` (empty: it did not say), ``room_mb`` (0: nobody asked), ``why`` where it could not be asked, and ``required``:
whether it was to be asked, so that silence does not let it pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..lifecycle.reported import number_of
from ..model.refusal import Refusal

PORTS, ROOM = "guest_ports", "guest_room"

Look = Mapping[str, Any]

PORTS_REMEDY = (
    "Check its address, its gateway and the firewalls between it and that server, or name the right address in the check; "
    "without it the machine cannot be protected to Azure again."
)
ROOM_REMEDY = "Make 500 MB free in its agent's folder before it is reprotected to Azure."


def _where(port: Mapping[str, Any]) -> str:
    name, address = str(port.get("name") or ""), str(port.get("address") or "")
    place = f"{address} on TCP {port.get('port')}" if address else f"TCP {port.get('port')}"
    return f"{name} at {place}" if name and name != address else place


def ports_said(look: Look) -> tuple[bool | None, str] | None:
    """Whether the machine reaches its servers, in a sentence; None: not known. None altogether: nobody asked.

    Of several servers of one role, any of which may be chosen, one is enough.
    """
    ports: Sequence[Mapping[str, Any]] = look.get("ports") or ()
    if not ports:
        return None
    if look.get("why"):
        return None, f"The machine could not be asked what it reaches: {_why(look)}."
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for port in ports:
        role = str(port.get("role") or "")
        groups.setdefault((role, str(port.get("port")) if role else _where(port)), []).append(port)
    closed = [p for some in groups.values() if not _any(some, "open") and not _any(some, "untried") for p in some]
    if closed:
        return False, f"The machine does not reach {' or '.join(map(_where, closed))}."
    dark = [p for some in groups.values() if not _any(some, "open") for p in some]
    nameless = [p for p in dark if not p.get("address")]
    if nameless:
        return None, f"The vault does not report the address of {' or '.join(_named(p) for p in nameless)}."
    if dark:
        return None, f"The machine could not try {' or '.join(map(_where, dark))}."
    return True, f"The machine reaches {' and '.join(_where(p) for p in ports if p.get('state') == 'open')}."


def room_said(look: Look) -> tuple[bool | None, str] | None:
    """The same of the room in its agent's folder."""
    wanted = number_of(look.get("room_mb")) or 0.0
    if not wanted:
        return None
    if look.get("why"):
        return None, f"The machine could not be asked how much room its agent has: {_why(look)}."
    free = number_of(look.get("free_mb"))
    if free is None:
        return None, "The machine did not say how much room its agent's folder has."
    if free < wanted:
        return False, f"Its agent's folder has {free:.0f} MB free, and {wanted:.0f} MB are needed."
    return True, f"Its agent's folder has {free:.0f} MB free."


def _named(port: Mapping[str, Any]) -> str:
    return " ".join(str(port[key]) for key in ("role", "name") if port.get(key)) or "a server"


def _any(ports: Sequence[Mapping[str, Any]], state: str) -> bool:
    return any(port.get("state") == state for port in ports)


def _why(look: Look) -> str:
    return str(look["why"]).strip().rstrip(".")


def ports_gate(look: Look | None) -> Refusal | None:
    """Why a machine must not be committed: it does not reach its servers, or was to be asked and did not answer."""
    said = ports_said(look) if look is not None else None
    if look is None or said is None or said[0] is True or (said[0] is None and not look.get("required")):
        return None
    return Refusal(PORTS, said[1], PORTS_REMEDY)


def room_warning(look: Look | None) -> Refusal | None:
    """The warning of a machine whose agent has too little room."""
    said = room_said(look) if look is not None else None
    return Refusal(ROOM, said[1], ROOM_REMEDY) if said is not None and said[0] is False else None


def told(look: Look) -> str:
    """What was found, as the value of a proof."""
    said = [entry[1].rstrip(".") for entry in (ports_said(look), room_said(look)) if entry is not None]
    return "; ".join(said)


def known(look: Look) -> bool:
    """Whether everything that was asked was answered."""
    return all(entry[0] is not None for entry in (ports_said(look), room_said(look)) if entry is not None)
