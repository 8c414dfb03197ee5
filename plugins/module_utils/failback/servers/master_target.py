# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparing master targets: found, ready, disk.EnableUUID set, kept where they are. One slice per call.

A slice reads, acts in vCenter, waits a little for what resolves itself, and returns the state of every machine. Nothing it
passes on is needed: a killed run is the same case as the next slice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..lifecycle.held import attached
from ..lifecycle.modernized import LIFECYCLE
from ..lifecycle.table import POSITION_TEXT
from ..model.errors import InputError, ReadFailed, certain
from ..model.items import Item, Json
from ..model.ports import Clock, SiteMachine
from ..model.refusal import Refusal
from ..model.server_ports import ServerSitePort, ServerVaultPort, SiteServer, VmChange, VmPlace
from ..model.servers import MasterTarget
from ..wanted.names import scoped
from ..wanted.order import Order
from ..wanted.refusals import said
from ..wanted.selection import choose, listing
from .appliance_health import judge_appliance
from .entries import entry_of, master_target_facts, settle, warning
from .fabrics import serving
from .health import Verdict, find_server, judge_master_target, match_vm, not_found
from .moved import EXCLUDED, MODES, RESTORED, UNCHANGED, WATCHED, WITHOUT_EFFECT, judge_place, verified
from .moved import facts as place_facts
from .serving import AWAY, holding, needed
from .slices import ServerSlice
from .targets import (
    LOST,
    PIN,
    REGISTERED,
    UUID,
    VMOTION,
    MasterTargetOrder,
    Target,
    distinct,
    lost_place,
    readiness_words,
    standing,
)

#: A server that vCenter does not show, or shows more than once.
UNSEEN = frozenset({"vm_not_found", "vm_ambiguous"})


