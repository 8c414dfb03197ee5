# SPDX-License-Identifier: GPL-3.0-or-later
"""Our rules as policies of an azure-core pipeline, the same for the SDK's operations and for plain Resource Manager.

From the outside in:

* ``Purpose``: nothing is sent without its ``Exchange``, and nothing to a host that is not the service's.
* ``Fate``: a read is tried again; a write never is, and one whose outcome is unknown is reported as such.
* ``Bearer``: the token; 401 was not accepted, so a new token and the same again.
* ``Pace``: the token buckets; 429 was not accepted, so the wait asked for and the same again.
* ``Tally``: headers, what each request is counted as, and what every answer says about time and buckets.

They replace the SDK's own, which repeat POSTs automatically (429, 500, 503, 504), do not recover from a plain 401
(RUN) and may register resource providers unasked. They have the shape of azure-core's ``HTTPPolicy``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ..failback.model.errors import FailbackError, ReadFailed
from . import failures
from .failures import Reply, RequestName
from .pacing import TokenBucket
from .paging import same_service
from .shared import READ_ATTEMPTS, Exchange, Shared, seconds
from .wire import Answer, Lost

COLLECTION_VERSION = "1.0.0"
USER_AGENT = f"homeward.asr/{COLLECTION_VERSION}"


#: How often a request is sent after 429, and again after 401.
THROTTLED_ATTEMPTS, TOKEN_ATTEMPTS = 12, 2

_CLAIMS = re.compile(r'claims="([^"]+)"')


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


def reply_of(answer: Any) -> Reply:
    """An answer with its header names in lower case."""
    return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content)


def _writes(request: Any) -> bool:
    return bool(request.http_request.method != "GET")


class Link:
    """A link of the chain; azure-core sets ``next``. ``request.context["call"]`` is the Exchange."""

    next: Any

    def __init__(self, shared: Shared) -> None:
        self.shared = shared

    def send(self, request: Any) -> Any:
        raise NotImplementedError


class Purpose(Link):
    """A request has a purpose, and a token is only ever sent to the service, whatever a link says."""

    def send(self, request: Any) -> Any:
        request.context["call"] = request.context.options.pop("call")
        url = request.http_request.url
        if not same_service(url, self.shared.endpoint):
            raise ReadFailed(
                "read_failed",
                f"A link points to another host, '{urlsplit(url).hostname}'.",
                "Check resource_manager_endpoint.",
            )
        return self.next.send(request)


class Fate(Link):
    """The outcome: a read is repeated until it is complete, a write is sent once and its outcome reported as it is."""

    def send(self, request: Any) -> Any:
        call: Exchange = request.context["call"]
        return self._write(request, call) if _writes(request) else self._read(request, call)

    def _write(self, request: Any, call: Exchange) -> Any:
        try:
            response = self.next.send(request)
        except Lost as exc:
            raise failures.write_unknown(call.ask, failures.how_lost(exc.cause)) from exc.cause
        reply = reply_of(response.http_response)
        if reply.status >= 500 or reply.status == 408:
            said = failures.ServiceError.parse(reply.body).words
            raise failures.write_unknown(call.ask, f"it answered HTTP {reply.status}, {said}", reply.status)
        if reply.status >= 300:
            raise failures.write_refused(reply, call.ask)
        call.reply = reply
        return response

    def _read(self, request: Any, call: Exchange) -> Any:
        failed = 0
        while True:
            failure: FailbackError
            pause: float | None = None
            try:
                response = self.next.send(request)
            except Lost as exc:
                if failures.not_trusted(exc.cause) or failures.ca_unusable(exc.cause):
                    raise self.shared.unreachable(exc.cause) from exc.cause
                if failures.never_left(exc.cause):
                    failure = self.shared.unreachable(exc.cause)
                else:
                    failure = failures.read_unusable(call.ask, failures.how_lost(exc.cause))
            else:
                answer: Answer = response.http_response
                if answer.status_code == 200 or (answer.status_code == 202 and call.pending):
                    call.found = {} if answer.status_code == 202 else _object(answer.content)
                    if call.found is not None:
                        return response
                    failure = failures.read_unusable(
                        call.ask, f"it is not a complete JSON object (HTTP 200){failures.begins(answer.content)}"
                    )
                else:
                    reply = reply_of(answer)
                    failure = failures.read_refused(reply, call.ask)
                    if reply.status < 500 and reply.status != 408:
                        raise failure
                    pause = seconds(reply.headers.get("retry-after"), None, reply.headers.get("date"))
            failed += 1
            pause = self.shared.backoff(failed) if pause is None else pause
            if failed >= READ_ATTEMPTS or not self.shared.pause(pause):
                raise failure


def _object(body: bytes) -> dict[str, Any] | None:
    """A whole JSON object; lists of images come without an envelope (DOC)."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    if isinstance(found, list):
        return {"value": found}
    return found if isinstance(found, dict) else None


