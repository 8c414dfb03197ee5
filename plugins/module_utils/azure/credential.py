# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks: the account's options, checked before anything is sent, and the credential they choose."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..failback.model.errors import ConnectionFailed, InputError
from . import sdk, tls, wire
from .clouds import Cloud, resolve
from .profiles import user_and_password
from .sources import SAME, SOURCES

#: Any of these shows that the host has a managed identity endpoint (DOC azure-identity). A plain Azure VM
#: sets none.
MANAGED_IDENTITY_VARIABLES = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")

#: Seconds and repeats for token requests.
CONNECT_TIMEOUT, READ_TIMEOUT, RETRIES = 10, 30, 2


@dataclass(frozen=True)
class AzureAccount:
    """The options of an Azure login as users give them; None is "not given". Secrets never show in its repr."""

    auth_source: str = "auto"
    subscription_id: str | None = None
    tenant: str | None = None
    client_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    x509_certificate_path: str | None = None
    x509_certificate_password: str | None = field(default=None, repr=False)
    federated_token_file: str | None = None
    cloud_environment: str = "AzureCloud"
    resource_manager_endpoint: str | None = None
    authority_host: str | None = None
    ca_path: str | None = None
    disable_instance_discovery: bool | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(s for s in (self.secret, self.x509_certificate_password) if s)

    def cloud(self) -> Cloud:
        """Where requests and token requests go; InputError for an unknown cloud or a bad URL."""
        return resolve(
            self.cloud_environment or "AzureCloud",
            self.resource_manager_endpoint,
            self.authority_host,
            self.disable_instance_discovery,
        )


def _need(account: AzureAccount, source: str, *names: str) -> None:
    """InputError naming the options of ``names`` that were not given."""
    missing = [name for name in names if not getattr(account, name)]
    if missing:
        raise InputError(
            "login_incomplete",
            f"Logging in as {source} needs {' and '.join(missing)}.",
            f"Set {', '.join(f'{name} ({_VARIABLES[name]})' for name in missing)}, or choose another auth_source.",
        )


_VARIABLES = {
    "tenant": "AZURE_TENANT",
    "client_id": "AZURE_CLIENT_ID",
    "secret": "AZURE_SECRET",
    "federated_token_file": "AZURE_FEDERATED_TOKEN_FILE",
}


def _need_file(option: str, path: str) -> None:
    """InputError when the file that ``option`` names cannot be read."""
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise InputError(
            "file_not_found",
            f"{option} names '{path}', which is not a readable file here.",
            f"Correct {option}, or copy the file to the machine that runs the module.",
        )


def choose(account: AzureAccount, environment: Mapping[str, str], has_cli: bool) -> str:
    """The source to log in with: auth_source itself, or for "auto" the first one that is at hand.

    Order: certificate or secret, federated token file, managed identity endpoint in the environment, Azure CLI; "env" takes
    the first two only. A profile of the credential file has become a secret or a certificate before (shell/accounts.py).
    InputError saying what was looked for when none is, and for a user's name and password in the environment.
    """
    if account.auth_source not in SOURCES:
        raise InputError(
            "auth_source_unknown",
            f"auth_source '{account.auth_source}' is not known.",
            f"Use one of {', '.join(SOURCES)}.",
        )
    if account.auth_source in SAME:
        return SAME[account.auth_source]
    if account.auth_source not in ("auto", "env"):
        return account.auth_source
    if account.secret or account.x509_certificate_path:
        return "service_principal"
    if account.federated_token_file:
        return "workload_identity"
    if (environment.get("AZURE_AD_USER") or "").strip():
        raise user_and_password("The environment (AZURE_AD_USER)")
    if account.auth_source == "env":
        raise InputError(
            "login_incomplete",
            "auth_source is env, and there is neither a secret (AZURE_SECRET), nor an x509_certificate_path, nor a "
            "federated_token_file (AZURE_FEDERATED_TOKEN_FILE).",
            "Set one of them, or choose another auth_source.",
        )
    if any(environment.get(name) for name in MANAGED_IDENTITY_VARIABLES):
        return "managed_identity"
    if has_cli:
        return "cli"
    raise InputError(
        "login_incomplete",
        "No Azure credentials were found: there is no secret (AZURE_SECRET), no x509_certificate_path, no "
        "federated_token_file (AZURE_FEDERATED_TOKEN_FILE), no default profile in ~/.azure/credentials, no managed "
        "identity endpoint in the environment, and no Azure CLI in PATH.",
        "Set one of them, or set auth_source to managed_identity on an Azure VM with an identity.",
    )


