# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disk becomes the retention volume, and whether it may be used. A disk that holds any data is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ....module_utils.failback.model.refusal import Refusal
from .survey import BlockDevice, Mount, Survey, bare_wwn

#: The label of the file system that the role creates: by it an interrupted run recognises its own work.
LABEL = "asr-retention"
NO_SIGNATURE = 2  # blkid(8), low-level probing: nothing was found
AMBIVALENT = 8


@dataclass(frozen=True)
class Objection:
    """Why the role does not go on. ``step`` is the part of the work it concerns."""

    step: str
    refusal: Refusal

    def result(self) -> dict[str, str]:
        """As the role reads it."""
        return {
            "step": self.step,
            "code": self.refusal.code,
            "reason": self.refusal.reason,
            "remedy": self.refusal.remedy,
        }


@dataclass(frozen=True)
class Retention:
    """The disk and what is to be done with it.

    ``state``: ``blank`` (format, then mount), ``formatted`` (mount), ``mounted`` (nothing), ``refused`` (see problems) or ``""``
    (none was requested). ``stolen_by`` is the multipath map that holds the disk, ``wwids`` the names multipath knows it by.
    """

    state: str = ""
    name: str = ""
    node: str = ""
    size: int = 0
    uuid: str = ""
    stolen_by: str = ""
    wwids: tuple[str, ...] = ()
    fstab: bool = False
    identity: str = ""


#: Words an objection: (code, what is wrong, remedy).
No = Callable[..., Objection]


def described(disk: BlockDevice) -> str:
    serial = min(disk.serials, key=len, default="without a serial number")
    return f"{disk.node} ({serial}, {disk.size / 1e9:.0f} GB)"


def of_guest(survey: Survey) -> tuple[BlockDevice, ...]:
    """Real disks, without what device mapper makes of them."""
    return tuple(d for d in survey.disks if not d.dm_uuid and d.size)


def matches(disk: BlockDevice, serial: str, wwn: str) -> bool:
    serial = serial.strip().lower()
    by_serial = not serial or serial in disk.serials or any(s.endswith(f"_{serial}") for s in disk.serials)
    by_wwn = not wwn.strip() or bare_wwn(wwn) in disk.wwns
    return by_serial and by_wwn


def judge(survey: Survey, serial: str, wwn: str, path: str, minimum_gb: float) -> tuple[Retention, list[Objection]]:
    """Find the disk by serial number or world wide name and say what may be done with it."""
    disks = of_guest(survey)
    known = ", ".join(described(d) for d in disks) or "none"
    if not serial and not wwn:
        return _refused(
            "retention_unnamed",
            "No retention disk is set.",
            f"Set master_target_guest_retention_serial or master_target_guest_retention_wwn. Disks of this machine: {known}.",
        )
    option = f"master_target_guest_retention_serial {serial}" if serial else f"master_target_guest_retention_wwn {wwn}"
    found = [d for d in disks if matches(d, serial, wwn)]
    if not found:
        return _refused(
            "retention_not_found",
            f"No disk of this machine matches {option}.",
            f"Disks of this machine: {known}. Disks without a serial number need disk.EnableUUID TRUE on the virtual machine "
            "and a power cycle.",
        )
    if len(found) > 1:
        names = ", ".join(described(d) for d in found)
        return _refused(
            "retention_ambiguous",
            f"{len(found)} disks match {option}: {names}.",
            "Set both master_target_guest_retention_serial and master_target_guest_retention_wwn. A disk with "
            "several paths cannot be the retention disk.",
        )
    disk = found[0]
    problems = list(_objections(survey, disk, path, minimum_gb))
    mount = _mounted_at(survey, disk, path)
    mount_uuid = (disk.probe or {}).get("UUID", "")
    base = Retention(
        state="refused",
        name=disk.name,
        node=disk.node,
        size=disk.size,
        uuid=mount_uuid,
        stolen_by=_map_on(survey, disk),
        wwids=disk.wwids,
        fstab=bool(mount_uuid) and _in_fstab(survey, mount_uuid, path),
        identity=identity(disk),
    )
    if problems:
        return base, problems
    state = "mounted" if mount else ("formatted" if _is_ours(disk) else "blank")
    return Retention(**{**base.__dict__, "state": state}), []


def identity(disk: BlockDevice) -> str:
    """A name of the disk that outlives restarts."""
    return " ".join([*sorted(disk.wwns), *sorted(disk.serials)])


