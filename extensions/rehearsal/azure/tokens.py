# SPDX-License-Identifier: GPL-3.0-or-later
"""The OAuth2 side: client credentials with a secret or a signed assertion, tokens that expire or are revoked.

Shapes of refusals are those of the real authority (DOC: AADSTS codes); tokens live in real time.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from rehearsal.azure.errors import Refused, refused
from rehearsal.azure.settings import Settings

#: The directory's other name, and names under which clients ask before they know one.
DOMAIN = "rehearsal.example"
COMMON = ("common", "organizations")

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: Words that clients add to the resource they want a token for.
ADDED_SCOPES = ("openid", "offline_access", "profile", "email")
#: Audiences of Resource Manager in the public cloud; clients that only know an endpoint request them.
PUBLIC = ("https://management.azure.com", "https://management.core.windows.net")


@dataclass
class TokenService:
    """``certificate``: PEM of the certificate that assertions must be signed with; None takes any well-formed assertion."""

    tenant: str
    client_id: str
    secret: str
    settings: Settings
    base_url: str = ""
    clock: Callable[[], float] = time.time
    secret_expired: bool = False
    certificate: str | None = None
    _tokens: dict[str, tuple[float, str, str]] = field(default_factory=dict)
    _revoked: set[str] = field(default_factory=set)

    # -- the authority -----------------------------------------------------------------------------------------------

    def configuration(self, tenant: str, version: int = 2) -> dict[str, Any]:
        """OpenID configuration of either version; Refused for another tenant.

        Under a common name it is that of no tenant: its issuer has a place for the id (DOC).
        """
        common = tenant.lower() in COMMON
        if not common:
            self._check_tenant(tenant)
        root = f"{self.base_url}/{tenant if common else self.tenant}"
        return {
            "token_endpoint": f"{root}/oauth2/v2.0/token" if version > 1 else f"{root}/oauth2/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "offline_access"],
            "issuer": f"{self.base_url}/{{tenantid}}/v2.0" if common else f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{root}/oauth2/v2.0/logout",
        }

    def token(self, tenant: str, form: dict[str, str]) -> dict[str, Any]:
        """Answer a request for a v2 token, or raise Refused."""
        audience = self._audience(form.get("scope", "")) if self._client(tenant, form) else ""
        self._check_proof(form)
        seconds = self._told()
        token = self._issue(audience, form["client_id"])
        return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}

    def token_v1(self, tenant: str, form: dict[str, str]) -> dict[str, Any]:
        """Answer a request for a v1 token: it names a resource, and the answer's numbers are text (DOC)."""
        self._client(tenant, form)
        resource = form.get("resource", "")
        if not resource:
            raise self._aad(
                400, "invalid_request", 900144, "The request body must contain the following parameter: 'resource'."
            )
        self._check_proof(form)
        seconds, now = self._told(), int(self.clock())
        return {
            "token_type": "Bearer",
            "expires_in": str(seconds),
            "ext_expires_in": str(seconds),
            "expires_on": str(now + seconds),
            "not_before": str(now),
            "resource": resource,
            "access_token": self._issue(resource, form["client_id"]),
        }

    def _client(self, tenant: str, form: dict[str, str]) -> bool:
        """Refused unless the directory, the kind of grant and the application are the right ones."""
        self._check_tenant(tenant)
        if form.get("grant_type") != "client_credentials":
            raise self._aad(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        client = form.get("client_id", "")
        if client.lower() != self.client_id.lower():
            raise self._aad(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client}' was not found in the directory.",
            )
        return True

    def _audience(self, scope: str) -> str:
        """The one resource that a scope names; clients add words such as openid (SEEN)."""
        words = scope.split()
        resources = [word for word in words if word.endswith("/.default")]
        if len(resources) != 1 or any(w not in ADDED_SCOPES for w in words if w not in resources):
            raise self._aad(
                400,
                "invalid_scope",
                70011,
                f"The provided value for the input parameter 'scope' is not valid: {scope}.",
            )
        return resources[0][: -len("/.default")]

    def _check_proof(self, form: dict[str, str]) -> None:
        if "client_assertion" in form:
            self._check_assertion(form)
        else:
            self._check_secret(form.get("client_secret", ""))

    def _told(self) -> int:
        """Seconds that a token is said to live."""
        return max(1, int(self.settings.token_told or self.settings.token_lifetime))

    def _issue(self, audience: str, client: str) -> str:
        claims = {"aud": audience, "appid": client, "tid": self.tenant, "oid": self.client_id, "idtyp": "app"}
        token = ".".join(
            (
                _b64(json.dumps({"typ": "JWT", "alg": "RS256"}).encode()),
                _b64(json.dumps(claims).encode()),
                secrets.token_urlsafe(32),
            )
        )
        self._tokens[token] = (self.clock() + self.settings.token_lifetime, client, audience)
        return token

    def _check_tenant(self, tenant: str) -> None:
        if tenant.lower() not in (self.tenant.lower(), DOMAIN):
            raise self._aad(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")

    def _check_secret(self, given: str) -> None:
        if not hmac.compare_digest(given.encode(), self.secret.encode()):
            raise self._aad(
                401,
                "invalid_client",
                7000215,
                f"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
                f"not the client secret ID, for a secret added to app '{self.client_id}'.",
            )
        if self.secret_expired:
            raise self._aad(
                401,
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{self.client_id}' are expired. Visit the Azure portal to create "
                "new keys for your app.",
            )

    def _check_assertion(self, form: dict[str, str]) -> None:
        problem = self._assertion_problem(form)
        if problem:
            raise self._aad(
                401,
                "invalid_client",
                700027,
                f"The certificate with identifier used to sign the client assertion is not registered on application: {problem}",
            )

    def _assertion_problem(self, form: dict[str, str]) -> str | None:
        if form.get("client_assertion_type") != ASSERTION:
            return "client_assertion_type is not a JWT bearer assertion."
        parts = form["client_assertion"].split(".")
        try:
            head, claims = (json.loads(_unb64(part)) for part in parts[:2])
            signature = _unb64(parts[2])
        except (ValueError, IndexError):
            return "the assertion is not a JWT."
        if (claims.get("iss"), claims.get("sub")) != (self.client_id, self.client_id):
            return "issuer and subject must be the application."
        if claims.get("exp", 0) < time.time():
            return "the assertion has expired."
        if self.certificate and not _signed_by(self.certificate, head.get("alg"), ".".join(parts[:2]), signature):
            return "the signature does not fit the registered certificate."
        return None

    def _aad(self, status: int, error: str, code: int, text: str) -> Refused:
        now = datetime.now(tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        return Refused(
            status,
            {
                "error": error,
                "error_description": f"AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
                "error_codes": [code],
                "timestamp": now,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"{self.base_url}/error?code={code}",
            },
        )

    # -- the resource ------------------------------------------------------------------------------------------------

    def _own_host(self, audience: str) -> bool:
        """Whether an audience names the host this stand-in is reached at, whatever the port."""
        given, own = urlsplit(audience), urlsplit(self.base_url.lower())
        return given.scheme == own.scheme and bool(given.hostname) and given.hostname == own.hostname

    def principal(self, authorization: str | None) -> str:
        """Who a bearer token belongs to; Refused with 401 and WWW-Authenticate otherwise."""
        if not authorization or not authorization.lower().startswith("bearer "):
            raise self._unauthorized(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
                "authentication failed",
            )
        token = authorization[7:].strip()
        known = self._tokens.get(token)
        if known is None:
            raise self._unauthorized("InvalidAuthenticationToken", "The access token is invalid.", "invalid_token")
        if token in self._revoked:
            raise self._unauthorized(
                "InvalidAuthenticationToken", "The access token has been revoked.", "The token has been revoked"
            )
        if known[0] <= self.clock():
            raise self._unauthorized(
                "ExpiredAuthenticationToken", "The access token has expired.", "The token is expired"
            )
        allowed = (self.base_url, *PUBLIC)
        wanted = known[2].rstrip("/").lower()
        # Behind a proxy on the same host clients know the stand-in by the proxy's port.
        if wanted not in [one.lower() for one in allowed] and not self._own_host(wanted):
            raise self._unauthorized(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{known[2]}'. It should exactly match "
                f"with one of the allowed audiences {','.join(repr(f'{one}/') for one in allowed)}.",
                "The access token is for another audience",
            )
        return known[1]

    def _unauthorized(self, code: str, message: str, description: str) -> Refused:
        return refused(
            401,
            code,
            message,
            **{
                "WWW-Authenticate": f'Bearer authorization_uri="{self.base_url}/{self.tenant}", '
                f'error="invalid_token", error_description="{description}"'
            },
        )

    def expire_all(self) -> int:
        """Let the time of every token given out so far be over; says how many were still good."""
        now = self.clock()
        alive = [t for t, known in self._tokens.items() if known[0] > now and t not in self._revoked]
        self._tokens.update({t: (now, *self._tokens[t][1:]) for t in alive})
        return len(alive)

    def revoke_all(self) -> int:
        """Revoke every token given out so far; says how many were still good."""
        now = self.clock()
        alive = {t for t, (until, _client, _audience) in self._tokens.items() if until > now} - self._revoked
        self._revoked |= alive
        return len(alive)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signed_by(pem: str, algorithm: str | None, signed: str, signature: bytes) -> bool:
    """RS256 and PS256, the two that client libraries use."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    pads: dict[str | None, Any] = {
        "RS256": padding.PKCS1v15(),
        "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO),
    }
    if algorithm not in pads:
        return False
    try:
        key.verify(signature, signed.encode(), pads[algorithm], hashes.SHA256())
    except InvalidSignature:
        return False
    return True
