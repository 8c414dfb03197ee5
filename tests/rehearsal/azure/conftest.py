# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the vault stand-in's tests."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from vault_fixture import SMALL, run_vault  # noqa: E402

__all__ = ["run_vault"]


@pytest.fixture
def small() -> dict[str, Any]:
    """A fresh copy of the small fleet, to be changed at will."""

    return copy.deepcopy(SMALL)
