# SPDX-License-Identifier: GPL-3.0-or-later
"""The closing report of a chain of stages: a table per machine, what was said, a totals line. Pure text, 120 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.items import ALIVE, SUCCEEDED
from ..model.outcomes import BAD, LISTED, STOPPED, spoken
from .causes import causes
from .naming import wheres
from .progress import moved, span, under_way

#: Columns a terminal is sure to have.
WIDTH = 120

#: Beyond so many machines the table shows only those that need a look; the result holds all of them.
SHOWN = 60

#: Rows of machines that need a look; beyond, the paragraphs below the table still name their causes.
LOOKED_AT = 200

#: Machines named in one sentence before "and N more".
NAMED = 20

#: Codes of a task whose machines' own verdicts say what went wrong.
_VERDICTS = ("machines_failed", "machines_refused")

#: Short names of the steps, so that a row fits.
STAGES: Mapping[str, str] = {
    "failover_to_azure": "fail over to Azure",
    "commit_to_azure": "commit to Azure",
    "reprotect_to_onprem": "reprotect home",
    "failover_to_onprem": "fail over home",
    "commit_to_onprem": "commit home",
    "reprotect_to_azure": "reprotect to Azure",
    "cancel_failover_to_onprem": "cancel failover home",
}

#: What a verdict is called while nothing was done yet.
PLANNED: Mapping[str, str] = {"started": "would start", "joined": "would join"}

_HEADS = ("machine", "vault", "stage", "result", "duration", "recovery point", "state now", "warnings")


@dataclass
class Story:
    """One machine over all stages: its rows, how it ended, what was said of it."""

    name: str
    #: What tells it from others of its name (naming.wheres).
    where: tuple[str, ...] = ()
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    last: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[Mapping[str, Any]] = field(default_factory=list)
    #: Whether it moved (see progress.moved), or in check mode whether it would.
    moved: bool = False

    def take(self, machine: Mapping[str, Any], check: bool = False) -> None:
        """Add a stage's rows: one a step; a stage in which nothing was to do adds none beside others."""
        steps = machine.get("steps") or ()
        self.moved = self.moved or (bool(machine.get("changed")) if check else moved(machine))
        if steps:
            self.rows = [row for row in self.rows if row.get("done") != "unchanged"]
            self.rows.extend(steps)
        elif not self.rows or machine.get("done") != "unchanged":
            self.rows.append(machine)

    @property
    def label(self) -> str:
        """What it is called in sentences."""
        return f"{self.name} ({', '.join(self.where)})" if self.where else self.name

    @property
    def done(self) -> str:
        return str(self.last.get("done") or "")

    @property
    def bad(self) -> bool:
        return self.done in BAD

    @property
    def needs_a_look(self) -> bool:
        return bool(self.warnings) or self.done in LISTED

    @property
    def urgency(self) -> int:
        """Place in the report: failures first, then what was refused, held, is under way, and the rest."""
        return LISTED.index(self.done) if self.done in LISTED else len(LISTED)


@dataclass(frozen=True)
class Report:
    """A whole chain of stages, ready to be printed or judged."""

    stories: tuple[Story, ...]
    stopped: tuple[str, ...]
    writes: int
    reads: int
    floor_writes: int
    floor_reads: int
    running: bool
    planned: int | None = None
    #: What stages said of the run as a whole, such as what a choice left out.
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> list[str]:
        return [s.label for s in self.stories if s.bad]

    def named(self, *done: str) -> list[str]:
        return [s.label for s in self.stories if s.last.get("done") in done]

    @property
    def names_repeat(self) -> bool:
        return any(s.where for s in self.stories)


