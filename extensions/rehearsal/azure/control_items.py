# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the control endpoint that shows and changes replicated items and appliances."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from rehearsal.azure.inventory import add_health_event
from rehearsal.azure.items import Item, health_error
from rehearsal.azure.onprem import OnPremError
from rehearsal.azure.world import World
from rehearsal.fleet import HEALTH

#: Keys of POST /items/NAME.
ITEM_KEYS = (
    "azure_power",
    "azure_inside",
    "azure_deleted",
    "agent_registered",
    "allowed_operations",
    "protection_state",
    "replication_health",
    "health_error",
    "details",
    "new_disk_gb",
)


class BadControl(Exception):
    """A control request that cannot be carried out; the text says why."""


class ItemControl:
    """Items as they are, whatever ARM shows of them, and what a test lays over them."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def items(self, request: web.Request) -> web.Response:
        found = [self._truth(item) for vault in self.world.vaults for item in vault.items.values()]
        return web.json_response(found)

    async def item(self, request: web.Request) -> web.Response:
        item = self._item(request)
        truth = self._truth(item)
        try:
            seen = await self.world.on_premises(self.world.onprem.machine, item.machine)
            truth["onprem"] = (
                None
                if seen is None
                else {
                    "running": seen.running,
                    "host": seen.host,
                    "datastores": seen.stores,
                    "snapshot": seen.snapshot,
                }
            )
        except OnPremError as problem:
            truth["onprem"] = {"error": str(problem)}
        return web.json_response(truth)

    def _truth(self, item: Item) -> dict[str, Any]:
        vm = item.azure_vm
        return {
            "name": item.machine.name,
            "item": item.name,
            "id": item.id,
            "vault": item.vault.spec.name,
            "phase": item.phase,
            "busy": item.busy,
            "job": item.job.name if item.job else None,
            "allowed_operations": item.allowed,
            "agent_registered": item.agent_registered(),
            "azure_vm": {"id": vm.id, "power": vm.power} if vm else None,
            "master_target": item.master_target,
            "process_server": item.process_server,
            "azure_name": item.azure_name,
            "progress": item.progress() if item.row.syncing else None,
            "jobs": [
                {"name": j.name, "operation": j.move.name if j.move else j.scenario, "state": j.state}
                for j in item.vault.jobs.values()
                if j.item is item
            ],
        }

    def _item(self, request: web.Request) -> Item:
        item = self.world.item_named(request.match_info["name"])
        if item is None:
            raise BadControl(f"{request.match_info['name']}: there is no such item.")
        return item

    async def patch_item(self, request: web.Request) -> web.Response:
        """``azure_power``, ``azure_inside`` (vault.AzureVm), ``azure_deleted`` (true: somebody has deleted its Azure VM),
        ``agent_registered`` (true, false, or seconds from now), and words laid over the truth (null takes them off):
        ``allowed_operations``, ``protection_state`` [state, description], ``replication_health``, ``health_error``
        {code, level, message}, ``details`` (keys of providerSpecificDetails). ``new_disk_gb``: the machine gets a disk of
        that size on-premises, which is not replicated."""
        item, patch = self._item(request), await json_of(request)
        unknown = sorted(set(patch) - set(ITEM_KEYS))
        if unknown:
            raise BadControl(f"{unknown[0]}: unknown key; known are {', '.join(ITEM_KEYS)}.")
        for key, value in patch.items():
            if key in ("azure_power", "azure_inside", "azure_deleted"):
                if item.azure_vm is None:
                    raise BadControl(f"{key}: {item.machine.name} has no Azure VM now.")
                if key == "azure_deleted":
                    self.world.remove_azure_vm(item)
                elif key == "azure_power":
                    item.azure_vm.power = str(value)
                else:
                    item.azure_vm.inside = dict(value or {})
            elif key == "agent_registered":
                self._register(item, value)
            elif key == "health_error":
                item.overrides.pop("health_errors", None)
                if value is not None:
                    level = value.get("level", "Warning")
                    entry = health_error(
                        str(value.get("code", "78026")),
                        level,
                        "Replication",
                        value.get("message", ""),
                        self.world.clock.now(),
                    )
                    item.overrides["health_errors"] = [entry]
                    add_health_event(item, [entry])
            elif key == "new_disk_gb":
                number = len(item.machine.disks_gb) + len(item.new_disks_gb)
                onprem = self.world.onprem
                await self.world.on_premises(onprem.add_disk, item.machine, number, int(value))
                item.new_disks_gb.append(int(value))
            elif value is None:
                item.overrides.pop(key, None)
            else:
                item.overrides[key] = tuple(value) if key == "protection_state" else value
        item.touch()
        return web.json_response(self._truth(item))

    def _register(self, item: Item, value: Any) -> None:
        now = self.world.clock.now()
        if value is True:
            item.agent_registers_at = now
        elif value is False:
            item.silent_since = min(now, item.last_failover or now) - 60.0
            item.agent_registers_at = float("inf")
        else:
            item.agent_registers_at = now + float(value)
            self.world.clock.call_at(item.agent_registers_at, item.touch)

    async def patch_appliance(self, request: web.Request) -> web.Response:
        """The health of an appliance, whatever the fleet says."""
        name, health = request.match_info["name"], (await json_of(request))["health"]
        if health not in HEALTH:
            raise BadControl(f"health: {health!r} is not one of {', '.join(HEALTH)}.")
        for vault in self.world.vaults:
            for appliance in vault.spec.appliances:
                if appliance.name == name:
                    vault.appliance_health[appliance.id] = health
                    return web.json_response({"appliance": name, "health": health})
        raise BadControl(f"{name}: there is no such appliance.")


async def json_of(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    value = json.loads(text) if text.strip() else {}
    if not isinstance(value, dict):
        raise BadControl("The body must be a JSON object.")
    return value
