# SPDX-License-Identifier: GPL-3.0-or-later
"""The map in ARCHITECTURE.md names what is there: each room, and each test that holds a promise."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_room_of_the_domain_is_on_the_map() -> None:
    rooms = {
        path.name for path in (ROOT / "plugins/module_utils/failback").iterdir() if (path / "__init__.py").exists()
    }
    drawn = dict(re.findall(r"^ +\d  (\w+) +(\S.*)$", MAP, re.MULTILINE))
    assert set(drawn) == rooms


def test_every_test_that_holds_a_promise_exists() -> None:
    promises = MAP.partition("## Promises")[2].partition("\n## ")[0]
    named = re.findall(r"`(?:tests/[\w/]*/)?(test_\w+\.py)`", promises)
    assert len(named) > 10
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(named) <= there, set(named) - there


def test_every_file_that_is_named_exists() -> None:
    for name in re.findall(r"`([\w/]+/[\w.]+\.(?:py|yml|md))`", MAP):
        places = [ROOT / name, *(ROOT / "plugins/module_utils/failback").glob(f"**/{name}")]
        assert any(place.exists() for place in places), name
