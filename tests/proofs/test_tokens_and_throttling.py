# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that are revoked or run out, a secret that expires in the middle, and a service that asks for patience."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from proof_scene import ENDS, STAGE_OF, STAGES, Run, Scene, stage_operations, until


def token_requests(scene: Scene) -> int:
    found: int = scene.counters()["tokens"]
    return found


@pytest.mark.parametrize("operation", ["reprotect/to_onprem", "commit/to_onprem"])
def test_a_token_revoked_just_before_the_operation(scene: Scene, operation: str) -> None:
    """The 401 was not accepted: a new token is fetched and the operation is sent again, once."""
    stage = STAGE_OF[operation]
    (machine,) = scene.take(STAGES[stage][0])
    point = scene.hold({"operation": operation, "item": machine})
    run = scene.drive(stage, [machine])
    scene.held(point, run)
    before = scene.counters()
    assert scene.control("POST", "/revoke-tokens")["revoked"] >= 1
    scene.release(point)
    run.arrives()
    after = scene.counters()
    assert after["unauthorized"] > before["unauthorized"]
    assert after["tokens"] > before["tokens"]
    assert scene.accepted(machine) == stage_operations(stage)


def test_tokens_revoked_again_and_again(scene: Scene) -> None:
    (machine,) = scene.take("home_unprotected")
    run = scene.drive(4, [machine])
    for _dummy in range(3):
        asked = token_requests(scene)
        until(lambda seen=asked: token_requests(scene) > seen or not run.alive(), "a new token")  # type: ignore[misc]
        scene.control("POST", "/revoke-tokens")
    run.arrives()
    assert scene.accepted(machine) == stage_operations(4)


def test_a_token_that_ran_out_while_the_request_was_on_its_way(scene: Scene) -> None:
    (machine,) = scene.take("home")
    point = scene.hold({"operation": "failover/to_azure", "item": machine})
    run = scene.drive(1, [machine])
    scene.held(point, run)
    assert scene.control("POST", "/expire-tokens")["expired"] >= 1
    scene.release(point)
    run.arrives()
    assert scene.counters()["unauthorized"] >= 1
    assert scene.accepted(machine) == stage_operations(1)


def test_short_lived_tokens_are_renewed_in_time(scene: Scene) -> None:
    (machine,) = scene.take("out")
    # Told to live two seconds and taken for longer: what is counted is renewals, not how fast this machine is.
    scene.control("POST", "/settings", {"token_told": 2})
    # The synchronisation outlasts several tokens.
    scene.speed(60)
    run = scene.drive(2, [machine], {"slice_seconds": 60})
    run.arrives()
    scene.control("POST", "/settings", {"token_told": 0})
    assert token_requests(scene) >= 3
    assert scene.counters()["unauthorized"] == 0
    assert scene.accepted(machine) == stage_operations(2)


def expire(scene: Scene) -> None:
    scene.control("POST", "/secret", {"expired": True})
    scene.control("POST", "/revoke-tokens")


def test_a_secret_that_expires_after_the_operation_was_accepted(scene: Scene) -> None:
    """The run ends with one sentence that names the option; once the secret is good again the same command goes on."""
    (machine,) = scene.take("ready")
    scene.speed(5)
    run = scene.drive(3, [machine])
    until(lambda: scene.accepted(machine) or not run.alive(), "the failover to be accepted")
    # However long this machine takes to end the run, the failover is not over by then.
    scene.speed(0.01)
    expire(scene)
    assert run.wait() == 2, run.text()[-3000:]
    said = run.lines()[-1]
    assert said["code"] == "login_failed"
    assert "expired" in said["msg"]
    assert "secret" in said["msg"]
    assert scene.truth(machine)["busy"], "the failover goes on without us"
    scene.control("POST", "/secret", {"expired": False})
    scene.speed(600)
    scene.drive(3, [machine]).arrives()
    assert scene.accepted(machine) == stage_operations(3)


