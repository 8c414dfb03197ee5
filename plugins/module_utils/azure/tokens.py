# SPDX-License-Identifier: GPL-3.0-or-later
"""One token for all threads: fetched once, renewed in good time, dropped when the service no longer takes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..failback.model.errors import ConnectionFailed, FailbackError
from . import credential, sdk
from .clouds import Cloud
from .credential import AzureAccount
from .failures import ca_unusable, cannot_reach, never_left, not_trusted
from .redact import one_line

#: A token is renewed when this much of its life is left: a fifth, and never more than ten minutes.
RENEW_SHARE, RENEW_AT_MOST = 0.2, 600.0

#: Seconds between two attempts to renew a token that still works.
RENEW_EVERY = 30.0


@dataclass
class _Held:
    token: str
    expires: float
    renew: float


class Tokens:
    """The bearer token, cached over azure-identity.

    azure-identity asks again for every call once a token has little life left (RUN), and gives a revoked token again as
    long as it is not out of date: so the token is held here, a renewal is tried at most every 30 s while the old one
    works, and ``drop`` forgets the credential together with its own memory.
    """

    def __init__(
        self,
        account: AzureAccount,
        source: str,
        cloud: Cloud,
        monotonic: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._source = source
        self._cloud = cloud
        self._monotonic = monotonic
        self._wall = wall
        self._credential: Any = None
        self._held: _Held | None = None
        self._lock = threading.Lock()
        #: Token requests made; they are no Resource Manager requests and are counted separately.
        self.fetched = 0

    def prepare(self) -> None:
        """Make the credential, so that values it cannot take are found before anything is sent."""
        with self._lock:
            if self._credential is None:
                self._credential = credential.build(self._account, self._source, self._cloud)

    def get(self, claims: str | None = None) -> str:
        """A token that works now. ``claims`` is what the service challenged us for (continuous access evaluation).

        Raises ConnectionFailed: login_failed (refused), login_unavailable, unreachable or certificate_not_trusted.
        """
        with self._lock:
            now = self._monotonic()
            held = self._held
            if held and not claims and now < held.renew:
                return held.token
            try:
                return self._fetch(now, claims)
            except FailbackError:
                if held and not claims and now < held.expires - 5:
                    held.renew = now + RENEW_EVERY
                    return held.token
                raise

    def drop(self, token: str) -> None:
        """The service does not take ``token`` (401): forget it, unless another thread has already."""
        with self._lock:
            if self._held and self._held.token == token:
                self._held = None
                self._credential = None

    def _fetch(self, now: float, claims: str | None) -> str:
        if self._credential is None:
            self._credential = credential.build(self._account, self._source, self._cloud)
        self.fetched += 1
        try:
            got = self._credential.get_token(self._cloud.scope, **({"claims": claims} if claims else {}))
        except (sdk.error_type(), OSError, ValueError) as exc:
            # MSAL answers from its own memory for a minute after a 429 or 5xx (RUN): a new credential asks in earnest.
            self._credential = None
            raise self._failure(exc) from exc
        life = max(0.0, float(got.expires_on) - self._wall())
        # A share of what is left, so that a credential that gives the same token again is not asked at every call.
        renew = now + life - min(RENEW_AT_MOST, life * RENEW_SHARE)
        self._held = _Held(got.token, now + life, renew)
        return str(got.token)

    def _failure(self, exc: BaseException) -> ConnectionFailed:
        said = one_line(exc, self._account.secrets)
        if "AADSTS" not in said and (not_trusted(exc) or ca_unusable(exc) or never_left(exc)):
            return cannot_reach(
                exc, self._cloud.authority, "authority_host (AZURE_AUTHORITY_HOST) or cloud_environment"
            )
        if credential.in_trouble(self._source, said):
            return ConnectionFailed(
                "login_unavailable",
                f"The login at {self._cloud.authority} is not available: "
                f"{'its answer is neither a token nor a refusal' if credential.odd(said) else said}.",
                "Rerun in a few minutes, and check any proxy between here and authority_host (AZURE_AUTHORITY_HOST).",
            )
        return credential.refused(self._account, self._source, said)
