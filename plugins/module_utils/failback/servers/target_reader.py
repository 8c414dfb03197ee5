# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading master targets and the machines that are to use them, from the vault and from vCenter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..lifecycle.attached_disks import attached
from ..lifecycle.modernized import LIFECYCLE
from ..model.errors import InputError, ReadFailed
from ..model.items import Item
from ..model.ports import Clock, SiteMachine
from ..model.refusal import Advice, Refusal
from ..model.server_ports import ServerSitePort, ServerVaultPort, SiteServer, VmChange, VmPlace
from ..model.servers import MasterTarget
from ..wanted.names import scoped
from ..wanted.refusals import selection_messages
from .appliance_health import judge_appliance
from .by_name import find_server, not_found
from .chosen import chosen
from .fabrics import serving
from .health import Verdict, judge_master_target
from .moved import EXCLUDED, RESTORED
from .server_slice import ServerSlice
from .serving import AWAY, needed
from .target_vm import match_vm
from .targets import (
    REGISTERED,
    MasterTargetOrder,
    Target,
    distinct,
)

#: A server that vCenter does not show, or shows more than once.
UNSEEN = frozenset({"vm_not_found", "vm_ambiguous"})


class MasterTargetReader(ServerSlice[list[Target]]):
    """What one slice reads: the master targets as they are, and the chosen machines."""

    order: MasterTargetOrder

    def __init__(
        self,
        order: MasterTargetOrder,
        vaults: ServerVaultPort,
        site: ServerSitePort | None,
        clock: Clock,
        cursor: dict[str, Any],
    ) -> None:
        super().__init__(order, vaults, clock, cursor)
        self.site = site
        self.items: list[Item] = []
        self.chosen: list[Item] = []
        #: Notes about the selection of machines.
        self.notes: list[str] = []
        #: Names of VMs that vCenter cannot read; any of them may be one of ours.
        self.unreadable: list[str] = []
        #: VM -> what was set (UUID, VMOTION) -> what came of it.
        self.changes: dict[str, dict[str, VmChange]] = {}
        #: VM -> where it is and was, and warnings about its exclusion.
        self.places: dict[str, VmPlace] = {}
        self.asides: dict[str, tuple[Advice, ...]] = {}
        #: What the servers of each fabric offer.
        self.datastores: dict[str, list[str]] = {}
        #: Kinds of system of the servers that may serve machines, by fabric.
        self.kinds: dict[str, set[str]] = {}
        #: Ids of the servers that serve the chosen machines, once that is known.
        self.needed: set[str] | None = None
        #: The master targets by name, and the machines' VMs by item key, as the slice's first look found them.
        self.first: dict[str, Target] | None = None
        self.machines: dict[str, SiteMachine] = {}

    def targets(self) -> list[Target]:
        """The master targets as they are now: one list per vault, three SOAP calls for any number of VMs."""
        known = [(f, s) for f in serving(self.vaults, self.order.vaults) for s in f.master_targets]
        targets = []
        for wanted in self.order.names:
            found = find_server(wanted, known, "master target", "names")
            if found is None and not self.order.await_registration:
                raise not_found(wanted, known, "master target", "names")
            targets.append(Target(wanted, *(found or ())))
        if not self.order.names:
            targets = [Target(s.name, f, s) for f, s in known]
            if not targets:
                raise InputError(
                    "master_target_not_found",
                    "No master target is registered with the vaults.",
                    "Install one and register it with the configuration server first.",
                )
        for target in targets:
            if target.server is not None and target.fabric is not None:
                self.kinds.setdefault(target.fabric.key, set()).add(target.server.os_type.casefold())
        targets = self.relevant(distinct(targets))
        servers = [t.server for t in targets if t.server is not None]
        vms = None
        if self.site is not None:
            names = [name for s in servers for name in (s.name, s.fqdn) if name]
            vms = list(self.site.servers(names=names, addresses=[s.ip for s in servers if s.ip]))
        self.datastores = {f.key: [d.name for t in f.master_targets for d in t.datastores] for f, _server in known}
        return [self.judge(t, vms) for t in targets]

    def relevant(self, targets: Sequence[Target]) -> list[Target]:
        """Where machines are chosen and no server is named: those that serve the machines, or could."""
        if self.order.names or not self.order.chooses_machines:
            return list(targets)
        if self.needed is None:
            servers = [(t.fabric, t.server) for t in targets if t.fabric is not None and t.server is not None]
            self.needed = needed(servers, self.chosen, self.read_one)
        return [t for t in targets if t.server is None or t.server.id.lower() in self.needed]

    def read_one(self, item: Item) -> Item | ReadFailed:
        try:
            return Item.parse(self.vaults.get_item(item.id), item.vault)
        except ReadFailed as exc:
            return exc

    def judge(self, target: Target, vms: Sequence[SiteServer] | None) -> Target:
        if target.server is None or target.fabric is None:
            missing = Refusal(
                "not_registered",
                f"The master target {target.wanted} has not registered with the vaults yet.",
                "It appears 10 to 15 minutes after the agent was configured. Check that it reaches the "
                "configuration server on TCP 443.",
                waits=True,
            )
            return Target(target.wanted, verdict=Verdict((missing,)))
        found = match_vm(target.server, vms) if vms is not None else None
        # A name that only the servers of another vault offer is not meant for this one.
        elsewhere = [name for key, names in self.datastores.items() if key != target.fabric.key for name in names]
        datastores = [d for d in self.order.datastores if scoped(d, self.datastores[target.fabric.key], elsewhere)]
        server = target.server
        if server.appliance:
            server = replace(server, disk_count=self.held(server))
            verdict = judge_appliance(server, target.fabric, self.vaults.now, server.disk_count, datastores)
            if isinstance(found, Refusal):
                verdict = Verdict(verdict.reasons, (*verdict.warnings, Advice(found.reason)))
        else:
            verdict = judge_master_target(
                server,
                target.fabric,
                self.vaults.now,
                retention_volume=self.order.retention_volume,
                datastores=datastores,
                vms=vms,
            )
        if self.order.state == REGISTERED:
            # Only what prevents finding the VM counts; the rest is a warning.
            kept = tuple(r for r in verdict.reasons if r.code in UNSEEN)
            if self.order.vmotion_exclusion == RESTORED and not self.order.names:
                # What this vCenter does not have was not excluded through it either.
                kept = ()
            told = tuple(Advice(r.reason) for r in verdict.reasons if r not in kept)
            verdict = Verdict(kept, verdict.warnings + told)
        vm = found if isinstance(found, SiteServer) else None
        return Target(target.wanted, target.fabric, server, vm, verdict)

    def held(self, agent: MasterTarget) -> int:
        """Disks attached to an appliance; only the items report them."""
        if not self.items:
            self.items = self.list_items()
        return attached(self.items, LIFECYCLE)[agent.id]

    def list_items(self) -> list[Item]:
        return [Item.parse(data, v) for v in self.order.vaults for data in self.vaults.list_items(v)]

    def read_items(self) -> None:
        """The replicated items: where machines are chosen, and where it matters whether a master target holds disks."""
        powers_off = self.order.enable_uuid and self.order.power_off
        if not (self.order.chooses_machines or powers_off or self.order.vmotion_exclusion == EXCLUDED):
            return
        self.items = self.items or self.list_items()
        if not self.order.chooses_machines:
            return
        choice = chosen(self.order, self.vaults, self.items, self.order.vaults)
        self.chosen, self.notes = choice.items, selection_messages(choice)

    def onprem_machines(self) -> dict[str, SiteMachine]:
        """The on-premises VMs of the chosen machines that are still away, by item key."""
        away = [i for i in self.chosen if i.site_uuid and LIFECYCLE.position(i) in AWAY]
        if self.site is None or not away:
            return {}
        found = self.site.machines(uuids=[str(i.site_uuid) for i in away])
        self.unreadable = [m.name for m in found if not m.identified]
        by_uuid = {u.lower(): m for m in found for u in (m.bios_uuid, m.uuid) if u}
        return {i.key: by_uuid[u] for i in away if (u := str(i.site_uuid).lower()) in by_uuid}
