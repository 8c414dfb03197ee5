# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the failover home and its commit: machines as hosts of a play, and what that play has found. Pure.

The shape of an entry is a contract: the play on the group ``asr_failed_over`` has it as the variable ``failed_over``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import fold, same

from ..guest.probe import UNTRIED, towards
from . import guests
from .verify import FROM_INSIDE

#: The group of the machines that were failed over home and await their commit; later chains of one process number it.
GROUP = "asr_failed_over"

#: Facts that the play sets on a machine's host: what its checks have found, and why it must not be committed.
OUTCOME = "verify_outcome"
REFUSED = "asr_refuse"


#: Positions of machines that can be checked.
AWAITS = "home_uncommitted"

Entry = dict[str, Any]


def entries(
    rows: Iterable[Mapping[str, Any]],
    checks: Mapping[str, Any],
    addresses: Mapping[str, str],
    timeout: Any = None,
    known: Collection[str] | None = None,
    process_server: Any = None,
) -> list[Entry]:
    """The machines whose automatic proofs hold, as the play's hosts have them (``rows`` of asr_commit with ``prove_only``).
    ``timeout`` is how long, in seconds, a machine's checks are repeated. ``known`` are the hosts of the inventory, where other vaults
    may have machines of the same names: only a host of the inventory is called by its machine's name then. ``process_server`` is the one
    that the reprotect to Azure is to take."""
    proven = [m for m in rows if m.get("after") == AWAITS and m.get("done") == "unchanged" and m.get("onprem")]
    names = [fold(str(m.get("name"))) for m in proven]
    found: list[Entry] = []
    for machine in proven:
        name, here = str(machine.get("name")), machine["onprem"]
        key = str(machine.get("item_id") or "").lower()
        servers = towards(here.get("servers") or (), process_server)
        found.append(
            {
                "host": guests.host_of(machine, names, known),
                "name": name,
                "vault": machine.get("vault"),
                "item_id": machine.get("item_id"),
                "group": machine.get("group"),
                "generation": here.get("generation"),
                "system": here.get("system"),
                "address": here.get("address") or "",
                # The play replaces the address by the inventory's where there is one.
                "address_tools": here.get("address") or "",
                "address_given": addresses.get(key, ""),
                "vm": here.get("vm"),
                "job": here.get("failover_job"),
                "servers": servers,
                "checks": [_aimed(check, servers) for check in checks.get(key) or ()],
                "timeout": timeout or 600,
            }
        )
    return found


def added(groups: Mapping[str, Iterable[str]]) -> set[str]:
    """The hosts that runs of this process have added for machines. ``groups`` are those of the inventory."""
    return {str(h) for name, hosts in groups.items() if name == GROUP or name.startswith(f"{GROUP}_") for h in hosts}


def doubled(vaults: Iterable[Iterable[Mapping[str, Any]]]) -> set[str]:
    """The names, folded, that machines of several vaults have; ``vaults`` are the machines of each, as rows with a ``name``."""
    seen = Counter(name for machines in vaults for name in {fold(str(machine.get("name"))) for machine in machines})
    return {name for name, count in seen.items() if count > 1}


