# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages as a user lives through them: held before the commit, out of time, with hooks, with machines out of place,
and what is in vCenter meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from scene import Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "stages",
    "description": "Machines for each of the tests below",
    "speed": 600,
    "site": {"datastores": [{"name": "datastore-1"}, {"name": "datastore-2"}]},
    "vaults": [
        vault(
            "vault-stages",
            master_targets=[
                {"name": "mt-linux-01", "os": "Linux", "host": "esx-02", "datastores": ["datastore-1", "datastore-2"]}
            ],
        )
    ],
    "machines": [
        linux("held-01", state="ready"),
        linux("held-02", state="ready"),
        linux("slow-01", state="out"),
        linux("hooked-01", state="ready"),
        linux("hooked-02", state="ready"),
        linux("in-place", state="ready"),
        linux("out-of-place", state="out_uncommitted"),
        linux("not-synced", state="out"),
        linux("with-disks", state="home", disks_gb=[10, 5], host="esx-01"),
        linux("gone", state="out", disks_gb=[10, 5], onprem="gone"),
    ],
}

COMMON = {"asr_process_server": "ps-azure-01", "asr_datastore": "datastore-2"}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def test_a_held_machine_says_what_to_look_at_and_waits(scene: Scene) -> None:
    """What it prints to go on with is run in test_printed_commands."""
    machines = ["held-01", "held-02"]
    held = scene.playbook("stage_3_failover_to_onprem", asr_machines=machines)
    assert held.rc == 0, held.text
    assert [scene.sent(name) for name in machines] == [["failover_to_onprem"]] * 2
    said = " ".join(held.text.split())
    for word in (
        "held-01, held-02 awaiting approval:",
        "Is it powered on",
        "the data current",
        "deletes the Azure VM for good",
        "2 awaiting approval",
    ):
        assert word in said, held.text

    (remedy,) = {m["remedy"] for m in held.machines("asr_commit").values()}
    assert "asr_approved" in remedy
    (onward,) = held.of("asr_report")[-1]["onward"]
    assert (onward["about"], onward["count"]) == ("approve", 2)


@pytest.mark.parametrize(("on_timeout", "rc"), [("fail", 2), ("ok", 0)])
def test_out_of_time_is_no_failure_of_a_machine_and_the_next_run_goes_on(
    scene: Scene, on_timeout: str, rc: int
) -> None:
    scene.control("/clock", {"speed": 5})
    try:
        late = scene.playbook(
            "stage_2_reprotect_to_onprem",
            asr_machines=["slow-01"],
            asr_wait_timeout=2,
            asr_on_timeout=on_timeout,
            **COMMON,
        )
    finally:
        scene.control("/clock", {"speed": 600})
    assert late.rc == rc, late.text
    stage, report = late.of("asr_reprotect")[-1], late.of("asr_report")[-1]
    assert stage["finished"] is False
    assert stage["code"] == "still_running"
    assert report["code"] == "still_running"
    assert report["waiting_machines"] == ["slow-01"]
    said = " ".join(late.text.split())
    for word in ("1 still under way", "Nothing was cancelled", "slow-01"):
        assert word in said, late.text
    (command,) = [line for line in late.text.splitlines() if line.startswith("ansible-playbook ")]
    assert command.startswith("ansible-playbook homeward.asr.stage_2_reprotect_to_onprem -e @")
    assert scene.sent("slow-01") == ["reprotect_to_onprem"]


def test_the_run_that_was_out_of_time_is_continued(scene: Scene) -> None:
    done = scene.playbook("stage_2_reprotect_to_onprem", asr_machines=["slow-01"], **COMMON)
    assert done.rc == 0, done.text
    assert scene.sent("slow-01") == ["reprotect_to_onprem"]
    assert scene.phase("slow-01") == "ready"


def test_values_by_machine_and_where_machines_go_stand_in_the_plan(scene: Scene) -> None:
    ways = {"asr_machines": ["not-synced", "gone"], "asr_process_server": "ps-azure-01"}
    volume = {"linux": "/mnt/retention", "windows": ""}
    before = scene.writes
    told = scene.playbook(
        "stage_2_reprotect_to_onprem",
        "--check",
        asr_datastore={"GONE": "datastore-2", "not-*": "datastore-2", "default": "datastore-1"},
        asr_retention_volume=volume,
        **ways,
    )
    assert told.rc == 0, told.text
    bodies = {entry["machine"]: entry["body"] for entry in told.of("asr_reprotect")[-1]["plan"]}
    details = {name: body["properties"]["providerSpecificDetails"] for name, body in bodies.items()}
    assert {name: d["datastoreName"] for name, d in details.items()} == {
        "gone": "datastore-2",
        "not-synced": "datastore-1",
    }
    assert {d["retentionDrive"] for d in details.values()} == {"/mnt/retention"}
    said = " ".join(told.text.split())
    for word in (
        "recreated, because its VM no longer exists (alternate location)",
        "on its own datastore (original location)",
        "15 GB",
    ):
        assert word in said, told.text

    wrong = scene.playbook(
        "stage_2_reprotect_to_onprem",
        "--check",
        asr_datastore='{"gnoe": "datastore-2", "default": "datastore-1"}',
        **ways,
    )
    assert wrong.rc == 2, wrong.text
    assert "'gnoe' in 'asr_datastore' matches no machine" in " ".join(wrong.text.split())
    assert scene.writes == before


