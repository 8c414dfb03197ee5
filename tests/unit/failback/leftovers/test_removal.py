# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing what is left in Azure: what must stay, whom it is checked with and when, and in which order the rest goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.leftovers.found import Leftover
from ansible_collections.homeward.asr.plugins.module_utils.failback.leftovers.removal import (
    LeftoverRemoval,
    RemovalOutcome,
    checked_ids,
    removal_lines,
    why_not,
    why_not_now,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    InputError,
    NotFound,
    ReadFailed,
    Rejected,
    Unknown,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock

SUB = "/subscriptions/s"
GROUP = f"{SUB}/resourceGroups/rg-dr"
TYPES = {
    "virtual_machine": "Microsoft.Compute/virtualMachines",
    "network_interface": "Microsoft.Network/networkInterfaces",
    "public_address": "Microsoft.Network/publicIPAddresses",
    "network_security_group": "Microsoft.Network/networkSecurityGroups",
    "disk": "Microsoft.Compute/disks",
    "snapshot": "Microsoft.Compute/snapshots",
    "deployment": "Microsoft.Resources/deployments",
}
OFF = {"properties": {"instanceView": {"statuses": [{"code": "PowerState/deallocated"}]}}}


def leftover(kind: str = "disk", name: str = "a", machine: str = "web", **more: Any) -> Leftover:
    return Leftover(
        kind, f"{GROUP}/providers/{TYPES[kind]}/{name}", machine, size_gb=10 if kind == "disk" else None, **more
    )


def lock(scope: str) -> dict[str, Any]:
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/locks/keep",
        "name": "keep",
        "properties": {"level": "ReadOnly"},
    }


class Azure:
    """Resources by id; each removal takes some looks until it is done."""

    def __init__(self, *found: Leftover, **fresh: Any) -> None:
        self.found = list(found)
        self.fresh = {
            r.id: fresh.get(r.kind, OFF if r.kind == "virtual_machine" else {"properties": {}}) for r in found
        }
        self.locks: Any = []
        self.log: list[str] = []
        self.ends: dict[str, int] = {}
        self.looks = 1
        self.answer: Exception | None = None
        self.now = 0.0

    def look(self) -> Sequence[Leftover]:
        self.log.append("look")
        return [r for r in self.found if r.id in self.fresh]

    def get(self, resource_id: str) -> Any:
        if resource_id in self.ends:
            self.ends[resource_id] -= 1
            if self.ends[resource_id] <= 0:
                self.fresh.pop(resource_id, None)
        found = next((f for word, f in self.fresh.items() if word.lower() == resource_id.lower()), None)
        if found is None:
            raise NotFound("not_found", "It is gone.")
        if isinstance(found, Exception):
            raise found
        return found

    def get_with(self, resource_id: str, **query: str) -> Any:
        assert query == {"odata_expand": "instanceView"}
        return self.get(resource_id)

    def list_resources(self, resource_id: str, **query: str) -> Any:
        assert resource_id == f"{SUB}/providers/Microsoft.Authorization/locks"
        if isinstance(self.locks, Exception):
            raise self.locks
        return self.locks

    def delete(self, resource_id: str) -> None:
        self.log.append(resource_id.rpartition("/")[2])
        if self.answer is None or isinstance(self.answer, Unknown):
            self.ends[resource_id] = self.looks
        if self.answer is not None:
            raise self.answer

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def remove(self, *ids: str, check: bool = False, unknown_too: bool = False) -> dict[str, tuple[str, str]]:
        """Name -> what became of it, and why."""
        clock = Clock(monotonic=lambda: self.now, sleep=self.sleep)
        self.fates: list[RemovalOutcome] = LeftoverRemoval(
            self.look,
            self,
            clock,
            check=check,
            unknown_too=unknown_too,
            patience=60,  # type: ignore[arg-type]
        ).run(ids or [r.id for r in self.found])
        return {f.id.rpartition("/")[2]: (f.done, f.why.code if f.why else "") for f in self.fates}

    @property
    def sent(self) -> list[str]:
        return [word for word in self.log if word != "look"]


