# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Which servers, storage, policy and account each reprotect uses.

A choice is made automatically when only one fits, and explained when more do. Machines are spread over master targets
under the cap of 60 attached disks; a consistency group stays whole on one master target (DOC REP18: no common point in
time otherwise). Linux machines need a Linux master target, Windows machines a Windows one (preflight check 22).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, Union

from .bodies import Placement
from .decide import Refuse
from .errors import InputError, certain
from .items import Item
from .order import Order
from .selection import listing
from .servers import DISK_CAP, HEARTBEAT_STALE, Fabric, MasterTarget, Policy, RunAsAccount

Placed = Union[Placement, Refuse]


@dataclass
class Slots:
    """Disk slots of the master targets: what the service counts, plus what is on its way to them."""

    used: dict[str, int] = field(default_factory=dict)

    def free(self, target: MasterTarget) -> int:
        return DISK_CAP - self.used.get(target.id, target.disk_count)

    def take(self, target: MasterTarget, disks: int) -> None:
        self.used[target.id] = self.used.get(target.id, target.disk_count) + disks


@dataclass(frozen=True)
class Estate:
    """What placing needs to know of the vaults: fabrics by id key, policies by vault key, the service's time."""

    fabrics: Mapping[str, Fabric]
    policies: Mapping[str, Sequence[Policy]]
    now: datetime

    def fabric_of(self, item: Item) -> Fabric | None:
        return self.fabrics.get(item.fabric_id.lower())


def check_names(order: Order, estate: Estate) -> None:
    """Refuse a server, datastore, volume, policy or account that none of the vaults knows, before anything is sent."""
    fabrics = list(estate.fabrics.values())
    targets = [t for f in fabrics for t in f.master_targets]
    servers = [p for f in fabrics for p in f.process_servers]
    accounts = [a.name for f in fabrics for a in f.run_as_accounts]
    policies = [p.friendly_name for ps in estate.policies.values() for p in ps]
    for name in order.master_targets:
        _must_know("master_targets", name, [t.name for t in targets], "master target")
    chosen = [t for t in targets if not order.master_targets or _among(t.name, order.master_targets)]
    _must_know("process_server", order.process_server, [s.name for s in servers], "process server")
    _must_know("process_server_onprem", order.process_server_onprem, [s.name for s in servers], "process server")
    _must_know(
        "datastore", order.datastore, [d.name for t in chosen for d in t.datastores], "datastore of a master target"
    )
    _must_know(
        "retention_volume",
        order.retention_volume,
        [v.name for t in chosen for v in t.retention_volumes],
        "retention volume of a master target",
    )
    _must_know("policy", order.policy, policies, "replication policy")
    _must_know("policy_to_azure", order.policy_to_azure, policies, "replication policy")
    for option in ("run_as_account", "run_as_account_windows", "run_as_account_linux"):
        _must_know(option, getattr(order, option), accounts, "run-as account")


def _must_know(option: str, value: str | None, known: Iterable[str], what: str) -> None:
    names = list(known)
    if value is not None and not _among(value, names):
        raise InputError(
            f"{option}_not_found",
            f"{option} {value!r} is no {what} of the vaults.",
            f"Choose one of: {listing(names)}.",
        )


def place_to_onprem(
    items: Sequence[Item], order: Order, estate: Estate, slots: Slots, bound: Mapping[str, str]
) -> dict[str, Placed]:
    """A placement or a refusal for each item to reprotect to on-premises.

    ``bound`` maps a consistency group's id to the master target its other members already use. Raises InputError
    where an option must be given because several things fit.
    """
    placed: dict[str, Placed] = {}
    units: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        fabric = estate.fabric_of(item)
        if fabric is None:
            placed[item.key] = Refuse(
                "fabric_not_found",
                "The machine's configuration server is not listed in the vault.",
                "Check that the configuration server is registered and connected, then run this again.",
            )
        else:
            units.setdefault((fabric.key, item.group_id or item.key), []).append(item)

    def weight(members: list[Item]) -> int:
        return sum(disks_of(m) for m in members)

    ordered = sorted(units.items(), key=lambda u: (-weight(u[1]), u[1][0].friendly_name.lower(), u[0]))
    for (_fabric_key, group), members in ordered:
        fabric = certain(estate.fabric_of(members[0]))
        found = _target_for(members, fabric, order, estate, slots, bound.get(group))
        for item in members:
            if isinstance(found, Refuse):
                placed[item.key] = found
            else:
                placed[item.key] = _complete_to_onprem(item, found, fabric, order, estate)
        if not isinstance(found, Refuse):
            slots.take(found, weight(members))
    return placed


