# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight as a whole: who is judged for what, in how many reads, what blocks whom, and how it is printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import P, of, order
from center import FRESH, Center, Resources, names, world

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.gates import WORDS
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.preflight import preflight
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.catalogue import BY_ID, RULES
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.verdicts import check_accept
from ansible_collections.homeward.asr.plugins.plugin_utils.output.wording import worded


def run(
    port: Resources, site: Center | None, *moments: str, machines: Iterable[str] = (), backups: Mapping[str, Any] | None = None,
    **wishes: Any,
) -> dict[str, Any]:  # fmt: skip
    asked = order((), *machines, **wishes)
    result = preflight(replace(asked, check=True), moments, backups or {}, port, site)  # type: ignore[arg-type]
    assert port.requests.writes == 0
    return result


def broken(result: dict[str, Any], *verdicts: str) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    for finding in result["findings"]:
        if finding["verdict"] in (verdicts or ("block",)):
            told.setdefault(finding["rule"], set()).add(finding["name"])
    return told


@pytest.mark.parametrize("number", [3, 60])
def test_lists_and_calls_do_not_grow_with_the_machines(number: int) -> None:
    there = world(number=number)
    port, site = Resources(there), Center(names(number))
    run(port, site)
    assert there.calls.pop("get_item") == number
    assert set(there.calls.values()) == {1}, there.calls
    assert site.calls == {"machines": 1, "servers": 1, "survey": 1, "watch": 1, "set_excluded": 1}


def test_a_master_target_blocks_the_machines_that_go_through_it() -> None:
    result = run(Resources(world()), Center(names(), has_snapshot=True))
    assert broken(result)["mt_snapshot"] == {"mt-win"}
    assert all("mt_snapshot" in m["blocked_by"] for m in result["machines"])
    assert result["blocked_machines"] == names()
    servers = {s["name"]: s for s in result["servers"]}
    assert servers["mt-win"]["verdict"] == "block"
    assert "mt_snapshot" in servers["mt-win"]["blocked_by"]
    assert servers["mt-win"]["machines"] == names()


def test_accepted_it_passes_and_stays_in_the_result() -> None:
    site = Center(names(), has_snapshot=True)
    blocking = {rule for m in run(Resources(world()), site)["machines"] for rule in m["blocked_by"]}
    accept = dict.fromkeys(blocking, "said the owner")
    result = run(Resources(world()), site, accept=accept)
    assert result["blocked_machines"] == []
    assert {a["rule"] for a in result["accepted"]} == blocking
    assert {a["reason"] for a in result["accepted"]} == {"said the owner"}
    assert "ACCEPTED" in result["lines"]


