# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failed jobs may be sent again, and when. A job not listed here is never repeated."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from ..model.jobs import Problem

#: Provider codes of errors that pass with time or a neighbour's recovery, with the reason (failback-domain.md 9 and asr-api.md 5.3, DOC).
RETRYABLE = MappingProxyType(
    {
        "95226": "the Azure VM could not reach the configuration server, or its agent had not registered yet",
        "78093": "the machine did not answer",
        "78186": "the process server could not be reached",
        "806": "the process server sent no heartbeat",
    }
)

#: Words by which a reprotect that came too early is recognised whatever its code (DOC S0, S1: "agent isn't installed").
EARLY_AGENT = ("agent is not installed", "agent isn't installed", "agent is not registered")

#: Seconds of the service's clock before the first repetition; each further one doubles it.
FIRST_PAUSE = 60.0


def retryable(problems: Iterable[Problem]) -> bool:
    """Whether a failed job has only errors that a repetition may resolve."""
    errors = [p for p in problems if p.level == "Error"]
    return bool(errors) and all(
        p.code in RETRYABLE or any(words in p.message.lower() for words in EARLY_AGENT) for p in errors
    )


def pause(attempt: int) -> float:
    """Seconds to wait before attempt number ``attempt`` (2 is the first repetition)."""
    return FIRST_PAUSE * 2.0 ** max(0, attempt - 2)
