# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of a modernized vault around the circle: the words of each phase, the ways that only this generation has, and
what a fleet may say where no recording speaks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from modernized_wire import HOME, MODERNIZED, OUT, Modern, details
from wire import Wire

from rehearsal import fleet as fleets
from rehearsal.azure import durations, engine, lifecycle, scenarios

#: Phase -> instanceType, protectionState, activeLocation, allowedOperations: section 3.2 of the fact sheet.
WORDS: dict[str, tuple[str, str, str, list[str]]] = {
    "home": ("InMageRcm", "Protected", "Primary", ["UnplannedFailover", "DisableProtection", "TestFailover"]),
    "failing_out": ("InMageRcm", "UnplannedFailoverTransitionStatesBegin", "Primary", []),
    "out_uncommitted": (
        "InMageRcm",
        "UnplannedFailoverCommitPendingStatesBegin",
        "Recovery",
        ["CompleteMigration", "Commit", "DisableProtection", "ChangePit", "SwitchProtection"],
    ),
    "out": (
        "InMageRcm",
        "UnplannedFailoverCommitted",
        "Recovery",
        ["CompleteMigration", "DisableProtection", "SwitchProtection"],
    ),
    "syncing_home": ("InMageRcmFailback", "InitialReplicationInProgress", "Primary", ["DisableProtection"]),
    "ready": ("InMageRcmFailback", "Protected", "Primary", ["PlannedFailover", "DisableProtection"]),
    "failing_home": ("InMageRcmFailback", "PlannedFailoverTransitionStatesBegin", "Primary", []),
    "home_uncommitted": (
        "InMageRcmFailback",
        "PlannedFailoverCommitRequired",
        "Recovery",
        ["Commit", "SwitchProtection", "CancelFailover", "DisableProtection"],
    ),
    "home_unprotected": (
        "InMageRcmFailback",
        "PlannedFailoverStatesBegin",
        "Recovery",
        ["CompleteMigration", "DisableProtection", "SwitchProtection"],
    ),
    "syncing_out": ("InMageRcm", "InitialReplicationInProgress", "Primary", ["DisableProtection"]),
    "first_point": ("InMageRcm", "InitialReplicationRecoveryCompletionPending", "Primary", ["DisableProtection"]),
}


def words(item: dict[str, Any]) -> tuple[str, str, str, list[str]]:
    properties = item["properties"]
    return (
        details(item)["instanceType"],
        properties["protectionState"],
        properties["activeLocation"],
        properties["allowedOperations"],
    )


@pytest.fixture(scope="module")
def still(run_vault: Callable[..., Wire]) -> Modern:
    """A vault whose clock moves when it is told to."""
    return Modern(run_vault({**copy.deepcopy(MODERNIZED), "speed": 1.0}))


def ahead(modern: Modern, seconds: float) -> None:
    modern.wire.control("POST", "/clock/advance", {"seconds": seconds})


def step(
    modern: Modern, item: dict[str, Any], verb: str, body: dict[str, Any] | None, seconds: float, during: str
) -> Any:
    """Start an operation, look at the item meanwhile, let its job's time pass."""
    reply = modern.wire.start(item, verb, body)
    assert reply.status_code == 202, reply.text
    running = modern.wire.get(item["id"])
    assert running["properties"]["allowedOperations"] == []
    assert words(running)[:3] == WORDS[during][:3]
    ahead(modern, 3)
    ahead(modern, seconds)
    return modern.wire.good(modern.wire.job(reply))


