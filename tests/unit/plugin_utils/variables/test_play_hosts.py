# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the plays: what matches nobody is refused, and so is a --limit that keeps machines out of their own play."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.homeward.asr.plugins.filter.play_hosts import play_hosts
from ansible_collections.homeward.asr.plugins.filter.variables import variables
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.play_hosts import left_out

#: Without an inventory, and with one of vaults.
NONE: dict[str, list[str]] = {"all": [], "ungrouped": []}
VAULTS = {"all": ["vault-a", "vault-b"], "ungrouped": [], "asr_vaults": ["vault-a", "vault-b"]}


@pytest.mark.parametrize(
    ("value", "groups", "limit", "found"),
    [
        ("localhost", NONE, "", ["localhost"]),
        ("", NONE, "", ["localhost"]),
        ([" "], NONE, "", ["localhost"]),
        ("localhost", NONE, "localhost", ["localhost"]),
        ("asr_vaults", VAULTS, "", ["vault-a", "vault-b"]),
        (["asr_vaults"], VAULTS, "", ["vault-a", "vault-b"]),
        ("vault-b, vault-a", VAULTS, "", ["vault-b", "vault-a"]),
        ("asr_vaults:!vault-b", VAULTS, "", ["vault-a"]),
        ("vault-*", VAULTS, "vault-b", ["vault-b"]),
    ],
)
def test_hosts_are_found_by_ansibles_rules(
    value: Any, groups: dict[str, list[str]], limit: str, found: list[str]
) -> None:
    assert play_hosts(value, groups, limit, names=True) == found


@pytest.mark.parametrize(
    ("value", "groups", "limit", "words"),
    [
        ("nobody", NONE, "", ("asr_hosts is nobody", "with -i", "leave asr_hosts out")),
        ("vault-c", VAULTS, "", ("asr_hosts is vault-c", "asr_vaults, vault-a, vault-b")),
        ("vault-a:&vault-b", VAULTS, "", ("vault-a:&vault-b",)),
        ("localhost", {**NONE, "all": ["app-01"]}, "app-01", ("--limit app-01 leaves out localhost", "asr_machines")),
        ("asr_vaults", VAULTS, "@/nowhere", ("--limit @/nowhere",)),
        (7, VAULTS, "", ("asr_hosts must be a list of names", "in quotes")),
        ({"vault-a": 1}, VAULTS, "", ("asr_hosts must be a list of names",)),
    ],
)
def test_a_play_without_hosts_is_refused(
    value: Any, groups: dict[str, list[str]], limit: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        play_hosts(value, groups, limit)
    for word in words:
        assert word in str(refused.value)


def test_where_only_the_syntax_is_checked_there_are_no_groups() -> None:
    assert play_hosts("asr_vaults", {}) == ["asr_vaults"]


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        ("", []),
        ("vault-a", ["app-01", "app-02"]),
        ("vault-a,asr_failed_over", []),
        ("vault-a:app-01", ["app-02"]),
        ("vault-a,app-*", []),
        ("all", []),
        ("all:!app-02", ["app-02"]),
    ],
)
def test_a_limit_leaves_machines_out_of_their_own_play(limit: str, left: list[str]) -> None:
    assert left_out(limit, "asr_failed_over", ["app-01", "app-02"], VAULTS) == left


def test_a_machine_is_no_host_of_the_stages() -> None:
    facts = {
        "asr_name": "app-01",
        "asr_item_id": "/subscriptions/x",
        "asr_vault": "vault-a",
        "asr_machines": ["app-01"],
    }
    (said,) = variables(facts, "app-01")["wrong"]
    assert "app-01, which is a machine and not a vault" in said
    assert "vault_hosts: true" in said
