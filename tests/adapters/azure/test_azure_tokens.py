# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins and tokens over real TLS sockets against a scripted service."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme
from scripted_azure import (
    ITEM,
    JOB,
    VAULT,
    Answer,
    FastClock,
    Seen,
    Service,
    accepted,
    account,
    entries,
    fails,
    open_vaults,
)

from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import Vaults, connect
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ConnectionFailed, Rejected
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock


def test_401_fetches_a_new_token_and_sends_again(service: Service, vaults: Vaults) -> None:
    service.say(accepted(JOB))
    vaults.act(ITEM, "reProtect", {"properties": {}})
    service.revoke()
    vaults.act(ITEM, "reProtect", {"properties": {}})
    assert [s.headers["authorization"] for s in service.asked] == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    service.revoke()
    service.say(Answer(200, {"id": "x"}))
    vaults.get_item(ITEM)
    assert service.tokens_given == 3


def test_401_for_ever_ends_with_a_sentence(service: Service, vaults: Vaults) -> None:
    service.say(Answer(401, {"error": {"code": "InvalidAuthenticationTokenTenant", "message": "The wrong tenant"}}))
    with pytest.raises(Rejected) as write:
        vaults.act(ITEM, "reProtect", None)
    with pytest.raises(ConnectionFailed) as read:
        vaults.get_item(ITEM)
    assert write.value.code == read.value.code == "login_failed"
    assert "AZURE_TENANT" in read.value.remedy
    assert len(service.asked) <= 6


def test_a_claims_challenge_is_answered(service: Service, vaults: Vaults) -> None:
    claims = base64.b64encode(b'{"access_token":{"nbf":{"essential":true}}}').decode().rstrip("=")
    header = f'Bearer realm="", error="insufficient_claims", claims="{claims}"'
    service.say(Answer(401, None, {"WWW-Authenticate": header}), Answer(200, {"id": "x"}))
    assert vaults.get_item(ITEM) == {"id": "x"}
    assert service.tokens_given == 2


def test_many_threads_share_one_token_and_one_renewal(service: Service, vaults: Vaults) -> None:
    service.say(accepted(JOB))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: vaults.act(ITEM, "failoverCommit", None), range(40)))
        assert service.tokens_given == 1
        service.revoke()
        list(pool.map(lambda n: vaults.act(ITEM, "failoverCommit", None), range(40)))
    assert service.tokens_given == 2
    assert vaults.requests.writes == len(service.asked)


def test_a_token_with_little_life_is_not_fetched_for_every_call(service: Service, vaults: Vaults) -> None:
    service.token_life = 120
    service.say(Answer(200, {"id": "x"}))
    for _dummy in range(10):
        vaults.get_item(ITEM)
    assert service.tokens_given == 1


def test_a_token_is_renewed_before_it_ends_and_the_old_one_serves_while_that_fails(
    service: Service, vaults: Vaults, clock: FastClock
) -> None:
    service.say(Answer(200, {"id": "x"}))
    service.token_life = 3600
    vaults.get_item(ITEM)
    clock.sleep(3100)
    # Entra is out of order: every attempt of the library fails.
    service.token_answers = [Answer(400, {"error": "temporarily_unavailable"}) for _dummy in range(9)]
    vaults.get_item(ITEM)
    failed = 9 - len(service.token_answers)
    vaults.get_item(ITEM)
    assert 9 - len(service.token_answers) == failed
    service.token_answers = []
    clock.sleep(31)
    vaults.get_item(ITEM)
    assert service.asked[-1].headers["authorization"] in ("Bearer token-1", "Bearer token-2")


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("AADSTS7000215: Invalid client secret provided.", "AZURE_SECRET"),
        ("AADSTS7000222: The provided client secret keys for app 'x' are expired.", "expired"),
        ("AADSTS700016: Application with identifier 'x' was not found", "AZURE_CLIENT_ID"),
    ],
)
def test_refused_logins(service: Service, clock: FastClock, description: str, words: str) -> None:
    service.token_answers = [Answer(401, {"error": "invalid_client", "error_description": description})]
    error = fails(service, clock)
    assert error.code == "login_failed"
    assert words in error.sentence()
    assert service.asked == []


