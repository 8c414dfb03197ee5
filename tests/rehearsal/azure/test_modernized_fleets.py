# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets with modernized vaults: what they hold, what is refused in them; retired vaults; moves between generations."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from modernized_wire import MODERNIZED, OUT, Modern, details
from vault_fixture import SMALL
from wire import AZURE_TO, Wire

from rehearsal import fleet as fleets
from rehearsal import fleet_file, handover


@pytest.mark.parametrize("count", [1, 12, 130, 1000])
def test_a_generated_fleet_fits_its_appliances(count: int) -> None:
    fleet = fleet_file.load(f"modernized-{count}")
    (vault,) = fleet.vaults
    assert len(fleet.machines) == count
    assert vault.generation == "modernized"
    disks = sum(len(m.disks_gb) for m in fleet.machines)
    # Room for machines with two disks that do not fit into the last slot of an appliance.
    assert disks <= len(vault.appliances) * (fleets.APPLIANCE_DISKS - 1)
    assert len({a.id for a in vault.appliances}) == len({a.vm.uuid for a in vault.appliances}) == len(vault.appliances)


def test_the_named_fleets() -> None:
    twelve, mixed, retired = (fleet_file.load(name) for name in ("modernized-12", "mixed-12", "retired-4"))
    assert len(twelve.machines) == len(mixed.machines) == 12
    assert {m.onprem for m in twelve.machines} == {"present", "gone", "physical"}
    assert any(m.azure_name_taken for m in twelve.machines)
    assert any(m.agent_registers_after > 600 for m in twelve.machines)
    assert [v.generation for v in mixed.vaults] == ["classic", "modernized"]
    assert [len(mixed.of_vault(v.name)) for v in mixed.vaults] == [6, 6]
    assert [v.retired for v in retired.vaults] == [True]
    assert len({m.state for m in retired.machines}) == 4


def test_variables_are_the_same_but_for_the_servers_names() -> None:
    classic, modernized, mixed = (
        yaml.safe_load("\n".join(handover.variables(fleet_file.load(name))))
        for name in ("classic-12", "modernized-12", "mixed-12")
    )
    assert modernized.keys() == {"asr_vaults", "asr_machines", "asr_datastore"}
    assert classic.keys() >= mixed.keys() > modernized.keys()
    assert "asr_process_server" in mixed
    assert len(mixed["asr_vaults"]) == 2
    assert mixed["asr_process_server"] == "ps-azure-01"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"generation": "ancient"}, "generation 'ancient'"),
        ({"process_servers": [{"name": "ps-01"}]}, "process_servers do not belong to a modernized vault"),
        ({"retired": True}, "retired do not belong"),
        ({"appliances": [{"name": "a", "health": "Odd"}]}, "health 'Odd'"),
        ({"words": {"home": {"color": "red"}}}, "unknown key 'color'"),
    ],
)
def test_vaults_that_contradict_themselves(change: dict[str, Any], said: str) -> None:
    data = copy.deepcopy(MODERNIZED)
    data["vaults"][0].update(change)
    with pytest.raises(fleets.FleetError, match=said):
        fleet_file.parse(data)


def test_a_classic_vault_has_no_appliances() -> None:
    data = copy.deepcopy(SMALL)
    data["vaults"][0]["appliances"] = [{"name": "appliance-01"}]
    with pytest.raises(fleets.FleetError, match="appliances do not belong to a classic vault"):
        fleet_file.parse(data)


# -- retired vaults and moves ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def retired(run_vault: Callable[..., Wire]) -> Wire:
    """Memory in place of vCenter: only the wire matters here."""
    return run_vault("retired-4")


def test_a_retired_vault_reads_and_writes_nothing(retired: Wire) -> None:
    items = retired.items()
    assert len(items) == 4
    before = retired.control("GET", "/digest")
    for name, verb, body in (
        ("home-01", "unplannedFailover", AZURE_TO),
        ("out-01", "failoverCommit", None),
        ("ready-01", "unplannedFailover", AZURE_TO),
        ("back-01", "reProtect", retired.azure_body()),
        ("home-01", "repairReplication", None),
        ("home-01", "updateMobilityService", {"runAsAccountId": "1"}),
    ):
        reply = retired.start(items[name], verb, body)
        assert reply.status_code == 400, f"{name} {verb}"
        error = reply.json()["error"]
        assert error["code"] == "ClassicRetired"
        assert "March 2026" in error["details"][0]["possibleCauses"]
    assert retired.control("GET", "/digest") == before
    assert retired.control("GET", "/counters")["accepted"] == {}


def test_the_words_of_the_refusal_are_the_fleets(run_vault: Callable[..., Wire]) -> None:
    data = copy.deepcopy(SMALL)
    data["vaults"][0].update(retired=True, refusal={"status": 403, "code": "500123", "message": "No more."})
    wire = run_vault(data)
    reply = wire.start(wire.item("web-01"), "unplannedFailover", AZURE_TO)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "500123")
    assert reply.json()["error"]["message"] == "No more."


