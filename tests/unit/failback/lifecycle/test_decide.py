# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage table cell by cell, every kind of decision, and words the service never said yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import LOOKS, STAGES, START, VAULT, WAY_HOME, item, scenario, text

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.classic import CLASSIC
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.decide import (
    Conditions,
    Decision,
    Done,
    Hold,
    Join,
    Observed,
    Send,
    Wait,
    decide,
    project,
    steps_left,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.modernized import LIFECYCLE
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import (
    COMMIT_TO_AZURE,
    COMMIT_TO_ONPREM,
    FAILOVER_TO_AZURE,
    FAILOVER_TO_ONPREM,
    POSITION_TEXT,
    REFUSALS,
    REPROTECT_TO_AZURE,
    REPROTECT_TO_ONPREM,
    Lifecycle,
    Operation,
    Place,
    Position,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal

P = Position
VERIFIED = Conditions(commit_when="verified", confirmed=True)


def verdict_on(
    seen: Item,
    route: tuple[str, ...],
    policy: Conditions = VERIFIED,
    lifecycle: Lifecycle = CLASSIC,
    **known: Any,
) -> Decision:
    return decide(Observed(seen, known.pop("now", START), **known), route, lifecycle, policy)


def short(decision: Decision) -> str:
    """A decision as one word of the table: send:<step>, wait, done or refuse:<code>."""
    if isinstance(decision, Send):
        return f"send:{decision.operation.step}"
    if isinstance(decision, Refusal):
        return f"refuse:{decision.code}"
    return type(decision).__name__.lower()


COLUMNS = (
    P.OUT_UNCOMMITTED,
    P.OUT,
    P.SYNCING_HOME,
    P.READY,
    P.HOME_UNCOMMITTED,
    P.HOME_UNPROTECTED,
    P.SYNCING_OUT,
    P.HOME,
)
TABLE: dict[int, tuple[str, ...]] = {
    2: ("refuse:commit_first", f"send:{REPROTECT_TO_ONPREM}", "wait", "done", "done", "done", "done", "done"),
    3: (
        "refuse:reprotect_first",
        "refuse:reprotect_first",
        "refuse:synchronising_home",
        f"send:{FAILOVER_TO_ONPREM}",
        f"send:{COMMIT_TO_ONPREM}",
        "done",
        "done",
        "done",
    ),
    4: (
        "refuse:reprotect_first",
        "refuse:reprotect_first",
        "refuse:synchronising_home",
        "refuse:failover_home_first",
        "refuse:commit_home_first",
        f"send:{REPROTECT_TO_AZURE}",
        "wait",
        "done",
    ),
    1: (
        f"send:{COMMIT_TO_AZURE}",
        "done",
        "refuse:failback_in_progress",
        "refuse:failback_in_progress",
        "refuse:failback_in_progress",
        "refuse:protect_first",
        "refuse:synchronising_to_azure",
        f"send:{FAILOVER_TO_AZURE}",
    ),
}
CELLS = [
    pytest.param(stage, position, word, id=f"stage{stage}-{position.value}")
    for stage, row in TABLE.items()
    for position, word in zip(COLUMNS, row, strict=True)
]


@pytest.mark.parametrize(("stage", "position", "word"), CELLS)
def test_the_stage_table(stage: int, position: Position, word: str) -> None:
    assert set(COLUMNS) == set(Position)
    decision = verdict_on(item(position=position), STAGES[stage])
    assert short(decision) == word
    if isinstance(decision, Refusal):
        assert (decision.reason, decision.remedy) == REFUSALS[decision.code]


@pytest.mark.parametrize(("stage", "position", "word"), CELLS)
def test_the_table_holds_in_words_the_service_never_said_yet(stage: int, position: Position, word: str) -> None:
    seen = item(
        position=position,
        protectionState="QuantumReplicating",
        protectionStateDescription="?",
        allowedOperations=[*LOOKS[position][2], "TeleportMachine", "SwitchProvider"],
        testFailoverState="MarkedForDeletion",
        testFailoverStateDescription="Cleaning up test environment",
        replicationHealth="Purple",
        healthErrors=[{"errorCode": "ECH0007"}],
        brandNewField={"a": 1},
    )
    assert short(verdict_on(seen, STAGES[stage])) == word


@pytest.mark.parametrize(
    ("position", "word"),
    [
        (P.OUT_UNCOMMITTED, "refuse:commit_first"),
        (P.OUT, f"send:{REPROTECT_TO_ONPREM}"),
        (P.SYNCING_HOME, "wait"),
        (P.READY, f"send:{FAILOVER_TO_ONPREM}"),
        (P.HOME_UNCOMMITTED, f"send:{COMMIT_TO_ONPREM}"),
        (P.HOME_UNPROTECTED, f"send:{REPROTECT_TO_AZURE}"),
        (P.SYNCING_OUT, "wait"),
        (P.HOME, "done"),
    ],
)
def test_a_whole_failback_is_one_line(position: Position, word: str) -> None:
    assert short(verdict_on(item(position=position), WAY_HOME)) == word


@pytest.mark.parametrize("position", list(Position))
def test_no_failback_ever_sends_a_machine_out(position: Position) -> None:
    decision = verdict_on(item(position=position), WAY_HOME)
    assert not (isinstance(decision, Send) and decision.operation.step == FAILOVER_TO_AZURE)


# -- the commits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "position", "step"),
    [(3, P.HOME_UNCOMMITTED, COMMIT_TO_ONPREM), (1, P.OUT_UNCOMMITTED, COMMIT_TO_AZURE)],
)
def test_a_commit_waits_for_a_person_when_asked_to(stage: int, position: Position, step: str) -> None:
    decision = verdict_on(item(position=position), STAGES[stage], Conditions(commit_when="manual"))
    assert isinstance(decision, Hold)
    assert decision.operation.step == step


def test_only_commits_wait_for_a_person() -> None:
    assert short(verdict_on(item(position=P.READY), STAGES[3], Conditions(commit_when="manual"))).startswith("send:")


# -- operations that are not allowed -----------------------------------------------------------------------------


def test_an_operation_that_is_not_allowed_is_refused_with_what_is() -> None:
    decision = verdict_on(item(position=P.HOME, allowedOperations=["TestFailoverCleanup"]), STAGES[1])
    assert isinstance(decision, Refusal)
    assert decision.code == "operation_not_allowed"
    assert "UnplannedFailover" in decision.reason
    assert "TestFailoverCleanup" in decision.reason


@pytest.mark.parametrize("stage", [1, 2, 3, 4])
@pytest.mark.parametrize("position", list(Position))
def test_a_busy_item_gets_no_request_and_is_not_given_up(stage: int, position: Position) -> None:
    """While busy allowedOperations is []: whatever the place, nothing is sent and nothing is refused."""
    assert short(verdict_on(item(position=position, allowedOperations=[]), STAGES[stage])) in ("wait", "done")


@pytest.mark.parametrize(
    ("stage", "position"), [(2, P.OUT), (3, P.READY), (3, P.HOME_UNCOMMITTED), (4, P.HOME_UNPROTECTED)]
)
def test_a_machine_with_work_left_waits_while_nothing_is_allowed(stage: int, position: Position) -> None:
    assert isinstance(verdict_on(item(position=position, allowedOperations=[]), STAGES[stage]), Wait)


# -- running jobs ------------------------------------------------------------------------------------------------


def busy(position: Position, name: str, job: str = "job-1") -> Item:
    return item(position=position, allowedOperations=[], currentScenario=scenario(name, job))


RUNNING = [
    (1, P.HOME, "UnplannedFailover", FAILOVER_TO_AZURE),
    (1, P.OUT_UNCOMMITTED, "CommitFailover", COMMIT_TO_AZURE),
    (2, P.OUT, "SwitchReplicationGroupProtection", REPROTECT_TO_ONPREM),
    (3, P.READY, "UnplannedFailover", FAILOVER_TO_ONPREM),
    (3, P.HOME_UNCOMMITTED, "CommitFailover", COMMIT_TO_ONPREM),
    (4, P.HOME_UNPROTECTED, "SwitchReplicationGroupProtection", REPROTECT_TO_AZURE),
]


@pytest.mark.parametrize(("stage", "position", "name", "step"), RUNNING)
def test_a_running_job_of_the_wanted_step_is_joined(stage: int, position: Position, name: str, step: str) -> None:
    decision = verdict_on(busy(position, name), STAGES[stage])
    assert isinstance(decision, Join)
    assert (decision.operation.step, decision.job) == (step, "job-1")


@pytest.mark.parametrize(("stage", "position", "name", "step"), RUNNING)
def test_our_own_job_is_waited_for(stage: int, position: Position, name: str, step: str) -> None:
    decision = verdict_on(busy(position, name), STAGES[stage], job="job-1")
    assert isinstance(decision, Wait)
    assert decision.operation is not None
    assert decision.operation.step == step


def test_a_running_job_is_joined_even_where_a_commit_would_wait_for_a_person() -> None:
    """Somebody has approved it already."""
    decision = verdict_on(busy(P.HOME_UNCOMMITTED, "CommitFailover"), STAGES[3], Conditions(commit_when="manual"))
    assert isinstance(decision, Join)


@pytest.mark.parametrize(
    ("stage", "position", "name", "word"),
    [
        (2, P.HOME, "UnplannedFailover", "refuse:commit_first"),
        (2, P.OUT_UNCOMMITTED, "CommitFailover", "wait"),
        (2, P.READY, "UnplannedFailover", "done"),
        (2, P.HOME_UNPROTECTED, "SwitchReplicationGroupProtection", "done"),
        (3, P.OUT, "SwitchReplicationGroupProtection", "refuse:synchronising_home"),
        (4, P.READY, "UnplannedFailover", "refuse:commit_home_first"),
        (4, P.HOME_UNCOMMITTED, "CommitFailover", "wait"),
        (1, P.OUT, "SwitchReplicationGroupProtection", "refuse:failback_in_progress"),
    ],
)
def test_a_step_of_another_route_is_judged_by_where_it_arrives(
    stage: int, position: Position, name: str, word: str
) -> None:
    assert short(verdict_on(busy(position, name), STAGES[stage])) == word


@pytest.mark.parametrize("name", ["RepairVMReplication", "UpdateMobilityService", "NeverSeenScenario"])
@pytest.mark.parametrize(
    ("stage", "position"), [(2, P.OUT), (3, P.READY), (3, P.HOME_UNCOMMITTED), (4, P.HOME_UNPROTECTED)]
)
def test_any_other_job_that_holds_a_machine_is_waited_out(stage: int, position: Position, name: str) -> None:
    assert isinstance(verdict_on(busy(position, name), STAGES[stage]), Wait)


# -- lists that lag ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "listed", "arrived"),
    [
        (1, P.HOME, P.OUT_UNCOMMITTED),
        (1, P.OUT_UNCOMMITTED, P.OUT),
        (2, P.OUT, P.SYNCING_HOME),
        (3, P.READY, P.HOME_UNCOMMITTED),
        (3, P.HOME_UNCOMMITTED, P.HOME_UNPROTECTED),
        (4, P.HOME_UNPROTECTED, P.SYNCING_OUT),
    ],
)
def test_a_judged_job_counts_before_a_list_that_lags(stage: int, listed: Position, arrived: Position) -> None:
    assert isinstance(verdict_on(item(position=listed), STAGES[stage], arrived=arrived), Wait)
    assert isinstance(verdict_on(item(position=listed), STAGES[stage]), Send)


