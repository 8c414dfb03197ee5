# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input over the stand-ins: each ends before the first write with a sentence that names the option and the remedy.

All cases run as tasks of one play per mode: the real modules through their action plugins, with a real interpreter each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from scene import Outcome, Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "bad-input",
    "description": "Machines to be misnamed, and more of everything than one can choose from without a word",
    "speed": 600,
    "ambiguous_names": True,
    "vaults": [
        vault(
            "vault-one",
            process_servers=[
                {"name": "ps-azure-01"},
                {"name": "ps-azure-02", "ip": "10.50.0.5"},
                {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False},
            ],
            master_targets=[
                {"name": "mt-linux-01", "os": "Linux"},
                {"name": "mt-windows-01", "os": "Windows", "retention_volumes": ["R", "S"], "host": "esx-02"},
            ],
            run_as_accounts=["admin-one", "admin-two"],
            recovery_plans={"shop": ["out-01"]},
        ),
        vault("vault-two", configuration_server="CS-02", master_targets=[{"name": "mt-linux-02", "os": "Linux"}]),
    ],
    "machines": [
        linux("at-home"),
        linux("out-01", state="out", group="till"),
        linux("gone-01", state="out", onprem="gone"),
        linux("ready-01", state="ready"),
        {"name": "out-windows", "os": "Windows", "disks_gb": [10], "state": "out"},
        linux("uncommitted-01", state="out_uncommitted"),
        linux("twin", state="out", vault="vault-one"),
        linux("twin", state="out", vault="vault-two", onprem="gone"),
    ],
}

ONE = {"name": "vault-one", "resource_group": "rg-homeward"}
TWO = {"name": "vault-two", "resource_group": "rg-homeward"}

#: A certificate authority that signed neither stand-in: the system's own.
STRANGERS = "/etc/ssl/certs/ca-certificates.crt"

#: Everything a reprotect home needs on this fleet; a case spoils one of them.
HOME = {
    "direction": "to_onprem",
    "machines": ["out-01"],
    "process_server": "ps-azure-01",
    "datastore": "datastore-1",
    "run_as_account": "admin-one",
}
OUT = {"direction": "to_azure", "machines": ["at-home"], "confirm_failover_to_azure": True}


@dataclass(frozen=True)
class Case:
    """``words`` must be in the message: the option, the value, what to do."""

    name: str
    module: str
    args: dict[str, Any]
    code: str
    words: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


def reprotect(name: str, code: str, *words: str, env: dict[str, str] | None = None, **args: Any) -> Case:
    return Case(name, "asr_reprotect", {**HOME, "vaults": [ONE], **args}, code, words, env or {})


def failover(name: str, code: str, *words: str, **args: Any) -> Case:
    return Case(name, "asr_failover", {"vaults": [ONE], **args}, code, words)


NOWHERE = "https://127.0.0.1:1"

#: A replicated item's id, which is long and has to stand whole where it is to be copied.
ID = re.compile(r"/subscriptions/[^\s()]+", re.IGNORECASE)

