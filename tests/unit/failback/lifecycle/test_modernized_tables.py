# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the modernized generation, recorded ones and every plausible way of saying what was never recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from builders import STAGES, START, VAULT, WAY_HOME, item, scenario, text
from modern import ALTERNATIVES, BACK, LOOKS, OUT, P, rcm
from test_decide import VERIFIED, short, verdict_on

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.decide import Done, Join, Send, Wait
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.modernized import (
    LIFECYCLE,
    MODERNIZED,
    NOTES,
    RETIRED_LEFT,
    retired,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import (
    CANCEL_FAILOVER_TO_ONPREM,
    SEND,
    STEPS,
    VERDICTS,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal

CANCEL = (CANCEL_FAILOVER_TO_ONPREM,)


def on(seen: Item, route: tuple[str, ...], **known: Any) -> Any:
    return verdict_on(seen, route, lifecycle=LIFECYCLE, **known)


@pytest.mark.parametrize("words", ALTERNATIVES)
@pytest.mark.parametrize("position", LOOKS)
def test_every_row_is_recognised_whatever_its_words(position: P, words: str) -> None:
    seen = rcm(position=position, words=words)
    assert LIFECYCLE.generation(seen) == "modernized"
    assert LIFECYCLE.position(seen) is position


@pytest.mark.parametrize(
    ("number", "position"),
    [(82, P.SYNCING_OUT), (94, P.HOME), (130, P.OUT_UNCOMMITTED), (158, P.SYNCING_HOME), (162, P.READY)],
)
def test_recorded_items_have_the_positions_they_had(
    recording: Callable[[int], dict[str, Any]], number: int, position: P
) -> None:
    assert LIFECYCLE.position(Item.parse(recording(number), VAULT)) is position


@pytest.mark.parametrize("words", ["CancelFailover", "FailoverCancel"])
@pytest.mark.parametrize("location", ["Primary", "Recovery", ""])
def test_the_way_back_alone_marks_a_failed_over_item_but_permits_no_commit(words: str, location: str) -> None:
    seen = rcm(position=P.READY, activeLocation=location, allowedOperations=[words])
    assert LIFECYCLE.position(seen) is P.HOME_UNCOMMITTED
    assert short(on(seen, STAGES[3])) == "refuse:operation_not_allowed"
    assert isinstance(on(seen, CANCEL), Send)


def test_a_completed_migration_is_no_synchronisation() -> None:
    seen = rcm(position=P.READY, allowedOperations=["CompleteMigration", "DisableProtection"])
    assert LIFECYCLE.position(seen) is None
    assert short(on(seen, STAGES[3])) == "refuse:not_understood"


OPERATIONS = {
    # step -> departs, arrives, settles, permission, verb, direction, body, agent's sign
    "failover_to_azure": (
        {P.HOME},
        P.OUT_UNCOMMITTED,
        P.OUT_UNCOMMITTED,
        "UnplannedFailover",
        "unplannedFailover",
        "PrimaryToRecovery",
        None,
    ),
    "commit_to_azure": ({P.OUT_UNCOMMITTED}, P.OUT, P.OUT, "Commit", "failoverCommit", None, None),
    "reprotect_to_onprem": (
        {P.OUT, P.OUT_UNCOMMITTED},
        P.SYNCING_HOME,
        P.READY,
        "SwitchProtection",
        "reProtect",
        "RecoveryToPrimary",
        "flag",
    ),
    "failover_to_onprem": (
        {P.READY},
        P.HOME_UNCOMMITTED,
        P.HOME_UNCOMMITTED,
        "PlannedFailover",
        "plannedFailover",
        None,
        None,
    ),
    "commit_to_onprem": (
        {P.HOME_UNCOMMITTED},
        P.HOME_UNPROTECTED,
        P.HOME_UNPROTECTED,
        "Commit",
        "failoverCommit",
        None,
        None,
    ),
    "reprotect_to_azure": (
        {P.HOME_UNPROTECTED},
        P.SYNCING_OUT,
        P.HOME,
        "SwitchProtection",
        "reProtect",
        "PrimaryToRecovery",
        "flag",
    ),
    CANCEL_FAILOVER_TO_ONPREM: ({P.HOME_UNCOMMITTED}, P.READY, P.READY, "Commit", "failoverCancel", None, None),
}


@pytest.mark.parametrize("step", OPERATIONS)
def test_each_step_is_what_the_facts_say(step: str) -> None:
    operation = MODERNIZED.operation("modernized", step)
    assert operation is not None
    said = (
        set(operation.departs),
        operation.arrives,
        operation.settles,
        operation.permission,
        operation.verb,
        operation.direction,
        operation.agent_sign,
    )
    assert said == OPERATIONS[step]


def test_there_is_a_step_for_every_step_and_one_beside_the_way() -> None:
    assert [s.step for s in MODERNIZED.operations] == [*STEPS, CANCEL_FAILOVER_TO_ONPREM]
    assert SEND not in VERDICTS[CANCEL_FAILOVER_TO_ONPREM].values()


@pytest.mark.parametrize("words", ALTERNATIVES)
@pytest.mark.parametrize(
    ("position", "verdicts"),
    [
        (P.OUT_UNCOMMITTED, ["done", "send:reprotect_to_onprem", "refuse:reprotect_first", "refuse:reprotect_first"]),
        (P.OUT, ["done", "send:reprotect_to_onprem", "refuse:reprotect_first", "refuse:reprotect_first"]),
        (
            P.SYNCING_HOME,
            ["refuse:failback_in_progress", "wait", "refuse:synchronising_home", "refuse:synchronising_home"],
        ),
        (P.READY, ["refuse:failback_in_progress", "done", "send:failover_to_onprem", "refuse:failover_home_first"]),
        (
            P.HOME_UNCOMMITTED,
            ["refuse:failback_in_progress", "done", "send:commit_to_onprem", "refuse:commit_home_first"],
        ),
        (P.HOME_UNPROTECTED, ["refuse:protect_first", "done", "done", "send:reprotect_to_azure"]),
        (P.SYNCING_OUT, ["refuse:synchronising_to_azure", "done", "done", "wait"]),
        (P.HOME, ["send:failover_to_azure", "done", "done", "done"]),
    ],
)
def test_what_each_stage_makes_of_each_position(position: P, verdicts: list[str], words: str) -> None:
    seen = rcm(position=position, words=words, details={"isAgentRegistrationSuccessfulAfterFailover": True})
    if position is P.OUT_UNCOMMITTED:
        verdicts = ["send:commit_to_azure", *verdicts[1:]]
    assert [short(on(seen, STAGES[number])) for number in (1, 2, 3, 4)] == verdicts


# -- operations under way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "instance", "location", "name"),
    [
        ("failover_to_azure", OUT, "Primary", "UnplannedFailover"),
        ("commit_to_azure", OUT, "Recovery", "CommitFailover"),
        ("reprotect_to_onprem", OUT, "Recovery", "SwitchReplicationGroupProtection"),
        ("reprotect_to_onprem", BACK, "Primary", "SwitchReplicationGroupProtection"),
        ("failover_to_onprem", BACK, "Primary", "PlannedFailover"),
        ("failover_to_onprem", BACK, "Recovery", "UnplannedFailover"),
        ("commit_to_onprem", BACK, "Recovery", "CommitFailover"),
        ("reprotect_to_azure", BACK, "Recovery", "SwitchReplicationGroupProtection"),
        ("reprotect_to_azure", OUT, "Primary", "SwitchProtection"),
        (CANCEL_FAILOVER_TO_ONPREM, BACK, "Recovery", "CancelFailover"),
    ],
)
def test_a_running_job_is_joined_by_the_route_it_belongs_to(step: str, instance: str, location: str, name: str) -> None:
    seen = busy(instance, location, name)
    decision = on(seen, (step,))
    assert isinstance(decision, Join)
    assert (decision.operation.step, decision.job) == (step, "job-1")


def busy(instance: str, location: str, name: str, **details: Any) -> Item:
    return rcm(
        position=P.READY if instance == BACK else P.OUT,
        activeLocation=location,
        allowedOperations=[],
        currentScenario=scenario(name),
        details={"instanceType": instance, **details},
    )


def test_a_reprotect_that_fits_both_ways_is_never_guessed_at() -> None:
    seen = busy(BACK, "Primary", "SwitchReplicationGroupProtection")
    assert {s.step for s in LIFECYCLE.candidates(seen)} == {"reprotect_to_onprem", "reprotect_to_azure"}
    for step in ("reprotect_to_onprem", "reprotect_to_azure"):
        decision = on(seen, (step,))
        assert isinstance(decision, Join)
        assert decision.operation.step == step
    # Whose route has neither waits for the end, where the item's own words tell.
    assert on(seen, STAGES[3]) == Wait("another operation is running on it")


def test_the_last_planned_failover_decides_between_equals() -> None:
    home = busy(BACK, "Primary", "SwitchReplicationGroupProtection", lastPlannedFailoverStatus="Succeeded")
    away = busy(BACK, "Primary", "SwitchReplicationGroupProtection", lastPlannedFailoverStatus="Cancelled")
    assert LIFECYCLE.standing(home) == "reprotecting to Azure"
    assert LIFECYCLE.standing(away) == "reprotecting to on-premises"
    assert LIFECYCLE.standing(home, STAGES[2]) == "reprotecting to on-premises"


# -- the agent -----------------------------------------------------------------------------------------------------


def test_a_reprotect_waits_for_the_flag_and_no_longer_than_its_budget() -> None:
    def seen(flag: bool | None) -> Item:
        return rcm(
            position=P.OUT_UNCOMMITTED,
            lastSuccessfulFailoverTime=text(START),
            details={"isAgentRegistrationSuccessfulAfterFailover": flag},
        )

    soon, late = START + timedelta(minutes=19), START + timedelta(minutes=20)
    assert isinstance(on(seen(False), STAGES[2], now=soon), Wait)
    assert isinstance(on(seen(False), STAGES[2], now=late), Refusal)
    assert isinstance(on(seen(True), STAGES[2], now=late), Send)
    assert isinstance(on(seen(True), STAGES[2], now=START), Send)
    assert isinstance(on(seen(None), STAGES[2], now=START), Send)


def test_an_item_that_does_not_report_its_failover_has_its_budget_from_the_first_look() -> None:
    seen = rcm(position=P.HOME_UNPROTECTED, details={"isAgentRegistrationSuccessfulAfterFailover": False})
    assert seen.last_failover is None
    later = START + timedelta(minutes=20)
    assert isinstance(on(seen, STAGES[4], now=START, since=START), Wait)
    assert isinstance(on(seen, STAGES[4], now=later, since=START), Refusal)


def test_the_start_of_the_last_planned_failover_stands_in_for_a_time_that_vanished() -> None:
    seen = rcm(position=P.HOME_UNPROTECTED, details={"lastPlannedFailoverStartTime": text(START)})
    assert seen.last_failover == START


# -- taking a failover back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ALTERNATIVES)
def test_only_what_waits_for_its_commit_is_cancelled(words: str) -> None:
    verdicts = {p: short(on(rcm(position=p, words=words), CANCEL)) for p in P}
    assert verdicts.pop(P.HOME_UNCOMMITTED) == f"send:{CANCEL_FAILOVER_TO_ONPREM}"
    assert verdicts.pop(P.READY) == "done"
    assert set(verdicts.values()) == {"refuse:nothing_to_cancel"}


def test_a_failover_in_progress_is_never_cancelled() -> None:
    decision = on(busy(BACK, "Primary", "PlannedFailover"), CANCEL)
    assert isinstance(decision, Refusal)
    assert decision.code == "failover_running"


def test_a_classic_failover_is_not_cancelled() -> None:
    assert short(on(item(position=P.HOME_UNCOMMITTED), CANCEL)) == "refuse:cancel_not_offered"


def test_no_stage_and_no_failback_contains_the_cancellation() -> None:
    assert CANCEL_FAILOVER_TO_ONPREM not in {*WAY_HOME, *STEPS}
    for position in P:
        for words in ALTERNATIVES:
            for route in (*STAGES.values(), WAY_HOME):
                decision = on(rcm(position=position, words=words), route, policy=VERIFIED)
                assert not (isinstance(decision, Send) and decision.operation.verb == "failoverCancel")


# -- generations ---------------------------------------------------------------------------------------------------


def test_classic_items_are_decided_as_before() -> None:
    assert isinstance(on(item(position=P.HOME), STAGES[4]), Done)
    assert short(on(item(position=P.OUT_UNCOMMITTED), STAGES[2])) == "refuse:commit_first"


def test_every_generation_says_what_follows_from_it() -> None:
    assert set(NOTES) == {p.generation for p in LIFECYCLE.places}
    assert all(note.endswith(".") for note in NOTES.values())


@pytest.mark.parametrize("position", [*P, None])
def test_a_refusal_for_the_retirement_says_what_is_left(position: P | None) -> None:
    surely, left = retired("classic", position, "ClassicRetired Operations are no longer supported.")
    assert surely
    assert left.startswith("Classic replication is retired.")
    assert (RETIRED_LEFT[position] if position else "Microsoft support") in left
    perhaps, hint = retired("classic", position, "Something else.")
    assert not perhaps
    assert hint.startswith("If the cause is the retirement")
    assert retired("modernized", position, "It is retired.") == (False, "")
