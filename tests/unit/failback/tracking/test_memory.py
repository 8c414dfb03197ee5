# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run remembers between slices travels as JSON, and may be lost or spoilt at any time."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from builders import START, error_json, job_json, text

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.bodies import Placement
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job, Problem
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Requests
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal
from ansible_collections.homeward.asr.plugins.module_utils.failback.tracking.cursor import VERSION, Memory
from ansible_collections.homeward.asr.plugins.module_utils.failback.tracking.track import Track


def full() -> Memory:
    track = Track("web", "out", key="/id", attempts={"reprotect_to_onprem": 2})
    track.placement = asdict(Placement("id-ps", "cs-1"))
    track.open("reprotect_to_onprem", "job-1", START, started=True)
    return Memory(
        tracks={"/id": track},
        pace=15.0,
        idle_ticks=3,
        wait_left=7.5,
        spent=Requests(1, 9),
        floor=Requests(1, 5),
        checked=True,
        notes=[{"a": "b"}],
    )


def test_a_memory_survives_the_journey() -> None:
    cursor = json.loads(json.dumps(full().dump()))
    assert Memory.load(cursor) == full()
    assert Memory.load(cursor).tracks["/id"].place() == Placement("id-ps", "cs-1")


@pytest.mark.parametrize(
    "cursor",
    [
        None,
        {},
        {"version": VERSION + 1},
        {**full().dump(), "version": VERSION + 1},
        {**full().dump(), "version": str(VERSION)},
        {"version": VERSION},
        {**full().dump(), "tracks": None},
        {**full().dump(), "tracks": {"/id": {"name": "web", "before": "out", "unheard_of": 1}}},
        {**full().dump(), "tracks": {"/id": {"before": "out"}}},
        {**full().dump(), "spent": 3},
        {**full().dump(), "notes": None},
        ["not", "a", "cursor"],
        "garbage",
        7,
    ],
)
def test_what_is_not_a_cursor_of_ours_is_dropped(cursor: Any) -> None:
    assert Memory.load(cursor) == Memory()


def test_a_held_job_is_written_down_and_closed_with_its_verdict() -> None:
    track = Track("web", "out")
    track.open("commit_to_onprem", "job-1", START, started=True)
    assert (track.job, track.seen, track.opened) == ("job-1", False, "2026-03-01T08:00:00Z")
    track.close(
        Job.parse(
            job_json(
                "job-1",
                "CommitFailover",
                "CompletedWithInformation",
                endTime=text(START + timedelta(seconds=111)),
                errors=[error_json(28175), error_json(28175)],
            )
        )
    )
    assert track.job == ""
    assert track.steps == [
        {
            "step": "commit_to_onprem",
            "done": "started",
            "job": "job-1",
            "state": "CompletedWithInformation",
            "start": "2026-03-01T08:00:00Z",
            "end": "2026-03-01T08:01:51Z",
            "duration_seconds": 111,
        }
    ]
    assert [w["code"] for w in track.warnings] == ["28175"]


def test_a_job_that_ended_within_its_second_took_no_time() -> None:
    """The service cuts the end to whole seconds, the start it does not."""
    track = Track("web", "out")
    track.open("commit_to_onprem", "job-1", START, started=True)
    times = {"startTime": text(START + timedelta(seconds=0.93)), "endTime": text(START)}
    track.close(Job.parse(job_json("job-1", "CommitFailover", "Failed", **times)))
    assert track.steps[0]["duration_seconds"] == 0


def test_an_adopted_job_counts_as_seen() -> None:
    track = Track("web", "out", waiting="x", lost_step="y", lost_at="z")
    track.open("commit_to_onprem", "job-1", START, started=False)
    assert (track.seen, track.waiting, track.lost_step, track.lost_at) == (True, "", "", "")
    assert track.steps[0]["done"] == "joined"


def test_the_verdict_on_a_step_is_the_last_one_that_ended() -> None:
    track = Track("web", "ready")
    for name, state in (("job-1", "Failed"), ("job-2", "Succeeded")):
        track.open("failover_to_onprem", name, START, started=True)
        track.close(Job.parse(job_json(name, "UnplannedFailover", state, endTime=text(START))))
    track.open("failover_to_onprem", "job-3", START, started=True)
    verdict = track.verdict("failover_to_onprem")
    assert verdict is not None
    assert (verdict.name, verdict.succeeded) == ("job-2", True)
    assert track.verdict("commit_to_onprem") is None


def test_a_failure_keeps_the_providers_words() -> None:
    track = Track("web", "out", waiting="x")
    track.fail((Problem("95265", "No datastore.", "Why.", "Do."),), Refusal("95265", "It failed.", "Fix it."))
    assert (track.ended, track.code, track.reason, track.remedy, track.waiting) == (
        "failed",
        "95265",
        "It failed.",
        "Fix it.",
        "",
    )
    assert track.errors[0]["recommended_action"] == "Do."
