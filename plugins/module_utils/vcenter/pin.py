# SPDX-License-Identifier: GPL-3.0-or-later
"""A VM-host rule that keeps a VM on its host, on request; taken away again when the exclusion is lifted.

The rule and its two groups are named after the VM's id: their existence is the note of what to undo.
A name alone is not enough: a rule only counts if it is enabled and mandatory and its groups hold this VM and its
host. Rules that hold another VM are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..failback.model.ports import Clock
from ..failback.model.refusal import Refusal
from ..failback.model.server_ports import VmChange
from . import notes, pyvmomi, tasks
from .read import Entry, Reader, options_of, plain_name

PREFIX = "homeward-asr"


@dataclass(frozen=True)
class OwnRules:
    """What a cluster has under our names. Ids are those of the VM's group and of the host's."""

    cluster: Any
    rule: Any = None
    groups: frozenset[str] = frozenset()
    vms: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    @property
    def anything(self) -> bool:
        return self.rule is not None or bool(self.groups)


class Pinner:
    """Sets or removes the rules, one task per VM and cluster."""

    def __init__(self, service: Any, reader: Reader, clock: Clock) -> None:
        self._stub = service._stub
        self._reader = reader
        self._clock = clock

    def run(self, moids: Sequence[str], pinned: bool, check: bool) -> list[VmChange]:
        """VMs on a host without a cluster need no rule and are skipped. A refusal stops only its own VM."""
        refs = [pyvmomi.vim.VirtualMachine(m, self._stub) for m in moids]
        entries = self._reader.some([("VirtualMachine", refs, ("name", "runtime.host", "config.extraConfig"))])
        hosts = {pyvmomi.moid(h): h for e in entries if (h := e.get("runtime.host")) is not None}
        above = {
            e.moid: e.get("parent") for e in self._reader.some([("HostSystem", list(hosts.values()), ("parent",))])
        }
        return [self._one(e, above, pinned, check) for e in entries]

    def _one(self, entry: Entry, above: Mapping[str, Any], pinned: bool, check: bool) -> VmChange:
        name, host = plain_name(entry.get("name")), entry.get("runtime.host")
        parent = above.get(pyvmomi.moid(host)) if host is not None else None
        here = parent if isinstance(parent, pyvmomi.vim.ClusterComputeResource) else None
        places = self._look(entry, [here] if pinned else [here, *self._earlier(entry, here)])
        if here is None and (pinned or not any(s.anything for s in places)):
            return VmChange(entry.moid, name, "no cluster", "no cluster")
        foreign = next((why for s in places if (why := _foreign(entry, s))), "")
        before = "pinned" if any(_holds(entry, host, s) for s in places) else "free"
        if foreign:
            return VmChange(
                entry.moid,
                name,
                before,
                before,
                refusal=Refusal(
                    "pin_conflict",
                    f"The VM-host rule {_name(entry, 'rule')} of {name} was not changed: {foreign}.",
                    "Rename or remove that rule and its groups in the cluster, then rerun.",
                ),
            )
        if (before == "pinned") if pinned else not any(s.anything for s in places):
            return VmChange(entry.moid, name, before, before)
        after = "pinned" if pinned else "free"
        if check:
            return VmChange(entry.moid, name, before, after, changed=True)
        specs = [
            (s.cluster, _add(entry, host, s) if pinned else _remove(entry, s)) for s in places if pinned or s.anything
        ]
        starts = [partial(cluster.ReconfigureComputeResource_Task, spec=spec, modify=True) for cluster, spec in specs]
        fault = tasks.carry_out(self._reader, self._clock, {entry.moid: starts}).get(entry.moid)
        if fault is not None:
            error = pyvmomi.explain(fault, f"set or remove the VM-host rule of {name}")
            return VmChange(entry.moid, name, before, before, refusal=Refusal.of(error))
        now = self._look(entry, [s.cluster for s in places])
        if not (all(_holds(entry, host, s) for s in now) if pinned else not any(s.anything for s in now)):
            return VmChange(
                entry.moid,
                name,
                before,
                before,
                changed=True,
                refusal=Refusal(
                    "pin_not_kept",
                    f"vCenter reported success, but the VM-host rule of {name} does not show the new value.",
                    "Check the VM/Host rules and groups of the cluster, then rerun.",
                ),
            )
        return VmChange(entry.moid, name, before, after, changed=True)

    def _earlier(self, entry: Entry, here: Any) -> list[Any]:
        """Clusters the exclusion's note speaks of and the VM has left: a rule of ours may have stayed there."""
        try:
            note = notes.read(options_of(entry), notes.EXCLUSION_KEY) or {}
        except notes.Unreadable:
            return []
        moids = [m for m in note.get("former") or {} if str(m).startswith("domain-")]
        return [
            pyvmomi.vim.ClusterComputeResource(m, self._stub) for m in moids if here is None or m != pyvmomi.moid(here)
        ]

    def _look(self, entry: Entry, clusters: Sequence[Any]) -> list[OwnRules]:
        refs = [c for c in clusters if c is not None]
        read = self._reader.some([("ClusterComputeResource", refs, ("configurationEx",))])
        return [_seen(entry, one) for one in read]


