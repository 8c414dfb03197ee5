# SPDX-License-Identifier: GPL-3.0-or-later
"""The proofs of a commit, each broken singly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import azure_json, error_json, item, job_json

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.prove import Evidence, power_state, prove

WEB = item("web", Position.HOME_UNCOMMITTED)
ON = SiteMachine("vm-1", "web", "uuid-web", powered_on=True)
OFF = replace(ON, powered_on=False)


def job(state: str, **props: Any) -> Job:
    return Job.parse(job_json("j", "UnplannedFailover", state, **props))


HOME = Evidence(WEB, job("Succeeded"), (ON,), (azure_json("web", "deallocated"),))
AZURE = Evidence(WEB, job("Succeeded"), (OFF,), (azure_json("web", "running"),))
TO_HOME, TO_AZURE = "commit_to_onprem", "commit_to_azure"


@pytest.mark.parametrize(
    ("evidence", "step"),
    [
        (HOME, TO_HOME),
        (replace(HOME, azure=(azure_json("web", "stopped"),)), TO_HOME),
        (replace(HOME, job=job("CompletedWithInformation", errors=[error_json(28175)])), TO_HOME),
        (AZURE, TO_AZURE),
        # After a disaster there may be no site any more.
        (replace(AZURE, site=()), TO_AZURE),
    ],
)
def test_all_proofs_hold(evidence: Evidence, step: str) -> None:
    assert prove(evidence, step) == []


@pytest.mark.parametrize(
    ("good", "step", "broken", "code", "waits"),
    [
        (HOME, TO_HOME, {"job": None}, "failover_job_not_found", False),
        (HOME, TO_HOME, {"job": job("InProgress")}, "failover_running", True),
        (HOME, TO_HOME, {"job": job("Failed", errors=[error_json(95265)])}, "failover_not_succeeded", False),
        (HOME, TO_HOME, {"job": job("Cancelled")}, "failover_not_succeeded", False),
        (HOME, TO_HOME, {"job": job("Paused")}, "failover_not_succeeded", False),
        (HOME, TO_HOME, {"site": ()}, "onprem_missing", True),
        (HOME, TO_HOME, {"site": (OFF,)}, "onprem_not_running", True),
        (HOME, TO_HOME, {"site": (ON, replace(ON, moid="vm-2"))}, "onprem_ambiguous", False),
        (HOME, TO_HOME, {"azure": ()}, "azure_vm_missing", False),
        (HOME, TO_HOME, {"azure": (azure_json("web", "running"),)}, "azure_vm_not_stopped", True),
        (HOME, TO_HOME, {"azure": (azure_json("web", "deallocating"),)}, "azure_vm_not_stopped", True),
        (HOME, TO_HOME, {"azure": ({"id": "x"},)}, "azure_vm_not_stopped", True),
        (HOME, TO_HOME, {"azure": HOME.azure * 2}, "azure_vm_ambiguous", False),
        (AZURE, TO_AZURE, {"job": None}, "failover_job_not_found", False),
        (AZURE, TO_AZURE, {"job": job("Failed")}, "failover_not_succeeded", False),
        (AZURE, TO_AZURE, {"site": (ON,)}, "onprem_running", True),
        (AZURE, TO_AZURE, {"site": (OFF, OFF)}, "onprem_ambiguous", False),
        (AZURE, TO_AZURE, {"azure": ()}, "azure_vm_missing", True),
        (AZURE, TO_AZURE, {"azure": (azure_json("web", "starting"),)}, "azure_vm_not_running", True),
    ],
)
def test_each_proof_broken_singly(good: Evidence, step: str, broken: dict[str, Any], code: str, waits: bool) -> None:
    (found,) = prove(replace(good, **broken), step)
    assert (found.code, found.waits) == (code, waits)
    assert found.reason
    assert found.remedy


@pytest.mark.parametrize("step", [TO_HOME, TO_AZURE])
@pytest.mark.parametrize(
    "stale",
    [
        *({"connection": word} for word in ("disconnected", "orphaned", "inaccessible", "invalid", "")),
        *({"host_connection": word, "host": "esx-03"} for word in ("disconnected", "notResponding", "")),
    ],
)
def test_what_vcenter_only_remembers_proves_nothing(step: str, stale: dict[str, Any]) -> None:
    """Neither that it runs, nor that it is off."""
    good = HOME if step == TO_HOME else AZURE
    (found,) = prove(replace(good, site=(replace(good.site[0], **stale),)), step)
    assert (found.code, found.waits) == ("onprem_unreachable", True)
    if stale.get("host_connection"):
        assert f"its host esx-03 is {stale['host_connection']}" in found.reason


@pytest.mark.parametrize(
    ("power", "word"), [("suspended", "suspended"), ("", "in an unknown power state")], ids=["suspended", "untold"]
)
def test_a_machine_that_is_neither_on_nor_off(power: str, word: str) -> None:
    machine = replace(ON, powered_on=None, power=power)
    for good, step, code in ((HOME, TO_HOME, "onprem_not_running"), (AZURE, TO_AZURE, "onprem_running")):
        (found,) = prove(replace(good, site=(machine,)), step)
        assert found.code == code
        assert f"is {word} in vCenter" in found.reason


def test_every_broken_proof_is_named() -> None:
    codes = [p.code for p in prove(Evidence(WEB, None, (), ()), TO_HOME)]
    assert codes == ["failover_job_not_found", "onprem_missing", "azure_vm_missing"]


def test_a_failed_failover_is_reported_in_the_providers_words() -> None:
    (found,) = prove(replace(HOME, job=job("Failed", errors=[error_json(95265, "No datastore.")])), TO_HOME)
    assert "Failed" in found.reason
    assert "95265: No datastore." in found.reason


@pytest.mark.parametrize(
    ("machine", "state"),
    [
        (azure_json("a", "running"), "running"),
        ({"properties": {"instanceView": {"statuses": [{"code": "powerstate/Deallocated"}]}}}, "deallocated"),
        ({"properties": {"instanceView": {"statuses": [{"code": None}, {}]}}}, ""),
        ({"properties": {"instanceView": None}}, ""),
        ({"properties": None}, ""),
        ({}, ""),
    ],
)
def test_the_power_state_of_an_azure_vm(machine: dict[str, Any], state: str) -> None:
    assert power_state(machine) == state
