# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a play of ours has (``asr_hosts``), and whom ``--limit`` leaves out, by Ansible's own rules for patterns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.selection import listing
from ansible_collections.homeward.asr.plugins.plugin_utils.variables import given

VARIABLE = "asr_hosts"

#: Without ``asr_hosts`` the playbooks run here.
HERE = ["localhost"]

Groups = Mapping[str, Sequence[str]]


def pattern(value: Any) -> list[str]:
    """The hosts of a play as patterns. Raises InputError for what is no list of names."""
    return [word for word in given.names(VARIABLE, value) if word] or HERE


def play_hosts(value: Any, groups: Groups | None = None, limit: str = "", names: bool = False) -> list[str]:
    """The filter of this name: the patterns of a play, or its hosts by name. ``groups`` are empty where only the syntax is checked."""
    try:
        hosts = of_play(value, groups, limit) if groups else []
        return hosts if names else pattern(value)
    except InputError as error:
        # Ansible would say the sentence of a cause a second time.
        raise AnsibleFilterError(error.sentence()) from None


def of_play(value: Any, groups: Groups, limit: str = "") -> list[str]:
    """The names of the play's hosts. ``groups`` are those of the inventory.

    Raises InputError where there is none: Ansible would end such a run as a success.
    """
    wanted = pattern(value)
    if wanted == HERE and not limit:
        return HERE
    found = _matching(wanted, groups)
    if not found:
        there = [*sorted(name for name in groups if name not in ("all", "ungrouped")), *groups.get("all", ())]
        raise InputError(
            "hosts_not_found",
            f"{VARIABLE} is {', '.join(wanted)}, which is not a host of the inventory, so nothing would be done.",
            (f"Choose from: {listing(there)}; or" if there else "Give an inventory with -i, or")
            + f" leave {VARIABLE} out to run on localhost.",
        )
    kept = _matching(wanted, groups, limit) if limit else found
    if not kept:
        raise InputError(
            "limit_excludes",
            f"--limit {limit} leaves out {listing(found)}, where this playbook runs, so nothing would be done.",
            "Leave --limit out; choose machines with asr_machines.",
        )
    return kept


def left_out(limit: str, group: str, hosts: Iterable[str], groups: Groups) -> list[str]:
    """Those of ``hosts`` that ``--limit`` would leave out of a play on ``group``, whose members they are to be."""
    wanted = list(dict.fromkeys(hosts))
    if not limit or not wanted:
        return []
    there = {**groups, group: wanted, "all": [*groups.get("all", ()), *wanted]}
    kept = set(_matching([group], there, limit))
    return [host for host in wanted if host not in kept]


def unreached(variable: str, limit: str, group: str, hosts: Sequence[str]) -> InputError:
    """Machines that were to be hosts of the run's next play."""
    return InputError(
        "limit_excludes",
        f"--limit {limit} leaves out {listing(hosts)}, and {variable} needs them as hosts of this run.",
        f"Add their group (--limit {limit},{group}), or leave --limit out; choose machines with asr_machines.",
    )


def _matching(wanted: Sequence[str], groups: Groups, limit: str = "") -> list[str]:
    manager = InventoryManager(loader=DataLoader(), parse=False)
    for group, hosts in groups.items():
        manager.add_group(group)
        for host in hosts:
            manager.add_host(host, group=group)
    try:
        if limit:
            manager.subset(limit)
        return [host.name for host in manager.get_hosts(pattern=list(wanted))]
    except AnsibleError:
        # A file that is not there, or a pattern that must match and does not.
        return []
