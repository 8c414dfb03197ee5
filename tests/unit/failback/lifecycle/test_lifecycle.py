# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the classic life cycle, one by one, against asr-api.md 2.3, 3.1 and 4."""

from __future__ import annotations

from typing import Any

import pytest
from builders import LOOKS, item, scenario
from world import FLOW, SYNCS

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.bodies import BUILDERS
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.classic import CLASSIC
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import (
    CANCEL_FAILOVER_TO_ONPREM,
    DONE,
    POSITION_TEXT,
    REFUSALS,
    SEND,
    STEP_TEXT,
    STEPS,
    VERDICTS,
    WAIT,
    Lifecycle,
    Place,
    Position,
    ordered,
)

P = Position


@pytest.mark.parametrize("position", list(Position))
def test_each_position_is_recognised_by_its_look(position: Position) -> None:
    assert CLASSIC.position(item(position=position)) is position


@pytest.mark.parametrize("position", list(Position))
def test_neither_the_text_of_a_state_nor_further_operations_move_a_position(position: Position) -> None:
    allowed = [*LOOKS[position][2], "TeleportMachine"]
    seen = item(position=position, protectionState="NeverHeardOf", allowedOperations=allowed)
    assert CLASSIC.position(seen) is position


@pytest.mark.parametrize(
    ("instance", "location", "allowed", "expected"),
    [
        # A test failover that waits for its clean-up, and the state it leaves for good.
        ("InMageAzureV2", "Primary", ["TestFailoverCleanup"], P.HOME),
        ("InMageAzureV2", "Primary", [], P.SYNCING_OUT),
        # Commit beside SwitchProtection is not committed yet.
        ("InMageAzureV2", "Recovery", ["SwitchProtection", "Commit"], P.OUT_UNCOMMITTED),
        ("InMage", "Recovery", ["SwitchProtection", "Commit"], P.HOME_UNCOMMITTED),
        ("InMageAzureV2", "Recovery", [], None),
        ("InMage", "Recovery", [], None),
        ("InMageAzureV2", "Recovery", ["DisableProtection"], None),
        ("InMageAzureV2", "Unknown", ["UnplannedFailover"], None),
        ("InMage", "", ["UnplannedFailover"], None),
        ("A2A", "Primary", ["UnplannedFailover"], None),
    ],
)
def test_looks_at_the_edges(instance: str, location: str, allowed: list[str], expected: Position | None) -> None:
    seen = item(details={"instanceType": instance}, activeLocation=location, allowedOperations=allowed)
    assert CLASSIC.position(seen) is expected


#: step -> departs, arrives, settles, permission, verb, direction, body, agent sign, points, named point.
ROWS: dict[str, tuple[Any, ...]] = {
    "failover_to_azure": (
        P.HOME,
        P.OUT_UNCOMMITTED,
        P.OUT_UNCOMMITTED,
        "UnplannedFailover",
        "unplannedFailover",
        "PrimaryToRecovery",
        "classic_failover_to_azure",
        None,
        ["latest", "latest_processed", "latest_app_consistent", "latest_crash_consistent"],
        True,
    ),
    "commit_to_azure": (P.OUT_UNCOMMITTED, P.OUT, P.OUT, "Commit", "failoverCommit", None, None, None, [], False),
    "reprotect_to_onprem": (
        P.OUT,
        P.SYNCING_HOME,
        P.READY,
        "SwitchProtection",
        "reProtect",
        "RecoveryToPrimary",
        "classic_reprotect_to_onprem",
        "heartbeat",
        [],
        False,
    ),
    "failover_to_onprem": (
        P.READY,
        P.HOME_UNCOMMITTED,
        P.HOME_UNCOMMITTED,
        "UnplannedFailover",
        "unplannedFailover",
        "PrimaryToRecovery",
        "classic_failover_to_onprem",
        None,
        ["latest", "latest_app_consistent"],
        True,
    ),
    "commit_to_onprem": (
        P.HOME_UNCOMMITTED,
        P.HOME_UNPROTECTED,
        P.HOME_UNPROTECTED,
        "Commit",
        "failoverCommit",
        None,
        None,
        None,
        [],
        False,
    ),
    "reprotect_to_azure": (
        P.HOME_UNPROTECTED,
        P.SYNCING_OUT,
        P.HOME,
        "SwitchProtection",
        "reProtect",
        "RecoveryToPrimary",
        "classic_reprotect_to_azure",
        "heartbeat",
        [],
        False,
    ),
}


@pytest.mark.parametrize("step", ROWS)
def test_each_step(step: str) -> None:
    departs, arrives, settles, permission, verb, direction, body, sign, points, named = ROWS[step]
    operation = CLASSIC.operation("classic", step)
    assert operation is not None
    assert operation.departs == {departs}
    assert (operation.arrives, operation.settles) == (arrives, settles)
    assert (operation.permission, operation.verb, operation.direction, operation.body) == (
        permission,
        verb,
        direction,
        body,
    )
    assert (operation.agent_sign, list(operation.points), operation.named_point) == (sign, points, named)
    assert operation.body is None or operation.body in BUILDERS
    assert operation.permission in LOOKS[departs][2]


