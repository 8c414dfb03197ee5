# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Whether a VM kept its place: where it stood is noted on the VM itself, and what moved it since is looked up.

A storage move takes the attached disks of other machines along, and their failback cannot detach them any more (DOC
failback-domain.md 1.8); a move to another host is harmless by itself. Events are read through a collector to their end:
QueryEvents gives only the newest ten, and vCenters differ in whether an event's type is named short or in full (SEEN
vcenter-simulator.md 3).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..failback.items import iso, parse_time
from ..failback.ports import Clock
from ..failback.server_ports import SiteMove, VmPlace
from . import notes, sdk, tasks
from .read import DEVICES, Entry, Reader, options_of, plain_name

#: Events that tell of a finished move.
MOVES = ("VmMigratedEvent", "DrsVmMigratedEvent", "VmRelocatedEvent")

#: Parts of a task's description that say it moves a VM.
MOVING = ("migrate", "relocate", "vmotion")

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

    def run(self, moids: Sequence[str], mode: str, check: bool) -> list[VmPlace]:
        """``mode``: keep (note the place where there is no note), look, or forget (look, then drop the note)."""
        places = []
        for entry in self._read(moids):
            place = self._look(entry)
            keep = mode == "keep" and not place.problem and self._renew(place)
            drop = mode == "forget" and place.since is not None
            if keep or drop:
                text = notes.text(self._here(entry)) if keep else ""
                if not check:
                    self._write(entry, text)
                place = replace(place, changed=True)
            places.append(place)
        return places

    @staticmethod
    def _renew(place: VmPlace) -> bool:
        """No note yet, or one that is outdated while nobody's disks hang on the VM."""
        return place.since is None or (bool(place.moved_host or place.moved_storage) and not place.foreign_disks)

    def _read(self, moids: Sequence[str]) -> list[Entry]:
        refs = [sdk.vim.VirtualMachine(m, self._stub) for m in moids]
        paths = ("name", "runtime.host", "datastore", "config.extraConfig", "config.files.vmPathName", DEVICES)
        return self._reader.some([("VirtualMachine", refs, paths)])

    def _names(self, entry: Entry) -> tuple[str, list[str]]:
        host, stores = entry.get("runtime.host"), list(entry.get("datastore") or ())
        found = {
            e.moid: plain_name(e.get("name"))
            for e in self._reader.some(
                [("HostSystem", [host] if host is not None else [], ("name",)), ("Datastore", stores, ("name",))]
            )
        }
        return found.get(sdk.moid(host), "") if host is not None else "", sorted(
            found.get(sdk.moid(s), "") for s in stores
        )

    def _here(self, entry: Entry) -> dict[str, Any]:
        """The place as it is noted."""
        host, stores = self._names(entry)
        return {"host": host, "datastores": stores, "disks": _disks(entry), "since": self._now().isoformat()}

    def _now(self) -> datetime:
        now: datetime = self._service.CurrentTime()
        return now

    def _look(self, entry: Entry) -> VmPlace:
        name = plain_name(entry.get("name"))
        host, stores = self._names(entry)
        here: dict[str, Any] = {"moid": entry.moid, "name": name, "host": host, "datastores": tuple(stores)}
        try:
            note = notes.read(options_of(entry), notes.PLACE_KEY)
            since = parse_time((note or {}).get("since"))
            if note is not None and (since is None or not isinstance(note.get("disks"), dict)):
                raise notes.Unreadable("it does not say since when and with which disks")
        except notes.Unreadable as exc:
            return VmPlace(**here, problem=str(exc))
        if note is None or since is None:
            return VmPlace(**here)
        disks, noted = _disks(entry), note["disks"]
        running, ended = self._tasks(entry, since)
        # Events tell more than tasks, but not every vCenter has one for every kind of move.
        moves = _whole(self._moves(entry, since), host, stores) or ended
        gone = [s for s in note.get("datastores") or () if s not in stores]
        elsewhere = [u for u, file in noted.items() if u in disks and _store(disks[u]) != _store(str(file))]
        return VmPlace(
            **here,
            since=since,
            noted_host=str(note.get("host") or ""),
            noted_datastores=tuple(note.get("datastores") or ()),
            moved_host=str(note.get("host") or "") != host,
            moved_storage=bool(gone or elsewhere),
            foreign_disks=len(set(disks) - set(noted)),
            moves=moves,
            running=running,
        )

    # history

    def _moves(self, entry: Entry, since: datetime) -> tuple[SiteMove, ...]:
        event = sdk.vim.event
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
        filters = sdk.vim.TaskFilterSpec
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
        """Everything a collector holds. A session may have few of them, so it is given back in any case."""
        try:
            collector.RewindCollector()
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
        task = entry.ref.ReconfigVM_Task(spec=notes.change({notes.PLACE_KEY: text}))
        (fault,) = tasks.wait(self._reader, [task], self._clock)
        if fault is not None:
            raise sdk.explain(fault, f"note the place of {plain_name(entry.get('name'))} on it")


def _moves_vm(task: Any) -> bool:
    return any(word in str(getattr(task, "descriptionId", "") or "").lower() for word in MOVING)


def _disks(entry: Entry) -> dict[str, str]:
    """UUID (or device key) -> file of the VM's disks."""
    found = {}
    for device in entry.get(DEVICES) or ():
        if isinstance(device, sdk.vim.vm.device.VirtualDisk):
            backing = device.backing
            found[str(getattr(backing, "uuid", None) or device.key)] = str(getattr(backing, "fileName", None) or "")
    return found


def _store(file: str) -> str:
    """The datastore of "[datastore] folder/file.vmdk"."""
    return file.partition("]")[0].lstrip("[")


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


def _whole(moves: Sequence[SiteMove], host: str, stores: Sequence[str]) -> tuple[SiteMove, ...]:
    """Moves with their ends: some vCenters name the place before the move twice (SEEN in the simulator), so an end is
    taken from where the next move began, and the last one's from where the VM stands now."""
    whole = []
    for n, move in enumerate(moves):
        later = moves[n + 1] if n + 1 < len(moves) else None
        end = later.from_host if later else host
        to_host = end if move.to_host == move.from_host and end else move.to_host
        to_store = move.to_datastore
        if to_store == move.from_datastore and to_store not in stores and not later and len(stores) == 1:
            to_store = stores[0]
        whole.append(replace(move, to_host=to_host, to_datastore=to_store))
    return tuple(whole)
