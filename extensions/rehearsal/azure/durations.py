# SPDX-License-Identifier: GPL-3.0-or-later
"""How long things take, in service seconds: the classic column of the measured table (SEEN: one 35 GB Windows machine)."""

from __future__ import annotations

from collections.abc import Mapping

CLASSIC: dict[str, float] = {
    # Jobs, by operation and leg.
    "failover/to_azure": 104.0,
    "commit/to_azure": 2.0,
    "reprotect/to_onprem": 775.0,
    "failover/to_onprem": 215.0,
    "commit/to_onprem": 111.0,
    "reprotect/to_azure": 129.0,
    # Synchronisation after the reprotect job has ended.
    "sync/to_onprem": 990.0,
    "sync/to_azure/primary": 760.0,
    "sync/to_azure": 1190.0,
    # Smaller things.
    "finalize": 8.0,
    "repair": 55.0,
    "update_agent": 240.0,
    "move_process_server": 60.0,
    "refresh": 20.0,
    "health": 10.0,
    "vm_power": 30.0,
    # From the 202 until the job leaves NotStarted (SEEN as a state, its length is INFER).
    "not_started": 2.0,
}


def merged(overrides: Mapping[str, float]) -> dict[str, float]:
    """The table with a fleet's own values over it.

    Raises ValueError for a key that the table does not know.
    """
    unknown = sorted(set(overrides) - set(CLASSIC))
    if unknown:
        raise ValueError(f"durations: unknown key {unknown[0]!r}; known keys are {', '.join(CLASSIC)}.")
    return {**CLASSIC, **overrides}
