# SPDX-License-Identifier: GPL-3.0-or-later
"""The time axis of a run: its scale, a lane for each machine, and what the bars mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import parse_time
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.outcomes import in_words
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.rule import BLOCK, UNKNOWN, WARN
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import STAGES, span

from .run_data import Row

#: Letter and pattern of a step on the time axis.
_BARS: Mapping[str, tuple[str, str]] = {
    "reprotect_to_onprem": ("R", "reprotect"),
    "failover_to_onprem": ("F", "failover"),
    "commit_to_onprem": ("C", "commit"),
    "reprotect_to_azure": ("P", "protect"),
    "failover_to_azure": ("F", "failover"),
    "commit_to_azure": ("C", "commit"),
    "cancel_failover_to_onprem": ("X", "cancel"),
}


#: How an outcome is marked.
MARKS: Mapping[str, str] = {
    "failed": BLOCK,
    "refused": BLOCK,
    "awaiting_approval": WARN,
    "held": WARN,
    "waiting": UNKNOWN,
}


#: Steps of the time axis in seconds between two ticks.
_TICKS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000)


class Scale:
    """From points in time to places on the axis, in percent."""

    def __init__(self, began: datetime, ended: datetime) -> None:
        self.began, self.seconds = began, max(60.0, (ended - began).total_seconds())
        self.ended = began + timedelta(seconds=self.seconds)

    @classmethod
    def of(cls, machines: Iterable[Row], now: str) -> Scale:
        points = [parse_time(s.get(key)) for m in machines for s in m["steps"] for key in ("start", "end")]
        known = list(filter(None, points))
        if not known:
            moment = parse_time(now)
            if moment is None:
                raise ValueError(f"{now!r} is not a time")
            known = [moment]
        return cls(min(known), max(known))

    def place(self, when: datetime) -> float:
        return round(100.0 * (when - self.began).total_seconds() / self.seconds, 2)

    def ticks(self) -> list[dict[str, Any]]:
        """Five to ten round times, each with its place."""
        every = next((t for t in _TICKS if self.seconds / t <= 7), _TICKS[-1])
        midnight = self.began.replace(hour=0, minute=0, second=0, microsecond=0)
        first = int((self.began - midnight).total_seconds() // every + 1)
        told, day = [], None
        for number in range(first, first + 40):
            moment = midnight + timedelta(seconds=every * number)
            if moment > self.ended:
                break
            told.append(
                {"at": self.place(moment), "text": moment.strftime("%H:%M" if moment.date() == day else "%m-%d %H:%M")}
            )
            day = moment.date()
        return told


def lane(machine: Row, times: Scale) -> dict[str, Any]:
    """A machine on the time axis: its bars, and the same in words."""
    bars, words = [], []
    for step in machine["steps"]:
        letter, look = _BARS.get(str(step["step"]), ("?", "cancel"))
        began, ended = parse_time(step["start"]), parse_time(step["end"])
        failed = step["result"] == "failed"
        name = STAGES.get(str(step["step"]), str(step["step"]))
        took = span(step["duration_seconds"])
        state = " failed" if failed else "" if ended else " not finished"
        words.append(f"{name}{state}{f' {took}' if took else ''}")
        if began is None:
            continue
        left = times.place(began)
        width = round(times.place(ended or times.ended) - left, 2)
        looks = f"b-{look}{' bad' if failed else ''}{'' if ended else ' open'}"
        bars.append({"left": min(left, 99.5), "width": max(width, 0.0), "letter": letter, "look": looks})
    if machine["downtime_seconds"] is not None:
        words.append(f"down for {span(machine['downtime_seconds'])}")
    return {
        "name": machine["label"],
        "mark": MARKS.get(machine["done"], "pass"),
        "word": in_words(machine["done"]),
        "bars": bars,
        "words": words,
    }


def legend(machines: Iterable[Row]) -> list[dict[str, str]]:
    """What the bars mean that are there."""
    there = dict.fromkeys(str(s["step"]) for m in machines for s in m["steps"])
    return [
        {"letter": _BARS[step][0], "look": f"b-{_BARS[step][1]}", "text": STAGES.get(step, step)}
        for step in _BARS
        if step in there
    ]
