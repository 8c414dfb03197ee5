# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of a classic vault does not report, and the single GET of the same item does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from vault_fixture import SMALL
from wire import AZURE_TO, Wire

EMPTY = {
    "protectedDisks": [],
    "masterTargetId": None,
    "osDiskId": None,
    "vhdName": None,
    "azureVMDiskDetails": None,
    "diskResized": None,
    "sourceVmCpuCount": 0,
    "sourceVmRamSizeInMB": 0,
}


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    return run_vault(SMALL)


@pytest.mark.parametrize("key", EMPTY)
def test_a_list_is_hollow_and_the_single_item_is_not(vault: Wire, key: str) -> None:
    listed = vault.items()["web-01"]["properties"]["providerSpecificDetails"]
    single = vault.item("web-01")["properties"]["providerSpecificDetails"]
    assert listed[key] == EMPTY[key]
    assert single[key]
    assert listed["osType"] == single["osType"]


def test_the_point_of_a_failover_is_in_the_single_item_only(vault: Wire) -> None:
    item = vault.item("web-02")
    vault.good(vault.run(item, "unplannedFailover", {**AZURE_TO, "sourceSiteOperations": "NotRequired"}))
    assert vault.get(item["id"])["properties"]["failoverRecoveryPointId"]
    assert vault.items()["web-02"]["properties"]["failoverRecoveryPointId"] is None
