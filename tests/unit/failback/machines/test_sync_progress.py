# SPDX-License-Identifier: GPL-3.0-or-later
"""How far classic machines are: lists do not report it, so a few machines are read on their own in every slice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from builders import START, of, stage
from world import Port, State, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.sync_progress import LOOKS

P = Position


class Hollow(World):
    """A classic vault: only a machine's own GET reports its disks' percentages."""

    minutes: dict[str, float]
    looked_at: list[str]

    def show(self, name: str, state: State) -> dict[str, Any]:
        found = super().show(name, state)
        passed = (self.now - START).total_seconds()
        percentage = int(min(100.0, passed / 0.6 / self.minutes[name]))
        found["properties"]["providerSpecificDetails"]["protectedDisks"] = [
            {
                "diskId": "0",
                "diskCapacityInBytes": 40 << 30,
                "resyncProgressPercentage": percentage,
                "resyncDurationInSeconds": passed,
            }
        ]
        return found


@pytest.fixture
def hollow(monkeypatch: pytest.MonkeyPatch) -> Hollow:
    world = Hollow()
    world.minutes, world.looked_at = {}, []
    listed, single = Port.list_items, Port.get_item

    def emptied(self: Port, vault: Any) -> list[dict[str, Any]]:
        found = listed(self, vault)
        for entry in found:
            entry["properties"]["providerSpecificDetails"]["protectedDisks"] = []
        return found

    def counted(self: Port, wanted: str) -> dict[str, Any]:
        world.looked_at.append(wanted.rpartition("rpi-")[2])
        return single(self, wanted)

    monkeypatch.setattr(Port, "list_items", emptied)
    monkeypatch.setattr(Port, "get_item", counted)
    return world


def synchronise(world: Hollow, **minutes: float) -> None:
    world.minutes = minutes
    world.add(*minutes, position=P.SYNCING_HOME)
    world.sync_factor = {name: length * 60 / 990 for name, length in minutes.items()}


def test_two_machines_that_synchronise_keep_percentage_and_time_left(hollow: Hollow) -> None:
    synchronise(hollow, quick=60, slow=120)
    hollow.advance(1200)
    cursor = None
    for _number in range(4):
        result = hollow.slice(stage(2, "quick", "slow", slice_seconds=25), cursor)
        cursor = result["cursor"]
        progress = result["progress"]
        assert progress["slowest"] == "slow"
        assert progress["waiting_for"].startswith("synchronizing to on-premises (1")
        assert "% of 40.0 GB, about " in progress["waiting_for"]
        assert "left)" in progress["waiting_for"]
        assert of(result, "quick")["sync"]["percentage"] > of(result, "slow")["sync"]["percentage"]


def test_every_machine_is_looked_at_in_turn_within_a_budget(hollow: Hollow) -> None:
    names = [f"m{number:02d}" for number in range(12)]
    synchronise(hollow, **{name: 300.0 + number for number, name in enumerate(reversed(names))})
    hollow.advance(600)
    cursor, reads = None, []
    for _number in range(5):
        before = len(hollow.looked_at)
        result = hollow.slice(stage(2, *names, slice_seconds=5), cursor)
        cursor = result["cursor"]
        reads.append(len(hollow.looked_at) - before)
        assert "%" in result["progress"]["waiting_for"]
    assert reads == [LOOKS] * 5
    assert set(hollow.looked_at) == set(names)
    assert result["progress"]["slowest"] == "m00"
    assert all(machine["sync"]["percentage"] is not None for machine in result["machines"])
    # Overhead is shown as such.
    assert result["requests"]["reads"] - result["requests"]["floor"]["reads"] == sum(reads)


def test_between_two_looks_the_numbers_stay(hollow: Hollow) -> None:
    names = [f"m{number:02d}" for number in range(9)]
    synchronise(hollow, **dict.fromkeys(names, 300.0))
    hollow.advance(1200)
    cursor = None
    for _number in range(3):
        result = hollow.slice(stage(2, *names, slice_seconds=5), cursor)
        cursor = result["cursor"]
    told = {machine["name"]: machine["sync"] for machine in result["machines"]}
    hollow.looked_at.clear()
    result = hollow.slice(stage(2, *names, slice_seconds=5), cursor)
    for machine in result["machines"]:
        if machine["name"] not in hollow.looked_at:
            assert machine["sync"]["percentage"] == told[machine["name"]]["percentage"]
            # Time goes on, also for those nobody looks at.
            assert machine["sync"]["eta_seconds"] < told[machine["name"]]["eta_seconds"]


def test_a_machine_on_an_earlier_step_is_slower_than_one_that_synchronises(hollow: Hollow) -> None:
    synchronise(hollow, ahead=300)
    hollow.minutes["behind"] = 300
    hollow.add("behind", position=P.OUT)
    hollow.advance(1200)
    result = hollow.slice(stage(2, "ahead", "behind", slice_seconds=25))
    assert result["progress"]["slowest"] == "behind"


def test_a_look_that_fails_changes_nothing(hollow: Hollow) -> None:
    synchronise(hollow, one=300, two=300)
    hollow.gone = {"one", "two"}
    hollow.now += timedelta(seconds=600)
    result = hollow.slice(stage(2, "one", "two", slice_seconds=5))
    assert result["progress"]["waiting_for"] == "synchronizing to on-premises"
    assert of(result, "one")["sync"] is None