def test_the_words_of_every_phase(still: Modern) -> None:
    wire = still.wire
    item = wire.item("web-01")
    assert words(item) == WORDS["home"]
    assert details(item)["isAgentRegistrationSuccessfulAfterFailover"] is None
    assert "lastSuccessfulFailoverTime" not in item["properties"]

    job = step(still, item, "unplannedFailover", OUT, 637, "failing_out")
    over = wire.get(item["id"])
    assert words(over) == WORDS["out_uncommitted"]
    assert job["properties"]["scenarioName"] == "UnplannedFailover"
    assert over["properties"]["lastSuccessfulFailoverTime"] == job["properties"]["startTime"]
    assert details(over)["isAgentRegistrationSuccessfulAfterFailover"] is False
    ahead(still, 120)
    assert details(still.registered(item))["isAgentRegistrationSuccessfulAfterFailover"] is True

    step(still, item, "failoverCommit", None, 5, "out_uncommitted")
    assert words(wire.get(item["id"])) == WORDS["out"]
    job = step(still, item, "reProtect", still.home_body(wire.get(item["id"])), 722, "out")
    states = {task["name"]: task["stateDescription"] for task in job["properties"]["tasks"]}
    assert states["VmCommitFailover"] == "Skipped"
    syncing = wire.get(item["id"])
    assert words(syncing) == WORDS["syncing_home"]
    assert details(syncing)["isAgentRegistrationSuccessfulAfterFailover"] is None
    assert "lastSuccessfulFailoverTime" not in syncing["properties"]
    ahead(still, 1050)
    ready = wire.allows(item, "PlannedFailover")
    assert words(ready) == WORDS["ready"]
    assert "lastPlannedFailoverStatus" not in details(ready)

    job = step(still, item, "plannedFailover", HOME, 1275, "failing_home")
    assert job["properties"]["scenarioName"] == "PlannedFailover"
    assert job["properties"]["targetObjectId"] == details(ready)["internalIdentifier"]
    back = wire.get(item["id"])
    assert words(back) == WORDS["home_uncommitted"]
    assert details(back)["lastPlannedFailoverStatus"] == "Succeeded"
    assert details(back)["lastPlannedFailoverStartTime"] == job["properties"]["startTime"]
    step(still, item, "failoverCommit", None, 120, "home_uncommitted")
    assert words(wire.get(item["id"])) == WORDS["home_unprotected"]
    ahead(still, 120)
    still.registered(item)

    step(still, item, "reProtect", still.azure_body(), 300, "home_unprotected")
    assert words(wire.get(item["id"])) == WORDS["syncing_out"]
    ahead(still, 1500)
    wire.until(lambda: words(wire.get(item["id"])), lambda seen: seen == WORDS["first_point"])
    ahead(still, 300)
    again = wire.allows(item, "UnplannedFailover")
    assert words(again) == WORDS["home"]
    assert again["name"] == item["name"]
    assert details(again)["internalIdentifier"] == details(item)["internalIdentifier"]
    assert again["properties"]["failoverRecoveryPointId"] is None


def test_progress_of_a_synchronisation_in_the_item_and_in_the_list(still: Modern) -> None:
    wire = still.wire
    item = wire.item("web-02")
    step(still, item, "unplannedFailover", OUT, 637, "failing_out")
    ahead(still, 120)
    still.registered(item)
    step(still, item, "reProtect", still.home_body(wire.get(item["id"])), 722, "out_uncommitted")
    queued = details(wire.get(item["id"]))
    assert queued["initialReplicationProgressPercentage"] is None
    assert [disk["irDetails"]["progressHealth"] for disk in queued["protectedDisks"]] == ["Queued", "Queued"]

    ahead(still, 60 + 495)
    half = details(wire.get(item["id"]))
    size = sum(disk["capacityInBytes"] for disk in half["protectedDisks"])
    assert size == 40 * 1024**3
    assert 45 <= half["initialReplicationProgressPercentage"] <= 55
    assert 0.45 * size < half["initialReplicationProcessedBytes"] < 0.55 * size
    assert 0 < half["initialReplicationTransferredBytes"] < half["initialReplicationProcessedBytes"]
    assert half["initialReplicationProgressHealth"] == "InProgress"
    first = half["protectedDisks"][0]
    assert first["irDetails"]["progressPercentage"] == half["initialReplicationProgressPercentage"]
    assert first["dataPendingInLogDataStoreInMB"] > 0
    listed = details(wire.items()["web-02"])
    assert listed["initialReplicationProgressPercentage"] >= half["initialReplicationProgressPercentage"]
    assert "@" not in str(listed)

    ahead(still, 495)
    ready = details(wire.allows(item, "PlannedFailover"))
    assert ready["initialReplicationProgressPercentage"] is None
    assert "irDetails" not in ready["protectedDisks"][0]
    # SEEN: false although the item is protected.
    assert ready["protectedDisks"][0]["isInitialReplicationComplete"] == "false"


def test_a_planned_failover_is_cancelled_before_its_commit_and_only_then(still: Modern) -> None:
    wire = still.wire
    item = wire.item("web-02")
    assert wire.start(item, "failoverCancel").status_code == 409
    step(still, item, "plannedFailover", HOME, 1275, "failing_home")
    assert wire.control("GET", "/items/web-02")["azure_vm"]["power"] == "deallocated"
    reply = wire.start(item, "failoverCancel")
    ahead(still, 3)
    ahead(still, 300)
    wire.good(wire.job(reply))
    cancelled = wire.get(item["id"])
    assert words(cancelled) == WORDS["ready"]
    assert details(cancelled)["lastPlannedFailoverStatus"] == "Cancelled"
    truth = wire.control("GET", "/items/web-02")
    assert truth["azure_vm"]["power"] == "running"
    assert truth["onprem"]["running"] is False
    step(still, item, "plannedFailover", HOME, 1275, "failing_home")
    step(still, item, "failoverCommit", None, 120, "home_uncommitted")
    assert wire.start(item, "failoverCancel").status_code == 409
    assert wire.control("GET", "/items/web-02")["azure_vm"] is None


