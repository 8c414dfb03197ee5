# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates before a failover home and its commit: each open, shut and accepted, both generations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from builders import START, error_json, job_json, of, order, policy_json, scenario, stage, text
from builders import item as classic
from modern import ModernWorld, rcm
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.failed_failover import (
    failed_failover,
    failed_gate,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.gates import (
    RPO_LIMIT,
    WORDS,
    copy_gates,
    passed,
    point_gate,
    way_on,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import Policy
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.texts import age
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import validate

READY = Position.READY
OLD = text(START - timedelta(days=5))
Build = Callable[..., Item]


def health(code: str, level: str = "Error", category: str = "Replication") -> dict[str, Any]:
    return {"errorCode": code, "errorLevel": level, "errorCategory": category, "errorMessage": f"It says {code}."}


def gates(item: Item, limit: float = RPO_LIMIT, chosen: bool = False) -> list[str]:
    return [gate.code for gate in copy_gates(item, START, limit, chosen)]


def disk(**fields: Any) -> dict[str, Any]:
    return {"details": {"protectedDisks": [{"diskId": "0", "diskName": "disk0"}, {"diskName": "disk1", **fields}]}}


#: What an item of either generation may say of its copy -> the gates that shut.
BOTH: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"replicationHealth": "Warning"}, []),
    ({"replicationHealth": "Critical"}, ["replication_health"]),
    ({"replicationHealth": "Critical", "healthErrors": [health("78144")]}, ["replication_health"]),
    ({"replicationHealth": "Warning", "healthErrors": [health("78026", "Warning")]}, ["replication_health"]),
    ({"healthErrors": [health("78028")]}, ["replication_health"]),
    ({"healthErrors": [{"errorLevel": "Warning", "innerHealthErrors": [health("1")]}]}, ["replication_health"]),
    # What says nothing of the copy.
    ({"replicationHealth": "Warning", "healthErrors": [health("161011", "Warning", "TestFailover")]}, []),
    ({"replicationHealth": "Warning", "healthErrors": [health("9", "Warning", "Configuration")]}, []),
    ({"failoverHealth": "Warning"}, []),
    ({"failoverHealth": "Critical"}, ["failover_health"]),
    # Unknown is not a yes.
    ({"replicationHealth": None}, ["replication_health"]),
    ({"replicationHealth": "None"}, ["replication_health"]),
    ({"replicationHealth": "Purple"}, ["replication_health"]),
    ({"details": {"rpoInSeconds": 432000}}, ["rpo"]),
    ({"details": {"rpoInSeconds": "901"}}, ["rpo"]),
    ({"details": {"rpoInSeconds": 900}}, []),
    ({"details": {"lastRpoInSeconds": 5000}}, ["rpo"]),
    ({"details": {"lastRpoCalculatedTime": OLD}}, ["rpo"]),
    ({"details": {"lastRpoCalculatedTime": text(START)}}, []),
    # A date that means "never" makes no number beside it a measurement.
    ({"details": {"lastRpoCalculatedTime": "0001-01-01T00:00:00"}}, ["rpo"]),
    ({"details": {"lastRpoCalculatedTime": "1601-01-01T00:00:00Z", "rpoInSeconds": 0}}, ["rpo"]),
    (disk(lastSyncTime="0001-01-01T00:00:00"), ["rpo"]),
    (disk(rpoInSeconds=7200), ["rpo"]),
    (disk(lastSyncTime=OLD), ["rpo"]),
    (disk(resyncRequired="Required"), ["resync_required"]),
    (disk(resyncRequired="true"), ["resync_required"]),
    (disk(resyncRequired="A word never heard"), ["resync_required"]),
    (disk(resyncRequired="NotRequired"), []),
    ({"details": {"resyncRequired": "true"}}, ["resync_required"]),
    ({"details": {"resyncRequired": "false"}}, []),
    ({"details": {"resyncState": "StartedResynchronization"}}, ["resync_in_progress"]),
    ({"details": {"resyncState": "PreparedForResynchronization"}}, ["resync_in_progress"]),
    ({"details": {"resyncState": "None", "resyncProgressHealth": "None"}}, []),
    ({"details": {"resyncProgressHealth": "SlowProgress"}}, ["resync_in_progress"]),
    ({"details": {"resyncProgressPercentage": 40}}, ["resync_in_progress"]),
    ({"details": {"initialReplicationProgressPercentage": 99}}, ["resync_in_progress"]),
    (disk(resyncProgressPercentage=12), ["resync_in_progress"]),
    (disk(resyncProgressPercentage=100), []),
    (disk(protectionStage="InitialSync"), ["resync_in_progress"]),
    (disk(protectionStage="DifferentialSync"), []),
    ({"details": {"protectionStage": "ResyncStep1"}}, ["resync_in_progress"]),
    ({"details": {"protectionStage": "InitialSync"}}, ["resync_in_progress"]),
    ({"details": {"protectionStage": "DifferentialSync", "totalProgressHealth": "None"}}, []),
    ({"details": {"totalProgressHealth": "NoProgress"}}, ["resync_in_progress"]),
    ({"details": {"resyncDetails": {"initialReplicationProgressPercentage": "31"}}}, ["resync_in_progress"]),
    ({"details": {"resyncDetails": {"initialReplicationProgressPercentage": "100"}}}, []),
    (disk(progressHealth="SlowProgress"), ["resync_in_progress"]),
    (disk(progressHealth="Completed"), []),
    (disk(progressHealth="None"), []),
    (disk(resyncProgressPercentage="NaN"), []),
    (disk(resyncDetails={"progressPercentage": 7}), ["resync_in_progress"]),
    (disk(irDetails={"progressPercentage": None}), []),
    # It still said so when the item was protected (SEEN).
    (disk(isInitialReplicationComplete="false"), []),
    ({"details": {"isLastUpgradeSuccessful": "false"}}, []),
    ({"details": {"diskResized": "Resized"}}, ["disk_resized"]),
    (disk(diskResized="True"), ["disk_resized"]),
    (disk(diskResized="NotResized"), []),
    (disk(healthErrorCode="ECH0007"), ["disk_state"]),
    (disk(diskState="Unavailable"), ["disk_state"]),
    (disk(diskState="Protected"), []),
    ({"details": {"validationErrors": [health("5")]}}, ["failover_health"]),
]


