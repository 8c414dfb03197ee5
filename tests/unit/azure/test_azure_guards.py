# SPDX-License-Identifier: GPL-3.0-or-later
"""Guards of the way to Azure: where a token may go, how long a busy service is left alone, how often a login is tried."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.azure import tokens as tokens_module
from ansible_collections.homeward.asr.plugins.module_utils.azure.clouds import resolve
from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount
from ansible_collections.homeward.asr.plugins.module_utils.azure.tokens import RENEW_EVERY, Tokens
from ansible_collections.homeward.asr.plugins.module_utils.azure.transport import Transport
from ansible_collections.homeward.asr.plugins.module_utils.azure.wire import Answer
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ConnectionFailed, ReadFailed
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock

ARM = "https://management.azure.com"


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep)


class Wire:
    """The network below every policy: requests are answered from a list; what was sent is kept."""

    def __init__(self, *answers: tuple[int, dict[str, str], Any]) -> None:
        self.time = Time()
        self.sent: list[Any] = []
        self._left = list(answers)
        cloud = resolve("AzureCloud", None, None, None)
        held = SimpleNamespace(get=lambda claims=None: "token", drop=lambda token: None)
        self.transport = Transport(AzureAccount(), cloud, held, self.time.clock, lambda: 1.0, wire=self)  # type: ignore[arg-type]

    def send(self, request: Any, **options: Any) -> Answer:
        self.sent.append(request)
        status, headers, body = self._left.pop(0)
        return Answer(request, status, {k.lower(): v for k, v in headers.items()}, "", json.dumps(body).encode())


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/subscriptions/s",
        "https://management.azure.com.elsewhere.example/subscriptions/s",
        "http://management.azure.com/subscriptions/s",
        "https://user@management.azure.com/subscriptions/s",
        "https://management.azure.com:8443/subscriptions/s",
    ],
)
def test_a_token_goes_nowhere_but_to_the_service(url: str) -> None:
    wire = Wire((200, {}, {"value": []}))
    with pytest.raises(ReadFailed, match="points to another host"):
        wire.transport.read(url, "a list")
    with pytest.raises(ReadFailed, match="points to another host"):
        wire.transport.write(url, None, "an operation")
    assert wire.sent == []


def test_a_regional_host_of_the_service_is_asked() -> None:
    wire = Wire((200, {}, {"value": [1]}))
    assert wire.transport.read("https://westeurope.management.azure.com/subscriptions/s", "a list") == {"value": [1]}


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_service_that_names_a_pause_is_left_alone_for_as_long(status: int) -> None:
    wire = Wire((status, {"Retry-After": "17"}, {}), (200, {}, {"value": []}))
    wire.transport.read(f"{ARM}/subscriptions/s", "a list")
    assert wire.time.slept == [17.0]


def test_without_a_named_pause_the_own_one_is_taken() -> None:
    wire = Wire((503, {}, {}), (200, {}, {"value": []}))
    wire.transport.read(f"{ARM}/subscriptions/s", "a list")
    (pause,) = wire.time.slept
    assert 0 < pause < 17


class Logins:
    """A credential that can be made to fail; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.works = True
        self.number = 1
        self.life = 3600.0
        self.wall = 0.0

    def get_token(self, scope: str) -> Any:
        self.asked += 1
        if not self.works:
            raise OSError("The login endpoint does not answer.")
        return SimpleNamespace(token=f"token-{self.number}", expires_on=self.wall + self.life)


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> Logins:
    found = Logins()
    monkeypatch.setattr(tokens_module.credential, "build", lambda *given: found)
    return found


def held(logins: Logins, time: Time) -> Tokens:
    account = AzureAccount(secret="s", tenant="t", client_id="c")
    return Tokens(
        account, "service_principal", resolve("AzureCloud", None, None, None), lambda: time.now, lambda: logins.wall
    )


def test_a_renewal_that_fails_is_not_tried_at_every_call(logins: Logins) -> None:
    """While the old token works, an endpoint that is down is asked again every half minute, not a thousand times."""
    time = Time()
    tokens = held(logins, time)
    assert tokens.get() == "token-1"
    logins.works = False
    time.now += 3100
    logins.wall += 3100
    for _number in range(10):
        assert tokens.get() == "token-1"
    assert logins.asked == 2
    time.now += RENEW_EVERY - 1
    tokens.get()
    assert logins.asked == 2
    time.now += 1
    tokens.get()
    assert logins.asked == 3


def test_the_same_token_again_is_not_asked_for_at_every_call(logins: Logins) -> None:
    """A credential that remembers its token gives it again although little of its life is left."""
    time = Time()
    tokens = held(logins, time)
    tokens.get()
    time.now += 3100
    logins.life, logins.wall = 500.0, 0.0
    for _number in range(10):
        tokens.get()
    assert logins.asked == 2


def test_a_token_that_has_ended_is_not_used(logins: Logins) -> None:
    time = Time()
    tokens = held(logins, time)
    tokens.get()
    logins.works = False
    time.now += 3600
    with pytest.raises(ConnectionFailed):
        tokens.get()
