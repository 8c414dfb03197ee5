# SPDX-License-Identifier: GPL-3.0-or-later
"""The cycle that was recorded from a real modernized vault, run again against the stand-in.

The same requests, the same states in the same order, the same fields and the same words. Two recorded requests are not
walked: the creation of the policy and of the item (a fleet comes with both), and the removal of the item at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from recorded import differences, id_form, load
from wire import Wire

NAME = "RCM-Win2K16-01"
FLEET: dict[str, Any] = {
    "name": "recorded",
    "description": "The recorded machine in the recorded place, in the middle of its first replication",
    "speed": 1,
    # A clock that moves only when it is told to: nothing happens between two looks.
    "lag": 0,
    "vaults": [
        {
            "name": "vault-recorded",
            "generation": "modernized",
            "appliances": [{"name": "vaultv2arcm", "fqdn": "WIN-IC0UJCH7P58"}],
            "recovery_plans": {"cli-test-recovery-plan-V2ARCM-1": [NAME]},
        }
    ],
    "machines": [{"name": NAME, "os": "Windows", "disks_gb": [40], "state": "syncing_out", "azure_name_taken": True}],
}


class Walk:
    """One journey: what is answered is compared with the recording of the same moment."""

    def __init__(self, wire: Wire, directory: Path) -> None:
        self.wire = wire
        self.directory = directory
        self.item = wire.items()[NAME]
        self.found: list[str] = []
        self.compared: list[int] = []

    def recorded(self, number: int) -> dict[str, Any]:
        return load(self.directory, number)

    def same(self, number: int, answered: Any) -> Any:
        self.found += [f"{number}: {d}" for d in differences(self.recorded(number)["response"]["body"], answered)]
        self.compared.append(number)
        return answered

    def read(self, number: int, path: str) -> Any:
        """GET what recording ``number`` got, and compare request and answer."""
        request = self.recorded(number)["request"]
        assert request["method"] == "GET"
        mine, theirs = id_form(path.split("?")[0]), id_form("/" + urlsplit(request["uri"]).path)
        assert mine.lower() == theirs.lower(), f"{number}: another request was recorded: {theirs}"
        return self.same(number, self.wire.get(path))

    def look(self, number: int) -> Any:
        return self.read(number, self.item["id"])

    def send(self, number: int, verb: str, properties: dict[str, Any]) -> Any:
        """POST what recording ``number`` posted; the bodies are compared too."""
        recorded = self.recorded(number)
        assert urlsplit(recorded["request"]["uri"]).path.endswith(f"/{verb}")
        self.found += [f"{number}: {d}" for d in differences(recorded["request"]["body"], {"properties": properties})]
        reply = self.wire.start(self.item, verb, properties)
        assert reply.status_code == recorded["response"]["status"] == 202, reply.text
        assert reply.content == b""
        for header in ("Location", "Azure-AsyncOperation"):
            (link,) = recorded["response"]["headers"][header.lower()]
            # The recorder cut the signature's values off.
            assert id_form(reply.headers[header].split("&")[0]) == id_form(link.split("&")[0])
        self.compared.append(number)
        return reply

    def ahead(self, seconds: float) -> None:
        self.wire.control("POST", "/clock/advance", {"seconds": seconds})

    def finish(self, reply: Any, seconds: float, numbers: tuple[int, int, int]) -> None:
        """The operation's status from not started over in progress to its end."""
        link = reply.headers["Azure-AsyncOperation"]
        not_started, running, ended = numbers
        self.same(not_started, self.wire.get(link))
        self.ahead(3)
        self.same(running, self.wire.until(lambda: self.wire.get(link), lambda s: s["status"] != "NotStarted"))
        self.ahead(seconds)
        self.same(ended, self.wire.until(lambda: self.wire.get(link), lambda s: s["status"] != "InProgress"))


@pytest.fixture(scope="module")
def walk(run_vault: Callable[..., Wire], recordings: Path) -> Walk:
    """The whole cycle, once."""
    wire = run_vault(FLEET)
    walk = Walk(wire, recordings)
    surroundings(walk)
    walk.look(82)
    walk.ahead(1500)
    waiting = wire.until(lambda: wire.get(walk.item["id"]), lambda i: "Recovery" in i["properties"]["protectionState"])
    properties = waiting["properties"]
    assert properties["protectionState"] == "InitialReplicationRecoveryCompletionPending"
    assert properties["protectionStateDescription"] == "Waiting for first recovery point"
    assert properties["allowedOperations"] == ["DisableProtection"]
    walk.ahead(300)
    wire.allows(walk.item, "UnplannedFailover")
    before = walk.look(94)
    walk.read(100, f"{wire.vault}/replicationRecoveryPlans/cli-test-recovery-plan-V2ARCM-1")

    body = {
        "failoverDirection": "PrimaryToRecovery",
        "providerSpecificDetails": {"instanceType": "InMageRcm", "performShutdown": "true"},
        "sourceSiteOperations": "NotRequired",
    }
    walk.finish(walk.send(107, "unplannedFailover", body), 640, (16, 10, 129))
    over = walk.look(130)
    fabric = walk.read(131, wire.fabric()["id"])
    walk.ahead(600)
    details = before["properties"]["providerSpecificDetails"]
    body = {
        "failoverDirection": "RecoveryToPrimary",
        "providerSpecificDetails": {
            "instanceType": "InMageRcm",
            "datastoreName": details["discoveredVmDetails"]["datastores"][0],
            "logStorageAccountId": details["protectedDisks"][0]["logStorageAccountId"],
            "reprotectAgentId": fabric["properties"]["customDetails"]["reprotectAgents"][0]["id"],
        },
    }
    walk.finish(walk.send(132, "reProtect", body), 725, (16, 10, 157))
    syncing = walk.look(158)
    walk.ahead(1050)
    wire.allows(walk.item, "PlannedFailover")
    ready = walk.look(162)
    body = {"providerSpecificDetails": {"instanceType": "InMageRcmFailback", "recoveryPointType": "CrashConsistent"}}
    walk.finish(walk.send(163, "plannedFailover", body), 1280, (16, 10, 206))
    relations(before["properties"], over["properties"], syncing["properties"], ready["properties"])
    return walk


