# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about master targets and appliances, their VMs and hosts. Pure."""

from __future__ import annotations

from ...model.servers import DISK_CAP
from ...servers.health import free_slots, newer
from ...servers.moved import WATCHED, judge_place, verified
from ...wanted.selection import listing
from ..facts.facts import Facts
from ..facts.moments import COMMIT, FAILOVER, GATEWAY, MASTER_TARGET, MODERNIZED, ONLY_CLASSIC, REPROTECT
from ..facts.subjects import Gateway
from .rule import BLOCK, WARN, Rule, Said, bad, ok, unknown
from .server_verdicts import coded, on_vm, updates

#: Share of a retention volume that should be free (INFER: no formula is documented).
RETENTION_FREE = 0.10


def mt_version(s: Gateway, _f: Facts) -> Said | None:
    """A newer master target takes the reprotect, and replication fails afterwards (DOC MT17-26)."""
    if s.server is None or s.fabric is None or s.generation == MODERNIZED:
        return None
    for name, version in [
        (s.fabric.friendly_name, s.fabric.version),
        *((p.name, p.version) for p in s.fabric.process_servers),
    ]:
        if newer(s.server.version, version):
            return bad(
                f"The master target {s.name} has version {s.server.version}, newer than the {version} of {name}."
            )
    return ok(f"{s.name} is not newer than its configuration server and process servers.")


def mt_place(s: Gateway, f: Facts) -> Said | None:
    if f.survey is None or s.vm is None:
        return unknown(f"vCenter could not report whether {s.name} was moved.")
    if s.place is None:
        return unknown(f"Whether {s.name} was moved could not be read.")
    reasons, told = judge_place(s.place, WATCHED)
    if reasons:
        return bad(reasons[0].reason, reasons[0].remedy)
    return ok(" ".join(advice.sentence() for advice in told) or f"{s.name} has not moved.")


def mt_excluded(s: Gateway, f: Facts) -> Said | None:
    if f.survey is None or s.vm is None or s.exclusion is None:
        return unknown(f"Whether {s.name} is excluded from DRS and Storage DRS could not be read.")
    change, asides = verified(s.exclusion)
    if change.refusal is not None:
        return bad(change.refusal.reason, change.refusal.remedy)
    if not asides:
        return ok(f"{s.name} is excluded from automatic moves.")
    return bad(" ".join(advice.reason for advice in asides), " ".join(a.remedy for a in asides if a.remedy))


def mt_vmfs(s: Gateway, f: Facts) -> Said | None:
    if f.survey is None or s.vm is None:
        return unknown(f"The datastores of the host of {s.name} could not be read.")
    mounted = [
        d for some in f.survey.datastores.values() for d in some if s.vm.host in d.mounts and d.mounts[s.vm.host].usable
    ]
    if any(d.kind == "vmfs" for d in mounted):
        return ok(f"The host of {s.name} mounts a VMFS datastore.")
    return bad(
        f"The host {s.vm.host} of {s.name} mounts no VMFS datastore ({listing(f'{d.name} is {d.type}' for d in mounted)})."
    )


def mt_slots(s: Gateway, _f: Facts) -> Said | None:
    if s.server is None:
        return None
    free = free_slots(s.server, None if s.server.appliance else s.vm)
    if free < max(1, s.wanted_disks):
        return bad(
            f"{s.name} can take {max(0, free)} more disks of {DISK_CAP}, and {max(1, s.wanted_disks)} are to be attached."
        )
    return ok(f"{s.name} can take {free} more disks.")


def shared_uuids(s: Gateway, f: Facts) -> Said | None:
    if f.survey is None or s.vm is None:
        return unknown(f"The UUIDs of {s.name} and of the machines could not be compared.")
    mine = {d.uuid.lower() for d in s.vm.disks if d.uuid}
    for vm in s.served:
        if vm.moid == s.vm.moid:
            continue
        if s.vm.bios_uuid and vm.bios_uuid.lower() == s.vm.bios_uuid.lower():
            return bad(f"{s.name} and {vm.name} have the same BIOS UUID {vm.bios_uuid}.")
        files = {d.uuid.lower(): d.file for d in s.vm.disks if d.uuid}
        # A disk of the machine that is attached to it just now is the very same disk.
        shared = [d for d in vm.disks if d.uuid.lower() in mine and files[d.uuid.lower()] != d.file]
        if shared:
            return bad(f"{s.name} and {vm.name} have disks of the same UUID {shared[0].uuid}.")
    return ok(f"{s.name} shares no UUID with the machines.")


