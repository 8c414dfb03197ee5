# SPDX-License-Identifier: GPL-3.0-or-later
"""Words as people, surveys and templates give them: what is blank says nothing, and one name has many spellings."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import (
    Named,
    fits,
    names_nothing,
    same,
    stripped,
    words,
)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ((), ()),
        (None, ()),
        ("", ()),
        ("web1", ("web1",)),
        (["", " ", "\t\n", "\u00a0", "\u200b", "\ufeff", None], ()),
        ([" web1 ", "", "\u200bdb1\ufeff"], ("web1", "db1")),
        (("a, b",), ("a, b",)),
    ],
)
def test_blank_words_are_dropped(given: Any, found: tuple[str, ...]) -> None:
    assert words("machines", given) == found


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"web1": None}, "a mapping"),
        ([{"name": "web1"}], "a mapping"),
        ([7], "a number"),
        ([1.10], "1.1"),
        ([True], "true or false"),
        (True, "true or false"),
        ([["web1"]], "a list"),
        ([object()], "something else"),
    ],
)
def test_what_is_no_text_is_refused(given: Any, says: str) -> None:
    with pytest.raises(InputError) as caught:
        words("machines", given)
    assert caught.value.code == "wrong_type"
    assert says in caught.value.message
    assert "machines" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        ("web1", "WEB1", True),
        ("BÜCHER-01", unicodedata.normalize("NFD", "bücher-01"), True),
        ("straße", "STRASSE", True),
        (" web1", "web1\u200b", True),
        ("", "", False),
        (" ", "", False),
        ("", "web1", False),
        ("web1", "web10", False),
    ],
)
def test_the_same_name(one: str, other: str, are: bool) -> None:
    assert same(one, other) is are
    assert same(one, None, other) is are


def test_a_blank_fits_nothing() -> None:
    assert not fits("*", "")
    assert not fits("", "web1")
    assert not fits("", "")
    assert stripped("") == ""


@pytest.mark.parametrize(
    ("pattern", "bare"),
    [
        ("*", True),
        ("**", True),
        ("?*", True),
        (" * ", True),
        ("web*", False),
        ("[ab]*", False),
        ("-*", False),
        ("web", False),
    ],
)
def test_a_pattern_without_a_letter_names_nothing(pattern: str, bare: bool) -> None:
    assert names_nothing(pattern) is bare


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("SQL [prod]", ["SQL [prod]"]),
        ("sql [PROD]", ["SQL [prod]"]),
        ("sql [pq]", ["SQL p"]),
        ("sql *", ["SQL [prod]", "SQL p"]),
        ("what?", ["what?"]),
        ("wha?x", ["whatx"]),
        ("*", []),
        ("", []),
    ],
)
def test_an_exact_name_goes_before_a_pattern(word: str, found: list[str]) -> None:
    assert Named(["SQL [prod]", "SQL p", "what?", "whatx"], lambda name: (name,)).found(word) == found