def test_what_was_judged_never_holds_a_machine_that_has_moved_on() -> None:
    assert short(verdict_on(item(position=P.READY), WAY_HOME, arrived=P.SYNCING_HOME)) == f"send:{FAILOVER_TO_ONPREM}"


# -- waiting for the job only ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "position"), [(2, P.SYNCING_HOME), (4, P.SYNCING_OUT)])
def test_a_synchronisation_is_waited_for_unless_the_job_is_enough(stage: int, position: Position) -> None:
    assert isinstance(verdict_on(item(position=position), STAGES[stage]), Wait)
    assert isinstance(verdict_on(item(position=position), STAGES[stage], Conditions(wait_for="job")), Done)


# -- the agent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "position"), [(2, P.OUT), (4, P.HOME_UNPROTECTED)])
@pytest.mark.parametrize(
    ("minutes", "heartbeat", "kind"),
    [
        (5, START - timedelta(minutes=6), Wait),
        (5, START - timedelta(minutes=4), Send),
        (5, None, Send),
        (19, START - timedelta(minutes=60), Wait),
        (20, START - timedelta(minutes=60), Refusal),
        (600, START - timedelta(minutes=4), Send),
    ],
)
def test_a_reprotect_waits_for_the_agent_and_not_for_ever(
    stage: int, position: Position, minutes: int, heartbeat: Any, kind: type
) -> None:
    seen = item(
        position=position,
        lastSuccessfulFailoverTime=text(START - timedelta(minutes=minutes)),
        details={"lastHeartbeat": text(heartbeat)},
    )
    decision = verdict_on(seen, STAGES[stage], Conditions(agent_timeout=1200))
    assert isinstance(decision, kind)
    if isinstance(decision, Refusal):
        assert decision.code == "agent_not_registered"
        assert "20 minutes" in decision.reason
    # Whoever knows better than the heartbeat says so.
    assert isinstance(verdict_on(seen, STAGES[stage], Conditions(agent_timeout=0)), Send)