def retention_space(s: Gateway, _f: Facts) -> Said | None:
    if s.server is None or s.server.appliance or not s.server.retention_volumes:
        return None
    for volume in s.server.retention_volumes:
        whole, free = volume.capacity_bytes, volume.free_bytes
        if not isinstance(whole, (int, float)) or not isinstance(free, (int, float)):
            return unknown(f"The vault does not report the free space of {volume.name} on {s.name}.")
        if whole <= 0 or free / whole < RETENTION_FREE:
            return bad(
                f"The retention volume {volume.name} on {s.name} has {free / (1 << 30):.0f} of {whole / (1 << 30):.0f} GB free."
            )
    return ok(f"The retention volumes of {s.name} have enough free space.")


def host_ready(s: Gateway, f: Facts) -> Said | None:
    if f.survey is None or s.vm is None or s.host is None:
        return unknown(f"The host of {s.name} could not be read.")
    if s.host.connection != "connected":
        return bad(f"The host {s.host.name} of {s.name} is {s.host.connection or 'in an unknown state'}.")
    if s.host.maintenance:
        return bad(f"The host {s.host.name} of {s.name} is in maintenance mode.")
    return ok(f"{s.host.name} is connected.")


def esxi_licence(s: Gateway, f: Facts) -> Said | None:
    """A free licence has no vSphere API to write with, and no vCenter takes such a host (DOC SUPT; INFER)."""
    if f.survey is None:
        return unknown(f"The licence of the host of {s.name} could not be read.")
    if f.survey.api != "HostAgent":
        return ok("Its host is managed by vCenter, which a free licence does not allow.")
    if f.survey.features is None:
        return unknown("The host's licence could not be read.")
    if any("vsphere api" in text.lower() or "evaluation" in text.lower() for text in f.survey.features):
        return ok("The host's licence has the vSphere API.")
    return bad("The host's licence lacks the vSphere API, as the free one does.")


_ROUND = REPROTECT | FAILOVER
_MT = REPROTECT | {MASTER_TARGET}
_C = ONLY_CLASSIC
_MTREAD = "the server's entry on its fabric"
_VMREAD = "its VM in vCenter"

