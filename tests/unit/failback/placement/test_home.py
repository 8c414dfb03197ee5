# SPDX-License-Identifier: GPL-3.0-or-later
"""Original or alternate location: which machines still are on-premises, and what a named datastore means for them."""

from __future__ import annotations

from typing import Any

import pytest
from builders import STAGES, WAY_HOME, item, of, order, target_json
from world import Port, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.run import run_slice
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ConnectionFailed, InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.identity import Known
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock, SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.failback.placement.home import Home, found, home_by_both
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

P = Position
GONE = Home(exists=False)
UNKNOWN = Home()
THERE = SiteMachine("vm-1", "web", "uuid-web", datastores=("own",))
ALIKE = SiteMachine("vm-2", "web", "uuid-other", datastores=("other",))
DARK = SiteMachine("vm-3", "", "")


@pytest.mark.parametrize(
    ("details", "machines", "expected"),
    [
        ({}, (THERE,), Home(True, ("own",))),
        ({}, (SiteMachine("vm-1", "renamed", "UUID-WEB"),), Home(True)),
        (
            {},
            (SiteMachine("vm-1", "web", "uuid-web", connection="inaccessible", datastores=("own",)),),
            Home(True, ("own",)),
        ),
        ({}, (), GONE),
        ({}, (ALIKE,), Home(False, namesake=True)),
        ({}, (DARK,), UNKNOWN),
        ({"infrastructureVmId": None}, (ALIKE,), UNKNOWN),
        ({"infrastructureVmId": None}, (), UNKNOWN),
        ({"discoveryType": "Physical"}, (THERE,), GONE),
        ({"discoveryType": "vCenter"}, (), GONE),
    ],
)
def test_vcenter_shows_by_ids_whether_a_machine_is_there(
    details: dict[str, Any], machines: tuple[SiteMachine, ...], expected: Home
) -> None:
    assert found(item(details=details), machines, Known()) == expected


@pytest.mark.parametrize(
    ("details", "in_vcenter", "expected"),
    [
        ({}, None, UNKNOWN),
        ({}, GONE, GONE),
        ({"discoveryType": "physical"}, None, GONE),
        ({"discoveredVmDetails": {"datastores": ["a"]}}, None, Home(True, ("a",))),
        ({"discoveredVmDetails": {"datastores": ["a"], "isDeleted": True}}, None, GONE),
        ({"discoveredVmDetails": {"datastores": ["a"], "isDeleted": "true"}}, None, GONE),
        ({"discoveredVmDetails": {"datastores": ["a"], "isDeleted": True}}, Home(True, ("b",)), Home(True, ("b",))),
        ({"discoveredVmDetails": {"datastores": ["a"]}}, Home(True, ("a", "iso")), Home(True, ("a",))),
        # It may be in another vCenter.
        ({"discoveredVmDetails": {"datastores": ["a"]}}, GONE, Home(None, ("a",))),
        ({"discoveredVmDetails": {"datastores": ["a"]}}, UNKNOWN, Home(True, ("a",))),
    ],
)
def test_what_the_item_reports_counts_too(details: dict[str, Any], in_vcenter: Home | None, expected: Home) -> None:
    assert home_by_both(item(details=details), in_vcenter) == expected


def with_stores(world: World, **stores: list[str]) -> None:
    """A Linux and a Windows master target, each with its datastores."""
    world.fabric["properties"]["customDetails"]["masterTargetServers"] = [
        target_json(f"mt-{kind}", kind.capitalize(), dataStores=[{"symbolicName": name} for name in names])
        for kind, names in stores.items()
    ]


def sent(world: World) -> dict[str, str]:
    return {
        name: body["properties"]["providerSpecificDetails"]["datastoreName"] for name, _step, body in world.accepted
    }


def there(name: str, *stores: str) -> tuple[SiteMachine, ...]:
    return (SiteMachine(f"vm-{name}", name, f"uuid-{name}", datastores=stores),)


def stage_2(*names: str, **wishes: Any) -> Order:
    return order(STAGES[2], *names, **wishes)


def test_a_named_datastore_is_for_machines_that_are_recreated(world: World) -> None:
    with_stores(world, windows=["own", "named", "third"])
    world.add("old", "new", "lost")
    world.site_says["old"] = there("old", "OWN")
    world.site_says["new"] = ()
    world.site_says["lost"] = (SiteMachine("vm-x", "lost", "uuid-x", datastores=("third",)),)
    world.go(stage_2("old", "new", "lost", datastore="named"))
    assert sent(world) == {"old": "own", "new": "named", "lost": "named"}


