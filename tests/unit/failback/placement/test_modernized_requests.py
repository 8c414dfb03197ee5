# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies, placement and appliances of a modernized vault."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import FABRIC_ID, START, VAULT, WAY_HOME, fabric_json, item, order, policy_json, target_json, text
from conftest import RECORDINGS
from modern import ACCOUNT, BACK, LOG, OUT, P, agent_json, policies, rcm, rcm_fabric_json

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.attached_disks import attached
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.bodies import Placement, Wishes, build
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.migration import obstacle
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.modernized import LIFECYCLE, MODERNIZED
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.identity import Known, in_azure, planned_name
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, Json
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job, Problem
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import DISK_CAP, Fabric, Policy
from ansible_collections.homeward.asr.plugins.module_utils.failback.placement.classic import (
    check_names,
    place_to_azure,
    place_to_onprem,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.placement.estate import Estate, Slots
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.appliance_health import judge_appliance

PLACE = Placement("ps", "a1", "agent", "a1", "ds1", log_storage_account_id="/log")


def body(step: str, **wishes: Any) -> Any:
    operation = MODERNIZED.operation("modernized", step)
    assert operation is not None
    return build(operation, Wishes(**wishes))


@pytest.mark.parametrize(
    ("number", "step", "wishes"),
    [
        (107, "failover_to_azure", {}),
        (
            132,
            "reprotect_to_onprem",
            {"placement": ("83629832-8201-4d31-b9cd-a644185d035a", "Datastore 3", "cliteststoragev2arcm1")},
        ),
        (163, "failover_to_onprem", {"point_type": "CrashConsistent"}),
    ],
)
def test_requests_are_the_recorded_ones(
    recording: Callable[[int], Any], number: int, step: str, wishes: dict[str, Any]
) -> None:
    recording(8)
    (path,) = Path(RECORDINGS).glob(f"rcm_{number:03d}_*.json")
    sent = json.loads(path.read_text(encoding="utf-8"))["request"]["body"]
    if "placement" in wishes:
        agent, store, _name = wishes["placement"]
        account = sent["properties"]["providerSpecificDetails"]["logStorageAccountId"]
        wishes = {"placement": Placement("", "", agent, "", store, log_storage_account_id=account)}
    assert body(step, **wishes) == sent


def test_optional_parts_of_requests() -> None:
    details = body("failover_to_azure", shut_down_source=False, point_id="/points/1")["properties"]
    assert details["providerSpecificDetails"] == {
        "instanceType": OUT,
        "performShutdown": "false",
        "recoveryPointId": "/points/1",
    }
    named = body("reprotect_to_onprem", placement=Placement(**{**PLACE.__dict__, "policy_id": "/p"}))
    assert named["properties"]["providerSpecificDetails"]["policyId"] == "/p"
    assert "policyId" not in body("reprotect_to_onprem", placement=PLACE)["properties"]["providerSpecificDetails"]


def test_the_request_back_to_azure_is_the_published_one() -> None:
    place = Placement("ps", "a1", policy_id="/p", run_as_account_id="/acc")
    assert body("reprotect_to_azure", placement=place)["properties"] == {
        "failoverDirection": "PrimaryToRecovery",
        "providerSpecificDetails": {
            "instanceType": BACK,
            "processServerId": "ps",
            "policyId": "/p",
            "runAsAccountId": "/acc",
        },
    }


# -- placement -----------------------------------------------------------------------------------------------------

OTHER_FABRIC = FABRIC_ID.replace("fabric-1", "fabric-2")


def estate(
    *fabrics: dict[str, Any], accounts: frozenset[str] = frozenset({LOG}), more: list[Json] | None = None
) -> Estate:
    parsed = [Fabric.parse(f, VAULT) for f in fabrics or (rcm_fabric_json(),)]
    known = tuple(Policy.parse(p) for p in [*policies(), *(more or [])])
    return Estate({f.key: f for f in parsed}, {VAULT.key: known}, START, {VAULT.key: accounts})


def home(items: list[Item], where: Estate, slots: Slots | None = None, **wishes: Any) -> dict[str, Any]:
    placed = place_to_onprem(items, order(WAY_HOME, **wishes), where, slots or Slots(), {})
    return {i.friendly_name: placed[i.key] for i in items}


def place(seen: Item, where: Estate, **wishes: Any) -> Any:
    return home([seen], where, **wishes)[seen.friendly_name]


def test_the_recorded_machine_gets_the_recorded_placement(recording: Callable[[int], Any]) -> None:
    seen = Item.parse(recording(130), VAULT)
    fabric = Fabric.parse(recording(131), VAULT)
    where = Estate({seen.fabric_id.lower(): fabric}, {}, fabric.components[0].heartbeat or START)
    found = place(seen, where)
    assert (found.master_target_id, found.datastore) == ("83629832-8201-4d31-b9cd-a644185d035a", "Datastore 3")
    assert found.log_storage_account_id.endswith("/cliteststoragev2arcm1")
    assert (found.policy_id, found.master_target) == ("", "vaultv2arcm")


def test_nobody_names_what_the_vault_reports() -> None:
    found = place(rcm(), estate())
    assert found.result() == {
        "master_target": "appliance-1",
        "process_server": "appliance-1",
        "datastore": "ds1",
        "retention_volume": None,
        "policy": None,
        "run_as_account": None,
        "log_storage_account": "logs01",
    }


@pytest.mark.parametrize(
    ("discovered", "named", "expected"),
    [
        ({"datastores": ["gone", "DS2"]}, None, "ds2"),
        ({"datastores": ["ds1"]}, "ds2", "ds1"),
        ({"datastores": ["gone"]}, "ds2", "ds2"),
        ({"datastores": ["ds1"], "isDeleted": True}, "ds2", "ds2"),
        (None, "ds2", "ds2"),
        ({"datastores": ["gone"]}, None, "datastore_not_reached"),
        (None, None, "datastore_ambiguous"),
        (None, "ds9", "datastore_not_offered"),
    ],
)
def test_a_machine_keeps_its_own_datastore_and_a_new_one_takes_the_named(
    discovered: Any, named: str | None, expected: str
) -> None:
    seen = rcm(details={"discoveredVmDetails": discovered})
    if expected == "datastore_ambiguous":
        with pytest.raises(InputError, match="ds1, ds2") as caught:
            place(seen, estate(), datastore=named)
        assert caught.value.code == expected
        return
    found = place(seen, estate(), datastore=named)
    said = found.code if isinstance(found, Refusal) else found.datastore
    assert said.lower() == expected


@pytest.mark.parametrize(
    ("agents", "wishes", "expected"),
    [
        ([agent_json(1), agent_json(2)], {"master_targets": ("appliance-2",)}, "appliance-2"),
        ([agent_json(1), agent_json(2)], {"process_server": "APPLIANCE-2"}, "appliance-2"),
        ([agent_json(1, health="Critical"), agent_json(2)], {}, "appliance-2"),
        ([agent_json(1, accessibleDatastores=["ds7"]), agent_json(2)], {}, "appliance-2"),
        ([agent_json(1, lastHeartbeatUtc=text(START - timedelta(minutes=21))), agent_json(2)], {}, "appliance-2"),
        ([agent_json(1, lastHeartbeatUtc=text(START - timedelta(minutes=19)))], {}, "appliance-1"),
        ([agent_json(1, health="Critical")], {}, "appliance_not_healthy"),
        ([agent_json(1, accessibleDatastores=[])], {}, "datastore_none"),
    ],
)
def test_only_a_healthy_appliance_that_reaches_the_datastore_is_chosen(
    agents: list[dict[str, Any]], wishes: dict[str, Any], expected: str
) -> None:
    found = place(rcm(), estate(rcm_fabric_json(*agents)), **wishes)
    assert (found.code if isinstance(found, Refusal) else found.master_target) == expected


def test_machines_spread_over_appliances_and_groups_stay_whole_under_the_cap() -> None:
    where = estate(rcm_fabric_json(agent_json(1), agent_json(2)))
    singles = [rcm(f"m{n:03}") for n in range(2 * DISK_CAP - 3)]
    members = [rcm(f"g{n}", details={"multiVmGroupName": "shop"}) for n in range(3)]
    placed = home([*singles, *members], where)
    assert len({placed[f"g{n}"].master_target for n in range(3)}) == 1
    used = [p.master_target for p in placed.values()]
    assert used.count("appliance-1") == used.count("appliance-2") == DISK_CAP
    full = Slots()
    full.used.update({"id-a1": DISK_CAP, "id-a2": DISK_CAP - 1})
    assert isinstance(home(members, where, full)["g0"], Refusal)
    assert home([rcm()], where, full)["web"].master_target == "appliance-2"


def test_an_appliance_holds_what_comes_home_and_nothing_else() -> None:
    items = [rcm(f"m{n}", position) for n, position in enumerate(P)]
    assert attached(items, LIFECYCLE) == {"id-a1": 2}


@pytest.mark.parametrize(
    ("accounts", "named", "expected"),
    [
        ({LOG}, None, LOG),
        ({LOG}, "/full/id", "/full/id"),
        ({LOG, "/other/logs02"}, "LOGS02", "/other/logs02"),
        ({LOG, "/other/logs02"}, None, "log_storage_account_missing"),
        (set(), None, "log_storage_account_missing"),
    ],
)
def test_the_log_storage_account_is_asked_for_only_where_the_vault_does_not_report(
    accounts: set[str], named: str | None, expected: str
) -> None:
    silent = rcm(details={"protectedDisks": [{"diskId": "0", "capacityInBytes": 1}]})
    found = place(silent, estate(accounts=frozenset(accounts)), log_storage_account=named)
    if isinstance(found, Refusal):
        assert found.code == expected
        assert "'{option:log_storage_account}'" in found.remedy
    else:
        assert found.log_storage_account_id == expected


def test_a_log_storage_account_nobody_knows_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InputError, match="log_storage_account} 'typo'"):
        check_names(order(WAY_HOME, log_storage_account="typo"), estate())