def test_a_failover_does_not_ask_for_the_agent() -> None:
    late = {"lastHeartbeat": text(START - timedelta(hours=9))}
    seen = item(position=P.READY, lastSuccessfulFailoverTime=text(START), details=late)
    assert isinstance(verdict_on(seen, STAGES[3]), Send)


# -- what is not understood --------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["A2A", "HyperVReplicaAzure", "InMageRcm", "FromTheFuture", ""])
@pytest.mark.parametrize("stage", [1, 2, 3, 4])
def test_a_strange_provider_is_refused(provider: str, stage: int) -> None:
    decision = verdict_on(item(details={"instanceType": provider}), STAGES[stage])
    assert isinstance(decision, Refusal)
    assert decision.code == "provider_not_supported"
    assert (provider or "an unnamed provider") in decision.reason


@pytest.mark.parametrize(
    ("location", "allowed"),
    [
        ("Unknown", ["SwitchProtection"]),
        ("", ["Commit"]),
        ("Recovery", ["DisableProtection"]),
        ("Recovery", ["Teleport"]),
    ],
)
@pytest.mark.parametrize("stage", [1, 2, 3, 4])
def test_what_cannot_be_placed_is_refused_with_what_was_seen(stage: int, location: str, allowed: list[str]) -> None:
    decision = verdict_on(item(activeLocation=location, allowedOperations=allowed), STAGES[stage])
    assert isinstance(decision, Refusal)
    assert decision.code == "not_understood"
    assert allowed[0] in decision.reason
    assert (location or "unknown") in decision.reason


