# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, storage, policy and account: automatic where one fits, explained where more do, under the cap of disks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from builders import STAGES, START, VAULT, WAY_HOME, fabric_json, item, order, policy_json, target_json, text

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.bodies import Placement
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import DISK_CAP, Fabric, Policy
from ansible_collections.homeward.asr.plugins.module_utils.failback.placement.classic import (
    Estate,
    Placed,
    Slots,
    check_names,
    place_to_azure,
    place_to_onprem,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

FORWARD, BACK = policy_json("daily", "InMageAzureV2"), policy_json("daily-failback", "InMage")


def estate(
    targets: Sequence[dict[str, Any]] | None = None,
    policies: Sequence[dict[str, Any]] = (FORWARD, BACK),
    **details: Any,
) -> Estate:
    fabric = Fabric.parse(fabric_json(targets, **details), VAULT)
    return Estate({fabric.key: fabric}, {VAULT.key: [Policy.parse(p) for p in policies]}, START)


def machine(name: str = "web", disks: int = 1, group: str | None = None, system: str | None = "Windows") -> Item:
    details: dict[str, Any] = {"protectedDisks": [{"diskId": str(n)} for n in range(disks)], "osType": system}
    if group:
        details.update(multiVmGroupName=group, multiVmGroupId=f"id-{group}")
    return item(name, details=details)


def home(items: Sequence[Item], where: Estate, bound: dict[str, str] | None = None, **wishes: Any) -> dict[str, Placed]:
    wanted: Order = order(WAY_HOME, **wishes)
    placed = place_to_onprem(items, wanted, where, Slots(), bound or {})
    return {i.friendly_name: placed[i.key] for i in items}


def refusal(placed: Placed) -> Refusal:
    assert isinstance(placed, Refusal), placed
    return placed


def place(placed: Placed) -> Placement:
    assert isinstance(placed, Placement), placed
    return placed


# -- the one choice ----------------------------------------------------------------------------------------------


def test_what_fits_alone_is_taken() -> None:
    assert home([machine()], estate())["web"] == Placement(
        process_server_id="id-ps",
        process_server="cs-1",
        master_target_id="id-mt-win",
        master_target="mt-win",
        datastore="ds1",
        retention_volume="R",
        policy_id=BACK["id"],
        policy="daily-failback",
        run_as_account_id="2",
        run_as_account="admin",
    )


TWO_STORES = [{"symbolicName": "ds1"}, {"symbolicName": "ds2"}]
TWO_VOLUMES = [{"volumeName": "R"}, {"volumeName": "S"}]
TWO_SERVERS = [{"id": "id-ps", "friendlyName": "cs-1"}, {"id": "id-ps2", "friendlyName": "ps-azure"}]
TWO_ACCOUNTS = [{"accountId": "2", "accountName": "admin"}, {"accountId": "3", "accountName": "root"}]
OTHER_BACK = [FORWARD, policy_json("one-failback", "InMage"), policy_json("two-failback", "InMage")]
MANY: list[tuple[str, Estate, str, str]] = [
    ("datastore", estate([target_json(dataStores=TWO_STORES)]), "DS2", "ds2"),
    ("retention_volume", estate([target_json(retentionVolumes=TWO_VOLUMES)]), "s", "S"),
    ("process_server", estate(processServers=TWO_SERVERS), "PS-Azure", "ps-azure"),
    ("policy", estate(policies=OTHER_BACK), "two-failback", "two-failback"),
    ("run_as_account", estate(runAsAccounts=TWO_ACCOUNTS), "ROOT", "root"),
]


@pytest.mark.parametrize(("option", "where", "name", "taken"), MANY, ids=[m[0] for m in MANY])
def test_what_fits_more_than_once_must_be_named(option: str, where: Estate, name: str, taken: str) -> None:
    with pytest.raises(InputError) as caught:
        home([machine()], where)
    assert caught.value.code == f"{option}_ambiguous"
    assert taken in caught.value.message
    assert option in caught.value.remedy
    assert place(home([machine()], where, **{option: name})["web"]).result()[option] == taken


def test_the_twin_of_the_items_own_policy_is_preferred() -> None:
    where = estate(policies=[FORWARD, BACK, policy_json("weekly-failback", "InMage")])
    assert place(home([machine()], where)["web"]).policy == "daily-failback"


def test_an_account_may_be_named_for_each_system() -> None:
    where = estate([target_json(), target_json("mt-lin", "Linux")], runAsAccounts=TWO_ACCOUNTS)
    placed = home(
        [machine("win"), machine("lin", system="Linux")], where, run_as_account="admin", run_as_account_linux="root"
    )
    assert {name: place(p).run_as_account for name, p in placed.items()} == {"win": "admin", "lin": "root"}


def test_no_account_is_no_obstacle() -> None:
    assert place(home([machine()], estate(runAsAccounts=[]))["web"]).run_as_account_id == ""


@pytest.mark.parametrize(
    ("where", "code"),
    [
        (estate(processServers=[]), "process_server_none"),
        (estate([target_json(dataStores=[])]), "datastore_none"),
        (estate([target_json(retentionVolumes=None)]), "retention_volume_none"),
        (estate(policies=[FORWARD]), "policy_none"),
        (Estate({}, {}, START), "fabric_not_found"),
        (estate([]), "master_target_wrong_os"),
    ],
)
def test_what_is_missing_is_refused(where: Estate, code: str) -> None:
    assert refusal(home([machine()], where)["web"]).code == code


# -- which master target -----------------------------------------------------------------------------------------


def test_the_system_decides_about_the_master_target() -> None:
    where = estate([target_json("mt-win"), target_json("mt-lin", "Linux")])
    placed = home([machine("w"), machine("l", system="Linux")], where)
    assert {name: place(p).master_target for name, p in placed.items()} == {"w": "mt-win", "l": "mt-lin"}
    told = refusal(home([machine("l", system="Linux")], estate())["l"])
    assert told.code == "master_target_wrong_os"
    assert "mt-win runs Windows" in told.reason


@pytest.mark.parametrize(("minutes", "fits"), [(0, True), (12, True), (20, True), (21, False), (600, False)])
def test_a_master_target_without_heartbeat_is_not_used(minutes: int, fits: bool) -> None:
    beat = text(START - timedelta(minutes=minutes))
    placed = home([machine()], estate([target_json(lastHeartbeat=beat)]))["web"]
    assert isinstance(placed, Placement) is fits
    if not fits:
        assert refusal(placed).code == "master_target_no_heartbeat"


def test_named_master_targets_only() -> None:
    where = estate([target_json("mt-a"), target_json("mt-b")])
    assert place(home([machine()], where, master_targets=("MT-B",))["web"]).master_target == "mt-b"


def test_a_wish_leads_to_the_master_target_that_offers_it() -> None:
    where = estate([target_json("mt-a"), target_json("mt-b", dataStores=[{"symbolicName": "fast"}])])
    assert place(home([machine()], where, datastore="fast")["web"]).master_target == "mt-b"
    told = refusal(home([machine()], where, datastore="slow")["web"])
    assert told.code == "datastore_not_offered"
    assert "ds1, fast" in told.remedy


# -- the cap of disks --------------------------------------------------------------------------------------------


def test_machines_are_spread_under_the_cap() -> None:
    where = estate([target_json("mt-a"), target_json("mt-b", diskCount=20), target_json("mt-c", diskCount=60)])
    placed = home([machine(f"m{n:02}", disks=4) for n in range(25)], where)
    used: Counter[str] = Counter({"mt-b": 20})
    for found in placed.values():
        used[place(found).master_target] += 4
    assert used == {"mt-a": 60, "mt-b": 60}


def test_one_disk_more_finds_no_room() -> None:
    where = estate([target_json("mt-a", diskCount=57)])
    assert place(home([machine(disks=3)], where)["web"]).master_target == "mt-a"
    told = refusal(home([machine(disks=4)], where)["web"])
    assert told.code == "no_disk_slots"
    assert "mt-a has 3 free" in told.reason
    assert str(DISK_CAP) in told.reason


def test_an_overfull_master_target_has_nothing_free() -> None:
    assert "mt-a has 0 free" in refusal(home([machine()], estate([target_json("mt-a", diskCount=75)]))["web"]).reason


def test_a_hollow_item_counts_as_one_disk() -> None:
    where = estate([target_json("mt-a", diskCount=59)])
    placed = home([machine("a", disks=0), machine("b", disks=0)], where)
    assert sorted(type(p).__name__ for p in placed.values()) == ["Placement", "Refusal"]


def test_one_machine_without_room_leaves_the_others_alone() -> None:
    placed = home([machine("big", disks=61), machine("small", disks=2)], estate())
    assert refusal(placed["big"]).code == "no_disk_slots"
    assert place(placed["small"]).master_target == "mt-win"


# -- consistency groups ------------------------------------------------------------------------------------------


def test_a_group_stays_whole() -> None:
    where = estate([target_json("mt-a", diskCount=30), target_json("mt-b", diskCount=20)])
    members = [machine(f"g{n}", disks=10, group="shop") for n in range(4)]
    placed = home([machine("alone", disks=5), *members], where)
    assert {place(placed[m.friendly_name]).master_target for m in members} == {"mt-b"}
    assert place(placed["alone"]).master_target == "mt-a"


def test_a_group_that_fits_nowhere_whole_is_refused_whole() -> None:
    where = estate([target_json("mt-a", diskCount=30), target_json("mt-b", diskCount=30)])
    placed = home([machine(f"g{n}", disks=20, group="shop") for n in range(2)], where)
    assert {refusal(p).code for p in placed.values()} == {"no_disk_slots"}


def test_a_group_of_mixed_systems_is_refused() -> None:
    where = estate([target_json("mt-w"), target_json("mt-l", "Linux")])
    placed = home([machine("a", group="shop"), machine("b", group="shop", system="Linux")], where)
    assert {refusal(p).code for p in placed.values()} == {"group_mixes_systems"}
    assert "'shop'" in refusal(placed["a"]).reason


def test_a_group_follows_its_members_that_went_before() -> None:
    where = estate([target_json("mt-a"), target_json("mt-b", diskCount=50)])
    member = machine("late", group="shop")
    assert place(home([member], where, {"id-shop": "id-mt-b"})["late"]).master_target == "mt-b"
    assert refusal(home([member], where, {"id-shop": "id-gone"})["late"]).code == "group_master_target"


# -- to Azure ----------------------------------------------------------------------------------------------------


def out(where: Estate, route: tuple[str, ...] = WAY_HOME, **wishes: Any) -> Placed:
    return place_to_azure(machine(), order(route, **wishes), where)


def test_to_azure_the_configuration_servers_own_process_server_is_the_natural_one() -> None:
    placed = place(out(estate(processServers=TWO_SERVERS)))
    assert (placed.process_server, placed.policy, placed.master_target_id) == ("cs-1", "daily", "")


def test_to_azure_a_process_server_may_be_named() -> None:
    where = estate(processServers=TWO_SERVERS)
    assert place(out(where, process_server_onprem="ps-azure")).process_server == "ps-azure"
    # In a failback `process_server` is the one in Azure; alone, stage 4 reads it as its own.
    assert place(out(where, process_server="ps-azure")).process_server == "cs-1"
    assert place(out(where, STAGES[4], process_server="ps-azure")).process_server == "ps-azure"


def test_to_azure_the_forward_policy_is_the_failback_policys_twin() -> None:
    policies = [FORWARD, BACK, policy_json("weekly", "InMageAzureV2")]
    fabric = estate(policies=policies)
    back_home = item(policyFriendlyName="weekly-failback")
    assert place(place_to_azure(back_home, order(STAGES[4]), fabric)).policy == "weekly"


def test_to_azure_refusals() -> None:
    assert refusal(out(Estate({}, {}, START))).code == "fabric_not_found"
    assert refusal(out(estate(policies=[BACK]))).code == "policy_to_azure_none"
    assert refusal(out(estate(), process_server_onprem="x")).code == "process_server_onprem_not_offered"


# -- unknown names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        "master_targets",
        "process_server",
        "process_server_onprem",
        "datastore",
        "retention_volume",
        "policy",
        "policy_to_azure",
        "run_as_account",
        "run_as_account_windows",
        "run_as_account_linux",
    ],
)
def test_a_name_that_no_vault_knows_is_refused_with_the_ones_there_are(option: str) -> None:
    value: Any = ("nowhere",) if option == "master_targets" else "nowhere"
    with pytest.raises(InputError) as caught:
        check_names(order(WAY_HOME, **{option: value}), estate())
    assert caught.value.code == f"{option}_not_found"
    assert f"{{option:{option}}} 'nowhere'" in caught.value.message
    assert "Choose one of: " in caught.value.remedy
    assert "none" not in caught.value.remedy


def test_names_are_known_in_any_case() -> None:
    check_names(order(WAY_HOME, master_targets=("MT-WIN",), datastore="DS1", policy="DAILY"), estate())
    with pytest.raises(InputError):
        check_names(
            order(WAY_HOME, master_targets=("mt-a",), datastore="only-b"),
            estate([target_json("mt-a"), target_json("mt-b", dataStores=[{"symbolicName": "only-b"}])]),
        )