def test_a_machine_that_is_there_needs_no_named_datastore(world: World) -> None:
    with_stores(world, windows=["own", "third"])
    world.add("old")
    world.site_says["old"] = there("old", "own")
    world.go(stage_2("old"))
    assert sent(world) == {"old": "own"}
    world.add("new")
    world.site_says["new"] = ()
    with pytest.raises(InputError) as caught:
        world.go(stage_2("new"))
    assert caught.value.code == "datastore_ambiguous"


def test_a_datastore_of_other_master_targets_breaks_no_machine_that_is_there(world: World) -> None:
    """Its master target does not offer the one that is named for machines of the other system."""
    with_stores(world, windows=["own"], linux=["named"])
    world.add("old", "new")
    world.site_says["old"] = there("old", "own")
    world.site_says["new"] = ()
    result = world.go(stage_2("old", "new", datastore="named", master_targets=("mt-windows", "mt-linux")))
    assert sent(world) == {"old": "own"}
    assert (of(result, "new")["done"], of(result, "new")["code"]) == ("refused", "datastore_not_offered")
    world.accepted.clear()
    world.add("older")
    world.site_says["older"] = there("older", "own")
    world.go(stage_2("older", datastore="named", master_targets=("mt-windows",)))
    assert sent(world) == {"older": "own"}


def test_the_master_target_that_sees_the_own_datastore_is_preferred(world: World) -> None:
    world.fabric["properties"]["customDetails"]["masterTargetServers"] = [
        target_json("mt-a", dataStores=[{"symbolicName": "other"}]),
        target_json("mt-b", diskCount=30, dataStores=[{"symbolicName": "own"}]),
    ]
    world.add("old")
    world.site_says["old"] = there("old", "own")
    result = world.go(stage_2("old"))
    assert of(result, "old")["placement"]["master_target"] == "mt-b"


def blind(world: World, wanted: Order) -> dict[str, Any]:
    """One slice without vCenter."""
    return run_slice(wanted, Port(world), None, Clock(monotonic=lambda: world.spent, sleep=world.sleep))


def test_without_vcenter_a_datastore_must_be_sure(world: World) -> None:
    """It is unknown whether the machine is recreated: what is supplied would be used then."""
    with_stores(world, windows=["own", "named"], linux=["third"])
    world.add("web", "db")
    with pytest.raises(InputError) as caught:
        blind(world, stage_2("web", wait=False))
    assert caught.value.code == "datastore_ambiguous"
    result = blind(world, stage_2("web", datastore="third", wait=False))
    assert of(result, "web")["code"] == "datastore_not_offered"
    blind(world, stage_2("db", datastore="named", wait=False))
    assert sent(world) == {"db": "named"}


def test_a_vcenter_that_cannot_be_asked_now_is_no_vcenter(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with_stores(world, windows=["own", "named"])
    world.add("web")

    def down(*_args: Any, **_more: Any) -> Any:
        raise ConnectionFailed("vcenter_unreachable", "No way to vCenter.")

    monkeypatch.setattr("world.Site.machines", down)
    world.go(stage_2("web", datastore="named"))
    assert sent(world) == {"web": "named"}


def test_vcenter_is_asked_once_for_all(world: World) -> None:
    world.add(*(f"m{n}" for n in range(9)))
    world.go(stage_2())
    assert world.calls["site"] == 1


@pytest.mark.parametrize("thin", [False, True])
def test_the_plan_says_original_or_alternate_location_and_the_size(world: World, thin: bool) -> None:
    world.thin = thin
    world.add("old", "new", "lost")
    world.site_says["new"] = ()
    world.site_says["lost"] = (SiteMachine("vm-x", "lost", "uuid-x"),)
    told = " ".join("\n".join(world.slice(order(WAY_HOME, check=True))["plan_text"]).split())
    for word in (
        "The plan, for 3 machines: reprotecting to on-premises",
        "old to the existing VM",
        "to the existing VM, on its own datastore (original location)",
        "recreated, because its VM no longer exists (alternate location);",
        "(alternate location); another VM has the same name",
        "datastore ds1",
        "1 GB",
    ):
        assert word in told


def test_a_size_that_is_not_known_is_left_out(world: World) -> None:
    world.thin = True
    world.add("away")
    world.add("ready", position=P.HOME_UNPROTECTED)
    lines = world.slice(order(WAY_HOME, check=True))["plan_text"]
    assert sum("GB" in line for line in lines) == 1, lines


def test_without_vcenter_the_plan_says_that_it_is_open(world: World) -> None:
    world.add("web")
    result = blind(world, stage_2("web", check=True))
    assert "if there is one (original location), otherwise recreated" in " ".join(" ".join(result["plan_text"]).split())
