# SPDX-License-Identifier: GPL-3.0-or-later
"""A modernized vault taken through its whole circle: every wording, kills, lost replies, check mode, progress."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from builders import START, VAULT, WAY_HOME, of, order, stage, text
from modern import ALTERNATIVES, LOG, SCENARIOS, ModernWorld, P, rcm, rcm_json
from world import State

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import CANCEL_FAILOVER_TO_ONPREM
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.sync import Sync, about, amount, measure

HOME = [
    "reprotect_to_onprem",
    "failover_to_onprem",
    "commit_to_onprem",
    "reprotect_to_azure",
]


def cancel(*machines: str, **wishes: Any) -> Any:
    return order((CANCEL_FAILOVER_TO_ONPREM,), *machines, **{"confirm_cancel": True, **wishes})


@pytest.fixture
def modern() -> ModernWorld:
    return ModernWorld()


@pytest.mark.parametrize("scenarios", SCENARIOS)
@pytest.mark.parametrize("words", ALTERNATIVES)
@pytest.mark.parametrize("start", [P.OUT_UNCOMMITTED, P.OUT])
def test_a_whole_failback_under_every_wording(words: str, scenarios: str, start: P) -> None:
    world = ModernWorld(words=words, scenarios=scenarios)
    world.add("web", "db", position=start)
    result = world.go(order(WAY_HOME))
    assert {m["after"] for m in result["machines"]} == {"home"}
    # Requests of one step are sent in parallel and may arrive in any order.
    for step in HOME:
        assert sorted(name for name, sent in world.steps_sent() if sent == step) == ["db", "web"]
    for name in ("db", "web"):
        assert [step for sent, step in world.steps_sent() if sent == name] == HOME
    again = world.go(order(WAY_HOME))
    assert again["requests"]["writes"] == 0
    assert not again["changed"]


@pytest.mark.parametrize("words", ALTERNATIVES)
def test_a_run_that_forgets_everything_between_slices_goes_on_all_the_same(words: str) -> None:
    world = ModernWorld(words=words)
    world.add("web", "db", position=P.OUT_UNCOMMITTED)
    result = world.go(order(WAY_HOME), cursor_of=lambda _cursor, _number: None)
    assert {m["after"] for m in result["machines"]} == {"home"}
    assert sorted(world.steps_sent()) == sorted((name, step) for step in HOME for name in ("db", "web"))


@pytest.mark.parametrize("words", ALTERNATIVES)
@pytest.mark.parametrize(
    ("number", "position", "verb"),
    [
        (2, P.OUT_UNCOMMITTED, "reProtect"),
        (3, P.READY, "unplannedFailover"),
        (3, P.HOME_UNCOMMITTED, "failoverCommit"),
        (4, P.HOME_UNPROTECTED, "reProtect"),
    ],
)
@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_lost_reply_never_sends_twice(number: int, position: P, verb: str, fault: str, words: str) -> None:
    world = ModernWorld(words=words)
    world.add("web", position=position)
    world.faults["web", verb] = [fault]
    result = world.go(stage(number))
    assert of(result, "web")["done"] in ("started", "joined")
    assert len(world.accepted) == len({step for _name, step, _body in world.accepted})


@pytest.mark.parametrize(
    ("number", "position", "scenario"),
    [(2, P.OUT_UNCOMMITTED, "reProtect"), (3, P.READY, "plannedFailover"), (4, P.HOME_UNPROTECTED, "reProtect")],
)
@pytest.mark.parametrize("words", ALTERNATIVES)
def test_somebody_elses_operation_is_joined(number: int, position: P, scenario: str, words: str) -> None:
    world = ModernWorld(words=words)
    world.add("web", position=position)
    world.act(rcm_json("web")["id"], scenario, None)
    world.accepted.clear()
    result = world.go(stage(number))
    assert of(result, "web")["done"] in ("joined", "started")
    assert "reprotect_to_onprem" not in [step for _name, step, _body in world.accepted if number != 2]


def test_check_mode_plans_the_whole_way_and_sends_nothing(modern: ModernWorld) -> None:
    modern.add("web", position=P.OUT_UNCOMMITTED)
    result = modern.slice(order(WAY_HOME, check=True))
    assert [(p["step"], p["operation"]) for p in result["plan"]] == list(
        zip(HOME, ["reProtect", "plannedFailover", "failoverCommit", "reProtect"], strict=True)
    )
    assert modern.accepted == []
    first = result["plan"][0]["body"]["properties"]["providerSpecificDetails"]
    assert first == {
        "instanceType": "InMageRcm",
        "reprotectAgentId": "id-a1",
        "datastoreName": "ds1",
        "logStorageAccountId": LOG,
    }
    assert result["plan"][3]["body"]["properties"]["providerSpecificDetails"] == {
        "instanceType": "InMageRcmFailback",
        "processServerId": "id-a1",
        "policyId": f"{VAULT.id}/replicationPolicies/daily",
        "runAsAccountId": "/subscriptions/x/runasaccounts/a1",
    }


def test_the_way_out_of_home(modern: ModernWorld) -> None:
    modern.add("web", position=P.HOME)
    result = modern.go(stage(1))
    assert of(result, "web")["after"] == "out"
    sent = modern.accepted[0][2]["properties"]
    assert sent["providerSpecificDetails"]["performShutdown"] == "true"


@pytest.mark.parametrize(
    ("point", "sent"),
    [
        ("latest", "CrashConsistent"),
        ("latest_crash_consistent", "CrashConsistent"),
        ("latest_app_consistent", "ApplicationConsistent"),
    ],
)
def test_the_points_of_a_planned_failover(modern: ModernWorld, point: str, sent: str) -> None:
    modern.add("web", position=P.READY)
    modern.go(order(("failover_to_onprem",), recovery_point=point))
    assert modern.accepted[0][2]["properties"]["providerSpecificDetails"]["recoveryPointType"] == sent


def test_a_point_the_planned_failover_does_not_know_is_refused_at_once(modern: ModernWorld) -> None:
    modern.add("web", position=P.READY)
    with pytest.raises(InputError, match="latest_processed"):
        modern.slice(order(("failover_to_onprem",), recovery_point="latest_processed"))


# -- taking a failover back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ALTERNATIVES)
def test_a_failover_is_cancelled_once_and_only_when_asked(words: str) -> None:
    world = ModernWorld(words=words)
    world.add("web", position=P.READY)
    world.go(order(("failover_to_onprem",)))
    result = world.go(cancel("web"))
    assert (of(result, "web")["before"], of(result, "web")["after"]) == ("home_uncommitted", "ready")
    assert world.steps_sent()[-1] == ("web", CANCEL_FAILOVER_TO_ONPREM)
    again = world.go(cancel("web"))
    assert (again["requests"]["writes"], again["changed"]) == (0, False)


@pytest.mark.parametrize(
    ("wishes", "machines", "words"),
    [
        ({"confirm_cancel": False}, ("web",), "not confirmed"),
        ({}, ("all",), "'all'"),
        ({}, ("w*",), "'w\\*'"),
        ({"groups": ("shop",)}, ("web",), "groups"),
    ],
)
def test_a_failover_is_not_cancelled_by_accident(
    modern: ModernWorld, wishes: dict[str, Any], machines: tuple[str, ...], words: str
) -> None:
    modern.add("web", position=P.HOME_UNCOMMITTED)
    with pytest.raises(InputError, match=words):
        modern.slice(cancel(*machines, **wishes))
    assert modern.accepted == []


# -- what a run says -----------------------------------------------------------------------------------------------


def test_the_generation_is_said_in_one_sentence(modern: ModernWorld) -> None:
    modern.add("web", position=P.HOME)
    (note,) = modern.go(stage(4))["vaults"]
    assert note["generation"] == "modernized"
    assert note["note"].count(".") == 1


def test_progress_reports_bytes_percentage_and_an_estimate_while_it_synchronises() -> None:
    world = ModernWorld()
    world.add("web", position=P.SYNCING_HOME)
    began = text(world.now)

    def show(name: str, state: State) -> dict[str, Any]:
        found = rcm_json(name, state.position)
        done = min(100, int((world.now - START).total_seconds() / 9.9))
        disk = found["properties"]["providerSpecificDetails"]["protectedDisks"][0]
        disk["irDetails"] = {"transferredBytes": done * 10_000_000, "progressPercentage": done, "startTime": began}
        disk["dataPendingAtSourceAgentInMB"] = 3.5
        return found

    world.show = show  # type: ignore[method-assign]
    world.advance(495)
    result = world.slice(stage(2, slice_seconds=1.0))
    sync = of(result, "web")["sync"]
    assert sync["percentage"] == 50
    assert (sync["transferred_bytes"], sync["total_bytes"]) == (500_000_000, 1 << 30)
    assert sync["pending_bytes"] == int(3.5 * (1 << 20))
    assert sync["eta_seconds"] == pytest.approx(495, abs=12)
    assert "(50%, 477 MB of 1.0 GB, 3.5 MB pending, about 8 min left)" in result["progress"]["waiting_for"]
    assert of(world.go(stage(2)), "web")["sync"] is None


def test_nothing_is_said_of_a_synchronisation_that_reports_nothing(recording: Callable[[int], Any]) -> None:
    seen = Item.parse(recording(158), VAULT)
    assert measure(seen, START) == Sync(
        transferred_bytes=0, total_bytes=42949672960, pending_bytes=round(0.21875 * (1 << 20))
    )
    assert measure(seen, START).words == ""
    bare = rcm(position=P.SYNCING_HOME)
    assert not measure(bare, START).told


LATER = START + timedelta(minutes=10)


def disk(percentage: float | None, minutes: float | None = None, size: int = 100) -> dict[str, Any]:
    began = text(LATER - timedelta(minutes=minutes)) if minutes is not None else None
    return {"capacityInBytes": size, "irDetails": {"progressPercentage": percentage, "startTime": began}}


@pytest.mark.parametrize(
    ("disks", "before", "percentage", "eta"),
    [
        # The slowest disk decides; a disk that has arrived does not.
        ([disk(50, 10), disk(100, 10)], None, 75.0, 600),
        ([disk(50, 10), disk(10, 10)], None, 30.0, 5400),
        ([disk(50, 10, 300), disk(10, 10, 100)], None, 40.0, 5400),
        # No beginning told: this run's own first look, if it is long enough ago and something has moved since.
        ([disk(50)], (START, 25.0), 50.0, 1200),
        ([disk(50)], (LATER - timedelta(seconds=29), 25.0), 50.0, None),
        ([disk(50)], (START, 50.0), 50.0, None),
        ([disk(50)], None, 50.0, None),
        # Nothing yet, or everything: no estimate.
        ([disk(0, 10)], None, 0.0, None),
        ([disk(100, 10)], None, 100.0, None),
        # One disk that does not report leaves the whole unknown.
        ([disk(50, 10), disk(None)], None, None, None),
    ],
)
def test_an_estimate_is_made_where_it_can_be(
    disks: list[dict[str, Any]], before: Any, percentage: float | None, eta: int | None
) -> None:
    told = measure(rcm(position=P.SYNCING_HOME, details={"protectedDisks": disks}), LATER, before)
    assert (told.percentage, told.eta_seconds) == (percentage, eta)


def test_the_items_own_words_come_before_its_disks() -> None:
    details = {
        "protectedDisks": [disk(10, 10)],
        "initialReplicationProgressPercentage": "40",
        "initialReplicationTransferredBytes": 77,
    }
    told = measure(rcm(position=P.SYNCING_HOME, details=details), LATER)
    assert (told.percentage, told.transferred_bytes) == (40.0, 77)


def test_classic_disks_report_percentages_and_durations() -> None:
    details = {
        "totalDataTransferred": -1,
        "protectedDisks": [
            {"diskCapacityInBytes": 100, "resyncProgressPercentage": 25, "resyncDurationInSeconds": 300},
            {"diskCapacityInBytes": 100, "resyncProgressPercentage": 75, "resyncDurationInSeconds": 300},
        ],
    }
    told = measure(rcm(position=P.SYNCING_HOME, details=details), LATER)
    assert told == Sync(50.0, None, 200, None, 900)


@pytest.mark.parametrize(
    ("number", "words"), [(512, "512 B"), (3 << 20, "3.0 MB"), (477 << 20, "477 MB"), (13207024435, "12.3 GB")]
)
def test_bytes_in_words(number: int, words: str) -> None:
    assert amount(number) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "1 min"), (840, "14 min"), (7200, "2 h"), (9000, "2.5 h"), (200000, "2.3 days")]
)
def test_estimates_in_words(seconds: int, words: str) -> None:
    assert about(seconds) == words
