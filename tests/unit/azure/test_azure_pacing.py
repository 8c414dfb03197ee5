# SPDX-License-Identifier: GPL-3.0-or-later
"""The token bucket with time handed in."""

from __future__ import annotations

import math
import threading

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.azure.pacing import TokenBucket


class Time:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="time")
def a_time() -> Time:
    return Time()


def send_all(bucket: TokenBucket, time: Time, count: int) -> float:
    """Seconds that sending ``count`` requests one after the other takes."""
    start = time.now
    for _dummy in range(count):
        time.now += bucket.take()
    return time.now - start


def test_a_full_bucket_lets_its_capacity_leave_at_once(time: Time) -> None:
    bucket = TokenBucket(time)
    assert send_all(bucket, time, 200) == 0
    assert bucket.tokens() == 0
    assert bucket.take() == pytest.approx(0.1)


@pytest.mark.parametrize("count", [201, 300, 1000])
def test_sending_many_takes_the_refill_time_and_no_more(time: Time, count: int) -> None:
    ideal = (count - 200) / 10
    assert ideal * 0.999 <= send_all(TokenBucket(time), time, count) <= ideal * 1.15


def test_never_more_than_capacity_plus_refill_leaves_in_any_window(time: Time) -> None:
    bucket = TokenBucket(time)
    left: list[float] = []
    for _dummy in range(500):
        time.now += bucket.take()
        left.append(time.now)
    for i, start in enumerate(left):
        within = sum(1 for t in left[i:] if t < start + 5)
        assert within <= 200 + 5 * 10 + 1


def test_the_service_s_bucket_is_never_overdrawn_however_long_requests_travel(time: Time) -> None:
    """The service's own bucket, full until the first request has travelled to it."""
    travel = 0.4
    ours, theirs_level, theirs_at = TokenBucket(time), 200.0, time.now
    first = time.now + travel
    for number in range(300):
        time.now += ours.take()
        if number and time.now >= first + travel:
            ours.answered()
        arrival = time.now + travel if number == 0 else max(first, time.now)
        theirs_level = min(200.0, theirs_level + (arrival - theirs_at) * 10)
        theirs_at = arrival
        if number == 150:
            time.now = first + travel
        theirs_level -= 1.0
        assert theirs_level >= -1e-6, number


def test_an_answer_that_takes_long_costs_no_more_than_what_was_taken(time: Time) -> None:
    bucket = TokenBucket(time)
    for _dummy in range(3):
        bucket.take()
    time.now += 60
    bucket.answered()
    assert bucket.tokens() == 197
    time.now += 1
    bucket.answered()
    assert bucket.tokens() == 200


def test_it_refills_up_to_its_capacity(time: Time) -> None:
    bucket = TokenBucket(time)
    send_all(bucket, time, 50)
    time.now += 2.0
    assert bucket.tokens() == 170
    time.now += 3600
    assert bucket.tokens() == 200


def test_reservations_queue_up(time: Time) -> None:
    bucket = TokenBucket(time, capacity=1, rate=10)
    assert [round(bucket.take(), 3) for _dummy in range(4)] == [0.0, 0.1, 0.2, 0.3]
    bucket.give_back()
    assert round(bucket.take(), 3) == 0.3


@pytest.mark.parametrize(
    ("taken", "wanted", "delay"), [(0, 200, 0.0), (200, 1, 0.1), (200, 200, 20.0), (150, 100, 5.0), (200, 999, 99.9)]
)
def test_each_request_waits_for_its_own_token(time: Time, taken: int, wanted: int, delay: float) -> None:
    bucket = TokenBucket(time)
    send_all(bucket, time, taken)
    assert [bucket.take() for _dummy in range(wanted)][-1] == pytest.approx(delay)
    time.now += delay
    assert bucket.tokens() == 0


@pytest.mark.parametrize(
    ("header", "tokens"),
    [("57", 57), (57, 57), ("0", 0), ("-3", 0), ("1199", 200), ("11999", 200), (None, 200), ("", 200), ("many", 200)],
)
def test_the_service_s_count_only_lowers(time: Time, header: str | int | None, tokens: int) -> None:
    bucket = TokenBucket(time)
    bucket.lower(header)
    assert bucket.tokens() == tokens


def test_a_refusal_stops_all_for_as_long_as_asked(time: Time) -> None:
    bucket = TokenBucket(time)
    bucket.block(17)
    assert bucket.tokens() == 0
    assert bucket.take() == pytest.approx(17.1)
    time.now += 17
    assert bucket.tokens() == 0
    time.now += 1
    assert bucket.tokens() == 9


def test_a_shorter_refusal_does_not_shorten_a_longer_one(time: Time) -> None:
    bucket = TokenBucket(time)
    bucket.block(30)
    bucket.block(1)
    assert bucket.take() == pytest.approx(30.1)


def test_the_state_survives_a_new_process(time: Time) -> None:
    bucket = TokenBucket(time)
    send_all(bucket, time, 150)
    state = bucket.export(wall=5000.0)
    later = Time(7.0)
    again = TokenBucket(later)
    again.restore(state, wall=5004.0)
    assert again.tokens() == 90


def test_a_refusal_survives_a_new_process(time: Time) -> None:
    bucket = TokenBucket(time)
    bucket.block(15)
    again = TokenBucket(Time(7.0))
    again.restore(bucket.export(wall=5000.0), wall=5005.0)
    assert again.take() == pytest.approx(10.1)


@pytest.mark.parametrize(
    "state",
    [
        None,
        {},
        {"level": "x", "at": 1},
        {"level": 5},
        {"level": math.nan, "at": 1},
        {"level": math.inf, "at": 1},
        [],
        "x",
    ],
)
def test_a_state_without_sense_is_left_aside(time: Time, state: object) -> None:
    bucket = TokenBucket(time)
    bucket.restore(state, wall=5000.0)  # type: ignore[arg-type]
    assert bucket.tokens() == 200


def test_neither_a_clock_set_back_nor_a_huge_debt_holds_requests_for_long(time: Time) -> None:
    bucket = TokenBucket(time)
    bucket.restore({"level": -1e12, "at": 1e12}, wall=5000.0)
    assert bucket.take() <= 20 + 20.1


def test_threads_never_overdraw(time: Time) -> None:
    bucket = TokenBucket(time, capacity=100, rate=10)
    free: list[float] = []

    def worker() -> None:
        for _dummy in range(50):
            free.append(bucket.take())

    threads = [threading.Thread(target=worker) for _dummy in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(1 for delay in free if delay == 0) == 100
    assert max(free) == pytest.approx(30.0)
