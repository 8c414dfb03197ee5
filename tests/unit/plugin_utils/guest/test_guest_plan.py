# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a guest, and what is refused before anything is changed."""

from __future__ import annotations

from typing import Any

import pytest
from guests import BOOT, INSTALLED, RETENTION_MOUNT, ROOT_MOUNT, SETTINGS, SYSTEM, codes, disk, generation, judged, text

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.sections import SurveyError


def test_a_fitting_guest_is_not_refused() -> None:
    made = judged()
    assert codes(made) == set()
    assert made["missing_packages"] == ["multipath-tools"]
    assert made["hold"] == ["linux-generic", "linux-image-5.4.0-216-generic"]


def test_half_a_survey_is_no_survey() -> None:
    from ansible_collections.homeward.asr.plugins.plugin_utils.guest.master_target.plan import plan

    with pytest.raises(SurveyError):
        plan(text().split("#=# end", maxsplit=1)[0], generation(), SETTINGS)


@pytest.mark.parametrize(
    ("sections", "code"),
    [
        ({"user": "1000"}, "not_root"),
        ({"os": 'ID=ubuntu\nVERSION_ID="22.04"'}, "wrong_system"),
        ({"os": 'ID=debian\nVERSION_ID="20.04"'}, "wrong_system"),
        ({"kernel": "5.15.0-100-generic"}, "wrong_kernel"),
        ({"arch": "aarch64"}, "wrong_machine"),
        ({"cpus": "2"}, "few_cpus"),
        ({"memory": "4000000"}, "little_memory"),
        ({"hostname": "localhost"}, "no_hostname"),
        ({"addresses": ""}, "no_address"),
        ({"python": ""}, "no_python"),
        ({"block": disk().replace(f"SECTORS={2147483648 // 8}", "SECTORS=20971520", 1)}, "small_root_disk"),
    ],
)
def test_what_a_guest_must_have(sections: dict[str, str], code: str) -> None:
    assert codes(judged(sections)) == {code}


def test_root_on_lvm_is_refused() -> None:
    lvm = "DISK=dm-0\nDEV=253:0\nSECTORS=8\nDM_UUID=LVM-abc\nDM_NAME=vg0-root\nSLAVES=sda1"
    made = judged({"block": disk() + "\n" + lvm, "mounts": "22 1 253:0 / / rw - ext4 /dev/mapper/vg0-root rw"})
    assert codes(made) == {"root_on_lvm"}


@pytest.mark.parametrize(
    ("name", "os", "kernel", "fits"),
    [
        ("ubuntu-16.04", 'ID=ubuntu\nVERSION_ID="16.04"', "4.4.0-81-generic", True),
        ("ubuntu-16.04", 'ID=ubuntu\nVERSION_ID="16.04"', "4.4.0-82-generic", False),
        ("ubuntu-16.04", 'ID=ubuntu\nVERSION_ID="16.04"', "4.10.0-24-generic", True),
        ("ubuntu-16.04", 'ID=ubuntu\nVERSION_ID="16.04"', "4.15.0-1-generic", False),
        ("centos-6.6", "CentOS release 6.6 (Final)", "2.6.32-504.el6.x86_64", True),
        ("centos-6.6", "CentOS release 6.6 (Final)", "2.6.39-400.el5uek", False),
        ("el7", 'ID="centos"\nVERSION_ID="7"', "3.10.0-693.el7.x86_64", True),
        ("el7", 'ID="rhel"\nVERSION_ID="7.9"', "3.10.0-1160.el7.x86_64", True),
    ],
)
def test_kernels_of_the_generations(name: str, os: str, kernel: str, fits: bool) -> None:
    made = judged({"os": os, "kernel": kernel, "python": "/usr/bin/python3 3.11"}, name)
    assert ("wrong_kernel" in codes(made)) is not fits
    assert "wrong_system" not in codes(made)


@pytest.mark.parametrize(
    ("core", "pythons", "code"),
    [
        ("2.19.14", "/usr/bin/python3 3.8", None),
        ("2.20.1", "/usr/bin/python3 3.8", "old_python"),
        ("2.16.1", "/usr/bin/python3 3.5\n/usr/bin/python2.7 2.7", "old_python"),
        ("2.16.1", "/usr/bin/python2.7 2.7", None),
        ("2.17.0", "/usr/bin/python2.7 2.7", "old_python"),
        ("2.16.1", "/usr/bin/python 2.6", "old_python"),
    ],
)
def test_python_is_judged_before_ansible_fails_on_it(core: str, pythons: str, code: str | None) -> None:
    assert codes(judged({"python": pythons}, ansible_version=core)) == ({code} if code else set())


def test_a_python_that_would_do_is_named() -> None:
    made = judged({"python": "/usr/bin/python3 3.5\n/usr/bin/python2.7 2.7"}, ansible_version="2.16.1")
    assert made["problems"][0]["remedy"] == "Set ansible_python_interpreter to /usr/bin/python2.7."


@pytest.mark.parametrize("name", ["ubuntu-20.04", "el7", "debian-12"])
def test_gaps_of_the_documents_are_refused_unless_accepted(name: str) -> None:
    data = generation(name)
    system = f'ID={data["os"]["ids"][0]}\nVERSION_ID="{data["os"]["versions"][0]}"'
    kernel = {"ubuntu-20.04": "5.4.0-1-generic", "el7": "3.10.0-1.el7.x86_64", "debian-12": "6.1.0-1-amd64"}[name]
    asked = {"os": system, "kernel": kernel}
    assert "undocumented" in codes(judged(asked, name, accept_undocumented=False))
    assert "undocumented" not in codes(judged(asked, name))


