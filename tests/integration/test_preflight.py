# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight and the stages as their user meets them, on a fleet with every fault the stand-ins can play: preflight names exactly
those and writes nothing, a stage refuses their machines by name before it sends anything for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import yaml
from scene import EXTENSIONS, Outcome, Scene
from test_broken_proofs import RULES, RULES_ARRIVED

from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.moments import MT_INSIDE, PLANNED
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules import built_servers
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.catalogue import BY_ID
from rehearsal.vcenter import client
from rehearsal.vcenter.control import Control
from rehearsal.vcenter.sdk import vim

FLEET: dict[str, Any] = yaml.safe_load(
    (EXTENSIONS / "rehearsal" / "fleets" / "troubled-24.yml").read_text(encoding="utf-8")
)

#: Rule -> the machines and servers of the fleet for which it does not hold.
EXPECTED: dict[str, set[str]] = {
    "cs_connected": {"CS-02"},
    "cs_certificate": {"CS-02"},
    "cs_certificate_ends": {"CS-03"},
    "vcenter_account": {"CS-02"},
    "vcenter_connected": {"CS-02"},
    "failback_policy_values": {"CS-03"},
    "run_as_account": {"CS-02"},
    "ps_heartbeat": {"CS-02"},
    "ps_service": {"CS-02"},
    "ps_health": {"CS-02"},
    "ps_supported": {"CS-02"},
    "ps_version": {"CS-02"},
    "ps_outdated": {"ps-azure-03"},
    "ps_cache_full": {"CS-02"},
    "ps_cache_low": {"ps-azure-03"},
    "ps_load": {"CS-02"},
    "ps_on_premises": {"CS-02"},
    "ps_network": {"ps-azure-03"},
    "network_link": {"servers-01"},
    "kept_address": {"servers-01"},
    "mt_heartbeat": {"appliance-01"},
    "mt_health": {"appliance-01", "mt-linux-02"},
    "mt_supported": {"mt-linux-02"},
    "mt_outdated": {"mt-linux-03"},
    "mt_version": {"mt-linux-02"},
    "mt_retention": {"mt-linux-02"},
    "mt_retention_space": {"mt-linux-03"},
    "mt_datastores": {"mt-linux-02", "mt-windows-01"},
    "mt_slots": {"mt-windows-01"},
    "mt_host": {"mt-linux-02"},
    "mt_system": {"mt-linux-03"},
    "mt_snapshot": {"mt-windows-01"},
    "mt_controller": {"mt-windows-01"},
    "mt_uuid": {"mt-windows-01"},
    "mt_tools": {"mt-windows-01"},
    "mt_vmfs": {"mt-linux-02"},
    "mt_excluded": {"appliance-01", "mt-linux-01", "mt-linux-02", "mt-linux-03", "mt-windows-01"},
    "group_mixes_systems": {"mixed"},
    "operation_allowed": {"stuck-01"},
    "placement": {"metal-01", "mixed-01", "mixed-02", "modern-01", "servers-01", "windows-01"},
    "same_vcenter": {"elsewhere-01"},
    "physical_2008r2": {"metal-01"},
    "recovery_point": {"stale-01"},
    "azure_target": {"leaving-01"},
    "connect_after": {"leaving-01"},
    "longer_failover": {"leaving-01"},
    "onprem_reachable": {"lost-01"},
    "vm_uuid": {"snapshot-01"},
    "vm_snapshot": {"snapshot-01"},
    "datastore_mounted": {"far-01", "worn-01"},
    "datastore_nfs": {"filer-01"},
    "datastore_kind": {"vsan-01"},
    "rdm": {"raw-01"},
    "free_space": {"large-01"},
    "name_taken": {"mt-linux-01"},
    "standalone_esxi": {"alone-01"},
    "host_memory": {"stale-01"},
    "host_memory_free": {"stale-01"},
    "replication_health": {"stale-01"},
    "failover_health": {"stale-01"},
    "rpo": {"stale-01"},
    "resync_required": {"stale-01"},
    "resync_in_progress": {"stale-01"},
    "disk_resized": {"stale-01"},
    "disk_state": {"stale-01"},
    "agent_silent": {"stale-01"},
    "failed_failover": {"stuck-01"},
    "health_before_leaving": {"leaving-01"},
}

