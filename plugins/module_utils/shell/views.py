# SPDX-License-Identifier: GPL-3.0-or-later
"""What the information modules return for an item, a job and a fabric. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..failback.lifecycle.migration import obstacle
from ..failback.lifecycle.table import POSITION_TEXT, STEP_TEXT, Lifecycle
from ..failback.model.items import Item, Json, iso, last_segment, parse_time
from ..failback.model.jobs import Job, Problem
from ..failback.model.lookup import index
from ..failback.model.ports import SiteMachine
from ..failback.model.servers import DISK_CAP, HEARTBEAT_STALE, Fabric, MasterTarget, Policy, ProcessServer
from ..failback.model.shapes import JOB, understood
from ..failback.proofs.prove import power_state
from ..failback.servers.appliance_health import judge_appliance
from ..failback.servers.outward import outward_servers

View = dict[str, Any]


def health_errors(item: Item) -> list[dict[str, str]]:
    """The item's health errors as problems (asr-api.md 5.4: one array, two of other names in 2017)."""
    props = item.properties
    entries: list[Json] = []
    for key in ("healthErrors", "replicationHealthErrors", "failoverHealthErrors"):
        entries.extend(props.get(key) or ())
    return [
        Problem(
            code=str(e.get("errorCode") or e.get("errorId") or ""),
            message=str(e.get("errorMessage") or e.get("summaryMessage") or ""),
            causes=str(e.get("possibleCauses") or ""),
            action=str(e.get("recommendedAction") or ""),
            level=str(e.get("errorLevel") or "Error"),
        ).result()
        for e in entries
    ]


def azure_machine(item: Item, machines: Mapping[str, Json]) -> View | None:
    """The Azure machine that belongs to the item, looked up by id; None where the item names none."""
    if not item.azure_vm_id:
        return None
    found = machines.get(item.azure_vm_id.lower())
    return {
        "id": item.azure_vm_id,
        "name": item.azure_vm_name,
        "exists": found is not None,
        "power_state": power_state(found) if found is not None else "",
    }


def item_view(
    item: Item, lifecycle: Lifecycle, fabrics: Iterable[Fabric] = (), machines: Mapping[str, Json] | None = None
) -> View:
    """A replicated item for users and playbooks. ``machines`` maps lower-case ids to Azure machines; None: not asked."""
    position = lifecycle.position(item)
    running = lifecycle.running(item)
    servers: dict[str, str] = {}
    for fabric in fabrics:
        servers.update({t.id.lower(): t.name for t in fabric.master_targets})
        servers.update({s.id.lower(): s.name for s in fabric.process_servers})

    def server(key: str) -> str | None:
        wanted = item.details.get(key)
        return servers.get(str(wanted).lower(), str(wanted)) if wanted else None

    stays = obstacle(item, lifecycle)
    doing = STEP_TEXT[running.step] if running else (item.scenario.name if item.scenario else "")
    return {
        "name": item.friendly_name,
        "vault": item.vault.name,
        "item_id": item.id,
        "generation": lifecycle.generation(item) or "unknown",
        "position": position.value if position else "unknown",
        "position_text": POSITION_TEXT[position] if position else "",
        "doing": doing,
        "job": item.scenario.job if item.scenario else None,
        "group": item.group,
        "os_type": item.os_type,
        "provider": {
            "instance_type": item.instance_type,
            "active_location": item.active_location,
            "state": item.state,
            "state_text": item.state_text,
            "allowed_operations": sorted(item.allowed),
        },
        "health": item.health,
        "health_errors": health_errors(item),
        "agent_heartbeat": iso(item.agent_heartbeat),
        "last_failover": iso(item.last_failover),
        "sync_percentage": item.sync_percentage,
        "disks": [
            {"id": d.id, "name": d.name, "size_bytes": d.size_bytes, "resync_percentage": d.resync_percentage}
            for d in item.disks
        ],
        "placement": {
            "master_target": server("masterTargetId") or server("reprotectAgentId"),
            "process_server": server("processServerId") or server("reprotectAgentId"),
            "datastores": datastores(item),
            "policy": item.properties.get("policyFriendlyName") or last_segment(item.policy_id) or None,
        },
        "azure_machine": None if machines is None else azure_machine(item, machines),
        "can_migrate": None if stays is None else not stays,
        "why_not": stays or None,
    }