def test_the_way_back_goes_through_the_appliance_that_brought_it_home() -> None:
    where = estate(rcm_fabric_json(agent_json(1), agent_json(2)), more=[policy_json("other", OUT)])
    found = place_to_azure(rcm(position=P.HOME_UNPROTECTED), order(WAY_HOME), where)
    assert isinstance(found, Placement)
    assert (found.process_server_id, found.policy) == ("id-a1", "daily")
    before = Placement("", "", run_as_account_id=ACCOUNT)
    again = place_to_azure(rcm(position=P.HOME_UNPROTECTED), order(WAY_HOME), where, before)
    assert isinstance(again, Placement)
    assert again.run_as_account_id == ACCOUNT
    named = place_to_azure(
        rcm(position=P.HOME_UNPROTECTED),
        order(WAY_HOME, process_server_onprem="appliance-2", policy_to_azure="other", run_as_account="/acc"),
        where,
    )
    assert isinstance(named, Placement)
    assert (named.process_server, named.policy, named.run_as_account_id) == ("appliance-2", "other", "/acc")


# -- both generations in one call ----------------------------------------------------------------------------------


def classic() -> dict[str, Any]:
    found = fabric_json([target_json("mt-win"), target_json("mt-win-2")])
    servers = [{"id": "id-ps", "friendlyName": "cs-1"}, {"id": "id-ps2", "friendlyName": "ps-azure"}]
    found["properties"]["customDetails"]["processServers"] = servers
    return found


