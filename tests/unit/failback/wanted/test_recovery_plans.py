# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery plan says of machines, and what else is in it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.recovery_plans import Plan, parse_all


def action(name: str, kind: str) -> dict[str, Any]:
    return {"actionName": name, "customDetails": {"instanceType": kind}}


def boot(*ids: str, **more: Any) -> dict[str, Any]:
    return {"groupType": "Boot", "replicationProtectedItems": [{"id": i} for i in ids], **more}


@pytest.mark.parametrize(
    ("groups", "members", "words"),
    [
        (None, (), ()),
        ([None, {"groupType": "Shutdown", "replicationProtectedItems": None}], (), ()),
        ([boot("/A"), None], ("/A",), ()),
        ([boot("/A", "/a", "")], ("/A",), ()),
        ([boot("/a"), boot("/b")], ("/a", "/b"), ("order of its 2 groups",)),
        (
            [
                boot(
                    "/a",
                    startGroupActions=[action("gate", "ManualActionDetails"), None],
                    endGroupActions=[action("dns", "AutomationRunbookActionDetails"), {"actionName": "odd"}],
                ),
                {"groupType": "Shutdown", "startGroupActions": [action("x.ps1", "ScriptActionDetails")]},
            ],
            ("/a",),
            ("manual action 'gate'", "runbook 'dns'", "action 'odd'", "script 'x.ps1'", "Not applied"),
        ),
    ],
)
def test_a_plan_is_read(groups: Any, members: tuple[str, ...], words: tuple[str, ...]) -> None:
    plan = Plan.parse({"name": "shop", "properties": {"friendlyName": "The shop", "groups": groups}}, "v")
    assert plan.members == members
    assert bool(plan.not_run) == bool(words)
    for word in words:
        assert word in plan.not_run
    assert plan.called("SHOP")
    assert plan.called("the shop")
    assert not plan.called("")


def test_a_plan_that_says_nothing() -> None:
    assert parse_all({"v": [{"name": "p"}, {}, {"name": "q", "properties": None}]}) == [
        Plan("p", "", "v"),
        Plan("q", "", "v"),
    ]
