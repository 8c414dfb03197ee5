# SPDX-License-Identifier: GPL-3.0-or-later
"""Every answer of the vault stand-in, and every request it accepted, agrees with the published API description."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asr_spec import Spec
from wire import AZURE_TO, HOME_TO, Wire

#: Paths that the description does not hold, and why they are served.
SEEN_PATHS = {
    "replicationoperationstatus": "named by Azure-AsyncOperation in every recorded 202 (SEEN all)",
    "operationresults": "named by Location in every recorded 202 (SEEN all)",
    "microsoft.compute": "Azure VMs belong to another service's description (DOC)",
    "microsoft.recoveryservices/vaults": "the vault itself belongs to another service's description (DOC)",
}

FLEET: dict[str, Any] = {
    "name": "contract",
    "description": "Both systems, a group, a physical machine, an alternate location",
    "speed": 2400,
    "vaults": [
        {
            "name": "vault-contract",
            "process_servers": [{"name": "ps-azure-01"}, {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False}],
            "master_targets": [
                {"name": "mt-linux-01", "os": "Linux"},
                {"name": "mt-windows-01", "os": "Windows", "retention_volumes": ["R"]},
            ],
            "recovery_plans": {"shop": ["lin-01", "win-01"]},
        }
    ],
    "machines": [
        {"name": "lin-01", "os": "Linux", "disks_gb": [30, 10], "group": "shop"},
        {"name": "win-01", "os": "Windows", "disks_gb": [60]},
        {"name": "metal-01", "os": "Linux", "onprem": "physical"},
        {
            "name": "fails-01",
            "os": "Linux",
            "state": "ready",
            "faults": [{"operation": "failover", "direction": "to_onprem", "code": "8038", "message": "No memory."}],
        },
        *[{"name": f"at-{state}", "os": "Linux", "state": state} for state in ("syncing_home", "home_unprotected", "syncing_out")],
    ],
}  # fmt: skip


@dataclass
class Exchange:
    method: str
    path: str
    status: int
    request: Any
    answer: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"


@pytest.fixture(scope="module")
def exchanges(spec: Spec, run_vault: Callable[..., Wire]) -> list[Exchange]:
    """A journey of two machines around the circle, with looks at everything on the way."""
    wire = run_vault(FLEET)
    wire.control("POST", "/settings", {"throttle": False})
    seen: list[Exchange] = []

    def keep(reply: Any, **_: Any) -> None:
        sent = reply.request.body
        path = urlsplit(reply.url).path
        if "/oauth2/" not in path:
            body = json.loads(sent) if sent else None
            seen.append(
                Exchange(
                    reply.request.method,
                    path,
                    reply.status_code,
                    body,
                    json.loads(reply.content) if reply.content else None,
                )
            )

    wire.http.hooks["response"].append(keep)
    look(wire)
    for name in ("lin-01", "win-01"):
        item = wire.item(name)
        step(wire, item, "unplannedFailover", {**AZURE_TO, "sourceSiteOperations": "Required"})
        step(wire, item, "failoverCommit")
        wire.registered(item)
        step(wire, item, "reProtect", wire.home_body(item))
        wire.get(item["id"])
        wire.allows(item, "UnplannedFailover")
        step(wire, item, "unplannedFailover", {**HOME_TO, "sourceSiteOperations": "NotRequired"})
        step(wire, item, "failoverCommit")
        wire.registered(item)
        step(wire, item, "reProtect", wire.azure_body())
        wire.get(item["id"])
        wire.allows(item, "UnplannedFailover")
        look(wire)
    step(wire, wire.item("fails-01"), "unplannedFailover", HOME_TO, "Failed")
    step(wire, wire.item("win-01"), "repairReplication")
    wire.control("POST", "/items/lin-01", {"health_error": {"code": "78026", "message": "RPO beyond its threshold"}})
    look(wire)
    return seen


def step(
    wire: Wire, item: dict[str, Any], verb: str, body: dict[str, Any] | None = None, ends: str = "Succeeded"
) -> None:
    reply = wire.start(item, verb, body)
    wire.get(item["id"])
    job = wire.job(reply)
    assert job["properties"]["state"] == ends, job["properties"]["errors"]
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
    for path in (
        "replicationRecoveryServicesProviders",
        "replicationvCenters",
        "replicationProtectionContainerMappings",
    ):
        wire.all(f"{wire.vault}/{path}")
    wire.get(f"{wire.vault}/replicationVaultHealth")
    for item in wire.items().values():
        for point in wire.all(f"{item['id']}/recoveryPoints")[:1]:
            wire.get(point["id"])


def known(spec: Spec, exchange: Exchange) -> dict[str, Any] | None:
    operation = spec.operation(exchange.method, exchange.path)
    if operation is None:
        lowered = exchange.path.lower()
        assert any(word in lowered for word in SEEN_PATHS), f"{exchange}: the description does not hold this path"
    return operation


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
    assert verbs == {"unplannedFailover", "failoverCommit", "reProtect", "repairReplication"}


def test_final_results_are_items(spec: Spec, exchanges: list[Exchange]) -> None:
    finals = [e for e in exchanges if "/operationresults/" in e.path.lower() and e.status == 200]
    assert len(finals) >= 12
    for exchange in finals:
        assert spec.problems({"$ref": "#/definitions/ReplicationProtectedItem"}, exchange.answer) == []


def test_both_kinds_of_item_were_looked_at(exchanges: list[Exchange]) -> None:
    kinds = {
        e.answer["properties"]["providerSpecificDetails"]["instanceType"]
        for e in exchanges
        if e.method == "GET"
        and "replicationProtectedItems/" in e.path
        and e.status == 200
        and "providerSpecificDetails" in e.answer.get("properties", {})
    }
    assert {"InMage", "InMageAzureV2"} <= kinds


# -- the measure itself ----------------------------------------------------------------------------------------------


@pytest.fixture
def an_item(exchanges: list[Exchange]) -> dict[str, Any]:
    found = next(
        e.answer for e in exchanges if e.path.rsplit("/", 2)[-2] == "replicationProtectedItems" and e.method == "GET"
    )
    return copy.deepcopy(found)


ITEM = {"$ref": "#/definitions/ReplicationProtectedItem"}


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda p: p.update(allowedOperations="Commit"), "allowedOperations"),
        (lambda p: p.update(allowedOperation=[]), "allowedOperation"),
        (lambda p: p["providerSpecificDetails"].update(instanceType="InMagic"), "instanceType"),
        (lambda p: p["providerSpecificDetails"].update(masterTarget="x"), "masterTarget"),
        (lambda p: p["providerSpecificDetails"].update(rpoInSeconds="120"), "rpoInSeconds"),
        (lambda p: p["providerSpecificDetails"].update(lastHeartbeat="yesterday"), "lastHeartbeat"),
    ],
)
def test_the_measure_finds_what_is_wrong(
    spec: Spec, an_item: dict[str, Any], spoil: Callable[[dict[str, Any]], None], place: str
) -> None:
    assert spec.problems(ITEM, an_item) == []
    spoil(an_item["properties"])
    problems = spec.problems(ITEM, an_item)
    assert problems
    assert place in " ".join(problems)


def test_the_measure_finds_a_missing_required_field(spec: Spec) -> None:
    body = {
        "properties": {
            "failoverDirection": "RecoveryToPrimary",
            "providerSpecificDetails": {
                "instanceType": "InMage",
                "masterTargetId": "x",
                "processServerId": "y",
                "retentionDrive": "R",
            },
        }
    }
    assert any("profileId" in p for p in spec.problems({"$ref": "#/definitions/ReverseReplicationInput"}, body))


def test_the_measure_takes_recorded_answers_of_the_real_service(spec: Spec, recordings: Path) -> None:
    """What the service really said passes, with the table of seen fields and no other allowance."""
    checked = 0
    for file in sorted(recordings.glob("*.json")):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        request, response = recorded["request"], recorded["response"]
        operation = spec.operation(request["method"], urlsplit(request["uri"]).path)
        if operation is None or str(response["status"]) not in operation["responses"]:
            continue
        schema = spec.response_schema(operation, response["status"])
        if schema is None or not response["body"]:
            continue
        assert spec.problems(schema, response["body"]) == [], file.name
        checked += 1
    assert checked >= 7
