# SPDX-License-Identifier: GPL-3.0-or-later
"""What a definite refusal of a write means: busy, passing, or there until somebody lifts it. Pure.

None was accepted, so sending again later is safe. Site Recovery's own bodies for 409, 412 and 423 were never recorded
(INFER); those of Resource Manager are known by their codes (DOC). An unknown code counts as busy only with 409, and what the
service's answer is shown while it is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Code of ours and what to do, by the service's code in lower case. Trying again does not help.
LASTING: Mapping[str, tuple[str, str]] = {
    "scopelocked": (
        "locked",
        "Remove the lock that the service names, or ask its owner to, then rerun.",
    ),
    "readonlydisabledsubscription": (
        "subscription_disabled",
        "Ask the subscription's owner or Azure billing support to re-enable it, then rerun.",
    ),
    "subscriptiondisabled": (
        "subscription_disabled",
        "Ask the subscription's owner or Azure billing support to re-enable it, then rerun.",
    ),
    "requestdisallowedbypolicy": (
        "disallowed_by_policy",
        "Ask for an exemption from the Azure Policy that the service names, then rerun.",
    ),
    "requestdisallowedbyazure": (
        "disallowed_by_policy",
        "Fix what the service reports for this subscription, then rerun.",
    ),
}

#: Statuses of a refusal that is over soon: a token that was taken just before, another operation, a changed ETag, a lock for
#: the time of an operation.
_PASSING_STATUS = frozenset({401, 409, 412, 423})

#: Codes and words of temporary problems that come as HTTP 400 (field reports).
_PASSING_CODES = frozenset(
    {"invalidchannelintegritykeytoken", "internalservererror", "internalerror", "retryableerror"}
)
_RETRY_WORDS = ("retry the last action", "retry the operation", "try again later", "retry after some time")


def lasting(details: Mapping[str, Any]) -> tuple[str, str] | None:
    """Our code and the remedy of a refusal that stays until somebody acts; None for every other one."""
    for key in ("service_code", "outer_code"):
        found = LASTING.get(str(details.get(key) or "").lower())
        if found:
            return found
    return None


def passing(details: Mapping[str, Any]) -> bool:
    """Whether the refusal may be gone in a minute."""
    if lasting(details):
        return False
    status = details.get("http_status")
    if status in _PASSING_STATUS:
        return True
    if status != 400:
        return False
    said = f"{details.get('recommended_action') or ''}".lower()
    cause = f"{details.get('possible_causes') or ''} {details.get('service_message') or ''}".lower()
    ours = str(details.get("service_code") or "").lower() in _PASSING_CODES
    return ours or ("internal" in cause and "error" in cause and any(words in said for words in _RETRY_WORDS))
