# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios of jobs: their tasks in order, what those are called, and how long each takes of the whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A task of a scenario and its share of the job's duration."""

    name: str
    friendly: str
    share: float


#: Tasks in order with their friendly names (SEEN where nothing else is said); the shares of the failover are those of the
#: measured failback (58, 140 and 16 of 215 s).
SCENARIOS: dict[str, tuple[Step, ...]] = {
    "UnplannedFailover": (
        Step("VmUfoPrerequisitesCheck", "Prerequisites check for failover", 0.27),
        Step("VmShutdownVmOnPrimary", "Shut down the virtual machine", 0.05),
        Step("VmPrepareForUnPlannedFailover", "Synchronizing the latest changes", 0.02),
        Step("VmFailover", "Start failover", 0.58),
        Step("VmFoStartVmOnSecondary", "Start the replica virtual machine", 0.08),
    ),
    # Names of a planned failover's and a cancellation's tasks are not recorded (INFER, after the unplanned one's).
    "PlannedFailover": (
        Step("VmPfoPrerequisitesCheck", "Prerequisites check for planned failover", 0.15),
        Step("VmPrepareForPlannedFailover", "Preparing for failover", 0.25),
        Step("VmShutdownVmOnPrimary", "Shut down the virtual machine", 0.15),
        Step("VmFailover", "Start failover", 0.35),
        Step("VmFoStartVmOnSecondary", "Start the replica virtual machine", 0.1),
    ),
    "CancelFailover": (
        Step("VmCancelFailover", "Cancel failover", 0.8),
        Step("VmStartVmOnPrimary", "Start the virtual machine", 0.2),
    ),
    "CommitFailover": (
        Step("VmCommitPrerequisitesCheck", "Prerequisite check", 0.2),
        Step("VmCommit", "Commit", 0.8),
    ),
    "SwitchReplicationGroupProtection": (
        Step("SwitchReplicationGroupProtectionPreflightTask", "Prerequisite check", 0.05),
        Step("VmCommitFailover", "Committing failover", 0.0),
        Step("DiscoverReplicaTask", "Discovering replica virtual machine", 0.2),
        Step("GetSwitchProtectionRequirementsTask", "Getting reprotection requirements", 0.15),
        Step("ProtectReplicaTask", "Reprotecting virtual machine", 0.6),
    ),
    "DiscoverReplica": (Step("DiscoverReplicaTask", "Discovering replica virtual machine", 1.0),),
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
    "RefreshFabricLayout": (Step("RefreshFabricLayoutTask", "Refresh server details", 1.0),),
    "RefreshVaultHealth": (Step("RefreshVaultHealthTask", "Refresh vault health", 1.0),),
    "UpdateAppliance": (Step("UpdateApplianceTask", "Change appliance", 1.0),),
    "SwitchProvider": (Step("SwitchProviderTask", "Move to the modernized experience", 1.0),),
    "ProcessServerFailover": (Step("ProcessServerFailoverTask", "Changing Process server", 1.0),),
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
