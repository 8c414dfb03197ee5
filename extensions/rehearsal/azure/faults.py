# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on the wire: rules that match requests and break them before or after they are accepted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.azure.call import Call

BEFORE = ("drop_before_accept", "status", "hang", "delay", "barrier")
AFTER = ("drop_after_accept", "cut_reply", "garbage", "repeat_page", "repeat_link")
MATCHES = ("method", "path", "operation", "item", "nth")
PARAMETERS = ("seconds", "when", "code", "body", "retry_after", "name", "parties", "patch", "patch_entries", "text")


@dataclass
class FaultRule:
    """``nth``: the first so many minus one matches pass untouched; then ``times`` matches are spoiled (None: all)."""

    action: str
    match: dict[str, Any]
    parameters: dict[str, Any]
    times: int | None
    seen: int = 0
    done: int = 0

    @property
    def late(self) -> bool:
        return self.action in AFTER or self.parameters.get("when") == "after"

    def takes(self, call: Call) -> bool:
        """Whether this call is to be spoiled; counts it."""
        match = self.match
        if self.times is not None and self.done >= self.times:
            return False
        if "method" in match and match["method"].upper() != call.method:
            return False
        if "path" in match and not re.search(match["path"], call.target, re.IGNORECASE):
            return False
        if "operation" in match and match["operation"] not in (call.operation, call.operation_and_direction):
            return False
        if "item" in match and match["item"] not in (call.item_name, call.friendly_name):
            return False
        self.seen += 1
        if self.seen < int(match.get("nth", 1)):
            return False
        self.done += 1
        return True


@dataclass
class Barrier:
    parties: int
    waiting: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)


class Faults:
    def __init__(self) -> None:
        self.rules: list[FaultRule] = []
        self.barriers: dict[str, Barrier] = {}
        self._cleared = asyncio.Event()

    def add(self, data: dict[str, Any]) -> FaultRule:
        """A rule from its JSON form. Raises ValueError naming what is wrong with it."""
        action, match = data.get("action"), dict(data.get("match") or {})
        parameters = {k: v for k, v in data.items() if k not in ("action", "match", "times")}
        if isinstance(action, dict):
            # {"delay": {"seconds": 2}} is accepted beside {"action": "delay", "seconds": 2}.
            ((action, inner),) = action.items()
            parameters.update(inner or {})
        if action not in BEFORE + AFTER:
            raise ValueError(f"action: {action!r} is unknown; use one of {', '.join(BEFORE + AFTER)}.")
        for given, known in ((match, MATCHES), (parameters, PARAMETERS)):
            unknown = sorted(set(given) - set(known))
            if unknown:
                raise ValueError(f"{unknown[0]}: unknown key; known are {', '.join(known)}.")
        if "path" in match:
            try:
                re.compile(match["path"])
            except re.error as problem:
                raise ValueError(f"path: {match['path']!r} is no regular expression: {problem}") from problem
        if action == "barrier":
            name = str(parameters.setdefault("name", "barrier"))
            self.barriers[name] = Barrier(int(parameters.get("parties", 2)))
        times = data.get("times", None if action == "barrier" else 1)
        rule = FaultRule(action, match, parameters, None if times is None else int(times))
        self.rules.append(rule)
        return rule

    def clear(self) -> int:
        """Drop all rules and let go whatever hangs or waits."""
        count = len(self.rules)
        self.rules.clear()
        for barrier in self.barriers.values():
            barrier.opened.set()
        self.barriers.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()
        return count

    def matching(self, call: Call) -> list[FaultRule]:
        return [rule for rule in self.rules if rule.takes(call)] if self.rules else []

    async def pause(self, rule: FaultRule) -> None:
        """What delay, hang and barrier do; real time."""
        if rule.action == "delay":
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._cleared.wait(), float(rule.parameters.get("seconds", 1.0)))
        elif rule.action == "hang":
            await self._cleared.wait()
        elif rule.action == "barrier":
            barrier = self.barriers.get(str(rule.parameters["name"]))
            if barrier is None or barrier.opened.is_set():
                return
            barrier.waiting += 1
            if barrier.waiting >= barrier.parties:
                barrier.opened.set()
            await barrier.opened.wait()

    def release(self, name: str) -> bool:
        barrier = self.barriers.get(name)
        if barrier is not None:
            barrier.opened.set()
        return barrier is not None


def merge(target: Any, patch: Any) -> Any:
    """JSON merge patch: null removes a key."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def spoil(rule: FaultRule, body: str, call: Call, previous_page: str | None) -> str:
    """The body that garbage, repeat_page and repeat_link make of an answer."""
    parameters = rule.parameters
    if rule.action == "garbage":
        if "text" in parameters:
            return str(parameters["text"])
        if "body" in parameters:
            return json.dumps(parameters["body"])
        value = json.loads(body or "{}")
        if "patch" in parameters:
            value = merge(value, parameters["patch"])
        if "patch_entries" in parameters and isinstance(value.get("value"), list):
            value["value"] = [merge(entry, parameters["patch_entries"]) for entry in value["value"]]
        return json.dumps(value)
    value = json.loads(body)
    if rule.action == "repeat_page" and previous_page is not None:
        value["value"] = json.loads(previous_page)["value"]
    if rule.action == "repeat_link":
        value["nextLink"] = call.url
    return json.dumps(value)
