# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client meets before any resource: the cloud's endpoints, instance discovery, the authority (DOC, nothing recorded)."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from rehearsal.azure import versions
from rehearsal.azure.call import Call, Reply, parse_form
from rehearsal.azure.errors import refused
from rehearsal.azure.tokens import TokenService
from rehearsal.azure.words import dumps

GRAPH = "https://graph.microsoft.com"


def answer(call: Call, tokens: TokenService) -> Reply:
    """A path that is no resource's. Raises Refused where there is nothing."""
    parts = call.parts or [""]
    below = [part.lower() for part in parts[1:]]
    looking = call.method in ("GET", "HEAD")
    if looking and [part.lower() for part in parts] == ["metadata", "endpoints"]:
        versions.check("", call.api_version)
        return Reply(body=dumps(endpoints(call.base_url, tokens.tenant, call.api_version)))
    if looking and below == ["discovery", "instance"]:
        return Reply(body=dumps(instance(call.base_url, tokens.tenant)))
    if looking and below == ["v2.0", ".well-known", "openid-configuration"]:
        return Reply(body=dumps(tokens.configuration(parts[0])))
    if looking and below == [".well-known", "openid-configuration"]:
        return Reply(body=dumps(tokens.configuration(parts[0], version=1)))
    if looking and below in (["discovery", "v2.0", "keys"], ["discovery", "keys"]):
        return Reply(body='{"keys":[]}')
    if call.method == "POST" and below == ["oauth2", "v2.0", "token"]:
        return Reply(body=dumps(tokens.token(parts[0], _form(call))))
    if call.method == "POST" and below == ["oauth2", "token"]:
        return Reply(body=dumps(tokens.token_v1(parts[0], _form(call))))
    raise refused(404, "NotFound", f"There is nothing at {call.request.path}.")


def is_token(call: Call) -> bool:
    below = [part.lower() for part in call.parts[1:]]
    return call.method == "POST" and below in (["oauth2", "v2.0", "token"], ["oauth2", "token"])


def _form(call: Call) -> dict[str, str]:
    """What a token is asked for with; a client may send its id and secret as a basic authorization, too (DOC)."""
    form = parse_form(call.body)
    kind, _blank, sent = call.request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            client, _colon, secret = base64.b64decode(sent, validate=True).decode().partition(":")
        except ValueError:
            client = secret = ""
        form = {"client_id": unquote_plus(client), "client_secret": unquote_plus(secret), **form}
    return form


def instance(base: str, tenant: str) -> dict[str, Any]:
    """The stand-in is its own directory of authorities."""
    host = urlsplit(base).netloc
    return {
        "tenant_discovery_endpoint": f"{base}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }


def endpoints(base: str, tenant: str, version: str) -> Any:
    """The cloud as clients register it. 2015-01-01 is the short old form, 2019-05-01 a list of clouds, later ones this cloud."""
    if version <= "2018-05-01":
        return {
            "galleryEndpoint": f"{base}/",
            "graphEndpoint": f"{GRAPH}/",
            "portalEndpoint": f"{base}/",
            "authentication": {"loginEndpoint": f"{base}/", "audiences": [f"{base}/"]},
        }
    cloud: dict[str, Any] = {
        "name": "Rehearsal",
        "portal": base,
        "authentication": {
            "loginEndpoint": f"{base}/",
            "audiences": [base, f"{base}/"],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        "media": base,
        "graph": GRAPH,
        "graphAudience": f"{GRAPH}/",
        "microsoftGraphResourceId": f"{GRAPH}/",
        "batch": base,
        "sqlManagement": base,
        "gallery": f"{base}/",
        "resourceManager": f"{base}/",
        "vmImageAliasDoc": "",
        "activeDirectoryDataLake": base,
        "logAnalyticsResourceId": base,
        "appInsightsResourceId": base,
        "suffixes": {
            "acrLoginServer": "azurecr.invalid",
            "keyVaultDns": "vault.invalid",
            "mhsmDns": "managedhsm.invalid",
            "sqlServerHostname": "database.invalid",
            "storage": "core.invalid",
            "azureDataLakeStoreFileSystem": "datalake.invalid",
            "azureDataLakeAnalyticsCatalogAndJob": "datalakeanalytics.invalid",
        },
    }
    return cloud if version >= "2022-09-01" else [cloud]
