# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and settings beside the way around the circle, in both generations, agree with the published description."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from asr_spec import Spec
from vault_fixture import SMALL
from wire import AZURE_TO, Wire

MODERN = {
    "name": "vault-small",
    "generation": "modernized",
    "appliances": [{"name": "appliance-01", "fqdn": "appliance-01.home.example", "ip": "10.20.3.10"}],
}


@pytest.fixture(scope="module", params=["classic", "modernized"])
def wire(request: pytest.FixtureRequest, spec: Spec, run_vault: Callable[..., Wire]) -> Wire:
    made = copy.deepcopy(SMALL)
    if request.param == "modernized":
        made["vaults"] = [MODERN]
    made["vaults"][0]["recovery_plans"] = {"fleet": ["web-04"]}
    found = run_vault(made)
    found.control("POST", "/settings", {"throttle": False})
    return found


def heard(wire: Wire, spec: Spec, talk: Callable[[], None]) -> set[str]:
    """The operations of the description that a talk with the vault used, each request and answer checked."""
    replies: list[Any] = []

    def keep(reply: Any, **_: Any) -> None:
        replies.append(reply)

    wire.http.hooks["response"].append(keep)
    try:
        talk()
    finally:
        wire.http.hooks["response"].remove(keep)
    used, wrong = set(), []
    for reply in replies:
        path = urlsplit(reply.url).path
        operation = spec.operation(reply.request.method, path)
        if operation is None or reply.status_code >= 400:
            continue
        told = f"{reply.request.method} {path} -> {reply.status_code}"
        used.add(operation["operationId"])
        if str(reply.status_code) not in operation["responses"]:
            wrong.append(f"{told}: this status is not described")
            continue
        answer = spec.response_schema(operation, reply.status_code)
        if answer is not None and reply.content:
            wrong += [f"{told}: {p}" for p in spec.problems(answer, json.loads(reply.content))]
        asked = spec.request_schema(operation)
        if asked is not None and reply.request.body:
            wrong += [f"{told}: sent {p}" for p in spec.problems(asked, json.loads(reply.request.body))]
    assert not wrong, "\n".join(sorted(set(wrong))[:30])
    return used


def test_what_is_only_read(wire: Wire, spec: Spec) -> None:
    item = wire.item("web-01")

    def talk() -> None:
        fabric = wire.fabric()["id"]
        for path in ("replicationAppliances", "replicationSupportedOperatingSystems", "replicationAlertSettings"):
            wire.get(f"{wire.vault}/{path}")
        for path in ("replicationVaultSettings", "replicationNetworks", "replicationNetworkMappings"):
            wire.get(f"{wire.vault}/{path}")
        wire.get(f"{wire.vault}/replicationVaultHealth")
        wire.get(f"{fabric}/replicationNetworks")
        wire.get(f"{item['id']}/targetComputeSizes")
        for plan in wire.all(f"{wire.vault}/replicationRecoveryPlans"):
            wire.get(plan["id"])

    used = heard(wire, spec, talk)
    assert {
        "ReplicationAppliances_List",
        "SupportedOperatingSystems_Get",
        "ReplicationAlertSettings_List",
        "ReplicationVaultSetting_List",
        "ReplicationNetworks_List",
        "ReplicationNetworkMappings_List",
        "ReplicationVaultHealth_Get",
        "TargetComputeSizes_ListByReplicationProtectedItems",
        "ReplicationRecoveryPlans_Get",
    } <= used


