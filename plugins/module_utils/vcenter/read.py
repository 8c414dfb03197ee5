# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading vCenter in a constant number of SOAP calls: PropertyCollector, leaf properties, pages followed.

Whole structures such as ``runtime`` are not asked for: their enumerations may hold words pyVmomi cannot decode (SEEN
vcenter-simulator.md 2.1), and leaves are what is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ..failback.model.errors import ReadFailed
from ..failback.model.ports import SiteDisk, SiteMachine
from ..failback.model.server_ports import SiteServer, short_name
from . import pyvmomi
from .answers import can_retrieve, is_kind, retrieve

#: How many objects may vanish while one answer is being read before we stop trusting the reading.
VANISHED_LIMIT = 50

#: The summary keeps a VM's UUIDs where its configuration cannot be read (an inaccessible VM has no ``config``, DOC).
SCAN = ("name", "config.instanceUuid", "config.uuid", "summary.config.instanceUuid", "summary.config.uuid")
SCAN_GUEST = (*SCAN, "guest.hostName", "guest.ipAddress")
DETAIL = (
    *SCAN,
    "config.template",
    "config.extraConfig",
    "summary.config.memorySizeMB",
    "runtime.connectionState",
    "runtime.powerState",
    "runtime.host",
    "datastore",
    "snapshot",
    "guest.toolsRunningStatus",
    "guest.toolsVersionStatus2",
    "guest.hostName",
    "guest.ipAddress",
)
DEVICES = "config.hardware.device"


@dataclass(frozen=True)
class Entry:
    """One managed object as read: the reference and the properties that were set."""

    ref: Any
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def moid(self) -> str:
        return pyvmomi.moid(self.ref)

    def get(self, path: str) -> Any:
        return self.values.get(path)


class Reader:
    """PropertyCollector over one session. ``page`` bounds the objects of a page; None leaves it to vCenter."""

    def __init__(self, content: Any, page: int | None = None) -> None:
        self._content = content
        self._collector = content.propertyCollector
        self._page = page
        self._view: Any = None

    def close(self) -> None:
        """Give the view back to vCenter (a session may hold few)."""
        view, self._view = self._view, None
        if view is not None:
            view.DestroyView()

    def all_machines(self, paths: Sequence[str], plain: bool = False) -> list[Entry]:
        """Every VM of the inventory with ``paths``; ``plain`` as in ``some``."""
        with pyvmomi.speaking("list its virtual machines"):
            if self._view is None:
                self._view = self._content.viewManager.CreateContainerView(
                    container=self._content.rootFolder, type=[pyvmomi.vim.VirtualMachine], recursive=True
                )
            collector = pyvmomi.vmodl.query.PropertyCollector
            walk = collector.TraversalSpec(name="view", type=pyvmomi.vim.view.ContainerView, path="view", skip=False)
            target = collector.FilterSpec(
                objectSet=[collector.ObjectSpec(obj=self._view, skip=True, selectSet=[walk])],
                propSet=[collector.PropertySpec(type=pyvmomi.vim.VirtualMachine, pathSet=list(paths), all=False)],
            )
            return self._retrieve(target, plain)

    def everything(self, wanted: Sequence[tuple[str, Sequence[str]]]) -> list[Entry]:
        """Every object of these types in the inventory: (type name, paths) per type."""
        types = [getattr(pyvmomi.vim, kind) for kind, _paths in wanted]
        view = self._content.viewManager.CreateContainerView(
            container=self._content.rootFolder, type=types, recursive=True
        )
        try:
            collector = pyvmomi.vmodl.query.PropertyCollector
            walk = collector.TraversalSpec(name="view", type=pyvmomi.vim.view.ContainerView, path="view", skip=False)
            return self._retrieve(
                collector.FilterSpec(
                    objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
                    propSet=[
                        collector.PropertySpec(type=kind, pathSet=list(paths), all=False)
                        for kind, (_name, paths) in zip(types, wanted, strict=True)
                    ],
                )
            )
        finally:
            view.DestroyView()

    def some(self, wanted: Sequence[tuple[str, Sequence[Any], Sequence[str]]], plain: bool = False) -> list[Entry]:
        """Chosen objects in one call: (type name, references, paths) per type. Vanished objects are left out.

        ``plain`` is for reading many: values as in answers.py, of devices the disks and controllers.
        """
        refs = {pyvmomi.moid(r): r for entry in wanted for r in entry[1]}
        if not refs:
            return []
        collector = pyvmomi.vmodl.query.PropertyCollector
        prop_set = [
            collector.PropertySpec(type=getattr(pyvmomi.vim, kind), pathSet=list(paths), all=False)
            for kind, group, paths in wanted
            if group
        ]
        with pyvmomi.speaking("read its inventory"):
            for _dummy in range(VANISHED_LIMIT):
                target = collector.FilterSpec(
                    objectSet=[collector.ObjectSpec(obj=r, skip=False) for r in refs.values()], propSet=prop_set
                )
                try:
                    return self._retrieve(target, plain)
                except pyvmomi.vmodl.fault.ManagedObjectNotFound as gone:
                    # Deleted between the scan and now: it is not there, which is an answer.
                    if refs.pop(pyvmomi.moid(gone.obj) if gone.obj is not None else "", None) is None:
                        raise
                    if not refs:
                        return []
        raise ReadFailed(
            "vcenter_inventory_unsteady",
            f"More than {VANISHED_LIMIT} objects disappeared from vCenter while they were being read.",
            "Rerun when vCenter is less busy.",
        )

    def _retrieve(self, target: Any, plain: bool = False) -> list[Entry]:
        options = pyvmomi.vmodl.query.PropertyCollector.RetrieveOptions()
        if self._page:
            options.maxObjects = self._page
        if plain and can_retrieve(self._collector):
            return self._plainly(target, options)
        found: list[Entry] = []
        answer = self._collector.RetrievePropertiesEx(specSet=[target], options=options)
        while answer is not None:
            found.extend(Entry(o.obj, {p.name: p.val for p in o.propSet or ()}) for o in answer.objects or ())
            if not answer.token:
                break
            answer = self._collector.ContinueRetrievePropertiesEx(token=answer.token)
        return found

    def _plainly(self, target: Any, options: Any) -> list[Entry]:
        seen, token = retrieve(self._collector, "RetrievePropertiesEx", [[target], options])
        while token:
            more, token = retrieve(self._collector, "ContinueRetrievePropertiesEx", [token])
            seen += more
        return [Entry(s.obj, s.values) for s in seen]


