# SPDX-License-Identifier: GPL-3.0-or-later
"""The control endpoint: plain HTTP on its own port. It counts requests, injects faults and moves the clock; ARM never reaches it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from rehearsal.azure.arm import Arm
from rehearsal.azure.control_items import BadControl, ItemControl, json_of
from rehearsal.azure.throttle import LIMITS


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
        self.of_items = ItemControl(arm.world)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_plain_errors])
        app.add_routes(
            [
                web.get("/counters", self.counters),
                web.post("/counters/reset", self.reset),
                web.get("/bodies", self.bodies),
                web.get("/digest", self.digest),
                web.get("/items", self.of_items.items),
                web.get("/items/{name}", self.of_items.item),
                web.post("/items/{name}", self.of_items.patch_item),
                web.post("/appliances/{name}", self.of_items.patch_appliance),
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

    # -- faults ------------------------------------------------------------------------------------------------------

    async def faults(self, request: web.Request) -> web.Response:
        return web.json_response(
            [
                {"action": r.action, "match": r.match, **r.parameters, "times": r.times, "seen": r.seen, "done": r.done}
                for r in self.arm.faults.rules
            ]
        )

    async def add_fault(self, request: web.Request) -> web.Response:
        self.arm.faults.add(await json_of(request))
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
        self.world.settings.change(await json_of(request))
        return web.json_response(vars(self.world.settings))

    async def revoke(self, request: web.Request) -> web.Response:
        return web.json_response({"revoked": self.arm.tokens.revoke_all()})

    async def expire(self, request: web.Request) -> web.Response:
        return web.json_response({"expired": self.arm.tokens.expire_all()})

    async def drain(self, request: web.Request) -> web.Response:
        """Buckets of one ``kind`` (reads, writes, deletes) are found empty by the next ``times`` calls, whatever the time."""
        body = await json_of(request)
        kind = str(body.get("kind"))
        if kind not in LIMITS:
            raise BadControl(f"kind={kind}: known are {', '.join(LIMITS)}.")
        self.arm.throttle.drain(kind, int(body.get("times", 1)))
        return web.json_response({"drained": kind})

    async def token_lifetime(self, request: web.Request) -> web.Response:
        """Lifetime of tokens given out from now on, in real seconds."""
        self.world.settings.change({"token_lifetime": (await json_of(request))["seconds"]})
        return web.json_response({"seconds": self.world.settings.token_lifetime})

    async def secret(self, request: web.Request) -> web.Response:
        self.arm.tokens.secret_expired = bool((await json_of(request)).get("expired"))
        return web.json_response({"expired": self.arm.tokens.secret_expired})

    async def certificate(self, request: web.Request) -> web.Response:
        """Register the certificate that client assertions must be signed with; null takes any again."""
        self.arm.tokens.certificate = (await json_of(request)).get("pem")
        return web.json_response({"registered": self.arm.tokens.certificate is not None})

    async def clock(self, request: web.Request) -> web.Response:
        return web.json_response({"now": self.world.clock.now(), "speed": self.world.clock.speed})

    async def set_clock(self, request: web.Request) -> web.Response:
        speed = float((await json_of(request))["speed"])
        self.world.clock.set_speed(speed)
        await self.world.lead_clock()
        return await self.clock(request)

    async def advance(self, request: web.Request) -> web.Response:
        seconds = float((await json_of(request))["seconds"])
        # What becomes due by the jump must find vCenter's clock there already.
        await self.world.lead_clock(max(0.0, seconds))
        self.world.clock.advance(seconds)
        return await self.clock(request)


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
