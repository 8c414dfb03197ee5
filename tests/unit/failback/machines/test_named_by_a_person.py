# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's approval is about one machine: it neither proves its neighbours nor overlooks what is still there."""

from __future__ import annotations

from typing import Any

import pytest
from builders import azure_json, item, of, stage
from modern import ModernWorld, rcm
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.identity import Found, Known, in_azure, onprem
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteDisk, SiteMachine
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.evidence import _apart
from ansible_collections.homeward.asr.plugins.module_utils.failback.proofs.prove import Evidence, prove

HOME = Position.HOME_UNCOMMITTED
U1, U2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def vm(name: str, uuid: str) -> SiteMachine:
    disks = (SiteDisk(f"[ds1] {name}.vmdk"),)
    return SiteMachine(f"vm-{uuid}", name, uuid, powered_on=True, disks=disks, tools="running", addresses=("10.0.0.5",))


def unknown(name: str) -> Any:
    """A modernized item that came home and reports no id of its on-premises machine."""
    return rcm(name, HOME, details={"protectedDisks": []})


def azure(name: str, group: str = "rg", power: str = "deallocated") -> dict[str, Any]:
    found = azure_json(name, power)
    found["id"] = found["id"].replace("/rg/", f"/{group}/")
    found["properties"]["vmId"] = f"{name}-{group}"
    return found


@pytest.mark.parametrize(
    ("reason", "shared", "found"),
    [
        # The VM of the machine's own name, and what the reason says is the machine's.
        (f"{U1} is it, says the owner", False, U1),
        (f"{U2} is web, says the owner", False, U2),
        (f"{U2} is RPI-WEB, says the owner", False, U2),
        (f"{U1} is web and {U2} is db, says the owner", False, U1),
        # Said of another machine.
        (f"{U2} is it, says the owner", False, ""),
        (f"{U2} is db, says the owner", False, ""),
        (f"{U2} is web-2, says the owner", False, ""),
        # Two items of one name: which of them?
        (f"{U1} is web, says the owner", True, ""),
        (f"{U1} is rpi-web, says the owner", True, U1),
        (f"{U1} is rpi-web-2, says the owner", True, ""),
    ],
)
def test_a_vm_in_vcenter_is_named_for_one_machine(reason: str, shared: bool, found: str) -> None:
    machines = [vm("web", U1), vm("db", U2)]
    seen = onprem(unknown("web"), None, machines, Known(), reason, shared)
    assert [m.uuid for m in seen.machines] == ([found] if found else [])
    assert seen.named == (reason if found else "")
    if not found:
        evidence = Evidence(unknown("web"), None, (), (azure("web"),), site_found=seen)
        told = next(p for p in prove(evidence, "commit_to_onprem") if p.code == "onprem_identity")
        assert f"UUID is {'rpi-web' if shared else 'web'}, says" in told.remedy


@pytest.mark.parametrize(
    ("reason", "shared", "found"),
    [
        ("{web} is it, says the owner", False, "web"),
        ("the owner has looked: {web}.", False, "web"),
        ("{other} is web, says the owner", False, "web-az"),
        ("{other} is it, says the owner", False, ""),
        ("{other} is db, says the owner", False, ""),
        ("{web} is web, says the owner", True, ""),
        ("{web} is rpi-web, says the owner", True, "web"),
    ],
)
def test_an_azure_vm_is_named_for_one_machine(reason: str, shared: bool, found: str) -> None:
    machines = [azure("web", "rg-a"), azure("web-az", "rg-b")]
    reason = reason.format(web=machines[0]["id"].upper(), other=machines[1]["id"])
    seen = in_azure(item("web", HOME), None, machines, Known(), reason, shared)
    assert [m["id"].rpartition("/")[2] for m in seen.machines] == ([found] if found else [])


def test_one_vm_is_never_the_proof_of_two_machines() -> None:
    here, there = vm("web", U1), azure("web")
    found = {
        name: Evidence(
            item(name, HOME), None, (here,), (there,), site_found=Found((here,)), azure_found=Found((there,))
        )
        for name in ("web", "db")
    }
    found["x"] = Evidence(item("x", HOME), None, (vm("x", U2),), (azure("x"),))
    apart = _apart(found)
    for name in ("web", "db"):
        assert {p.code for p in prove(apart[name], "commit_to_onprem")} >= {
            "onprem_contradiction",
            "azure_vm_contradiction",
        }
        assert "rpi-db, rpi-web" in apart[name].site_found.clash
    assert apart["x"] is found["x"]


@pytest.fixture(params=[World, ModernWorld], ids=["classic", "modernized"])
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param()
    return made


def test_an_approval_of_one_machine_does_not_commit_its_neighbour(world: World) -> None:
    """Both were recreated under new UUIDs; the owner has looked at one of them."""
    world.add("web", "db", position=HOME)
    world.site_says["web"] = (vm("web", U1),)
    world.site_says["db"] = (vm("db", U2),)
    for name in ("web", "db"):
        world.extra[name] = {"details": {"protectedDisks": [{"diskId": "0"}]}}
    result = world.go(stage(3, "web", "db", accept={"onprem_identity": f"{U1} was recreated, says the owner"}))
    assert {m["name"]: m["done"] for m in result["machines"]} == {"web": "started", "db": "refused"}
    assert [e["gate"] for e in of(result, "web")["accepted"]] == ["onprem_identity"]
    assert of(result, "db")["accepted"] == []


@pytest.mark.parametrize("power", ["running", "deallocated"])
def test_an_azure_vm_that_was_moved_is_not_gone(power: str) -> None:
    """Its resource id is another one now, and it may still run: no general approval commits that."""
    world = ModernWorld().add("web", position=HOME)
    world.azure_says["web"] = [azure("web", "rg-moved", power)]
    told = of(world.go(stage(3, accept={"azure_vm_missing": "it is gone, says the owner"})), "web")
    assert (told["done"], told["code"]) == ("refused", "azure_vm_missing")
    assert "/rg-moved/" in told["reason"]
    assert "RESOURCE_ID is another machine" in told["remedy"]
    word = f"{azure('web', 'rg-moved')['id']} is another machine, says the owner"
    result = world.go(stage(3, accept={"azure_vm_missing": word}))
    assert (of(result, "web")["done"], of(result, "web")["accepted"][0]["reason"]) == ("started", word)


@pytest.mark.parametrize(
    "odd",
    [
        {"networkProfile": {"networkInterfaces": [None]}},
        {"networkProfile": "x"},
        {"storageProfile": {"osDisk": "x"}},
        {"storageProfile": {"osDisk": {"managedDisk": "x"}, "dataDisks": [None]}},
        {"storageProfile": None},
        {"vmId": {}},
    ],
)
def test_an_odd_azure_vm_ends_nobody_elses_run_and_proves_nothing(world: World, odd: dict[str, Any]) -> None:
    world.add("web", "db", position=HOME)
    found = azure_json("web", "deallocated")
    found["properties"].update(odd)
    world.azure_says["web"] = [found]
    result = world.go(stage(3, "web", "db"))
    assert of(result, "db")["done"] == "started"
    assert of(result, "web")["done"] in ("refused", "failed")
    assert [name for name, _step in world.steps_sent()] == ["db"]
