# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in for Azure sees of a vCenter endpoint: machines, master targets and datastores, through one session.

Every call is cheap in number: machines are found once, and a master target's devices are read at most a few times a second however many jobs look
at it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rehearsal.azure.onprem import MachineView, OnPremError, Store, TargetView
from rehearsal.azure.words import GIB
from rehearsal.fleet import Fleet, Machine, MasterTarget
from rehearsal.vcenter import client
from rehearsal.vcenter.sdk import vim, vmodl

T = TypeVar("T")

#: Service seconds for which a look at a master target or at the datastores counts as the present, and the most real
#: seconds that may be.
FRESH, FRESH_AT_MOST = 30.0, 0.3


DEVICES = "config.hardware.device"


@dataclass
class SeenTarget:
    """A master target as last read: where its disks are, and what its controllers are."""

    vm: Any
    at: float
    view: TargetView
    disks: dict[str, Any] = field(default_factory=dict)
    controllers: list[Any] = field(default_factory=list)
    used: dict[int, set[int]] = field(default_factory=dict)
    stale: bool = False


class VCenterLook:
    """One session, used from several threads (pyVmomi keeps a pool of connections)."""

    def __init__(self, fleet: Fleet, speed: float, url: str, user: str, password: str, cafile: str | None) -> None:
        self._fleet = fleet
        self._fresh = min(FRESH_AT_MOST, FRESH / speed)
        self._access = (url, user, password, cafile)
        self._lock = threading.RLock()
        self._session: Any = None
        self._machines: dict[str, Any] = {}
        self._targets: dict[str, SeenTarget] = {}
        #: How often each master target was changed, so that a look that overlaps a change is not kept.
        self._changed: dict[str, int] = {}
        self._stores: tuple[float, dict[str, dict[str, Store]]] = (float("-inf"), {})
        self._names: dict[str, str] = {}

    # -- the session -------------------------------------------------------------------------------------------------

    def _si(self) -> Any:
        with self._lock:
            if self._session is None:
                url, user, password, cafile = self._access
                self._session = client.connect(url, user, password, cafile or "")
            return self._session

    def _forget(self) -> None:
        with self._lock:
            self._session = None
            self._machines.clear()
            self._targets.clear()
            self._names.clear()

    def _try(self, work: Callable[[Any], T]) -> T:
        """Do some work with a session; repeat it with a new one if the old one is gone."""
        for attempt in (1, 2):
            try:
                return work(self._si())
            except client.TaskFailed as problem:
                raise OnPremError("vcenter", str(problem)) from problem
            except (vmodl.fault.ManagedObjectNotFound, vim.fault.NotAuthenticated, OSError) as problem:
                self._forget()
                if attempt == 2:
                    raise OnPremError("vcenter", getattr(problem, "msg", "") or str(problem)) from problem
            except vmodl.MethodFault as problem:
                raise OnPremError("vcenter", getattr(problem, "msg", None) or type(problem).__name__) from problem
        raise AssertionError

    def close(self) -> None:
        if self._session is not None:
            # vCenter may have stopped first: the session is gone anyway.
            with contextlib.suppress(OSError, vmodl.MethodFault):
                client.disconnect(self._session)

    # -- looking -----------------------------------------------------------------------------------------------------

    def _find(self, si: Any, uuid: str) -> Any:
        found = self._machines.get(uuid)
        if found is None:
            found = client.find_vm(si, uuid=uuid)
            if found is not None:
                self._machines[uuid] = found
        return found

    def _name(self, si: Any, thing: Any) -> str:
        key = thing._moId
        if key not in self._names:
            (seen,) = client.get(si, [thing], ["name"])
            self._names[key] = client.plain(seen["name"])
        return self._names[key]

    def _stores_on(self, si: Any, host: str) -> dict[str, Store]:
        """What a host mounts, by name; one call for all hosts."""
        at, by_host = self._stores
        if time.monotonic() - at > self._fresh:
            by_host = {}
            paths = ["name", "host", "summary.type", "summary.accessible", "summary.capacity", "summary.freeSpace"]
            for seen in client.get(si, list(client.names(si, vim.Datastore).values()), paths):
                kind = seen.get("summary.type", "")
                for mount in seen.get("host", []):
                    info = mount.mountInfo
                    mounted = info.accessible is not False and info.mounted is not False
                    usable = (
                        seen.get("summary.accessible") is not False
                        and mounted
                        and info.accessMode == "readWrite"
                        and not kind.upper().startswith("NFS")
                    )
                    store = Store(
                        client.plain(seen["name"]),
                        kind,
                        usable,
                        round(seen.get("summary.capacity", 0) / GIB, 2),
                        round(seen.get("summary.freeSpace", 0) / GIB, 2),
                    )
                    by_host.setdefault(mount.key._moId, {})[store.name] = store
            self._stores = (time.monotonic(), by_host)
        return by_host.get(host, {})

    def _target(self, si: Any, target: MasterTarget, fresh: bool = False) -> SeenTarget | None:
        seen = self._targets.get(target.name)
        if seen is not None and not fresh and not seen.stale and time.monotonic() - seen.at < self._fresh:
            return seen
        vm = self._find(si, target.uuid)
        if vm is None:
            self._targets.pop(target.name, None)
            return None
        changed = self._changed.get(target.name, 0)
        read = client.get(si, [vm], ["runtime.powerState", "runtime.host", "snapshot", DEVICES])
        if not read:
            return None
        seen = self._as_seen(si, target, read[0])
        with self._lock:
            if self._changed.get(target.name, 0) == changed:
                self._targets[target.name] = seen
        return seen

    def _as_seen(self, si: Any, target: MasterTarget, read: dict[str, Any]) -> SeenTarget:
        devices = read.get(DEVICES, [])
        controllers = [d for d in devices if isinstance(d, vim.vm.device.VirtualSCSIController)]
        disks = [d for d in devices if isinstance(d, vim.vm.device.VirtualDisk)]
        host = read["runtime.host"]
        view = TargetView(
            target.name,
            self._name(si, host),
            running=str(read.get("runtime.powerState")) == "poweredOn",
            disks=len(disks),
            snapshot=read.get("snapshot") is not None,
            paravirtual=any(isinstance(c, vim.vm.device.ParaVirtualSCSIController) for c in controllers),
            stores=dict(self._stores_on(si, host._moId)),
        )
        used: dict[int, set[int]] = {c.key: set() for c in controllers}
        for device in devices:
            if device.controllerKey in used and device.unitNumber is not None:
                used[device.controllerKey].add(device.unitNumber)
        files = {name: d for d in disks if (name := getattr(d.backing, "fileName", None))}
        return SeenTarget(read["obj"], time.monotonic(), view, files, controllers, used)

    def survey(self) -> dict[str, TargetView]:
        def look(si: Any) -> dict[str, TargetView]:
            found = {}
            for vault in self._fleet.vaults:
                for target in vault.gateways:
                    seen = self._target(si, target)
                    if seen is not None:
                        # Without tools in the master target the datastores of its host are not listed (DOC).
                        found[target.name] = seen.view
                        if not target.tools_running and not self._tools(si, seen.vm):
                            found[target.name].stores = {}
            return found

        return self._try(look)

    def _tools(self, si: Any, vm: Any) -> bool:
        (seen,) = client.get(si, [vm], ["guest.toolsRunningStatus"])
        return str(seen.get("guest.toolsRunningStatus")) == "guestToolsRunning"

    def target(self, target: MasterTarget) -> TargetView | None:
        seen = self._try(lambda si: self._target(si, target))
        return seen.view if seen is not None else None

    def machine(self, machine: Machine) -> MachineView | None:
        def look(si: Any) -> MachineView | None:
            vm = self._find(si, machine.uuid)
            if vm is None:
                return None
            (seen,) = client.get(si, [vm], ["runtime.powerState", "runtime.host", "datastore", "snapshot"])
            return MachineView(
                self._name(si, seen["runtime.host"]),
                str(seen["runtime.powerState"]) == "poweredOn",
                tuple(self._name(si, store) for store in seen.get("datastore", [])),
                seen.get("snapshot") is not None,
            )

        return self._try(look)

    def names_on(self, host: str, name: str, machine: Machine) -> bool:
        def look(si: Any) -> bool:
            place = client.names(si, vim.HostSystem).get(host)
            if place is None:
                return False
            (seen,) = client.get(si, [place], ["vm"])
            others = client.get(si, list(seen.get("vm", [])), ["name", "config.instanceUuid"])
            return any(client.plain(o["name"]) == name and o.get("config.instanceUuid") != machine.uuid for o in others)

        return self._try(look)
