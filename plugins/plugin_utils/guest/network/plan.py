# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be written and done in a guest to have its network as it was at home, and what blocks it. Pure.

Facts of the domain are from failback-domain.md, section 5: Azure takes NetworkManager away and writes DHCP; modernized failover alters
fstab and LVM.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ....module_utils.failback.model.refusal import Refusal
from .differences import file_differences, interface_difference, network_differences, storage_differences
from .files import filled, orders, repairs, written
from .matching import match, named, no_adapter, strangers
from .record import (
    MANAGERS,
    Record,
    RecordError,
    build,
    dump,
    load,
    recorded_files,
    renewed,
    same,
    static_routes,
    use,
)
from .secrets import MARK
from .survey import File, Network, read
from .windows import guest_windows

#: Directories where a file that was not recorded configures the network all the same.
DIRECTORIES = (
    "/etc/NetworkManager/system-connections/",
    "/etc/NetworkManager/conf.d/",
    "/etc/netplan/",
    "/etc/network/interfaces",
    "/etc/systemd/network/",
    "/etc/sysconfig/network-scripts/",
    "/etc/sysconfig/network/",
)


def guest_network(text: str, action: str, record: str = "", settings: Mapping[str, Any] | None = None) -> Any:
    """The filter: ``survey``'s output and a record in, what to do out. ``action``: record, restore, compare.

    Raises SurveyError for a survey that was cut off.
    """
    options = dict(settings or {})
    if text.lstrip().startswith("{"):
        return guest_windows(text, action, record, options)
    seen = read(text)
    problems = list(_basics(seen, action, options))
    if action == "record":
        return _record(seen, record, options, problems)
    try:
        wanted = use(load(record, str(options.get("file", "the record"))))
    except RecordError as e:
        return {"problems": [*problems, e.refusal().result()]}
    problems += strangers(wanted, seen.hostname, {i.mac for i in seen.interfaces}, options)
    names, macs, missing = match(wanted, seen.interfaces)
    wanted = named(wanted, names, macs)
    if action == "compare":
        return {"problems": problems, **_compared(wanted, seen, missing)}
    return _restore(wanted, seen, missing, options, problems)


