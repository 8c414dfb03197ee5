# SPDX-License-Identifier: GPL-3.0-or-later
"""What could move a VM automatically, what prevents it, and what it takes to change that. Pure.

An override is only worth what the cluster makes of it: where overrides of single VMs are switched off for the cluster
(``enableVmBehaviorOverrides``), DRS goes by the cluster's own automation level whatever the override says (DOC vSphere
API, ClusterDrsConfigInfo). What cannot be read is never taken for "moves nothing".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: An override as plain data: {"enabled": bool | None, "behavior": str | None}; None where there is no override.
Override = Mapping[str, Any]

ADD, EDIT, REMOVE = "add", "edit", "remove"

#: Automation levels of DRS at which running VMs are moved only when a person applies a recommendation (DOC DrsBehavior).
ADVISING = frozenset({"manual", "partiallyAutomated"})


@dataclass(frozen=True)
class Holder:
    """A cluster or datastore cluster that could move the VM: whether it moves anything, and its override for the VM.

    ``obeys``: it heeds overrides of single VMs; ``behavior``: its own automation level.
    """

    moid: str
    name: str
    active: bool = True
    override: Override | None = None
    obeys: bool = True
    behavior: str = ""
    #: The override as vCenter gave it, so that an edit can send it back whole.
    raw: Any = field(default=None, compare=False, repr=False)

    @property
    def excluded(self) -> bool:
        """The override excludes the VM."""
        return self.override is not None and self.override.get("enabled") is False

    @property
    def holds(self) -> bool:
        """The VM is excluded."""
        return self.excluded and self.obeys

    @property
    def advises(self) -> bool:
        """It ignores overrides, but moves no running VM unless a user applies a recommendation."""
        return self.active and not self.obeys and self.behavior in ADVISING

    @property
    def word(self) -> str:
        if not self.active:
            return "excluded" if self.excluded else "off"
        if not self.obeys:
            return "advises" if self.advises else "ignores overrides"
        return "excluded" if self.holds else "free"


@dataclass(frozen=True)
class Standing:
    """A VM with everything that could move it. ``cluster`` is None on a standalone host, ``pods`` is often empty.

    ``unknown`` says what of it could not be read; ``warnings`` what else may move the VM.
    """

    moid: str
    name: str
    cluster: Holder | None = None
    pods: tuple[Holder, ...] = ()
    note: Mapping[str, Any] | None = None
    note_problem: str = ""
    #: Holders the note speaks of, as they are now; those that vanished are missing.
    noted: Mapping[str, Holder] = field(default_factory=dict)
    unknown: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def holders(self) -> tuple[Holder, ...]:
        return ((self.cluster,) if self.cluster else ()) + self.pods

    @property
    def movers(self) -> tuple[Holder, ...]:
        """Everything that moves VMs automatically and could move this one."""
        return tuple(h for h in self.holders if h.active and not h.advises)

    @property
    def ignored(self) -> tuple[Holder, ...]:
        """Movers that ignore overrides."""
        return tuple(h for h in self.movers if not h.obeys)

    @property
    def word(self) -> str:
        """excluded, free, partly, immovable if nothing moves the VM automatically, or unknown."""
        held = [h for h in self.movers if h.holds]
        if self.unknown:
            return "unknown"
        if not self.movers:
            return "immovable"
        return "excluded" if len(held) == len(self.movers) else "partly" if held else "free"

    @property
    def told(self) -> tuple[str, ...]:
        """What should be known although it stops nothing."""
        advising = tuple(
            f"The cluster {h.name} ignores VM overrides and only recommends moves: do not apply a recommendation "
            f"that moves {self.name}."
            for h in self.holders
            if h.advises
        )
        return advising + self.warnings

    @property
    def details(self) -> dict[str, Any]:
        return {
            "drs": "unknown" if self.unknown else self.cluster.word if self.cluster else "no cluster",
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
class WritePlan:
    """What to do for one VM, in order: note, writes, and (lifting) the note's removal."""

    note: Mapping[str, Any] | None = None
    writes: tuple[Write, ...] = ()
    drop_note: bool = False

    @property
    def anything(self) -> bool:
        return bool(self.note or self.writes or self.drop_note)


def plan(standing: Standing, excluded: bool) -> WritePlan:
    """What it takes to exclude the VM, or to restore it. Pure."""
    if standing.unknown:
        return WritePlan()
    return _plan_exclude(standing) if excluded else _plan_restore(standing)


def _plan_exclude(standing: Standing) -> WritePlan:
    loose = [h for h in standing.movers if not h.excluded]
    if not loose:
        return WritePlan()
    former = dict((standing.note or {}).get("former") or {})
    # A former value once noted stays, as the present one may already be ours; unless somebody set another one since.
    missing = {
        h.moid: plain(h.override)
        for h in loose
        if h.moid not in former or (h.override is not None and plain(h.override) != plain(former[h.moid]))
    }
    note = {"former": {**former, **missing}} if missing else None
    writes = [Write(h.moid, EDIT if h.override is not None else ADD, {"enabled": False}) for h in loose]
    return WritePlan(note=note, writes=tuple(writes))


def _plan_restore(standing: Standing) -> WritePlan:
    if standing.note is None:
        return WritePlan()
    writes = []
    here = {h.moid for h in standing.holders}
    for moid, former in sorted((standing.note.get("former") or {}).items()):
        holder = standing.noted.get(moid)
        # A vanished cluster took its override with it, and so did one that the VM has left.
        if holder is None or _restored(former, holder.override) or (holder.override is None and moid not in here):
            continue
        if former is None:
            writes.append(Write(moid, REMOVE))
        elif holder.override is None:
            writes.append(Write(moid, ADD, {**former, "enabled": _enabled(former)}))
        else:
            # Only what the exclusion wrote is put back; an edit leaves the override's other values as they are.
            writes.append(Write(moid, EDIT, {"enabled": _enabled(former)}))
    return WritePlan(writes=tuple(writes), drop_note=True)


def _enabled(override: Override) -> bool:
    """An override without a value leaves the VM to DRS (DOC: unset means true)."""
    return override.get("enabled") is not False


def _restored(former: Override | None, now: Override | None) -> bool:
    if former is None:
        # An override that differs from what the exclusion wrote was changed by someone else and stays as it is.
        return now is None or _enabled(now)
    return now is not None and _enabled(now) == _enabled(former)


def plain(override: Override | None) -> dict[str, Any] | None:
    """An override as a note keeps it."""
    return None if override is None else {"enabled": override.get("enabled"), "behavior": override.get("behavior")}


def after(standing: Standing, work: WritePlan) -> Standing:
    """The VM as the plan would leave it; what check mode reports."""
    written = {w.holder: (None if w.operation == REMOVE else w.values) for w in work.writes}

    def then(holder: Holder) -> Holder:
        if holder.moid not in written:
            return holder
        values = written[holder.moid]
        override = None if values is None else {**(holder.override or {"enabled": None, "behavior": None}), **values}
        return replace(holder, override=override)

    return replace(
        standing,
        cluster=then(standing.cluster) if standing.cluster else None,
        pods=tuple(then(p) for p in standing.pods),
        note=None if work.drop_note else work.note or standing.note,
        noted={},
    )


def kept(now: Standing, excluded: bool) -> bool:
    """Whether what was written is there."""
    if excluded:
        return not now.unknown and all(h.excluded for h in now.movers)
    return not plan(now, excluded=False).writes if now.note is not None else True
