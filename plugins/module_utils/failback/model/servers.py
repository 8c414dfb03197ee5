# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers behind a vault: fabric, process servers, master targets, policies.

A classic vault's fabric is a configuration server with servers registered on it: asr-api.md section 1.1 (SEEN FAB) and
the published models VMwareDetails, ProcessServer, MasterTargetServer. A modernized vault's fabric holds appliances:
section 1.2 (SEEN RCM 131) and the models InMageRcmFabricSpecificDetails, ProcessServerDetails, ReprotectAgentDetails. All
components of one appliance share its id and name; its reprotect agent does a master target's work and is treated as one.
There is no "registered" flag: usability is evaluated from heartbeat, health, versions and what a server offers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .items import Json, VaultRef, last_segment, parse_time
from .shapes import FABRIC, POLICY, understood

#: customDetails.instanceType of a fabric of appliances (SEEN RCM 131).
APPLIANCES = "InMageRcm"

#: Components of an appliance, as the fabric lists them, and what they are called (SEEN RCM 131).
COMPONENTS = {
    "processServers": "process server",
    "rcmProxies": "proxy",
    "pushInstallers": "push installer",
    "replicationAgents": "replication agent",
    "reprotectAgents": "reprotect agent",
    "marsAgents": "recovery services agent",
    "dras": "provider",
}

#: Disks a master target may have attached at one moment (DOC PREP, REP18).
DISK_CAP = 60

#: A heartbeat read from a healthy vault is 10 to 12 minutes old (SEEN FB); beyond this many seconds it is stale (INFER).
HEARTBEAT_STALE = 1200.0


def _number(value: Any) -> float | None:
    """A number that may come as a decimal string ("439.5")."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True)
class RetentionVolume:
    name: str
    capacity_bytes: int | None = None
    free_bytes: int | None = None


@dataclass(frozen=True)
class ServerDatastore:
    """A datastore that a master target's host reaches; capacity and free space in GB. ``name`` is symbolicName (SEEN RP1)."""

    name: str
    uuid: str = ""
    type: str = ""
    capacity_gb: float | None = None
    free_gb: float | None = None


@dataclass(frozen=True)
class MasterTarget:
    id: str
    name: str
    os_type: str
    ip: str = ""
    version: str = ""
    version_status: str = ""
    heartbeat: datetime | None = None
    disk_count: int = 0
    retention_volumes: tuple[RetentionVolume, ...] = ()
    datastores: tuple[ServerDatastore, ...] = ()
    problems: tuple[str, ...] = ()
    #: Whether it is an appliance's reprotect agent: any operating system, no retention volume, disks counted by us.
    appliance: bool = False
    health: str = ""
    fqdn: str = ""
    #: The appliance's own VM in vCenter, by its instance UUID.
    vm_uuid: str = ""
    vcenter_id: str = ""
    #: Its system's name and version (SPEC); null in every recorded answer (SEEN).
    os_version: str = ""

    @property
    def kind(self) -> str:
        return "appliance" if self.appliance else "master target"

    @classmethod
    def of_appliance(cls, data: Json) -> MasterTarget:
        """From ReprotectAgentDetails; accessibleDatastores are plain names (SEEN RCM 131)."""
        return cls(
            id=str(data.get("id") or ""),
            name=str(data.get("name") or ""),
            os_type="",
            version=str(data.get("version") or ""),
            heartbeat=parse_time(data.get("lastHeartbeatUtc")),
            datastores=tuple(ServerDatastore(str(name)) for name in data.get("accessibleDatastores") or ()),
            problems=_problems(data, "healthErrors"),
            appliance=True,
            health=str(data.get("health") or ""),
            fqdn=str(data.get("fqdn") or ""),
            vm_uuid=last_segment(data.get("fabricObjectId")).rpartition("_")[2],
            vcenter_id=str(data.get("vcenterId") or ""),
        )

    @classmethod
    def parse(cls, data: Json) -> MasterTarget:
        return cls(
            id=str(data.get("id") or ""),
            name=str(data.get("name") or ""),
            os_type=str(data.get("osType") or ""),
            ip=str(data.get("ipAddress") or ""),
            version=str(data.get("agentVersion") or ""),
            version_status=str(data.get("versionStatus") or ""),
            heartbeat=parse_time(data.get("lastHeartbeat")),
            disk_count=int(data.get("diskCount") or 0),
            retention_volumes=tuple(
                RetentionVolume(str(v.get("volumeName") or ""), v.get("capacityInBytes"), v.get("freeSpaceInBytes"))
                for v in data.get("retentionVolumes") or ()
            ),
            datastores=tuple(
                ServerDatastore(
                    str(d.get("symbolicName") or ""),
                    str(d.get("uuid") or ""),
                    str(d.get("type") or ""),
                    _number(d.get("capacity")),
                    _number(d.get("freeSpace")),
                )
                for d in data.get("dataStores") or ()
            ),
            problems=_problems(data, "healthErrors", "validationErrors"),
            os_version=str(data.get("osVersion") or ""),
        )


