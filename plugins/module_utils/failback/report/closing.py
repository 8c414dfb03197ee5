# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a report, the block NEXT: what failed and what to do, what awaits approval, what is under way. Pure text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..model.outcomes import in_words
from .causes import causes
from .rows import moment, stage
from .story import Story

#: Machines named in one sentence before "and N more".
NAMED = 20

#: Lines for machines under way; beyond, they are counted.
UNDER_WAY = 12

Wrap = Callable[[str, str], "list[str]"]


def block(
    stories: Sequence[Story], stopped: bool, running: bool, onward: Iterable[Mapping[str, Any]], wrap: Wrap
) -> list[str]:
    """The lines of the block. Commands are on their own line."""
    lines = [*_failed(stories, wrap)]
    entries = list(onward)
    for entry in (e for e in entries if e.get("about") == "approve"):
        lines += _entry(entry, wrap)
    if running:
        lines += _running(stories, wrap)
    for entry in (e for e in entries if e.get("about") != "approve"):
        lines += _entry(entry, wrap)
    if not lines:
        arrived = "Nothing to do: every machine is where this run takes it."
        lines = ["  Fix the errors above and rerun." if stopped else f"  {arrived}"]
    return ["", "NEXT", *lines]


def _failed(stories: Sequence[Story], wrap: Wrap) -> list[str]:
    """What to do about the machines that failed or were refused; a common remedy is printed once."""
    bad = [(s.label, s.done, (str(s.last.get("remedy") or "Fix the cause and rerun."),)) for s in stories if s.bad]
    lines: list[str] = []
    for cause in causes(bad):
        lines += wrap(f"  {cause.who(NAMED)} {in_words(cause.kind)}: {cause.texts[0]} {cause.note}".rstrip(), "    ")
    return lines


def _running(stories: Sequence[Story], wrap: Wrap) -> list[str]:
    """What is under way, and since when."""
    waiting = [s for s in stories if s.done == "waiting"]
    lines = ["  Under way in the service. Nothing was cancelled; a rerun joins what runs."] if waiting else []
    for story in waiting[:UNDER_WAY]:
        last = story.rows[-1] if story.rows else story.last
        reason = str(story.last.get("reason") or "").strip().rstrip(".")
        since = f", {stage(last)} since {moment(story.began)} UTC" if story.began and not last.get("end") else ""
        lines += wrap(f"    {story.label}{since}{f': {reason}' if reason else ''}", "      ")
    if len(waiting) > UNDER_WAY:
        lines.append(f"    and {len(waiting) - UNDER_WAY} more")
    return lines


def _entry(entry: Mapping[str, Any], wrap: Wrap) -> list[str]:
    lines = wrap(f"  {entry.get('words') or ''}", "    ")
    lines += [str(entry[key]) for key in ("command", "variable") if entry.get(key)]
    return lines + [part for note in entry.get("notes") or () for part in wrap(f"  {note}", "    ")]
