# SPDX-License-Identifier: GPL-3.0-or-later
"""A consistency group is a unit from stage to stage, and machines of one name in two vaults are distinguished."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Scene, linux, vault

BROKEN = {
    "operation": "reprotect",
    "direction": "to_onprem",
    "code": "28031",
    "message": "It cannot be set up.",
    "times": 99,
}

FLEET: dict[str, Any] = {
    "name": "groups",
    "description": "A group with one broken member, and one name in two vaults",
    "speed": 600,
    "ambiguous_names": True,
    "vaults": [
        vault("vault-north"),
        vault(
            "vault-south",
            configuration_server="CS-02",
            process_servers=[{"name": "ps-azure-02"}, {"name": "CS-02", "in_azure": False}],
            master_targets=[{"name": "mt-linux-02", "os": "Linux", "host": "esx-02"}],
        ),
    ],
    "machines": [
        linux("app-01", state="out", group="shop"),
        linux("app-02", state="out", group="shop"),
        linux("app-03", state="out", group="shop", faults=[BROKEN]),
        linux("web-01", state="ready"),
        linux("web-01", state="home", vault="vault-south", datastore="datastore-2"),
    ],
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


@pytest.mark.parametrize(
    "choice",
    [{"asr_machines": ["app-01", "web-*"]}, {"asr_groups": ["shop"], "asr_machines": [], "asr_exclude": ["app-03"]}],
)
def test_a_part_of_a_group_is_refused_before_anything_is_sent(scene: Scene, choice: dict[str, Any]) -> None:
    before = scene.writes
    run = scene.playbook("failback", "--check", **choice)
    assert run.rc == 2, run.text
    (result,) = run.of("asr_failback")
    assert result["code"] == "group_split"
    for word in ("app-01", "app-02", "app-03", "'shop'", "asr_split_groups"):
        assert word in result["msg"]
    assert scene.writes == before


def test_a_run_of_no_machine_says_so(scene: Scene) -> None:
    run = scene.playbook("failback", "--check", asr_machines=["all"], asr_exclude=["app-*", "web-*"])
    assert run.rc == 0, run.text
    told = " ".join(run.text.split())
    assert "Note: Nothing to do: 'asr_exclude' leaves out every selected machine." in told
    assert "DEPRECATION" not in told


def test_a_whole_failback_with_a_broken_member_and_namesakes(scene: Scene) -> None:
    run = scene.playbook("failback", asr_machines=["app-*", "web-*"], asr_commit_when="verified")
    assert run.rc == 2, run.text
    assert scene.sent("app-01") == scene.sent("app-02") == ["reprotect_to_onprem"]
    # What goes on from stage to stage is named by its id: names are not enough.
    (failover,) = run.of("asr_failover")
    assert [(m["name"], m["vault"]) for m in failover["machines"]] == [
        ("web-01", "vault-north"),
        ("web-01", "vault-south"),
    ]
    north = [b["step"] for b in scene.bodies if b["machine"] == "web-01"]
    assert north == ["failover_to_onprem", "commit_to_onprem", "reprotect_to_azure"]
    told = " ".join(run.text.split())
    for word in ("app-01, app-02 held", "app-03 failed", "whole group", "vault-north", "vault-south"):
        assert word in told
