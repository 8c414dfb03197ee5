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
from functools import cached_property
from typing import Any

from .shapes import ITEM, understood

Json = Mapping[str, Any]

#: Years that only mean "never" or "not yet" (SEEN FB, OLD).
SENTINEL_YEARS = frozenset({1, 1601, 1753, 9999})


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


def _first(*values: Any) -> Any:
    """The first value that is reported."""
    return next((value for value in values if value is not None), None)


@dataclass(frozen=True)
class VaultRef:
    """A vault as the user names it."""

    subscription_id: str
    resource_group: str
    name: str

    @cached_property
    def id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.RecoveryServices/vaults/{self.name}"
        )

    @cached_property
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

    @cached_property
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
        """ARM id of the Azure VM where the item carries it (targetVmId, or azureVirtualMachineId when modernized).

        Before a failover targetVmId ends in "/", without a name (SEEN RP2): there is no VM.
        """
        told = str(self.details.get("azureVirtualMachineId") or self.details.get("targetVmId") or "")
        return told if told and not told.endswith("/") else None

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
        group = str(details.get("multiVmGroupName") or "").strip() or None
        group_id = str(details.get("multiVmGroupId") or "").strip().lower()
        # A machine without a group has a group id of its own, which is the name too (SEEN RP1, RP2, FB): that is no group.
        if group and group.lower() == group_id:
            group = None
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