def test_a_failover_to_azure_cannot_be_cancelled(still: Modern) -> None:
    wire = still.wire
    item = wire.item("web-03")
    step(still, item, "unplannedFailover", OUT, 637, "failing_out")
    assert wire.start(item, "failoverCancel").status_code == 409
    assert words(wire.get(item["id"])) == WORDS["out_uncommitted"]


@pytest.mark.parametrize(
    ("verb", "state", "body", "said"),
    [
        (
            "unplannedFailover",
            "home",
            {**OUT, "providerSpecificDetails": {"instanceType": "InMageAzureV2"}},
            "InMageRcm",
        ),
        (
            "unplannedFailover",
            "home",
            {**OUT, "providerSpecificDetails": {"instanceType": "InMageRcm"}},
            "performShutdown",
        ),
        (
            "unplannedFailover",
            "home",
            {**OUT, "providerSpecificDetails": {"instanceType": "InMageRcm", "performShutdown": True}},
            "performShutdown",
        ),
        ("unplannedFailover", "home", {**OUT, "failoverDirection": "RecoveryToPrimary"}, "RecoveryToPrimary"),
        (
            "plannedFailover",
            "ready",
            {"providerSpecificDetails": {"instanceType": "InMageRcmFailback"}},
            "recoveryPointType",
        ),
        (
            "plannedFailover",
            "ready",
            {"providerSpecificDetails": {"instanceType": "InMageRcmFailback", "recoveryPointType": "LatestTime"}},
            "LatestTime",
        ),
        (
            "reProtect",
            "out",
            {
                "failoverDirection": "RecoveryToPrimary",
                "providerSpecificDetails": {"instanceType": "InMageRcmFailback"},
            },
            "InMageRcm",
        ),
        (
            "reProtect",
            "home_unprotected",
            {"failoverDirection": "PrimaryToRecovery", "providerSpecificDetails": {"instanceType": "InMageRcm"}},
            "InMageRcmFailback",
        ),
    ],
)
def test_bodies_that_do_not_fit_are_refused_at_once(
    states: Modern, verb: str, state: str, body: Any, said: str
) -> None:
    item = states.wire.item(f"at-{state}")
    reply = states.wire.start(item, verb, body)
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]


@pytest.mark.parametrize("missing", ["reprotectAgentId", "datastoreName", "logStorageAccountId"])
def test_fields_the_description_requires_are_asked_for(states: Modern, missing: str) -> None:
    item = states.wire.item("at-out")
    reply = states.wire.start(item, "reProtect", states.home_body(item, **{missing: None}))
    assert reply.status_code == 400
    assert missing in reply.json()["error"]["message"]


@pytest.fixture(scope="module")
def states(run_vault: Callable[..., Wire]) -> Modern:
    """A machine in every phase that can be a first state."""
    fleet = copy.deepcopy(MODERNIZED)
    settled = [phase for phase, seen in WORDS.items() if seen[3]]
    fleet["machines"] = [{"name": f"at-{phase}", "os": "Linux", "state": phase} for phase in settled]
    fleet["speed"] = 1
    return Modern(run_vault(fleet))


def test_every_phase_with_operations_can_be_a_first_state(states: Modern) -> None:
    for name, item in states.wire.items().items():
        assert words(item) == WORDS[name.removeprefix("at-")]
    assert states.wire.control("GET", "/items/at-home_uncommitted")["azure_vm"]["power"] == "deallocated"
    assert states.wire.control("GET", "/items/at-home_unprotected")["azure_vm"] is None


def test_test_failovers_are_refused_away_from_home(states: Modern) -> None:
    body = {"failoverDirection": "PrimaryToRecovery", "providerSpecificDetails": {"instanceType": "InMageRcm"}}
    for name in ("at-out", "at-ready", "at-syncing_out"):
        assert states.wire.start(states.wire.item(name), "testFailover", body).status_code == 409


@pytest.mark.parametrize("direction", ["PrimaryToRecovery", "RecoveryToPrimary", None])
def test_the_way_back_to_azure_takes_what_the_description_allows(
    run_vault: Callable[..., Wire], direction: str | None
) -> None:
    fleet = copy.deepcopy(MODERNIZED)
    fleet["machines"] = [{"name": "back", "os": "Linux", "state": "home_unprotected"}]
    modern = Modern(run_vault(fleet))
    item = modern.wire.item("back")
    modern.good(item, "reProtect", modern.azure_body(direction))
    assert details(modern.wire.get(item["id"]))["instanceType"] == "InMageRcm"


