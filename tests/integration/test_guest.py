# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of guests through the playbooks: recorded before stage 1, and a proof of the commit home. The guest is a stand-in for ssh that answers
the survey; what the role does inside a machine is proven on a booted one (molecule/guest_network)."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from scene import ROOT, Scene, linux, vault

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.plan import guest_network

sys.path.insert(0, str(ROOT / "tests" / "unit" / "plugin_utils" / "guest"))
from networks import survey

FLEET: dict[str, Any] = {
    "name": "guests",
    "description": "Machines at home that go to Azure, and some that come home with their networks",
    "speed": 600,
    "vaults": [vault("vault-guests")],
    "machines": [
        *(linux(name, state="home") for name in ("web01", "far-away", "left-alone")),
        linux("moved-01", state="home"),
        *(linux(name, state="ready") for name in ("kept-network", "lost-network", "own-way")),
    ],
}

SSH = """\
#!/bin/sh
for last; do :; done
case " $* " in *' nowhere.example '*) exit 255 ;; esac
case $last in
*'set -- survey'*) cat '{survey}' ;;
*'set -- keep'*) echo KEPT /etc/hostname ;;
*'asr begin'*) echo 'asr begin' ;;
*) exec /bin/sh -c "$last" ;;
esac
"""

RECORD: str = guest_network(survey(), "record", "", {"machine": "kept-network"})["text"]


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def inventory(scene: Scene, hosts: dict[str, Any], **everywhere: Any) -> list[str]:
    """Options of a run with these machines in an inventory; those of whom nothing is said cannot be reached."""
    seen, ssh, path = (scene.directory / name for name in ("survey.txt", "ssh", "hosts.yml"))
    seen.write_text(survey(), encoding="utf-8")
    ssh.write_text(SSH.format(survey=seen), encoding="utf-8")
    ssh.chmod(0o755)
    lost = scene.directory / "lost"
    lost.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    lost.chmod(0o755)
    reached = {
        "ansible_ssh_executable": str(ssh),
        "ansible_ssh_pipelining": True,
        "ansible_ssh_args": "",
        "ansible_python_interpreter": sys.executable,
    }
    told = {
        name: {
            **(
                {"ansible_host": "127.0.0.9", "ansible_ssh_executable": str(lost)}
                if more is None
                else {**reached, **more}
            )
        }
        for name, more in hosts.items()
    }
    path.write_text(yaml.safe_dump({"all": {"hosts": told, "vars": everywhere}}), encoding="utf-8")
    return ["-i", str(path)]


def guests(run: Any) -> dict[str, dict[str, Any]]:
    """What the chain's result says of networks, by machine."""
    last = [r["result"] for r in run.results if r["action"].endswith("asr_stages") and r["result"].get("stages")][-1]
    return {g["machine"]: g for stage in last["stages"] for g in stage.get("guests") or ()}


def test_networks_are_recorded_before_stage_1_and_who_is_not_reached_is_named(scene: Scene) -> None:
    records = scene.directory / "records"
    options = inventory(
        scene,
        {"web01": {}, "far-away": None, "left-alone": {"asr_guest": "off"}},
        asr_guest="record",
        asr_record_dir=str(records),
        guest_network_reach_timeout=1,
    )
    machines = ["web01", "far-away", "left-alone"]
    run = scene.playbook(
        "stage_1_failover_to_azure",
        *options,
        asr_machines=machines,
        asr_confirm_failover_to_azure=True,
        asr_report_file="report.html",
    )
    assert run.rc == 0, run.text
    for name in machines:
        assert scene.sent(name)[0] == "failover_to_azure", run.text
    record = records / "vault-guests" / "web01.yml"
    assert [p for p in sorted(records.rglob("*")) if p.is_file()] == [records / "addresses.csv", record]
    assert [oct(p.stat().st_mode & 0o777) for p in (records / "addresses.csv", record)] == ["0o600", "0o600"]
    assert [oct(p.stat().st_mode & 0o777) for p in (records, record.parent)] == ["0o700", "0o700"]
    rows = list(csv.reader((records / "addresses.csv").read_text().splitlines()))
    assert rows[1] == ["web01", "eth0", "00:50:56:00:00:01", "10.1.2.3/24", "10.1.2.1", "10.1.0.53", "vault-guests"]
    assert yaml.safe_load(record.read_text())["hostname"] == "web01"
    assert "/vaults/vault-guests/" in yaml.safe_load(record.read_text())["item_id"]
    told = guests(run)
    assert {name: g["outcome"] for name, g in told.items()} == {"web01": "recorded", "far-away": "unreachable"}
    table = " ".join(run.text.split())
    assert f"Note: Networks of guests recorded: 1 of 2 in {records}." in table
    # The second is the one that VMware Tools report.
    assert re.search(
        r"Network not recorded: far-away \(This machine cannot be reached at 127.0.0.9, [0-9.]+\)\.", table
    )
    assert any("1 of 2" in note for note in json.loads((scene.directory / "report.json").read_text())["notes"])


