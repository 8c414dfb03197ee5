# SPDX-License-Identifier: GPL-3.0-or-later
"""The location of a VM and its own disks, noted on the VM and compared later. Pure.

A master target holds its own disks and those of machines being failed back. Only its own disks show where it is, so the
note keeps the two apart: own are the disks in the VM's own folder, or all of them while no machine can be attached.
Hosts and datastores are compared by their ids, disks by their UUIDs; names change and are only displayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import notes

#: How a note is laid out. Notes without it count every disk as the VM's own, and know names instead of ids.
LAYOUT = 2


@dataclass(frozen=True)
class VirtualDisk:
    """A virtual disk: its device key, UUID, file and the id of the file's datastore; what is unknown is empty."""

    key: int = 0
    uuid: str = ""
    file: str = ""
    store: str = ""

    @property
    def folder(self) -> str:
        """The folder of "[datastore] folder/file.vmdk"."""
        return folder(self.file)

    @property
    def plain(self) -> list[Any]:
        return [self.key, self.uuid, self.file, self.store]


def folder(path: str) -> str:
    """The folder of "[datastore] folder/file", without its datastore."""
    return path.partition("]")[2].strip().rpartition("/")[0]


def store_name(path: str) -> str:
    """The datastore's name in "[datastore] folder/file"."""
    return path.partition("]")[0].lstrip("[")


@dataclass(frozen=True)
class Here:
    """A VM's place now. ``stores``: id -> name of every datastore it has files on; ``home`` is its own folder."""

    host: str
    host_name: str
    stores: Mapping[str, str]
    vmx: str
    disks: tuple[VirtualDisk, ...]

    @property
    def home(self) -> str:
        return folder(self.vmx)

    @property
    def home_store(self) -> str:
        """The id of the datastore of its own folder; empty where neither a disk next to it nor its name shows it."""
        name = store_name(self.vmx)
        beside = (d.store for d in self.disks if d.store and store_name(d.file) == name)
        return next(beside, "") or next((moid for moid, text in self.stores.items() if text == name), "")

    def own(self, idle: bool) -> tuple[VirtualDisk, ...]:
        """Its own disks, as far as that can be seen: what is elsewhere may belong to a machine being failed back."""
        return tuple(d for d in self.disks if idle or (self.home and d.folder == self.home))


@dataclass(frozen=True)
class Noted:
    """A VM's location as noted. ``certain``: the note itself shows which VM the disks belong to."""

    since: Any
    host: str = ""
    host_name: str = ""
    stores: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    home_store: str = ""
    own: tuple[VirtualDisk, ...] = ()
    foreign: tuple[VirtualDisk, ...] = ()
    certain: bool = True


@dataclass(frozen=True)
class Compared:
    """What became of a noted place."""

    moved_host: bool
    moved_storage: bool
    foreign: tuple[VirtualDisk, ...]


def as_note(here: Here, idle: bool, since: str) -> dict[str, Any]:
    """The place as it is noted."""
    own = here.own(idle)
    return {
        "layout": LAYOUT,
        "since": since,
        "host": [here.host, here.host_name],
        "stores": [list(pair) for pair in sorted(here.stores.items(), key=lambda pair: pair[1])],
        "home": here.home_store,
        "disks": [d.plain for d in own],
        "foreign": [d.plain for d in here.disks if d not in own],
    }


def of_note(note: Mapping[str, Any], since: Any, here: Here) -> Noted:
    """A note as it was written, of either layout. Raises notes.Unreadable where it does not report the disks."""
    if since is None:
        raise notes.Unreadable("it does not say since when")
    try:
        if note.get("layout") == LAYOUT:
            return Noted(
                since=since,
                host=str(note["host"][0]),
                host_name=str(note["host"][1]),
                stores=tuple(str(moid) for moid, _name in note["stores"]),
                names=tuple(str(name) for _moid, name in note["stores"]),
                home_store=str(note["home"]),
                own=_disks(note["disks"]),
                foreign=_disks(note["foreign"]),
            )
        if note.get("layout") is not None or not isinstance(note["disks"], dict):
            raise notes.Unreadable("its layout is unknown")
        disks = [
            VirtualDisk(key=int(k) if k.isdigit() else 0, uuid="" if k.isdigit() else k, file=str(file))
            for k, file in note["disks"].items()
        ]
        # That layout does not say which VM the disks belong to: only those in the VM's own folder are certainly its own.
        return Noted(
            since=since,
            host_name=str(note.get("host") or ""),
            names=tuple(str(n) for n in note.get("datastores") or ()),
            own=tuple(d for d in disks if here.home and d.folder == here.home),
            foreign=tuple(d for d in disks if not here.home or d.folder != here.home),
            certain=False,
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as exc:
        raise notes.Unreadable("it does not say where the virtual machine and its disks were") from exc


def _disks(entries: Iterable[Sequence[Any]]) -> tuple[VirtualDisk, ...]:
    return tuple(VirtualDisk(int(key), str(uuid), str(file), str(store)) for key, uuid, file, store in entries)


def compare(noted: Noted, here: Here) -> Compared:
    """What moved since the note was made, and which disks are not the VM's own."""
    own = paired(noted.own, here.disks)
    foreign = tuple(d for d in here.disks if d not in own.values())
    known = {**own, **paired(noted.foreign, foreign)}
    if noted.certain:
        moved_host = noted.host != here.host
        needed = {noted.home_store, *(d.store for d in known)} - {""}
        gone = bool(needed - set(here.stores))
        elsewhere = any(was.store and now.store != was.store for was, now in known.items())
        # A storage move takes a foreign disk into the VM's own folder, perhaps on the same datastore.
        renamed = any(_path(was.file) != _path(now.file) for was, now in known.items() if now in foreign)
        left = bool(noted.home_store) and here.home_store not in ("", noted.home_store)
    else:
        moved_host = noted.host_name != here.host_name
        gone = any(name not in here.stores.values() for name in noted.names)
        elsewhere = any(store_name(now.file) != store_name(was.file) for was, now in known.items())
        renamed = left = False
    # vCenter lists the datastores of all attached disks; one that is missing there was left behind.
    stray = any(_stray(d, here) for d in here.disks)
    return Compared(moved_host, gone or elsewhere or renamed or left or stray, foreign)


def _stray(disk: VirtualDisk, here: Here) -> bool:
    if disk.store:
        return disk.store not in here.stores
    return bool(store_name(disk.file)) and store_name(disk.file) not in here.stores.values()


def _path(file: str) -> str:
    """Folder and file; the datastore's name before them may change without a move."""
    return file.partition("]")[2]


def paired(noted: Sequence[VirtualDisk], present: Sequence[VirtualDisk]) -> dict[VirtualDisk, VirtualDisk]:
    """Which noted disk is which present one: by UUID (copies of a template share theirs: then by device key, too),
    and by device key where neither has a UUID. Each disk is paired once; what does not pair is another disk."""
    left = list(present)
    found: dict[VirtualDisk, VirtualDisk] = {}
    for was in noted:
        same = [d for d in left if was.uuid and d.uuid.lower() == was.uuid.lower()]
        if not was.uuid:
            same = [d for d in left if not d.uuid and d.key == was.key]
        match = next((d for d in same if d.key == was.key), same[0] if len(same) == 1 else None)
        if match is not None:
            found[was] = match
            left.remove(match)
    return found
