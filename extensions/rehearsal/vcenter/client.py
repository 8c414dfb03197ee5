# SPDX-License-Identifier: GPL-3.0-or-later
"""A small vCenter client for the rehearsal itself: connect, wait for tasks, find and change machines.

It reads leaf properties only (whole structures fail to decode against simulators, and cost more against a real
vCenter) and never uses ``pyVim.task.WaitForTask``, which is racy and refuses tasks of objects outside the inventory
(both SEEN, vcenter-simulator.md section 2).
"""

from __future__ import annotations

import re
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from pyVim import connect as sdk_connect

from .sdk import Managed, Session, vim, vmodl

__all__ = [
    "TaskFailed",
    "connect",
    "content",
    "disconnect",
    "disks",
    "escaped",
    "find_vm",
    "get",
    "names",
    "plain",
    "wait",
    "wait_all",
]


class TaskFailed(RuntimeError):
    """A vCenter task ended with an error. ``fault`` is the vmodl fault it told."""

    def __init__(self, fault: Any) -> None:
        self.fault = fault
        kind = type(fault).__name__.rpartition(".")[2] or "error"
        super().__init__(f"vCenter task failed: {kind}: {getattr(fault, 'msg', None) or 'no message'}")


def connect(url: str, user: str, password: str, cafile: str) -> Session:
    """Log in to ``https://HOST:PORT/sdk`` with verified TLS.

    A context is always given: without one pyVmomi switches verification off for local addresses (SEEN).
    """
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=cafile)
    smart_connect: Any = sdk_connect.SmartConnect
    return smart_connect(
        host=parts.hostname,
        port=parts.port or 443,
        user=user,
        pwd=password,
        sslContext=context,
        connectionPoolTimeout=-1,
        httpConnectionTimeout=60,
    )


def disconnect(si: Session) -> None:
    leave: Any = sdk_connect.Disconnect
    leave(si)


def content(si: Session) -> Managed:
    """The service content, read once per session: ``si.content`` costs a call each time it is read."""
    stub = si._stub
    if not hasattr(stub, "rehearsal_content"):
        stub.rehearsal_content = si.RetrieveContent()
    return stub.rehearsal_content


def get(si: Session, objects: list[Any], paths: list[str]) -> list[dict[str, Any]]:
    """Leaf properties of objects of one kind in one call; the object itself is under ``obj``, unset ones are left
    out. The answers come in the order the server gives."""
    if not objects:
        return []
    collector = content(si).propertyCollector
    spec = vmodl.query.PropertyCollector.FilterSpec(
        objectSet=[vmodl.query.PropertyCollector.ObjectSpec(obj=o) for o in objects],
        propSet=[vmodl.query.PropertyCollector.PropertySpec(type=type(objects[0]), pathSet=paths)],
    )
    found: list[dict[str, Any]] = []
    answer = collector.RetrievePropertiesEx([spec], vmodl.query.PropertyCollector.RetrieveOptions())
    while answer:
        found += [{"obj": o.obj, **{p.name: p.val for p in o.propSet}} for o in answer.objects]
        answer = collector.ContinueRetrievePropertiesEx(answer.token) if answer.token else None
    return found


def wait(si: Session, task: Managed, timeout: float = 120.0) -> Any:
    """Wait for a task and return its result; :class:`TaskFailed` when it fails, ``TimeoutError`` past ``timeout``
    seconds."""
    return wait_all(si, [task], timeout)[0]


def wait_all(si: Session, tasks: list[Managed], timeout: float = 120.0) -> list[Any]:
    """Wait for many tasks with one call per look, and return their results in the tasks' order; raises as
    :func:`wait` does, for the first that failed."""
    deadline = time.monotonic() + timeout
    pending = {task._moId: task for task in tasks}
    results: dict[str, Any] = {}
    pause = 0.002
    while True:
        for seen in get(si, list(pending.values()), ["info.state", "info.error", "info.result"]):
            state = str(seen.get("info.state"))
            if state == "error":
                error = seen.get("info.error")
                raise TaskFailed(getattr(error, "fault", None) or error)
            if state == "success":
                results[seen["obj"]._moId] = seen.get("info.result")
                del pending[seen["obj"]._moId]
        if not pending:
            return [results[task._moId] for task in tasks]
        if time.monotonic() > deadline:
            some = ", ".join(sorted(pending)[:3])
            raise TimeoutError(f"{len(pending)} vCenter task(s) still run after {timeout:g} s: {some}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


def plain(name: str) -> str:
    """A name as users write it: vCenter escapes slashes, backslashes and percent signs (DOC ManagedEntity.name)."""
    return re.sub("%(2f|5c|25)", lambda found: chr(int(found.group(1), 16)), name, flags=re.IGNORECASE)


def escaped(name: str) -> str:
    """A name as vCenter keeps it; a datastore bears it in the paths of files, too (INFER)."""
    return re.sub(r"[%/\\]", lambda found: f"%{ord(found.group()):02x}", name)


def names(si: Session, kind: type) -> dict[str, Any]:
    """Every object of a kind by its plain name (the last one wins where a name is twice)."""
    view = content(si).viewManager.CreateContainerView(content(si).rootFolder, [kind], True)
    try:
        return {plain(o["name"]): o["obj"] for o in get(si, list(view.view), ["name"])}
    finally:
        view.Destroy()


def find_vm(si: Session, uuid: str | None = None, name: str | None = None) -> Managed | None:
    """A machine by its instance UUID, else by name; ``None`` when there is none."""
    if uuid:
        return content(si).searchIndex.FindByUuid(None, uuid, True, True)
    return names(si, vim.VirtualMachine).get(name or "")


def disks(si: Session, vm: Managed) -> list[Managed]:
    """A machine's virtual disks in the order of its devices."""
    (seen,) = get(si, [vm], ["config.hardware.device"])
    return [d for d in seen.get("config.hardware.device", []) if isinstance(d, vim.vm.device.VirtualDisk)]
