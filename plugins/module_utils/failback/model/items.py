# SPDX-License-Identifier: GPL-3.0-or-later
"""What the vault says about machines and jobs, as frozen data parsed from the service's JSON.

Parsing is tolerant where the service is (asr-api.md sections 1 and 3): ids differ in case, times are naive or aware
or sentinels, booleans may be strings, and any field may be null or absent. Items, jobs and what both are read with stay in
one file: its parts are only used together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from .shapes import ITEM, JOB, understood
from .texts import bounded

Json = Mapping[str, Any]

#: Years that only mean "never" or "not yet" (SEEN FB, OLD).
SENTINEL_YEARS = frozenset({1, 1601, 1753, 9999})

#: The two words of a job that is alive; any other word means it has ended (asr-api.md 4).
ALIVE = frozenset({"NotStarted", "InProgress"})

#: Final states that count as success. CompletedWithInformation is a success with a message (SEEN JL).
SUCCEEDED = frozenset({"Succeeded", "CompletedWithInformation"})

#: The state of a job that waits for a manual action; it has not ended, and will not end on its own.
SUSPENDED = "Suspended"

#: The name of a machine whose entry has neither name nor id.
UNNAMED = "(unnamed machine)"


def parse_time(value: Any) -> datetime | None:
    """A service time as an aware UTC datetime; None for absent values and sentinels.

    Naive values are UTC. Fractions of up to seven digits occur and are cut to microseconds.
    """
    if not isinstance(value, str) or not value:
        return None
    text = value.strip().replace("Z", "+00:00")
    if "." in text:
        head, _dot, tail = text.partition(".")
        digits = ""
        for char in tail:
            if not char.isdigit():
                break
            digits += char
        text = f"{head}.{digits[:6].ljust(6, '0')}{tail[len(digits) :]}"
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    if parsed.year in SENTINEL_YEARS:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def iso(value: datetime | None) -> str | None:
    """A time as in results: seconds, UTC, with a Z."""
    if value is None:
        return None
    return value.astimezone(timezone.utc).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def truth(value: Any) -> bool | None:
    """A real boolean, or the service's "true"/"false" strings, or None without a value (SEEN RCM)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("true", "yes"):
            return True
        if word in ("false", "no"):
            return False
    return None


def last_segment(resource_id: str | None) -> str:
    """The name at the end of an ARM id."""
    return resource_id.rstrip("/").rpartition("/")[2] if isinstance(resource_id, str) else ""


def before_segment(resource_id: str, segment: str) -> str:
    """The part of an ARM id before a segment such as "/replicationProtectedItems/", spelt in any case."""
    place = resource_id.lower().rfind(segment.lower())
    return resource_id[:place] if place >= 0 else ""


def _spoken(value: Any) -> Json:
    """Details of an error; a bare text in their place is their message."""
    if isinstance(value, Mapping):
        return value
    return {"message": value, "errorMessage": value} if isinstance(value, str) and value else {}


def _first(*values: Any) -> Any:
    """The first value that is reported."""
    return next((value for value in values if value is not None), None)


@dataclass(frozen=True)
class VaultRef:
    """A vault as the user names it."""

    subscription_id: str
    resource_group: str
    name: str

    @property
    def id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.RecoveryServices/vaults/{self.name}"
        )

    @property
    def key(self) -> str:
        return self.id.lower()


@dataclass(frozen=True)
class Scenario:
    """The job that holds an item just now (properties.currentScenario)."""

    name: str
    job: str

    @classmethod
    def parse(cls, data: Json | None) -> Scenario | None:
        """None when the item is idle: scenario "None", job ".../replicationJobs/None" (SEEN)."""
        if not data:
            return None
        name = str(data.get("scenarioName") or "")
        job = last_segment(data.get("jobId"))
        if not job or job.lower() == "none":
            return None
        return cls(name=name, job=job)


#: Fields with the on-premises machine's id in vCenter, by provider; the first one present counts.
SITE_IDS: Mapping[str, tuple[str, ...]] = {
    "InMageAzureV2": ("infrastructureVmId",),
    "InMage": ("replicaId", "infrastructureVmId"),
    "InMageRcm": ("fabricDiscoveryMachineId",),
}


@dataclass(frozen=True)
class Disk:
    id: str
    name: str
    size_bytes: int | None = None
    resync_percentage: int | None = None


