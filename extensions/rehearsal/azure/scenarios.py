# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios of jobs: their tasks in order, what those are called, and how long each takes of the whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JobTask:
    """A task of a scenario and its share of the job's duration."""

    name: str
    friendly: str
    share: float


#: Tasks in order with their friendly names (SEEN where nothing else is said); the shares of the failover are those of the
#: measured failback (58, 140 and 16 of 215 s).
SCENARIOS: dict[str, tuple[JobTask, ...]] = {
    "UnplannedFailover": (
        JobTask("VmUfoPrerequisitesCheck", "Prerequisites check for failover", 0.27),
        JobTask("VmShutdownVmOnPrimary", "Shut down the virtual machine", 0.05),
        JobTask("VmPrepareForUnPlannedFailover", "Synchronizing the latest changes", 0.02),
        JobTask("VmFailover", "Start failover", 0.58),
        JobTask("VmFoStartVmOnSecondary", "Start the replica virtual machine", 0.08),
    ),
    # Names of a planned failover's and a cancellation's tasks are not recorded (INFER, after the unplanned one's).
    "PlannedFailover": (
        JobTask("VmPfoPrerequisitesCheck", "Prerequisites check for planned failover", 0.15),
        JobTask("VmPrepareForPlannedFailover", "Preparing for failover", 0.25),
        JobTask("VmShutdownVmOnPrimary", "Shut down the virtual machine", 0.15),
        JobTask("VmFailover", "Start failover", 0.35),
        JobTask("VmFoStartVmOnSecondary", "Start the replica virtual machine", 0.1),
    ),
    "CancelFailover": (
        JobTask("VmCancelFailover", "Cancel failover", 0.8),
        JobTask("VmStartVmOnPrimary", "Start the virtual machine", 0.2),
    ),
    "CommitFailover": (
        JobTask("VmCommitPrerequisitesCheck", "Prerequisite check", 0.2),
        JobTask("VmCommit", "Commit", 0.8),
    ),
    "SwitchReplicationGroupProtection": (
        JobTask("SwitchReplicationGroupProtectionPreflightTask", "Prerequisite check", 0.05),
        JobTask("VmCommitFailover", "Committing failover", 0.0),
        JobTask("DiscoverReplicaTask", "Discovering replica virtual machine", 0.2),
        JobTask("GetSwitchProtectionRequirementsTask", "Getting reprotection requirements", 0.15),
        JobTask("ProtectReplicaTask", "Reprotecting virtual machine", 0.6),
    ),
    "DiscoverReplica": (JobTask("DiscoverReplicaTask", "Discovering replica virtual machine", 1.0),),
    "EnableDr": (JobTask("EnableProtectionTask", "Enable replication", 1.0),),
    "RepairVMReplication": (JobTask("RepairVmReplicationTask", "Resynchronize", 1.0),),
    "TestFailover": (
        JobTask("VmTfoPrerequisitesCheck", "Prerequisites check for test failover", 0.3),
        JobTask("VmTfoCreateTestEnvironment", "Create test environment", 0.1),
        JobTask("VmTfoFailover", "Create test virtual machine", 0.5),
        JobTask("VmTfoStartVm", "Start the virtual machine", 0.1),
    ),
    # Names of a cleanup's tasks are SEEN, those of the test INFER.
    "TestFailoverCleanup": (
        JobTask("VmTfoCleanupPreflightsCheck", "Prerequisites check for test failover cleanup", 0.2),
        JobTask("VmTfoEndFailover", "End test failover", 0.2),
        JobTask("VmTfoDeleteTestVm", "Delete test virtual machine", 0.6),
    ),
    "ApplyRecoveryPoint": (JobTask("ApplyRecoveryPointTask", "Change recovery point", 1.0),),
    "ResolveHealthErrors": (JobTask("ResolveHealthErrorsTask", "Resolve health errors", 1.0),),
    "DisableDr": (JobTask("DisableProtectionTask", "Disable replication", 1.0),),
    "UpdateVmProperties": (JobTask("UpdateVmPropertiesTask", "Update the virtual machine", 1.0),),
    "AddDisks": (JobTask("AddDisksTask", "Add disks", 1.0),),
    "UpdateRecoveryPlan": (JobTask("UpdateRecoveryPlanTask", "Save recovery plan", 1.0),),
    "ExportJobs": (JobTask("ExportJobsTask", "Export jobs", 1.0),),
    "CheckFabricConsistency": (JobTask("CheckConsistencyTask", "Check consistency", 1.0),),
    "RenewCertificate": (JobTask("RenewCertificateTask", "Renew certificate", 1.0),),
    "UpdateMobilityService": (JobTask("UpdateMobilityServiceTask", "Update Mobility Service", 1.0),),
    "IrCompletion": (JobTask("IrCompletionTask", "Finalize protection", 1.0),),
    "PrimaryIrCompletion": (JobTask("IrCompletionTask", "Finalize protection", 1.0),),
    "SecondaryIrCompletion": (JobTask("IrCompletionTask", "Finalize protection", 1.0),),
    "RefreshFabricLayout": (JobTask("RefreshFabricLayoutTask", "Refresh server details", 1.0),),
    "RefreshVaultHealth": (JobTask("RefreshVaultHealthTask", "Refresh vault health", 1.0),),
    "UpdateAppliance": (JobTask("UpdateApplianceTask", "Change appliance", 1.0),),
    "SwitchProvider": (JobTask("SwitchProviderTask", "Move to the modernized experience", 1.0),),
    "ProcessServerFailover": (JobTask("ProcessServerFailoverTask", "Changing Process server", 1.0),),
}

DETAILS = {
    "UnplannedFailover": "FailoverJobDetails",
    "PlannedFailover": "FailoverJobDetails",
    "SwitchReplicationGroupProtection": "SwitchProtectionJobDetails",
    "TestFailover": "TestFailoverJobDetails",
    "ExportJobs": "ExportJobDetails",
}

#: What the service calls the end of a synchronisation (SEEN).
FINALIZED = {
    "IrCompletion": "Finalize protection on the virtual machine",
    "PrimaryIrCompletion": "Finalize protection on the primary virtual machine",
    "SecondaryIrCompletion": "Finalize protection on the recovery virtual machine",
}