def test_a_machine_is_recorded_at_the_address_that_vmware_tools_report(scene: Scene) -> None:
    options = inventory(scene, {"moved-01": {"ansible_host": "nowhere.example"}}, guest_network_reach_timeout=1)
    records = scene.directory / "moved"
    run = scene.playbook(
        "prepare", *options, asr_machines=["moved-01"], asr_guest="record", asr_record_dir=str(records)
    )
    assert (records / "vault-guests" / "moved-01.yml").exists(), run.text
    assert "Networks of guests recorded: 1 of 1" in run.text


def test_a_machine_is_committed_only_with_the_network_of_its_record(scene: Scene, tmp_path: Path) -> None:
    options = inventory(
        scene,
        {"kept-network": {}, "lost-network": None, "own-way": {"asr_guest": "off"}},
        asr_guest="restore",
        asr_record_dir=str(tmp_path),
        guest_network_reach_timeout=1,
    )
    (tmp_path / "vault-guests").mkdir()
    (tmp_path / "vault-guests" / "kept-network.yml").write_text(RECORD, encoding="utf-8")
    run = scene.playbook(
        "stage_3_failover_to_onprem",
        *options,
        asr_machines=["kept-network", "lost-network", "own-way"],
        asr_commit_when="verified",
    )
    assert run.rc == 2, run.text
    commit = run.machines("asr_commit")
    assert commit["lost-network"]["code"] == "verify_failed", run.text
    why = "the network of the guest was not restored: This machine cannot be reached at 127.0.0.9"
    assert why in commit["lost-network"]["reason"]
    assert scene.sent("lost-network") == ["failover_to_onprem"]
    assert scene.control("/items/lost-network")["azure_vm"], "both copies are left alone"
    for name in ("kept-network", "own-way"):
        assert scene.sent(name) == ["failover_to_onprem", "commit_to_onprem"], run.text
    assert "network as recorded passed" in json.dumps(commit["kept-network"]["proofs"])
    assert "network as recorded" not in json.dumps(commit["own-way"]["proofs"])
    assert {name: g["outcome"] for name, g in guests(run).items()} == {
        "kept-network": "unchanged",
        "lost-network": "unreachable",
    }
    assert "Networks of guests restored: 1 of 2." in run.text


def test_what_one_machine_asks_for_is_not_lost(scene: Scene) -> None:
    """Without a play on the machines nothing would be restored, so nothing is sent."""
    before = scene.writes
    options = inventory(scene, {"lost-network": {"asr_guest": "restore"}})
    run = scene.playbook("failback", *options, asr_machines=["lost-network"], asr_advance="each")
    assert run.rc == 2, run.text
    assert "asr_guest is restore for lost-network" in run.text
    assert scene.writes == before


@pytest.mark.parametrize("action", ["record", "restore"])
def test_the_network_of_the_controller_is_never_taken_for_that_of_a_machine(scene: Scene, action: str) -> None:
    (scene.directory / "records" / "v").mkdir(parents=True, exist_ok=True)
    (scene.directory / "records" / "v" / "kept-network.yml").write_text(RECORD, encoding="utf-8")
    name = "here" if action == "record" else "kept-network"
    variables = {
        "guest_network_action": action,
        "guest_network_fail": False,
        "guest_network_name": name,
        "guest_network_vault": "v",
        "guest_network_record_dir": str(scene.directory / "records"),
        "guest_network_reach_timeout": 1,
    }
    role = {"name": "homeward.asr.guest_network", "rolespec_validate": False}
    run = scene.tasks(
        [
            {"ansible.builtin.include_role": role, "vars": variables},
            {"name": "Tell", "ansible.builtin.debug": {"msg": "{{ guest_network_result.outcome }}"}},
        ],
        {"connection": "local", "check_mode": True},
    )
    assert run.task("Tell")["msg"] == "unreachable", run.text
    assert not list((scene.directory / "records").rglob("here*"))
