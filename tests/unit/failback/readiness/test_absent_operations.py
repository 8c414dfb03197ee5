# SPDX-License-Identifier: GPL-3.0-or-later
"""A step that is not possible has a reason that a person can act on, in preflight's rules and in a run's refusal; never only that it
is not allowed."""

from __future__ import annotations

from typing import Any

import pytest
from builders import P
from builders import scenario as held_by
from test_readiness_rules import GB, OLD, F, disk, gateway, machine

from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.subjects import Machine
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.findings_table import render
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.next_step import (
    agent_registered,
    busy,
    operation_allowed,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.verdicts import judge

ILL = {"healthErrors": [{"errorCode": "78144", "errorMessage": "No data came."}]}
NOTHING_TO_RUN = ["DisableReplication"]


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (machine(P.OUT_UNCOMMITTED, step="reprotect_to_onprem"), "The failover to Azure is not committed"),
        (machine(P.HOME_UNCOMMITTED, step="reprotect_to_azure"), "not committed"),
        (
            machine(P.OUT, allowedOperations=NOTHING_TO_RUN, protectionState="MigrationCompleted"),
            "A machine that was migrated is not failed back",
        ),
        (
            machine(P.OUT, allowedOperations=NOTHING_TO_RUN, protectionStateDescription="Completed migration"),
            "A machine that was migrated is not failed back",
        ),
        (machine(P.OUT, details={"lastHeartbeat": OLD}, allowedOperations=NOTHING_TO_RUN), "Its agent last reported 9 h ago"),
        (machine(P.SYNCING_HOME, details={"lastHeartbeat": OLD}), "Its agent last reported 9 h ago"),
        (machine(P.READY, step="failover_to_azure"), "The machine is being failed back"),
        (machine(P.SYNCING_HOME, step="failover_to_azure"), "The machine is being failed back"),
        (machine(P.OUT, step="failover_to_onprem"), "does not replicate to on-premises"),
        (
            machine(P.SYNCING_HOME, details={"protectedDisks": disk(resyncProgressPercentage=40, fileSystemInBytes=40 * GB)}),
            "It is at 40%",
        ),
        (machine(P.SYNCING_HOME, **ILL), "The vault reports: 78144: No data came."),
        (machine(P.OUT, allowedOperations=NOTHING_TO_RUN, **ILL), "78144: No data came"),
        (machine(P.OUT, allowedOperations=["TestFailover"], activeLocation="Nowhere"), "active location Nowhere"),
    ],
)  # fmt: skip
def test_a_step_that_is_not_possible_says_why(seen: Machine, says: str) -> None:
    said = operation_allowed(seen, F)
    assert said is not None
    assert said.holds is False
    assert says in said.text
    assert "is not possible now" in said.text
    assert said.remedy


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (machine(P.OUT, allowedOperations=[], **ILL), "78144: No data came"),
        (machine(P.OUT, allowedOperations=[], details={"lastHeartbeat": OLD}), "Its agent last reported 9 h ago"),
        (machine(P.OUT, allowedOperations=[], protectionStateDescription="Waiting for a disk"), "Waiting for a disk"),
        (machine(P.HOME, currentScenario=held_by("SwitchProvider")), "SwitchProvider"),
    ],
)
def test_a_machine_that_allows_nothing_for_a_while_is_busy_and_not_said_to_be_allowed(seen: Machine, says: str) -> None:
    assert operation_allowed(seen, F) is None
    said = busy(seen, F)
    assert said is not None
    assert said.holds is False
    assert says in said.text


def test_past_a_step_there_is_nothing_to_do() -> None:
    for seen in (machine(P.HOME, step="failover_to_onprem"), machine(P.OUT, step="failover_to_azure")):
        said = operation_allowed(seen, F)
        assert said is not None
        assert said.holds
        assert "nothing to do" in said.text


def test_an_agent_that_has_not_registered_is_told() -> None:
    said = agent_registered(machine(P.HOME_UNPROTECTED, details={"lastHeartbeat": None}), F)
    assert said is None or said.holds is not True


def told(*subjects: Any, accept: dict[str, str] | None = None) -> str:
    findings = [f.result() for f in judge(subjects, F, accept or {}) if f.verdict != "pass"]
    counts = dict.fromkeys(("pass", "block", "warn", "unknown", "accepted"), 0)
    result = {"findings": findings, "machines": [], "blocked_machines": [], "counts": counts, "requests": {"reads": 1}}
    return " ".join(" ".join(render(result)).split())


def test_what_is_not_known_is_to_be_checked_and_not_said_to_be_wrong() -> None:
    text = told(gateway(more={"exclusion": None}))
    assert "could not be read. Check it yourself. If it fails: Run the playbook prepare." in text


def test_a_machine_is_named_though_its_name_is_the_end_of_another() -> None:
    (finding,) = (f.result() for f in judge([gateway(more={"exclusion": None})], F, {}) if f.verdict != "pass")
    finding.update(name="windows-01", text="mt-windows-01 has 0 free.", machines=["windows-01"])
    counts = dict.fromkeys(("pass", "block", "warn", "unknown", "accepted"), 0)
    lines = render(
        {"findings": [finding], "machines": [], "blocked_machines": [], "counts": counts, "requests": {"reads": 1}}
    )
    assert "windows-01: mt-windows-01 has 0 free." in " ".join(" ".join(lines).split())
