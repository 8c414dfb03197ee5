# SPDX-License-Identifier: GPL-3.0-or-later
"""A process server from nothing and back to nothing, with the real adapter against the vault stand-in."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stand_in_azure import FLEET, StandIn

from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.absent import ensure_absent
from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.present import Secrets, ensure_present
from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.scripts import SETUP_COMMAND
from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.spec import MARK, Wish
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import FailbackError, InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.process_server import ProcessServerOrder
from rehearsal import processes, tls
from rehearsal.fleet_file import load

NAME = "ps-azure-02"
SECRETS = Secrets("A-Password-For-Tests-1", "passphrase-for-tests-17")


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[StandIn]:
    """A vault stand-in of its own: these tests turn the world."""
    certificates = tls.make(tmp_path / "tls")
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "rehearsal.azure", "--fleet", FLEET, "--dir", str(tmp_path), "--ready", str(ready)]
    command += ["--cert", str(certificates.cert), "--key", str(certificates.key), "--speed", "1"]
    extensions = Path(__file__).resolve().parents[3] / "extensions"
    server = processes.start(
        "vault stand-in", command, {**os.environ, "PYTHONPATH": str(extensions)}, ready, tmp_path / "log" / "azure.log"
    )
    model = load(FLEET).vaults[0]
    vault = VaultRef(model.subscription_id, model.resource_group, model.name)
    try:
        yield StandIn(server, certificates, vault, tmp_path / "requests.jsonl")
    finally:
        processes.stop(server)


def wish(**changes: Any) -> Wish:
    made = Wish(
        name=NAME,
        subscription_id=load(FLEET).vaults[0].subscription_id,
        resource_group="rg-homeward-dr",
        virtual_network="vnet-dr-2",
        subnet="servers",
        address="10.60.0.10",
    )
    return replace(made, **changes)


class Person:
    """Runs slices as the action plugin does; ``sleep`` lets the service's time pass instead of waiting."""

    def __init__(self, azure: StandIn, **order: Any) -> None:
        self.azure = azure
        self.order = ProcessServerOrder((azure.vault,), NAME, **order)
        self.slept = 0.0
        self.clock = Clock(lambda: time.monotonic() + self.slept, self.pass_time)

    def pass_time(self, seconds: float) -> None:
        self.slept += seconds
        self.azure.control("POST", "/clock/advance", {"seconds": seconds * 6})

    def slice(self, cursor: Any = None, wanted: Wish | None = None, secrets: Secrets = SECRETS) -> dict[str, Any]:
        vaults = self.azure.connect(clock=self.clock, read_only=self.order.check)
        return ensure_present(self.order, wanted or wish(), secrets, vaults, self.clock, cursor)

    def present(self, wanted: Wish | None = None, secrets: Secrets = SECRETS) -> dict[str, Any]:
        result = self.slice(None, wanted, secrets)
        while not result["finished"]:
            # The cursor travels as JSON between processes.
            assert SECRETS.passphrase not in json.dumps(result)
            assert SECRETS.admin_password not in json.dumps(result)
            result = self.slice(json.loads(json.dumps(result["cursor"])), wanted, secrets)
        return result

    def slice_absent(self, goal: str | None = None, wanted: Wish | None = None, cursor: Any = None) -> dict[str, Any]:
        vaults = self.azure.connect(clock=self.clock, read_only=self.order.check)
        return ensure_absent(self.order, wanted or wish(), goal, vaults, self.clock, cursor)

    def absent(self, goal: str | None = None, wanted: Wish | None = None) -> dict[str, Any]:
        cursor = None
        while True:
            result = self.slice_absent(goal, wanted, cursor)
            if result["finished"]:
                return result
            cursor = json.loads(json.dumps(result["cursor"]))


def entry(result: dict[str, Any]) -> dict[str, Any]:
    return result["machines"][0]


def accepted(azure: StandIn, word: str) -> int:
    return int(azure.counters()["accepted"].get(word, 0))


def test_from_nothing_to_ready_and_the_second_run_changes_nothing(azure: StandIn) -> None:
    first = Person(azure).present()
    assert (entry(first)["done"], entry(first)["changed"]) == ("started", True)
    assert entry(first)["before"] == "not deployed"
    assert first["process_servers"][0]["ip"] == "10.60.0.10"
    assert first["process_servers"][0]["ready"]
    writes = azure.counters()["writes"]
    # What exists needs no secrets.
    second = Person(azure).present(secrets=Secrets())
    assert (entry(second)["done"], second["changed"]) == ("unchanged", False)
    assert azure.counters()["writes"] == writes
    assert accepted(azure, "deployment") == 1