def is_doubled(entry: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether an entry's host is one of the inventory that may be another vault's machine as well."""
    return bool(entry["host"]) and entry["host"] == entry["name"] and fold(str(entry["name"])) in names


def _aimed(check: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A check with the servers that it is about."""
    if check.get("check") != "reaches":
        return dict(check)
    to = [*(servers if check.get("servers") else ()), *(check.get("to") or ())]
    if check.get("servers") and not servers:
        to = [{"role": "server", "name": "", "address": "", "port": 443}, *to]
    return {"check": "reaches", "to": to}


def verifications(
    checks: Mapping[str, Any],
    hosts: Sequence[Entry],
    facts: Mapping[str, Mapping[str, Any]],
    now: float,
    guest: str = "",
    several: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The verdicts passed to the commit: an entry for each machine that has checks, was refused by the play, or whose network was to
    be restored. ``guest`` is what the run says of networks (guests.py); a host may say something else.

    ``facts`` are the hosts' variables by host, ``now`` seconds of the same clock as the outcomes' ``at``. ``several`` are
    the names that machines of several vaults have (``doubled``). A machine that should have been checked and was not has failed.
    """
    found: list[dict[str, Any]] = []
    met = {str(entry["item_id"]).lower(): entry for entry in hosts}
    for key in dict.fromkeys([*checks, *met]):
        entry = met.get(key)
        told = facts.get(str(entry["host"]), {}) if entry is not None else {}
        refused = _refused(told.get(REFUSED), entry)
        outcome = told.get(OUTCOME)
        job = str(entry["job"] or "") if entry is not None else ""
        asked = (entry.get("checks") if entry is not None else None) or checks.get(key) or ()
        answers = bool(asked) or guests.restores(told, guest)
        if not refused and entry is not None and answers and is_doubled(entry, several):
            refused = (
                f"{entry['host']} is a machine of several vaults of this run, so which of them the host of the inventory is remains "
                "unknown; run the vaults one after the other, each with the hosts of its own machines"
            )
        if refused:
            found.append({"item_id": key, "job": job, "passed": False, "reason": refused, "age_seconds": 0.0})
        elif entry is not None and guests.restores(told, guest):
            why = guests.not_restored(told, job)
            verdict = {"passed": not why, "reason": why, "checks": [] if why else [guests.PROOF], "age_seconds": 0.0}
            if not why and asked:
                own = _judged(outcome, job, asked, True, now)
                verdict = {**own, "checks": [guests.PROOF, *own.get("checks", ())]}
            found.append({"item_id": key, "job": job, **verdict})
        elif asked:
            found.append({"item_id": key, "job": job, **_judged(outcome, job, asked, entry is not None, now)})
    return found


def _refused(value: Any, entry: Mapping[str, Any] | None) -> str:
    """Why a machine's host refuses it; empty where it does not. The run's own mapping, which every host knows, is for the machines
    that it names; any other value but nothing refuses, because whoever set it meant to."""
    if entry is None or value is None or value is False or (isinstance(value, str) and not value.strip()):
        return ""
    if isinstance(value, Mapping):
        mine = [reason for name, reason in value.items() if same(str(name), *(str(entry.get(k)) for k in _NAMES))]
        value = mine[0] if mine else ""
    return value.strip() if isinstance(value, str) else f"asr_refuse is {value!r} on its host"


#: What a machine may be called in a mapping.
_NAMES = ("name", "host", "item_id")


def _plain(checks: Any) -> str:
    """Checks as a text to compare: templates of older releases turn numbers into texts."""
    if isinstance(checks, Mapping):
        return repr(sorted((str(key), _plain(value)) for key, value in checks.items()))
    if isinstance(checks, (list, tuple)):
        return repr([_plain(value) for value in checks])
    return str(checks)


def _judged(outcome: Any, job: str, asked: Sequence[Any], met: bool, now: float) -> dict[str, Any]:
    """Whether a machine's checks passed: these very ones, for this very failover."""
    if not met:
        return {"passed": False, "reason": "they did not run, because its proofs did not hold", "age_seconds": 0.0}
    if (
        not isinstance(outcome, Mapping)
        or str(outcome.get("job") or "") != job
        or _plain(outcome.get("of")) != _plain(asked)
    ):
        return {"passed": False, "reason": "they did not finish", "age_seconds": 0.0}
    inside = [check for check in asked if check.get("check") in FROM_INSIDE]
    look = outcome.get("guest")
    if inside and not isinstance(look, Mapping):
        return {"passed": False, "reason": "they did not finish", "age_seconds": 0.0}
    try:
        age = max(0.0, now - float(outcome.get("at") or 0.0))
    except (TypeError, ValueError):
        age = now
    return {
        "passed": outcome.get("passed") is True,
        "reason": str(outcome.get("reason") or ""),
        "checks": [str(word) for word in outcome.get("checks") or () if word not in FROM_INSIDE],
        "age_seconds": age,
        **({"guest": _look(look or {}, inside)} if inside else {}),
    }


def _look(seen: Mapping[str, Any], inside: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a machine has found from inside, as far as it was asked; what it does not answer it has not tried."""
    answers = {_target(port): str(port.get("state") or "") for port in seen.get("ports") or ()}
    targets = {_target(target): target for check in inside for target in check.get("to") or ()}
    return {
        "ports": [{**target, "state": answers.get(key) or UNTRIED} for key, target in targets.items()],
        "free_mb": seen.get("free_mb"),
        "room_mb": max((int(check["mb"]) for check in inside if check.get("mb")), default=0),
        "why": str(seen.get("why") or ""),
        "required": True,
    }


def _target(port: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(port.get("role") or ""), str(port.get("address") or ""), str(port.get("port") or "")
