# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress line while a run waits: when one is due, and its text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.jobs import SUCCEEDED
from ..model.outcomes import LISTED, in_words

#: Short names of the steps, so that a row fits.
STAGES: Mapping[str, str] = {
    "failover_to_azure": "fail over to Azure",
    "commit_to_azure": "commit to Azure",
    "reprotect_to_onprem": "reprotect home",
    "failover_to_onprem": "fail over home",
    "commit_to_onprem": "commit home",
    "reprotect_to_azure": "reprotect to Azure",
    "cancel_failover_to_onprem": "cancel failover home",
    "failback": "failback",
    # Between stages, in the guests.
    "record": "record networks",
    "restore": "restore networks",
}


def span(seconds: float | None) -> str:
    """A duration in words: 9s, 4m10s, 2h05m, 1d03h."""
    if seconds is None:
        return ""
    whole = round(max(0.0, seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24}d{hours % 24:02d}h"
    if hours:
        return f"{hours}h{minutes_left:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def line(used: float, progress: Mapping[str, Any]) -> str:
    """One progress line: counts in fixed columns, then what the slowest machine is doing, then the time used."""
    total = int(progress.get("total") or 0)
    at = progress.get("at") or {}
    where = ", ".join(f"{number} in {STAGES.get(step, step)}" for step, number in at.items())
    width = max(2, len(str(total)))
    counts = "   ".join(f"{word} {int(progress.get(word) or 0):>{width}}" for word in ("done", "running", "failed"))
    doing = ": ".join(str(progress[key]) for key in ("slowest", "waiting_for") if progress.get(key))
    head = f"  homeward.asr   {span(used):>6}   {counts}   of {total:>{width}}" + (f"   {where}" if where else "")
    return f"{head}   slowest: {doing}" if doing else head


def stage_line(used: float, stage: str, counts: Mapping[str, Any]) -> str:
    """The line at a stage's end: how many machines arrived, and how many did not."""
    total = int(counts.get("total") or 0)
    rest = {word: int(counts.get(word) or 0) for word in LISTED}
    said = [f"{number} {in_words(word)}" for word, number in rest.items() if number]
    ended = f"{total - sum(rest.values())} of {total} machines done"
    return f"  homeward.asr   {span(used):>6}   {stage}: {', '.join([ended, *said])}"


def under_way(machine: Mapping[str, Any]) -> bool:
    """Whether an unfinished run still works on a machine: its last step is open, or it waits for something."""
    done = machine.get("done")
    if done in ("started", "joined"):
        steps = machine.get("steps") or [machine]
        return bool(machine.get("reason")) or not steps[-1].get("end")
    return done == "waiting"


def moved(machine: Mapping[str, Any]) -> bool:
    """Whether a machine has moved: an operation that was sent or joined succeeded, or its position changed.

    An operation that failed has moved nothing, and one that is only sent has moved nothing yet.
    """
    if "steps" not in machine:
        return bool(machine.get("changed")) and machine.get("done") != "waiting"
    steps = machine.get("steps") or ()
    if any(step.get("done") in ("started", "joined") and step.get("state") in SUCCEEDED for step in steps):
        return True
    return bool(machine.get("changed")) and not under_way(machine)


def stumble(used: float, message: str, patience: float) -> str:
    """The line that says what is failing, and for how many more seconds the run tolerates it."""
    said = message.splitlines()[0] if message else ""
    return f"  homeward.asr   {span(used):>6}   retrying for up to {span(patience)}: {said}"


class Ticker:
    """Decides when a line is due: every ``early`` seconds in the first ten minutes, every 5 minutes later, and at every change.

    ``ahead`` is how long the next slice takes: a line that would come due meanwhile is shown before it.
    """

    EARLY = 600.0
    EARLY_EVERY = 30.0
    LATER_EVERY = 300.0

    def __init__(self, early: float = EARLY_EVERY) -> None:
        self._early = early
        self._shown: float | None = None
        self._pulse = ""

    def due(self, used: float, pulse: str, ahead: float) -> bool:
        """Whether to show a line at ``used`` seconds; True counts as shown. ``pulse`` differs when something changed."""
        every = self._early if used < self.EARLY else self.LATER_EVERY
        since = used - (self._shown or 0.0)
        if self._shown is not None and pulse == self._pulse and since + ahead <= every:
            return False
        self._shown, self._pulse = used, pulse
        return True
