# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failures a repetition may heal."""

from __future__ import annotations

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.retries import RETRYABLE, pause, retryable
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Problem


def problem(code: str, message: str = "It broke.", level: str = "Error") -> Problem:
    return Problem(code, message, level=level)


@pytest.mark.parametrize("code", ["95226", "78093", "78186", "806"])
def test_codes_that_time_heals(code: str) -> None:
    assert retryable([problem(code)])


def test_no_other_code_is_repeated() -> None:
    assert set(RETRYABLE) == {"95226", "78093", "78186", "806"}
    assert not retryable([problem("8065")])
    assert not retryable([problem("559")])


@pytest.mark.parametrize(
    "words", ["The agent is NOT installed on it.", "agent isn't installed", "Agent is not registered."]
)
def test_an_agent_that_is_not_there_yet_is_recognised_under_any_code(words: str) -> None:
    assert retryable([problem("1", words)])


def test_every_error_must_be_one_that_heals() -> None:
    assert not retryable([problem("95226"), problem("95265")])
    assert retryable([problem("95226"), problem("95265", level="Warning")])


def test_a_failure_that_says_nothing_is_not_repeated() -> None:
    assert not retryable([])
    assert not retryable([problem("95226", level="Warning")])


def test_each_further_pause_is_twice_the_last() -> None:
    assert [pause(n) for n in (1, 2, 3, 4)] == [60.0, 60.0, 120.0, 240.0]
