# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates from the disks of the Azure VM that a commit home deletes: what is not replicated is lost with it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..model.items import Item, Json
from ..model.refusal import Refusal
from .reported import number_of, raw_disks


def azure_disk_gates(item: Item, attached: Sequence[Json]) -> list[Refusal]:
    """Disks that the Azure VM has and the item does not protect, and those that have grown beyond their copy.

    The two sides share no id, so sizes decide which disk is which: the system's disk first, then equal sizes, then what is
    left. The Azure VM reports no size of a disk while it is deallocated (DOC), which fits any.
    """
    protected = raw_disks(item)
    remedy = "Copy their data to the on-premises machine, or enable replication again with all disks."
    if not attached:
        text = "Azure does not list the disks of the VM that the commit deletes."
        return [Refusal("disk_unprotected", text, "Check the VM's disks in Azure.")]
    if not protected:
        names = ", ".join(str(d.get("name") or "?") for d in attached)
        text = f"The vault does not list the replicated disks; the Azure VM that the commit deletes has {names}."
        return [Refusal("disk_unprotected", text, remedy)]
    left = sorted(protected, key=lambda d: str(d.get("isOSDisk") or "").lower() != "true")
    pairs: list[tuple[Json, Json]] = [(attached[0], left.pop(0))]
    rest = list(attached[1:])
    for fits in (lambda a, p: a is not None and p is not None and a == p, lambda a, p: True):
        for disk in list(rest):
            match = next((d for d in left if fits(_azure_gib(disk), _gib(d))), None)
            if match is not None:
                pairs.append((disk, match))
                rest.remove(disk)
                left.remove(match)
    found: list[Refusal] = []
    if rest:
        names = ", ".join(_azure_disk(d) for d in rest)
        text = (
            f"The Azure VM that the commit deletes has disks that are not replicated and are deleted with it: {names}."
        )
        found.append(Refusal("disk_unprotected", text, remedy))
    grown = [
        f"{_azure_disk(a)}, of which {p:.0f} GB are replicated"
        for a, copy in pairs
        if (size := _azure_gib(a)) is not None and (p := _gib(copy)) is not None and size > p + 1
    ]
    if grown:
        found.append(Refusal("disk_resized", f"Disks were enlarged in Azure: {'; '.join(grown)}.", remedy))
    return found


def _azure_disk(disk: Json) -> str:
    size, lun = _azure_gib(disk), disk.get("lun")
    words = [f"LUN {lun}" if lun is not None else "", f"{size:.0f} GB" if size is not None else ""]
    told = ", ".join(word for word in words if word)
    return f"{disk.get('name') or 'an unnamed disk'}{f' ({told})' if told else ''}"


def _azure_gib(disk: Json) -> float | None:
    return number_of(disk.get("diskSizeGB"))


def _gib(disk: Json) -> float | None:
    size = number_of(disk.get("diskCapacityInBytes")) or number_of(disk.get("capacityInBytes"))
    return None if size is None else float(math.ceil(size / (1 << 30)))
