# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of asr_preflight: options in, findings out. It writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..failback.readiness.facts.moments import MOMENTS
from ..failback.readiness.preflight import preflight
from ..failback.readiness.rules.catalogue import FIRM
from ..failback.wanted.order import Order
from ..failback.wanted.selection import listing
from . import specs
from .module import Call
from .reach import reach
from .stages import order_of
from .task_result import count

#: Maximum machines and rules named in the message; the result holds all of them.
NAMED = 10


def argument_spec() -> specs.Spec:
    """The module's options."""
    return specs.merge(
        specs.azure(),
        specs.vcenter(),
        specs.vault(),
        specs.machines(),
        specs.groups(),
        specs.placing(),
        specs.accepting(),
        specs.gates(),
        specs.approval(),
        {
            "commit_when": {"type": "str", "choices": ["verified", "manual"], "default": "manual"},
            "moments": {"type": "list", "elements": "str", "choices": list(MOMENTS), "default": []},
            "process_server_onprem": {"type": "str"},
            "policy_to_azure": {"type": "str"},
            "agent_timeout": {"type": "float", "default": 1200.0},
            "configuration_server_backups": {"type": "dict", "default": {}},
            "probe": {"type": "bool", "default": False},
            "probe_azure": {"type": "bool", "default": False},
            "guests": {"type": "list", "elements": "dict", "default": []},
            "on_block": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
            # Written by the action plugin, on the controller.
            "report_file": {"type": "str", "default": ""},
        },
    )


def ways(rules: Sequence[str]) -> str:
    """What can be done about rules that block."""
    firm = [rule for rule in rules if rule in FIRM]
    if len(firm) == len(rules):
        return "Follow the remedies of the findings."
    but = f" {listing(firm)} cannot be accepted." if firm else ""
    return f"Follow the remedies of the findings, or accept a rule by name with a reason in '{{option:accept}}'.{but}"


def work(call: Call) -> dict[str, Any]:
    """Read, evaluate the rules, and fail if something blocks."""
    params = call.params
    order: Order = order_of(params, call.refs, (), check=True)
    late = call.late_site()
    site = late.open() if late is not None else None
    backups = params.get("configuration_server_backups") or {}
    vaults = call.open_vaults()
    # In check mode nothing runs in a machine.
    inside = vaults.run_script if params["probe_azure"] and not call.check else None
    result = preflight(
        order,
        tuple(params["moments"]),
        backups,
        vaults,
        site,
        reach if params["probe"] else None,
        inside,
        params["guests"],
    )
    result["changed"] = False
    result["ready"] = not result["counts"]["block"]
    blocked = result["blocked_machines"]
    named = ", ".join(blocked[:NAMED]) + (f" and {len(blocked) - NAMED} more" if len(blocked) > NAMED else "")
    if result["ready"]:
        result["msg"] = f"{count(len(result['machines']))}: nothing blocks."
        return result
    result["code"] = "blocked"
    rules = list(dict.fromkeys(f["rule"] for f in result["findings"] if f["blocks"]))
    result["remedy"] = ways(rules)
    whom = (
        f"{len(blocked)} of {count(len(result['machines']))} blocked: {named}."
        if blocked
        else "Preflight found blocking rules."
    )
    told = ", ".join(rules[:NAMED]) + (f" and {len(rules) - NAMED} more" if len(rules) > NAMED else "")
    result["msg"] = f"{whom} Rules that do not hold: {told}. {result['remedy']}"
    if params["on_block"] == "fail":
        result["failed"] = True
    return result
