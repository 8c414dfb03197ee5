# SPDX-License-Identifier: GPL-3.0-or-later
"""What a preflight and a stage ask of the vault and of vCenter does not grow with the machines, through the real playbooks.

Each machine is read once individually; everything else is counted here at 4 and at 40 machines. The stage is counted in check mode, in which
it asks everything that it asks before it sends: behind real operations the vault's stand-in speaks to vCenter as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Scene, linux, vault

from rehearsal.vcenter.control import Control

FEW, MANY = [f"few-{n:02d}" for n in range(4)], [f"many-{n:02d}" for n in range(40)]

FLEET: dict[str, Any] = {
    "name": "counts",
    "description": "4 and 40 machines in Azure",
    "speed": 1,
    "vaults": [vault("vault-counts")],
    "machines": [linux(name, state="out") for name in (*FEW, *MANY)],
}

#: What is read once for each machine.
EACH = "/replicationprotecteditems/*"


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    scene = rehearse(FLEET)
    # The vault's stand-in logs in to vCenter at its first question.
    asked(scene, "preflight", asr_machines=FEW[:1])
    return scene


def asked(scene: Scene, name: str, *options: str, **variables: Any) -> tuple[dict[str, int], dict[str, int]]:
    """The requests of a playbook's run: lists of the vault and of Azure by their route, and calls to vCenter by their method."""
    site = Control(scene.state["vcenter"]["control"])
    site.reset_counters()
    before = scene.control("/counters")["by_route"]
    run = scene.playbook(name, *options, **variables)
    after = scene.control("/counters")["by_route"]
    assert run.of("asr_preflight") or run.of("asr_stages") or run.of("asr_reprotect"), run.text
    lists = {
        route: number - before.get(route, 0)
        for route, number in after.items()
        if number != before.get(route, 0) and EACH not in route
    }
    return lists, site.counters()


@pytest.mark.parametrize(("name", "options"), [("preflight", ()), ("stage_2_reprotect_to_onprem", ("--check",))])
def test_lists_and_calls_are_as_many_for_four_machines_as_for_forty(
    scene: Scene, name: str, options: tuple[str, ...]
) -> None:
    few, many = (asked(scene, name, *options, asr_machines=names) for names in (FEW, MANY))
    assert few == many
    lists, calls = many
    assert 0 < sum(lists.values()) < 20, lists
    assert 0 < sum(calls.values()) < 60, calls
    assert scene.writes == 0
