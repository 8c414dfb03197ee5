# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about consistency groups. Pure."""

from __future__ import annotations

from ...wanted.selection import listing
from ..facts.facts import Facts
from ..facts.moments import FAILOVER, GROUP, REPROTECT, STEPS
from ..facts.subjects import Group
from .rule import BLOCK, Rule, Said, bad, ok


def whole(s: Group, _f: Facts) -> Said | None:
    if s.missing:
        return bad(f"{listing(s.missing)} of the consistency group {s.name} are not selected.")
    return ok("All its members are selected.")


def one_system(s: Group, _f: Facts) -> Said | None:
    systems = {(i.os_type or "").lower() for i in s.members} - {""}
    return bad(f"The consistency group {s.name} mixes {listing(systems)}.") if len(systems) > 1 else ok("One system.")


def one_target(s: Group, _f: Facts) -> Said | None:
    return (
        bad(f"Members of the consistency group {s.name} use different servers.")
        if len(s.bound) > 1
        else ok("One server.")
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "group_split", "All members of the consistency group are selected", GROUP, STEPS, BLOCK, whole,
        "members of the group in the vault", "Select all its members, or set {set:split_groups=true}.", "preflight check 50",
        (50,),
    ),
    Rule(
        "group_mixes_systems", "Consistency group has one operating system", GROUP, REPROTECT, BLOCK, one_system,
        "members of the group: osType", "Protect its machines in groups of one system.", "preflight check 50", (50,),
        frozenset({"classic"}),
    ),
    Rule(
        "group_one_server", "Consistency group uses one server", GROUP, FAILOVER, BLOCK, one_target,
        "master target or appliance of each member", "Reprotect the members through one master target.",
        "preflight check 50", (50,),
    ),
)  # fmt: skip
