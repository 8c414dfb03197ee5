# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping a VM where it is: per-VM overrides of DRS (vMotion) and of Storage DRS (Storage vMotion), and lifting them.

A moved master target breaks the failback of every machine whose disks it holds (DOC failback-domain.md 9). The order
of work makes it safe to die anywhere: (1) what was there before is noted on the VM, (2) the overrides are written,
(3) they are read back, and with them what they are worth. Lifting: (1) what was there before is put back, (2) it is
read back, (3) the note is removed. Either may be repeated, and the note of the first exclusion is the one that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..failback.model.ports import Clock
from ..failback.model.refusal import Refusal
from ..failback.model.server_ports import VmChange
from . import notes, pyvmomi, tasks
from .automatic_moves import REMOVE, Holder, Standing, Write, WritePlan, after, kept, plan
from .read import Entry, Reader, options_of, plain_name
from .tasks import Start

#: Words of a datastore whose VMs vCenter is told to take elsewhere (DOC DatastoreSummaryMaintenanceModeState).
EMPTYING = frozenset({"enteringMaintenance", "inMaintenance"})

_POD = "podStorageDrsEntry.storageDrsConfig"


class Excluder:
    """Reads standings and carries plans out, for many VMs at a time."""

    def __init__(self, service: Any, content: Any, reader: Reader, clock: Clock) -> None:
        self._content = content
        self._stub = service._stub
        self._reader = reader
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        #: Overrides as vCenter gave them, by holder and VM.
        self._raw: dict[tuple[str, str], Any] = {}

    def run(self, moids: Sequence[str], excluded: bool, check: bool) -> list[VmChange]:
        """Exclude or restore. Never raises for one VM's sake: its change carries code, reason and remedy."""
        before = self.look(moids)
        plans = {s.moid: plan(s, excluded) for s in before if not s.note_problem and not s.unknown}
        if check:
            return [
                _judged(after(s, p), _report(s, after(s, p), p.anything), excluded)
                if (p := plans.get(s.moid)) is not None
                else _unreadable(s)
                for s in before
            ]
        problems = self._do({m: [self._remark(m, p.note)] for m, p in plans.items() if p.note is not None})
        # One task per VM and holder, so that a refused override stops its own VM only.
        problems.update(
            self._do({m: [self._override(m, w) for w in p.writes] for m, p in plans.items() if m not in problems})
        )
        now = {s.moid: s for s in (self.look(list(plans)) if any(p.anything for p in plans.values()) else before)}
        unkept = {m for m, p in plans.items() if m not in problems and m in now and not kept(now[m], excluded)}
        drop = [m for m, p in plans.items() if p.drop_note and m not in problems and m not in unkept and m in now]
        problems.update(self._do({m: [self._remark(m, None)] for m in drop}))
        return [
            _judged(
                now.get(s.moid, s),
                self._result(s, now.get(s.moid, s), plans.get(s.moid), problems, unkept, drop),
                excluded,
            )
            for s in before
        ]

    def look(self, moids: Sequence[str]) -> list[Standing]:
        """The VMs' standings, in three calls for any number of VMs. VMs that vanished are left out."""
        refs = [pyvmomi.vim.VirtualMachine(m, self._stub) for m in moids]
        paths = ("name", "config.instanceUuid", "runtime.host", "datastore", "config.extraConfig")
        entries = self._reader.some([("VirtualMachine", refs, paths)])
        self._entries.update({e.moid: e for e in entries})
        hosts = {pyvmomi.moid(h): h for e in entries if (h := e.get("runtime.host")) is not None}
        stores = {pyvmomi.moid(d): d for e in entries for d in e.get("datastore") or ()}
        above = {
            e.moid: e
            for e in self._reader.some(
                [
                    ("HostSystem", list(hosts.values()), ("parent",)),
                    ("Datastore", list(stores.values()), ("name", "parent", "summary.maintenanceMode")),
                ]
            )
        }
        parents = {pyvmomi.moid(p): p for e in above.values() if (p := e.get("parent")) is not None}
        read: dict[str, tuple[Any, str]] = {}
        for entry in entries:
            note, problem = self._note(entry)
            read[entry.moid] = (note, problem)
            for moid in (note or {}).get("former") or {}:
                kind = pyvmomi.vim.StoragePod if moid.startswith("group-") else pyvmomi.vim.ClusterComputeResource
                parents.setdefault(moid, kind(moid, self._stub))
        holders = self._holders(list(parents.values()))
        found = [self._standing(e, above, holders, *read[e.moid]) for e in entries]
        for one in found:
            self._raw.update({(h.moid, one.moid): h.raw for h in (*one.holders, *one.noted.values())})
        return found

    def _holders(self, refs: Sequence[Any]) -> dict[str, Entry]:
        clusters = [r for r in refs if isinstance(r, pyvmomi.vim.ClusterComputeResource)]
        pods = [r for r in refs if isinstance(r, pyvmomi.vim.StoragePod)]
        found = self._reader.some(
            [
                # Declared with a base type, so its leaves cannot be named in a path: the structure is read whole.
                ("ClusterComputeResource", clusters, ("name", "configurationEx")),
                ("StoragePod", pods, ("name", f"{_POD}.podConfig.enabled", f"{_POD}.vmConfig")),
            ]
        )
        return {e.moid: e for e in found}

    def _standing(
        self, entry: Entry, above: Mapping[str, Entry], holders: Mapping[str, Entry], note: Any, problem: str
    ) -> Standing:
        name = plain_name(entry.get("name"))
        host = entry.get("runtime.host")
        parent = _parent(above, host)
        cluster = holders.get(pyvmomi.moid(parent)) if parent is not None else None
        stores = list(entry.get("datastore") or ())
        pods = {
            pyvmomi.moid(p): holders[pyvmomi.moid(p)]
            for d in stores
            if (p := _parent(above, d)) is not None and pyvmomi.moid(p) in holders
        }
        noted = {m: _holder(holders[m], entry.moid) for m in (note or {}).get("former") or {} if m in holders}
        return Standing(
            moid=entry.moid,
            name=name,
            cluster=_holder(cluster, entry.moid) if cluster else None,
            pods=tuple(_holder(p, entry.moid) for _dummy, p in sorted(pods.items())),
            note=note,
            note_problem=problem,
            noted=noted,
            unknown=_unknown(entry, above, holders),
            warnings=_emptying(name, stores, above) + _proactive(name, cluster),
        )

    def _owner(self, entry: Entry) -> notes.NotedVm:
        return notes.NotedVm(
            str(entry.get("config.instanceUuid") or ""), str(getattr(self._content.about, "instanceUuid", None) or "")
        )

    def _note(self, entry: Entry) -> tuple[dict[str, Any] | None, str]:
        try:
            note = notes.read(options_of(entry), notes.EXCLUSION_KEY, self._owner(entry))
            former = note.get("former") if note is not None else {}
            if not isinstance(former, dict) or not all(v is None or isinstance(v, dict) for v in former.values()):
                raise notes.Unreadable("it does not contain the former overrides")
            return note, ""
        except notes.Unreadable as exc:
            return None, str(exc)

    def _vm(self, moid: str) -> Any:
        return self._entries[moid].ref

    def _remark(self, moid: str, note: Mapping[str, Any] | None) -> Start:
        """Write the note on the VM; None removes it."""
        text = "" if note is None else notes.text(note, self._owner(self._entries[moid]))
        return lambda: self._vm(moid).ReconfigVM_Task(spec=notes.change({notes.EXCLUSION_KEY: text}))

    def _override(self, moid: str, write: Write) -> Start:
        """Write one override. An edit sends the rest of the override back as it was read."""
        vm = self._vm(moid)
        raw = self._raw.get((write.holder, moid)) if write.operation != REMOVE else None
        if write.holder.startswith("group-"):
            pod = pyvmomi.vim.StoragePod(write.holder, self._stub)
            spec = pyvmomi.vim.storageDrs.VmConfigSpec(operation=write.operation)
            if write.operation == REMOVE:
                spec.removeKey = vm
            else:
                rest = ("behavior", "intraVmAffinity", "intraVmAntiAffinity", "virtualDiskRules")
                spec.info = pyvmomi.vim.storageDrs.VmConfigInfo(vm=vm, **{**_rest(raw, rest), **write.values})
            config = pyvmomi.vim.storageDrs.ConfigSpec(vmConfigSpec=[spec])
            manager = self._content.storageResourceManager
            return lambda: manager.ConfigureStorageDrsForPod_Task(pod=pod, spec=config, modify=True)
        cluster = pyvmomi.vim.ClusterComputeResource(write.holder, self._stub)
        spec = pyvmomi.vim.cluster.DrsVmConfigSpec(operation=write.operation)
        if write.operation == REMOVE:
            spec.removeKey = vm
        else:
            spec.info = pyvmomi.vim.cluster.DrsVmConfigInfo(key=vm, **{**_rest(raw, ("behavior",)), **write.values})
        config = pyvmomi.vim.cluster.ConfigSpecEx(drsVmConfigSpec=[spec])
        return lambda: cluster.ReconfigureComputeResource_Task(spec=config, modify=True)

    def _do(self, work: Mapping[str, Sequence[Start]]) -> dict[str, Any]:
        """Start every VM's tasks and wait for them; the faults of those that failed, by VM."""
        return tasks.carry_out(self._reader, self._clock, work)

    def _result(
        self,
        was: Standing,
        now: Standing,
        work: WritePlan | None,
        problems: Mapping[str, Any],
        unkept: set[str],
        dropped: list[str],
    ) -> VmChange:
        if work is None:
            return _unreadable(was)
        if was.moid in dropped and was.moid not in problems:
            now = replace(now, note=None, noted={})
        change = _report(was, now, work.anything)
        if was.moid in problems:
            doing = "restore the vMotion settings of {}" if work.drop_note else "exclude {} from vMotion"
            error = pyvmomi.explain(problems[was.moid], doing.format(was.name))
            # What was written before the refusal is there; what was not is not called a change.
            change = replace(change, changed=now.details != was.details)
            return _with(change, Refusal.of(error))
        if was.moid in unkept:
            lost = Refusal(
                "exclusion_not_kept",
                f"vCenter reported success, but the override of {was.name} does not show the new value.",
                "Check the VM overrides of the cluster and the datastore cluster, then rerun.",
            )
            return _with(change, lost)
        return change