def gather(results: Iterable[Mapping[str, Any]], check: bool = False) -> Report:
    """Stage results, in the order they were made, as one report; with ``check`` they are of check mode.

    A stage that could not even begin (no machines in its result, but ``failed``) is kept as a sentence. A machine's
    last stage says how it ended.
    """
    stories: dict[str, Story] = {}
    stopped: list[str] = []
    spent = [0, 0, 0, 0]
    running = False
    planned = 0
    notes: list[str] = []
    for result in results:
        if result.get("skipped"):
            continue
        notes += [w for w in result.get("warnings") or () if isinstance(w, str)]
        machines = result.get("machines") or ()
        # Only a run that looked at its clock says that time was over; what an error has ended is no such run.
        cut = result.get("finished") is False
        code = result.get("code")
        broke = bool(result.get("failed")) and code not in (*_VERDICTS, "still_running") and bool(code or not cut)
        still = cut and not broke
        running = running or still
        if broke and (not machines or result.get("remedy") or code):
            stopped.append(str(result.get("msg") or "A stage could not start and gave no reason."))
        planned += len(result.get("plan") or ())
        requests = result.get("requests") or {}
        floor = requests.get("floor") or {}
        for place, value in enumerate((requests, floor)):
            spent[2 * place] += int(value.get("writes") or 0)
            spent[2 * place + 1] += int(value.get("reads") or 0)
        for machine in machines:
            name, vault = str(machine["name"]), str(machine.get("vault") or "")
            key = str(machine.get("item_id") or f"{vault}/{name}").lower()
            story = stories.setdefault(key, Story(name))
            story.take(machine, check)
            story.last = {**machine, "done": "waiting"} if cut and under_way(machine) else machine
            # A later stage looks at the same operation again and repeats what it said.
            story.warnings.extend(w for w in machine.get("warnings") or () if w not in story.warnings)
    for story, where in zip(stories.values(), wheres([s.last for s in stories.values()]), strict=True):
        story.where = where
    ordered = tuple(sorted(stories.values(), key=lambda s: (s.urgency, s.name.lower(), s.where)))
    writes, reads, floor_writes, floor_reads = spent
    return Report(
        ordered,
        tuple(stopped),
        writes,
        reads,
        floor_writes,
        floor_reads,
        running,
        planned if check else None,
        tuple(dict.fromkeys(notes)),
    )


