# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose record it is, and which interface of the record is which of the machine now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ....module_utils.failback.model.refusal import Refusal
from .record import Record, swapped
from .survey import Interface


def strangers(wanted: Record, hostname: str, macs: set[str], settings: Mapping[str, Any]) -> list[dict[str, object]]:
    """What says that the record is not of the machine that answers.

    An address may lead to another machine by now: ours has the recorded host name, or one of the MAC addresses. Two machines may have
    one name: where the record is of another replicated item, only the MAC addresses prove that protection was set up again.
    """
    if {i.mac for i in wanted.interfaces if i.physical and i.mac} & macs:
        return []
    item = str(settings.get("item_id") or "")
    if wanted.item_id and item and wanted.item_id.lower() != item.lower():
        return [
            Refusal(
                "other_item",
                f"{settings.get('file') or 'The record'} is of another replicated item ({wanted.item_id}), and the machine has none of its "
                "MAC addresses.",
                "Give one of two machines of the same name a record directory of its own (asr_record_dir of its host). If it is the same "
                "machine, correct item_id in the record.",
            ).result()
        ]
    if not wanted.hostname or wanted.hostname.lower() == hostname.lower():
        return []
    return [
        Refusal(
            "other_machine",
            f"The machine that answers is {hostname}, and has none of the MAC addresses recorded for {wanted.hostname}.",
            "Correct its address (ansible_host), or the host name in the record.",
        ).result()
    ]


def named(record: Record, names: Mapping[str, str], macs: Mapping[str, str]) -> Record:
    """The record with interfaces by the names and MAC addresses they have now: in lists, in files and in the files' names."""
    names = {old: new for old, new in names.items() if old != new}
    macs = {old: new for old, new in macs.items() if old != new}
    if not names and not macs:
        return record
    both = {**names, **{spelt: new for old, new in macs.items() for spelt in (old, old.upper())}}

    def rename(text: str) -> str:
        return swapped(text, both, word=r"[0-9A-Za-z_]")

    physical = {i.name for i in record.interfaces if i.physical}

    def label(name: str) -> str:
        """Of an adapter as a whole: an alias of Windows may begin with another one. Those made of others hold their names (eth0.100)."""
        return names.get(name, name) if name in physical else rename(name)

    return replace(
        record,
        interfaces=tuple(replace(i, name=label(i.name), mac=macs.get(i.mac, i.mac)) for i in record.interfaces),
        routes=tuple(replace(r, dev=label(r.dev)) for r in record.routes),
        dns={label(n): servers for n, servers in record.dns.items()},
        files={rename(p): replace(f, path=rename(p), text=rename(f.text)) for p, f in record.files.items()},
    )


def match(record: Record, seen: Sequence[Interface]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Which interface of the record is which now: (names, MAC addresses, interfaces without a counterpart).

    Physical ones by MAC address, the rest of them in order; those that are made of others keep their names.
    """
    names: dict[str, str] = {}
    macs: dict[str, str] = {}
    free = [i for i in seen if i.physical]
    rest = []
    for wanted in (i for i in record.interfaces if i.physical):
        # Two interfaces of one MAC address exist (some clouds pair them); the one of the same name is meant then.
        found = sorted((i for i in free if i.mac == wanted.mac), key=lambda i: i.name != wanted.name)
        if found:
            names[wanted.name] = found[0].name
            free.remove(found[0])
        else:
            rest.append(wanted)
    for wanted, found_now in zip(rest, free, strict=False):
        names[wanted.name] = found_now.name
        if wanted.mac:
            # People may leave it out of a record.
            macs[wanted.mac] = found_now.mac
    return names, macs, [i.name for i in rest[len(free) :]]


def no_adapter(missing: Sequence[str]) -> Refusal:
    """The refusal to restore a record with interfaces (``missing``, by name) that the machine has no counterpart for."""
    return Refusal(
        "interface_missing",
        f"This machine has no network adapter for {', '.join(missing)} of the record.",
        "Add the adapter in vCenter, or remove the interface from the record.",
    )
