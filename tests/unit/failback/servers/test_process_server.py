# SPDX-License-Identifier: GPL-3.0-or-later
"""Process servers: judged, waited for, and machines moved once between them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    InputError,
    NotFound,
    Rejected,
    Unknown,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock, Requests, Sent
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import Fabric, ProcessServer
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers import health
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.process_server import (
    ProcessServerOrder,
    ensure_process_server,
)

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
VAULT = VaultRef("sub", "rg", "vault-1")
FABRIC_ID = f"{VAULT.id}/replicationFabrics/f1"
FABRIC = Fabric(FABRIC_ID, "f1", "CS-01", VAULT, "VMware", service_status="Running", heartbeat=NOW)
PS = ProcessServer(
    "PS-1", "ps-azure-01", version_status="Supported", service_status="Running", health="Normal", heartbeat=NOW
)


@pytest.mark.parametrize(
    ("change", "expected", "warned"),
    [
        ({}, [], 0),
        ({"heartbeat": NOW - timedelta(minutes=21)}, ["no_heartbeat"], 0),
        ({"service_status": "Stopped"}, ["service_not_running"], 0),
        ({"health": "Critical", "problems": ("Cache is full.",)}, ["unhealthy"], 0),
        ({"health": "Warning", "problems": ("Cache is nearly full.",)}, [], 1),
        ({"health": "a word never heard"}, [], 0),
        ({"version_status": "NotSupported"}, ["version_not_supported"], 0),
        ({"version_status": "Deprecated"}, [], 1),
        ({"cpu_status": "Green", "memory_status": "Red"}, [], 1),
    ],
)
def test_what_the_vault_says(change: dict[str, Any], expected: list[str], warned: int) -> None:
    verdict = health.judge_process_server(replace(PS, **change), FABRIC, NOW)
    assert [r.code for r in verdict.reasons] == expected
    assert len(verdict.warnings) == warned


def test_an_old_version_is_known_by_what_it_is_and_not_by_its_words() -> None:
    problem = "The provider's version could not be read."
    verdict = health.judge_process_server(replace(PS, version_status="Deprecated", problems=(problem,)), FABRIC, NOW)
    assert [(w.about, w.remedy) for w in verdict.warnings] == [(health.OUTDATED, "Update it."), ("", "")]
    assert verdict.told[0].endswith(" is Deprecated. Update it.")
    assert problem in verdict.told[1]


# slices


@dataclass
class Vaults:
    """A vault kept in memory: items on process servers, and one kind of job."""

    on: dict[str, str] = field(default_factory=dict)
    hollow: set[str] = field(default_factory=set)
    servers: dict[str, str] = field(default_factory=lambda: {"PS-OLD": "CS-01", "PS-NEW": "ps-azure-01"})
    beat: datetime | None = None
    now: datetime = NOW
    requests: Requests = field(default_factory=Requests)
    sent: list[Any] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)
    fail: Exception | None = None
    accept_and_fail: bool = False

    def list_fabrics(self, vault: VaultRef) -> list[Any]:
        self.requests.reads += 1
        servers = [
            {
                "id": key,
                "friendlyName": name,
                "lastHeartbeat": (self.beat or self.now).isoformat(),
                "psServiceStatus": "Running",
                "health": "Normal",
                "versionStatus": "Supported",
            }
            for key, name in self.servers.items()
        ]
        details = {"instanceType": "VMware", "lastHeartbeat": self.now.isoformat(), "processServers": servers}
        return [{"id": FABRIC_ID, "name": "f1", "properties": {"friendlyName": "CS-01", "customDetails": details}}]

    def _item(self, name: str, whole: bool) -> dict[str, Any]:
        details = {"instanceType": "InMage" if name in self.hollow else "InMageAzureV2"}
        if whole:
            details["processServerId"] = self.on[name]
        return {
            "id": f"{FABRIC_ID}/replicationProtectionContainers/cloud_1/replicationProtectedItems/{name}",
            "name": name,
            "properties": {
                "friendlyName": name,
                "protectableItemId": f"{FABRIC_ID}/x/replicationProtectableItems/p-{name}",
                "providerSpecificDetails": details,
            },
        }

    def list_items(self, vault: VaultRef) -> list[Any]:
        self.requests.reads += 1
        return [self._item(n, n not in self.hollow) for n in self.on]

    def get_item(self, item_id: str) -> Any:
        self.requests.reads += 1
        self.gets.append(item_id.rpartition("/")[2])
        return self._item(self.gets[-1], True)

    def list_providers(self, vault: VaultRef) -> list[Any]:
        return []

    def list_jobs(self, vault: VaultRef, odata_filter: str | None = None) -> list[Any]:
        return [self._job(name) for name in self.jobs]

    def get_job(self, vault: VaultRef, name: str) -> Any:
        if name not in self.jobs:
            raise NotFound("not_found", "No such job.")
        return self._job(name)

    def _job(self, name: str) -> dict[str, Any]:
        errors = [{"serviceErrorDetails": {"code": "539", "message": "Broken.", "recommendedAction": "Fix it."}}]
        state = self.jobs[name]
        return {
            "name": name,
            "properties": {
                "scenarioName": "ReassociateGateway",
                "state": state,
                "errors": errors if state == "Failed" else [],
            },
        }

    def act(self, resource_id: str, operation: str, body: Any) -> Sent:
        assert (resource_id, operation) == (FABRIC_ID, "reassociateGateway")
        self.requests.writes += 1
        if self.fail is not None and not self.accept_and_fail:
            raise self.fail
        self.sent.append(body["properties"])
        self.jobs[f"job-{len(self.sent)}"] = "InProgress"
        if self.fail is not None:
            raise self.fail
        return Sent(f"job-{len(self.sent)}")

    def finish(self, job: str = "job-1", state: str = "Succeeded") -> None:
        self.jobs[job] = state
        wanted = self.sent[-1]
        for name in self.on:
            if state == "Succeeded" and f"p-{name}" in wanted.get("vmsToMigrate", [f"p-{name}"]):
                self.on[name] = wanted["targetProcessServerId"]


ORDER = ProcessServerOrder(vaults=(VAULT,), name="ps-azure-01", move_machines_from="CS-01")


def run(
    order: ProcessServerOrder, vaults: Vaults, cursor: Any = None, tick: Callable[[], None] | None = None
) -> dict[str, Any]:
    """One slice; ``tick`` is what happens in the world at each sleep."""
    value = [0.0]

    def sleep(seconds: float) -> None:
        value[0] += seconds
        vaults.now += timedelta(seconds=seconds)
        if tick is not None:
            tick()

    result = ensure_process_server(order, vaults, Clock(lambda: value[0], sleep), cursor)  # type: ignore[arg-type]
    return json.loads(json.dumps(result))  # type: ignore[no-any-return]


def done(result: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e["done"] for e in result["machines"] if e["role"] == "machine"}


def test_everything_is_moved_in_one_request_and_the_second_run_does_nothing() -> None:
    vaults = Vaults({"a": "PS-OLD", "b": "ps-old", "c": "PS-NEW"}, hollow={"b"})
    result = run(ORDER, vaults, tick=vaults.finish)
    assert vaults.sent == [
        {
            "containerName": "cloud_1",
            "sourceProcessServerId": "PS-OLD",
            "targetProcessServerId": "PS-NEW",
            "updateType": "SystemLevel",
        }
    ]
    assert result["finished"]
    assert done(result) == {"a": "started", "b": "started", "c": "unchanged"}
    assert [(e["before"], e["after"]) for e in result["machines"][1:]] == [
        ("CS-01", "ps-azure-01"),
        ("CS-01", "ps-azure-01"),
        ("ps-azure-01", "ps-azure-01"),
    ]
    again = run(ORDER, vaults)
    assert (again["changed"], again["requests"]["writes"], len(vaults.sent)) == (False, 1, 1)


def test_chosen_machines_are_named_by_their_protectable_item() -> None:
    vaults = Vaults({"a": "PS-OLD", "b": "PS-OLD", "c": "PS-OLD"})
    run(replace(ORDER, machines=("a", "b"), exclude=("b",)), vaults)
    assert vaults.sent[0]["updateType"] == "ServerLevel"
    assert vaults.sent[0]["vmsToMigrate"] == ["p-a"]
    others = Vaults({"a": "PS-OLD", "b": "PS-OLD"})
    run(replace(ORDER, exclude=("b",)), others)
    assert others.sent[0]["updateType"] == "ServerLevel"
    assert others.sent[0]["vmsToMigrate"] == ["p-a"]


def test_hollow_machines_are_read_once_while_their_move_runs() -> None:
    vaults = Vaults({"a": "PS-OLD"}, hollow={"a"})
    first = run(ORDER, vaults)
    assert not first["finished"]
    assert done(first) == {"a": "waiting"}
    assert vaults.gets == ["a"]
    run(ORDER, vaults, cursor=first["cursor"])
    assert vaults.gets == ["a"]
    assert len(vaults.sent) == 1


@pytest.mark.parametrize("cursor_lost", [True, False])
def test_a_move_under_way_is_joined(cursor_lost: bool) -> None:
    vaults = Vaults({"a": "PS-OLD"})
    first = run(ORDER, vaults)
    second = run(ORDER, vaults, cursor=None if cursor_lost else first["cursor"], tick=vaults.finish)
    assert len(vaults.sent) == 1
    assert second["finished"]
    assert second["changed"]


@pytest.mark.parametrize("accepted", [True, False])
def test_a_lost_reply_never_moves_twice(accepted: bool) -> None:
    vaults = Vaults({"a": "PS-OLD"}, fail=Unknown("unknown_outcome", "Lost."), accept_and_fail=accepted)
    first = run(ORDER, vaults)
    vaults.fail = None
    assert done(first) == {"a": "waiting"}
    assert len(vaults.sent) == (1 if accepted else 0)
    second = run(ORDER, vaults, cursor=first["cursor"])
    assert len(vaults.sent) == (1 if accepted else 0)
    # When it has not shown for long enough it was never accepted, and is sent again.
    vaults.now += timedelta(seconds=130)
    run(ORDER, vaults, cursor=second["cursor"])
    assert len(vaults.sent) == 1


def test_a_failed_move_and_a_refused_one_are_reported_with_the_vaults_words() -> None:
    vaults = Vaults({"a": "PS-OLD"})
    failed = run(ORDER, vaults, tick=lambda: vaults.finish(state="Failed"))
    machine = failed["machines"][1]
    assert (machine["done"], machine["code"], machine["remedy"]) == ("refused", "move_failed", "Fix it.")
    assert "539 Broken." in machine["reason"]
    refused = run(ORDER, Vaults({"a": "PS-OLD"}, fail=Rejected("rejected", "Not now.", "Later.")))
    assert refused["machines"][1]["code"] == "move_refused"
    assert "Not now." in refused["machines"][1]["reason"]


def test_a_move_that_does_not_show_is_waited_for_and_then_reported() -> None:
    vaults = Vaults({"a": "PS-OLD"})
    first = run(ORDER, vaults, tick=lambda: vaults.jobs.update({"job-1": "Succeeded"}))
    assert first["machines"][1]["code"] == "settling"
    assert not first["finished"]
    vaults.now += timedelta(seconds=1300)
    late = run(ORDER, vaults, cursor=first["cursor"])
    assert late["machines"][1]["code"] == "move_not_listed"
    assert late["finished"]
    assert len(vaults.sent) == 1


def test_machines_elsewhere_are_refused_only_when_they_were_named() -> None:
    servers = {"PS-OLD": "CS-01", "PS-NEW": "ps-azure-01", "PS-3": "third"}
    named = run(replace(ORDER, machines=("a", "z")), Vaults({"a": "PS-OLD", "z": "PS-3"}, servers=servers))
    assert named["machines"][2]["code"] == "not_on_source"
    assert "third" in named["machines"][2]["reason"]
    assert "z" not in done(run(ORDER, Vaults({"a": "PS-OLD", "z": "PS-3"}, servers=servers)))


def test_nothing_is_moved_to_a_server_that_is_not_ready() -> None:
    vaults = Vaults({"a": "PS-OLD"}, beat=NOW - timedelta(hours=1))
    result = run(ORDER, vaults)
    assert vaults.sent == []
    assert result["machines"][1]["code"] == "target_not_ready"
    assert not result["finished"]


def test_check_mode_shows_the_request_and_sends_nothing() -> None:
    vaults = Vaults({"a": "PS-OLD", "b": "PS-NEW"})
    predicted = run(replace(ORDER, check=True), vaults)
    assert vaults.sent == []
    assert vaults.requests.writes == 0
    real = run(ORDER, vaults, tick=vaults.finish)
    assert [p["body"]["properties"] for p in predicted["plan"]] == vaults.sent
    assert done(predicted) == done(real)
    assert [e["after"] for e in predicted["machines"]] == [e["after"] for e in real["machines"]]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"name": "nobody"}, "process_server_not_found"),
        ({"move_machines_from": "nobody"}, "process_server_not_found"),
        ({"name": None}, "process_server_missing"),
        ({"move_machines_from": None, "machines": ("a",)}, "move_source_missing"),
        ({"machines": ("nobody",)}, "machine_not_found"),
    ],
)
def test_an_order_that_cannot_be_carried_out(order: dict[str, Any], code: str) -> None:
    vaults = Vaults({"a": "PS-OLD"})
    with pytest.raises(InputError) as caught:
        run(replace(ORDER, **order), vaults)
    assert caught.value.code == code
    assert vaults.sent == []


def test_a_registration_is_waited_for_when_asked() -> None:
    vaults = Vaults()
    order = ProcessServerOrder(vaults=(VAULT,), name="late", await_registration=True)
    assert not run(order, vaults)["finished"]
    result = run(order, vaults, tick=lambda: vaults.servers.update({"PS-9": "late"}))
    assert result["finished"]
    assert result["process_servers"][0]["id"] == "PS-9"
