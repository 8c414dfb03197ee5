# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine an item is: every id holds, contradicts or is absent, both generations, both directions."""

from __future__ import annotations

from typing import Any

import pytest
from builders import VAULT, azure_json, item, job_json, of, stage
from modern import ModernWorld, rcm
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ConnectionFailed
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.identity import (
    Known,
    in_azure,
    onprem,
    subscriptions,
    targets,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteDisk, SiteMachine

HOME, OUT = Position.HOME_UNCOMMITTED, Position.OUT_UNCOMMITTED
U1, U2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
D1, D2 = "6000C29b-1cb1-c09c-1664-16f7879c0329", "6000C29a-0000-0000-0000-000000000002"
SUB, OTHER = VAULT.subscription_id, "99999999-8888-4777-8666-555555555555"


def machine(name: str = "web", uuid: str = "", disks: tuple[str, ...] = (), **more: Any) -> SiteMachine:
    found = tuple(SiteDisk(f"[d] {u}.vmdk", u) for u in disks)
    return SiteMachine(f"vm-{name}-{uuid}", name, uuid or "x", disks=found, powered_on=True, **more)


def job(**affected: Any) -> Job:
    return Job.parse(job_json("j", "UnplannedFailover", "Succeeded", customDetails={"affectedObjectDetails": affected}))


def home(**details: Any) -> Item:
    """A modernized item that came home; nothing of its on-premises machine but what is given."""
    return rcm("web", HOME, details={"protectedDisks": [], **details})


def disk(*uuids: str) -> dict[str, Any]:
    return {"protectedDisks": [{"diskUuid": u} for u in uuids]}


@pytest.mark.parametrize(
    ("seen", "known", "told", "machines", "found"),
    [
        # Classic: infrastructureVmId out, replicaId home; whatever it is called by now, in any case.
        (item("web", OUT), Known(), None, [machine("renamed", "UUID-WEB")], 0),
        (item("web", OUT), Known(), None, [machine("renamed", "z", bios_uuid="Uuid-Web")], 0),
        (item("web", HOME), Known(), None, [machine("web", "other"), machine("renamed", "uuid-web")], 1),
        (item("web", HOME, details={"replicaId": None}), Known(), None, [machine("web", "guid-web")], 0),
        # Seen before the reprotect, reported by the failover's job, or the disks.
        (home(), Known(site_uuid=U1), None, [machine("web", U2), machine("new", U1)], 1),
        (home(), Known(), job(recoveryVmId=U1), [machine("web", U2), machine("new", U1)], 1),
        (home(), Known(), job(RecoveryVmId=U1.upper()), [machine("new", U1)], 0),
        (home(**disk(D1)), Known(), None, [machine("web", U2, (D2,)), machine("new", U1, (D1.upper(),))], 1),
        (home(**disk(D1)), Known(site_uuid=U1), None, [machine("new", U1, (D1,))], 0),
        # The disks of a machine whose devices were not read say nothing against it.
        (home(**disk(D1)), Known(site_uuid=U1), None, [machine("new", U1)], 0),
    ],
)
def test_the_machine_in_vcenter(seen: Item, known: Known, told: Job | None, machines: list[Any], found: int) -> None:
    assert onprem(seen, told, machines, known).machines == (machines[found],)


@pytest.mark.parametrize(
    ("seen", "known", "machines", "words"),
    [
        (home(**disk(D1)), Known(site_uuid=U1), [machine("web", U1, (D2,))], "none of its disks"),
        (
            home(**disk(D1)),
            Known(site_uuid=U1),
            [machine("a", U1), machine("b", U2, (D1,))],
            "its UUID and its disks belong to different machines",
        ),
    ],
)
def test_ids_of_vcenter_that_contradict_each_other(seen: Item, known: Known, machines: list[Any], words: str) -> None:
    found = onprem(seen, None, machines, known, f"{U1} says the owner")
    assert (found.machines, found.named) == ((), "")
    assert words in found.clash


@pytest.mark.parametrize("seen", [item("web", HOME), home(), home(**disk(D1)), item("web", OUT)])
def test_a_name_in_vcenter_is_no_identity(seen: Item) -> None:
    namesake = machine("WEB", U2, (D2,))
    found = onprem(seen, None, [namesake], Known())
    assert (found.machines, found.alike, bool(found.compared)) == ((), (namesake,), True)
    assert onprem(seen, None, [machine("web", U2, template=True)], Known()).alike == ()
    said = onprem(seen, None, [namesake], Known(), f"{U2} was recreated, says the owner")
    assert (said.machines, said.named) == ((namesake,), f"{U2} was recreated, says the owner")
    assert onprem(seen, None, [namesake], Known(), "trust me").machines == ()


# -- Azure -----------------------------------------------------------------------------------------------------------


def vm(name: str = "web", group: str = "rg", subscription: str = SUB, **props: Any) -> dict[str, Any]:
    path = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
    return {"id": path, "name": name, "properties": {"vmId": f"{name}-{group}", **props}}


NIC = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/web-nic"
MANAGED = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Compute/disks/web-os"


def nics(*ids: str) -> dict[str, Any]:
    return {"networkProfile": {"networkInterfaces": [{"id": i} for i in ids]}}


def disks(*ids: str) -> dict[str, Any]:
    return {"storageProfile": {"osDisk": {"managedDisk": {"id": ids[0]}}, "dataDisks": []}}


@pytest.mark.parametrize(
    ("seen", "known", "machines", "found"),
    [
        # The resource id, of the item or seen before the reprotect.
        (item("web", OUT, details={"targetVmId": vm("real")["id"].upper()}), Known(), [vm(), vm("real")], 1),
        (rcm("web", HOME), Known(), [vm("web", "other"), vm()], 1),
        (item("web", HOME), Known(azure_vm_id=vm("real")["id"]), [vm(), vm("real")], 1),
        # The VM's own id, wherever it was moved.
        (item("web", HOME), Known(), [vm(), vm("web", "moved", vmId="GUID-web")], 1),
        # Its NICs, its disks.
        (
            item("web", HOME, details={"vmNics": [{"sourceNicArmId": NIC.upper()}]}),
            Known(),
            [vm(), vm("new", **nics(NIC))],
            1,
        ),
        (
            rcm("web", OUT, details={"protectedDisks": [{"targetManagedDiskId": MANAGED}]}),
            Known(),
            [vm("web"), vm("web-az", **disks(MANAGED))],
            1,
        ),
        (
            item("web", OUT, details={"azureVMDiskDetails": [{"diskId": MANAGED}]}),
            Known(),
            [vm("web-az", **disks(MANAGED))],
            0,
        ),
        # On the way out: the planned name in the item's own group.
        (item("web", OUT), Known(), [vm("web", "other"), vm()], 1),
        (item("web", OUT, details={"recoveryAzureVMName": "web-az"}), Known(), [vm(), vm("web-az")], 1),
        (rcm("web", OUT), Known(), [vm("web", "rg", OTHER), vm()], 1),
    ],
)
def test_the_machine_in_azure(seen: Item, known: Known, machines: list[Any], found: int) -> None:
    assert in_azure(seen, None, machines, known).machines == (machines[found],)


@pytest.mark.parametrize(
    ("seen", "known", "machines", "words"),
    [
        (rcm("web", HOME), Known(azure_vm_id=vm("else")["id"]), [vm(), vm("else")], "before its reprotect names"),
        (
            item("web", HOME, details={"vmNics": [{"sourceNicArmId": NIC}]}),
            Known(),
            [vm(vmId="guid-web"), vm("b", **nics(NIC))],
            "different Azure VMs",
        ),
        (
            rcm("web", HOME, details={"protectedDisks": [{"targetManagedDiskId": MANAGED}]}),
            Known(),
            [vm(**disks(f"{MANAGED}-2"))],
            "none of the disks",
        ),
        (item("web", OUT), Known(), [vm(timeCreated="2020-01-01T00:00:00Z")], "before the failover started"),
    ],
)
def test_ids_of_azure_that_contradict_each_other(seen: Item, known: Known, machines: list[Any], words: str) -> None:
    found = in_azure(seen, job(), machines, known, f"{vm()['id']} says the owner")
    assert (found.machines, found.named) == ((), "")
    assert words in found.clash


@pytest.mark.parametrize(
    ("seen", "machines"),
    [
        (item("web", HOME), [vm("web", "rg-dev")]),
        (rcm("web", HOME), [vm("web", "rg-dev")]),
        (item("web", OUT), [vm("web", "rg-dev")]),
        (rcm("web", OUT), [vm("web", "rg-dev")]),
        (item("web", OUT, details={"recoveryAzureResourceGroupId": None}), [vm()]),
    ],
)
def test_a_name_in_azure_is_no_identity(seen: Item, machines: list[Any]) -> None:
    found = in_azure(seen, None, machines, Known())
    assert (found.machines, found.alike, bool(found.compared)) == ((), tuple(machines), True)


def test_a_person_names_the_azure_vm_by_its_id() -> None:
    seen = item("web", HOME)
    reason = f"{vm('web', 'rg-dev')['id']} is it, says the owner"
    found = in_azure(seen, None, [vm(), vm("web", "rg-dev")], Known(), reason)
    assert (found.machines, found.named) == ((vm("web", "rg-dev"),), reason)
    assert in_azure(seen, None, [vm()], Known(), "it is the one, says the owner").machines == ()
    # What the item itself names is not overruled.
    assert in_azure(rcm("web", HOME), None, [vm("web", "rg-dev")], Known(), reason).machines == ()


@pytest.mark.parametrize(
    ("seen", "known", "expected"),
    [
        (
            item("web", OUT, details={"recoveryAzureResourceGroupId": f"/subscriptions/{OTHER}/resourceGroups/r"}),
            Known(),
            {OTHER},
        ),
        (
            rcm("web", OUT, details={"targetResourceGroupId": f"/subscriptions/{OTHER}/resourceGroups/r"}),
            Known(),
            {OTHER},
        ),
        (rcm("web", HOME, details={"azureVirtualMachineId": vm(subscription=OTHER)["id"]}), Known(), {OTHER}),
        (item("web", HOME), Known(azure_vm_id=vm(subscription=OTHER)["id"]), {OTHER}),
        (item("web", HOME, details={"vmNics": [{"sourceNicArmId": NIC.replace(SUB, OTHER)}]}), Known(), {OTHER}),
        # Nothing is reported: where the vault's other machines go, and the vault's own.
        (item("web", HOME), Known(), {SUB, OTHER}),
    ],
)
def test_the_subscription_is_the_one_the_item_names(seen: Item, known: Known, expected: set[str]) -> None:
    other = item("db", OUT, details={"recoveryAzureResourceGroupId": f"/subscriptions/{OTHER}/resourceGroups/r"})
    assert subscriptions(seen, None, known, targets([seen, other])) == expected


# -- in a run --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[World, ModernWorld], ids=["classic", "modernized"])
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param()
    return made


def stranger(power: str) -> dict[str, Any]:
    found = azure_json("web", power)
    found["id"] = found["id"].replace("/rg/", "/rg-dev/")
    found["properties"]["vmId"] = "0000"
    return found


@pytest.mark.parametrize("hidden", [True, False])
def test_a_namesake_in_azure_neither_proves_nor_blocks(world: World, hidden: bool) -> None:
    """The stranger is stopped and the real one out of sight; then both are seen and the stranger runs."""
    world.add("web", position=HOME)
    real = [] if hidden else [azure_json("web", "deallocated")]
    world.azure_says["web"] = [stranger("deallocated" if hidden else "running"), *real]
    told = of(world.go(stage(3)), "web")
    assert told["done"] == ("refused" if hidden else "started")
    assert len(world.steps_sent()) == (0 if hidden else 1)
    if hidden:
        assert told["code"] in ("azure_identity", "azure_vm_missing")
        assert "rg-dev" in told["reason"] or "looked" in told["reason"] or "rg" in told["reason"]


def test_a_namesake_in_vcenter_neither_proves_nor_blocks(world: World) -> None:
    world.add("web", position=HOME)
    real = SiteMachine("vm-web", "renamed", "uuid-web", powered_on=False)
    world.site_says["web"] = (SiteMachine("vm-2", "web", "other", powered_on=True), real)
    told = of(world.go(stage(3)), "web")
    assert told["done"] == "refused"
    assert told["code"] in ("onprem_not_running", "onprem_identity")
    assert world.steps_sent() == []


def test_an_azure_vm_that_is_really_gone_can_be_accepted(world: World) -> None:
    world.add("web", position=HOME)
    world.azure_says["web"] = []
    told = of(world.go(stage(3)), "web")
    assert (told["done"], told["code"]) == ("refused", "azure_vm_missing")
    assert "moved or deleted" in told["reason"]
    told = of(world.go(stage(3, accept={"azure_vm_missing": "deleted by mistake, says the owner"})), "web")
    assert (told["done"], [e["gate"] for e in told["accepted"]]) == ("started", ["azure_vm_missing"])


def test_a_subscription_that_may_not_be_read_holds_its_own_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    from world import Port

    world = World().add("web", "db", position=OUT)
    there = f"/subscriptions/{OTHER}/resourceGroups/rg"
    world.extra["web"] = {"details": {"recoveryAzureResourceGroupId": there}}
    listed = Port.list_azure_machines

    def shut(self: Port, subscription: str) -> list[dict[str, Any]]:
        if subscription == OTHER:
            raise ConnectionFailed("forbidden", f"The account may not read virtual machines of {OTHER}.", "Grant it.")
        return listed(self, subscription)

    monkeypatch.setattr(Port, "list_azure_machines", shut)
    result = world.go(stage(1, "web", "db"))
    assert of(result, "db")["after"] == "out"
    told = of(result, "web")
    assert (told["done"], told["code"]) == ("failed", "forbidden")
    assert "may not read" in told["reason"]


def test_disks_that_only_the_azure_vm_has_are_named_before_it_is_deleted(world: World) -> None:
    world.add("web", position=HOME)
    found = azure_json("web", "deallocated")
    found["properties"]["storageProfile"] = {
        "osDisk": {"name": "os"},
        "dataDisks": [{"lun": 7, "name": "added-in-azure", "diskSizeGB": 512}],
    }
    world.azure_says["web"] = [found]
    told = of(world.go(stage(3)), "web")
    assert (told["done"], told["code"]) == ("refused", "disk_unprotected")
    assert "added-in-azure (LUN 7, 512 GB)" in told["reason"]
    assert world.steps_sent() == []
    told = of(world.go(stage(3, accept={"disk_unprotected": "scratch, says the owner"})), "web")
    assert told["done"] == "started"


def test_an_unsettled_azure_vm_proves_nothing(world: World) -> None:
    world.add("web", position=HOME)
    found = azure_json("web", "deallocated")
    found["properties"]["provisioningState"] = "Failed"
    world.azure_says["web"] = [found]
    assert of(world.go(stage(3)), "web")["code"] == "azure_vm_unsettled"


@pytest.mark.parametrize("stays", [True, False])
def test_whether_the_azure_vm_is_gone_is_reported_after_the_commit(world: World, stays: bool) -> None:
    """A lock lets the job succeed and the VM stay."""
    world.add("web", position=HOME)
    if stays:
        world.azure_says["web"] = [azure_json("web", "deallocated")]
    result = world.go(stage(3))
    told = of(result, "web")
    assert (told["done"], told["after"]) == ("started", "home_unprotected")
    assert [w["code"] for w in told["warnings"]] == (["azure_vm_remains"] if stays else [])
    if stays:
        assert "is still there (deallocated)" in told["warnings"][0]["message"]
    assert result["requests"]["reads"] == result["requests"]["floor"]["reads"]
