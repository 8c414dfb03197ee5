# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes on from one stage of a chain to the next."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.next_stage import (
    looked,
    used_approvals,
    who_continues,
)

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/{}/replicationFabrics/f/replicationProtectionContainers/c"


def row(
    name: str, done: str = "started", group: str | None = None, after: str = "ready", **more: Any
) -> dict[str, Any]:
    vault = more.pop("vault", "one")
    return {
        "name": name,
        "vault": vault,
        "item_id": f"{VAULT.format(vault)}/replicationProtectedItems/rpi-{name}",
        "group": group,
        "before": "out",
        "after": after,
        "done": done,
        "end": "2026-01-01T00:00:00Z",
        "reason": None,
        "remedy": None,
        **more,
    }


def stage(*machines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"stage": "reprotect_to_onprem", "finished": True, "machines": list(machines), **more}


def names(told: Any) -> tuple[list[str], list[str]]:
    return [i.rpartition("/rpi-")[2] for i in told.machines], [r["name"] for r in told.held]


NEXT = "failover_to_onprem"


def test_ids_are_handed_on_whole() -> None:
    told = who_continues([stage(row("a"), row("a", vault="two"))], NEXT)
    assert told.machines == tuple(f"{VAULT.format(v)}/replicationProtectedItems/rpi-a" for v in ("one", "two"))


@pytest.mark.parametrize("done", ["failed", "refused", "awaiting_approval", "held", "waiting"])
def test_what_stopped_stays_behind_and_holds_its_group(done: str) -> None:
    told = who_continues(
        [
            stage(
                row("a", group="shop"),
                row("b", done, group="Shop", code="x", reason="It broke.", remedy="Fix it."),
                row("c"),
                row("d", group="till"),
                row("e", group="shop", vault="two"),
            )
        ],
        NEXT,
    )
    assert names(told) == (["c", "d", "e"], ["a"])
    held = told.held[0]
    assert (held["done"], held["code"], held["step"], held["before"]) == ("held", "group_held", NEXT, "ready")
    assert not held["changed"]
    for word in ("b ", "'shop'", "It broke"):
        assert word in held["reason"]
    assert "{set:split_groups=true}" in held["remedy"]


def test_what_is_at_its_end_is_not_called_held() -> None:
    told = who_continues([stage(row("a", "unchanged", "shop", "home"), row("b", "failed", "shop"))], NEXT)
    assert names(told) == ([], [])


def test_a_machine_that_is_still_on_its_way_keeps_its_group_back() -> None:
    told = who_continues(
        [stage(row("a", group="shop"), row("b", group="shop", end=None), row("c"), finished=False)], NEXT
    )
    assert names(told) == (["c"], ["a"])
    assert "still in progress" in told.held[0]["reason"]


def test_in_check_mode_what_would_move_is_not_asked_for_the_next_stage() -> None:
    results = [stage(row("a", "unchanged", "shop"), row("b", "started", "shop"), row("c", "unchanged"))]
    assert names(who_continues(results, NEXT, check=True)) == (["c"], [])
    assert names(
        who_continues([stage(row("a", "unchanged", "shop"), row("b", "refused", "shop"))], NEXT, check=True)
    ) == (
        [],
        ["a"],
    )


def test_who_was_held_stays_held() -> None:
    """The rows of those left out are a result of their own; they neither go on nor are reported a second time."""
    first = stage(row("a", group="shop"), row("b", "failed", "shop"), row("c"))
    told = who_continues([first], NEXT)
    left_out = {"stage": NEXT, "left_out": True, "finished": True, "machines": list(told.held)}
    assert who_continues([first, left_out], NEXT).last == first
    second = stage(row("c"))
    assert names(who_continues([first, left_out, second], "commit_to_onprem")) == (["c"], [])
    assert who_continues([first, left_out, second], "commit_to_onprem").last == second


def test_before_the_first_stage_there_is_nothing() -> None:
    told = who_continues([], NEXT)
    assert (told.machines, told.held, dict(told.last)) == ((), (), {})


def after_look(*machines: dict[str, Any], used: tuple[str, ...] = ()) -> tuple[list[str], list[str], dict[str, str]]:
    told = looked(stage(*machines), used)
    going, approved = ([i.rpartition("/rpi-")[2] for i in ids] for ids in (told.machines, told.approved))
    return going, approved, {r["name"]: r["done"] for r in told.ended}


def test_after_the_look_a_group_goes_whole_or_not_at_all() -> None:
    """A stage that were asked for a part of a group would refuse all."""
    refused = row("a", "refused", "g", code="health")
    done, moving = row("b", "unchanged", "g"), row("c", "joined", "g", step="reprotect_to_onprem")
    going, _approved, ended = after_look(refused, done, moving, row("d", "held", "g", code="group_held"), row("e"))
    assert going == ["e"]
    assert ended == {"a": "refused", "b": "unchanged", "c": "held", "d": "held"}


def test_an_approval_that_is_missing_holds_a_group_at_its_commit_only() -> None:
    pair = (
        row("a", "held", "g", code="group_held", approved=True),
        row("b", "awaiting_approval", "g", code="awaiting_approval"),
    )
    assert after_look(*pair) == (["a", "b"], ["a"], {})


def test_a_proof_may_still_hold_when_its_time_comes() -> None:
    going, _approved, ended = after_look(row("a", "failed", unproven=True), row("b", "failed"))
    assert (going, list(ended)) == (["a"], ["b"])


def test_an_approval_is_for_one_commit_of_a_run() -> None:
    commit = {"step": "commit_to_azure", "done": "started"}
    earlier = stage(
        row("a", approved=True, **{**commit, "steps": []}),
        row("b", approved=True, steps=[commit, {"step": "reprotect_to_onprem", "done": "started"}]),
        row("c", approved=True, step="reprotect_to_onprem"),
        row("d", **commit),
    )
    used = used_approvals([earlier, {"failed": True}])
    assert [i.rpartition("-")[2] for i in used] == ["a", "b"]
    machines = [row(name, approved=True) for name in "abc"]
    assert after_look(*machines, used=used)[:2] == (["a", "b", "c"], ["c"])
