# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do next: commits awaiting approval, operations in progress, what to rerun. Pure.

A printed command acts only on the machines of this run, and approves exactly those it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.group import HELD as GROUP_HELD
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import COMMITS, NOT_CONFIRMED
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import SUCCEEDED
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.outcomes import STOPPED
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import fold, stripped
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.story import Story
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import Report
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.approval import HELD, WAITS
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import ALL

from .command import CommandLine, json_line

#: Maximum machines named in a command; beyond that ``held`` is used, or nothing.
NAMED = 20

#: Code of a row for a member of a recovery plan without a machine.
MEMBER_GONE = "plan_member_gone"

#: Options that choose machines.
CHOICE = ("machines", "groups", "recovery_plans", "exclude")


@dataclass(frozen=True)
class Way:
    """How the user takes words to the run. ``prefix`` is that of the variables ("asr_"), empty where tasks are the user's own;
    ``line`` is the typed command line, None where there is none. ``approving``: the run was given approvals, wherever that was
    set; ``confirmed``: it was allowed to fail machines over to Azure."""

    prefix: str
    line: CommandLine | None
    approving: bool = False
    confirmed: bool = False
    #: The host whose machines they are, where the run has several vaults as hosts.
    host: str = ""


def next_steps(report: Report, way: Way) -> list[dict[str, Any]]:
    """What can be done next, the approval first: ``about``, ``count``, ``words`` for users, and the ``command`` (or the
    ``variable``) to copy, each on one line."""
    stories = report.stories
    if report.planned is not None or not stories:
        return []
    waiting = [s for s in stories if s.last.get("done") == "awaiting_approval"]
    kept = [s for s in stories if s not in waiting and _needed(s)]
    found: list[dict[str, Any]] = []
    if waiting:
        who = f"{len(waiting)} machine{'' if len(waiting) == 1 else 's'}"
        wait = "is waiting" if len(waiting) == 1 else "are waiting"
        words = (
            f"{who} {wait} for approval before the commit. Once you have checked "
            f"{'it' if len(waiting) == 1 else 'them'}"
        )
        found.append(_entry("approve", len(waiting), words, _approvals(waiting, kept, stories), report, way))
    to_fix = _to_fix(report, waiting)
    if report.running or to_fix:
        about, words = ("continue", "To continue") if report.running else ("again", "After fixing the causes")
        number = len(report.named("waiting")) if report.running else len(to_fix)
        entry = _entry(about, number, words, _kept(kept, stories, way.approving), report, way)
        if len(kept) > NAMED:
            entry["notes"].append(
                "It does not repeat the approvals, because there are too many; these machines will wait for "
                "approval again."
            )
        found.append(entry)
    return found


def _to_fix(report: Report, waiting: Sequence[Story]) -> list[Story]:
    """Machines that did not arrive, but for those that wait for an approval, their own or that of a group's member."""
    others = [s for s in report.stories if s not in waiting and s.last.get("code") != GROUP_HELD]
    return [s for s in others if report.stopped or s.last.get("done") in STOPPED]


def _needed(story: Story) -> bool:
    """Whether an approval that this run was given is still needed: the commit has not succeeded."""
    if not story.last.get("approved"):
        return False
    return not any(row.get("step") in COMMITS and row.get("state") in SUCCEEDED for row in story.rows) and (
        story.last.get("done") != "unchanged" or story.last.get("after") in WAITS
    )


def _approvals(waiting: Sequence[Story], kept: Sequence[Story], stories: Sequence[Story]) -> list[str]:
    """Entries that approve the waiting machines, and again those whose approval this run has not used."""
    approved = [*waiting, *kept]
    if len(approved) > NAMED:
        # The word approves every machine that is waiting then; it means only these if no other one is waiting.
        others = [s for s in stories if s.last.get("after") in WAITS and s not in approved]
        if not others and all(s.last.get("after") in WAITS for s in approved):
            return [HELD]
    return names_or_ids(approved, stories)


