# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's table, and the machine its numbers are from."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

#: Column -> width. The small table leaves out those of ``WIDE``.
COLUMNS = {
    "generation": 10,
    "machines": 8,
    "page": 5,
    "advance": 8,
    "writes": 6,
    "floor": 6,
    "reads/op": 8,
    "lists": 6,
    "slices": 6,
    "CPU s": 6,
    "ms/step": 7,
    "MB": 5,
    "SOAP": 5,
    "looks": 5,
    "send s": 6,
    "bucket s": 8,
    "wall s": 6,
    "ready lists": 11,
    "ready SOAP": 10,
    "lists/slice": 11,
    "SOAP/slice": 10,
}
WIDE = frozenset({"writes", "floor", "lists", "SOAP", "looks", "SOAP/slice", "send s", "bucket s"})


def machine() -> str:
    """The machine and the programs the numbers are from."""
    model, memory = platform.processor() or platform.machine(), ""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        model = next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB"
    except (OSError, StopIteration, ValueError):
        pass
    core = metadata.version("ansible-core")
    return (
        f"{model}, {os.cpu_count()} cores{memory}, {platform.system()}, "
        f"Python {platform.python_version()}, ansible-core {core}"
    )


def table(rows: Sequence[Mapping[str, str]], wide: bool) -> str:
    """The rows under their headings; ``wide`` with all columns."""
    shown = {name: width for name, width in COLUMNS.items() if wide or name not in WIDE}
    lines = [{name: name for name in shown}, *rows]
    return "\n".join("  ".join(line[name].rjust(width) for name, width in shown.items()) for line in lines)
