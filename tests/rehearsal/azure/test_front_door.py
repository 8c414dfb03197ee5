# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that knows an address and a service principal, and nothing else: register the cloud, log in, list, look."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from vault_fixture import SMALL
from wire import SUBSCRIPTION, Wire

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-homeward"


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    return run_vault(SMALL, "--page-size", "2")


def plain(vault: Wire, method: str, path: str, **more: Any) -> requests.Response:
    return vault.http.request(method, vault.url + path, timeout=30, allow_redirects=False, **more)


@pytest.mark.parametrize("version", ["2015-01-01", "2018-05-01", "2019-05-01", "2020-06-01", "2022-09-01"])
def test_the_endpoints_of_the_cloud(vault: Wire, version: str) -> None:
    found = plain(vault, "GET", f"/metadata/endpoints?api-version={version}").json()
    assert isinstance(found, list) == ("2019" <= version[:4] < "2022")
    cloud = found[0] if isinstance(found, list) else found
    assert cloud["authentication"]["loginEndpoint"].rstrip("/") == vault.url
    assert vault.url in cloud["authentication"]["audiences"][0]
    if version >= "2019":
        assert cloud["resourceManager"].rstrip("/") == vault.url


def test_a_client_gets_in_with_nothing_but_the_endpoints(vault: Wire) -> None:
    """As az cloud register, az login --service-principal and az account list ask for it."""
    cloud = plain(vault, "GET", "/metadata/endpoints?api-version=2015-01-01").json()["authentication"]
    authority, tenant = cloud["loginEndpoint"].rstrip("/"), vault.told["tenant"]
    described = vault.http.get(f"{authority}/{tenant}/v2.0/.well-known/openid-configuration", timeout=30).json()
    form = {
        "grant_type": "client_credentials",
        "client_id": vault.told["client_id"],
        "client_secret": vault.told["secrets"]["client_secret"],
        # The audience ends in a slash and so does the part before .default.
        "scope": f"{cloud['audiences'][0]}/.default",
    }
    token = vault.http.post(described["token_endpoint"], data=form, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for path, key in (("/tenants", "tenantId"), ("/subscriptions", "subscriptionId")):
        (one,) = plain(vault, "GET", f"{path}?api-version=2022-12-01", headers=headers).json()["value"]
        assert one["tenantId"] == tenant
        assert one[key]
    one = plain(vault, "GET", f"/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01", headers=headers).json()
    assert (one["subscriptionId"], one["state"]) == (SUBSCRIPTION, "Enabled")


def test_instance_discovery(vault: Wire) -> None:
    found = plain(vault, "GET", "/common/discovery/instance?api-version=1.1&authorization_endpoint=x").json()
    assert found["metadata"][0]["preferred_network"] in vault.url
    assert vault.http.get(found["tenant_discovery_endpoint"], timeout=30).status_code == 200


def test_what_is_in_a_subscription(vault: Wire) -> None:
    below = f"/subscriptions/{SUBSCRIPTION}"
    groups = {g["name"] for g in vault.all(f"{below}/resourceGroups")}
    assert "rg-homeward" in groups
    assert vault.get(GROUP.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))["name"] == "rg-homeward"
    assert vault.call("HEAD", GROUP).status_code == 204
    assert vault.call("HEAD", f"{below}/resourceGroups/none").status_code == 404
    assert vault.all(f"{below}/locations")[0]["name"]
    assert {p["namespace"] for p in vault.all(f"{below}/providers")} >= {"Microsoft.RecoveryServices"}
    provider = vault.get(f"{below}/providers/microsoft.recoveryservices")
    assert (provider["registrationState"], provider["resourceTypes"][0]["resourceType"]) == ("Registered", "vaults")
    assert vault.call("POST", f"{below}/providers/Microsoft.Compute/register").status_code == 200
    kinds = [
        r["type"] for r in vault.all(f"{below}/resources?$filter=resourceType eq 'Microsoft.RecoveryServices/vaults'")
    ]
    assert kinds == ["Microsoft.RecoveryServices/vaults"]
    assert vault.get(f"{below}/providers/Microsoft.Resources")["registrationPolicy"] == "RegistrationFree"


def test_a_path_with_empty_parts_is_the_path_without_them(vault: Wire) -> None:
    """The Azure CLI's generic resource commands send such addresses."""
    doubled = vault.vault.replace("Microsoft.RecoveryServices/", "Microsoft.RecoveryServices//")
    assert vault.get(doubled)["name"] == "vault-small"
    assert vault.get(f"{doubled}/replicationFabrics//")["value"]
    assert vault.get("//subscriptions/")["value"]