def test_ids_and_names_play_no_part() -> None:
    seen = item(position=P.OUT)
    shouted = replace(seen, id=seen.id.upper(), name=seen.name.upper())
    assert short(verdict_on(shouted, STAGES[2])) == short(verdict_on(seen, STAGES[2]))
    assert shouted.key == seen.key


# -- projecting --------------------------------------------------------------------------------------------------


def projected(seen: Item, route: tuple[str, ...], policy: Conditions = VERIFIED) -> tuple[list[str], str, Any]:
    observed = Observed(seen, START)
    operations, end, where = project(decide(observed, route, CLASSIC, policy), observed, route, CLASSIC, policy)
    return [operation.step for operation in operations], short(end), where


@pytest.mark.parametrize(
    ("position", "steps", "end", "where"),
    [
        (P.OUT, list(WAY_HOME), "done", P.HOME),
        (P.SYNCING_HOME, list(WAY_HOME[1:]), "done", P.HOME),
        (P.READY, list(WAY_HOME[1:]), "done", P.HOME),
        (P.HOME_UNCOMMITTED, list(WAY_HOME[2:]), "done", P.HOME),
        (P.HOME_UNPROTECTED, list(WAY_HOME[3:]), "done", P.HOME),
        (P.SYNCING_OUT, [], "done", P.HOME),
        (P.HOME, [], "done", P.HOME),
        (P.OUT_UNCOMMITTED, [], "refuse:commit_first", P.OUT_UNCOMMITTED),
    ],
)
def test_each_steps_result_is_fed_into_the_next(
    position: Position, steps: list[str], end: str, where: Position
) -> None:
    assert projected(item(position=position), WAY_HOME) == (steps, end, where)