def disks_of(item: Item) -> int:
    """Disks a reprotect attaches to the master target; an answer without disks counts as one."""
    return len(item.disks) or 1


def _target_for(
    members: Sequence[Item], fabric: Fabric, order: Order, estate: Estate, slots: Slots, bound: str | None
) -> MasterTarget | Refuse:
    systems = {(m.os_type or "").lower() for m in members}
    if len(systems) > 1:
        return Refuse(
            "group_mixes_systems",
            f"The consistency group {members[0].group!r} mixes operating systems, so no master target fits it whole.",
            "Reprotect is not possible for such a group; protect its machines in groups of one system.",
        )
    system = systems.pop()
    named = [t for t in fabric.master_targets if not order.master_targets or _among(t.name, order.master_targets)]
    fitting = [t for t in named if not system or t.os_type.lower() == system]
    if not fitting:
        return Refuse(
            "master_target_wrong_os",
            f"The machine runs {members[0].os_type} and none of the master targets "
            f"({listing(t.name + ' runs ' + t.os_type for t in named)}) does.",
            f"Add a {members[0].os_type} master target, or name one in 'master_targets'.",
        )
    if not system and len({t.os_type.lower() for t in fitting}) > 1:
        return Refuse(
            "system_unknown",
            "The vault does not tell the machine's operating system, and the master targets differ in theirs.",
            "Name the master target that runs the machine's system in 'master_targets'.",
        )
    alive = [t for t in fitting if not _stale(t, estate.now)]
    if not alive:
        return Refuse(
            "master_target_no_heartbeat",
            f"No fitting master target ({listing(t.name for t in fitting)}) has sent a heartbeat for 20 minutes.",
            "Start it, check its agent and the way to the configuration server, then run this again.",
        )
    wishes: tuple[tuple[str, str | None, Callable[[MasterTarget], list[str]]], ...] = (
        ("datastore", order.datastore, lambda t: [d.name for d in t.datastores]),
        ("retention_volume", order.retention_volume, lambda t: [v.name for v in t.retention_volumes]),
    )
    for option, value, offers in wishes:
        if value is not None:
            offering = [t for t in alive if _among(value, offers(t))]
            if not offering:
                return Refuse(
                    f"{option}_not_offered",
                    f"{option} {value!r} is offered by none of the master targets that fit the machine "
                    f"({listing(t.name for t in alive)}).",
                    f"Choose one of: {listing(n for t in alive for n in offers(t))}.",
                )
            alive = offering
    if bound is not None:
        alive = [t for t in alive if t.id == bound]
        if not alive:
            return Refuse(
                "group_master_target",
                f"The rest of the consistency group {members[0].group!r} uses a master target that does not fit now.",
                "Name that master target in 'master_targets', or wait until it is healthy.",
            )
    disks = sum(disks_of(m) for m in members)
    roomy = [t for t in alive if slots.free(t) >= disks]
    if not roomy:
        room = listing(f"{t.name} has {max(0, slots.free(t))} free" for t in alive)
        return Refuse(
            "no_disk_slots",
            f"The {disks} disk(s) to attach find no room under the cap of {DISK_CAP} disks: {room}.",
            "Add a master target, or wait until other machines are home and run this again.",
        )
    return max(roomy, key=lambda t: (slots.free(t), _reverse(t.name)))


def _complete_to_onprem(item: Item, target: MasterTarget, fabric: Fabric, order: Order, estate: Estate) -> Placed:
    server = _one("process_server", order.process_server, fabric.process_servers, lambda s: s.name)
    datastore = _one("datastore", order.datastore, target.datastores, lambda d: d.name)
    volume = _one("retention_volume", order.retention_volume, target.retention_volumes, lambda v: v.name)
    policy = _policy(item, "InMage", order.policy, "policy", estate, twin=_failback_twin)
    for found in (server, datastore, volume, policy):
        if isinstance(found, Refuse):
            return found
    account = _account(item, fabric, order)
    if isinstance(account, Refuse):
        return account
    return Placement(
        process_server_id=server.id,  # type: ignore[union-attr]
        process_server=server.name,  # type: ignore[union-attr]
        master_target_id=target.id,
        master_target=target.name,
        datastore=datastore.name,  # type: ignore[union-attr]
        retention_volume=volume.name,  # type: ignore[union-attr]
        policy_id=policy.id,  # type: ignore[union-attr]
        policy=policy.friendly_name,  # type: ignore[union-attr]
        run_as_account_id=account.id if account else "",
        run_as_account=account.name if account else "",
    )


