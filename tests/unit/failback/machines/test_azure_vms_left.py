# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Azure VMs are gone after their commit: one list for many of them, and a look at each that it still has."""

from __future__ import annotations

from typing import Any

import pytest
from builders import azure_json, of, stage
from world import Port, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines import azure_vms_left
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ReadFailed


@pytest.fixture
def world() -> World:
    """Many machines that wait for their commit home; the Azure VM of one will stay."""
    world = World()
    world.add(*(f"web-{number}" for number in range(azure_vms_left.MANY)), position=Position.HOME_UNCOMMITTED)
    world.azure_says["web-7"] = [azure_json("web-7", "deallocated")]
    return world


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The Azure VMs that were read on their own."""
    found: list[str] = []
    whole = Port.get_azure_machine

    def get(self: Port, vm_id: str) -> dict[str, Any]:
        found.append(vm_id.rpartition("/")[2])
        return whole(self, vm_id)

    monkeypatch.setattr(Port, "get_azure_machine", get)
    return found


def warned(result: dict[str, Any]) -> list[str]:
    return [m["name"] for m in result["machines"] if any(w["code"] == azure_vms_left.LEFT for w in m["warnings"])]


def test_a_list_shows_which_of_many_are_gone(world: World, looks: list[str]) -> None:
    result = world.go(stage(3, "all"))
    assert of(result, "web-7")["after"] == "home_unprotected"
    assert warned(result) == ["web-7"]
    assert len(looks) == azure_vms_left.MANY + 1, "each before its commit, and the one that is left"
    assert result["requests"]["reads"] == result["requests"]["floor"]["reads"]


@pytest.mark.parametrize("listed", ["unreadable", "without an id"])
def test_where_the_list_reports_nothing_each_is_looked_at(
    world: World, looks: list[str], monkeypatch: pytest.MonkeyPatch, listed: str
) -> None:
    whole = Port.list_azure_machines

    def told(self: Port, subscription: str) -> list[dict[str, Any]]:
        if world.state("web-0").position is Position.HOME_UNCOMMITTED:
            return whole(self, subscription)
        if listed == "unreadable":
            raise ReadFailed("forbidden", "The account may not list virtual machines.")
        return [{"name": "web-7"}]

    monkeypatch.setattr(Port, "list_azure_machines", told)
    assert warned(world.go(stage(3, "all"))) == ["web-7"]
    assert len(looks) == 2 * azure_vms_left.MANY
