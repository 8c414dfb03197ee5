# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading everything that rules evaluate, in bulk: one list of each kind per vault or subscription, a constant number of SOAP
calls, and one GET for each chosen machine, because lists omit details (SEEN, asr-api.md 10).

What cannot be read becomes unknown to the rules that need it; only the machines and fabrics themselves must be readable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar, Union

from ...lifecycle.modernized import LIFECYCLE
from ...lifecycle.table import Position
from ...model.errors import ConnectionFailed, FailbackError, InputError, ReadFailed
from ...model.identity import NOTHING, Found, Known, azure_words, in_azure, onprem, site_words, subscriptions, targets
from ...model.items import Item, Json, VaultRef, before_segment
from ...model.lookup import azure_vm_words, index
from ...model.ports import SiteMachine
from ...model.resource_ports import ResourcePort
from ...model.server_ports import SiteServer, VmChange, VmPlace
from ...model.servers import Fabric
from ...model.shapes import AZURE_VM, all_understood
from ...model.site_ports import SiteSurvey, SurveyPort
from ...placement.home import Home
from ...placement.home import found as home_of
from ...servers.fabrics import list_whole
from ...wanted.order import Order
from ...wanted.selection import Choice, choose
from .azure_vm import IN_AZURE, network_in, networks_of_gateway
from .facts import AzureNetwork

T = TypeVar("T")

#: Machines that are read side by side.
WORKERS = 8


@dataclass
class Read:
    """What was read. ``unread`` says why something was not: by item key, or azure, network, vcenters, policies."""

    items: list[Item]
    choice: Choice
    fabrics: list[Fabric]
    told: dict[str, Json]
    policies: dict[str, Sequence[Json] | None] = field(default_factory=dict)
    vcenters: dict[str, Sequence[Json] | None] = field(default_factory=dict)
    azure: dict[str, Json] | None = None
    network: AzureNetwork = field(default_factory=AzureNetwork)
    survey: SiteSurvey | None = None
    homes: dict[str, Home] = field(default_factory=dict)
    here: dict[str, Found] = field(default_factory=dict)
    there: dict[str, Found] = field(default_factory=dict)
    servers: list[SiteServer] = field(default_factory=list)
    machines: list[SiteMachine] = field(default_factory=list)
    places: dict[str, VmPlace] = field(default_factory=dict)
    exclusions: dict[str, VmChange] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    #: Ids that machines told earlier in a run, by item key.
    known: dict[str, Known] = field(default_factory=dict)

    def knows(self, item: Item) -> Known:
        """What is known of a machine's ids beside its item."""
        return self.known.get(item.key, Known())


#: What may be read beside machines and fabrics.
POLICIES, VCENTERS, AZURE, NETWORK, MACHINES, SERVERS, EXCLUSIONS = (
    "policies", "vcenters", "azure", "network", "machines", "servers", "exclusions",
)  # fmt: skip
EVERYTHING = frozenset({POLICIES, VCENTERS, AZURE, NETWORK, MACHINES, SERVERS, EXCLUSIONS})


def read(order: Order, vaults: ResourcePort, site: SurveyPort | None) -> Read:
    """Raises what choosing machines raises, and ReadFailed where machines or servers cannot be listed at all."""
    items = [Item.parse(entry, ref) for ref in order.vaults for entry in vaults.list_items(ref)]
    plans: dict[str, Sequence[Json]] = {}
    if order.recovery_plans:
        plans = {ref.key: vaults.list_recovery_plans(ref) for ref in order.vaults}
    choice = choose(order, items, plans, lambda item: LIFECYCLE.generation(item) is not None)
    seen = Read(items=items, choice=choice, fabrics=[], told={})
    for ref in order.vaults:
        read_fabrics(seen, ref, vaults)
    _whole(seen, vaults)
    complete(seen, order.vaults, vaults, site, EVERYTHING)
    return seen


def read_fabrics(seen: Read, ref: VaultRef, vaults: ResourcePort) -> None:
    """A vault's fabrics with their servers. Raises ReadFailed or ConnectionFailed."""
    for entry in list_whole(vaults, ref):
        seen.fabrics.append(Fabric.parse(entry, ref))
        seen.told[str(entry.get("id") or "").lower()] = _details(entry)


def complete(
    seen: Read, refs: Iterable[VaultRef], vaults: ResourcePort, site: SurveyPort | None, parts: AbstractSet[str]
) -> None:
    """Read what else rules judge about the chosen machines, as far as ``parts`` asks for it. Raises what vCenter raises when it
    is asked for machines and servers."""
    for ref in refs:
        if POLICIES in parts:
            seen.policies[ref.key] = _guarded(seen, "policies", lambda ref=ref: vaults.list_policies(ref))  # type: ignore[misc]
        if VCENTERS in parts:
            seen.vcenters[ref.key] = _guarded(seen, "vcenters", lambda ref=ref: vaults.list_vcenters(ref))  # type: ignore[misc]
    if AZURE in parts:
        _read_azure(seen, vaults, NETWORK in parts)
    if site is not None and MACHINES in parts:
        _read_machines(seen, site)
    if site is not None and SERVERS in parts:
        _read_servers(seen, site, EXCLUSIONS in parts)


def _details(entry: Json) -> Json:
    found = (entry.get("properties") or {}).get("customDetails")
    return found if isinstance(found, Mapping) else {}


def _guarded(seen: Read, what: str, work: Callable[[], T]) -> T | None:
    try:
        return work()
    except InputError:
        raise
    except FailbackError as exc:
        seen.unread[what] = exc.message
        return None


