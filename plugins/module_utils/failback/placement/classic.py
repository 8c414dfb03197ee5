# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers, storage, policy and account each reprotect uses. What only appliances need is in modernized.py.

A choice is made automatically when only one fits, and explained when more do. Machines are spread over master targets
under the cap of 60 attached disks; a consistency group stays whole on one master target (DOC REP18: no common point in
time otherwise). Linux machines need a Linux master target, Windows machines a Windows one (preflight check 22).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..lifecycle.attached_disks import disks_of
from ..lifecycle.bodies import Placement
from ..model.errors import InputError, certain
from ..model.items import Item
from ..model.refusal import Refusal
from ..model.servers import Fabric, MasterTarget, Policy, RunAsAccount, ServerDatastore
from ..placement import modernized as appliances
from ..wanted.by_machine import Given, value_for, values
from ..wanted.names import among
from ..wanted.order import Order
from ..wanted.selection import choose_of, listing
from .estate import Estate, Placed, Slots, first_name, local, one, stale, unsure

__all__ = ["Estate", "Placed", "Slots", "check_names", "disks_of", "place_to_azure", "place_to_onprem"]


_FABRIC_MISSING = Refusal(
    "fabric_not_found",
    "The machine's configuration server or appliance is not listed in the vault.",
    "Check that it is registered and connected, then rerun.",
)


def check_names(order: Order, estate: Estate, stores: bool = True) -> None:
    """Refuse a server, datastore, volume, policy or account that none of the vaults has, before anything is sent.

    ``stores``: whether some machine may be recreated. If none is, the named datastore is not needed, and it may be
    one of a master target that this run does not use.
    """
    fabrics = list(estate.fabrics.values())
    targets = [t for f in fabrics for t in f.master_targets]
    appliances.refuse_names(order, estate)
    servers = [p for f in fabrics for p in f.process_servers]
    accounts = [a.name for f in fabrics for a in f.run_as_accounts]
    policies = [p.friendly_name for ps in estate.policies.values() for p in ps]
    for name in order.master_targets:
        _must_know("master_targets", name, [t.name for t in targets], "master target or appliance")
    chosen: list[MasterTarget] = []
    for fabric in fabrics:
        named = local(order, fabric, estate).master_targets
        chosen.extend(t for t in fabric.master_targets if not named or among(t.name, named))
    _must_know("process_server", order.process_server, [s.name for s in servers], "process server")
    _must_know("process_server_onprem", order.process_server_onprem, [s.name for s in servers], "process server")
    for store in values(order.datastore):
        _must_know(
            "datastore",
            store,
            [d.name for t in (chosen if stores else targets) for d in t.datastores],
            "datastore of a master target or appliance",
        )
    classic = any(not f.modernized for f in fabrics)
    if classic:
        # Appliances have no retention volumes; a variable that is set for another fleet does no harm.
        for volume in values(order.retention_volume):
            _must_know(
                "retention_volume",
                volume,
                [v.name for t in chosen for v in t.retention_volumes],
                "retention volume of a master target",
            )
    _must_know("policy", order.policy, policies, "replication policy")
    _must_know("policy_to_azure", order.policy_to_azure, policies, "replication policy")
    for option in ("run_as_account", "run_as_account_windows", "run_as_account_linux"):
        value = getattr(order, option)
        # Appliances list no accounts, so one of theirs is given by its id.
        if classic and not (value or "").startswith("/"):
            _must_know(option, value, accounts, "run-as account")


