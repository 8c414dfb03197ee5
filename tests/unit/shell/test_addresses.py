# SPDX-License-Identifier: GPL-3.0-or-later
"""On which side a machine runs and where it is reached."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.modernized import LIFECYCLE
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import SiteServer
from ansible_collections.homeward.asr.plugins.module_utils.shell.addresses import (
    azure_addresses,
    home_addresses,
    side,
)

VM = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/a"


def item(instance: str, location: str, *allowed: str, scenario: str = "") -> Item:
    return Item.parse(
        {
            "id": "/x/replicationProtectedItems/a",
            "properties": {
                "activeLocation": location,
                "allowedOperations": list(allowed),
                "currentScenario": {"scenarioName": scenario, "jobId": "/jobs/1"} if scenario else None,
                "providerSpecificDetails": {"instanceType": instance},
            },
        },
        VaultRef("s", "rg", "v"),
    )


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (item("InMageAzureV2", "Primary", "UnplannedFailover"), "home"),
        (item("InMageAzureV2", "Recovery", "Commit"), "azure"),
        (item("InMageAzureV2", "Recovery", "SwitchProtection"), "azure"),
        (item("InMage", "Primary", "UnplannedFailover"), "azure"),
        (item("InMage", "Recovery", "Commit"), "home"),
        (item("InMage", "Recovery", "SwitchProtection"), "home"),
        # While a failover moves it, it is reached nowhere for certain.
        (item("InMageAzureV2", "Primary", scenario="UnplannedFailover"), None),
        (item("Other", "Primary", "UnplannedFailover"), None),
    ],
)
def test_side(observed: Item, expected: str | None) -> None:
    assert side(observed, LIFECYCLE) == expected


def nic(owner: str | None, *addresses: Any, primary: Any = True) -> dict[str, Any]:
    configurations = [{"properties": {"privateIPAddress": a, "primary": p}} for a, p in addresses]
    attached = {"id": owner} if owner else None
    return {"properties": {"virtualMachine": attached, "primary": primary, "ipConfigurations": configurations}}


def test_the_primary_address_of_the_primary_nic_counts() -> None:
    nics = [
        nic(VM, ("10.0.0.1", True), primary=False),
        nic(VM.upper(), ("10.0.0.2", False), ("10.0.0.3", True)),
        nic(None, ("10.0.0.4", True)),
        nic(f"{VM}b", (None, True)),
        nic(f"{VM}c", ("10.0.0.5", None), primary=None),
    ]
    assert azure_addresses(nics) == {VM.lower(): "10.0.0.3", f"{VM}c".lower(): "10.0.0.5"}


@pytest.mark.parametrize(
    "odd",
    [{}, {"properties": None}, {"properties": {"virtualMachine": "x", "ipConfigurations": {}}}, nic(VM, *[(7, 1)])],
)
def test_an_odd_nic_disturbs_no_other(odd: dict[str, Any]) -> None:
    assert azure_addresses([odd, nic(f"{VM}c", ("10.0.0.5", True))])[f"{VM}c".lower()] == "10.0.0.5"


def test_a_guest_that_is_off_doubtful_or_not_alone_has_no_address() -> None:
    on = {"powered_on": True, "addresses": ("10.1.0.1",)}
    site = [
        SiteServer(moid="1", name="a", uuid="U1", bios_uuid="B1", **on),  # type: ignore[arg-type]
        SiteServer(moid="2", name="b", uuid="U2", powered_on=False, addresses=("10.1.0.2",)),
        SiteServer(moid="3", name="c", uuid="U3", connection="orphaned", **on),  # type: ignore[arg-type]
        SiteServer(moid="4", name="d", uuid="U4", powered_on=True),
        SiteServer(moid="5", name="e", uuid="U5", bios_uuid="B5", **on),  # type: ignore[arg-type]
        SiteServer(moid="6", name="f", uuid="U6", bios_uuid="B5", **on),  # type: ignore[arg-type]
    ]
    assert home_addresses(site) == {"u1": "10.1.0.1", "b1": "10.1.0.1", "u5": "10.1.0.1", "u6": "10.1.0.1"}