def plain_name(name: Any) -> str:
    """A name without vCenter's escapes for slash, backslash and percent."""
    return unquote(str(name or ""))


def options_of(entry: Entry) -> dict[str, str]:
    """A VM's extraConfig as a dictionary of text."""
    return {str(o.key): str(o.value) for o in entry.get("config.extraConfig") or ()}


def find_machines(reader: Reader, uuids: Iterable[str], names: Iterable[str], devices: bool) -> list[SiteMachine]:
    """Machines by instance UUID, BIOS UUID or name: a cheap scan of all, then the details of those that match."""
    by_uuid = {u.lower() for u in uuids if u}
    by_name = {n.casefold() for n in names if n}
    if not by_uuid and not by_name:
        return []
    matches = [
        e.ref
        for e in reader.all_machines(SCAN, plain=True)
        if set(uuids_of(e)) & by_uuid
        or (by_uuid and not any(uuids_of(e)))
        or plain_name(e.get("name")).casefold() in by_name
    ]
    return list(_detailed(reader, matches, devices))


def uuids_of(entry: Entry) -> tuple[str, str]:
    """Instance and BIOS UUID in lower case, empty where vCenter does not report them."""
    instance = entry.get("config.instanceUuid") or entry.get("summary.config.instanceUuid")
    bios = entry.get("config.uuid") or entry.get("summary.config.uuid")
    return str(instance or "").lower(), str(bios or "").lower()


def find_servers(reader: Reader, names: Iterable[str], addresses: Iterable[str]) -> list[SiteServer]:
    """Machines by name (of the VM or of the guest, without domain) or by the guest's address, with their devices."""
    by_name = {short_name(n) for n in names if n}
    by_address = {a for a in addresses if a}
    if not by_name and not by_address:
        return []
    matches = [
        e.ref
        for e in reader.all_machines(SCAN_GUEST, plain=True)
        if short_name(plain_name(e.get("name"))) in by_name
        or short_name(str(e.get("guest.hostName") or "")) in by_name
        or e.get("guest.ipAddress") in by_address
    ]
    return _detailed(reader, matches, devices=True)


def find_described(reader: Reader, uuids: Iterable[str], names: Iterable[str]) -> list[SiteServer]:
    """Machines by instance or BIOS UUID, or by name (of the VM or of the guest, without domain), with their devices."""
    by_uuid = {u.lower() for u in uuids if u}
    by_name = {short_name(n) for n in names if n}
    matches = [
        e.ref
        for e in reader.all_machines(SCAN_GUEST, plain=True)
        if set(uuids_of(e)) & by_uuid
        or short_name(plain_name(e.get("name"))) in by_name
        or short_name(str(e.get("guest.hostName") or "")) in by_name
    ]
    return _detailed(reader, matches, devices=True)


