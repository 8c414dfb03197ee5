# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``guest.sh survey`` (roles/guest_network/files/guest.sh) saw of a guest's network, as data."""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..sections import SurveyError, sections_of

#: Chassis asset tag of every virtual machine in Azure (documented by Microsoft; all sizes and generations).
AZURE_TAG = "7783-7084-3265-9085-8269-3286-77"
#: Interfaces that programs make as they run; nobody writes their addresses down.
PASSING = re.compile(
    r"^(lo|docker\d*|veth.*|virbr.*|vnet\d+|cni.*|cali.*|flannel.*|cilium.*|tun\d+|tap\d+|br-[0-9a-f]{8,}|sit0|ip6tnl0)$"
)


@dataclass(frozen=True)
class File:
    """A file's content, or where a symbolic link points (``link``)."""

    path: str
    text: str = ""
    mode: str = "644"
    owner: str = "root:root"
    link: str = ""


@dataclass(frozen=True)
class Interface:
    """An interface with the addresses that do not come from a lease (``addresses``, with prefix length), and whether it has a lease."""

    name: str
    mac: str
    physical: bool
    addresses: tuple[str, ...] = ()
    dhcp: bool = False
    leased: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """A route that neither the kernel nor a lease made. ``to`` is ``default`` or a network."""

    to: str
    via: str
    dev: str

    def said(self) -> str:
        return f"{self.to}{f' via {self.via}' if self.via else ''} dev {self.dev}"


@dataclass(frozen=True)
class Network:
    """A guest's network and storage configuration, as found. ``kept`` is what an earlier recording kept on the machine."""

    root: bool
    azure: bool
    hostname: str
    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...]
    servers: tuple[str, ...]
    search: tuple[str, ...]
    services: dict[str, tuple[bool, bool]]
    packages: dict[str, str]
    kept_packages: dict[str, str]
    files: dict[str, File]
    kept: dict[str, File]
    storage: dict[str, File]
    kept_storage: dict[str, File]
    blocks: frozenset[str]
    mappers: frozenset[str]
    volumes: tuple[str, ...]
    tools: dict[str, tuple[bool, bool]]
    agents: tuple[str, ...]
    pending: bool
    sections: dict[str, list[str]] = field(default_factory=dict)

    def interface(self, name: str) -> Interface | None:
        return next((i for i in self.interfaces if i.name == name), None)


def read(text: str) -> Network:
    """Raises SurveyError when the survey was cut off, or holds what it never prints."""
    sections = sections_of(text)

    def lines(name: str) -> list[str]:
        return sections.get(name, [])

    root = lines("user") == ["0"]
    dmi = dict(line.split("=", 1) for line in lines("dmi") if "=" in line)
    routes = tuple(_routes(lines("routes")))
    servers, search = _resolver(lines("resolver"))
    return Network(
        root=root,
        azure=dmi.get("chassis_asset_tag", "").strip() == AZURE_TAG
        or any(re.fullmatch(r"Azure\w+", x.strip()) for x in lines("azure")),
        hostname=next(iter(lines("hostname")), "").strip(),
        interfaces=tuple(_interfaces(lines("links"), lines("addresses"))),
        routes=tuple(r for r in routes if not PASSING.match(r.dev)),
        servers=servers,
        search=search,
        services=_states(lines("services")),
        packages=_pairs(lines("packages")),
        kept_packages=_pairs(lines("kept_packages")),
        files=_files(lines("files"), root),
        kept=_files(lines("kept"), root),
        storage=_files(lines("storage"), root),
        kept_storage=_files(lines("kept_storage"), root),
        blocks=frozenset(line.strip() for line in lines("blocks")),
        mappers=frozenset(line.strip() for line in lines("mappers")),
        volumes=tuple(sorted(line.strip() for line in lines("volumes"))),
        tools=_states(lines("tools")),
        agents=tuple(line.split()[0] for line in lines("agents")),
        pending=bool(lines("pending")),
        sections=sections,
    )


