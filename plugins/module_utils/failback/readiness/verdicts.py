# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the rules: findings, what was accepted, and what that means for each machine. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ..lifecycle.gates import WORDS
from ..model.errors import InputError
from .facts.facts import Facts
from .facts.moments import ABOUT
from .facts.subjects import Machine, Subject
from .rules.catalogue import BY_ID, FIRM, RULES
from .rules.rule import BLOCK, LOOK_YOURSELF, PASS, UNKNOWN, WARN, Rule, Said


@dataclass(frozen=True)
class Finding:
    """The result of a rule for a subject. ``accepted`` is the user's reason for accepting it."""

    rule: Rule
    subject: Subject
    said: Said
    accepted: str = ""

    @property
    def verdict(self) -> str:
        return self.rule.verdict(self.said)

    @property
    def blocks(self) -> bool:
        return self.rule.blocks(self.said) and not self.accepted

    @property
    def remedy(self) -> str:
        if self.said.remedy or self.said.holds is not None:
            return self.said.remedy or self.rule.remedy
        return f"{LOOK_YOURSELF} If it fails: {self.rule.remedy}"

    def result(self) -> dict[str, Any]:
        """As in the module's result and in the report."""
        return {
            "rule": self.rule.id,
            "title": self.rule.title,
            "about": ABOUT[self.subject.kind],
            "name": self.subject.name,
            "item_id": self.subject.keys[0] if isinstance(self.subject, Machine) and self.subject.keys else "",
            "vault": self.subject.vault.name,
            "generation": self.subject.generation,
            "moments": sorted(self.rule.moments & self.subject.moments),
            "severity": self.rule.severity,
            "verdict": self.verdict,
            "blocks": self.blocks,
            "text": self.said.text,
            "remedy": self.remedy,
            "read": self.rule.reads,
            "source": self.rule.source,
            "machines": list(self.subject.machines),
            "accepted": self.accepted,
        }


def check_accept(accept: Mapping[str, Any]) -> None:
    """What may be accepted is named by the word of a rule or gate, and always with a reason. Raises InputError."""
    known = [*BY_ID, *(word for word in WORDS if word not in BY_ID)]
    for word, reason in accept.items():
        if word not in known:
            near = get_close_matches(str(word), known, 1)
            raise InputError(
                "accept_unknown",
                f"{word!r} in '{{option:accept}}' is not the name of a rule.",
                (f"Did you mean {near[0]}? " if near else "") + "The guide 'Readiness' lists all of them.",
            )
        if word in FIRM:
            raise InputError(
                "accept_refused",
                f"The rule {word} in '{{option:accept}}' cannot be accepted: {FIRM[word]}.",
                BY_ID[word].remedy,
            )
        if not isinstance(reason, str) or not reason.strip():
            raise InputError(
                "accept_without_reason",
                f"The rule {word} in '{{option:accept}}' has no reason ({reason!r}).",
                "Give the reason in a few words, with the name of who decided it. It is recorded in the result.",
            )


def judge(
    subjects: Iterable[Subject], facts: Facts, accept: Mapping[str, str], rules: Sequence[Rule] = RULES
) -> list[Finding]:
    """Every rule of a subject's kind, generation and moments, on every subject it has something to do with."""
    by_kind: dict[str, list[Rule]] = {}
    for rule in rules:
        by_kind.setdefault(rule.about, []).append(rule)
    found: list[Finding] = []
    for subject in subjects:
        for rule in by_kind.get(subject.kind, ()):
            if not rule.moments & subject.moments or (
                subject.generation and subject.generation not in rule.generations
            ):
                continue
            said = rule.judge(subject, facts)
            if said is not None:
                reason = "" if said.holds else str(accept.get(rule.id) or "").strip()
                found.append(Finding(rule, subject, said, reason))
    return found


def verdict_of(findings: Iterable[Finding]) -> str:
    """The gravest verdict: what blocks, then what warns, then what is not known."""
    some = list(findings)
    if any(f.blocks for f in some):
        return BLOCK
    words = {f.verdict for f in some if f.verdict != PASS}
    return WARN if words & {WARN, BLOCK} else UNKNOWN if UNKNOWN in words else PASS


def outcome(subjects: Sequence[Subject], findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings, machines with what stops them, and counts, as the module reports them.

    What blocks a server or a group blocks each machine that it concerns, for the steps that the rule is about.
    """
    concerning: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.verdict != PASS:
            for key in finding.subject.keys:
                concerning.setdefault(key, []).append(finding)
    machines: list[dict[str, Any]] = []
    servers: list[dict[str, Any]] = []
    own: dict[int, list[Finding]] = {}
    for finding in findings:
        own.setdefault(id(finding.subject), []).append(finding)
    for subject in subjects:
        if isinstance(subject, Machine):
            named = concerning.get(subject.keys[0], [])
            machines.append(
                {
                    "name": subject.name,
                    "item_id": subject.item.id if subject.item is not None else "",
                    "vault": subject.vault.name,
                    "generation": subject.generation,
                    "position": subject.position.value if subject.position is not None else "unknown",
                    "moments": sorted(subject.moments),
                    **_verdicts([f for f in named if f.rule.moments & subject.moments]),
                }
            )
        elif id(subject) in own:
            servers.append(
                {
                    "name": subject.name,
                    "about": ABOUT[subject.kind],
                    "vault": subject.vault.name,
                    "generation": subject.generation,
                    "machines": list(subject.machines),
                    **_verdicts([f for f in own[id(subject)] if f.verdict != PASS]),
                }
            )
    told = [f for f in findings if f.verdict != PASS]
    told.sort(key=lambda f: (not f.blocks, (BLOCK, WARN, UNKNOWN).index(f.verdict), f.rule.id, f.subject.name.lower()))
    return {
        "findings": [f.result() for f in told],
        "machines": machines,
        "servers": servers,
        "blocked_machines": [m["name"] for m in machines if m["verdict"] == BLOCK],
        "counts": {
            "block": sum(f.blocks for f in told),
            "warn": sum(not f.blocks and f.verdict != UNKNOWN and not f.accepted for f in told),
            "unknown": sum(not f.blocks and f.verdict == UNKNOWN and not f.accepted for f in told),
            "accepted": sum(bool(f.accepted) for f in told),
            "pass": len(findings) - len(told),
        },
        "passed": dict(sorted(Counter(f.rule.id for f in findings if f.verdict == PASS).items())),
        "accepted": [
            {"rule": f.rule.id, "name": f.subject.name, "reason": f.accepted, "text": f.said.text}
            for f in told
            if f.accepted
        ],
    }


def _verdicts(findings: Sequence[Finding]) -> dict[str, Any]:
    """What findings come to for one machine or server, and the words of their rules."""
    return {
        "verdict": verdict_of(findings),
        "blocked_by": list(dict.fromkeys(f.rule.id for f in findings if f.blocks)),
        "warned_by": list(dict.fromkeys(f.rule.id for f in findings if not f.blocks and f.verdict != UNKNOWN)),
        "unknown": list(dict.fromkeys(f.rule.id for f in findings if not f.blocks and f.verdict == UNKNOWN)),
    }
