# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Keeping a VM where it is: per-VM overrides of DRS (vMotion) and of Storage DRS (Storage vMotion), and lifting them.

A moved master target breaks the failback of every machine whose disks it holds (DOC failback-domain.md 9). The order
of work makes it safe to die anywhere: (1) what was there before is noted on the VM, (2) the overrides are written,
(3) they are read back. Lifting: (1) what was there before is put back, (2) it is read back, (3) the note is removed.
Either may be repeated, and the note of the first freeze is the one that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..failback.ports import Clock
from ..failback.server_ports import VmChange
from . import notes, sdk, tasks
from .read import Entry, Reader, options_of, plain_name

#: An override as plain data: {"enabled": bool | None, "behavior": str | None}; None where there is no override.
Override = Mapping[str, Any]

#: Starts a task in vCenter.
Start = Callable[[], Any]

ADD, EDIT, REMOVE = "add", "edit", "remove"


@dataclass(frozen=True)
class Holder:
    """A cluster or datastore cluster that could move the VM: whether it moves anything, and its override for the VM."""

    moid: str
    name: str
    active: bool = True
    override: Override | None = None

    @property
    def holds(self) -> bool:
        """The VM is excluded here."""
        return self.override is not None and self.override.get("enabled") is False

    @property
    def word(self) -> str:
        return "frozen" if self.holds else "free" if self.active else "off"


@dataclass(frozen=True)
class Standing:
    """A VM with everything that could move it. ``cluster`` is None on a standalone host, ``pods`` is often empty."""

    moid: str
    name: str
    cluster: Holder | None = None
    pods: tuple[Holder, ...] = ()
    note: Mapping[str, Any] | None = None
    note_problem: str = ""
    #: Holders the note speaks of, as they are now; those that vanished are missing.
    noted: Mapping[str, Holder] = field(default_factory=dict)

    @property
    def movers(self) -> tuple[Holder, ...]:
        """Everything that moves VMs by itself and could move this one."""
        found = ((self.cluster,) if self.cluster else ()) + self.pods
        return tuple(h for h in found if h.active)

    @property
    def word(self) -> str:
        """frozen, free, partly, or immovable where nothing would move the VM by itself."""
        held = [h for h in self.movers if h.holds]
        if not self.movers:
            return "immovable"
        return "frozen" if len(held) == len(self.movers) else "partly" if held else "free"

    @property
    def details(self) -> dict[str, Any]:
        return {
            "drs": self.cluster.word if self.cluster else "no cluster",
            "cluster": self.cluster.name if self.cluster else None,
            "storage_drs": [{"datastore_cluster": p.name, "state": p.word} for p in self.pods],
            "noted": self.note is not None,
        }


@dataclass(frozen=True)
class Write:
    """One override to write: on which holder, which operation, with which values."""

    holder: str
    operation: str
    values: Override = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What to do for one VM, in order: note, writes, and (lifting) the note's removal."""

    note: Mapping[str, Any] | None = None
    writes: tuple[Write, ...] = ()
    drop_note: bool = False

    @property
    def anything(self) -> bool:
        return bool(self.note or self.writes or self.drop_note)


def plan(standing: Standing, frozen: bool) -> Plan:
    """What it takes to freeze the VM, or to lift the freeze. Pure."""
    return _plan_freeze(standing) if frozen else _plan_lift(standing)


def _plan_freeze(standing: Standing) -> Plan:
    loose = [h for h in standing.movers if not h.holds]
    if not loose:
        return Plan()
    former = dict((standing.note or {}).get("former") or {})
    missing = {h.moid: _plain(h.override) for h in loose if h.moid not in former}
    # A former value once noted stays: on a repeated run the present value may already be ours.
    note = {"former": {**former, **missing}} if missing else None
    writes = [Write(h.moid, EDIT if h.override is not None else ADD, {"enabled": False}) for h in loose]
    return Plan(note=note, writes=tuple(writes))


