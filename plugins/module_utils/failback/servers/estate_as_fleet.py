# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate as a fleet of the rehearsal: the data of the vaults and vCenter in the format of a fleet file. Pure.

The rehearsal has one datacenter, one cluster and one datastore cluster, machines that start on-premises or in Azure, and two
kinds of datastores; what an estate has beside that is fitted in, and said. Under other names (``pseudonyms``) nothing of
the result identifies the estate: names, addresses and subscriptions are replaced, sizes and structure stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ..lifecycle.modernized import LIFECYCLE
from ..lifecycle.table import Position
from ..model.items import Item, Json, VaultRef, last_segment
from ..model.server_ports import SiteServer, short_name
from ..model.servers import Fabric, MasterTarget, Policy, ProcessServer
from ..model.site_estate import SiteEstate
from ..model.site_ports import SiteDatastore

GIB = 1024**3

#: Where a machine starts in the rehearsal: at home or in Azure; positions in between start at the one before.
STARTS = {
    Position.OUT_UNCOMMITTED: "out_uncommitted",
    Position.OUT: "out",
    Position.SYNCING_HOME: "out",
    Position.READY: "out",
}
HOME = "home"

#: vCenter's words for datastores that the rehearsal has as they are; others become VMFS.
KINDS = {"vmfs": "VMFS", "nfs": "NFS"}

#: Sizes for what neither side reports: a disk in GB, memory in MB.
USUAL_DISK, USUAL_MEMORY = 40, 4096

_IPV4 = re.compile(r"\d{1,3}(\.\d{1,3}){3}\Z")


@dataclass(frozen=True)
class VaultSeen:
    """One vault as read: its items whole, fabrics, policies, plans, and whether each item's machine is in vCenter."""

    ref: VaultRef
    items: tuple[Item, ...] = ()
    fabrics: tuple[Fabric, ...] = ()
    policies: tuple[Policy, ...] = ()
    plans: tuple[Json, ...] = ()
    location: str = ""


@dataclass
class Names:
    """What things are called in the result. ``other`` hands out pseudonyms: the kind and a number, one per name."""

    other: bool = False
    _given: dict[tuple[str, str], str] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def of(self, kind: str, name: str) -> str:
        """The name to use for one of a kind. Two spellings of a name are one."""
        if not self.other or not name:
            return name
        key = (kind, name.casefold())
        if key not in self._given:
            self._counts[kind] += 1
            self._given[key] = f"{kind}-{self._counts[kind]:02d}"
        return self._given[key]

    def address(self, address: str) -> str:
        """An address of the rehearsal's own networks in the place of a real one."""
        if not self.other or not address:
            return address
        number = int(self.of("address", address).rpartition("-")[2])
        return f"10.20.{number // 250}.{number % 250 + 2}"

    def subscription(self, subscription: str) -> str:
        if not self.other:
            return subscription
        number = int(self.of("subscription", subscription).rpartition("-")[2])
        return f"11111111-2222-4333-8444-{number:012d}"

    def account(self, name: str, system: str) -> str:
        """An account keeps the ending by which it is known for one operating system."""
        if not self.other:
            return name
        return f"{self.of('account', name)}-{system}" if system else self.of("account", name)


@dataclass
class _Site:
    """The on-premises side while a fleet is made of it."""

    estate: SiteEstate
    names: Names
    servers: Mapping[str, SiteServer]
    used_hosts: set[str] = field(default_factory=set)
    used_stores: set[str] = field(default_factory=set)
    states: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def store(self, name: str) -> SiteDatastore | None:
        return next((s for s in self.estate.stores if s.name == name), None)

    def place(self, vm: SiteServer | None) -> tuple[str, str]:
        """Host and datastore of a VM, or of the next best thing: a host that is used, with a datastore it mounts."""
        hosts = [vm.host] if vm is not None and vm.host else []
        stores = [*(store_of(d.file) for d in vm.disks), *vm.datastores] if vm is not None else []
        hosts += sorted(self.used_hosts) + [h.name for h in self.estate.hosts]
        stores += sorted(self.used_stores) + [s.name for s in self.estate.stores]
        for host in hosts:
            for name in stores:
                store = self.store(name)
                if store is not None and host in store.mounts:
                    self.used_hosts.add(host)
                    self.used_stores.add(name)
                    return host, name
        return "", ""