def place_to_azure(item: Item, order: Order, estate: Estate) -> Placed:
    """The placement of a reprotect to Azure: the on-premises process server and the forward policy."""
    fabric = estate.fabric_of(item)
    if fabric is None:
        return Refuse(
            "fabric_not_found",
            "The machine's configuration server is not listed in the vault.",
            "Check that the configuration server is registered and connected, then run this again.",
        )
    wanted = order.process_server_onprem or (order.process_server if order.reprotects_to_azure_only else None)
    servers = fabric.process_servers
    if wanted is None:
        # The process server that every configuration server brings along is the natural one for on-premises machines.
        own = [s for s in servers if _among(s.name, [fabric.friendly_name, fabric.host_name])]
        servers = tuple(own) or servers
    option = "process_server" if order.reprotects_to_azure_only else "process_server_onprem"
    server = _one(option, wanted, servers, lambda s: s.name)
    policy = _policy(item, "InMageAzureV2", order.policy_to_azure, "policy_to_azure", estate, twin=_forward_twin)
    account = _account(item, fabric, order)
    for found in (server, policy, account):
        if isinstance(found, Refuse):
            return found
    return Placement(
        process_server_id=server.id,  # type: ignore[union-attr]
        process_server=server.name,  # type: ignore[union-attr]
        policy_id=policy.id,  # type: ignore[union-attr]
        policy=policy.friendly_name,  # type: ignore[union-attr]
        run_as_account_id=account.id if account else "",  # type: ignore[union-attr]
        run_as_account=account.name if account else "",  # type: ignore[union-attr]
    )


T = TypeVar("T")


def _one(option: str, wanted: str | None, offered: Sequence[T], name: Callable[[T], str]) -> T | Refuse:
    """The named one, or the only one. Raises InputError when several fit and none is named."""
    if wanted is not None:
        for entry in offered:
            if name(entry).lower() == wanted.lower():
                return entry
        return Refuse(
            f"{option}_not_offered",
            f"{option} {wanted!r} does not exist where the machine needs it.",
            f"Choose one of: {listing(name(o) for o in offered)}.",
        )
    if len(offered) == 1:
        return offered[0]
    if not offered:
        return Refuse(
            f"{option}_none",
            f"There is no {option.replace('_', ' ')} the machine could use.",
            "Run the playbook prepare and look at what it finds; new servers and disks take up to 15 minutes to appear.",
        )
    raise InputError(
        f"{option}_ambiguous",
        f"{option} is not given and {len(offered)} fit: {listing(name(o) for o in offered)}.",
        f"Name one in {option!r}.",
    )


def _policy(
    item: Item, kind: str, wanted: str | None, option: str, estate: Estate, twin: Callable[[str], str]
) -> Policy | Refuse:
    """The named policy, the twin of the one the item has, or the only one of the kind."""
    policies = [p for p in estate.policies.get(item.vault.key, ()) if p.instance_type == kind]
    if wanted is None:
        own = str(item.properties.get("policyFriendlyName") or "")
        twins = [p for p in policies if own and p.friendly_name.lower() == twin(own).lower()]
        policies = twins or policies
    return _one(option, wanted, policies, lambda p: p.friendly_name)


def _failback_twin(name: str) -> str:
    """A forward policy's creation makes a twin named <policy>-failback (SEEN)."""
    return f"{name}-failback"


def _forward_twin(name: str) -> str:
    return name[: -len("-failback")] if name.lower().endswith("-failback") else name


def _account(item: Item, fabric: Fabric, order: Order) -> RunAsAccount | Refuse | None:
    """The run-as account by name; the field is optional in the request, so a server without accounts is no obstacle."""
    system = (item.os_type or "").lower()
    per_system = {"windows": order.run_as_account_windows, "linux": order.run_as_account_linux}.get(system)
    wanted = per_system or order.run_as_account
    if wanted is None and not fabric.run_as_accounts:
        return None
    return _one("run_as_account", wanted, fabric.run_as_accounts, lambda a: a.name)


def _stale(target: MasterTarget, now: datetime) -> bool:
    return target.heartbeat is not None and (now - target.heartbeat).total_seconds() > HEARTBEAT_STALE


def _among(name: str, names: Iterable[str]) -> bool:
    return name.lower() in {n.lower() for n in names}


def _reverse(name: str) -> tuple[int, ...]:
    """Sort key that prefers the alphabetically first name under max()."""
    return tuple(-ord(c) for c in name.lower())
