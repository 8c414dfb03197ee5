# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's survey script (roles/master_target_guest/templates/survey.sh.j2) saw in a guest, as data."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..sections import sections_of


@dataclass(frozen=True)
class BlockDevice:
    """A block device from sysfs, udev and, for the wanted disk, its first bytes. Sizes are bytes.

    ``serials`` are all names its serial number goes by, ``wwids`` those that multipath may know it by. ``probe`` is what
    blkid read from the disk now (None: not looked at), ``data`` the number of non-zero bytes in its first and last 4 MiB.
    """

    name: str
    node: str
    dev: str = ""
    size: int = 0
    read_only: bool = False
    label: str = ""
    dm_uuid: str = ""
    slaves: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    partitions: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    serials: frozenset[str] = frozenset()
    wwns: frozenset[str] = frozenset()
    wwids: tuple[str, ...] = ()
    probe: dict[str, str] | None = None
    probe_code: int | None = None
    data: int | None = None


@dataclass(frozen=True)
class Mount:
    """A mounted file system by the number of its device (major:minor)."""

    dev: str
    path: str
    kind: str
    source: str


@dataclass(frozen=True)
class Survey:
    """Sections of the survey by name, and what they mean where that takes reading."""

    sections: dict[str, list[str]]
    disks: tuple[BlockDevice, ...]
    mounts: tuple[Mount, ...]
    os_id: str
    os_version: str

    def lines(self, name: str) -> list[str]:
        """The lines of a section."""
        return self.sections.get(name, [])

    def first(self, name: str) -> str:
        return next(iter(self.lines(name)), "").strip()

    def number(self, name: str) -> int:
        text = self.first(name)
        return int(text) if text.isdigit() else 0

    def disk(self, name: str) -> BlockDevice | None:
        """A disk by its kernel name; a partition's disk by the partition's name."""
        return next((d for d in self.disks if name == d.name or name in d.partitions), None)

    def below(self, dev: str) -> Iterator[BlockDevice]:
        """Every block device under a device number: the disk of a partition, the parts of a device-mapper map."""
        todo = [d for d in self.disks if d.dev == dev or any(number == dev for number, _name in d.partitions.values())]
        seen: set[str] = set()
        while todo:
            disk = todo.pop()
            if disk.name not in seen:
                seen.add(disk.name)
                yield disk
                todo += [d for d in (self.disk(name) for name in disk.slaves) if d]


def parse(text: str) -> Survey:
    """Read the survey. Raises SurveyError when it was cut off."""
    sections = sections_of(text)
    os_id, os_version = _system(sections.get("os", []))
    udev = _udev(sections.get("udev", []))
    return Survey(
        sections, tuple(_disks(sections["block"], udev)), tuple(_mounts(sections["mounts"])), os_id, os_version
    )


def _system(lines: list[str]) -> tuple[str, str]:
    """(id, version) from os-release, or from the one line of redhat-release that CentOS 6 has instead."""
    pairs = dict(line.split("=", 1) for line in lines if "=" in line)
    if pairs:
        return _unquoted(pairs.get("ID", "")), _unquoted(pairs.get("VERSION_ID", ""))
    found = re.search(r"^(\w+).*release ([\d.]+)", "\n".join(lines), re.MULTILINE)
    if not found:
        return "", ""
    return found.group(1).lower().replace("red", "rhel"), found.group(2)


def _unquoted(value: str) -> str:
    return "".join(shlex.split(value)).lower()


def _udev(lines: list[str]) -> dict[str, dict[str, str]]:
    """What udev knows of each device node, by the node's name (udevadm info --export-db)."""
    nodes: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in lines:
        kind, _dummy, rest = line.partition(": ")
        if kind == "N":
            current = nodes.setdefault(rest.strip(), {})
        elif kind == "E" and "=" in rest:
            key, value = rest.split("=", 1)
            current[key] = value.strip()
    return nodes


def _disks(lines: list[str], udev: dict[str, dict[str, str]]) -> Iterator[BlockDevice]:
    block: list[tuple[str, str]] = []
    for line in lines:
        if "=" not in line:
            continue
        key, value = line.split("=", 1)
        if key == "DISK" and block:
            yield _disk(block, udev)
            block = []
        block.append((key, value.strip()))
    if block:
        yield _disk(block, udev)


def _disk(pairs: list[tuple[str, str]], udev: dict[str, dict[str, str]]) -> BlockDevice:
    one = dict(pairs)
    one = {**udev.get(one["DISK"], {}), **one}
    partitions: dict[str, tuple[str, tuple[str, ...]]] = {}
    for key, value in pairs:
        if key == "PART":
            name, dev, *holders = value.split()
            partitions[name] = (dev, tuple(holders))
    probe = {k.removeprefix("PROBE_"): v for k, v in pairs if k.startswith("PROBE_") and k != "PROBE_RC"}
    code = one.get("PROBE_RC", "")
    wwns = {one.get(key, "") for key in ("ID_WWN", "ID_WWN_WITH_EXTENSION")} | {one.get("WWID", "")}
    naa = one["WWID"].removeprefix("naa.") if one.get("WWID", "").startswith("naa.") else ""
    wwids = [one.get("ID_SERIAL", ""), f"3{naa}" if naa else ""]
    return BlockDevice(
        name=one["DISK"],
        node=f"/dev/mapper/{one['DM_NAME']}" if one.get("DM_NAME") else f"/dev/{one['DISK']}",
        dev=one.get("DEV", ""),
        size=int(one.get("SECTORS") or 0) * 512,
        read_only=one.get("RO") == "1",
        label=f"{one.get('VENDOR', '')} {one.get('MODEL', '')}".strip(),
        dm_uuid=one.get("DM_UUID", ""),
        slaves=tuple(one.get("SLAVES", "").split()),
        holders=tuple(one.get("HOLDERS", "").split()),
        partitions=partitions,
        serials=frozenset(
            one[k].lower()
            for k in ("ID_SERIAL", "ID_SERIAL_SHORT", "ID_SCSI_SERIAL", "SCSI_IDENT_SERIAL")
            if one.get(k)
        ),
        wwns=frozenset(bare_wwn(w) for w in wwns if w),
        wwids=tuple(dict.fromkeys(w for w in wwids if w)),
        probe=probe if code else None,
        probe_code=int(code) if code else None,
        data=int(one["BYTES"]) if one.get("BYTES", "").isdigit() else None,
    )


def bare_wwn(text: str) -> str:
    """A world wide name as bare hexadecimal digits, however it is written: naa.6000c29, wwn-0x6000c29, 0x6000c29."""
    return re.sub(r"^(naa\.|wwn-)?(0x)?", "", text.strip().lower())


def _mounts(lines: list[str]) -> Iterator[Mount]:
    """proc(5), mountinfo: the fields before " - " name device and place, those after it kind and source."""
    for line in lines:
        before, _dash, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if len(fields) >= 5 and len(rest) >= 2:
            path = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), fields[4])
            yield Mount(fields[2], path, rest[0], rest[1])
