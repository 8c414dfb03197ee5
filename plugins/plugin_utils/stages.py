# SPDX-License-Identifier: GPL-3.0-or-later
"""From one stage of the role to the next, as the filters ``stage_onward`` and ``stage_looked`` give it to the role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.chain import looked, onward, spent
from ansible_collections.homeward.asr.plugins.plugin_utils.wording import worded


def stage_onward(results: Iterable[Mapping[str, Any]], stage: str, check: bool = False) -> dict[str, Any]:
    """Who goes on to a stage and who of them is approved, by the ids of their replicated items, and the rows of those held for
    their group."""
    results = list(results)
    told = onward(results, stage, check)
    approved = {str(m.get("item_id") or "").lower() for m in told.last.get("machines") or () if m.get("approved")}
    return {
        "machines": list(told.machines),
        "approved": [item_id for item_id in told.machines if item_id.lower() in approved],
        "last": list(told.last.get("machines") or ()),
        "held": worded(told.held, True),
        "spent": list(spent(results)),
    }


def stage_looked(result: Mapping[str, Any], used: Iterable[str] = ()) -> dict[str, Any]:
    """Who goes on after the look along the route, whose commit is approved, and the rows of those that cannot go."""
    told = looked(result, used)
    return {"machines": list(told.machines), "approved": list(told.approved), "ended": worded(told.ended, True)}
