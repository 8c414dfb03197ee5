# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the report at the end of a task. It never fails a task: what the run did is said by the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from . import page_readiness, page_run, run_data
from .page_render import render
from .report_file import ReportFile

#: Data of a report, and its page where one is wanted.
Made = tuple[dict[str, Any], str]


def of_preflight(file: ReportFile, result: Mapping[str, Any]) -> Made:
    """A preflight's report."""
    data = page_readiness.preflight(result, str(result.get("time") or now()))
    return data, render("preflight", page_readiness.view(data)) if file.page else ""


def of_run(file: ReportFile, results: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any]) -> Made:
    """A run's report, with the pages of earlier ones beside it."""
    data = run_data.run(results, verdict, now())
    earlier = file.earlier()
    return {**data, "earlier": earlier}, render("run", page_run.view(data, earlier)) if file.page else ""


def publish(
    file: ReportFile,
    make: Callable[[ReportFile], Made],
    check: bool,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> list[str]:
    """Write it, say where, and return the files. In check mode nothing is written: the report of the last run stays what it is."""
    where = file.page or file.data
    if check:
        say(f"  Check mode writes no report; a run writes {where}.")
        return []
    try:
        data, page = make(file)
        written = file.write(data, page)
    except Exception as error:  # noqa: BLE001 - a report that cannot be made must not hide how the run ended
        why = (error.strerror if isinstance(error, OSError) else "") or f"{type(error).__name__}: {error}"
        warn(f"The report could not be written to {where}: {why}. The result above is not affected.")
        return []
    say(f"  Report: {' and '.join(written)}")
    return written


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
