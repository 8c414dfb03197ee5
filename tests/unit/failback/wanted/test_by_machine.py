# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that differ from machine to machine: whose value is whose, and keys that mean nothing."""

from __future__ import annotations

from typing import Any

import pytest
from builders import STAGES, WAY_HOME, item, item_id, of, order, point_json, target_json
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.by_machine import (
    meant,
    needs_system,
    value_for,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.keyed import check_keys

P = Position


def machine(name: str = "web", system: str | None = "Windows") -> Item:
    return item(name, details={"osType": system})


ALL = {"web": "exact", "w*": "pattern", "windows": "system", "default": "rest"}


@pytest.mark.parametrize(
    ("name", "system", "given", "value"),
    [
        ("web", "Windows", None, None),
        ("web", "Windows", "all", "all"),
        ("web", "Windows", ALL, "exact"),
        ("WEB", "Windows", ALL, "exact"),
        ("wax", "Windows", ALL, "pattern"),
        ("db", "Windows", ALL, "system"),
        ("db", "Linux", ALL, "rest"),
        ("db", None, ALL, "rest"),
        ("db", "Linux", {"LINUX": "l", "Default": "d"}, "l"),
        ("db", "Linux", {"windows": "w"}, None),
        ("web", "Windows", {"rpi-web": "item"}, "item"),
        ("web", "Windows", {item_id("web").upper(): "id"}, "id"),
        ("web", "Windows", {"*": "everything"}, None),
        ("SQL [prod]", "Linux", {"sql [prod]": "brackets"}, "brackets"),
    ],
)
def test_the_own_name_goes_first_then_a_pattern_then_the_system_then_the_default(
    name: str, system: str | None, given: Any, value: str | None
) -> None:
    assert value_for(machine(name, system), given) == value


@pytest.mark.parametrize(
    ("name", "system", "given", "needed"),
    [
        ("web", None, ALL, False),
        ("wax", None, ALL, False),
        ("db", None, ALL, True),
        ("db", None, {"default": "d"}, False),
        ("db", None, "text", False),
        ("db", "Linux", ALL, False),
    ],
)
def test_the_system_is_only_needed_where_it_decides(name: str, system: str | None, given: Any, needed: bool) -> None:
    assert needs_system(machine(name, system), given) is needed


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("  ", None),
        (" ds1\u200b", "ds1"),
        ({}, None),
        ({"web": "", " ": "ds1", "db": None}, None),
        ({" web ": " ds1 ", "db": " "}, {"web": "ds1"}),
    ],
)
def test_what_is_blank_is_left_out(given: Any, kept: Any) -> None:
    assert meant("datastore", given) == kept


@pytest.mark.parametrize(
    "given", [7, True, ["ds1", "ds2"], {"web": 7}, {"web": ["ds1"]}, {"web": {"a": "b"}}, {7: "ds1"}]
)
@pytest.mark.parametrize("option", ["datastore", "retention_volume", "recovery_point"])
def test_a_wrong_type_is_refused(option: str, given: Any) -> None:
    with pytest.raises(InputError, match=option) as caught:
        order(WAY_HOME, **{option: given})
    assert caught.value.code == "wrong_type"


def test_an_empty_mapping_is_the_default() -> None:
    assert (order(WAY_HOME, recovery_point={}).recovery_point, order(WAY_HOME, datastore={}).datastore) == (
        "latest",
        None,
    )


@pytest.mark.parametrize(
    ("given", "code", "word"),
    [
        ({"wbe": "ds1"}, "key_not_found", "'wbe'"),
        ({"x-*": "ds1"}, "key_not_found", "'x-*'"),
        ({"window": "ds1"}, "key_not_found", "'window'"),
        ({"*": "ds1"}, "pattern_too_broad", "default"),
        ({"twin": "ds1"}, "key_ambiguous", "2 replicated items"),
        ({"linux": "ds1"}, "key_ambiguous", "'linux'"),
        ({"web": "ds1", "WEB": "ds2"}, "keys_differ", "web"),
        ({"w*": "ds1", "*b": "ds2"}, "keys_differ", "web"),
        ({"SQL [wx]": "ds1"}, "key_ambiguous", "SQL w"),
    ],
)
def test_a_key_that_is_nobodys_or_means_several_is_refused(given: dict[str, str], code: str, word: str) -> None:
    twins = [item("twin"), Item.parse({**TWIN, "id": f"{TWIN['id']}-2"}, item().vault)]
    listed = [machine(), machine("db"), machine("linux"), machine("SQL [wx]"), machine("SQL w"), *twins]
    chosen = [i for i in listed if i.friendly_name in ("web", "SQL w")]
    with pytest.raises(InputError, match="datastore") as caught:
        check_keys(order(WAY_HOME, datastore=given), listed, chosen)
    assert caught.value.code == code
    assert word in caught.value.sentence()


