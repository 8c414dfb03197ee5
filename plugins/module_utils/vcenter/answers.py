# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of vCenter's PropertyCollector as small plain values, for reading many machines.

pyVmomi builds an object of some fifty microseconds for each element, and a machine's devices are two hundred of them: for a
thousand machines 4 s of CPU, where this takes 0.3 s. What this does not know, pyVmomi reads from the same bytes instead, so
nothing depends on what is known here.
"""

from __future__ import annotations

import http.client
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

from . import pyvmomi

#: The name space of vCenter's API, and the attribute that names a value's type.
_VIM = "{urn:vim25}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"

#: Bytes of an answer that is parsed piece by piece: that of some 2000 machines with their devices.
LARGE = 32 * 1024 * 1024

#: Devices that matter for disks; the others are skipped.
_DISK, _CONTROLLER = "VirtualDisk", "VirtualController"


class Unfamiliar(Exception):
    """A part of an answer that only pyVmomi knows."""


@dataclass(frozen=True)
class Setting:
    """An OptionValue."""

    key: str
    value: Any


@dataclass(frozen=True)
class Backing:
    """What is behind a disk; ``kind`` is pyVmomi's class."""

    kind: type
    fileName: str | None  # noqa: N815
    uuid: str | None


@dataclass(frozen=True)
class Device:
    """A disk or a controller with pyVmomi's names; ``kind`` is pyVmomi's class."""

    kind: type
    key: int
    controllerKey: int | None  # noqa: N815
    capacityInBytes: int | None  # noqa: N815
    capacityInKB: int | None  # noqa: N815
    backing: Backing | None


@dataclass(frozen=True)
class Snapshots:
    """A VirtualMachineSnapshotInfo, reduced to whether there is any."""

    rootSnapshotList: bool  # noqa: N815
    currentSnapshot: bool  # noqa: N815


@dataclass(frozen=True)
class Seen:
    """One managed object of an answer."""

    obj: Any
    values: Mapping[str, Any]


def is_kind(thing: Any, kind: Any) -> bool:
    """isinstance for pyVmomi's objects and for those of this file."""
    return issubclass(thing.kind if isinstance(thing, (Device, Backing)) else type(thing), kind)


def retrieve(collector: Any, method: str, arguments: list[Any]) -> tuple[list[Seen], str | None]:
    """The objects of an answer and the token of its next page. Raises what pyVmomi raises."""
    stub = collector._stub
    info = type(collector)._GetMethodInfo(method)
    status, body = _post(stub, stub.SerializeRequest(collector, info, arguments))
    if status == http.client.OK:
        try:
            return _parsed(body, stub)
        except (Unfamiliar, ET.ParseError, ValueError):
            pass
    answer = pyvmomi.deserialized(stub, body, info.result)
    if status != http.client.OK:
        raise answer
    if answer is None:
        return [], None
    seen = [Seen(o.obj, {p.name: p.val for p in o.propSet or ()}) for o in answer.objects or ()]
    return seen, answer.token or None


def can_retrieve(collector: Any) -> bool:
    """Whether it speaks through a stub of pyVmomi's that sends the way ``retrieve`` does."""
    return isinstance(getattr(collector, "_stub", None), pyvmomi.SoapStub)