def _rest(raw: Any, names: Sequence[str]) -> dict[str, Any]:
    """What an override contains besides what we write."""
    return {n: value for n in names if (value := getattr(raw, n, None)) is not None} if raw is not None else {}


def _parent(above: Mapping[str, Entry], ref: Any) -> Any:
    entry = above.get(pyvmomi.moid(ref)) if ref is not None else None
    return entry.get("parent") if entry is not None else None


def _unknown(entry: Entry, above: Mapping[str, Entry], holders: Mapping[str, Entry]) -> str:
    """What around a VM could not be read, so that it is unknown what may move it."""
    host = entry.get("runtime.host")
    if host is None:
        return "the host it runs on"
    if entry.get("config.extraConfig") is None:
        return "its own settings"
    for ref, what in (
        (host, "the cluster of its host"),
        *((d, "one of its datastores") for d in entry.get("datastore") or ()),
    ):
        parent = _parent(above, ref)
        if parent is None:
            return what
        if not isinstance(parent, (pyvmomi.vim.ClusterComputeResource, pyvmomi.vim.StoragePod)):
            continue
        seen = holders.get(pyvmomi.moid(parent))
        wanted = "configurationEx" if what.startswith("the cluster") else f"{_POD}.podConfig.enabled"
        if seen is None or seen.get(wanted) is None or _drs_unread(seen):
            return "the DRS settings of its cluster" if what.startswith("the cluster") else "its datastore cluster"
    return ""


