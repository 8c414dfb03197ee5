# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings about how a result was obtained, and what no result may show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

#: Variables that may name a proxy with a user and a password in it.
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")

UNVERIFIED = (
    "The certificate of vCenter is not verified ({option:validate_certs} is false), so the connection can be intercepted. "
    "Set {set:validate_certs=true} and add its certificate authority to ca_path or "
    "SSL_CERT_FILE."
)


def unverified(params: Mapping[str, Any]) -> list[str]:
    """A sentence where TLS verification is switched off for a vCenter that is named."""
    return [UNVERIFIED] if params.get("hostname") and params.get("validate_certs") is False else []


def proxy_secrets(params: Mapping[str, Any], environ: Mapping[str, str]) -> set[str]:
    """Users' passwords in the addresses of proxies, as they are written and as they are meant."""
    found: set[str] = set()
    values = [str(params.get("proxy_host") or "")]
    values += [value for name, value in environ.items() if name.upper() in PROXIES]
    for value in values:
        login, at, _host = value.rpartition("@")
        if not at:
            continue
        login = login.rpartition("//")[2]
        password = login.partition(":")[2]
        for secret in (login, password):
            found.update({secret, unquote(secret)} if secret else ())
    return found
