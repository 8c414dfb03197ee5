# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: their tasks, their endings, and how they look alone (full) and in a list (without details)."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.azure.clock import iso
from rehearsal.azure.errors import Cause
from rehearsal.azure.words import AZURE, NOT_STARTED_TIME, RS, dumps
from rehearsal.fleet import stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.items import Item
    from rehearsal.azure.lifecycle_table import Move
    from rehearsal.azure.vault import VaultState


@dataclass(frozen=True)
class Step:
    """A task of a scenario and its share of the job's duration."""

    name: str
    friendly: str
    share: float


#: Tasks in order (SEEN); the shares of the failover are those of the measured failback (58, 140 and 16 of 215 s).
SCENARIOS: dict[str, tuple[Step, ...]] = {
    "UnplannedFailover": (
        Step("VmUfoPrerequisitesCheck", "Prerequisites check for unplanned failover", 0.27),
        Step("VmShutdownVmOnPrimary", "Shut down the virtual machine", 0.05),
        Step("VmPrepareForUnPlannedFailover", "Preparing for failover", 0.02),
        Step("VmFailover", "Start failover", 0.58),
        Step("VmFoStartVmOnSecondary", "Start the virtual machine", 0.08),
    ),
    # Names of a planned failover's and a cancellation's tasks are not recorded (INFER, after the unplanned one's).
    "PlannedFailover": (
        Step("VmPfoPrerequisitesCheck", "Prerequisites check for planned failover", 0.15),
        Step("VmPrepareForPlannedFailover", "Preparing for failover", 0.25),
        Step("VmShutdownVmOnPrimary", "Shut down the virtual machine", 0.15),
        Step("VmFailover", "Start failover", 0.35),
        Step("VmFoStartVmOnSecondary", "Start the virtual machine", 0.1),
    ),
    "CancelFailover": (
        Step("VmCancelFailover", "Cancel failover", 0.8),
        Step("VmStartVmOnPrimary", "Start the virtual machine", 0.2),
    ),
    "CommitFailover": (
        Step("VmCommitPrerequisitesCheck", "Prerequisites check for commit", 0.2),
        Step("VmCommit", "Commit", 0.8),
    ),
    "SwitchReplicationGroupProtection": (
        Step("SwitchReplicationGroupProtectionPreflightTask", "Prerequisites check for reprotect", 0.05),
        Step("VmCommitFailover", "Commit failover", 0.0),
        Step("DiscoverReplicaTask", "Discovering the virtual machine", 0.2),
        Step("GetSwitchProtectionRequirementsTask", "Checking the requirements of reprotect", 0.15),
        Step("ProtectReplicaTask", "Enabling replication", 0.6),
    ),
    "EnableDr": (Step("EnableProtectionTask", "Enable replication", 1.0),),
    "RepairVMReplication": (Step("RepairVmReplicationTask", "Resynchronize", 1.0),),
    "TestFailover": (
        Step("VmTfoPrerequisitesCheck", "Prerequisites check for test failover", 0.3),
        Step("VmTfoCreateTestEnvironment", "Create test environment", 0.1),
        Step("VmTfoFailover", "Create test virtual machine", 0.5),
        Step("VmTfoStartVm", "Start the virtual machine", 0.1),
    ),
    # Names of a cleanup's tasks are SEEN, those of the test INFER.
    "TestFailoverCleanup": (
        Step("VmTfoCleanupPreflightsCheck", "Prerequisites check for test failover cleanup", 0.2),
        Step("VmTfoEndFailover", "End test failover", 0.2),
        Step("VmTfoDeleteTestVm", "Delete test virtual machine", 0.6),
    ),
    "ApplyRecoveryPoint": (Step("ApplyRecoveryPointTask", "Change recovery point", 1.0),),
    "ResolveHealthErrors": (Step("ResolveHealthErrorsTask", "Resolve health errors", 1.0),),
    "DisableDr": (Step("DisableProtectionTask", "Disable replication", 1.0),),
    "UpdateVmProperties": (Step("UpdateVmPropertiesTask", "Update the virtual machine", 1.0),),
    "AddDisks": (Step("AddDisksTask", "Add disks", 1.0),),
    "UpdateRecoveryPlan": (Step("UpdateRecoveryPlanTask", "Save recovery plan", 1.0),),
    "ExportJobs": (Step("ExportJobsTask", "Export jobs", 1.0),),
    "CheckFabricConsistency": (Step("CheckConsistencyTask", "Check consistency", 1.0),),
    "RenewCertificate": (Step("RenewCertificateTask", "Renew certificate", 1.0),),
    "UpdateMobilityService": (Step("UpdateMobilityServiceTask", "Update Mobility Service", 1.0),),
    "IrCompletion": (Step("IrCompletionTask", "Finalize protection", 1.0),),
    "PrimaryIrCompletion": (Step("IrCompletionTask", "Finalize protection", 1.0),),
    "SecondaryIrCompletion": (Step("IrCompletionTask", "Finalize protection", 1.0),),
    "RefreshFabricLayout": (Step("RefreshFabricLayoutTask", "Refresh server", 1.0),),
    "RefreshVaultHealth": (Step("RefreshVaultHealthTask", "Refresh vault health", 1.0),),
    "UpdateAppliance": (Step("UpdateApplianceTask", "Change appliance", 1.0),),
    "SwitchProvider": (Step("SwitchProviderTask", "Move to the modernized experience", 1.0),),
    "ReassociateGateway": (Step("ReassociateGatewayTask", "Change process server", 1.0),),
}

