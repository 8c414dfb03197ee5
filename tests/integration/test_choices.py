# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines by name, pattern, group and recovery plan, over two vaults at once, with defaults for the whole action group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "choices",
    "description": "Two vaults, a group, a plan, names with a common beginning",
    "speed": 600,
    "vaults": [
        vault("vault-north", recovery_plans={"till": ["till-db", "till-web"]}),
        vault(
            "vault-south",
            configuration_server="CS-02",
            process_servers=[
                {"name": "ps-azure-02", "ip": "10.50.0.5"},
                {"name": "CS-02", "ip": "10.20.2.5", "in_azure": False},
            ],
            master_targets=[{"name": "mt-linux-02", "os": "Linux", "host": "esx-02"}],
        ),
    ],
    "machines": [
        linux("shop-db", state="ready", group="shop"),
        linux("shop-web", state="ready", group="shop"),
        linux("till-db", state="ready"),
        linux("till-web", state="ready"),
        linux("web-01", state="ready"),
        linux("web-02", state="ready"),
        linux("apart", state="ready", vault="vault-south"),
        linux("web-03", state="ready", vault="vault-south"),
        linux("north-01", state="out"),
        linux("south-01", state="out", vault="vault-south"),
    ],
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


CHOICES: tuple[tuple[dict[str, Any], set[str]], ...] = (
    ({"machines": ["APART", "till-db"]}, {"apart", "till-db"}),
    ({"machines": ["web-*"]}, {"web-01", "web-02", "web-03"}),
    ({"machines": ["web-*"], "exclude": ["web-02"]}, {"web-01", "web-03"}),
    ({"groups": ["shop"]}, {"shop-db", "shop-web"}),
    ({"recovery_plans": ["till"]}, {"till-db", "till-web"}),
    ({"machines": ["apart"], "groups": ["shop"]}, {"apart", "shop-db", "shop-web"}),
)


@pytest.fixture(scope="module")
def vaults(scene: Scene) -> list[dict[str, str]]:
    place = {"resource_group": "rg-homeward", "subscription_id": scene.env["AZURE_SUBSCRIPTION_ID"]}
    return [{"name": name, **place} for name in ("vault-north", "vault-south")]


def test_a_choice_means_these_machines(scene: Scene, vaults: list[dict[str, str]]) -> None:
    tasks = [
        {"name": str(choice), "homeward.asr.asr_failover": {"direction": "to_onprem", "vaults": vaults, **choice}}
        for choice, _names in CHOICES
    ]
    run = scene.tasks([{**task, "check_mode": True} for task in tasks])
    for (choice, names), result in zip(CHOICES, run.of("asr_failover"), strict=True):
        assert {m["name"] for m in result["machines"]} == names, choice
        assert result["failed"] is False, result["msg"]


def test_the_playbooks_take_the_word_all(scene: Scene) -> None:
    left_out = ["north-01", "south-01"]
    run = scene.playbook("stage_3_failover_to_onprem", "--check", asr_machines="all", asr_exclude=left_out)
    assert run.rc == 0, run.text
    assert set(run.machines("asr_failover")) == {m["name"] for m in FLEET["machines"]} - set(left_out)


def test_one_run_spans_two_vaults(scene: Scene) -> None:
    """The servers of each vault serve its own machines, and a stage asks each vault for no more than it must."""
    run = scene.playbook(
        "stage_2_reprotect_to_onprem",
        asr_machines=["north-01", "south-01"],
        asr_process_server=None,
        asr_datastore="datastore-1",
    )
    assert run.rc == 2, run.text
    assert "process_server is not set and 2 fit" in " ".join(run.text.split())
    home = {}
    for name, server in (("north-01", "ps-azure-01"), ("south-01", "ps-azure-02")):
        run = scene.playbook(
            "stage_2_reprotect_to_onprem", asr_machines=[name], asr_process_server=server, asr_datastore="datastore-1"
        )
        assert run.rc == 0, run.text
        home[name] = run.machines("asr_reprotect")[name]
    assert {n: (m["vault"], m["placement"]["master_target"]) for n, m in home.items()} == {
        "north-01": ("vault-north", "mt-linux-01"),
        "south-01": ("vault-south", "mt-linux-02"),
    }
    both = scene.playbook(
        "stage_3_failover_to_onprem", asr_machines=["north-01", "south-01"], asr_commit_when="verified"
    )
    assert both.rc == 0, both.text
    assert (
        scene.sent("north-01")
        == scene.sent("south-01")
        == ["reprotect_to_onprem", "failover_to_onprem", "commit_to_onprem"]
    )


def test_a_group_moves_as_one_and_only_it(scene: Scene) -> None:
    run = scene.playbook("stage_3_failover_to_onprem", asr_machines=[], asr_groups=["shop"], asr_commit_when="verified")
    assert run.rc == 0, run.text
    assert scene.sent("shop-db") == scene.sent("shop-web") == ["failover_to_onprem", "commit_to_onprem"]
    assert scene.sent("web-01") == []


def test_defaults_for_the_action_group_reach_every_module(scene: Scene, vaults: list[dict[str, str]]) -> None:
    """Each module takes what it knows of them, and a default that only others know does not break it."""
    wrong = {"AZURE_SUBSCRIPTION_ID": "", "VMWARE_HOST": "", "ASR_VAULT": "", "ASR_RESOURCE_GROUP": ""}
    defaults = {"vaults": vaults, "hostname": scene.env["VMWARE_HOST"], "machines": ["web-01"], "wait_timeout": 120}
    modules: dict[str, dict[str, Any]] = {
        "asr_replicated_item_info": {},
        "asr_job_info": {},
        "asr_fabric_info": {},
        "asr_process_server": {"name": "ps-azure-01", "machines": []},
        "asr_master_target": {"names": ["mt-linux-01"], "state": "registered", "machines": []},
        "asr_failover": {"direction": "to_onprem"},
        "asr_commit": {"direction": "to_onprem", "commit_when": "verified"},
        "asr_reprotect": {"direction": "to_azure", "process_server": "CS-01"},
        "asr_failback": {"commit_when": "verified"},
        "asr_report": {"results": []},
    }
    run = scene.tasks(
        [{"name": name, f"homeward.asr.{name}": args} for name, args in modules.items()],
        play={"module_defaults": {"group/homeward.asr.asr": defaults}},
        env=wrong,
    )
    failed = {r["task"]: r["result"].get("msg") for r in run.results if r["status"] != "ok"}
    assert not failed
    assert [r["task"] for r in run.results] == list(modules)
    assert [m["name"] for m in run.task("asr_replicated_item_info")["machines"]] == ["web-01"]
    assert {f["vault"] for f in run.task("asr_fabric_info")["fabrics"]} == {"vault-north", "vault-south"}
    assert scene.phase("web-01") == "home"
    assert scene.sent("web-02") == []