def check(account: AzureAccount, environment: Mapping[str, str] | None = None) -> tuple[str, Cloud]:
    """Everything about the account that is known without the network: the chosen source and the cloud.

    Raises InputError, each naming the option.
    """
    cloud = account.cloud()
    if account.ca_path:
        _need_file("ca_path", account.ca_path)
        try:
            tls.context(account.ca_path)
        except OSError as exc:
            raise InputError(
                "ca_path_invalid",
                f"ca_path names '{account.ca_path}', which holds no certificate in PEM form.",
                "Set ca_path (or REQUESTS_CA_BUNDLE) to a PEM file with the trusted certificate authorities.",
            ) from exc
    source = choose(account, os.environ if environment is None else environment, shutil.which("az") is not None)
    if source == "service_principal":
        _need(account, "service principal", "tenant", "client_id")
        if account.x509_certificate_path:
            _need_file("x509_certificate_path", account.x509_certificate_path)
        else:
            _need(account, "service principal", "secret")
    elif source == "workload_identity":
        _need(account, "workload identity", "tenant", "client_id", "federated_token_file")
        _need_file("federated_token_file", account.federated_token_file or "")
    return source, cloud


def build(account: AzureAccount, source: str, cloud: Cloud) -> Any:
    """A new azure-identity credential. Its memory of tokens is its own, so that a new one never gives an old token.

    Raises FailbackError ``sdk_missing``; InputError for values azure-identity cannot take (a tenant that is no tenant,
    a certificate that cannot be opened).
    """
    identity = sdk.identity()
    network: dict[str, Any] = {
        "transport": wire.login_transport(account.ca_path, CONNECT_TIMEOUT, READ_TIMEOUT),
        "retry_total": RETRIES,
    }
    entra: dict[str, Any] = {
        **network,
        "authority": cloud.authority,
        "disable_instance_discovery": not cloud.instance_discovery,
    }
    try:
        if source == "service_principal" and account.x509_certificate_path:
            return identity.CertificateCredential(
                account.tenant,
                account.client_id,
                account.x509_certificate_path,
                password=account.x509_certificate_password or None,
                **entra,
            )
        if source == "service_principal":
            return identity.ClientSecretCredential(account.tenant, account.client_id, account.secret, **entra)
        if source == "workload_identity":
            return identity.WorkloadIdentityCredential(
                tenant_id=account.tenant,
                client_id=account.client_id,
                token_file_path=account.federated_token_file,
                **entra,
            )
        if source == "managed_identity":
            known = {"client_id": account.client_id} if account.client_id else {}
            return identity.ManagedIdentityCredential(**known, **network)
        return identity.AzureCliCredential(tenant_id=account.tenant or "", process_timeout=READ_TIMEOUT)
    except (ValueError, TypeError, OSError) as exc:
        raise _unusable(account, source) from exc


def _unusable(account: AzureAccount, source: str) -> InputError:
    """azure-identity refused the values themselves; its words may quote them, so they are left out."""
    if source == "service_principal" and account.x509_certificate_path:
        return InputError(
            "login_invalid",
            (
                f"x509_certificate_path '{account.x509_certificate_path}' cannot be read as a certificate with its RSA "
                "key."
            ),
            "Use a PEM or PKCS#12 file that contains both, and set x509_certificate_password if it is protected.",
        )
    return InputError(
        "login_invalid",
        f"tenant '{account.tenant}' or client_id '{account.client_id}' cannot be used to log in as {source}.",
        (
            "Set tenant (AZURE_TENANT) to the directory's id or domain, and client_id (AZURE_CLIENT_ID) to the "
            "application's id."
        ),
    )


