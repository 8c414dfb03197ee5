# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsals of tests/integration, for what ansible-rulebook starts on them."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "integration", TESTS.parent / "extensions"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
