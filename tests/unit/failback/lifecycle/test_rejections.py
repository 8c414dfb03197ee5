# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refusal of a write means: busy and passing ones are tried again, lasting ones are reported at once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.rejections import lasting, passing


@pytest.mark.parametrize(
    ("details", "ours", "again"),
    [
        ({"http_status": 409, "service_code": "ScopeLocked"}, "locked", False),
        ({"http_status": 409, "outer_code": "scopelocked", "service_code": "X"}, "locked", False),
        ({"http_status": 409, "service_code": "ReadOnlyDisabledSubscription"}, "subscription_disabled", False),
        ({"http_status": 403, "service_code": "RequestDisallowedByPolicy"}, "disallowed_by_policy", False),
        ({"http_status": 409, "service_code": "AnotherOperationInProgress"}, "", True),
        ({"http_status": 409}, "", True),
        ({"http_status": 401}, "", True),
        ({"http_status": 412, "service_code": "PreconditionFailed"}, "", True),
        ({"http_status": 423, "service_code": "Locked"}, "", True),
        ({"http_status": 400, "service_code": "InvalidChannelIntegrityKeyToken"}, "", True),
        (
            {
                "http_status": 400,
                "possible_causes": "An internal server error occurred",
                "recommended_action": "Retry the last action",
            },
            "",
            True,
        ),
        (
            {"http_status": 400, "service_code": "InvalidParameter", "recommended_action": "Retry the operation"},
            "",
            False,
        ),
        ({"http_status": 403}, "", False),
        ({}, "", False),
    ],
)
def test_refusals(details: dict[str, Any], ours: str, again: bool) -> None:
    assert (lasting(details) or ("", ""))[0] == ours
    assert passing(details) is again