def test_operations_beside_the_way(wire: Wire, spec: Spec) -> None:
    item = wire.item("web-02")
    kind = item["properties"]["providerSpecificDetails"]["instanceType"]
    provider = {"instanceType": kind, **({"performShutdown": "false"} if kind == "InMageRcm" else {})}

    def talk() -> None:
        test = {
            "networkType": "VmNetworkAsInput",
            "networkId": "/x/vnet",
            "providerSpecificDetails": {"instanceType": kind},
        }
        test["failoverDirection"] = "PrimaryToRecovery"
        wire.good(wire.run(item, "testFailover", test))
        wire.good(wire.run(item, "testFailoverCleanup", {"comments": "done"}))
        out = {**AZURE_TO, "sourceSiteOperations": "NotRequired", "providerSpecificDetails": provider}
        wire.good(wire.run(item, "unplannedFailover", out))
        last = wire.all(f"{item['id']}/recoveryPoints")[-1]
        point = {"recoveryPointId": last["id"]} if kind == "InMageRcm" else {}
        body = {"recoveryPointId": last["id"], "providerSpecificDetails": {"instanceType": kind, **point}}
        wire.good(wire.run(item, "applyRecoveryPoint", body))
        wire.job(wire.call("POST", f"{wire.vault}/replicationJobs/export", {"jobStatus": "Failed"}))

    assert {
        "ReplicationProtectedItems_TestFailover",
        "ReplicationProtectedItems_TestFailoverCleanup",
        "ReplicationProtectedItems_ApplyRecoveryPoint",
        "ReplicationJobs_Export",
    } <= heard(wire, spec, talk)


def test_plans_are_made_and_removed(wire: Wire, spec: Spec) -> None:
    item = wire.item("web-03")
    path = f"{wire.vault}/replicationRecoveryPlans/made"
    group = {
        "groupType": "Boot",
        "replicationProtectedItems": [{"id": item["id"]}],
        "startGroupActions": [],
        "endGroupActions": [],
    }
    fabric = wire.fabric()["id"]
    body = {"properties": {"primaryFabricId": fabric, "recoveryFabricId": "Microsoft Azure", "groups": [group]}}

    def talk() -> None:
        wire.good(wire.job(wire.call("PUT", path, body)))
        wire.get(path)
        wire.good(wire.job(wire.call("PATCH", path, {"properties": {"groups": [group]}})))
        wire.good(wire.job(wire.call("DELETE", path)))

    assert {
        "ReplicationRecoveryPlans_Create",
        "ReplicationRecoveryPlans_Update",
        "ReplicationRecoveryPlans_Delete",
    } <= heard(wire, spec, talk)


def test_an_item_is_changed_resolved_and_removed(wire: Wire, spec: Spec) -> None:
    item = wire.item("web-05")
    kind = item["properties"]["providerSpecificDetails"]["instanceType"]
    words = {"targetVmName": "web-new", "targetVmSize": "Standard_D4s_v3"}
    change = {"providerSpecificDetails": {"instanceType": kind, **words}}
    if kind == "InMageAzureV2":
        change = {"recoveryAzureVMName": "web-new", "recoveryAzureVMSize": "Standard_D4s_v3"}

    def talk() -> None:
        wire.good(wire.job(wire.call("PATCH", item["id"], {"properties": change})))
        wire.control(
            "POST", "/items/web-05", {"health_error": {"code": "78026", "level": "Warning", "message": "Late."}}
        )
        wire.good(wire.run(item, "resolveHealthErrors", {"healthErrors": [{"healthErrorId": "78026"}]}))
        wire.good(wire.job(wire.start(item, "remove", {})))
        wire.good(wire.job(wire.call("DELETE", wire.item("web-03")["id"])))

    assert {
        "ReplicationProtectedItems_Update",
        "ReplicationProtectedItems_ResolveHealthErrors",
        "ReplicationProtectedItems_Delete",
        "ReplicationProtectedItems_Purge",
    } <= heard(wire, spec, talk)


def test_settings_and_fabrics(wire: Wire, spec: Spec) -> None:
    fabric = wire.fabric()["id"]

    def talk() -> None:
        for kind, name, change in (
            ("replicationAlertSettings", "defaultAlertSetting", {"customEmailAddresses": ["ops@home.example"]}),
            ("replicationVaultSettings", "default", {"vmwareToAzureProviderType": "VMWare"}),
        ):
            assert wire.call("PUT", f"{wire.vault}/{kind}/{name}", {"properties": change}).status_code == 200
            wire.get(f"{wire.vault}/{kind}/{name}")
        for verb in ("checkConsistency", "renewCertificate"):
            wire.good(wire.job(wire.call("POST", f"{fabric}/{verb}")))

    assert {
        "ReplicationAlertSettings_Create",
        "ReplicationAlertSettings_Get",
        "ReplicationVaultSetting_Create",
        "ReplicationVaultSetting_Get",
        "ReplicationFabrics_CheckConsistency",
        "ReplicationFabrics_RenewCertificate",
    } <= heard(wire, spec, talk)
