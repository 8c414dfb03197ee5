# SPDX-License-Identifier: GPL-3.0-or-later
"""What a later step needs is known before the first write: lists, permissions, vCenter, a place for the last reprotect."""

from __future__ import annotations

from typing import Any

import pytest
from builders import STAGES, WAY_HOME, of, order
from world import Port, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.run import run_slice
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ConnectionFailed, InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock

P = Position


def forbid(monkeypatch: pytest.MonkeyPatch, *reads: str) -> None:
    def deny(*_args: Any, **_more: Any) -> Any:
        raise ConnectionFailed("forbidden", "Azure does not allow it.", "Give it a role.")

    for read in reads:
        monkeypatch.setattr(Port, read, deny)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("read", ["list_jobs", "list_azure_machines"])
def test_a_permission_that_only_a_later_step_needs_is_found_before_the_first_write(
    world: World, monkeypatch: pytest.MonkeyPatch, read: str, check: bool
) -> None:
    world.add("web", "db")
    forbid(monkeypatch, read, *(["get_azure_machine"] if read == "list_azure_machines" else []))
    result = world.slice(order(WAY_HOME, check=check))
    assert of(result, "web")["done"] == of(result, "db")["done"] == "refused"
    assert of(result, "web")["code"] == "forbidden"
    assert "A later step" in of(result, "web")["reason"]
    assert world.calls["act"] == 0


def test_every_list_is_read_once_however_many_machines(world: World) -> None:
    world.add(*(f"m{n}" for n in range(9)))
    world.slice(order(WAY_HOME, check=True))
    assert world.calls["list_jobs"] == world.calls["site"] == 1
    assert world.calls["list_azure_machines"] + world.calls["get_azure_machine"] == 1


def test_a_machine_without_a_later_step_is_not_refused_for_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("home", position=P.HOME)
    world.add("bare", position=P.HOME_UNPROTECTED)
    forbid(monkeypatch, "list_jobs", "list_azure_machines")
    result = world.slice(order(WAY_HOME, check=True))
    assert of(result, "home")["done"] == "unchanged"
    assert [entry["machine"] for entry in result["plan"]] == ["bare"]


@pytest.mark.parametrize("commit_when", ["verified", "manual"])
def test_no_vcenter_for_a_later_commit_ends_the_run_before_the_first_write(world: World, commit_when: str) -> None:
    world.add("web", position=P.READY)
    clock = Clock(monotonic=lambda: world.spent, sleep=world.sleep)
    with pytest.raises(InputError) as caught:
        run_slice(order(STAGES[3], commit_when=commit_when), Port(world), None, clock)
    assert caught.value.code == "vcenter_missing"
    assert world.calls["act"] == 0


def test_the_plan_is_printed_by_route(world: World) -> None:
    world.add("web", "db")
    world.add("home", position=P.HOME)
    told = "\n".join(world.slice(order(WAY_HOME, check=True))["plan_text"])
    assert "The plan, for 2 machines" in told
    # What all of them do is said once.
    assert "The plan, for 2 machines: reprotecting to on-premises, then" in told
    assert "\n  db, web\n" in told
    for word in ("process server", "master target", "datastore", "1 more"):
        assert word in told
    assert all(len(line) <= 120 for line in told.splitlines())
