# SPDX-License-Identifier: GPL-3.0-or-later
"""What the domain's tests share: a fresh scripted vault, and Microsoft's recorded exchanges where they are at hand.

Tests lie in the directories of the rooms they are about; helpers that one room's tests lend to another's are found from all.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from world import World

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "asr" / "recordings"

sys.path += [str(room) for room in sorted(Path(__file__).resolve().parent.iterdir()) if room.is_dir()]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def recording() -> Callable[[int], dict[str, Any]]:
    """The answer's body of a recorded exchange by its number (SEEN). ASR_CONTRACT=required forbids skipping."""
    if not RECORDINGS.is_dir():
        if os.environ.get("ASR_CONTRACT") == "required":
            pytest.fail(f"the recorded exchanges are required and not at {RECORDINGS}")
        pytest.skip("the recorded exchanges are not beside this checkout")

    def read(number: int) -> dict[str, Any]:
        (path,) = RECORDINGS.glob(f"rcm_{number:03d}_*.json")
        return json.loads(path.read_text(encoding="utf-8"))["response"]["body"]

    return read
