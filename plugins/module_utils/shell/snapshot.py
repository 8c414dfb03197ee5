# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads vaults and vCenter for a snapshot of the estate. Never writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..azure.vaults import Vaults
from ..failback.model.items import Item, VaultRef
from ..failback.model.servers import Fabric, Policy
from ..failback.servers.estate_as_fleet import VaultSeen, fleet_of
from ..failback.servers.fabrics import list_whole
from .module import Call

#: Items read at once: lists omit details, so each is read individually (asr-api.md 4).
WORKERS = 8


def estate(call: Call) -> dict[str, Any]:
    """The fleet that rehearses this estate."""
    # Logged in to first, so that a wrong option ends the run early.
    site = call.open_site()
    vaults = call.open_vaults()
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        seen = [_vault(vaults, ref, pool) for ref in call.refs]
    uuids = {item.site_uuid for vault in seen for item in vault.items if item.site_uuid}
    gateways = [target for vault in seen for fabric in vault.fabrics for target in fabric.master_targets]
    uuids |= {target.vm_uuid for target in gateways if target.vm_uuid}
    servers = [server.name for vault in seen for fabric in vault.fabrics for server in fabric.process_servers]
    called = {name for target in gateways for name in (target.name, target.fqdn) if name} | set(servers)
    fleet, told = fleet_of(
        seen, site.described(sorted(uuids), sorted(called)), site.estate(), bool(call.params["pseudonyms"])
    )
    return {
        "changed": False,
        "fleet": fleet,
        "requests": {"writes": vaults.requests.writes, "reads": vaults.requests.reads},
        **({"warnings": told} if told else {}),
    }


def _vault(vaults: Vaults, ref: VaultRef, pool: ThreadPoolExecutor) -> VaultSeen:
    listed = [Item.parse(data, ref) for data in vaults.list_items(ref)]
    return VaultSeen(
        ref,
        items=tuple(Item.parse(data, ref) for data in pool.map(vaults.get_item, [item.id for item in listed])),
        fabrics=tuple(Fabric.parse(data, ref) for data in list_whole(vaults, ref)),
        policies=tuple(Policy.parse(data) for data in vaults.list_policies(ref)),
        plans=tuple(vaults.list_recovery_plans(ref)),
        location=str(vaults.get_vault(ref).get("location") or ""),
    )
