# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM paths: cut into types and names, without regard to the case of types."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

SITE_RECOVERY = "microsoft.recoveryservices"
COMPUTE = "microsoft.compute"
NETWORK = "microsoft.network"
RESOURCES = "microsoft.resources"
AUTHORIZATION = "microsoft.authorization"


@dataclass(frozen=True)
class ArmPath:
    """``types`` in lower case; ``names`` has as many entries, or one fewer where the path ends in a type."""

    subscription: str
    group: str | None
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """The path names a thing; otherwise it is a list or an action."""
        return len(self.names) == len(self.types)

    @property
    def route(self) -> str:
        """``vaults/*/replicationfabrics/*`` and so on: the path without its names."""
        parts = []
        for n, kind in enumerate(self.types):
            parts.append(kind)
            if n < len(self.names):
                parts.append("*")
        return "/".join(parts)


def parts_of(raw_path: str) -> list[str]:
    """The parts of a path that is still percent-encoded, each decoded once.

    Empty ones are passed over, as Resource Manager does: the Azure CLI's ``resource`` commands send two slashes (SEEN).
    """
    return [unquote(part) for part in raw_path.split("/") if part]


def parse(raw_path: str) -> ArmPath | None:
    """None for a path that is no ARM resource path."""
    parts = parts_of(raw_path)
    if len(parts) < 2 or parts[0].lower() != "subscriptions":
        return None
    subscription, rest = parts[1], parts[2:]
    group = None
    if len(rest) >= 2 and rest[0].lower() == "resourcegroups":
        group, rest = rest[1], rest[2:]
    if not rest:
        return ArmPath(subscription, group, "", (), ())
    kind = rest[0].lower()
    if kind in ("resources", "locations", "resourcegroups") and len(rest) == 1:
        return ArmPath(subscription, group, "", (kind,), ())
    if kind == "providers" and len(rest) <= 2:
        return ArmPath(subscription, group, "", (kind,), tuple(rest[1:]))
    if kind == "providers" and len(rest) == 3 and rest[2].lower() == "register":
        return ArmPath(subscription, group, "", (kind, "register"), (rest[1],))
    if len(rest) < 3 or rest[0].lower() != "providers":
        return None
    namespace, rest = rest[1].lower(), rest[2:]
    return ArmPath(subscription, group, namespace, tuple(t.lower() for t in rest[0::2]), tuple(rest[1::2]))
