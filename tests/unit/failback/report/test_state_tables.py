# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of everything, and what preparing found and changed."""

from __future__ import annotations

from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.report.state_tables import (
    prepared_table,
    state_table,
)


def seen(name: str, position: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "vault": "v", "position": position, "health": "Normal", "azure_machine": None, **more}


def test_every_machine_is_listed_with_what_comes_next() -> None:
    lines = state_table(
        [
            seen("a", "home_uncommitted", azure_machine={"exists": True, "power_state": "stopped"}),
            seen("b", "syncing_home", doing="synchronising", sync_percentage=42),
            seen("c", "home"),
        ]
    )
    assert lines[1].split() == ["machine", "state", "now", "doing", "sync", "health", "Azure", "VM"]
    assert lines[3].split() == ["a", "home", "uncommitted", "Normal", "stopped"]
    assert lines[lines.index("NEXT") + 1 :] == [
        "  1 to check and commit home (stage 3), or cancel a modernized failback: a",
        "  1 under way: a rerun of the stage waits for it",
    ]


def test_vaults_are_named_where_there_are_several_and_nothing_may_be_left() -> None:
    lines = state_table([seen("a", "home"), seen("b", "home", vault="w")])
    assert "vault" in lines[1]
    assert lines[-1] == "  Nothing to do."
    assert state_table([]) == ["", "There is no machine."]


def entry(name: str, done: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "role": "master_target", "done": done, "before": before, "after": after, **more}


def test_what_was_found_and_changed_is_a_table() -> None:
    told = [
        entry(
            "mt-1", "started", {"vmotion": "free", "uuid": True}, {"vmotion": "excluded", "uuid": True}, changed=True
        ),
        entry("mt-2", "unchanged"),
        entry("mt-3", "refused", reason="It has a snapshot.", remedy="Delete it."),
    ]
    lines = prepared_table(told, False)
    rows = [text.split() for text in lines]
    assert ["mt-1", "master", "target", "changed", "vmotion", "free", "vmotion", "excluded"] in rows
    assert ["mt-2", "master", "target", "ready"] in rows
    assert "mt-3 refused: It has a snapshot. Delete it." in lines
    assert "would change" in "\n".join(prepared_table(told, True))
