# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing machines by name, pattern, group and plan; every wrong choice says what there is to choose from."""

from __future__ import annotations

from typing import Any

import pytest
from builders import STAGES, VAULT, item, item_id, item_json, order

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.selection import choose, listing, select

OTHER = VaultRef(VAULT.subscription_id, "rg-two", "vault-two")
FLEET = [
    item("web2"),
    item("web1"),
    item("db1", details={"multiVmGroupName": "Shop", "multiVmGroupId": "g"}),
    item("app1", details={"multiVmGroupName": "Shop", "multiVmGroupId": "g"}),
]
PLAN = {
    "name": "plan-shop",
    "properties": {
        "friendlyName": "The shop",
        "groups": [
            {"groupType": "Shutdown", "replicationProtectedItems": None},
            {"replicationProtectedItems": [{"id": item_id("WEB1").upper()}, {"id": item_id("db1")}]},
        ],
    },
}
PLANS = {VAULT.key: [PLAN]}


def chosen(**wishes: Any) -> list[str]:
    wanted = Order(vaults=(VAULT,), route=(), **wishes)
    return [i.friendly_name for i in select(wanted, FLEET, PLANS)]


def refused(**wishes: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        chosen(**wishes)
    return caught.value


@pytest.mark.parametrize(
    ("wishes", "names"),
    [
        # In the order of names, a group's members side by side under the group's name.
        ({"machines": ("all",)}, ["app1", "db1", "web1", "web2"]),
        ({"machines": ("ALL",)}, ["app1", "db1", "web1", "web2"]),
        ({"machines": ("web2", "web1")}, ["web1", "web2"]),
        ({"machines": ("WEB1",)}, ["web1"]),
        ({"machines": ("rpi-web1",)}, ["web1"]),
        ({"machines": ("web*",)}, ["web1", "web2"]),
        ({"machines": ("W?B[12]", "web1")}, ["web1", "web2"]),
        ({"groups": ("shop",)}, ["app1", "db1"]),
        ({"recovery_plans": ("plan-shop",)}, ["db1", "web1"]),
        ({"recovery_plans": ("THE SHOP",)}, ["db1", "web1"]),
        ({"groups": ("shop",), "machines": ("web1", "db1")}, ["app1", "db1", "web1"]),
        ({"machines": ("all",), "exclude": ("WEB1", "rpi-web2")}, ["app1", "db1"]),
        ({"machines": ("all",), "exclude": ("WEB1",)}, ["app1", "db1", "web2"]),
    ],
)
def test_what_is_chosen(wishes: dict[str, Any], names: list[str]) -> None:
    assert chosen(**wishes) == names


def test_group_members_are_listed_together() -> None:
    fleet = [item("zeta"), item("zz", details={"multiVmGroupName": "alpha"}), item("beta")]
    fleet.append(item("mu", details={"multiVmGroupName": "alpha"}))
    assert [i.friendly_name for i in select(order((), "all"), fleet, {})] == ["mu", "zz", "beta", "zeta"]


@pytest.mark.parametrize(
    ("wishes", "code", "words"),
    [
        (
            {},
            "no_machines",
            ("'{option:machines}'", "app1, db1, web1, web2", "groups: Shop", "recovery plans: plan-shop", "all"),
        ),
        ({"machines": ("web3",)}, "machine_not_found", ("'web3'", "'{option:machines}'", "web1")),
        ({"machines": ("x*",)}, "machine_not_found", ("'x*'", "'{option:machines}'")),
        # A misspelt name to leave out would move the very machine that was to stay.
        ({"machines": ("all",), "exclude": ("web-1",)}, "machine_not_found", ("'web-1'", "'{option:exclude}'", "web1")),
        ({"groups": ("bar",)}, "group_not_found", ("'bar'", "'{option:groups}'", "Shop")),
        ({"recovery_plans": ("p",)}, "plan_not_found", ("'p'", "'{option:recovery_plans}'", "plan-shop")),
    ],
)
def test_what_is_refused(wishes: dict[str, Any], code: str, words: tuple[str, ...]) -> None:
    error = refused(**wishes)
    assert error.code == code
    for word in words:
        assert word in error.sentence()


def test_an_ambiguous_name_is_refused_and_distinguished() -> None:
    twin = Item.parse(item_json("web1"), OTHER)
    with pytest.raises(InputError) as caught:
        select(order((), "web1"), [*FLEET, Item.parse({**item_json("web1"), "id": "/other/rpi"}, OTHER)], {})
    assert caught.value.code == "machine_ambiguous"
    assert "vault-dr" in caught.value.message
    assert "vault-two" in caught.value.message
    # A pattern means all that fit.
    both = select(order((), "web1*"), [*FLEET, Item.parse({**item_json("web1"), "id": "/other/rpi"}, OTHER)], {})
    assert len(both) == 2
    assert twin.vault.key != VAULT.key


def test_a_plan_counts_only_in_its_own_vault() -> None:
    stranger = Item.parse(item_json("web1"), OTHER)
    choice = choose(Order(vaults=(VAULT,), route=(), recovery_plans=("plan-shop",)), [stranger], PLANS)
    assert choice.items == []
    assert [(g.plan, g.vault) for g in choice.gone] == [("plan-shop", VAULT.key)] * 2


def test_a_member_that_is_not_listed_is_mentioned() -> None:
    choice = choose(Order(vaults=(VAULT,), route=(), recovery_plans=("plan-shop",)), FLEET[:2], PLANS)
    assert [i.friendly_name for i in choice.items] == ["web1"]
    assert [g.id for g in choice.gone] == [item_id("db1")]


@pytest.mark.parametrize("properties", [None, {}, {"groups": None}, {"groups": [None, {"groupType": "Boot"}]}])
def test_a_plan_without_members_is_refused(properties: Any) -> None:
    with pytest.raises(InputError) as caught:
        select(order((), recovery_plans=("p",)), FLEET, {VAULT.key: [{"name": "p", "properties": properties}]})
    assert caught.value.code == "plan_empty"
    assert "'p'" in caught.value.message


def foreign(name: str, **details: Any) -> Item:
    return item(name, details={"instanceType": "A2A", **details})


def driven(wanted: Item) -> bool:
    return wanted.instance_type != "A2A"


@pytest.mark.parametrize(
    ("wishes", "names", "notes"),
    [
        # By name, group or plan they are met (and refused later); all and patterns leave them out and say so.
        ({"machines": ("x1",)}, ["x1"], 0),
        ({"groups": ("cloud",)}, ["x2"], 0),
        ({"recovery_plans": ("p",)}, ["x1"], 0),
        ({"machines": ("all",)}, ["app1", "db1", "web1", "web2"], 1),
        ({"machines": ("[wx]*1",)}, ["web1"], 1),
        ({"machines": ("x*",)}, [], 2),
    ],
)
def test_machines_of_other_providers(wishes: dict[str, Any], names: list[str], notes: int) -> None:
    fleet = [*FLEET, foreign("x1"), foreign("x2", multiVmGroupName="cloud")]
    plans = {
        VAULT.key: [{"name": "p", "properties": {"groups": [{"replicationProtectedItems": [{"id": item_id("x1")}]}]}}]
    }
    choice = choose(Order(vaults=(VAULT,), route=(), **wishes), fleet, plans, driven)
    assert [i.friendly_name for i in choice.items] == names
    assert len(choice.notes) == notes
    if notes:
        assert "A2A" in choice.notes[0]
        assert "x1" in choice.notes[0]


@pytest.mark.parametrize(
    ("wishes", "fleet", "said"),
    [
        ({"machines": ("all",)}, [], "list no machines"),
        ({"machines": ("all",)}, [foreign("x1")], "no machine that this collection supports"),
        ({"machines": ("web1",), "exclude": ("web*",)}, FLEET, "'{option:exclude}' leaves out every selected machine"),
    ],
)
def test_a_run_of_no_machine_says_so(wishes: dict[str, Any], fleet: list[Item], said: str) -> None:
    choice = choose(Order(vaults=(VAULT,), route=(), **wishes), fleet, {}, driven)
    assert choice.items == []
    assert said in choice.notes[-1]


def test_a_long_list_is_cut() -> None:
    assert listing([], 3) == "none"
    assert listing(["b", "A", "b", "c"], 3) == "A, b, c"
    assert listing([f"m{n}" for n in range(9)], 2) == "m0, m1 and 7 more"


def test_vaults_without_any_machine_are_said_so() -> None:
    with pytest.raises(InputError) as caught:
        select(order((), "web1"), [], {})
    assert caught.value.code == "vault_empty"
    assert "'{option:vaults}'" in caught.value.message
    assert select(order((), "all"), [], {}) == []


@pytest.mark.parametrize("word", ["w*", "w?b1", "web[12]", "*"])
def test_stage_one_takes_no_pattern(word: str) -> None:
    with pytest.raises(InputError) as caught:
        select(Order(vaults=(VAULT,), route=STAGES[1], machines=(word,)), FLEET, PLANS)
    assert caught.value.code == "machine_names_required"
    assert repr(word) in caught.value.message


def test_stage_one_takes_a_name_with_brackets() -> None:
    """Whether a word with brackets is a name is seen among the machines, not in the word."""
    fleet = [item("SQL [prod]"), item("sql p")]
    wanted = Order(vaults=(VAULT,), route=STAGES[1], machines=("sql [prod]",))
    assert [i.friendly_name for i in select(wanted, fleet, {})] == ["SQL [prod]"]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [(("web*",), ["app1", "db1"]), (("web1", "db?"), ["app1", "web2"]), ((" ",), ["app1", "db1", "web1", "web2"])],
)
def test_machines_are_left_out_by_name_or_pattern(exclude: tuple[str, ...], left: list[str]) -> None:
    assert chosen(machines=("all",), exclude=exclude) == left


@pytest.mark.parametrize("exclude", ["x*", "web3", "*"])
def test_what_leaves_nobody_out_is_refused(exclude: str) -> None:
    assert repr(exclude) in refused(machines=("all",), exclude=(exclude,)).message


@pytest.mark.parametrize("word", ["*", "?*"])
def test_a_pattern_that_names_nothing_is_refused(word: str) -> None:
    """It is what a template leaves of a prefix that was empty."""
    assert refused(machines=(word,)).code == "pattern_too_broad"


def test_a_machine_called_all_is_asked_about() -> None:
    with pytest.raises(InputError) as caught:
        select(order((), "all"), [*FLEET, item("ALL")], {})
    assert caught.value.code == "machine_ambiguous"
    assert "rpi-ALL" in caught.value.remedy


def test_a_machine_is_chosen_by_the_id_of_its_replicated_item() -> None:
    assert chosen(machines=(item_id("web1").upper(),)) == ["web1"]
