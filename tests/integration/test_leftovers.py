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
    assert {r["id"] for r in result["leftovers"]} < {r["id"] for r in first["in_use"]}
    assert scene.writes == writes
