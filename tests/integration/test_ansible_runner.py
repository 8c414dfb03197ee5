# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-runner, which AWX is built on, runs our playbooks from a project of the user's own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from scene import PATIENCE, Scene, linux, vault

# The same journey as elsewhere, through ansible-runner.
pytestmark = pytest.mark.further

FLEET: dict[str, Any] = {
    "name": "runner",
    "description": "Two machines being failed back under ansible-runner",
    "speed": 600,
    "vaults": [vault("vault-runner")],
    "machines": [linux("out-01", state="out"), linux("ready-01", state="ready")],
}

SITE = "---\n- name: Home\n  ansible.builtin.import_playbook: homeward.asr.failback\n"


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def run(scene: Scene, private: Path, ident: str, **variables: Any) -> tuple[int, list[dict[str, Any]]]:
    """One job; returns its exit code and events."""
    project = private / "project"
    project.mkdir(parents=True, exist_ok=True)
    (project / "site.yml").write_text(SITE)
    known = yaml.safe_load((scene.directory / "vars.yml").read_text())
    (private / "env").mkdir(exist_ok=True)
    (private / "env" / "extravars").write_text(json.dumps({**known, "asr_process_server": "ps-azure-01", **variables}))
    # The environment is inherited, as AWX's credential types give it: a file of it would hold the secrets.
    (private / "env" / "settings").write_text(json.dumps({"suppress_env_files": True}))
    done = subprocess.run(
        ["ansible-runner", "run", str(private), "-p", "site.yml", "-i", ident],
        env=scene.environment(TOLD_FILE=str(private / "told.jsonl")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    events = [json.loads(p.read_text()) for p in (private / "artifacts" / ident / "job_events").glob("*-*.json")]
    return done.returncode, sorted(events, key=lambda e: e["counter"])


def report_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The last report among a job's events: of the chain, or of the task that fails for it."""
    told = [e["event_data"] for e in events if e["event_data"].get("task_action") == "homeward.asr.asr_stages"]
    return dict([data["res"] for data in told if "total" in data.get("res", {})][-1])


def test_a_job_that_ran_out_of_time_is_continued_by_the_next(scene: Scene, tmp_path: Path) -> None:
    private = tmp_path / "private"
    check = "---\n- name: Ask before the commit\n  ansible.builtin.debug:\n    msg: The shop answers.\n"
    (private / "project").mkdir(parents=True)
    # Beside the project's playbook, where the job is started.
    (private / "project" / "ask.yml").write_text(check)
    machines = ["out-01", "ready-01"]
    scene.control("/clock", {"speed": 5})
    try:
        code, events = run(scene, private, "first", asr_machines=machines, asr_wait_timeout=2)
    finally:
        scene.control("/clock", {"speed": 600})
    assert code == 2
    report = report_of(events)
    assert report["code"] == "still_running"
    # Nobody typed a command, and the runner's files are its own: the report says what to launch again.
    (onward,) = report["onward"]
    assert (onward["about"], onward["command"]) == ("continue", "")
    assert "launch the same template again" in onward["words"]
    # A failed report has no lines; they are printed.
    printed = " ".join("".join(e["stdout"] + "\n" for e in events).split())
    assert "launch the same template again" in printed
    assert "ansible-playbook" not in printed
    assert str(private) not in json.dumps(report)

    code, events = run(
        scene, private, "second", asr_machines=machines, asr_commit_when="verified", asr_hooks_before_commit=["ask.yml"]
    )
    assert code == 0, "".join(e["stdout"] for e in events)[-4000:]
    assert "The shop answers." in "".join(e["stdout"] for e in events)
    assert report_of(events)["total"] == 2
    assert {name: scene.phase(name) for name in machines} == dict.fromkeys(machines, "home")
    assert scene.sent("out-01") == [
        "reprotect_to_onprem",
        "failover_to_onprem",
        "commit_to_onprem",
        "reprotect_to_azure",
    ]

    # The runner itself notes down the environment it was started with, in the file "command".
    files = [p for p in (private / "artifacts").rglob("*") if p.is_file() and p.name != "command"]
    kept = "".join(p.read_text() for p in files)
    for name in ("AZURE_CLIENT_SECRET", "VMWARE_PASSWORD"):
        assert scene.env[name] not in kept, name

    before = scene.control("/digest"), scene.writes
    code, events = run(scene, private, "third", asr_machines=machines, asr_commit_when="verified")
    assert code == 0
    assert all(not e["event_data"]["res"].get("changed") for e in events if "res" in e["event_data"])
    assert (scene.control("/digest"), scene.writes) == before