#: Rules that are broken in tests of this file, by what they change or choose -> the machines and servers.
BELOW: dict[str, set[str]] = {
    "azure_vm_running": {"well-01"},
    "vm_off": {"well-02"},
    "cs_backup": {"CS-01"},
    "group_split": {"mixed"},
    "azure_ports": {"far-01"},
    "azure_agent": {"far-01"},
    "agent_room": {"windows-01"},
    "ps_to_cs": {"ps-azure-03"},
    "azure_vm_missing": {"far-01"},
}

#: Rules that are broken for one look by what happens meanwhile: in the vault's answers, in vCenter -> the machines and servers.
MEANWHILE: dict[str, set[str]] = {
    "failback_policy": {"CS-03"},
    "machine_read": {"alone-01"},
    "busy": {"worn-01"},
    "agent_registered": {"snapshot-01"},
    "disk_unprotected": {"well-02"},
    "disks_attached": {"raw-01"},
    "datastore_available": {"far-01"},
    "mt_power": {"mt-linux-03"},
    "mt_uuids_shared": {"mt-linux-01"},
    "fabric_known": {"modern-01"},
    "cs_address": {"CS-01"},
}

#: Rules that no stand-in can break from the start -> why. The table test breaks each of them.
NOT_PLAYED: dict[str, str] = {
    "clock_skew": "the clocks are one, but at a rehearsal's speed the seconds between two looks count as minutes",
    "mt_vm": "every master target has its VM",
    "guest_ports": "asked inside the machines on request; a run with such a guest is in test_verify",
    "guest_room": "asked inside the machines on request; a run with such a guest is in test_verify",
    "azure_vm_unsettled": "only an answer that breaks says so; the proof of that name is broken in test_broken_proofs",
    "cs_port": "tried on request only",
    "ps_port": "tried on request only",
    "mt_port": "tried on request only",
    "mt_place": "needs a note and a move",
    "esxi_licence": "the stand-in is a vCenter",
    "group_one_server": "the service puts a group on one server",
    "placement_to_azure": "every vault has what the way out needs",
    "azure_identity": "every machine in Azure has one VM",
    "downtime_agreed": "only people know it",
    "host_discovered": "placing refuses a machine first whose master target offers no datastore",
}

#: Rules about what no preflight of a fleet sees -> the file that plays them, each broken and passing.
PLAYED_IN: dict[str, str] = {
    **dict.fromkeys(
        (rule.id for rule in built_servers.RULES if rule.about == PLANNED),
        "adapters/azure/test_process_server_deploy.py",
    ),
    **dict.fromkeys(
        (rule.id for rule in built_servers.RULES if rule.about == MT_INSIDE),
        "unit/plugin_utils/guest/test_guest_rules.py",
    ),
}

#: What people say: where the vSAN machine goes, so that the fleet's fault shows.
SAID = {"asr_datastore": {"vsan-01": "vsan-1", "default": "datastore-1"}}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def found(findings: list[dict[str, Any]], *verdicts: str) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    for finding in findings:
        if finding["verdict"] in verdicts:
            told.setdefault(finding["rule"], set()).add(finding["name"])
    return told


#: Rules that are broken on the fleet and pass for nothing on it -> why.
NEVER_PASSED: dict[str, str] = {"mt_excluded": "no server is excluded before the playbook prepare"}


def test_every_rule_is_played_or_has_a_reason() -> None:
    played = [*EXPECTED, *BELOW, *MEANWHILE, *RULES, *RULES_ARRIVED, *PLAYED_IN]
    assert sorted([*played, *NOT_PLAYED]) == sorted(BY_ID)
    for rule, file in PLAYED_IN.items():
        assert f'"{rule}"' in (EXTENSIONS.parent / "tests" / file).read_text(encoding="utf-8")