def test_the_rows_are_the_circle_of_the_scripted_vault() -> None:
    """Two tables written apart agree: where each request leads, and what follows of itself."""
    found = {}
    for operation in CLASSIC.operations:
        for position in operation.departs:
            found[position, operation.verb] = (operation.step, operation.arrives, next(iter(operation.scenarios)))
    assert found == {key: value[:3] for key, value in FLOW.items()}
    assert {s.arrives: s.settles for s in CLASSIC.operations if s.arrives is not s.settles} == {
        start: end for start, (end, _seconds) in SYNCS.items()
    }
    assert set(ROWS) == set(STEPS) == {s.step for s in CLASSIC.operations}


@pytest.mark.parametrize(
    ("instance", "location", "name", "step"),
    [
        ("InMageAzureV2", "Primary", "UnplannedFailover", "failover_to_azure"),
        ("InMageAzureV2", "Recovery", "UnplannedFailover", "failover_to_azure"),
        ("InMageAzureV2", "Recovery", "CommitFailover", "commit_to_azure"),
        ("InMageAzureV2", "Recovery", "SwitchReplicationGroupProtection", "reprotect_to_onprem"),
        ("InMage", "Primary", "SwitchReplicationGroupProtection", "reprotect_to_onprem"),
        ("InMage", "Primary", "UnplannedFailover", "failover_to_onprem"),
        ("InMage", "Recovery", "UnplannedFailover", "failover_to_onprem"),
        ("InMage", "Recovery", "CommitFailover", "commit_to_onprem"),
        ("InMage", "Recovery", "SwitchReplicationGroupProtection", "reprotect_to_azure"),
        ("InMageAzureV2", "Primary", "SwitchReplicationGroupProtection", "reprotect_to_azure"),
        ("InMageAzureV2", "Primary", "TestFailover", None),
        ("InMage", "Primary", "RepairVMReplication", None),
        ("InMageAzureV2", "Unknown", "SwitchReplicationGroupProtection", None),
        ("A2A", "Primary", "UnplannedFailover", None),
    ],
)
def test_the_step_that_a_running_job_belongs_to(instance: str, location: str, name: str, step: str | None) -> None:
    busy = item(
        details={"instanceType": instance},
        activeLocation=location,
        allowedOperations=[],
        currentScenario=scenario(name),
    )
    running = CLASSIC.running(busy)
    assert (running.step if running else None) == step
    if step is not None:
        assert CLASSIC.standing(busy) == STEP_TEXT[step]


def test_an_idle_item_has_its_position_and_a_strange_one_none() -> None:
    assert CLASSIC.running(item()) is None
    assert CLASSIC.standing(item(position=P.READY)) == "ready"
    assert CLASSIC.standing(item(activeLocation="Elsewhere")) == "unknown"


def test_generations_are_recognised_by_the_provider_alone() -> None:
    assert {CLASSIC.generation(item(details={"instanceType": t})) for t in ("InMageAzureV2", "InMage")} == {"classic"}
    for strange in ("InMageRcm", "A2A", "HyperVReplicaAzure", "inmage", ""):
        assert CLASSIC.generation(item(details={"instanceType": strange})) is None


def test_a_generation_is_added_as_rows() -> None:
    added = CLASSIC + Lifecycle((Place("next", P.HOME, "Next", "Primary"),), ())
    assert added.position(item(details={"instanceType": "Next"}, activeLocation="Primary")) is P.HOME
    assert added.position(item(position=P.READY)) is P.READY
    assert CLASSIC.generation(item(details={"instanceType": "Next"})) is None


def test_every_step_has_a_word_for_every_position_and_every_refusal_a_text() -> None:
    assert set(VERDICTS) == {*STEPS, CANCEL_FAILOVER_TO_ONPREM} == set(STEP_TEXT)
    words = set()
    for step in VERDICTS:
        assert set(VERDICTS[step]) == set(Position) == set(POSITION_TEXT)
        words |= set(VERDICTS[step].values())
    assert words - {SEND, WAIT, DONE} == set(REFUSALS)
    for reason, remedy in REFUSALS.values():
        assert reason.endswith(".")
        assert remedy.endswith(".")


def test_each_step_is_sent_exactly_from_where_it_departs() -> None:
    for operation in CLASSIC.operations:
        assert {p for p, word in VERDICTS[operation.step].items() if word == SEND} == operation.departs


def test_a_route_is_run_in_order_whatever_order_it_is_given_in() -> None:
    assert ordered(reversed(STEPS)) == STEPS
    assert ordered(["reprotect_to_azure", "reprotect_to_onprem", "nonsense"]) == (
        "reprotect_to_onprem",
        "reprotect_to_azure",
    )
