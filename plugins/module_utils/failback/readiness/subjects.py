# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the subjects of the rules from what was read: which machines and servers, for which moments, and what they share. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Union

from ..lifecycle.bodies import Placement
from ..lifecycle.decide import Conditions as Wishes
from ..lifecycle.decide import Observed, decide
from ..lifecycle.gates import RPO_LIMIT
from ..lifecycle.group import parts, units
from ..lifecycle.held import attached, disks_of
from ..lifecycle.modernized import LIFECYCLE
from ..lifecycle.table import (
    COMMIT_TO_AZURE,
    COMMIT_TO_ONPREM,
    FAILOVER_TO_AZURE,
    FAILOVER_TO_ONPREM,
    REPROTECT_TO_AZURE,
    REPROTECT_TO_ONPREM,
    STEPS,
    Position,
)
from ..model.errors import InputError
from ..model.items import Item, Json
from ..model.refusal import Refusal
from ..model.server_ports import SiteServer
from ..model.servers import Fabric, MasterTarget, Policy, ProcessServer
from ..placement.classic import place_to_azure, place_to_onprem
from ..placement.estate import Estate, Slots, local
from ..placement.modernized import accounts_of
from ..servers.appliance_health import judge_appliance
from ..servers.health import CLASSIC_FABRIC, Verdict, judge_master_target, judge_process_server, match_vm
from ..servers.serving import HELD, bound_to, could_serve
from ..wanted.order import Order
from ..wanted.ruling import Question
from .azures import IN_AZURE, network_of
from .facts import Configuring, Facts, Gateway, Group, Machine, Processing, Subject
from .reading import Read
from .rules import CLASSIC, CS, GATEWAY, GROUP, MACHINE, MASTER_TARGET, MODERNIZED, PROCESS_SERVER, PS

#: The next step from each position.
NEXT: Mapping[Position, str] = {
    Position.HOME: FAILOVER_TO_AZURE,
    Position.OUT_UNCOMMITTED: COMMIT_TO_AZURE,
    Position.OUT: REPROTECT_TO_ONPREM,
    Position.SYNCING_HOME: FAILOVER_TO_ONPREM,
    Position.READY: FAILOVER_TO_ONPREM,
    Position.HOME_UNCOMMITTED: COMMIT_TO_ONPREM,
    Position.HOME_UNPROTECTED: REPROTECT_TO_AZURE,
}

#: Servers are checked for the failback as long as a machine still needs it.
_BEFORE = frozenset({Position.HOME, Position.OUT_UNCOMMITTED, Position.OUT})

Placed = Union[Placement, Refusal]


def build(order: Order, seen: Read, facts: Facts, moments: Sequence[str]) -> list[Subject]:
    """Every subject. Without ``moments`` each machine is checked for its next step, and servers for what these need."""
    return _Builder(order, seen, facts, tuple(moments)).subjects()


def build_due(order: Order, seen: Read, facts: Facts, asked: Mapping[str, Question]) -> list[Subject]:
    """Subjects for machines of a run that are about to take a step, by item key, and their servers and groups for those steps.
    What the run has decided and where it has placed them is not found out again."""
    return _Builder(order, seen, facts, (), asked).subjects()


def estate_of(seen: Read, facts: Facts) -> Estate:
    """What placing machines needs to know."""
    policies = {key: tuple(Policy.parse(entry) for entry in entries or ()) for key, entries in seen.policies.items()}
    accounts: dict[str, frozenset[str]] = {}
    for item in seen.items:
        accounts[item.vault.key] = accounts.get(item.vault.key, frozenset()).union(accounts_of(item))
    return Estate({fabric.key: fabric for fabric in seen.fabrics}, policies, facts.now, accounts, seen.homes)


def fits_alone(m: Machine) -> bool:
    """Whether a machine that is recreated would have room, were it alone: only those take room from each other."""
    free = next((d.free_gb for d in (m.gateway.datastores if m.gateway else ()) if d.name == m.datastore), None)
    return bool(m.recreated) and m.disks_gb is not None and (free is None or m.disks_gb <= free)


def _keys(machines: Iterable[Machine]) -> tuple[str, ...]:
    return tuple(m.item.key for m in machines if m.item is not None)