def _kept(kept: Sequence[Story], stories: Sequence[Story], approving: bool) -> list[str] | None:
    """Approvals of a run that has not finished, by name: ``held`` would mean more machines in the next run.

    None where there were none, empty where they are too many to be named.
    """
    if not approving and not any(s.last.get("approved") for s in stories):
        return None
    return names_or_ids(kept, stories) if len(kept) <= NAMED else []


def names_or_ids(named: Iterable[Story], stories: Sequence[Story]) -> list[str]:
    """Each machine by its name if that is unique, else by the id of its replicated item."""
    meanings: dict[str, set[str]] = {HELD: {HELD}, ALL: {ALL}}
    for story in stories:
        item_id = str(story.last.get("item_id") or "")
        for word in (story.name, item_id.rpartition("/")[2], str(story.last.get("group") or "")):
            meanings.setdefault(fold(stripped(word)), set()).add(item_id.lower())

    def say(story: Story) -> str:
        plain = not any(part in story.name for part in (",", "\n", "{{", "{%", "{#")) and story.name == stripped(
            story.name
        )
        return story.name if plain and len(meanings[fold(story.name)]) == 1 else str(story.last.get("item_id") or "")

    return [say(story) for story in named]


def _entry(about: str, count: int, words: str, approved: list[str] | None, report: Report, way: Way) -> dict[str, Any]:
    variables: dict[str, Any] = {} if approved is None else {f"{way.prefix}approved": approved}
    # The names of one host's machines mean nothing to the others.
    here = {f"{way.prefix}hosts": way.host} if way.host and way.prefix else {}
    line = way.line
    command = variable = ""
    notes: list[str] = []
    if not way.prefix:
        words += ", run the same tasks again" + (" with" if variables else "") + (":" if variables else ".")
        variable = f"approved: {json_line(approved)}" if variables else ""
    elif line is None:
        words += ", launch the same template again (or rerun the same job) with the same answers" + (
            f" and {'these variables' if here else 'this variable'}:" if variables or here else "."
        )
        told = {**here, **variables}
        variable = ", ".join(f"{name}: {json_line(value)}" for name, value in told.items())
        if about == "approve":
            notes.append(f"A commit needs only the approval, not {way.prefix}confirm_failover_to_azure.")
    else:
        # Whatever is left out might have chosen fewer machines. Where a choice means one run, it is these and no others;
        # elsewhere it would be the choice of every run of the command.
        again = bool(line.left_out) and (not line.ours or len(report.stories) > NAMED)
        variables = {**here, **variables}
        if line.left_out and not again:
            chosen: dict[str, Any] = {f"{way.prefix}{option}": [] for option in CHOICE}
            there = [s for s in report.stories if s.last.get("code") != MEMBER_GONE]
            chosen[f"{way.prefix}machines"] = names_or_ids(there, report.stories)
            variables = {**chosen, **variables}
        confirm = f"{way.prefix}confirm_failover_to_azure"
        if way.confirmed and (again or confirm not in line.withheld):
            # A file, an inventory or the play confirms it, and so would the command.
            variables = {**variables, confirm: False}
        if again:
            words += f", run your command again{' with this added at the end:' if variables else '.'}"
            variable = f"-e {_quoted(variables)}" if variables else ""
        else:
            words += ", run:"
            command = line.with_variables(variables)
            if line.left_out:
                notes.append(
                    f"Left out, because it may be secret or no longer exists: {', '.join(line.left_out)}. Add it "
                    "yourself."
                )
        unconfirmed = any(s.last.get("code") == NOT_CONFIRMED for s in report.stories)
        if about != "approve" and (unconfirmed or way.confirmed or confirm in line.withheld):
            notes.append(
                f"Printed commands never include {confirm}. To fail a machine over to Azure, add -e {confirm}=true "
                "at the end."
            )
    if approved == [HELD]:
        notes.append(f"It approves the {count} machines that are waiting now.")
    return {"about": about, "count": count, "words": words, "command": command, "variable": variable, "notes": notes}


def _quoted(variables: dict[str, Any]) -> str:
    return CommandLine(()).with_variables(variables).removeprefix("-e ")
