# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of guests in the playbooks (``asr_guest``): whose is recorded or restored, and what a run says of it. Pure.

The run's value is for every machine; a host of the inventory may have its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import fold

#: The variable, and the fact that the play sets: result of the role guest_network, with the failover's ``job`` where it restored.
VARIABLE = "asr_guest"
OUTCOME = "guest_outcome"
#: The group of the machines that are recorded.
GROUP = "guests_to_record"
RECORD = "record"
RESTORE = "restore"

#: Outcomes of the role that are as they should be.
GOOD: Mapping[str, tuple[str, ...]] = {RECORD: ("recorded", "unchanged", "kept"), RESTORE: ("restored", "unchanged")}

#: What the proof before a commit is called.
PROOF = "network as recorded"

#: Positions in which a machine's network is the one at home. One that awaits its commit has not been restored yet.
AT_HOME = ("home", "syncing_out", "home_unprotected")

#: Machines named in one sentence, and rows of a result.
NAMED, TOLD = 20, 200


def facts(hostvars: Mapping[str, Any], host: str, *names: str) -> dict[str, Any]:
    """The named variables of a host; none where the inventory does not know it. Asked first: templating's own answer for an unknown
    host depends on where it is asked."""
    if host not in hostvars:
        return {}
    told = hostvars[host]
    return {name: told.get(name) for name in names}


def own(value: Any) -> str:
    """A host's own value: empty where it has none. An unquoted off is false to YAML."""
    return "" if value is None else "off" if value is False else str(value).strip()


def host_value(hostvars: Mapping[str, Any], host: str) -> str:
    """What a host of the inventory says for itself; empty where it says nothing or is no host of it."""
    return own(facts(hostvars, host, VARIABLE).get(VARIABLE))


def restores(told: Mapping[str, Any], run: str) -> bool:
    """Whether a host's network is to be restored. A misspelt value exempts nobody: nothing was done for it, and its commit waits."""
    mine = own(told.get(VARIABLE)) or run
    return mine not in ("", "off", RECORD)


def not_restored(told: Mapping[str, Any], job: str) -> str:
    """Why a machine's network is not as recorded; empty where it is. ``job`` is that of the failover which is to be committed."""
    mine = own(told.get(VARIABLE))
    if mine not in ("", RESTORE):
        return f"the network of the guest was not restored: asr_guest is {mine!r} for this host, not record, restore or off"
    result = told.get(OUTCOME)
    if not isinstance(result, Mapping) or result.get("action") != RESTORE or str(result.get("job") or "") != job:
        return "the network of the guest was not restored"
    if result.get("outcome") in GOOD[RESTORE]:
        return ""
    reason = str(result.get("reason") or result.get("outcome") or "").strip()
    return f"the network of the guest was not restored: {reason}"


def host_of(machine: Mapping[str, Any], names: Sequence[str], known: Collection[str] | None = None) -> str:
    """The host of a machine: its name, so that one of the inventory keeps its variables there, unless that is another's as well.
    ``names`` are those of all machines, folded; ``known`` are the hosts of the inventory, where other vaults may have machines of the
    same names."""
    name = str(machine.get("name"))
    if (
        (known is None or name in known)
        and names.count(fold(name)) == 1
        and fold(name) not in ("localhost", "all", "ungrouped")
    ):
        return name
    return f"{name} {str(machine.get('item_id') or '').lower().rpartition('/')[2]}"


def entries(
    machines: Sequence[Mapping[str, Any]], given: Mapping[str, str], known: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """The hosts of a play that records, from rows of asr_replicated_item_info. ``given`` are addresses by item id. Machines that are not
    ``home`` are kept to be named."""
    names = [fold(str(m.get("name"))) for m in machines]
    return [
        {
            "host": host_of(machine, names, known),
            "name": str(machine.get("name")),
            "vault": machine.get("vault"),
            "item_id": machine.get("item_id"),
            "address_given": given.get(str(machine.get("item_id") or "").lower(), ""),
            "address_tools": str((machine.get("onprem_machine") or {}).get("address") or ""),
            "home": machine.get("position") in AT_HOME,
            "where": str(machine.get("position_text") or ""),
        }
        for machine in machines
    ]


def rows(
    hosts: Iterable[Mapping[str, Any]], facts: Mapping[str, Mapping[str, Any]], action: str
) -> list[dict[str, Any]]:
    """What became of each machine that ``action`` was for. ``hosts`` have ``host`` and ``name``; ``facts`` are their variables."""
    found = []
    for entry in hosts:
        result = facts.get(str(entry["host"]), {}).get(OUTCOME)
        if entry.get("home") is False:
            result = {
                "outcome": "refused",
                "reason": f"Its network is recorded on-premises; it is {entry.get('where')}.",
            }
        elif not isinstance(result, Mapping) or result.get("action") != action:
            result = {"outcome": "failed", "reason": "The tasks for it did not finish."}
        found.append(
            {
                "machine": str(entry.get("name")),
                "vault": entry.get("vault"),
                "item_id": entry.get("item_id"),
                "outcome": str(result.get("outcome") or "failed"),
                "reason": str(result.get("reason") or ""),
                "file": str(result.get("file") or ""),
                "addresses": sorted(str(a) for listed in (result.get("addresses") or {}).values() for a in listed),
                "warnings": [str(w) for w in result.get("warnings") or ()],
            }
        )
    return found


def result(found: Sequence[Mapping[str, Any]], action: str, directory: str = "") -> dict[str, Any]:
    """A row of a chain's results that is about no stage: a note for the table and the report, and the machines as data."""
    good = [row for row in found if row["outcome"] in GOOD[action]]
    notes = []
    verb = "recorded" if action == RECORD else "restored"
    if found:
        where = f" in {directory}" if directory and action == RECORD and good else ""
        notes.append(f"Networks of guests {verb}: {len(good)} of {len(found)}{where}.")
    notes += _listed(f"Network not {verb}", [row for row in found if row not in good])
    kept = [{**row, "reason": row["reason"] or "another record is there"} for row in good if row["outcome"] == "kept"]
    notes += _listed("An earlier record is not as the machine is now and was kept", kept)
    notes += [f"{row['machine']}: {warning}" for row in good for warning in row["warnings"]][:NAMED]
    return {
        "stage": action,
        "module": "",
        "left_out": True,
        "changed": any(row["outcome"] in ("recorded", "restored") for row in found),
        "machines": [],
        "guests": [dict(row) for row in (found if len(found) <= TOLD else [r for r in found if r not in good][:TOLD])],
        "notes": notes,
    }


def _listed(words: str, found: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each reason, with the machines it is about."""
    by_reason: dict[str, list[str]] = {}
    for row in found:
        by_reason.setdefault(str(row["reason"] or row["outcome"]), []).append(str(row["machine"]))
    lines = []
    for reason, names in by_reason.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        lines.append(f"{words}: {', '.join(names[:NAMED])}{more} ({reason.rstrip('.')}).")
    return lines