def onprem_machines(uuids: Iterable[str], machines: Iterable[SiteMachine]) -> list[View | None]:
    """The one machine with each UUID (lower case; empty where it is not known); None where none or several have it.

    What vCenter reports of a VM whose host does not respond is out of date, its address as well.
    """
    look_up = index(machines, lambda m: (m.uuid, m.bios_uuid))
    shown: list[View | None] = []
    for uuid in uuids:
        those = look_up([uuid])
        if len(those) != 1:
            shown.append(None)
            continue
        (machine,) = those
        current = machine.powered_on and machine.tools == "running" and not machine.doubt
        shown.append({"vm": machine.name, "address": next(iter(machine.addresses), None) if current else None})
    return shown


def datastores(item: Item) -> list[str]:
    """Where the machine's disks are or go on-premises, as the item names it (classic; modernized home; modernized out)."""
    discovered: Json = item.details.get("discoveredVmDetails") or {}
    target = item.details.get("targetDataStoreName")
    return [
        str(d) for d in item.details.get("datastores") or ([target] if target else discovered.get("datastores")) or ()
    ]


def job_view(data: Json, vault: str) -> View:
    """A job as ReplicationJobs_Get reports it: state, tasks, and its problems with causes and advice."""
    data, _odd = understood(data, JOB)
    job = Job.parse(data)
    props: Json = data.get("properties") or {}
    return {
        "name": job.name,
        "vault": vault,
        "scenario": job.scenario,
        "description": str(props.get("friendlyName") or ""),
        "state": job.state,
        "alive": job.alive,
        "succeeded": job.succeeded,
        "machine": str(props.get("targetObjectName") or ""),
        "start": iso(job.start),
        "end": iso(job.end),
        "duration_seconds": (job.end - job.start).total_seconds() if job.start and job.end else None,
        "allowed_actions": [str(a) for a in props.get("allowedActions") or ()],
        "tasks": [
            {
                "name": str(t.get("name") or ""),
                "description": str(t.get("friendlyName") or ""),
                "state": str(t.get("state") or ""),
                "state_text": str(t.get("stateDescription") or ""),
                "start": iso(parse_time(t.get("startTime"))),
                "end": iso(parse_time(t.get("endTime"))),
            }
            for t in props.get("tasks") or ()
        ],
        "errors": [p.result() for p in job.errors],
        "warnings": [p.result() for p in job.warnings],
    }


def _stale(server: MasterTarget | ProcessServer | Fabric, now: Any) -> bool | None:
    return None if server.heartbeat is None else (now - server.heartbeat).total_seconds() > HEARTBEAT_STALE


def master_target_view(target: MasterTarget, now: Any) -> View:
    """A master target with what it offers, and how many disks still fit on it."""
    return {
        "name": target.name,
        "id": target.id,
        "os_type": target.os_type,
        "ip": target.ip,
        "version": target.version,
        "version_status": target.version_status,
        "heartbeat": iso(target.heartbeat),
        "heartbeat_stale": _stale(target, now),
        "disk_count": target.disk_count,
        "free_slots": max(0, DISK_CAP - target.disk_count),
        "retention_volumes": [
            {"name": v.name, "capacity_bytes": v.capacity_bytes, "free_bytes": v.free_bytes}
            for v in target.retention_volumes
        ],
        "datastores": [
            {"name": d.name, "type": d.type, "capacity_gb": d.capacity_gb, "free_gb": d.free_gb}
            for d in target.datastores
        ],
        "problems": list(target.problems),
    }


