# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs are found by the words that mean machines, whatever these are; machines in vCenter by their ids alone."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.shell.infos import about
from ansible_collections.homeward.asr.plugins.module_utils.shell.views import onprem_machines

NORTH, SOUTH = (VaultRef("s", "rg", name) for name in ("north", "south"))


def item(vault: VaultRef, name: str) -> Item:
    return Item.parse(
        {
            "id": f"{vault.id}/replicationFabrics/f/replicationProtectionContainers/c/replicationProtectedItems/rpi-{name}",
            "name": f"rpi-{name}",
            "properties": {"friendlyName": name, "providerSpecificDetails": {"vmId": f"{vault.name}-{name}"}},
        },
        vault,
    )


def job(vault: VaultRef, name: str, target: str) -> tuple[VaultRef, dict[str, Any]]:
    return vault, {"name": name, "properties": {"targetObjectId": target, "targetObjectName": target.partition("-")[2]}}


ITEMS = [item(NORTH, "web-1"), item(SOUTH, "web-1"), item(NORTH, "db")]
JOBS = [
    job(NORTH, "j1", "north-web-1"),
    job(SOUTH, "j2", "south-web-1"),
    job(NORTH, "j3", "north-db"),
    job(NORTH, "j4", "x-gone"),
]


@pytest.mark.parametrize(
    ("words", "jobs"),
    [
        (["web-1"], ["j1", "j2"]),
        (["WEB-*"], ["j1", "j2"]),
        ([ITEMS[1].id.upper()], ["j2"]),
        (["rpi-db"], ["j3"]),
        # Its replication is gone: only jobs know it.
        (["gone", "db"], ["j3", "j4"]),
        (["all"], ["j1", "j2", "j3", "j4"]),
    ],
)
def test_jobs_about_machines(words: list[str], jobs: list[str]) -> None:
    assert [data["name"] for _ref, data in about(words, ITEMS, JOBS)] == jobs


def test_a_machine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        about(["db", "nope"], ITEMS, JOBS)
    assert caught.value.code == "machine_not_found"
    assert "'nope'" in caught.value.message


def vm(bios: str, **more: Any) -> SiteMachine:
    there: dict[str, Any] = {"bios_uuid": bios, "powered_on": True, "tools": "running", "addresses": ("10.1.2.3",)}
    return SiteMachine("vm-1", "web-1", **{**there, **more})


@pytest.mark.parametrize(
    ("uuid", "machines", "address"),
    [
        ("a", [vm("A")], "10.1.2.3"),
        ("a", [vm("b", uuid="a")], "10.1.2.3"),
        ("a", [vm("a", tools="not_running")], None),
        ("a", [vm("a", powered_on=False)], None),
        ("a", [vm("a", addresses=())], None),
        # The host does not respond: the address is that of then.
        ("a", [vm("a", host_connection="notResponding")], None),
    ],
)
def test_an_address_in_vcenter_is_of_now(uuid: str, machines: list[SiteMachine], address: str | None) -> None:
    assert onprem_machines([uuid], machines) == [{"vm": "web-1", "address": address}]


@pytest.mark.parametrize("machines", [[], [vm("")], [vm("b")], [vm("a"), vm("a")]])
def test_a_machine_in_vcenter_is_one_by_its_id(machines: list[SiteMachine]) -> None:
    assert onprem_machines(["a", ""], machines) == [None, None]
