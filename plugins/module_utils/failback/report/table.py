# SPDX-License-Identifier: GPL-3.0-or-later
"""The final report of a chain of stages: a table per machine, messages, a line of totals. Pure text, 120 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.outcomes import BAD, STOPPED, in_words
from . import closing, rows
from .causes import causes
from .naming import wheres
from .progress import under_way
from .rows import fold_lines
from .story import Story

#: Beyond this number of machines the table shows only those that need attention; the result holds all of them.
SHOWN = 60

#: Maximum rows of machines that need attention; the paragraphs below the table still give the causes of the others.
LOOKED_AT = 200

#: Machines named in one sentence before "and N more".
NAMED = 20

#: Codes of a task whose machines' own verdicts say what went wrong.
_VERDICTS = ("machines_failed", "machines_refused")


@dataclass(frozen=True)
class Report:
    """A whole chain of stages, ready to be printed."""

    stories: tuple[Story, ...]
    stopped: tuple[str, ...]
    writes: int
    reads: int
    floor_writes: int
    floor_reads: int
    running: bool
    planned: int | None = None
    #: Notes about the run as a whole, such as what a selection left out.
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> list[str]:
        return [s.label for s in self.stories if s.bad]

    def named(self, *done: str) -> list[str]:
        return [s.label for s in self.stories if s.last.get("done") in done]

    @property
    def vaults(self) -> int:
        """Number of vaults that the machines are in."""
        return len({str(s.last.get("vault") or "") for s in self.stories})


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
    locations: dict[str, str] = {}
    for result in results:
        if result.get("skipped"):
            continue
        for item_id, location in (result.get("locations") or {}).items():
            locations[str(item_id).lower()] = str(location)
        notes += [w for key in ("warnings", "notes") for w in result.get(key) or () if isinstance(w, str)]
        machines = result.get("machines") or ()
        # Only a run whose time expired reports that; a run that ended with an error does not.
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
            # A later stage reads the same operation again and repeats its messages.
            story.warnings.extend(w for w in machine.get("warnings") or () if w not in story.warnings)
    for story, where in zip(stories.values(), wheres([s.last for s in stories.values()]), strict=True):
        story.where = where
        story.location = story.location or locations.get(str(story.last.get("item_id") or "").lower(), "")
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


def render(
    report: Report,
    shown: int = SHOWN,
    onward: Iterable[Mapping[str, Any]] = (),
    verbose: bool = False,
    rules: Sequence[str] = (),
) -> list[str]:
    """The report as lines of at most 120 columns; only commands are on one line, however long.

    ``onward`` is what can be done next: ``words``, ``command`` or ``variable``, and ``notes`` of each. ``verbose`` adds the steps
    of each machine and the requests that were sent. ``rules`` are lines about what the rules of readiness found.
    """
    stories: Sequence[Story] = report.stories
    left_out = hidden = 0
    if len(stories) > shown:
        looked_at = [s for s in stories if s.needs_a_look]
        left_out = len(stories) - len(looked_at)
        stories = looked_at[:LOOKED_AT]
        hidden = len(looked_at) - len(stories)
    lines: list[str] = []
    check = report.planned is not None
    if len(states := {str(s.last.get("after") or "") for s in stories if not s.where}) == 1 and all(
        map(_idle, stories)
    ):
        names = ", ".join(s.name for s in stories)
        lines += ["", *wrapped(f"{names}: nothing to do, {states.pop().replace('_', ' ')}.", "  ")]
    elif stories:
        lines += ["", *rows.machines(stories, check, report.vaults > 1)]
    if hidden:
        lines.append(f"and {hidden} more machines that need attention; see the reasons below.")
    if left_out:
        lines.append(f"and {left_out} more machines that need no attention.")
    if verbose and stories and (steps := rows.steps(stories)):
        lines += ["", *steps]
    lines += ["", *wrapped(totals(report, verbose), "  ")]
    lines += _said(report.stories)
    lines += [part for text in dict.fromkeys(report.stopped) for part in ["", *wrapped(text, "")]]
    lines += rules
    lines += [part for text in report.notes for part in ["", *wrapped(f"Note: {text}", "  ")]]
    if check:
        return lines
    if report.running:
        lines += ["", "{option:wait_timeout} expired before all machines finished."]
    return lines + closing.block(report.stories, bool(report.stopped), report.running, onward, wrapped)


def _idle(story: Story) -> bool:
    """Whether there was nothing to do for a machine and there is no message about it."""
    return story.done == "unchanged" and not story.warnings and not story.where


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
        f"{{option:wait_timeout}} expired before all machines finished{': ' + who if who else ''}.{why} Nothing was cancelled. "
        "Rerun to continue where this run left off."
    )


def totals(report: Report, verbose: bool = False) -> str:
    """One line: machines and verdicts; with ``verbose`` also requests against the floor."""
    parts = [f"{len(report.stories)} machine{'' if len(report.stories) == 1 else 's'}"]
    number = sum(s.moved for s in report.stories)
    parts.append(f"{number} moved" if report.planned is None else f"{number} would move")
    for word in STOPPED:
        if word in BAD or report.named(word):
            parts.append(f"{len(report.named(word))} {in_words(word)}")
    if report.running:
        parts.append(f"{len(report.named('waiting'))} still under way")
    if report.planned is not None:
        return (
            f"Check mode, nothing was sent. {', '.join(parts)}. A run would send {report.planned} writes; "
            f"this check took {report.reads} reads."
        )
    if not verbose:
        return f"{', '.join(parts)}."
    return (
        f"{', '.join(parts)}. Requests: {report.writes} writes (floor {report.floor_writes}), "
        f"{report.reads} reads (floor {report.floor_reads})."
    )


def wrapped(text: str, indent: str) -> list[str]:
    """A text in lines of at most 120 columns."""
    lines: list[str] = []
    for part in text.splitlines():
        lines += fold_lines(part, rest=indent or "  ") or [""]
    return lines


def _said(stories: Iterable[Story]) -> list[str]:
    """Why machines did not finish, and the service's warnings. A common cause is printed once."""
    stopped: list[tuple[str, str, tuple[str, ...]]] = []
    warned: list[tuple[str, str, tuple[str, ...]]] = []
    for story in stories:
        last = story.last
        if story.done in STOPPED:
            reason = _reason(last)
            told_next = f"{reason} {last.get('remedy') or ''}"
            lines = [line for problem in last.get("errors") or () for line in _problem(problem, told_next)]
            stopped.append((story.label, f"{story.done} {last.get('code') or ''}", (reason, *lines)))
        for problem in story.warnings:
            warned.append((story.label, f"warning {problem.get('code') or ''}", ("", *_problem(problem))))
    told: list[str] = []
    for cause in (*causes(stopped), *causes(warned)):
        reason, *more = cause.texts
        word = cause.kind.partition(" ")[0]
        told += [
            "",
            *wrapped(f"{cause.who(NAMED)} {in_words(word)}: {reason} {cause.note}".replace(":  ", ": ").rstrip(), "  "),
            *more,
        ]
    return told


def _reason(machine: Mapping[str, Any]) -> str:
    """Why a machine stopped. What to do about one that went wrong is in the block NEXT."""
    remedy = "" if machine.get("done") in BAD else machine.get("remedy") or ""
    return f"{machine.get('reason') or 'no reason was given.'} {remedy}".strip()


def _problem(problem: Mapping[str, Any], told: str = "") -> list[str]:
    """A problem in the provider's words, without what the sentence above it (``told``) already contains."""
    message, action = str(problem.get("message") or ""), str(problem.get("recommended_action") or "")
    message = "" if message and message in told else message
    action = "" if action and action in told else action
    lines = wrapped(f"  {problem.get('code') or '-'} {message}".rstrip(), "    ")
    for head, text in (("Possible causes", problem.get("possible_causes")), ("Recommended", action)):
        if text:
            lines += wrapped(f"    {head}: {text}", "      ")
    return lines
