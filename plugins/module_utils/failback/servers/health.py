# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server registered with a classic vault can be used now, and if not, why and what to do. Pure.

There is no "registered" flag (asr-api.md 1.1): a server is evaluated by its heartbeat, its versions, its health and what
it offers. A reason that may resolve itself (``waits``) is waited out; the others end the work on that server. One file, because it is one list of
checks, a few lines each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from ..lifecycle.gates import age as words
from ..model.errors import InputError
from ..model.items import Json, VaultRef
from ..model.refusal import Refusal
from ..model.server_ports import SiteServer, short_name
from ..model.servers import DISK_CAP, HEARTBEAT_STALE, Fabric, MasterTarget, ProcessServer
from ..model.texts import joined
from ..wanted.selection import listing

#: customDetails.instanceType of a configuration server (SEEN FAB).
CLASSIC_FABRIC = "VMware"

#: AgentVersionStatus words (SPEC): the first cannot be used, the others can and should be updated. Others are ignored.
VERSION_BLOCKS = frozenset({"NotSupported"})
VERSION_WARNS = frozenset({"Deprecated", "UpdateRequired", "SecurityUpdateRequired"})

#: Load and space words that mean all is well (SEEN Green; SPEC Healthy, Normal).
FINE = frozenset({"", "Green", "Healthy", "Normal", "Unknown", "None"})

#: Controllers a master target may have for its disks (DOC REP18, PREP: LSI Logic only).
LSI = frozenset({"lsilogic", "lsilogic-sas"})


@dataclass(frozen=True)
class Verdict:
    """Everything that blocks a server now (empty: ready), and its warnings."""

    reasons: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.reasons

    @property
    def may_heal(self) -> bool:
        """Not ready, but everything that is missing may resolve itself."""
        return bool(self.reasons) and all(r.waits for r in self.reasons)

    @property
    def worst(self) -> Refusal | None:
        """The reason to name first: a permanent one, if there is one."""
        return next((r for r in self.reasons if not r.waits), self.reasons[0] if self.reasons else None)


class AnyServer(Protocol):
    """What master targets and process servers share."""

    @property
    def id(self) -> str:
        """ARM id or the service's own id."""

    @property
    def name(self) -> str:
        """Its friendly name."""

    @property
    def ip(self) -> str:
        """Address, empty where it is not reported."""

    @property
    def version_status(self) -> str:
        """The service's word on the agent's version."""

    @property
    def version(self) -> str:
        """Version of the agent."""

    @property
    def heartbeat(self) -> datetime | None:
        """Last heartbeat (aware, UTC)."""


S = TypeVar("S", bound=AnyServer)


def classic_fabrics(fabrics: Mapping[VaultRef, Sequence[Json]]) -> list[Fabric]:
    """The configuration servers of the vaults. Raises InputError where no vault has one."""
    parsed = [Fabric.parse(data, vault) for vault, entries in fabrics.items() for data in entries]
    found = [f for f in parsed if f.instance_type == CLASSIC_FABRIC]
    if not found:
        raise InputError(
            "no_configuration_server",
            f"No configuration server is registered with {_vault_names(fabrics)} ('{{option:vaults}}').",
            "Master targets and process servers belong to classic vaults; a modernized vault uses a replication "
            "appliance instead. Check '{option:vaults}'.",
        )
    return found


def _vault_names(vaults: Iterable[VaultRef]) -> str:
    names = [f"vault {v.name}" for v in vaults]
    return " or ".join(names) or "any vault"


def find_server(wanted: str, known: Sequence[tuple[Fabric, S]], kind: str, option: str) -> tuple[Fabric, S] | None:
    """The server meant by a name (domain may be left out), an address or an id; None where there is none.

    Raises InputError (``<kind>_ambiguous``) where it fits several.
    """
    text = wanted.strip().casefold()
    exact = [(f, s) for f, s in known if text in (s.id.casefold(), s.name.casefold(), s.ip.casefold())]
    found = exact or [(f, s) for f, s in known if short_name(s.name) == short_name(wanted)]
    if len(found) > 1:
        where = listing(f"{s.id} ({s.name}, {s.ip}, vault {f.vault.name})" for f, s in found)
        raise InputError(
            f"{kind.replace(' ', '_')}_ambiguous",
            f"{option}={wanted!r} matches {len(found)} {kind}s: {where}.",
            f"Set `{option}` to the id.",
        )
    return found[0] if found else None


