# SPDX-License-Identifier: GPL-3.0-or-later
"""Work grows with the machines, not with names times machines. Calls are counted, so no clock decides."""

from __future__ import annotations

import copy
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from builders import STAGES, VAULT, item, item_json, order
from world import Port, Site, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.run import run_slice
from ansible_collections.homeward.asr.plugins.module_utils.failback.model import words
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.module_utils.failback.tracking.state import SliceState
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.approval import approved_of
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.by_machine import value_for
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.keyed import check_keys
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.selection import select
from ansible_collections.homeward.asr.plugins.module_utils.shell import infos

#: Twice the machines may take twice the calls, and a little for sorting.
MOST = 2.5

COLLECTION = str(Path(words.__file__).parents[3])


def calls(work: Callable[[], Any]) -> Counter[str]:
    """How often each function of the collection, and what Python calls from it, is called, in every thread."""
    counted: Counter[str] = Counter()

    def saw(frame: FrameType, event: str, arg: Any) -> None:
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(COLLECTION):
            counted[frame.f_code.co_name] += 1

    words.name_key.cache_clear()
    threading.setprofile(saw)
    sys.setprofile(saw)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return counted


def names(size: int) -> tuple[str, ...]:
    return tuple(f"vm{number:04}" for number in range(size))


def fleet(size: int) -> list[Item]:
    return [
        item(name, details={"multiVmGroupName": f"group-{name}", "multiVmGroupId": f"g-{name}", "osType": "Linux"})
        for name in names(size)
    ]


def plan(members: list[Item], number: int) -> dict[str, Any]:
    groups = [{"replicationProtectedItems": [{"id": member.id} for member in members]}]
    return {"name": f"plan-{number}", "properties": {"groups": groups}}


def by_name(size: int) -> Callable[[], Any]:
    machines = fleet(size)
    return lambda: select(Order(vaults=(VAULT,), route=(), machines=names(size)), machines, {})


def by_group(size: int) -> Callable[[], Any]:
    machines, groups = fleet(size), tuple(f"group-{name}" for name in names(size))
    return lambda: select(Order(vaults=(VAULT,), route=(), groups=groups), machines, {})


def by_plan(size: int) -> Callable[[], Any]:
    """Ten plans, however many machines."""
    machines, part = fleet(size), size // 10
    plans = [plan(machines[n * part : (n + 1) * part], n) for n in range(10)]
    wanted = Order(vaults=(VAULT,), route=(), recovery_plans=tuple(f"plan-{n}" for n in range(10)))
    return lambda: select(wanted, machines, {VAULT.key: plans})


def left_out(size: int) -> Callable[[], Any]:
    machines = fleet(size)
    return lambda: select(Order(vaults=(VAULT,), route=(), machines=("all",), exclude=names(size)[1:]), machines, {})


def approved(size: int) -> Callable[[], Any]:
    machines = fleet(size)
    return lambda: approved_of([*names(size // 2), *(f"group-{n}" for n in names(size)[size // 2 :])], machines, set())


def keyed(size: int) -> Callable[[], Any]:
    machines = fleet(size)
    wanted = Order(vaults=(VAULT,), route=(), machines=("all",), datastore={name: f"ds-{name}" for name in names(size)})

    def work() -> None:
        check_keys(wanted, machines, machines)
        assert [value_for(machine, wanted.datastore) for machine in machines] == [f"ds-{name}" for name in names(size)]

    return work


def jobs(size: int) -> Callable[[], Any]:
    machines = fleet(size)
    listed = [(VAULT, {"properties": {"targetObjectName": name}}) for name in names(size)]

    def work() -> None:
        assert len(infos.about(names(size), machines, listed)) == size

    return work


def first_slice(position: str) -> Callable[[int], Callable[[], Any]]:
    """The first slice of a stage, everything named one by one; time stands still, so that there is but one tick."""

    def build(size: int) -> Callable[[], Any]:
        world = World()
        world.add(*names(size))
        stage = STAGES[2] if position == "away" else (*STAGES[2], *STAGES[3])
        wanted = order(stage, *names(size), slice_seconds=0.0, datastore=dict.fromkeys(names(size), "ds1"))
        return lambda: run_slice(wanted, Port(world), Site(world), Clock(lambda: 0.0, lambda seconds: None), None)

    return build


@pytest.mark.parametrize("build", [by_name, by_group, by_plan, left_out, approved, keyed, jobs])
def test_choosing_is_linear(build: Callable[[int], Callable[[], Any]]) -> None:
    few, many = calls(build(100)), calls(build(200))
    assert sum(many.values()) < MOST * sum(few.values()), (few.most_common(8), many.most_common(8))


@pytest.mark.parametrize("position", ["away", "whole way"])
def test_a_slice_is_linear(position: str) -> None:
    few, many = calls(first_slice(position)(60)), calls(first_slice(position)(120))
    assert sum(many.values()) < MOST * sum(few.values()), (few.most_common(8), many.most_common(8))


def test_an_entry_that_says_the_same_is_not_parsed_again() -> None:
    memory = SimpleNamespace(_entries={})
    entry = item_json("web1")
    first = SliceState.parsed(memory, entry, VAULT)  # type: ignore[arg-type]
    assert first == Item.parse(entry, VAULT)
    assert SliceState.parsed(memory, copy.deepcopy(entry), VAULT) is first  # type: ignore[arg-type]
    changed = copy.deepcopy(entry)
    changed["properties"]["allowedOperations"] = ["Commit"]
    assert SliceState.parsed(memory, changed, VAULT).allowed == {"Commit"}  # type: ignore[arg-type]
