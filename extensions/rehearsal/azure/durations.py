# SPDX-License-Identifier: GPL-3.0-or-later
"""How long things take, in service seconds: the two columns of the measured table (SEEN: one 35 GB Windows machine in a
classic vault, one of 40 GB in a modernized one)."""

from __future__ import annotations

import random
from collections.abc import Mapping

CLASSIC: dict[str, float] = {
    # Jobs, by operation and direction.
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
    # A test and its cleanup (SEEN), the end of a replication (SEEN: 3 to 4 minutes), a change (INFER).
    "test_failover": 78.0,
    "test_cleanup": 76.0,
    "disable": 200.0,
    "apply_point": 100.0,
    "update_item": 10.0,
    "vm_power": 30.0,
    # A template deployment with a Windows machine and the set-up on it (INFER), a server's listing after its registration
    # (DOC: 10 to 15 minutes), its uninstallation, and the removal of an Azure resource (INFER).
    "deployment": 900.0,
    "process_server/listed": 720.0,
    "process_server/removed": 180.0,
    "resource/deleted": 30.0,
    # From the 202 until the job leaves NotStarted (SEEN as a state, its length is INFER).
    "not_started": 2.0,
}


MODERNIZED: dict[str, float] = {
    **CLASSIC,
    "failover/to_azure": 637.0,
    # Commits, the cancellation and the way back to Azure were not recorded (INFER).
    "commit/to_azure": 5.0,
    "reprotect/to_onprem": 722.0,
    "failover/to_onprem": 1275.0,
    "commit/to_onprem": 120.0,
    "cancel/to_onprem": 300.0,
    "reprotect/to_azure": 300.0,
    # 15 to 20 minutes (SEEN).
    "sync/to_onprem": 1050.0,
    # Two phases: copying, then waiting for the first recovery point; a first copy took 50 to 56 minutes (SEEN).
    "sync/to_azure": 1500.0,
    "first_point": 300.0,
    # Within a synchronisation: until the first byte moves (SEEN as a state, its length is INFER).
    "queued": 60.0,
    "update_appliance": 300.0,
    "disable": 67.0,
}

#: How much shorter or longer than the table's value a thing may take, where a fleet has a seed (INFER; the synchronisation
#: home alone was SEEN to take 15 to 20 minutes, and takes days for large machines).
USUAL_RANGE = (0.8, 1.5)
RANGES: dict[str, tuple[float, float]] = {
    "sync/to_onprem": (0.8, 2.5),
    "sync/to_azure": (0.8, 2.5),
    "not_started": (0.5, 3.0),
}


def drawn(seconds: float, seed: int | None, name: str, *of: str) -> float:
    """A duration of the table as one machine meets it: drawn from its range, the same at every start with a seed.

    ``of`` says whose it is and for which time. Without a seed it is the table's value.
    """
    if seed is None:
        return seconds
    low, high = RANGES.get(name, USUAL_RANGE)
    return seconds * random.Random("/".join((str(seed), name, *of))).uniform(low, high)  # noqa: S311


TABLES = {"classic": CLASSIC, "modernized": MODERNIZED}


def merged(overrides: Mapping[str, float], generation: str = "classic") -> dict[str, float]:
    """A generation's table with a fleet's own values over it.

    Raises ValueError for a key that no table knows.
    """
    unknown = sorted(set(overrides) - set(MODERNIZED))
    if unknown:
        raise ValueError(f"durations: unknown key {unknown[0]!r}; known keys are {', '.join(MODERNIZED)}.")
    return {**TABLES[generation], **overrides}
