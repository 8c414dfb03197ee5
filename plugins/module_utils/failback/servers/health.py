# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server registered with a classic vault can be used now, and if not, why and what to do. Pure.

There is no "registered" flag (asr-api.md 1.1): a server is evaluated by its heartbeat, its versions, its health and what
it offers. A reason that may resolve itself (``waits``) is waited out; the others end the work on that server. One file, because it is one list of
checks, a few lines each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..model.refusal import Advice, Refusal
from ..model.server_ports import SiteServer
from ..model.servers import DISK_CAP, HEARTBEAT_STALE, Fabric, MasterTarget, ProcessServer
from ..model.texts import age as words
from ..model.texts import joined
from ..wanted.selection import listing
from .by_name import AnyServer
from .target_vm import judge_vm, match_vm

#: AgentVersionStatus words (SPEC): the first cannot be used, the others can and should be updated. Others are ignored.
VERSION_BLOCKS = frozenset({"NotSupported"})
VERSION_WARNS = frozenset({"Deprecated", "UpdateRequired", "SecurityUpdateRequired"})

#: What an advice is about: a version that is supported and should be updated.
OUTDATED = "outdated"

#: Load and space words that mean all is well (SEEN Green; SPEC Healthy, Normal).
FINE = frozenset({"", "Green", "Healthy", "Normal", "Unknown", "None"})


@dataclass(frozen=True)
class Verdict:
    """Everything that blocks a server now (empty: ready), and its warnings."""

    reasons: tuple[Refusal, ...] = ()
    warnings: tuple[Advice, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.reasons

    @property
    def told(self) -> list[str]:
        """Its warnings as users read them."""
        return [warning.sentence() for warning in self.warnings]

    @property
    def may_heal(self) -> bool:
        """Not ready, but everything that is missing may resolve itself."""
        return bool(self.reasons) and all(r.waits for r in self.reasons)

    @property
    def worst(self) -> Refusal | None:
        """The reason to name first: a permanent one, if there is one."""
        return next((r for r in self.reasons if not r.waits), self.reasons[0] if self.reasons else None)


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


def _version_warning(server: AnyServer, kind: str) -> list[Advice]:
    if server.version_status not in VERSION_WARNS:
        return []
    said = f"The version {server.version} of the {kind} {server.name} is {server.version_status}."
    return [Advice(said, "Update it.", OUTDATED)]


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
        warnings += [Advice(f"{server.name}: {p}") for p in server.problems]
    for what, word in (("CPU", server.cpu_status), ("memory", server.memory_status), ("cache", server.space_status)):
        if word not in FINE:
            warnings.append(Advice(f"The {what} of the process server {server.name} is {word}."))
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


def lacking(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The wanted names that are not among ``names``, whatever the case."""
    known = {name.casefold() for name in names}
    return [name for name in wanted if name.casefold() not in known]


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
    missing = lacking(names, wanted)
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
