# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for vCenter's tasks.

pyVmomi's own waiter samples a running task as a whole and dies on answers it cannot decode (SEEN vcenter-simulator.md
2.2, 2.3); this one reads the leaf ``info.state`` of all tasks in one call per look, and ``info.error`` of each that
failed separately, because one that cannot be decoded fails the whole answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..failback.model.errors import ConnectionFailed, FailbackError
from . import pyvmomi

if TYPE_CHECKING:
    from ..failback.model.ports import Clock
    from .read import Reader

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

#: Starts a task in vCenter.
Start = Callable[[], Any]


def carry_out(reader: Reader, clock: Clock, work: Mapping[str, Sequence[Start]]) -> dict[str, Any]:
    """Start all tasks and wait for them; the first fault of each that failed, by the key of ``work``.

    A refusal stops only its own key: each write is started and checked separately. What concerns the session as a
    whole (it ended, the connection broke) is raised.
    """
    faults: dict[str, Any] = {}
    started: list[tuple[str, Any]] = []
    for key, starts in work.items():
        for start in starts:
            task, fault = begin(start)
            if fault is not None:
                faults.setdefault(key, fault)
            elif task is not None:
                started.append((key, task))
    ended = wait(reader, [task for _key, task in started], clock)
    for (key, _task), fault in zip(started, ended, strict=True):
        if fault is not None:
            faults.setdefault(key, fault)
    return faults


def begin(start: Start) -> tuple[Any, Any]:
    """Start one task: (task, None), or (None, why not). Raises what concerns the session as a whole."""
    try:
        return start(), None
    except pyvmomi.SESSION_WIDE:
        raise
    except pyvmomi.ONE_OBJECTS as exc:
        return None, exc


def wait(reader: Reader, tasks: Sequence[Any], clock: Clock, timeout: float = 300.0) -> list[Any]:
    """Wait until every task has ended; returns each task's fault, or None where it succeeded, in the same order.

    One that still runs after ``timeout`` seconds gets FailbackError ``vcenter_task_timeout`` for its fault: its outcome
    is unknown, and the next run reads before it acts.
    """
    ended: dict[str, Any] = {}
    deadline = clock.monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        open_tasks = [t for t in tasks if pyvmomi.moid(t) not in ended]
        if not open_tasks:
            return [ended[pyvmomi.moid(t)] for t in tasks]
        looked = reader.some([("Task", open_tasks, ("info.state",))])
        for entry in looked:
            state = str(entry.get("info.state") or "")
            if state in ("success", "error"):
                ended[entry.moid] = None if state == "success" else _fault_of(reader, entry.ref)
        seen = {entry.moid for entry in looked}
        for task in open_tasks:
            # vCenter drops ended tasks after a while; one that can no longer be read has ended with an unknown outcome.
            if pyvmomi.moid(task) not in seen:
                ended[pyvmomi.moid(task)] = pyvmomi.vmodl.MethodFault(msg="vCenter no longer knows the task's result")
        if all(pyvmomi.moid(t) in ended for t in tasks):
            continue
        if clock.monotonic() >= deadline:
            late = FailbackError(
                "vcenter_task_timeout",
                f"A task is still running in vCenter after {int(timeout)} seconds.",
                "Check the recent tasks of the object in vCenter, then rerun to continue where it stopped.",
            )
            return [ended.get(pyvmomi.moid(t), late) for t in tasks]
        clock.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _fault_of(reader: Reader, task: Any) -> Any:
    """Why a task failed."""
    try:
        found = reader.some([("Task", [task], ("info.error",))])
        fault = found[0].get("info.error") if found else None
    except FailbackError as exc:
        if isinstance(exc, ConnectionFailed):
            raise
        text = "its task failed with a reason that could not be decoded"
        fault = pyvmomi.vmodl.MethodFault(msg=text)
    return fault or pyvmomi.vmodl.MethodFault(msg="no reason given")