#: What may be reported where nothing was recorded: the words between planned failover and commit, and after it.
ALTERNATIVES: list[dict[str, dict[str, Any]]] = [
    {
        "home_uncommitted": {"state": "UnplannedFailoverCommitPendingStatesBegin", "allowed": ["Commit"]},
        "home_unprotected": {"state": "UnplannedFailoverCommitted", "allowed": ["SwitchProtection"]},
    },
    {
        "home_uncommitted": {"location": "Primary", "allowed": ["Commit", "CancelFailover"]},
        "home_unprotected": {"location": "Primary", "state": "UnprotectedStatesBegin"},
    },
]


@pytest.mark.parametrize("chosen", ALTERNATIVES)
def test_a_fleet_says_what_was_never_recorded(
    run_vault: Callable[..., Wire], chosen: dict[str, dict[str, Any]]
) -> None:
    fleet = copy.deepcopy(MODERNIZED)
    fleet["vaults"][0]["words"] = chosen
    fleet["machines"] = [{"name": "walks", "os": "Linux", "state": "ready"}]
    modern = Modern(run_vault(fleet))
    item = modern.wire.item("walks")
    modern.good(item, "plannedFailover", HOME)
    told(modern.wire.get(item["id"]), chosen["home_uncommitted"])
    modern.good(item, "failoverCommit")
    told(modern.wire.get(item["id"]), chosen["home_unprotected"])
    modern.protect_again(item)


def told(item: dict[str, Any], chosen: dict[str, Any]) -> None:
    properties = item["properties"]
    seen = {
        "state": properties["protectionState"],
        "location": properties["activeLocation"],
        "allowed": properties["allowedOperations"],
    }
    assert {key: seen[key] for key in chosen} == chosen


def test_an_uncommitted_failback_that_is_protected_again_is_committed_with_it(run_vault: Callable[..., Wire]) -> None:
    fleet = copy.deepcopy(MODERNIZED)
    fleet["machines"] = [{"name": "hasty", "os": "Linux", "state": "ready"}]
    modern = Modern(run_vault(fleet))
    item = modern.wire.item("hasty")
    modern.good(item, "plannedFailover", HOME)
    modern.registered(item)
    job = modern.good(item, "reProtect", modern.azure_body())
    states = {task["name"]: task["stateDescription"] for task in job["properties"]["tasks"]}
    assert states["VmCommitFailover"] == "Completed"
    assert modern.wire.control("GET", "/items/hasty")["azure_vm"] is None


def test_thin_lists_hold_no_disks(run_vault: Callable[..., Wire]) -> None:
    fleet = copy.deepcopy(MODERNIZED)
    fleet["vaults"][0]["thin_lists"] = True
    modern = Modern(run_vault(fleet))
    listed = details(modern.wire.items()["web-01"])
    assert listed["protectedDisks"] == []
    assert listed["discoveredVmDetails"] is None
    assert len(details(modern.wire.item("web-01"))["protectedDisks"]) == 2


def test_a_planned_failover_can_be_cancelled_whatever_word_offers_it(run_vault: Callable[..., Wire]) -> None:
    fleet = copy.deepcopy(MODERNIZED)
    fleet["vaults"][0]["words"] = {"home_uncommitted": {"allowed": ["Commit"]}}
    fleet["machines"] = [{"name": "back", "os": "Linux", "state": "home_uncommitted"}]
    modern = Modern(run_vault(fleet))
    item = modern.wire.item("back")
    modern.good(item, "failoverCancel")
    assert words(modern.wire.get(item["id"])) == WORDS["ready"]
    modern.to_home(item)


@pytest.mark.parametrize("generation", lifecycle.ROWS)
def test_every_move_leads_from_a_row_that_offers_it_to_another_row(generation: str) -> None:
    rows, moves = lifecycle.ROWS[generation], lifecycle.MOVES[generation]
    table = durations.TABLES[generation]
    assert len({(move.verb, move.start) for move in moves}) == len(moves)
    for move in moves:
        assert move.word in rows[move.start].allowed
        assert {move.during, move.done} <= rows.keys()
        assert table[move.name] > 0
        assert engine.ACTIONS[generation][move.name].keys() <= {
            step.name for step in scenarios.SCENARIOS[move.scenario]
        }
    after = lifecycle.AFTER_SYNC[generation]
    assert after.keys() == {phase for phase, row in rows.items() if row.syncing}
    assert set(after.values()) <= rows.keys()


def test_words_for_a_phase_that_does_not_exist() -> None:
    with pytest.raises(fleets.FleetError, match="phase 'afternoon' is unknown"):
        lifecycle.rows_of("modernized", {"afternoon": {"state": "Tea"}})
