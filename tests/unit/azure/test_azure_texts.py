# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read: redaction, and one sentence with a remedy per failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.azure import failures
from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount, refused
from ansible_collections.homeward.asr.plugins.module_utils.azure.failures import Reply, RequestName
from ansible_collections.homeward.asr.plugins.module_utils.azure.redact import one_line, redact
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    ConnectionFailed,
    FailbackError,
    NotFound,
    ReadFailed,
    Rejected,
)

VAULT = "/subscriptions/sub-1/resourceGroups/rg-1/providers/Microsoft.RecoveryServices/vaults/v-1"
SIGNED = f"https://x.management.azure.com{VAULT}/replicationOperationStatus/123?api-version=2025-08-01&t=638&c=MIIHhz&s=a1B2-_x&h=Zz9"


@pytest.mark.parametrize(
    ("text", "hidden", "kept"),
    [
        (f"GET {SIGNED} failed", ["638", "MIIHhz", "a1B2-_x", "Zz9"], "replicationOperationStatus/123"),
        (f"see '{VAULT}/operationresults/9?t=1&s=secretsignature' now", ["secretsignature"], "operationresults/9"),
        ("s=kLm3nOpQrStUvWxYz0123456789&h=aaaaaaaaaaaaaaaaaaaaaaaa", ["kLm3nOpQ", "aaaaaaaa"], "s="),
        ("Authorization: Bearer abc.def-ghi==", ["abc.def"], "Authorization"),
        ("token eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJodHRw.c2lnbmF0dXJl.", ["eyJhdWQ", "c2lnbm"], "token"),
        ("client_secret=hunter2&grant_type=client_credentials", ["hunter2"], "grant_type"),
        ('{"access_token": "opaque-token"}', ["opaque-token"], "access_token"),
        ("the password is S3cr3t!", ["S3cr3t!"], "the password is"),
    ],
)
def test_redact(text: str, hidden: list[str], kept: str) -> None:
    shown = redact(text, ["S3cr3t!", None, ""])
    assert kept in shown
    for secret in hidden:
        assert secret not in shown


@pytest.mark.parametrize("text", ["Is vault 'x' there? Yes.", "took t=5 and s=3", "code 95226: reboot?"])
def test_redact_leaves_plain_text_alone(text: str) -> None:
    assert redact(text) == text


def test_one_line() -> None:
    assert one_line(" two\n  lines. ") == "two lines"
    assert len(one_line("x" * 9000)) == 1000


def test_nothing_in_a_text_steers_the_terminal_and_braces_stay() -> None:
    hostile = "\x1b[31mRed\x1b[0m \x1b]0;title\x07{{ lookup('pipe', 'id') }} {% raw %}\u202egnp\u2066\r\x00\x9b2J end"
    shown = one_line(hostile)
    assert shown == "Red {{ lookup('pipe', 'id') }} {% raw %} gnp end"
    assert shown.isprintable()


def envelope(outer: str, says: str, /, **detail: Any) -> bytes:
    error: dict[str, Any] = {"code": outer, "message": says}
    if detail:
        error["details"] = [detail]
    return json.dumps({"error": error}).encode()


NO_VAULT = envelope(
    "ResourceNotFound",
    "The Resource 'Microsoft.RecoveryServices/vaults/v-1' under resource group 'rg-1' was not found.",
)
NO_RIGHT = envelope(
    "AuthorizationFailed",
    "The client 'c' with object id 'o' does not have authorization to perform action "
    f"'Microsoft.RecoveryServices/vaults/replicationFabrics/read' over scope '{VAULT}' or the scope is invalid.",
)
NO_ITEM = envelope(
    "NotFound",
    "Specified resource with name 'i' does not exist.",
    code="ArmResourceDoesNotExist",
    message="Specified resource with name 'i' does not exist.",
    possibleCauses="It was removed.",
    recommendedAction="Refresh the page.",
    activityId="act-1",
)
BUSY = envelope(
    "Conflict",
    "The operation could not be started.",
    code="150014",
    message="Another operation is in progress.",
    possibleCauses="A job runs.",
    recommendedAction="Wait for the job to end.",
)

