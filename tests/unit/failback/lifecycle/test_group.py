# SPDX-License-Identifier: GPL-3.0-or-later
"""Who belongs to a group, and what the group means for a member's step."""

from __future__ import annotations

from typing import Any

import pytest
from builders import VAULT, item, item_json

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.group import (
    HELD,
    Fellow,
    FellowRoute,
    FellowState,
    GroupRuling,
    barriers,
    blocks,
    cut,
    rule,
    units,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal

S = FellowState
OTHER = VaultRef(VAULT.subscription_id, "rg-two", "vault-two")


def named(name: str, group: Any, group_id: Any = None) -> Item:
    return item(name, details={"multiVmGroupName": group, "multiVmGroupId": group_id})


def together(*items: Item) -> list[list[str]]:
    bound = units(items)
    return [[i.friendly_name for i in block] for block in blocks(items, lambda i: bound.get(i.key, i.key))]


@pytest.mark.parametrize(
    ("items", "found"),
    [
        # By the group's id, spelt in any case; by its name where there is no id (modernized); by either where one lacks it.
        ([named("a", "shop", "G-1"), named("b", "shop", "g-1")], [["a", "b"]]),
        ([named("a", "shop"), named("b", "Shop ")], [["a", "b"]]),
        ([named("a", "shop", "g-1"), named("b", "shop"), named("c", "shop", "g-1")], [["a", "b", "c"]]),
        # The id of one name that changed with the direction.
        ([named("a", "shop", "g-1"), named("b", "shop", "g-2")], [["a", "b"]]),
        ([named("a", "shop", "g-1"), named("b", "till", "g-2")], [["a"], ["b"]]),
        # An id without a name is an ungrouped machine's own, even where two bear the same.
        ([named("a", None, "g-1"), named("b", None, "g-1")], [["a"], ["b"]]),
        ([named("a", "", "g-1"), named("b", " ", "g-1")], [["a"], ["b"]]),
    ],
)
def test_who_belongs_together(items: list[Item], found: list[list[str]]) -> None:
    assert together(*items) == found


def test_a_name_counts_in_its_own_vault() -> None:
    there = Item.parse({**item_json("b", details={"multiVmGroupName": "shop"}), "id": "/other/rpi-b"}, OTHER)
    assert together(named("a", "shop"), there) == [["a"], ["b"]]


def test_an_ungrouped_machine_has_no_group_id() -> None:
    assert named("a", None, "g-1").group_id is None


def fellow(
    name: str, standing: FellowState, ended: str = "", code: str = "", why: str = "", remedy: str = ""
) -> Fellow:
    return Fellow(name, standing, ended, Refusal(code, why, remedy))


def refusal(ruling: GroupRuling) -> Refusal:
    assert ruling.refusal is not None
    return ruling.refusal


FAILED = fellow("c", S.STOPPED, ended="failed", code="28031", why="It broke.", remedy="Fix it.")


@pytest.mark.parametrize(
    ("fellows", "go", "held", "words"),
    [
        ([], True, False, ()),
        ([fellow("b", S.DUE), fellow("c", S.PAST)], True, False, ()),
        ([fellow("b", S.DUE), fellow("c", S.OPEN)], False, False, ("waiting for c", "'shop'", "failing over")),
        ([fellow("b", S.OPEN), FAILED], False, True, ("c failed (It broke)", "'shop'", "before failing over")),
        # The one that is only held itself is not the cause.
        ([fellow("b", S.STOPPED, ended="held", code=HELD, why="Held with c."), FAILED], False, True, ("c failed",)),
        ([fellow("b", S.STOPPED, ended="refused", code="x", why="No.")], False, True, ("b was refused (No)",)),
        (
            [fellow("b", S.STOPPED, ended="awaiting_approval", code="awaiting_approval", why="Asks.")],
            False,
            True,
            ("b is waiting for approval (Asks)",),
        ),
    ],
)
def test_what_a_group_means_for_a_step(fellows: list[Fellow], go: bool, held: bool, words: tuple[str, ...]) -> None:
    ruling = rule("shop", "failing over", fellows)
    assert (ruling.go, ruling.refusal is not None) == (go, held)
    said = ruling.refusal.reason if ruling.refusal else ruling.waiting
    for word in words:
        assert word in said
    assert "Held with c" not in said
    if held:
        assert refusal(ruling).remedy
    if held and fellows[-1].why.code != "awaiting_approval":
        assert "{set:split_groups=true}" in refusal(ruling).remedy


def test_a_held_group_is_given_the_remedy() -> None:
    ruling = rule("shop", "failing over", [FAILED])
    assert "c: Fix it." in refusal(ruling).remedy


def test_a_group_that_lacks_an_approval_names_whose() -> None:
    ruling = rule(
        "shop", "committing", [fellow("b", S.STOPPED, ended="awaiting_approval", code="awaiting_approval", why="Asks.")]
    )
    assert "b" in refusal(ruling).remedy
    assert "all its members are approved" in refusal(ruling).remedy
    mixed = rule(
        "shop", "committing", [fellow("b", S.STOPPED, ended="awaiting_approval", code="awaiting_approval"), FAILED]
    )
    assert "c: Fix it." in refusal(mixed).remedy


def test_many_that_stopped_are_cut() -> None:
    many = [fellow(f"m{n}", S.STOPPED, ended="failed") for n in range(9)]
    assert refusal(rule("shop", "failing over", many)).reason.endswith("and 4 more")


@pytest.mark.parametrize(
    ("sizes", "room", "taken"),
    [
        ([1, 1, 1], 2, 2),
        ([2, 1], 1, 0),
        ([1, 3, 1], 3, 1),
        ([3, 1], 3, 3),
        ([3, 1], 9, 4),
        ([], 5, 0),
    ],
)
def test_blocks_are_never_cut(sizes: list[int], room: int, taken: int) -> None:
    pieces = [[f"{n}.{m}" for m in range(size)] for n, size in enumerate(sizes)]
    some, rest = cut(pieces, room)
    assert len(some) == taken
    assert [*some, *rest] == [entry for piece in pieces for entry in piece]


def test_blocks_of_interleaved_units() -> None:
    assert blocks(["a1", "b1", "a2", "c1"], lambda e: e[0]) == [["a1", "a2"], ["b1"], ["c1"]]


STOP = fellow("x", S.STOPPED, ended="refused")


@pytest.mark.parametrize(
    ("ways", "found"),
    [
        ({"a": FellowRoute(frozenset(), ("r", "f")), "x": FellowRoute(frozenset(), ("r", "f"))}, {}),
        ({"a": FellowRoute(frozenset(), ("r", "f")), "x": FellowRoute(frozenset(), (), STOP)}, {"a": "r"}),
        ({"a": FellowRoute(frozenset(), ("r", "f")), "x": FellowRoute(frozenset(), ("r",), STOP)}, {"a": "f"}),
        # It stopped beyond what the other has ahead.
        ({"a": FellowRoute(frozenset(), ("r",)), "x": FellowRoute(frozenset({"r"}), (), STOP)}, {}),
        (
            {"a": FellowRoute(frozenset({"r"}), ("f", "c")), "x": FellowRoute(frozenset({"r", "f"}), (), STOP)},
            {"a": "c"},
        ),
    ],
)
def test_who_is_held_in_check_mode(ways: dict[str, FellowRoute], found: dict[str, str]) -> None:
    assert {key: step for key, (step, _stopped) in barriers(ways).items()} == found
