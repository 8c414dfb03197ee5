# SPDX-License-Identifier: GPL-3.0-or-later
"""Several vaults as hosts of one run: whose variables are whose, and what became of all of them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.filter.variables import variables
from ansible_collections.homeward.asr.plugins.plugin_utils.before_commit import failed_over
from ansible_collections.homeward.asr.plugins.plugin_utils.stages import several_vaults

HOSTS = ("vault-a", "vault-b")
A, B = ({"name": name, "resource_group": "rg"} for name in HOSTS)


def read(host: str, values: dict[str, Any], hosts: Any = HOSTS, beside: Any = (A, B)) -> dict[str, Any]:
    return variables(values, host, hosts, [*HOSTS, "vault-c"], beside)


@pytest.mark.parametrize("name", several_vaults.BY_HOST)
def test_a_mapping_gives_each_host_its_own_names(name: str) -> None:
    values = {name: {"vault-a": "x, y", "VAULT-C": ["z"]}}
    assert read("vault-a", values)["given"] == {name: ["x", "y"]}
    # A host that is left out has none: it never gets another's.
    assert read("vault-b", values) == {"given": {}, "wrong": []}
    (said,) = read("vault-a", {name: {"vault-a": ["x"], "vautl-b": ["y"]}})["wrong"]
    assert "vautl-b" in said
    assert "vault-b" in said
    # Without vaults as hosts a mapping is what it always was.
    assert variables({name: {"app-01": True}}, "localhost", ["localhost"], [], ())["wrong"]


def test_the_vault_of_the_host_stands_for_the_list_that_all_have() -> None:
    found = read("vault-b", {"asr_vaults": [A, B], "asr_vault": B})
    assert found == {"given": {"asr_vaults": [B]}, "wrong": []}


def test_hosts_with_the_same_vaults_are_refused() -> None:
    (said,) = read("vault-b", {"asr_vaults": [A, B]}, beside=([A, B], [A, B]))["wrong"]
    assert "vault-a and vault-b have the same vaults" in said
    assert not read("localhost", {"asr_vaults": [A, B]}, ["localhost"], ())["wrong"]


def test_each_host_writes_its_own_files() -> None:
    values = {"asr_report_file": "out/report.html", "asr_snapshot_file": "mine.yml"}
    assert read("vault-a", values)["given"] == {
        "asr_report_file": "out/report-vault-a.html",
        "asr_snapshot_file": "mine-vault-a.yml",
    }
    assert read("vault-a", values, ["vault-a"])["given"] == values


def test_the_results_of_all_are_added_up() -> None:
    one = {"code": "still_running", "counts": {"moved": 2, "waiting": 1}, "failed": [], "refused": ["x"]}
    two = {"code": "machines_failed", "counts": {"moved": 1, "failed": 1}, "failed": ["y"], "refused": ["z"]}
    told = several_vaults.total({"vault-a": one, "vault-b": two}, HOSTS)
    assert told["code"] == "machines_failed"
    assert told["counts"] == {"moved": 3, "waiting": 1, "failed": 1}
    assert (told["failed"], told["refused"], told["stopped"]) == (["y"], ["x", "z"], [])
    assert told["vaults"]["vault-a"] == {"code": "still_running", "counts": one["counts"]}
    assert several_vaults.total({"vault-a": one}, HOSTS)["code"] == several_vaults.STOPPED
    assert several_vaults.total({"vault-a": one}, HOSTS)["stopped"] == ["vault-b"]


def test_machines_of_one_name_in_two_vaults_are_two_hosts() -> None:
    def row(vault: str) -> dict[str, Any]:
        rest = {"after": "home_uncommitted", "done": "unchanged", "onprem": {"failover_job": vault}}
        return {"name": "twin", "vault": vault, "item_id": f"/{vault}/rpi-{vault}", **rest}

    def hosts(known: list[str] | None) -> list[str]:
        return [failed_over.entries([row(vault)], {}, {}, None, known)[0]["host"] for vault in HOSTS]

    assert hosts(None) == ["twin", "twin"]
    assert hosts(HOSTS) == ["twin rpi-vault-a", "twin rpi-vault-b"]
    assert hosts([*HOSTS, "twin"]) == ["twin", "twin"], "the inventory's own host keeps its variables"
