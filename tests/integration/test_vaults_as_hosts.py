# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults as hosts: one process for each, in one run or as jobs of ansible-runner on nodes of their own."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from scene import PATIENCE, Scene, linux, vault

VAULTS = ("vault-one", "vault-two")

FLEET: dict[str, Any] = {
    "name": "vaults-as-hosts",
    "description": "Two vaults, each with machines in Azure",
    "speed": 600,
    "ambiguous_names": True,
    "vaults": [
        vault(name, master_targets=[{"name": f"mt-{name}", "os": "Linux", "host": "esx-01"}]) for name in VAULTS
    ],
    "machines": [
        linux("one-a", vault="vault-one", state="ready", ip="10.20.0.31"),
        linux("two-a", vault="vault-two", state="ready", ip="10.20.0.32"),
        linux("two-b", vault="vault-two", state="ready", ip="10.20.0.33"),
        *(
            linux("twin", vault=f"vault-{n}", state="ready", datastore=d)
            for n, d in (("one", "datastore-1"), ("two", "datastore-2"))
        ),
        linux("node-one", vault="vault-one", state="out", ip="10.20.0.34"),
        linux("node-two", vault="vault-two", state="out", ip="10.20.0.35"),
    ],
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


@pytest.fixture(scope="module")
def opened() -> Iterator[int]:
    with socket.create_server(("127.0.0.8", 0)) as server:
        yield server.getsockname()[1]


def inventory(directory: Path, *vaults: str) -> Path:
    """An inventory of vaults as hosts, all of the rehearsal or those that are named."""
    options: dict[str, Any] = {"plugin": "homeward.asr.replicated_items", "vault_hosts": True}
    path = directory / "vaults.asr.yml"
    path.write_text(yaml.safe_dump({**options, **({"vaults": list(vaults)} if vaults else {})}), encoding="utf-8")
    return path


def statistics(text: str) -> dict[str, Any]:
    """What the run published for other jobs of a workflow."""
    return dict(json.loads(text[text.index("RUN: ") + 5 :].splitlines()[0])["asr_result"])


def test_each_vault_has_a_process_and_names_mean_its_own_machines(scene: Scene, opened: int) -> None:
    def stage_3(**variables: Any) -> Any:
        command = ["ansible-playbook", "-i", str(inventory(scene.directory)), "homeward.asr.stage_3_failover_to_onprem"]
        given = {
            "asr_hosts": "asr_vaults",
            "asr_machines": {"vault-one": ["one-a"], "vault-two": ["two-a", "two-b"]},
            "asr_verify": {"*-a": {"tcp": opened}},
            "asr_verify_addresses": {"one-a": "127.0.0.8", "two-a": "127.0.0.8"},
            "asr_verify_timeout": 1,
            **variables,
        }
        # The file has a list of both vaults, which is stronger than the inventory.
        command += ["-e", f"@{scene.directory / 'vars.yml'}", "-e", json.dumps(given)]
        return scene.command(command, {"ANSIBLE_SHOW_CUSTOM_STATS": "true"})

    run = stage_3()
    assert run.rc == 0, run.text
    told = statistics(run.text)
    assert told["counts"]["awaiting_approval"] == 3
    assert {name: entry["counts"]["awaiting_approval"] for name, entry in told["vaults"].items()} == {
        "vault-one": 1,
        "vault-two": 2,
    }
    printed = [
        shlex.split(line) for line in run.text.splitlines() if "homeward.asr.stage_3" in line and "approved" in line
    ]
    assert sorted(json.loads(words[-1])["asr_hosts"] for words in printed) == list(VAULTS)
    assert sum(b["step"] == "failover_to_onprem" for b in scene.bodies) == 3

    run = stage_3(asr_approved={"vault-two": ["two-a"]})
    assert run.rc == 0, run.text
    assert [b["machine"] for b in scene.bodies if b["step"] == "commit_to_onprem"] == ["two-a"]
    assert statistics(run.text)["counts"]["awaiting_approval"] == 2

    # A file for all that gives each the same vaults, and an inventory that does not know better.
    before = scene.control("/counters")
    hosts = ["ansible-playbook", "-i", "a,b,", "homeward.asr.stage_3_failover_to_onprem", "-e", "asr_hosts=all"]
    run = scene.command([*hosts, "-e", f"@{scene.directory / 'vars.yml'}", "-e", "asr_machines=all"])
    assert run.rc == 2, run.text
    assert "have the same vaults" in " ".join(run.text.split())
    assert scene.control("/counters") == before


def test_one_host_of_the_inventory_proves_no_machine_where_two_vaults_have_its_name(scene: Scene, opened: int) -> None:
    """Its port is open, and it may be either of them. With a hook the one vault reports while the other has added its machine as a host:
    the result for all vaults names no machine among them."""
    (scene.directory / "hook.yml").write_text("- ansible.builtin.meta: noop\n", encoding="utf-8")
    host = {"twin": {"ansible_host": "127.0.0.8", "ansible_connection": "local"}}
    (scene.directory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": host}}), encoding="utf-8")
    given = {
        "asr_hosts": "asr_vaults",
        "asr_machines": ["twin"],
        "asr_commit_when": "verified",
        "asr_verify": {"twin": {"tcp": opened}},
        "asr_hooks_before_failover": ["hook.yml"],
        "asr_verify_timeout": 1,
    }
    command = ["ansible-playbook", "-i", str(inventory(scene.directory)), "-i", "hosts.yml"]
    command += [
        "homeward.asr.stage_3_failover_to_onprem",
        "-e",
        f"@{scene.directory / 'vars.yml'}",
        "-e",
        json.dumps(given),
    ]
    run = scene.command(command, {"ANSIBLE_SHOW_CUSTOM_STATS": "true"})
    assert run.rc == 2, run.text
    assert "twin is a machine of several vaults of this run" in " ".join(run.text.split())
    assert scene.sent("twin") == ["failover_to_onprem"], run.text
    told = statistics(run.text)
    assert told["stopped"] == [], run.text
    assert {name: entry["code"] for name, entry in told["vaults"].items()} == {
        "vault-one": "machines_failed",
        "vault-two": "machines_failed",
    }


class Node:
    """An execution node: what receptor hands to it is a stream, and it has a home and temporary files of its own."""

    def __init__(self, scene: Scene, directory: Path) -> None:
        self.directory = directory
        for name in ("home", "tmp", "private"):
            (directory / name).mkdir(parents=True)
        self.env = {
            **scene.environment(),
            "HOME": str(directory / "home"),
            "TMPDIR": str(directory / "tmp"),
            "ANSIBLE_HOME": str(directory / "home" / ".ansible"),
            "ANSIBLE_LOCAL_TEMP": str(directory / "tmp" / "local"),
            "ANSIBLE_REMOTE_TMP": str(directory / "tmp" / "remote"),
        }

    def start(self, job: Path, result: Path) -> subprocess.Popen[bytes]:
        command = ["ansible-runner", "worker", "--private-data-dir", str(self.directory / "private")]
        with job.open("rb") as stdin, result.open("wb") as stdout:
            return subprocess.Popen(
                command, env=self.env, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL, start_new_session=True
            )


def die(worker: subprocess.Popen[bytes]) -> None:
    """A node loses its power: the worker and everything that it has started end at once."""
    if worker.poll() is None:
        parent = psutil.Process(worker.pid)
        for process in [parent, *parent.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        worker.wait(30)


@pytest.mark.further
def test_a_node_that_dies_loses_its_job_and_nothing_is_sent_twice(scene: Scene, tmp_path: Path) -> None:
    """The protocol between AWX and its execution nodes: transmit, worker, process."""
    jobs, results = {}, {}
    for name in VAULTS:
        private = tmp_path / name
        for part in ("project", "inventory", "env"):
            (private / part).mkdir(parents=True)
        site = [{"name": "Home", "ansible.builtin.import_playbook": "homeward.asr.failback"}]
        (private / "project" / "site.yml").write_text(yaml.safe_dump(site), encoding="utf-8")
        # One slice of the inventory, as AWX cuts it for a sliced job.
        inventory(private / "inventory", f"{scene.env['ASR_RESOURCE_GROUP']}/{name}")
        known = yaml.safe_load((scene.directory / "vars.yml").read_text(encoding="utf-8"))
        given = {
            **known,
            "asr_hosts": "asr_vaults",
            "asr_machines": f"node-{name.partition('-')[2]}",
            "asr_process_server": "ps-azure-01",
            "asr_commit_when": "verified",
        }
        (private / "env" / "extravars").write_text(json.dumps(given), encoding="utf-8")
        jobs[name], results[name] = tmp_path / f"{name}.job", tmp_path / f"{name}.result"
        with jobs[name].open("wb") as stdout:
            subprocess.run(
                ["ansible-runner", "transmit", str(private), "-p", "site.yml", "-i", name],
                env=scene.environment(),
                stdout=stdout,
                check=True,
                timeout=60,
            )
    dying, other = Node(scene, tmp_path / "node-1"), Node(scene, tmp_path / "node-2")
    running = [
        dying.start(jobs["vault-one"], results["vault-one"]),
        other.start(jobs["vault-two"], results["vault-two"]),
    ]
    try:
        scene.until(lambda: scene.sent("node-one"), "the first write", PATIENCE)
        die(running[0])
        assert running[1].wait(PATIENCE) == 0
        running.append(other.start(jobs["vault-one"], results["vault-one"]))
        assert running[2].wait(PATIENCE) == 0
    finally:
        for process in running:
            die(process)
    for name in VAULTS:
        with results[name].open("rb") as stdin:
            done = subprocess.run(
                ["ansible-runner", "process", str(tmp_path / name), "-i", name],
                env=scene.environment(),
                stdin=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        events = (tmp_path / name / "artifacts" / name / "job_events").glob("*-*.json")
        (ended,) = [e for e in (json.loads(p.read_text()) for p in events) if e["event"] == "playbook_on_stats"]
        assert ended["event_data"]["artifact_data"]["asr_result"]["counts"]["moved"] == 1
        machine = f"node-{name.partition('-')[2]}"
        assert scene.phase(machine) == "home"
        assert scene.sent(machine) == [
            "reprotect_to_onprem",
            "failover_to_onprem",
            "commit_to_onprem",
            "reprotect_to_azure",
        ]
