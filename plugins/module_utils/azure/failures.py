# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers and failures of Azure as errors of the domain: one sentence each, and the remedy by the option's name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from ..failback.model.errors import ConnectionFailed, FailbackError, NotFound, ReadFailed, Rejected, Unknown
from .redact import one_line


@dataclass(frozen=True)
class Reply:
    """An answer with its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class RequestName:
    """A request as messages name it: ``what`` it was for, its path, and its client request id."""

    what: str
    path: str
    request_id: str = ""


_ELEMENT = re.compile(r"<(Code|Message|PossibleCauses|RecommendedAction)>([^<]*)</", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>([^<]*)</title", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")

#: What to do about an answer that did not come from Azure.
_BETWEEN = "Check the proxy or firewall between here and Azure: it answered instead of Azure."


@dataclass(frozen=True)
class ServiceError:
    """The error envelope of a reply (SEEN CLI-A2A_self, RPJ): outer words and what the first detail adds."""

    code: str
    message: str
    causes: str = ""
    action: str = ""
    outer_code: str = ""
    #: The first words of an answer that is no error of Resource Manager's: a proxy's page, an older API's XML.
    strange: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, body: bytes) -> ServiceError:
        """Tolerant: a body that is no envelope gives empty words.

        The SDK's own error objects drop causes and action (RUN), so the body is read here.
        """
        try:
            data = json.loads(body)
        except ValueError:
            return cls._strange(body)
        error = data.get("error") if isinstance(data, Mapping) else None
        if isinstance(error, str) and error:
            return cls("", one_line(error))
        if not isinstance(error, Mapping):
            return cls("", "", strange=_first_words(body) if data and "error" not in str(data) else "")
        told = error.get("details")
        entries = [d for d in told if isinstance(d, Mapping)] if isinstance(told, list) else []
        detail: Mapping[str, Any] = entries[0] if entries else {}
        message = str(error.get("message") or detail.get("message") or "")
        said = str(detail.get("message") or "")
        if said and said.strip(". ").lower() not in message.lower():
            message = f"{message.rstrip('. ')}: {said}" if message else said
        return cls(
            code=str(detail.get("code") or error.get("code") or ""),
            message=one_line(message),
            causes=one_line(detail.get("possibleCauses") or ""),
            action=one_line(detail.get("recommendedAction") or ""),
            outer_code=str(error.get("code") or ""),
            ids={k: str(detail[k]) for k in ("clientRequestId", "activityId") if detail.get(k)},
        )

    @classmethod
    def _strange(cls, body: bytes) -> ServiceError:
        """XML of the older API has the same words in elements; of anything else the first words that can be read."""
        text = body[:20000].decode("utf-8", "replace")
        found = {name: one_line(unescape(value)) for name, value in _ELEMENT.findall(text)}
        if found.get("Code") or found.get("Message"):
            return cls(
                code=found.get("Code", ""),
                message=found.get("Message", ""),
                causes=found.get("PossibleCauses", ""),
                action=found.get("RecommendedAction", ""),
                outer_code=found.get("Code", ""),
            )
        return cls("", "", strange=_first_words(body))

    @property
    def words(self) -> str:
        """Message and code for use in a sentence."""
        if self.message and self.code:
            return f"{self.message} ({self.code})"
        if self.strange and not (self.message or self.code):
            return f"its answer does not come from Azure and begins '{self.strange}'"
        return self.message or self.code or "no reason given"


def _first_words(body: bytes) -> str:
    """What a person would read first in an answer; empty where nothing can be read."""
    text = body[:20000].decode("utf-8", "ignore")
    if "<" in text:
        title = _TITLE.search(text)
        text = unescape((title.group(1) + ": " if title else "") + _TAG.sub(" ", _UNSEEN.sub(" ", text)))
    return one_line(text, limit=200)


def begins(body: bytes) -> str:
    """For a sentence about an answer that is no JSON: how it begins, where that is not half a JSON."""
    words = "" if body.lstrip()[:1] in (b"{", b"[", b"") else _first_words(body)
    return f" and begins '{words}'" if words else ""


def _details(reply: Reply, error: ServiceError, ask: RequestName) -> dict[str, Any]:
    return {
        "http_status": reply.status,
        "service_code": error.code,
        "outer_code": error.outer_code,
        "service_message": error.message,
        "possible_causes": error.causes,
        "recommended_action": error.action,
        "client_request_id": ask.request_id,
        **{k: v for k, v in error.ids.items() if k == "activityId"},
    }


def _segment(path: str, name: str) -> str:
    """The segment after ``name`` in an ARM path, the case of ``name`` left aside; empty when it is not there."""
    found = re.search(rf"/{name}/([^/?]+)", path, re.IGNORECASE)
    return found.group(1) if found else ""


#: The permission that a 403 names as missing: a linked one names first what the identity has (field reports).
_LACKING = re.compile(
    r"(?:does not have|not have|lacks?)\s+(?:the\s+)?(?:authorization|permission)\s+to\s+perform\s+(?:the\s+)?action\s+'([^']+)'"
    r"(?:[^']*?scope(?:\(s\))?\s+'([^']+)')?",
    re.DOTALL | re.IGNORECASE,
)
_MISSING_VAULT = re.compile(r"Microsoft\.RecoveryServices/vaults/[^/'\s]+'", re.IGNORECASE)


def _forbidden(error: ServiceError, ask: RequestName) -> tuple[str, str]:
    """The service's own sentence, whole; the remedy names what that sentence says is lacking, and nothing else."""
    if error.strange:
        return _not_azure(error, ask, 403), _BETWEEN
    message = f"Azure does not allow this identity {ask.what} (HTTP 403): {error.words}."
    found = _LACKING.search(error.message)
    which = f" that holds {found.group(1)}" + (f" on {found.group(2)}" if found.group(2) else "") if found else ""
    lacking = found.group(1).lower() if found else ""
    usual = ""
    if not lacking:
        usual = " (usually Site Recovery Contributor on the vault and Reader on the Azure machines' resource groups)"
    elif lacking.startswith("microsoft.recoveryservices/"):
        usual = " (usually Site Recovery Contributor on the vault)"
    elif lacking.endswith("/read"):
        usual = " (usually Reader)"
    remedy = (
        f"Give it a role{which or ' that allows this'}{usual}, wait a few minutes for it to take effect, then rerun."
    )
    return message, remedy


