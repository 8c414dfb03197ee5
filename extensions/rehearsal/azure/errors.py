# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong, in the words of the service: HTTP refusals of ARM and causes of failed jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """An ARM call that is answered with an error; ``headers`` are added to the answer."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body
        self.headers = headers or {}


def refused(status: int, code: str, message: str, **headers: str) -> Refused:
    """The plain ARM envelope: ``{"error": {"code", "message"}}`` (SEEN)."""
    return Refused(status, {"error": {"code": code, "message": message}}, headers)


def resource_not_found(kind: str, name: str, group: str) -> Refused:
    """A missing vault or VM: code ResourceNotFound, no details (SEEN)."""
    return refused(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def group_not_found(group: str) -> Refused:
    return refused(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def provider_refused(
    status: int,
    code: str,
    message: str,
    *,
    detail_code: str = "",
    causes: str = "",
    action: str = "",
    ids: tuple[str, str],
) -> Refused:
    """The envelope of Site Recovery itself: details with possible causes and recommended action (SEEN for a 404)."""
    detail = {
        "code": detail_code or code,
        "message": message,
        "possibleCauses": causes,
        "recommendedAction": action,
        "clientRequestId": ids[0],
        "activityId": ids[1],
    }
    return Refused(status, {"error": {"code": code, "message": message, "details": [detail]}})


def item_not_found(name: str, ids: tuple[str, str]) -> Refused:
    """A resource below the vault that does not exist (SEEN)."""
    return provider_refused(
        404,
        "NotFound",
        f"Specified resource with name '{name}' does not exist.",
        detail_code="ArmResourceDoesNotExist",
        causes="Resource specified may have been deleted or moved.",
        action="Check that the resource exists and run the operation again.",
        ids=ids,
    )


@dataclass(frozen=True)
class Cause:
    """Why a job failed (or what it warns of): providerErrorDetails of an error entry.

    ``source`` SEEN: code and message were recorded. DOC: the code is in Microsoft's documentation. INFER: no code is documented for this cause; the
    number is the stand-in's own, from a block the documentation does not use (790xx).
    """

    code: int
    message: str
    causes: str
    action: str
    source: str = "INFER"


class JobFailure(Exception):
    """Ends a job as Failed with a cause."""

    def __init__(self, cause: Cause, **values: Any) -> None:
        self.cause = Cause(
            cause.code,
            cause.message.format(**values),
            cause.causes.format(**values),
            cause.action.format(**values),
            cause.source,
        )
        super().__init__(self.cause.message)


PLAN_MEMBER = Cause(
    79030,
    "The operation failed for {machine}, so the recovery plan {plan} stopped.",
    "The job of the machine says why.",
    "Resolve what it says and run the plan again.",
)
AGENT_MISSING = Cause(
    79001,
    "The mobility agent is not installed on {machine}, or it has not registered with the configuration server yet.",
    "The machine was started less than 15 minutes ago and its agent has not reported since.",
    "Wait until the agent has reported, up to 15 minutes after the machine started, and run the operation again.",
)
AZURE_VM_DOWN = Cause(
    78093,
    "The virtual machine {machine} is not running, hangs or cannot be reached.",
    "The Azure virtual machine is stopped or has lost its network.",
    "Start the Azure virtual machine and restart the reprotect job.",
    "DOC",
)
DATASTORE = Cause(
    8061,
    "Datastore {datastore} is not accessible from ESXi host {host}.",
    "The datastore is not mounted on the host of master target {target}, is read-only there, or is of a type that is not supported.",
    "Mount the datastore on the host with read and write access, or choose another datastore, and run the operation again.",
    "DOC",
)
NAME_CLASH = Cause(
    78052,
    "Protection could not be completed for {machine}.",
    "A virtual machine with the same name already exists on host {host} of master target {target}.",
    "Rename that virtual machine or choose a master target on another host, and run the operation again.",
    "DOC",
)
HOST_MEMORY = Cause(
    8038,
    "The on-premises virtual machine {machine} could not be started: {reason}",
    "The ESXi host does not have enough memory for the virtual machine.",
    "Free memory on the host or move the virtual machine to another host, and start it.",
    "DOC",
)
TARGET_UNKNOWN = Cause(
    79002,
    "Master target {target} is not registered with the configuration server.",
    "The id is wrong, or the server was removed.",
    "Choose one of the master targets that the configuration server lists.",
)
TARGET_GONE = Cause(
    79003,
    "Master target {target} was not found in vCenter, or is not powered on.",
    "The virtual machine was deleted, renamed or stopped.",
    "Start the master target and run the operation again.",
)
TARGET_OS = Cause(
    79004,
    "Master target {target} runs {target_os}, but {machine} runs {os}.",
    "A Linux machine needs a Linux master target, a Windows machine a Windows master target.",
    "Choose a master target with the operating system of the machine.",
)
TARGET_SNAPSHOT = Cause(
    79005,
    "Master target {target} has a snapshot.",
    "Disks cannot be attached to or detached from a master target that has snapshots.",
    "Delete the snapshots of the master target and run the operation again.",
)
TARGET_PVSCSI = Cause(
    79006,
    "Master target {target} has a Paravirtual SCSI controller.",
    "Only LSI Logic controllers are supported on a master target.",
    "Replace the controller by an LSI Logic controller and run the operation again.",
)
TARGET_FULL = Cause(
    79007,
    "Master target {target} has {attached} disks attached; {machine} brings {disks} more than it can take.",
    "A master target carries 60 disks at most, on four controllers of 15 slots.",
    "Choose another master target, or wait until machines on this one have failed back.",
)
RETENTION = Cause(
    79008,
    "Retention volume {volume} does not exist on master target {target}.",
    "The volume is not mounted, or was added less than 15 minutes ago.",
    "Choose one of the retention volumes that the master target lists.",
)
PROCESS_SERVER = Cause(
    79009,
    "Process server {server} is not registered with the configuration server.",
    "The id is wrong, or the server was removed.",
    "Choose one of the process servers that the configuration server lists.",
)
ACCOUNT = Cause(
    79010,
    "Run-as account {account} does not exist on the configuration server.",
    "The account was removed, or the id belongs to another configuration server.",
    "Choose one of the accounts that the configuration server lists.",
)
POLICY = Cause(
    79011,
    "Policy {policy} cannot be used for replication in this direction.",
    "The policy does not exist, or its type is not {wanted}.",
    "Choose a policy of type {wanted} that is associated with the configuration server.",
)
RECOVERY_POINT = Cause(
    79012,
    "There is no recovery point {point} for {machine}.",
    "The point has expired, or none of that kind has been made yet.",
    "Choose another recovery point, or the latest one.",
)
ONPREM_RUNNING = Cause(
    79013,
    "The on-premises virtual machine {machine} is powered on.",
    "Someone started the machine while its disks are attached to the master target.",
    "Power the on-premises virtual machine off and run the operation again.",
)
DISKS_LOST = Cause(
    79014,
    "The disks of {machine} cannot be detached from master target {target} and attached again: {reason}",
    "The master target was moved with Storage vMotion, or vCenter is not connected.",
    "Find the disks on the datastores and attach them to the virtual machine.",
)
VCENTER = Cause(
    79015,
    "vCenter could not carry out the operation for {machine}: {reason}",
    "vCenter is not connected, or refused the operation.",
    "Check vCenter's connection and the rights of the account, and run the operation again.",
)
SHUTDOWN = Cause(
    79016,
    "The source machine {machine} could not be shut down: {reason}",
    "The machine or its management server cannot be reached.",
    "Shut the source machine down by hand if it still runs.",
)
MACHINE_GONE = Cause(
    79017,
    "The on-premises virtual machine {machine} was not found in vCenter.",
    "The machine was deleted.",
    "Protect the machine again.",
)
APPLIANCE_UNKNOWN = Cause(
    79021,
    "Appliance {appliance} is not registered with the vault.",
    "The id is wrong, or the appliance was removed.",
    "Choose one of the appliances that the vault lists.",
)
APPLIANCE_UNHEALTHY = Cause(
    79022,
    "Appliance {appliance} is in critical health.",
    "A component of the appliance does not work or does not report.",
    "Resolve the appliance's health errors, or choose another appliance, and run the operation again.",
)
APPLIANCE_GONE = Cause(
    79023,
    "The virtual machine of appliance {appliance} was not found in vCenter, or is not powered on.",
    "The virtual machine was deleted, renamed or stopped.",
    "Start the appliance, or choose another one, and run the operation again.",
)
APPLIANCE_SNAPSHOT = Cause(
    79024,
    "The virtual machine of appliance {appliance} has a snapshot.",
    "Disks cannot be attached to or detached from a virtual machine that has snapshots.",
    "Delete the snapshots of the appliance and run the operation again.",
)
APPLIANCE_DATASTORE = Cause(
    8061,
    "Datastore {datastore} is not accessible from appliance {appliance}.",
    "The datastore is not mounted on the appliance's host, or the discovery has not seen it yet.",
    "Choose a datastore that the appliance lists, or an appliance that reaches this one.",
    "DOC",
)
APPLIANCE_FULL = Cause(
    79025,
    "Appliance {appliance} has {attached} disks of machines attached; {machine} brings {disks} more than it can take.",
    "An appliance carries 60 disks at most.",
    "Choose another appliance, or wait until machines on this one have failed back.",
)
LOG_STORAGE = Cause(
    79026,
    "The log storage account {account} cannot be used.",
    "The account does not exist, or is in another region than the vault.",
    "Choose a storage account in the region of the vault.",
)
RENAMED = Cause(
    28175,
    "The VM name '{old}' was modified to '{new}' to avoid name conflicts.",
    "A virtual machine with that name exists in the target resource group.",
    "Rename the machine if its former name is needed.",
    "SEEN",
)
NOT_AT_HOME = Cause(
    79027,
    "The virtual machine {machine} cannot be moved to the modernized experience now.",
    "It is failed over, being failed back, or another operation is in progress on it.",
    "Bring the machine home and protect it again, then move it.",
    "DOC",
)
BUSY = Cause(
    79020,
    "The operation {operation} cannot be started on {machine}: the operation is not allowed now.",
    "Another operation is in progress on the machine, or the machine is in another state.",
    "Wait for the running operation to finish, check the allowed operations, and run the operation again.",
)
