# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a modernized vault, and the requests it accepted, agree with the published API description.

It rules where nothing was recorded: the planned failover's outcome, its commit and cancellation, the way back to Azure,
the move to another appliance, the list of appliances.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from asr_spec import Spec
from modernized_wire import HOME, OUT, Modern
from test_answers import Exchange, known
from wire import Wire

CLASSIC = {"process_servers": [{"name": "ps-azure-01"}, {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False}]}
FLEET: dict[str, Any] = {
    "name": "contract-modernized",
    "description": "A modernized vault with machines in every place",
    "speed": 2400,
    "vaults": [
        {
            "name": "vault-modern",
            "generation": "modernized",
            "appliances": [{"name": "appliance-01"}, {"name": "appliance-02", "health": "Warning"}],
            "recovery_plans": {"shop": ["lin-01", "win-01"]},
        },
        {
            "name": "vault-old",
            **CLASSIC,
            "master_targets": [{"name": "mt-linux-01", "os": "Linux"}],
        },
    ],
    "machines": [
        {"name": "lin-01", "os": "Linux", "disks_gb": [30, 10], "group": "shop"},
        {"name": "win-01", "os": "Windows", "disks_gb": [60], "azure_name_taken": True},
        {"name": "metal-01", "os": "Linux", "onprem": "physical"},
        {"name": "moves-01", "os": "Linux"},
        {
            "name": "fails-01",
            "os": "Linux",
            "state": "ready",
            "faults": [{"operation": "failover", "direction": "to_onprem", "code": "8038", "message": "No memory."}],
        },
        *[
            {"name": f"at-{state}", "os": "Linux", "state": state}
            for state in ("syncing_home", "home_uncommitted", "home_unprotected", "syncing_out", "first_point")
        ],
        {"name": "old-01", "vault": "vault-old", "os": "Linux"},
        {"name": "old-02", "vault": "vault-old", "os": "Linux", "state": "out"},
    ],
}


@pytest.fixture(scope="module")
def exchanges(spec: Spec, run_vault: Callable[..., Wire]) -> list[Exchange]:
    """A journey of two machines around the circle, one of them with a cancellation, and looks at everything on the way."""
    wire = run_vault(FLEET)
    modern = Modern(wire)
    wire.control("POST", "/settings", {"throttle": False})
    seen: list[Exchange] = []

    def keep(reply: Any, **_: Any) -> None:
        path = urlsplit(reply.url).path
        if "/oauth2/" not in path:
            sent = json.loads(reply.request.body) if reply.request.body else None
            answer = json.loads(reply.content) if reply.content else None
            seen.append(Exchange(reply.request.method, path, reply.status_code, sent, answer))

    wire.http.hooks["response"].append(keep)
    look(wire)
    for name in ("lin-01", "win-01"):
        item = wire.item(name)
        step(wire, item, "unplannedFailover", OUT)
        if name == "lin-01":
            step(wire, item, "failoverCommit")
        step(wire, item, "reProtect", modern.home_body(modern.registered(item)))
        wire.allows(item, "PlannedFailover")
        step(wire, item, "plannedFailover", HOME)
        if name == "win-01":
            step(wire, item, "failoverCancel")
            step(wire, item, "plannedFailover", HOME)
        step(wire, item, "failoverCommit")
        modern.registered(item)
        look(wire)
        step(wire, item, "reProtect", modern.azure_body(runAsAccountId=account(wire)))
        wire.allows(item, "UnplannedFailover")
    step(wire, wire.item("fails-01"), "plannedFailover", HOME, "Failed")
    target = modern.components("processServers")[1]["id"]
    body = {"targetApplianceId": target, "providerSpecificDetails": {"instanceType": "InMageRcm"}}
    step(wire, wire.item("moves-01"), "updateAppliance", body)
    look(wire)
    wire.vault = wire.vault.replace("vault-modern", "vault-old")
    wire.all(f"{wire.vault}/replicationAppliances")
    step(wire, wire.item("old-01"), "switchProvider", switch_body(wire))
    return seen


def account(wire: Wire) -> str:
    found: str = wire.item("moves-01")["properties"]["providerSpecificDetails"]["runAsAccountId"]
    return found


