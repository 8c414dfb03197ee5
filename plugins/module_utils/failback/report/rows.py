# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the closing report: a line for each machine, and with -v one for each of its steps. Pure text, 120 columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..model.hints import FOLD, HINT
from ..model.jobs import ALIVE, SUCCEEDED
from ..model.outcomes import LISTED, in_words
from .progress import STAGES, span
from .story import Story

#: Columns a terminal is sure to have.
WIDTH = 120

#: What a verdict is called while nothing was done yet.
PLANNED: Mapping[str, str] = {"started": "would start", "joined": "would join"}

#: Columns that are dropped first if a line is too long: -v prints them for each step.
_SPARED = ("data as of", "end")

#: A point in time as in results, with what may follow.
_POINT = re.compile(r"^\d{4}-(\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z?")


def fold_lines(text: str, *, first: str = "", rest: str = "") -> list[str]:
    """A text in lines of at most 120 columns that begin with ``first`` and ``rest``. Names and ids stay in one piece.

    A text with hints is one line, which ``folded`` divides once they are words.
    """
    if HINT.search(text):
        return [f"{{fold:{first}|{rest}}}{text}"]
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def folded(line: Any) -> list[Any]:
    """The lines of a line whose hints are words by now; anything else as it is."""
    found = FOLD.match(line) if isinstance(line, str) else None
    return fold_lines(line[found.end() :], first=found[1], rest=found[2]) if found else [line]


def machines(stories: Sequence[Story], check: bool, vaults: bool) -> list[str]:
    """A line for each machine: where it is, what it took. ``vaults``: there are several."""
    return table([_machine(story, check, vaults) for story in stories])


def steps(stories: Sequence[Story]) -> list[str]:
    """A line for each step of each machine; empty where no step was taken."""
    rows: list[dict[str, str]] = []
    for story in stories:
        for number, row in enumerate(row for row in story.rows if row.get("step")):
            rows.append(
                {
                    "machine": story.label if number == 0 else "",
                    "stage": stage(row),
                    "result": in_words(result(row)),
                    "duration": span(row.get("duration_seconds")),
                    "recovery point": str(row.get("recovery_point") or ""),
                }
            )
    return table(rows) if rows else []


def stage(row: Mapping[str, Any]) -> str:
    """A row's step in words."""
    return STAGES.get(str(row.get("step") or ""), str(row.get("step") or "-"))


def result(row: Mapping[str, Any]) -> str:
    """A row's verdict; a repeated attempt counts as failed."""
    done, state = str(row.get("done") or ""), str(row.get("state") or "")
    return "failed" if done == "started" and state and state not in ALIVE | SUCCEEDED else done


def moment(when: datetime | None, beside: datetime | None = None) -> str:
    """A time (UTC) without its year, and without its day where that of the time beside it is the same."""
    if when is None:
        return ""
    return when.strftime("%H:%M" if beside and beside.date() == when.date() else "%m-%d %H:%M")


def table(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Aligned columns, each as wide as its widest cell. A column that is empty for all is left out; if the rest is too wide,
    optional columns are dropped first, then the widest are shortened."""
    heads = [head for head in rows[0] if any(row[head] for row in rows)]
    for spare in ("", *_SPARED):
        heads = [head for head in heads if head != spare]
        wide = [max(len(head), *(len(row[head]) for row in rows)) for head in heads]
        if sum(wide) + 2 * (len(wide) - 1) <= WIDTH:
            break
    while sum(wide) + 2 * (len(wide) - 1) > WIDTH:
        wide[wide.index(max(wide))] -= 1

    def line(cells: Sequence[str]) -> str:
        return "  ".join(_cut(cell, width).ljust(width) for cell, width in zip(cells, wide, strict=True)).rstrip()

    body = (line([row[head] for head in heads]) for row in rows)
    return [line(heads), line(["-" * width for width in wide]), *body]


def _machine(story: Story, check: bool, vaults: bool) -> dict[str, str]:
    rows = story.rows or [story.last]
    last, began = rows[-1], story.began
    more = sum(bool(row.get("step")) for row in rows) - 1
    verdict = in_words(story.done if story.done != "unchanged" else result(last))
    named = stage(rows[0]) + (f" (+{more})" if more > 0 else "") if check else _ended(story)
    return {
        "machine": story.name,
        "vault": ("/".join(story.where) or str(story.last.get("vault") or "")) if vaults or story.where else "",
        "stage": named,
        "result": PLANNED.get(result(last), in_words(result(last))) if check else verdict,
        "state now": str(story.last.get("after") or "").replace("_", " "),
        "start (UTC)": moment(began),
        "end": moment(story.ended, began),
        "elapsed": span(story.elapsed),
        "downtime": span(story.downtime),
        "location": story.location,
        "data as of": _POINT.sub(r"\1 \2", story.point),
        "warn": str(len(story.warnings) or ""),
    }


def _ended(story: Story) -> str:
    """The step that stopped a machine; empty where its state says enough."""
    if story.done not in LISTED or story.done == "awaiting_approval":
        return ""
    if story.last.get("step"):
        return stage(story.last)
    return next((stage(row) for row in reversed(story.rows) if row.get("step")), "-")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
