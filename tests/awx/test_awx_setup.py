# SPDX-License-Identifier: GPL-3.0-or-later
"""The role awx_setup with the real modules of awx.awx. ``AWX_COLLECTIONS`` is the directory that holds ``ansible_collections/awx``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from controller import Controller  # noqa: E402

pytestmark = [
    pytest.mark.further,
    pytest.mark.skipif("AWX_COLLECTIONS" not in os.environ, reason="run by the gate awx"),
]

ROOT = HERE.parents[1]
PLAYBOOKS = {f"playbooks/{path.name}" for path in (ROOT / "playbooks").glob("*.yml")}
OPTIONS: dict[str, Any] = {
    "awx_setup_execution_environment_image": "registry.example/asr-ee:1.0.0",
    "awx_setup_credentials": ["azure-dr", "vcenter-home"],
    "awx_setup_controller_credential": "this-controller",
    "awx_setup_variables": {"asr_vaults": [{"name": "vault-dr", "resource_group": "rg-dr"}], "asr_policy": "home"},
    "awx_setup_notifications": [
        {
            "name": "asr pager",
            "notification_type": "webhook",
            "notification_configuration": {"url": "https://pager.example/hook", "headers": {}, "http_method": "POST"},
        }
    ],
}


@pytest.fixture(scope="module", name="controller")
def a_controller() -> Iterator[Controller]:
    modules = Path(os.environ["AWX_COLLECTIONS"]) / "ansible_collections" / "awx" / "awx" / "plugins" / "modules"
    with Controller(modules, PLAYBOOKS) as server:
        server.add("organizations", {"name": "Default"})
        for name in ("azure-dr", "vcenter-home", "this-controller"):
            server.add("credentials", {"name": name})
        yield server


def run(controller: Controller, folder: Path, *options: str, **variables: Any) -> tuple[int, str, list[str]]:
    """``changed``, the output and the writes that arrived, of a run that succeeds."""
    given = folder / "given.json"
    given.write_text(json.dumps({**OPTIONS, **variables}), encoding="utf-8")
    return play(controller, folder, "homeward.asr.awx_setup", "-e", f"@{given}", *options)


def play(controller: Controller, folder: Path, *command: str) -> tuple[int, str, list[str]]:
    paths = [os.environ["AWX_COLLECTIONS"], os.environ["ANSIBLE_COLLECTIONS_PATH"]]
    env = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(paths),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SHOW_CUSTOM_STATS": "1",
        "CONTROLLER_HOST": controller.url,
        "CONTROLLER_OAUTH_TOKEN": "token-of-the-test",
        "HOME": str(folder),
    }
    before = len(controller.writes)
    done = subprocess.run(
        ["ansible-playbook", *command], env=env, cwd=folder, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    changed = re.search(r"changed=(\d+)", done.stdout)
    assert changed is not None
    return int(changed[1]), done.stdout, controller.writes[before:]


def test_check_mode_of_an_empty_controller_makes_nothing_and_says_so(controller: Controller, tmp_path: Path) -> None:
    changed, _text, writes = run(controller, tmp_path, "--check")
    assert changed > 0
    assert writes == []


def test_everything_is_made_once_and_fits_together(controller: Controller, tmp_path: Path) -> None:
    export = tmp_path / "awx.yml"
    changed, _text, _writes = run(controller, tmp_path, awx_setup_export_file=str(export))
    assert changed > 0
    templates = controller.store["job_templates"].values()
    assert {t["playbook"] for t in templates} == PLAYBOOKS - {"playbooks/rehearse.yml", "playbooks/awx_setup.yml"}
    failback = controller.named("job_templates", "asr failback")
    assert json.loads(failback["extra_vars"]) == OPTIONS["awx_setup_variables"]
    assert [c["name"] for c in controller.linked("job_templates", failback, "credentials")] == [
        "azure-dr",
        "vcenter-home",
    ]
    asked = {q["variable"] for q in controller.surveys[failback["id"]]["spec"]}
    assert "asr_approved" in asked
    assert "asr_policy" not in asked
    # What the injectors say is for AWX to fill in.
    (kind,) = controller.store["credential_types"].values()
    assert kind["injectors"]["env"]["AZURE_CA_PATH"] == "{{ tower.filename.ca }}"
    (host,) = controller.store["hosts"].values()
    assert json.loads(host["variables"])["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"

    def after(identifier: str, link: str = "success_nodes") -> list[str]:
        nodes = controller.linked("workflow_job_template_nodes", controller.node(identifier), link)
        return [node["identifier"] for node in nodes]

    assert after("preflight") == ["failback"]
    assert after("failback") == ["announce"]
    assert (after("announce"), after("announce", "failure_nodes")) == (["approve"], ["status"])
    assert after("approve") == ["commit"]
    assert controller.find("unified_job_templates", controller.node("commit")["unified_job_template"]) == failback
    (schedule,) = controller.store["schedules"].values()
    assert schedule["extra_data"] == {"asr_machines": "all"}

    exported = yaml.safe_load(export.read_text(encoding="utf-8"))
    assert [t["name"] for t in exported["controller_templates"]] == [t["name"] for t in templates]
    assert export.stat().st_mode & 0o077 == 0


def test_the_approval_says_who_waits_and_the_next_job_approves_them(controller: Controller, tmp_path: Path) -> None:
    template = controller.named("job_templates", "asr announce")
    given = {
        **json.loads(template["extra_vars"]),
        "asr_result": {"code": "", "counts": {"awaiting_approval": 2}, "awaiting_approval": ["db-01", "web-01"]},
    }
    _changed, text, _writes = play(controller, tmp_path, "homeward.asr.awx_announce", "-e", json.dumps(given))
    (approval,) = controller.store["workflow_approval_templates"].values()
    assert approval["description"].startswith("2 machines wait for the commit to on-premises")
    assert "db-01, web-01" in approval["description"]
    stats = text.partition("CUSTOM STATS")[2]
    assert '"asr_approved"' in stats
    assert "db-01" in stats


def test_a_second_run_changes_only_what_differs_and_check_mode_predicts_it(
    controller: Controller, tmp_path: Path
) -> None:
    (approval,) = controller.store["workflow_approval_templates"].values()
    more = {"awx_setup_approval_timeout": 3600}
    changed, text, writes = run(controller, tmp_path, "--check", **more)
    assert (changed, writes) == (1, []), text
    changed, text, writes = run(controller, tmp_path, **more)
    assert (changed, writes) == (1, [f"PATCH {approval['url']}"]), text
    assert approval["timeout"] == 3600
    # The text that the last workflow wrote is left alone.
    assert "db-01" in approval["description"]