CASES = (
    # The vault.
    reprotect("wrong vault", "vault_not_found", "'nope'", "ASR_VAULT", "Correct", vaults=[{**ONE, "name": "nope"}]),
    reprotect(
        "wrong resource group",
        "resource_group_not_found",
        "'nope'",
        "resource_group",
        "Correct",
        vaults=[{**ONE, "resource_group": "nope"}],
    ),
    reprotect(
        "wrong subscription",
        "subscription_not_found",
        "'99999999-2222-4333-8444-555555555555'",
        "Correct subscription_id",
        vaults=[{**ONE, "subscription_id": "99999999-2222-4333-8444-555555555555"}],
    ),
    reprotect("the same vault twice", "vault_ambiguous", "vaults", "vault-one", "once", vaults=[ONE, ONE]),
    reprotect("no vault", "vault_missing", "vaults", "ASR_VAULT", "Set", vaults=[], env={"ASR_VAULT": ""}),
    # The machines.
    reprotect("wrong machine", "machine_not_found", "'nope'", "'machines'", "Choose", "out-01", machines=["nope"]),
    reprotect("pattern that fits none", "machine_not_found", "'nope-*'", "'machines'", "Choose", machines=["nope-*"]),
    reprotect(
        "ambiguous name",
        "machine_ambiguous",
        "'twin'",
        "'machines'",
        "vault-one",
        "vault-two",
        "Give the id",
        machines=["twin"],
        vaults=[ONE, TWO],
    ),
    reprotect("no choice", "no_machines", "'machines'", "'groups'", "Choose", "at-home", "till", "shop", machines=[]),
    reprotect("wrong group", "group_not_found", "'nope'", "'groups'", "Choose", "till", machines=[], groups=["nope"]),
    reprotect(
        "wrong plan",
        "plan_not_found",
        "'nope'",
        "'recovery_plans'",
        "Choose",
        "shop",
        machines=[],
        recovery_plans=["nope"],
    ),
    # Servers, storage, policy, account.
    # A datastore is for a machine that is recreated.
    reprotect(
        "unknown datastore",
        "datastore_not_found",
        "datastore 'nope'",
        "Choose",
        "datastore-1",
        machines=["gone-01"],
        datastore="nope",
    ),
    reprotect(
        "ambiguous datastore",
        "datastore_ambiguous",
        "datastore is not set",
        "datastore-2",
        "Name one",
        machines=["gone-01"],
        datastore=None,
    ),
    reprotect(
        "unknown retention volume",
        "retention_volume_not_found",
        "retention_volume '/nope'",
        "Choose",
        "/mnt/retention",
        retention_volume="/nope",
    ),
    reprotect(
        "ambiguous retention volume",
        "retention_volume_ambiguous",
        "retention_volume is not set",
        "R",
        "S",
        "Name one",
        machines=["out-windows"],
    ),
    reprotect(
        "unknown process server",
        "process_server_not_found",
        "process_server 'nope'",
        "Choose",
        "ps-azure-01",
        process_server="nope",
    ),
    reprotect(
        "ambiguous process server",
        "process_server_ambiguous",
        "process_server is not set",
        "ps-azure-02",
        "Name one",
        process_server=None,
    ),
    reprotect(
        "unknown run-as account",
        "run_as_account_not_found",
        "run_as_account 'nope'",
        "Choose",
        "admin-two",
        run_as_account="nope",
    ),
    reprotect(
        "unknown run-as account for Linux",
        "run_as_account_linux_not_found",
        "run_as_account_linux 'nope'",
        "Choose",
        "admin-two",
        run_as_account_linux="nope",
    ),
    reprotect(
        "ambiguous run-as account",
        "run_as_account_ambiguous",
        "run_as_account is not set",
        "admin-one",
        "Name one",
        run_as_account=None,
    ),
    reprotect("unknown policy", "policy_not_found", "policy 'nope'", "Choose", "daily-dr-failback", policy="nope"),
    reprotect(
        "policy of the other direction",
        "machines_refused",
        "policy 'daily-dr'",
        "Choose",
        "daily-dr-failback",
        policy="daily-dr",
    ),
    reprotect(
        "unknown master target",
        "master_targets_not_found",
        "master_targets 'nope'",
        "Choose",
        "mt-linux-01",
        master_targets=["nope"],
    ),
    reprotect(
        "master target of the wrong system",
        "machines_refused",
        "out-01",
        "mt-windows-01 runs Windows",
        "'master_targets'",
        master_targets=["mt-windows-01"],
    ),
    Case(
        "unknown process server at home",
        "asr_failback",
        {
            **{k: v for k, v in HOME.items() if k != "direction"},
            "vaults": [ONE],
            "commit_when": "verified",
            "process_server_onprem": "nope",
        },
        "process_server_onprem_not_found",
        ("process_server_onprem 'nope'", "Choose", "CS-01"),
    ),
    Case(
        "unknown policy to Azure",
        "asr_failback",
        {
            **{k: v for k, v in HOME.items() if k != "direction"},
            "vaults": [ONE],
            "commit_when": "verified",
            "policy_to_azure": "nope",
        },
        "policy_to_azure_not_found",
        ("policy_to_azure 'nope'", "Choose", "daily-dr"),
    ),
    # The position.
    failover(
        "failover of a machine that does not replicate home",
        "machines_refused",
        "out-01",
        "asr_reprotect",
        direction="to_onprem",
        machines=["out-01"],
    ),
    reprotect(
        "reprotect before the commit",
        "machines_refused",
        "uncommitted-01",
        "not committed",
        "asr_commit",
        machines=["uncommitted-01"],
    ),
    # Stage 1.
    failover(
        "to Azure without a word",
        "not_confirmed",
        "confirm_failover_to_azure: true",
        "confirm_failover_to_azure",
        **{**OUT, "confirm_failover_to_azure": False},
    ),
    failover(
        "all to Azure", "machine_names_required", "'all'", "'machines'", "by name", **{**OUT, "machines": ["all"]}
    ),
    failover(
        "pattern to Azure",
        "machine_names_required",
        "'at-*'",
        "'machines'",
        "by name",
        **{**OUT, "machines": ["at-*"]},
    ),
    failover(
        "nobody to Azure",
        "no_machines",
        "'machines'",
        "by name",
        "at-home",
        direction="to_azure",
        confirm_failover_to_azure=True,
    ),
    failover("group to Azure", "machine_names_required", "'groups'", "'till'", "by name", **OUT, groups=["till"]),
    failover(
        "plan to Azure",
        "machine_names_required",
        "'recovery_plans'",
        "'shop'",
        "by name",
        **OUT,
        recovery_plans=["shop"],
    ),
    failover(
        "a point the step does not know",
        "recovery_point_unknown_here",
        "'latest_processed'",
        "'recovery_point'",
        "Choose one of latest, latest_app_consistent",
        direction="to_onprem",
        machines=["ready-01"],
        recovery_point="latest_processed",
    ),
    failover(
        "a point nobody has",
        "machines_refused",
        "ready-01",
        "'nope'",
        "'recovery_point'",
        "Choose",
        direction="to_onprem",
        machines=["ready-01"],
        recovery_point="nope",
    ),
    # Azure's log-in and the way there.
    reprotect("wrong secret", "login_failed", "client_id", "Correct secret", "AZURE_SECRET", secret="not-the-one"),
    reprotect(
        "wrong application",
        "login_failed",
        "'99999999-0000-4000-8000-000000000000'",
        "Correct client_id",
        client_id="99999999-0000-4000-8000-000000000000",
    ),
    reprotect(
        "wrong tenant",
        "login_failed",
        "Tenant '99999999-0000-4000-8000-000000000000' does not exist",
        "Correct tenant",
        tenant="99999999-0000-4000-8000-000000000000",
    ),
    reprotect(
        "certificate file that is not there",
        "",
        "x509_certificate_path",
        "/nope.pem",
        "Correct",
        x509_certificate_path="/nope.pem",
        auth_source="service_principal",
        secret=None,
        env={"AZURE_SECRET": "", "AZURE_CLIENT_SECRET": ""},
    ),
    reprotect("no such cloud", "", "cloud_environment", "'Nowhere'", cloud_environment="Nowhere"),
    reprotect(
        "unreachable Azure",
        "unreachable",
        NOWHERE,
        "refused",
        "Check",
        "resource_manager_endpoint",
        resource_manager_endpoint=NOWHERE,
    ),
    reprotect(
        "unreachable authority", "unreachable", NOWHERE, "refused", "Check", "authority_host", authority_host=NOWHERE
    ),
    reprotect(
        "Azure's certificate not trusted",
        "certificate_not_trusted",
        "not trusted",
        "Set ca_path",
        "REQUESTS_CA_BUNDLE",
        env={"REQUESTS_CA_BUNDLE": STRANGERS},
    ),
    reprotect("no CA file", "", "ca_path", "/nope.pem", ca_path="/nope.pem"),
    # vCenter's log-in and the way there.
    reprotect("unreachable vCenter", "vcenter_unreachable", "127.0.0.1:1", "hostname", "Check", "port", port=1),
    reprotect(
        "vCenter by URL", "vcenter_hostname_invalid", "hostname", "https://vc/sdk", "Set", hostname="https://vc/sdk"
    ),
    reprotect("wrong password of vCenter", "vcenter_login_failed", "Check", "password", password="not-the-one"),
    reprotect("no user of vCenter", "vcenter_option_missing", "username", "VMWARE_USER", env={"VMWARE_USER": ""}),
    reprotect(
        "vCenter's certificate not trusted",
        "vcenter_certificate_not_trusted",
        "hostname",
        "not trusted",
        "ca_path",
        "SSL_CERT_FILE",
        env={"SSL_CERT_FILE": STRANGERS},
    ),
    Case(
        "commit without vCenter",
        "asr_commit",
        {"vaults": [ONE], "direction": "to_azure", "machines": ["uncommitted-01"], "commit_when": "verified"},
        "vcenter_missing",
        ("'hostname'", "VMWARE_HOST", "Set"),
        {"VMWARE_HOST": ""},
    ),
    # The servers' own modules.
    Case(
        "prepare an unknown master target",
        "asr_master_target",
        {"vaults": [ONE], "names": ["nope"]},
        "",
        ("nope", "names", "mt-linux-01"),
    ),
    Case(
        "prepare an unknown process server",
        "asr_process_server",
        {"vaults": [ONE], "name": "nope"},
        "",
        ("nope", "name", "ps-azure-01"),
    ),
    Case(
        "look at an unknown machine",
        "asr_replicated_item_info",
        {"vaults": [ONE], "machines": ["nope"]},
        "machine_not_found",
        ("'nope'", "'machines'", "Choose"),
    ),
)