def test_the_passphrase_shows_nowhere(azure: StandIn) -> None:
    Person(azure).present()
    vaults = azure.connect()
    command = f"{wish().vm_id}/runCommands/{SETUP_COMMAND}"
    seen = [
        vaults.get(wish().deployment_id),
        vaults.get_with(command, odata_expand="instanceView"),
        vaults.get(wish().vm_id),
    ]
    assert "instanceView" in seen[1]["properties"]
    for text in (json.dumps(seen), azure.log.read_text(), json.dumps(azure.control("GET", "/bodies"))):
        assert SECRETS.passphrase not in text
        assert SECRETS.admin_password not in text


def test_check_mode_validates_looks_ahead_and_writes_nothing(azure: StandIn) -> None:
    predicted = Person(azure, check=True).present()
    assert azure.counters()["writes"] == 0
    assert predicted["requests"]["writes"] == 0
    (plan,) = predicted["plan"]
    assert plan["operation"] == "deployment"
    assert {c["change"] for c in plan["changes"]} == {"Create"}
    assert SECRETS.passphrase not in json.dumps(predicted)
    assert (entry(predicted)["done"], entry(predicted)["changed"], entry(predicted)["after"]) == (
        "started",
        True,
        "ready",
    )
    Person(azure).present()
    after = Person(azure, check=True).present()
    assert (after["plan"], after["changed"]) == ([], False)


def test_a_killed_run_is_joined_and_nothing_is_deployed_twice(azure: StandIn) -> None:
    person = Person(azure)
    person.order = replace(person.order, slice_seconds=0.1)
    killed = person.slice()
    assert (killed["finished"], entry(killed)["code"]) == (False, "deploying")
    # Another run, without what the first one knew.
    result = Person(azure).present()
    assert entry(result)["done"] == "unchanged"
    assert accepted(azure, "deployment") == 1