def surroundings(walk: Walk) -> None:
    """What surrounds the item."""
    vault = walk.wire.vault
    fabric = walk.read(8, f"{vault}/replicationFabrics")["value"][0]["id"]
    walk.read(12, f"{vault}/replicationPolicies/daily-dr")
    container = walk.read(14, f"{fabric}/replicationProtectionContainers")["value"][0]["id"]
    walk.read(18, f"{container}/replicationProtectionContainerMappings/daily-dr")
    walk.read(19, f"{fabric}/replicationRecoveryServicesProviders")
    walk.read(20, fabric)


def relations(before: Any, over: Any, syncing: Any, ready: Any) -> None:
    """What holds between the recorded moments, and no single body shows."""
    old, new = before["providerSpecificDetails"], ready["providerSpecificDetails"]
    assert new["targetVmName"] == old["targetVmName"] == NAME
    # The Azure VM has the name the warning reported, which is nowhere else before the reprotect.
    azure = new["azureVirtualMachineId"].rsplit("/", 1)[1]
    assert azure.startswith(f"{NAME}-")
    assert len(azure) > len(NAME) + 30
    assert azure not in str(over)
    assert new["internalIdentifier"] != old["internalIdentifier"]
    assert over["eventCorrelationId"] == before["eventCorrelationId"]
    assert ready["eventCorrelationId"] == syncing["eventCorrelationId"] != before["eventCorrelationId"]
    assert new["lastUsedPolicyId"] == before["policyId"]
    assert over["providerSpecificDetails"]["failoverRecoveryPointId"] == over["failoverRecoveryPointId"]


def test_the_stand_in_answers_as_the_service_did(walk: Walk) -> None:
    assert not walk.found, "\n".join(walk.found)


def test_every_recording_of_the_way_was_compared(walk: Walk) -> None:
    there = {int(file.name.split("_")[1]) for file in walk.directory.glob("rcm_*.json")}
    # 9 makes the policy (11 is its end), 25 the item (81 is its end), 97 the plan, 207 removes the item.
    assert there - set(walk.compared) == {9, 11, 25, 81, 97, 207}


# -- the measure itself ----------------------------------------------------------------------------------------------


@pytest.fixture
def recorded_item(recordings: Path) -> Any:
    return load(recordings, 158)["response"]["body"]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda p: p.update(protectionState="Protected"), "$.properties.protectionState"),
        (lambda p: p.update(failoverRecoveryPointId=None), "$.properties.failoverRecoveryPointId"),
        (
            lambda p: p.update(lastSuccessfulFailoverTime="2023-08-26T04:22:13Z"),
            "$.properties.lastSuccessfulFailoverTime",
        ),
        (lambda p: p.pop("policyId"), "$.properties.policyId"),
        (lambda p: p.update(allowedOperations=[]), "$.properties.allowedOperations"),
        (
            lambda p: p.update(recoveryFabricId=p["recoveryFabricId"].replace("/S", "/s")),
            "$.properties.recoveryFabricId",
        ),
        (lambda p: p.update(policyFriendlyName="another-failback"), "$.properties.policyFriendlyName"),
        (
            lambda p: p["providerSpecificDetails"]["protectedDisks"][0].update(isInitialReplicationComplete=False),
            "$.properties.providerSpecificDetails.protectedDisks[0].isInitialReplicationComplete",
        ),
        (
            lambda p: p["currentScenario"].update(startTime="2023-08-26T04:22:13Z"),
            "$.properties.currentScenario.startTime",
        ),
    ],
)
def test_the_measure_finds_what_differs(
    recorded_item: Any, recordings: Path, spoil: Callable[[dict[str, Any]], Any], place: str
) -> None:
    spoil(recorded_item["properties"])
    (found,) = differences(load(recordings, 158)["response"]["body"], recorded_item)
    assert found.startswith(f"{place}:")
