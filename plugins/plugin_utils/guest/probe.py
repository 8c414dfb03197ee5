# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a machine at home what it reaches and how much room its agent has: the script, and what its answer means. Pure,
but for the controller's own boot id, which tells whether the controller itself has answered.

A target has ``role``, ``name``, ``address`` and ``port``; a look is what failback/proofs/guest_look.py judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import same
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.inside_script import found, lines

Target = Mapping[str, Any]

#: States of a port.
OPEN, CLOSED, UNTRIED = "open", "closed", "untried"

#: Why an answer is none: of a local connection, or of an address that leads back here, the controller would speak for the machine.
HERE = "ansible-playbook's own host answered in its place; check ansible_connection and ansible_host"

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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


def own_boot() -> str:
    """The boot id of this kernel; empty where there is none, as on macOS."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def look(answer: Mapping[str, Any], targets: Sequence[Target]) -> dict[str, Any]:
    """What became of it. ``answer`` is the result of the task that ran the script. ``elsewhere``: whether nothing shows that this very
    host has answered."""
    seen = found(str(answer.get("stdout") or ""))
    elsewhere = not seen.boot or seen.boot != own_boot()
    ports = []
    for target in targets:
        state = seen.ports.get((str(target.get("address") or ""), int(target["port"]))) if elsewhere else None
        word = UNTRIED if state is None else OPEN if state else CLOSED
        ports.append({**{key: target.get(key) for key in ("role", "name", "address", "port")}, "state": word})
    why = ""
    if answer.get("unreachable"):
        why = str(answer.get("msg") or "").strip() or "it cannot be reached"
    elif seen.why:
        why = str(answer.get("msg") or answer.get("stderr") or "").strip() if answer.get("failed") else ""
        why = why or seen.why
    elif not elsewhere:
        why = HERE
    free = seen.free_mb if elsewhere and seen.free_mb is not None else ""
    return {"ports": ports, "free_mb": free, "why": " ".join(why.split())[:200], "elsewhere": elsewhere}
