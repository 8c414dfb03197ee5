# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicated items: their true state, and how they look in a list and alone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.azure import wishes
from rehearsal.azure.clock import Clock, iso, iso_seconds
from rehearsal.azure.details import provider_details
from rehearsal.azure.lifecycle import AFTER_FAILOVER
from rehearsal.azure.lifecycle_table import Row
from rehearsal.azure.words import (
    AGE_MARK,
    AZURE,
    HEARTBEAT_MARK,
    ITEM_TYPE,
    NO_SCENARIO_TIME,
    PROGRESS_MARK,
    RPO_MARK,
    dumps,
)
from rehearsal.fleet import Machine, stable_uuid

if TYPE_CHECKING:
    from rehearsal.azure.jobs import Job
    from rehearsal.azure.vault import AzureVm, VaultState


#: Health errors of an item whose failover to Azure failed: the codes are SEEN, the texts of all but the second INFER.
BROKEN_HEALTH = (
    ("78024", "No data has been received from the source machine."),
    ("78026", "The recovery point objective of a source disk is beyond its threshold."),
    ("78028", "No recovery point has been made within the threshold."),
)


@dataclass(frozen=True)
class Snapshot:
    """A list entry as it was from ``at`` on; marks in the text stand for values that move with time."""

    at: float
    text: str
    started: float | None