def process_server_view(server: ProcessServer, now: Any) -> View:
    """A process server and its load."""
    return {
        "name": server.name,
        "id": server.id,
        "ip": server.ip,
        "version": server.version,
        "version_status": server.version_status,
        "service_status": server.service_status,
        "health": server.health,
        "heartbeat": iso(server.heartbeat),
        "heartbeat_stale": _stale(server, now),
        "machine_count": server.machine_count,
        "cpu_status": server.cpu_status,
        "memory_status": server.memory_status,
        "space_status": server.space_status,
        "problems": list(server.problems),
    }


def vcenter_view(data: Json) -> View:
    """A vCenter as the configuration server knows it (SPEC VCenterProperties)."""
    props: Json = data.get("properties") or {}
    return {
        "name": str(props.get("friendlyName") or data.get("name") or ""),
        "ip": str(props.get("ipAddress") or ""),
        "port": str(props.get("port") or ""),
        "discovery_status": str(props.get("discoveryStatus") or ""),
        "heartbeat": iso(parse_time(props.get("lastHeartbeat"))),
        "fabric": last_segment(str(data.get("id") or "").partition("/replicationvCenters/")[0]),
    }


def policy_view(policy: Policy) -> View:
    """A replication policy."""
    return {
        "name": policy.friendly_name,
        "id": policy.id,
        "instance_type": policy.instance_type,
        "direction": {"InMage": "to_onprem", "InMageRcmFailback": "to_onprem"}.get(policy.instance_type, "to_azure"),
    }


def fabric_view(fabric: Fabric, vcenters: Iterable[Json], now: Any) -> View:
    """A fabric: the configuration server and everything registered on it."""
    mine = [vcenter_view(v) for v in vcenters if str(v.get("id") or "").lower().startswith(fabric.key + "/")]
    return {
        "name": fabric.friendly_name,
        "id": fabric.id,
        "vault": fabric.vault.name,
        "instance_type": fabric.instance_type,
        "generation": {"VMware": "classic", "InMageRcm": "modernized"}.get(fabric.instance_type, "unknown"),
        "host_name": fabric.host_name,
        "ip": fabric.ip,
        "version": fabric.version,
        "health": fabric.health,
        "service_status": fabric.service_status,
        "heartbeat": iso(fabric.heartbeat),
        "heartbeat_stale": _stale(fabric, now),
        "process_servers": [process_server_view(s, now) for s in fabric.process_servers],
        "master_targets": [master_target_view(t, now) for t in fabric.master_targets],
        "run_as_accounts": [{"name": a.name, "id": a.id} for a in fabric.run_as_accounts],
        "vcenters": mine,
        "outward_servers": outward_servers(None, fabric),
    }


def appliance_view(agent: MasterTarget, fabric: Fabric, held: Mapping[str, int], now: Any) -> View:
    """An appliance: its components, the datastores it reaches, the disks it holds, and whether it can be used."""
    server = next((s for s in fabric.process_servers if s.id == agent.id), None)
    parts = [c for c in fabric.components if c.appliance_id == agent.id]
    verdict = judge_appliance(agent, fabric, now, held.get(agent.id, 0))
    return {
        "name": agent.name,
        "id": agent.id,
        "vault": fabric.vault.name,
        "fabric": fabric.friendly_name,
        "fqdn": agent.fqdn,
        "ip": server.ip if server else "",
        "vcenter_id": agent.vcenter_id,
        "ready": verdict.ready,
        "reasons": [r.result() for r in verdict.reasons],
        "warnings": verdict.told,
        "health": agent.health,
        "heartbeat": iso(agent.heartbeat),
        "heartbeat_stale": _stale(agent, now),
        "datastores": [d.name for d in agent.datastores],
        "disk_count": held.get(agent.id, 0),
        "free_slots": max(0, DISK_CAP - held.get(agent.id, 0)),
        "components": [
            {
                "kind": part.kind,
                "version": part.version,
                "health": part.health,
                "heartbeat": iso(part.heartbeat),
                "problems": list(part.problems),
            }
            for part in parts
        ],
    }