def test_preflight_names_exactly_the_faults_and_writes_nothing(scene: Scene) -> None:
    report = scene.directory / "preflight.html"
    before = scene.control("/digest")
    run = scene.playbook("preflight", asr_machines=["all"], asr_report_file=str(report), **SAID)
    told = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
    seen = found(told["findings"], "block", "warn")
    # Vault and vCenter have one clock; at its speed the time between two looks depends on the machine.
    seen.pop("clock_skew", None)
    assert seen == EXPECTED
    # Each of them passes for something else: a rule that finds fault with everything is no rule.
    assert sorted(rule for rule in EXPECTED if not told["passed"].get(rule)) == sorted(NEVER_PASSED)
    assert [rule for rule in MEANWHILE if not told["passed"].get(rule)] == ["cs_address"], (
        "CS-01 has no VM but meanwhile"
    )
    assert run.rc == 2
    assert scene.writes == 0
    # The page says what the data says; a server is reported as well as a machine.
    page = report.read_text(encoding="utf-8")
    assert all(f"<code>{rule}</code>" in page for rule in EXPECTED)
    assert {s["name"] for s in told["servers"] if s["verdict"] == "block"} >= {"CS-02", "mt-windows-01", "mixed"}
    assert run.of("asr_preflight")[-1]["report_files"] == [str(report), str(report.with_suffix(".json"))]
    assert scene.control("/digest") == before
    well = {m["name"] for m in told["machines"] if not m["blocked_by"]}
    assert {"well-01", "well-02"} <= well, told["machines"]
    # Blocks stand first, one cause of several machines once.
    heads = [line for line in run.text.splitlines() if line in ("BLOCKS", "WARNS", "NOT KNOWN")]
    assert heads == ["BLOCKS", "WARNS", "NOT KNOWN"]


def test_what_is_accepted_passes_and_is_kept_with_its_reason(scene: Scene) -> None:
    scene.control("/items/well-01", {"azure_power": "deallocated"})
    scene.power("well-02", on=True)
    try:
        run = scene.playbook("preflight", asr_machines=["well-01", "well-02"])
        assert run.rc == 2
        (result,) = run.of("asr_preflight")
        seen = found(result["findings"], "block")
        assert seen == {rule: BELOW[rule] for rule in ("azure_vm_running", "vm_off")}
        accept = {
            "azure_vm_running": "It is started next, says the owner.",
            "vm_off": "It is a test copy, says the owner.",
        }
        run = scene.playbook(
            "preflight",
            asr_machines=["well-01", "well-02"],
            asr_accept=accept,
            asr_probe=True,
            asr_configuration_server_backups={"CS-01": "2020-01-01"},
        )
        assert run.rc == 0, run.text
        (result,) = run.of("asr_preflight")
        assert {(a["rule"], a["name"], a["reason"]) for a in result["accepted"]} == {
            ("azure_vm_running", "well-01", accept["azure_vm_running"]),
            ("vm_off", "well-02", accept["vm_off"]),
        }
        assert found(result["findings"], "warn")["cs_backup"] == BELOW["cs_backup"]
        # What is tried is known, whatever this machine's network answers.
        assert not {"cs_port", "ps_port", "mt_port"} & set(found(result["findings"], "unknown"))
    finally:
        scene.power("well-02", on=False)
        scene.control("/items/well-01", {"azure_power": "running"})
    run = scene.playbook("preflight", asr_machines=["well-01"], asr_accept={"mt_snapshto": "typo"})
    assert run.rc == 2
    assert "Did you mean mt_snapshot?" in " ".join(run.text.split())
    assert scene.writes == 0


def answers(scene: Scene, path: str, **patch: Any) -> None:
    """Let answers to GET say something else."""
    scene.control("/faults", {"action": "garbage", "match": {"method": "GET", "path": path}, "times": None, **patch})