def _seen(entry: Entry, cluster: Entry) -> OwnRules:
    config = cluster.get("configurationEx")
    rules = (config.rule if config is not None else None) or ()
    groups = {g.name: g for g in (config.group if config is not None else None) or ()}
    ours = frozenset(n for part in ("vm", "host") if (n := _name(entry, part)) in groups)
    vm_group, host_group = groups.get(_name(entry, "vm")), groups.get(_name(entry, "host"))
    return OwnRules(
        cluster.ref,
        next((r for r in rules if r.name == _name(entry, "rule")), None),
        ours,
        frozenset(pyvmomi.moid(v) for v in getattr(vm_group, "vm", None) or ()),
        frozenset(pyvmomi.moid(h) for h in getattr(host_group, "host", None) or ()),
    )


def _holds(entry: Entry, host: Any, seen: OwnRules) -> bool:
    """The rule is there as it must be to keep the VM on its host."""
    rule = seen.rule
    return bool(
        isinstance(rule, pyvmomi.vim.cluster.VmHostRuleInfo)
        and rule.enabled
        and rule.mandatory
        and rule.vmGroupName == _name(entry, "vm")
        and rule.affineHostGroupName == _name(entry, "host")
        and not rule.antiAffineHostGroupName
        and seen.vms == {entry.moid}
        and host is not None
        and seen.hosts == {pyvmomi.moid(host)}
    )


def _foreign(entry: Entry, seen: OwnRules) -> str:
    """Why a rule or group with our name is not ours; empty if it is ours."""
    if seen.rule is not None and not isinstance(seen.rule, pyvmomi.vim.cluster.VmHostRuleInfo):
        return "it is another kind of rule"
    if seen.rule is not None and (seen.rule.vmGroupName or "") not in ("", _name(entry, "vm")):
        return f"it applies to the group {seen.rule.vmGroupName}"
    if seen.vms - {entry.moid}:
        return f"its group {_name(entry, 'vm')} contains other virtual machines"
    return ""


def _name(entry: Entry, part: str) -> str:
    return f"{PREFIX}-{entry.moid}-{part}"


def _add(entry: Entry, host: Any, seen: OwnRules) -> Any:
    cluster = pyvmomi.vim.cluster
    made = []
    for part, info in (
        ("vm", cluster.VmGroup(name=_name(entry, "vm"), vm=[entry.ref])),
        ("host", cluster.HostGroup(name=_name(entry, "host"), host=[host])),
    ):
        operation = "edit" if _name(entry, part) in seen.groups else "add"
        made.append(cluster.GroupSpec(operation=operation, info=info))
    rule = cluster.VmHostRuleInfo(
        name=_name(entry, "rule"),
        enabled=True,
        mandatory=True,
        vmGroupName=_name(entry, "vm"),
        affineHostGroupName=_name(entry, "host"),
    )
    if seen.rule is not None:
        rule.key = seen.rule.key
    operation = "add" if seen.rule is None else "edit"
    return cluster.ConfigSpecEx(groupSpec=made, rulesSpec=[cluster.RuleSpec(operation=operation, info=rule)])


def _remove(entry: Entry, seen: OwnRules) -> Any:
    cluster = pyvmomi.vim.cluster
    spec = cluster.ConfigSpecEx()
    if seen.rule is not None:
        spec.rulesSpec = [cluster.RuleSpec(operation="remove", removeKey=seen.rule.key)]
    names = [n for part in ("vm", "host") if (n := _name(entry, part)) in seen.groups]
    spec.groupSpec = [cluster.GroupSpec(operation="remove", removeKey=n) for n in names]
    return spec
