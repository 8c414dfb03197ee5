# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that join a replication, and what only other providers have: disks that leave it, and mapped networks.

The description has addDisks for InMageRcm alone and removeDisks for Azure to Azure alone (SPEC); what a new disk does to
its item is INFER.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from rehearsal.azure.call import Call, Reply
from rehearsal.azure.engine import check_support
from rehearsal.azure.errors import item_not_found, refused
from rehearsal.azure.items import Item
from rehearsal.azure.naming import new_disk_ids
from rehearsal.azure.routes.base import FABRIC, ITEM, ROUTES, Service, fabric_of, item_of, route
from rehearsal.azure.routes.jobs import accepted
from rehearsal.azure.side import hold
from rehearsal.azure.words import same

#: What each entry of ``disks`` must hold (SPEC).
DISK_KEYS = ("diskId", "logStorageAccountId", "diskType")


def _given(item: Item, call: Call, taken: str) -> dict[str, Any]:
    """The provider's part of the body; 400 where the provider is not one that the operation takes."""
    properties = call.json().get("properties") or {}
    details = properties.get("providerSpecificDetails") if isinstance(properties, dict) else None
    if not isinstance(details, dict) or not details.get("instanceType"):
        raise refused(400, "InvalidRequest", "The property providerSpecificDetails.instanceType is required.")
    if details["instanceType"] != taken or item.row.instance_type != taken:
        raise refused(
            400,
            "InvalidRequest",
            f"The provider {details['instanceType']!r} does not fit the item or the operation.",
        )
    return details


@route("POST", f"{ITEM}/adddisks")
async def add_disks(service: Service, call: Call) -> Reply:
    """Replicate disks that the machine got after its replication was enabled."""
    item = item_of(call)
    check_support(item.vault, call.ids)
    details = _given(item, call, "InMageRcm")
    disks = details.get("disks")
    if not isinstance(disks, list) or not disks:
        raise refused(400, "InvalidRequest", "The property providerSpecificDetails.disks is required.")
    for disk in disks:
        for key in DISK_KEYS:
            if not isinstance(disk, dict) or not disk.get(key):
                raise refused(400, "InvalidRequest", f"The property providerSpecificDetails.disks.{key} is required.")
    waiting = new_disk_ids(item.machine, len(item.new_disks_gb))
    unknown = [d["diskId"] for d in disks if not any(same(d["diskId"], known) for known in waiting)]
    if unknown:
        raise refused(400, "InvalidRequest", f"The disk {unknown[0]!r} is none of the machine's unprotected disks.")
    if item.busy or item.phase != "home":
        raise service.engine.busy(item, "addDisks", call.ids)
    wanted = {str(d["diskId"]).casefold() for d in disks}
    count = len(wanted)
    if wanted != {name.casefold() for name in waiting[:count]}:
        # Disks are reported by their place here, so that a gap would rename them.
        raise refused(400, "InvalidRequest", "In a rehearsal disks are added in the machine's own order.")

    def added() -> None:
        joined = item.new_disks_gb[:count]
        item.machine = dataclasses.replace(item.machine, disks_gb=(*item.machine.disks_gb, *joined))
        del item.new_disks_gb[:count]

    job = hold(service.engine, item, "AddDisks", "Add disks", "update_item", call.ids[0], added)
    service.ledger.count_accepted(item.machine.name, "addDisks", call.json(), job.name)
    return accepted(service, call, job)


@route("POST", f"{ITEM}/removedisks")
async def remove_disks(service: Service, call: Call) -> Reply:
    item = item_of(call)
    check_support(item.vault, call.ids)
    _given(item, call, "A2A")
    raise AssertionError("no item here is replicated from Azure to Azure")


# -- networks that are mapped ----------------------------------------------------------------------------------------

NETWORK = f"{FABRIC}/replicationnetworks/*"


async def _no_network(service: Service, call: Call) -> Reply:
    """A VMware fabric lists no networks (INFER), so that none can be mapped."""
    fabric_of(call)
    raise item_not_found(call.name(2), call.ids)


ROUTES[("GET", f"{NETWORK}/replicationnetworkmappings")] = _no_network
for _method in ("GET", "PUT", "PATCH", "DELETE"):
    ROUTES[(_method, f"{NETWORK}/replicationnetworkmappings/*")] = _no_network