@pytest.mark.parametrize(
    ("accept", "code", "says"),
    [
        ({"mt_snapshto": "x"}, "accept_unknown", "Did you mean mt_snapshot?"),
        ({"replication_helth": "because"}, "accept_unknown", "Did you mean replication_health?"),
        ({"mt_snapshot": " "}, "accept_without_reason", "mt_snapshot"),
        ({"mt_snapshot": True}, "accept_without_reason", "mt_snapshot"),
        ({"rpo": None}, "accept_without_reason", "rpo"),
        ({"azure_vm_stopped": "the owner says so"}, "accept_refused", "the commit deletes the Azure VM"),
        ({"commit_approved": "the owner says so"}, "accept_refused", "approve it by name"),
        ({"onprem_running": "the owner says so"}, "accept_refused", "Start it and check it"),
        ({"operation_allowed": "the owner says so"}, "accept_refused", "Follow the reason."),
    ],
)
def test_what_is_accepted_is_a_known_word_with_a_reason(accept: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        check_accept(accept)
    assert caught.value.code == code
    assert says in caught.value.sentence()


def test_the_facts_list_each_numbered_check_with_its_rules() -> None:
    text = (Path(__file__).parents[4] / "docs" / "facts" / "failback-domain.md").read_text(encoding="utf-8")
    listed = {
        int(n): set(re.findall(r"\(`(\w+)`\)", row)) for n, row in re.findall(r"^\| (\d+) \|(.*)$", text, re.MULTILINE)
    }
    cited = {n: {rule.id for rule in RULES if n in rule.checks} for n in range(1, 85)}
    assert {n: sorted(ids) for n, ids in listed.items() if n in cited} == {n: sorted(ids) for n, ids in cited.items()}


def test_every_gate_that_an_item_reports_is_a_rule_of_the_same_word() -> None:
    assert set(WORDS) - set(BY_ID) == set()


@pytest.mark.parametrize(
    ("position", "moments"),
    [
        (P.HOME, ["failover_to_azure"]),
        (P.OUT_UNCOMMITTED, ["commit_to_azure"]),
        (P.OUT, ["reprotect_to_onprem"]),
        (P.SYNCING_HOME, ["failover_to_onprem"]),
        (P.READY, ["failover_to_onprem"]),
        (P.HOME_UNCOMMITTED, ["commit_to_onprem"]),
        (P.HOME_UNPROTECTED, ["reprotect_to_azure"]),
        (P.SYNCING_OUT, []),
    ],
)
def test_each_machine_is_judged_for_its_next_step(position: P, moments: list[str]) -> None:
    assert of(run(Resources(world(position)), Center(names())), "m-000")["moments"] == moments


@pytest.mark.parametrize(
    ("position", "moment", "says"),
    [
        (P.OUT, "failover_to_onprem", "does not replicate to on-premises"),
        (P.OUT_UNCOMMITTED, "reprotect_to_onprem", "not committed"),
        (P.SYNCING_HOME, "failover_to_onprem", "still synchroni"),
        (P.HOME, "commit_to_azure", "no failover to commit"),
        (P.HOME_UNCOMMITTED, "reprotect_to_azure", "not committed"),
    ],
)
def test_a_step_that_is_not_allowed_is_explained(position: P, moment: str, says: str) -> None:
    result = run(Resources(world(position)), Center(names()), moment)
    (finding,) = [f for f in result["findings"] if f["rule"] == "operation_allowed" and f["name"] == "m-000"]
    assert says in finding["text"]
    assert finding["blocks"]


def test_a_machine_at_home_is_not_stopped_by_the_servers_of_a_failback() -> None:
    result = run(Resources(world(P.HOME)), Center(names(), has_snapshot=True))
    assert "mt_snapshot" in broken(result)
    assert "mt_snapshot" not in of(result, "m-000")["blocked_by"]


@pytest.mark.parametrize(
    ("wishes", "stopped"),
    [
        ({"commit_when": "manual"}, {"m-000", "m-001"}),
        ({"approved": ("m-000",), "commit_when": "manual"}, {"m-001"}),
        ({"approved": ("held",), "commit_when": "manual"}, set()),
        ({"commit_when": "verified"}, set()),
    ],
)
def test_a_commit_that_is_not_approved_blocks_as_the_run_would_hold_it(
    wishes: dict[str, Any], stopped: set[str]
) -> None:
    result = run(Resources(world(P.HOME_UNCOMMITTED, number=2)), Center(names(2)), **wishes)
    assert broken(result).get("commit_approved", set()) == stopped
    assert result["passed"].get("commit_approved", 0) == 2 - len(stopped)


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"approved": ("m-00O",), "commit_when": "manual"}, "approval_not_found"),
        ({"approved": ("m-000",), "commit_when": "verified"}, "approved_and_verified"),
    ],
)
def test_an_approval_that_a_run_refuses_is_refused(wishes: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        run(Resources(world(P.HOME_UNCOMMITTED, number=2)), Center(names(2)), **wishes)
    assert caught.value.code == code


def test_what_cannot_be_read_is_not_known_and_ends_nobody_elses_judgement() -> None:
    there = world()
    there.closed.add("m-001")
    port = Resources(there)
    port.broken = frozenset({"vcenters"})
    result = run(port, Center(names()))
    assert broken(result)["machine_read"] == {"m-001"}
    (told,) = [f for f in result["findings"] if f["rule"] == "vcenter_connected"]
    assert told["verdict"] == "unknown"
    assert "The list of vCenters was cut." in told["text"]
    assert "machine_read" not in of(result, "m-000")["blocked_by"]


def test_without_vcenter_nothing_of_it_passes() -> None:
    result = run(Resources(world()), None)
    not_known = broken(result, "unknown")
    assert {"mt_snapshot", "mt_uuid", "mt_tools", "datastore_nfs", "vm_uuid"} & set(not_known) >= {
        "mt_snapshot",
        "mt_uuid",
    }


def test_a_part_of_a_group_is_refused_by_name_unless_it_is_meant() -> None:
    def grouped() -> Resources:
        group = {"multiVmGroupName": "shop", "multiVmGroupId": "g-1", "lastHeartbeat": FRESH}
        there = world()
        for extra in there.extra.values():
            extra["details"] = {**extra["details"], **group}
        return Resources(there)

    assert broken(run(grouped(), Center(names()), machines=["m-000"]))["group_split"] == {"shop"}
    assert "group_split" not in broken(run(grouped(), Center(names()), machines=["m-000"], split_groups=True))
    assert "group_split" not in broken(run(grouped(), Center(names())))


@pytest.mark.parametrize("playbooks", [True, False])
def test_the_table_reports_one_cause_of_many_once_and_keeps_to_the_terminal(playbooks: bool) -> None:
    number = 40
    there = world(number=number)
    result = run(Resources(there), Center(names(number), has_snapshot=True))
    # As long as they are when printed, not as their hints are.
    lines = worded(result["lines"], playbooks)
    assert max(map(len, lines)) <= 120
    assert sum(line.startswith("  mt_snapshot ") for line in lines) == 1
    heads = [line for line in lines if line in ("BLOCKS", "WARNS", "NOT KNOWN", "ACCEPTED")]
    assert heads[0] == "BLOCKS"
    assert any("and 34 more" in line for line in lines)
    assert lines[-1].endswith(" reads.")


def test_what_several_rules_wait_for_is_printed_once() -> None:
    result = run(Resources(world(number=4)), None)
    lines = worded(result["lines"], True)
    text = " ".join(" ".join(lines).split())
    for rules, remedy in (
        ("cs_port, mt_port", "Set asr_probe to true to try it from here."),
        ("azure_agent, azure_ports", "Set asr_probe_azure to true: a script"),
        (
            "mt_controller, mt_power, mt_snapshot, mt_tools, mt_uuid, mt_vm",
            "Set hostname, username and password of vCenter.",
        ),
    ):
        assert text.count(remedy) == 1, text
        assert f"{rules}: {remedy}" in text or f"{rules}, " in text
    # Beside the findings, which name every machine and server, the table has one line for them.
    assert {f["rule"] for f in result["findings"] if f["verdict"] == "unknown"} >= {"cs_port", "azure_agent", "mt_uuid"}


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        run(Resources(world()), None, backups={"CS-1": "last week"})
    assert caught.value.code == "backup_date_invalid"
    with pytest.raises(InputError) as caught:
        run(Resources(world()), None, "stage_2")
    assert caught.value.code == "moment_unknown"