@pytest.mark.parametrize("build", [classic, rcm], ids=["classic", "modernized"])
@pytest.mark.parametrize(("said", "words"), BOTH)
def test_what_an_item_says_of_its_copy(build: Build, said: dict[str, Any], words: list[str]) -> None:
    item = build("web", READY, **{key: dict(v) if isinstance(v, dict) else v for key, v in said.items()})
    found = copy_gates(item, START, RPO_LIMIT)
    assert [gate.code for gate in found] == words
    for gate in found:
        assert gate.code in WORDS
        assert gate.reason.endswith(".")
        assert f"{{accept:{gate.code}=reason}}" in way_on([gate])


def test_silence_on_the_recovery_point_counts_where_the_field_is_reported() -> None:
    """A classic item reports its RPO; a modernized one being failed back has no such field."""
    assert gates(classic("web", READY, details={"rpoInSeconds": None})) == ["rpo"]
    for nothing in (-1, "NaN", float("nan"), "Infinity", "soon", [], True):
        assert gates(classic("web", READY, details={"rpoInSeconds": nothing})) == ["rpo"]
    assert gates(rcm("web", READY, details={"rpoInSeconds": None})) == []


def test_a_silent_agent() -> None:
    assert gates(classic("web", READY, details={"lastHeartbeat": OLD})) == ["agent_silent"]
    assert gates(rcm("web", READY, details={"mobilityAgentDetails": {"lastHeartbeatUtc": OLD}})) == ["agent_silent"]
    assert gates(classic("web", READY, details={"lastHeartbeat": text(START - timedelta(minutes=20))})) == []
    never = "0001-01-01T00:00:00"
    assert gates(classic("web", READY, details={"lastHeartbeat": never})) == ["agent_silent"]
    assert gates(rcm("web", READY, details={"mobilityAgentDetails": {"lastHeartbeatUtc": never}})) == ["agent_silent"]


def test_the_limit_and_an_older_point_by_name() -> None:
    item = classic("web", READY, details={"rpoInSeconds": 1200})
    assert (gates(item), gates(item, 1200), gates(item, chosen=True)) == (["rpo"], [], [])


