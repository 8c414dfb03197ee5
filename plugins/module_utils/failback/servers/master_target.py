# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparing master targets: found, ready, disk.EnableUUID set, kept where they are. One slice per call.

A slice reads, acts in vCenter, waits a little for what resolves itself, and returns the state of every machine. Nothing it
passes on is needed: a killed run is the same case as the next slice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..lifecycle.modernized import LIFECYCLE
from ..lifecycle.table import POSITION_TEXT
from ..model.errors import InputError, certain
from ..model.items import Item
from ..model.ports import Clock, SiteMachine
from ..model.refusal import Advice, Refusal
from ..model.server_ports import ServerSitePort, ServerVaultPort, VmChange
from ..wanted.selection import listing
from .entries import entry_of, master_target_facts, settle, warning
from .health import Verdict
from .moved import EXCLUDED, MODES, RESTORED, UNCHANGED, WATCHED, WITHOUT_EFFECT, judge_place, verified
from .moved import facts as place_facts
from .serving import AWAY, holding, needed
from .target_reader import UNSEEN, MasterTargetReader
from .targets import (
    LOST,
    PIN,
    UUID,
    VMOTION,
    MasterTargetOrder,
    Target,
    lost_place,
    readiness_words,
    vm_settings,
)


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


class MasterTargets(MasterTargetReader):
    """The master targets of one slice: what is set on their VMs, and what is reported."""

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
        told = tuple(Advice(text) for change in changes.values() for text in change.warnings)
        verdict = Verdict(moved + reasons, target.verdict.warnings + unseen + asides + told)
        entry = entry_of(
            target.name,
            "master_target",
            target.fabric.vault.name if target.fabric else "",
            self.before(
                target.name, {"readiness": readiness_words(first.verdict), **vm_settings(first.vm, changes, "before")}
            ),
            {"readiness": readiness_words(verdict), **vm_settings(target.vm, changes, "after")},
        )
        entry["changed"] = target.vm is not None and target.vm.moid in self.cursor.get("changed", [])
        entry["warnings"] = [warning(text) for text in verdict.told]
        return settle(entry, list(changes.values()), verdict.worst, late)

    def obstacles(self, target: Target, reasons: tuple[Refusal, ...]) -> tuple[tuple[Refusal, ...], tuple[Advice, ...]]:
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
        told = tuple(Advice(f"{r.reason} It serves none of the machines.") for r in unseen)
        return tuple(r for r in reasons if r not in unseen), told

    def machine_entry(self, item: Item, vm: SiteMachine | None) -> dict[str, Any]:
        position = LIFECYCLE.position(item)
        changes = self.changes.get(vm.moid, {}) if vm else {}
        entry = entry_of(
            item.friendly_name,
            "machine",
            item.vault.name,
            self.before(item.name, vm_settings(vm, changes, "before")),
            vm_settings(vm, changes, "after"),
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

    def kept(self, target: Target) -> tuple[tuple[Refusal, ...], tuple[Advice, ...]]:
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