def test_only_machines_at_home_can_be_moved_to_a_modernized_vault(retired: Wire) -> None:
    body = {
        "targetInstanceType": "InMageRcm",
        "providerSpecificDetails": {
            "instanceType": "InMageAzureV2",
            "targetVaultID": "/subscriptions/x",
            "targetFabricID": "/subscriptions/x/f",
            "targetApplianceID": "appliance",
        },
    }
    for name in ("out-01", "ready-01", "back-01"):
        reply = retired.start(retired.item(name), "switchProvider", body)
        assert reply.status_code == 409, name
        assert name in reply.json()["error"]["message"]
    home = retired.item("home-01")
    short = {**body, "providerSpecificDetails": {"instanceType": "InMageAzureV2", "targetVaultID": "x"}}
    assert retired.start(home, "switchProvider", short).status_code == 400
    retired.good(retired.run(home, "switchProvider", body))
    assert retired.item("home-01")["properties"]["switchProviderState"] == "Completed"


# -- appliances ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def modern(run_vault: Callable[..., Wire]) -> Modern:
    fleet = copy.deepcopy(MODERNIZED)
    fleet["machines"].append({"name": "out-01", "os": "Linux", "state": "out"})
    return Modern(run_vault(fleet))


def test_a_machine_moves_to_another_appliance_while_it_is_at_home(modern: Modern) -> None:
    first, second = modern.components("processServers")
    body = {"targetApplianceId": second["id"], "providerSpecificDetails": {"instanceType": "InMageRcm"}}
    item = modern.wire.item("web-01")
    assert details(item)["processServerId"] == first["id"]
    modern.good(item, "updateAppliance", body)
    moved = details(modern.wire.item("web-01"))
    assert (moved["processServerId"], moved["processServerName"]) == (second["id"], "appliance-02")
    assert [p["protectedItemCount"] for p in modern.components("processServers")] == [3, 1]

    away = modern.wire.item("out-01")
    assert modern.wire.start(away, "updateAppliance", body).status_code == 409
    for wrong in (
        {**body, "targetApplianceId": "nobody"},
        {"targetApplianceId": second["id"]},
        {**body, "providerSpecificDetails": {"instanceType": "InMageAzureV2"}},
    ):
        assert modern.wire.start(item, "updateAppliance", wrong).status_code == 400


def test_the_health_of_an_appliance_turns(modern: Modern) -> None:
    modern.wire.control("POST", "/appliances/appliance-02", {"health": "Critical"})
    agents = modern.components("reprotectAgents")
    assert [a["health"] for a in agents] == ["Normal", "Critical"]
    assert agents[0]["healthErrors"] == []
    assert "appliance-02" in agents[1]["healthErrors"][0]["errorMessage"]
    modern.wire.control("POST", "/appliances/appliance-02", {"health": "Normal"})


def test_a_vault_that_does_not_report_its_log_storage(run_vault: Callable[..., Wire]) -> None:
    fleet = copy.deepcopy(MODERNIZED)
    fleet["vaults"][0]["shows_log_storage"] = False
    quiet = Modern(run_vault(fleet))
    item = quiet.wire.item("web-01")
    assert {disk["logStorageAccountId"] for disk in details(item)["protectedDisks"]} == {None}
    over = quiet.to_azure(item)
    account = (
        "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg-homeward-dr"
        "/providers/Microsoft.Storage/storageAccounts/homewardlogs"
    )
    assert quiet.wire.start(over, "reProtect", quiet.home_body(over)).status_code == 400
    ready = quiet.to_ready(item, logStorageAccountId=account)
    assert details(ready)["logStorageAccountId"] == account


def test_recovery_points_of_the_way_out(modern: Modern) -> None:
    """An item names its points under a container it does not live in (SEEN); such an id can be read and used."""
    wire = modern.wire
    # Points come and go with the clock: it moves only where the test moves it.
    wire.control("POST", "/clock", {"speed": 1})
    item = wire.item("web-02")
    points = wire.all(f"{item['id']}/recoveryPoints")
    assert {p["properties"]["recoveryPointType"] for p in points} == {"CrashConsistent", "ApplicationConsistent"}
    assert {p["properties"]["providerSpecificDetails"]["instanceType"] for p in points} == {"InMageRcm"}
    newest = details(item)["lastRecoveryPointId"]
    assert "/cloud_" in newest
    assert "/cloud_" not in item["id"]
    chosen, older = wire.get(newest), points[len(points) // 2]
    part = {**OUT["providerSpecificDetails"], "recoveryPointId": older["id"]}
    started = wire.start(item, "unplannedFailover", {**OUT, "providerSpecificDetails": part})
    # A minute at a time, so that the point is in the list still when the job asks for it.
    job = wire.run_by_the_minute(started)
    wire.control("POST", "/clock", {"speed": MODERNIZED["speed"]})
    wire.good(job)
    used = modern.wire.item("web-02")["properties"]["failoverRecoveryPointId"]
    assert used.rsplit("/", 1)[1] == older["name"] != chosen["name"]