def _not_azure(error: ServiceError, ask: RequestName, status: int) -> str:
    """A refusal that does not come from Azure."""
    return f"Something between here and Azure refused {ask.what} (HTTP {status}): the answer begins '{error.strange}'."


def _wrong_place(error: ServiceError, ask: RequestName) -> tuple[str, str, str] | None:
    """(code, sentence, remedy) when subscription, group or vault are not there (SEEN CLI-vault for the vault)."""
    code = error.outer_code.lower()
    subscription, group = _segment(ask.path, "subscriptions"), _segment(ask.path, "resourceGroups")
    if code in ("subscriptionnotfound", "invalidsubscriptionid"):
        return (
            "subscription_not_found",
            f"Subscription '{subscription}' does not exist or is not visible to this identity.",
            "Correct subscription_id (AZURE_SUBSCRIPTION_ID), or give the identity a role in the subscription.",
        )
    if code == "resourcegroupnotfound":
        return (
            "resource_group_not_found",
            f"Resource group '{group}' does not exist in subscription '{subscription}'.",
            "Correct resource_group of this vault (ASR_RESOURCE_GROUP).",
        )
    vault = _segment(ask.path, "Microsoft.RecoveryServices/vaults")
    at_vault = ask.path.rstrip("/").lower().endswith(f"/vaults/{vault.lower()}")
    if vault and code == "resourcenotfound" and (at_vault or _MISSING_VAULT.search(error.message)):
        return (
            "vault_not_found",
            f"Vault '{vault}' does not exist in resource group '{group}' of subscription '{subscription}'.",
            "Correct the vault's name (ASR_VAULT) or its resource_group.",
        )
    return None


def _shut_out(error: ServiceError) -> tuple[str, str]:
    """Sentence and remedy for a token that the service does not take, not even a fresh one."""
    remedy = (
        "Check that tenant (AZURE_TENANT) is the directory of the subscription, and that cloud_environment or "
        "resource_manager_endpoint is the subscription's cloud."
    )
    return f"Azure does not accept this identity's token: {error.words}.", remedy


def read_refused(reply: Reply, ask: RequestName) -> FailbackError:
    """A GET that was answered with a permanent error."""
    error = ServiceError.parse(reply.body)
    details = _details(reply, error, ask)
    if reply.status == 401:
        return ConnectionFailed("login_failed", *_shut_out(error), details)
    if reply.status == 403:
        return ConnectionFailed("forbidden", *_forbidden(error, ask), details)
    place = _wrong_place(error, ask)
    if place:
        return NotFound(*place, details)
    if reply.status == 404:
        return NotFound("not_found", f"Azure does not have {ask.what}: {error.words}.", error.action, details)
    return ReadFailed(
        "read_failed",
        f"Azure could not return {ask.what} (HTTP {reply.status}): {error.words}.",
        error.action or "Rerun in a few minutes." + (f" {_BETWEEN}" if error.strange else ""),
        details,
    )


