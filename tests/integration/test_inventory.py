# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory as ansible-inventory and plays see it, on both stand-ins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from scene import ROOT, Scene, linux, vault

EXAMPLE = ROOT / "docs" / "examples" / "vaults.asr.yml"

FLEET: dict[str, Any] = {
    "name": "inventory",
    "description": "Two vaults of both generations, machines in Azure and at home, one name in both",
    "speed": 600,
    "ambiguous_names": True,
    "vaults": [
        vault("vault-old", recovery_plans={"shop": ["out-01", "home-01"]}),
        {
            "name": "vault-new",
            "generation": "modernized",
            "appliances": [{"name": "appliance-01", "fqdn": "a.home.example", "ip": "10.20.3.10", "host": "esx-01"}],
        },
    ],
    "machines": [
        linux("out-01", vault="vault-old", state="out", group="till", ip="10.20.0.21"),
        linux("ready-01", vault="vault-old", state="ready", ip="10.20.0.22"),
        linux("home-01", vault="vault-old", ip="10.20.0.23"),
        linux("twin", vault="vault-old", ip="10.20.0.24"),
        linux("twin", vault="vault-new", ip="10.20.0.25", onprem="gone"),
        {
            "name": "new-out",
            "vault": "vault-new",
            "os": "Windows",
            "disks_gb": [10],
            "state": "out",
            "ip": "10.20.0.26",
        },
    ],
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def file(scene: Scene, **options: Any) -> Path:
    """An inventory file of its own."""
    scene.runs += 1
    path = scene.directory / f"lists-{scene.runs}.asr.yml"
    path.write_text(yaml.safe_dump({"plugin": "homeward.asr.replicated_items", **options}), encoding="utf-8")
    return path


def told(scene: Scene, path: Path, **env: str) -> dict[str, Any]:
    """What ansible-inventory --list says, and nothing beside it."""
    strict = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true", "ANSIBLE_DEPRECATION_WARNINGS": "false"}
    done = scene.command(["ansible-inventory", "-i", str(path), "--list"], {**strict, **env})
    assert done.rc == 0, done.text
    found: dict[str, Any] = json.loads(done.text[done.text.index("{") :])
    return found


def variables(listed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(listed["_meta"]["hostvars"])


def reads(scene: Scene) -> int:
    return int(scene.control("/counters")["reads"])


def test_the_example_lists_every_vault_of_the_rehearsal(scene: Scene) -> None:
    done = scene.command(["ansible-inventory", "-i", str(EXAMPLE), "--graph"])
    assert done.rc == 0, done.text
    lines = done.text.splitlines()
    for group in ("asr_state_out", "asr_vault_vault_old", "asr_plan_shop", "asr_group_till", "asr_os_Windows"):
        assert f"  |--@{group}:" in lines, done.text
    assert sum(line == "  |  |--out-01" for line in lines) >= 5
    assert "WARNING" not in done.text


def test_facts_are_those_of_the_module_and_the_address_follows_the_machine(scene: Scene) -> None:
    seen = scene.directory / "requests.jsonl"
    before = len(seen.read_text(encoding="utf-8").splitlines())
    listed = told(scene, EXAMPLE)
    asked = seen.read_text(encoding="utf-8").splitlines()[before:]
    assert sum("/replicationprotecteditems" in line.lower() for line in asked) == 2, "one list for each vault"
    hosts = variables(listed)
    assert sorted(hosts) == ["home-01", "new-out", "out-01", "ready-01", "twin.vault-new", "twin.vault-old"]
    assert {name: v.get("ansible_host") for name, v in hosts.items()} == {
        "out-01": "10.50.0.21",
        "ready-01": "10.50.0.22",
        "new-out": "10.50.0.26",
        "home-01": "10.20.0.23",
        "twin.vault-old": "10.20.0.24",
        "twin.vault-new": None,
    }
    assert listed["asr_plan_shop"]["hosts"] == ["out-01", "home-01"]
    assert "__ansible_unsafe" not in json.dumps(listed)
    done = scene.tasks([{"homeward.asr.asr_replicated_item_info": {"vaults": "{{ asr_vaults }}", "full": False}}])
    (result,) = done.of("asr_replicated_item_info")
    by_id = {m["item_id"]: m for m in result["machines"]}
    # The vault's clock runs; and in a failback the list does not report the operating system.
    beats = ("agent_heartbeat", "os_type", "sync_percentage")
    for host in hosts.values():
        facts = by_id[host["asr_item_id"]]
        assert {k: host[f"asr_{k}"] for k in facts if k not in beats} == {
            k: v for k, v in facts.items() if k not in beats
        }
    assert {v["asr_os_type"] for name, v in hosts.items() if name != "new-out"} == {"Linux"}
    without = variables(told(scene, EXAMPLE, VMWARE_HOST=""))
    assert "ansible_host" not in without["home-01"]
    assert without["out-01"]["ansible_host"] == "10.50.0.21"


def test_filters_names_and_constructed_groups(scene: Scene) -> None:
    path = file(
        scene,
        include={"states": ["out", "ready"]},
        exclude={"operating_systems": ["windows"]},
        hostnames=["missing_variable", "{{ name | upper }}.dr.example"],
        hostvars_prefix="",
        group_by=["state"],
        group_prefix="dr-",
        strict=False,
        keyed_groups=[{"key": "placement.process_server", "prefix": "via"}],
        compose={"ansible_user": "'root' if os_type == 'Linux' else 'admin'"},
        groups={"in_plan": "plans | length > 0"},
    )
    listed = told(scene, path)
    hosts = variables(listed)
    assert sorted(hosts) == ["OUT-01.dr.example", "READY-01.dr.example"]
    assert "root" in json.dumps(hosts["OUT-01.dr.example"]["ansible_user"])
    assert listed["dr_state_ready"]["hosts"] == ["READY-01.dr.example"]
    assert listed["in_plan"]["hosts"] == ["OUT-01.dr.example"]
    assert [g for g in listed if g.startswith("via_")]
    assert not variables(told(scene, file(scene, include={"plans": [""]})))


def test_the_cache_answers_without_a_request_until_it_is_flushed_or_asked_for_another_vault(scene: Scene) -> None:
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(scene.directory / "c")}
    path = file(scene, **cache)
    first = told(scene, path)
    before = reads(scene)
    assert told(scene, path) == first
    assert reads(scene) == before
    kept = "".join(p.read_text(encoding="utf-8") for p in (scene.directory / "c").iterdir())
    assert scene.env["AZURE_SECRET"] not in kept
    assert scene.env["VMWARE_PASSWORD"] not in kept
    strict = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
    done = scene.command(["ansible-inventory", "-i", str(path), "--list", "--flush-cache"], strict)
    assert done.rc == 0
    assert reads(scene) > before
    before = reads(scene)
    other = told(scene, path, ASR_VAULTS=f"{scene.env['ASR_RESOURCE_GROUP']}/vault-new")
    assert sorted(variables(other)) == ["new-out", "twin"]
    assert reads(scene) > before


def test_a_list_that_is_not_whole_is_an_error(scene: Scene) -> None:
    """The ways in which pages go wrong are the adapter's tests; no inventory is made of a part."""
    scene.control("/settings", {"page_size": 2})
    scene.control("/faults", {"action": "repeat_link", "match": {"path": "replicationProtectedItems"}, "times": None})
    try:
        strict = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
        done = scene.command(["ansible-inventory", "-i", str(EXAMPLE), "--list"], strict)
    finally:
        scene.control("/faults", method="DELETE")
        scene.control("/settings", {"page_size": 100})
    assert done.rc != 0, done.text
    assert "out-01" not in done.text
    assert "list of replicated items" in done.text


def test_vaults_as_hosts_each_with_its_own_vault(scene: Scene) -> None:
    path = file(scene, vault_hosts=True)
    facts = {"vaults": "{{ asr_vaults }}", "full": False, "azure_machines": False}
    play = [
        {
            "hosts": "asr_vaults",
            "gather_facts": False,
            "tasks": [{"homeward.asr.asr_replicated_item_info": facts, "register": "seen"}],
        }
    ]
    book = scene.directory / "each-vault.yml"
    book.write_text(yaml.safe_dump(play), encoding="utf-8")
    done = scene.command(["ansible-playbook", "-i", str(path), str(book)])
    assert done.rc == 0, done.text
    found = [sorted({m["vault"] for m in r["machines"]}) for r in done.of("asr_replicated_item_info")]
    assert sorted(found) == [["vault-new"], ["vault-old"]]


def test_a_vault_that_is_not_there_is_refused_in_a_sentence(scene: Scene) -> None:
    strict = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
    path = file(scene, vaults=[f"{scene.env['ASR_RESOURCE_GROUP']}/nowhere"])
    done = scene.command(["ansible-inventory", "-i", str(path), "--list"], strict)
    assert done.rc != 0
    assert "nowhere" in done.text
    assert "Traceback" not in done.text
