# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that has begun sits out, for how long, and where a machine's own trouble is written down. Pure.

What worked before in this run and fails now is taken to pass, until patience is used up: then it ends as what it is.
"""

from __future__ import annotations

from ..model.errors import FailbackError, InputError, NotFound
from ..model.items import Item
from ..model.refusal import Refusal
from .track import Track

#: Codes of temporary errors of network, service or login.
PASSING = frozenset(
    {
        "unreachable",
        "throttled",
        "read_failed",
        "not_understood",
        "unknown_outcome",
        "login_failed",
        "login_unavailable",
        "vcenter_unreachable",
        "vcenter_login_failed",
        "vcenter_not_ready",
        "vcenter_session_ended",
    }
)

#: Seconds of such trouble in a row before a run, or one machine's part in it, is given up.
PATIENCE = 900.0


def may_resolve_itself(error: FailbackError) -> bool:
    """Whether it may resolve itself with time."""
    return not isinstance(error, (InputError, NotFound)) and error.code in PASSING


def sit_out(track: Track, error: FailbackError, elapsed: float | None) -> None:
    """Let one machine wait for what fails just now, and end it when its patience is used up.

    ``elapsed`` are the seconds since the same machine was last looked at; None where its trouble begins now.
    """
    if track.trouble(elapsed) < PATIENCE:
        track.wait(f"{error.message.rstrip('.')}. Retrying")
        return
    minutes = round(PATIENCE / 60)
    said = f"{error.message} This has lasted for {minutes} minutes."
    track.end("failed", Refusal(error.code, said, error.remedy))


def by_name(error: FailbackError, item: Item) -> FailbackError:
    """The error with the machine's name in it, where it says the replicated item's own."""
    if item.name and item.name != item.friendly_name:
        error.message = error.message.replace(f"'{item.name}'", f"'{item.friendly_name}'")
    return error
