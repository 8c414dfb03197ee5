# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose commit is approved, and what a run makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import STAGES, VAULT, WAY_HOME, item_json, of, order, stage
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.decide import Conditions
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.approval import HELD, approved_of
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

P = Position
MANUAL: dict[str, Any] = {"commit_when": "manual"}


def item(name: str, group: str | None = None) -> Item:
    return replace(Item.parse(item_json(name), VAULT), group=group)


WEB, DB, ODD = item("web", "shop"), item("db", "shop"), item("SQL [prod]")
CHOSEN = [WEB, DB, ODD]


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ((), []),
        (("", "  "), []),
        (("web",), [WEB]),
        (("WEB ",), [WEB]),
        (("rpi-db",), [DB]),
        ((WEB.id.upper(),), [WEB]),
        (("shop",), [WEB, DB]),
        (("*b",), [WEB, DB]),
        # A name with brackets is a name first.
        (("sql [prod]",), [ODD]),
        (("web", "held"), [WEB, DB]),
        (("Held",), [DB]),
    ],
)
def test_an_approval_picks_among_the_chosen(words: tuple[str, ...], fits: list[Item]) -> None:
    assert approved_of(words, CHOSEN, {DB.key}) == {i.key for i in fits}


def test_nobody_held_is_no_error() -> None:
    assert approved_of((HELD,), CHOSEN, set()) == set()


@pytest.mark.parametrize("word", ["wbe", "all", "file*", "other-group", WEB.id[:-1], "*", "?*"])
def test_an_approval_that_fits_nobody_is_refused_by_name(word: str) -> None:
    with pytest.raises(InputError) as caught:
        approved_of(("web", word), CHOSEN, set())
    assert caught.value.code == "approval_not_found"
    assert repr(word) in caught.value.message
    assert "web" in caught.value.remedy


def test_a_name_of_two_machines_approves_neither() -> None:
    twin = replace(WEB, id=WEB.id.replace("vault-dr", "vault-2"), vault=replace(VAULT, name="vault-2"))
    with pytest.raises(InputError) as caught:
        approved_of(("web",), [*CHOSEN, twin], set())
    assert caught.value.code == "approval_ambiguous"
    assert twin.id in caught.value.remedy
    assert approved_of((twin.id,), [*CHOSEN, twin], set()) == {twin.key}


def test_a_machine_named_like_a_group_of_others_is_not_approved_by_that_name() -> None:
    with pytest.raises(InputError) as caught:
        approved_of(("shop",), [*CHOSEN, item("shop")], set())
    assert caught.value.code == "approval_ambiguous"


@pytest.fixture
def world() -> World:
    return World()


def commits(world: World) -> list[str]:
    return [name for name, step in world.steps_sent() if step.startswith("commit_")]


@pytest.mark.parametrize("advance", ["each", "together"])
def test_only_the_approved_are_committed_and_the_others_are_held(world: World, advance: str) -> None:
    world.add("web", "db", position=P.READY)
    result = world.go(order(WAY_HOME[1:], "web", "db", approved=("web",), advance=advance, **MANUAL))
    assert commits(world) == ["web"]
    assert (of(result, "web")["approved"], of(result, "db")["approved"]) == (True, False)
    assert (of(result, "db")["done"], of(result, "db")["code"]) == ("awaiting_approval", "awaiting_approval")


def test_an_approval_never_adds_a_machine(world: World) -> None:
    world.add("web", "db", position=P.HOME_UNCOMMITTED)
    with pytest.raises(InputError, match="'db'"):
        world.go(stage(3, "web", approved=("db",), **MANUAL))
    assert world.steps_sent() == []


