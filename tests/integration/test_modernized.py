# SPDX-License-Identifier: GPL-3.0-or-later
"""Modernized vaults over the stand-ins: both generations in one call, every wording, a failover cancelled, retirement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Outcome, Scene, linux, vault

APPLIANCES = [
    {"name": "appliance-01", "fqdn": "appliance-01.home.example", "ip": "10.20.3.10", "host": "esx-01"},
    {"name": "appliance-02", "fqdn": "appliance-02.home.example", "ip": "10.20.3.11", "host": "esx-02"},
]

#: The never recorded places of the failback, in words other than the stand-in's own.
OTHER_WORDS: dict[str, dict[str, Any]] = {
    "home_uncommitted": {
        "state": "SomethingNew",
        "description": "Something new",
        "location": "Primary",
        "allowed": ["FailoverCancel", "Commit", "SwitchProtection"],
    },
    "home_unprotected": {
        "state": "SomethingElse",
        "description": "Something else",
        "location": "Primary",
        "allowed": ["SwitchProtection", "DisableProtection"],
    },
}


def modern(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "generation": "modernized", "appliances": APPLIANCES, **more}


MIXED: dict[str, Any] = {
    "name": "mixed",
    "description": "A classic and a modernized vault in one call",
    "speed": 600,
    "vaults": [vault("vault-old"), modern("vault-new")],
    "machines": [
        linux("old-01", vault="vault-old"),
        linux("new-01", vault="vault-new", group="pair"),
        linux("new-02", vault="vault-new", group="pair"),
        linux("renamed-01", vault="vault-new", azure_name_taken=True),
        linux("gone-01", vault="vault-new", onprem="gone"),
    ],
}

OTHERWISE: dict[str, Any] = {
    "name": "otherwise",
    "description": "A modernized vault that speaks in other words where nothing was recorded",
    "speed": 600,
    "vaults": [modern("vault-new", words=OTHER_WORDS)],
    "machines": [
        linux("ready-01", state="ready"),
        linux("ready-02", state="ready"),
        linux("out-01", state="out_uncommitted"),
    ],
}

RETIRED: dict[str, Any] = {
    "name": "retired",
    "description": "A classic vault whose writes the service refuses",
    "speed": 600,
    "vaults": [vault("vault-old", retired=True)],
    "machines": [linux("home-01"), linux("out-01", state="out"), linux("back-01", state="home_unprotected")],
}


def sentence(outcome: Outcome) -> str:
    return " ".join(outcome.text.split())


@pytest.fixture(scope="module")
def mixed(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(MIXED)


@pytest.fixture(scope="module")
def otherwise(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(OTHERWISE)


# The gate rehearse-mixed goes this way in make test.
@pytest.mark.further
def test_both_generations_go_out_and_come_home_in_one_run(mixed: Scene) -> None:
    machines = [m["name"] for m in MIXED["machines"]]
    mixed.registered(*machines)
    out = mixed.playbook("stage_1_failover_to_azure", asr_confirm_failover_to_azure=True, asr_commit_when="verified")
    assert out.rc == 0, out.text
    assert {mixed.phase(m) for m in machines} == {"out"}
    assert "'renamed-01' was modified to" in sentence(out)
    assert "vault-old: Classic replication" in out.text
    assert "vault-new: Modernized replication" in out.text

    writes = mixed.writes
    ahead = mixed.playbook("failback", "--check", asr_commit_when="verified")
    assert ahead.rc == 0, ahead.text
    assert mixed.writes == writes

    mixed.registered(*machines)
    home = mixed.playbook("failback", asr_commit_when="verified", asr_poll_interval=1)
    assert home.rc == 0, home.text
    assert {mixed.phase(m) for m in machines} == {"home"}
    # Said once in a chain of stages.
    assert home.text.count("vault-new: Modernized replication") == 1
    bodies = {(b["machine"], b["step"]): b["body"] for b in mixed.bodies}
    planned = bodies["new-01", "failover_to_onprem"]["properties"]
    assert planned == {
        "providerSpecificDetails": {"instanceType": "InMageRcmFailback", "recoveryPointType": "CrashConsistent"}
    }
    agents = [
        bodies[m, "reprotect_to_onprem"]["properties"]["providerSpecificDetails"]["reprotectAgentId"]
        for m in ("new-01", "new-02")
    ]
    assert agents[0] == agents[1], "the consistency group was torn apart"

    writes = mixed.writes
    again = mixed.playbook("failback", asr_commit_when="verified")
    assert again.rc == 0, again.text
    assert mixed.writes == writes


def test_a_failover_is_cancelled_and_done_again(otherwise: Scene) -> None:
    out = otherwise.tasks(
        [
            {"homeward.asr.asr_failover": {"direction": "to_onprem", "machines": ["ready-01"], "poll_interval": 1}},
            {"homeward.asr.asr_cancel_failback": {"machines": ["ready-01"]}},
            {
                "homeward.asr.asr_cancel_failback": {
                    "machines": ["ready-01"],
                    "confirm_cancel": True,
                    "poll_interval": 1,
                }
            },
            {"homeward.asr.asr_cancel_failback": {"machines": ["ready-01"], "confirm_cancel": True}},
        ],
        play=DEFAULTS,
    )
    refused, taken_back, again = out.of("asr_cancel_failback")
    assert out.of("asr_failover")[0]["machines"][0]["after"] == "home_uncommitted", out.text
    assert refused["code"] == "not_confirmed"
    assert (taken_back["changed"], taken_back["machines"][0]["after"]) == (True, "ready"), taken_back
    assert (again["changed"], again["requests"]["writes"]) == (False, 0)
    assert otherwise.phase("ready-01") == "ready"


def test_no_word_that_was_never_recorded_matters(otherwise: Scene) -> None:
    otherwise.registered("out-01")
    home = otherwise.playbook("failback", asr_commit_when="verified", asr_poll_interval=1)
    assert home.rc == 0, home.text
    assert {otherwise.phase(m["name"]) for m in OTHERWISE["machines"]} == {"home"}
    assert not any("cancel" in step for m in ("ready-02", "out-01") for step in otherwise.sent(m))


def test_the_appliances_are_reported_and_prepared(otherwise: Scene) -> None:
    out = otherwise.tasks(
        [
            {"homeward.asr.asr_appliance_info": {}},
            {"homeward.asr.asr_appliance_info": {"names": ["typo"]}},
            {"homeward.asr.asr_process_server": {"name": "appliance-02"}},
            {"homeward.asr.asr_master_target": {"names": ["appliance-01"], "enable_uuid": False}},
        ],
        play=DEFAULTS,
    )
    told, typo = out.of("asr_appliance_info")
    assert [(a["name"], a["ready"], a["datastores"]) for a in told["appliances"]] == [
        ("appliance-01", True, ["datastore-1", "datastore-2"]),
        ("appliance-02", True, ["datastore-1", "datastore-2"]),
    ]
    assert typo["code"] == "appliance_not_found"
    (server,) = out.of("asr_process_server")[0]["process_servers"]
    assert (server["name"], server["ready"]) == ("appliance-02", True)
    (target,) = out.of("asr_master_target")[0]["master_targets"]
    assert (target["name"], target["ready"], target["vm"]["name"]) == ("appliance-01", True, "appliance-01")


def test_a_retired_vault_says_what_is_left_to_do(rehearse: Callable[..., Scene]) -> None:
    retired = rehearse(RETIRED)
    out = retired.tasks(
        [
            {
                "homeward.asr.asr_reprotect": {
                    "direction": "to_onprem",
                    "machines": ["out-01"],
                    "process_server": "ps-azure-01",
                    "datastore": "datastore-1",
                }
            },
            {"homeward.asr.asr_reprotect": {"direction": "to_azure", "machines": ["back-01"]}},
            {"homeward.asr.asr_replicated_item_info": {}},
        ],
        play=DEFAULTS,
    )
    assert all("machines" in result for result in out.of("asr_reprotect")), out.text
    away, back = (result["machines"][0] for result in out.of("asr_reprotect"))
    assert (away["code"], back["code"]) == ("classic_retired", "classic_retired"), out.text
    assert "Microsoft support" in away["remedy"]
    assert "protect it in a modernized one" in back["remedy"]
    told = {
        m["name"]: (m["can_migrate"], bool(m["why_not"])) for m in out.of("asr_replicated_item_info")[0]["machines"]
    }
    assert told == {"home-01": (True, False), "out-01": (False, True), "back-01": (False, True)}


#: The vaults of the rehearsal, for tasks of one's own.
DEFAULTS: dict[str, Any] = {"module_defaults": {"group/homeward.asr.asr": {"vaults": "{{ asr_vaults }}"}}}