def _pairs(lines: list[str]) -> dict[str, str]:
    return {words[0]: words[1] for words in map(str.split, lines) if len(words) == 2}


def _states(lines: list[str]) -> dict[str, tuple[bool, bool]]:
    """unit -> (starts with the machine, runs now). A unit that another one always starts counts as not enabled."""
    return {
        words[0]: (words[1].startswith("enabled"), words[2] == "active")
        for words in map(str.split, lines)
        if len(words) == 3
    }


def _files(lines: list[str], root: bool = True) -> dict[str, File]:
    """Links, and files with their content, which follows in one piece. Who is not root may not read them all; nothing is made of
    such a survey anyway."""
    found: dict[str, File] = {}
    sizes: list[tuple[str, int]] = []
    content = b""
    for line in lines:
        kind, _dummy, rest = line.partition("\t")
        parts = rest.split("\t")
        if kind == "LINK" and len(parts) == 2:
            path = parts[1].removeprefix(".")
            found[path] = File(path, link=parts[0], mode="777")
        elif kind == "FILE" and len(parts) == 4 and parts[2].isdigit():
            mode, owner, size, path = parts[0], parts[1], int(parts[2]), parts[3].removeprefix(".")
            found[path] = File(path, "", mode, owner)
            sizes.append((path, size))
        elif kind == "DATA":
            try:
                content = gzip.decompress(base64.b64decode(rest, validate=True))
            except (binascii.Error, OSError, EOFError, zlib.error) as e:
                raise SurveyError("the guest survey has files only in part") from e
    if sum(size for _path, size in sizes) != len(content):
        if root:
            raise SurveyError("files of the guest changed during the survey, or were not read in full")
        return found
    for path, size in sizes:
        found[path] = replace(found[path], text=content[:size].decode("utf-8", "surrogateescape"))
        content = content[size:]
    return found


def _interfaces(links: list[str], addresses: list[str]) -> Iterator[Interface]:
    """In the order of the interfaces' numbers. Addresses of the link's own and temporary ones do not count."""
    static: dict[str, list[str]] = {}
    leased: dict[str, list[str]] = {}
    for line in addresses:
        words = line.replace("\\", " ").split()
        if len(words) < 4 or words[2] not in ("inet", "inet6"):
            continue
        scope = words[words.index("scope") + 1] if "scope" in words else "global"
        if scope in ("link", "host") or "temporary" in words or "mngtmpaddr" in words:
            continue
        (leased if "dynamic" in words else static).setdefault(words[1], []).append(words[3])
    rows = [line.split() for line in links]
    for words in sorted((r for r in rows if len(r) == 4 and r[0].isdigit()), key=lambda r: int(r[0])):
        _number, name, mac, kind = words
        if not PASSING.match(name) and (kind == "physical" or name in static or name in leased):
            yield Interface(
                name,
                mac.lower(),
                kind == "physical",
                tuple(sorted(static.get(name, []))),
                name in leased,
                tuple(sorted(leased.get(name, []))),
            )


def _routes(lines: list[str]) -> Iterator[Route]:
    seen = set()
    for line in lines:
        words = line.split()
        if not words or words[0] in ("unreachable", "blackhole", "prohibit") or "dev" not in words[:-1]:
            continue
        pairs = {words[i]: words[i + 1] for i in range(1, len(words) - 1)}
        if pairs.get("proto") in ("kernel", "dhcp", "ra") or words[0].startswith(("fe80:", "ff00:", "169.254.")):
            continue
        # NetworkManager and dhclient mark what they made by a lease in other ways: its source is a leased address, its protocol is not dhcp.
        route = Route(words[0], pairs.get("via", ""), pairs["dev"])
        if route not in seen:
            seen.add(route)
            yield route


def _resolver(lines: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    servers = [w[1] for w in map(str.split, lines) if len(w) > 1 and w[0] == "nameserver"]
    search = [w[1:] for w in map(str.split, lines) if len(w) > 1 and w[0] in ("search", "domain") and w[1] != "."]
    return tuple(servers), tuple(search[-1]) if search else ()