def test_deployments_of_a_group_and_of_the_subscription(vault: Wire) -> None:
    path = "providers/Microsoft.Resources/deployments"
    template = {"$schema": "s", "contentVersion": "1.0.0.0", "resources": []}
    body = {"properties": {"mode": "Incremental", "template": template, "parameters": {}}}
    assert vault.call("PUT", f"{GROUP}/{path}/first", body).status_code == 201
    assert vault.call("PUT", f"{GROUP}/{path}/second", body).status_code == 201
    assert [d["name"] for d in vault.all(f"{GROUP.upper()}/{path}".replace("/SUBSCRIPTIONS", "/subscriptions"))] == [
        "second",
        "first",
    ]
    assert vault.all(f"{GROUP}/{path}?$filter=provisioningState eq 'Failed'") == []
    assert vault.all(f"/subscriptions/{SUBSCRIPTION}/{path}") == []


@pytest.mark.parametrize(
    "version", ["2016-06-01", "2024-04-01", "2025-01-01", "2025-08-01", "2026-07-01", "2026-11-01"]
)
def test_versions_that_clients_ask_vaults_with(vault: Wire, version: str) -> None:
    assert vault.get(f"{vault.vault}?api-version={version}")["name"] == "vault-small"


@pytest.mark.parametrize("tenant", ["rehearsal.example", "REHEARSAL.EXAMPLE"])
def test_a_directory_answers_to_its_domain(vault: Wire, tenant: str) -> None:
    described = plain(vault, "GET", f"/{tenant}/v2.0/.well-known/openid-configuration").json()
    assert described["issuer"] == f"{vault.url}/{vault.told['tenant']}/v2.0"
    assert vault.token_reply(tenant=tenant).status_code == 200


@pytest.mark.parametrize("name", ["common", "organizations"])
def test_the_common_name_is_described_and_gives_no_tokens(vault: Wire, name: str) -> None:
    described = plain(vault, "GET", f"/{name}/v2.0/.well-known/openid-configuration").json()
    assert described["token_endpoint"] == f"{vault.url}/{name}/oauth2/v2.0/token"
    assert described["issuer"] == f"{vault.url}/{{tenantid}}/v2.0"
    assert vault.token_reply(tenant=name).json()["error_codes"] == [90002]


@pytest.mark.parametrize("path", ["oauth2/v2.0/token", "oauth2/token"])
@pytest.mark.parametrize(("secret", "status"), [(None, 200), ("no", 401)])
def test_id_and_secret_as_a_basic_authorization(vault: Wire, path: str, secret: str | None, status: int) -> None:
    form = {"grant_type": "client_credentials", "scope": f"{vault.url}/.default", "resource": vault.url}
    who = (vault.told["client_id"], secret or vault.told["secrets"]["client_secret"])
    assert plain(vault, "POST", f"/{vault.told['tenant']}/{path}", data=form, auth=who).status_code == status


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("{u}/.default openid offline_access profile", 200),
        ("openid {u}/.default", 200),
        ("{u}//.default", 200),
        ("{u}/.default {u}/.default", 400),
        ("{u}/.default Mail.Read", 400),
        ("openid profile", 400),
        ("", 400),
    ],
)
def test_scopes_are_several_words(vault: Wire, scope: str, status: int) -> None:
    assert vault.token_reply(scope=scope.format(u=vault.url)).status_code == status


def test_the_old_token_endpoint(vault: Wire) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": vault.told["client_id"],
        "client_secret": vault.told["secrets"]["client_secret"],
    }
    address = f"/{vault.told['tenant']}/oauth2/token"
    assert plain(vault, "POST", address, data=form).json()["error_codes"] == [900144]
    told = plain(vault, "POST", address, data={**form, "resource": vault.url}).json()
    assert told["expires_on"].isdigit()
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    assert plain(vault, "GET", "/subscriptions?api-version=2020-01-01", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("https://graph.microsoft.com", 401),
        ("https://vault.azure.net", 401),
        ("https://management.azure.com", 200),
        ("https://management.core.windows.net/", 200),
        # A proxy on the same host has another port.
        ("https://127.0.0.1:1", 200),
    ],
)
def test_a_token_for_another_audience_opens_nothing(vault: Wire, resource: str, status: int) -> None:
    token = vault.token_reply(scope=f"{resource}/.default").json()["access_token"]
    claims = token.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["aud"] == resource
    headers = {"Authorization": f"Bearer {token}"}
    reply = plain(vault, "GET", f"{vault.vault}/replicationFabrics?api-version=2025-08-01", headers=headers)
    assert reply.status_code == status
    if status == 401:
        assert reply.json()["error"]["code"] == "InvalidAuthenticationTokenAudience"
        assert "WWW-Authenticate" in reply.headers


