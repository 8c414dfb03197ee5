# SPDX-License-Identifier: GPL-3.0-or-later
"""Each proof of a commit broken singly: no commit is sent for that machine, it is named, and the others commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Outcome, Scene, linux, vault

HOMECOMERS = ("sound-home", "off-in-vcenter", "runs-in-azure", "odd-word", "has-a-twin")
LEAVERS = ("sound-out", "stopped-in-azure", "runs-at-home")

FLEET: dict[str, Any] = {
    "name": "proofs",
    "description": "Machines before a commit in both directions",
    "speed": 600,
    "vaults": [vault("vault-proofs")],
    "machines": [
        *(linux(name, state="ready") for name in HOMECOMERS),
        *(linux(name) for name in LEAVERS),
        linux("no-tools", state="ready", tools=False),
        linux("disk-left", state="ready", disks_gb=[10, 10], leaves_disk=True),
        linux("failed-in-azure", state="ready"),
        linux("all-well", state="ready"),
    ],
}

VERIFIED = {"asr_commit_when": "verified"}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def job_of(scene: Scene, machine: str, operation: str) -> str:
    """Name of the machine's youngest job of that operation."""
    jobs = scene.control(f"/items/{machine}")["jobs"]
    return [str(job["name"]) for job in jobs if job["operation"] == operation][-1]


def stray(scene: Scene, machine: str) -> Any:
    """A clone with the machine's UUID as its own BIOS UUID, as careless copies have."""
    from rehearsal.vcenter import client
    from rehearsal.vcenter.sdk import vim

    place = {path: scene.leaf(machine, path) for path in ("resourcePool", "parent", "runtime.host")}
    spec = vim.vm.ConfigSpec(
        name=f"copy-of-{machine}",
        guestId="otherGuest",
        uuid=scene.leaf(machine, "config.instanceUuid"),
        files=vim.vm.FileInfo(vmPathName="[datastore-1]"),
    )
    return client.wait(scene.si, place["parent"].CreateVM_Task(spec, place["resourcePool"], place["runtime.host"]))


def refusals(outcome: Outcome) -> dict[str, str]:
    return {n: m["code"] for n, m in outcome.machines("asr_commit").items() if m["done"] == "refused"}


#: The same of machines that have arrived without a sign of it.
RULES_ARRIVED = {"onprem_tools": {"no-tools"}, "onprem_disks": {"disk-left"}}

#: Rule of the moment before the commit home -> the machine for which it is broken; it passes for the sound one.
RULES = {
    "azure_vm_stopped": {"runs-in-azure"},
    "onprem_identity": {"has-a-twin"},
    "onprem_running": {"off-in-vcenter"},
    "commit_approved": {"has-a-twin"},
}


@pytest.fixture(scope="module")
def home(scene: Scene) -> dict[str, Outcome]:
    """Held before the commit home, then broken one by one, looked at in check mode, committed, healed, committed."""
    options = {"asr_machines": list(HOMECOMERS)}
    seen = {"held": scene.playbook("stage_3_failover_to_onprem", **options)}
    scene.power("off-in-vcenter", on=False)
    scene.control("/items/runs-in-azure", {"azure_power": "running"})
    job = job_of(scene, "odd-word", "failover/to_onprem")
    scene.control(
        "/faults",
        {
            "action": "garbage",
            "match": {"method": "GET", "path": f"/replicationJobs/{job}\\?"},
            "patch": {"properties": {"state": "Wandered"}},
            "times": None,
        },
    )
    clone = stray(scene, "has-a-twin")
    approved = [name for name in HOMECOMERS if name not in RULES["commit_approved"]]
    seen["preflight"] = scene.playbook("preflight", asr_approved=approved, **options)
    seen["check"] = scene.playbook("stage_3_failover_to_onprem", "--check", **VERIFIED, **options)
    seen["broken"] = scene.playbook("stage_3_failover_to_onprem", **VERIFIED, **options)
    sent = {name: scene.sent(name) for name in HOMECOMERS}
    scene.power("off-in-vcenter", on=True)
    scene.control("/items/runs-in-azure", {"azure_power": "deallocated"})
    scene.control("/faults", method="DELETE")
    from rehearsal.vcenter import client

    client.wait(scene.si, clone.Destroy_Task())
    seen["healed"] = scene.playbook("stage_3_failover_to_onprem", **VERIFIED, **options)
    scene.notes["sent"] = sent
    return seen


CODES = {
    "off-in-vcenter": "onprem_not_running",
    "runs-in-azure": "azure_vm_not_stopped",
    "odd-word": "failover_not_succeeded",
    "has-a-twin": "onprem_ambiguous",
}


def test_preflight_names_what_is_broken_before_a_commit(home: dict[str, Outcome]) -> None:
    (result,) = home["preflight"].of("asr_preflight")
    told: dict[str, set[str]] = {}
    for finding in result["findings"]:
        if finding["verdict"] == "block":
            told.setdefault(finding["rule"], set()).add(finding["name"])
    assert told == RULES
    assert all(result["passed"][rule] for rule in RULES)
    assert {m["name"] for m in result["machines"] if not m["blocked_by"]} == {"sound-home", "odd-word"}


