# SPDX-License-Identifier: GPL-3.0-or-later
"""The words for what was done with a machine (``done`` in results). Pure.

``started``: an operation was sent. ``joined``: one that already ran was followed. ``unchanged``: nothing was needed.
"""

from __future__ import annotations

#: Ends that count as a failure.
BAD = ("failed", "refused")
#: Outcomes after which nothing is left to do.
WENT_WELL = ("started", "joined", "unchanged")

#: Ends before the last step: failed or refused, stopped before a commit for approval, stopped with the consistency group.
STOPPED = (*BAD, "awaiting_approval", "held")

#: The ends of which results list the machines by name, the most urgent first.
LISTED = (*STOPPED, "waiting")


def in_words(word: str) -> str:
    """An outcome in words."""
    return word.replace("_", " ")
