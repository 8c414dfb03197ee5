# SPDX-License-Identifier: GPL-3.0-or-later
"""asr_process_server and asr_master_target on a modernized vault: the appliance is chosen, verified, and changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import FABRIC_ID, START, VAULT, job_json, scenario, text
from modern import ACCOUNT, P, agent_json, rcm_fabric_json, rcm_json

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError, Unknown
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock, Requests, Sent
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.master_target import ensure_master_target
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.process_server import (
    ProcessServerOrder,
    ensure_process_server,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.targets import MasterTargetOrder

BEAT = text(START - timedelta(minutes=2))


@dataclass
class Vaults:
    """A modernized vault kept in memory: its list of fabrics omits details, a job takes one look to end."""

    fabric: dict[str, Any]
    items: list[dict[str, Any]] = field(default_factory=list)
    now: datetime = START
    requests: Requests = field(default_factory=Requests)
    acted: list[tuple[str, str, Any]] = field(default_factory=list)
    lost: bool = False
    ended: bool = False

    def list_fabrics(self, vault: VaultRef) -> list[Any]:
        self.requests.reads += 1
        return [rcm_fabric_json(hollow=True)]

    def get_fabric(self, fabric_id: str) -> Any:
        assert fabric_id == FABRIC_ID
        self.requests.reads += 1
        return self.fabric

    def list_items(self, vault: VaultRef) -> list[Any]:
        self.requests.reads += 1
        return self.items

    def get_job(self, vault: VaultRef, name: str) -> Any:
        state = "Succeeded" if self.ended else "InProgress"
        return job_json(name, "UpdateAppliance", state)

    def act(self, resource_id: str, operation: str, body: Any) -> Sent:
        self.requests.writes += 1
        self.acted.append((resource_id, operation, body))
        if self.lost:
            raise Unknown("unknown_outcome", "The reply was lost.")
        return Sent("job-9")


def two(**first: Any) -> dict[str, Any]:
    return rcm_fabric_json(agent_json(1, lastHeartbeatUtc=BEAT, **first), agent_json(2, lastHeartbeatUtc=BEAT))


CLOCK = Clock(monotonic=lambda: 0.0, sleep=lambda _seconds: None)


def servers(vaults: Vaults, cursor: Any = None, **wishes: Any) -> dict[str, Any]:
    wanted = ProcessServerOrder(vaults=(VAULT,), slice_seconds=1.0, **wishes)
    return ensure_process_server(wanted, vaults, CLOCK, cursor)  # type: ignore[arg-type]


def targets(vaults: Vaults, **wishes: Any) -> dict[str, Any]:
    wanted = MasterTargetOrder(vaults=(VAULT,), slice_seconds=1.0, enable_uuid=False, **wishes)
    return ensure_master_target(wanted, vaults, None, CLOCK)  # type: ignore[arg-type]


def test_the_appliances_are_what_is_chosen_from() -> None:
    vaults = Vaults(two())
    assert [s["name"] for s in servers(vaults)["process_servers"]] == ["appliance-1", "appliance-2"]
    assert [t["name"] for t in targets(vaults)["master_targets"]] == ["appliance-1", "appliance-2"]
    (chosen,) = servers(vaults, name="appliance-2")["process_servers"]
    assert (chosen["name"], chosen["ready"], chosen["id"]) == ("appliance-2", True, "id-a2")
    with pytest.raises(InputError, match="typo"):
        servers(vaults, name="typo")


def test_a_sick_appliance_is_waited_for_and_named() -> None:
    vaults = Vaults(two(health="Critical"))
    for result in (servers(vaults, name="appliance-1"), targets(vaults, names=("appliance-1",))):
        (entry,) = result["machines"]
        assert (entry["done"], entry["code"], result["finished"]) == ("waiting", "unhealthy", False)
        assert "appliance-1" in entry["reason"]


def test_a_full_appliance_is_recognised_by_the_disks_it_holds() -> None:
    held = [rcm_json(f"m{n:02}", P.READY) for n in range(60)]
    vaults = Vaults(two(), items=held)
    full, free = targets(vaults)["master_targets"]
    assert ([r["code"] for r in full["reasons"]], full["disk_slots_free"]) == (["disk_slots_full"], 0)
    assert (free["ready"], free["disk_slots_free"]) == (True, 60)


def test_a_datastore_must_be_reached() -> None:
    vaults = Vaults(two())
    (entry,) = targets(vaults, names=("appliance-1",), datastores=("ds9",))["machines"]
    assert entry["code"] == "datastore_not_found"
    assert targets(vaults, names=("appliance-1",), datastores=("ds2",))["machines"][0]["done"] == "unchanged"


# -- to another appliance ------------------------------------------------------------------------------------------

MOVE = {"name": "appliance-2", "move_machines_from": "appliance-1"}


def entry(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(e for e in result["machines"] if e["name"] == name)


@pytest.fixture
def home() -> Vaults:
    return Vaults(two(), items=[rcm_json("web", P.HOME), rcm_json("db", P.READY)])


def test_a_machine_at_home_changes_its_appliance_by_one_request(home: Vaults) -> None:
    result = servers(home, **MOVE)
    (sent,) = home.acted
    assert sent[0].endswith("/rpi-web")
    assert sent[1:] == (
        "updateAppliance",
        {
            "properties": {
                "targetApplianceId": "id-a2",
                "providerSpecificDetails": {"instanceType": "InMageRcm", "runAsAccountId": ACCOUNT},
            }
        },
    )
    assert (entry(result, "web")["done"], entry(result, "web")["changed"]) == ("waiting", True)
    assert (entry(result, "db")["done"], entry(result, "db")["code"]) == ("refused", "not_onprem")
    # The next slice and a new run join what is under way.
    again = servers(home, result["cursor"], **MOVE)
    assert entry(again, "web")["done"] == "waiting"
    home.items[0]["properties"]["currentScenario"] = scenario("UpdateAppliance", "job-9")
    assert entry(servers(home, **MOVE), "web")["done"] == "waiting"
    assert len(home.acted) == 1


def test_a_machine_that_has_moved_is_left_alone(home: Vaults) -> None:
    home.items[0]["properties"]["providerSpecificDetails"]["processServerId"] = "ID-A2"
    result = servers(home, **MOVE)
    assert entry(result, "web")["done"] == "unchanged"
    assert home.acted == []


def test_a_lost_reply_is_not_answered_with_a_second_request(home: Vaults) -> None:
    home.lost = True
    first = servers(home, machines=("web",), **MOVE)
    again = servers(home, first["cursor"], machines=("web",), **MOVE)
    assert entry(again, "web")["done"] == "waiting"
    assert len(home.acted) == 1


def test_check_mode_says_what_would_be_sent(home: Vaults) -> None:
    result = servers(home, check=True, **MOVE)
    assert [(p["machine"], p["operation"]) for p in result["plan"]] == [("web", "updateAppliance")]
    assert home.acted == []


def test_nothing_moves_to_an_appliance_that_is_not_ready() -> None:
    fabric = rcm_fabric_json(
        agent_json(1, lastHeartbeatUtc=BEAT), agent_json(2, lastHeartbeatUtc=BEAT, health="Critical")
    )
    vaults = Vaults(fabric, items=[rcm_json("web", P.HOME)])
    assert entry(servers(vaults, **MOVE), "web")["code"] == "target_not_ready"
    assert vaults.acted == []
