# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in pages are complete or refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.azure.paging import collect, same_service
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ReadFailed

END = "https://management.azure.com"
FIRST = f"{END}/list?page=1"


def entry(name: str) -> dict[str, Any]:
    return {"id": f"/Subscriptions/s/things/{name}", "name": name}


def page(names: str, link: str | None = None) -> dict[str, Any]:
    return {"value": [entry(n) for n in names], "nextLink": link}


class Service:
    """Answers by URL; a list of answers is given one after the other, the last for ever."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, url: str) -> Any:
        self.asked.append(url)
        answer = self.answers[url]
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer


def names(service: Service) -> list[str]:
    return [e["name"] for e in collect(service, FIRST, END, "the list of things")]


def test_all_pages_in_order() -> None:
    service = Service(
        {
            FIRST: page("ab", f"{END}/list?page=2"),
            f"{END}/list?page=2": page("c", f"{END}/list?page=3"),
            f"{END}/list?page=3": page(""),
        }
    )
    assert names(service) == ["a", "b", "c"]
    assert len(service.asked) == 3


def test_an_empty_page_in_between_does_not_end_the_list() -> None:
    service = Service({FIRST: page("", f"{END}/l?2"), f"{END}/l?2": page("", f"{END}/l?3"), f"{END}/l?3": page("z")})
    assert names(service) == ["z"]


@pytest.mark.parametrize("last", [{"value": []}, {"value": [], "nextLink": None}, {"value": [], "nextLink": ""}])
def test_the_end_of_the_list(last: dict[str, Any]) -> None:
    assert names(Service({FIRST: last})) == []


BROKEN = {
    "repeated link": {FIRST: page("a", f"{END}/l?2"), f"{END}/l?2": page("b", FIRST)},
    "link to itself": {FIRST: page("a", FIRST)},
    "repeated page": {FIRST: page("ab", f"{END}/l?2"), f"{END}/l?2": page("ab", f"{END}/l?3"), f"{END}/l?3": page("c")},
    "overlapping pages": {FIRST: page("ab", f"{END}/l?2"), f"{END}/l?2": page("bc")},
    "twice on one page": {FIRST: page("aa")},
    "twice in another case": {FIRST: {"value": [entry("a"), {"id": "/SUBSCRIPTIONS/S/THINGS/A"}]}},
    "repeated page without ids": {
        FIRST: {"value": [{"x": 1}], "nextLink": f"{END}/l?2"},
        f"{END}/l?2": {"value": [{"x": 1}]},
    },
    "no value": {FIRST: {"nextLink": None}},
    "value null": {FIRST: {"value": None}},
    "value no list": {FIRST: {"value": {"a": 1}}},
    "entries no objects": {FIRST: {"value": ["a"]}},
    "link no text": {FIRST: {"value": [], "nextLink": 7}},
    "later page broken": {FIRST: page("a", f"{END}/l?2"), f"{END}/l?2": {}},
}


@pytest.mark.parametrize("answers", BROKEN.values(), ids=BROKEN.keys())
def test_pages_that_cannot_be_the_list_are_refused(answers: dict[str, Any]) -> None:
    service = Service(answers)
    with pytest.raises(ReadFailed) as caught:
        names(service)
    assert caught.value.code == "read_failed"
    assert "the list of things" in caught.value.message
    assert service.asked.count(FIRST) >= 3


@pytest.mark.parametrize("answers", BROKEN.values(), ids=BROKEN.keys())
def test_a_list_that_is_broken_once_is_read_again_from_the_start(answers: dict[str, Any]) -> None:
    healed = {url: [answer, page("xy")] if url == FIRST else answer for url, answer in answers.items()}
    assert names(Service(healed)) == ["x", "y"]


def test_a_chain_without_end_is_given_up() -> None:
    def endless(url: str) -> dict[str, Any]:
        number = int(url.rpartition("=")[2])
        return {"value": [{"id": f"/{number}"}], "nextLink": f"{END}/list?page={number + 1}"}

    with pytest.raises(ReadFailed):
        collect(endless, FIRST, END, "the list of things", attempts=1)


def test_a_link_to_another_host_is_never_followed() -> None:
    service = Service({FIRST: page("a", "https://evil.example/list")})
    with pytest.raises(ReadFailed, match=r"evil\.example"):
        names(service)
    assert service.asked == [FIRST]


@pytest.mark.parametrize(
    ("link", "endpoint", "same"),
    [
        ("https://management.azure.com/x", END, True),
        ("https://MANAGEMENT.azure.com:443/x", END, True),
        ("https://centraluseuap.management.azure.com/x", END, True),
        ("https://management.azure.com/x", "https://westeurope.management.azure.com", True),
        ("https://management.usgovcloudapi.net/x", END, False),
        ("http://management.azure.com/x", END, False),
        ("https://management.azure.com:8443/x", END, False),
        ("https://management.azure.com.evil.example/x", END, False),
        ("https://evilmanagement.azure.com/x", END, False),
        ("https://user@management.azure.com/x", END, False),
        ("https://127.0.0.1:8443/x", "https://127.0.0.1:8443", True),
        ("https://127.0.0.1:9000/x", "https://127.0.0.1:8443", False),
        ("https://east.arm.corp.example/x", "https://arm.corp.example", True),
        ("https://management.azure.com:bad/x", END, False),
        ("/relative", END, False),
    ],
)
def test_same_service(link: str, endpoint: str, same: bool) -> None:
    assert same_service(link, endpoint) is same
