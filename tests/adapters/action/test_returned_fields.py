# SPDX-License-Identifier: GPL-3.0-or-later
"""Real tasks on the rehearsal return what their documentation says: no field more, none of the promised ones less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent

PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  module_defaults:
    group/homeward.asr.asr:
      vaults: "{{ asr_vaults }}"
      hostname: "{{ lookup('env', 'VMWARE_HOST') }}"
      wait_timeout: 300
  tasks:
    - homeward.asr.asr_failover:
        direction: to_azure
        machines: [dc-01, files-01]
        confirm_failover_to_azure: true
      register: asr_failover
    - homeward.asr.asr_job_info:
      register: asr_job_info
    - homeward.asr.asr_commit:
        direction: to_azure
        machines: [dc-01, files-01]
        commit_when: verified
      register: asr_commit
    - homeward.asr.asr_replicated_item_info:
      register: asr_replicated_item_info
    - homeward.asr.asr_fabric_info:
      register: asr_fabric_info
    - homeward.asr.asr_estate_info:
      register: asr_estate_info
    - homeward.asr.asr_failback:
        machines: [dc-01, files-01]
        process_server: "{{ asr_process_server }}"
        datastore: "{{ asr_datastore }}"
        run_as_account_windows: "{{ asr_run_as_account_windows }}"
        run_as_account_linux: "{{ asr_run_as_account_linux }}"
        commit_when: verified
      check_mode: true
      diff: true
      register: asr_failback
    - homeward.asr.asr_reprotect:
        direction: to_onprem
        machines: [dc-01]
        process_server: "{{ asr_process_server }}"
        datastore: "{{ asr_datastore }}"
        run_as_account: "{{ asr_run_as_account_windows }}"
        wait_timeout: 1
        on_timeout: ok
        continue_command: again
      register: asr_reprotect
    - homeward.asr.asr_report:
        results: ["{{ asr_failover }}", "{{ asr_commit }}", "{{ asr_reprotect }}"]
        on_timeout: ok
      register: asr_report
    - ansible.builtin.copy:
        dest: "{{ out }}"
        mode: "0600"
        content: "{{ results | to_json }}"
      vars:
        results:
          asr_failover: "{{ asr_failover }}"
          asr_job_info: "{{ asr_job_info }}"
          asr_commit: "{{ asr_commit }}"
          asr_replicated_item_info: "{{ asr_replicated_item_info }}"
          asr_fabric_info: "{{ asr_fabric_info }}"
          asr_estate_info: "{{ asr_estate_info }}"
          asr_failback: "{{ asr_failback }}"
          asr_reprotect: "{{ asr_reprotect }}"
          asr_report: "{{ asr_report }}"
"""

#: Fields that Ansible adds to each result.
ANSIBLES_OWN = {"changed", "failed", "msg", "diff", "invocation", "warnings", "deprecations", "ansible_facts"}

MODULES = (
    "asr_commit",
    "asr_fabric_info",
    "asr_estate_info",
    "asr_failback",
    "asr_failover",
    "asr_job_info",
    "asr_replicated_item_info",
    "asr_report",
    "asr_reprotect",
)

TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "dict": (dict,),
    "float": (float, int),
    "int": (int,),
    "list": (list,),
    "str": (str,),
}


EXAMPLES_PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks: []
"""


def rehearsal(*arguments: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "extensions"), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(
        [sys.executable, "-m", "rehearsal", *arguments], env=env, check=True, capture_output=True, timeout=300
    )


def playbook(stage: Path, play: Path, *arguments: str) -> None:
    """Run a playbook as a user of the rehearsal does; a failure shows what it said."""
    script = 'where="$1"; shift; . "$where/env" && exec ansible-playbook -e @"$where/vars.yml" "$@"'
    command = ["sh", "-c", script, "sh", str(stage), str(play), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    where = tmp_path_factory.mktemp("returned")
    stage = where / "rehearsal"
    rehearsal("up", "--fleet", "classic-12", "--dir", str(stage), "--speed", "120")
    try:
        # The examples first, in check mode on a fleet that is home: every option and name in them must be right.
        play = yaml.safe_load(EXAMPLES_PLAY)
        play[0]["tasks"] = [task for name in MODULES for task in examples(name)]
        (where / "examples.yml").write_text(yaml.safe_dump(play, sort_keys=False))
        playbook(stage, where / "examples.yml", "--check")
        (where / "play.yml").write_text(PLAY)
        playbook(stage, where / "play.yml", "-e", f"out={where / 'out.json'}")
        yield json.loads((where / "out.json").read_text())
    finally:
        rehearsal("down", "--dir", str(stage))


def examples(name: str) -> list[dict[str, Any]]:
    text = (ROOT / "plugins" / "modules" / f"{name}.py").read_text()
    return yaml.safe_load(text.partition('EXAMPLES = r"""')[2].partition('"""')[0])


def documented(name: str) -> dict[str, Any]:
    text = (ROOT / "plugins" / "modules" / f"{name}.py").read_text()
    return yaml.safe_load(text.partition('RETURN = r"""')[2].partition('"""')[0])


def compare(value: dict[str, Any], fields: dict[str, Any], where: str) -> None:
    assert set(value) <= set(fields), f"{where} returns fields that are not documented"
    for name, field in fields.items():
        here = f"{where}.{name}"
        if field["returned"] == "always":
            assert name in value, f"{here} is promised always"
        found = value.get(name)
        if found is None:
            continue
        assert isinstance(found, TYPES[field["type"]]), f"{here}: {found!r}"
        entries = found if isinstance(found, list) else [found]
        for entry in entries:
            if isinstance(entry, dict) and "contains" in field:
                compare(entry, field["contains"], here)


@pytest.mark.parametrize("name", MODULES)
def test_documentation_is_complete_to_the_last_returned_field(name: str, returned: dict[str, Any]) -> None:
    value = {k: v for k, v in returned[name].items() if k not in ANSIBLES_OWN}
    compare(value, documented(name), name)


def test_an_unfinished_stage_says_how_to_go_on(returned: dict[str, Any]) -> None:
    result = returned["asr_reprotect"]
    assert result["finished"] is False
    assert result["code"] == "still_running"
    assert result["continue_command"] == "again"
    assert result["cursor"]


def test_a_finished_stage_has_no_cursor_and_names_what_moved(returned: dict[str, Any]) -> None:
    result = returned["asr_failover"]
    assert result["finished"] is True
    assert "cursor" not in result
    assert result["changed"] is True
    assert {m["name"] for m in result["machines"]} == {"dc-01", "files-01"}


def test_check_mode_plans_and_differs_without_writing(returned: dict[str, Any]) -> None:
    result = returned["asr_failback"]
    assert result["requests"]["writes"] == 0
    assert result["plan"]
    assert result["diff"]["before"] == {"dc-01": "out", "files-01": "out"}


def test_information_is_reported_for_every_machine(returned: dict[str, Any]) -> None:
    machines = {m["name"]: m for m in returned["asr_replicated_item_info"]["machines"]}
    assert len(machines) == 12
    assert machines["dc-01"]["position"] == "out"
    assert machines["dc-01"]["azure_machine"]["power_state"] == "running"
    assert machines["app-01"]["position"] == "home"
    jobs = returned["asr_job_info"]["jobs"]
    assert {j["machine"] for j in jobs} == {"dc-01", "files-01"}
    assert all(j["tasks"] for j in jobs)