def test_a_projection_stops_where_a_person_is_asked() -> None:
    assert projected(item(position=P.OUT), WAY_HOME, Conditions(commit_when="manual")) == (
        [REPROTECT_TO_ONPREM, FAILOVER_TO_ONPREM],
        "hold",
        P.HOME_UNCOMMITTED,
    )


def test_a_projection_goes_on_from_a_running_job() -> None:
    assert projected(busy(P.OUT, "SwitchReplicationGroupProtection"), WAY_HOME) == (list(WAY_HOME[1:]), "done", P.HOME)


def test_a_projection_ends_where_nobody_knows_how_it_goes_on() -> None:
    steps, end, _where = projected(busy(P.OUT, "NeverSeenScenario"), WAY_HOME)
    assert (steps, end) == ([], "wait")


def test_the_steps_a_machine_still_has_before_it() -> None:
    assert tuple(steps_left(P.READY, WAY_HOME, CLASSIC, "classic")) == WAY_HOME[1:]
    assert tuple(steps_left(P.HOME, WAY_HOME, CLASSIC, "classic")) == ()
    assert set(POSITION_TEXT) == set(Position)


# -- a generation of another kind, by rows alone -----------------------------------------------------------------


def _operation(
    step: str, departs: set[Position], arrives: Position, settles: Position, permission: str, **rest: Any
) -> Operation:
    return Operation(
        generation="modernized",
        step=step,
        departs=frozenset(departs),
        arrives=arrives,
        settles=settles,
        permission=permission,
        body="none",
        scenarios=frozenset(),
        in_flight=frozenset(),
        **rest,
    )


RCM, BACK = "InMageRcm", "InMageRcmFailback"
#: asr-api.md 3.2 (SEEN RCM): reprotect departs without a commit, failing back is a planned failover.
MODERNIZED = CLASSIC + Lifecycle(
    places=(
        Place("modernized", P.HOME, RCM, "Primary", allows="UnplannedFailover"),
        Place("modernized", P.OUT_UNCOMMITTED, RCM, "Recovery", allows="Commit"),
        Place("modernized", P.OUT, RCM, "Recovery", allows="SwitchProtection", lacks=frozenset({"Commit"})),
        Place("modernized", P.READY, BACK, "Primary", allows="PlannedFailover"),
        Place("modernized", P.SYNCING_HOME, BACK, "Primary", lacks=frozenset({"PlannedFailover"})),
    ),
    operations=(
        _operation(
            REPROTECT_TO_ONPREM,
            {P.OUT, P.OUT_UNCOMMITTED},
            P.SYNCING_HOME,
            P.READY,
            "SwitchProtection",
            verb="reProtect",
            direction="RecoveryToPrimary",
            agent_sign="flag",
        ),
        _operation(
            FAILOVER_TO_ONPREM,
            {P.READY},
            P.HOME_UNCOMMITTED,
            P.HOME_UNCOMMITTED,
            "PlannedFailover",
            verb="plannedFailover",
            direction=None,
        ),
    ),
)