def _drs_unread(cluster: Entry) -> bool:
    """A cluster's settings without a word on DRS."""
    config = cluster.get("configurationEx")
    return config is not None and (config.drsConfig is None or config.drsConfig.enabled is None)


def _emptying(name: str, stores: Sequence[Any], above: Mapping[str, Entry]) -> tuple[str, ...]:
    """Datastores that are being emptied: whatever the overrides say, vCenter wants their VMs elsewhere."""
    found = [e for d in stores if (e := above.get(pyvmomi.moid(d))) is not None]
    return tuple(
        f"The datastore {plain_name(e.get('name'))} of {name} is in maintenance mode, so vCenter moves virtual "
        "machines off it: end maintenance mode while the master target holds disks of other machines."
        for e in found
        if str(e.get("summary.maintenanceMode") or "") in EMPTYING
    )


def _proactive(name: str, cluster: Entry | None) -> tuple[str, ...]:
    """Proactive HA empties a host whose hardware is about to fail."""
    config = cluster.get("configurationEx") if cluster is not None else None
    proactive = getattr(config, "infraUpdateHaConfig", None)
    if proactive is None or not proactive.enabled or str(proactive.behavior) != "Automated" or cluster is None:
        return ()
    where = plain_name(cluster.get("name"))
    text = (
        f"Proactive HA is automated in the cluster {where}: it may move {name} to another host when its own is failing."
    )
    return (text,)