def hook(scene: Scene, name: str, *tasks: dict[str, Any]) -> str:
    """A task file of the user's own, beside where ansible-playbook is started."""
    Path(scene.directory / f"{name}.yml").write_text(yaml.safe_dump(list(tasks)), encoding="utf-8")
    return f"{name}.yml"


def mark(scene: Scene, word: str) -> str:
    """A hook that writes a word, what the vault has received until then, and for which machines it runs and what became of them."""
    machines = "{{ stage_hook_machines | map(attribute='name') | join(',') }}={{ stage_hook_machines | map(attribute='done') | join(',') }}"
    return hook(
        scene,
        word,
        {
            "name": f"Mark {word}",
            "ansible.builtin.shell": f"echo {word} $(wc -l < requests.jsonl) {machines} >> marks",
            "args": {"chdir": str(scene.directory)},
        },
    )


def test_hooks_run_between_the_stages_in_order(scene: Scene) -> None:
    places = ("before_failover", "after_failover", "before_commit", "after_commit")
    hooks = {f"asr_hooks_{place}": [mark(scene, place)] for place in places}
    run = scene.playbook(
        "stage_3_failover_to_onprem",
        asr_machines=["hooked-01"],
        asr_commit_when="verified",
        asr_report_file="hooked.html",
        **hooks,
    )
    assert run.rc == 0, run.text
    assert run.text.count("skipping: [") == 1, "only the end that a run without hooks has"
    marks = [line.split() for line in (scene.directory / "marks").read_text().splitlines()]
    assert [word for word, _requests, _machines in marks] == list(places)
    # Before a stage nothing was done yet, or what the stage before it did.
    done = ["None", "started", "started", "started"]
    assert [machines for _word, _requests, machines in marks] == [f"hooked-01={word}" for word in done]
    lines = (scene.directory / "requests.jsonl").read_text().splitlines()
    first, second, third, fourth = (int(requests) for _word, requests, _machines in marks)
    assert any("unplannedFailover" in line for line in lines[first:second])
    assert second <= third
    assert any("failoverCommit" in line for line in lines[third:fourth])
    assert not any("POST" in line and "failoverCommit" in line for line in lines[first:third])
    # The report as a file, where ansible-playbook was started.
    told = json.loads((scene.directory / "hooked.json").read_text(encoding="utf-8"))
    assert (told["committed"], told["machines"][0]["before"]) == (["hooked-01"], "ready")
    assert [step["step"] for step in told["machines"][0]["steps"]] == ["failover_to_onprem", "commit_to_onprem"]
    assert told["machines"][0]["downtime_seconds"] > 0
    assert told["deleted"][0]["azure_vm"].lower().endswith("/virtualmachines/hooked-01")
    assert "Committed and deleted" in (scene.directory / "hooked.html").read_text(encoding="utf-8")


def test_a_hook_that_fails_keeps_the_machine_from_its_commit_and_is_named(scene: Scene) -> None:
    check = hook(
        scene,
        "ask_the_shop",
        {"name": "Ask the shop", "ansible.builtin.fail": {"msg": "The shop does not answer on port 443."}},
    )
    options = {"asr_machines": ["hooked-02"], "asr_commit_when": "verified"}
    run = scene.playbook("stage_3_failover_to_onprem", asr_hooks_before_commit=[check], **options)
    assert run.rc == 2, run.text
    assert "The shop does not answer on port 443." in run.text
    assert run.of("asr_report"), "the table is shown all the same"
    assert "The task 'Ask the shop' of a hook failed, and no stage was run after it." in " ".join(run.text.split())
    assert "Nothing to do" not in run.text
    told = [r for r in run.of("asr_stages") if "ansible_stats" in r][-1]["ansible_stats"]["data"]["asr_result"]
    assert told["code"] == "hook_failed"
    assert scene.sent("hooked-02") == ["failover_to_onprem"]
    again = scene.playbook("stage_3_failover_to_onprem", **options)
    assert again.rc == 0, again.text
    assert scene.sent("hooked-02") == ["failover_to_onprem", "commit_to_onprem"]


