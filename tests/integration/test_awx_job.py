# SPDX-License-Identifier: GPL-3.0-or-later
"""A job of AWX, replayed by ansible-runner: its variables and environment, an empty inventory, a survey that nobody filled in but for
the machines, a cancel, a relaunch, and what the next node of a workflow gets."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from scene import PATIENCE, Scene, linux, vault

from ansible_collections.homeward.asr.plugins.plugin_utils.variables.catalogue import VARIABLES

FLEET: dict[str, Any] = {
    "name": "awx",
    "description": "A machine in Azure that a job template brings home, and one that is not chosen",
    "speed": 5,
    "vaults": [vault("vault-awx")],
    "machines": [linux("out-01", state="out"), linux("other-01", state="out")],
}

#: What AWX 24 sets beside the credentials; its vCenter credential never verifies.
ENVIRONMENT = {
    "AWX_ISOLATED_DATA_DIR": "/runner",
    "JOB_ID": "7",
    "MAX_EVENT_RES": "700000",
    "VMWARE_VALIDATE_CERTS": "False",
}
JOB: dict[str, Any] = {
    "awx_job_id": 7,
    "tower_job_id": 7,
    "awx_job_template_name": "Fail back",
    "awx_user_name": "operator",
    "awx_inventory_name": "Empty",
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def launch(scene: Scene, private: Path, ident: str, **answers: Any) -> subprocess.Popen[str]:
    """Launch the template: every question of the survey is blank but for the answers."""
    for part in ("project", "inventory", "env"):
        (private / part).mkdir(parents=True, exist_ok=True)
    site = [{"name": "Home", "ansible.builtin.import_playbook": "homeward.asr.failback"}]
    (private / "project" / "site.yml").write_text(yaml.safe_dump(site), encoding="utf-8")
    empty = {"all": {"hosts": {}, "vars": {"remote_tower_enabled": "true"}}}
    (private / "inventory" / "hosts.json").write_text(json.dumps(empty), encoding="utf-8")
    known = yaml.safe_load((scene.directory / "vars.yml").read_text(encoding="utf-8"))
    survey = {**dict.fromkeys(VARIABLES, ""), **known, "asr_process_server": "ps-azure-01", **answers}
    (private / "env" / "extravars").write_text(json.dumps({**JOB, **survey}), encoding="utf-8")
    (private / "env" / "settings").write_text(json.dumps({"suppress_env_files": True}), encoding="utf-8")
    return subprocess.Popen(
        ["ansible-runner", "run", str(private), "-p", "site.yml", "-i", ident],
        env=scene.environment(**ENVIRONMENT),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def events(private: Path, ident: str) -> list[dict[str, Any]]:
    found = [json.loads(p.read_text()) for p in (private / "artifacts" / ident / "job_events").glob("*-*.json")]
    return sorted(found, key=lambda event: event["counter"])


def test_a_cancelled_job_detaches_and_its_relaunch_asks_for_approval_in_words_of_the_template(
    scene: Scene, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    first = launch(scene, private, "7", asr_machines=" out-01\n\n")
    scene.until(lambda: scene.sent("out-01"), "the reprotection", PATIENCE)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=PATIENCE)
    assert (private / "artifacts" / "7" / "status").read_text() == "canceled"

    scene.control("/clock", {"speed": 600})
    second = launch(scene, private, "8", asr_machines="out-01\n")
    said, _none = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, said[-4000:]
    # Nothing was cancelled, and nothing was sent twice.
    assert scene.sent("out-01") == ["reprotect_to_onprem", "failover_to_onprem"]
    assert scene.sent("other-01") == []

    told = events(private, "8")
    (ended,) = [e["event_data"] for e in told if e["event"] == "playbook_on_stats"]
    result = ended["artifact_data"]["asr_result"]
    assert (result["awaiting_approval"], result["failed"]) == (["out-01"], [])
    reports = [e["event_data"]["res"] for e in told if "total" in (e.get("event_data", {}).get("res") or {})]
    (onward,) = reports[-1]["onward"]
    assert (onward["about"], onward["command"], onward["variable"]) == ("approve", "", 'asr_approved: ["out-01"]')
    printed = " ".join("".join(e["stdout"] + "\n" for e in told).split())
    assert "template again" in printed
    assert 'asr_approved: ["out-01"]' in printed
    assert "ansible-playbook" not in printed
    assert str(private) not in printed
    # The credential does not verify, and the result says so.
    assert "not verified" in printed
    assert max(len(json.dumps(e)) for e in told) < 100_000