@dataclass(frozen=True)
class ProcessServer:
    id: str
    name: str
    ip: str = ""
    version: str = ""
    version_status: str = ""
    service_status: str = ""
    health: str = ""
    heartbeat: datetime | None = None
    machine_count: int = 0
    cpu_status: str = ""
    memory_status: str = ""
    space_status: str = ""
    problems: tuple[str, ...] = ()
    appliance: bool = False
    fqdn: str = ""

    @classmethod
    def of_appliance(cls, data: Json) -> ProcessServer:
        """From ProcessServerDetails (SEEN RCM 131)."""
        return cls(
            id=str(data.get("id") or ""),
            name=str(data.get("name") or ""),
            ip=str(next(iter(data.get("ipAddresses") or ()), "")),
            version=str(data.get("version") or ""),
            health=str(data.get("health") or ""),
            heartbeat=parse_time(data.get("lastHeartbeatUtc")),
            machine_count=int(_number(data.get("protectedItemCount")) or 0),
            cpu_status=str(data.get("processorUsageStatus") or ""),
            memory_status=str(data.get("memoryUsageStatus") or ""),
            space_status=str(data.get("diskUsageStatus") or ""),
            problems=_problems(data, "healthErrors"),
            appliance=True,
            fqdn=str(data.get("fqdn") or ""),
        )

    @classmethod
    def parse(cls, data: Json) -> ProcessServer:
        return cls(
            id=str(data.get("id") or data.get("hostId") or ""),
            name=str(data.get("friendlyName") or ""),
            ip=str(data.get("ipAddress") or ""),
            version=str(data.get("agentVersion") or ""),
            version_status=str(data.get("versionStatus") or ""),
            service_status=str(data.get("psServiceStatus") or ""),
            health=str(data.get("health") or ""),
            heartbeat=parse_time(data.get("lastHeartbeat")),
            machine_count=int(_number(data.get("machineCount")) or 0),
            cpu_status=str(data.get("cpuLoadStatus") or ""),
            memory_status=str(data.get("memoryUsageStatus") or ""),
            space_status=str(data.get("spaceUsageStatus") or ""),
            problems=_problems(data, "healthErrors"),
        )


@dataclass(frozen=True)
class RunAsAccount:
    id: str
    name: str


@dataclass(frozen=True)
class Component:
    """One of the services an appliance is made of. ``kind`` is a value of COMPONENTS."""

    appliance_id: str
    kind: str
    version: str = ""
    health: str = ""
    heartbeat: datetime | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: Json, kind: str) -> Component:
        return cls(
            appliance_id=str(data.get("id") or ""),
            kind=kind,
            version=str(data.get("version") or ""),
            health=str(data.get("health") or ""),
            heartbeat=parse_time(data.get("lastHeartbeatUtc")),
            problems=_problems(data, "healthErrors"),
        )


