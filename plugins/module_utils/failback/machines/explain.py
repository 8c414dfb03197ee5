# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a step was not allowed, told in full once a run has ended: "still synchronizing" with how far, and what the vault reports."""

from __future__ import annotations

from ..lifecycle.table import REFUSALS, Position
from ..lifecycle.why_not import told_beside
from ..model.refusal import Refusal
from ..tracking.state import SliceState
from ..tracking.track import Track
from .placing import read_whole

#: Refusals of the life cycle, and those that name what the service allows.
OF_THE_CYCLE = frozenset({*REFUSALS, "operation_not_allowed", "not_understood"})
_SYNCING = frozenset({Position.SYNCING_HOME, Position.SYNCING_OUT})


def explain(state: SliceState) -> None:
    """Complete the reasons. Lists of classic vaults do not tell how far a synchronisation is (SEEN FB: hollow), so machines that
    are refused for one are read individually."""
    refused: list[tuple[str, Track]] = [
        (key, track)
        for key, track in state.memory.tracks.items()
        if track.ended == "refused" and track.code in OF_THE_CYCLE and key in state.items
    ]
    syncing = {key for key, _track in refused if state.lifecycle.position(state.items[key]) in _SYNCING}
    hollow = [state.items[key] for key, _track in refused if key in syncing and not state.items[key].disks]
    seen = read_whole(state, hollow)
    for key, track in refused:
        item = state.items[key]
        found = seen.get(key, item)
        told = told_beside(item if isinstance(found, Exception) else found, state.now, key in syncing, track.why)
        if told:
            track.end("refused", Refusal(track.code, " ".join([track.reason, *told]), track.remedy))
