# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the stand-in together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from rehearsal.azure.arm import Arm
from rehearsal.azure.clock import Clock
from rehearsal.azure.control import Control
from rehearsal.azure.engine import Engine
from rehearsal.azure.faults import Faults
from rehearsal.azure.ledger import Ledger
from rehearsal.azure.onprem import MemoryOnPrem, OnPrem
from rehearsal.azure.routes.base import Service
from rehearsal.azure.settings import Settings
from rehearsal.azure.tokens import TokenService
from rehearsal.azure.world import World
from rehearsal.fleet import Fleet, FleetError, stable_uuid
from rehearsal.vcenter.control import Control as VCenterControl

#: Bodies of operations are small; a larger one is a mistake of the client.
MAX_BODY = 4 * 1024 * 1024


@dataclass
class ServerOptions:
    fleet: Fleet
    directory: Path
    cert: Path
    key: Path
    ca: Path | None = None
    port: int = 0
    control_port: int = 0
    ready: Path | None = None
    speed: float | None = None
    page_size: int | None = None
    vcenter_url: str | None = None
    vcenter_user: str | None = None
    vcenter_control: str | None = None
    vcenter_password: str | None = None
    client_secret: str | None = None


def build(options: ServerOptions) -> Arm:
    """The stand-in without its sockets; needs a running event loop."""
    fleet = options.fleet
    clock = Clock(options.speed or fleet.speed)
    settings = Settings(page_size=options.page_size or fleet.page_size, lag=fleet.lag)
    world = World(fleet, clock, settings, _onprem(options))
    options.directory.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(options.directory / "requests.jsonl")
    if options.vcenter_control:
        world.follower = VCenterControl(options.vcenter_control, timeout=10.0).clock
    tokens = TokenService(
        tenant=stable_uuid("tenant", fleet.name),
        client_id=stable_uuid("client", fleet.name),
        secret=options.client_secret or secrets.token_urlsafe(24),
        settings=settings,
    )
    return Arm(Service(world, Engine(world), ledger), tokens, ledger, Faults())


def _onprem(options: ServerOptions) -> OnPrem:
    if not options.vcenter_url:
        return MemoryOnPrem(options.fleet)
    from rehearsal.azure.onprem_vcenter import VCenterOnPrem

    return VCenterOnPrem(
        options.fleet,
        options.speed or options.fleet.speed,
        options.vcenter_url,
        options.vcenter_user or options.fleet.site.username,
        options.vcenter_password or "",
        str(options.ca) if options.ca else None,
    )


async def lend_first(world: World) -> None:
    """Machines that start in the middle of a failback have their disks on a master target already."""
    for vault in world.vaults:
        for item in vault.items.values():
            if item.phase not in ("syncing_home", "ready", "failed_home"):
                continue
            target = vault.gateway(item.master_target)
            if target is None:
                raise FleetError(f"machine {item.machine.name}: no master target or appliance of its vault fits it.")
            if await world.on_premises(world.onprem.machine, item.machine) is None:
                await world.on_premises(world.onprem.build, item.machine, target, target.datastores[0])
            else:
                await world.on_premises(world.onprem.lend, item.machine, target)


class VaultStandIn:
    """Both sockets. ``start`` returns when they answer; ``stop`` ends every job and connection."""

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self.arm = build(options)
        self._runners: list[web.AppRunner] = []
        self.url = self.control_url = ""

    async def start(self) -> None:
        options = self.options
        engine = self.arm.service.engine
        await self.arm.world.lead_clock()
        await lend_first(self.arm.world)
        engine.resume_first_states()
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{tail:.*}", self.arm.handle)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        port = await self._listen(app, options.port, context)
        self.url = f"https://127.0.0.1:{port}"
        self.arm.base_url = self.arm.tokens.base_url = self.url
        control = Control(self.arm).application()
        self.control_url = f"http://127.0.0.1:{await self._listen(control, options.control_port, None)}"
        if options.ready:
            write_private(options.ready, self.about())

    async def _listen(self, app: web.Application, port: int, context: ssl.SSLContext | None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        self._runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, backlog=512)
        await site.start()
        return int(runner.addresses[0][1])

    def about(self) -> dict[str, Any]:
        tokens = self.arm.tokens
        return {
            "url": self.url,
            "control": self.control_url,
            "pid": os.getpid(),
            "tenant": tokens.tenant,
            "client_id": tokens.client_id,
            "secrets": {"client_secret": tokens.secret},
        }

    async def stop(self) -> None:
        self.arm.faults.clear()
        await self.arm.service.engine.stop()
        for runner in self._runners:
            await runner.cleanup()
        self.arm.world.onprem.close()
        self.arm.world.pool.shutdown(wait=False, cancel_futures=True)
        self.arm.ledger.close()


def write_private(path: Path, value: dict[str, Any]) -> None:
    """Write JSON that only its owner may read, all at once."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(value, stream)
    temporary.replace(path)


async def serve(options: ServerOptions) -> None:
    """Run until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = VaultStandIn(options)
    try:
        await server.start()
        await stopped.wait()
    finally:
        await server.stop()
