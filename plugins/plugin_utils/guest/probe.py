# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a machine at home what it reaches and how much room its agent has: the script, and what its answer means. Pure.

A target has ``role``, ``name``, ``address`` and ``port``; a look is what failback/proofs/guest_look.py judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import same
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.inside_script import found, lines

Target = Mapping[str, Any]

#: States of a port.
OPEN, CLOSED, UNTRIED = "open", "closed", "untried"


def towards(servers: Sequence[Target], process_server: Any = None) -> list[dict[str, Any]]:
    """The servers that a reprotect to Azure is to go through, out of all of the machine's fabric (servers/outward.py): the named process
    server or appliance, else the natural one, else all of them."""
    kept = [s for s in servers if s.get("role") == "configuration server"]
    rest = [s for s in servers if s.get("role") != "configuration server"]
    named = [s for s in rest if process_server and same(str(s.get("name")), str(process_server))]
    chosen = named or [s for s in rest if s.get("natural") is True] or rest
    return [{key: s.get(key) for key in ("role", "name", "address", "port")} for s in (*kept, *chosen)]


def script(targets: Iterable[Target], windows: bool = False) -> str:
    """The script that tries each target, as text for a connection."""
    ports = dict.fromkeys((str(t.get("address") or ""), int(t["port"])) for t in targets)
    return "\n".join(lines(bool(windows), ports)) + "\n"


def look(answer: Mapping[str, Any], targets: Sequence[Target]) -> dict[str, Any]:
    """What became of it. ``answer`` is the result of the task that ran the script."""
    seen = found(str(answer.get("stdout") or ""))
    ports = []
    for target in targets:
        state = seen.ports.get((str(target.get("address") or ""), int(target["port"])))
        word = UNTRIED if state is None else OPEN if state else CLOSED
        ports.append({**{key: target.get(key) for key in ("role", "name", "address", "port")}, "state": word})
    why = ""
    if answer.get("unreachable"):
        why = str(answer.get("msg") or "").strip() or "it cannot be reached"
    elif seen.why:
        why = str(answer.get("msg") or answer.get("stderr") or "").strip() if answer.get("failed") else ""
        why = why or seen.why
    return {"ports": ports, "free_mb": "" if seen.free_mb is None else seen.free_mb, "why": " ".join(why.split())[:200]}
