# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed in the vaults since they were last read, as events for whoever watches them. Pure.

A picture is plain JSON, kept between two readings and over a restart: ``seq`` (how many readings led to it), ``vaults`` by key and
``selection``. A vault has ``facts``, ``readable``, ``reason``, ``read_at`` (seconds since 1970, the service's clock) and what was read last:
``machines``, ``servers`` and ``jobs``, each by key. Each thing is reported when it appears, when one of the fields that are watched
changes, and when it is gone; a list that could not be read changes nothing but ``readable``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
Event = dict[str, Any]

#: Changes whenever the shape of a picture does.
FORMAT = 1

#: Fields whose change is an event, by kind.
WATCHED: Mapping[str, tuple[str, ...]] = {
    "machine": ("state", "health", "doing"),
    "server": ("state", "health"),
    "job": ("state",),
    "vault": ("readable",),
    "selection": ("state", "by_state", "ready", "held"),
}

#: The field that names a thing, by kind.
IDENTITY: Mapping[str, str] = {
    "machine": "item_id",
    "server": "id",
    "job": "job",
    "vault": "vault_key",
    "selection": "words",
}

#: Seconds for which an ended job is remembered: one that ended between two readings is reported, once.
JOBS_REMEMBERED = 3600.0

#: State of what was listed before and no longer is.
GONE = "gone"

#: State of a selection whose machines are not all in one state.
MIXED = "mixed"

#: State of a server that does not report, state of machines that can fail over home, and the service's word for the worst health.
LOST = "lost"
READY = "ready"
CRITICAL = "critical"

#: Names in one sentence.
NAMED = 10

_NAMESPACE = uuid.UUID("6f8d5a5e-58c5-4a5e-9d0b-7a3c6d1f2b40")


def between(before: Json | None, after: Json, report_current: bool = True) -> list[Event]:
    """The events that lead from one picture to the next, vaults first and the selection last.

    Without a picture before, everything is reported as it is now; with ``report_current`` false, only the selection is.
    Each event has ``kind``, ``changes`` (the fields that changed; ``found`` and ``gone`` for what appears and goes), ``was`` (their
    former values) and the facts. ``meta.uuid`` is the same where a reading is reported a second time, after a restart.
    """
    events: list[Event] = []
    if before is not None or report_current:
        for key, vault in after["vaults"].items():
            events += _of_vault((before or {}).get("vaults", {}).get(key), vault, report_current)
    chosen = after.get("selection")
    if chosen is not None:
        former = (before or {}).get("selection")
        same_words = former is not None and former.get("words") == chosen.get("words")
        events += _changed("selection", former if same_words else None, chosen)
    for event in events:
        event["meta"] = {"uuid": str(uuid.uuid5(_NAMESPACE, _spelled(after["seq"], event)))}
    return events


def _spelled(seq: Any, event: Event) -> str:
    """What distinguishes an event from every other."""
    kind = str(event["kind"])
    values = [event.get(field) for field in (IDENTITY[kind], *WATCHED[kind])]
    return json.dumps([seq, kind, event["changes"], values], sort_keys=True)


def _of_vault(before: Json | None, after: Json, report_current: bool) -> list[Event]:
    events: list[Event] = []
    told = {**after["facts"], "readable": after["readable"], "reason": after["reason"]}
    # That a vault can be read is news only where it could not be.
    events += _changed("vault", {"readable": True if before is None else before["readable"]}, told)
    if not after["readable"]:
        return events
    # A vault that was never read whole has nothing that could be gone.
    known = before if before is not None and before.get("read_at") is not None else None
    if known is None and not report_current:
        return events
    for kind, group in (("server", "servers"), ("machine", "machines")):
        former: Json = known[group] if known is not None else {}
        for key, facts in after[group].items():
            events += _changed(kind, former.get(key), facts)
        for key in former:
            if key not in after[group]:
                was = {"state": former[key]["state"]}
                events.append({"kind": kind, "changes": [GONE, "state"], "was": was, **former[key], "state": GONE})
    return events + _of_jobs(known, after)


def _of_jobs(before: Json | None, after: Json) -> list[Event]:
    """Jobs that run now or have ended since. At the first reading, those that ended before are history."""
    former: Json = before["jobs"] if before is not None else {}
    since = float("inf") if before is None else float(before["read_at"]) - JOBS_REMEMBERED
    events = []
    for name, job in after["jobs"].items():
        if name in former or job["alive"] or (job.get("ended_at") or 0.0) >= since:
            events += _changed("job", former.get(name), job)
    return events


def _changed(kind: str, before: Json | None, after: Json) -> list[Event]:
    if before is None:
        return [{"kind": kind, "changes": ["found", *WATCHED[kind]], "was": {}, **after}]
    fields = [field for field in WATCHED[kind] if field in after and before.get(field) != after[field]]
    if not fields:
        return []
    return [{"kind": kind, "changes": fields, "was": {field: before.get(field) for field in fields}, **after}]


def remembered(jobs: Json, now: float) -> dict[str, Json]:
    """The jobs that the next reading has to know: those that run, and those that ended a short while ago."""
    oldest = now - 2 * JOBS_REMEMBERED
    return {name: job for name, job in jobs.items() if job["alive"] or (job.get("ended_at") or 0.0) >= oldest}


def selected(
    words: Json,
    machines: Sequence[Json],
    vaults: Sequence[Json],
    problems: Sequence[str] = (),
    former: Json | None = None,
) -> Event:
    """The machines that somebody waits for, as one thing. ``words`` is what was asked for.

    ``ready``: every one of them is ready for its failover home, none is busy, and nothing holds it. ``holds`` are sentences:
    ``problems`` (words that fit no machine), vaults that cannot be read, servers that are lost, machines in critical health.
    Each machine's ``chosen_as`` is the word that selects it alone. While a vault cannot be read, what is known of the
    machines is the ``former`` selection.
    """
    unread = [
        f"Vault {vault['facts']['vault']} cannot be read: {vault['reason']}"
        for vault in vaults
        if not vault["readable"]
    ]
    if unread and former is not None and former.get("words") == words:
        return {**former, "ready": False, "held": True, "holds": unread}
    by_state: dict[str, list[str]] = {}
    for machine in machines:
        by_state.setdefault(str(machine["state"]), []).append(str(machine["name"]))
    busy = sum(bool(machine["doing"]) for machine in machines)
    holds = [*unread, *problems, *_of_servers(machines, vaults), *_of_health(machines)]
    state = next(iter(by_state)) if len(by_state) == 1 else MIXED if by_state else "unknown"
    return {
        "words": dict(words),
        "machines": [str(machine["chosen_as"]) for machine in machines],
        "total": len(machines),
        "state": state,
        "by_state": {state: sorted(found) for state, found in sorted(by_state.items())},
        "busy": busy,
        "ready": state == READY and not busy and not holds,
        "held": bool(holds),
        "holds": holds,
    }


def _of_servers(machines: Sequence[Json], vaults: Sequence[Json]) -> list[str]:
    """What the machines' vaults need to run a step: the configuration server, or an appliance that reports."""
    concerned = {str(machine["vault_key"]) for machine in machines}
    holds = []
    for vault in vaults:
        if vault["facts"]["vault_key"] not in concerned:
            continue
        servers = list(vault["servers"].values())
        for server in servers:
            if server["role"] != "configuration_server":
                continue
            if server["state"] == LOST:
                holds.append(str(server["reason"]))
            elif str(server["health"]).lower() == CRITICAL:
                holds.append(f"The vault reports the configuration server {server['name']} as Critical.")
        appliances = [server for server in servers if server["role"] == "appliance"]
        if appliances and all(server["state"] == LOST for server in appliances):
            holds.append(f"No appliance of vault {vault['facts']['vault']} reports. {appliances[0]['reason']}")
        if not any(server["role"] in ("configuration_server", "appliance") for server in servers):
            holds.append(
                f"No configuration server and no appliance is registered with vault {vault['facts']['vault']}."
            )
    return holds


def _of_health(machines: Sequence[Json]) -> list[str]:
    ill = [str(machine["name"]) for machine in machines if str(machine["health"]).lower() == CRITICAL]
    more = f" and {len(ill) - NAMED} more" if len(ill) > NAMED else ""
    return [f"The replication of {', '.join(ill[:NAMED])}{more} is in critical health."] if ill else []