@dataclass(frozen=True)
class Fabric:
    """A fabric: the configuration server with everything registered on it, or a modernized vault's appliances."""

    id: str
    name: str
    friendly_name: str
    vault: VaultRef
    instance_type: str
    health: str = ""
    version: str = ""
    host_name: str = ""
    ip: str = ""
    service_status: str = ""
    heartbeat: datetime | None = None
    process_servers: tuple[ProcessServer, ...] = ()
    master_targets: tuple[MasterTarget, ...] = ()
    run_as_accounts: tuple[RunAsAccount, ...] = ()
    components: tuple[Component, ...] = ()

    @property
    def key(self) -> str:
        return self.id.lower()

    @property
    def modernized(self) -> bool:
        return self.instance_type == APPLIANCES

    @property
    def gateway(self) -> str:
        """The server that a machine's data is replicated through, in words."""
        return "appliance" if self.modernized else "master target"

    @classmethod
    def parse(cls, data: Json, vault: VaultRef) -> Fabric:
        data, _odd = understood(data, FABRIC)
        props: Json = data.get("properties") or {}
        details: Json = props.get("customDetails") or {}
        servers: tuple[tuple[ProcessServer, ...], tuple[MasterTarget, ...]]
        if details.get("instanceType") == APPLIANCES:
            servers = (
                tuple(ProcessServer.of_appliance(x) for x in details.get("processServers") or ()),
                tuple(MasterTarget.of_appliance(x) for x in details.get("reprotectAgents") or ()),
            )
        else:
            servers = (
                tuple(ProcessServer.parse(x) for x in details.get("processServers") or ()),
                tuple(MasterTarget.parse(x) for x in details.get("masterTargetServers") or ()),
            )
        return cls(
            id=str(data.get("id") or ""),
            name=str(data.get("name") or ""),
            friendly_name=str(props.get("friendlyName") or ""),
            vault=vault,
            instance_type=str(details.get("instanceType") or ""),
            health=str(props.get("health") or ""),
            version=str(details.get("agentVersion") or ""),
            host_name=str(details.get("hostName") or ""),
            ip=str(details.get("ipAddress") or ""),
            service_status=str(details.get("csServiceStatus") or ""),
            heartbeat=parse_time(details.get("lastHeartbeat")),
            process_servers=servers[0],
            master_targets=servers[1],
            run_as_accounts=tuple(
                RunAsAccount(str(x.get("accountId") or ""), str(x.get("accountName") or ""))
                for x in details.get("runAsAccounts") or ()
            ),
            components=tuple(
                Component.parse(x, kind) for key, kind in COMPONENTS.items() for x in details.get(key) or ()
            )
            if details.get("instanceType") == APPLIANCES
            else (),
        )


@dataclass(frozen=True)
class Policy:
    """A replication policy; ``instance_type`` InMage marks the failback twin of a classic forward policy.

    ``rpo_threshold`` is the age in seconds beyond which a recovery point is too old to the policy, None where it does
    not report one (SPEC recoveryPointThresholdInMinutes; a modernized failback policy has none).
    """

    id: str
    name: str
    friendly_name: str
    instance_type: str
    rpo_threshold: float | None = None

    @classmethod
    def parse(cls, data: Json) -> Policy:
        data, _odd = understood(data, POLICY)
        props: Json = data.get("properties") or {}
        details: Json = props.get("providerSpecificDetails") or {}
        threshold = details.get("recoveryPointThresholdInMinutes")
        return cls(
            id=str(data.get("id") or ""),
            name=str(data.get("name") or ""),
            friendly_name=str(props.get("friendlyName") or data.get("name") or ""),
            instance_type=str(details.get("instanceType") or ""),
            rpo_threshold=60.0 * threshold if isinstance(threshold, (int, float)) and threshold > 0 else None,
        )


def _problems(data: Json, *keys: str) -> tuple[str, ...]:
    """Health and validation errors as sentences; warnings do not block a server."""
    found = []
    for key in keys:
        for entry in data.get(key) or ():
            if str(entry.get("errorLevel") or "Error") == "Warning":
                continue
            text = entry.get("summaryMessage") or entry.get("errorMessage") or entry.get("errorCode") or ""
            if text:
                found.append(str(text))
    return tuple(found)
