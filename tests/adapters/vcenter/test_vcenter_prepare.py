# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparing the servers over both stand-ins: what the modules do, with the adapters they do it with."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import connect as connect_azure
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.master_target import ensure_master_target
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.process_server import (
    ProcessServerOrder,
    ensure_process_server,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.targets import MasterTargetOrder
from ansible_collections.homeward.asr.plugins.module_utils.vcenter.connection import SiteAccount
from ansible_collections.homeward.asr.plugins.module_utils.vcenter.connection import connect as connect_vcenter
from rehearsal import fleet_file, launcher, processes

FLEET = {
    "name": "prepare",
    "description": "servers to prepare",
    "speed": 120,
    "vaults": [
        {
            "name": "vault-prepare",
            "process_servers": [{"name": "ps-azure-01"}, {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False}],
            "master_targets": [
                {"name": "mt-linux-01", "uuid_enabled": False},
                {"name": "mt-odd", "ip": "10.20.1.11", "snapshot": True},
            ],
        }
    ],
    "machines": [
        {"name": "out-01", "os": "Linux", "state": "out", "uuid_enabled": False},
        {"name": "home-01", "os": "Linux"},
        {"name": "metal-01", "os": "Linux", "state": "out", "onprem": "physical"},
    ],
}


@dataclass
class World:
    """Both stand-ins, and orders carried out against them as a module's slices would."""

    azure: dict[str, Any]
    azure_account: AzureAccount
    site_account: SiteAccount
    vault: VaultRef

    def run(self, order: Any) -> dict[str, Any]:
        """Slices until finished, the cursor going through JSON as it does between processes."""
        clock = Clock(time.monotonic, time.sleep)
        cursor: Any = None
        deadline = time.monotonic() + 600
        while True:
            vaults = connect_azure(self.azure_account, clock=clock, read_only=order.check)
            try:
                if isinstance(order, ProcessServerOrder):
                    result = ensure_process_server(order, vaults, clock, cursor)
                else:
                    with connect_vcenter(self.site_account, clock) as site:
                        result = ensure_master_target(order, vaults, site, clock, cursor)
            finally:
                vaults.close()
            if result["finished"] or order.check:
                return result
            assert time.monotonic() < deadline, result["progress"]
            cursor = json.loads(json.dumps(result["cursor"]))

    def accepted(self, operation: str) -> list[Any]:
        """Bodies of the operation that the vault accepted, in order."""
        control = http.client.HTTPConnection(urlsplit(self.azure["control"]).netloc, timeout=20)
        try:
            control.request("GET", "/bodies")
            told = json.load(control.getresponse())
        finally:
            control.close()
        entries = told if isinstance(told, list) else told["bodies"]
        return [e["body"] for e in entries if e["operation"] == operation]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, certificates: Any, vcenter_binary: Path) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("prepare")
    path = directory / "prepare.yml"
    path.write_text(yaml.safe_dump(FLEET))
    model = fleet_file.load(str(path))
    password, client_secret = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
    vcenter = launcher.start_vcenter(model, directory, certificates, password, vcenter_binary, None)
    azure: dict[str, Any] = {}
    try:
        ready = directory / "azure.json"
        command = [sys.executable, "-m", "rehearsal.azure", "--fleet", str(path), "--dir", str(directory)]
        command += ["--cert", str(certificates.cert), "--key", str(certificates.key), "--ca", str(certificates.ca)]
        command += ["--ready", str(ready), "--vcenter-url", vcenter["url"], "--vcenter-user", model.site.username]
        environment = {
            **os.environ,
            "PYTHONPATH": str(launcher.EXTENSIONS),
            "VCENTER_PASSWORD": password,
            "REHEARSAL_CLIENT_SECRET": client_secret,
        }
        azure = processes.start("vault stand-in", command, environment, ready, directory / "azure.log")
        parts = urlsplit(vcenter["url"])
        ref = model.vaults[0]
        yield World(
            azure,
            AzureAccount(
                tenant=azure["tenant"],
                client_id=azure["client_id"],
                secret=client_secret,
                resource_manager_endpoint=azure["url"],
                authority_host=azure["url"],
                ca_path=str(certificates.ca),
                disable_instance_discovery=True,
            ),
            SiteAccount(
                hostname=str(parts.hostname),
                port=int(parts.port or 443),
                username=model.site.username,
                password=password,
                ca_path=str(certificates.ca),
            ),
            VaultRef(ref.subscription_id, ref.resource_group, ref.name),
        )
    finally:
        for server in (azure, vcenter):
            if server:
                processes.stop(server)


