# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to Resource Manager: reads that are tried again, writes that never are, and what both cost."""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

from ..failback.model.errors import ConnectionFailed, FailbackError, InputError, ReadFailed
from ..failback.model.ports import Clock, Requests
from . import errors, sdk
from .clouds import Cloud
from .credential import AzureAccount
from .errors import Ask, Reply
from .pacing import READ_CAPACITY, READ_RATE, TokenBucket
from .paging import same_service
from .tokens import Tokens

COLLECTION_VERSION = "1.0.0"
USER_AGENT = f"homeward.asr/{COLLECTION_VERSION}"

#: Seconds to wait for a connection, and for the next bytes of an answer.
TIMEOUTS = (10.0, 60.0)

#: Connections kept for threads that send side by side.
POOL = 32

#: How often one read is sent in all when answers are lost, cut or 5xx; how often a request is sent after 429 and again
#: after 401.
READ_ATTEMPTS, THROTTLED_ATTEMPTS, TOKEN_ATTEMPTS = 5, 12, 2

#: Seconds that any wait the service asks for lasts at least.
LEAST_WAIT = 0.5

#: Seconds of the first pause between two attempts, and of the longest.
PAUSE_FIRST, PAUSE_LONGEST = 0.5, 20.0

_CLAIMS = re.compile(r'claims="([^"]+)"')