def test_the_vaults_own_words_stand_in_the_gate() -> None:
    said = [health(str(number)) for number in range(5)]
    (gate,) = copy_gates(classic("web", READY, replicationHealth="Critical", healthErrors=said), START, RPO_LIMIT)
    assert "health Critical: 0: It says 0; 1: It says 1; 2: It says 2; and 2 more." in gate.reason


def test_accepting_takes_the_rules_name_and_a_reason() -> None:
    found = copy_gates(classic("web", READY, replicationHealth="Critical", details={"rpoInSeconds": 9999}), START, 900)
    shut, taken = passed(found, {"rpo": " says the owner "})
    assert [gate.code for gate in shut] == ["replication_health"]
    assert taken == [{"gate": "rpo", "reason": "says the owner", "text": found[1].reason}]


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf"), 1e12])
def test_a_limit_that_is_no_age(limit: float) -> None:
    with pytest.raises(InputError) as caught:
        validate(order(("failover_to_onprem",), rpo_limit=limit))
    assert caught.value.code == "rpo_limit_invalid"


def test_the_point_a_failover_used() -> None:
    def job(minutes: float | None) -> Job:
        when = None if minutes is None else text(START - timedelta(minutes=minutes))
        details = {"customDetails": {"protectedItemDetails": [{"recoveryPointTime": when}]}}
        return Job.parse(job_json("j", "UnplannedFailover", "Succeeded", **details))

    assert point_gate(None, 900) == point_gate(job(None), 900) == point_gate(job(15), 900) == []
    (gate,) = point_gate(job(300), 900)
    assert (gate.code, "5 h older" in gate.reason) == ("rpo", True)
    assert Job.parse(job_json("j", "UnplannedFailover", "Succeeded", customDetails=None)).point_time is None
    for odd in ("x", {"protectedItemDetails": [None, "x"]}, {"protectedItemDetails": 3, "affectedObjectDetails": "x"}):
        assert Job.parse(job_json("j", "UnplannedFailover", "Succeeded", customDetails=odd)).point_time is None


@pytest.mark.parametrize(
    ("item", "marked"),
    [
        (classic("web", Position.HOME), False),
        (classic("web", Position.HOME, protectionState="UnplannedFailoverCompletionFailed"), True),
        (classic("web", READY, protectionState="PlannedFailoverFailed"), True),
        (classic("web", Position.HOME, protectionState="TestFailoverFailed"), False),
        (rcm("web", READY, details={"lastPlannedFailoverStatus": "Failed"}), True),
        (rcm("web", READY, details={"lastPlannedFailoverStatus": "Cancelled"}), False),
        (rcm("web", READY, details={"lastPlannedFailoverStatus": "Succeeded"}), False),
    ],
)
def test_a_failed_failover_is_marked(item: Item, marked: bool) -> None:
    assert bool(failed_failover(item)) is marked


def test_a_failed_failover_is_reported_with_its_jobs_error() -> None:
    gate = failed_gate("XFailed", Job.parse(job_json("j-9", "UnplannedFailover", "Failed", errors=[error_json(78052)])))
    assert "(XFailed) (job j-9, Failed): 78052: It broke." in gate.reason
    assert "Do this." in gate.remedy
    assert failed_gate("XFailed", None).reason.endswith("(XFailed).")


