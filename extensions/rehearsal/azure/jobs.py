# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: their tasks, their endings, and how they look alone (full) and in a list (without details)."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.azure.clock import iso, iso_seconds
from rehearsal.azure.errors import Cause
from rehearsal.azure.scenarios import DETAILS, SCENARIOS, JobTask
from rehearsal.azure.words import AZURE, AZURE_CONTAINER, AZURE_SERVER, NOT_STARTED_TIME, RS, dumps
from rehearsal.fleet import stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.items import Item
    from rehearsal.azure.lifecycle_table import Move
    from rehearsal.azure.vault import VaultState


#: Service code that comes with nearly every provider error (SEEN).
SERVICE_CODE = "559"


@dataclass
class Task:
    step: JobTask
    state: str = "NotStarted"
    description: str = "NotStarted"
    started: float | None = None
    ended: float | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: The job that a group task runs.
    child: Job | None = None
    #: Of a plan: its machines' items by name, their jobs, what the group is, what an action is.
    members: list[str] = field(default_factory=list)
    children: list[Job] = field(default_factory=list)
    group: dict[str, Any] | None = None
    details: dict[str, Any] | None = None


@dataclass
class Job:
    """A job of the vault. ``ends`` None: still alive. Times are virtual."""

    vault: VaultState
    scenario: str
    friendly: str | None
    target_id: str
    target_name: str
    target_type: str
    created: float
    client_request_id: str
    item: Item | None = None
    move: Move | None = None
    body: dict[str, Any] = field(default_factory=dict)
    started: float | None = None
    ended: float | None = None
    state: str = "NotStarted"
    description: str = "NotStarted"
    errors: list[dict[str, Any]] = field(default_factory=list)
    #: Last warning or error, for the operation status.
    cause: Cause | None = None
    recovery_point: tuple[str | None, float] | None = None
    name: str = field(default_factory=lambda: str(uuid.uuid4()))
    activity: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: The resource whose operationresults the Location link names.
    owner_path: str = ""
    kind: str = "item"
    #: Its item is gone when it ends, so its result is empty.
    leaves_nothing: bool = False
    #: Set when somebody lets a suspended job go on.
    resumed: asyncio.Event | None = None
    #: False for a job that another job's task runs: no list shows it (SEEN).
    listed: bool = True

    def __post_init__(self) -> None:
        self.tasks = [Task(step) for step in SCENARIOS[self.scenario]]
        #: What the job says of its machine's pair, which stays as it was when the job was made.
        self.pair = self._pair()

    @property
    def id(self) -> str:
        return self.vault.job_id(self.name)

    def state_at(self, moment: float) -> tuple[str, str, float | None] | None:
        """State, description and end as they were at a moment; None before the job existed."""
        if moment < self.created:
            return None
        if self.started is None or moment < self.started:
            return "NotStarted", "NotStarted", None
        if self.ended is None or moment < self.ended:
            return (
                ("Suspended", self.description, None)
                if self.state == "Suspended"
                else ("InProgress", "InProgress", None)
            )
        return self.state, self.description, self.ended

    def add_error(self, cause: Cause, level: str, moment: float, task: Task | None) -> None:
        """The same entry goes into the task and into the job (SEEN)."""
        entry = {
            "serviceErrorDetails": {
                "code": SERVICE_CODE if level == "Error" else str(cause.code),
                "message": "The operation could not be completed." if level == "Error" else cause.message,
                "possibleCauses": "Check the provider errors for more information."
                if level == "Error"
                else cause.causes,
                "recommendedAction": "Resolve the issue and retry the operation." if level == "Error" else cause.action,
                "activityId": self.activity,
            },
            "providerErrorDetails": {
                "errorCode": cause.code,
                "errorMessage": cause.message,
                "errorId": str(cause.code),
                "possibleCauses": cause.causes,
                "recommendedAction": cause.action,
            },
            "errorLevel": level,
            "creationTime": iso(moment),
            "taskId": task.id if task else None,
        }
        self.errors.append(entry)
        if task:
            task.errors.append(entry)
        self.cause = cause

    def finish(self, state: str, moment: float) -> None:
        self.state = state
        self.description = state if state in ("Failed", "CompletedWithInformation") else "Completed"
        self.ended = moment

    def operation_status(self, moment: float) -> dict[str, Any]:
        """Body of replicationOperationStatus.

        SEEN: NotStarted without a start time, InProgress, Succeeded with and without an error object, Failed with code 559.
        INFER: a job that ends CompletedWithInformation says Succeeded with an error object here.
        """
        seen = self.state_at(moment)
        state, _dummy, ended = seen or ("NotStarted", "", None)
        status = "Succeeded" if state == "CompletedWithInformation" else state
        error = None
        if ended is not None and self.cause is not None:
            failed = status == "Failed"
            error = {
                "code": SERVICE_CODE if failed else str(self.cause.code),
                "message": "The operation could not be completed." if failed else self.cause.message,
                "details": None,
            }
        return {
            "error": error,
            "id": None,
            "name": self.name,
            "properties": None,
            "status": status,
            "startTime": None if status == "NotStarted" else iso(self.started or self.created),
            "endTime": iso(ended) if ended is not None else None,
            "percentComplete": None,
        }

    def _properties(self, state: str, description: str, ended: float | None) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "activityId": None,
            "scenarioName": self.scenario,
            "friendlyName": self.friendly,
            "state": state,
            "stateDescription": description,
            "tasks": [],
            "errors": [],
            "startTime": iso(self.started or self.created),
            "allowedActions": {"InProgress": ["Cancel"], "Suspended": ["Resume", "Cancel"], "Failed": ["Restart"]}.get(
                state, []
            ),
            "targetObjectId": self.target_id,
            "targetObjectName": self.target_name,
            "targetInstanceType": self.target_type,
            "customDetails": None,
        }
        if ended is not None:
            # Whole seconds, unlike the start (SEEN).
            properties["endTime"] = iso_seconds(ended)
        return properties

    def _envelope(self, properties: dict[str, Any]) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "type": f"{RS}/replicationJobs", "properties": properties}

    def list_entry(self, moment: float) -> str | None:
        """As recorded: no tasks, errors, details or activity, even for a failed job (SEEN)."""
        seen = self.state_at(moment)
        return None if seen is None else dumps(self._envelope(self._properties(*seen)))

    def full(self, moment: float) -> dict[str, Any]:
        seen = self.state_at(moment) or ("NotStarted", "NotStarted", None)
        properties = self._properties(*seen)
        properties["activityId"] = f"{self.client_request_id} ActivityId: {self.activity}"
        properties["tasks"] = [_task(task) for task in self.tasks]
        properties["errors"] = self.errors
        properties["customDetails"] = self._details()
        return self._envelope(properties)

    def _details(self) -> dict[str, Any]:
        kind = DETAILS.get(self.scenario, "AsrJobDetails")
        details: dict[str, Any] = {"instanceType": kind}
        item = self.item
        if kind == "FailoverJobDetails":
            # Empty while it runs (SEEN).
            details["protectedItemDetails"] = []
        if kind == "FailoverJobDetails" and item and self.ended is not None:
            point, moment = self.recovery_point or (None, None)
            details["protectedItemDetails"] = [
                {
                    "name": self.target_id,
                    "friendlyName": item.machine.name,
                    "testVmName": None,
                    "testVmFriendlyName": None,
                    "networkConnectionStatus": None,
                    "networkFriendlyName": None,
                    "subnet": None,
                    "recoveryPointId": point,
                    "recoveryPointTime": iso(moment) if moment else NOT_STARTED_TIME,
                }
            ]
        if kind == "SwitchProtectionJobDetails" and item:
            # Null until the replication is enabled, then the item's own id with a lower-case /subscriptions (SEEN).
            enabled = any(task.child is not None and task.child.state == "Succeeded" for task in self.tasks[-1:])
            done = (enabled or self.ended is not None) and self.state != "Failed"
            details["newReplicationProtectedItemId"] = (
                item.id.replace("/Subscriptions/", "/subscriptions/") if done else None
            )
        if kind == "ExportJobDetails":
            # The location of the export; there is nothing to download.
            details.update(blobUri=f"https://rehearsal.invalid/jobs/{self.name}.json", sasToken=None)
        details["affectedObjectDetails"] = self._affected()
        return details

    def _affected(self) -> dict[str, Any]:
        """Keys in camelCase (SEEN 2021)."""
        item, vault = self.item, self.vault
        if item is None:
            return {}
        return {
            "primaryVmId": self.target_id,
            "primaryVmName": item.machine.name,
            "recoveryVmName": item.machine.name,
            "primaryCloudId": vault.container,
            "primaryCloudName": vault.container_friendly,
            "primaryVmmId": vault.internal_id,
            "primaryVmmName": vault.fabric_friendly,
            "primaryFabricProviderId": vault.fabric_type,
            **self.pair,
        }

    def _pair(self) -> dict[str, str]:
        """The other side and the policy.

        Classic: the pair before the job's end, so that a reprotect to Azure names the configuration server still, and one
        to on-premises Azure; the VM in Azure has no id then (SEEN). Modernized: INFER.
        """
        item, vault = self.item, self.vault
        if item is None:
            return {}
        home = not item.row.forward
        policy = vault.failback_policy if home else vault.forward_policy
        found = {"protectionProfileId": stable_uuid("policy", vault.spec.name, policy)}
        if home:
            return {
                **found,
                "recoveryVmId": item.machine.uuid,
                "recoveryCloudId": vault.container,
                "recoveryCloudName": vault.container_friendly,
                "recoveryVmmId": vault.internal_id,
                "recoveryVmmName": vault.fabric_friendly,
                "recoveryFabricProviderId": vault.fabric_type,
            }
        return {
            **found,
            "recoveryVmId": item.azure_machine_id if vault.modernized else "",
            "recoveryCloudId": AZURE_CONTAINER,
            "recoveryCloudName": AZURE,
            "recoveryVmmId": AZURE_SERVER,
            "recoveryVmmName": AZURE,
            "recoveryFabricProviderId": "Azure",
        }


