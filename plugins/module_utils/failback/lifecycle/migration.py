# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a classic machine can move to the modernized generation now (switchProvider). Pure.

The service moves only machines that replicate from on-premises to Azure and are healthy: not failed over, not failed back,
not being failed back (DOC, failback-domain.md 6). It names further obstacles itself (SPEC switchProviderBlockingErrorDetails).
"""

from __future__ import annotations

from ..model.items import Item, Json
from .table import POSITION_TEXT, STEP_TEXT, Lifecycle, Position

#: The oldest agent that moves (DOC MIG).
OLDEST = (9, 50)


def obstacle(item: Item, lifecycle: Lifecycle) -> str | None:
    """Why the machine cannot move now, in one sentence; empty when it can, None for machines that are not classic."""
    if lifecycle.generation(item) != "classic":
        return None
    running = lifecycle.running(item)
    if running is not None:
        return f"It is {STEP_TEXT[running.step]} now."
    position = lifecycle.position(item)
    if position is not Position.HOME:
        where = POSITION_TEXT[position] if position is not None else "in an unknown state"
        return f"It is {where}: only an on-premises machine that replicates to Azure can move."
    if item.scenario is not None:
        return f"The operation {item.scenario.name} is running on it."
    blocking: list[Json] = list(item.details.get("switchProviderBlockingErrorDetails") or ())
    if blocking:
        said = blocking[0]
        return f"The service says: {said.get('errorCode') or ''} {said.get('errorMessage') or ''}".strip()
    if item.health not in ("", "Normal", "None"):
        return f"Its replication health is {item.health}: fix what the vault reports first."
    version = str(item.details.get("agentVersion") or "")
    if version and _older(version):
        return f"Its agent has version {version}: update it to 9.50 or later first."
    return ""


def _older(version: str) -> bool:
    """Whether an agent's version is below the oldest that moves; values that are no versions are ignored."""
    try:
        return tuple(int(part) for part in version.split(".")[:2]) < OLDEST
    except ValueError:
        return False