def _detailed(reader: Reader, refs: Sequence[Any], devices: bool) -> list[SiteServer]:
    if not refs:
        return []
    paths = (*DETAIL, DEVICES) if devices else DETAIL
    entries = reader.some([("VirtualMachine", refs, paths)], plain=True)
    hosts = {
        pyvmomi.moid(e.get("runtime.host")): e.get("runtime.host") for e in entries if e.get("runtime.host") is not None
    }
    stores = {pyvmomi.moid(d): d for e in entries for d in e.get("datastore") or ()}
    around = {
        n.moid: n
        for n in reader.some(
            [
                ("HostSystem", list(hosts.values()), ("name", "runtime.connectionState")),
                ("Datastore", list(stores.values()), ("name",)),
            ],
            plain=True,
        )
    }
    names = {moid: plain_name(near.get("name")) for moid, near in around.items()}
    return sorted((_machine(e, around, names) for e in entries), key=lambda m: (m.name, m.moid))


#: Power states that say whether a machine runs. A suspended one is neither: it goes on where it was when it is resumed.
_POWERED_ON = {"poweredOn": True, "poweredOff": False}


def _machine(entry: Entry, around: Mapping[str, Entry], names: Mapping[str, str]) -> SiteServer:
    """``around`` holds its host and datastores by their references, ``names`` their names."""
    host = around.get(pyvmomi.moid(entry.get("runtime.host"))) if entry.get("runtime.host") is not None else None
    uuid, bios_uuid = uuids_of(entry)
    power = str(entry.get("runtime.powerState") or "")
    snapshot = entry.get("snapshot")
    devices = entry.get(DEVICES) or ()
    controllers = {d.key: controller_kind(d) for d in devices if is_kind(d, pyvmomi.vim.vm.device.VirtualController)}
    address = entry.get("guest.ipAddress")
    return SiteServer(
        moid=entry.moid,
        name=plain_name(entry.get("name")),
        uuid=uuid,
        bios_uuid=bios_uuid,
        powered_on=_POWERED_ON.get(power),
        host=names[host.moid] if host is not None else "",
        datastores=tuple(
            sorted(names[pyvmomi.moid(d)] for d in entry.get("datastore") or () if pyvmomi.moid(d) in names)
        ),
        disks=tuple(_disk(d, controllers) for d in devices if is_kind(d, pyvmomi.vim.vm.device.VirtualDisk)),
        controllers=tuple(k for k in controllers.values() if k in DISK_CONTROLLERS),
        has_snapshot=bool(snapshot is not None and (snapshot.rootSnapshotList or snapshot.currentSnapshot)),
        tools_running=entry.get("guest.toolsRunningStatus") == "guestToolsRunning",
        tools=tools_of(entry),
        template=bool(entry.get("config.template")),
        extra_config=options_of(entry),
        connection=str(entry.get("runtime.connectionState") or ""),
        host_connection=str(host.get("runtime.connectionState") or "") if host is not None else "",
        power=power,
        memory_mb=int(entry.get("summary.config.memorySizeMB") or 0),
        host_name=str(entry.get("guest.hostName") or ""),
        addresses=(str(address),) if address else (),
    )


def tools_of(entry: Entry) -> str:
    """What vCenter reports of VMware Tools, as SiteMachine has it."""
    if entry.get("guest.toolsRunningStatus") in ("guestToolsRunning", "guestToolsExecutingScripts"):
        return "running"
    version = str(entry.get("guest.toolsVersionStatus2") or "")
    if version == "guestToolsNotInstalled":
        return "not_installed"
    return "not_running" if version and entry.get("guest.toolsRunningStatus") else ""


#: Device class -> the word for it. Subclasses are before their base classes.
_KINDS = (
    ("ParaVirtualSCSIController", "pvscsi"),
    ("VirtualLsiLogicSASController", "lsilogic-sas"),
    ("VirtualLsiLogicController", "lsilogic"),
    ("VirtualBusLogicController", "buslogic"),
    ("VirtualNVMEController", "nvme"),
    ("VirtualSATAController", "sata"),
    ("VirtualIDEController", "ide"),
)

#: Controllers that matter for disks; every machine has IDE or SATA for its optical drive.
DISK_CONTROLLERS = frozenset({"pvscsi", "lsilogic-sas", "lsilogic", "buslogic", "nvme", "scsi"})


def controller_kind(device: Any) -> str:
    """The controller's kind in one word, as users configure it."""
    for cls, word in _KINDS:
        if is_kind(device, getattr(pyvmomi.vim.vm.device, cls)):
            return word
    return "scsi" if is_kind(device, pyvmomi.vim.vm.device.VirtualSCSIController) else "other"


def _disk(device: Any, controllers: Mapping[int, str]) -> SiteDisk:
    backing = device.backing
    size = getattr(device, "capacityInBytes", None) or (getattr(device, "capacityInKB", None) or 0) * 1024
    return SiteDisk(
        file=str(getattr(backing, "fileName", None) or ""),
        uuid=str(getattr(backing, "uuid", None) or ""),
        size_bytes=int(size),
        controller=controllers.get(device.controllerKey, ""),
        raw_device=is_kind(backing, pyvmomi.vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo),
    )
