# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM's token buckets: in real time, whatever the service's clock does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from vault_fixture import SMALL
from wire import Wire

from rehearsal.azure.throttle import Throttle


def test_a_bucket_drains_and_fills() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    taken = [throttle.take("me", "POST") for _dummy in range(201)]
    assert [wait for _dummy, wait in taken[:200]] == [None] * 200
    assert taken[0][0] == 199
    assert taken[200] == (0, 1)
    assert throttle.take("me", "GET") == (249, None), "reads have a bucket of their own"
    assert throttle.take("you", "POST") == (199, None), "so has each principal"
    assert throttle.take("me", "POST", "another-subscription") == (199, None), "and each subscription"
    now[0] = 1.0
    assert [throttle.take("me", "POST")[1] for _dummy in range(11)] == [None] * 10 + [1]
    now[0] = 1000.0
    assert throttle.take("me", "POST") == (199, None)


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    return run_vault(SMALL)


def test_a_drained_bucket_is_empty_for_so_many_calls_whatever_the_time() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    throttle.drain("writes", 2)
    for _dummy in range(2):
        assert throttle.take("me", "POST") == (0, 1)
        now[0] += 1000.0
    assert throttle.take("me", "POST") == (199, None)
    assert throttle.take("me", "GET") == (249, None)


def test_an_empty_bucket_answers_429(vault: Wire) -> None:
    vault.login()
    path = f"{vault.vault}/replicationPolicies"
    vault.control("POST", "/throttle/drain", {"kind": "reads"})
    refused = vault.call("GET", path)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["error"]["code"] == "TooManyRequests"
    assert vault.control("GET", "/counters")["throttled"] >= 1
    vault.until(lambda: vault.call("GET", path), lambda r: r.status_code == 200)
    vault.control("POST", "/settings", {"throttle": False})
    assert vault.call("GET", path).status_code == 200
    assert "x-ms-ratelimit-remaining-subscription-reads" not in vault.call("GET", path).headers
