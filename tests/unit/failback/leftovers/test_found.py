# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left over in Azure: whose it is, by what that is known, and what is still needed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.leftovers.found import (
    Claim,
    Leftover,
    claims,
    leftovers_of,
    places_of,
    records,
    table,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef

GROUP = "/subscriptions/s/resourceGroups/rg-dr"
OTHER = "/subscriptions/s/resourceGroups/rg-else"
DISK = f"{GROUP}/providers/Microsoft.Compute/disks"
MARK = "our-mark"


def item(name: str, **details: Any) -> Item:
    props = {"friendlyName": name, "providerSpecificDetails": {"instanceType": "InMageAzureV2", **details}}
    return Item.parse({"id": f"/x/{name}", "properties": props}, VaultRef("s", "rg", "v"))


def one(kind: str, entry: dict[str, Any], known: dict[str, Claim] | None = None, **more: Any) -> Leftover | None:
    found = leftovers_of(kind, [entry], known or {}, more.pop("groups", [GROUP]), MARK, **more)
    return found[0] if found else None


def test_ids_anywhere_in_the_item_are_its_own_and_seeds_are_written_to() -> None:
    web = item(
        "web",
        protectedManagedDisks=[{"seedManagedDiskId": f"{DISK}/Seed", "targetDiskName": "web-0"}],
        protectedDisks=[{"targetManagedDiskId": f"{DISK}/target"}],
        vmNics=[{"sourceNicArmId": f"{GROUP}/providers/Microsoft.Network/networkInterfaces/nic"}],
    )
    known = claims([web])
    assert known[f"{DISK}/seed".lower()] == Claim("web", replicating=True, role="seed")
    assert known[f"{DISK}/target".lower()] == Claim("web", replicating=False, role="failover")
    assert len(known) == 3


def test_a_name_alone_proves_nothing() -> None:
    found = one("disk", {"id": f"{DISK}/asrseeddisk-web-0"}, claims([item("web")]))
    assert found is not None
    assert found.machine == ""
    assert found.evidence.startswith("none")


@pytest.mark.parametrize(
    ("kind", "path", "more"),
    [
        ("disk", "Microsoft.Compute/disks/d", {"managedBy": "/x/vm-1"}),
        (
            "network_interface",
            "Microsoft.Network/networkInterfaces/n",
            {"properties": {"virtualMachine": {"id": "/vm-1"}}},
        ),
        (
            "network_interface",
            "Microsoft.Network/networkInterfaces/n",
            {"properties": {"privateEndpoint": {"id": "/vm-1"}}},
        ),
        (
            "public_address",
            "Microsoft.Network/publicIPAddresses/p",
            {"properties": {"ipConfiguration": {"id": "/vm-1"}}},
        ),
    ],
)
def test_what_is_attached_is_in_use_and_what_is_not_is_left(kind: str, path: str, more: dict[str, Any]) -> None:
    attached = one(kind, {"id": f"{GROUP}/providers/{path}", **more})
    left = one(kind, {"id": f"{GROUP}/providers/{path}"})
    assert attached is not None
    assert attached.in_use == "attached to vm-1"
    assert left is not None
    assert not left.in_use


def test_a_seed_disk_of_a_protected_machine_is_in_use() -> None:
    found = one("disk", {"id": f"{DISK}/seed"}, {f"{DISK}/seed".lower(): Claim("web", replicating=True)})
    assert found is not None
    assert found.in_use == "the replication of web writes to it"


def test_a_snapshot_belongs_to_whom_its_disk_belongs_to() -> None:
    entry = {
        "id": f"{OTHER}/providers/Microsoft.Compute/snapshots/s",
        "properties": {"creationData": {"sourceResourceId": f"{DISK}/SEED"}, "diskSizeGB": 30},
    }
    found = one("snapshot", entry, {f"{DISK}/seed".lower(): Claim("web", replicating=True)})
    assert found is not None
    assert (found.machine, found.in_use, found.size_gb) == ("web", "", 30)
    assert one("snapshot", entry) is None, "of another group, and nobody's"


