# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults as hosts of one run: what the variables mean for one of them, and the results of all. Pure.

Each host is a process with a vault of its own. ``asr_vault`` is the vault of a host; variables that choose machines or approve
them may be mappings from hosts to lists.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import same
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.selection import listing
from ansible_collections.homeward.asr.plugins.plugin_utils.output.bounded import TOLD

#: Variables of names that may differ from host to host.
BY_HOST = ("asr_machines", "asr_groups", "asr_recovery_plans", "asr_exclude", "asr_approved")

#: Files that each host writes.
FILES = ("asr_report_file", "asr_snapshot_file")

#: The code of a run in which a host stopped before it had a report.
STOPPED = "vaults_stopped"


def of_host(values: Mapping[str, Any], host: str, known: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """The variables as they are meant for one host, and a sentence for each mapping with a key that is no host.

    ``known`` are the hosts of the inventory. A host that a mapping leaves out gets a blank list.
    """
    meant, wrong = dict(values), []
    for name in BY_HOST:
        value = values.get(name)
        if not isinstance(value, Mapping) or not known or host not in known:
            continue
        strange = [str(key) for key in value if not same(str(key), *known)]
        if strange:
            wrong.append(
                f"{name} names {', '.join(strange)}, which is not a host of the inventory. Its keys must be among: "
                f"{listing(known)}."
            )
        mine = [entry for key, entry in value.items() if same(str(key), host)]
        meant[name] = mine[0] if mine else []
    return meant, wrong


def machine(values: Mapping[str, Any], host: str) -> list[str]:
    """A sentence where a host of the run is a machine that the inventory plugin lists: its facts look like variables of ours."""
    if "asr_item_id" not in values or not isinstance(values.get("asr_vault"), str):
        return []
    said = (
        f"The playbook runs on {host}, which is a machine and not a vault. Leave out asr_hosts, and choose machines with asr_machines; "
        "to run on vaults, use an inventory file of the plugin homeward.asr.replicated_items with vault_hosts: true."
    )
    return [said]


def vaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with the host's own vault in place of the list, which may come from a file for all hosts."""
    meant = dict(given)
    own = meant.pop("asr_vault", None)
    return {**meant, "asr_vaults": own} if own else meant


def files(given: Mapping[str, Any], host: str, hosts: Sequence[str]) -> dict[str, Any]:
    """The variables with file names that are each host's own, where there are several hosts."""
    meant = dict(given)
    if len(hosts) > 1:
        for name in FILES:
            if isinstance(meant.get(name), str) and meant[name]:
                path = PurePath(meant[name])
                meant[name] = str(path.with_name(f"{path.stem}-{host}{path.suffix}"))
    return meant


def alike(hosts: Sequence[str], theirs: Sequence[Any]) -> list[str]:
    """A sentence where two hosts of the run have the same vaults: each would work on all of them."""
    if len(hosts) < 2:
        return []
    seen: dict[str, str] = {}
    for host, told in zip(hosts, theirs, strict=True):
        other = seen.setdefault(repr(told), host)
        if other != host:
            said = (
                f"The hosts {other} and {host} have the same vaults. Give each its own asr_vault in the inventory (the plugin "
                "homeward.asr.replicated_items does with vault_hosts: true), or leave out asr_hosts."
            )
            return [said]
    return []


def total(summaries: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]) -> dict[str, Any]:
    """The result of the whole run for workflows: counts added up, names of all hosts, and each host's own code and counts."""
    counts: dict[str, int] = {}
    names: dict[str, list[str]] = {}
    code = ""
    told: dict[str, Any] = {}
    stopped = [host for host in hosts if host not in summaries]
    for host, summary in summaries.items():
        for word, number in (summary.get("counts") or {}).items():
            counts[word] = counts.get(word, 0) + int(number)
        for word, value in summary.items():
            if isinstance(value, list):
                names[word] = [*names.get(word, []), *value][:TOLD]
        told[host] = {key: summary.get(key) for key in ("code", "counts")}
        # A failure is told before what still runs.
        mine = str(summary.get("code") or "")
        code = mine if mine and code in ("", "still_running") else code
    return {
        "code": STOPPED if stopped else code,
        "counts": counts,
        **names,
        "vaults": told,
        "stopped": stopped[:TOLD],
    }