def ensure_master_target(
    order: MasterTargetOrder,
    vaults: ServerVaultPort,
    site: ServerSitePort | None,
    clock: Clock,
    cursor: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One slice. Raises InputError before anything is written when the order cannot be carried out at all."""
    if site is None and (order.enable_uuid or order.vmotion_exclusion != UNCHANGED):
        option = "enable_uuid: true" if order.enable_uuid else f"{{set:vmotion_exclusion={order.vmotion_exclusion}}}"
        raise InputError(
            "vcenter_missing",
            f"`{option}` needs vCenter, but `hostname` is empty.",
            (
                "Give `hostname`, `username` and `password` of your vCenter, or set `enable_uuid: false` and omit "
                "'{option:vmotion_exclusion}'."
            ),
        )
    return MasterTargets(order, vaults, site, clock, dict(cursor or {})).run()


class MasterTargets(ServerSlice[list[Target]]):
    """The master targets of one slice, with the machines that are to use them.

    It is long because vault and vCenter are read and written in one order that matters: what vCenter shows decides what the
    vault's entry means, and what is set on a VM is reported for the same target.
    """

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
        self.asides: dict[str, tuple[str, ...]] = {}
        #: What the servers of each fabric offer.
        self.datastores: dict[str, list[str]] = {}
        #: Kinds of system of the servers that may serve machines, by fabric.
        self.kinds: dict[str, set[str]] = {}
        #: Ids of the servers that serve the chosen machines, once that is known.
        self.needed: set[str] | None = None
        #: The master targets by name, and the machines' VMs by item key, as the slice's first look found them.
        self.first: dict[str, Target] | None = None
        self.machines: dict[str, SiteMachine] = {}

    def look(self) -> list[Target]:
        if self.first is not None:
            return self.targets()
        self.read_items()
        targets = self.targets()
        self.first = {t.name: t for t in targets}
        self.machines = self.onprem_machines()
        if self.order.refresh and not self.order.check:
            self.refresh_once(t.fabric for t in targets if t.fabric is not None)
        if self.order.enable_uuid:
            self.enable_uuid(targets)
        if self.order.vmotion_exclusion != UNCHANGED:
            self.set_excluded(targets)
        return self.targets() if self.changes and not self.order.check else targets

    def rests(self, seen: list[Target]) -> bool:
        return not self.waiting(seen) or self.order.check or not self.order.wait

    # reading

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
                verdict = Verdict(verdict.reasons, (*verdict.warnings, found.reason))
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
            told = tuple(r.reason for r in verdict.reasons if r not in kept)
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
        plans: dict[str, Sequence[Json]] = {}
        if self.order.recovery_plans:
            plans = {v.key: self.vaults.list_recovery_plans(v) for v in self.order.vaults}
        wish = Order(
            vaults=self.order.vaults,
            route=(),
            machines=self.order.machines,
            groups=self.order.groups,
            recovery_plans=self.order.recovery_plans,
            exclude=self.order.exclude,
        )
        choice = choose(wish, self.items, plans)
        self.chosen, self.notes = choice.items, said(choice)

    def onprem_machines(self) -> dict[str, SiteMachine]:
        """The on-premises VMs of the chosen machines that are still away, by item key."""
        away = [i for i in self.chosen if i.site_uuid and LIFECYCLE.position(i) in AWAY]
        if self.site is None or not away:
            return {}
        found = self.site.machines(uuids=[str(i.site_uuid) for i in away])
        self.unreadable = [m.name for m in found if not m.identified]
        by_uuid = {u.lower(): m for m in found for u in (m.bios_uuid, m.uuid) if u}
        return {i.key: by_uuid[u] for i in away if (u := str(i.site_uuid).lower()) in by_uuid}

    # acting

    def enable_uuid(self, targets: Sequence[Target]) -> None:
        site = certain(self.site)
        busy = holding(self.items)
        free = [m.moid for m in self.machines.values() if not m.doubt]
        bound: list[str] = []
        for target in targets:
            seen = target.vm is not None and not target.vm.doubt
            if target.vm is not None and seen and target.fabric is not None and not target.fabric.modernized:
                # A power cycle would interrupt the synchronisation of machines whose disks are attached.
                (bound if target.fabric.key in busy else free).append(target.vm.moid)
        for moids, power_off in ((free, self.order.power_off), (bound, False)):
            if moids:
                changes = site.enable_uuid(
                    moids,
                    power_off=power_off,
                    guest_timeout=self.order.guest_shutdown_timeout,
                    budget=self.left(),
                    check=self.order.check,
                )
                self.note(UUID, changes)

    def set_excluded(self, targets: Sequence[Target]) -> None:
        site = certain(self.site)
        moids = [t.vm.moid for t in targets if t.vm is not None]
        if not moids:
            return
        check, exclusion = self.order.check, self.order.vmotion_exclusion
        # What happened since the exclusion is looked up before the notes about it are dropped.
        busy = holding(self.items)
        idle = [t.vm.moid for t in targets if exclusion == EXCLUDED and t.vm and t.fabric and t.fabric.key not in busy]
        for place in site.watch(moids, mode=MODES[exclusion], check=check, idle=idle):
            self.places[place.moid] = place
            self.claim(place.moid, place.changed)
        if exclusion == WATCHED:
            for change in site.set_excluded(moids, excluded=True, check=True):
                looked, self.asides[change.moid] = verified(change)
                self.note(VMOTION, [looked])
            return
        if exclusion == RESTORED:
            # The exclusion's note also says where rules may be, so it is removed last.
            self.pin(moids, site, pinned=False)
        self.note(VMOTION, site.set_excluded(moids, excluded=exclusion == EXCLUDED, check=check))
        if exclusion == EXCLUDED and self.order.pin_to_host:
            self.pin(moids, site, pinned=True)
            for moid in moids:
                self.trust_pin(moid)

    def trust_pin(self, moid: str) -> None:
        """A mandatory rule keeps a VM on its host where the cluster ignores its override."""
        changes = self.changes.get(moid, {})
        exclusion, pin = changes.get(VMOTION), changes.get(PIN)
        refusal = exclusion.refusal if exclusion is not None else None
        if exclusion is None or refusal is None or refusal.code != WITHOUT_EFFECT:
            return
        if pin is None or pin.refusal is not None or pin.after != "pinned":
            return
        said = f"{refusal.reason} Its VM-host rule keeps it on its host."
        changes[VMOTION] = replace(exclusion, refusal=None, warnings=(*exclusion.warnings, said))

    def pin(self, moids: Sequence[str], site: ServerSitePort, pinned: bool) -> None:
        changes = site.set_pinned(moids, pinned=pinned, check=self.order.check)
        self.note(PIN, [c for c in changes if c.changed or c.code or self.order.pin_to_host])

    def note(self, what: str, changes: Sequence[VmChange]) -> None:
        for change in changes:
            self.changes.setdefault(change.moid, {})[what] = change
            self.claim(change.moid, change.changed)

    def claim(self, moid: str, changed: bool) -> None:
        touched = self.cursor.setdefault("changed", [])
        if changed and moid not in touched:
            touched.append(moid)

    # checks

    def waiting(self, targets: Sequence[Target]) -> bool:
        return any(t.verdict.may_heal for t in targets) and not self.timed_out()

    def result(self, seen: list[Target]) -> dict[str, Any]:
        # Check mode does not wait, so it says what is not ready now; a server that is yet to register is expected to be.
        late = self.timed_out() or (self.order.check and not self.order.await_registration)
        entries = [self.target_entry(t, (self.first or {}).get(t.name, t), late) for t in seen]
        lost = [lost_place(t, e) for t, e in zip(seen, entries, strict=True) if e["done"] in LOST]
        entries += [self.machine_entry(i, self.machines.get(i.key)) for i in self.chosen]
        return self.shaped(
            entries,
            self.sent,
            len(self.order.vaults) * (2 if self.items else 1),
            master_targets=[self.facts(t) for t in seen],
            lost_places=lost if self.order.vmotion_exclusion == WATCHED else [],
            **({"warnings": self.notes} if self.notes else {}),
        )

    def target_entry(self, target: Target, first: Target, late: bool) -> dict[str, Any]:
        changes = self.changes.get(target.vm.moid, {}) if target.vm else {}
        reasons = target.verdict.reasons
        if self.order.check and UUID in changes and changes[UUID].changed:
            # The run that follows would have set it.
            reasons = tuple(r for r in reasons if r.code != "uuid_not_enabled")
        reasons, unseen = self.obstacles(target, reasons)
        moved, asides = self.kept(target)
        told = tuple(text for change in changes.values() for text in change.warnings)
        verdict = Verdict(moved + reasons, target.verdict.warnings + unseen + asides + told)
        entry = entry_of(
            target.name,
            "master_target",
            target.fabric.vault.name if target.fabric else "",
            self.before(
                target.name, {"readiness": readiness_words(first.verdict), **standing(first.vm, changes, "before")}
            ),
            {"readiness": readiness_words(verdict), **standing(target.vm, changes, "after")},
        )
        entry["changed"] = target.vm is not None and target.vm.moid in self.cursor.get("changed", [])
        entry["warnings"] = [warning(w) for w in verdict.warnings]
        return settle(entry, list(changes.values()), verdict.worst, late)

    def obstacles(self, target: Target, reasons: tuple[Refusal, ...]) -> tuple[tuple[Refusal, ...], tuple[str, ...]]:
        """Without a given name, a server that this vCenter does not have is no obstacle if it serves no machine."""
        unseen = [r for r in reasons if r.code in UNSEEN]
        # The watch only passes on what it found: machines that do not use such a server go on anyway.
        if (
            not unseen
            or self.order.names
            or self.order.vmotion_exclusion == WATCHED
            or not target.fabric
            or not target.server
        ):
            return reasons, ()
        self.items = self.items or self.list_items()
        if needed([(target.fabric, target.server)], self.chosen or self.items, self.read_one):
            return reasons, ()
        told = tuple(f"{r.reason} It serves none of the machines." for r in unseen)
        return tuple(r for r in reasons if r not in unseen), told

    def machine_entry(self, item: Item, vm: SiteMachine | None) -> dict[str, Any]:
        position = LIFECYCLE.position(item)
        changes = self.changes.get(vm.moid, {}) if vm else {}
        entry = entry_of(
            item.friendly_name,
            "machine",
            item.vault.name,
            self.before(item.name, standing(vm, changes, "before")),
            standing(vm, changes, "after"),
        )
        entry["changed"] = vm is not None and vm.moid in self.cursor.get("changed", [])
        if position not in AWAY:
            entry["reason"] = (
                f"Skipped: {POSITION_TEXT[position] if position else 'its state could not be determined'}."
            )
        elif item.site_uuid is None:
            entry["reason"] = "A physical server is failed back to a new virtual machine, so there is nothing to set."
        elif vm is None and self.site is not None and not self.unreadable:
            entry["reason"] = (
                "Its on-premises virtual machine no longer exists and is recreated, so there is nothing to set."
            )
        worst = (self.out_of_sight(item, vm) or self.no_target(item)) if position in AWAY else None
        return settle(entry, list(changes.values()), worst, late=True)

    def out_of_sight(self, item: Item, vm: SiteMachine | None) -> Refusal | None:
        """Why the state of a machine that should be in vCenter is unknown; None where it was found, or is surely gone."""
        if vm is not None and vm.doubt:
            why = f"{vm.doubt}, so its state is unknown"
        elif vm is None and item.site_uuid is not None and self.unreadable:
            some = "a virtual machine" if len(self.unreadable) == 1 else f"{len(self.unreadable)} virtual machines"
            why = (
                f"vCenter has no virtual machine with its UUID, but cannot read {some} that could be it "
                f"({listing(self.unreadable)})"
            )
        else:
            return None
        return Refusal(
            "onprem_unreachable",
            f"Its on-premises virtual machine cannot be checked: {why}.",
            "Restore its host, its datastore and their connection to vCenter, then rerun.",
        )

    def kept(self, target: Target) -> tuple[tuple[Refusal, ...], tuple[str, ...]]:
        """What became of the master target's place since it was excluded."""
        if target.vm is None or self.order.vmotion_exclusion == UNCHANGED:
            return (), ()
        place = self.places.get(target.vm.moid)
        if place is None:
            gone = Refusal(
                "place_unknown",
                f"The virtual machine {target.vm.name} disappeared from vCenter while it was being checked.",
                "Find it in vCenter, then rerun.",
            )
            return (gone,), ()
        reasons, warnings = judge_place(place, self.order.vmotion_exclusion)
        return reasons, warnings + self.asides.get(place.moid, ())

    def facts(self, target: Target) -> dict[str, Any]:
        exclusion = self.changes.get(target.vm.moid, {}).get(VMOTION) if target.vm else None
        told = master_target_facts(
            target.name, target.fabric, target.server, target.vm, target.verdict, exclusion, self.vaults.now
        )
        return {**told, "place": place_facts(self.places.get(target.vm.moid) if target.vm else None)}

    def no_target(self, item: Item) -> Refusal | None:
        """Check 22: a master target of the machine's own kind of system must be among those that may serve it."""
        kinds = self.kinds.get(item.fabric_id.lower()) or set()
        if not item.os_type or item.os_type.casefold() in kinds or not kinds or "" in kinds:
            return None
        return Refusal(
            "no_master_target_for_os",
            f"{item.friendly_name} runs {item.os_type}, but none of the master targets does.",
            f"Prepare a {item.os_type} master target, or add one to '{{option:names}}'.",
        )
