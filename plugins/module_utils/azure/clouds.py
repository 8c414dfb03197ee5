# SPDX-License-Identifier: GPL-3.0-or-later
"""Clouds by name, and any cloud by its endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ..failback.model.errors import InputError


@dataclass(frozen=True)
class Cloud:
    """Where to send requests and where tokens come from.

    ``endpoint`` and ``authority`` are URLs without a trailing slash, ``scope`` is the audience of a token, and
    ``instance_discovery`` says whether the authority is in Microsoft's public directory of authorities.
    """

    endpoint: str
    authority: str
    scope: str
    instance_discovery: bool = True


#: Resource Manager, authority and token scope per cloud (DOC: azure-core's and azure-identity's own tables).
NAMED = {
    "azurecloud": Cloud(
        "https://management.azure.com",
        "https://login.microsoftonline.com",
        "https://management.azure.com/.default",
    ),
    "azurechinacloud": Cloud(
        "https://management.chinacloudapi.cn",
        "https://login.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
    ),
    "azureusgovernment": Cloud(
        "https://management.usgovcloudapi.net",
        "https://login.microsoftonline.us",
        "https://management.core.usgovcloudapi.net/.default",
    ),
}


def _url(option: str, value: str) -> str:
    """``value`` as an https URL without path; InputError naming ``option`` otherwise."""
    text = value.strip()
    if "://" not in text:
        text = f"https://{text}"
    parts = urlsplit(text)
    try:
        usable = parts.scheme == "https" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username:
        raise InputError(
            "endpoint_invalid",
            f"{option} '{value}' is not an https address.",
            f"Set {option} to a URL such as {NAMED['azurecloud'].endpoint}.",
        )
    return text.rstrip("/")


def resolve(
    name: str,
    endpoint: str | None = None,
    authority: str | None = None,
    disable_instance_discovery: bool | None = None,
) -> Cloud:
    """The cloud that the options describe: a name, with each endpoint replaced where one is given.

    Instance discovery is switched off for an authority that is not one of the named clouds' (a private authority is
    unknown to Microsoft's directory and azure-identity would refuse it). InputError for an unknown name or a bad URL.
    """
    base = NAMED.get(name.strip().lower())
    if base is None:
        raise InputError(
            "cloud_unknown",
            f"cloud_environment '{name}' is not a known cloud.",
            (
                "Use AzureCloud, AzureChinaCloud or AzureUSGovernment, or set resource_manager_endpoint and "
                "authority_host."
            ),
        )
    arm = _url("resource_manager_endpoint", endpoint) if endpoint else base.endpoint
    host = urlsplit(arm).hostname or ""
    scope = f"{arm}/.default"
    for cloud in NAMED.values():
        known = urlsplit(cloud.endpoint).hostname or ""
        if host == known or host.endswith(f".{known}"):
            scope = cloud.scope
    login = _url("authority_host", authority) if authority else base.authority
    public = urlsplit(login).hostname in {urlsplit(c.authority).hostname for c in NAMED.values()}
    discovery = public if disable_instance_discovery is None else not disable_instance_discovery
    return Cloud(arm, login, scope, discovery)