class Bearer(Link):
    """The token. A 401 was not accepted: a new token, with the claims it asks for, and the request is sent again."""

    def send(self, request: Any) -> Any:
        call: Exchange = request.context["call"]
        claims: str | None = None
        while True:
            token = self.shared.token(claims)
            request.http_request.headers["Authorization"] = f"Bearer {token}"
            response = self.next.send(request)
            if response.http_response.status_code != 401:
                return response
            reply = reply_of(response.http_response)
            call.refused += 1
            if call.refused > TOKEN_ATTEMPTS:
                raise (failures.write_refused if _writes(request) else failures.read_refused)(reply, call.ask)
            claims = challenge(reply.headers.get("www-authenticate"))
            self.shared.tokens.drop(token)


class Pace(Link):
    """The token bucket of the subscription. A 429 was not accepted: wait as instructed, then send again."""

    def send(self, request: Any) -> Any:
        call: Exchange = request.context["call"]
        write = _writes(request)
        bucket = self.shared.bucket(subscription_of(request.http_request.url), write)
        while True:
            wait = bucket.take()
            if wait > 0 and not self.shared.pause(wait):
                bucket.give_back()
                ask = call.ask if call.ask.path else RequestName(call.what, urlsplit(request.http_request.url).path)
                raise failures.throttled(ask, wait, write)
            response = self.next.send(request)
            if response.http_response.status_code != 429:
                return response
            call.throttled += 1
            self._refused(reply_of(response.http_response), bucket, call, write)

    def _refused(self, reply: Reply, bucket: TokenBucket, call: Exchange, write: bool) -> None:
        """All requests on this bucket wait as instructed. Raises where that takes too long or never ends.

        The waiting itself is done by ``take`` for the next attempt.
        """
        told = seconds(reply.headers.get("retry-after"), None, reply.headers.get("date"))
        wait = self.shared.backoff(call.throttled + 1) if told is None else told
        bucket.block(wait)
        late = self.shared.deadline is not None and self.shared.clock.monotonic() + wait > self.shared.deadline
        if late or call.throttled >= THROTTLED_ATTEMPTS:
            raise failures.throttled(call.ask, wait, write)


class Tally(Link):
    """Headers of one attempt, what it is counted as, and what its answer says about time and buckets."""

    def send(self, request: Any) -> Any:
        call: Exchange = request.context["call"]
        sent, write = request.http_request, _writes(request)
        call.ask = RequestName(call.what, urlsplit(sent.url).path, str(uuid.uuid4()))
        sent.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": USER_AGENT,
                "x-ms-client-request-id": call.ask.request_id,
                "x-ms-return-client-request-id": "true",
            }
        )
        if write and sent.content is None:
            sent.headers["Content-Length"] = "0"
        counted = write and call.changes
        self.shared.count(counted, 1)
        try:
            response = self.next.send(request)
        except Lost as exc:
            if failures.never_left(exc.cause):
                self.shared.count(counted, -1)
            raise
        answer = response.http_response
        bucket = self.shared.bucket(subscription_of(sent.url), write)
        bucket.answered()
        bucket.lower(answer.headers.get(f"x-ms-ratelimit-remaining-subscription-{'writes' if write else 'reads'}"))
        try:
            told = parsedate_to_datetime(answer.headers["date"])
        except (KeyError, TypeError, ValueError):
            return response
        self.shared.told = told if told.tzinfo else told.replace(tzinfo=timezone.utc)
        return response


def chain(shared: Shared) -> list[Any]:
    """The rules for one more pipeline, from the outside in."""
    return [kind(shared) for kind in (Purpose, Fate, Bearer, Pace, Tally)]