#: Packages that are not there or too old, by a stub that comes before them on PYTHONPATH.
STUBS = {
    "no SDK": (
        "azure/mgmt/recoveryservicessiterecovery/__init__.py",
        'raise ImportError("No module named recoveryservicessiterecovery")\n',
        "sdk_missing",
        ("azure-mgmt-recoveryservicessiterecovery", "pip install", "azure-identity"),
    ),
    "old SDK": (
        "azure/mgmt/recoveryservicessiterecovery/__init__.py",
        '__version__ = "1.3.0"\n',
        "sdk_too_old",
        ("azure-mgmt-recoveryservicessiterecovery", "1.3.0", "2.0.0", "pip install"),
    ),
    "no azure-identity": (
        "azure/identity/__init__.py",
        'raise ImportError("No module named azure.identity")\n',
        "sdk_missing",
        ("azure-identity", "pip install"),
    ),
    "no pyvmomi": (
        "pyVmomi/__init__.py",
        'raise ImportError("No module named pyVmomi")\n',
        "pyvmomi_missing",
        ("pyvmomi", "pip install"),
    ),
}


def stub_cases(where: Path) -> list[Case]:
    made = []
    for name, (path, content, code, words) in STUBS.items():
        root = where / name.replace(" ", "-")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
        made.append(reprotect(name, code, *words, env={"PYTHONPATH": str(root)}))
    return made


