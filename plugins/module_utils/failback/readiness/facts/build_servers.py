# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers as subjects of the rules: configuration servers, process servers, master targets and appliances. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...lifecycle.attached_disks import disks_of
from ...lifecycle.bodies import Placement
from ...lifecycle.table import REPROTECT_TO_ONPREM
from ...model.items import Json
from ...model.refusal import Refusal
from ...model.servers import Fabric, MasterTarget, ProcessServer
from ...placement.estate import local
from ...servers.appliance_health import judge_appliance
from ...servers.by_name import CLASSIC_FABRIC
from ...servers.health import Verdict, judge_master_target, judge_process_server
from ...servers.serving import HELD, bound_to, could_serve
from ...servers.target_vm import match_vm
from .azure_vm import IN_AZURE, network_of
from .lookups import BEFORE, Lookups, keys_of
from .moments import CLASSIC, CS, GATEWAY, MASTER_TARGET, MODERNIZED, PS
from .subjects import Configuring, Gateway, Machine, Processing, Subject


class Servers:
    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups

    def servers(self, machines: Sequence[Machine]) -> list[Subject]:
        found: list[Subject] = []
        for fabric in self.lookups.seen.fabrics:
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

    def configuring(self, fabric: Fabric, machines: Sequence[Machine]) -> Subject:
        named = [
            s
            for s in self.lookups.seen.servers
            if fabric.host_name and fabric.host_name.lower() in (s.name.lower(), s.host_name.lower())
        ]
        return Configuring(
            kind=CS,
            name=fabric.host_name or fabric.friendly_name,
            vault=fabric.vault,
            generation=MODERNIZED if fabric.modernized else CLASSIC,
            moments=self.lookups.asked(machines),
            machines=tuple(m.name for m in machines),
            keys=keys_of(machines),
            fabric=fabric,
            told=self.lookups.seen.told.get(fabric.key, {}),
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
        if not homeward and any(m.position in BEFORE for m in machines):
            # A name that only another vault offers does not apply to this one.
            wanted = (local(self.lookups.order, fabric, self.lookups.estate).process_server or "").lower()
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
        entries: Iterable[Json] = self.lookups.seen.told.get(fabric.key, {}).get("processServers") or ()
        told = next((e for e in entries if str(e.get("id") or e.get("hostId") or "") == server.id), {})
        own = self._azure_vm_at(server)
        networks = {
            network_of(m.azure_vm, self.lookups.facts) for m in machines if m.azure_vm and m.position in IN_AZURE
        }
        return Processing(
            kind=PS,
            name=server.name,
            vault=fabric.vault,
            generation=CLASSIC,
            moments=self.lookups.asked(machines),
            machines=tuple(m.name for m in machines),
            keys=keys_of(machines),
            fabric=fabric,
            told=told,
            verdict=judge_process_server(server, fabric, self.lookups.facts.now),
            server=server,
            outward=outward,
            azure_vm=own,
            networks=None if None in networks else frozenset(n for n in networks if n),
            own_network=network_of(own, self.lookups.facts) if own is not None else None,
        )

    def _azure_vm_at(self, server: ProcessServer) -> Json | None:
        """The Azure VM with its name; its address would fit others in other networks."""
        wanted = server.name.lower()
        some = [vm for key, vm in (self.lookups.seen.azure or {}).items() if key.rpartition("/")[2] == wanted]
        return some[0] if len(some) == 1 else None

    def gateways(self, fabric: Fabric, machines: Sequence[Machine]) -> list[Subject]:
        found: list[Subject] = []
        for target in fabric.master_targets:
            mine = [m for m in machines if self.goes_through(m, fabric, target)]
            if mine or (MASTER_TARGET in self.lookups.moments):
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
        named = {name.lower() for name in self.lookups.order.master_targets}
        return m.position in BEFORE and (not named or target.name.lower() in named)

    def gateway(self, fabric: Fabric, target: MasterTarget, machines: Sequence[Machine]) -> Gateway:
        vm = self.lookups.vms.get(target.id.lower())
        stores: list[str] = []
        if target.appliance:
            target = replace(target, disk_count=self.lookups.held[target.id])
            verdict = judge_appliance(target, fabric, self.lookups.facts.now, target.disk_count, stores)
        else:
            # The retention volume that is named for machines is the placement's affair.
            only = target.retention_volumes[0].name if target.retention_volumes else None
            vms = self.lookups.seen.servers if self.lookups.facts.survey is not None else None
            verdict = judge_master_target(target, fabric, self.lookups.facts.now, retention_volume=only, vms=vms)
        found = match_vm(target, self.lookups.seen.servers) if self.lookups.facts.survey is not None else None
        if isinstance(found, Refusal) and found.code not in {r.code for r in verdict.reasons}:
            verdict = Verdict((*verdict.reasons, found), verdict.warnings)
        survey = self.lookups.facts.survey
        return Gateway(
            kind=GATEWAY,
            name=target.name,
            vault=fabric.vault,
            generation=MODERNIZED if target.appliance else CLASSIC,
            moments=self.lookups.asked(machines),
            machines=tuple(m.name for m in machines),
            keys=keys_of(machines),
            fabric=fabric,
            verdict=verdict,
            server=target,
            vm=vm,
            host=survey.hosts.get(vm.host) if survey is not None and vm is not None else None,
            place=self.lookups.seen.places.get(vm.moid) if vm is not None else None,
            exclusion=self.lookups.seen.exclusions.get(vm.moid) if vm is not None else None,
            wanted_disks=sum(
                disks_of(m.item) for m in machines if m.item is not None and isinstance(m.placed, Placement)
            ),
            served=tuple(m.vm for m in machines if m.vm is not None),
            systems=frozenset(
                str(m.details.get("osVersion") or "") for m in machines if REPROTECT_TO_ONPREM in m.moments
            ),
        )