@pytest.mark.parametrize(
    ("seconds", "words"), [(59, "59 s"), (600, "10 min"), (7200, "2 h"), (90000, "25 h"), (432000, "5 days")]
)
def test_ages(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_the_policys_threshold() -> None:
    entry = policy_json("p", "InMage")
    assert Policy.parse(entry).rpo_threshold is None
    entry["properties"]["providerSpecificDetails"]["recoveryPointThresholdInMinutes"] = 30
    assert Policy.parse(entry).rpo_threshold == 1800


# -- in a run --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[World, ModernWorld], ids=["classic", "modernized"])
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param()
    return made


CRITICAL = {"replicationHealth": "Critical", "healthErrors": [health("78144")]}


@pytest.mark.parametrize("check", [False, True])
def test_a_copy_that_is_not_whole_stays_where_it_is(world: World, check: bool) -> None:
    world.add("web", position=READY, **CRITICAL).add("db", position=READY)
    result = world.slice(stage(3, "web", "db", check=True)) if check else world.go(stage(3, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["code"], told["changed"], told["after"]) == (
        "refused",
        "replication_health",
        False,
        "ready",
    )
    assert "78144: It says 78144" in told["reason"]
    assert "{accept:" in told["remedy"]
    assert {name for name, _step in world.steps_sent()} == (set() if check else {"db"})
    assert {entry["machine"] for entry in result["plan"]} == ({"db"} if check else set())
    assert result["requests"]["reads"] == result["requests"]["floor"]["reads"]


def test_what_was_accepted_goes_and_is_kept(world: World) -> None:
    world.add("web", position=READY, **CRITICAL)
    result = world.go(stage(3, accept={"replication_health": "it is rebuilt from backup, says the owner"}))
    told = of(result, "web")
    assert (told["done"], told["after"]) == ("started", "home_unprotected")
    (kept,) = told["accepted"]
    assert (kept["gate"], kept["reason"]) == ("replication_health", "it is rebuilt from backup, says the owner")
    assert "78144" in kept["text"]


def test_a_failover_by_somebody_else_is_looked_at_before_its_commit(world: World) -> None:
    world.add("web", position=Position.HOME_UNCOMMITTED, **CRITICAL)
    told = of(world.go(stage(3)), "web")
    assert (told["done"], told["code"]) == ("refused", "replication_health")
    assert world.steps_sent() == []
    told = of(world.go(stage(3, accept={"replication_health": "says the owner"})), "web")
    assert (told["done"], [entry["gate"] for entry in told["accepted"]]) == ("started", ["replication_health"])


def test_what_this_run_found_whole_is_not_doubted_for_what_the_failover_itself_did(world: World) -> None:
    """The replication ends with the failover: what the vault says of it then is no news of the copy."""
    world.add("web", position=READY)
    first = world.slice(stage(3))
    world.extra["web"] = dict(CRITICAL)
    assert of(world.go(stage(3), cursor=first["cursor"]), "web")["after"] == "home_unprotected"


def test_a_group_waits_for_the_member_that_a_gate_stops(world: World) -> None:
    grouped = {"details": {"multiVmGroupName": "shop", "multiVmGroupId": "g-1"}}
    world.add("web", position=READY, **CRITICAL, **grouped).add("db", position=READY, **grouped)
    result = world.go(stage(3, "web", "db"))
    assert world.steps_sent() == []
    assert (of(result, "web")["done"], of(result, "db")["done"]) == ("refused", "held")


@pytest.mark.parametrize("number", [1, 3])
def test_a_machine_marked_as_failed_is_not_failed_over_again_as_if_nothing_had_been(world: World, number: int) -> None:
    position = Position.HOME if number == 1 else READY
    world.add("web", position=position, protectionState="UnplannedFailoverCompletionFailed")
    told = of(world.go(stage(number)), "web")
    assert (told["done"], told["code"]) == ("refused", "failed_failover")
    assert world.steps_sent() == []
    told = of(world.go(stage(number, accept={"failed_failover": "the host has memory again"})), "web")
    assert told["done"] == "started"


# -- somebody else's operations --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["TestFailover", "TestFailoverCleanup", "UpdateMobilityService", "UpdateVmProperties"])
@pytest.mark.parametrize("number", [1, 4])
def test_an_operation_of_others_does_not_look_like_a_synchronisation(world: World, name: str, number: int) -> None:
    """Nothing is allowed while it runs, at home too: nothing is sent, nothing is called changed."""
    world.add("web", position=Position.HOME)
    held = {"allowedOperations": [], "currentScenario": scenario(name)}
    world.extra["web"] = held
    first = world.slice(stage(number))
    told = of(first, "web")
    assert "synchron" not in f"{told['before']} {told['after']} {told['reason']}"
    assert not told["changed"]
    world.extra["web"] = {}
    if number == 4:
        last = of(world.go(stage(number), cursor=first["cursor"]), "web")
        assert (last["done"], last["changed"], last["after"]) == ("unchanged", False, "home")
        assert world.steps_sent() == []


def test_a_test_failover_that_waits_for_its_clean_up_is_at_home(world: World) -> None:
    world.add("web", position=Position.HOME, allowedOperations=["TestFailoverCleanup"])
    told = of(world.go(stage(4)), "web")
    assert (told["before"], told["done"], told["changed"]) == ("home", "unchanged", False)
