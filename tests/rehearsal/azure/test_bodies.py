# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that no client sends by design: bodies of the wrong shape on every route that writes, and untimely repairs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from vault_fixture import SMALL
from wire import AZURE_TO, Wire

from rehearsal.azure.routes import ROUTES

MODERN = {
    "name": "vault-small",
    "generation": "modernized",
    "appliances": [{"name": "appliance-01", "ip": "10.20.3.10"}],
    "recovery_plans": {"shop": ["web-01"]},
}
#: Bodies that cannot be read, by what is wrong; {type} is the item's own provider.
MISSHAPEN: dict[str, Any] = {
    "a bare list": [],
    "a bare text": "x",
    "properties are a text": {"properties": "x"},
    "properties are a list": {"properties": []},
    "details are a text": {"properties": {"providerSpecificDetails": "x"}},
    "details are a list of texts": {"properties": {"providerSpecificDetails": ["x"]}},
    "a provider is an object": {"properties": {"providerSpecificDetails": {"instanceType": {}}}},
    "lists are texts": {"properties": {"groups": "x", "healthErrors": "x", "vmNics": "x", "vmsToMigrate": "x"}},
    "entries are texts": {"properties": {"groups": ["x"], "healthErrors": ["x"], "vmNics": ["x"]}},
    "members are texts": {"properties": {"groups": [{"groupType": "Boot", "replicationProtectedItems": ["x"]}]}},
    "actions are texts": {"properties": {"groups": [{"groupType": "Boot", "startGroupActions": ["x"]}]}},
    "ids are lists": {
        "properties": {
            "targetApplianceId": [],
            "networkId": {},
            "recoveryPointId": [],
            "sourceProcessServerId": {},
            "providerSpecificDetails": {"instanceType": "{type}", "processServerId": [], "disks": ["x"]},
        }
    },
}


def fleet(generation: str) -> dict[str, Any]:
    made = copy.deepcopy(SMALL)
    if generation == "modernized":
        made["vaults"] = [MODERN]
    return made


@pytest.fixture(scope="module", params=["classic", "modernized"])
def vault(request: pytest.FixtureRequest, run_vault: Callable[..., Wire]) -> Wire:
    started = run_vault(fleet(request.param))
    started.control("POST", "/settings", {"throttle": False})
    return started


def typed(value: Any, provider: str) -> Any:
    if isinstance(value, dict):
        return {key: typed(entry, provider) for key, entry in value.items()}
    return provider if value == "{type}" else value


def test_bodies_of_the_wrong_shape_are_refused_on_every_route(vault: Wire) -> None:
    item = vault.item("web-01")
    provider = item["properties"]["providerSpecificDetails"]["instanceType"]
    places = {
        "replicationfabrics": vault.fabric()["name"],
        "replicationprotectioncontainers": item["id"].split("/")[-3],
        "replicationprotecteditems": item["name"],
        "replicationrecoveryplans": "shop",
        "replicationalertsettings": "defaultAlertSetting",
        "replicationvaultsettings": "default",
    }
    asked = 0
    for method, route in ROUTES:
        if method not in ("POST", "PUT", "PATCH") or not route.startswith("microsoft.recoveryservices/vaults/*/"):
            continue
        words = route.removeprefix("microsoft.recoveryservices/vaults/*/").split("/")
        path = "/".join(places.get(words[n - 1], "none") if word == "*" else word for n, word in enumerate(words))
        for wrong, body in MISSHAPEN.items():
            reply = vault.call(method, f"{vault.vault}/{path}", typed(body, provider))
            assert 400 <= reply.status_code < 500, f"{wrong}: {method} {path}: {reply.status_code} {reply.text[:300]}"
            asked += 1
    assert asked > 300
    assert vault.get(item["id"])["properties"]["allowedOperations"], "a refused body starts nothing"


def test_nothing_is_repaired_while_a_job_runs_or_after_a_failover(vault: Wire) -> None:
    item = vault.item("web-02")
    kind = item["properties"]["providerSpecificDetails"]["instanceType"]
    details = {"instanceType": kind, **({"performShutdown": "false"} if kind == "InMageRcm" else {})}
    started = vault.start(item, "unplannedFailover", {**AZURE_TO, "providerSpecificDetails": details})
    for verb in ("repairReplication", "updateMobilityService"):
        assert vault.start(item, verb, {"runAsAccountId": "1"}).status_code == 409, verb
    vault.good(vault.job(started))
    assert vault.start(item, "repairReplication").status_code == 409
    vault.good(vault.run(item, "updateMobilityService", {"runAsAccountId": "1"}))