READS = [
    (404, VAULT, NO_VAULT, NotFound, "vault_not_found", ["v-1", "rg-1"], "ASR_VAULT"),
    (404, f"{VAULT}/replicationFabrics", NO_VAULT, NotFound, "vault_not_found", ["v-1"], "ASR_VAULT"),
    (
        404,
        VAULT,
        envelope("ResourceGroupNotFound", "no"),
        NotFound,
        "resource_group_not_found",
        ["rg-1"],
        "resource_group",
    ),
    (
        404,
        VAULT,
        envelope("SubscriptionNotFound", "no"),
        NotFound,
        "subscription_not_found",
        ["sub-1"],
        "subscription_id",
    ),
    (
        400,
        VAULT,
        envelope("InvalidSubscriptionId", "no"),
        NotFound,
        "subscription_not_found",
        ["sub-1"],
        "subscription_id",
    ),
    (404, f"{VAULT}/replicationJobs/i", NO_ITEM, NotFound, "not_found", ["'i' does not exist"], "Refresh"),
    (
        403,
        VAULT,
        NO_RIGHT,
        ConnectionFailed,
        "forbidden",
        ["Microsoft.RecoveryServices/vaults/replicationFabrics/read", VAULT],
        "role",
    ),
    (403, VAULT, b"", ConnectionFailed, "forbidden", ["no reason"], "role"),
    (
        401,
        VAULT,
        envelope("InvalidAuthenticationTokenTenant", "wrong issuer"),
        ConnectionFailed,
        "login_failed",
        ["wrong issuer"],
        "tenant",
    ),
    (
        400,
        VAULT,
        envelope("InvalidApiVersionParameter", "bad version"),
        ReadFailed,
        "read_failed",
        ["bad version", "400"],
        "Rerun",
    ),
    (503, VAULT, b"<html>busy</html>", ReadFailed, "read_failed", ["503"], "Rerun"),
]


@pytest.mark.parametrize(("status", "path", "body", "kind", "code", "words", "remedy"), READS)
def test_reads(status: int, path: str, body: bytes, kind: type, code: str, words: list[str], remedy: str) -> None:
    error = failures.read_refused(Reply(status, {}, body), RequestName("the thing", path, "req-1"))
    check(error, kind, code, words, remedy)


WRITES = [
    (409, BUSY, "rejected", ["Another operation is in progress", "150014", "409"], "Wait for the job"),
    (400, envelope("400", "Bad body"), "rejected", ["Bad body"], ""),
    (404, NO_ITEM, "not_found", ["'i' does not exist"], "Refresh"),
    (403, NO_RIGHT, "forbidden", ["replicationFabrics/read"], "role"),
    (401, b"", "login_failed", ["token"], "tenant"),
    (302, b"", "rejected", ["302"], ""),
]


@pytest.mark.parametrize(("status", "body", "code", "words", "remedy"), WRITES)
def test_writes(status: int, body: bytes, code: str, words: list[str], remedy: str) -> None:
    error = failures.write_refused(
        Reply(status, {}, body), RequestName("reProtect of 'i'", f"{VAULT}/x/i/reProtect", "req-1")
    )
    check(error, Rejected, code, words, remedy)


def check(error: FailbackError, kind: type, code: str, words: list[str], remedy: str) -> None:
    assert error.__class__ is kind
    assert error.code == code
    for word in words:
        assert word in error.message
    assert remedy in error.remedy
    assert error.message.endswith(".")
    assert "\n" not in error.sentence()
    assert error.details["client_request_id"] == "req-1"


def test_causes_and_action_of_the_service_are_kept() -> None:
    details = failures.write_refused(Reply(409, {}, BUSY), RequestName("x", VAULT)).details
    assert details["service_code"] == "150014"
    assert details["possible_causes"] == "A job runs"
    assert details["recommended_action"] == "Wait for the job to end"
    assert details["http_status"] == 409


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"error": null}',
        b'{"error": {"details": null}}',
        b"\xff\xfe",
        b'{"error": {"details": ["x"]}}',
    ],
)
def test_bodies_that_are_no_envelope(body: bytes) -> None:
    assert failures.ServiceError.parse(body).words == "no reason given"


def test_signed_links_in_service_texts_do_not_show() -> None:
    said = failures.ServiceError.parse(envelope("X", f"see {SIGNED}"))
    assert "a1B2-_x" not in said.message


ACCOUNT = AzureAccount(tenant="ten", client_id="app", secret="hush")


