# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines at home that preflight asks from inside (``asr_probe_guests``): which hosts of the inventory they are, and what they have
found. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import fold
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.inside_script import ROOM_MB

from ..guest.probe import UNTRIED, towards
from . import failed_over, guests

VARIABLE = "asr_probe_guests"

#: The group of the machines that are asked.
GROUP = "guests_to_ask"

#: Positions in which the machine at home is the one that runs, and has yet to be protected to Azure.
ASKED = ("home_uncommitted", "home_unprotected")

Row = Mapping[str, Any]


def entries(
    rows: Sequence[Row], fabrics: Iterable[Row], known: Collection[str], process_server: Any = None
) -> list[dict[str, Any]]:
    """The machines at home: ``rows`` of asr_replicated_item_info, ``fabrics`` of asr_fabric_info. ``known`` are the hosts of the
    inventory: one that is none of them has no ``host``."""
    names = [fold(str(row.get("name"))) for row in rows]
    there = [(f"{fabric.get('id')}/".lower(), fabric.get("outward_servers") or ()) for fabric in fabrics]
    found = []
    for row in rows:
        if row.get("position") not in ASKED:
            continue
        item_id = str(row.get("item_id") or "")
        servers = next((listed for begin, listed in there if item_id.lower().startswith(begin)), ())
        host = guests.host_of(row, names, known)
        found.append(
            {
                "host": host if host in known else "",
                "name": str(row.get("name")),
                "item_id": item_id,
                "job": item_id,
                "checks": [
                    {"check": "reaches", "to": towards(servers, process_server)},
                    {"check": "room", "mb": ROOM_MB},
                ],
            }
        )
    return found


def looks(
    asked: Sequence[Row], facts: Mapping[str, Mapping[str, Any]], several: Collection[str] = ()
) -> list[dict[str, Any]]:
    """What each has found, as asr_preflight takes it (failback/proofs/guest_look.py). ``facts`` are the hosts' variables by host;
    ``several`` are the names that machines of several vaults have: the answer of a host called so may be any's, and does not count."""
    found = []
    for entry in asked:
        unsure = failed_over.is_doubled(entry, several)
        outcome = None if unsure else facts.get(str(entry["host"]), {}).get(failed_over.OUTCOME)
        told = failed_over.verifications({}, [{**entry}], {entry["host"]: {failed_over.OUTCOME: outcome}}, 0.0)
        look = next((verdict["guest"] for verdict in told if verdict.get("guest")), None)
        if look is None:
            ports = [{**target, "state": UNTRIED} for check in entry["checks"] for target in check.get("to") or ()]
            why = "it is not a host of the inventory"
            if entry["host"]:
                why = "the tasks on it did not finish"
                if unsure:
                    why = "several vaults have a machine of its name, and the inventory one host"
            look = {"ports": ports, "free_mb": "", "room_mb": ROOM_MB, "why": why}
        found.append({**look, "item_id": entry["item_id"], "required": False})
    return found