def done(result: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e["done"] for e in result["machines"]}


def order(world: World, **wanted: Any) -> MasterTargetOrder:
    return MasterTargetOrder(vaults=(world.vault,), slice_seconds=5.0, poll_interval=0.5, **wanted)


def move(world: World, **wanted: Any) -> ProcessServerOrder:
    return ProcessServerOrder(vaults=(world.vault,), slice_seconds=5.0, poll_interval=0.5, **wanted)


def test_master_targets_and_machines_are_prepared_and_the_second_run_changes_nothing(world: World) -> None:
    refused = world.run(order(world, names=("mt-linux-01",), machines=("all",)))
    # One refused server stops nobody: the machine that is away is set in the same run.
    assert done(refused)["mt-linux-01"] == "refused"
    assert done(refused)["out-01"] == "started"
    assert refused["machines"][0]["code"] == "power_off_needed"
    wanted = order(world, names=("mt-linux-01",), machines=("all",), power_off=True, vmotion_exclusion="excluded")
    predicted = world.run(replace(wanted, check=True))
    result = world.run(wanted)
    assert done(result) == {
        "mt-linux-01": "started",
        "home-01": "unchanged",
        "metal-01": "unchanged",
        "out-01": "unchanged",
    }
    assert result["machines"][0]["after"] == {"readiness": "ready", "disk_uuid": "TRUE", "vmotion": "excluded"}
    assert predicted["machines"][0]["after"] == result["machines"][0]["after"]
    facts = result["master_targets"][0]
    assert facts["vm"]["powered_on"]
    assert facts["vmotion_exclusion"]["drs"] == "excluded"
    again = world.run(wanted)
    assert not again["changed"]
    assert again["requests"]["writes"] == 0
    lifted = world.run(order(world, names=("mt-linux-01",), state="registered", vmotion_exclusion="restored"))
    assert lifted["machines"][0]["after"]["vmotion"] == "free"


def test_a_server_with_a_snapshot_is_refused_and_the_machine_keeps_its_setting(world: World) -> None:
    result = world.run(order(world, names=("mt-odd",), machines=("out-01",)))
    assert done(result) == {"mt-odd": "refused", "out-01": "unchanged"}
    assert result["machines"][0]["code"] == "has_snapshot"
    assert result["machines"][1]["after"]["disk_uuid"] == "TRUE"


def test_an_unknown_name_lists_what_there_is(world: World) -> None:
    with pytest.raises(InputError) as caught:
        world.run(order(world, names=("mt-nobody",)))
    assert "mt-linux-01, mt-odd" in caught.value.sentence()


def test_machines_are_moved_to_another_process_server_and_back(world: World) -> None:
    ready = world.run(move(world, name="ps-azure-01"))
    assert done(ready) == {"ps-azure-01": "unchanged"}
    wanted = move(world, name="ps-azure-01", move_machines_from="CS-01")
    predicted = world.run(replace(wanted, check=True))
    result = world.run(wanted)
    assert done(result) == done(predicted)
    assert [e["after"] for e in result["machines"][1:]] == ["ps-azure-01"] * 3
    assert world.accepted("reassociateGateway") == [predicted["plan"][0]["body"]["properties"]]
    again = world.run(wanted)
    assert not again["changed"]
    assert again["requests"]["writes"] == 0
    back = world.run(move(world, name="CS-01", move_machines_from="ps-azure-01"))
    assert [e["after"] for e in back["machines"][1:]] == ["CS-01"] * 3


def test_a_configuration_server_is_refreshed_once(world: World) -> None:
    result = world.run(move(world, name="CS-01", refresh=True))
    assert result["requests"]["writes"] == 1
    assert done(result) == {"CS-01": "unchanged"}
