# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make bench` measures is what it says it measures."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script as a module, working in a directory of its own."""
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("bench", ROOT / "scripts" / "bench.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bench", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "WORK", tmp_path)
    yield module
    sys.path[:] = before


@pytest.mark.parametrize("generation", ["classic", "modernized"])
@pytest.mark.parametrize("size", [1, 12, 100])
def test_the_fleet_is_the_generated_one_with_every_machine_in_azure(
    bench: ModuleType, tmp_path: Path, size: int, generation: str
) -> None:
    home = bench.generated_fleets.GENERATED[generation](size)
    from rehearsal.fleet_file import load

    away = load(str(bench.fleet_file(tmp_path, generation, size)))
    assert {m.state for m in away.machines} == {"out"}
    assert [replace(m, state="home") for m in away.machines] == list(home.machines)
    assert (away.vaults, away.site) == (home.vaults, home.site)


def logged(second: int, verb: str, status: Any = 202) -> str:
    path = f"/subscriptions/s/replicationProtectedItems/i/{verb}?api-version=1"
    return json.dumps(
        {"time": f"2026-03-01T08:00:{second:02}.000+00:00", "method": "POST", "path": path, "status": status}
    )


def test_sending_lasts_from_the_first_to_the_last_accepted_write_of_stage_two(bench: ModuleType) -> None:
    lines = [
        logged(1, "reProtect", 429),
        logged(2, "reProtect"),
        logged(3, "reProtect", "dropped"),
        logged(9, "reProtect"),
        logged(20, "unplannedFailover"),
        # Stage 4 uses the same word.
        logged(40, "reProtect"),
        logged(41, "reProtect"),
    ]
    (bench.WORK / "requests.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert bench.sending_seconds(2) == 7.0
    assert bench.sending_seconds(4) == 39.0


@pytest.mark.parametrize("text", ["12 100", "12,100", " 12, 100 "])
def test_sizes_are_between_commas_or_spaces(bench: ModuleType, text: str) -> None:
    assert bench.numbers(text) == [12, 100]
