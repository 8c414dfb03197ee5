# SPDX-License-Identifier: GPL-3.0-or-later
"""What is still in Azure of machines that went home, and what it costs. Pure.

Searches the resource groups that the vaults fail over to. Resources are matched to machines by the ids in the vault's data
and by tags, never by name; without a match the machine is unknown. Shapes are those of Microsoft.Compute and
Microsoft.Network (DOC).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.items import Item, Json, last_segment

#: Kind -> the type in ids and lists.
KINDS: Mapping[str, str] = {
    "virtual_machine": "Microsoft.Compute/virtualMachines",
    "network_interface": "Microsoft.Network/networkInterfaces",
    "public_address": "Microsoft.Network/publicIPAddresses",
    "disk": "Microsoft.Compute/disks",
    "snapshot": "Microsoft.Compute/snapshots",
    "network_security_group": "Microsoft.Network/networkSecurityGroups",
}

#: What a deployment leaves as its record. It is listed for a resource group, the others for a subscription.
DEPLOYMENT = "deployment"
DEPLOYMENTS = "Microsoft.Resources/deployments"

#: What makes each kind cost money (DOC: Azure's prices).
COSTS: Mapping[str, str] = {
    "virtual_machine": "compute while it is not deallocated; its disks and public addresses always",
    "network_interface": "nothing; it keeps its address",
    "public_address": "by the hour while it exists, by SKU",
    "disk": "by size and SKU while it exists, attached or not",
    "snapshot": "by size and SKU while it exists",
    "network_security_group": "nothing",
    DEPLOYMENT: "nothing; it is the record of what was deployed",
}

#: The same in the table.
_DRIVERS: Mapping[str, str] = {
    "virtual_machine": "compute",
    "public_address": "by the hour",
    "disk": "size and SKU",
    "snapshot": "size and SKU",
}

#: Ids shown below the table; the result holds all of them.
SHOWN = 100

#: Kinds that are named only where ids or the tag show whose they are: others of a resource group are not a failover's.
_OWNED = frozenset({"virtual_machine", "network_security_group"})


@dataclass(frozen=True)
class Leftover:
    """One resource. ``machine`` is its machine, empty where unknown; ``evidence`` says how that is known.

    ``in_use`` says what still needs it; empty for what is left over. ``role`` is what the vault's data calls a disk: seed, replica or
    failover; empty where it does not.
    """

    kind: str
    id: str
    machine: str = ""
    evidence: str = ""
    in_use: str = ""
    sku: str = ""
    size_gb: int | None = None
    state: str = ""
    process_server: str = ""
    role: str = ""

    def result(self) -> dict[str, Any]:
        """As in the module's result."""
        return {
            "kind": self.kind,
            "id": self.id,
            "name": last_segment(self.id),
            "resource_group": _part(self.id, "resourcegroups"),
            "machine": self.machine or None,
            "process_server": self.process_server or None,
            "evidence": self.evidence,
            "in_use": self.in_use or None,
            "sku": self.sku or None,
            "size_gb": self.size_gb,
            "role": self.role or None,
            "state": self.state or None,
            "cost": COSTS[self.kind],
        }


@dataclass(frozen=True)
class Claim:
    """What the vault says about an id: its machine, whether the replication writes to it, and what it calls a disk."""

    machine: str
    replicating: bool
    role: str = ""


#: How fields of the vault's data that name a disk begin (SPEC seedManagedDiskId, targetManagedDiskId) -> its role.
_ROLES: Mapping[str, str] = {"seed": "seed", "replica": "replica", "target": "failover"}


def claims(items: Iterable[Item]) -> dict[str, Claim]:
    """Each resource id in the items' own data, in lower case. Seed disks are those that replication writes to."""
    found: dict[str, Claim] = {}
    for item in items:
        for key, value in _texts("", item.details):
            if value.lower().startswith("/subscriptions/"):
                role = next((word for start, word in _ROLES.items() if key.lower().startswith(start)), "")
                before = found.get(value.lower(), Claim("", replicating=False))
                seed = role == "seed" or before.replicating
                found[value.lower()] = Claim(item.friendly_name, seed, before.role or role)
    return found


def leftovers_of(
    kind: str,
    entries: Sequence[Json],
    known: Mapping[str, Claim],
    groups: Iterable[str],
    mark: str,
    away: Iterable[str] = (),
    serving: Iterable[str] = (),
) -> list[Leftover]:
    """What of a list is worth naming, by the order of ids.

    ``groups`` are ids of resource groups that vaults fail over to; ``mark`` is the tag of a process server that was deployed
    from here; ``away`` are names of machines that run in Azure now, ``serving`` those of process servers that a vault lists.
    Virtual machines and network security groups are named only where the vault's data or the tag shows whose they are.
    """
    listed = {name.lower() for name in serving}
    places = tuple(f"{g.lower().rstrip('/')}/" for g in groups if g)
    out = set(away)
    found: list[Leftover] = []
    for entry in entries:
        resource_id = str(entry.get("id") or "")
        tags = _mapping(entry.get("tags"))
        claim = known.get(resource_id.lower()) or _by_source(kind, entry, known)
        server = str(tags.get(mark) or "")
        if not resource_id or not (claim or server or (places and resource_id.lower().startswith(places))):
            continue
        if kind in _OWNED and not claim and not server:
            continue
        props = _mapping(entry.get("properties"))
        owner = owner_of(kind, entry, props)
        machine = claim.machine if claim else ""
        use = f"attached to {last_segment(owner)}" if owner else ""
        if claim and claim.replicating:
            use = use or f"the replication of {machine} writes to it"
        if kind == "virtual_machine" and machine in out:
            use = f"{machine} runs in it"
        if server.lower() in listed:
            use = use or f"the vault lists the process server {server}"
        found.append(
            Leftover(
                kind=kind,
                id=resource_id,
                machine=machine,
                evidence=_evidence(claim, server, mark),
                in_use=use,
                sku=_sku(kind, entry, props),
                size_gb=_whole(props.get("diskSizeGB")),
                state=str(props.get("diskState") or props.get("provisioningState") or ""),
                process_server=server,
                role=(claim.role if claim else "") if kind == "disk" else "",
            )
        )
    return sorted(found, key=lambda r: r.id.lower())


