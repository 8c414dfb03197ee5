# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of readiness about a master target from inside: each broken and passing, what is accepted, and what nobody may accept."""

from __future__ import annotations

from typing import Any

import pytest
from guests import INSTALLED, disk, judged

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.master_target.readiness import MINE

LVM_ROOT = {
    "block": disk() + "\nDISK=dm-0\nDEV=253:0\nSECTORS=8\nDM_UUID=LVM-abc\nDM_NAME=vg0-root\nSLAVES=sda1",
    "mounts": "22 1 253:0 / / rw - ext4 /dev/mapper/vg0-root rw",
}
LVM_RETENTION = {"block": disk("PROBE_RC=0", "PROBE_TYPE=LVM2_member")}

#: A machine of which no rule complains.
SOUND: dict[str, str] = {
    **INSTALLED,
    "held": "linux-generic\nlinux-image-5.4.0-216-generic",
    "packages": "lvm2\nmultipath-tools",
    "hosts": "127.0.0.1 localhost\n10.10.1.20 mt-linux-01\n10.20.1.20 mt-linux-01",
}

#: Rule -> what of a sound machine or of the settings breaks it.
BROKEN: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "mt_guest_root": (LVM_ROOT, {}),
    "mt_guest_retention": (LVM_RETENTION, {}),
    "mt_guest_kernel": ({"kernel": "3.13.0-24-generic"}, {"accept_undocumented": False}),
    "mt_guest_kept": ({"held": ""}, {}),
    "mt_guest_hosts": ({"hosts": "127.0.0.1 localhost\n10.10.1.20 mt-linux-01"}, {}),
    "mt_guest_restart": ({"custom": "1800000001"}, {}),
    "mt_guest_folder": ({}, {"agent_dir": "/usr/local/agent"}),
    "mt_guest_sources": (dict.fromkeys(INSTALLED, ""), {"archive": ""}),
}

#: Those that the role fixes itself.
FIXED = {"mt_guest_kept", "mt_guest_hosts", "mt_guest_restart"}


def verdicts(made: dict[str, Any]) -> dict[str, str]:
    return {f["rule"]: f["verdict"] for f in made["findings"]}


def test_every_rule_is_broken_here() -> None:
    assert set(BROKEN) == {rule.id for rule in MINE}


def test_a_sound_machine_breaks_none() -> None:
    made = judged(SOUND)
    assert (made["findings"], {p["step"] for p in made["problems"]} - {"upgrade"}) == ([], set())


@pytest.mark.parametrize("rule", BROKEN)
def test_what_breaks_a_rule_is_named_by_it(rule: str) -> None:
    sections, settings = BROKEN[rule]
    made = judged({**SOUND, **sections}, **settings)
    assert verdicts(made)[rule] == ("warn" if rule in FIXED else "block")
    stops = [p for p in made["problems"] if p["step"] != "upgrade"]
    assert bool(stops) is (rule not in FIXED)


@pytest.mark.parametrize("rule", ["mt_guest_root", "mt_guest_kernel", "mt_guest_folder"])
def test_what_is_accepted_stops_nothing_and_is_shown_with_its_reason(rule: str) -> None:
    sections, settings = BROKEN[rule]
    before = judged({**SOUND, **sections}, **settings)
    assert any(f"master_target_guest_accept: {{{rule}: reason}}" in p["remedy"] for p in before["problems"])
    made = judged({**SOUND, **sections}, accept={rule: "Ann has tried it"}, **settings)
    assert len(made["problems"]) < len(before["problems"])
    assert [f["accepted"] for f in made["findings"] if f["rule"] == rule] == ["Ann has tried it"]
    assert any(line.startswith(f"Accepted {rule}: Ann has tried it.") for line in made["warnings"])


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ({"mt_guest_retention": "Ann says so"}, "accept_refused"),
        ({"mt_guest_sources": "Ann says so"}, "accept_refused"),
        ({"mt_guest_kernle": "Ann says so"}, "accept_unknown"),
        ({"mt_guest_kernel": ""}, "accept_without_reason"),
    ],
)
def test_what_cannot_be_accepted_is_refused(accept: dict[str, str], code: str) -> None:
    (told, *_others) = judged(SOUND, accept=accept)["problems"]
    assert (told["step"], told["code"]) == ("guest", code)
    assert "'master_target_guest_accept'" in told["reason"]


def test_what_was_not_looked_at_is_not_known() -> None:
    made = judged({**SOUND, "os": 'ID=debian\nVERSION_ID="12"'})
    assert {r for r, v in verdicts(made).items() if v == "unknown"} == {"mt_guest_kernel", "mt_guest_root"}
    assert verdicts(judged(SOUND, serial="6000c299"))["mt_guest_retention"] == "unknown"
    missing = judged({**SOUND, "packages": ""})
    assert verdicts(missing) == {"mt_guest_sources": "unknown"}
    assert verdicts(judged({**SOUND, "packages": ""}, packages_dir="/srv/packages")) == {}