@dataclass
class Item:
    """The truth about one replicated machine. Times are virtual seconds; ``version`` counts changes.

    It is long because it holds every field that the service shows of an item, and how each follows from the others.
    """

    vault: VaultState
    machine: Machine
    clock: Clock
    phase: str = "home"
    job: Job | None = None
    #: When the agent has registered after the last failover; before it, the heartbeat stays at ``silent_since``.
    agent_registers_at: float = 0.0
    silent_since: float = 0.0
    last_failover: float | None = None
    failed_at: float = 0.0
    azure_vm: AzureVm | None = None
    #: The master target, or the appliance, that the disks are attached to during the failback.
    master_target: str | None = None
    log_storage: str | None = None
    #: The datastore of a machine that was recreated.
    rebuilt_on: str | None = None
    #: The last planned failover: when it started, and its status word.
    planned: tuple[float, str] | None = None
    process_server: str | None = None
    sync_started: float | None = None
    sync_ends: float | None = None
    protected_since: float = 0.0
    #: Recovery points are frozen at the failover and vanish with the commit (DOC).
    points_until: float | None = None
    failover_point: str | None = None
    #: Times a fleet fault has happened, by its position in the machine's list.
    faults_done: dict[int, int] = field(default_factory=dict)
    #: What the fleet or the control endpoint sets over the truth: allowed_operations, protection_state, health_errors, details.
    overrides: dict[str, Any] = field(default_factory=dict)
    turns: int = 0
    #: What a client has changed of the item (PATCH): keys of providerSpecificDetails.
    wishes: dict[str, Any] = field(default_factory=dict)
    #: Disks that the machine got on-premises and that are not replicated, in GB.
    new_disks_gb: list[int] = field(default_factory=list)
    #: A test failover that waits for its clean-up, or was cleaned up.
    test: str = ""
    #: When the last test failover ended; of a machine that comes tested, a day before the fleet starts.
    tested_at: float = 0.0
    #: The word of switchProviderState once the item was moved to a modernized vault.
    switched: str | None = None
    snapshots: deque[Snapshot] = field(default_factory=deque)

    @property
    def name(self) -> str:
        return self.machine.item_name

    @property
    def id(self) -> str:
        return self.vault.item_id(self.name)

    @property
    def vm_id(self) -> str:
        """The machine's GUID: targetObjectId of its jobs (SEEN).

        Classic: also infrastructureVmId and the protectable item's name; after a reprotect home it is the Azure machine's
        (SEEN). Modernized: the item's internalIdentifier, which differs between the two directions (SEEN); which of them
        its jobs name is INFER.
        """
        if not self.vault.modernized:
            return self.machine.uuid if self.row.forward else self.azure_machine_id
        turned = () if self.row.forward else ("failback",)
        return stable_uuid("vm", self.vault.spec.name, self.machine.name, *turned)

    @property
    def azure_machine_id(self) -> str:
        """The id of the Azure VM of this circle; every failover to Azure makes a new one. That the vault's id of it is
        the VM's own vmId is INFER."""
        return stable_uuid("azure-vm", self.machine.vault, self.machine.name, str(self.turns // 2))

    @property
    def azure_name(self) -> str:
        """The service changes a name that is taken (SEEN: the old name and a GUID)."""
        name = wishes.name(self)
        return f"{name}-{stable_uuid('azure-name', self.name)}" if self.machine.azure_name_taken else name

    @property
    def row(self) -> Row:
        return self.vault.rows[self.phase]

    @property
    def busy(self) -> bool:
        return self.job is not None

    @property
    def allowed(self) -> list[str]:
        """[] while busy (SEEN)."""
        if "allowed_operations" in self.overrides:
            return list(self.overrides["allowed_operations"])
        if self.busy:
            return []
        return ["TestFailoverCleanup"] if self.test == "waiting" else list(self.row.allowed)

    @property
    def protectable_name(self) -> str:
        """A new protectable item is made for the Azure machine; its name is the machine's id (SEEN)."""
        return self.vm_id

    def agent_registered(self) -> bool:
        return self.clock.now() >= self.agent_registers_at

    def heartbeat(self) -> str:
        """Moves about every minute while the agent is registered; before, it stays older than the failover (INFER)."""
        if self.agent_registered():
            return minute_before(self.clock.now())
        return iso_seconds(self.silent_since)

    def progress(self) -> int:
        if self.sync_started is None or self.sync_ends is None:
            return 0
        span = max(1.0, self.sync_ends - self.sync_started)
        return max(0, min(99, int(100 * (self.clock.now() - self.sync_started) / span)))

    def last_point(self) -> str | None:
        """The last recovery point, which stays the same after a failover (SEEN); None while points are made."""
        moment = self.points_until or self.last_failover
        return iso_seconds(moment) if self.phase in AFTER_FAILOVER and moment is not None else None

    def point_age(self) -> int:
        """Age of the last recovery point in seconds."""
        return max(0, int(self.clock.now() - (self.points_until or self.last_failover or self.clock.now())))

    def touch(self) -> None:
        """Keep the present state for lists, which lag behind."""
        now = self.clock.now()
        body = self.render(hollow=True)
        text = dumps(body)
        self.snapshots.append(Snapshot(now, text, self.sync_started if self.row.syncing else None))

    def list_entry(self, moment: float) -> str:
        """The entry of a list as it was at ``moment``."""
        snapshots = self.snapshots
        while len(snapshots) > 1 and snapshots[1].at <= moment:
            snapshots.popleft()
        first = snapshots[0]
        if AGE_MARK in first.text:
            return first.text.replace(AGE_MARK, str(self.point_age()))
        if first.started is not None:
            if self.vault.modernized and len(snapshots) == 1:
                # Bytes and disks move too: no mark could stand for them.
                return dumps(self.render(hollow=True))
            return first.text.replace(PROGRESS_MARK, str(self.progress()))
        return first.text

    def render(self, hollow: bool = False) -> dict[str, Any]:
        """The item as a body. ``hollow``: as in a list, with marks for what moves with time."""
        row, vault = self.row, self.vault
        alive = self.agent_registered()
        heartbeat = HEARTBEAT_MARK if hollow and alive else self.heartbeat()
        calculated = RPO_MARK if hollow else minute_before(self.clock.now())
        progress: Any = PROGRESS_MARK.strip('"') if hollow else self.progress()
        scenario = {"scenarioName": "None", "jobId": vault.job_id("None"), "startTime": NO_SCENARIO_TIME}
        if self.job is not None:
            scenario = {
                "scenarioName": self.job.scenario,
                "jobId": self.job.id,
                "startTime": iso(self.job.started or self.job.created),
            }
        policy = vault.forward_policy if row.forward else vault.failback_policy
        fabric, container = vault.fabric_friendly, vault.container_friendly
        errors, failover_health = self._health()
        state, description = self.overrides.get("protection_state", (row.state, row.description))
        test_state, test_text = self._test_words()
        properties: dict[str, Any] = {
            "friendlyName": self.machine.name,
            "protectedItemType": "",
            # Null in a modernized vault (SEEN).
            "protectableItemId": None if vault.modernized else vault.protectable_id(self.protectable_name),
            "recoveryServicesProviderId": vault.provider_id,
            "primaryFabricFriendlyName": fabric,
            "primaryFabricProvider": "InMageRcmFabric" if vault.modernized else "InMageFabric",
            "recoveryFabricFriendlyName": AZURE if row.forward else fabric,
            "recoveryFabricId": AZURE if row.forward else vault.fabric_id,
            "primaryProtectionContainerFriendlyName": container,
            "recoveryProtectionContainerFriendlyName": AZURE if row.forward else container,
            "protectionState": state,
            "protectionStateDescription": description,
            "activeLocation": row.location,
            # Stays for good once a test failover was cleaned up (SEEN).
            "testFailoverState": test_state,
            "testFailoverStateDescription": test_text,
            "switchProviderState": self.switched or "None",
            "switchProviderStateDescription": None,
            "allowedOperations": self.allowed,
            "replicationHealth": self.overrides.get("replication_health", "Critical" if self.broken else "Normal"),
            "failoverHealth": failover_health,
            "healthErrors": errors,
            "policyId": vault.policy_id(policy),
            "policyFriendlyName": policy,
            "currentScenario": scenario,
            "failoverRecoveryPointId": self._failover_point(hollow) if row.forward else "",
            "providerSpecificDetails": provider_details(self, hollow, heartbeat, calculated, progress),
            "recoveryContainerId": vault.azure_container_id if row.forward else vault.container_id,
            "eventCorrelationId": stable_uuid("correlation", self.name, str(self.turns)),
        }
        if self.last_failover is not None:
            properties["lastSuccessfulFailoverTime"] = iso(self.last_failover)
        if test_state == "MarkedForDeletion":
            properties["lastSuccessfulTestFailoverTime"] = iso(self.tested_at)
        return {"id": self.id, "name": self.name, "type": ITEM_TYPE, "properties": properties}

    def _failover_point(self, hollow: bool) -> str | None:
        """A classic list does not report it (SEEN)."""
        return None if hollow and not self.vault.modernized else self.failover_point

    @property
    def _tested(self) -> bool:
        """Every second machine of a classic vault had a test failover once, so that both forms are in every fleet."""
        if not self.row.forward:
            # None during the failback (SEEN).
            return False
        if self.test == "cleaned":
            return True
        chance = int(stable_uuid("vm", self.vault.spec.name, self.machine.name)[-1], 16)
        return not self.vault.modernized and chance % 2 == 0

    def _test_words(self) -> tuple[str, str]:
        """State and text of a test failover: it waits (SPEC), or is marked for good (SEEN)."""
        if self.test == "waiting" and self.row.forward:
            return "WaitingForCompletion", "Cleanup test failover pending"
        return ("MarkedForDeletion", "Cleaning up test environment") if self._tested else ("None", "None")

    @property
    def broken(self) -> bool:
        """A failed failover to Azure was seen with critical health; of a failed failback nothing is known."""
        return self.phase == "failed_out"

    def _health(self) -> tuple[list[dict[str, Any]], str]:
        errors = list(self.overrides.get("health_errors", []))
        if self.broken:
            errors += [
                health_error(code, "Error", "Replication", message, self.failed_at) for code, message in BROKEN_HEALTH
            ]
        if not self._tested and self.row.forward and not self.vault.modernized:
            errors.append(self._untested())
            return errors, "Warning"
        return errors, "Normal"

    def _untested(self) -> dict[str, Any]:
        """The warning of a machine that was never tested (SEEN as keys and words)."""
        message = f"No successful test failover has been done on the virtual machine '{self.machine.name}'."
        return {
            **health_error("161011", "Warning", "TestFailover", message, self.protected_since),
            "errorSource": "ReplicationUnitFailoverValidatorError",
            "errorType": "8010",
            "summaryMessage": "",
            "possibleCauses": "The virtual machine was replicated and not tested since.",
            "recommendedAction": "Do a test failover on the virtual machine.",
            "recoveryProviderErrorMessage": None,
            "entityId": self.vm_id,
            "errorId": "6:8010",
        }


def health_error(code: str, level: str, category: str, message: str, moment: float) -> dict[str, Any]:
    """A health error entry (SEEN as a shape)."""
    return {
        "innerHealthErrors": [],
        "errorSource": "PrimaryFabric",
        "errorType": category,
        "errorLevel": level,
        "errorCategory": category,
        "errorCode": code,
        "summaryMessage": message,
        "errorMessage": message,
        "possibleCauses": "",
        "recommendedAction": "",
        "creationTimeUtc": iso(moment),
        "recoveryProviderErrorMessage": "",
        "entityId": "",
        "errorId": code,
        "customerResolvability": "NotAllowed",
    }


def minute_before(now: float) -> str:
    return iso_seconds(now // 60 * 60)