def test_virtual_machines_are_named_only_where_ids_or_the_mark_prove_it() -> None:
    vm = {"id": f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web"}
    mine = {vm["id"].lower(): Claim("web", replicating=False)}
    assert one("virtual_machine", vm) is None
    left = one("virtual_machine", vm, mine)
    assert left is not None
    assert not left.in_use
    runs = one("virtual_machine", vm, mine, away=["web"])
    assert runs is not None
    assert runs.in_use == "web runs in it"
    server = one("virtual_machine", {**vm, "tags": {MARK: "ps-2"}}, groups=[])
    assert server is not None
    assert server.process_server == "ps-2"


@pytest.mark.parametrize(
    "odd", [{}, {"id": None}, {"id": f"{OTHER}/providers/Microsoft.Compute/disks/d", "tags": None}]
)
def test_what_is_elsewhere_or_odd_is_not_named(odd: dict[str, Any]) -> None:
    assert one("disk", odd) is None
    assert one("disk", {"id": f"{GROUP}-2/providers/Microsoft.Compute/disks/d"}) is None
    assert one("disk", {"id": f"{DISK}/d"}, groups=[]) is None
    assert one("disk", {"id": f"{DISK}/d"}, groups=[""]) is None


def test_the_table() -> None:
    left = Leftover("disk", f"{DISK}/d", machine="web", sku="Premium_LRS", size_gb=40)
    used = Leftover("disk", f"{DISK}/e", in_use="attached to x")
    lines = table([left, used])
    assert lines[1].split() == ["web", "disk", "40", "GB", "Premium_LRS", "size", "and", "SKU", "d"]
    assert lines[2] == "1 left over in Azure, 40 GB of disks and snapshots. 1 more are in use. Nothing was removed."
    assert lines[3:] == ["", "To remove some of them, list their ids in {option:remove}.", f"  {DISK}/d"]
    assert table([]) == ["Nothing is left over in Azure."]


def test_the_table_says_what_must_be_checked_and_is_not_endless() -> None:
    lines = table([Leftover("disk", f"{DISK}/d{n}") for n in range(103)])
    assert "Where the machine is not known, check what it belongs to, and set {option:remove_unknown}." in lines[-102]
    assert lines[-1] == "  and 3 more, in the task's result (-v) under leftovers"


def test_roles_of_disks_and_what_was_deployed_with_a_process_server() -> None:
    known = claims([item("web", disks=[{"seedManagedDiskId": f"{DISK}/s", "targetManagedDiskId": f"{DISK}/t"}])])
    seed, target = one("disk", {"id": f"{DISK}/s"}, known), one("disk", {"id": f"{DISK}/t"}, known)
    assert seed is not None
    assert target is not None
    assert (seed.role, target.role) == ("seed", "failover")
    group = {"id": f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/g", "tags": {MARK: "ps-2"}}
    assert one("network_security_group", {**group, "tags": {}}) is None, "a group's own rules are no leftover"
    left, used = one("network_security_group", group), one("network_security_group", group, serving=["PS-2"])
    assert left is not None
    assert used is not None
    assert (left.in_use, used.in_use) == ("", "the vault lists the process server ps-2")


def test_records_of_deployments_are_ours_by_name_and_output() -> None:
    def record(name: str, **outputs: Any) -> dict[str, Any]:
        deployments = f"{GROUP}/providers/Microsoft.Resources/deployments"
        return {"id": f"{deployments}/{name}", "name": name, "properties": {"outputs": outputs}}

    ours = record("homeward-asr-ps-2", made={"value": []})
    found = records([ours, record("homeward-asr-x"), record("other", made={})], "homeward-asr-")
    assert [(r.process_server, r.in_use) for r in found] == [("ps-2", "")]
    assert records([ours], "homeward-asr-", ["ps-2"])[0].in_use
    assert places_of(found) == [GROUP.lower()]
