# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that reads the real clock; everything else gets a Clock."""

from __future__ import annotations

import time

from ..failback.model.ports import Clock


def system_clock() -> Clock:
    """The machine's own clock."""
    return Clock(monotonic=time.monotonic, sleep=time.sleep)
