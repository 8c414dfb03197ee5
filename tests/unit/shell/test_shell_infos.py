# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs are found by the words that mean machines, whatever these are."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.shell.infos import about

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
