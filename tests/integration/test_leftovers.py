# SPDX-License-Identifier: GPL-3.0-or-later
"""After the failback the playbook names what is still in Azure, and removes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "leftovers",
    "description": "One machine being failed back, one in Azure, one at home",
    "speed": 600,
    "vaults": [vault("vault-left")],
    "machines": [
        linux("ready-01", state="ready", disks_gb=[10, 20]),
        linux("out-01", state="out"),
        linux("home-01"),
    ],
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def test_before_and_after_the_commit(scene: Scene) -> None:
    before = scene.playbook("leftovers")
    assert before.rc == 0, before.text
    (first,) = before.of("asr_leftovers_info")
    assert first["leftovers"] == []
    assert {r["kind"] for r in first["in_use"]} >= {"disk", "network_interface"}
    # A misspelt group would seem to have nothing left in it.
    nowhere = scene.playbook("leftovers", asr_resource_groups="rg-nowhere")
    assert nowhere.rc == 2, nowhere.text
    assert "'rg-nowhere' (asr_resource_groups) is in none of" in " ".join(nowhere.text.split())
    scene.registered("ready-01")
    home = scene.playbook("stage_3_failover_to_onprem", asr_machines=["ready-01"], asr_commit_when="verified")
    assert home.rc == 0, home.text
    assert scene.phase("ready-01") == "home_unprotected"
    writes = scene.writes
    after = scene.playbook("leftovers")
    assert after.rc == 0, after.text
    (result,) = after.of("asr_leftovers_info")
    assert sorted((r["kind"], r["size_gb"], r["in_use"]) for r in result["leftovers"]) == [
        ("disk", 10, None),
        ("disk", 20, None),
        ("network_interface", None, None),
    ]
    assert result["size_gb"] == 30
    assert not result["changed"]
    assert "3 left over in Azure, 30 GB of disks and snapshots." in after.text
    assert "list their ids in asr_remove" in after.text
    assert all(f"  {r['id']}\n" in after.text for r in result["leftovers"])
    assert {r["id"] for r in result["leftovers"]} < {r["id"] for r in first["in_use"]}
    assert scene.writes == writes


def test_what_is_given_back_is_removed_and_what_is_locked_attached_or_in_use_stays(scene: Scene) -> None:
    """Follows the test above: the machine is home, its disks and its interface are left."""
    (seen,) = scene.playbook("leftovers").of("asr_leftovers_info")
    disks = [r["id"] for r in seen["leftovers"] if r["kind"] == "disk"]
    (nic,) = (r["id"] for r in seen["leftovers"] if r["kind"] == "network_interface")
    attached = next(r["id"] for r in seen["in_use"] if r["kind"] == "disk")
    scene.control("/locks", {"scope": disks[1], "name": "keep-it"})
    remove = [attached, *disks, nic]
    writes = scene.writes
    foreseen = scene.playbook("leftovers", "--check", asr_remove=remove, asr_remove_unknown=True)
    assert foreseen.rc == 2, foreseen.text
    assert scene.writes == writes
    run = scene.playbook("leftovers", asr_remove=remove, asr_remove_unknown=True)
    assert run.rc == 2, run.text
    for told in (foreseen, run):
        (result,) = told.of("asr_leftovers")
        assert {r["id"]: (r["done"], r["code"]) for r in result["resources"]} == {
            nic: ("removed", None),
            disks[0]: ("removed", None),
            disks[1]: ("refused", "leftover_locked"),
            attached: ("refused", "leftover_in_use"),
        }
    assert "is locked by keep-it" in " ".join(run.text.split())
    assert scene.writes == writes + 2
    scene.control("/locks", method="DELETE")
    again = scene.playbook("leftovers", asr_remove=[*disks, nic], asr_remove_unknown=True)
    assert again.rc == 0, again.text
    (result,) = again.of("asr_leftovers")
    assert {r["id"]: r["done"] for r in result["resources"]} == {
        nic: "unchanged",
        disks[0]: "unchanged",
        disks[1]: "removed",
    }
    assert scene.writes == writes + 3
    (left,) = scene.playbook("leftovers").of("asr_leftovers_info")
    assert left["leftovers"] == []