def _plan_lift(standing: Standing) -> Plan:
    if standing.note is None:
        return Plan()
    writes = []
    for moid, former in sorted((standing.note.get("former") or {}).items()):
        holder = standing.noted.get(moid)
        # A vanished cluster took its override with it.
        if holder is None or _restored(former, holder.override):
            continue
        if former is None:
            writes.append(Write(moid, REMOVE))
        elif holder.override is None:
            writes.append(Write(moid, ADD, {**former, "enabled": _enabled(former)}))
        else:
            # Only what the freeze wrote is put back; an edit leaves the override's other values as they are.
            writes.append(Write(moid, EDIT, {"enabled": _enabled(former)}))
    return Plan(writes=tuple(writes), drop_note=True)


def _enabled(override: Override) -> bool:
    """An override that does not say otherwise leaves the VM to DRS (DOC: unset means true)."""
    return override.get("enabled") is not False


def _restored(former: Override | None, now: Override | None) -> bool:
    if former is None:
        # Storage DRS may list a VM without any value of its own: as good as no override.
        return now is None or (_enabled(now) and now.get("behavior") is None)
    return now is not None and _enabled(now) == _enabled(former)


def _plain(override: Override | None) -> dict[str, Any] | None:
    return None if override is None else {"enabled": override.get("enabled"), "behavior": override.get("behavior")}


def after(standing: Standing, work: Plan) -> Standing:
    """The VM as the plan would leave it; what check mode reports."""
    written = {w.holder: (None if w.operation == REMOVE else w.values) for w in work.writes}

    def then(holder: Holder) -> Holder:
        if holder.moid not in written:
            return holder
        values = written[holder.moid]
        override = None if values is None else {**(holder.override or {"enabled": None, "behavior": None}), **values}
        return Holder(holder.moid, holder.name, holder.active, override)

    return Standing(
        moid=standing.moid,
        name=standing.name,
        cluster=then(standing.cluster) if standing.cluster else None,
        pods=tuple(then(p) for p in standing.pods),
        note=None if work.drop_note else work.note or standing.note,
    )


