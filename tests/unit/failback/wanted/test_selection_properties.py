# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is given: no machine is chosen that the choice does not name, and nothing blank ever widens it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from builders import VAULT, item, item_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.selection import select

FLEET = [
    item("web1"),
    item("web2"),
    item("SQL [prod]"),
    item('it\'s "q"'),
    item("bücher-01"),
    item("w22.test.example"),
    item("db1", details={"multiVmGroupName": "Shop", "multiVmGroupId": "g"}),
    item("app1", details={"multiVmGroupName": "Shop", "multiVmGroupId": "g"}),
    item("odd1", details={"multiVmGroupName": "", "multiVmGroupId": ""}),
    item("odd2", details={"multiVmGroupName": None, "multiVmGroupId": None}),
    item("odd3", details={"multiVmGroupName": " ", "multiVmGroupId": " "}),
]
PLANS = {
    VAULT.key: [
        {"name": "plan", "properties": {"groups": [{"replicationProtectedItems": [{"id": item_id("web1")}]}]}},
        {
            "name": "",
            "properties": {"friendlyName": None, "groups": [{"replicationProtectedItems": [{"id": item_id("web2")}]}]},
        },
        {"name": None, "properties": None},
    ]
}

#: What surveys, inventories and templates make of nothing.
BLANKS = ["", " ", "\n", "\t", "\u00a0", "\u200b", "\ufeff", None]
#: What they make of nothing as a text, of other types, and of prefixes that are empty.
ARTEFACTS = [
    "None",
    "null",
    "[]",
    "{}",
    "undefined",
    "omit",
    "*",
    "**",
    "?",
    "-*",
    "[",
    "]",
    "[!a]",
    ",",
    "'",
    '""',
    "0",
    "false",
]
TYPES = [0, 1, 1.5, True, False, {}, {"web1": 1}, [], ["web1"], [None], b"web1"]
REAL = [i.friendly_name for i in FLEET] + ["WEB1", "web*", "Shop", "shop", "plan", "all", "rpi-web1", "sql [prod]"]

WORD = st.one_of(st.sampled_from(BLANKS + ARTEFACTS + TYPES + REAL), st.text(max_size=6))
LIST = st.one_of(st.sampled_from([*BLANKS, *TYPES, *ARTEFACTS, (), []]), st.lists(WORD, max_size=4))


def names_of(wishes: dict[str, Any]) -> set[str] | None:
    """The chosen machines; None where the choice is refused."""
    try:
        return {i.friendly_name for i in select(Order(vaults=(VAULT,), route=(), **wishes), FLEET, PLANS)}
    except InputError:
        return None


def folded(text: str) -> str:
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
    # Every blank of Unicode, and what is invisible without being a blank.
    return re.sub(r"^[\s\u200b-\u200d\u2060\ufeff]+|[\s\u200b-\u200d\u2060\ufeff]+$", "", plain)


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [word for word in value if isinstance(word, str)] if value else []


def named(machine: Item, wishes: dict[str, Any]) -> bool:
    """An independent reading of what the words name."""
    name = folded(machine.friendly_name)
    for word in map(folded, listed(wishes.get("machines"))):
        literal = re.sub(r"[*?]", "", word)
        if word and (word in (name, "all", f"rpi-{name}") or (set("*?[") & set(word) and literal)):
            return True
    group = folded(machine.group or "")
    if group and group in map(folded, listed(wishes.get("groups"))):
        return True
    return machine.friendly_name == "web1" and "plan" in map(folded, listed(wishes.get("recovery_plans")))


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(machines=LIST, groups=LIST, plans=LIST, exclude=LIST)
def test_no_machine_is_chosen_that_is_not_named(machines: Any, groups: Any, plans: Any, exclude: Any) -> None:
    wishes = {"machines": machines, "groups": groups, "recovery_plans": plans, "exclude": exclude}
    chosen = names_of(wishes) or set()
    assert all(named(machine, wishes) for machine in FLEET if machine.friendly_name in chosen)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    option=st.sampled_from(["machines", "groups", "recovery_plans"]),
    blanks=st.lists(st.sampled_from(BLANKS), max_size=4),
)
def test_a_choice_of_blanks_is_refused(option: str, blanks: list[Any]) -> None:
    assert names_of({option: blanks}) is None


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    choice=st.fixed_dictionaries(
        {}, optional={o: st.lists(st.sampled_from(REAL), max_size=3) for o in ("machines", "groups", "recovery_plans")}
    ),
    option=st.sampled_from(["machines", "groups", "recovery_plans"]),
    instead=st.sampled_from([*BLANKS, *TYPES, (), [""], [" ", None]]),
)
def test_what_is_blank_or_of_another_type_never_widens(choice: dict[str, Any], option: str, instead: Any) -> None:
    before = names_of(choice)
    after = names_of({**choice, option: instead})
    if before is not None and after is not None and instead != ["web1"]:
        assert after <= before


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(word=WORD)
def test_leaving_out_never_adds(word: Any) -> None:
    everyone = names_of({"machines": ["all"]})
    left = names_of({"machines": ["all"], "exclude": [word]})
    assert everyone is not None
    assert left is None or left <= everyone
    # A word that says something either leaves somebody out or is refused.
    if isinstance(word, str) and folded(word):
        assert left is None or left < everyone
