# SPDX-License-Identifier: GPL-3.0-or-later
"""A process server as it is wanted, and the template that says so."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.choosing import unwanted_differences
from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.spec import MARK, Wish, networks_of, usable
from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.template import (
    Picked,
    made_ids,
    request,
    resource_id,
    resources,
    rules,
    without_secrets,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef

VAULT = VaultRef("sub-1", "rg", "vault")
WISH = Wish("ps-1", "sub-1", "rg-dr", "vnet", "servers", "10.1.0.10")
CHOICE = Picked("westeurope", f"{WISH.network_id}/subnets/servers", "Standard_D4s_v3", {"sku": "s"}, True, "10.20.1.5")


@pytest.mark.parametrize(
    ("change", "machines", "cpus", "cache"),
    [(0, 0, 4, 300), (250, 85, 4, 300), (251, 1, 8, 600), (1, 86, 8, 600), (1024, 150, 8, 600), (2048, 225, 12, 1024)],
)
def test_the_sizing_table(change: int, machines: int, cpus: int, cache: int) -> None:
    tier = replace(WISH, daily_change_gb=change, machine_count=machines).tier()
    assert (tier.cpus, tier.cache_gb) == (cpus, cache)


@pytest.mark.parametrize(("change", "machines"), [(2049, 0), (0, 226)])
def test_more_than_one_takes_is_refused(change: int, machines: int) -> None:
    with pytest.raises(InputError) as refusal:
        replace(WISH, daily_change_gb=change, machine_count=machines).tier()
    assert refusal.value.code == "capacity_exceeded"
    assert "in batches" in refusal.value.remedy


@pytest.mark.parametrize("name", ["", "12345", "-ps", "ps-", "a-process-server", "ps_1", "ps.1"])
def test_names_windows_does_not_take(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        replace(WISH, name=name).check()


def test_options_that_are_missing_are_named() -> None:
    for name, options, code in ((None, {}, "process_server_missing"), ("ps-1", {}, "deploy_missing")):
        with pytest.raises(InputError) as refusal:
            Wish.parse(name, options, (VAULT,))
        assert refusal.value.code == code
    partly = Wish.parse("ps-1", {"resource_group": "rg", "size": None}, (VAULT,))
    assert (partly.subscription_id, partly.size) == ("sub-1", "")
    with pytest.raises(InputError, match="virtual_network"):
        partly.check()


@pytest.mark.parametrize(
    ("address", "good"),
    [("10.1.0.3", False), ("10.1.0.4", True), ("10.1.0.254", True), ("10.1.0.255", False), ("10.1.1.9", False)],
)
def test_addresses_azure_gives_to_machines(address: str, good: bool) -> None:
    assert usable(address, networks_of({"addressPrefix": "10.1.0.0/24"})) is good
    assert usable(address, networks_of({"addressPrefixes": ["10.9.0.0/24", "10.1.0.0/24"]})) is good


def test_secrets_are_secure_parameters_and_nowhere_else() -> None:
    body = request(WISH, CHOICE, "the-password", "the-passphrase")
    template = body["properties"]["template"]
    assert {p["type"] for p in template["parameters"].values()} == {"secureString"}
    assert "the-pass" not in json.dumps(template)
    assert "the-pass" not in json.dumps(without_secrets(body))
    setup = template["resources"][-1]["properties"]
    assert setup["protectedParameters"] == [{"name": "Passphrase", "value": "[parameters('passphrase')]"}]
    assert "Passphrase" not in {p["name"] for p in setup["parameters"]}
    # Every parameter given is one that the script takes.
    taken = set(
        re.findall(r"^\s*(?:\[Parameter\(Mandatory\)\])?\[string\]\$(\w+)", setup["source"]["script"], re.MULTILINE)
    )
    assert {p["name"] for p in setup["parameters"] + setup["protectedParameters"]} <= taken


def test_everything_is_marked_ordered_and_without_a_public_address() -> None:
    made = resources(WISH, CHOICE)
    assert all(r["tags"][MARK] == "ps-1" for r in made)
    seen: list[str] = []
    for resource in made:
        assert set(resource.get("dependsOn", ())) <= set(seen)
        seen.append(resource_id(WISH, resource))
    assert not [r for r in made if "publicIP" in r["type"]]
    public = resources(replace(WISH, public_address=True, zone="2"), CHOICE)
    assert [r["zones"] for r in public if "zones" in r] == [["2"]] * 3
    assert "publicIPAddress" in json.dumps([r for r in public if r["type"].endswith("networkInterfaces")])
    assert made_ids(WISH, CHOICE)[-1].endswith("/disks/ps-1-os")


def test_a_tag_that_looks_like_an_expression_is_taken_as_text() -> None:
    made = resources(replace(WISH, tags={"owner": "[team]"}), CHOICE)
    assert made[0]["tags"]["owner"] == "[[team]"


def test_only_documented_ports_are_open() -> None:
    def told(wish: Wish) -> list[tuple[str, str, str]]:
        return [(r["properties"]["access"], r["properties"]["destinationPortRange"], r["name"]) for r in rules(wish)]

    assert told(WISH) == [("Allow", "9443", "replication-data"), ("Deny", "*", "nothing-else")]
    assert ("Allow", "3389", "remote-desktop") in told(replace(WISH, rdp_sources=("10.0.0.0/8",)))
    several = rules(replace(WISH, data_sources=("10.0.0.0/8", "10.1.0.0/16")))[0]["properties"]
    assert several["sourceAddressPrefixes"] == ["10.0.0.0/8", "10.1.0.0/16"]


def stands(wish: Wish = WISH) -> tuple[dict[str, Any], dict[str, Any]]:
    """Machine and network parts as the service answers them, with what it adds."""
    config = {"privateIPAddress": wish.address, "subnet": {"id": f"{wish.network_id}/subnets/{wish.subnet}"}}
    nic = {"properties": {"ipConfigurations": [{"properties": config}], "networkSecurityGroup": {"id": wish.nsg_id}}}
    added = [{**r, "properties": {**r["properties"], "provisioningState": "Succeeded"}} for r in rules(wish)]
    machine = {"properties": {"hardwareProfile": {"vmSize": "Standard_D4s_v3"}}, "zones": ["1"]}
    return machine, {wish.nic_id: nic, wish.nsg_id: {"properties": {"securityRules": added}}}


@pytest.mark.parametrize(
    ("change", "told", "corrects"),
    [
        ({}, 0, False),
        ({"size": "standard_d4s_V3"}, 0, False),
        ({"size": "Standard_D8s_v3"}, 1, False),
        ({"zone": "2"}, 1, False),
        ({"address": "10.1.0.11"}, 1, False),
        ({"subnet": "others"}, 1, False),
        ({"data_port": 443}, 0, True),
        ({"data_sources": ("10.0.0.0/8",)}, 0, True),
    ],
)
def test_what_exists_is_compared_with_what_is_wanted(change: dict[str, Any], told: int, corrects: bool) -> None:
    machine, parts = stands()
    differing, needs = unwanted_differences(replace(WISH, **change), machine, parts)
    assert (len(differing), needs) == (told, corrects)


def test_a_lost_security_group_is_fixed() -> None:
    machine, parts = stands()
    assert unwanted_differences(WISH, machine, {**parts, WISH.nsg_id: None}) == ([], True)