class Freezer:
    """Reads standings and carries plans out, for many VMs at a time."""

    def __init__(self, service: Any, content: Any, reader: Reader, clock: Clock) -> None:
        self._content = content
        self._stub = service._stub
        self._reader = reader
        self._clock = clock
        self._entries: dict[str, Entry] = {}

    def run(self, moids: Sequence[str], frozen: bool, check: bool) -> list[VmChange]:
        """Freeze or lift. Never raises for one VM's sake: its change carries code, reason and remedy."""
        before = self.look(moids)
        plans = {s.moid: plan(s, frozen) for s in before if not s.note_problem}
        if check:
            return [
                _report(s, after(s, plans[s.moid]), plans[s.moid].anything) if s.moid in plans else _unreadable(s)
                for s in before
            ]
        problems = self._do({m: [self._remark(m, notes.text(p.note))] for m, p in plans.items() if p.note is not None})
        # One task per VM and holder, so that a refused override stops its own VM only.
        problems.update(
            self._do({m: [self._override(m, w) for w in p.writes] for m, p in plans.items() if m not in problems})
        )
        now = {s.moid: s for s in (self.look(list(plans)) if any(p.anything for p in plans.values()) else before)}
        unkept = {m for m, p in plans.items() if m not in problems and m in now and not _kept(now[m], frozen)}
        drop = [m for m, p in plans.items() if p.drop_note and m not in problems and m not in unkept and m in now]
        problems.update(self._do({m: [self._remark(m, "")] for m in drop}))
        return [self._result(s, now.get(s.moid, s), plans.get(s.moid), problems, unkept, drop) for s in before]

    def look(self, moids: Sequence[str]) -> list[Standing]:
        """The VMs' standings, in three calls for any number of VMs. VMs that vanished are left out."""
        refs = [sdk.vim.VirtualMachine(m, self._stub) for m in moids]
        paths = ("name", "runtime.host", "datastore", "config.extraConfig")
        entries = self._reader.some([("VirtualMachine", refs, paths)])
        self._entries.update({e.moid: e for e in entries})
        hosts = {sdk.moid(h): h for e in entries if (h := e.get("runtime.host")) is not None}
        stores = {sdk.moid(d): d for e in entries for d in e.get("datastore") or ()}
        above = {
            e.moid: e.get("parent")
            for e in self._reader.some(
                [("HostSystem", list(hosts.values()), ("parent",)), ("Datastore", list(stores.values()), ("parent",))]
            )
        }
        parents = {sdk.moid(p): p for p in above.values() if p is not None}
        read: dict[str, tuple[Any, str]] = {}
        for entry in entries:
            note, problem = _note(entry)
            read[entry.moid] = (note, problem)
            for moid in (note or {}).get("former") or {}:
                kind = sdk.vim.StoragePod if moid.startswith("group-") else sdk.vim.ClusterComputeResource
                parents.setdefault(moid, kind(moid, self._stub))
        holders = self._holders(list(parents.values()))
        return [self._standing(e, above, holders, *read[e.moid]) for e in entries]

    def _holders(self, refs: Sequence[Any]) -> dict[str, Entry]:
        clusters = [r for r in refs if isinstance(r, sdk.vim.ClusterComputeResource)]
        pods = [r for r in refs if isinstance(r, sdk.vim.StoragePod)]
        drs = "podStorageDrsEntry.storageDrsConfig"
        found = self._reader.some(
            [
                # Declared with a base type, so its leaves cannot be named in a path: the structure is read whole.
                ("ClusterComputeResource", clusters, ("name", "configurationEx")),
                ("StoragePod", pods, ("name", f"{drs}.podConfig.enabled", f"{drs}.vmConfig")),
            ]
        )
        return {e.moid: e for e in found}

    def _standing(
        self, entry: Entry, above: Mapping[str, Any], holders: Mapping[str, Entry], note: Any, problem: str
    ) -> Standing:
        host = entry.get("runtime.host")
        parent = above.get(sdk.moid(host)) if host is not None else None
        cluster = holders.get(sdk.moid(parent)) if parent is not None else None
        pods = {
            sdk.moid(p): holders[sdk.moid(p)]
            for d in entry.get("datastore") or ()
            if (p := above.get(sdk.moid(d))) is not None and sdk.moid(p) in holders
        }
        noted = {m: _holder(holders[m], entry.moid) for m in (note or {}).get("former") or {} if m in holders}
        return Standing(
            moid=entry.moid,
            name=plain_name(entry.get("name")),
            cluster=_holder(cluster, entry.moid) if cluster else None,
            pods=tuple(_holder(p, entry.moid) for _dummy, p in sorted(pods.items())),
            note=note,
            note_problem=problem,
            noted=noted,
        )

    def _vm(self, moid: str) -> Any:
        return self._entries[moid].ref

    def _remark(self, moid: str, text: str) -> Start:
        """Write the note on the VM; an empty text removes it."""
        return lambda: self._vm(moid).ReconfigVM_Task(spec=notes.change({notes.FREEZE_KEY: text}))

    def _override(self, moid: str, write: Write) -> Start:
        """Write one override."""
        vm = self._vm(moid)
        if write.holder.startswith("group-"):
            pod = sdk.vim.StoragePod(write.holder, self._stub)
            spec = sdk.vim.storageDrs.VmConfigSpec(operation=write.operation)
            if write.operation == REMOVE:
                spec.removeKey = vm
            else:
                spec.info = sdk.vim.storageDrs.VmConfigInfo(vm=vm, **write.values)
            config = sdk.vim.storageDrs.ConfigSpec(vmConfigSpec=[spec])
            manager = self._content.storageResourceManager
            return lambda: manager.ConfigureStorageDrsForPod_Task(pod=pod, spec=config, modify=True)
        cluster = sdk.vim.ClusterComputeResource(write.holder, self._stub)
        spec = sdk.vim.cluster.DrsVmConfigSpec(operation=write.operation)
        if write.operation == REMOVE:
            spec.removeKey = vm
        else:
            spec.info = sdk.vim.cluster.DrsVmConfigInfo(key=vm, **write.values)
        config = sdk.vim.cluster.ConfigSpecEx(drsVmConfigSpec=[spec])
        return lambda: cluster.ReconfigureComputeResource_Task(spec=config, modify=True)

    def _do(self, work: Mapping[str, Sequence[Start]]) -> dict[str, Any]:
        """Start every VM's tasks and wait for them; the faults of those that failed, by VM."""
        faults: dict[str, Any] = {}
        started: list[tuple[str, Any]] = []
        for moid, starts in work.items():
            try:
                started.extend((moid, start()) for start in starts)
            except sdk.vmodl.MethodFault as fault:
                faults[moid] = fault
        ended = tasks.wait(self._reader, [t for _dummy, t in started], self._clock)
        faults.update({m: fault for (m, _dummy), fault in zip(started, ended, strict=True) if fault is not None})
        return faults

    def _result(
        self,
        was: Standing,
        now: Standing,
        work: Plan | None,
        problems: Mapping[str, Any],
        unkept: set[str],
        dropped: list[str],
    ) -> VmChange:
        if work is None:
            return _unreadable(was)
        if was.moid in dropped and was.moid not in problems:
            now = Standing(now.moid, now.name, now.cluster, now.pods)
        change = _report(was, now, work.anything)
        if was.moid in problems:
            error = sdk.explain(problems[was.moid], f"exclude {was.name} from vMotion or lift that")
            return _with(change, error.code, error.message, error.remedy)
        if was.moid in unkept:
            return _with(
                change,
                "freeze_not_kept",
                f"vCenter reported success, but the override of {was.name} does not read as written.",
                "Look at the VM overrides of the cluster and the datastore cluster, then run again.",
            )
        return change


