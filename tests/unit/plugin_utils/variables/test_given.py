# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables as people, surveys, inventories and templates give them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.plugin_utils.variables.catalogue import VARIABLES, Kind
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.given import names, read, unreadable

LISTS = sorted(v.name for v in VARIABLES.values() if v.kind in (Kind.LIST, Kind.HOOKS) and not v.choices)

#: What says nothing, for every variable whatever its kind.
NOTHING = [
    None,
    "",
    " ",
    "\n\n",
    "\t",
    "\u00a0",
    "\u200b",
    "None",
    "null",
    "[]",
    "[ ]",
    "{}",
    "undefined",
    [],
    (),
    {},
    "__omit_place_holder__0a1b",
]


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_what_says_nothing_is_left_out_whatever_the_kind(name: str) -> None:
    for value in NOTHING:
        assert read({name: value}) == ({}, []), (name, value)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["a", "b"], ["a", "b"]),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a , ,b, ", ["a", "b"]),
        ("a\nb\r\n\nc\n", ["a", "b", "c"]),
        ('["a", "b,c"]', ["a", "b,c"]),
        ("['a', 'b']", ["a", "b"]),
        ("[a, b c]", ["a", "b c"]),
        ('  ["a"]\n', ["a"]),
        (["a,b", " c "], ["a,b", "c"]),
        (["a", "", None, ["b", ["c"]]], ["a", "b", "c"]),
        (("a",), ["a"]),
        # Words in brackets without a comma are names or patterns.
        ("[prod]", ["[prod]"]),
        ("SQL [prod]", ["SQL [prod]"]),
        ("web[12]", ["web[12]"]),
        ("None, a", ["None", "a"]),
        ('["", " ", null]', []),
        (",", []),
    ],
)
def test_a_list_however_it_is_written(given: Any, found: list[str]) -> None:
    assert names("asr_machines", given) == found
    for name in LISTS:
        assert read({name: given}) == ({name: found} if found else {}, [])