def not_found(wanted: str, known: Sequence[tuple[Fabric, S]], kind: str, option: str) -> InputError:
    """The refusal of an unknown server, with the list to choose from."""
    return InputError(
        f"{kind.replace(' ', '_')}_not_found",
        f"No {kind} {wanted!r} (`{option}`) is registered with the vaults.",
        f"Registered: {listing(s.name for _fabric, s in known)}. Choose one of them, or register a new one first.",
    )


def volume_name(name: str) -> str:
    """A retention volume's name for comparing: R, R: and R:\\ are one."""
    return name.strip().rstrip(":\\").casefold() or name.strip().casefold()


def judge_alive(server: AnyServer, fabric: Fabric, now: datetime, kind: str) -> list[Refusal]:
    """Heartbeat and version of a server and of its configuration server (checks 1, 15, 18, 21)."""
    reasons = judge_configuration_server(fabric, now)
    silent = "it has never sent a heartbeat" if server.heartbeat is None else _silence(server.heartbeat, now)
    if silent:
        reasons.append(
            Refusal(
                "no_heartbeat",
                f"The {kind} {server.name} is not reporting: {silent}.",
                (
                    "Check that it is powered on, that its services are running and that it reaches the configuration "
                    "server on TCP 443."
                ),
                waits=True,
            )
        )
    if server.version_status in VERSION_BLOCKS:
        reasons.append(
            Refusal(
                "version_not_supported",
                f"The version {server.version} of the {kind} {server.name} is not supported.",
                "Update it to the version of the configuration server.",
            )
        )
    return reasons


def judge_configuration_server(fabric: Fabric, now: datetime) -> list[Refusal]:
    """Service and heartbeat of a configuration server (check 1)."""
    silent = _silence(fabric.heartbeat, now)
    if fabric.service_status in ("", "Running") and not silent:
        return []
    return [
        Refusal(
            "configuration_server_silent",
            f"The configuration server {fabric.friendly_name} is not running ({silent or fabric.service_status}).",
            "Start it and check its connection to Azure.",
            waits=True,
        )
    ]


def _silence(heartbeat: datetime | None, now: datetime) -> str:
    """Words for a stale heartbeat, empty for a fresh or unknown one (threshold: servers.HEARTBEAT_STALE)."""
    if heartbeat is None:
        return ""
    age = (now - heartbeat).total_seconds()
    return f"its last heartbeat is {words(age)} old" if age > HEARTBEAT_STALE else ""


def _version_warning(server: AnyServer, kind: str) -> list[str]:
    if server.version_status not in VERSION_WARNS:
        return []
    return [f"The version {server.version} of the {kind} {server.name} is {server.version_status}: update it."]


def newer(version: str, than: str) -> bool:
    """Whether a version is above another one (check 18, DOC PSSC); values that are no versions are ignored."""
    try:
        mine, theirs = ([int(part) for part in text.split(".")] for text in (version, than))
    except ValueError:
        return False
    return mine > theirs