def _objections(survey: Survey, disk: BlockDevice, path: str, minimum_gb: float) -> Iterator[Objection]:
    """Every reason against using this disk, each naming it."""
    name = described(disk)
    keep = "Nothing was written to it. Attach a new, empty disk, or wipe this one yourself if nothing on it is needed."

    def no(code: str, said: str, remedy: str = keep) -> Objection:
        return Objection("retention", Refusal(code, f"The retention disk {name} {said}", remedy))

    if survey.disk(disk.name) in list(survey.below(_root(survey))):
        yield no("retention_is_root", "holds the operating system.", "Use another disk.")
        return
    if disk.read_only:
        yield no("retention_read_only", "is read-only.", "Make it writable in vCenter.")
    if disk.size < minimum_gb * 1e9 * 0.99:
        yield no(
            "retention_small",
            f"is smaller than {minimum_gb:.0f} GB.",
            (
                "Enlarge it, or lower retention_gb in master_target_guest_minimums: the documentation uses 1 TB and "
                "gives no formula."
            ),
        )
    if _mounted_at(survey, disk, path):
        return
    taken = next((m for m in survey.mounts if m.path == path and m.kind != "autofs"), None)
    if taken and taken.dev not in _numbers(survey, disk):
        yield no(
            "retention_path_taken",
            f"cannot be mounted at {path}: {taken.source} is mounted there.",
            "Unmount it, or use the disk it is on.",
        )
    if disk.partitions:
        yield no("retention_partitioned", f"has partitions: {', '.join(sorted(disk.partitions))}.")
        return
    mounted = [m.path for m in survey.mounts if m.dev in _numbers(survey, disk)]
    if mounted:
        yield no("retention_mounted", f"is mounted at {', '.join(mounted)}.")
        return
    if any(f"/dev/{disk.name} " in f"{line} " for line in survey.lines("swaps")):
        yield no("retention_swap", "is in use as swap space.")
        return
    held = [h for h in disk.holders if not _is_map(survey.disk(h))]
    if held:
        yield no("retention_held", f"belongs to {', '.join(_holder(survey, h) for h in held)}.")
        return
    yield from _content(survey, disk, no)


def _content(survey: Survey, disk: BlockDevice, no: No) -> Iterator[Objection]:
    probe = disk.probe
    if probe is None or disk.data is None:
        yield no("retention_unread", "could not be read.", "See this machine's kernel messages (dmesg).")
    elif probe.get("TYPE") == "LVM2_member":
        yield no("retention_lvm", "is an LVM member, which a master target must not use.")
    elif _is_ours(disk):
        return
    elif disk.probe_code == AMBIVALENT:
        yield no("retention_ambivalent", "has several kinds of signatures.")
    elif probe.get("TYPE") or probe.get("PTTYPE"):
        kind = probe.get("TYPE") or f"a partition table ({probe.get('PTTYPE')})"
        label = f" with the label {probe['LABEL']}" if probe.get("LABEL") else ""
        yield no("retention_signature", f"contains {kind}{label}.")
    elif disk.probe_code != NO_SIGNATURE:
        yield no("retention_unread", f"could not be checked: blkid exited with {disk.probe_code}.")
    elif disk.data and not _began_here(survey, disk):
        yield no("retention_data", "contains data without a signature that blkid knows.")


def _refused(code: str, said: str, remedy: str) -> tuple[Retention, list[Objection]]:
    return Retention(state="refused"), [Objection("retention", Refusal(code, said, remedy))]


def _is_ours(disk: BlockDevice) -> bool:
    probe = disk.probe or {}
    return probe.get("TYPE") == "ext4" and probe.get("LABEL") == LABEL


def _began_here(survey: Survey, disk: BlockDevice) -> bool:
    """Whether the role had found this disk blank and was making its file system when it was interrupted."""
    return survey.first("formatting") == identity(disk)


def _root(survey: Survey) -> str:
    return next((m.dev for m in reversed(survey.mounts) if m.path == "/" and m.kind != "rootfs"), "")


def _is_map(disk: BlockDevice | None) -> bool:
    return bool(disk and disk.dm_uuid.startswith("mpath-"))


def _map_on(survey: Survey, disk: BlockDevice) -> str:
    return next((h.node for h in map(survey.disk, disk.holders) if h and _is_map(h)), "")


def _numbers(survey: Survey, disk: BlockDevice) -> set[str]:
    """Device numbers under which the whole disk may be mounted: its own and that of a multipath map on it."""
    return {disk.dev} | {h.dev for h in map(survey.disk, disk.holders) if h and _is_map(h)}


def _mounted_at(survey: Survey, disk: BlockDevice, path: str) -> Mount | None:
    return next(
        (m for m in survey.mounts if m.path == path and m.kind == "ext4" and m.dev in _numbers(survey, disk)), None
    )


def _holder(survey: Survey, name: str) -> str:
    disk = survey.disk(name)
    kind = "LVM" if disk and disk.dm_uuid.startswith("LVM-") else "a device"
    return f"{kind} ({disk.node if disk else name})"


def _in_fstab(survey: Survey, uuid: str, path: str) -> bool:
    entry = re.compile(rf"^\s*UUID=\"?{re.escape(uuid)}\"?\s+{re.escape(path)}\s+ext4\s", re.IGNORECASE)
    return any(entry.match(line) for line in survey.lines("fstab"))