def render(report: Report, shown: int = SHOWN, onward: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """The report as lines of at most 120 columns; only what is to be copied stands on a line of its own, however long.

    ``onward`` is what can be done next: ``words``, ``command`` or ``variable``, and ``notes`` of each.
    """
    stories: Sequence[Story] = report.stories
    left_out = hidden = 0
    if len(stories) > shown:
        looked_at = [s for s in stories if s.needs_a_look]
        left_out = len(stories) - len(looked_at)
        stories = looked_at[:LOOKED_AT]
        hidden = len(looked_at) - len(stories)
    lines: list[str] = []
    if stories:
        rows = [row for story in stories for row in _rows(story, report.planned is not None)]
        lines += ["", *_table(rows if report.names_repeat else [(name, *row) for name, _vault, *row in rows])]
    if hidden:
        lines.append(f"and {hidden} more machines that need attention; see the reasons below.")
    if left_out:
        lines.append(f"and {left_out} more machines that need no attention.")
    lines += _said(report.stories)
    lines += [part for text in dict.fromkeys(report.stopped) for part in ["", *_wrap(text, "")]]
    lines += [part for text in report.notes for part in ["", *_wrap(f"Note: {text}", "  ")]]
    if report.running:
        lines += ["", *_wrap(still_running(report), "  ")]
    for entry in onward:
        lines += ["", *_wrap(str(entry.get("words") or ""), "  ")]
        lines += [str(entry[key]) for key in ("command", "variable") if entry.get(key)]
        lines += [part for note in entry.get("notes") or () for part in _wrap(str(note), "  ")]
    lines += ["", *_wrap(totals(report), "  ")]
    return lines


def still_running(report: Report) -> str:
    """What a run leaves whose wait_timeout expired."""
    names = report.named("waiting")
    who = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    reasons: dict[str, list[str]] = {}
    for story in report.stories:
        reason = str(story.last.get("reason") or "").strip().rstrip(".")
        if story.done == "waiting" and reason:
            reasons.setdefault(reason, []).append(story.label)
    why = "".join(
        f" {', '.join(some[:3])}{f' and {len(some) - 3} more' if len(some) > 3 else ''}: {reason}."
        for reason, some in list(reasons.items())[:3]
    )
    return (
        f"wait_timeout expired before all machines finished{': ' + who if who else ''}.{why} Nothing was cancelled. "
        "Rerun to continue where this run left off."
    )


def totals(report: Report) -> str:
    """One line: machines, verdicts, time, requests against the floor."""
    parts = [f"{len(report.stories)} machine{'' if len(report.stories) == 1 else 's'}"]
    number = sum(s.moved for s in report.stories)
    parts.append(f"{number} moved" if report.planned is None else f"{number} would move")
    for word in STOPPED:
        if word in BAD or report.named(word):
            parts.append(f"{len(report.named(word))} {spoken(word)}")
    if report.running:
        parts.append(f"{len(report.named('waiting'))} still under way")
    if report.planned is not None:
        return (
            f"Check mode, nothing was sent. {', '.join(parts)}. A run would send {report.planned} writes; "
            f"this check took {report.reads} reads."
        )
    return (
        f"{', '.join(parts)}. Requests: {report.writes} writes (floor {report.floor_writes}), "
        f"{report.reads} reads (floor {report.floor_reads})."
    )


def _rows(story: Story, check: bool) -> list[tuple[str, ...]]:
    """A machine's rows: its name and warnings stand in the first, its state in the last."""
    rows: list[tuple[str, ...]] = []
    last = len(story.rows) - 1
    for number, row in enumerate(story.rows):
        rows.append(
            (
                story.name if number == 0 else "",
                ("/".join(story.where) or str(story.last.get("vault") or "")) if number == 0 else "",
                STAGES.get(str(row.get("step") or ""), str(row.get("step") or "-")),
                PLANNED.get(_result(row), spoken(_result(row))) if check else spoken(_result(row)),
                span(row.get("duration_seconds")),
                str(row.get("recovery_point") or ""),
                str(story.last.get("after") or "").replace("_", " ") if number == last else "",
                str(len(story.warnings) or "") if number == last else "",
            )
        )
    return rows


def _result(row: Mapping[str, Any]) -> str:
    """A row's verdict; an attempt that was repeated stands there as failed."""
    done, state = str(row.get("done") or ""), str(row.get("state") or "")
    return "failed" if done == "started" and state and state not in ALIVE | SUCCEEDED else done


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Aligned columns, each as wide as its widest cell; where that is too much, the widest columns give way."""
    heads = _HEADS if len(rows[0]) == len(_HEADS) else tuple(head for head in _HEADS if head != "vault")
    wide = [max(len(head), *(len(row[i]) for row in rows)) for i, head in enumerate(heads)]
    while sum(wide) + 2 * (len(wide) - 1) > WIDTH:
        wide[wide.index(max(wide))] -= 1

    def line(cells: Sequence[str]) -> str:
        return "  ".join(_cut(cell, width).ljust(width) for cell, width in zip(cells, wide, strict=True)).rstrip()

    return [line(heads), line(["-" * width for width in wide]), *(line(row) for row in rows)]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _wrap(text: str, indent: str) -> list[str]:
    lines: list[str] = []
    for part in text.splitlines():
        lines += textwrap.wrap(
            part, WIDTH, subsequent_indent=indent or "  ", break_long_words=False, break_on_hyphens=False
        ) or [""]
    return lines


def _said(stories: Iterable[Story]) -> list[str]:
    """Why machines did not arrive, and what the service warned of. One cause of several machines is told once."""
    stopped: list[tuple[str, str, tuple[str, ...]]] = []
    warned: list[tuple[str, str, tuple[str, ...]]] = []
    for story in stories:
        last = story.last
        if story.done in STOPPED:
            reason = _reason(last)
            lines = [line for problem in last.get("errors") or () for line in _problem(problem, reason)]
            stopped.append((story.label, f"{story.done} {last.get('code') or ''}", (reason, *lines)))
        for problem in story.warnings:
            warned.append((story.label, f"warning {problem.get('code') or ''}", ("", *_problem(problem))))
    told: list[str] = []
    for cause in (*causes(stopped), *causes(warned)):
        reason, *more = cause.texts
        word = cause.kind.partition(" ")[0]
        told += [
            "",
            *_wrap(f"{cause.who(NAMED)} {spoken(word)}: {reason} {cause.note}".replace(":  ", ": ").rstrip(), "  "),
            *more,
        ]
    return told


def _reason(machine: Mapping[str, Any]) -> str:
    return f"{machine.get('reason') or 'no reason was given.'} {machine.get('remedy') or ''}".strip()


def _problem(problem: Mapping[str, Any], told: str = "") -> list[str]:
    """A problem in the provider's words, less what the sentence above it (``told``) has said already."""
    message, action = str(problem.get("message") or ""), str(problem.get("recommended_action") or "")
    message = "" if message and message in told else message
    action = "" if action and action in told else action
    lines = _wrap(f"  {problem.get('code') or '-'} {message}".rstrip(), "    ")
    for head, text in (("Possible causes", problem.get("possible_causes")), ("Recommended", action)):
        if text:
            lines += _wrap(f"    {head}: {text}", "      ")
    return lines