RULES: tuple[Rule, ...] = (
    Rule(
        "mt_heartbeat", "Master target or appliance is reporting", GATEWAY, _ROUND, BLOCK,
        coded("no_heartbeat", fine="{name} is reporting."), f"{_MTREAD}: heartbeats of all parts",
        "Start it and check its connection to the configuration server or to Azure.", "preflight check 21", (21,),
    ),
    Rule(
        "mt_health", "Master target or appliance is healthy", GATEWAY, _ROUND, BLOCK,
        coded("unhealthy", fine="{name} is healthy."), f"{_MTREAD}: health, health and validation errors",
        "Fix what the vault reports.", "preflight check 21", (21,),
    ),
    Rule(
        "mt_supported", "Master target's version is supported", GATEWAY, _MT, BLOCK,
        coded("version_not_supported", fine="The version of {name} is supported."), f"{_MTREAD}: versionStatus",
        "Update it.", "section 1.7", (24,), _C,
    ),
    Rule(
        "mt_outdated", "Master target's version is up to date", GATEWAY, _MT, WARN, updates,
        f"{_MTREAD}: versionStatus", "Update it.", "section 1.7", (24,), _C,
    ),
    Rule(
        "mt_version", "Master target is not newer than its servers", GATEWAY, _MT, BLOCK, mt_version,
        f"{_MTREAD}: agentVersion beside that of the configuration and process servers",
        "Update the configuration server and the process servers, or install an older master target.",
        "preflight check 24", (24,), _C,
    ),
    Rule(
        "mt_retention", "Master target offers the retention volume", GATEWAY, _MT, BLOCK,
        coded("no_retention_volume", "retention_volume_not_found", "retention_volume_ambiguous", fine="{name} offers a retention volume."),
        f"{_MTREAD}: retentionVolumes (a FAT volume is not listed)",
        "Mount a separate drive, not FAT; it appears after 15 minutes.", "preflight check 40", (40,), _C,
    ),
    Rule(
        "mt_retention_space", "Retention volume has room", GATEWAY, _MT, WARN, retention_space,
        f"{_MTREAD}: freeSpaceInBytes of capacityInBytes", "Free up space on it, or attach a larger one.",
        "preflight check 40", (40,), _C,
    ),
    Rule(
        "mt_datastores", "Datastores are offered", GATEWAY, _MT, BLOCK,
        coded("no_datastores", "datastore_not_found", fine="{name} offers datastores."), f"{_MTREAD}: datastores",
        "Start VMware Tools, and give the vCenter account more than read-only rights.", "preflight check 34", (34,),
    ),
    Rule(
        "mt_slots", "Disks to attach fit", GATEWAY, _MT, BLOCK, mt_slots,
        f"{_MTREAD} and its VM: disks, and those of the machines to be reprotected",
        "Fail back machines first, or add another one.", "preflight check 31", (31,),
    ),
    Rule(
        "mt_vm", "Master target is a VM of this vCenter", GATEWAY, _MT, BLOCK,
        on_vm("vm_not_found", "vm_ambiguous", "vm_unreachable", fine="{name} is a VM of this vCenter."),
        "VMs by UUID, name and address",
        "A master target is a VMware VM of the vCenter in hostname; rename the others.",
        "preflight checks 25 and 83", (25, 83),
    ),
    Rule(
        "mt_snapshot", "Master target has no snapshot", GATEWAY, _ROUND, BLOCK,
        on_vm("has_snapshot", fine="{name} has no snapshot."), f"{_VMREAD}: snapshot", "Delete all its snapshots.",
        "preflight check 26", (26,), _C,
    ),
    Rule(
        "mt_controller", "Master target's controllers are LSI Logic", GATEWAY, _MT, BLOCK,
        on_vm("controller_not_lsi", fine="{name} has LSI Logic controllers."), f"{_VMREAD}: devices",
        "Power it off and change its SCSI controllers.", "preflight check 27", (27,), _C,
    ),
    Rule(
        "mt_uuid", "disk.EnableUUID is TRUE on the master target", GATEWAY, _MT, BLOCK,
        on_vm("uuid_not_enabled", fine="disk.EnableUUID is TRUE on {name}."), f"{_VMREAD}: extraConfig",
        "Set it with the playbook prepare while the VM is off.", "preflight check 28", (28,), _C,
    ),
    Rule(
        "mt_power", "Master target is powered on", GATEWAY, _ROUND, BLOCK,
        on_vm("powered_off", fine="{name} is powered on."), f"{_VMREAD}: runtime.powerState", "Power it on.",
        "preflight check 41", (41,), _C,
    ),
    Rule(
        "mt_tools", "VMware Tools is running on the master target", GATEWAY, _MT, BLOCK,
        on_vm("tools_not_running", fine="VMware Tools is running on {name}."), f"{_VMREAD}: guest.toolsRunningStatus",
        "Install or start VMware Tools.", "preflight check 41", (41,), _C,
    ),
    Rule(
        "mt_uuids_shared", "Master target shares no UUID with machines", GATEWAY, REPROTECT, BLOCK, shared_uuids,
        "BIOS and disk UUIDs in vCenter", "Build the master target from another template.", "preflight check 30",
        (30,), _C,
    ),
    Rule(
        "mt_vmfs", "Master target's host mounts a VMFS datastore", GATEWAY, _MT, BLOCK, mt_vmfs,
        "datastores of its host in vCenter", "Mount a VMFS datastore on that host.", "preflight check 32", (32,), _C,
    ),
    Rule(
        "mt_host", "Master target's host is available", GATEWAY, _ROUND, BLOCK, host_ready,
        "its host in vCenter: connection, maintenance mode",
        "Restore the host, or move the master target while it holds no disks.", "preflight check 48", (48,),
    ),
    Rule(
        "esxi_licence", "ESXi licence is not the free one", GATEWAY, _ROUND, BLOCK, esxi_licence,
        "whether a vCenter answers; else the host's licence", "Use an evaluation or paid licence.",
        "preflight check 47", (47,),
    ),
    Rule(
        "mt_excluded", "It is excluded from DRS and Storage DRS", GATEWAY, _ROUND | COMMIT, WARN, mt_excluded,
        "overrides of its cluster and datastore clusters", "Run the playbook prepare.", "preflight check 42", (42,),
    ),
    Rule(
        "mt_place", "It has not moved since prepare", GATEWAY, FAILOVER | COMMIT, BLOCK, mt_place,
        "the note on its VM, and its location",
        "Find the disks and attach them by hand after the failover, or enable replication of the machines again.",
        "preflight check 43", (43,),
    ),
)  # fmt: skip