def _holder(entry: Entry, vm: str) -> Holder:
    """A cluster or datastore cluster as read, seen from one VM. An override without ``enabled`` excludes nothing."""
    obeys, behavior = True, ""
    if isinstance(entry.ref, pyvmomi.vim.StoragePod):
        active = bool(entry.get(f"{_POD}.podConfig.enabled"))
        overrides = entry.get(f"{_POD}.vmConfig") or ()
        mine = next((o for o in overrides if o.vm is not None and pyvmomi.moid(o.vm) == vm), None)
    else:
        config = entry.get("configurationEx")
        drs = config.drsConfig if config is not None else None
        active = bool(drs is not None and drs.enabled)
        # Left out it means true (DOC vSphere API, ClusterDrsConfigInfo).
        obeys = drs is None or drs.enableVmBehaviorOverrides is not False
        behavior = str(drs.defaultVmBehavior or "") if drs is not None else ""
        overrides = (config.drsVmConfig if config is not None else None) or ()
        mine = next((o for o in overrides if pyvmomi.moid(o.key) == vm), None)
    override = None
    if mine is not None:
        override = {"enabled": mine.enabled, "behavior": None if mine.behavior is None else str(mine.behavior)}
    return Holder(entry.moid, plain_name(entry.get("name")), active, override, obeys, behavior, mine)


def _report(was: Standing, now: Standing, changed: bool) -> VmChange:
    return VmChange(
        was.moid,
        was.name,
        was.word,
        now.word,
        changed=changed,
        details=now.details,
        found=was.details,
        warnings=now.told,
    )


def _judged(now: Standing, change: VmChange, excluded: bool) -> VmChange:
    """An exclusion is only as good as its effect: a cluster that ignores overrides moves the VM all the same."""
    if not excluded or change.code or not now.ignored:
        return change
    names = ", ".join(h.name for h in now.ignored)
    refusal = Refusal(
        "exclusion_without_effect",
        f"{now.name} cannot be excluded from vMotion: the cluster {names} ignores VM overrides (individual "
        "automation levels are disabled), so DRS keeps moving it.",
        "Enable individual virtual machine automation levels in the cluster's DRS settings (VM overrides), or set "
        "its DRS to manual or partially automated until the machines are failed back, then rerun.",
    )
    return _with(change, refusal)


def _with(change: VmChange, refusal: Refusal) -> VmChange:
    return replace(change, settled=True, refusal=refusal)


def _unreadable(standing: Standing) -> VmChange:
    if standing.unknown:
        code = "exclusion_unknown"
        reason = (
            f"The vMotion settings of {standing.name} are unknown: vCenter does not report {standing.unknown} (the "
            "account in `username` may not read it, or the host does not answer)."
        )
        remedy = "Let the account read the virtual machine, its host, cluster and datastores, then rerun."
    else:
        code = "exclusion_note_unreadable"
        reason = f"The note {notes.EXCLUSION_KEY} on {standing.name} cannot be read: {standing.note_problem}."
        remedy = "Set the VM's overrides by hand, remove that advanced parameter, then rerun."
    return VmChange(
        standing.moid,
        standing.name,
        standing.word,
        standing.word,
        refusal=Refusal(code, reason, remedy),
        details=standing.details,
        found=standing.details,
        warnings=standing.told,
    )
