# SPDX-License-Identifier: GPL-3.0-or-later
"""Which master targets serve which machines, and who must not continue where one of them lost its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import FABRIC_ID, STAGES, VAULT, WAY_HOME, item, of, order
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ReadFailed
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import Fabric, MasterTarget
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.serving import bound_to, needed

P = Position
FABRIC = Fabric(FABRIC_ID, "fabric-1", "cs-1", VAULT, "VMware")
OTHER = replace(FABRIC, id=f"{VAULT.id}/replicationFabrics/fabric-2")
WIN = MasterTarget(id="MT-Win", name="mt-win", os_type="Windows", ip="10.0.0.1")
LIN = MasterTarget(id="MT-Lin", name="mt-lin", os_type="Linux", ip="10.0.0.2")
SERVERS = [(FABRIC, WIN), (FABRIC, LIN), (OTHER, replace(WIN, id="MT-Far"))]


def system(kind: str | None, **details: Any) -> dict[str, Any]:
    return {"details": {"osType": kind, **details}}


@pytest.mark.parametrize(
    ("machine", "own", "expected", "reads"),
    [
        # Away: any of its fabric with its kind of system.
        (item("a", P.OUT, **system("Windows")), "", {"mt-win"}, 0),
        (item("a", P.OUT, **system("Linux")), "", {"mt-lin"}, 0),
        (item("a", P.OUT_UNCOMMITTED, **system(None)), "", {"mt-win", "mt-lin"}, 0),
        (item("a", P.HOME, **system("Linux")), "", {"mt-lin"}, 0),
        # On its way: the one it is bound to, which only its own GET reports.
        (item("a", P.READY, **system("Windows")), "mt-LIN", {"mt-lin"}, 1),
        (item("a", P.SYNCING_HOME, **system("Windows", masterTargetId="MT-Win")), "", {"mt-win"}, 0),
        # Not reported, not readable, or a server nobody lists: it may be any of them.
        (item("a", P.READY, **system("Windows")), "", {"mt-win", "mt-lin"}, 1),
        (item("a", P.READY, **system("Windows")), "unreadable", {"mt-win", "mt-lin"}, 1),
        (item("a", P.HOME_UNCOMMITTED, **system("Windows")), "mt-gone", {"mt-win", "mt-lin"}, 1),
    ],
)
def test_who_serves_a_machine(machine: Item, own: str, expected: set[str], reads: int) -> None:
    read: list[str] = []

    def full(asked: Item) -> Item | ReadFailed:
        read.append(asked.name)
        if own == "unreadable":
            return ReadFailed("read_failed", "Cut.")
        return item("a", P.READY, **system("Windows", masterTargetId=own))

    assert needed(SERVERS, [machine], full) == expected
    assert len(read) == reads


def test_nobody_is_read_by_itself_where_it_makes_no_difference() -> None:
    away = [item("w", P.OUT, **system("Windows")), item("l", P.OUT, **system("Linux"))]
    ready = [item(f"m{n}", P.READY, **system("Windows")) for n in range(5)]

    def full(asked: Item) -> Item:
        raise AssertionError(asked.name)

    assert needed(SERVERS, [*ready, *away], full) == {"mt-win", "mt-lin"}


def test_both_generations_report_what_holds_a_machine() -> None:
    assert bound_to(item("a", P.READY, details={"masterTargetId": "MT-1"})) == "mt-1"
    assert bound_to(item("a", P.READY, details={"reprotectAgentId": "AGENT-1"})) == "agent-1"
    assert bound_to(item("a", P.READY)) == ""


LOST = {
    "id": "ID-MT-MOVED",
    "name": "mt-moved",
    "code": "master_target_moved",
    "reason": "mt-moved left the datastores it was on.",
    "remedy": "Exclude it again.",
}


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("route", [STAGES[3], WAY_HOME])
def test_only_the_machines_on_a_moved_master_target_are_refused(
    world: World, check: bool, route: tuple[str, ...]
) -> None:
    world.add("moved", "silent", position=P.READY, details={"masterTargetId": "id-mt-moved"})
    world.add("well", position=P.READY, details={"masterTargetId": "id-mt-win"})
    world.add("away", position=P.OUT)
    walked = order(route, "moved", "well", lost_places=(LOST,), check=check)
    result = world.go(walked)
    refused = of(result, "moved")
    assert (refused["done"], refused["code"]) == ("refused", "master_target_moved")
    assert "mt-moved left the datastores" in refused["reason"]
    assert refused["remedy"] == "Exclude it again."
    assert of(result, "well")["done"] in ("started", "done")
    assert not [step for name, step in world.steps_sent() if name == "moved"]
    if check:
        assert not world.steps_sent()
        assert {entry["machine"] for entry in result["plan"]} == {"well"}
    else:
        assert [step for name, step in world.steps_sent() if name == "well"] == [
            step for step in route if step in LEGS_LEFT
        ]


LEGS_LEFT = WAY_HOME[1:]


def test_a_machine_that_is_still_away_is_bound_to_none(world: World) -> None:
    world.add("away", position=P.OUT)
    result = world.go(order(WAY_HOME, "away", lost_places=(LOST,), check=True))
    assert of(result, "away")["done"] != "refused"


def test_a_master_target_that_is_not_reported_may_be_the_moved_one(world: World) -> None:
    world.add("dumb", position=P.READY)
    result = world.go(order(STAGES[3], "dumb", lost_places=(LOST,)))
    assert of(result, "dumb")["code"] == "master_target_moved"
    assert "does not report which master target" in of(result, "dumb")["reason"]
    assert world.steps_sent() == []


def test_without_lost_places_nothing_more_is_read(world: World) -> None:
    world.add("well", position=P.READY, details={"masterTargetId": "id-mt-win"})
    world.go(order(STAGES[3], "well", check=True))
    # The gates look at it on its own, once.
    assert world.calls["get_item"] <= 1
