# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM's token buckets: in real time, whatever the service's clock does."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

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
    now[0] = 1.0
    assert [throttle.take("me", "POST")[1] for _dummy in range(11)] == [None] * 10 + [1]
    now[0] = 1000.0
    assert throttle.take("me", "POST") == (199, None)


@pytest.fixture(scope="module")
def vault(run_vault: Callable[..., Wire]) -> Wire:
    return run_vault(SMALL)


def test_a_storm_of_reads_meets_429(vault: Wire) -> None:
    vault.login()
    path = f"{vault.vault}/replicationPolicies"
    deadline = time.monotonic() + 20
    refused = None
    with ThreadPoolExecutor(4) as pool:
        while refused is None and time.monotonic() < deadline:
            replies = list(pool.map(lambda _dummy: vault.call("GET", path), range(100)))
            refused = next((r for r in replies if r.status_code == 429), None)
    assert refused is not None
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["error"]["code"] == "TooManyRequests"
    assert vault.control("GET", "/counters")["throttled"] >= 1
    vault.until(lambda: vault.call("GET", path), lambda r: r.status_code == 200, 10)
    vault.control("POST", "/settings", {"throttle": False})
    assert vault.call("GET", path).status_code == 200
    assert "x-ms-ratelimit-remaining-subscription-reads" not in vault.call("GET", path).headers