def test_certificate_login_and_workload_login(service: Service, clock: FastClock, tmp_path: Path) -> None:
    issued = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("app.example", key_type=trustme.KeyType.RSA)
    pem = tmp_path / "app.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    assertion = tmp_path / "assertion"
    assertion.write_text("a.b.c")
    for options in (
        {"secret": None, "x509_certificate_path": str(pem)},
        {"secret": None, "federated_token_file": str(assertion)},
    ):
        service.say(Answer(200, {"value": entries("a")}))
        vaults = connect(account(service, **options), clock=Clock(clock.monotonic, clock.sleep))
        assert vaults.list_items(VAULT) == entries("a")


def test_managed_identity_login(service: Service, clock: FastClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{service.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header-1")
    service.check_tokens = False

    def script(seen: Seen) -> Answer:
        if seen.path != "/msi/token":
            return Answer(200, {"value": entries("a")})
        token = {
            "access_token": "from-the-identity",
            "expires_on": "4102444800",
            "resource": "r",
            "token_type": "Bearer",
        }
        return Answer(200, token)

    service.script = script
    plain = account(service, secret=None, tenant=None, client_id=None)
    vaults = connect(plain, clock=Clock(clock.monotonic, clock.sleep))
    assert vaults.list_items(VAULT) == entries("a")
    asked_identity, asked_vault = service.asked
    assert asked_identity.headers["x-identity-header"] == "header-1"
    assert asked_vault.headers["authorization"] == "Bearer from-the-identity"


#: What a token endpoint says when it, or a proxy before it, is in trouble.
IN_TROUBLE = [
    pytest.param(Answer(503), id="503"),
    pytest.param(Answer(502, b"<html><title>Bad gateway</title></html>", {"Content-Type": "text/html"}), id="html"),
    pytest.param(Answer(200, b"<html>portal</html>", {"Content-Type": "text/html"}), id="200-html"),
    pytest.param(
        Answer(429, {"error": "temporarily_unavailable", "error_description": "AADSTS90055: too many requests"}),
        id="429",
    ),
    # What a proxy answers in the service's place may be JSON, too.
    pytest.param(Answer(200, []), id="list"),
    pytest.param(Answer(200, b"null"), id="null"),
    pytest.param(Answer(200, b'"ok"'), id="text"),
    pytest.param(Answer(200, {}), id="empty"),
    pytest.param(Answer(200, {"access_token": "t", "expires_in": None}), id="no-life"),
    pytest.param(Answer(200, {"access_token": "t", "expires_in": "soon"}), id="odd-life"),
    pytest.param(Answer(500, {"error": "server_error"}), id="500-json"),
    pytest.param(Answer(503, []), id="503-list"),
]


@pytest.mark.parametrize("answer", IN_TROUBLE)
def test_a_token_endpoint_in_trouble_is_asked_again_after_pauses(
    service: Service, clock: FastClock, answer: Answer
) -> None:
    service.token_answers = [answer] * 4
    assert open_vaults(service, clock).list_items(VAULT) == []
    assert sum(clock.slept) > 0


@pytest.mark.parametrize("answer", IN_TROUBLE)
def test_a_token_endpoint_that_stays_in_trouble_is_no_refused_login(
    service: Service, clock: FastClock, answer: Answer
) -> None:
    service.token_answers = [answer] * 200
    error = fails(service, clock)
    assert error.code == "login_unavailable"
    assert service.url in error.message


def test_no_pause_for_a_token_passes_the_deadline(service: Service, clock: FastClock) -> None:
    service.token_answers = [Answer(503)] * 200
    vaults = open_vaults(service, clock, deadline=clock.monotonic() + 1.0)
    with pytest.raises(ConnectionFailed):
        vaults.list_items(VAULT)
    assert sum(clock.slept) <= 1.0