def _whole(seen: Read, vaults: ResourcePort) -> None:
    """The selected machines, each from its own GET."""

    def one(item: Item) -> Union[Item, FailbackError]:
        try:
            return Item.parse(vaults.get_item(item.id), item.vault)
        except (ReadFailed, ConnectionFailed) as exc:
            return exc

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        found = list(pool.map(one, seen.choice.items))
    whole: dict[str, Item] = {}
    for item, answer in zip(seen.choice.items, found, strict=True):
        if isinstance(answer, FailbackError):
            seen.unread[item.key] = answer.message
        else:
            whole[item.key] = answer
    seen.choice.items = [whole.get(item.key, item) for item in seen.choice.items]
    seen.items = [whole.get(item.key, item) for item in seen.items]


# -- Azure -----------------------------------------------------------------------------------------------------------------


def _read_azure(seen: Read, vaults: ResourcePort, network: bool) -> None:
    away = [item for item in seen.choice.items if LIFECYCLE.position(item) in IN_AZURE]
    if not away:
        return
    nearby = targets(seen.items)
    wanted = {item.key: subscriptions(item, None, seen.knows(item), nearby) for item in away}
    listed: list[Json] = []
    for subscription in sorted(set().union(*wanted.values())):
        answer = _guarded(seen, "azure", lambda s=subscription: vaults.list_azure_machines(s))  # type: ignore[misc]
        if answer is not None:
            listed += all_understood(answer, AZURE_VM)
    if "azure" in seen.unread:
        # A machine that is not in half of the lists is not missing.
        return
    seen.azure = {str(vm.get("id") or "").lower(): vm for vm in listed}
    look = index(listed, azure_vm_words)
    for item in away:
        near = look(azure_words(item, None, seen.knows(item)))
        seen.there[item.key] = in_azure(item, None, near, seen.knows(item))
    if not network:
        return
    classic = [item for item in away if LIFECYCLE.generation(item) == "classic"]
    if classic:
        machines = [vm for item in classic if item.key in seen.there for vm in seen.there[item.key].machines]
        _read_network(seen, vaults, sorted(set().union(*(wanted[item.key] for item in classic))), machines)


def _read_network(seen: Read, vaults: ResourcePort, where: Iterable[str], machines: Iterable[Json]) -> None:
    """Interfaces of the subscriptions, gateways of the groups that their networks are in, and the connections of those that the
    machines' networks have: each from its own GET, because lists lack their state (DOC of Azure's clients)."""
    interfaces: dict[str, Json] = {}
    for subscription in where:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Network/networkInterfaces"
        answer = _guarded(seen, "network", lambda p=path: vaults.list_resources(p))  # type: ignore[misc]
        if answer is None:
            return
        interfaces.update({str(entry.get("id") or "").lower(): entry for entry in answer})
    seen.network = AzureNetwork(interfaces)
    own = {network for vm in machines if (network := network_in(vm, interfaces))}
    groups = sorted({before_segment(network, "/providers/") for network in own})
    gateways: list[Json] = []
    for group in groups:
        path = f"{group}/providers/Microsoft.Network/virtualNetworkGateways"
        answer = _guarded(seen, "network", lambda p=path: vaults.list_resources(p))  # type: ignore[misc]
        if answer is None:
            return
        gateways += answer
    connections: list[Json] = []
    for gateway in (g for g in gateways if networks_of_gateway(g) & own):
        listed = _guarded(seen, "network", lambda g=gateway: vaults.list_resources(f"{g['id']}/connections"))  # type: ignore[misc]
        if listed is None:
            return
        for entry in listed:
            whole = _guarded(seen, "network", lambda e=entry: vaults.get(str(e["id"])))  # type: ignore[misc]
            if whole is None:
                return
            connections.append(whole)
    seen.network = AzureNetwork(interfaces, gateways, connections)


# -- vCenter ---------------------------------------------------------------------------------------------------------------


def _read_machines(seen: Read, site: SurveyPort) -> None:
    """The chosen machines' VMs."""
    chosen = seen.choice.items
    listed = site.machines(
        uuids=[word for item in chosen for word in site_words(item, None, seen.knows(item))],
        names=[item.friendly_name for item in chosen],
        devices=True,
    )
    seen.machines = list(listed)
    look = index(listed, lambda m: (m.uuid, m.bios_uuid, m.name, *(d.uuid for d in m.disks)))
    hidden = [m for m in listed if not m.identified]
    for item in chosen:
        known = seen.knows(item)
        mine = look([*site_words(item, None, known), item.friendly_name])
        near = [*mine, *(m for m in hidden if m not in mine)]
        if LIFECYCLE.position(item) is Position.READY and not site_words(item, None, known):
            # Modernized, during the failback: only its disks have ids (SPEC diskUuid).
            near = list(listed)
        seen.here[item.key] = onprem(item, None, near, known) if near else NOTHING
        seen.homes[item.key] = home_of(item, near, known)


def _read_servers(seen: Read, site: SurveyPort, exclusions: bool) -> None:
    """The servers' VMs, hosts and datastores; then what became of the servers' places and exclusions."""
    targets = [t for fabric in seen.fabrics for t in fabric.master_targets]
    names = [name for t in targets for name in (t.name, t.fqdn) if name]
    names += [fabric.host_name for fabric in seen.fabrics if fabric.host_name]
    seen.servers = list(site.servers(names=names, addresses=[t.ip for t in targets if t.ip]))
    seen.survey = _guarded(seen, "survey", site.survey)
    moids = [vm.moid for vm in seen.servers]
    if not moids:
        return
    places = _guarded(seen, "places", lambda: site.watch(moids, mode="look", check=True))
    seen.places = {place.moid: place for place in places or ()}
    if exclusions:
        changes = _guarded(seen, "exclusions", lambda: site.set_excluded(moids, excluded=True, check=True))
        seen.exclusions = {change.moid: change for change in changes or ()}
