# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as the table says, or drawn from ranges with a seed."""

from __future__ import annotations

from dataclasses import replace

from rehearsal import fleet_file
from rehearsal.azure.durations import CLASSIC, RANGES, USUAL_RANGE, drawn
from rehearsal.azure.vault import VaultState

SYNC = "sync/to_onprem"


def test_without_a_seed_it_is_the_tables_value() -> None:
    assert drawn(775.0, None, "reprotect/to_onprem", "web-01", "1") == 775.0


def test_with_a_seed_it_lies_in_its_range_and_is_the_same_again() -> None:
    for name in ("reprotect/to_onprem", SYNC, "not_started"):
        low, high = RANGES.get(name, USUAL_RANGE)
        took = [drawn(CLASSIC[name], 7, name, f"web-{n:02d}", "1") for n in range(50)]
        assert took == [drawn(CLASSIC[name], 7, name, f"web-{n:02d}", "1") for n in range(50)]
        assert took != [drawn(CLASSIC[name], 8, name, f"web-{n:02d}", "1") for n in range(50)]
        assert len({round(seconds) for seconds in took}) > 1
        assert all(low * CLASSIC[name] <= seconds <= high * CLASSIC[name] for seconds in took)


def test_each_machine_and_each_time_takes_its_own() -> None:
    base = fleet_file.load("classic-12")
    fixed = VaultState(base, base.vaults[0])
    assert {fixed.takes(SYNC, m.name) for m in base.machines} == {CLASSIC[SYNC]}
    seeded = [VaultState(replace(base, seed=3), base.vaults[0]) for _start in range(2)]
    first, again = ([[v.takes(SYNC, m.name) for m in base.machines] for _turn in range(2)] for v in seeded)
    assert first == again
    assert len({seconds for turn in first for seconds in turn}) == 2 * len(base.machines)