def records(entries: Sequence[Json], prefix: str, serving: Iterable[str] = ()) -> list[Leftover]:
    """The records of process servers' deployments in a list: of our name, and with the output that only our template has."""
    listed = {name.lower() for name in serving}
    found: list[Leftover] = []
    for entry in entries:
        name = str(entry.get("name") or "")
        props = _mapping(entry.get("properties"))
        if not name.lower().startswith(prefix) or "made" not in _mapping(props.get("outputs")):
            continue
        server = name[len(prefix) :]
        use = f"the vault lists the process server {server}" if server.lower() in listed else ""
        state = str(props.get("provisioningState") or "")
        found.append(
            Leftover(
                kind=DEPLOYMENT,
                id=str(entry.get("id") or ""),
                evidence="its name and outputs are those of a process server that was deployed from here",
                in_use=use,
                state=state,
                process_server=server,
            )
        )
    return [record for record in found if record.id]


def places_of(found: Iterable[Leftover]) -> list[str]:
    """Ids of the resource groups in which process servers were deployed."""
    return sorted({r.id.lower().partition("/providers/")[0] for r in found if r.process_server})


def table(found: Sequence[Leftover]) -> list[str]:
    """What is left over, as lines to print; what is in use is only counted."""
    left = [r for r in found if not r.in_use]
    used = len(found) - len(left)
    tail = f" {used} more are in use." if used else ""
    if not left:
        return [f"Nothing is left over in Azure.{tail}"]
    rows = [("machine", "kind", "size", "SKU", "costs", "name")]
    rows += [
        (
            r.machine or (f"server {r.process_server}" if r.process_server else "(not known)"),
            f"{r.role} {r.kind}".strip().replace("_", " "),
            f"{r.size_gb} GB" if r.size_gb is not None else "",
            r.sku,
            _DRIVERS.get(r.kind, "nothing"),
            last_segment(r.id),
        )
        for r in left
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    lines = ["  ".join([*(w.ljust(n) for w, n in zip(row, widths, strict=False)), row[5]]).rstrip() for row in rows]
    size = sum(r.size_gb or 0 for r in left)
    return [
        *lines,
        f"{len(left)} left over in Azure, {size} GB of disks and snapshots.{tail} Nothing was removed.",
        *_ids(left),
    ]


def _ids(left: Sequence[Leftover]) -> list[str]:
    """What has to be given back for a removal, one to a line."""
    unknown = any(not (r.machine or r.process_server) for r in left)
    check = (
        ["Where the machine is not known, check what it belongs to, and set {option:remove_unknown}."]
        if unknown
        else []
    )
    more = len(left) - SHOWN
    return [
        "",
        "To remove some of them, list their ids in {option:remove}.",
        *check,
        *(f"  {r.id}" for r in left[:SHOWN]),
        *([f"  and {more} more, in the task's result (-v) under leftovers"] if more > 0 else []),
    ]


def _evidence(claim: Claim | None, server: str, mark: str) -> str:
    if claim:
        return "its id is in the vault's data"
    return f"tag {mark}" if server else "none: it is only in a resource group that the vault fails over to"


def _by_source(kind: str, entry: Json, known: Mapping[str, Claim]) -> Claim | None:
    """A snapshot belongs to the machine of the disk that it was made from; the replication does not need it."""
    source = str(_mapping(_mapping(entry.get("properties")).get("creationData")).get("sourceResourceId") or "")
    claim = known.get(source.lower()) if kind == "snapshot" else None
    return Claim(claim.machine, replicating=False) if claim else None


def owner_of(kind: str, entry: Json, props: Json) -> str:
    """Id of what the resource is attached to."""
    if kind == "disk":
        return str(entry.get("managedBy") or "")
    if kind == "network_interface":
        return str(
            _mapping(props.get("virtualMachine")).get("id") or _mapping(props.get("privateEndpoint")).get("id") or ""
        )
    if kind == "public_address":
        return str(
            _mapping(props.get("ipConfiguration")).get("id") or _mapping(props.get("natGateway")).get("id") or ""
        )
    if kind == "network_security_group":
        users = [*(props.get("networkInterfaces") or ()), *(props.get("subnets") or ())]
        return next((str(_mapping(user).get("id") or "") for user in users), "")
    return ""


def _sku(kind: str, entry: Json, props: Json) -> str:
    if kind == "virtual_machine":
        return str(_mapping(props.get("hardwareProfile")).get("vmSize") or "")
    return str(_mapping(entry.get("sku")).get("name") or "")


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _texts(str(name), part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(key, part)


def _part(resource_id: str, segment: str) -> str:
    parts = resource_id.split("/")
    places = [n for n, part in enumerate(parts) if part.lower() == segment]
    return parts[places[0] + 1] if places and places[0] + 1 < len(parts) else ""


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