def test_a_secret_that_expires_just_before_the_operation(scene: Scene) -> None:
    """Nothing was accepted and the machine is not at fault."""
    (machine,) = scene.take("out")
    point = scene.hold({"operation": "reprotect/to_onprem", "item": machine})
    run = scene.drive(2, [machine])
    scene.held(point, run)
    expire(scene)
    scene.release(point)
    assert run.wait() == 2, run.text()[-3000:]
    assert run.lines()[-1]["code"] == "login_failed"
    assert scene.accepted(machine) == {}
    scene.control("POST", "/secret", {"expired": False})
    scene.drive(2, [machine]).arrives()
    assert scene.accepted(machine) == stage_operations(2)


@pytest.mark.playbook
def test_a_playbook_whose_secret_expires_says_so_and_goes_on_later(scene: Scene) -> None:
    (machine,) = scene.take("ready")
    scene.speed(5)
    # A login that worked before is tried again for a quarter of an hour, or until the run's own time is used up.
    run = scene.playbook("stage_3_failover_to_onprem", [machine], asr_wait_timeout=40)
    until(lambda: scene.accepted(machine) or not run.alive(), "the failover to be accepted")
    expire(scene)
    assert run.wait() != 0
    text = run.text()
    assert "AZURE_SECRET" in text, text[-3000:]
    assert "expired" in text
    assert "Traceback" not in text
    scene.control("POST", "/secret", {"expired": False})
    scene.speed(600)
    again: Run = scene.playbook("stage_3_failover_to_onprem", [machine])
    assert again.wait() == 0, again.text()[-3000:]
    assert scene.accepted(machine) == stage_operations(3)


# -- throttling ------------------------------------------------------------------------------------------------------


def seconds_after_each_refusal(asked: list[dict[str, Any]]) -> list[float]:
    """For each 429 the seconds until the next request of the same kind."""
    times = [datetime.fromisoformat(entry["time"]) for entry in asked]
    return [
        (later - time).total_seconds()
        for time, later, entry in zip(times, times[1:], asked, strict=False)
        if entry["status"] == 429
    ]


def test_a_storm_of_429_on_writes(scene: Scene) -> None:
    """Every Retry-After is honoured, and the operation is accepted once for each machine."""
    machines = scene.take("ready", 3)
    since = len(scene.requests())
    verb = scene.verb("failover/to_onprem")
    scene.fault("status", {"method": "POST", "path": verb}, code=429, retry_after=1, times=5)
    scene.drive(3, machines).arrives()
    posts = [e for e in scene.requests()[since:] if e["method"] == "POST" and f"/{verb}" in e["path"]]
    refused = [e for e in posts if e["status"] == 429]
    assert len(refused) == 5
    assert len(posts) == 8
    last = {}
    for entry in posts:
        name = entry["path"].split(f"/{verb}")[0]
        time = datetime.fromisoformat(entry["time"])
        if name in last:
            assert (time - last[name]).total_seconds() >= 0.95, "sent before Retry-After was over"
        last[name] = time
    for machine in machines:
        assert scene.accepted(machine) == stage_operations(3)
        assert scene.truth(machine)["phase"] == ENDS[3]


def test_a_storm_of_429_on_reads(scene: Scene) -> None:
    (machine,) = scene.take("home_unprotected")
    since = len(scene.requests())
    scene.fault("status", {"method": "GET", "path": "/subscriptions/"}, code=429, retry_after=1, times=4)
    scene.drive(4, [machine]).arrives()
    reads = [e for e in scene.requests()[since:] if e["method"] == "GET"]
    waits = seconds_after_each_refusal(reads)
    assert len(waits) == 4
    assert min(waits) >= 0.95, waits
    assert scene.accepted(machine) == stage_operations(4)


def test_an_empty_bucket_is_waited_for(scene: Scene) -> None:
    """Somebody else with the same identity drains the write bucket while our request is on its way: the service's own
    429, and no second acceptance."""
    (machine,) = scene.take("out")
    point = scene.hold({"operation": "reprotect/to_onprem", "item": machine})
    run = scene.drive(2, [machine])
    scene.held(point, run)
    item = scene.truth(machine)["item"]
    since = len(scene.requests())
    scene.control("POST", "/throttle/drain", {"kind": "writes", "times": 3})
    scene.release(point)
    run.arrives()
    statuses = [e["status"] for e in scene.requests()[since:] if item in e["path"] and "/reProtect" in e["path"]]
    assert statuses == [429, 429, 429, 202]
    assert scene.accepted(machine) == stage_operations(2)