#: What a login failure means, by the number in Entra's text (DOC: Entra error reference): sentence and remedy.
_ENTRA = {
    "7000215": (
        "The secret does not belong to client_id '{client_id}'.",
        "Correct secret (AZURE_SECRET). Use the secret's value, not its id.",
    ),
    "7000222": (
        "The secret of client_id '{client_id}' has expired.",
        "Create a new client secret for the application and set secret (AZURE_SECRET) to it.",
    ),
    "700016": (
        "The application client_id '{client_id}' does not exist in tenant '{tenant}'.",
        "Correct client_id (AZURE_CLIENT_ID) or tenant (AZURE_TENANT).",
    ),
    "90002": (
        "Tenant '{tenant}' does not exist at this authority.",
        "Correct tenant (AZURE_TENANT), or authority_host (AZURE_AUTHORITY_HOST) or cloud_environment.",
    ),
    "900023": ("'{tenant}' is not a tenant id or domain.", "Correct tenant (AZURE_TENANT)."),
    "700027": (
        "The certificate of x509_certificate_path is not registered for client_id '{client_id}', or has expired.",
        "Upload the certificate to the application, or correct x509_certificate_path.",
    ),
    "70021": (
        "The application client_id '{client_id}' does not trust the token in federated_token_file.",
        "Add a federated credential with this token's issuer and subject to the application.",
    ),
    "500011": (
        "Tenant '{tenant}' does not know the service at resource_manager_endpoint.",
        "Correct cloud_environment, resource_manager_endpoint or tenant (AZURE_TENANT).",
    ),
}
_ENTRA_ALIASES = {"700211": "70021", "700212": "70021", "700213": "70021"}


#: Entra error numbers that pass: throttling, and a transient error (DOC: Entra error reference).
_ENTRA_PASSING = frozenset({"90055", "90033", "90039", "50196", "90099"})

#: What the library says about an answer that is no verdict (RUN): only a status, no JSON, or OAuth's words for "later".
_TROUBLE = re.compile(
    r"HTTP Error: (?:403|407|408|429|5\d\d)|Expecting value|JSON|temporarily_unavailable|server_error", re.IGNORECASE
)


#: What the library says where it stumbles over JSON that is no token (RUN): a list, null, text, a life that is no number.
_ODD = re.compile(
    r"object has no attribute|Cannot deserialize|Authentication failed: None$|int\(\) argument|invalid literal for int"
)


def odd(text: str) -> bool:
    """Whether the library did not understand the endpoint's answer to a login."""
    return "AADSTS" not in text and _ODD.search(text.strip().rstrip(".")) is not None


def in_trouble(source: str, text: str) -> bool:
    """Whether a login failed without a verdict: the endpoint is down or throttles, or a proxy answered.

    ``text`` is what the library says. A verdict carries an Entra number or an OAuth error (RFC 6749).
    """
    if source not in ("service_principal", "workload_identity"):
        return False
    number = "".join(_digits_after(text, "AADSTS"))
    if number:
        return number in _ENTRA_PASSING
    return _TROUBLE.search(text) is not None or odd(text)


def refused(account: AzureAccount, source: str, text: str) -> ConnectionFailed:
    """A login that failed, from the (already redacted) text of the library."""
    number = "".join(_digits_after(text, "AADSTS"))
    if not number and "Unable to get authority configuration" in text:
        # The authority's answer about the tenant is not passed on by the library (RUN): it knows no such tenant.
        number = "90002"
    known = _ENTRA.get(_ENTRA_ALIASES.get(number, number))
    values = {"client_id": account.client_id or "", "tenant": account.tenant or ""}
    if known:
        message, remedy = (part.format_map(values) for part in known)
    elif source == "cli":
        message = f"The Azure CLI returned no token: {text}."
        remedy = "Run 'az login' as the user that runs the module, or choose another auth_source."
    elif source == "managed_identity":
        message = f"The managed identity returned no token: {text}."
        remedy = (
            "Assign an identity to this machine (set client_id for a user-assigned one), or choose another auth_source."
        )
    else:
        message = f"Azure refused the login as {source.replace('_', ' ')}: {text}."
        remedy = "Check tenant, client_id, and the secret, certificate or token file."
    details = {"auth_source": source, "service_code": f"AADSTS{number}" if number else ""}
    return ConnectionFailed("login_failed", message, remedy, details)


def _digits_after(text: str, mark: str) -> str:
    rest = text.partition(mark)[2]
    end = 0
    while end < len(rest) and rest[end].isdigit():
        end += 1
    return rest[:end]
