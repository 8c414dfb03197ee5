# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual clock, and the small pure parts beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from rehearsal.azure.armpath import parse
from rehearsal.azure.clock import Clock, http_date, iso, parse_time
from rehearsal.azure.durations import CLASSIC, merged
from rehearsal.azure.errors import Refused
from rehearsal.azure.filters import parse_filter
from rehearsal.azure.ledger import blank
from rehearsal.azure.lifecycle import ROWS, move_for
from rehearsal.azure.lifecycle_classic import CLASSIC_MOVES, CLASSIC_ROWS
from rehearsal.azure.paging import make_token, read_token
from rehearsal.azure.settings import Settings


def test_it_runs_faster_than_real_time() -> None:
    real = [0.0]
    clock = Clock(60, 1000.0, lambda: real[0])
    real[0] = 2.0
    assert clock.now() == 1120.0
    clock.set_speed(1)
    real[0] = 3.0
    assert clock.now() == 1121.0

    async def jump() -> None:
        clock.advance(10)

    asyncio.run(jump())
    assert clock.now() == 1131.0
    for bad in (clock.set_speed, clock.advance):
        with pytest.raises(ValueError, match="runs forward only"):
            bad(-1)


def test_waiters_wake_in_order_and_a_jump_wakes_them_all() -> None:
    async def scenario() -> list[str]:
        clock = Clock(0.001)
        heard: list[str] = []
        clock.call_at(clock.now() + 20, lambda: heard.append("second"))
        clock.call_at(clock.now() + 10, lambda: heard.append("first"))
        sleeper = asyncio.create_task(clock.sleep(30))
        await asyncio.sleep(0)
        clock.advance(25)
        await asyncio.wait_for(_until(lambda: len(heard) == 2), 60)
        assert not sleeper.done()
        clock.set_speed(1000)
        await asyncio.wait_for(sleeper, 60)
        return heard

    assert asyncio.run(scenario()) == ["first", "second"]


async def _until(good: Callable[[], bool]) -> None:
    while not good():
        await asyncio.sleep(0.005)


def test_times_as_text() -> None:
    assert iso(1693023773.5) == "2023-08-26T04:22:53.5000000Z"
    assert http_date(1693023773.5) == "Sat, 26 Aug 2023 04:22:53 GMT"
    for text in ("2023-08-26T04:22:53.5000000Z", "'2023-08-26T04:22:53.5'", "2023-08-26 04:22:53.5"):
        assert parse_time(text) == 1693023773.5


def test_durations_are_merged_over_the_table() -> None:
    assert merged({"failover/to_azure": 5})["failover/to_azure"] == 5
    assert merged({})["reprotect/to_onprem"] == 775 == CLASSIC["reprotect/to_onprem"]
    with pytest.raises(ValueError, match="tea_break"):
        merged({"tea_break": 900})


def test_every_move_leads_from_a_row_to_a_row_that_allows_it() -> None:
    rows = {row.phase: row for row in CLASSIC_ROWS}
    assert tuple(ROWS["classic"]) == tuple(rows)
    for move in CLASSIC_MOVES:
        assert move.word in rows[move.start].allowed
        assert move.done in rows
        assert move.name in CLASSIC
        assert move_for("classic", move.verb, move.start) is move


def test_paths() -> None:
    path = parse("/Subscriptions/s/ResourceGroups/g/Providers/Microsoft.RecoveryServices/Vaults/v/ReplicationJobs/j")
    assert path is not None
    assert (path.route, path.names, path.complete) == ("vaults/*/replicationjobs/*", ("v", "j"), True)
    assert parse("/tenant/oauth2/v2.0/token") is None


def test_page_tokens_belong_to_their_list() -> None:
    assert read_token("items", make_token("items", 40)) == 40
    for token in (make_token("jobs", 40), "x", ""):
        with pytest.raises(Refused):
            read_token("items", token)


def test_filters() -> None:
    assert parse_filter("A eq 'it''s' and b ge 2", ("a", "b")) == [[("a", "eq", "it's"), ("b", "ge", "2")]]
    with pytest.raises(Refused):
        parse_filter("c eq 1", ("a",))


def test_secrets_in_queries_are_blanked() -> None:
    assert blank("/x?api-version=1&t=123&c=abc&s=d-e_f&h=1") == "/x?api-version=1&t=...&c=...&s=...&h=..."
    assert blank("/x?$filter=a&skipToken=zz") == "/x?$filter=a&skipToken=..."


def test_settings_know_their_kinds() -> None:
    settings = Settings()
    settings.change({"page_size": 5, "lag": 1})
    assert (settings.page_size, settings.lag) == (5, 1.0)
    for wrong in ({"nonsense": 1}, {"page_size": "5"}, {"throttle": 1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            settings.change(wrong)
