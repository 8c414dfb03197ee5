# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine at home has found from inside: when that is enough, when it stops a commit, when it only warns."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.guest_look import (
    known,
    ports_gate,
    ports_said,
    room_said,
    room_warning,
    told,
)


def port(
    state: str, role: str = "process server", name: str = "PS-1", address: str = "10.0.0.6", number: int = 9443
) -> Any:
    return {"role": role, "name": name, "address": address, "port": number, "state": state}


CS = port("open", "configuration server", "CS-1", "10.0.0.5", 443)


@pytest.mark.parametrize(
    ("ports", "holds", "said"),
    [
        ([CS, port("open")], True, "reaches CS-1 at 10.0.0.5 on TCP 443 and PS-1 at 10.0.0.6 on TCP 9443"),
        ([CS, port("closed")], False, "does not reach PS-1 at 10.0.0.6 on TCP 9443"),
        ([CS, port("untried")], None, "could not try PS-1"),
        # Any of several servers of one role may be taken.
        ([CS, port("closed"), port("open", name="PS-2", address="10.0.0.7")], True, "PS-2"),
        ([CS, port("closed"), port("closed", name="PS-2", address="10.0.0.7")], False, "PS-1 at 10.0.0.6 on TCP 9443 or PS-2"),
        ([CS, port("closed"), port("untried", name="PS-2", address="10.0.0.7")], None, "could not try"),
        # An appliance is needed on both of its ports.
        ([port("open", "appliance", number=443), port("closed", "appliance")], False, "TCP 9443"),
        # Each address that the user gives is needed.
        ([port("open", "", ""), port("closed", "", "", "10.0.0.9")], False, "10.0.0.9 on TCP 9443"),
        ([port("untried", address="")], None, "does not report the address of process server PS-1"),
        ([{**CS, "state": "closed"}, port("untried")], False, "CS-1"),
    ],
)  # fmt: skip
def test_what_the_ports_say(ports: list[Any], holds: bool | None, said: str) -> None:
    found = ports_said({"ports": ports})
    assert found is not None
    assert found[0] is holds
    assert said in found[1]
    # Silence stops a machine only that was to be asked.
    assert (ports_gate({"ports": ports}) is None) is (holds is not False)
    assert (ports_gate({"ports": ports, "required": True}) is None) is (holds is True)


def test_a_machine_that_was_not_asked_is_not_stopped() -> None:
    assert ports_said({"ports": [], "room_mb": 500}) is None
    assert ports_gate(None) is ports_gate({"ports": [], "required": True}) is room_warning(None) is None


def test_a_machine_that_could_not_be_asked_is_stopped_with_the_reason() -> None:
    look = {"ports": [CS], "why": "No route to host.", "required": True}
    gate = ports_gate(look)
    assert gate is not None
    assert (gate.code, gate.reason) == (
        "guest_ports",
        "The machine could not be asked what it reaches: No route to host.",
    )
    assert not known(look)


@pytest.mark.parametrize(
    ("free", "wanted", "holds"),
    [(500, 500, True), ("499.0", 500, False), ("", 500, None), (None, 500, None), ("x", "500", None), (1, 2000, False)],
)
def test_what_the_room_says(free: Any, wanted: Any, holds: bool | None) -> None:
    look = {"free_mb": free, "room_mb": wanted}
    found = room_said(look)
    assert found is not None
    assert found[0] is holds
    assert (room_warning(look) is not None) is (holds is False)
    assert known(look) is (holds is not None)


def test_nobody_asked_for_room() -> None:
    assert room_said({"free_mb": 1, "room_mb": 0}) is None


def test_both_are_told_as_one_value() -> None:
    look = {"ports": [CS], "free_mb": 20480, "room_mb": 500}
    assert told(look) == "The machine reaches CS-1 at 10.0.0.5 on TCP 443; Its agent's folder has 20480 MB free"
