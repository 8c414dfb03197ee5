# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of the service and the problems they report, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .items import Json, last_segment, parse_time
from .shapes import JOB, understood
from .texts import bounded

#: The two words of a job that is alive; any other word means it has ended (asr-api.md 4).
ALIVE = frozenset({"NotStarted", "InProgress"})


#: Final states that count as success. CompletedWithInformation is a success with a message (SEEN JL).
SUCCEEDED = frozenset({"Succeeded", "CompletedWithInformation"})


#: The state of a job that waits for a manual action; it has not ended, and will not end on its own.
SUSPENDED = "Suspended"


def spoken_by(value: Any) -> Json:
    """Details of an error; a bare text in their place is their message."""
    if isinstance(value, Mapping):
        return value
    return {"message": value, "errorMessage": value} if isinstance(value, str) and value else {}


@dataclass(frozen=True)
class Problem:
    """An error or warning in the provider's words, with what the service advises."""

    code: str
    message: str
    causes: str = ""
    action: str = ""
    level: str = "Error"

    def result(self) -> dict[str, str]:
        """As in module results."""
        return {
            "code": self.code,
            "message": self.message,
            "possible_causes": self.causes,
            "recommended_action": self.action,
            "level": self.level,
        }

    @classmethod
    def told(cls, data: Json) -> Problem:
        """Back from the shape of a module result."""
        return cls(
            code=str(data.get("code") or ""),
            message=str(data.get("message") or ""),
            causes=str(data.get("possible_causes") or ""),
            action=str(data.get("recommended_action") or ""),
            level=str(data.get("level") or "Error"),
        )

    @classmethod
    def parse(cls, data: Json) -> Problem:
        """From a JobErrorDetails entry; the provider's own error says more than the service's 559 (SEEN MS)."""
        service = spoken_by(data.get("serviceErrorDetails"))
        provider = spoken_by(data.get("providerErrorDetails"))
        has_provider = bool(provider.get("errorCode") or provider.get("errorMessage"))
        code = provider.get("errorCode") if has_provider else service.get("code")
        return cls(
            code=bounded(code if code is not None else "", 100),
            message=bounded((provider.get("errorMessage") if has_provider else service.get("message")) or ""),
            causes=bounded(provider.get("possibleCauses") or service.get("possibleCauses") or ""),
            action=bounded(provider.get("recommendedAction") or service.get("recommendedAction") or ""),
            level=str(data.get("errorLevel") or "Error"),
        )


@dataclass(frozen=True)
class Job:
    """One job read individually; only the single GET is full (SEEN JL)."""

    name: str
    scenario: str
    state: str
    target: str = ""
    start: datetime | None = None
    end: datetime | None = None
    problems: tuple[Problem, ...] = ()
    tasks: tuple[tuple[str, str], ...] = ()
    #: The time of the recovery point a failover used (SPEC FailoverReplicationProtectedItemDetails).
    point_time: datetime | None = None
    #: customDetails.affectedObjectDetails with keys in lower case (PascalCase in 2017, camelCase in 2021, SEEN).
    affected: Json = field(default_factory=dict)
    #: What the job, or the plan it is of, is called, and the task it is suspended at; empty where it does not say.
    title: str = ""
    stopped_at: str = ""

    @property
    def suspended(self) -> bool:
        """Whether the job waits for a recovery plan's manual action (DOC)."""
        return self.state == SUSPENDED

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    @property
    def told(self) -> bool:
        """Whether the answer has a state for the job: without one, it has not ended."""
        return bool(self.state)

    @property
    def succeeded(self) -> bool:
        return self.state in SUCCEEDED

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.level == "Error") if not self.succeeded else ()

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Of a job that succeeded everything it says is a warning."""
        return self.problems if self.succeeded else tuple(p for p in self.problems if p.level != "Error")

    @property
    def doing(self) -> str:
        """The task that runs now, for the progress line."""
        running = [name for name, state in self.tasks if state in ALIVE and state != "NotStarted"]
        return running[0] if running else ""

    @classmethod
    def parse(cls, data: Json) -> Job:
        """From ReplicationJobs_Get. The same error is in the task and in the job: it is listed once."""
        data, _odd = understood(data, JOB)
        props: Json = data.get("properties") or {}
        entries = list(props.get("errors") or ())
        tasks = props.get("tasks") or ()
        for task in tasks:
            entries.extend(task.get("errors") or ())
        problems: list[Problem] = []
        for entry in entries:
            problem = Problem.parse(entry)
            if problem not in problems:
                problems.append(problem)
        custom: Json = props.get("customDetails") or {}
        affected: Json = custom.get("affectedObjectDetails") or {}
        points = [parse_time(p.get("recoveryPointTime")) for p in custom.get("protectedItemDetails") or ()]
        times = [when for when in points if when is not None]
        return cls(
            name=str(data.get("name") or last_segment(data.get("id"))),
            scenario=str(props.get("scenarioName") or ""),
            state=str(props.get("state") or ""),
            # Points of several machines cannot be told apart: use the oldest one.
            point_time=min(times, default=None),
            affected={str(key).lower(): value for key, value in affected.items()},
            target=str(props.get("targetObjectId") or ""),
            start=parse_time(props.get("startTime")),
            end=parse_time(props.get("endTime")),
            problems=tuple(problems),
            tasks=tuple((str(t.get("name") or ""), str(t.get("state") or "")) for t in tasks),
            title=bounded(props.get("friendlyName") or "", 200),
            stopped_at=next(
                (
                    bounded(t.get("friendlyName") or t.get("name") or "", 200)
                    for t in tasks
                    if t.get("state") == SUSPENDED
                ),
                "",
            ),
        )
