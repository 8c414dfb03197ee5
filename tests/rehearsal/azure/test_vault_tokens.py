# SPDX-License-Identifier: GPL-3.0-or-later
"""The token endpoint as azure-identity sees it, and what ARM says to tokens it does not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential
from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from vault_fixture import SMALL
from wire import SUBSCRIPTION, Wire

from rehearsal.azure.errors import Refused
from rehearsal.azure.settings import Settings
from rehearsal.azure.tokens import TokenService

GROUP, VAULT = "rg-homeward", "vault-small"


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    return run_vault(SMALL)


@pytest.fixture
def client(vault: Wire) -> Iterator[Callable[..., SiteRecoveryManagementClient]]:
    """The SDK over a credential, verifying with the rehearsal's CA."""
    made: list[SiteRecoveryManagementClient] = []

    def make(credential: object) -> SiteRecoveryManagementClient:
        sdk = SiteRecoveryManagementClient(
            credential,
            SUBSCRIPTION,
            base_url=vault.url,
            credential_scopes=[f"{vault.url}/.default"],
            connection_verify=vault.http.verify,
        )
        made.append(sdk)
        return sdk

    yield make
    for sdk in made:
        sdk.close()


def secret_credential(vault: Wire, secret: str | None = None) -> ClientSecretCredential:
    return ClientSecretCredential(
        vault.told["tenant"],
        vault.told["client_id"],
        secret or vault.told["secrets"]["client_secret"],
        authority=vault.url,
        disable_instance_discovery=True,
        connection_verify=vault.http.verify,
    )


def test_the_sdk_lists_the_vault_with_a_secret(
    vault: Wire, client: Callable[..., SiteRecoveryManagementClient]
) -> None:
    items = list(client(secret_credential(vault)).replication_protected_items.list(GROUP, VAULT))
    assert sorted(i.properties.friendly_name for i in items) == ["web-01", "web-02", "web-03", "web-04", "web-05"]
    assert items[0].properties.provider_specific_details["instanceType"] == "InMageAzureV2"


def test_a_wrong_secret(vault: Wire) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        secret_credential(vault, secret="not-it").get_token(f"{vault.url}/.default")


def test_a_wrong_tenant(vault: Wire) -> None:
    tenant = "aaaaaaaa-0000-4000-8000-000000000000"
    reply = vault.http.get(f"{vault.url}/{tenant}/v2.0/.well-known/openid-configuration", timeout=30)
    assert reply.status_code == 400
    assert "AADSTS90002" in reply.json()["error_description"]
    assert vault.token_reply(tenant=tenant).json()["error_codes"] == [90002]


def test_an_expired_secret(vault: Wire) -> None:
    vault.control("POST", "/secret", {"expired": True})
    try:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000222"):
            secret_credential(vault).get_token(f"{vault.url}/.default")
        reply = vault.token_reply()
        assert reply.status_code == 401
        assert reply.json()["error_codes"] == [7000222]
    finally:
        vault.control("POST", "/secret", {"expired": False})


def test_an_unknown_application(vault: Wire) -> None:
    reply = vault.token_reply(client_id="aaaaaaaa-0000-4000-8000-000000000000")
    assert (reply.status_code, reply.json()["error"]) == (400, "unauthorized_client")


def make_certificate(path: Path) -> str:
    """A key and a self-signed certificate in one PEM file; returns the certificate's part."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "service-principal")])
    now = datetime.now(tz=timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + pem)
    return pem.decode()


def test_a_certificate_must_be_the_registered_one(vault: Wire, tmp_path: Path) -> None:
    good, other = tmp_path / "good.pem", tmp_path / "other.pem"
    vault.control("POST", "/certificate", {"pem": make_certificate(good)})
    make_certificate(other)

    def credential(path: Path) -> CertificateCredential:
        return CertificateCredential(
            vault.told["tenant"],
            vault.told["client_id"],
            str(path),
            authority=vault.url,
            disable_instance_discovery=True,
            connection_verify=vault.http.verify,
        )

    try:
        assert credential(good).get_token(f"{vault.url}/.default").token
        with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
            credential(other).get_token(f"{vault.url}/.default")
    finally:
        vault.control("POST", "/certificate", {"pem": None})


def test_tokens_end(vault: Wire) -> None:
    path = f"{vault.vault}/replicationPolicies"
    anonymous = vault.http.get(f"{vault.url}{path}?api-version=1", timeout=30)
    assert anonymous.status_code == 401
    assert anonymous.json()["error"]["code"] == "AuthenticationFailed"
    assert anonymous.headers["WWW-Authenticate"].startswith(f'Bearer authorization_uri="{vault.url}/')

    vault.login()
    vault.get(path)
    assert vault.control("POST", "/revoke-tokens")["revoked"] >= 1
    revoked = vault.call("GET", path)
    assert (revoked.status_code, revoked.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert 'error="invalid_token"' in revoked.headers["WWW-Authenticate"]

    vault.login()
    vault.get(path)
    assert vault.control("POST", "/expire-tokens")["expired"] >= 1
    expired = vault.call("GET", path)
    assert (expired.status_code, expired.json()["error"]["code"]) == (401, "ExpiredAuthenticationToken")
    vault.login()
    assert vault.call("GET", path).status_code == 200


def test_a_token_lives_as_long_as_it_says() -> None:
    now = [1000.0]
    tokens = TokenService("t", "app", "s", Settings(token_lifetime=60.0), "x", clock=lambda: now[0])
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s", "scope": "x/.default"}
    given = tokens.token("t", form)
    assert given["expires_in"] == 60
    now[0] += 59
    assert tokens.principal(f"Bearer {given['access_token']}") == "app"
    now[0] += 1
    with pytest.raises(Refused):
        tokens.principal(f"Bearer {given['access_token']}")