class _Builder:
    def __init__(
        self,
        order: Order,
        seen: Read,
        facts: Facts,
        moments: tuple[str, ...],
        due: Mapping[str, Question] | None = None,
    ) -> None:
        self.order, self.seen, self.facts, self.moments, self.due = order, seen, facts, moments, due
        self.fabrics = {fabric.key: fabric for fabric in seen.fabrics}
        self.held = attached(seen.items, LIFECYCLE)
        self.estate = estate_of(seen, facts)
        known = [policy for some in self.estate.policies.values() for policy in some]
        self.limits = {policy.id.lower(): policy.rpo_threshold for policy in known if policy.rpo_threshold}
        self.vms: dict[str, SiteServer] = {}
        for fabric in seen.fabrics:
            for target in fabric.master_targets:
                found = match_vm(target, seen.servers) if facts.survey is not None else None
                if isinstance(found, SiteServer):
                    self.vms[target.id.lower()] = found

    def subjects(self) -> list[Subject]:
        machines = self.placed([self.machine(item) for item in self.seen.choice.items])
        return [*self.servers(machines), *self.groups(machines), *machines]

    # -- machines ----------------------------------------------------------------------------------------------------------

    def machine(self, item: Item) -> Machine:
        position = LIFECYCLE.position(item)
        steps = [m for m in self.moments if m in STEPS]
        if self.due is not None:
            steps = [self.due[item.key].step]
        elif not self.moments:
            running = LIFECYCLE.running(item)
            next_step = NEXT.get(position) if position is not None else None
            steps = [running.step] if running is not None else [next_step] if next_step else []
            if not steps and position is not Position.SYNCING_OUT:
                # Its next step is unknown: it is checked for the first step of the failback, which gives the reason.
                steps = [REPROTECT_TO_ONPREM]
        wishes = Wishes(commit_when="verified", confirmed=True, agent_timeout=self.order.agent_timeout)
        observed = Observed(item, self.facts.now)
        here, there = self.seen.here.get(item.key), self.seen.there.get(item.key)
        limit = self.order.rpo_limit or self.limits.get((item.policy_id or "").lower()) or RPO_LIMIT
        return Machine(
            kind=MACHINE,
            name=item.friendly_name,
            vault=item.vault,
            generation=LIFECYCLE.generation(item) or "",
            moments=frozenset(steps),
            machines=(item.friendly_name,),
            keys=(item.key,),
            item=item,
            position=position,
            unread=self.seen.unread.get(item.key, ""),
            fabric=self.fabrics.get(item.fabric_id.lower()),
            home=self.estate.home_of(item),
            here=here,
            there=there,
            limit=limit,
            decided={step: decide(observed, (step,), LIFECYCLE, wishes) for step in steps if self.due is None},
        )

    def placed(self, machines: list[Machine]) -> list[Machine]:
        """The machines with where a reprotect would put them."""
        places = self.places(machines)
        planned: dict[tuple[str, str], float] = {}
        found = []
        for m in machines:
            m = replace(m, placed=places.get(m.item.key) if m.item else None, placed_out=self.out(m))
            m = self.through(m)
            if isinstance(m.placed, Placement) and fits_alone(m):
                where = (m.placed.master_target_id, m.placed.datastore)
                planned[where] = planned.get(where, 0.0) + (m.disks_gb or 0.0)
            found.append(m)
        return [
            replace(m, beside_gb=planned[m.placed.master_target_id, m.placed.datastore] - (m.disks_gb or 0.0))
            if isinstance(m.placed, Placement) and fits_alone(m)
            else m
            for m in found
        ]

    def places(self, machines: Sequence[Machine]) -> dict[str, Placed]:
        """Group by group, so that one that cannot be placed says nothing of the others."""
        if self.due is not None:
            return {key: question.placed for key, question in self.due.items() if question.placed is not None}
        slots = Slots(dict(self.held))
        bound = {
            item.group_id: word for item in self.seen.items if item.group_id and (word := self.bound(item)) is not None
        }
        todo: dict[str, list[Item]] = {}
        for m in machines:
            if m.item and REPROTECT_TO_ONPREM in m.moments and m.position is Position.OUT and m.fabric and not m.unread:
                todo.setdefault(m.item.group_id or m.item.key, []).append(m.item)
        places: dict[str, Placed] = {}
        for members in todo.values():
            try:
                places.update(place_to_onprem(members, self.order, self.estate, slots, bound))
            except InputError as exc:
                places.update({item.key: Refusal.of(exc) for item in members})
        return places

    def bound(self, item: Item) -> str | None:
        """The id, as it is spelt, of the server that holds the disks of a machine being failed back."""
        if LIFECYCLE.position(item) not in HELD:
            return None
        word = bound_to(item)
        fabric = self.fabrics.get(item.fabric_id.lower())
        return next((t.id for t in fabric.master_targets if t.id.lower() == word), None) if fabric else None

    def out(self, m: Machine) -> Placed | None:
        if m.item is None or m.fabric is None or m.unread or REPROTECT_TO_AZURE not in m.moments:
            return None
        if m.position is not Position.HOME_UNPROTECTED:
            return None
        try:
            return place_to_azure(m.item, replace(self.order, route=(REPROTECT_TO_AZURE,)), self.estate)
        except InputError as exc:
            return Refusal.of(exc)

    def through(self, m: Machine) -> Machine:
        """The machine with the server that holds its disks, or will."""
        word = m.placed.master_target_id.lower() if isinstance(m.placed, Placement) else ""
        if not word and m.item is not None:
            word = (self.bound(m.item) or "").lower()
        targets = m.fabric.master_targets if m.fabric else ()
        target = next((t for t in targets if t.id.lower() == word), None)
        if target is None:
            return m
        return replace(m, gateway=target, gateway_vm=self.vms.get(target.id.lower()))

    # -- groups ------------------------------------------------------------------------------------------------------------

    def groups(self, machines: Sequence[Machine]) -> list[Subject]:
        chosen = {m.item.key: m for m in machines if m.item is not None}
        bound = units(self.seen.items)
        split = parts(self.seen.items, bound, set(chosen)) if not self.order.split_groups else {}
        members: dict[str, list[Item]] = {}
        for item in self.seen.items:
            if item.key in bound:
                members.setdefault(bound[item.key], []).append(item)
        found: list[Subject] = []
        for unit, some in members.items():
            mine = [chosen[i.key] for i in some if i.key in chosen]
            if not mine:
                continue
            servers = {word for i in some if (word := self.bound(i)) is not None}
            found.append(
                Group(
                    kind=GROUP,
                    name=some[0].group or "",
                    vault=some[0].vault,
                    generation=mine[0].generation,
                    moments=frozenset().union(*(m.moments for m in mine)),
                    machines=tuple(m.name for m in mine),
                    keys=_keys(mine),
                    members=tuple(some),
                    missing=split[unit].missing if unit in split else (),
                    bound=frozenset(servers),
                )
            )
        return found

    # -- servers -----------------------------------------------------------------------------------------------------------

    def servers(self, machines: Sequence[Machine]) -> list[Subject]:
        found: list[Subject] = []
        for fabric in self.seen.fabrics:
            mine = [m for m in machines if m.fabric is not None and m.fabric.key == fabric.key]
            if not mine:
                continue
            if fabric.instance_type == CLASSIC_FABRIC:
                found.append(self.configuring(fabric, mine))
                found += self.processing(fabric, mine)
            elif fabric.modernized:
                found.append(self.configuring(fabric, mine))
            found += self.gateways(fabric, mine)
        return found

    def asked(self, machines: Iterable[Machine]) -> frozenset[str]:
        """The steps a server is checked for: its machines', and the failback for those that have not begun it."""
        some = list(machines)
        steps = {step for m in some for step in m.moments}
        if self.due is None and not self.moments and any(m.position in _BEFORE for m in some):
            steps.add(REPROTECT_TO_ONPREM)
        return frozenset(steps | {m for m in self.moments if m in (MASTER_TARGET, PROCESS_SERVER)})

    def configuring(self, fabric: Fabric, machines: Sequence[Machine]) -> Subject:
        named = [
            s
            for s in self.seen.servers
            if fabric.host_name and fabric.host_name.lower() in (s.name.lower(), s.host_name.lower())
        ]
        return Configuring(
            kind=CS,
            name=fabric.host_name or fabric.friendly_name,
            vault=fabric.vault,
            generation=MODERNIZED if fabric.modernized else CLASSIC,
            moments=self.asked(machines),
            machines=tuple(m.name for m in machines),
            keys=_keys(machines),
            fabric=fabric,
            told=self.seen.told.get(fabric.key, {}),
            vm=named[0] if len(named) == 1 else None,
        )

    def processing(self, fabric: Fabric, machines: Sequence[Machine]) -> list[Subject]:
        """Those that the placements name; where none does, the one that is given, or the only one."""
        homeward: dict[str, list[Machine]] = {}
        outward: dict[str, list[Machine]] = {}
        for m in machines:
            if isinstance(m.placed, Placement):
                homeward.setdefault(m.placed.process_server_id, []).append(m)
            elif m.position in HELD and m.details.get("processServerId"):
                homeward.setdefault(str(m.details["processServerId"]), []).append(m)
            if isinstance(m.placed_out, Placement):
                outward.setdefault(m.placed_out.process_server_id, []).append(m)
        if not homeward and any(m.position in _BEFORE for m in machines):
            # A name that only another vault offers does not apply to this one.
            wanted = (local(self.order, fabric, self.estate).process_server or "").lower()
            some = [s for s in fabric.process_servers if not wanted or s.name.lower() == wanted]
            if len(some) == 1:
                homeward[some[0].id] = list(machines)
        found: list[Subject] = []
        for outwards, served in ((False, homeward), (True, outward)):
            for server in fabric.process_servers:
                mine = served.get(server.id)
                if mine:
                    found.append(self.process_server(fabric, server, mine, outwards))
        return found

    def process_server(
        self, fabric: Fabric, server: ProcessServer, machines: Sequence[Machine], outward: bool
    ) -> Processing:
        entries: Iterable[Json] = self.seen.told.get(fabric.key, {}).get("processServers") or ()
        told = next((e for e in entries if str(e.get("id") or e.get("hostId") or "") == server.id), {})
        own = self._azure_vm_at(server)
        networks = {network_of(m.azure_vm, self.facts) for m in machines if m.azure_vm and m.position in IN_AZURE}
        return Processing(
            kind=PS,
            name=server.name,
            vault=fabric.vault,
            generation=CLASSIC,
            moments=self.asked(machines),
            machines=tuple(m.name for m in machines),
            keys=_keys(machines),
            fabric=fabric,
            told=told,
            verdict=judge_process_server(server, fabric, self.facts.now),
            server=server,
            outward=outward,
            azure_vm=own,
            networks=None if None in networks else frozenset(n for n in networks if n),
            own_network=network_of(own, self.facts) if own is not None else None,
        )

    def _azure_vm_at(self, server: ProcessServer) -> Json | None:
        """The Azure VM with its name; its address would fit others in other networks."""
        wanted = server.name.lower()
        some = [vm for key, vm in (self.seen.azure or {}).items() if key.rpartition("/")[2] == wanted]
        return some[0] if len(some) == 1 else None

    def gateways(self, fabric: Fabric, machines: Sequence[Machine]) -> list[Subject]:
        found: list[Subject] = []
        for target in fabric.master_targets:
            mine = [m for m in machines if self.goes_through(m, fabric, target)]
            if mine or (MASTER_TARGET in self.moments):
                found.append(self.gateway(fabric, target, mine))
        return found

    def goes_through(self, m: Machine, fabric: Fabric, target: MasterTarget) -> bool:
        if m.gateway is not None:
            return m.gateway.id == target.id
        if m.item is None or not could_serve(m.item, fabric, target):
            return False
        if m.position in HELD:
            # It does not tell which one holds its disks, so each of them may.
            return not bound_to(m.item)
        # Already at home, or not placed: every server that could take it counts, or those that are named.
        named = {name.lower() for name in self.order.master_targets}
        return m.position in _BEFORE and (not named or target.name.lower() in named)

    def gateway(self, fabric: Fabric, target: MasterTarget, machines: Sequence[Machine]) -> Gateway:
        vm = self.vms.get(target.id.lower())
        stores: list[str] = []
        if target.appliance:
            target = replace(target, disk_count=self.held[target.id])
            verdict = judge_appliance(target, fabric, self.facts.now, target.disk_count, stores)
        else:
            # The retention volume that is named for machines is the placement's affair.
            only = target.retention_volumes[0].name if target.retention_volumes else None
            vms = self.seen.servers if self.facts.survey is not None else None
            verdict = judge_master_target(target, fabric, self.facts.now, retention_volume=only, vms=vms)
        found = match_vm(target, self.seen.servers) if self.facts.survey is not None else None
        if isinstance(found, Refusal) and found.code not in {r.code for r in verdict.reasons}:
            verdict = Verdict((*verdict.reasons, found), verdict.warnings)
        survey = self.facts.survey
        return Gateway(
            kind=GATEWAY,
            name=target.name,
            vault=fabric.vault,
            generation=MODERNIZED if target.appliance else CLASSIC,
            moments=self.asked(machines),
            machines=tuple(m.name for m in machines),
            keys=_keys(machines),
            fabric=fabric,
            verdict=verdict,
            server=target,
            vm=vm,
            host=survey.hosts.get(vm.host) if survey is not None and vm is not None else None,
            place=self.seen.places.get(vm.moid) if vm is not None else None,
            exclusion=self.seen.exclusions.get(vm.moid) if vm is not None else None,
            wanted_disks=sum(
                disks_of(m.item) for m in machines if m.item is not None and isinstance(m.placed, Placement)
            ),
            served=tuple(m.vm for m in machines if m.vm is not None),
        )