def test_what_happens_meanwhile_is_named_as_well(scene: Scene) -> None:
    site = Control(scene.state["vcenter"]["control"])
    away = {"state": "datastore_inaccessible", "name": "datastore-far", "host": "esx-03"}
    alone, snapshot = (scene.control(f"/items/{name}") for name in ("alone-01", "snapshot-01"))
    # Later than any heartbeat, however long the look takes.
    later = datetime.fromtimestamp(scene.control("/clock")["now"], timezone.utc) + timedelta(days=30)
    own_uuid, target = scene.leaf("mt-linux-01", "config.uuid"), scene.vm("mt-linux-01")
    disks = [{"diskId": n, "diskName": f"disk{n}", "diskCapacityInBytes": 1 << 30} for n in "012"]
    other = {"instanceType": "InMageAzureV2"}
    answers(scene, "vault-ageing/replicationPolicies", patch_entries={"properties": {"providerSpecificDetails": other}})
    answers(scene, r"vault-modern/replicationFabrics\?", patch={"value": []})
    answers(scene, f"/{snapshot['item']}\\?", patch={"properties": {"lastSuccessfulFailoverTime": later.isoformat()}})
    extra = {"storageProfile": {"dataDisks": [{"name": "extra", "lun": 9, "diskSizeGB": 5}]}}
    answers(scene, "Microsoft.Compute/virtualMachines\\?", patch_entries={"properties": extra})
    refused = {"method": "GET", "path": f"/{alone['item']}\\?"}
    scene.control("/faults", {"action": "status", "code": 403, "match": refused, "times": None})
    scene.control("/items/worn-01", {"allowed_operations": []})
    scene.control("/items/raw-01", {"details": {"protectedDisks": disks}})
    site.play(away)
    # A VM of the configuration server's name, at another address.
    namesake = scene.vm("leaving-01")
    client.wait(scene.si, namesake.Rename_Task("CS-01"))
    scene.power("mt-linux-03", on=False)
    client.wait(scene.si, target.ReconfigVM_Task(vim.vm.ConfigSpec(uuid=scene.leaf("well-01", "config.uuid"))))
    try:
        chosen = [
            "well-01",
            "well-02",
            "alone-01",
            "snapshot-01",
            "raw-01",
            "far-01",
            "worn-01",
            "ageing-01",
            "modern-01",
        ]
        (result,) = scene.playbook("preflight", asr_machines=chosen, **SAID).of("asr_preflight")
    finally:
        client.wait(scene.si, namesake.Rename_Task("leaving-01"))
        client.wait(scene.si, target.ReconfigVM_Task(vim.vm.ConfigSpec(uuid=own_uuid)))
        scene.power("mt-linux-03", on=True)
        site.play({**away, "off": True})
        scene.control("/items/raw-01", {"details": None})
        scene.control("/items/worn-01", {"allowed_operations": None})
        scene.control("/faults", method="DELETE")
    seen = found(result["findings"], "block", "warn")
    assert {rule: seen.get(rule) for rule in MEANWHILE} == MEANWHILE
    assert scene.writes == 0


def test_a_part_of_a_group_is_named(scene: Scene) -> None:
    run = scene.playbook("preflight", asr_machines=["mixed-01"])
    (result,) = run.of("asr_preflight")
    assert found(result["findings"], "block")["group_split"] == BELOW["group_split"]


# -- the stages --------------------------------------------------------------------------------------------------------


def codes(run: Outcome) -> dict[str, str | None]:
    """What each machine was refused with: by the look ahead, or by the last stage it came to."""
    stages = ("asr_failback", "asr_reprotect", "asr_failover", "asr_commit")
    return {m["name"]: m["code"] for stage in stages for result in run.of(stage) for m in result["machines"]}


def test_a_stage_refuses_before_it_sends_in_check_mode_as_well(scene: Scene) -> None:
    target = scene.vm("mt-linux-01")
    client.wait(scene.si, target.CreateSnapshot_Task(name="before", memory=False, quiesce=False))
    try:
        for options in (["--check"], []):
            run = scene.playbook("stage_2_reprotect_to_onprem", *options, asr_machines=["well-01", "far-01"], **SAID)
            assert run.rc == 2, run.text
            assert codes(run) == {"well-01": "mt_snapshot", "far-01": "mt_snapshot"}
            assert "does not mount its datastore datastore-far" in " ".join(run.text.split())
    finally:
        client.wait(scene.si, target.RemoveAllSnapshots_Task())
    run = scene.playbook("stage_2_reprotect_to_onprem", "--check", asr_machines=["well-01", "far-01"], **SAID)
    assert codes(run) == {"well-01": None, "far-01": "datastore_mounted"}
    assert scene.writes == 0


