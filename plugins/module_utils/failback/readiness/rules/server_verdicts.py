# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that only give their own name to what servers/ has evaluated already. Pure."""

from __future__ import annotations

from ...servers.health import OUTDATED
from ..facts.facts import Facts
from ..facts.subjects import Gateway, Server
from .rule import Judge, Said, bad, ok, unknown


def coded(*codes: str, fine: str) -> Judge:
    """A rule that holds if the server's verdict has none of these reasons."""

    def judge(subject: Server, _facts: Facts) -> Said | None:
        reason = subject.reason(*codes)
        return ok(fine.format(name=subject.name)) if reason is None else bad(reason.reason, reason.remedy)

    return judge


def on_vm(*codes: str, fine: str) -> Judge:
    """The same, for what only vCenter reports about a server's VM."""

    def judge(subject: Gateway, facts: Facts) -> Said | None:
        if facts.survey is None:
            return unknown(
                f"vCenter was not queried about {subject.name}.", "Set hostname, username and password of vCenter."
            )
        if subject.vm is None:
            return unknown(f"{subject.name} is not exactly one VM in vCenter.")
        if subject.vm.doubt and "vm_unreachable" not in codes:
            return unknown(f"{subject.name}: {subject.vm.doubt}.")
        reason = subject.reason(*codes)
        return ok(fine.format(name=subject.name)) if reason is None else bad(reason.reason, reason.remedy)

    return judge


def updates(s: Server, _f: Facts) -> Said | None:
    told = [w for w in s.verdict.warnings if w.about == OUTDATED]
    if not told:
        return ok(f"The version of {s.name} is not outdated.")
    return bad(" ".join(w.reason for w in told), " ".join(w.remedy for w in told))
