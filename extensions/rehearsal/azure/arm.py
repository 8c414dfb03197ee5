# SPDX-License-Identifier: GPL-3.0-or-later
"""The ARM front: every request passes here, is checked, counted, spoiled if a rule says so, answered and logged."""

from __future__ import annotations

import asyncio
import logging
import re

from aiohttp import web

from rehearsal.azure import front, shapes, versions
from rehearsal.azure.armpath import AUTHORIZATION, COMPUTE, NETWORK, RESOURCES, SITE_RECOVERY, parse
from rehearsal.azure.call import Call, Reply, find_item
from rehearsal.azure.clock import http_date, iso_seconds
from rehearsal.azure.errors import Refused, group_not_found, refused, resource_not_found
from rehearsal.azure.faults import FaultRule, Faults, spoil
from rehearsal.azure.ledger import Ledger
from rehearsal.azure.lifecycle import move_for, moves_of
from rehearsal.azure.routes import ROUTES
from rehearsal.azure.routes.base import Handler, Service
from rehearsal.azure.routes.subscriptions import TOP
from rehearsal.azure.throttle import GLOBAL_FACTOR, LIMITS, Throttle, kind_of
from rehearsal.azure.tokens import TokenService
from rehearsal.azure.words import dumps

log = logging.getLogger("rehearsal.azure.arm")

JSON = "application/json; charset=utf-8"
LOOKS = ("GET", "HEAD")
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: Smaller bodies are sent as they are, bytes.
WORTH_GZIP = 1024


