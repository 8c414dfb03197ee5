# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own checks before a commit home: what they found decides that machine's commit. Pure.

An entry is of one machine and one failover: ``item_id``, ``job`` (the failover's), ``passed``, ``reason`` where it did not,
``checks`` (what was checked) and ``age_seconds`` when this run was asked, and ``guest``, what the machine has found from inside
(guest_look.py). Only machines with an entry were to be checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..model.items import parse_time
from ..model.jobs import Job
from ..model.refusal import Refusal
from ..model.texts import age

_AGAIN = "Rerun; the checks then run again."


class Verifications:
    """What is known of the checks, by machine."""

    def __init__(self, entries: Sequence[Mapping[str, Any]], limit: float) -> None:
        self.entries = {str(entry.get("item_id") or "").lower(): entry for entry in entries}
        self.limit = limit

    def of(self, key: str) -> Mapping[str, Any] | None:
        """A machine's entry; None where it was not to be checked."""
        return self.entries.get(key.lower())

    def look(self, key: str) -> Mapping[str, Any] | None:
        """What a machine has found from inside; None where nobody asked it."""
        entry = self.of(key)
        return (entry.get("guest") or None) if entry is not None else None

    def failed(self, key: str) -> Refusal | None:
        """Why a machine must not be committed, whoever approves it."""
        entry = self.of(key)
        if entry is None or entry.get("passed") is True:
            return None
        why = str(entry.get("reason") or "").strip().rstrip(".")
        return Refusal(
            "verify_failed",
            f"Not committed: its checks did not pass{f': {why}' if why else ''}.",
            "Both copies are untouched. Check the machine on-premises and fix it, or correct the check in "
            "'{option:verify}', then rerun.",
        )

    def unproven(self, key: str, job: Job | None, since: str, now: datetime) -> list[Refusal]:
        """What is missing of a machine's checks for the failover ``job``. ``since``: when this run first saw the machine."""
        entry = self.of(key)
        if entry is None:
            return []
        failed = self.failed(key)
        if failed is not None:
            return [failed]
        of = str(entry.get("job") or "")
        if job is None or of.lower() != job.name.lower():
            reason = (
                f"Its checks were of another failover (job {of or 'unknown'}, not {job.name if job else 'unknown'})."
            )
            return [Refusal("verify_stale", reason, _AGAIN)]
        began = parse_time(since)
        old = float(entry.get("age_seconds") or 0.0) + ((now - began).total_seconds() if began is not None else 0.0)
        if old > self.limit:
            reason = f"Its checks passed {age(old)} ago; they count for {age(self.limit)}."
            return [Refusal("verify_stale", reason, _AGAIN)]
        return []
