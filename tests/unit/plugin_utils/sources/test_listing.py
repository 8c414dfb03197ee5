# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines the inventory lists, under which names and in which groups."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.plugin_utils.sources.listing import (
    GROUPINGS,
    Filter,
    entries_of,
    groups_of,
    listed,
    unique,
    variables,
)


def machine(name: str, **more: Any) -> dict[str, Any]:
    facts = {"name": name, "vault": "vault-1", "item_id": f"/x/{name}-item", "position": "out", "plans": []}
    return {**facts, "group": None, "health": "Normal", "os_type": "Linux", **more}


FLEET = [
    machine("a", plans=["Shop"], group="till"),
    machine("b", position="home", os_type="Windows", health="Critical"),
    machine("c", vault="vault-2", plans=["Shop", "Bank"], os_type=None, health=""),
    machine("d", position="unknown"),
]


def listed_names(include: Any = None, exclude: Any = None) -> str:
    return "".join(m["name"] for m in listed(FLEET, Filter("include", include), Filter("exclude", exclude)))


@pytest.mark.parametrize(
    ("include", "names"),
    [
        (None, "abcd"),
        ({}, "abcd"),
        ({"states": None}, "abcd"),
        ({"states": []}, "abcd"),
        ({"states": ["out"]}, "ac"),
        ({"states": "OUT"}, "ac"),
        ({"states": ["out", "unknown"]}, "acd"),
        ({"states": ["out"], "operating_systems": ["linux"]}, "a"),
        ({"plans": ["shop"]}, "ac"),
        ({"plans": ["ba*"]}, "c"),
        ({"vaults": ["vault-2"]}, "c"),
        ({"groups": ["till"]}, "a"),
        ({"health": ["critical"]}, "b"),
        # A blank word fits nothing, not what has none.
        ({"plans": ""}, ""),
        ({"plans": [""]}, ""),
        ({"groups": [" "]}, ""),
        ({"health": ["\u200b"]}, ""),
        ({"operating_systems": [None]}, ""),
        ({"vaults": "\n"}, ""),
        ({"states": [""]}, ""),
        # What is left of "{{ prefix }}*" where the prefix is empty.
        ({"plans": ["*"]}, ""),
        ({"groups": ["", "till"]}, "a"),
    ],
)
def test_include_lists_what_fits_every_aspect(include: Any, names: str) -> None:
    assert listed_names(include) == names


@pytest.mark.parametrize(
    ("exclude", "names"),
    [
        ({"states": ["home"], "plans": ["bank"]}, "ad"),
        ({"plans": [""]}, "abcd"),
        ({"health": "Critical"}, "acd"),
        ({"vaults": ["vault-*"]}, ""),
    ],
)
def test_exclude_leaves_out_what_fits_any_aspect(exclude: Any, names: str) -> None:
    assert listed_names(None, exclude) == names


@pytest.mark.parametrize("aspect", ["states", "vaults", "plans", "groups", "health", "operating_systems"])
def test_a_pattern_of_wildcards_only_never_leaves_nothing_out(aspect: str) -> None:
    with pytest.raises(InputError) as caught:
        Filter("exclude", {aspect: ["*"]})
    assert caught.value.code == "pattern_too_broad"
    assert aspect in caught.value.message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"health": ["critcal"]}, "'critcal'"),
        ({"operating_systems": ["windoze"]}, "'windoze'"),
        ({"plans": ["shoop"]}, "'shoop'"),
        ({"health": ["warning", "norm*"], "operating_systems": ["linux"]}, ""),
    ],
)
def test_what_no_machine_can_have_is_warned_about(given: Any, said: str) -> None:
    warned = Filter("exclude", given).unmet(FLEET)
    assert bool(warned) == bool(said)
    assert said in "".join(warned)


def test_exclude_is_stronger_than_include() -> None:
    assert listed_names({"states": ["out"]}, {"plans": ["bank"]}) == "a"


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"state": ["out"]}, "filter_unknown", "'state'"),
        ({"states": ["outt"]}, "state_unknown", "'outt'"),
        (["out"], "wrong_type", "include must be"),
        ({"groups": [7]}, "wrong_type", "include.groups"),
        ({"groups": {"a": 1}}, "wrong_type", "include.groups"),
        ("out", "wrong_type", "include must be"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(given: Any, code: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Filter("include", given)
    assert caught.value.code == code
    assert said in caught.value.message
    assert caught.value.remedy


def test_words_that_no_machine_has_are_reported() -> None:
    told = Filter("exclude", {"plans": ["shop", "shp", "b*", "x*"], "vaults": ["v"]}).unmet(FLEET)
    assert [text.split("'")[1] for text in told] == ["v", "shp", "x*"]


def test_two_machines_never_become_one_host() -> None:
    machines = [machine("A"), machine("a", vault="vault-2"), machine("b"), machine("a", item_id="/x/third")]
    assert unique(["A", "a", "b", "a"], machines) == ["A.vault-1.A-item", "a.vault-2", "b", "a.vault-1.third"]
    assert unique(["x"] * 4, [machine(str(n), vault="v") for n in range(4)]) == [f"x.v.{n}-item" for n in range(4)]


def test_groups_and_variables() -> None:
    assert groups_of(FLEET[2], GROUPINGS, "asr_") == [
        "asr_state_out",
        "asr_vault_vault-2",
        "asr_plan_Shop",
        "asr_plan_Bank",
    ]
    assert groups_of(FLEET[1], ["health", "operating_system"], "") == ["health_Critical", "os_Windows"]
    assert groups_of(FLEET[0], [], "asr_") == []
    assert variables({"name": "a", "disks": []}, "asr_") == {"asr_name": "a", "asr_disks": []}


@pytest.mark.parametrize(
    ("given", "entries"),
    [
        (None, []),
        ([], []),
        ("", []),
        (["", " "], []),
        ("rg/v", [{"name": "v", "resource_group": "rg"}]),
        (["rg/v", "sub/rg/w"], [("v", "rg"), ("w", "rg", "sub")]),
        ([{"name": "v", "resource_group": "rg", "subscription_id": "s"}], [("v", "rg", "s")]),
    ],
)
def test_vaults_as_mappings_or_texts(given: Any, entries: list[Any]) -> None:
    keys = ("name", "resource_group", "subscription_id")
    wanted = [dict(zip(keys, e, strict=False)) if isinstance(e, tuple) else e for e in entries]
    assert entries_of(given) == wanted


@pytest.mark.parametrize("given", [["v"], ["a/b/c/d"], ["rg//v"], [7], [None], [["rg", "v"]]])
def test_a_vault_that_is_not_named_is_refused(given: Any) -> None:
    with pytest.raises(InputError) as caught:
        entries_of(given)
    assert caught.value.code == "vault_unclear"
