# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in pages, their filters, and lists that lie."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from wire import Wire


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    return run_vault("classic-25", "--page-size", "10")


def names(vault: Wire, path: str) -> list[str]:
    return [e["properties"]["friendlyName"] for e in vault.all(path)]


def test_pages_hold_each_entry_once(vault: Wire) -> None:
    path = f"{vault.vault}/replicationProtectedItems"
    first = vault.get(path)
    assert len(first["value"]) == 10
    assert "skipToken=" in first["nextLink"]
    assert first["nextLink"].startswith(vault.url)
    found = names(vault, path)
    assert len(found) == len(set(found)) == 25
    assert vault.get(f"{vault.vault}/replicationPolicies")["nextLink"] is None


def test_the_page_size_can_be_changed(vault: Wire) -> None:
    vault.control("POST", "/settings", {"page_size": 1000})
    try:
        whole = vault.get(f"{vault.vault}/replicationProtectedItems")
        assert (len(whole["value"]), whole["nextLink"]) == (25, None)
    finally:
        vault.control("POST", "/settings", {"page_size": 10})


def test_filters_of_items(vault: Wire) -> None:
    path = f"{vault.vault}/replicationProtectedItems?$filter="
    assert len(names(vault, path + "instanceType eq 'InMageAzureV2'")) == 25
    assert names(vault, path + "instanceType eq 'InMage'") == []
    server = vault.fabric()["properties"]["customDetails"]["processServers"][0]["id"]
    assert names(vault, path + f"processServerId eq '{server}' and sourceFabricName eq 'CS-01'") == []


def test_a_page_may_come_twice(vault: Wire) -> None:
    path = f"{vault.vault}/replicationProtectedItems"
    vault.control("POST", "/faults", {"action": "repeat_page", "match": {"path": "skipToken"}})
    first = vault.get(path)
    second = vault.get(first["nextLink"])
    assert second["value"] == first["value"]
    assert second["nextLink"] not in (None, first["nextLink"])
    assert len(set(names(vault, path))) == 25, "the rule was for once"


def test_a_link_may_lead_to_itself(vault: Wire) -> None:
    path = f"{vault.vault}/replicationProtectedItems"
    vault.control("POST", "/faults", {"action": "repeat_link", "match": {"path": "skipToken"}, "times": 2})
    second_link = vault.get(path)["nextLink"]
    second = vault.get(second_link)
    assert second["nextLink"] == second_link
    assert vault.get(second_link)["nextLink"] == second_link
    assert vault.get(second_link)["nextLink"] != second_link


def test_a_page_of_jobs_does_not_shift_under_a_reader(vault: Wire) -> None:
    vault.control("POST", "/settings", {"lag": 0})
    items = vault.all(f"{vault.vault}/replicationProtectedItems")
    for item in items[:12]:
        assert vault.start(item, "repairReplication").status_code == 202
    first = vault.get(f"{vault.vault}/replicationJobs")
    for item in items[12:15]:
        assert vault.start(item, "repairReplication").status_code == 202
    second = vault.get(first["nextLink"])
    both = [j["name"] for j in first["value"] + second["value"]]
    assert len(both) == len(set(both)) == 12
    newest = vault.get(f"{vault.vault}/replicationJobs")["value"][0]
    assert newest["properties"]["targetObjectName"] == items[14]["properties"]["friendlyName"]