def test_what_is_given_back_goes_and_nothing_else() -> None:
    azure = Azure(leftover(name="a"), leftover(name="b"))
    assert azure.remove(azure.found[0].id.upper()) == {"A": ("removed", "")}
    assert azure.sent == ["a"]
    assert removal_lines(azure.fates, check=False)[-1] == "1 of 1 removed, 10 GB of disks and snapshots."


@pytest.mark.parametrize(
    "given", ["web-01-0", "", f"{SUB}", f"{GROUP}", "https://x/y/z", f"{GROUP}/providers/Microsoft.Compute/disks"]
)
def test_a_name_or_a_whole_group_is_never_enough(given: str) -> None:
    azure = Azure(leftover())
    with pytest.raises(InputError) as caught:
        azure.remove(given)
    assert caught.value.code == "remove_not_an_id"
    assert azure.log == []
    assert checked_ids([f"{leftover().id}/", leftover().id.upper()]) == [leftover().id]


ATTACHED = "/subscriptions/s/x/vm-1"


@pytest.mark.parametrize(
    ("kind", "fresh", "code"),
    [
        ("disk", {"managedBy": ATTACHED}, "leftover_in_use"),
        ("disk", {"properties": {"diskState": "Attached"}}, "leftover_in_use"),
        ("disk", {"properties": {"diskState": "Reserved"}}, "leftover_in_use"),
        ("disk", {"properties": {"diskState": "ActiveSAS"}}, "leftover_in_use"),
        ("disk", {"properties": {"diskState": "Unattached"}}, ""),
        ("network_interface", {"properties": {"virtualMachine": {"id": ATTACHED}}}, "leftover_in_use"),
        ("network_interface", {"properties": {"privateEndpoint": {"id": ATTACHED}}}, "leftover_in_use"),
        ("network_interface", {"properties": {"virtualMachine": None}}, ""),
        ("public_address", {"properties": {"ipConfiguration": {"id": ATTACHED}}}, "leftover_in_use"),
        ("public_address", {"properties": {"natGateway": {"id": ATTACHED}}}, "leftover_in_use"),
        ("network_security_group", {"properties": {"networkInterfaces": [{"id": ATTACHED}]}}, "leftover_in_use"),
        ("network_security_group", {"properties": {"subnets": [{"id": ATTACHED}]}}, "leftover_in_use"),
        ("virtual_machine", {"properties": {"instanceView": {"statuses": [{"code": "PowerState/running"}]}}}, "leftover_running"),
        ("virtual_machine", {"properties": {}}, "leftover_running"),
        ("virtual_machine", OFF, ""),
        ("snapshot", {}, ""),
    ],
)  # fmt: skip
def test_it_is_looked_at_again_right_before(kind: str, fresh: dict[str, Any], code: str) -> None:
    """The list said that nothing needs it; its own GET has the last word."""
    azure = Azure(leftover(kind), **{kind: fresh})
    assert azure.remove() == {"a": ("refused", code) if code else ("removed", "")}
    assert azure.sent == ([] if code else ["a"])


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        (SUB, True),
        (GROUP.upper(), True),
        (leftover().id, True),
        (f"{leftover().id}/parts/p", True),
        (f"{SUB}/resourceGroups/rg", False),
        (f"{leftover().id}2", False),
    ],
)
def test_a_lock_above_on_or_below_it_holds_it(scope: str, held: bool) -> None:
    refusal = why_not_now(leftover(), {}, [lock(scope)])
    assert (refusal.code if refusal else "") == ("leftover_locked" if held else "")


def test_a_lock_whose_place_is_not_understood_holds_everything() -> None:
    for odd in ({}, {"id": None}, {"id": "somewhere"}):
        assert why_not_now(leftover(), {}, [odd]) is not None