@pytest.mark.parametrize("run", ["check", "broken"])
def test_in_a_failback_each_broken_proof_names_its_machine(home: dict[str, Outcome], run: str) -> None:
    outcome = home[run]
    assert outcome.rc == 2, outcome.text
    module = "asr_failover" if run == "check" else "asr_commit"
    machines = outcome.machines(module)
    assert {n: m["code"] for n, m in machines.items() if m["done"] == "refused"} == CODES
    assert machines["sound-home"]["done"] == "started"
    said = " ".join(outcome.text.split())
    for name in CODES:
        assert machines[name]["reason"].startswith("Not committed: ")
        assert machines[name]["remedy"]
        assert f"{name}: Not committed: " in said
    assert "Wandered" in machines["odd-word"]["reason"]


def test_in_a_failback_only_the_proven_machine_is_committed(scene: Scene, home: dict[str, Outcome]) -> None:
    assert home["held"].rc == 0, home["held"].text
    sent = scene.notes["sent"]
    assert {name for name in HOMECOMERS if "commit_to_onprem" in sent[name]} == {"sound-home"}
    for name in HOMECOMERS:
        assert sent[name][0] == "failover_to_onprem"


def test_in_a_failback_the_healed_machines_commit(scene: Scene, home: dict[str, Outcome]) -> None:
    assert home["healed"].rc == 0, home["healed"].text
    for name in HOMECOMERS:
        assert scene.sent(name) == ["failover_to_onprem", "commit_to_onprem"]


UNSURE = ("no-tools", "disk-left", "failed-in-azure", "all-well")


def test_what_nobody_can_vouch_for_is_not_committed_until_a_person_does(scene: Scene) -> None:
    """No VMware Tools, a disk that stays on the master target, a failed provisioning state: each named, each by its own word."""
    garbage = {"properties": {"provisioningState": "Failed"}}
    match = {"method": "GET", "path": "/virtualMachines/failed-in-azure"}
    scene.control("/faults", {"action": "garbage", "match": match, "patch": garbage, "times": None})
    options = {"asr_machines": list(UNSURE)}
    first = scene.playbook("stage_3_failover_to_onprem", **VERIFIED, **options)
    assert first.rc == 2, first.text
    codes = {"no-tools": "onprem_tools", "disk-left": "onprem_disks", "failed-in-azure": "azure_vm_unsettled"}
    assert refusals(first) == codes
    seen = first.machines("asr_commit")
    assert "mt-linux-01" in seen["disk-left"]["reason"]
    assert {p["proof"]: p["verdict"] for p in seen["all-well"]["proofs"]} == dict.fromkeys(
        ("failover_job", "onprem_vm", "onprem_tools", "onprem_disks", "azure_vm", "replication", "recovery_point"),
        "holds",
    )
    (result,) = scene.playbook("preflight", **options).of("asr_preflight")
    told = {
        rule: {f["name"] for f in result["findings"] if f["blocks"] and f["rule"] == rule} for rule in RULES_ARRIVED
    }
    assert told == RULES_ARRIVED
    assert all(result["passed"][rule] for rule in RULES_ARRIVED)
    # An approval stands for what VMware Tools cannot report, and for nothing else.
    second = scene.playbook("stage_3_failover_to_onprem", asr_approved=list(codes), asr_machines=list(codes))
    assert refusals(second) == {name: code for name, code in codes.items() if name != "no-tools"}
    reasons = {"azure_vm_unsettled": "an old extension, says the owner"}
    third = scene.playbook("stage_3_failover_to_onprem", asr_machines=list(codes), asr_accept=reasons, **VERIFIED)
    assert refusals(third) == {"disk-left": "onprem_disks"}
    (taken,) = third.machines("asr_commit")["failed-in-azure"]["accepted"]
    assert (taken["gate"], taken["reason"]) == ("azure_vm_unsettled", "an old extension, says the owner")
    assert scene.sent("disk-left") == ["failover_to_onprem"]
    for name in ("no-tools", "failed-in-azure", "all-well"):
        assert scene.sent(name) == ["failover_to_onprem", "commit_to_onprem"]
    scene.control("/faults", method="DELETE")


@pytest.fixture(scope="module")
def out(scene: Scene) -> dict[str, Outcome]:
    """The same on the way out."""
    options = {"asr_machines": list(LEAVERS), "asr_confirm_failover_to_azure": True}
    seen = {"held": scene.playbook("stage_1_failover_to_azure", **options)}
    scene.control("/items/stopped-in-azure", {"azure_power": "stopped"})
    scene.power("runs-at-home", on=True)
    seen["broken"] = scene.playbook("stage_1_failover_to_azure", **VERIFIED, **options)
    return seen


def test_on_the_way_out_each_broken_proof_keeps_its_machine_uncommitted(scene: Scene, out: dict[str, Outcome]) -> None:
    assert out["held"].rc == 0, out["held"].text
    assert out["broken"].rc == 2, out["broken"].text
    assert refusals(out["broken"]) == {"stopped-in-azure": "azure_vm_not_running", "runs-at-home": "onprem_running"}
    said = " ".join(out["broken"].text.split())
    for name in ("stopped-in-azure", "runs-at-home"):
        assert f"{name}: Not committed: " in said
        assert scene.sent(name) == ["failover_to_azure"]
    assert scene.sent("sound-out") == ["failover_to_azure", "commit_to_azure"]
    assert scene.phase("sound-out") == "out"
