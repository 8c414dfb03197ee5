# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode says what the run does: the same machines, operations, bodies and order, and it sends nothing (P9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Outcome, Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "check-mode",
    "description": "In Azure, at three places of the failback; one machine is not committed and must be refused",
    "speed": 600,
    "vaults": [
        vault(
            "vault-check",
            master_targets=[
                {"name": "mt-linux-01", "os": "Linux", "datastores": ["datastore-1"]},
                {"name": "mt-windows-01", "os": "Windows", "datastores": ["datastore-1"], "retention_volumes": ["R"]},
            ],
            run_as_accounts=["for-windows", "for-linux"],
        )
    ],
    "machines": [
        linux("out-01", state="out", group="till"),
        linux("out-02", state="out", group="till", disks_gb=[10, 5]),
        {"name": "out-windows", "os": "Windows", "disks_gb": [10], "state": "out"},
        linux("ready-01", state="ready"),
        linux("gone-01", state="out", onprem="gone"),
        linux("stuck-01", state="out_uncommitted"),
        linux("at-home"),
    ],
}

GOOD = ["out-01", "out-02", "out-windows", "ready-01", "gone-01"]
COMMON = {
    "asr_process_server": "ps-azure-01",
    "asr_run_as_account_windows": "for-windows",
    "asr_run_as_account_linux": "for-linux",
    "asr_commit_when": "verified",
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def planned(outcome: Outcome, module: str) -> list[dict[str, Any]]:
    return [entry for result in outcome.of(module) for entry in result["plan"]]


def by_machine(entries: list[dict[str, Any]]) -> dict[str, list[tuple[str, Any]]]:
    """Each machine's operations in order, with their bodies; a commit has none."""
    told: dict[str, list[tuple[str, Any]]] = {}
    for entry in entries:
        told.setdefault(entry["machine"], []).append((entry["step"], entry["body"] or None))
    return told


def order(entries: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Steps in the order in which they are sent, with their machines; side by side within a step."""
    runs: list[tuple[str, list[str]]] = []
    for entry in entries:
        if not runs or runs[-1][0] != entry["step"]:
            runs.append((entry["step"], []))
        runs[-1][1].append(entry["machine"])
    return [(step, sorted(machines)) for step, machines in runs]


def test_a_whole_failback_is_predicted_and_then_sent(scene: Scene) -> None:
    machines = [*GOOD, "stuck-01"]
    digest, before = scene.control("/digest"), scene.writes
    check = scene.playbook("failback", "--check", asr_machines=machines, **COMMON)
    assert scene.writes == before
    assert scene.control("/digest") == digest
    plan = planned(check, "asr_failback")
    assert check.rc == 2, check.text
    assert "stuck-01: The failover to Azure is not committed." in check.text

    real = scene.playbook("failback", asr_machines=machines, **COMMON)
    assert real.rc == 2, real.text
    assert "stuck-01: The failover to Azure is not committed." in real.text
    assert by_machine(plan) == by_machine(scene.bodies)
    assert order(plan) == order(scene.bodies)
    assert set(by_machine(plan)) == set(GOOD)
    assert [step for step, _body in by_machine(plan)["ready-01"]] == [
        "failover_to_onprem",
        "commit_to_onprem",
        "reprotect_to_azure",
    ]
    foretold = check.machines("asr_failback")
    assert {name: foretold[name]["after"] for name in machines} == {
        **dict.fromkeys(GOOD, "home"),
        "stuck-01": "out_uncommitted",
    }
    refused = {key: foretold["stuck-01"][key] for key in ("done", "code", "reason", "remedy")}
    # The look before the first write finds it, and no stage is asked for it.
    really = {m["name"]: m for m in real.of("asr_failback")[0]["machines"]}["stuck-01"]
    assert refused == {key: really[key] for key in refused}
    assert {name: scene.phase(name) for name in GOOD} == dict.fromkeys(GOOD, "home")


def test_a_fleet_that_is_home_is_ok_and_nothing_is_predicted(scene: Scene) -> None:
    before = scene.writes
    check = scene.playbook("failback", "--check", asr_machines=["at-home"], **COMMON)
    assert check.rc == 0, check.text
    assert planned(check, "asr_failback") == []
    assert check.of("asr_failback")[-1]["changed"] is False
    assert scene.writes == before


def test_stage_1_and_its_commit_are_predicted_and_then_sent(scene: Scene) -> None:
    stage_1 = {"asr_machines": ["at-home"], "asr_confirm_failover_to_azure": True, "asr_commit_when": "verified"}
    before, sent = scene.writes, len(scene.bodies)
    check = scene.playbook("stage_1_failover_to_azure", "--check", **stage_1)
    assert check.rc == 0, check.text
    assert scene.writes == before
    real = scene.playbook("stage_1_failover_to_azure", **stage_1)
    assert real.rc == 0, real.text
    plan = by_machine(planned(check, "asr_failover"))
    assert plan == by_machine(scene.bodies[sent:])
    assert [step for step, _body in plan["at-home"]] == ["failover_to_azure", "commit_to_azure"]
    assert scene.phase("at-home") == "out"


@pytest.mark.parametrize("commit_when", ["manual", "verified"])
def test_stages_2_and_3_one_by_one(scene: Scene, commit_when: str) -> None:
    """The machine that stage 1 took out comes home; a commit that awaits approval is predicted in the words that follow."""
    options = {**COMMON, "asr_machines": ["at-home"], "asr_commit_when": commit_when}
    for stage, module in (
        ("stage_2_reprotect_to_onprem", "asr_reprotect"),
        ("stage_3_failover_to_onprem", "asr_failover"),
    ):
        before, sent = scene.writes, len(scene.bodies)
        check = scene.playbook(stage, "--check", **options)
        assert check.rc == 0, check.text
        assert scene.writes == before
        scene.registered("at-home")
        real = scene.playbook(stage, **options)
        assert real.rc == 0, real.text
        assert by_machine(planned(check, module)) == by_machine(scene.bodies[sent:])
        if module == "asr_failover" and commit_when == "manual":
            foretold, held = check.machines("asr_failover")["at-home"], real.machines("asr_commit")["at-home"]
            assert foretold["done"] == held["done"] == "awaiting_approval"
            assert foretold["remedy"] == held["remedy"]
            assert "asr_approved" in held["remedy"]
    assert scene.phase("at-home") == ("home_uncommitted" if commit_when == "manual" else "home_unprotected")
