# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator reads at 3 a.m.: one task, few lines of Ansible's own, what to do next, and what a workflow gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from scene import Outcome, Scene, linux, vault

BROKEN = {
    "operation": "reprotect",
    "direction": "to_onprem",
    "code": "28031",
    "message": "It cannot be set up.",
    "times": 99,
}

FLEET: dict[str, Any] = {
    "name": "output",
    "description": "One machine for each end of a run",
    "speed": 1200,
    "vaults": [vault("vault-output")],
    "machines": [linux("fine-01", state="out"), linux("broken-01", state="out", faults=[BROKEN])],
}

#: What Ansible itself writes, and what nobody is to read.
ANSIBLE = re.compile(r"^(PLAY|TASK|ok:|changed:|skipping:|fatal:|included:|localhost +:|\[ERROR\]|Origin:)")
NOISE = ("included:", "skipping:", "Keep the result", "Validating arguments")


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def quiet(scene: Scene, name: str, *options: str, **variables: Any) -> Outcome:
    command = ["ansible-playbook", f"homeward.asr.{name}", "-e", f"@{scene.directory / 'vars.yml'}"]
    return scene.command(
        [*command, "-e", json.dumps(variables), *options], {"ANSIBLE_SHOW_CUSTOM_STATS": "1", "ANSIBLE_NOCOLOR": "1"}
    )


def published(run: Outcome) -> dict[str, Any]:
    """What other jobs of a workflow find."""
    return dict(json.loads(run.text.partition("RUN:")[2])["asr_result"])


def test_a_failback_is_one_task_and_a_workflow_learns_of_its_failure(scene: Scene) -> None:
    run = quiet(scene, "failback", asr_machines=["fine-01", "broken-01"])
    assert run.rc == 2, run.text
    (chain,) = [
        r["result"]
        for r in run.results
        if r["action"] == "homeward.asr.asr_stages" and not r["result"]["failed"] and r["result"].get("stages")
    ]
    assert [s["stage"] for s in chain["stages"] if s["module"] != "asr_master_target"] == [
        "look",
        "reprotect_to_onprem",
        "failover_to_onprem",
        "commit_to_onprem",
    ]
    told = run.text[run.text.index("\nNEXT") :]
    assert "broken-01 failed:" in told
    assert '-e \'{"asr_approved": ["fine-01"]}\'' in told
    assert "floor" not in run.text
    result = published(run)
    assert (result["code"], result["failed"], result["awaiting_approval"]) == (
        "machines_failed",
        ["broken-01"],
        ["fine-01"],
    )
    # The failure itself is small: what it says was printed above it.
    (failure,) = [r["result"] for r in run.results if r["status"] == "failed"]
    assert len(json.dumps(failure)) < 5000


def test_ansible_itself_says_little(scene: Scene) -> None:
    run = quiet(scene, "failback", asr_machines=["fine-01"], asr_commit_when="verified")
    assert run.rc == 0, run.text
    lines = run.text.partition("CUSTOM STATS")[0].splitlines()
    own = [line for line in lines if ANSIBLE.match(line)]
    assert len(own) <= 20, own
    assert not [word for word in NOISE if word in run.text]
    assert scene.phase("fine-01") == "home"
    assert "downtime" not in run.text, "the failover was another run's"
    assert published(run)["code"] == ""


@pytest.mark.parametrize("name", ["preflight", "prepare", "leftovers", "release"])
def test_other_playbooks_print_one_head_for_each_piece_of_work(scene: Scene, name: str) -> None:
    run = quiet(scene, name, asr_machines=["fine-01"])
    assert run.rc == 0, run.text
    assert not [word for word in NOISE if word in run.text]
    assert len(re.findall(r"^TASK", run.text, re.MULTILINE)) == 3
    # An id stays whole, so that it can be copied.
    lines = [line for line in run.text.partition("CUSTOM STATS")[0].splitlines() if "/subscriptions/" not in line]
    assert not [line for line in lines if len(line) > 130]


def test_status_needs_no_choice_and_changes_nothing(scene: Scene) -> None:
    before = scene.writes, scene.control("/digest")
    run = quiet(scene, "status", "-e", '{"asr_machines": []}')
    assert run.rc == 0, run.text
    for word in ("fine-01", "broken-01", "2 machines.", "NEXT", "to reprotect home (stage 2): broken-01"):
        assert word in run.text
    assert (scene.writes, scene.control("/digest")) == before


def test_nothing_is_cancelled_without_confirmation(scene: Scene) -> None:
    before = scene.writes
    run = quiet(scene, "cancel_failback", asr_machines=["fine-01"])
    assert run.rc == 2, run.text
    assert "asr_confirm_cancel: true" in run.text
    assert scene.writes == before


def test_a_cancellation_has_a_report_and_one_that_cannot_be_written_stops_it(scene: Scene) -> None:
    before = scene.writes
    page = scene.directory / "cancelled.html"
    quiet(scene, "cancel_failback", asr_machines=["fine-01"], asr_confirm_cancel=True, asr_report_file=str(page))
    told = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert (told["stages"], [m["name"] for m in told["machines"]]) == (["cancel_failover_to_onprem"], ["fine-01"])
    reads = scene.control("/counters")["reads"]
    nowhere = str(scene.directory / "missing" / "cancelled.html")
    run = quiet(scene, "cancel_failback", asr_machines=["fine-01"], asr_confirm_cancel=True, asr_report_file=nowhere)
    assert run.rc == 2
    assert "asr_report_file" in run.text
    assert (scene.writes, scene.control("/counters")["reads"]) == (before, reads)
