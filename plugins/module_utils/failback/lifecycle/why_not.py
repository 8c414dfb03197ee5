# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the service does not do a step now, in its own words: how far a synchronisation is, health errors, a silent agent, the state
it shows. Pure."""

from __future__ import annotations

from datetime import datetime

from ..model.items import Item
from ..model.refusal import Refusal
from ..model.sync import measure
from ..model.texts import age
from .gates import STALE
from .health import health_entries, health_words
from .table import REFUSALS


def told_beside(item: Item, now: datetime, syncing: bool, refusal: Refusal) -> list[str]:
    """Sentences that belong to the reason for which a step is refused, as far as it does not have them already. The state counts
    where the life cycle has no reason of its own."""
    found: list[str] = []
    sync = measure(item, now)
    if syncing and sync.words:
        found.append(f"It is at {sync.words}.")
    said = health_words(health_entries(item))
    if said and said not in refusal.reason:
        found.append(f"The vault reports: {said}.")
    beat = item.agent_heartbeat
    silent = (now - beat).total_seconds() if beat is not None else 0.0
    if silent > STALE and (syncing or refusal.code not in REFUSALS):
        found.append(f"Its agent last reported {age(silent)} ago.")
    if refusal.code not in REFUSALS:
        if item.state_text and item.state_text not in refusal.reason:
            found.append(f"The vault reports: {item.state_text}.")
        if "migrat" in f"{item.state} {item.state_text}".lower():
            found.append("A machine that was migrated is not failed back.")
    return found
