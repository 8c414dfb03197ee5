# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""A VM-host rule that keeps a VM on its host, on request; taken away again when the freeze is lifted.

The rule and its two groups bear a name of their own made of the VM's id: their existence is the note of what to undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..failback.ports import Clock
from ..failback.server_ports import VmChange
from . import sdk, tasks
from .read import Entry, Reader, plain_name

PREFIX = "homeward-asr"


class Pinner:
    """Sets or removes the rules, one task per VM."""

    def __init__(self, service: Any, reader: Reader, clock: Clock) -> None:
        self._stub = service._stub
        self._reader = reader
        self._clock = clock

    def run(self, moids: Sequence[str], pinned: bool, check: bool) -> list[VmChange]:
        """VMs on a host without a cluster need no rule and are left alone."""
        refs = [sdk.vim.VirtualMachine(m, self._stub) for m in moids]
        entries = self._reader.some([("VirtualMachine", refs, ("name", "runtime.host"))])
        hosts = {sdk.moid(h): h for e in entries if (h := e.get("runtime.host")) is not None}
        above = {
            e.moid: e.get("parent") for e in self._reader.some([("HostSystem", list(hosts.values()), ("parent",))])
        }
        return [self._one(e, above, pinned, check) for e in entries]

    def _one(self, entry: Entry, above: dict[str, Any], pinned: bool, check: bool) -> VmChange:
        name, host = plain_name(entry.get("name")), entry.get("runtime.host")
        cluster = above.get(sdk.moid(host)) if host is not None else None
        if not isinstance(cluster, sdk.vim.ClusterComputeResource):
            return VmChange(entry.moid, name, "no cluster", "no cluster")
        (read,) = self._reader.some([("ClusterComputeResource", [cluster], ("configurationEx",))])
        config = read.get("configurationEx")
        rule = next((r for r in config.rule or () if r.name == _name(entry, "rule")), None)
        groups = {g.name for g in config.group or ()}
        before = "pinned" if rule is not None else "free"
        if (rule is not None) == pinned and (pinned or not groups & {_name(entry, "vm"), _name(entry, "host")}):
            return VmChange(entry.moid, name, before, before)
        after = "pinned" if pinned else "free"
        if not check:
            spec = _add(entry, host, groups) if pinned else _remove(entry, rule, groups)
            (fault,) = tasks.wait(
                self._reader, [cluster.ReconfigureComputeResource_Task(spec=spec, modify=True)], self._clock
            )
            if fault is not None:
                error = sdk.explain(fault, f"set or remove the VM-host rule of {name}")
                return VmChange(entry.moid, name, before, before, False, True, error.code, error.message, error.remedy)
        return VmChange(entry.moid, name, before, after, changed=True)


def _name(entry: Entry, part: str) -> str:
    return f"{PREFIX}-{entry.moid}-{part}"


def _add(entry: Entry, host: Any, groups: set[str]) -> Any:
    cluster = sdk.vim.cluster
    made = []
    for part, info in (
        ("vm", cluster.VmGroup(name=_name(entry, "vm"), vm=[entry.ref])),
        ("host", cluster.HostGroup(name=_name(entry, "host"), host=[host])),
    ):
        operation = "edit" if _name(entry, part) in groups else "add"
        made.append(cluster.GroupSpec(operation=operation, info=info))
    rule = cluster.VmHostRuleInfo(
        name=_name(entry, "rule"),
        enabled=True,
        mandatory=True,
        vmGroupName=_name(entry, "vm"),
        affineHostGroupName=_name(entry, "host"),
    )
    return cluster.ConfigSpecEx(groupSpec=made, rulesSpec=[cluster.RuleSpec(operation="add", info=rule)])


def _remove(entry: Entry, rule: Any, groups: set[str]) -> Any:
    cluster = sdk.vim.cluster
    spec = cluster.ConfigSpecEx()
    if rule is not None:
        spec.rulesSpec = [cluster.RuleSpec(operation="remove", removeKey=rule.key)]
    names = [n for part in ("vm", "host") if (n := _name(entry, part)) in groups]
    spec.groupSpec = [cluster.GroupSpec(operation="remove", removeKey=n) for n in names]
    return spec