@pytest.mark.parametrize(
    ("source", "text", "words", "remedy"),
    [
        (
            "service_principal",
            "AADSTS7000215: Invalid client secret provided. Trace",
            ["does not belong", "app"],
            "AZURE_SECRET",
        ),
        (
            "service_principal",
            "AADSTS7000222: The provided client secret keys are expired",
            ["expired", "app"],
            "AZURE_SECRET",
        ),
        ("service_principal", "AADSTS700016: Application not found", ["app", "ten"], "AZURE_CLIENT_ID"),
        ("service_principal", "AADSTS90002: Tenant 'ten' not found", ["ten"], "AZURE_TENANT"),
        ("service_principal", "AADSTS700027: Client assertion", ["x509_certificate_path"], "certificate"),
        ("workload_identity", "AADSTS700213: No matching", ["federated_token_file"], "federated credential"),
        ("service_principal", "AADSTS99: New words", ["New words"], "tenant"),
        ("cli", "Please run 'az login'", ["CLI"], "az login"),
        ("managed_identity", "no endpoint", ["managed identity"], "auth_source"),
    ],
)
def test_logins(source: str, text: str, words: list[str], remedy: str) -> None:
    error = refused(ACCOUNT, source, text)
    assert error.code == "login_failed"
    for word in words:
        assert word in error.message
    assert remedy in error.remedy


ZSCALER = b"<html><head><title>Access Denied</title><style>p {}</style></head><body><h1>request blocked by policy</h1></body></html>"
OLD = (
    b'<Error xmlns="x"><Code>InvalidParameter</Code><Message>A bad parameter &amp; more.</Message>'
    b"<PossibleCauses>It is wrong.</PossibleCauses><RecommendedAction>Correct it.</RecommendedAction></Error>"
)
LINKED = (
    "The client 'c' with object id 'o' has permission to perform action 'held/action' on scope '/here'; however, it does "
    "not have permission to perform action 'lacking/action' on the linked scope(s) '/there' or they are invalid."
)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 502])
def test_an_answer_that_is_not_azures_is_reported_with_its_status_and_first_words(status: int) -> None:
    reply = failures.Reply(status, {}, ZSCALER)
    for error in (
        failures.read_refused(reply, failures.RequestName("x", "/p")),
        failures.write_refused(reply, failures.RequestName("x", "/p")),
    ):
        assert str(status) in error.message or status == 404
        assert "Access Denied: request blocked by policy" in error.message
    for status in (400, 403):
        error = failures.write_refused(failures.Reply(status, {}, ZSCALER), failures.RequestName("x", "/p"))
        assert "proxy" in error.remedy
        # It was not Azure that refused.
        assert error.message.startswith("Something between here and Azure refused x")


def test_the_older_apis_words_are_read() -> None:
    error = failures.write_refused(failures.Reply(400, {}, OLD), failures.RequestName("x", "/p"))
    assert "A bad parameter & more (InvalidParameter)" in error.message
    assert error.remedy == "Correct it"
    assert error.details["possible_causes"] == "It is wrong"


def test_a_403_is_reported_in_the_services_words_and_only_what_is_lacking_is_asked_for() -> None:
    for answer in (failures.read_refused, failures.write_refused):
        error = answer(
            failures.Reply(403, {}, envelope("LinkedAuthorizationFailed", LINKED)), failures.RequestName("x", "/p")
        )
        assert LINKED.rstrip(".") in error.message
        assert "lacking/action on /there" in error.remedy
        assert "held/action" not in error.remedy


@pytest.mark.parametrize("body", [b'{"error": {"details": 7}}', b'{"error": {"details": {"a": 1}}}', b"7", b'"x"'])
def test_envelopes_of_odd_kinds_never_break_anything(body: bytes) -> None:
    assert failures.ServiceError.parse(body).words


@pytest.mark.parametrize(
    ("action", "role"),
    [
        ("Microsoft.RecoveryServices/vaults/replicationJobs/read", "Site Recovery Contributor"),
        ("Microsoft.Compute/virtualMachines/read", "Reader"),
        ("Microsoft.Network/virtualNetworks/subnets/join/action", ""),
    ],
)
def test_only_a_role_that_would_help_is_named(action: str, role: str) -> None:
    """The vault's role does not let anybody join a subnet."""
    said = f"The client 'c' does not have authorization to perform action '{action}' over scope '/s' or it is invalid."
    error = failures.read_refused(
        failures.Reply(403, {}, envelope("AuthorizationFailed", said)), failures.RequestName("x", "/p")
    )
    assert action in error.remedy
    assert [word for word in ("Site Recovery Contributor", "Reader") if word in error.remedy] == (
        [role] if role else []
    )