def test_an_unknown_version_is_refused_with_the_list(vault: Wire) -> None:
    reply = vault.call("GET", f"{vault.vault}/replicationFabrics?api-version=2030-01-01")
    assert reply.status_code == 400
    assert "2025-08-01" in reply.json()["error"]["message"]


# -- the wire --------------------------------------------------------------------------------------------------------


def test_bodies_are_packed_for_those_who_ask(vault: Wire) -> None:
    path = f"{vault.vault}/replicationFabrics"
    packed = vault.call("GET", path, **{"Accept-Encoding": "gzip"})
    bare = vault.call("GET", path, **{"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in bare.headers
    assert packed.json()["value"][0]["id"] == bare.json()["value"][0]["id"]


def test_ids_of_the_client_come_back(vault: Wire) -> None:
    for path in (f"{vault.vault}/replicationFabrics", f"{vault.vault}/none", "/subscriptions/odd"):
        assert vault.call("GET", path, **{"x-ms-client-request-id": "mine"}).headers["x-ms-client-request-id"] == "mine"


def test_a_head_is_a_get_without_its_body(vault: Wire) -> None:
    reply = vault.call("HEAD", vault.vault)
    assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize("word", ["skipToken", "$skipToken", "$skiptoken", "SKIPTOKEN"])
def test_the_page_token_in_any_spelling(vault: Wire, word: str) -> None:
    path = f"{vault.vault}/replicationProtectedItems"
    first = vault.get(path)
    token = first["nextLink"].split("skipToken=")[1].split("&")[0]
    second = vault.get(f"{path}?{word}={token}")
    assert len(second["value"]) == 2
    assert {i["id"] for i in first["value"]}.isdisjoint(i["id"] for i in second["value"])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("instanceType eq 'InMageAzureV2' or instanceType eq 'InMage'", 5),
        ("instanceType eq 'InMage' or recoveryPlanName eq 'shop'", 2),
        ("(instanceType eq 'InMage' or instanceType eq 'InMageAzureV2') and recoveryPlanName eq 'shop'", 2),
        ("instanceType eq 'InMage' and recoveryPlanName eq 'shop' or vCenterName eq 'nobody'", 0),
    ],
)
def test_filters_with_or(vault: Wire, text: str, number: int) -> None:
    assert len(vault.all(f"{vault.vault}/replicationProtectedItems?$filter={text}")) == number


@pytest.mark.parametrize(
    "text", ["instanceType eq", "instanceType eq 'a' or", "(instanceType eq 'a'", "eq 'a'", "a b c d"]
)
def test_broken_filters_are_refused(vault: Wire, text: str) -> None:
    assert vault.call("GET", f"{vault.vault}/replicationProtectedItems?$filter={text}").status_code == 400


def test_a_job_carries_its_own_path(vault: Wire) -> None:
    reply = vault.start(vault.item("web-01"), "repairReplication")
    running = vault.call("GET", reply.headers["Location"])
    if running.status_code == 202:
        assert int(running.headers["Retry-After"]) >= 1
    job = vault.job(reply)
    assert vault.call("GET", job["id"]).headers["x-ms-request-id"] == job["id"]


def test_refused_requests_are_logged_too(vault: Wire) -> None:
    plain(vault, "GET", "/nowhere")
    plain(vault, "GET", f"{vault.vault}/replicationFabrics")
    vault.token_reply(client_secret="no")
    text = (vault.directory / "requests.jsonl").read_text(encoding="utf-8")  # type: ignore[attr-defined]
    last = [json.loads(line) for line in text.splitlines()][-3:]
    assert [line["status"] for line in last] == [404, 401, 401]
    assert last[2]["body_sha256"] is None


def test_a_body_that_is_too_large_is_refused_and_logged(vault: Wire) -> None:
    reply = plain(vault, "POST", f"{vault.vault}/replicationJobs/export", data=b"x" * (4 * 1024 * 1024 + 1))
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "RequestContentTooLarge")
    text = (vault.directory / "requests.jsonl").read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert json.loads(text.splitlines()[-1])["status"] == 413