def test_a_hook_that_is_not_there_stops_the_run_before_anything_is_sent(scene: Scene) -> None:
    before = scene.writes
    run = scene.playbook(
        "stage_3_failover_to_onprem", asr_machines=["in-place"], asr_hooks_before_commit=["nowhere.yml"]
    )
    assert run.rc == 2, run.text
    assert "nowhere.yml" in run.text
    assert "Correct the name" in " ".join(run.text.split())
    assert scene.writes == before


def test_a_report_that_cannot_be_written_stops_the_run_before_anything_is_sent(scene: Scene) -> None:
    before, read = scene.writes, len((scene.directory / "requests.jsonl").read_text().splitlines())
    run = scene.playbook("stage_3_failover_to_onprem", asr_machines=["in-place"], asr_report_file="nowhere/report.html")
    assert run.rc == 2, run.text
    said = " ".join(run.text.split())
    assert "nowhere/report.html' ('asr_report_file'):" in said
    assert "Set it to a file that can be written" in said
    assert scene.writes == before
    assert len((scene.directory / "requests.jsonl").read_text().splitlines()) == read


def test_machines_out_of_place_are_refused_and_the_others_go_on(scene: Scene) -> None:
    machines = ["in-place", "out-of-place", "not-synced"]
    run = scene.playbook("stage_3_failover_to_onprem", asr_machines=machines, asr_commit_when="verified")
    assert run.rc == 2, run.text
    # The look before the first write finds them, and the stage is not asked for them.
    looked = run.of("asr_failover")[0]["machines"]
    assert {m["name"]: (m["done"], m["code"]) for m in looked if m["name"] != "in-place"} == {
        "out-of-place": ("refused", "reprotect_first"),
        "not-synced": ("refused", "reprotect_first"),
    }
    assert list(run.machines("asr_failover")) == ["in-place"]
    assert run.of("asr_report")[-1]["refused_machines"] == ["not-synced", "out-of-place"]
    assert scene.sent("in-place") == ["failover_to_onprem", "commit_to_onprem"]
    assert scene.sent("out-of-place") == scene.sent("not-synced") == []
    assert "stage_2_reprotect_to_onprem" in run.text
    allowed = scene.playbook("stage_3_failover_to_onprem", asr_machines=machines, asr_allowed_failures=67)
    assert allowed.rc == 0, allowed.text
    assert allowed.of("asr_report")[-1]["refused_machines"] == ["not-synced", "out-of-place"]


def test_disks_travel_with_the_machine_and_the_gone_one_is_recreated(scene: Scene) -> None:
    """Out to Azure, in the middle of a failback, home: looked at with pyVmomi at each stop."""
    before = scene.disks("with-disks")
    assert len(before) == 2
    out = scene.playbook(
        "stage_1_failover_to_azure",
        asr_machines=["with-disks"],
        asr_confirm_failover_to_azure=True,
        asr_commit_when="verified",
    )
    assert out.rc == 0, out.text
    assert scene.leaf("with-disks", "runtime.powerState") == "poweredOff"
    assert scene.vm("gone") is None
    vms = {n: scene.control(f"/items/{n}")["azure_vm"] for n in ("with-disks", "gone")}
    assert all(vms.values())

    machines = ["with-disks", "gone"]
    synced = scene.playbook("stage_2_reprotect_to_onprem", asr_machines=machines, **COMMON)
    assert synced.rc == 0, synced.text
    assert synced.machines("asr_reprotect")["with-disks"]["placement"]["master_target"] == "mt-linux-01"
    target = scene.disks("mt-linux-01")
    assert before.items() <= target.items(), "the machine's disks hang on the master target, UUIDs as they were"
    assert scene.disks("with-disks") == {}
    made = {file: uuid for file, uuid in target.items() if "/gone" in file}
    assert len(made) == 2
    assert all(file.startswith("[datastore-2]") for file in made)
    assert scene.host_of("gone") == scene.host_of("mt-linux-01") == "esx-02"
    for name in machines:
        assert scene.leaf(name, "runtime.powerState") == "poweredOff"

    home = scene.playbook("stage_3_failover_to_onprem", asr_machines=machines, asr_commit_when="verified")
    assert home.rc == 0, home.text
    assert scene.disks("with-disks") == before
    assert scene.disks("gone") == made
    assert not {**before, **made}.keys() & scene.disks("mt-linux-01").keys()
    for name in machines:
        assert scene.leaf(name, "runtime.powerState") == "poweredOn"
        assert scene.control(f"/items/{name}")["azure_vm"] is None, "the commit deletes the Azure VM"


def test_nothing_was_ever_cancelled(scene: Scene) -> None:
    requests = (scene.directory / "requests.jsonl").read_text()
    assert "/unplannedFailover" in requests
    assert not re.search(r"/cancel\b", requests, re.IGNORECASE)
