# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an appliance of a modernized vault can be used now, and if not, why and what to do. Pure.

It is evaluated like the servers of a classic vault (health.py): by heartbeat, health and what it offers. Every component
counts, for a machine's failback goes through several of them (asr-api.md 1.2, SEEN RCM 131; 60 disks: DOC).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ..model.refusal import Advice, Refusal
from ..model.servers import DISK_CAP, HEARTBEAT_STALE, Component, Fabric, MasterTarget
from ..model.texts import age as words
from ..model.texts import joined
from ..wanted.selection import listing
from .health import FINE, Verdict, lacking


def judge_appliance(
    agent: MasterTarget, fabric: Fabric, now: datetime, held: int, datastores: Sequence[str] = ()
) -> Verdict:
    """``held`` is the number of disks attached for machines being failed back, ``datastores`` those it must reach."""
    parts = [c for c in fabric.components if c.appliance_id == agent.id]
    reasons = [reason for part in parts for reason in _component(agent, part, now)]
    reasons += _datastores(agent, datastores)
    if held >= DISK_CAP:
        reasons.append(
            Refusal(
                "disk_slots_full",
                f"The appliance {agent.name} has {held} disks attached, and the limit is {DISK_CAP}.",
                "Fail back the machines on it first, or use another appliance.",
            )
        )
    warnings = [
        Advice(f"{agent.name}, {part.kind}: {text}")
        for part in parts
        if part.health != "Critical"
        for text in part.problems
    ]
    server = next((s for s in fabric.process_servers if s.id == agent.id), None)
    loads = (
        (("CPU", server.cpu_status), ("memory", server.memory_status), ("disk", server.space_status)) if server else ()
    )
    warnings += [
        Advice(f"The {what} of the appliance {agent.name} is {word}.") for what, word in loads if word not in FINE
    ]
    return Verdict(tuple(reasons), tuple(warnings))


def _component(agent: MasterTarget, part: Component, now: datetime) -> Iterator[Refusal]:
    age = None if part.heartbeat is None else (now - part.heartbeat).total_seconds()
    if age is None or age > HEARTBEAT_STALE:
        since = "has never sent a heartbeat" if age is None else f"sent its last heartbeat {words(age)} ago"
        yield Refusal(
            "no_heartbeat",
            f"The {part.kind} of the appliance {agent.name} {since}.",
            (
                "Check that the appliance is powered on, that its services are running and that it reaches Azure on TCP "
                "443."
            ),
            waits=True,
        )
    if part.health == "Critical":
        said = joined(part.problems)
        yield Refusal(
            "unhealthy",
            f"The {part.kind} of the appliance {agent.name} is in a critical state{': ' + said if said else ''}.",
            "Fix what the vault reports under its health, then rerun.",
            waits=True,
        )


def _datastores(agent: MasterTarget, wanted: Sequence[str]) -> list[Refusal]:
    names = [d.name for d in agent.datastores]
    if not names:
        return [
            Refusal(
                "no_datastores",
                f"The appliance {agent.name} reaches no datastore.",
                "Its vCenter account needs more than read-only rights. Discovery takes up to 15 minutes.",
                waits=True,
            )
        ]
    missing = lacking(names, wanted)
    if not missing:
        return []
    return [
        Refusal(
            "datastore_not_found",
            f"The appliance {agent.name} does not reach the datastore {listing(missing)} ('{{option:datastores}}'); it reaches "
            f"{listing(names)}.",
            "Give its vCenter account access to it, or choose another. Discovery takes up to 15 minutes.",
            waits=True,
        )
    ]