def mixed() -> Estate:
    modern = rcm_fabric_json(agent_json(1), agent_json(2, accessibleDatastores=["ds1", "ds8"]), fabric_id=OTHER_FABRIC)
    return estate(
        classic(), modern, more=[policy_json("daily", "InMageAzureV2"), policy_json("daily-failback", "InMage")]
    )


def modern_item(name: str = "new", **more: Any) -> Item:
    from modern import rcm_json

    data = rcm_json(name, **more)
    data["id"] = data["id"].replace("fabric-1", "fabric-2")
    return Item.parse(data, VAULT)


def test_names_of_one_vault_say_nothing_of_the_other() -> None:
    wishes: dict[str, Any] = {
        "master_targets": ("mt-win-2",),
        "process_server": "ps-azure",
        "retention_volume": "R",
        "datastore": "ds8",
        "run_as_account": "admin",
    }
    check_names(order(WAY_HOME, **wishes), mixed())
    placed = home([item("old"), modern_item(details={"discoveredVmDetails": None})], mixed(), **wishes)
    assert (placed["old"].master_target, placed["old"].process_server) == ("mt-win-2", "ps-azure")
    assert (placed["old"].datastore, placed["old"].retention_volume) == ("ds1", "R")
    assert (placed["new"].master_target, placed["new"].datastore) == ("appliance-2", "ds8")
    other_way = home(
        [item("old"), modern_item()], mixed(), master_targets=("appliance-1",), process_server="cs-1", datastore="ds1"
    )
    assert (other_way["old"].process_server, other_way["new"].master_target) == ("cs-1", "appliance-1")


def test_a_name_that_no_vault_knows_is_still_refused() -> None:
    for wishes in (
        {"master_targets": ("typo",)},
        {"process_server": "typo"},
        {"datastore": "typo"},
        {"policy": "typo"},
    ):
        with pytest.raises(InputError, match="typo"):
            check_names(order(WAY_HOME, **wishes), mixed())


def test_what_only_classic_servers_have_does_no_harm_to_a_modernized_vault_alone() -> None:
    check_names(order(WAY_HOME, retention_volume="R", run_as_account_windows="vm-admin"), estate())


# -- an appliance as a whole ---------------------------------------------------------------------------------------


def fabric_of(**fields: Any) -> Fabric:
    beat = text(START - timedelta(minutes=2))
    return Fabric.parse(rcm_fabric_json(agent_json(1, **{"lastHeartbeatUtc": beat, **fields})), VAULT)