class Lost(Exception):
    """A request without an answer; ``cause`` is what the library says."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def seconds(
    value: str | None, otherwise: float | None, date: str | None = None, longest: float = 86400.0
) -> float | None:
    """Retry-After in seconds; ``otherwise`` where it is absent or makes no sense.

    Always a number so far (SEEN); a date is allowed (RFC 9110) and counts from the answer's own ``date``. None is below
    ``LEAST_WAIT``: nothing is asked for again without a pause.
    """
    if value is None:
        return otherwise
    try:
        told = float(value)
    except ValueError:
        try:
            told = (parsedate_to_datetime(value) - parsedate_to_datetime(date or "")).total_seconds()
        except (TypeError, ValueError):
            return otherwise
    return max(LEAST_WAIT, told) if 0 <= told < longest else otherwise


def challenge(header: str | None) -> str | None:
    """The claims that a 401 asks for (continuous access evaluation), decoded; None for a plain 401."""
    found = _CLAIMS.search(header or "")
    if not found:
        return None
    try:
        return base64.b64decode(found.group(1) + "===").decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None


def subscription_of(url: str) -> str:
    """The subscription a URL or ARM id belongs to, in lower case; empty when it names none."""
    found = re.search(r"/subscriptions/([^/?]+)", url, re.IGNORECASE)
    return found.group(1).lower() if found else ""


class Transport:
    """Sends requests for ``Vaults``; safe to use from many threads.

    ``deadline`` is a time of ``clock.monotonic`` after which no pause may end: a pause that would is an error at once.
    ``random`` gives numbers from 0 to 1 and spreads the pauses.
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
    ) -> None:
        self.requests = Requests()
        self.deadline = deadline
        self.endpoint = cloud.endpoint
        self._account = account
        self._cloud = cloud
        self._tokens = tokens
        self._clock = clock
        self._random = random
        self._timeouts = timeouts
        self._wall = wall
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._http = sdk.session(POOL)
        self._writes: dict[str, TokenBucket] = {}
        self._reads: dict[str, TokenBucket] = {}
        self._now: datetime | None = None
        self._error_type = sdk.error_type()

    @property
    def now(self) -> datetime:
        """The Date header of the latest answer; before the first one this machine's time."""
        return self._now or datetime.fromtimestamp(self._wall(), timezone.utc)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def url(self, resource_id: str, query: Mapping[str, str]) -> str:
        """The URL of an ARM id (which may begin with a capital /Subscriptions: SEEN)."""
        path = "/" + resource_id.strip("/")
        if path[:15].lower() == "/subscriptions/":
            path = "/subscriptions/" + path[15:]
        if any(part in (".", "..") for part in path.split("/")):
            raise InputError(
                "id_invalid", f"'{resource_id}' is not an id of a resource.", "Correct the name it is made of."
            )
        values = "&".join(f"{quote(k, safe='$')}={quote(v, safe='')}" for k, v in query.items())
        return f"{self.endpoint}{quote(path, safe='/:@!$&()*+,;=~')}?{values}"

    def bucket(self, subscription: str, write: bool) -> TokenBucket:
        """The token bucket of a subscription."""
        with self._lock:
            buckets = self._writes if write else self._reads
            if subscription not in buckets:
                fresh = TokenBucket(self._clock.monotonic)
                buckets[subscription] = fresh if write else TokenBucket(self._clock.monotonic, READ_CAPACITY, READ_RATE)
            return buckets[subscription]

    def write_buckets(self) -> list[TokenBucket]:
        """The write buckets known so far."""
        with self._lock:
            return list(self._writes.values())

    def export(self) -> dict[str, dict[str, dict[str, float]]]:
        """All buckets as plain numbers, by subscription."""
        wall = self._wall()
        with self._lock:
            names = {*self._writes, *self._reads}
        return {
            name: {kind: self.bucket(name, kind == "writes").export(wall) for kind in ("writes", "reads")}
            for name in sorted(names)
        }

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Take over what ``export`` gave; what is not understood is left aside."""
        if not isinstance(state, Mapping):
            return
        for name, kinds in state.items():
            if isinstance(kinds, Mapping):
                for kind in ("writes", "reads"):
                    self.bucket(str(name).lower(), kind == "writes").restore(kinds.get(kind), self._wall())

    def read(self, url: str, what: str, pending: bool = False) -> dict[str, Any]:
        """GET a JSON object; a bare list comes as ``{"value": [...]}``, and with ``pending`` a 202 as an empty object.

        5xx, lost and cut answers are tried again with growing, spread pauses; 429 waits as told; 401 fetches a new
        token. Raises ReadFailed, NotFound or ConnectionFailed.
        """
        lost = refused = throttled = 0
        claims: str | None = None
        bucket = self.bucket(subscription_of(url), write=False)
        while True:
            ask = Ask(what, urlsplit(url).path, str(uuid.uuid4()))
            self._take(bucket, ask, write=False)
            try:
                token = self._token(claims)
            except FailbackError:
                bucket.give_back()
                raise
            failure: FailbackError
            pause: float | None = None
            try:
                reply = self._send("GET", url, token, ask.request_id, None)
            except Lost as exc:
                if errors.not_trusted(exc.cause) or errors.ca_unusable(exc.cause):
                    raise self._unreachable(exc.cause) from exc.cause
                unreached = errors.never_left(exc.cause)
                failure = (
                    self._unreachable(exc.cause) if unreached else errors.read_unusable(ask, errors.lost(exc.cause))
                )
            else:
                if reply.status == 401:
                    refused += 1
                    if refused > TOKEN_ATTEMPTS:
                        raise errors.read_refused(reply, ask)
                    claims = challenge(reply.headers.get("www-authenticate"))
                    self._tokens.drop(token)
                    continue
                claims = None
                if reply.status == 429:
                    throttled += 1
                    self._throttled(reply, bucket, throttled, ask, write=False)
                    continue
                if reply.status == 200:
                    try:
                        found = json.loads(reply.body)
                    except ValueError:
                        found = None
                    if isinstance(found, dict):
                        return found
                    if isinstance(found, list):
                        # Lists of images come without an envelope (DOC).
                        return {"value": found}
                    failure = errors.read_unusable(
                        ask, f"it is no complete JSON object (HTTP 200){errors.begins(reply.body)}"
                    )
                elif reply.status == 202 and pending:
                    return {}
                elif reply.status >= 500 or reply.status == 408:
                    failure = errors.read_refused(reply, ask)
                    pause = seconds(reply.headers.get("retry-after"), None, reply.headers.get("date"))
                else:
                    raise errors.read_refused(reply, ask)
            lost += 1
            if lost >= READ_ATTEMPTS or not self._pause(self._backoff(lost) if pause is None else pause):
                raise failure

    def write(
        self, url: str, body: Mapping[str, Any] | None, what: str, method: str = "POST", changes: bool = True
    ) -> Reply:
        """POST, PUT or DELETE once; gives the reply of an accepted request (2xx).

        ``changes`` is False for a POST that only asks; it counts as a read then.

        401 and 429 were not accepted: a new token or the wait asked for, and the request is sent again. Every other 4xx
        (and 3xx) raises Rejected. 5xx, 408 and anything lost raise Unknown, also where the request most likely never
        left. Where no token can be had nothing was sent, and ConnectionFailed says why.
        """
        refused = throttled = 0
        claims: str | None = None
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode("utf-8")
        bucket = self.bucket(subscription_of(url), write=True)
        while True:
            ask = Ask(what, urlsplit(url).path, str(uuid.uuid4()))
            self._take(bucket, ask, write=True)
            try:
                token = self._token(claims)
            except FailbackError:
                bucket.give_back()
                raise
            try:
                reply = self._send(method, url, token, ask.request_id, content, changes)
            except Lost as exc:
                raise errors.write_unknown(ask, errors.lost(exc.cause)) from exc.cause
            if reply.status == 401:
                refused += 1
                if refused > TOKEN_ATTEMPTS:
                    raise errors.write_refused(reply, ask)
                claims = challenge(reply.headers.get("www-authenticate"))
                self._tokens.drop(token)
            elif reply.status == 429:
                claims = None
                throttled += 1
                self._throttled(reply, bucket, throttled, ask, write=True)
            elif reply.status >= 500 or reply.status == 408:
                said = errors.ServiceError.parse(reply.body).words
                raise errors.write_unknown(ask, f"it answered HTTP {reply.status}, {said}", reply.status)
            elif reply.status >= 300:
                raise errors.write_refused(reply, ask)
            else:
                return reply

    def _token(self, claims: str | None) -> str:
        """A token; a token endpoint in trouble is asked again after growing pauses, a refused login is not.

        Raises ConnectionFailed.
        """
        failed = 0
        while True:
            try:
                return self._tokens.get(claims)
            except ConnectionFailed as exc:
                failed += 1
                passes = exc.code in ("login_unavailable", "unreachable")
                if not passes or failed >= READ_ATTEMPTS or not self._pause(self._backoff(failed)):
                    raise

    def _send(
        self, method: str, url: str, token: str, request_id: str, content: bytes | None, changes: bool = True
    ) -> Reply:
        """One request, counted; raises Lost."""
        if not same_service(url, self.endpoint):
            # A token goes nowhere but to the service, whatever a link says.
            raise ReadFailed(
                "read_failed",
                f"A link leads away to host '{urlsplit(url).hostname}'.",
                "Check resource_manager_endpoint.",
            )
        subscription = subscription_of(url)
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
            "User-Agent": USER_AGENT,
            "x-ms-client-request-id": request_id,
            "x-ms-return-client-request-id": "true",
        }
        if method != "GET":
            headers["Content-Length"] = str(len(content or b""))
            if content is not None:
                headers["Content-Type"] = "application/json"
        write = method != "GET"
        request = sdk.request(method, url, headers, content)
        self._count(write and changes, 1)
        try:
            response = self._client(subscription).send_request(request)
            body = response.content
        except (self._error_type, OSError) as exc:
            if errors.never_left(exc):
                self._count(write and changes, -1)
            raise Lost(exc) from exc
        reply = Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)
        kind = "writes" if write else "reads"
        bucket = self.bucket(subscription, write)
        bucket.answered()
        bucket.lower(reply.headers.get(f"x-ms-ratelimit-remaining-subscription-{kind}"))
        try:
            told = parsedate_to_datetime(reply.headers["date"])
        except (KeyError, TypeError, ValueError):
            return reply
        self._now = told if told.tzinfo else told.replace(tzinfo=timezone.utc)
        return reply

    def _client(self, subscription: str) -> Any:
        with self._lock:
            if subscription not in self._clients:
                self._clients[subscription] = sdk.client(
                    self._tokens,
                    subscription or "none",
                    base_url=self.endpoint,
                    scope=self._cloud.scope,
                    http=self._http,
                    ca_path=self._account.ca_path,
                    connect_timeout=self._timeouts[0],
                    read_timeout=self._timeouts[1],
                )
            return self._clients[subscription]

    def _count(self, write: bool, by: int) -> None:
        with self._lock:
            if write:
                self.requests.writes += by
            else:
                self.requests.reads += by

    def _unreachable(self, exc: BaseException) -> FailbackError:
        return errors.cannot_reach(
            exc, self.endpoint, "resource_manager_endpoint (AZURE_RESOURCE_MANAGER_ENDPOINT) or cloud_environment"
        )

    def _backoff(self, attempt: int) -> float:
        return min(PAUSE_LONGEST, PAUSE_FIRST * 2.0 ** (attempt - 1)) * (0.5 + self._random() / 2)

    def pause(self, length: float) -> None:
        """Wait ``length`` seconds; ReadFailed where that would pass the deadline."""
        if not self._pause(length):
            raise ReadFailed("read_failed", "There is no time left to wait for an answer.", "Run again.")

    def _pause(self, length: float) -> bool:
        """Wait ``length`` seconds; False, without waiting, when that would pass the deadline."""
        if self.deadline is not None and self._clock.monotonic() + length > self.deadline:
            return False
        if length > 0:
            self._clock.sleep(length)
        return True

    def _take(self, bucket: TokenBucket, ask: Ask, write: bool) -> None:
        """Wait for a token of the bucket; throttled when the deadline comes first."""
        wait = bucket.take()
        if wait > 0 and not self._pause(wait):
            bucket.give_back()
            raise errors.throttled(ask, wait, write)

    def _throttled(self, reply: Reply, bucket: TokenBucket, times: int, ask: Ask, write: bool) -> None:
        """After a 429: everybody on this bucket waits as told. Raises where that takes too long or never ends.

        The waiting itself is done by ``_take`` for the next attempt.
        """
        told = seconds(reply.headers.get("retry-after"), None, reply.headers.get("date"))
        wait = self._backoff(times + 1) if told is None else told
        bucket.block(wait)
        late = self.deadline is not None and self._clock.monotonic() + wait > self.deadline
        if late or times >= THROTTLED_ATTEMPTS:
            raise errors.throttled(ask, wait, write)