def as_task(case: Case, check: bool) -> dict[str, Any]:
    args = {k: v for k, v in case.args.items() if v is not None}
    return {
        "name": case.name,
        f"homeward.asr.{case.module}": args,
        "check_mode": check,
        "environment": case.env,
    }


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    listed = [*CASES, *stub_cases(tmp_path_factory.mktemp("stubs"))]
    return {case.name: case for case in listed}


@pytest.fixture(scope="module")
def outcomes(scene: Scene, cases: dict[str, Case]) -> dict[bool, tuple[Outcome, int]]:
    """All cases in the real run and in check mode, with the writes that reached the vault meanwhile."""
    seen = {}
    for check in (False, True):
        before = scene.writes
        outcome = scene.tasks([as_task(case, check) for case in cases.values()])
        seen[check] = (outcome, scene.writes - before)
    return seen


MODES = pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
NAMES = [case.name for case in CASES] + list(STUBS)


@MODES
@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_names_the_option_and_the_remedy(
    outcomes: dict[bool, tuple[Outcome, int]], cases: dict[str, Case], name: str, check: bool
) -> None:
    case, outcome = cases[name], outcomes[check][0]
    result = outcome.task(name)
    message = str(result.get("msg"))
    assert result.get("failed") is True, result
    assert result["changed"] is False
    if case.code:
        assert result["code"] == case.code
    missing = [word for word in case.words if word not in message]
    assert not missing, f"{missing} not in: {message}"
    assert "Traceback" not in message
    assert len(ID.sub("...", message)) < 600, "one sentence and a remedy, not a dump"


@MODES
def test_nothing_is_written(outcomes: dict[bool, tuple[Outcome, int]], check: bool) -> None:
    outcome, writes = outcomes[check]
    assert len(outcome.results) == len(NAMES)
    assert writes == 0
    assert "Traceback" not in outcome.text


@MODES
def test_an_expired_secret(scene: Scene, check: bool) -> None:
    before = scene.writes
    scene.control("/secret", {"expired": True})
    try:
        case = reprotect("expired", "login_failed")
        result = scene.tasks([as_task(case, check)]).task("expired")
    finally:
        scene.control("/secret", {"expired": False})
    assert result["code"] == "login_failed"
    assert "has expired" in result["msg"]
    assert "Create a new client secret" in result["msg"]
    assert "set secret (AZURE_SECRET)" in result["msg"]
    assert scene.writes == before