@pytest.mark.parametrize(
    ("fields", "held", "datastores", "codes"),
    [
        ({}, 59, ("DS1",), []),
        ({}, 60, (), ["disk_slots_full"]),
        ({"health": "Critical"}, 0, (), ["unhealthy", "unhealthy"]),
        ({"lastHeartbeatUtc": text(START - timedelta(minutes=21))}, 0, (), ["no_heartbeat", "no_heartbeat"]),
        ({"lastHeartbeatUtc": None}, 0, (), ["no_heartbeat", "no_heartbeat"]),
        ({"accessibleDatastores": []}, 0, (), ["no_datastores"]),
        ({}, 0, ("ds1", "ds9"), ["datastore_not_found"]),
    ],
)
def test_what_blocks_an_appliance(
    fields: dict[str, Any], held: int, datastores: tuple[str, ...], codes: list[str]
) -> None:
    fabric = fabric_of(**fields)
    verdict = judge_appliance(fabric.master_targets[0], fabric, START, held, datastores)
    assert [r.code for r in verdict.reasons] == codes
    assert verdict.ready is (not codes)


def test_the_recorded_appliance_is_ready(recording: Callable[[int], Any]) -> None:
    fabric = Fabric.parse(recording(131), VAULT)
    agent = fabric.master_targets[0]
    assert judge_appliance(agent, fabric, agent.heartbeat or START, 0, ["Datastore 3"]).ready
    assert agent.vm_uuid == "5013370c-b6d4-6aa1-40c2-82cb4bb98028"
    assert {c.kind for c in fabric.components} == {
        "process server",
        "proxy",
        "push installer",
        "replication agent",
        "reprotect agent",
        "recovery services agent",
        "provider",
    }


# -- the Azure machine under another name --------------------------------------------------------------------------

GROUP = f"/subscriptions/{VAULT.subscription_id}/resourceGroups/rg"
RENAMED = "web-e9369372-f40f-41eb-b64f-38bb79445508"


def vm(name: str, group: str = GROUP) -> dict[str, Any]:
    return {"id": f"{group}/providers/Microsoft.Compute/virtualMachines/{name}"}


@pytest.mark.parametrize(
    ("machines", "told", "expected"),
    [
        ([vm("web")], "", ["web"]),
        ([vm(RENAMED), vm("webber")], "", [RENAMED]),
        ([vm("web"), vm(RENAMED)], f"The VM name 'web' was modified to '{RENAMED}'.", [RENAMED]),
        ([vm("web"), vm(RENAMED)], "", ["web", RENAMED]),
        ([vm("web"), vm("web", "/subscriptions/x/resourceGroups/other")], "", ["web"]),
        ([vm("web-02")], "", []),
    ],
)
def test_a_renamed_azure_machine_is_found_and_a_namesake_is_not_taken_for_it(
    machines: list[Json], told: str, expected: list[str]
) -> None:
    seen = rcm(position=P.OUT_UNCOMMITTED, details={"targetResourceGroupId": GROUP})
    warned = Job("j", "UnplannedFailover", "Succeeded", problems=(Problem("28175", told, level="Warning"),))
    found = in_azure(seen, warned, machines, Known()).machines
    assert [str(m["id"]).rpartition("/")[2] for m in found] == expected


def test_after_the_reprotect_the_id_alone_counts(recording: Callable[[int], Any]) -> None:
    seen = Item.parse(recording(158), VAULT)
    assert (seen.azure_vm_name, planned_name(seen.azure_vm_id or "")) == (
        "RCM-Win2K16-01-e9369372-f40f-41eb-b64f-38bb79445508",
        "RCM-Win2K16-01",
    )
    assert in_azure(seen, None, [vm("RCM-Win2K16-01")], Known()).machines == ()


def test_the_recorded_item_names_its_machine_in_vcenter(recording: Callable[[int], Any]) -> None:
    assert Item.parse(recording(130), VAULT).site_uuid == "5013a427-875d-d00f-8488-ae04c6780453"


# -- from classic to modernized ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (item(position=P.HOME), ""),
        (item(position=P.HOME, replicationHealth="Critical"), "health is Critical"),
        (item(position=P.HOME, details={"agentVersion": "9.49.1.0"}), "9.49.1.0"),
        (item(position=P.HOME, details={"agentVersion": "9.50.0.0"}), ""),
        (
            item(
                position=P.HOME,
                details={"switchProviderBlockingErrorDetails": [{"errorCode": "X", "errorMessage": "No."}]},
            ),
            "The service says: X No.",
        ),
        *((item(position=p), "only an on-premises machine") for p in P if p is not P.HOME),
    ],
)
def test_what_keeps_a_classic_machine_from_moving(seen: Item, words: str) -> None:
    why = obstacle(seen, LIFECYCLE)
    assert why is not None
    assert words in why
    assert bool(why) is bool(words)


def test_a_modernized_machine_has_nowhere_to_move() -> None:
    assert obstacle(rcm(position=P.HOME), LIFECYCLE) is None
