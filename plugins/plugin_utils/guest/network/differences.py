# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a machine's network and storage is otherwise than recorded, in lines for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from .record import MANAGERS, Record, static_routes, storage_files
from .survey import File, Interface, Network, Route


def network_differences(record: Record, seen: Network) -> Iterator[str]:
    """What is live and otherwise than recorded, a line each. Files are another matter."""
    if record.hostname and record.hostname != seen.hostname:
        yield f"host name: {record.hostname} recorded, {seen.hostname} found"
    for unit, (enabled, _active) in sorted(record.services.items()):
        if unit not in MANAGERS:
            continue
        now = seen.services.get(unit)
        if enabled and now is None:
            yield f"{unit}: enabled when recorded, not installed now"
        elif now and now[0] != enabled:
            yield f"{unit}: {_word(enabled)} when recorded, {_word(now[0])} now"
        elif now and enabled and not now[1] and _active:
            yield f"{unit}: does not run"
    for unit, (enabled, _active) in sorted(seen.services.items()):
        if unit in MANAGERS and unit not in record.services and enabled:
            yield f"{unit}: absent when recorded, enabled now"
    for interface in record.interfaces:
        if found := interface_difference(interface, seen):
            yield found
    before, now_routes = set(record.routes), set(static_routes(seen))
    names = {i.name for i in record.interfaces}
    yield from (f"route {r.said()}: recorded, but missing" for r in sorted(before - now_routes, key=Route.said))
    yield from (
        f"route {r.said()}: not recorded, but present now"
        for r in sorted(now_routes - before, key=Route.said)
        if r.dev in names
    )
    if record.servers and list(record.servers) != list(seen.servers):
        yield f"DNS servers: {', '.join(record.servers)} recorded, {', '.join(seen.servers) or 'none'} found"


def interface_difference(wanted: Interface, seen: Network) -> str:
    """Empty where the interface has what was recorded."""
    now = seen.interface(wanted.name)
    if now is None:
        return f"{wanted.name}: recorded, but missing"
    if now.addresses == wanted.addresses and now.dhcp == wanted.dhcp:
        return ""
    return f"{wanted.name}: {_addresses(wanted)} recorded, {_addresses(now)} found"


def _addresses(interface: Interface) -> str:
    leased = f"a lease ({', '.join(interface.leased)})" if interface.leased else "a lease"
    return ", ".join([*interface.addresses, *([leased] if interface.dhcp else [])]) or "no address"


def _word(enabled: bool) -> str:
    return "enabled" if enabled else "disabled"


def file_differences(record: Mapping[str, File], now: Mapping[str, File]) -> list[str]:
    """The lines of a unified diff from what is there to what is recorded. Both without secrets."""
    out: list[str] = []
    for path in sorted({*record, *now}):
        old, new = now.get(path), record.get(path)
        if old == new:
            continue
        before, after = (_body(old), _body(new))
        out += difflib.unified_diff(
            before,
            after,
            f"{path} now" if old else "/dev/null",
            f"{path} recorded" if new else "/dev/null",
            lineterm="",
        )
        if before == after and old and new:
            out.append(f"{path}: mode {new.mode} {new.owner} recorded, {old.mode} {old.owner} found")
    return out


def _body(file: File | None) -> list[str]:
    if file is None:
        return []
    return [f"symbolic link to {file.link}"] if file.link else file.text.splitlines()


def storage_differences(record: Record, seen: Network) -> list[str]:
    """fstab, LVM and multipath; and volumes that are missing, new or not active."""
    lines = file_differences(record.storage, storage_files(seen.storage))
    lines += [f"{v}: recorded, not found" for v in sorted(set(record.volumes) - set(seen.volumes))]
    lines += [f"{v}: found, not recorded" for v in sorted(set(seen.volumes) - set(record.volumes))]
    return lines