@MODES
def test_a_policy_that_is_one_of_two(scene: Scene, check: bool) -> None:
    """Neither is the twin of the machine's own, and both are of the kind that leads home."""
    before = scene.writes
    scene.control(
        "/faults",
        {
            "action": "garbage",
            "match": {"method": "GET", "path": "/replicationPolicies\\?"},
            "patch_entries": {"properties": {"providerSpecificDetails": {"instanceType": "InMage"}}},
            "times": None,
        },
    )
    scene.control(
        "/faults",
        {
            "action": "garbage",
            "match": {"method": "GET", "path": "/replicationProtectedItems\\?"},
            "patch_entries": {"properties": {"policyFriendlyName": "another"}},
            "times": None,
        },
    )
    scene.control(
        "/faults",
        {
            "action": "garbage",
            "match": {"method": "GET", "path": "/replicationProtectedItems/[^/?]+\\?"},
            "patch": {"properties": {"policyFriendlyName": "another"}},
            "times": None,
        },
    )
    try:
        result = scene.tasks([as_task(reprotect("policy", "policy_ambiguous"), check)]).task("policy")
    finally:
        scene.control("/faults", method="DELETE")
    assert result.get("code") == "policy_ambiguous", result
    for word in ("policy is not set", "daily-dr, daily-dr-failback", "Name one in 'policy'"):
        assert word in result["msg"]
    assert scene.writes == before


def test_async_is_refused_with_a_way_out(scene: Scene) -> None:
    before = scene.writes
    task = {**as_task(reprotect("detached", ""), False), "async": 60, "poll": 5}
    result = scene.tasks([task]).task("detached")
    assert result["failed"] is True
    assert "async" in result["msg"]
    assert "wait: false" in result["msg"]
    assert scene.writes == before


VARIABLES = {
    "asr_vaults": [ONE],
    "asr_machines": ["out-01"],
    "asr_process_server": "ps-azure-01",
    "asr_datastore": "datastore-1",
    "asr_run_as_account": "admin-one",
    "asr_commit_when": "verified",
}
CONFIRMED = {"asr_confirm_failover_to_azure": True}


#: Through the playbooks, with the role in between; the flag adds a run in check mode.
PLAYS: list[tuple[str, dict[str, Any], tuple[str, ...], bool]] = [
    ("failback", {"asr_machines": ["nope"]}, ("'nope'", "'asr_machines'", "Choose from", "out-01"), True),
    ("failback", {"asr_machines": []}, ("'asr_machines'", "Choose from", "machines: all"), False),
    (
        "failback",
        {"asr_exclude": ["out01"]},
        ("'out01'", "'asr_exclude'", "Correct or remove the name", "out-01"),
        False,
    ),
    (
        "stage_2_reprotect_to_onprem",
        {"asr_machines": ["gone-01"], "asr_datastore": "nope"},
        ("asr_datastore 'nope'", "Choose one of"),
        False,
    ),
    ("stage_1_failover_to_azure", {"asr_machines": ["at-home"]}, ("asr_confirm_failover_to_azure: true",), True),
    ("stage_1_failover_to_azure", {**CONFIRMED, "asr_machines": "all"}, ("'all'", "by name"), False),
    ("stage_1_failover_to_azure", {**CONFIRMED, "asr_machines": ["at-*"]}, ("'at-*'", "by name"), False),
    (
        "stage_1_failover_to_azure",
        {**CONFIRMED, "asr_machines": [], "asr_groups": ["till"]},
        ("'asr_groups'", "'till'", "by name"),
        False,
    ),
    ("prepare", {"asr_master_targets": ["nope"]}, ("'nope'", "names", "mt-linux-01"), False),
    (
        "prepare",
        {"asr_retention_volume": "/nope", "asr_master_targets": ["mt-linux-01"]},
        ("/nope", "/mnt/retention"),
        True,
    ),
]


@pytest.mark.parametrize(
    ("playbook", "variables", "words", "check"),
    [
        pytest.param(*play[:3], check, marks=[pytest.mark.further] if check else [])
        for play in PLAYS
        for check in ((False, True) if play[3] else (False,))
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_playbooks_say_it_too(
    scene: Scene, playbook: str, variables: dict[str, Any], words: tuple[str, ...], check: bool
) -> None:
    before = scene.writes
    outcome = scene.playbook(playbook, *(["--check"] if check else []), **{**VARIABLES, **variables})
    assert outcome.rc == 2, outcome.text
    said = " ".join(outcome.text.split())
    missing = [word for word in words if word not in said]
    assert not missing, f"{missing} not in: {outcome.text}"
    assert "Traceback" not in outcome.text
    assert scene.writes == before
