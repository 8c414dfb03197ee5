# SPDX-License-Identifier: GPL-3.0-or-later
"""The look along the route before the first write: it chooses as the stages would, and keeps nobody from going who could."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from scene import Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "look",
    "description": "Groups of which a part cannot go, and machines at home that nobody names",
    "speed": 1200,
    "vaults": [vault("vault-look")],
    "machines": [
        linux("pair-1", state="ready", group="pair"),
        linux("pair-2", state="ready", group="pair"),
        linux("mixed-1", state="home", group="mixed"),
        linux("mixed-2", state="ready", group="mixed"),
        linux("solo", state="ready"),
        linux("at-home", state="home"),
        linux("late", state="out"),
        linux("waits", state="out_uncommitted"),
    ],
}

STAGE_3 = "stage_3_failover_to_onprem"


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def test_a_group_of_which_a_part_cannot_go_stops_nobody_else(scene: Scene) -> None:
    scene.control("/items/mixed-2", {"replication_health": "Critical"})
    run = scene.playbook(STAGE_3, asr_machines=["mixed-*", "solo"])
    assert "group_split" not in run.text
    assert scene.sent("solo") == ["failover_to_onprem"], run.text
    assert scene.sent("mixed-1") == scene.sent("mixed-2") == []
    assert run.of("asr_report")[-1]["total"] == 3


def test_a_group_with_one_approval_fails_over_and_waits_for_the_other(scene: Scene) -> None:
    run = scene.playbook(STAGE_3, asr_groups=["pair"], asr_machines=[], asr_approved=["pair-1"])
    assert scene.sent("pair-1") == scene.sent("pair-2") == ["failover_to_onprem"], run.text


def test_a_route_that_begins_with_the_way_out_still_takes_plain_names_alone(scene: Scene) -> None:
    before = scene.writes
    for machines in (["all"], ["late", "at-*"]):
        run = scene.tasks(
            [
                {
                    "name": "round trip",
                    "ansible.builtin.include_role": {"name": "homeward.asr.stage", "tasks_from": "chain"},
                    "vars": {
                        "stage_route": ["failover_to_azure", "commit_to_azure", "reprotect_to_onprem"],
                        "stage_machines": machines,
                        "stage_confirm_failover_to_azure": True,
                        "stage_commit_when": "verified",
                        "stage_process_server": "ps-azure-01",
                        "stage_datastore": "datastore-1",
                    },
                }
            ]
        )
        assert scene.writes == before, run.text
        assert "List its machines by name" in " ".join(run.text.split())


def test_the_vcenter_certificate_is_verified_as_asked_in_the_look_too(scene: Scene) -> None:
    run = scene.command(
        [
            "ansible-playbook",
            f"homeward.asr.{STAGE_3}",
            "-e",
            f"@{scene.directory / 'vars.yml'}",
            "-e",
            '{"asr_machines": ["solo"], "asr_validate_certs": true}',
        ],
        env={"VMWARE_VALIDATE_CERTS": "False"},
    )
    for result in run.of("asr_failover") + run.of("asr_commit"):
        assert "not verified" not in str(result), result


def test_a_file_neither_confirms_again_nor_approves_more(scene: Scene) -> None:
    choice = scene.directory / "choice.yml"
    said = {"asr_machines": ["at-home"], "asr_approved": "held", "asr_confirm_failover_to_azure": True}
    choice.write_text(yaml.safe_dump(said), encoding="utf-8")
    known = ["-e", f"@{scene.directory / 'vars.yml'}"]
    run = scene.command(["ansible-playbook", "homeward.asr.stage_1_failover_to_azure", *known, "-e", f"@{choice}"])
    assert scene.sent("at-home") == ["failover_to_azure"], run.text
    (entry,) = run.of("asr_report")[-1]["onward"]
    assert entry["command"].endswith(
        """ -e '{"asr_approved": ["at-home"], "asr_confirm_failover_to_azure": false}'"""
    ), entry


def test_a_hook_of_the_one_task_is_refused_where_the_stages_have_their_own(scene: Scene) -> None:
    run = scene.playbook("failback", asr_machines=["late"], asr_hooks_before_failback=["gate.yml"])
    assert run.rc == 2
    assert "asr_hooks_before_failback would not run" in " ".join(run.text.split())
    assert scene.sent("late") == []
