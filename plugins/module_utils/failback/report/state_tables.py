# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables other than the report: the state of every machine, and what preparing servers found and changed. Pure text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..model.outcomes import BAD, in_words
from .rows import table
from .table import wrapped

#: Machines named in one line of the sum.
NAMED = 20

#: The user's next action for positions that need one.
_ASKS = {
    "out_uncommitted": "commit to Azure (stage 1)",
    "out": "reprotect home (stage 2)",
    "ready": "fail over home (stage 3)",
    "home_uncommitted": "check and commit home (stage 3), or cancel a modernized failback",
    "home_unprotected": "reprotect to Azure (stage 4)",
}


def state_table(machines: Sequence[Mapping[str, Any]]) -> list[str]:
    """The state of every machine, one line each, and how many need which next step."""
    if not machines:
        return ["", "There is no machine."]
    several = len({m.get("vault") for m in machines}) > 1
    rows = [
        {
            "machine": str(m.get("name") or ""),
            "vault": str(m.get("vault") or "") if several else "",
            "group": str(m.get("group") or ""),
            "state now": str(m.get("position") or "").replace("_", " "),
            "doing": str(m.get("doing") or ""),
            "sync": "" if m.get("sync_percentage") is None else f"{m['sync_percentage']}%",
            "health": str(m.get("health") or ""),
            "Azure VM": _azure(m.get("azure_machine")),
            "last failover (UTC)": str(m.get("last_failover") or "").replace("T", " ")[:16],
        }
        for m in machines
    ]
    lines = ["", *table(rows), "", f"{len(machines)} machine{'' if len(machines) == 1 else 's'}."]
    found = Counter(str(m.get("position") or "") for m in machines)
    busy = sum(bool(m.get("doing")) for m in machines)
    lines += ["", "NEXT"]
    for position, words in _ASKS.items():
        names = [str(m["name"]) for m in machines if m.get("position") == position and not m.get("doing")]
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            lines += wrapped(f"  {len(names)} to {words}: {', '.join(names[:NAMED])}{more}", "    ")
    moving = found["syncing_home"] + found["syncing_out"]
    if moving or busy:
        lines.append(
            f"  {max(moving, busy)} under way: a rerun of the stage waits for {'it' if max(moving, busy) == 1 else 'them'}"
        )
    if lines[-1] == "NEXT":
        lines.append("  Nothing to do.")
    return lines


def prepared_table(entries: Sequence[Mapping[str, Any]], check: bool) -> list[str]:
    """What was found and changed, one line for each server and machine. ``entries`` are rows of the modules that prepare servers."""
    rows = [
        {
            "name": str(e.get("name") or ""),
            "what": str(e.get("role") or "").replace("_", " "),
            "result": _found(e, check),
            "was": _settings(e.get("before"), e.get("after")),
            "is now": _settings(e.get("after"), e.get("before")),
        }
        for e in entries
    ]
    if not rows:
        return []
    lines = ["", *table(rows)]
    for e in entries:
        if e.get("done") in (*BAD, "waiting") and e.get("reason"):
            said = f"{e.get('name')} {in_words(str(e['done']))}: {e['reason']} {e.get('remedy') or ''}"
            lines += ["", *wrapped(said.strip(), "  ")]
        for problem in e.get("warnings") or ():
            lines += wrapped(f"  {e.get('name')} warning: {problem.get('message') or ''}", "    ")
    return lines


def _found(entry: Mapping[str, Any], check: bool) -> str:
    done = str(entry.get("done") or "")
    if done in ("started", "unchanged"):
        changed = "would change" if check else "changed"
        return changed if entry.get("changed") else "ready"
    return in_words(done)


def _settings(here: Any, there: Any) -> str:
    """What differs between before and after; a single value is shown as it is."""
    if here == there or here is None:
        return ""
    if isinstance(here, Mapping):
        other = there if isinstance(there, Mapping) else {}
        return ", ".join(f"{key} {_word(value)}" for key, value in here.items() if value != other.get(key))
    return _word(here)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("_", " ")


def _azure(machine: Any) -> str:
    if not isinstance(machine, Mapping):
        return ""
    return str(machine.get("power_state") or "there") if machine.get("exists") else "gone"