class Arm:
    """The handler behind the HTTPS port: token endpoint and resource manager."""

    def __init__(self, service: Service, tokens: TokenService, ledger: Ledger, faults: Faults) -> None:
        self.service = service
        self.world = service.world
        self.tokens = tokens
        self.ledger = ledger
        self.faults = faults
        self.throttle = Throttle()
        self.base_url = ""
        self._last_page: dict[str, str] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(request, b"", self.base_url, parse(request.rel_url.raw_path))
        rules: list[FaultRule] = []
        status: int | str = "lost"
        try:
            try:
                call.body = await request.read()
            except web.HTTPRequestEntityTooLarge:
                status = 413
                return self._send(call, _too_large())
            self._recognise(call)
            rules = self.faults.matching(call)
            self.ledger.faults += len(rules)
            spoiled = await self._before(call, rules)
            if spoiled is None:
                reply = await self._answer(call)
                status = reply.status
                return await self._after(call, reply, rules)
            status = spoiled.status
            return self._send(call, spoiled)
        except _Dropped:
            status = "dropped"
            return web.Response()
        finally:
            # A token request's body is a secret; even its hash stays out of the log.
            body = b"" if front.is_token(call) else call.body
            client_id = request.headers.get("x-ms-client-request-id")
            self.ledger.write(call.method, call.target, status, client_id, body)

    # -- what the call is about --------------------------------------------------------------------------------------

    def _recognise(self, call: Call) -> None:
        """Find vault, item and operation early, so that fault rules can name them."""
        path = call.path
        if path is None or path.namespace != SITE_RECOVERY or path.types[:1] != ("vaults",) or not path.names:
            return
        call.vault = self.world.vault(path.subscription, path.group or "", path.names[0])
        if call.vault is None or "replicationprotecteditems" not in path.types[1:]:
            return
        position = path.types.index("replicationprotecteditems")
        if position >= len(path.names):
            return
        call.item = find_item(call.vault, path.names[position])
        if call.item is not None and call.method == "POST" and len(path.types) > position + 1:
            verb = path.types[position + 1]
            generation = call.vault.spec.generation
            known = moves_of(generation, verb)
            move = move_for(generation, verb, call.item.phase)
            call.operation = known[0].operation if known else verb
            call.operation_and_direction = move.name if move else None

    # -- faults ------------------------------------------------------------------------------------------------------

    async def _before(self, call: Call, rules: list[FaultRule]) -> Reply | None:
        for rule in rules:
            if rule.late:
                continue
            if rule.action == "drop_before_accept":
                _abort(call)
                raise _Dropped
            if rule.action == "status":
                return _status(rule)
            await self.faults.pause(rule)
        return None

    async def _after(self, call: Call, reply: Reply, rules: list[FaultRule]) -> web.StreamResponse:
        previous = self._last_page.get(call.request.path)
        if call.is_list:
            self._last_page[call.request.path] = reply.body
        for rule in rules:
            if not rule.late:
                continue
            if rule.action == "drop_after_accept":
                _abort(call)
                raise _Dropped
            if rule.action == "status":
                reply = _status(rule)
            elif rule.action == "cut_reply":
                return await self._cut(call, reply)
            elif rule.action in ("garbage", "repeat_page", "repeat_link"):
                if reply.body:
                    reply.body = spoil(rule, reply.body, call, previous)
            else:
                await self.faults.pause(rule)
        return self._send(call, reply)

    async def _cut(self, call: Call, reply: Reply) -> web.StreamResponse:
        """Headers for the whole body, half of it, and then the connection closes."""
        data = reply.body.encode()
        response = web.StreamResponse(status=reply.status, headers=self._headers(call, reply))
        response.content_length = max(len(data), 2)
        await response.prepare(call.request)
        await response.write(data[: max(1, len(data) // 2)] or b" ")
        if call.request.transport is not None:
            call.request.transport.close()
        raise _Dropped

    # -- answering ---------------------------------------------------------------------------------------------------

    async def _answer(self, call: Call) -> Reply:
        try:
            top = TOP.get("/".join(call.parts).lower()) if call.method in LOOKS else None
            if call.path is None and top is None:
                self.ledger.tokens += front.is_token(call)
                return front.answer(call, self.tokens)
            call.principal = self.tokens.principal(call.request.headers.get("Authorization"))
            self._pass_bucket(call)
            versions.check(call.path.namespace if call.path else "", call.api_version)
            return await self._top(call, top) if top is not None else await self._resource(call)
        except Refused as no:
            if no.status == 401:
                self.ledger.unauthorized += 1
            elif no.status == 429:
                self.ledger.throttled += 1
            else:
                self.ledger.refused += 1
            return Reply(no.status, dumps(no.body), no.headers)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("%s %s", call.method, call.request.path)
            return Reply(
                500, dumps({"error": {"code": "InternalServerError", "message": "The stand-in failed; see its log."}})
            )

    async def _top(self, call: Call, handler: Handler) -> Reply:
        """A list that is below no subscription."""
        self.ledger.count_call(call.method, True, "/".join(call.parts).lower())
        return await handler(self.service, call)

    def _pass_bucket(self, call: Call) -> None:
        if not self.world.settings.throttle:
            return
        below = call.parts[1] if len(call.parts) > 1 and call.parts[0].lower() == "subscriptions" else ""
        call.remaining, wait = self.throttle.take(call.principal, call.method, below)
        if wait is not None:
            raise refused(
                429,
                "TooManyRequests",
                f"The request is being throttled as the limit has been reached for operation type - "
                f"{kind_of(call.method).capitalize()}. For more information, see - https://aka.ms/srpthrottlinglimits",
                **{"Retry-After": str(wait)},
            )

    async def _resource(self, call: Call) -> Reply:
        path = call.path
        assert path is not None
        world = self.world
        if not GUID.fullmatch(path.subscription):
            raise refused(
                400,
                "InvalidSubscriptionId",
                f"The provided subscription identifier '{path.subscription}' is malformed or invalid.",
            )
        if not world.knows_subscription(path.subscription):
            raise refused(404, "SubscriptionNotFound", f"The subscription '{path.subscription}' could not be found.")
        if path.group is not None and not world.knows_group(path.subscription, path.group):
            raise group_not_found(path.group)
        self.ledger.count_call(
            call.method, not path.complete and call.method in LOOKS, f"{path.namespace}/{path.route}"
        )
        below = path.route
        if path.namespace == SITE_RECOVERY and path.types[:1] == ("vaults",) and path.names and call.vault is None:
            raise resource_not_found("Microsoft.RecoveryServices/vaults", path.names[0], path.group or "")
        if path.namespace not in (SITE_RECOVERY, COMPUTE, NETWORK, RESOURCES, AUTHORIZATION, ""):
            raise refused(404, "InvalidResourceNamespace", f"The resource namespace '{path.namespace}' is invalid.")
        # A HEAD is a GET of which only the headers are sent.
        method = "GET" if call.method == "HEAD" else call.method
        handler = ROUTES.get((method, f"{path.namespace}/{below}"))
        if handler is None:
            if any(route == f"{path.namespace}/{below}" for _dummy, route in ROUTES):
                raise refused(405, "MethodNotAllowed", f"The method {call.method} is not allowed for this resource.")
            raise refused(
                404, "InvalidResourceType", f"The resource type '{below}' could not be found in the namespace."
            )
        if call.method not in LOOKS and path.namespace == SITE_RECOVERY:
            shapes.check(call.json(), plan="replicationrecoveryplans" in path.types)
        return await handler(self.service, call)

    # -- sending -----------------------------------------------------------------------------------------------------

    def _headers(self, call: Call, reply: Reply) -> dict[str, str]:
        now = self.world.clock.now()
        headers = {
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
            "Expires": "-1",
            "Date": http_date(now),
            "Server": "Kestrel",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
            "x-ms-request-id": call.activity,
            "x-ms-correlation-request-id": call.activity,
            "x-ms-routing-request-id": f"WESTEUROPE:{_stamp(now)}:{call.activity}",
        }
        if call.remaining is not None:
            kind = kind_of(call.method)
            size = LIMITS[kind][0]
            headers[f"x-ms-ratelimit-remaining-subscription-{kind}"] = str(call.remaining)
            headers[f"x-ms-ratelimit-remaining-subscription-global-{kind}"] = str(int(size * GLOBAL_FACTOR) - 1)
        echoed = call.request.headers.get("x-ms-client-request-id")
        if echoed:
            headers["x-ms-client-request-id"] = echoed
        if reply.body:
            headers["Content-Type"] = JSON
        headers.update(reply.headers)
        return headers

    def _send(self, call: Call, reply: Reply) -> web.StreamResponse:
        body = reply.body.encode() if reply.body else b""
        response = web.Response(status=reply.status, body=body, headers=self._headers(call, reply))
        if len(body) >= WORTH_GZIP and "gzip" in call.request.headers.get("Accept-Encoding", "").lower():
            response.headers["Vary"] = "Accept-Encoding"
            response.enable_compression(web.ContentCoding.gzip)
        return response


def _too_large() -> Reply:
    text = "The request content size exceeds the maximum size that is permitted."
    return Reply(413, dumps({"error": {"code": "RequestContentTooLarge", "message": text}}), {"Connection": "close"})


def _status(rule: FaultRule) -> Reply:
    """The answer of a ``status`` rule: before acceptance instead of the service's own, with ``when: after`` over it."""
    code = int(rule.parameters.get("code", 503))
    body = rule.parameters.get("body") or {"error": {"code": str(code), "message": "The service is not available."}}
    headers = {}
    if "retry_after" in rule.parameters:
        headers["Retry-After"] = str(rule.parameters["retry_after"])
    return Reply(code, body if isinstance(body, str) else dumps(body), headers)


class _Dropped(Exception):
    """The connection is gone; nothing more is to be sent."""


def _abort(call: Call) -> None:
    if call.request.transport is not None:
        call.request.transport.abort()


def _stamp(now: float) -> str:
    return iso_seconds(now).replace("-", "").replace(":", "")