def _post(stub: Any, request: Any) -> tuple[int, bytes]:
    """Send with the stub's own connections, session and path; gives the status and the whole answer."""
    headers = {
        "Cookie": stub.cookie,
        "SOAPAction": stub.versionId,
        "Content-Type": "text/xml; charset=UTF-8",
        "Accept-Encoding": "gzip, deflate",
    }
    connection = stub.GetConnection()
    try:
        connection.request("POST", stub.path, request, headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status not in (http.client.OK, http.client.INTERNAL_SERVER_ERROR):
            raise http.client.HTTPException(f"{answer.status} {answer.reason}")
        if answer.getheader("Content-Encoding", "identity").lower() in ("gzip", "deflate"):
            body = zlib.decompress(body, 32 + zlib.MAX_WBITS)
    except BaseException:
        connection.close()
        stub.DropConnections()
        raise
    cookie = answer.getheader("Set-Cookie")
    if cookie:
        stub.cookie = cookie
    stub.ReturnConnection(connection)
    return answer.status, body


def _parsed(body: bytes, stub: Any) -> tuple[list[Seen], str | None]:
    found: list[Seen] = []
    token = None
    for element in _elements(body):
        if element.tag == f"{_VIM}objects":
            found.append(_object(element, stub))
            element.clear()
        elif element.tag == f"{_VIM}token":
            token = element.text or None
    return found, token


def _elements(body: bytes) -> Iterator[ET.Element]:
    """The elements of the result. A large answer is never held in memory as a whole, which costs four times the CPU time.

    It comes over verified TLS from the service that is logged in to, and pyVmomi uses the same parser.
    """
    if len(body) > LARGE:
        for _event, element in ET.iterparse(io.BytesIO(body)):  # noqa: S314
            yield element
        return
    said = ET.fromstring(body).findall(f"{_SOAP}Body/*")  # noqa: S314
    if len(said) != 1 or not said[0].tag.endswith("Response"):
        raise Unfamiliar("Body")
    for result in said[0].findall(f"{_VIM}returnval"):
        yield from list(result)


def _object(element: ET.Element, stub: Any) -> Seen:
    obj: Any = None
    values: dict[str, Any] = {}
    for part in element:
        if part.tag == f"{_VIM}obj":
            obj = _reference(part, stub)
        elif part.tag == f"{_VIM}propSet":
            name, value = part.find(f"{_VIM}name"), part.find(f"{_VIM}val")
            if name is None or value is None or not name.text:
                raise Unfamiliar("propSet")
            values[name.text] = _value(value, stub)
    if obj is None:
        raise Unfamiliar("objects")
    return Seen(obj, values)


def _value(element: ET.Element, stub: Any) -> Any:
    kind = _local(element.get(_TYPE))
    if kind in _SCALARS:
        return _SCALARS[kind](element.text or "")
    if kind == "ManagedObjectReference":
        return _reference(element, stub)
    if kind == "ArrayOfManagedObjectReference":
        return [_reference(part, stub) for part in element]
    if kind == "ArrayOfOptionValue":
        return [_setting(part, stub) for part in element]
    if kind == "ArrayOfVirtualDevice":
        return [device for part in element if (device := _device(part)) is not None]
    if kind == "VirtualMachineSnapshotInfo":
        return Snapshots(
            element.find(f"{_VIM}rootSnapshotList") is not None, element.find(f"{_VIM}currentSnapshot") is not None
        )
    if _is_enumeration(kind):
        return element.text or ""
    raise Unfamiliar(kind)


def _flag(text: str) -> bool:
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise Unfamiliar(text)


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "boolean": _flag,
    "byte": int,
    "short": int,
    "int": int,
    "long": int,
}


def _reference(element: ET.Element, stub: Any) -> Any:
    kind = _local(element.get("type"))
    if not element.text or element.get("serverGuid"):
        raise Unfamiliar(kind)
    return _class(kind)(element.text, stub)


def _setting(element: ET.Element, stub: Any) -> Setting:
    value = element.find(f"{_VIM}value")
    return Setting(_text(element, "key") or "", None if value is None else _value(value, stub))


def _device(element: ET.Element) -> Device | None:
    kind = _class(_local(element.get(_TYPE)))
    if not issubclass(kind, (_class(_DISK), _class(_CONTROLLER))):
        return None
    behind = element.find(f"{_VIM}backing") if issubclass(kind, _class(_DISK)) else None
    backing = None
    if behind is not None:
        backing = Backing(_class(_local(behind.get(_TYPE))), _text(behind, "fileName"), _text(behind, "uuid"))
    key = _number(element, "key")
    if key is None:
        raise Unfamiliar("key")
    return Device(
        kind,
        key,
        _number(element, "controllerKey"),
        _number(element, "capacityInBytes"),
        _number(element, "capacityInKB"),
        backing,
    )


def _text(element: ET.Element, name: str) -> str | None:
    part = element.find(_VIM + name)
    return None if part is None else part.text or ""


def _number(element: ET.Element, name: str) -> int | None:
    text = _text(element, name)
    return None if text is None else int(text)


def _local(name: str | None) -> str:
    return (name or "").rpartition(":")[2]


@cache
def _class(kind: str) -> Any:
    """pyVmomi's class of a type of the API."""
    try:
        return pyvmomi.class_of(kind)
    except (KeyError, AttributeError) as exc:
        raise Unfamiliar(kind) from exc


@cache
def _is_enumeration(kind: str) -> bool:
    return isinstance(_class(kind), type) and issubclass(_class(kind), str)
