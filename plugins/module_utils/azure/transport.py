# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to Resource Manager: the SDK's operations where it has them, one plain pipeline for everything else.

Both go through the same policies (policies.py) and the same connections (wire.py). Reads stay plain: their answers are
kept as the service's JSON, and a typed one costs 1.9 ms of CPU where a plain one costs half as much.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from ..failback.model.errors import InputError, ReadFailed
from ..failback.model.ports import Clock, Requests
from . import operations, sdk
from .clouds import Cloud
from .credential import AzureAccount
from .failures import Reply
from .pacing import TokenBucket
from .policies import chain
from .shared import Exchange, Shared
from .tokens import Tokens
from .wire import Wire

#: Seconds to wait for a connection, and for the next bytes of an answer.
TIMEOUTS = (10.0, 60.0)


class Transport:
    """Sends requests for ``Vaults``; safe to use from many threads.

    ``wire`` takes the place of the network; see ``Shared`` for the others.
    """

    def __init__(
        self,
        account: AzureAccount,
        cloud: Cloud,
        tokens: Tokens,
        clock: Clock,
        random: Callable[[], float],
        deadline: float | None = None,
        timeouts: tuple[float, float] = TIMEOUTS,
        wall: Callable[[], float] = time.time,
        wire: Any = None,
    ) -> None:
        self.endpoint = cloud.endpoint
        self._shared = Shared(cloud.endpoint, tokens, clock, random, deadline, wall)
        self._scope = cloud.scope
        self._tokens = tokens
        self._wire = wire or Wire(account.ca_path, timeouts)
        self._plain = sdk.plain_client(self.endpoint, self._wire, chain(self._shared))
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def requests(self) -> Requests:
        """What was sent so far."""
        return self._shared.requests

    @property
    def now(self) -> datetime:
        """The Date header of the latest answer; before the first one this machine's time."""
        return self._shared.told or datetime.fromtimestamp(self._shared.wall(), timezone.utc)

    @property
    def deadline(self) -> float | None:
        """The time of ``clock.monotonic`` that no pause may pass."""
        return self._shared.deadline

    @deadline.setter
    def deadline(self, value: float | None) -> None:
        self._shared.deadline = value

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def url(self, resource_id: str, query: Mapping[str, str]) -> str:
        """The URL of an ARM id (which may begin with a capital /Subscriptions: SEEN)."""
        path = "/" + resource_id.strip("/")
        if path[:15].lower() == "/subscriptions/":
            path = "/subscriptions/" + path[15:]
        if any(part in (".", "..") for part in path.split("/")):
            raise InputError(
                "id_invalid", f"'{resource_id}' is not a resource id.", "Correct the name it is built from."
            )
        values = "&".join(f"{quote(k, safe='$')}={quote(v, safe='')}" for k, v in query.items())
        return f"{self.endpoint}{quote(path, safe='/:@!$&()*+,;=~')}?{values}"

    def write_buckets(self) -> list[TokenBucket]:
        """The write buckets known so far."""
        return self._shared.write_buckets()

    def export(self) -> dict[str, dict[str, dict[str, float]]]:
        """All buckets as plain numbers, by subscription."""
        return self._shared.export()

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Take over what ``export`` gave; what is not understood is left aside."""
        self._shared.restore(state)

    def pause(self, length: float) -> None:
        """Wait ``length`` seconds; ReadFailed where that would pass the deadline."""
        if not self._shared.pause(length):
            raise ReadFailed("read_failed", "There is no time left to wait for an answer.", "Rerun.")

    def read(self, url: str, what: str, pending: bool = False) -> dict[str, Any]:
        """GET a JSON object; a bare list comes as ``{"value": [...]}``, and with ``pending`` a 202 as an empty object.

        5xx, lost and cut answers are tried again with growing, spread pauses; 429 waits as instructed; 401 fetches a new
        token. Raises ReadFailed, NotFound or ConnectionFailed.
        """
        call = Exchange(what, changes=False, pending=pending)
        self._plain.send_request(sdk.request("GET", url), call=call)
        return call.found or {}

    def write(
        self, url: str, body: Mapping[str, Any] | None, what: str, method: str = "POST", changes: bool = True
    ) -> Reply:
        """POST, PUT or DELETE once; gives the reply of an accepted request (2xx).

        ``changes`` is False for a POST that only asks; it counts as a read then.

        401 and 429 were not accepted: a new token or the wait asked for, and the request is sent again. Every other 4xx
        (and 3xx) raises Rejected. 5xx, 408 and anything lost raise Unknown, also where the request most likely never
        left. Where no token is available nothing was sent, and ConnectionFailed says why.
        """
        call = Exchange(what, changes=changes)
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode("utf-8")
        self._plain.send_request(sdk.request(method, url, content), call=call)
        return _accepted(call)

    def act(self, resource_id: str, verb: str, version: str, body: Mapping[str, Any] | None, what: str) -> Reply:
        """POST an operation once, as ``write`` does: by the SDK where it has the operation, else at ``version``."""
        url = self.url(f"{resource_id}/{verb}", {"api-version": version})
        operation = operations.find(resource_id, verb, body)
        if operation is None:
            return self.write(url, body, what)
        call = Exchange(what)
        try:
            operation.send(self._client(operation.subscription), body, call=call)
        except Exception:
            # The SDK checks an answer again after our policies have: what was accepted stays accepted.
            if call.reply is None:
                raise
        return _accepted(call)

    def _client(self, subscription: str) -> Any:
        """The SDK's client of a subscription."""
        with self._lock:
            if subscription not in self._clients:
                self._clients[subscription] = sdk.client(
                    self._tokens,
                    subscription,
                    base_url=self.endpoint,
                    scope=self._scope,
                    transport=self._wire,
                    policies=chain(self._shared),
                )
            return self._clients[subscription]


def _accepted(call: Exchange) -> Reply:
    if call.reply is None:
        raise AssertionError(f"{call.what} ended without an answer and without an error")
    return call.reply