def test_what_cannot_be_checked_stays_and_the_others_go() -> None:
    azure = Azure(leftover(name="a"), leftover(name="b"))
    azure.fresh[azure.found[0].id] = ReadFailed("answer_cut", "The answer was cut.", "Run it again.")
    assert azure.remove() == {"a": ("refused", "leftover_unreadable"), "b": ("removed", "")}
    azure = Azure(leftover())
    azure.locks = ReadFailed("forbidden", "Locks may not be read.", "Grant it.")
    assert azure.remove() == {"a": ("refused", "leftover_unreadable")}
    assert azure.sent == []


def test_in_use_by_the_vaults_and_nobodys() -> None:
    used = leftover(in_use="the replication of web writes to it")
    nobodys = leftover(machine="")
    for found, unknown_too, code in (
        (used, True, "leftover_in_use"),
        (nobodys, False, "leftover_unknown"),
        (nobodys, True, ""),
        (leftover(), False, ""),
        (leftover(machine="", process_server="ps-2"), False, ""),
    ):
        refusal = why_not(found, unknown_too)
        assert (refusal.code if refusal else "") == code
    azure = Azure(used)
    assert azure.remove(unknown_too=True) == {"a": ("refused", "leftover_in_use")}


def test_an_id_that_is_no_leftover_stays_and_one_that_is_gone_is_done() -> None:
    azure = Azure(leftover())
    other = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/logs"
    azure.fresh[other] = {}
    gone = leftover(name="gone").id
    assert azure.remove(other, gone) == {"logs": ("refused", "not_a_leftover"), "gone": ("unchanged", "")}
    assert azure.sent == []


def test_each_kind_waits_for_the_one_before_and_process_servers_go_last() -> None:
    kinds = ["deployment", "snapshot", "disk", "virtual_machine", "public_address", "network_interface"]
    own = [leftover(kind, f"{kind}-1") for kind in kinds[1:]]
    servers = [leftover(kind, f"{kind}-ps", machine="", process_server="ps-2") for kind in kinds]
    azure = Azure(*servers, *own)
    azure.looks = 3
    assert {done for done, _why in azure.remove().values()} == {"removed"}
    turns = ["virtual_machine", "network_interface", "public_address", "disk", "snapshot"]
    assert azure.sent == [*(f"{t}-1" for t in turns), *(f"{t}-ps" for t in turns), "deployment-ps"]
    # Everything is read again before each kind.
    assert azure.log[::2] == ["look"] * len(azure.sent)


def test_what_became_used_meanwhile_stays() -> None:
    vm, disk = leftover("virtual_machine", "vm"), leftover("disk", "d")
    azure = Azure(vm, disk)
    seen: list[Any] = [[vm, disk], [vm, leftover("disk", "d", in_use="the replication of web writes to it")]]
    azure.look = lambda: seen.pop(0)  # type: ignore[method-assign]
    assert azure.remove(vm.id, disk.id) == {"vm": ("removed", ""), "d": ("refused", "leftover_in_use")}
    assert azure.sent == ["vm"]


def test_check_mode_makes_the_same_checks_and_sends_nothing() -> None:
    azure = Azure(leftover(name="a"), leftover("virtual_machine", "vm"), virtual_machine={"properties": {}})
    assert azure.remove(check=True) == {"a": ("removed", ""), "vm": ("refused", "leftover_running")}
    assert azure.sent == []
    assert "the disk a: would be removed" in removal_lines(azure.fates, check=True)


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (Rejected("scope_locked", "It is locked.", "Remove the lock."), ("failed", "removal_refused")),
        (Unknown("lost", "No answer came."), ("removed", "")),
    ],
)
def test_a_refusal_of_azure_is_told_and_a_lost_reply_is_read(answer: Exception, fate: tuple[str, str]) -> None:
    azure = Azure(leftover())
    azure.answer = answer
    assert azure.remove() == {"a": fate}
    assert azure.sent == ["a"]


def test_what_stays_in_spite_of_an_accepted_removal_is_told() -> None:
    azure = Azure(leftover())
    azure.looks = 1000
    assert azure.remove() == {"a": ("failed", "removal_not_seen")}
    assert azure.now >= 60
