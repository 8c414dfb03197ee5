# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""The one place that knows the real clock; everybody else is handed a Clock."""

from __future__ import annotations

import time

from ..failback.ports import Clock


def system_clock() -> Clock:
    """The machine's own clock."""
    return Clock(monotonic=time.monotonic, sleep=time.sleep)