def test_scripts_run_inside_azure_vms_on_request_only(scene: Scene) -> None:
    """What runs in a machine counts as a write of the stand-in: tests that look for none come before."""
    scene.control("/items/far-01", {"azure_inside": {"closed": ["10.50.0.4:9443"], "agent": "stopped"}})
    scene.control("/items/windows-01", {"azure_inside": {"free_mb": 100}})
    before = scene.writes
    options: dict[str, Any] = {"asr_machines": ["far-01", "worn-01", "ageing-01", "windows-01", "metal-01"]}
    (unasked,) = scene.playbook("preflight", **options).of("asr_preflight")
    assert (unasked["scripts_run"], scene.writes) == (0, before)
    (result,) = scene.playbook("preflight", asr_probe_azure=True, **options).of("asr_preflight")
    probed = ("azure_ports", "azure_agent", "agent_room", "ps_to_cs")
    seen = found(result["findings"], "warn")
    assert {rule: seen.get(rule) for rule in probed} == {rule: BELOW[rule] for rule in probed}
    # Five machines and the process servers of their two vaults.
    assert (result["scripts_run"], scene.writes) == (7, before + 7)
    assert all(result["passed"][rule] for rule in probed)


#: Machine -> the rule, or the code of the run's own judgement, that keeps it where it is.
REFUSED = {
    "elsewhere-01": "same_vcenter",
    "far-01": "datastore_mounted",
    "filer-01": "datastore_nfs",
    "large-01": "free_space",
    "lost-01": "onprem_reachable",
    "metal-01": "datastore_not_offered",
    "mixed-01": "group_mixes_systems",
    "mixed-02": "group_mixes_systems",
    "modern-01": "appliance_not_healthy",
    "mt-linux-01": "name_taken",
    "servers-01": "datastore_none",
    "stale-01": "recovery_point",
    "stuck-01": "failed_failover",
    "windows-01": "no_disk_slots",
    "worn-01": "datastore_mounted",
}
HOME = {"ageing-01", "alone-01", "raw-01", "snapshot-01", "vsan-01", "well-01", "well-02"}


def test_the_healthy_come_home_and_the_others_are_refused_by_name(scene: Scene) -> None:
    scene.control("/clock", {"speed": 600})
    report = scene.directory / "failback.html"
    before = len(scene.bodies)
    run = scene.playbook("failback", asr_commit_when="verified", asr_report_file=str(report))
    assert run.rc == 2, run.text
    told = codes(run)
    assert {name: code for name, code in told.items() if code} == REFUSED
    assert {name for name in told if name not in REFUSED} == {*HOME, "leaving-01", "leaving-02"}
    assert {b["machine"] for b in scene.bodies[before:]} == HOME
    # What the rules found before each step is in the report: what stopped a machine or a server, and what they warned of.
    kept = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))["findings"]
    seen = found(kept, "block", "warn")
    for rule in ("datastore_mounted", "datastore_nfs", "rdm", "rpo", "vm_snapshot"):
        assert seen[rule] == EXPECTED[rule], rule
    assert "WARNS" in run.text.splitlines()


def test_a_deleted_azure_vm_is_missed(scene: Scene) -> None:
    """The last test: what was deleted does not come back."""
    scene.control("/items/far-01", {"azure_deleted": True})
    (result,) = scene.playbook("preflight", asr_machines=["far-01", "worn-01"]).of("asr_preflight")
    assert found(result["findings"], "block")["azure_vm_missing"] == BELOW["azure_vm_missing"]
    assert result["passed"]["azure_vm_missing"]
