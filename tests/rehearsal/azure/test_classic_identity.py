# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a classic machine is in each direction, in items, protectable items and jobs; and what a failed failover leaves."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from vault_fixture import SMALL
from wire import AZURE_TO, Wire

FAULT = {
    "operation": "failover",
    "direction": "to_azure",
    "level": "Error",
    "code": "95225",
    "message": "No.",
    "times": 1,
}


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    machines: list[dict[str, Any]] = [
        {**SMALL["machines"][0]},
        {**SMALL["machines"][1], "name": "ready", "state": "ready"},
        {**SMALL["machines"][2], "name": "fails", "faults": [FAULT]},
        {**SMALL["machines"][3], "name": "failed", "state": "failed_out"},
        {**SMALL["machines"][4], "name": "grouped", "group": "shop"},
    ]
    plans = {"shop": ["web-01"]}
    return run_vault({**SMALL, "vaults": [{**SMALL["vaults"][0], "recovery_plans": plans}], "machines": machines})


def ids(vault: Wire, name: str) -> tuple[dict[str, Any], set[str]]:
    """The item's details, and every id that ought to be the one of the machine that works now."""
    properties = vault.item(name)["properties"]
    details = properties["providerSpecificDetails"]
    protectable = vault.get(properties["protectableItemId"])
    return details, {details["vmId"], details["infrastructureVmId"], protectable["name"]}


def test_one_id_in_three_places_changes_together(vault: Wire) -> None:
    item = vault.item("web-01")
    tested = item["properties"]["lastSuccessfulTestFailoverTime"]
    before, first = ids(vault, "web-01")
    assert len(first) == 1
    vault.to_azure(item)
    vault.to_ready(item)
    after, second = ids(vault, "web-01")
    assert len(second) == 1
    assert second != first
    assert after["replicaId"] == before["infrastructureVmId"]
    machines = vault.all(f"/subscriptions/{vault.vault.split('/')[2]}/providers/Microsoft.Compute/virtualMachines")
    assert {m["properties"]["vmId"] for m in machines if m["name"] == "web-01"} == second
    vault.to_home(item)
    vault.protect_again(item)
    assert ids(vault, "web-01")[1] == first
    assert vault.item("web-01")["properties"]["lastSuccessfulTestFailoverTime"] == tested


def affected(vault: Wire, name: str, scenario: str) -> list[dict[str, Any]]:
    """affectedObjectDetails of a machine's jobs, oldest first."""
    listed = vault.all(f"{vault.vault}/replicationJobs?$filter=jobName eq '{scenario}'")
    mine = [j for j in listed if j["properties"]["targetObjectName"] == name]
    mine.sort(key=lambda job: job["properties"]["startTime"])
    return [vault.get(j["id"])["properties"]["customDetails"]["affectedObjectDetails"] for j in mine]


def test_jobs_name_both_machines_and_the_policy_by_guid(vault: Wire) -> None:
    """Runs after the circle above."""
    out, home = affected(vault, "web-01", "UnplannedFailover")
    # The VM in Azure has no id until it is replicated itself.
    assert (out["primaryVmId"], out["recoveryVmId"]) == (home["recoveryVmId"], "")
    assert home["primaryVmId"] not in (home["recoveryVmId"], "")
    assert uuid.UUID(out["protectionProfileId"]) != uuid.UUID(home["protectionProfileId"])
    assert (out["recoveryCloudName"], home["recoveryCloudName"]) == ("Microsoft Azure", "CS-01")
    # The pair as it was before: a reprotect to Azure names the configuration server.
    assert [a["recoveryCloudName"] for a in affected(vault, "web-01", "SwitchReplicationGroupProtection")] == [
        "Microsoft Azure",
        "CS-01",
    ]


def test_a_machine_alone_is_a_group_by_its_own_id(vault: Wire) -> None:
    details = {
        name: vault.item(name)["properties"]["providerSpecificDetails"] for name in ("fails", "ready", "grouped")
    }
    assert {d["multiVmSyncStatus"] for d in details.values()} == {"Enabled"}
    alone = [details[name] for name in ("fails", "ready")]
    assert [d["multiVmGroupName"] for d in alone] == [d["multiVmGroupId"] for d in alone]
    assert details["grouped"]["multiVmGroupName"] == "shop"
    assert len({uuid.UUID(d["multiVmGroupId"]) for d in details.values()}) == 3


BROKEN = (
    "UnplannedFailoverCompletionFailed",
    "Primary",
    ["RepairReplication", "UnplannedFailover", "DisableProtection"],
    "Critical",
)


def told(item: dict[str, Any]) -> tuple[Any, ...]:
    properties = item["properties"]
    words = ("protectionState", "activeLocation", "allowedOperations", "replicationHealth")
    return tuple(properties[word] for word in words)


def test_a_failed_failover_stays_on_the_item_until_another_succeeds(vault: Wire) -> None:
    item = vault.item("fails")
    body = {**AZURE_TO, "sourceSiteOperations": "NotRequired"}
    assert vault.run(item, "unplannedFailover", body)["properties"]["state"] == "Failed"
    broken = vault.get(item["id"])
    assert told(broken) == BROKEN
    assert {e["errorCode"] for e in broken["properties"]["healthErrors"]} >= {"78024", "78026", "78028"}
    assert "lastSuccessfulFailoverTime" not in broken["properties"]
    vault.until(lambda: told(vault.items()["fails"]), lambda words: words == BROKEN)
    vault.good(vault.run(item, "unplannedFailover", body))
    after = vault.get(item["id"])["properties"]
    assert "Commit" in after["allowedOperations"]
    assert after["replicationHealth"] == "Normal"


def test_a_resynchronisation_fixes_a_failed_failover(vault: Wire) -> None:
    item = vault.item("failed")
    assert told(item) == BROKEN
    vault.good(vault.run(item, "repairReplication"))
    fixed = vault.get(item["id"])["properties"]
    assert (fixed["protectionState"], fixed["replicationHealth"]) == ("Protected", "Normal")