def _kept(now: Standing, frozen: bool) -> bool:
    """Whether what was written is there."""
    if frozen:
        return all(h.holds for h in now.movers)
    return not plan(now, frozen=False).writes if now.note is not None else True


def _note(entry: Entry) -> tuple[dict[str, Any] | None, str]:
    try:
        note = notes.read(options_of(entry), notes.FREEZE_KEY)
        if note is not None and not isinstance(note.get("former"), dict):
            raise notes.Unreadable("it does not name the former overrides")
        return note, ""
    except notes.Unreadable as exc:
        return None, str(exc)


def _holder(entry: Entry, vm: str) -> Holder:
    """A cluster or datastore cluster as read, seen from one VM. An override without ``enabled`` excludes nothing."""
    if isinstance(entry.ref, sdk.vim.StoragePod):
        drs = "podStorageDrsEntry.storageDrsConfig"
        active = bool(entry.get(f"{drs}.podConfig.enabled"))
        overrides = entry.get(f"{drs}.vmConfig") or ()
        mine = next((o for o in overrides if o.vm is not None and sdk.moid(o.vm) == vm), None)
    else:
        config = entry.get("configurationEx")
        active = bool(config is not None and config.drsConfig is not None and config.drsConfig.enabled)
        overrides = (config.drsVmConfig if config is not None else None) or ()
        mine = next((o for o in overrides if sdk.moid(o.key) == vm), None)
    override = None
    if mine is not None:
        override = {"enabled": mine.enabled, "behavior": None if mine.behavior is None else str(mine.behavior)}
    return Holder(entry.moid, plain_name(entry.get("name")), active, override)


def _report(was: Standing, now: Standing, changed: bool) -> VmChange:
    return VmChange(was.moid, was.name, was.word, now.word, changed=changed, details=now.details, found=was.details)


def _with(change: VmChange, code: str, reason: str, remedy: str) -> VmChange:
    return replace(change, settled=True, code=code, reason=reason, remedy=remedy)


def _unreadable(standing: Standing) -> VmChange:
    return VmChange(
        standing.moid,
        standing.name,
        standing.word,
        standing.word,
        code="freeze_note_unreadable",
        reason=f"The note {notes.FREEZE_KEY} on {standing.name} cannot be read: {standing.note_problem}.",
        remedy="Set the VM's overrides by hand as they should be, remove that advanced parameter, then run again.",
        details=standing.details,
        found=standing.details,
    )