def judge_process_server(server: ProcessServer, fabric: Fabric, now: datetime) -> Verdict:
    """Checks 15, 17 and 18 of failback-domain.md section 4."""
    reasons = judge_alive(server, fabric, now, "process server")
    warnings = _version_warning(server, "process server")
    if newer(server.version, fabric.version):
        reasons.append(
            Refusal(
                "version_above_configuration_server",
                f"The process server {server.name} has version {server.version}, which is newer than version "
                f"{fabric.version} of the configuration server {fabric.friendly_name}.",
                "Update the configuration server first. A process server must not be newer.",
            )
        )
    if server.service_status not in ("", "Running"):
        reasons.append(
            Refusal(
                "service_not_running",
                f"The process server service on {server.name} is {server.service_status}.",
                "Start the services ProcessServer and ProcessServerMonitor on it.",
                waits=True,
            )
        )
    said = joined(server.problems)
    if server.health == "Critical":
        reasons.append(
            Refusal(
                "unhealthy",
                f"The process server {server.name} is in a critical state{': ' + said if said else ''}.",
                "Fix what the vault reports under its health, then rerun.",
                waits=True,
            )
        )
    else:
        warnings += [f"{server.name}: {p}" for p in server.problems]
    for what, word in (("CPU", server.cpu_status), ("memory", server.memory_status), ("cache", server.space_status)):
        if word not in FINE:
            warnings.append(f"The {what} of the process server {server.name} is {word}.")
    return Verdict(tuple(reasons), tuple(warnings))


def judge_master_target(
    server: MasterTarget,
    fabric: Fabric,
    now: datetime,
    *,
    retention_volume: str | None = None,
    datastores: Sequence[str] = (),
    vms: Sequence[SiteServer] | None = None,
) -> Verdict:
    """Checks 21, 25 to 28, 31, 34, 40 and 41 of failback-domain.md section 4.

    ``vms`` are the VMs that may be this server (see ``match_vm``); None leaves vCenter out.
    """
    reasons = judge_alive(server, fabric, now, "master target")
    warnings = _version_warning(server, "master target")
    for text in server.problems:
        reasons.append(
            Refusal(
                "unhealthy",
                f"The vault reports for the master target {server.name}: {text}",
                "Fix what the vault reports under its health, then rerun.",
                waits=True,
            )
        )
    reasons += _retention(server, retention_volume)
    reasons += _datastores(server, datastores)
    found = match_vm(server, vms) if vms is not None else None
    vm = found if isinstance(found, SiteServer) else None
    if isinstance(found, Refusal):
        reasons.append(found)
    if vm is not None:
        reasons += judge_vm(vm)
    free = free_slots(server, vm)
    if free <= 0:
        reasons.append(
            Refusal(
                "disk_slots_full",
                f"The master target {server.name} has {DISK_CAP - free} disks attached, and the limit is {DISK_CAP}.",
                "Fail back the machines on it first, or use another master target.",
            )
        )
    return Verdict(tuple(reasons), tuple(warnings))


def free_slots(server: MasterTarget, vm: SiteServer | None) -> int:
    """Disks that can still be attached (DOC PREP: 60 in all, its own count too). The larger count is believed."""
    return DISK_CAP - max(server.disk_count, len(vm.disks) if vm is not None else 0)


def _retention(server: MasterTarget, wanted: str | None) -> list[Refusal]:
    names = [v.name for v in server.retention_volumes]
    if not names:
        return [
            Refusal(
                "no_retention_volume",
                f"The master target {server.name} has no retention volume.",
                (
                    "Mount a separate drive (not FAT). A new one appears after up to 15 minutes, or sooner with "
                    "`{set:refresh=true}`."
                ),
                waits=True,
            )
        ]
    if wanted is not None and volume_name(wanted) not in {volume_name(n) for n in names}:
        return [
            Refusal(
                "retention_volume_not_found",
                f"The master target {server.name} has no retention volume {wanted!r} ('{{option:retention_volume}}'); it has "
                f"{listing(names)}.",
                "Choose one of them. A new drive appears after up to 15 minutes, or sooner with `{set:refresh=true}`.",
                waits=True,
            )
        ]
    if wanted is None and len(names) > 1:
        return [
            Refusal(
                "retention_volume_ambiguous",
                f"The master target {server.name} has several retention volumes: {listing(names)}.",
                "Set '{option:retention_volume}' to one of them.",
            )
        ]
    return []


