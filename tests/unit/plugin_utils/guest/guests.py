# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as the survey script prints it, to be varied by tests. The disk lines have the form seen on a real machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.master_target.plan import plan

ROLE = Path(__file__).resolve().parents[4] / "roles" / "master_target_guest"
BOOT = "0d0e0a0f-0000-4000-8000-000000000001"
TERABYTE = 2147483648  # sectors of 512 bytes

SYSTEM = f"DISK=sda\nDEV=8:0\nSECTORS={TERABYTE // 8}\nRO=0\nVENDOR=VMware\nMODEL=Virtual disk\nPART=sda1 8:1"
BLANK = f"DISK=sdb\nDEV=8:16\nSECTORS={TERABYTE}\nRO=0\nVENDOR=VMware\nMODEL=Virtual disk\nPROBE_RC=2\nBYTES=0"
UDEV = """N: sda
E: ID_SERIAL=36000c29000000000000000000000000a
E: ID_SCSI_SERIAL=6000c29000000000000000000000000a
N: sdb
E: ID_SERIAL=36000c29000000000000000000000000b
E: ID_SCSI_SERIAL=6000c29000000000000000000000000b
E: ID_WWN=0x6000c29000000000
E: ID_WWN_WITH_EXTENSION=0x6000c29000000000000000000000000b"""
SERIAL = "6000c29000000000000000000000000b"
ROOT_MOUNT = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
RETENTION_MOUNT = "30 22 8:16 / /mnt/retention rw shared:9 - ext4 /dev/sdb rw"

SECTIONS = {
    "user": "0",
    "os": 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="20.04"',
    "arch": "x86_64",
    "kernel": "5.4.0-216-generic",
    "hostname": "mt-linux-01\nmt-linux-01.example.org",
    "boot": f"{BOOT}\n1800000000",
    "cpus": "4",
    "memory": "6080000",
    "python": "/usr/bin/python3 3.8",
    "udev": UDEV,
    "block": f"{SYSTEM}\n{BLANK}",
    "mounts": ROOT_MOUNT,
    "fstab": "/dev/sda1 / ext4 defaults 0 1",
    "hosts": "127.0.0.1 localhost\n127.0.1.1 mt-linux-01",
    "addresses": "ens160 10.10.1.20\nens192 10.20.1.20",
    "kernels": "linux-generic\nlinux-image-5.4.0-216-generic",
    "packages": "lvm2",
    "end": "ok",
}

SETTINGS: dict[str, Any] = {
    "serial": SERIAL,
    "wwn": "",
    "retention_path": "/mnt/retention",
    "minimums": {},
    "accept_undocumented": True,
    "packages": ["multipath-tools", "lvm2"],
    "ports": [9443],
    "configuration_server": "10.10.1.5",
    "has_passphrase": True,
    "archive": "Microsoft-ASR_UA_9.62.0.0_UBUNTU-20.04-64_GA_01Jan2026_release.tar.gz",
    "archive_name": "",
    "archive_trouble": "",
    "limits": {"the configuration server": "9.62.1.1", "the process server": "9.62.1.1"},
    "agent_dir": "/home/homeward-asr",
    "ansible_version": "2.19.14",
}

INSTALLED = {
    "agent": "VERSION=9.61.0.0",
    "drscout": "HostId = 1234\nVM_PLATFORM = VmWare",
    "registered": "10.10.1.5",
    "service": "active",
    "log": "present\n0",
    "custom": "1700000000",
}


def generation(name: str = "ubuntu-20.04") -> dict[str, Any]:
    file = ROLE / "vars" / "generations" / f"{name}.yml"
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["master_target_guest_generation_data"]
    return loaded


def text(sections: Mapping[str, str] | None = None) -> str:
    """The survey with some sections replaced, with the line ends of a terminal."""
    merged = {**SECTIONS, **(sections or {})}
    end = merged.pop("end")
    return "\r\n".join(f"#=# {n}\r\n" + v.replace("\n", "\r\n") + "\r\n" for n, v in {**merged, "end": end}.items())


def judged(sections: Mapping[str, str] | None = None, name: str = "ubuntu-20.04", **settings: Any) -> dict[str, Any]:
    return plan(text(sections), generation(name), {**SETTINGS, **settings})


def codes(made: Mapping[str, Any]) -> set[str]:
    return {p["code"] for p in made["problems"] if p["step"] != "upgrade"}


def disk(*lines: str, first: str = BLANK) -> str:
    """The block section with the second disk changed: lines replace those of the same key or are added."""
    pairs = dict(line.split("=", 1) for line in first.splitlines())
    pairs.update(line.split("=", 1) for line in lines)
    return SYSTEM + "\n" + "\n".join(f"{k}={v}" for k, v in pairs.items() if v != "-")
