# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for an unattended installation, rendered by the role itself and read by the tools they are for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
HASH = "$6$salt$hash"
SETTINGS = {
    "master_target_guest_unattended_address": "10.10.1.20/22",
    "master_target_guest_unattended_gateway": "10.10.0.1",
    "master_target_guest_unattended_dns": ["10.10.0.2", "10.10.0.3"],
    "master_target_guest_unattended_password_hash": HASH,
    "master_target_guest_unattended_ssh_keys": ["ssh-ed25519 AAAA someone"],
    "master_target_guest_unattended_timezone": "Europe/Vienna",
    "master_target_guest_unattended_sizes": {"swap_mb": 4096},
}


def render(where: Path, generation: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    """Run the role's entry point ``unattended``; the files are in ``where / "out"`` when it succeeds."""
    tasks = [{"ansible.builtin.include_role": {"name": "homeward.asr.master_target_guest", "tasks_from": "unattended"}}]
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (where / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    given = {
        **SETTINGS,
        "master_target_guest_generation": generation,
        "master_target_guest_unattended_dest": str(where / "out"),
    }
    (where / "vars.json").write_text(json.dumps({**given, **changes}), encoding="utf-8")
    program = Path(sys.executable).parent / "ansible-playbook"
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "tree"), "ANSIBLE_LOCALHOST_WARNING": "0"}
    return subprocess.run(
        [program, "-i", "localhost,", "-e", f"@{where / 'vars.json'}", where / "play.yml"],
        cwd=where,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_kickstart_file_has_the_documented_partitions(tmp_path: Path) -> None:
    from pykickstart.parser import KickstartParser
    from pykickstart.version import RHEL6, makeVersion

    done = render(tmp_path, "centos-6.6")
    assert done.returncode == 0, done.stdout
    parser = KickstartParser(makeVersion(RHEL6))
    parser.readKickstart(str(tmp_path / "out" / "ks.cfg"))
    handler = parser.handler
    parts = {p.mountpoint: (p.fstype, p.size) for p in handler.partition.partitions}
    assert parts == {
        "/": ("ext4", 61440),
        "/var/crash": ("ext4", 10240),
        "/home": ("ext4", 20480),
        "swap": ("swap", 4096),
    }
    assert not handler.logvol.lvList
    assert not handler.volgroup.vgList
    assert handler.autopart.autopart is False
    assert handler.ignoredisk.onlyuse == ["sda"]
    network = handler.network.network[0]
    assert (network.bootProto, network.ip, network.netmask) == ("static", "10.10.1.20", "255.255.252.0")
    assert (network.gateway, network.nameserver, network.hostname) == (
        "10.10.0.1",
        "10.10.0.2,10.10.0.3",
        "mt-linux-01",
    )
    assert (handler.timezone.timezone, handler.timezone.isUtc) == ("Europe/Vienna", True)
    assert (handler.rootpw.password, handler.rootpw.isCrypted) == (HASH, True)


@pytest.mark.skipif(not shutil.which("debconf-set-selections"), reason="no debconf on this machine")
def test_the_preseed_file_is_one(tmp_path: Path) -> None:
    done = render(tmp_path, "ubuntu-16.04")
    assert done.returncode == 0, done.stdout
    file = tmp_path / "out" / "preseed.cfg"
    checked = subprocess.run(
        ["debconf-set-selections", "--checkonly", file], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    text = file.read_text(encoding="utf-8")
    assert "partman-auto/method string regular" in text
    assert "lvm" not in text.replace("lvm2", "").lower().replace("without lvm", "")
    assert "pkgsel/update-policy select none" in text
    assert "netcfg/get_netmask string 255.255.252.0" in text


def test_the_autoinstall_file_has_no_lvm(tmp_path: Path) -> None:
    done = render(tmp_path, "ubuntu-20.04")
    assert done.returncode == 0, done.stdout
    text = (tmp_path / "out" / "user-data").read_text(encoding="utf-8")
    assert text.startswith("#cloud-config\n")
    made = yaml.safe_load(text)["autoinstall"]
    assert made["version"] == 1
    assert made["storage"]["layout"] == {"name": "direct", "match": {"path": "/dev/sda"}}
    assert made["storage"]["swap"] == {"size": 4096 * 1048576}
    lan = made["network"]["ethernets"]["lan"]
    assert lan["addresses"] == ["10.10.1.20/22"]
    assert lan["gateway4"] == "10.10.0.1"
    assert lan["dhcp4"] is False
    assert made["user-data"]["users"][0]["ssh_authorized_keys"] == ["ssh-ed25519 AAAA someone"]
    assert (tmp_path / "out" / "meta-data").read_text(encoding="utf-8").splitlines()[1] == "local-hostname: mt-linux-01"


@pytest.mark.parametrize(
    ("generation", "changes", "said"),
    [
        ("el7", {}, "There is no unattended installation for master_target_guest_generation el7"),
        ("ubuntu-20.04", {"master_target_guest_unattended_address": "10.10.1.20"}, "include the prefix length"),
        ("ubuntu-20.04", {"master_target_guest_unattended_password_hash": "clear"}, "is not a crypt hash"),
        ("ubuntu-20.04", {"master_target_guest_unattended_dest": ""}, "Set master_target_guest_unattended_dest"),
    ],
)
def test_what_no_installer_could_use_is_refused(
    tmp_path: Path, generation: str, changes: dict[str, str], said: str
) -> None:
    done = render(tmp_path, generation, **changes)
    assert done.returncode == 2
    assert said in done.stdout
    assert not (tmp_path / "out").exists()


def test_the_password_hash_is_not_shown(tmp_path: Path) -> None:
    done = render(tmp_path, "ubuntu-20.04")
    assert HASH not in done.stdout + done.stderr