def _datastores(server: MasterTarget, wanted: Sequence[str]) -> list[Refusal]:
    names = [d.name for d in server.datastores]
    if not names:
        return [
            Refusal(
                "no_datastores",
                f"The vault lists no datastore on the host of the master target {server.name}.",
                "VMware Tools must be running on it, its host needs a VMFS datastore, and the configuration "
                "server's vCenter account needs more than read-only rights. Discovery takes up to 15 minutes.",
                waits=True,
            )
        ]
    missing = [w for w in wanted if w.casefold() not in {n.casefold() for n in names}]
    if not missing:
        return []
    return [
        Refusal(
            "datastore_not_found",
            f"The host of the master target {server.name} does not have the datastore {listing(missing)} "
            f"('{{option:datastores}}'); it has {listing(names)}.",
            "Mount it on that host, or choose another. Discovery takes up to 15 minutes.",
            waits=True,
        )
    ]


def match_vm(server: MasterTarget, vms: Sequence[SiteServer]) -> SiteServer | Refusal:
    """The one VM that is this master target, or why there is not exactly one.

    A VM whose guest has the server's address is believed first; else the names decide (the VM's, or the guest's).
    """
    itself = [
        v for v in vms if server.vm_uuid and server.vm_uuid.casefold() in (v.uuid.casefold(), v.bios_uuid.casefold())
    ]
    if len(itself) == 1:
        # An appliance names its VM (SEEN RCM 131: fabricObjectId).
        return itself[0]
    named = [v for v in vms if short_name(server.name) in (short_name(v.name), short_name(v.host_name))]
    at_address = [v for v in vms if server.ip and server.ip in v.addresses]
    for candidates in ([v for v in named if v in at_address], named, at_address):
        if len(candidates) == 1:
            return candidates[0]
    candidates = named or at_address
    if not candidates:
        return Refusal(
            "vm_not_found",
            f"vCenter has no virtual machine for the {server.kind} {server.name} ({server.ip or server.fqdn}).",
            "A master target must be a VMware VM of the vCenter in `hostname`; check the option and the VM's name.",
        )
    return Refusal(
        "vm_ambiguous",
        f"vCenter has {len(candidates)} virtual machines that could be the {server.kind} {server.name}: "
        f"{listing(f'{v.name} ({v.moid})' for v in candidates)}.",
        "Rename the others, or start VMware Tools so that the IP address identifies the right one.",
    )


def judge_vm(vm: SiteServer) -> list[Refusal]:
    """The verdict about a master target's VM in vCenter (checks 26, 27, 28 and 41). Stale data is not evaluated."""
    if vm.doubt:
        return [
            Refusal(
                "vm_unreachable",
                f"The state of the virtual machine {vm.name} is unknown: {vm.doubt}.",
                "Restore its host, its datastore and their connection to vCenter.",
                waits=True,
            )
        ]
    reasons = []
    if vm.has_snapshot:
        reasons.append(
            Refusal(
                "has_snapshot",
                f"The virtual machine {vm.name} has a snapshot, which a master target must not have.",
                "Delete all its snapshots.",
            )
        )
    wrong = sorted(({"pvscsi"} & set(vm.controllers)) | {d.controller for d in vm.disks if d.controller} - LSI)
    if wrong:
        reasons.append(
            Refusal(
                "controller_not_lsi",
                (
                    f"The virtual machine {vm.name} has a {', '.join(wrong)} controller; a master target supports LSI "
                    "Logic only."
                ),
                "Power it off and change its SCSI controllers to LSI Logic.",
            )
        )
    if not vm.uuid_enabled:
        reasons.append(
            Refusal(
                "uuid_not_enabled",
                f"disk.EnableUUID is not TRUE on the virtual machine {vm.name}.",
                "Set it with `enable_uuid: true` while the machine is off.",
            )
        )
    if not vm.powered_on:
        word = "powered off" if vm.powered_on is False else vm.power or "in an unknown power state"
        reasons.append(Refusal("powered_off", f"The virtual machine {vm.name} is {word}.", "Power it on.", waits=False))
    elif not vm.tools_running:
        reasons.append(
            Refusal(
                "tools_not_running",
                f"VMware Tools is not running on {vm.name}, so the vault cannot see the datastores of its host.",
                "Install or start VMware Tools (or open-vm-tools) on it.",
                waits=True,
            )
        )
    return reasons