def _basics(seen: Network, action: str, options: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    if not seen.root:
        yield Refusal(
            "not_root", "The tasks are not running as root.", "Set become: true, or connect as root."
        ).result()
    if seen.azure and action != "compare":
        does = (
            "Its network in Azure is not its on-premises network"
            if action == "record"
            else "Its on-premises addresses would cut it off"
        )
        yield Refusal(
            "in_azure",
            f"This machine runs in Azure. {does}.",
            "Run the role when the machine is on-premises again, after the failover.",
        ).result()


def _record(
    seen: Network, before: str, options: Mapping[str, Any], problems: list[dict[str, object]]
) -> dict[str, Any]:
    made = build(seen, options)
    result: dict[str, Any] = {"problems": problems, "text": dump(made), "same": False, "renewed": "", "differences": []}
    if before:
        try:
            old = load(before, str(options.get("file", "the record")))
        except RecordError as e:
            result["problems"] = [*problems, e.refusal().result()]
            return result
        result["renewed"] = renewed(before, old, made)
        result["same"] = same(old, made)
        wanted = use(old)
        result["problems"] = [*problems, *strangers(wanted, seen.hostname, {i.mac for i in seen.interfaces}, options)]
        result["differences"] = [
            *network_differences(wanted, seen),
            *file_differences(wanted.files, recorded_files(seen.files)),
            *storage_differences(wanted, seen),
        ]
    return result


def _compared(wanted: Record, seen: Network, missing: list[str]) -> dict[str, Any]:
    live = [
        *(f"{name}: recorded, and this machine has no adapter left for it" for name in missing),
        *network_differences(wanted, seen),
    ]
    return {
        "live": live,
        "differences": [
            *live,
            *file_differences(_all(wanted, seen), recorded_files(_relevant(wanted, seen))),
            *(f"{u}: ran when recorded, does not now" for u in _tools(wanted, seen)),
        ],
        "storage": storage_differences(wanted, seen),
        "addresses": {i.name: list(i.addresses) for i in wanted.interfaces},
    }


def _tools(wanted: Record, seen: Network) -> list[str]:
    return [u for u, state in sorted(wanted.tools.items()) if all(state) and seen.tools.get(u) != (True, True)]


def _relevant(wanted: Record, seen: Network) -> dict[str, File]:
    """Files of now that are recorded, or that configure the network beside them."""
    return {
        p: f
        for p, f in seen.files.items()
        if (p in wanted.files or p.startswith(DIRECTORIES)) and not (p == "/etc/resolv.conf" and p not in wanted.files)
    }


def _all(wanted: Record, seen: Network) -> dict[str, File]:
    """The recorded files. A resolv.conf that a program writes now is that program's, whatever was recorded."""
    now = seen.files.get("/etc/resolv.conf")
    ours = "/etc/resolv.conf" in recorded_files({"/etc/resolv.conf": now} if now else {})
    return {p: f for p, f in wanted.files.items() if p != "/etc/resolv.conf" or ours or now is None}


def _restore(
    wanted: Record, seen: Network, missing: list[str], options: Mapping[str, Any], problems: list[dict[str, object]]
) -> dict[str, Any]:
    files = _all(wanted, seen)
    now = recorded_files(_relevant(wanted, seen))
    write, unknown = [], []
    for path, file in files.items():
        if now.get(path) == file:
            continue
        full = filled(file, seen)
        if MARK in full.text:
            unknown.append(path)
        write.append(written(full))
    remove = sorted(p for p in now if p not in files and options.get("remove_others", True))
    enable = [u for u, s in wanted.services.items() if u in MANAGERS and s[0] and seen.services.get(u) != (True, True)]
    disable = [
        u for u, s in seen.services.items() if u in MANAGERS and s[0] and not wanted.services.get(u, (False, False))[0]
    ]
    packages = [p for p in wanted.packages if p not in seen.packages]
    live = list(network_differences(wanted, seen))
    changed = {f["path"] for f in write} | set(remove)
    interfaces = list(_interfaces(wanted, seen, changed, bool(enable or disable or packages)))
    lines = [
        *live,
        *file_differences(
            files, now if remove or options.get("remove_others", True) else {p: f for p, f in now.items() if p in files}
        ),
    ]
    lines += [f"package {p}: installed when recorded, missing now" for p in packages]
    lines += [f"{u}: ran when recorded, does not now" for u in _tools(wanted, seen)]
    if missing:
        problems = [*problems, no_adapter(missing).result()]
    if unknown:
        problems = [
            *problems,
            Refusal(
                "secret_missing",
                f"The secrets in {', '.join(unknown)} are no longer kept on the machine.",
                f"Write them into the record in place of {MARK}, and remove them after the run.",
            ).result(),
        ]
    repair, against = repairs(wanted, seen, options)
    network = bool(write or remove or enable or disable or packages or interfaces)
    plan: dict[str, Any] = {
        "problems": [*problems, *against],
        "pending": seen.pending,
        "differences": lines,
        "storage": storage_differences(wanted, seen),
        "write": write,
        "remove": remove,
        # Those that hold a file are there.
        "directories": sorted({f["path"].rsplit("/", 1)[0] for f in write} - {p.rsplit("/", 1)[0] for p in seen.files}),
        "enable": enable,
        "disable": disable,
        "packages": packages,
        "kept": [p for p in packages if p in seen.kept_packages],
        "tools": _tools(wanted, seen),
        "repair": repair,
        "network": network,
        "changed": network or bool(repair) or bool(_tools(wanted, seen)),
        "addresses": {i.name: list(i.addresses) for i in wanted.interfaces},
        "agents": list(seen.agents),
    }
    guard = _guard(wanted, seen, changed, plan, interfaces, bool(options.get("check_gateway", True)))
    return {**plan, "guard": "".join(f"{line}\n" for line in (*guard, *orders(plan)))}


def _interfaces(wanted: Record, seen: Network, changed: set[str], services: bool) -> Iterator[str]:
    """``NAME MANAGER UUID`` for each interface that is to be set up again: it is not as recorded, or what describes it changes."""
    routes_wrong = {r.dev for r in set(wanted.routes) ^ set(static_routes(seen))}
    owners = {i.name: _owner(i.name, i.mac, wanted) for i in wanted.interfaces}
    for interface in wanted.interfaces:
        manager, uuid, path = owners[interface.name]
        wrong = bool(interface_difference(interface, seen)) or interface.name in routes_wrong
        if (wrong or path in changed) and seen.interface(interface.name) and (manager or wrong):
            yield f"{interface.name} {manager or 'networkd'} {uuid or '-'}"


class Owner(NamedTuple):
    """What an interface is managed by (empty: unknown), the UUID of its connection, and the file that describes it."""

    manager: str = ""
    uuid: str = ""
    path: str = ""


def _owner(name: str, mac: str, wanted: Record) -> Owner:
    """(manager, UUID of its connection, file) of an interface, as the recorded files tell."""
    nm = wanted.services.get("NetworkManager.service", (False, False))[0]
    for path, file in wanted.files.items():
        if path.startswith("/etc/NetworkManager/system-connections/"):
            keys = _keyfile(file.text)
            if keys.get("interface-name") == name or (mac and keys.get("mac-address", "").lower() == mac):
                return Owner("nm", keys.get("uuid", ""), path)
        elif path.startswith("/etc/network/interfaces") and re.search(
            rf"^\s*iface\s+{re.escape(name)}\s", file.text, re.MULTILINE
        ):
            return Owner("ifupdown", "", path)
        elif re.fullmatch(rf"/etc/sysconfig/network-scripts/ifcfg-{re.escape(name)}", path):
            found = re.search(r"^UUID=[\"']?([0-9a-fA-F-]+)", file.text, re.MULTILINE)
            return Owner("nm" if nm else "network", (found.group(1) if found and nm else ""), path)
        elif path == f"/etc/sysconfig/network/ifcfg-{name}":
            return Owner("wicked", "", path)
    for path, file in wanted.files.items():
        if path.startswith(("/etc/netplan/", "/etc/systemd/network/")) and re.search(
            rf"(?<![\w.-]){re.escape(name)}(?![\w-])|{re.escape(mac or name)}", file.text
        ):
            renderer = re.search(r"renderer:\s*[\"']?NetworkManager", file.text)
            return Owner("nm" if renderer and path.startswith("/etc/netplan/") else "networkd", "", path)
    return Owner()


def _keyfile(text: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {k: v for section in reversed(parser.sections()) for k, v in parser.items(section)}


def _guard(
    wanted: Record,
    seen: Network,
    paths: set[str],
    plan: Mapping[str, list[str]],
    interfaces: list[str],
    gateways: bool,
) -> Iterator[str]:
    yield from (f"path {p}" for p in sorted(paths))
    for what in ("enable", "disable"):
        for unit in plan[what]:
            yield f"unit {unit}"
            yield f"{what} {unit}"
    yield from (f"interface {i}" for i in interfaces)
    yield from (f"address {i.name} {a}" for i in wanted.interfaces for a in i.addresses if ":" not in a)
    if gateways:
        yield from (f"gateway {r.dev} {r.via}" for r in wanted.routes if r.to == "default" and "." in r.via)
    if wanted.hostname and wanted.hostname != seen.hostname:
        yield f"hostname {wanted.hostname}"
