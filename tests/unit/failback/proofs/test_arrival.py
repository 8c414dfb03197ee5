# SPDX-License-Identifier: GPL-3.0-or-later
"""VMware Tools and disks as proofs of a commit home: holding, contradicting, absent; and what is recorded of all proofs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import azure_json, item, job_json

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.gates import WORDS
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import parse_time
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteDisk, SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.arrival import (
    disks_gate,
    holders,
    tools_gate,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.prove import Evidence, prove
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.record import record
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.verifications import Verifications

TWO = (SiteDisk("[ds1] web/web.vmdk", "uuid-1"), SiteDisk("[ds1] web/web_1.vmdk", "uuid-2"))
VM = SiteMachine(
    "vm-1",
    "web",
    "uuid-web",
    powered_on=True,
    host="esx-01",
    datastores=("ds1",),
    disks=TWO,
    tools="running",
    addresses=("10.0.0.5",),
)
WEB = item("web", Position.HOME_UNCOMMITTED, details={"protectedDisks": [{"diskId": "0"}, {"diskId": "1"}]})
NOW = parse_time("2026-02-01T12:00:00Z")


@pytest.mark.parametrize(
    ("seen", "approved", "waits"),
    [
        ({}, False, None),
        ({"tools": "not_running"}, False, True),
        ({"tools": "not_running"}, True, True),
        ({"addresses": ()}, True, True),
        ({"tools": "not_installed", "addresses": ()}, False, False),
        ({"tools": "not_installed", "addresses": ()}, True, None),
        ({"tools": "", "addresses": ()}, False, False),
        ({"tools": "", "addresses": ()}, True, None),
    ],
)
def test_tools_show_that_the_guest_runs_or_a_person_says_so(seen: dict[str, Any], approved: bool, waits: Any) -> None:
    gate = tools_gate(replace(VM, **seen), approved)
    assert (gate.waits if gate else None) == waits
    assert gate is None or (gate.code == "onprem_tools" and gate.code in WORDS and gate.remedy)


TARGET = SiteMachine("vm-9", "mt-linux-01", disks=(SiteDisk("[ds1] mt-linux-01/mt.vmdk"),))


@pytest.mark.parametrize(
    ("disks", "at_target", "wanted", "said"),
    [
        (TWO, (), 2, ""),
        # A VM may have more disks than are replicated.
        (TWO, (), 1, ""),
        (TWO[:1], (), 2, "1 disks attached, and 2 are replicated"),
        ((), (), 2, "0 disks attached"),
        (TWO, TWO[1:], 2, "web_1.vmdk (mt-linux-01)"),
        (TWO[:1], TWO[1:], 1, "web_1.vmdk (mt-linux-01)"),
        ((), TWO, 2, "web.vmdk (mt-linux-01)"),
    ],
)
def test_the_machine_has_its_disks_and_the_master_target_none_of_them(
    disks: Any, at_target: Any, wanted: int, said: str
) -> None:
    held = holders([replace(TARGET, disks=(*TARGET.disks, *at_target))])
    machine = item(
        "web", Position.HOME_UNCOMMITTED, details={"protectedDisks": [{"diskId": str(n)} for n in range(wanted)]}
    )
    gate = disks_gate(machine, replace(VM, disks=disks), held)
    assert (gate is not None) == bool(said)
    assert gate is None or (gate.code == "onprem_disks" and gate.code in WORDS and said in gate.reason)


def test_a_disk_whose_uuid_is_missing_is_named() -> None:
    machine = item("web", Position.HOME_UNCOMMITTED, details={"protectedDisks": [{"diskUuid": "uuid-3"}]})
    gate = disks_gate(machine, VM, {})
    assert gate is not None
    assert "uuid3" in gate.reason


@pytest.mark.parametrize(
    ("state", "power", "codes"),
    [
        ("Failed", "deallocated", ["azure_vm_unsettled"]),
        # The accepted word of a failed state does not stand for the power state.
        ("Failed", "running", ["azure_vm_unsettled", "azure_vm_not_stopped"]),
        ("Updating", "deallocated", ["azure_vm_unsettled"]),
        ("Succeeded", "deallocated", []),
    ],
)
def test_a_failed_provisioning_state_may_be_accepted_and_the_power_state_is_judged_beside_it(
    state: str, power: str, codes: list[str]
) -> None:
    machine = azure_json("web", power)
    machine["properties"]["provisioningState"] = state
    job = Job.parse(job_json("j", "UnplannedFailover", "Succeeded"))
    found = prove(Evidence(WEB, job, (VM,), (machine,)), "commit_to_onprem")
    assert [refusal.code for refusal in found] == codes
    assert [("accept" in refusal.remedy) for refusal in found if refusal.code == "azure_vm_unsettled"] == [
        state == "Failed" for code in codes if code == "azure_vm_unsettled"
    ]


def test_every_proof_is_recorded_with_time_and_value() -> None:
    job = Job.parse(job_json("j", "UnplannedFailover", "Succeeded"))
    evidence = Evidence(WEB, job, (VM,), (azure_json("web", "deallocated"),))
    assert NOW is not None
    found = {p["proof"]: p for p in record(evidence, [], [], False, {"passed": True, "checks": ["tcp"]}, NOW)}
    assert all(p["time"] == "2026-02-01T12:00:00Z" and p["value"] for p in found.values())
    assert {name: p["verdict"] for name, p in found.items() if p["verdict"] != "holds"} == {"recovery_point": "unknown"}
    assert found["onprem_tools"]["value"] == "running, 10.0.0.5"
    assert "esx-01 connected" in found["onprem_vm"]["value"]
    gone = replace(VM, tools="not_installed", addresses=())
    gate = tools_gate(gone, False)
    assert gate is not None
    without = replace(evidence, site=(gone,))
    for approved, accepted, unproven, verdict in (
        (False, [], [gate], "missing"),
        (True, [], [], "approved"),
        (False, [{"gate": "onprem_tools", "reason": "seen on its console"}], [], "accepted"),
    ):
        (tools,) = [p for p in record(without, unproven, accepted, approved, None, NOW) if p["proof"] == "onprem_tools"]
        assert tools["verdict"] == verdict


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (None, ""),
        ({"job": "j", "passed": True, "age_seconds": 10.0}, ""),
        ({"job": "j", "passed": False, "reason": "tcp 443"}, "verify_failed"),
        ({"job": "j"}, "verify_failed"),
        ({"job": "j", "passed": "yes"}, "verify_failed"),
        ({"job": "another", "passed": True}, "verify_stale"),
        ({"passed": True}, "verify_stale"),
        ({"job": "j", "passed": True, "age_seconds": 4000.0}, "verify_stale"),
        # 20 minutes before this run began, and 50 since.
        ({"job": "j", "passed": True, "age_seconds": 1200.0, "since": "2026-02-01T11:10:00Z"}, "verify_stale"),
    ],
)
def test_a_check_counts_for_its_failover_and_for_a_time(entry: Any, code: str) -> None:
    job = Job.parse(job_json("j", "UnplannedFailover", "Succeeded"))
    given = [] if entry is None else [{"item_id": WEB.key.upper(), **entry}]
    assert NOW is not None
    since = (entry or {}).get("since", "2026-02-01T12:00:00Z")
    found = Verifications(given, 3600.0).unproven(WEB.key, job, since, NOW)
    assert [refusal.code for refusal in found] == ([code] if code else [])