def test_a_documented_kernel_leaves_no_gap() -> None:
    assert codes(judged({"kernel": "4.16.0-1-generic"}, accept_undocumented=False)) == set()


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"has_passphrase": False}, "no_passphrase"),
        ({"configuration_server": ""}, "no_configuration_server"),
        ({"archive": ""}, "no_archive"),
        ({"agent_dir": "/usr/local/src"}, "unpacked_in_usr_local"),
        ({"archive": "Microsoft-ASR_UA_9.63.0.0_UBUNTU-20.04-64_GA_x.tar.gz"}, "agent_too_new"),
    ],
)
def test_what_the_agent_needs_is_asked_before_anything_is_changed(settings: dict[str, Any], code: str) -> None:
    assert codes(judged(**settings)) == {code}


def test_new_master_targets_of_an_ended_generation_are_refused() -> None:
    asked = {"os": "CentOS release 6.6 (Final)", "kernel": "2.6.32-504.el6.x86_64", "python": "/opt/python 3.11"}
    archive = "Microsoft-ASR_UA_9.30.0.0_RHEL6-64_GA_x.tar.gz"
    assert codes(judged(asked, "centos-6.6", archive=archive)) == {"generation_closed"}


def test_an_installed_agent_needs_neither_archive_nor_passphrase() -> None:
    assert codes(judged(INSTALLED, archive="", has_passphrase=False)) == set()


def test_an_agent_of_another_server_is_refused() -> None:
    assert codes(judged({**INSTALLED, "registered": "10.9.9.9"})) == {"other_server"}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, None),
        ({"limits": {"the configuration server": ""}}, "versions_unknown"),
        ({"archive": "agent.tar.gz"}, "versions_unknown"),
        ({"limits": {"the configuration server": "9.60.1"}}, "agent_too_new"),
        ({"archive": ""}, "no_archive"),
    ],
)
def test_an_upgrade_must_be_certain(settings: dict[str, Any], code: str | None) -> None:
    made = judged(INSTALLED, **settings)
    assert {p["code"] for p in made["problems"]} == ({code} if code else set())
    assert made["agent"]["older"] is (settings.get("archive", "x_UA_9.62_") not in ("", "agent.tar.gz"))


def test_a_restart_is_due_after_the_changes_and_not_before() -> None:
    assert judged({"custom": "1800000001"})["restart"] is True
    assert judged({"custom": "1700000000"})["restart"] is False
    assert judged({"restart": BOOT})["restart"] is True
    assert judged({"restart": "another boot"})["restart"] is False


def test_the_hosts_file_maps_every_address() -> None:
    assert judged()["hosts"] == [
        "10.10.1.20 mt-linux-01.example.org mt-linux-01",
        "10.20.1.20 mt-linux-01.example.org mt-linux-01",
    ]
    said = judged({"hosts": "10.10.1.20 mt-linux-01 # by hand"})
    assert [line.split()[0] for line in said["hosts"]] == ["10.20.1.20"]
    own = "# BEGIN homeward.asr master target\n{}\n# END homeward.asr master target".format("\n".join(said["hosts"]))
    kept = judged({"hosts": f"10.10.1.20 mt-linux-01\n{own}"})
    assert kept["hosts"] == said["hosts"]
    assert kept["hosts_kept"] is True
    assert said["hosts_kept"] is False


def test_multipath_is_kept_off_by_every_name_of_the_disk() -> None:
    assert 'wwid "^36000c29000000000000000000000000b$"' in judged()["multipath"]


@pytest.mark.parametrize(
    ("said", "on"),
    [("apt 1", True), ("apt 0", False), ("", False), ("tool unattended-upgrade", True), ("yum 1", True)],
)
def test_automatic_upgrades_are_noticed(said: str, on: bool) -> None:
    assert judged({"upgrades": said})["automatic_upgrades"] is on


@pytest.mark.parametrize(
    ("said", "missing"), [("ufw\nopen 22", [9443]), ("ufw\nopen 9443", []), ("", []), ("firewalld", [9443])]
)
def test_only_an_active_firewall_is_opened(said: str, missing: list[int]) -> None:
    assert judged({"firewall": said})["firewall"]["missing"] == missing


def test_a_finished_master_target_lacks_nothing() -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    done = {
        **INSTALLED,
        "block": disk("PROBE_RC=0", "PROBE_TYPE=ext4", f"PROBE_UUID={uuid}"),
        "mounts": f"{ROOT_MOUNT}\n{RETENTION_MOUNT}",
        "fstab": f"UUID={uuid} /mnt/retention ext4 rw 0 0",
    }
    assert judged(done)["lacks"] == []
    for section, value in [
        ("service", "failed"),
        ("log", "present\n1"),
        ("drscout", ""),
        ("custom", ""),
        ("fstab", ""),
    ]:
        assert len(judged({**done, section: value})["lacks"]) == 1, section
    assert judged({**done, "drscout": "HostId = 1\nVM_PLATFORM = Azure"})["lacks"][0].startswith(
        "The agent is set up for"
    )


def test_an_unreachable_server_is_a_warning() -> None:
    assert "10.10.1.5 does not answer on port 443" in judged({"reach": "no 10.10.1.5 443"})["warnings"][-1]


def test_system_disks_without_partitions_are_judged_as_well() -> None:
    whole = SYSTEM.replace("\nPART=sda1 8:1", "")
    made = judged({"block": f"{whole}\n" + disk().split(SYSTEM)[1], "mounts": ROOT_MOUNT.replace("8:1 ", "8:0 ")})
    assert codes(made) == set()
