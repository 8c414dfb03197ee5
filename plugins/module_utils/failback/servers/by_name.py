# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a server of classic vaults by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from ..model.errors import InputError
from ..model.items import Json, VaultRef
from ..model.server_ports import short_name
from ..model.servers import Fabric
from ..wanted.selection import listing

#: customDetails.instanceType of a configuration server (SEEN FAB).
CLASSIC_FABRIC = "VMware"


class AnyServer(Protocol):
    """What master targets and process servers share."""

    @property
    def id(self) -> str:
        """ARM id or the service's own id."""

    @property
    def name(self) -> str:
        """Its friendly name."""

    @property
    def ip(self) -> str:
        """Address, empty where it is not reported."""

    @property
    def version_status(self) -> str:
        """The service's word on the agent's version."""

    @property
    def version(self) -> str:
        """Version of the agent."""

    @property
    def heartbeat(self) -> datetime | None:
        """Last heartbeat (aware, UTC)."""


S = TypeVar("S", bound=AnyServer)


def classic_fabrics(fabrics: Mapping[VaultRef, Sequence[Json]]) -> list[Fabric]:
    """The configuration servers of the vaults. Raises InputError where no vault has one."""
    parsed = [Fabric.parse(data, vault) for vault, entries in fabrics.items() for data in entries]
    found = [f for f in parsed if f.instance_type == CLASSIC_FABRIC]
    if not found:
        raise InputError(
            "no_configuration_server",
            f"No configuration server is registered with {_vault_names(fabrics)} ('{{option:vaults}}').",
            "Master targets and process servers belong to classic vaults; a modernized vault uses a replication "
            "appliance instead. Check '{option:vaults}'.",
        )
    return found


def _vault_names(vaults: Iterable[VaultRef]) -> str:
    names = [f"vault {v.name}" for v in vaults]
    return " or ".join(names) or "any vault"


def find_server(wanted: str, known: Sequence[tuple[Fabric, S]], kind: str, option: str) -> tuple[Fabric, S] | None:
    """The server meant by a name (domain may be left out), an address or an id; None where there is none.

    Raises InputError (``<kind>_ambiguous``) where it fits several.
    """
    text = wanted.strip().casefold()
    exact = [(f, s) for f, s in known if text in (s.id.casefold(), s.name.casefold(), s.ip.casefold())]
    found = exact or [(f, s) for f, s in known if short_name(s.name) == short_name(wanted)]
    if len(found) > 1:
        where = listing(f"{s.id} ({s.name}, {s.ip}, vault {f.vault.name})" for f, s in found)
        raise InputError(
            f"{kind.replace(' ', '_')}_ambiguous",
            f"{option}={wanted!r} matches {len(found)} {kind}s: {where}.",
            f"Set `{option}` to the id.",
        )
    return found[0] if found else None


def not_found(wanted: str, known: Sequence[tuple[Fabric, S]], kind: str, option: str) -> InputError:
    """The refusal of an unknown server, with the list to choose from."""
    return InputError(
        f"{kind.replace(' ', '_')}_not_found",
        f"No {kind} {wanted!r} (`{option}`) is registered with the vaults.",
        f"Registered: {listing(s.name for _fabric, s in known)}. Choose one of them, or register a new one first.",
    )