@pytest.mark.parametrize(
    ("number", "position", "stage_2", "stage_3"),
    [
        (94, P.HOME, "done", "done"),
        (130, P.OUT_UNCOMMITTED, "refuse:agent_not_registered", "refuse:reprotect_first"),
        (158, P.SYNCING_HOME, "wait", "refuse:synchronising_home"),
        (162, P.READY, "done", f"send:{FAILOVER_TO_ONPREM}"),
    ],
)
def test_a_recorded_modernized_item_goes_through_with_rows_alone(
    recording: Callable[[int], dict[str, Any]], number: int, position: Position, stage_2: str, stage_3: str
) -> None:
    seen = Item.parse(recording(number), VAULT)
    assert MODERNIZED.generation(seen) == "modernized"
    assert MODERNIZED.position(seen) is position
    # The clock is past the agent's budget; the test below looks at the wait for the agent.
    assert short(verdict_on(seen, STAGES[2], lifecycle=MODERNIZED)) == stage_2
    decision = verdict_on(seen, STAGES[3], lifecycle=MODERNIZED)
    assert short(decision) == stage_3
    if isinstance(decision, Send):
        assert (decision.operation.verb, decision.operation.permission) == ("plannedFailover", "PlannedFailover")
    assert short(verdict_on(seen, STAGES[2])) == "refuse:provider_not_supported"


def test_the_recorded_item_waits_for_its_agent_right_after_the_failover(
    recording: Callable[[int], dict[str, Any]],
) -> None:
    """SEEN RCM 130: the flag is false ten minutes after the failover began. Without the agent nothing is sent."""
    seen = Item.parse(recording(130), VAULT)
    assert seen.last_failover is not None
    soon = seen.last_failover + timedelta(minutes=11)
    assert isinstance(verdict_on(seen, STAGES[2], lifecycle=MODERNIZED, now=soon), Wait)
    late = soon + timedelta(minutes=10)
    assert short(verdict_on(seen, STAGES[2], lifecycle=MODERNIZED, now=late)) == "refuse:agent_not_registered"
    entry = recording(130)
    entry["properties"]["providerSpecificDetails"]["isAgentRegistrationSuccessfulAfterFailover"] = True
    registered = Item.parse(entry, VAULT)
    assert short(verdict_on(registered, STAGES[2], lifecycle=MODERNIZED, now=soon)) == f"send:{REPROTECT_TO_ONPREM}"


def test_rows_of_another_generation_change_nothing_for_classic_items() -> None:
    for stage, row in TABLE.items():
        for position, word in zip(COLUMNS, row, strict=True):
            assert short(verdict_on(item(position=position), STAGES[stage], lifecycle=MODERNIZED)) == word


def test_an_operation_that_is_missing_is_reported_with_the_vaults_own_health_errors() -> None:
    errors = [{"errorCode": "95011", "errorMessage": "Open port 443 to the appliance.", "errorLevel": "Error"}]
    policy = Conditions(confirmed=True)
    for position, allowed, step in (
        (P.HOME, ["TestFailoverCleanup"], "failover_to_azure"),
        (P.OUT, ["DisableProtection", "CompleteMigration"], "reprotect_to_onprem"),
    ):
        odd = item("web", position, allowedOperations=allowed, healthErrors=errors)
        refusal = decide(Observed(odd, START), (step,), LIFECYCLE, policy)
        assert isinstance(refusal, Refusal)
        assert "95011: Open port 443 to the appliance" in refusal.reason