TWIN: dict[str, Any] = {
    "id": item_id("twin"),
    "name": "rpi-twin-2",
    "properties": {"friendlyName": "twin", "providerSpecificDetails": {"instanceType": "InMageAzureV2"}},
}


@pytest.mark.parametrize(
    "given",
    [
        {"db": "ds1"},
        {"windows": "ds1", "linux": "ds2", "default": "ds3"},
        {"w*": "ds1", "*b": "ds1"},
        {"d*": "ds1", "*b": "ds2", "web": "ds3"},
    ],
)
def test_keys_for_machines_that_are_not_chosen_now_are_fine(given: dict[str, str]) -> None:
    check_keys(order(WAY_HOME, datastore=given), [machine(), machine("db")], [machine()])


def test_a_misspelt_machine_stops_the_run_before_anything_is_sent(world: World) -> None:
    world.add("web")
    with pytest.raises(InputError, match="'wbe'"):
        world.slice(order(WAY_HOME, "web", recovery_point={"wbe": "latest"}))
    assert world.calls["act"] == 0


@pytest.mark.parametrize("thin", [False, True])
def test_each_machine_has_its_own_recovery_point(world: World, thin: bool) -> None:
    """Lists do not report the operating system in a failback: it is read where it decides, and only there."""
    world.thin = thin
    world.add("web", "files", position=P.READY)
    world.add("db", position=P.READY, details={"osType": "Linux"})
    given = {"files": "latest", "linux": "latest_app_consistent", "windows": "latest"}
    world.go(order(STAGES[3][:1], "web", "db", "files", recovery_point=given))
    sent = {name: body["properties"]["providerSpecificDetails"] for name, _step, body in world.accepted}
    assert {name: details["recoveryPointType"] for name, details in sent.items()} == {
        "web": "LatestTime",
        "files": "LatestTime",
        "db": "LatestTag",
    }


def test_a_list_of_points_is_read_only_for_those_that_need_it(world: World) -> None:
    world.add("web", "db", position=P.HOME)
    world.points = [point_json("p1", world.now)]
    result = world.go(order(STAGES[1], "web", "db", recovery_point={"web": "p1"}, confirm_failover_to_azure=True))
    assert world.calls["list_recovery_points"] == 1
    assert of(result, "web")["recovery_point"].startswith("p1 (")
    assert of(result, "db")["done"] == "started"


def test_a_machine_whose_system_is_not_reported_is_asked_for_by_name(world: World) -> None:
    world.add("web", position=P.READY, details={"osType": None})
    world.add("db", position=P.READY)
    result = world.go(order(STAGES[3][:1], "web", "db", recovery_point={"linux": "latest_app_consistent"}))
    assert of(result, "db")["done"] == "started"
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("refused", "system_unknown")
    assert "'{option:recovery_point}'" in of(result, "web")["remedy"]


def test_volumes_by_system_fit_both_kinds_of_master_targets(world: World) -> None:
    volumes = {"Windows": ["R", "S"], "Linux": ["/mnt/retention", "/mnt/other"]}
    targets = [
        target_json(f"mt-{kind}", kind, retentionVolumes=[{"volumeName": name} for name in names])
        for kind, names in volumes.items()
    ]
    world.fabric["properties"]["customDetails"]["masterTargetServers"] = targets
    world.add("web")
    world.add("db", details={"osType": "Linux"})
    world.go(order(STAGES[2], "web", "db", retention_volume={"windows": "s", "linux": "/mnt/retention"}))
    sent = {name: body["properties"]["providerSpecificDetails"] for name, _step, body in world.accepted}
    assert {name: details["retentionDrive"] for name, details in sent.items()} == {"web": "S", "db": "/mnt/retention"}
