# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of the vault do not report disks: a decision that needs them reads the item itself, and one bad answer stays alone."""

from __future__ import annotations

from typing import Any

import pytest
from builders import of, stage
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle import table as lc
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position


@pytest.fixture(autouse=True)
def _thin(world: World) -> None:
    world.thin = True


NAMES = ("a", "b", "c", "d")


def disks(number: int, **more: Any) -> dict[str, Any]:
    return {"details": {"protectedDisks": [{"diskId": str(n), "diskName": str(n)} for n in range(number)], **more}}


def test_sixty_disks_are_counted_where_lists_show_none(world: World) -> None:
    world.add(*NAMES, **disks(30))
    result = world.go(stage(2, *NAMES))
    assert [of(result, name)["done"] for name in NAMES] == ["started", "started", "refused", "refused"]
    assert {of(result, name)["code"] for name in "cd"} == {"no_disk_slots"}
    assert "30 disk(s)" in of(result, "c")["reason"]


def test_the_single_reads_belong_to_the_floor(world: World) -> None:
    world.add(*NAMES, **disks(1))
    spent = world.go(stage(2, *NAMES, check=True))["requests"]
    assert world.calls["get_item"] == len(NAMES)
    assert spent["reads"] == spent["floor"]["reads"]


def test_disks_placed_in_an_earlier_slice_still_count(world: World) -> None:
    """One machine's job fails and is repeated: what the others were promised stays theirs."""
    world.add(*NAMES[:3], **disks(20))
    world.faults["c", "reProtect"] = ["busy", "busy"]
    world.add("d", **disks(20))
    result = world.go(stage(2, *NAMES))
    assert [of(result, name)["done"] for name in NAMES].count("refused") == 1
    assert of(result, "d")["code"] == "no_disk_slots"


def test_one_bad_answer_concerns_its_machine_alone(world: World) -> None:
    world.add(*NAMES, **disks(10))
    world.closed = {"b"}
    result = world.go(stage(2, *NAMES))
    assert [of(result, name)["done"] for name in NAMES] == ["started", "failed", "started", "started"]
    assert of(result, "b")["code"] == "answer_cut"


def test_a_group_of_which_one_cannot_be_read_is_placed_whole_or_not_at_all(world: World) -> None:
    group = {"multiVmGroupName": "shop", "multiVmGroupId": "g"}
    world.add("a", "b", **disks(10, **group))
    world.add("c", **disks(10))
    world.closed = {"b"}
    result = world.go(stage(2, "a", "b", "c"))
    assert of(result, "c")["done"] == "started"
    assert {of(result, name)["done"] for name in "ab"} <= {"failed", "held"}


@pytest.mark.parametrize("closed", [False, True])
def test_an_account_for_each_system_reads_the_item_and_a_bad_answer_stays_alone(world: World, closed: bool) -> None:
    """In a failback a list does not report the operating system."""
    world.add("a", "b", position=Position.HOME_UNPROTECTED)
    world.closed = {"b"} if closed else set()
    result = world.go(stage(4, "a", "b", run_as_account_windows="admin"))
    assert ("a", lc.REPROTECT_TO_AZURE) in world.steps_sent()
    assert of(result, "b")["done"] == ("failed" if closed else "started")
