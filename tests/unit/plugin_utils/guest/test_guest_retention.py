# SPDX-License-Identifier: GPL-3.0-or-later
"""Only an empty disk, found by what does not change, may become the retention volume."""

from __future__ import annotations

import pytest
from guests import BLANK, RETENTION_MOUNT, ROOT_MOUNT, SYSTEM, codes, disk, judged

UUID = "11111111-2222-3333-4444-555555555555"
OURS = ("PROBE_RC=0", "PROBE_TYPE=ext4", "PROBE_LABEL=asr-retention", f"PROBE_UUID={UUID}", "BYTES=70000")
MAP = "DISK=dm-0\nDEV=253:0\nSECTORS=2147483648\nDM_UUID=mpath-36000c29\nDM_NAME=36000c29\nSLAVES=sdb"


def test_a_blank_disk_is_formatted() -> None:
    retention = judged()["retention"]
    assert (retention["state"], retention["name"]) == ("blank", "sdb")


@pytest.mark.parametrize(
    "wwn", ["naa.6000c29000000000000000000000000b", "0x6000C29000000000000000000000000B", "wwn-0x6000c29000000000"]
)
def test_a_disk_is_found_by_its_world_wide_name(wwn: str) -> None:
    assert judged(serial="", wwn=wwn)["retention"]["name"] == "sdb"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("PROBE_RC=0", "PROBE_TYPE=xfs"), "retention_signature"),
        (("PROBE_RC=0", "PROBE_TYPE=ext4", "PROBE_LABEL=home"), "retention_signature"),
        (("PROBE_RC=0", "PROBE_PTTYPE=gpt"), "retention_signature"),
        (("PROBE_RC=0", "PROBE_TYPE=LVM2_member"), "retention_lvm"),
        (("PROBE_RC=8",), "retention_ambivalent"),
        (("PROBE_RC=4",), "retention_unread"),
        (("PROBE_RC=-", "BYTES=-"), "retention_unread"),
        (("BYTES=1",), "retention_data"),
        (("PART=sdb1 8:17",), "retention_partitioned"),
        (("RO=1",), "retention_read_only"),
        (("SECTORS=1000000",), "retention_small"),
    ],
)
def test_a_disk_that_holds_anything_is_refused_by_name(lines: tuple[str, ...], code: str) -> None:
    made = judged({"block": disk(*lines)})
    assert codes(made) == {code}
    assert made["retention"]["state"] == "refused"
    assert all("/dev/sdb" in p["reason"] for p in made["problems"] if p["code"] == code)


def test_a_disk_in_use_is_refused() -> None:
    elsewhere = RETENTION_MOUNT.replace("/mnt/retention", "/srv")
    assert codes(judged({"mounts": f"{ROOT_MOUNT}\n{elsewhere}"})) == {"retention_mounted"}
    assert codes(judged({"swaps": "Filename Type\n/dev/sdb partition 1 0 -2"})) == {"retention_swap"}
    lvm = "DISK=dm-1\nDEV=253:1\nSECTORS=8\nDM_UUID=LVM-x\nDM_NAME=vg-lv\nSLAVES=sdb"
    assert codes(judged({"block": disk("HOLDERS=dm-1") + "\n" + lvm})) == {"retention_held"}


def test_the_disk_of_the_system_is_refused() -> None:
    assert "retention_is_root" in codes(judged(serial="6000c29000000000000000000000000a"))


def test_a_path_that_another_disk_has_is_refused() -> None:
    other = "31 22 8:32 / /mnt/retention rw - ext4 /dev/sdc rw"
    assert codes(judged({"mounts": f"{ROOT_MOUNT}\n{other}"})) == {"retention_path_taken"}


def test_a_disk_must_be_named_and_there_and_one() -> None:
    assert codes(judged(serial="")) == {"retention_unnamed"}
    assert codes(judged(serial="nope")) == {"retention_not_found"}
    twin = BLANK.replace("sdb", "sdc").replace("8:16", "8:32")
    udev = "N: sdb\nE: ID_SCSI_SERIAL=twin\nN: sdc\nE: ID_SCSI_SERIAL=twin"
    both = judged({"block": f"{SYSTEM}\n{BLANK}\n{twin}", "udev": udev}, serial="TWIN")
    assert codes(both) == {"retention_ambiguous"}


def test_own_work_is_known_again() -> None:
    assert judged({"block": disk(*OURS)})["retention"]["state"] == "formatted"
    assert (
        judged({"block": disk(*OURS, "HOLDERS=dm-0") + "\n" + MAP})["retention"]["stolen_by"] == "/dev/mapper/36000c29"
    )


def test_an_interrupted_formatting_goes_on_only_on_the_same_disk() -> None:
    identity = judged()["retention"]["identity"]
    half = disk("BYTES=4096")
    assert judged({"block": half, "formatting": identity})["retention"]["state"] == "blank"
    assert codes(judged({"block": half, "formatting": "another disk"})) == {"retention_data"}


@pytest.mark.parametrize(
    ("entry", "known"),
    [
        (f"UUID={UUID} /mnt/retention ext4 rw 0 0", True),
        (f"#UUID={UUID} /mnt/retention ext4 rw 0 0", False),
        ("/dev/mapper/36000c29 /mnt/retention ext4 rw 0 0", False),
    ],
)
def test_fstab_must_say_it_by_uuid(entry: str, known: bool) -> None:
    made = judged({"block": disk(*OURS), "mounts": f"{ROOT_MOUNT}\n{RETENTION_MOUNT}", "fstab": entry})
    assert made["retention"]["state"] == "mounted"
    assert made["retention"]["fstab"] is known


def test_a_volume_mounted_through_multipath_is_its_disk() -> None:
    mount = RETENTION_MOUNT.replace("8:16", "253:0")
    made = judged({"block": disk(*OURS, "HOLDERS=dm-0") + "\n" + MAP, "mounts": f"{ROOT_MOUNT}\n{mount}"})
    assert made["retention"]["state"] == "mounted"