def _task(task: Task) -> dict[str, Any]:
    """A running task's end is the sentinel of what has not been; details name their own type (SEEN)."""
    entry: dict[str, Any] = {
        "taskId": task.id,
        "name": task.step.name,
        "startTime": iso(task.started) if task.started is not None else NOT_STARTED_TIME,
        "endTime": iso(task.ended) if task.ended is not None else NOT_STARTED_TIME,
        "allowedActions": [],
        "friendlyName": task.step.friendly,
        "state": task.state,
        "stateDescription": task.description,
        "taskType": "TaskDetails",
        "customDetails": task.details or {"instanceType": "TaskDetails"},
        "groupTaskCustomDetails": None,
        "errors": task.errors,
    }
    if task.group is not None:
        entry["taskType"] = "GroupTaskDetails"
        entry["groupTaskCustomDetails"] = {**task.group, "childTasks": [_child(child) for child in task.children]}
    if task.child is not None:
        # It is a group once its one member runs, and counts it in its name (SEEN).
        entry["taskType"] = "GroupTaskDetails"
        entry["friendlyName"] = f"{task.step.friendly} (1)"
        entry["customDetails"] = None
        entry["groupTaskCustomDetails"] = {"instanceType": "GroupTaskDetails", "childTasks": [_child(task.child)]}
    return entry


def _child(child: Job) -> dict[str, Any]:
    """The task that stands for its own job: its id is the scenario's name, its names are the machine's (SEEN)."""
    return {
        **_task(child.tasks[0]),
        "taskId": child.scenario,
        "name": child.target_name,
        "friendlyName": child.target_name,
        "taskType": "JobTaskDetails",
        "customDetails": {
            "instanceType": "JobTaskDetails",
            "jobTask": {
                "jobId": child.id,
                "jobFriendlyName": child.friendly,
                "targetObjectId": child.target_id,
                "targetObjectName": child.target_name,
                "targetInstanceType": child.target_type,
                "jobScenarioName": child.scenario,
            },
        },
        "errors": [],
    }
