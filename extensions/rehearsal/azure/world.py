# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything the stand-in knows: its clock, its settings, its vaults and what is on-premises."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from rehearsal.azure import remains
from rehearsal.azure.clock import Clock
from rehearsal.azure.durations import merged
from rehearsal.azure.items import Item
from rehearsal.azure.lifecycle import AFTER_FAILOVER
from rehearsal.azure.onprem import OnPrem, OnPremError, TargetView
from rehearsal.azure.settings import Settings
from rehearsal.azure.vault import AzureVm, VaultState
from rehearsal.azure.words import same
from rehearsal.fleet import Fleet, FleetError, Machine

log = logging.getLogger("rehearsal.azure.world")

#: Threads that speak with vCenter; pyVmomi blocks.
THREADS = 8

#: How long a fabric shows what it last saw on-premises, in real seconds (a configuration server lags by minutes).
SURVEY_SECONDS = 1.0


def _first_server(vault: VaultState) -> str | None:
    """The server that replicates a machine on its way out: the configuration server's own, or the first appliance."""
    servers = vault.spec.process_servers
    home = next((s for s in servers if not s.in_azure), servers[0] if servers else None)
    if home is not None:
        return home.id
    return next((appliance.id for appliance in vault.spec.appliances), None)


@dataclass
class World:
    fleet: Fleet
    clock: Clock
    settings: Settings
    onprem: OnPrem
    vaults: list[VaultState] = field(default_factory=list)
    azure_vms: dict[str, AzureVm] = field(default_factory=dict)
    #: Resources beside the vaults by id (in lower case), as they are answered.
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Sets vCenter's clock: the real time, what the clock shows then, its speed. None where none follows.
    follower: Callable[[float, float, float], None] | None = None

    def __post_init__(self) -> None:
        self.durations = merged(self.fleet.durations)
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="onprem")
        self._survey: dict[str, TargetView] = {}
        self._surveyed = float("-inf")
        self._surveying: asyncio.Task[dict[str, TargetView]] | None = None
        self._locks: dict[str, asyncio.Lock] = {}
        for spec in self.fleet.vaults:
            vault = VaultState(self.fleet, spec)
            for machine in self.fleet.of_vault(spec.name):
                vault.items[machine.item_name] = self._item(vault, machine)
            self.vaults.append(vault)

    def _item(self, vault: VaultState, machine: Machine) -> Item:
        """An item in its machine's first state, with a past that fits it."""
        # While a job runs nothing is allowed; such a phase needs its job.
        settled = [phase for phase, row in vault.rows.items() if row.allowed]
        if machine.state not in settled:
            raise FleetError(
                f"machine {machine.name}: state {machine.state!r} cannot be a first state; use one of {', '.join(settled)}."
            )
        now = self.clock.now()
        item = Item(vault, machine, self.clock, phase=machine.state, overrides=dict(machine.overrides))
        item.process_server = _first_server(vault)
        item.log_storage = next(iter(vault.log_storage()), None)
        item.protected_since = item.tested_at = now - 86400.0
        item.silent_since = now - 7200.0
        row = item.row
        if machine.state == "failed_out":
            item.failed_at = now - 7200.0
        elif machine.state != "home":
            item.last_failover = now - 7200.0
            item.agent_registers_at = now - 7200.0 + machine.agent_registers_after
        if row.in_azure:
            self.add_azure_vm(item)
        if not row.forward:
            fitting = [t for t in vault.spec.gateways if vault.modernized or same(t.os, machine.os)]
            item.master_target = fitting[0].id if fitting else None
            item.turns = 1
            item.protected_since = now - 3600.0
        if item.phase not in AFTER_FAILOVER:
            # It vanishes with the reprotect (SEEN).
            item.last_failover = None
        if vault.modernized:
            self._past_of_modernized(item)
        if machine.state == "out_uncommitted":
            item.points_until = item.last_failover
        item.touch()
        return item

    def _past_of_modernized(self, item: Item) -> None:
        if item.phase == "home_uncommitted":
            # The Azure VM goes with the commit (DOC).
            self.add_azure_vm(item).power = "deallocated"
            item.planned = (item.last_failover or item.clock.now(), "Succeeded")

    def add_azure_vm(self, item: Item) -> AzureVm:
        spec = item.vault.spec
        vm = AzureVm(item.azure_name, spec.subscription_id, spec.target_resource_group, spec.location, item)
        item.azure_vm = vm
        self.keep_azure_vm(vm)
        return vm

    def keep_azure_vm(self, vm: AzureVm) -> None:
        """Create the VM in Azure, with its NIC and disks."""
        self.azure_vms[vm.id.casefold()] = vm
        for body in remains.made(vm):
            self.resources[body["id"].casefold()] = body

    def remove_azure_vm(self, item: Item) -> None:
        if item.azure_vm is not None:
            self.azure_vms.pop(item.azure_vm.id.casefold(), None)
            remains.left(self.resources, item.azure_vm)
            item.azure_vm = None

    def vault(self, subscription: str, group: str, name: str) -> VaultState | None:
        for vault in self.vaults:
            spec = vault.spec
            if same(spec.subscription_id, subscription) and same(spec.resource_group, group) and same(spec.name, name):
                return vault
        return None

    def knows_subscription(self, subscription: str) -> bool:
        return any(same(v.spec.subscription_id, subscription) for v in self.vaults)

    def knows_group(self, subscription: str, group: str) -> bool:
        return any(
            same(v.spec.subscription_id, subscription)
            and (same(v.spec.resource_group, group) or same(v.spec.target_resource_group, group))
            for v in self.vaults
        )

    def item_named(self, name: str) -> Item | None:
        """By friendly name or by item name; the first of several."""
        for vault in self.vaults:
            for item in vault.items.values():
                if same(item.machine.name, name) or same(item.name, name):
                    return item
        return None

    async def lead_clock(self, jump: float = 0.0) -> None:
        """Let vCenter's clock follow this one, which is about to jump. One that does not answer keeps its own."""
        if self.follower is None:
            return
        change = self.follower, time.time(), self.clock.now() + jump, self.clock.speed
        try:
            await self.on_premises(*change)
        except (OSError, HTTPException, RuntimeError, ValueError) as problem:
            log.warning("vCenter's clock does not follow: %s", problem)

    async def on_premises(self, action: Any, *args: Any) -> Any:
        """Run a blocking on-premises call in the bounded pool."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, action, *args)

    def lock(self, name: str) -> asyncio.Lock:
        """One lock for each thing on-premises that two jobs must not change at once."""
        return self._locks.setdefault(name, asyncio.Lock())

    async def survey(self) -> dict[str, TargetView]:
        """The master targets as last seen in vCenter. A failed look keeps what was seen before."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._surveyed < SURVEY_SECONDS:
            return self._survey
        if self._surveying is None or self._surveying.done():
            self._surveying = asyncio.ensure_future(self.on_premises(self.onprem.survey))
        # vCenter down: the vault goes on answering with what it knows.
        with contextlib.suppress(OnPremError):
            self._survey = await asyncio.shield(self._surveying)
        self._surveyed = loop.time()
        return self._survey

    def digest(self) -> str:
        """sha256 over the state of all vaults without times, heartbeats and progress."""
        state = []
        for vault in self.vaults:
            for item in sorted(vault.items.values(), key=lambda i: i.name):
                vm = item.azure_vm
                state.append(
                    [
                        vault.spec.name,
                        item.name,
                        item.phase,
                        item.allowed,
                        item.busy,
                        item.protectable_name,
                        item.row.forward or item.master_target,
                        item.process_server,
                        [vm.id, vm.power] if vm else None,
                    ]
                )
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
