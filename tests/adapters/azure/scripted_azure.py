# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted HTTPS service: token endpoint, answers by script, every request written down.

It plays what the vault stand-in does not: exact byte-level failures, odd headers, and clouds under other names.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import Vaults, connect
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ConnectionFailed, FailbackError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock

SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
VAULT = VaultRef(SUBSCRIPTION, "rg", "vault")
ITEM = (
    f"/Subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/vault"
    "/replicationFabrics/f/replicationProtectionContainers/c/replicationProtectedItems/i 1"
)
NO_VAULT = "The Resource 'Microsoft.RecoveryServices/vaults/vault' under resource group 'rg' was not found."
JOB = "eb06d59d-0000-4000-8000-000000000001"
TENANT, CLIENT, SECRET = "11111111-1111-1111-1111-111111111111", "app-1", "canary-secret-1"


@dataclass
class Answer:
    """What to say. ``cut`` ends the connection within the body, ``drop`` before any answer, ``wait`` delays."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    drop: bool = False
    wait: float = 0.0


@dataclass
class Seen:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


def accepted(job: str, pace: str | None = "30", links: Mapping[str, str] | None = None) -> Answer:
    """A 202 as recorded: empty body, both links."""
    headers = dict(
        links
        or {
            "Location": f"https://x/s/operationresults/{job}?api-version=1&t=1&c=cc&s=ss&h=hh",
            "Azure-AsyncOperation": f"https://x/s/replicationOperationStatus/{job}?api-version=1&t=1&c=cc&s=ss&h=hh",
        }
    )
    if pace:
        headers["Retry-After"] = pace
    return Answer(202, None, headers)


Script = Callable[[Seen], Answer]


class Service:
    """The server, in a thread of its own on a free port; use it as a context manager."""

    def __init__(self, folder: Path, name: str = "scripted") -> None:
        self._ca = trustme.CA()
        self.ca_path = folder / f"{name}-ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_path))
        self.asked: list[Seen] = []
        self.token_answers: list[Answer] = []
        self.tokens_given = 0
        self.token_life = 3600
        self.valid: set[str] = set()
        self.script: Script = lambda seen: Answer(200, {"value": []})
        self.check_tokens = True
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> Service:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def say(self, *answers: Answer) -> None:
        """Answer with these one after the other, the last one for ever."""
        left = list(answers)
        self.script = lambda seen: left.pop(0) if len(left) > 1 else left[0]

    def revoke(self) -> None:
        self.valid.clear()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/openid-configuration"):
            base = f"{self.url}/{TENANT}"
            return web.json_response(
                {
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "issuer": f"{base}/v2.0",
                }
            )
        if request.path.endswith("/oauth2/v2.0/token"):
            return await self._token(request)
        seen = Seen(
            request.method,
            request.path,
            request.raw_path.partition("?")[2],
            {k.lower(): v for k, v in request.headers.items()},
            await request.read(),
        )
        self.asked.append(seen)
        token = seen.headers.get("authorization", "").removeprefix("Bearer ")
        if self.check_tokens and token not in self.valid:
            return web.json_response(
                {"error": {"code": "ExpiredAuthenticationToken", "message": "The access token is invalid."}}, status=401
            )
        return await self._reply(request, self.script(seen))

    async def _token(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        if self.token_answers:
            return await self._reply(request, self.token_answers.pop(0))
        self.tokens_given += 1
        token = f"token-{self.tokens_given}"
        self.valid.add(token)
        return web.json_response({"token_type": "Bearer", "expires_in": self.token_life, "access_token": token})

    async def _reply(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if answer.wait:
            await asyncio.sleep(answer.wait)
        if answer.drop:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        body = answer.body if isinstance(answer.body, bytes) else b""
        kind: dict[str, str] = {}
        if answer.body is not None and not isinstance(answer.body, bytes):
            body = json.dumps(answer.body).encode()
            kind = {"Content-Type": "application/json"}
        response = web.StreamResponse(status=answer.status, headers={**kind, **answer.headers})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2] if answer.cut else body)
        if answer.cut:
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write_eof()
        return response


class FastClock:
    """Time that passes only by sleeping; what was slept is written down."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._began = time.monotonic()
        self._ahead = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self._began + self._ahead

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._ahead += seconds


def account(service: Service, **options: Any) -> AzureAccount:
    return AzureAccount(
        **{
            "tenant": TENANT,
            "client_id": CLIENT,
            "secret": SECRET,
            "resource_manager_endpoint": service.url,
            "authority_host": service.url,
            "ca_path": str(service.ca_path),
            **options,
        }
    )


def open_vaults(service: Service, clock: FastClock, **options: Any) -> Vaults:
    settings = {"random": lambda: 0.5, **options}
    return connect(account(service), clock=Clock(clock.monotonic, clock.sleep), **settings)


def entries(*names: str) -> list[dict[str, str]]:
    return [{"id": f"/Subscriptions/s/x/{n}", "name": n} for n in names]


def fails(service: Service, clock: FastClock, **options: Any) -> FailbackError:
    """The error that connecting and listing with these options ends in; it never shows the secret."""
    vaults = connect(account(service, **options), clock=Clock(clock.monotonic, clock.sleep))
    with pytest.raises(ConnectionFailed) as caught:
        vaults.list_items(VAULT)
    assert SECRET not in caught.value.sentence() + json.dumps(caught.value.details)
    return caught.value
