# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine on-premises must reach to replicate to Azure: its configuration server on TCP 443 and a process server on 9443, or its
appliance on both (DOC S2, PSTS, APPL). Pure.
"""

from __future__ import annotations

from typing import Any

from ..lifecycle.attached_disks import agent_id
from ..model.items import Item
from ..model.servers import Fabric
from ..wanted.names import among

CONTROL, DATA = 443, 9443

CONFIGURATION_SERVER, PROCESS_SERVER, APPLIANCE = "configuration server", "process server", "appliance"


def outward_servers(item: Item | None, fabric: Fabric) -> list[dict[str, Any]]:
    """The servers of a machine's fabric, as in results: ``role``, ``name``, ``address`` (empty where the vault does not report it), ``port``,
    and ``natural``: whether it is the one that a reprotect to Azure takes where none is named (placement). Without an item no appliance is."""
    through = agent_id(item) if item is not None else ""
    found: list[dict[str, Any]] = []

    def add(role: str, name: str, address: str, port: int, natural: bool) -> None:
        found.append({"role": role, "name": name, "address": address, "port": port, "natural": natural})

    if not fabric.modernized:
        add(CONFIGURATION_SERVER, fabric.friendly_name or fabric.host_name, fabric.ip, CONTROL, True)
    for server in fabric.process_servers:
        if fabric.modernized:
            for port in (CONTROL, DATA):
                add(APPLIANCE, server.name, server.ip or server.fqdn, port, bool(through) and server.id == through)
        else:
            own = among(server.name, [fabric.friendly_name, fabric.host_name])
            add(PROCESS_SERVER, server.name, server.ip, DATA, own)
    return found