def switch_body(wire: Wire) -> dict[str, Any]:
    other = wire.vault.replace("vault-old", "vault-modern")
    return {
        "targetInstanceType": "InMageRcm",
        "providerSpecificDetails": {
            "instanceType": "InMageAzureV2",
            "targetVaultID": other,
            "targetFabricID": f"{other}/replicationFabrics/vault-modern-vmwarefabric",
            "targetApplianceID": "appliance",
        },
    }


def step(
    wire: Wire, item: dict[str, Any], verb: str, body: dict[str, Any] | None = None, ends: str = "Succeeded"
) -> None:
    reply = wire.start(item, verb, body)
    wire.get(item["id"])
    job = wire.job(reply)
    assert job["properties"]["state"] in (ends, "CompletedWithInformation"), job["properties"]["errors"]
    wire.get(reply.headers["Azure-AsyncOperation"])
    assert wire.call("GET", reply.headers["Location"]).status_code == 200


def look(wire: Wire) -> None:
    """Every list, and every entry of it alone where the description has that."""
    fabric = wire.fabric()["id"]
    wire.get(fabric)
    container = wire.all(f"{wire.vault}/replicationProtectionContainers")[0]["id"]
    for path in (
        f"{fabric}/replicationRecoveryServicesProviders",
        f"{fabric}/replicationvCenters",
        f"{fabric}/replicationProtectionContainers",
        f"{container}/replicationProtectionContainerMappings",
        f"{container}/replicationProtectableItems",
        f"{container}/replicationProtectedItems",
        f"{wire.vault}/replicationPolicies",
        f"{wire.vault}/replicationRecoveryPlans",
        f"{wire.vault}/replicationJobs",
        f"{wire.vault}/replicationEvents",
    ):
        for entry in wire.all(path)[:20]:
            wire.get(entry["id"])
    wire.all(f"{wire.vault}/replicationAppliances")
    wire.get(f"{wire.vault}/replicationVaultHealth")
    for item in wire.items().values():
        for point in wire.all(f"{item['id']}/recoveryPoints")[:1]:
            wire.get(point["id"])


def test_answers_fit(spec: Spec, exchanges: list[Exchange]) -> None:
    checked, wrong = 0, []
    for exchange in exchanges:
        operation = known(spec, exchange)
        if operation is None:
            continue
        assert str(exchange.status) in operation["responses"], f"{exchange}: this status is not described"
        schema = spec.response_schema(operation, exchange.status)
        if schema is not None:
            wrong += [f"{exchange}: {p}" for p in spec.problems(schema, exchange.answer)]
            checked += 1
    assert not wrong, "\n".join(sorted(set(wrong))[:30])
    assert checked > 100


def test_requests_fit(spec: Spec, exchanges: list[Exchange]) -> None:
    verbs = set()
    for exchange in exchanges:
        operation = known(spec, exchange)
        if exchange.method == "GET" or operation is None:
            continue
        schema = spec.request_schema(operation)
        verbs.add(exchange.path.rsplit("/", 1)[1])
        if schema is None:
            assert exchange.request is None, f"{exchange}: no body is described"
        else:
            assert spec.problems(schema, exchange.request) == [], str(exchange)
    assert verbs == {
        "unplannedFailover",
        "failoverCommit",
        "reProtect",
        "plannedFailover",
        "failoverCancel",
        "updateAppliance",
        "switchProvider",
    }


def test_every_kind_of_item_was_looked_at(exchanges: list[Exchange]) -> None:
    """Both providers, in every state of theirs, the planned failover's words included."""
    seen = {}
    for exchange in exchanges:
        details = ((exchange.answer or {}).get("properties") or {}).get("providerSpecificDetails") or {}
        if exchange.method == "GET" and "replicationProtectedItems/" in exchange.path and "protectedDisks" in details:
            seen[details["instanceType"], exchange.answer["properties"]["protectionState"]] = details
    assert {kind for kind, _dummy in seen} == {"InMageRcm", "InMageRcmFailback", "InMageAzureV2"}
    assert len(seen) >= 9
    assert {d.get("lastPlannedFailoverStatus") for d in seen.values()} >= {None, "Succeeded"}
