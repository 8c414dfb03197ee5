# SPDX-License-Identifier: GPL-3.0-or-later
"""Results to make reports of: of asr_preflight, and of a run's stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

START = datetime(2026, 3, 1, 1, 30, tzinfo=timezone.utc)
NOW = "2026-03-01T09:00:00Z"

#: Names and texts that would do harm, or hide, in a page that took them as they are.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></svg><script>alert(2)</script>",
    "{{ 7 * 7 }}{% raw %}{# gone #}",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "shop-\u202e10-bew\u202c",
    "\u0627\u0644\u062e\u0627\u062f\u0645-\u05d0\u200f-01",
    "zero\u200bwidth\ufeff",
    "\x1b[31mred\x07",
    "half\ud800",
    "long-" + "x" * 195,
)


def text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def finding(rule: str, name: str, machines: Sequence[str], verdict: str = "block", **more: Any) -> dict[str, Any]:
    """A finding as asr_preflight returns it."""
    return {
        "rule": rule,
        "title": f"Title of {rule}",
        "about": "machine" if name in machines else "master target or appliance",
        "name": name,
        "vault": "vault-one",
        "generation": "classic",
        "moments": ["reprotect_to_onprem"],
        "severity": "block" if verdict == "block" else "warn",
        "verdict": verdict,
        "blocks": verdict == "block" and not more.get("accepted"),
        "text": f"{name} is not as {rule} wants it.",
        "remedy": f"Do what {rule} asks for.",
        "read": "its VM in vCenter",
        "source": "preflight check 26",
        "machines": list(machines),
        "accepted": "",
        **more,
    }


def preflight(names: Sequence[str], findings: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A result of asr_preflight: unless told otherwise a master target blocks all, every second machine has a snapshot, and
    something is not known of each."""
    if findings is None:
        findings = [
            finding("mt_snapshot", "mt-linux-01", names),
            *(finding("vm_snapshot", n, [n], "warn") for n in names[::2]),
            *(finding("network_link", n, [n], "unknown") for n in names),
            *(
                finding("mt_excluded", "mt-linux-01", names, "block", accepted=f"Until Monday, says {n}.")
                for n in names[:1]
            ),
        ]
    ids: dict[str, list[str]] = {
        key: [f["rule"] for f in findings if test(f)]
        for key, test in (
            ("blocked_by", lambda f: f["blocks"]),
            ("warned_by", lambda f: not f["blocks"] and f["verdict"] != "unknown"),
            ("unknown", lambda f: not f["blocks"] and f["verdict"] == "unknown"),
        )
    }
    of = {n: {f["rule"] for f in findings if n in f["machines"]} for n in names} if len(names) < 100 else None

    def machine(number: int, name: str) -> dict[str, Any]:
        mine = {k: list(dict.fromkeys(r for r in v if of is None or r in of[name])) for k, v in ids.items()}
        verdict = (
            "block" if mine["blocked_by"] else "warn" if mine["warned_by"] else "unknown" if mine["unknown"] else "pass"
        )
        row = {
            "name": name,
            "item_id": f"/items/{number}",
            "vault": "vault-one",
            "generation": "classic",
            "position": "out",
        }
        return {**row, "moments": ["reprotect_to_onprem"], "verdict": verdict, **mine}

    machines = [machine(number, name) for number, name in enumerate(names)]
    blocked = [m["name"] for m in machines if m["verdict"] == "block"]
    server = {
        "name": "mt-linux-01",
        "about": "master target or appliance",
        "vault": "vault-one",
        "generation": "classic",
    }
    judged = {"verdict": "block", "blocked_by": ["mt_snapshot"], "warned_by": ["mt_excluded"], "unknown": []}
    return {
        "ready": not blocked,
        "msg": "Blocked.",
        "changed": False,
        "findings": list(findings),
        "machines": machines,
        "servers": [{**server, "machines": list(names), **judged}],
        "blocked_machines": blocked,
        "counts": {"block": len(blocked), "warn": 1, "unknown": 1, "accepted": 1, "pass": 7},
        "requests": {"writes": 0, "reads": 12},
        "time": NOW,
        "lines": ["BLOCKS"],
    }


def step(name: str, start: datetime, minutes: float, state: str = "Succeeded", **more: Any) -> dict[str, Any]:
    """A step of a machine as stages return it."""
    end = start + timedelta(minutes=minutes)
    times = {"start": text(start), "end": text(end), "duration_seconds": round(minutes * 60)}
    return {
        "step": name,
        "done": "started",
        "state": state,
        "job": "8a9edb0e-98d7-46ff-acc4-461af0f543f5",
        "recovery_point": None,
        **times,
        **more,
    }


def row(
    name: str, number: int, before: str, after: str, steps: Sequence[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """A machine of a stage's result."""
    ends = {key: steps[-1][key] for key in ("step", "start", "end", "duration_seconds")} if steps else {}
    return {
        "name": name,
        "vault": "vault-one",
        "item_id": f"/vaults/one/items/{number}",
        "group": None,
        "before": before,
        "after": after,
        "approved": False,
        "done": "started" if steps else "unchanged",
        "changed": before != after,
        "recovery_point": None,
        "accepted": [],
        "warnings": [],
        "errors": [],
        "code": None,
        "reason": None,
        "remedy": None,
        "placement": None,
        "steps": list(steps),
        **ends,
        **more,
    }


def stages(names: Sequence[str], **more: Any) -> list[dict[str, Any]]:
    """The results of a failback that goes well: the look ahead and four stages. ``more`` is said of each machine's commit."""
    over, commit, back = START + timedelta(hours=3), START + timedelta(hours=4), START + timedelta(hours=5)
    point = f"latest, {text(over - timedelta(minutes=7))} (7m old)"

    def stage(
        name: str, before: str, after: str, begin: datetime, minutes: float, row_more: Any = None, **step_more: Any
    ) -> Any:
        machines = [
            row(
                n,
                k,
                before,
                after,
                [step(name, begin + timedelta(seconds=k % 60), minutes, **step_more)],
                **(row_more or {}),
            )
            for k, n in enumerate(names)
        ]
        return {
            "stage": name,
            "finished": True,
            "changed": True,
            "machines": machines,
            "requests": {"writes": 1, "reads": 2},
        }

    placement = {
        "process_server": "ps-azure-01",
        "master_target": "mt-linux-01",
        "datastore": "ds-1",
        "location": "original",
    }
    return [
        {"stage": "look", "left_out": True, "changed": False, "machines": [], "plan": []},
        stage("reprotect_to_onprem", "out", "ready", START, 40, {"placement": placement}),
        stage(
            "failover_to_onprem", "ready", "home_uncommitted", over, 9, {"recovery_point": point}, recovery_point=point
        ),
        stage(
            "commit_to_onprem",
            "home_uncommitted",
            "home_unprotected",
            commit,
            2,
            more,
            azure_vm="/subscriptions/1/vm-1",
        ),
        stage("reprotect_to_azure", "home_unprotected", "home", back, 30),
    ]


def verdict(**more: Any) -> dict[str, Any]:
    """What asr_report says of a run that went well."""
    counts = {"moved": 1, "failed": 0, "refused": 0, "awaiting_approval": 0, "held": 0, "waiting": 0}
    return {"counts": counts, "requests": {"writes": 4, "reads": 8}, "onward": [], **more}
