# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking one of many up by any of its words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from .identity import azure_disks, planned_name
from .items import Json, last_segment

T = TypeVar("T")

#: Looks entries up by words.
LookUp = Callable[[Iterable[str]], "list[T]"]


def azure_vm_words(machine: Json) -> tuple[str, ...]:
    """Everything by which an Azure VM may be found: ids, names, NICs and disks."""
    vm_id = str(machine.get("id") or "")
    nics = ((machine.get("properties") or {}).get("networkProfile") or {}).get("networkInterfaces") or ()
    disks = [str((d.get("managedDisk") or {}).get("id") or "") for d in azure_disks(machine)]
    own = str((machine.get("properties") or {}).get("vmId") or "")
    return vm_id, last_segment(vm_id), planned_name(vm_id), own, *(str(n.get("id") or "") for n in nics), *disks


def index(entries: Iterable[T], words: Callable[[T], Iterable[str]]) -> LookUp[T]:
    """A way to look entries up by any of their words, whatever their case, so that a thousand machines do not search
    through a thousand entries each. No entry comes twice."""
    found: dict[str, list[T]] = {}
    for entry in entries:
        for word in {word.lower() for word in words(entry) if word}:
            found.setdefault(word, []).append(entry)

    def look_up(wanted: Iterable[str]) -> list[T]:
        return list({id(entry): entry for word in wanted for entry in found.get(word.lower(), ())}.values())

    return look_up