@pytest.mark.parametrize("accepted_first", [True, False])
def test_a_lost_reply_is_never_sent_again(azure: StandIn, accepted_first: bool) -> None:
    action = "drop_after_accept" if accepted_first else "drop_before_accept"
    azure.fault(action, {"method": "PUT", "path": "deployments"}, times=1)
    result = Person(azure).present()
    assert entry(result)["done"] == "started"
    assert accepted(azure, "deployment") == 1


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"address": "10.60.1.10"}, "address_not_in_subnet", "10.60.0.0/24"),
        ({"address": "10.60.0.3"}, "address_not_in_subnet", "deploy.address"),
        ({"address": "somewhere"}, "address_invalid", "somewhere"),
        ({"subnet": "others"}, "subnet_not_found", "servers"),
        ({"virtual_network": "vnet-x"}, "network_not_found", "vnet-dr-2"),
        ({"virtual_network": "vnet-dr", "address": "10.50.0.9"}, "network_has_process_server", "ps-azure-01"),
        ({"resource_group": "rg-x"}, "resource_group_not_found", "rg-x"),
        ({"source": "gallery"}, "gallery_image_not_offered", "windows"),
        ({"image": {"sku": "2099-Datacenter"}}, "image_not_offered", "2099-Datacenter"),
        ({"size": "Standard_D2s_v3"}, "size_not_available", "too small"),
        ({"size": "Standard_D4s_v5"}, "size_not_available", "NotAvailableForSubscription"),
        ({"zone": "7"}, "size_not_available", "zone 7"),
        ({"daily_change_gb": 3000}, "capacity_exceeded", "3000 GB"),
        ({"name": "a-name-that-is-too-long"}, "name_invalid", "15"),
        ({"configuration_server": "CS-09"}, "configuration_server_not_found", "CS-01"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    azure: StandIn, change: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(InputError) as refusal:
        Person(azure).present(wish(**change))
    assert refusal.value.code == code
    assert said in refusal.value.sentence()
    assert azure.counters()["writes"] == 0


#: Rule -> a wish that breaks it.
BROKEN: dict[str, dict[str, Any]] = {
    "ps_alone": {"virtual_network": "vnet-dr", "address": "10.50.0.9"},
    "ps_address": {"address": "10.60.1.10"},
    "ps_image": {"image": {"sku": "2099-Datacenter"}},
    "ps_size": {"size": "Standard_D2s_v3"},
}


def test_what_is_against_a_deployment_is_named_at_once_and_can_be_accepted_rule_by_rule(azure: StandIn) -> None:
    broken = wish(size="Standard_D2s_v3", image={"sku": "2099-Datacenter"})
    with pytest.raises(InputError) as all_of_it:
        Person(azure, check=True).present(broken)
    assert [w in all_of_it.value.sentence() for w in ("2099-Datacenter", "too small", "ps_image", "ps_size")] == [
        True
    ] * 4
    for rule, change in BROKEN.items():
        with pytest.raises(InputError) as refusal:
            Person(azure, check=True).present(wish(**change))
        assert rule in refusal.value.sentence()
        told = Person(azure, check=True, accept={rule: "the owner knows why."}).present(wish(**change))
        found = {f["rule"]: (f["verdict"], f["accepted"]) for f in told["findings"]}
        assert found[rule] == ("block", "the owner knows why.")
        # What Azure itself would refuse is refused all the same.
        taken = entry(told)["done"] == "started"
        assert taken is (rule in ("ps_alone", "ps_size"))
        assert ("ps_deployable" in found) is not taken
    assert "findings" not in Person(azure, check=True).present()
    assert azure.counters()["writes"] == 0


def test_what_cannot_be_read_is_not_known_and_left_to_azure(azure: StandIn) -> None:
    azure.fault("status", {"method": "GET", "path": "Microsoft.Compute/skus"}, code=403, times=None)
    told = Person(azure).present()
    assert {f["rule"]: f["verdict"] for f in told["findings"]} == {"ps_size": "unknown"}
    assert entry(told)["done"] == "started"
    assert azure.connect().get(wish().vm_id)["properties"]["hardwareProfile"]["vmSize"] == "Standard_D4s_v3"


def test_quota_chooses_and_refuses(azure: StandIn) -> None:
    azure.control("POST", "/settings", {"cores_left": 6})
    with pytest.raises(InputError, match="quota cores leaves 6"):
        Person(azure).present(wish(daily_change_gb=800))
    assert Person(azure, check=True).present()["deployment"]["size"] == "Standard_D4s_v3"


def test_secrets_are_asked_for_where_they_are_needed(azure: StandIn) -> None:
    for secrets, option in ((Secrets("", "x"), "admin_password"), (Secrets("x", ""), "passphrase")):
        with pytest.raises(InputError, match=f"`{option}` is empty"):
            Person(azure).present(secrets=secrets)


def test_an_address_in_use_is_refused_with_free_ones(azure: StandIn) -> None:
    # One whose set-up failed holds its address and has not registered.
    azure.control("POST", "/settings", {"setup_exit_code": 1})
    Person(azure).present()
    person = Person(azure)
    person.order = replace(person.order, name="ps-azure-03")
    with pytest.raises(InputError, match=r"10\.60\.0\.10") as refusal:
        person.present(wish(name="ps-azure-03"))
    assert refusal.value.code == "address_in_use"
    assert "10.60.0.4" in refusal.value.remedy


def test_a_set_up_that_fails_is_reported_and_done_again_by_the_next_run(azure: StandIn) -> None:
    azure.control("POST", "/settings", {"setup_exit_code": 1603})
    failed = Person(azure).present()
    assert (entry(failed)["done"], entry(failed)["code"]) == ("failed", "deployment_failed")
    assert "1603" in entry(failed)["reason"]
    assert "ASRSetupLogs" in entry(failed)["remedy"]
    azure.control("POST", "/settings", {"setup_exit_code": 0})
    assert entry(Person(azure).present())["done"] == "started"
    assert accepted(azure, "deployment") == 2


def test_the_gallery_image_waits_for_a_person(azure: StandIn) -> None:
    azure.control("POST", "/settings", {"gallery_image": True})
    result = Person(azure, ready_timeout=60.0).present()
    assert entry(result)["code"] == "not_registered"
    assert "cspsconfigtool" in entry(result)["remedy"]


def test_security_rules_are_fixed_and_other_differences_refused(azure: StandIn) -> None:
    Person(azure).present()
    fixed = Person(azure).present(wish(rdp_sources=("10.20.9.0/24",)))
    assert entry(fixed)["changed"]
    names = [r["name"] for r in azure.connect().get(wish().nsg_id)["properties"]["securityRules"]]
    assert names == ["replication-data", "remote-desktop", "nothing-else"]
    before = azure.counters()["writes"]
    refused = Person(azure).present(wish(address="10.60.0.11", rdp_sources=("10.20.9.0/24",)))
    assert (entry(refused)["done"], entry(refused)["code"]) == ("refused", "deployed_differently")
    assert "10.60.0.10, not 10.60.0.11" in entry(refused)["reason"]
    assert azure.counters()["writes"] == before


def test_removed_to_the_last_part_and_nothing_else(azure: StandIn) -> None:
    Person(azure).present()
    planned = Person(azure, check=True).absent()
    assert [p["operation"] for p in planned["plan"]] == ["unregister", *["delete"] * 4]
    gone = Person(azure).absent()
    assert (entry(gone)["done"], entry(gone)["after"]) == ("started", "absent")
    vaults = azure.connect()
    servers = [
        s["friendlyName"] for s in vaults.list_fabrics(azure.vault)[0]["properties"]["customDetails"]["processServers"]
    ]
    assert servers == ["ps-azure-01", "CS-01"]
    group = f"{wish().group_id}/providers"
    for kind in (
        "Microsoft.Network/networkInterfaces",
        "Microsoft.Network/networkSecurityGroups",
        "Microsoft.Compute/disks",
    ):
        assert vaults.list_resources(f"{group}/{kind}") == []
    assert len(vaults.list_resources(f"{group}/Microsoft.Network/virtualNetworks")) == 2
    writes = azure.counters()["writes"]
    again = Person(azure).absent()
    assert (entry(again)["done"], again["changed"]) == ("unchanged", False)
    assert azure.counters()["writes"] == writes


def test_one_in_use_is_refused_with_the_names_and_emptied_on_request(azure: StandIn) -> None:
    Person(azure).present()
    person = Person(azure, move_machines_from="CS-01", machines=("dc-01", "app-01"))
    moved = person.present()
    assert not [m["reason"] for m in moved["machines"] if m["done"] == "refused"]
    assert {m["name"]: m["after"] for m in moved["machines"][1:]} == {"dc-01": NAME, "app-01": NAME}
    refused = Person(azure).absent()
    assert (entry(refused)["done"], entry(refused)["code"]) == ("refused", "in_use")
    assert "app-01, dc-01" in entry(refused)["reason"]
    assert azure.connect().get(wish().vm_id)
    gone = Person(azure, refresh=True).absent("CS-01")
    assert entry(gone)["after"] == "absent"
    assert (
        azure.control("GET", "/items/dc-01")["process_server"]
        == azure.control("GET", "/items/files-01")["process_server"]
    )


def test_a_part_that_lost_its_mark_is_not_removed(azure: StandIn) -> None:
    Person(azure).present()
    vaults = azure.connect()
    body = vaults.get(wish().nsg_id)
    template = {"$schema": "x", "contentVersion": "1.0.0.0", "parameters": {}}
    template["resources"] = [  # type: ignore[assignment]
        {"type": body["type"], "apiVersion": "2023-11-01", "name": body["name"], "location": "westeurope", "tags": {}}
    ]
    other = wish().deployment_id.replace(NAME, "by-hand")
    vaults.put(other, {"properties": {"mode": "Incremental", "template": template, "parameters": {}}})
    azure.control("POST", "/clock/advance", {"seconds": 2000})
    refused = Person(azure).absent()
    assert (entry(refused)["done"], entry(refused)["code"]) == ("refused", "not_ours")
    assert MARK in entry(refused)["reason"]
    assert vaults.get(wish().vm_id)


def test_one_that_was_not_deployed_here_is_left_alone(azure: StandIn) -> None:
    person = Person(azure)
    person.order = replace(person.order, name="ps-azure-01")
    kept = person.absent(wanted=wish(name="ps-azure-01"))
    assert entry(kept)["code"] == "not_deployed_here"
    used = person.present(wish(name="ps-azure-01", virtual_network="vnet-dr", address="10.50.0.4"))
    assert (entry(used)["done"], used["deployment"]["state"]) == ("unchanged", "not deployed here")
    assert azure.counters()["writes"] == 0


def test_killed_at_every_slice_it_still_comes_and_goes(azure: StandIn) -> None:
    """No slice knows what the one before it did."""
    person = Person(azure)
    person.order = replace(person.order, slice_seconds=0.1, refresh=True)
    for work, stops in ((person.slice, 400), (lambda: person.slice_absent("CS-01"), 400)):
        for _kill in range(stops):
            result = work()
            if result["finished"]:
                break
            person.pass_time(20.0)
        assert result["finished"]
    assert entry(result)["after"] == "absent"
    assert accepted(azure, "deployment") == 1
    assert accepted(azure, "runCommand") == 1


def test_writing_is_refused_on_a_connection_that_only_reads(azure: StandIn) -> None:
    vaults = azure.connect(read_only=True)
    for write in (lambda: vaults.put(wish().nic_id, {}), lambda: vaults.delete(wish().nic_id)):
        with pytest.raises(FailbackError, match="read-only"):
            write()
    assert azure.counters()["writes"] == 0