@pytest.mark.parametrize(
    ("number", "ready", "waits"), [(3, P.READY, P.HOME_UNCOMMITTED), (1, P.HOME, P.OUT_UNCOMMITTED)]
)
def test_held_means_those_that_waited_when_the_run_began(
    world: World, number: int, ready: Position, waits: Position
) -> None:
    world.add("web", position=ready)
    world.add("db", position=waits)
    cursor = None
    for _slice in range(40):
        result = world.slice(stage(number, "web", "db", approved=("held",), **MANUAL), cursor)
        cursor = result["cursor"]
        if result["finished"]:
            break
    assert commits(world) == ["db"]
    assert of(result, "web")["done"] == "awaiting_approval"


def test_without_a_word_about_commits_nobody_is_committed() -> None:
    assert Order(vaults=(VAULT,), route=()).commit_when == Conditions().commit_when == "manual"


def test_an_approved_machine_still_needs_its_proofs(world: World) -> None:
    world.add("web", position=P.HOME_UNCOMMITTED)
    world.site_says["web"] = ()
    result = world.go(stage(3, "web", approved=("web",), **MANUAL))
    assert of(result, "web")["done"] == "refused"
    assert commits(world) == []


def test_check_mode_foresees_the_commit_of_an_approved_machine(world: World) -> None:
    world.add("web", "db", position=P.READY)
    result = world.go(order(STAGES[3], "web", "db", approved=("web",), check=True, **MANUAL))
    assert [(p["machine"], p["step"]) for p in result["plan"] if p["step"].startswith("commit")] == [
        ("web", "commit_to_onprem")
    ]
    assert of(result, "db")["done"] == "awaiting_approval"


# -- stage 1 without its confirmation ------------------------------------------------------------------------------


def test_without_confirmation_nothing_leaves_home_but_the_approved_are_committed(world: World) -> None:
    world.add("at-home", position=P.HOME)
    world.add("waits", "also-waits", position=P.OUT_UNCOMMITTED)
    wanted = order(STAGES[1], "at-home", "waits", "also-waits", approved=("waits",), **MANUAL)
    result = world.go(wanted)
    assert world.steps_sent() == [("waits", "commit_to_azure")]
    assert (of(result, "at-home")["done"], of(result, "at-home")["code"]) == ("refused", "not_confirmed")
    assert of(result, "also-waits")["done"] == "awaiting_approval"


def test_a_failover_that_runs_is_joined_without_confirmation(world: World) -> None:
    world.add("web", position=P.HOME)
    world.act(item_json("web")["id"], "unplannedFailover", None)
    world.accepted.clear()
    result = world.go(order(STAGES[1], "web", approved=("web",), **MANUAL))
    assert [step for _name, step in world.steps_sent()] == ["commit_to_azure"]
    assert of(result, "web")["after"] == "out"


def test_a_joined_failover_that_fails_is_not_sent_again_without_confirmation(world: World) -> None:
    world.add("web", position=P.HOME)
    world.outcomes["web", "unplannedFailover"].append(("Failed", [{"serviceErrorDetails": {"code": "499"}}]))
    world.act(item_json("web")["id"], "unplannedFailover", None)
    world.accepted.clear()
    world.go(order(STAGES[1], "web", **MANUAL))
    assert world.steps_sent() == []


@pytest.mark.parametrize("check", [False, True])
def test_where_nothing_else_is_left_to_do_the_order_is_refused(world: World, check: bool) -> None:
    world.add("web", "db", position=P.HOME)
    with pytest.raises(InputError) as caught:
        world.go(order(STAGES[1], "web", "db", check=check, **MANUAL))
    assert caught.value.code == "not_confirmed"
    assert "{set:confirm_failover_to_azure=true}" in caught.value.remedy


def test_approvals_where_all_that_is_proven_is_committed_are_refused(world: World) -> None:
    """Somebody who approves one machine does not expect the others to be committed with it."""
    world.add("web", "db", position=P.HOME_UNCOMMITTED)
    with pytest.raises(InputError, match=r"'{option:approved}' names 'web', but {option:commit_when}"):
        world.go(stage(3, approved=("web",), commit_when="verified"))
    assert world.steps_sent() == []