DETAILS = {
    "UnplannedFailover": "FailoverJobDetails",
    "PlannedFailover": "FailoverJobDetails",
    "SwitchReplicationGroupProtection": "SwitchProtectionJobDetails",
    "TestFailover": "TestFailoverJobDetails",
    "ExportJobs": "ExportJobDetails",
}

#: Service code that comes with nearly every provider error (SEEN).
SERVICE_CODE = "559"


@dataclass
class Task:
    step: Step
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
    friendly: str
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

    def __post_init__(self) -> None:
        self.tasks = [Task(step) for step in SCENARIOS[self.scenario]]
        #: The other machine of the pair, as it was when the job was made; it differs from the target (SEEN).
        self.recovery_vm = ""
        if self.item is not None:
            onprem, azure = self.item.machine.uuid, self.item.azure_machine_id
            self.recovery_vm = onprem if self.target_id == azure else azure

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
        self.description = "Failed" if state == "Failed" else "Completed"
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
            properties["endTime"] = iso(ended)
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
        if kind == "FailoverJobDetails" and item:
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
            # Null while running; at the end the item's own id with a lower-case /subscriptions (SEEN).
            done = self.ended is not None and self.state != "Failed"
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
        item = self.item
        if item is None:
            return {}
        vault = self.vault
        home = bool(self.move and self.move.direction == "to_onprem")
        # A classic reprotect to Azure names the configuration server as recovery cloud (SEEN).
        turning = bool(self.move and self.move.operation == "reprotect") and not vault.modernized
        onprem = home or turning
        return {
            "primaryVmId": self.target_id,
            "primaryVmName": item.machine.name,
            "recoveryVmId": self.recovery_vm,
            "recoveryVmName": item.machine.name,
            "protectionProfileId": stable_uuid("policy", vault.spec.name, self._policy(home)),
            "primaryCloudId": vault.container,
            "primaryCloudName": vault.container_friendly,
            "recoveryCloudId": vault.container if onprem else AZURE,
            "recoveryCloudName": vault.container_friendly if onprem else AZURE,
            "primaryVmmId": vault.internal_id,
            "primaryVmmName": vault.fabric_friendly,
            "recoveryVmmId": vault.internal_id if onprem else AZURE,
            "recoveryVmmName": vault.fabric_friendly if onprem else AZURE,
            "primaryFabricProviderId": vault.fabric_type,
            "recoveryFabricProviderId": vault.fabric_type if onprem else "Azure",
        }

    def _policy(self, home: bool) -> str:
        return self.vault.failback_policy if home else self.vault.forward_policy


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
        entry["taskType"] = "GroupTaskDetails"
        entry["groupTaskCustomDetails"] = {
            "instanceType": "InlineWorkflowTaskDetails",
            "childTasks": [_child(task.child)],
        }
    return entry


def _child(child: Job) -> dict[str, Any]:
    """The task that stands for its own job."""
    return {
        **_task(child.tasks[0]),
        "taskId": child.name,
        "friendlyName": child.friendly,
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
