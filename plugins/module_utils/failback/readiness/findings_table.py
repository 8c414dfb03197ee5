# SPDX-License-Identifier: GPL-3.0-or-later
"""The table in the terminal: blocks first, then warnings, then what is not known; a common cause is printed once. Pure text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..report.rows import fold_lines
from .rules.rule import LOOK_YOURSELF, UNKNOWN

#: Names in one row before "and N more".
NAMED = 6

_HEADS = {"block": "BLOCKS", "warn": "WARNS", "unknown": "NOT KNOWN", "accepted": "ACCEPTED"}

Found = Mapping[str, Any]


def kind_of(finding: Found) -> str:
    """The heading of a finding."""
    if finding["blocks"]:
        return "block"
    if finding["accepted"]:
        return "accepted"
    return "unknown" if finding["verdict"] == UNKNOWN else "warn"


def add_finding(known: dict[tuple[str, ...], Any], finding: Found) -> None:
    """Add a finding to those that are known, by rule and subject. A later one replaces an earlier one, and a server's machines add up."""
    named = tuple(str(finding.get(key) or "").lower() for key in ("rule", "about", "vault", "item_id", "name"))
    before = known.get(named, {}).get("machines") or ()
    known[named] = {**finding, "machines": list(dict.fromkeys([*before, *finding["machines"]]))}


def all_findings(results: Iterable[Mapping[str, Any]]) -> list[Found]:
    """The findings of the stages of a run; the last word on each subject counts."""
    known: dict[tuple[str, ...], Any] = {}
    for result in results:
        for finding in result.get("findings") or ():
            add_finding(known, finding)
    return list(known.values())


def beside(findings: Sequence[Found], arrived: Collection[str] = ()) -> list[str]:
    """What the rules of a run warned of and what was accepted, as lines. What blocked a machine is said with the machine; what is not
    known is only named. Where all machines of a finding have ``arrived`` (names in lower case), only the report's files keep it."""
    lines: list[str] = []
    findings = [f for f in findings if kind_of(f) == "accepted" or not _is_past(f, arrived)]
    for head in ("warn", "accepted"):
        mine = [f for f in findings if kind_of(f) == head]
        if mine:
            lines += ["", _HEADS[head], *_table(mine)]
    dark: dict[str, set[str]] = {}
    for finding in findings:
        if kind_of(finding) == "unknown":
            dark.setdefault(finding["rule"], set()).add(finding["name"])
    if dark:
        told = ", ".join(f"{rule} ({_names(sorted(names, key=str.lower))})" for rule, names in sorted(dark.items()))
        lines += ["", *fold_lines(f"Not known: {told}. The playbook preflight says why.")]
    return lines


def _is_past(finding: Found, arrived: Collection[str]) -> bool:
    """Whether every machine that a finding is about has arrived."""
    names = [str(name).lower() for name in finding["machines"]]
    return bool(names) and all(name in arrived for name in names)


def render(result: Mapping[str, Any]) -> list[str]:
    """The findings of a result as lines of at most 120 columns, and a line of totals."""
    lines: list[str] = []
    findings: Sequence[Found] = result["findings"]
    for head in _HEADS:
        mine = [f for f in findings if kind_of(f) == head]
        if mine:
            shared = _one_remedy(mine) if head == "unknown" else {}
            own = [f for f in mine if f["remedy"] not in shared]
            lines += ["", _HEADS[head], *(_table(own) if own else [])]
            for remedy, rules in shared.items():
                lines += fold_lines(f"{', '.join(rules)}: {remedy}", first="  ", rest="    ")
    counts = result["counts"]
    machines = len(result["machines"])
    blocked = len(result["blocked_machines"])
    told = (
        f"{machines} machine{'' if machines == 1 else 's'}, {blocked} blocked. Rules: {counts['pass']} passed, "
        f"{counts['block']} block, {counts['warn']} warn, {counts['unknown']} not known, {counts['accepted']} accepted. "
        f"Nothing was written; {result['requests']['reads']} reads{scripts(result)}."
    )
    lines += ["", *fold_lines(told)]
    return lines


def _one_remedy(findings: Sequence[Found]) -> dict[str, list[str]]:
    """What several rules wait for to be known, such as a look that nobody asked for, with their names: printed once for all."""
    rules: dict[str, dict[str, None]] = {}
    for finding in findings:
        rules.setdefault(str(finding["remedy"]), {})[str(finding["rule"])] = None
    return {
        remedy: sorted(named)
        for remedy, named in rules.items()
        if len(named) > 1 and not remedy.startswith(LOOK_YOURSELF)
    }


def scripts(result: Mapping[str, Any]) -> str:
    """In how many Azure VMs a script ran, for the end of a sentence; empty where it ran in none."""
    number = int(result.get("scripts_run") or 0)
    return f", a script run inside {number} Azure VM{'' if number == 1 else 's'}" if number else ""


def _table(findings: Sequence[Found]) -> list[str]:
    """One row per rule and cause: the rule's name, its subjects, then the finding and the remedy."""
    rows: dict[tuple[str, str, str], list[Found]] = {}
    for finding in findings:
        # Sentences that differ only in names are one cause: the first one is printed.
        rows.setdefault((finding["rule"], _cause(finding), finding["accepted"]), []).append(finding)
    width = max(len(rule) for rule, _cause, _accepted in rows)
    lines: list[str] = []
    for (rule, _text, accepted), some in rows.items():
        first = some[0]
        if _cause(first) != first["text"]:
            rest = [f["name"] for f in some[1:]]
            told = first["text"] + (f" The same applies to {_names(rest)}." if rest else "")
        else:
            told = f"{_names([f['name'] for f in some])}: {first['text']}"
        served = sorted({m for f in some for m in f["machines"]} - {f["name"] for f in some}, key=str.lower)
        if served:
            told += f" Affects {_names(served)}."
        told += f" {first['remedy']}" if not accepted else f" Accepted: {accepted}"
        lines += fold_lines(told, first=f"  {rule.ljust(width)}  ", rest=" " * (width + 4))
    return lines


def _cause(finding: Found) -> str:
    return re.sub(rf"(?<![\w-]){re.escape(str(finding['name']))}(?![\w-])", "*", str(finding["text"]))


def _names(names: Sequence[str]) -> str:
    some = list(dict.fromkeys(names))
    shown = ", ".join(some[:NAMED])
    return shown + (f" and {len(some) - NAMED} more" if len(some) > NAMED else "")
