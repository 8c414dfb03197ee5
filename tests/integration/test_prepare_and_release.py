# SPDX-License-Identifier: GPL-3.0-or-later
"""What is prepared for the failback stays watched until it is released: a process server from nothing, excluded master targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Outcome, Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "kept-place",
    "description": "One machine in Azure, a master target in a datastore cluster, a process server to be deployed",
    "speed": 600,
    "vaults": [vault("vault-kept", deploys="ps-azure-02")],
    "machines": [linux("app-01", state="out"), linux("app-02", state="out")],
}
COMMON = {"asr_commit_when": "verified", "asr_refresh": True}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def process_servers(scene: Scene) -> list[str]:
    outcome = scene.tasks([{"name": "Look", "homeward.asr.asr_fabric_info": {}}])
    return sorted(s["name"] for f in outcome.task("Look")["fabrics"] for s in f["process_servers"])


def servers(outcome: Outcome) -> list[dict[str, Any]]:
    """What became of each process server: one task prepares or removes all of them."""
    return [server for result in outcome.of("asr_stages") for server in result.get("servers") or ()]


def relocate(scene: Scene, name: str, datastore: str) -> None:
    from rehearsal.vcenter import client
    from rehearsal.vcenter.sdk import vim

    store = client.names(scene.si, vim.Datastore)[datastore]
    client.wait(scene.si, scene.vm(name).RelocateVM_Task(vim.vm.RelocateSpec(datastore=store)))


def secret(scene: Scene) -> list[str]:
    return [scene.env["ASR_PASSPHRASE"], scene.env["ASR_ADMIN_PASSWORD"]]


def test_from_nothing_to_released(scene: Scene) -> None:
    planned = scene.playbook("prepare", "--check", **COMMON)
    assert planned.rc == 0, planned.text
    assert scene.writes == 0
    assert [p["operation"] for p in servers(planned)[0]["plan"]] == ["deployment"]

    first = scene.playbook("prepare", "-vvvv", **COMMON)
    assert first.rc == 0, first.text
    assert not [s for s in secret(scene) if s in first.text]
    assert [r["changed"] for r in servers(first)] == [True, False]
    assert first.of("asr_master_target")[0]["changed"]
    assert process_servers(scene) == ["CS-01", "ps-azure-01", "ps-azure-02"]

    writes = scene.writes
    second = scene.playbook("prepare", **{**COMMON, "asr_refresh": False})
    assert second.rc == 0, second.text
    assert not any(r["changed"] for r in servers(second) + second.of("asr_master_target"))
    assert scene.writes == writes

    there = scene.playbook("stage_2_reprotect_to_onprem", **COMMON)
    assert there.rc == 0, there.text
    relocate(scene, "mt-linux-01", "datastore-1")
    stopped = scene.playbook("stage_3_failover_to_onprem", **COMMON)
    assert stopped.rc != 0
    machine = next(m for m in stopped.of("asr_failover")[0]["machines"] if m["name"] == "app-01")
    assert machine["code"] == "mt_place"
    assert " moved it at " in machine["reason"]
    assert scene.sent("app-01") == ["reprotect_to_onprem"]
    assert "2 disks of other machines" in machine["reason"]

    # An operator who knows better accepts the rule, with or without the look at the master targets before the stage.
    for watch in (True, False):
        accept = {"mt_place": "The disks were attached by hand, says the owner."}
        onward = scene.playbook("stage_3_failover_to_onprem", "--check", asr_watch=watch, asr_accept=accept, **COMMON)
        assert onward.rc == 0, onward.text

    released = scene.playbook("release", asr_process_server_remove=True, **COMMON)
    assert released.rc == 0, released.text
    (lifted,) = released.of("asr_master_target")
    assert lifted["changed"]
    assert "moved it at" in str(lifted["machines"][0]["warnings"])
    assert process_servers(scene) == ["CS-01", "ps-azure-01"]
    again = scene.playbook("release", asr_process_server_remove=True, **COMMON)
    assert again.rc == 0, again.text
    assert not any(r["changed"] for r in servers(again) + again.of("asr_master_target"))