def _must_know(option: str, value: str | None, known: Iterable[str], what: str) -> None:
    names = list(known)
    if value is not None and not among(value, names):
        raise InputError(
            f"{option}_not_found",
            f"{{option:{option}}} {value!r} is not a {what} of the vaults.",
            choose_of(names),
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
            placed[item.key] = _FABRIC_MISSING
        else:
            units.setdefault((fabric.key, item.group_id or item.key), []).append(item)

    def weight(members: list[Item]) -> int:
        return sum(disks_of(m) for m in members)

    ordered = sorted(units.items(), key=lambda u: (-weight(u[1]), u[1][0].friendly_name.lower(), u[0]))
    for (_fabric_key, group), members in ordered:
        fabric = certain(estate.fabric_of(members[0]))
        mine = local(order, fabric, estate)
        choose, complete = _CHOICES[fabric.modernized]
        found = choose(members, fabric, mine, estate, slots, bound.get(group))
        for item in members:
            if isinstance(found, Refusal):
                placed[item.key] = found
            else:
                placed[item.key] = complete(item, found, fabric, mine, estate)
        if not isinstance(found, Refusal):
            slots.take(found, weight(members))
    return placed


def _target_for(
    members: Sequence[Item], fabric: Fabric, order: Order, estate: Estate, slots: Slots, bound: str | None
) -> MasterTarget | Refusal:
    systems = {(m.os_type or "").lower() for m in members}
    if len(systems) > 1:
        return Refusal(
            "group_mixes_systems",
            (
                f"The consistency group {members[0].group!r} mixes operating systems, so no single master target can "
                "serve it."
            ),
            "Such a group cannot be reprotected. Protect its machines in groups of one operating system.",
        )
    system = systems.pop()
    named = [t for t in fabric.master_targets if not order.master_targets or among(t.name, order.master_targets)]
    fitting = [t for t in named if not system or t.os_type.lower() == system]
    if not fitting:
        return Refusal(
            "master_target_wrong_os",
            f"The machine runs {members[0].os_type} and none of the master targets "
            f"({listing(t.name + ' runs ' + t.os_type for t in named)}) does.",
            f"Add a {members[0].os_type} master target, or name one in '{{option:master_targets}}'.",
        )
    if not system and len({t.os_type.lower() for t in fitting}) > 1:
        return Refusal(
            "system_unknown",
            "The vault does not report the machine's operating system, and the master targets run different ones.",
            "Set '{option:master_targets}' to the one that runs the machine's operating system.",
        )
    alive = [t for t in fitting if not stale(t.heartbeat, estate.now)]
    if not alive:
        return Refusal(
            "master_target_no_heartbeat",
            f"No fitting master target ({listing(t.name for t in fitting)}) has sent a heartbeat for 20 minutes.",
            "Start it, check its agent and its connection to the configuration server, then rerun.",
        )
    # A machine that is still there keeps its own datastore.
    recreated = [m for m in members if estate.home_of(m).exists is not True]
    wishes: tuple[tuple[str, Sequence[Item], Given | None, Callable[[MasterTarget], list[str]]], ...] = (
        ("datastore", recreated, order.datastore, lambda t: [d.name for d in t.datastores]),
        ("retention_volume", members, order.retention_volume, lambda t: [v.name for v in t.retention_volumes]),
    )
    for option, asking, given, offers in wishes:
        doubt = next((found for m in asking if (found := unsure(m, option, given))), None)
        if doubt is not None:
            return doubt
        for value in dict.fromkeys(wanted for m in asking if (wanted := value_for(m, given)) is not None):
            offering = [t for t in alive if among(value, offers(t))]
            if not offering:
                return Refusal(
                    f"{option}_not_offered",
                    f"{{option:{option}}} {value!r} is not offered by any master target that fits the machine "
                    f"({listing(t.name for t in alive)}).",
                    choose_of(n for t in alive for n in offers(t)),
                )
            alive = offering
    if bound is not None:
        alive = [t for t in alive if t.id == bound]
        if not alive:
            return Refusal(
                "group_master_target",
                (
                    f"The rest of the consistency group {members[0].group!r} uses a master target that cannot be used "
                    "now."
                ),
                "Set '{option:master_targets}' to it, or wait until it is healthy.",
            )
    disks = sum(disks_of(m) for m in members)
    roomy = [t for t in alive if slots.free(t) >= disks]
    if not roomy:
        return slots.refusal(disks, alive, "a master target")
    own = [home.datastores for m in members if (home := estate.home_of(m)).exists]

    def reaches(target: MasterTarget) -> bool:
        """Whether it reaches a datastore of each machine that still exists."""
        seen = [d.name for d in target.datastores]
        return all(any(among(name, seen) for name in names) for names in own if names)

    return max(roomy, key=lambda t: (reaches(t), slots.free(t), first_name(t.name)))


def _datastore(item: Item, target: MasterTarget, order: Order, estate: Estate) -> ServerDatastore | Refusal:
    """The datastore a machine is recreated on. One that is still there keeps its own: a value must be supplied then, which
    the service ignores (DOC failback-domain.md 3.3), and it is the machine's own where the master target sees it."""
    wanted = value_for(item, order.datastore)
    home = estate.home_of(item)
    if home.exists:
        named = [*home.datastores, *filter(None, [wanted])]
        fitting = [d for name in named for d in target.datastores if among(name, [d.name])]
        if fitting or target.datastores:
            return (fitting or sorted(target.datastores, key=lambda d: d.name.lower()))[0]
        wanted = None
    return one("datastore", wanted, target.datastores, lambda d: d.name)


def _complete_to_onprem(item: Item, target: MasterTarget, fabric: Fabric, order: Order, estate: Estate) -> Placed:
    server = one("process_server", order.process_server, fabric.process_servers, lambda s: s.name)
    datastore = _datastore(item, target, order, estate)
    volume = one(
        "retention_volume", value_for(item, order.retention_volume), target.retention_volumes, lambda v: v.name
    )
    policy = _policy(item, "InMage", order.policy, "policy", estate, twin=_failback_twin)
    for found in (server, datastore, volume, policy):
        if isinstance(found, Refusal):
            return found
    account = _account(item, fabric, order)
    if isinstance(account, Refusal):
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


#: By whether the fabric has appliances: the functions that choose the gateway and the rest.
_CHOICES = {False: (_target_for, _complete_to_onprem), True: (appliances.for_home, appliances.complete_home)}


def place_to_azure(item: Item, order: Order, estate: Estate, before: Placement | None = None) -> Placed:
    """The placement of a reprotect to Azure: the on-premises process server (or appliance) and the forward policy.

    ``before`` is what this run chose for the machine's failback, if it did.
    """
    fabric = estate.fabric_of(item)
    if fabric is None:
        return _FABRIC_MISSING
    order = local(order, fabric, estate)
    if fabric.modernized:
        return appliances.complete_out(item, fabric, order, estate, before)
    wanted = order.process_server_onprem or (order.process_server if order.reprotects_to_azure_only else None)
    servers = fabric.process_servers
    if wanted is None:
        # The process server that every configuration server brings along is the natural one for on-premises machines.
        own = [s for s in servers if among(s.name, [fabric.friendly_name, fabric.host_name])]
        servers = tuple(own) or servers
    option = "process_server" if order.reprotects_to_azure_only else "process_server_onprem"
    server = one(option, wanted, servers, lambda s: s.name)
    named = "policy" if order.reprotects_to_azure_only else "policy_to_azure"
    policy = _policy(item, "InMageAzureV2", order.forward_policy, named, estate, twin=_forward_twin)
    account = _account(item, fabric, order)
    for found in (server, policy, account):
        if isinstance(found, Refusal):
            return found
    return Placement(
        process_server_id=server.id,  # type: ignore[union-attr]
        process_server=server.name,  # type: ignore[union-attr]
        policy_id=policy.id,  # type: ignore[union-attr]
        policy=policy.friendly_name,  # type: ignore[union-attr]
        run_as_account_id=account.id if account else "",  # type: ignore[union-attr]
        run_as_account=account.name if account else "",  # type: ignore[union-attr]
    )


def _policy(
    item: Item, kind: str, wanted: str | None, option: str, estate: Estate, twin: Callable[[str], str]
) -> Policy | Refusal:
    """The named policy, the twin of the one the item has, or the only one of the kind."""
    policies = [p for p in estate.policies.get(item.vault.key, ()) if p.instance_type == kind]
    if wanted is None:
        own = str(item.properties.get("policyFriendlyName") or "")
        twins = [p for p in policies if own and p.friendly_name.lower() == twin(own).lower()]
        policies = twins or policies
    return one(option, wanted, policies, lambda p: p.friendly_name)


def _failback_twin(name: str) -> str:
    """A forward policy's creation makes a twin named <policy>-failback (SEEN)."""
    return f"{name}-failback"


def _forward_twin(name: str) -> str:
    return name[: -len("-failback")] if name.lower().endswith("-failback") else name


def _account(item: Item, fabric: Fabric, order: Order) -> RunAsAccount | Refusal | None:
    """The run-as account by name; the field is optional in the request, so a server without accounts is no obstacle."""
    system = (item.os_type or "").lower()
    per_system = {"windows": order.run_as_account_windows, "linux": order.run_as_account_linux}.get(system)
    wanted = per_system or order.run_as_account
    if wanted is None and not fabric.run_as_accounts:
        return None
    return one("run_as_account", wanted, fabric.run_as_accounts, lambda a: a.name)
