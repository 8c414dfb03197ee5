# SPDX-License-Identifier: GPL-3.0-or-later
"""The control endpoint: plain HTTP on its own port. It counts requests, injects faults and moves the clock; ARM never reaches it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from rehearsal.azure.arm import Arm
from rehearsal.azure.inventory import add_health_event
from rehearsal.azure.items import Item, health_error
from rehearsal.azure.onprem import OnPremError
from rehearsal.azure.throttle import LIMITS
from rehearsal.fleet import HEALTH

#: Keys of POST /items/NAME.
ITEM_KEYS = (
    "azure_power",
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


class Control:
    """What can be asked for, all as JSON:

    * ``GET /counters``, ``POST /counters/reset`` (fills the buckets again), ``GET /bodies``, ``GET /digest``
    * ``GET /items``, ``GET /items/NAME`` (with what vCenter shows), ``POST /items/NAME``
    * ``POST /appliances/NAME {health}`` (Normal, Warning or Critical)
    * ``GET /faults``, ``POST /faults``, ``DELETE /faults`` (lets go whatever waits), ``GET /barrier/NAME``,
      ``POST /barrier/NAME/release``
    * ``GET /settings``, ``POST /settings``, ``POST /token-lifetime {seconds}``, ``POST /revoke-tokens``, ``POST /expire-tokens``,
      ``POST /secret {expired}``, ``POST /certificate {pem}``
    * ``POST /locks {scope, name, level}`` (a resource, group or subscription), ``DELETE /locks``
    * ``GET /clock``, ``POST /clock {speed}``, ``POST /clock/advance {seconds}``
    """

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self.world = arm.world

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_plain_errors])
        app.add_routes(
            [
                web.get("/counters", self.counters),
                web.post("/counters/reset", self.reset),
                web.get("/bodies", self.bodies),
                web.get("/digest", self.digest),
                web.get("/items", self.items),
                web.get("/items/{name}", self.item),
                web.post("/items/{name}", self.patch_item),
                web.post("/appliances/{name}", self.patch_appliance),
                web.get("/faults", self.faults),
                web.post("/faults", self.add_fault),
                web.delete("/faults", self.clear_faults),
                web.get("/barrier/{name}", self.barrier),
                web.post("/barrier/{name}/release", self.release),
                web.get("/settings", self.settings),
                web.post("/settings", self.change_settings),
                web.post("/revoke-tokens", self.revoke),
                web.post("/expire-tokens", self.expire),
                web.post("/throttle/drain", self.drain),
                web.post("/token-lifetime", self.token_lifetime),
                web.post("/secret", self.secret),
                web.post("/certificate", self.certificate),
                web.post("/locks", self.lock),
                web.delete("/locks", self.unlock),
                web.get("/clock", self.clock),
                web.post("/clock", self.set_clock),
                web.post("/clock/advance", self.advance),
            ]
        )
        return app

    # -- reading -----------------------------------------------------------------------------------------------------

    async def counters(self, request: web.Request) -> web.Response:
        return web.json_response(self.arm.ledger.counters())

    async def reset(self, request: web.Request) -> web.Response:
        """Reset counters and bodies; the buckets are full again."""
        self.arm.ledger.reset()
        self.arm.throttle.reset()
        return web.json_response({"reset": True})

    async def bodies(self, request: web.Request) -> web.Response:
        """Accepted writes in order. Bodies are here only, never on disk."""
        return web.json_response(self.arm.ledger.bodies)

    async def lock(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        body = self.arm.service.estate.lock(
            str(wanted["scope"]), str(wanted.get("name") or "keep"), str(wanted.get("level") or "CanNotDelete")
        )
        return web.json_response(body)

    async def unlock(self, request: web.Request) -> web.Response:
        self.arm.service.estate.locks.clear()
        return web.json_response({"locks": 0})

    async def digest(self, request: web.Request) -> web.Response:
        return web.json_response({"digest": self.world.digest()})

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

    # -- turning the world -------------------------------------------------------------------------------------------

    async def patch_item(self, request: web.Request) -> web.Response:
        """``azure_power``, ``agent_registered`` (true, false, or seconds from now), and words laid over the truth
        (null takes them off): ``allowed_operations``, ``protection_state`` [state, description], ``replication_health``,
        ``health_error`` {code, level, message}, ``details`` (keys of providerSpecificDetails). ``new_disk_gb``: the
        machine gets a disk of that size on-premises, which is not replicated."""
        item, patch = self._item(request), await _json(request)
        unknown = sorted(set(patch) - set(ITEM_KEYS))
        if unknown:
            raise BadControl(f"{unknown[0]}: unknown key; known are {', '.join(ITEM_KEYS)}.")
        for key, value in patch.items():
            if key == "azure_power":
                if item.azure_vm is None:
                    raise BadControl(f"azure_power: {item.machine.name} has no Azure VM now.")
                item.azure_vm.power = str(value)
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
        name, health = request.match_info["name"], (await _json(request))["health"]
        if health not in HEALTH:
            raise BadControl(f"health: {health!r} is not one of {', '.join(HEALTH)}.")
        for vault in self.world.vaults:
            for appliance in vault.spec.appliances:
                if appliance.name == name:
                    vault.appliance_health[appliance.id] = health
                    return web.json_response({"appliance": name, "health": health})
        raise BadControl(f"{name}: there is no such appliance.")

    # -- faults ------------------------------------------------------------------------------------------------------

    async def faults(self, request: web.Request) -> web.Response:
        return web.json_response(
            [
                {"action": r.action, "match": r.match, **r.parameters, "times": r.times, "seen": r.seen, "done": r.done}
                for r in self.arm.faults.rules
            ]
        )

    async def add_fault(self, request: web.Request) -> web.Response:
        self.arm.faults.add(await _json(request))
        return web.json_response({"rules": len(self.arm.faults.rules)})

    async def clear_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"removed": self.arm.faults.clear()})

    async def barrier(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        barrier = self.arm.faults.barriers.get(name)
        if barrier is None:
            raise BadControl(f"{name}: there is no such barrier.")
        return web.json_response(
            {"waiting": barrier.waiting, "parties": barrier.parties, "open": barrier.opened.is_set()}
        )

    async def release(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self.arm.faults.release(name):
            raise BadControl(f"{name}: there is no such barrier.")
        return web.json_response({"released": name})

    # -- settings, tokens, clock -------------------------------------------------------------------------------------

    async def settings(self, request: web.Request) -> web.Response:
        return web.json_response(vars(self.world.settings))

    async def change_settings(self, request: web.Request) -> web.Response:
        self.world.settings.change(await _json(request))
        return web.json_response(vars(self.world.settings))

    async def revoke(self, request: web.Request) -> web.Response:
        return web.json_response({"revoked": self.arm.tokens.revoke_all()})

    async def expire(self, request: web.Request) -> web.Response:
        return web.json_response({"expired": self.arm.tokens.expire_all()})

    async def drain(self, request: web.Request) -> web.Response:
        """Buckets of one ``kind`` (reads, writes, deletes) are found empty by the next ``times`` calls, whatever the time."""
        body = await _json(request)
        kind = str(body.get("kind"))
        if kind not in LIMITS:
            raise BadControl(f"kind={kind}: known are {', '.join(LIMITS)}.")
        self.arm.throttle.drain(kind, int(body.get("times", 1)))
        return web.json_response({"drained": kind})

    async def token_lifetime(self, request: web.Request) -> web.Response:
        """Lifetime of tokens given out from now on, in real seconds."""
        self.world.settings.change({"token_lifetime": (await _json(request))["seconds"]})
        return web.json_response({"seconds": self.world.settings.token_lifetime})

    async def secret(self, request: web.Request) -> web.Response:
        self.arm.tokens.secret_expired = bool((await _json(request)).get("expired"))
        return web.json_response({"expired": self.arm.tokens.secret_expired})

    async def certificate(self, request: web.Request) -> web.Response:
        """Register the certificate that client assertions must be signed with; null takes any again."""
        self.arm.tokens.certificate = (await _json(request)).get("pem")
        return web.json_response({"registered": self.arm.tokens.certificate is not None})

    async def clock(self, request: web.Request) -> web.Response:
        return web.json_response({"now": self.world.clock.now(), "speed": self.world.clock.speed})

    async def set_clock(self, request: web.Request) -> web.Response:
        speed = float((await _json(request))["speed"])
        self.world.clock.set_speed(speed)
        await self.world.lead_clock()
        return await self.clock(request)

    async def advance(self, request: web.Request) -> web.Response:
        seconds = float((await _json(request))["seconds"])
        # What becomes due by the jump must find vCenter's clock there already.
        await self.world.lead_clock(max(0.0, seconds))
        self.world.clock.advance(seconds)
        return await self.clock(request)


async def _json(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    value = json.loads(text) if text.strip() else {}
    if not isinstance(value, dict):
        raise BadControl("The body must be a JSON object.")
    return value


@web.middleware
async def _plain_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except KeyError as problem:
        return web.json_response({"error": f"The key {problem} is missing."}, status=400)
    except (BadControl, ValueError, TypeError) as problem:
        return web.json_response({"error": str(problem)}, status=400)
