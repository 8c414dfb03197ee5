# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a vault's fabrics whole."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.errors import InputError
from ..model.items import Json, VaultRef
from ..model.ports import VaultPort
from ..model.servers import APPLIANCES, COMPONENTS, Fabric
from ..model.shapes import FABRIC, understood
from .by_name import CLASSIC_FABRIC


def list_whole(vaults: VaultPort, vault: VaultRef) -> list[Json]:
    """The vault's fabrics with their servers: one list, and one GET for each fabric of appliances.

    In the list such a fabric has no components at all (SEEN RCM 8); its own GET reports them (SEEN RCM 20, 131).
    """
    return [
        vaults.get_fabric(str(entry.get("id") or "")) if _hollow(entry) else entry
        for entry in vaults.list_fabrics(vault)
    ]


def _hollow(entry: Json) -> bool:
    details: Json = (understood(entry, FABRIC)[0].get("properties") or {}).get("customDetails") or {}
    return details.get("instanceType") == APPLIANCES and not any(details.get(key) for key in COMPONENTS)


def serving(vaults: VaultPort, refs: Iterable[VaultRef]) -> list[Fabric]:
    """The configuration servers and appliances of the vaults. Raises InputError where there are none."""
    asked = list(refs)
    parsed = [Fabric.parse(entry, ref) for ref in asked for entry in list_whole(vaults, ref)]
    found = [f for f in parsed if f.instance_type == CLASSIC_FABRIC or (f.modernized and f.master_targets)]
    if not found:
        names = " or ".join(f"vault {ref.name}" for ref in asked) or "any vault"
        raise InputError(
            "no_configuration_server",
            f"No configuration server or appliance is registered with {names} ('{{option:vaults}}').",
            "Check '{option:vaults}', or register a configuration server or an appliance first.",
        )
    return found