@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("asr_policy", " daily ", "daily"),
        ("asr_policy", ["daily"], "daily"),
        ("asr_policy", "24", "24"),
        ("asr_wait_timeout", "600", 600),
        ("asr_wait_timeout", " 600 ", 600),
        ("asr_allowed_failures", "12.5", 12.5),
        ("asr_retries", 0, 0),
        ("asr_shut_down_source", "no", False),
        ("asr_shut_down_source", "False", False),
        ("asr_shut_down_source", 1, True),
        ("asr_watch", False, False),
        ("asr_guest", False, "off"),
        ("asr_commit_when", "verified", "verified"),
        ("asr_accept", '{"replication_health": "seen"}', {"replication_health": "seen"}),
        ("asr_process_server_deploy", {"name": "ps"}, {"name": "ps"}),
        ("asr_datastore", "ds-1", "ds-1"),
        ("asr_datastore", {"db-*": " ds-2", "default": "ds-1", "x": ""}, {"db-*": "ds-2", "default": "ds-1"}),
        ("asr_datastore", '{"windows": "R"}', {"windows": "R"}),
        (
            "asr_vaults",
            {"name": "v", "resource_group": "rg", "subscription_id": ""},
            [{"name": "v", "resource_group": "rg"}],
        ),
        ("asr_vaults", '[{"name": "v", "resource_group": "rg"}]', [{"name": "v", "resource_group": "rg"}]),
    ],
)
def test_a_value_as_its_kind_wants_it(name: str, given: Any, found: Any) -> None:
    assert read({name: given}) == ({name: found}, [])


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("asr_machines", {"app": 1}, ("a list of names", "mapping")),
        ("asr_machines", 7, ("7", "quotes")),
        ("asr_machines", [101], ("101", "quotes")),
        ("asr_machines", [True], ("True", "quotes")),
        ("asr_exclude", '{"a": 1}', ()),
        ("asr_policy", 24, ("24", "quotes")),
        ("asr_policy", ["a", "b"], ("a string",)),
        ("asr_wait_timeout", "soon", ("'soon'", "a number")),
        ("asr_wait_timeout", -1, ("-1",)),
        ("asr_wait_timeout", "nan", ("nan",)),
        ("asr_wait_timeout", "inf", ("inf",)),
        ("asr_wait_timeout", True, ("True",)),
        ("asr_shut_down_source", "flase", ("'flase'", "true or false")),
        ("asr_confirm_failover_to_azure", 2, ("2", "true or false")),
        ("asr_commit_when", "verfied", ("'verfied'", "manual, verified")),
        ("asr_advance", "all", ("together, each",)),
        ("asr_accept", ["x"], ("a mapping",)),
        ("asr_accept", "x", ("a mapping",)),
        ("asr_datastore", 3, ("3",)),
        ("asr_datastore", {"db": 3}, ("3",)),
        ("asr_vaults", "vault-dr", ("a list of vaults",)),
        ("asr_vaults", ["vault-dr"], ("a list of vaults",)),
        ("asr_vaults", [{"nam": "v", "resource_group": "rg"}], ("'nam'", "Did you mean name?")),
        ("asr_vaults", [{"name": "v", "region": "west"}], ("'region'", "name, resource_group, subscription_id")),
        ("asr_moments", "failover_to_onprem, commit", ("asr_moments is 'commit'", "commit_to_onprem")),
        (
            "asr_process_server_deploy",
            {"name": "ps", "sub_net": "x"},
            ("asr_process_server_deploy has 'sub_net'", "mean subnet?"),
        ),
        ("asr_vault", {"name": "v"}, ("asr_vault has no resource_group", "Add resource_group")),
        ("asr_vaults", [{"name": 7, "resource_group": "rg"}], ("name of an entry of asr_vaults", "in quotes")),
        ("asr_vaults", [{"name": "v", "resource_group": ["rg"]}], ("resource_group of an entry", "a string")),
    ],
)
def test_a_value_it_cannot_have_is_one_sentence(name: str, given: Any, words: tuple[str, ...]) -> None:
    meant, wrong = read({name: given})
    if not words:
        # A text in braces is a name like any other in a list; no machine has it.
        assert meant == {name: [given]}
        return
    assert meant == {}
    (sentence,) = wrong
    assert name in sentence
    for word in words:
        assert word in sentence


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("asr_hooks_before_comit", "asr_hooks_before_commit"),
        ("asr_machine", "asr_machines"),
        ("ASR_Exclude", "asr_exclude"),
        ("asr_excluded", "asr_exclude"),
        ("asr_qqqqqqqq", "docs/variables.md"),
    ],
)
def test_an_unknown_variable_is_reported_with_the_nearest_known_one(name: str, near: str) -> None:
    for value in ("x", "", None):
        meant, (sentence,) = read({name: value})
        assert meant == {}
        assert name in sentence
        assert near in sentence


def test_variables_of_peoples_own_are_left_alone() -> None:
    assert read({"asr_user_ticket": 7}) == ({}, [])


def test_a_value_that_is_a_broken_template_is_named_with_its_variable() -> None:
    def template(value: Any) -> Any:
        if value == "{{ nobody }}":
            raise ValueError("'nobody' is undefined.\nseen in line 3")
        if value == "{{ silent }}":
            raise KeyError
        return value

    values = {
        "asr_exclude": "{{ nobody }}",
        "ASR_Groups": "{{ silent }}",
        "asr_machines": ["app-01"],
        # Neither is read by the playbooks.
        "asr_user_own": "{{ nobody }}",
        "asr_result": "{{ nobody }}",
        "other": "{{ nobody }}",
    }
    assert unreadable(values, template) == [
        "ASR_Groups cannot be read: KeyError. Correct its value, or leave ASR_Groups out.",
        "asr_exclude cannot be read: 'nobody' is undefined. Correct its value, or leave asr_exclude out.",
    ]
