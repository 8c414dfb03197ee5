# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a VM was moved: its location is noted on the VM itself, and what moved it since is looked up.

A storage move takes the attached disks of other machines along, and their failback cannot detach them any more (DOC
failback-domain.md 1.8); a move to another host does no harm. Events are read through a collector to their end:
QueryEvents gives only the newest ten, and vCenters differ in whether an event's type is named short or in full (SEEN
vcenter-simulator.md 3).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from ..failback.model.items import iso, parse_time
from ..failback.model.ports import Clock
from ..failback.model.refusal import Refusal
from ..failback.model.server_ports import SiteMove, VmPlace
from . import notes, pyvmomi, tasks
from .place import Here, VirtualDisk, as_note, compare, of_note
from .read import DEVICES, Entry, Reader, options_of, plain_name

#: Events that report a finished move.
MOVES = ("VmMigratedEvent", "DrsVmMigratedEvent", "VmRelocatedEvent")

#: Parts of a task's description that say it moves a VM.
MOVING = ("migrate", "relocate", "vmotion")

_UNKNOWN = "Restore its host and its registration in vCenter, let the account in `username` read both, then rerun."

#: Entries of one page of a collector, and pages before we stop reading.
PAGE, PAGES = 500, 200


class Watcher:
    """Notes and compares places, for a few VMs (master targets) at a time."""

    def __init__(self, service: Any, content: Any, reader: Reader, clock: Clock) -> None:
        self._service = service
        self._content = content
        self._stub = service._stub
        self._reader = reader
        self._clock = clock

    def run(self, moids: Sequence[str], mode: str, check: bool, idle: Collection[str] = ()) -> list[VmPlace]:
        """``mode``: keep (note the place where there is no note), look, or forget (look, then drop the note).

        ``idle`` are the VMs no machine can be attached to now: all their disks are their own. A problem of one VM is reported in
        its own entry and stops no other.
        """
        return [self._one(entry, mode, check, entry.moid in idle) for entry in self._read(moids)]

    def _one(self, entry: Entry, mode: str, check: bool, idle: bool) -> VmPlace:
        name = plain_name(entry.get("name"))
        place = VmPlace(entry.moid, name)
        doing = f"look up where {name} was and what moved it"
        try:
            here = self._here(entry)
            if isinstance(here, str):
                return replace(place, refusal=Refusal("place_unknown", here, _UNKNOWN))
            place, ours = self._look(entry, here)
            keep = mode == "keep" and place.refusal is None and self._renew(place, ours, idle)
            drop = mode == "forget" and place.since is not None
            if not keep and not drop:
                return place
            doing = f"record the location of {name} on it" if keep else f"remove the location record from {name}"
            note = as_note(here, idle, self._now().isoformat()) if keep else None
            if not check:
                self._write(entry, "" if note is None else notes.text(note, self._owner(entry)))
            held = len(note["foreign"]) if note is not None else place.foreign_disks
            return replace(place, changed=True, foreign_disks=held)
        except pyvmomi.SESSION_WIDE:
            raise
        except pyvmomi.ONE_OBJECTS as exc:
            error = pyvmomi.explain(exc, doing)
            return replace(place, refusal=Refusal.of(error))

    @staticmethod
    def _renew(place: VmPlace, certain: bool, idle: bool) -> bool:
        """No note yet, or an outdated one while no other machine's disks are attached to the VM."""
        outdated = place.moved_host or place.moved_storage or not certain
        return (
            place.since is None
            or (idle and (outdated or place.foreign_disks > 0))
            or (outdated and not place.foreign_disks)
        )

    def _read(self, moids: Sequence[str]) -> list[Entry]:
        refs = [pyvmomi.vim.VirtualMachine(m, self._stub) for m in moids]
        paths = (
            "name",
            "config.instanceUuid",
            "runtime.connectionState",
            "runtime.host",
            "datastore",
            "config.extraConfig",
            "config.files.vmPathName",
            DEVICES,
        )
        return self._reader.some([("VirtualMachine", refs, paths)])

    def _here(self, entry: Entry) -> Here | str:
        """The place now, or why it is not known."""
        name = plain_name(entry.get("name"))
        state = str(entry.get("runtime.connectionState") or "in an unknown connection state")
        if state != "connected":
            return f"The location of {name} is unknown: it is {state} in vCenter."
        host, devices = entry.get("runtime.host"), entry.get(DEVICES)
        vmx, stores = plain_name(entry.get("config.files.vmPathName")), entry.get("datastore")
        if host is None or devices is None or stores is None or not vmx or entry.get("config.extraConfig") is None:
            return f"The location of {name} is unknown: vCenter does not report its host, its files or its settings."
        names = {
            e.moid: plain_name(e.get("name"))
            for e in self._reader.some([("HostSystem", [host], ("name",)), ("Datastore", list(stores), ("name",))])
        }
        if not all(names.get(pyvmomi.moid(ref)) for ref in (host, *stores)):
            return f"The location of {name} is unknown: its host or its datastores cannot be read."
        return Here(
            pyvmomi.moid(host),
            names[pyvmomi.moid(host)],
            {pyvmomi.moid(s): names[pyvmomi.moid(s)] for s in stores},
            plain_name(vmx),
            tuple(_disk(d) for d in devices if isinstance(d, pyvmomi.vim.vm.device.VirtualDisk)),
        )

    def _owner(self, entry: Entry) -> notes.NotedVm:
        return notes.NotedVm(
            str(entry.get("config.instanceUuid") or ""), str(getattr(self._content.about, "instanceUuid", None) or "")
        )

    def _now(self) -> datetime:
        now: datetime = self._service.CurrentTime()
        return now

    def _look(self, entry: Entry, here: Here) -> tuple[VmPlace, bool]:
        """The location compared with its note, and whether the note itself shows which VM the disks belong to."""
        stores = sorted(here.stores.values())
        place = VmPlace(entry.moid, plain_name(entry.get("name")), here.host_name, tuple(stores))
        try:
            note = notes.read(options_of(entry), notes.PLACE_KEY, self._owner(entry))
            noted = None if note is None else of_note(note, parse_time(note.get("since")), here)
        except notes.Unreadable as exc:
            unreadable = Refusal(
                "place_note_unreadable",
                f"The note {notes.PLACE_KEY} on {place.name} cannot be read: {exc}.",
                "Remove that advanced parameter from the virtual machine, then rerun.",
            )
            return replace(place, refusal=unreadable), True
        if noted is None:
            return place, True
        found = compare(noted, here)
        running, ended = self._tasks(entry, noted.since)
        # Events report more than tasks, but not every vCenter has one for every kind of move.
        moves = self._moves(entry, noted.since) or ended
        return replace(
            place,
            since=noted.since,
            noted_host=noted.host_name,
            noted_datastores=noted.names,
            moved_host=found.moved_host,
            moved_storage=found.moved_storage,
            foreign_disks=len(found.foreign),
            foreign_files=tuple(d.file for d in found.foreign),
            moves=moves,
            running=running,
        ), noted.certain

    # history

    def _moves(self, entry: Entry, since: datetime) -> tuple[SiteMove, ...]:
        event = pyvmomi.vim.event
        types = [*MOVES, *(f"vim.event.{kind}" for kind in MOVES)]
        spec = event.EventFilterSpec(
            entity=event.EventFilterSpec.ByEntity(entity=entry.ref, recursion="self"),
            # Whole seconds: fractions are not understood everywhere (SEEN in the simulator).
            time=event.EventFilterSpec.ByTime(beginTime=since.replace(microsecond=0)),
            eventTypeId=types,
        )
        collector = self._content.eventManager.CreateCollectorForEvents(filter=spec)
        found = [e for e in self._drain(collector, "ReadNextEvents") if e.createdTime > since]
        return tuple(_move(e) for e in sorted(found, key=lambda e: e.createdTime))

    def _tasks(self, entry: Entry, since: datetime) -> tuple[tuple[str, ...], tuple[SiteMove, ...]]:
        """Moves that run now (they have left no event yet), and those that ended well."""
        filters = pyvmomi.vim.TaskFilterSpec
        spec = filters(
            entity=filters.ByEntity(entity=entry.ref, recursion="self"),
            time=filters.ByTime(timeType="queuedTime", beginTime=since.replace(microsecond=0)),
        )
        collector = self._content.taskManager.CreateCollectorForTasks(filter=spec)
        found = [t for t in self._drain(collector, "ReadNextTasks") if _moves_vm(t)]
        running = tuple(str(t.descriptionId) for t in found if t.state in ("running", "queued"))
        ended = [t for t in found if t.state == "success" and t.completeTime is not None and t.completeTime > since]
        return running, tuple(
            SiteMove(iso(t.completeTime) or "", str(getattr(t.reason, "userName", "") or "vCenter")) for t in ended
        )

    def _drain(self, collector: Any, method: str) -> list[Any]:
        """Everything a new collector holds: it begins at the oldest entry (DOC vSphere API, RewindCollector), so it is not rewound; the
        simulator skips the oldest after that (SEEN). A session may have few of them, so it is given back in any case."""
        try:
            found: list[Any] = []
            for _page in range(PAGES):
                entries = getattr(collector, method)(PAGE)
                if not entries:
                    break
                found.extend(entries)
            return found
        finally:
            with contextlib.suppress(Exception):
                collector.DestroyCollector()

    def _write(self, entry: Entry, text: str) -> None:
        start = partial(entry.ref.ReconfigVM_Task, spec=notes.change({notes.PLACE_KEY: text}))
        fault = tasks.carry_out(self._reader, self._clock, {entry.moid: [start]}).get(entry.moid)
        if fault is not None:
            raise fault


def _moves_vm(task: Any) -> bool:
    return any(word in str(getattr(task, "descriptionId", "") or "").lower() for word in MOVING)


def _disk(device: Any) -> VirtualDisk:
    backing = device.backing
    store = getattr(backing, "datastore", None)
    return VirtualDisk(
        int(device.key),
        str(getattr(backing, "uuid", None) or ""),
        plain_name(getattr(backing, "fileName", None) or ""),
        pyvmomi.moid(store) if store is not None else "",
    )


def _move(event: Any) -> SiteMove:
    def name(attribute: str) -> str:
        value = getattr(event, attribute, None)
        return plain_name(getattr(value, "name", "")) if value is not None else ""

    return SiteMove(
        when=iso(event.createdTime) or "",
        who=str(getattr(event, "userName", "") or "vCenter"),
        from_host=name("sourceHost"),
        to_host=name("host"),
        from_datastore=name("sourceDatastore"),
        to_datastore=name("ds"),
    )