@dataclass(frozen=True)
class Item:
    """One replicated item as last observed.

    ``id`` is the id as the service spells it (used in paths), ``key`` its lower-case form (used for comparing).
    ``allowed`` are the operations that the service accepts now; ``state`` and ``state_text`` are only displayed.
    ``details`` are the provider-specific details, read by table rows and the body builders alone.
    """

    id: str
    name: str
    friendly_name: str
    vault: VaultRef
    instance_type: str
    active_location: str
    allowed: frozenset[str]
    state: str = ""
    state_text: str = ""
    scenario: Scenario | None = None
    group: str | None = None
    group_id: str | None = None
    os_type: str | None = None
    disks: tuple[Disk, ...] = ()
    policy_id: str | None = None
    fabric_id: str = ""
    container_id: str = ""
    health: str = ""
    last_failover: datetime | None = None
    details: Json = field(default_factory=dict)
    properties: Json = field(default_factory=dict)
    #: Paths of fields of an unexpected type, which were left out.
    odd: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.id.lower()

    @property
    def names(self) -> tuple[str, str, str]:
        """The machine's name: its friendly name, else the replicated item's name, else its id."""
        return self.friendly_name, self.name, self.id

    @property
    def site_uuid(self) -> str | None:
        """The on-premises machine's id in vCenter, None where the item does not report it (physical servers, failback).

        Classic: infrastructureVmId on the way out; during the failback that is the Azure machine's and replicaId holds the
        on-premises one (SEEN FB). Modernized: what follows the last "_" of fabricDiscoveryMachineId (SEEN RCM 130), which
        is there on the way out only. A physical server has its own id there, which vCenter does not know.
        """
        if self.instance_type == "InMageAzureV2" and str(self.details.get("discoveryType")).lower() == "physical":
            return None
        for name in SITE_IDS.get(self.instance_type, ()):
            known = last_segment(str(self.details.get(name) or "")).rpartition("_")[2]
            if known:
                return known
        return None

    @property
    def azure_vm_id(self) -> str | None:
        """ARM id of the Azure VM where the item carries it (targetVmId, or azureVirtualMachineId when modernized)."""
        return self.details.get("azureVirtualMachineId") or self.details.get("targetVmId") or None

    @property
    def azure_vm_name(self) -> str:
        """Name of the Azure VM: from its id, else the planned name, else the machine's own."""
        named = self.details.get("recoveryAzureVMName") or self.details.get("targetVmName")
        return last_segment(self.azure_vm_id) or named or self.friendly_name

    @property
    def agent_heartbeat_told(self) -> str:
        """The agent's last heartbeat, as the item writes it; empty where it does not report one."""
        mobility: Json = self.details.get("mobilityAgentDetails") or {}
        return str(self.details.get("lastHeartbeat") or mobility.get("lastHeartbeatUtc") or "")

    @property
    def agent_heartbeat(self) -> datetime | None:
        return parse_time(self.agent_heartbeat_told)

    @property
    def vm_id(self) -> str:
        """The machine's GUID; jobs name it as targetObjectId (SEEN JL for classic; modernized: internalIdentifier, INFER)."""
        return str(self.details.get("vmId") or self.details.get("internalIdentifier") or "")

    @property
    def came_home(self) -> bool:
        """Whether the item says that its last planned failover succeeded (SPEC). Only decides between equals."""
        return str(self.details.get("lastPlannedFailoverStatus") or "").lower() == "succeeded"

    def agent_registered(self, sign: str) -> bool | None:
        """Whether the agent has registered since the last failover; None where the item does not report it.

        ``sign`` is "flag" (isAgentRegistrationSuccessfulAfterFailover, a real boolean, SEEN RCM) or "heartbeat"
        (classic: an agent heartbeat younger than the failover, INFER from DOC S0 and preflight check 14).
        """
        if sign == "flag":
            return truth(self.details.get("isAgentRegistrationSuccessfulAfterFailover"))
        if self.agent_heartbeat is None or self.last_failover is None:
            return None
        return self.agent_heartbeat > self.last_failover

    @property
    def sync_percentage(self) -> int | None:
        """Least advanced disk's resynchronisation in percent; None where the answer does not report it (lists omit it)."""
        known = [d.resync_percentage for d in self.disks if d.resync_percentage is not None]
        return min(known) if known else None

    @classmethod
    def parse(cls, data: Json, vault: VaultRef) -> Item:
        """An item from a list entry or a single GET (ReplicationProtectedItems_Get). Never raises: see ``odd``."""
        data, odd = understood(data, ITEM)
        props: Json = data.get("properties") or {}
        details: Json = props.get("providerSpecificDetails") or {}
        item_id = str(data.get("id") or "")
        disks = details.get("protectedDisks") or details.get("protectedManagedDisks") or ()
        os_details: Json = details.get("osDetails") or {}
        container_id = before_segment(item_id, "/replicationProtectedItems/")
        # An ungrouped machine has its own group id and no name (SEEN): that is no group.
        group = str(details.get("multiVmGroupName") or "").strip() or None
        group_id = str(details.get("multiVmGroupId") or "").strip().lower()
        return cls(
            id=item_id,
            name=str(data.get("name") or last_segment(item_id)),
            friendly_name=str(props.get("friendlyName") or data.get("name") or last_segment(item_id) or UNNAMED),
            vault=vault,
            instance_type=str(details.get("instanceType") or ""),
            active_location=str(props.get("activeLocation") or ""),
            allowed=frozenset(str(x) for x in props.get("allowedOperations") or ()),
            state=str(props.get("protectionState") or ""),
            state_text=str(props.get("protectionStateDescription") or ""),
            scenario=Scenario.parse(props.get("currentScenario")),
            group=group,
            # A modernized item has its group's name alone (SEEN RCM); a name is unique within its vault.
            group_id=(group_id or f"{vault.key}:{group.lower()}") if group else None,
            os_type=details.get("osType") or os_details.get("osType") or None,
            disks=tuple(
                Disk(
                    id=str(d.get("diskId") or ""),
                    name=str(d.get("diskName") or ""),
                    size_bytes=d.get("diskCapacityInBytes") or d.get("capacityInBytes"),
                    resync_percentage=_first(
                        d.get("resyncProgressPercentage"), (d.get("irDetails") or {}).get("progressPercentage")
                    ),
                )
                for d in disks
            ),
            policy_id=props.get("policyId") or None,
            container_id=container_id,
            fabric_id=before_segment(container_id, "/replicationProtectionContainers/"),
            health=str(props.get("replicationHealth") or ""),
            # The first vanishes from a modernized item being failed back (SEEN RCM 158); the second is SPEC.
            last_failover=parse_time(props.get("lastSuccessfulFailoverTime"))
            or parse_time(details.get("lastPlannedFailoverStartTime")),
            details=details,
            properties=props,
            odd=odd,
        )


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
        service = _spoken(data.get("serviceErrorDetails"))
        provider = _spoken(data.get("providerErrorDetails"))
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
