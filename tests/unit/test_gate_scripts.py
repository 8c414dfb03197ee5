# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the gates can be read, before any of them runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_gates_can_be_listed() -> None:
    listed = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "gates.py"), "--list"], capture_output=True, text=True, check=False
    )
    assert listed.returncode == 0, listed.stderr
    assert "unit" in listed.stdout