def store_of(file: str) -> str:
    """The datastore's name in "[datastore] folder/file", without vCenter's escapes."""
    return unquote(file.partition("]")[0].lstrip("[")) if file.startswith("[") else ""


def fleet_of(
    vaults: Sequence[VaultSeen], servers: Iterable[SiteServer], estate: SiteEstate, pseudonyms: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """The fleet for a fleet file, and sentences about what had to be mapped."""
    names = Names(pseudonyms)
    by_key: dict[str, SiteServer] = {}
    for vm in servers:
        for key in (vm.uuid.lower(), vm.bios_uuid.lower(), short_name(vm.name), short_name(vm.host_name)):
            if key:
                by_key.setdefault(key, vm)
    site = _Site(estate, names, by_key)
    made = [_vault(seen, site) for seen in vaults]
    machines = [machine for seen in vaults for machine in _machines(seen, site)]
    counted = Counter(m["name"] for m in machines)
    fleet: dict[str, Any] = {
        "name": "estate",
        "description": f"{len(machines)} machines of {len(made)} vaults, as they were read",
        "vaults": made,
        "machines": machines,
        "site": _site(site),
    }
    if any(times > 1 for times in counted.values()):
        fleet["ambiguous_names"] = True
    return fleet, site.told


def _set(**values: Any) -> dict[str, Any]:
    """Without empty values."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {}, ())}


def _vault(seen: VaultSeen, site: _Site) -> dict[str, Any]:
    names = site.names
    modernized = any(f.modernized for f in seen.fabrics) or any(
        LIFECYCLE.generation(item) == "modernized" for item in seen.items
    )
    servers = [f for f in seen.fabrics if f.master_targets or f.process_servers]
    machine_names = {item.key: names.of("machine", item.friendly_name) for item in seen.items}
    vault: dict[str, Any] = _set(
        name=names.of("vault", seen.ref.name),
        resource_group=names.of("group-of-resources", seen.ref.resource_group),
        subscription_id=names.subscription(seen.ref.subscription_id),
        generation="modernized" if modernized else "classic",
        location=seen.location if not names.other else "",
        policy=_policy(seen, names),
        recovery_plans=_plans(seen, machine_names, names),
    )
    if modernized:
        vault["appliances"] = [
            _gateway(t, site, "appliance") for f in servers if f.modernized for t in f.master_targets
        ]
        return vault
    if servers:
        vault["configuration_server"] = names.of("configuration-server", servers[0].friendly_name or servers[0].name)
        vault["process_servers"] = [_process_server(p, f, site) for f in servers for p in f.process_servers]
        accounts = [a.name for f in servers for a in f.run_as_accounts]
        vault["run_as_accounts"] = [names.account(a, _system_of(a)) for a in accounts]
        if not any(p["in_azure"] for p in vault["process_servers"]):
            site.told.append(
                f"No process server of vault {vault['name']} is in Azure. The failback needs one, so the rehearsal "
                "adds one."
            )
            vault["process_servers"].append({"name": "ps-azure-01", "ip": "10.50.0.4", "in_azure": True})
    vault["master_targets"] = [_target(t, site) for f in servers for t in f.master_targets]
    return vault


def _process_server(server: ProcessServer, fabric: Fabric, site: _Site) -> dict[str, Any]:
    """The configuration server's own has its name. Another one may be on either side; what vCenter does not have
    is in Azure."""
    own = short_name(server.name) in {short_name(n) for n in (fabric.host_name, fabric.friendly_name, fabric.name)}
    own = own or (bool(server.ip) and server.ip == fabric.ip)
    kind, name = (
        ("configuration-server", fabric.friendly_name or fabric.name) if own else ("process-server", server.name)
    )
    return _set(
        name=site.names.of(kind, name) if site.names.other else server.name,
        ip=site.names.address(server.ip),
        in_azure=not own and short_name(server.name) not in site.servers,
    )


def _system_of(account: str) -> str:
    return next((s for s in ("windows", "linux") if account.casefold().endswith(f"-{s}")), "")


def _policy(seen: VaultSeen, names: Names) -> str:
    """The policy that most machines use, else the first of the direction to Azure."""
    used = Counter(item.policy_id.lower() for item in seen.items if item.policy_id)
    out = [p for p in seen.policies if p.instance_type not in ("InMage", "InMageRcmFailback")]
    out.sort(key=lambda p: -used[p.id.lower()])
    return names.of("policy", out[0].friendly_name or out[0].name) if out else ""


def _plans(seen: VaultSeen, machines: Mapping[str, str], names: Names) -> dict[str, list[str]]:
    plans: dict[str, list[str]] = {}
    for plan in seen.plans:
        props: Json = plan.get("properties") or {}
        members = [
            machines[str(entry.get("id") or "").lower()]
            for group in props.get("groups") or ()
            for entry in group.get("replicationProtectedItems") or ()
            if str(entry.get("id") or "").lower() in machines
        ]
        if members:
            title = str(props.get("friendlyName") or plan.get("name") or last_segment(plan.get("id")))
            plans[names.of("plan", title)] = members
    return plans


def _own_disks(vm: SiteServer) -> list[int]:
    """A server's own disks in GB: those in the folder of its first one. Machines being failed back are elsewhere."""

    def folder(file: str) -> str:
        return file.partition("]")[2].strip().rpartition("/")[0]

    own = [d for d in vm.disks if folder(d.file) == folder(vm.disks[0].file)]
    return [max(1, round(d.size_bytes / GIB)) for d in own]


def _gateway(target: MasterTarget, site: _Site, kind: str) -> dict[str, Any]:
    """What a master target and an appliance have in common."""
    vm = site.servers.get(target.vm_uuid.lower()) or site.servers.get(short_name(target.name))
    vm = vm or site.servers.get(short_name(target.fqdn))
    if vm is None:
        site.told.append(
            f"{kind} {site.names.of(kind, target.name)} was not found in vCenter. It is placed where there is free space."
        )
    host, store = site.place(vm)
    stores = [store, *(s for s in (vm.datastores if vm is not None else ()) if s != store)]
    stores = [s for s in stores if (found := site.store(s)) is not None and host in found.mounts]
    site.used_stores.update(stores)
    address = next((a for a in (vm.addresses if vm is not None else ()) if _IPV4.match(a)), target.ip)
    return _set(
        name=site.names.of(kind, target.name),
        ip=site.names.address(address),
        host=site.names.of("host", host),
        datastores=[site.names.of("datastore", s) for s in stores],
        uuid_enabled=vm.uuid_enabled if vm is not None else True,
        tools_running=vm.tools_running if vm is not None else True,
        snapshot=vm.has_snapshot if vm is not None else False,
    )


def _target(target: MasterTarget, site: _Site) -> dict[str, Any]:
    made = _gateway(target, site, "master-target")
    vm = site.servers.get(short_name(target.name))
    disks = _own_disks(vm) if vm is not None and vm.disks else []
    controllers = [c for c in (vm.controllers if vm is not None else ()) if c in ("lsilogic", "lsilogic-sas", "pvscsi")]
    system = "Windows" if target.os_type.casefold().startswith("win") else "Linux"
    volumes = [v.name for v in target.retention_volumes if v.name]
    return {
        **made,
        **_set(os=system, retention_volumes=volumes, disks_gb=disks, controller=controllers[0] if controllers else ""),
    }


def _machines(seen: VaultSeen, site: _Site) -> list[dict[str, Any]]:
    names = site.names
    taken: Counter[str] = Counter()
    made = []
    for item in sorted(seen.items, key=lambda i: (i.friendly_name.casefold(), i.key)):
        name = names.of("machine", item.friendly_name)
        taken[name] += 1
        if taken[name] > 1:
            site.told.append(
                f"The name {name} occurs twice in vault {names.of('vault', seen.ref.name)}; the second has a number."
            )
            name = f"{name}-{taken[name]}"
        vm = site.servers.get((item.site_uuid or "").lower()) if item.site_uuid else None
        physical = str(item.details.get("discoveryType") or "").lower() == "physical"
        # Only an item that names its VM can be missing there.
        onprem = "physical" if physical else "present" if vm is not None or not item.site_uuid else "gone"
        host, store = site.place(vm)
        position = LIFECYCLE.position(item)
        if position is None:
            site.told.append(f"The state of {name} is unknown; it starts on-premises.")
        addresses = [*(vm.addresses if vm is not None else ()), str(item.details.get("ipAddress") or "")]
        made.append(
            _set(
                name=name,
                vault=names.of("vault", seen.ref.name),
                os="Windows" if str(item.os_type or "").casefold().startswith("win") else "Linux",
                disks_gb=_disks(item, vm),
                memory_mb=_memory(item, vm),
                onprem=onprem,
                group=names.of("consistency-group", item.group or ""),
                state=STARTS.get(position, HOME) if position is not None else HOME,
                ip=names.address(next((a for a in addresses if _IPV4.match(a)), "")),
                host=names.of("host", host),
                datastore=names.of("datastore", store),
                uuid_enabled=vm.uuid_enabled if vm is not None else True,
            )
        )
        if vm is not None and onprem == "present":
            if vm.has_snapshot:
                site.states.append({"state": "vm_snapshot", "name": name})
            if any(d.raw_device for d in vm.disks):
                site.states.append({"state": "vm_rdm", "name": name})
    return made


def _disks(item: Item, vm: SiteServer | None) -> list[int]:
    """Sizes in GB from the vault, else from vCenter. Raw devices become a state."""
    told = [d.size_bytes for d in item.disks if d.size_bytes]
    if not told and vm is not None:
        told = [d.size_bytes for d in vm.disks if not d.raw_device]
    return [max(1, round(size / GIB)) for size in told] or [USUAL_DISK]


def _memory(item: Item, vm: SiteServer | None) -> int:
    """Memory in MB: the vault's (classic: 0 while an Azure VM replicates home, SEEN FB), else vCenter's."""
    for key in ("sourceVmRamSizeInMB", "allocatedMemoryInMB"):
        value = item.details.get(key)
        if isinstance(value, (int, float)) and value > 0:
            return int(value)
    return (vm.memory_mb if vm is not None else 0) or USUAL_MEMORY


def _site(site: _Site) -> dict[str, Any]:
    names, estate = site.names, site.estate
    clusters = Counter(h.cluster for h in estate.hosts if h.name in site.used_hosts and h.cluster)
    main = clusters.most_common(1)[0][0] if clusters else next((h.cluster for h in estate.hosts if h.cluster), "")
    together = {h.name for h in estate.hosts if h.cluster and (h.cluster == main or h.name in site.used_hosts)}
    alone = {h.name for h in estate.hosts if not h.cluster and h.name in site.used_hosts}
    if len(clusters) > 1:
        told = ", ".join(names.of("cluster", c) for c in sorted(clusters))
        site.told.append(f"The rehearsal has one cluster; the hosts of {told} are all in it.")
    hosts = sorted(together) or sorted(alone)
    known = set(hosts) | alone
    stores = [s for s in estate.stores if s.name in site.used_stores or set(s.mounts) & known]
    others = sorted({s.type for s in stores if s.kind not in KINDS})
    if others:
        site.told.append(f"Datastores of the kinds {', '.join(others)} are VMFS in the rehearsal.")
    pods = [p for p in estate.pods if set(p.members) & {s.name for s in stores}]
    if len(pods) > 1:
        site.told.append("The rehearsal has one datastore cluster, the one with the most datastores.")
    pod = max(pods, key=lambda p: len(p.members), default=None)
    members = [] if pod is None else [m for m in pod.members if any(s.name == m for s in stores)]
    naming: Callable[[str, str], str] = names.of
    return {
        "datacenter": naming("datacenter", next(iter(estate.datacenters), "dc-home")),
        "cluster": naming("cluster", main or "cluster-1"),
        "hosts": [naming("host", h) for h in hosts],
        **_set(standalone_hosts=[naming("host", h) for h in sorted(alone - set(hosts))]),
        "datastores": [
            _set(
                name=naming("datastore", s.name),
                type=KINDS.get(s.kind, "VMFS"),
                capacity_gb=max(1, round((s.capacity_bytes or 0) / GIB)),
                free_gb=max(1, round((s.free_bytes or 0) / GIB)),
                hosts=[naming("host", h) for h in sorted(s.mounts) if h in known] if not known <= set(s.mounts) else [],
            )
            for s in stores
        ],
        "datastore_cluster": naming("datastore-cluster", pod.name) if pod is not None else "",
        "pod_members": [naming("datastore", m) for m in members],
        "drs": main in estate.drs,
        **_set(states=site.states),
    }
