# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of readiness about a master target from inside, on what the survey tells. Pure.

What the role fixes itself is reported and stops nothing; what it cannot fix stops it, unless the rule is accepted with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ....module_utils.failback.model.errors import InputError
from ....module_utils.failback.model.items import VaultRef
from ....module_utils.failback.model.refusal import Refusal
from ....module_utils.failback.readiness.facts.facts import Facts
from ....module_utils.failback.readiness.facts.moments import CLASSIC, MASTER_TARGET, MT_INSIDE
from ....module_utils.failback.readiness.facts.subjects import Built
from ....module_utils.failback.readiness.rules.built_servers import RULES
from ....module_utils.failback.readiness.rules.catalogue import FIRM
from ....module_utils.failback.readiness.rules.rule import PASS
from ....module_utils.failback.readiness.verdicts import Finding, check_accept, judge
from .retention import Objection

#: The role's variable for what is accepted.
ACCEPT = "master_target_guest_accept"

#: Code of a problem -> its rule.
RULE_OF: Mapping[str, str] = {
    "root_on_lvm": "mt_guest_root",
    "retention_lvm": "mt_guest_retention",
    "wrong_kernel": "mt_guest_kernel",
    "unpacked_in_usr_local": "mt_guest_folder",
    "no_archive": "mt_guest_sources",
}

MINE = tuple(rule for rule in RULES if rule.about == MT_INSIDE)


def judged(
    hostname: str, problems: Sequence[Objection], found: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[list[Finding], list[Objection]]:
    """What did not pass, and the problems that still stop the role. ``found`` is the plan."""
    accept = settings.get("accept") or {}
    try:
        check_accept(accept)
    except InputError as exc:
        told = Refusal(exc.code, exc.message.replace("{option:accept}", ACCEPT), exc.remedy)
        return [], [Objection("guest", told), *problems]
    # An installed agent needs no archive until it is upgraded.
    now = {p.refusal.code: p.refusal for p in problems if p.step != "upgrade"}
    against = {RULE_OF[code]: refusal for code, refusal in now.items() if code in RULE_OF}
    against |= {rule: Refusal(rule, said) for rule, said in _fixed(found).items()}
    missing = found["missing_packages"]
    unread = {rule: reason for code, refusal in now.items() for rule, reason in _hidden_by(code, refusal)}
    if missing and "mt_guest_sources" not in against and not settings.get("packages_dir"):
        unread["mt_guest_sources"] = (
            f"whether its repositories have {', '.join(missing)} shows when they are installed."
        )
    subject = Built(
        kind=MT_INSIDE,
        name=hostname or "this machine",
        vault=VaultRef("", "", ""),
        generation=CLASSIC,
        moments=frozenset({MASTER_TARGET}),
        asked=frozenset(rule.id for rule in MINE),
        against=against,
        unread=unread,
    )
    findings = [f for f in judge([subject], Facts(now=_NEVER), accept, MINE) if f.verdict != PASS]
    passed = {f.rule.id for f in findings if f.accepted}
    return findings, [_named(p) for p in problems if RULE_OF.get(p.refusal.code) not in passed]


def _hidden_by(code: str, refusal: Refusal) -> Iterator[tuple[str, str]]:
    """What was not looked at because of a problem, by rule."""
    if code == "wrong_system":
        yield from ((rule, refusal.reason) for rule in ("mt_guest_kernel", "mt_guest_root"))
    elif code.startswith("retention_") and code != "retention_lvm":
        yield "mt_guest_retention", refusal.reason


#: No rule here asks for the time.
_NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _named(problem: Objection) -> Objection:
    """A problem with the name of the rule that one may accept."""
    rule = RULE_OF.get(problem.refusal.code)
    if rule is None or rule in FIRM:
        return problem
    told = problem.refusal
    remedy = f"{told.remedy} Or accept it: {ACCEPT}: {{{rule}: reason}}."
    return Objection(problem.step, Refusal(told.code, told.reason, remedy.strip()))


def _fixed(found: Mapping[str, Any]) -> Mapping[str, str]:
    """What the role sets right itself, by rule."""
    told: dict[str, str] = {}
    if found["hold"] or found["automatic_upgrades"]:
        loose = [f"does not hold {', '.join(found['hold'])}"] if found["hold"] else []
        loose += ["upgrades itself"] if found["automatic_upgrades"] else []
        told["mt_guest_kept"] = f"This machine {' and '.join(loose)}."
    if found["hosts"] and not found["hosts_kept"]:
        addresses = ", ".join(line.split()[0] for line in found["hosts"])
        told["mt_guest_hosts"] = f"The hosts file of this machine does not map its name to {addresses}."
    if not found["applied"]:
        told["mt_guest_restart"] = "ApplyCustomChanges.sh has not run on this machine."
    elif found["restart"]:
        told["mt_guest_restart"] = "This machine was not restarted after ApplyCustomChanges.sh or the installer."
    return told


def accepted_lines(findings: Sequence[Finding]) -> list[str]:
    """What was accepted, as lines to show."""
    return [f"Accepted {f.rule.id}: {f.accepted}. {f.said.text}" for f in findings if f.accepted]
