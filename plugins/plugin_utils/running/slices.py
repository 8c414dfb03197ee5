# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module slice by slice: wait, and show progress.

A module of ours does one slice of work and returns; the loop here calls it again until it has finished or the time is
used up. Nothing is lost when this process is killed: the state is in the vault, and the next run reads it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import same
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.naming import labels
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import (
    Ticker,
    line,
    span,
    stumble,
    under_way,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import wrapped
from ansible_collections.homeward.asr.plugins.module_utils.failback.tracking.patience import PATIENCE
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.approval import HELD
from ansible_collections.homeward.asr.plugins.module_utils.shell.clock import system_clock
from ansible_collections.homeward.asr.plugins.module_utils.shell.specs import SHARED
from ansible_collections.homeward.asr.plugins.plugin_utils.output.wording import worded
from ansible_collections.homeward.asr.plugins.plugin_utils.running import slice_end
from ansible_collections.homeward.asr.plugins.plugin_utils.running.once import Once

#: Seconds between two attempts while what worked before fails.
PAUSE = 15.0

#: In the first minutes a line is due every 30 s, so no slice of a small fleet may be longer than that. Later only changes and
#: every fifth minute are shown.
EARLY_SLICE, LATER_SLICE = 25.0, 60.0

#: A slice starts a process and reads all lists again, so it lasts longer for many machines: seconds a machine, and at most.
SLICE_PER_MACHINE, LARGE_SLICE = 0.1, 120.0


class Slices(Once):
    """Calls the module slice by slice until it has finished, handing its cursor on, and shows progress."""

    parts = tuple(SHARED)
    clock = system_clock()

    def _work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        answer = self._slices(task_vars)
        self._say_all(answer.get("lines") or ())
        return answer

    def _slices(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        arguments = self._arguments()
        limit = _number(arguments.get("wait_timeout"), 172800.0)
        length = _number(arguments.get("slice_seconds"), EARLY_SLICE)
        checking = bool(self._task.check_mode)
        if arguments.get("judged"):
            arguments["judged"] = brief(arguments["judged"])
        start = self.clock.monotonic()
        ticker, troubles = Ticker(), Ticker(early=Ticker.LATER_EVERY)
        base = length
        trouble: float | None = None
        last: dict[str, Any] = {}
        worked = slice_end.worked_before(task_vars.get("stage_results"))
        deaths = 0
        findings: dict[tuple[str, ...], Any] = {}
        while True:
            left = limit - (self.clock.monotonic() - start)
            arguments["slice_seconds"] = max(1.0, min(length, left))
            answer = slice_end.with_findings(self._slice(dict(arguments), task_vars, worked), findings)
            used = self.clock.monotonic() - start
            worked = worked or not answer.get("failed") or slice_end.has_sent(answer)
            deaths += answer.get("code") == slice_end.DIED
            begun = worked or (answer.get("code") == slice_end.DIED and deaths < slice_end.FIRST_DEATHS)
            if (
                begun
                and not checking
                and slice_end.may_succeed_again(answer)
                and (worked or not slice_end.crashed(answer))
            ):
                trouble = used if trouble is None else trouble
                if answer.get("cursor") is not None:
                    last, arguments["cursor"] = slice_end.merged(last, answer), answer["cursor"]
                arguments.update(approvals(arguments, answer))
                if used - trouble < PATIENCE and used < limit:
                    said = str(answer.get("msg") or "")
                    if troubles.due(used, said, 0.0):
                        self._say(stumble(used, said, PATIENCE - (used - trouble)))
                    self.clock.sleep(min(PAUSE, max(0.0, limit - used)))
                    continue
            else:
                trouble = None
            if not last:
                for text in introductions(answer, task_vars):
                    self._say(text)
            self._say_all(answer.pop("plan_text", None) or ())
            if answer.get("failed") or answer.get("skipped"):
                return slice_end.broken(last, answer)
            if answer.get("finished", True) or checking:
                answer.pop("cursor", None)
                answer.pop("next_slice_seconds", None)
                return answer
            arguments.update(approvals(arguments, answer))
            last = answer
            arguments["cursor"] = answer.get("cursor")
            if used >= limit:
                ended = still_running(answer, arguments, used)
                return {**ended, "msg": worded(ended["msg"], self._listener())}
            progress = answer.get("progress") or {}
            length = slice_length(base, answer, used, "slice_seconds" in self._task.args)
            if ticker.due(used, _pulse(progress), length):
                self._say(line(used, progress))

    def _slice(self, arguments: dict[str, Any], task_vars: dict[str, Any], worked: bool) -> dict[str, Any]:
        """One slice; a connection that breaks after earlier slices worked is treated as a lost slice."""
        try:
            return slice_end.answer_or_error(self._module(arguments, task_vars))
        except AnsibleConnectionFailure as exc:
            if not worked:
                raise
            return slice_end.lost_answer(exc)


def slice_length(base: float, answer: Mapping[str, Any], used: float, given: bool) -> float:
    """Seconds of the next slice. ``given``: ``base`` is the user's own number, else the default."""
    total = _number((answer.get("progress") or {}).get("total"), 0.0)
    early = max(EARLY_SLICE, min(LARGE_SLICE, SLICE_PER_MACHINE * total))
    length = max(base, _number(answer.get("next_slice_seconds"), base), 0.0 if given else early)
    if used < Ticker.EARLY:
        return min(length, early)
    return length if given else max(length, LATER_SLICE)


def introductions(answer: Mapping[str, Any], task_vars: Mapping[str, Any]) -> list[str]:
    """The notes about each vault's generation; not repeated where an earlier stage of the chain printed them."""

    def notes(result: Any) -> list[str]:
        vaults = result.get("vaults") if isinstance(result, Mapping) else None
        known = (v for v in vaults or () if isinstance(v, Mapping) and v.get("note"))
        return [line for v in known for line in wrapped(f"  {v.get('name')}: {v.get('note')}", "    ")]

    earlier = task_vars.get("stage_results")
    told = {text for result in (earlier if isinstance(earlier, list) else ()) for text in notes(result)}
    return [text for text in notes(answer) if text not in told]


def brief(machines: Any) -> Any:
    """Machines of a result, cut to what another task reads of them: they are passed to every slice."""
    if not isinstance(machines, list):
        return machines
    return [{k: m.get(k) for k in ("steps", "warnings")} for m in machines if isinstance(m, Mapping)]


def approvals(arguments: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Approvals passed to the next slice: the machines that this one knows to be approved, by id.

    The word ``held`` means those that waited when the run began. Only the first slice can report; where it died, nobody
    knows what it has failed over itself, and the word approves nobody.
    """
    words, machines = arguments.get("approved"), answer.get("machines")
    if not isinstance(words, list) or not words:
        return {}
    if machines:
        return {"approved": [str(m.get("item_id")) for m in machines if m.get("approved")]}
    return {"approved": [word for word in words if not same(str(word), HELD)]}


def still_running(answer: dict[str, Any], arguments: Mapping[str, Any], used: float) -> dict[str, Any]:
    """The result of a run whose wait_timeout expired: no machine has failed, and nothing is cancelled."""
    machines = list(answer.get("machines") or ())
    waiting = [name for name, m in zip(labels(machines), machines, strict=True) if under_way(m)]
    command = str(arguments.get("continue_command") or "")
    result = dict(answer)
    result["finished"] = False
    result["code"] = "still_running"
    result["continue_command"] = command
    named = ", ".join(waiting[:10]) + (f" and {len(waiting) - 10} more" if len(waiting) > 10 else "")
    onward = f"Continue with: {command}" if command else "Run the same command again to continue."
    result["msg"] = (
        f"{{option:wait_timeout}} expired after {span(used)}. Nothing was cancelled; Azure continues"
        + (f" with {named}" if named else "")
        + f". {onward}"
    )
    result.pop("next_slice_seconds", None)
    if arguments.get("on_timeout", "fail") != "ok":
        result["failed"] = True
    return result


def _number(value: Any, default: float) -> float:
    """An option as a number; anything else is left to the module, which refuses it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if math.isfinite(number) else default


def _pulse(progress: Mapping[str, Any]) -> str:
    """Progress that is shown at once when it changes."""
    return json.dumps([progress.get(key) for key in ("total", "done", "failed")])
