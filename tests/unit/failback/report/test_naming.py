# SPDX-License-Identifier: GPL-3.0-or-later
"""What machines are called where names repeat: in sentences, in tables and in lists that choose."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.report.naming import handles, labels
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.table import gather, render
from ansible_collections.homeward.asr.plugins.module_utils.shell.task_result import complaint, diff, names


def machine(name: str, vault: str, item: str, done: str = "failed") -> dict[str, Any]:
    told = {"name": name, "vault": vault, "item_id": f"/vaults/{vault}/{item}", "done": done, "after": item}
    return {**told, "before": "out", "reason": f"{item} broke.", "remedy": "Fix it."}


ALONE = machine("solo", "one", "s")
TWO_VAULTS = [machine("web", "one", "a"), machine("WEB", "two", "a"), ALONE]
ONE_VAULT = [machine("web", "one", "a"), machine("web", "one", "b"), ALONE]


@pytest.mark.parametrize(
    ("machines", "called", "chosen"),
    [
        ([ALONE], ["solo"], ["solo"]),
        (TWO_VAULTS, ["web (one)", "WEB (two)", "solo"], ["/vaults/one/a", "/vaults/two/a", "solo"]),
        (ONE_VAULT, ["web (one, a)", "web (one, b)", "solo"], ["/vaults/one/a", "/vaults/one/b", "solo"]),
        # The same machine in two stages is one.
        ([ALONE, {**ALONE, "done": "held"}], ["solo", "solo"], ["solo", "solo"]),
    ],
)
def test_names_that_repeat(machines: list[dict[str, Any]], called: list[str], chosen: list[str]) -> None:
    assert labels(machines) == called
    assert handles(machines) == chosen


@pytest.mark.parametrize("machines", [TWO_VAULTS, ONE_VAULT])
def test_nobody_vanishes_behind_a_namesake(machines: list[dict[str, Any]]) -> None:
    assert len(diff(machines)["before"]) == 3
    assert len(set(names(machines, "failed"))) == 3
    said = complaint(machines)
    assert all(label in said for label in labels(machines))
    report = gather([{"machines": machines, "finished": True}])
    assert len(report.stories) == 3
    text = "\n".join(render(report))
    assert "vault" in text.splitlines()[1]
    assert all(label in text for label in labels(machines))


def test_without_namesakes_the_table_has_no_vault() -> None:
    assert "vault" not in render(gather([{"machines": [ALONE], "finished": True}]))[1]


def test_what_a_stage_said_of_the_whole_run_is_in_the_report() -> None:
    text = "\n".join(render(gather([{"machines": [], "finished": True, "warnings": ["Nothing to do: x."]}] * 2)))
    assert text.count("Note: Nothing to do: x.") == 1


def test_an_id_can_be_copied_from_what_is_printed() -> None:
    long = "/subscriptions/" + "-".join(["abcdef0123456789"] * 12)
    stopped = {"failed": True, "msg": f"Two fit: {long}.", "machines": []}
    assert any(long in line for line in render(gather([stopped])))
