# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing recovery points, and which choices cost a list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import START, point_json

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.classic import CLASSIC
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.points import Point, choose, needs_list
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import STEPS, Operation
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal

POINTS = [
    point_json("old-app", START - timedelta(hours=3), "ApplicationConsistent"),
    point_json("new-crash", START - timedelta(minutes=5), "CrashConsistent"),
    point_json("new-app", START - timedelta(hours=1), "ApplicationConsistent"),
    point_json("old-crash", START - timedelta(hours=2), "CrashConsistent"),
    {"id": "points/strange", "name": "strange", "properties": {"recoveryPointTime": "0001-01-01T00:00:00Z"}},
]


def operation(step: str) -> Operation:
    found = CLASSIC.operation("classic", step)
    assert found is not None
    return found


OUT, HOME = operation("failover_to_azure"), operation("failover_to_onprem")


@pytest.mark.parametrize(
    ("which", "wanted", "lists"),
    [
        (OUT, "latest", False),
        (OUT, "latest_processed", True),
        (OUT, "latest_app_consistent", True),
        (OUT, "latest_crash_consistent", True),
        (OUT, "new-app", True),
        (HOME, "latest", False),
        (HOME, "latest_app_consistent", False),
        (HOME, "latest_processed", False),
        (HOME, "latest_crash_consistent", False),
        (HOME, "new-app", True),
    ],
)
def test_what_takes_a_list(which: Operation, wanted: str, lists: bool) -> None:
    assert needs_list(which, wanted) is lists


def test_only_failovers_know_points() -> None:
    assert {step for step in STEPS if operation(step).points} == {"failover_to_azure", "failover_to_onprem"}


@pytest.mark.parametrize(
    ("which", "wanted", "expected"),
    [
        (OUT, "latest", Point("latest")),
        (OUT, "latest_processed", Point("new-crash (2026-03-01T07:55:00Z)", id="points/new-crash")),
        (OUT, "latest_crash_consistent", Point("new-crash (2026-03-01T07:55:00Z)", id="points/new-crash")),
        (OUT, "latest_app_consistent", Point("new-app (2026-03-01T07:00:00Z)", id="points/new-app")),
        (OUT, "OLD-APP", Point("old-app (2026-03-01T05:00:00Z)", id="points/old-app")),
        (OUT, "Points/Old-App", Point("old-app (2026-03-01T05:00:00Z)", id="points/old-app")),
        (OUT, "strange", Point("strange", id="points/strange")),
        (HOME, "latest", Point("latest", type="LatestTime")),
        (HOME, "latest_app_consistent", Point("latest_app_consistent", type="LatestTag")),
        (HOME, "old-crash", Point("old-crash (2026-03-01T06:00:00Z)", id="points/old-crash")),
    ],
)
def test_what_is_chosen(which: Operation, wanted: str, expected: Point) -> None:
    assert choose(which, wanted, POINTS) == expected


@pytest.mark.parametrize(
    ("which", "wanted", "points", "code", "words"),
    [
        (
            HOME,
            "latest_processed",
            POINTS,
            "recovery_point_unknown_here",
            ("latest, latest_app_consistent", "a point's name"),
        ),
        (HOME, "latest_crash_consistent", POINTS, "recovery_point_unknown_here", ("'latest_crash_consistent'",)),
        (operation("commit_to_azure"), "new-app", POINTS, "recovery_point_unknown_here", ("'new-app'",)),
        (OUT, "latest_app_consistent", POINTS[1:2], "recovery_point_missing", ("'latest_app_consistent'", "latest")),
        (OUT, "latest_processed", [], "recovery_point_missing", ("'latest_processed'",)),
        (OUT, "yesterday", POINTS, "recovery_point_missing", ("'yesterday'", "new-crash (2026-03-01T07:55:00Z)")),
        (OUT, "yesterday", [], "recovery_point_missing", ("none",)),
    ],
)
def test_what_is_refused(
    which: Operation, wanted: str, points: list[dict[str, object]], code: str, words: tuple[str, ...]
) -> None:
    refusal = choose(which, wanted, points)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    for word in ("'{option:recovery_point}'", *words):
        assert word in f"{refusal.reason} {refusal.remedy}"
