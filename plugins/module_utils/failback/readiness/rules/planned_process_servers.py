# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about a process server that is to be deployed. Pure.

What is read and how it is judged is the deployment's (deploy/choosing.py, deploy/present.py): a rule gives it a name, under which it
is reported and accepted.
"""

from __future__ import annotations

from ..facts.facts import Facts
from ..facts.moments import ONLY_CLASSIC, PLANNED, PROCESS_SERVER
from ..facts.subjects import Planned
from .rule import BLOCK, Judge, Rule, Said, bad, numbered, ok, unknown


def met(word: str, fine: str) -> Judge:
    """The deployment's own finding of that name."""

    def judge(s: Planned, _f: Facts) -> Said | None:
        if word not in s.asked:
            return None
        if word in s.unread:
            return unknown(f"It could not be read: {s.unread[word]}")
        found = s.against.get(word)
        return ok(fine) if found is None else bad(found.reason, found.remedy)

    return judge


_WHEN = frozenset({PROCESS_SERVER})

RULES: tuple[Rule, ...] = (
    Rule(
        "ps_alone", "Virtual network has no other process server", PLANNED, _WHEN, BLOCK,
        met("ps_alone", "It is the only one in its virtual network."),
        "process servers of the vaults, by the address space of the network",
        "Use that one, or deploy into a network that has none.", numbered((16,)), (16,), ONLY_CLASSIC,
    ),
    Rule(
        "ps_address", "Process server's address is in its subnet and free", PLANNED, _WHEN, BLOCK,
        met("ps_address", "Its address is free."),
        "the subnet's address range; checkIPAddressAvailability of the virtual network",
        "Use a free address of the subnet.", numbered((78,)), (78,), ONLY_CLASSIC,
    ),
    Rule(
        "ps_image", "Process server's image is offered", PLANNED, _WHEN, BLOCK,
        met("ps_image", "Its image is offered."), "versions of the image in the network's location",
        "Use an image that is offered there.", numbered((19,)), (19,), ONLY_CLASSIC,
    ),
    Rule(
        "ps_size", "A large enough size is offered within the quota", PLANNED, _WHEN, BLOCK,
        met("ps_size", "Its size is offered and within the quota."),
        "sizes that the location offers to the subscription, and the usages of its quotas",
        "Use another size, or ask for quota.", numbered((19,)), (19,), ONLY_CLASSIC,
    ),
    Rule(
        "ps_deployable", "Azure takes the deployment", PLANNED, _WHEN, BLOCK,
        met("ps_deployable", "Azure takes the deployment."),
        "Resource Manager's answer to the deployment (in check mode to its validation): rights, policies, locks",
        "Fix what Azure names.", numbered((19,)), (19,), ONLY_CLASSIC,
    ),
)  # fmt: skip