def answer_of(reply: Reply, ask: RequestName) -> dict[str, Any]:
    """The JSON object of an accepted request. Raises ReadFailed where it is not one."""
    try:
        found = json.loads(reply.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise read_unusable(ask, f"it is not a complete JSON object (HTTP {reply.status}){begins(reply.body)}")
    return found


def read_unusable(ask: RequestName, why: str) -> ReadFailed:
    """A GET whose answer was truncated or not JSON, several times in a row."""
    return ReadFailed(
        "read_failed",
        f"Azure's answer for {ask.what} is unusable: {why}.",
        "Rerun in a few minutes, and check any proxy between here and Azure.",
        {"client_request_id": ask.request_id},
    )


def throttled(ask: RequestName, wait: float, write: bool) -> FailbackError:
    """The service asks to wait longer than this run may: nothing was accepted. details: retry_after in seconds."""
    kind = Rejected if write else ReadFailed
    return kind(
        "throttled",
        f"Azure is throttling requests: wait {wait:.0f} s before {ask.what}.",
        "Rerun later, or run fewer jobs against this subscription at the same time.",
        {"retry_after": wait, "http_status": 429, "client_request_id": ask.request_id},
    )


def write_refused(reply: Reply, ask: RequestName) -> Rejected:
    """A POST answered with a definite refusal (4xx): nothing was accepted."""
    error = ServiceError.parse(reply.body)
    details = _details(reply, error, ask)
    if reply.status == 401:
        return Rejected("login_failed", *_shut_out(error), details)
    if reply.status == 403:
        return Rejected("forbidden", *_forbidden(error, ask), details)
    place = _wrong_place(error, ask)
    if place:
        return Rejected(*place, details)
    code = "not_found" if reply.status == 404 else "rejected"
    remedy = error.action or (_BETWEEN if error.strange else "")
    message = f"Azure refused {ask.what} (HTTP {reply.status}): {error.words}."
    return Rejected(code, _not_azure(error, ask, reply.status) if error.strange else message, remedy, details)


def write_unknown(ask: RequestName, why: str, status: int | None = None) -> Unknown:
    """A POST whose outcome is unknown."""
    return Unknown(
        "unknown_outcome",
        f"Azure may or may not have accepted {ask.what}: {why}.",
        "Check the machine's state before anything is sent again.",
        {"http_status": status, "client_request_id": ask.request_id},
    )


def causes(exc: BaseException) -> Iterator[BaseException]:
    """``exc`` and everything it came from, once each; libraries keep the real reason in different places."""
    seen: set[int] = set()
    queue: list[Any] = [exc]
    while queue:
        current = queue.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        queue += [current.__cause__, current.__context__, getattr(current, "inner_exception", None)]
        queue += [getattr(current, "reason", None), *current.args]


def _said(exc: BaseException) -> str:
    return " ".join(f"{type(c).__name__} {c}" for c in causes(exc))


def not_trusted(exc: BaseException) -> bool:
    """True when the server's certificate was not accepted."""
    text = _said(exc)
    return "CERTIFICATE_VERIFY_FAILED" in text or "SSLCertVerificationError" in text or "CertificateError" in text


def ca_unusable(exc: BaseException) -> bool:
    """True when the CA file itself cannot be read (requests says so for REQUESTS_CA_BUNDLE)."""
    return "TLS CA certificate bundle" in _said(exc)


def never_left(exc: BaseException) -> bool:
    """True when no connection came about, so that the request cannot have reached the service."""
    text = _said(exc)
    return (
        not_trusted(exc)
        or ca_unusable(exc)
        or any(word in text for word in ("NewConnectionError", "NameResolutionError", "ConnectTimeout", "ProxyError"))
    )


def _why(exc: BaseException) -> str:
    text = _said(exc)
    for words, meaning in (
        (("NameResolutionError", "Name or service not known", "getaddrinfo"), "the name cannot be resolved"),
        (("ConnectTimeout",), "the connection timed out"),
        (("Connection refused", "ConnectionRefusedError"), "the connection was refused"),
        (("ProxyError",), "the proxy does not answer"),
        (("ReadTimeout",), "the answer timed out"),
        (("IncompleteRead",), "the answer was incomplete"),
        (
            ("RemoteDisconnected", "ConnectionResetError", "Connection aborted", "ProtocolError"),
            "the connection was lost",
        ),
    ):
        if any(word in text for word in words):
            return meaning
    return one_line(exc, limit=200)


def how_lost(exc: BaseException) -> str:
    """In a few words, how a connection or its answer was lost."""
    return _why(exc)


def cannot_reach(exc: BaseException, address: str, option: str) -> ConnectionFailed:
    """No usable connection to ``address``, which ``option`` sets."""
    if ca_unusable(exc):
        return ConnectionFailed(
            "certificate_not_trusted",
            "The file of trusted certificate authorities cannot be read.",
            "Set ca_path (or REQUESTS_CA_BUNDLE) to a PEM file.",
        )
    if not_trusted(exc):
        return ConnectionFailed(
            "certificate_not_trusted",
            f"The certificate of {address} is not trusted.",
            "Set ca_path (or REQUESTS_CA_BUNDLE) to a PEM file with the certificate authority that issued it.",
            {"address": address},
        )
    return ConnectionFailed(
        "unreachable",
        f"{address} cannot be reached: {_why(exc)}.",
        f"Check the network, the proxy variables, and {option}.",
        {"address": address},
    )
