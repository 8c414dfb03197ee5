# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate of a machine whose last failover failed. Pure."""

from __future__ import annotations

from ..model.items import Item, iso, parse_time
from ..model.jobs import Job
from ..model.refusal import Refusal

#: The gate of a machine whose last failover failed.
FAILED_FAILOVER = "failed_failover"


def failed_failover(item: Item) -> str:
    """The item's fields that report a failed last failover; empty without one.

    Classic: a protection state such as UnplannedFailoverCompletionFailed (SEEN). Modernized: lastPlannedFailoverStatus
    (SPEC); the service has then taken the failover back.
    """
    state = item.state.lower()
    if "failover" in state and state.endswith("failed") and not state.startswith("test"):
        return item.state
    if str(item.details.get("lastPlannedFailoverStatus") or "").lower() == "failed":
        when = iso(parse_time(item.details.get("lastPlannedFailoverStartTime")))
        return f"lastPlannedFailoverStatus Failed{f', started {when}' if when else ''}"
    return ""


def failed_gate(words: str, job: Job | None) -> Refusal:
    """The gate of a failed failover, with its job's error where that could be read."""
    first = next(iter(job.errors), None) if job is not None else None
    why = f": {first.code}: {first.message}" if first is not None else "."
    advice = f" The service advises: {first.action}" if first is not None and first.action else ""
    named = f" (job {job.name}, {job.state})" if job is not None else ""
    return Refusal(
        FAILED_FAILOVER,
        f"The machine's last failover failed ({words}){named}{why}",
        f"Fix the cause and check the machine on both sides before you fail it over again.{advice}",
    )
