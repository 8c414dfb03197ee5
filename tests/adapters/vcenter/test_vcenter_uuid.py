# SPDX-License-Identifier: GPL-3.0-or-later
"""disk.EnableUUID: set on machines that are off, on running ones only where allowed, finished after a death anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import VmChange
from ansible_collections.homeward.asr.plugins.module_utils.vcenter import disk_uuid, notes
from ansible_collections.homeward.asr.plugins.module_utils.vcenter.disk_uuid import State, next_step
from rehearsal.vcenter import client

ON, OFF = "poweredOn", "poweredOff"


class Died(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    ("state", "allowed", "asked", "waited", "step"),
    [
        ({"power": OFF, "enabled": True}, False, False, 0, "done"),
        ({"power": ON, "enabled": True}, True, False, 0, "done"),
        ({"power": OFF, "enabled": False}, False, False, 0, "set"),
        ({"power": ON, "enabled": False}, False, False, 0, "refused:power_off_needed"),
        ({"power": ON, "enabled": False}, True, False, 0, "note"),
        ({"power": "suspended", "enabled": False}, True, False, 0, "refused:suspended"),
        ({"power": OFF, "enabled": False, "template": True}, True, False, 0, "refused:template"),
        # After the note: a guest is asked once, then waited for, then the power is cut.
        ({"power": ON, "enabled": False, "noted": True, "tools": True}, True, False, 0, "shut_down"),
        ({"power": ON, "enabled": False, "noted": True, "tools": True}, True, True, 10, "wait"),
        ({"power": ON, "enabled": False, "noted": True, "tools": True}, True, True, 60, "power_off"),
        ({"power": ON, "enabled": False, "noted": True, "tools": False}, True, False, 0, "power_off"),
        # A run died before the power-off, and nobody allows one now.
        ({"power": ON, "enabled": False, "noted": True, "tools": True}, False, False, 0, "forget"),
        # A run died after it: the machine comes back whatever is allowed now.
        ({"power": OFF, "enabled": False, "noted": True}, False, False, 0, "set"),
        ({"power": OFF, "enabled": True, "noted": True}, False, False, 0, "power_on"),
        ({"power": ON, "enabled": True, "noted": True}, False, False, 0, "forget"),
        # What vCenter only remembers proves nothing, in both directions.
        ({"power": OFF, "enabled": False, "unreachable": "disconnected"}, True, False, 0, "refused:vm_unreachable"),
        (
            {"power": OFF, "enabled": True, "noted": True, "unreachable": "orphaned"},
            True,
            False,
            0,
            "refused:vm_unreachable",
        ),
        ({"power": OFF, "enabled": False, "note_problem": "broken"}, True, False, 0, "refused:power_note_unreadable"),
    ],
)
def test_the_next_step(state: dict[str, Any], allowed: bool, asked: bool, waited: float, step: str) -> None:
    decided = next_step(State("vm-1", "m", **state), power_off=allowed, asked=asked, waited=waited, guest_timeout=60)
    refusal = decided.refusal
    assert decided.step + (f":{refusal.code}" if refusal else "") == step
    assert bool(refusal and refusal.reason and refusal.remedy) == (decided.step == "refused")


def look(vcenter: Any, moid: str) -> tuple[str, str, str]:
    """Power, option and note as an administrator's own session reads them."""
    vm = vim.VirtualMachine(moid, vcenter.si._stub)
    found = client.get(vcenter.si, [vm], ["runtime.powerState", "config.extraConfig"])[0]
    options = {o.key: o.value for o in found["config.extraConfig"]}
    return str(found["runtime.powerState"]), options.get("disk.EnableUUID", ""), options.get(notes.POWER_KEY, "")


def moid_of(site: Any, name: str) -> str:
    return str(site.machines(names=[name])[0].moid)


def enable(
    site: Any, *moids: str, power_off: bool = False, check: bool = False, timeout: float = 60.0
) -> list[VmChange]:
    found: list[VmChange] = site.enable_uuid(
        list(moids), power_off=power_off, guest_timeout=timeout, budget=20.0, check=check
    )
    return found


@pytest.fixture
def running(site: Any, vcenter: Any) -> Iterator[str]:
    """A running machine without the option, put back like that afterwards."""
    moid = moid_of(site, "on-01")
    yield moid
    reset(vcenter, moid)


def reset(vcenter: Any, moid: str) -> None:
    vm = vim.VirtualMachine(moid, vcenter.si._stub)
    client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({"disk.EnableUUID": "FALSE", notes.POWER_KEY: ""})))
    if look(vcenter, moid)[0] == OFF:
        client.wait(vcenter.si, vm.PowerOnVM_Task())


def test_machines_that_are_off_are_set_and_stay_off(site: Any, vcenter: Any) -> None:
    off, ready = moid_of(site, "off-01"), moid_of(site, "off-02")
    predicted = enable(site, off, ready, check=True)
    assert look(vcenter, off)[1] != "TRUE"
    done = enable(site, off, ready)
    assert [(c.before, c.after, c.changed) for c in done] == [("not TRUE", "TRUE", True), ("TRUE", "TRUE", False)]
    assert [(c.before, c.after, c.changed) for c in predicted] == [(c.before, c.after, c.changed) for c in done]
    assert look(vcenter, off) == (OFF, "TRUE", "")
    assert look(vcenter, ready) == (OFF, "TRUE", "")
    assert not any(c.changed for c in enable(site, off, ready))


def test_a_running_machine_is_refused_unless_allowed(site: Any, vcenter: Any, running: str) -> None:
    before = look(vcenter, running)
    change = enable(site, running)[0]
    assert (change.code, change.changed, change.settled) == ("power_off_needed", False, True)
    assert "`{set:power_off=true}`" in change.refusal.remedy
    assert look(vcenter, running) == before


def test_a_running_machine_is_cycled_when_allowed(site: Any, vcenter: Any, running: str, calls: Any) -> None:
    change = enable(site, running, power_off=True)[0]
    assert (change.before, change.after, change.changed, change.settled) == ("not TRUE", "TRUE", True, True)
    counted = calls()
    assert counted.get("ShutdownGuest") == 1
    assert not counted.get("PowerOffVM_Task")
    assert look(vcenter, running) == (ON, "TRUE", "")


def test_a_guest_that_does_not_shut_down_loses_its_power_after_the_time_out(
    site: Any, vcenter: Any, running: str, calls: Any
) -> None:
    vcenter.control.fault("NotSupported", method="ShutdownGuest")
    try:
        unsettled = site.enable_uuid([running], power_off=True, guest_timeout=600.0, budget=0.5, check=False)[0]
        assert not unsettled.settled
        assert look(vcenter, running)[0] == ON
        assert look(vcenter, running)[2], "the intent stands on the machine before its power is touched"
        calls()
        change = enable(site, running, power_off=True, timeout=0.0)[0]
    finally:
        vcenter.control.clear_faults()
    assert change.after == "TRUE"
    assert calls().get("PowerOffVM_Task") == 1
    assert look(vcenter, running) == (ON, "TRUE", "")


def test_many_machines_in_few_reads(site: Any, vcenter: Any, calls: Any) -> None:
    moids = [moid_of(site, n) for n in ("on-01", "on-02", "on-03", "off-02")]
    calls()
    assert [c.after for c in enable(site, *moids, check=True, power_off=True)] == ["TRUE"] * 4
    assert calls().get("RetrievePropertiesEx") == 1
    for moid in moids[:2]:
        assert look(vcenter, moid)[1] != "TRUE"


def test_the_next_run_recovers_from_death_at_any_step(site: Any, vcenter: Any, running: str, monkeypatch: Any) -> None:
    steps = ["note", "shut_down", "set", "power_on", "forget"]
    seen = []
    for when in ("before", "after"):
        for step in steps:
            died = _die_at(site, running, monkeypatch, step, when)
            assert died, f"no {step} happened"
            seen.append(step)
            # The next run may power nothing off on its own, but it finishes what was begun.
            enable(site, running, power_off=False)
            power, option, note = look(vcenter, running)
            assert (power, note) == (ON, ""), f"died {when} {step}"
            # Before the guest went down nothing had happened yet; from then on the work is finished.
            finished = steps.index(step) > 1 or (step == "shut_down" and when == "after")
            assert (option == "TRUE") is finished, f"died {when} {step}"
            reset(vcenter, running)
    assert seen == steps * 2


def _die_at(site: Any, moid: str, monkeypatch: Any, step: str, when: str) -> bool:
    real = disk_uuid.UuidEnabler._act

    def deadly(self: Any, acting: Any, states: Any) -> Any:
        if step in acting.values():
            if when == "after":
                real(self, acting, states)
            raise Died
        return real(self, acting, states)

    with monkeypatch.context() as patch:
        patch.setattr(disk_uuid.UuidEnabler, "_act", deadly)
        try:
            enable(site, moid, power_off=True)
        except Died:
            return True
    return False


def test_one_bad_machine_does_not_stop_the_others(site: Any, vcenter: Any) -> None:
    off, other = moid_of(site, "off-01"), moid_of(site, "on-02")
    for moid in (off,):
        vm = vim.VirtualMachine(moid, vcenter.si._stub)
        client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({"disk.EnableUUID": "FALSE"})))
    vm = vim.VirtualMachine(other, vcenter.si._stub)
    client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({notes.POWER_KEY: "not ours"})))
    changes = {c.moid: c for c in enable(site, off, other)}
    assert changes[other].code == "power_note_unreadable"
    assert changes[off].after == "TRUE"
    client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({notes.POWER_KEY: ""})))


def test_the_options_spelling_on_the_machine_is_kept(site: Any, vcenter: Any) -> None:
    moid = moid_of(site, "off-01")
    vm = vim.VirtualMachine(moid, vcenter.si._stub)
    client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({"disk.EnableUUID": "", "disk.enableUUID": "false"})))
    assert enable(site, moid)[0].after == "TRUE"
    options = {o.key: o.value for o in vm.config.extraConfig}
    assert options.get("disk.enableUUID") == "TRUE"
    assert "disk.EnableUUID" not in options
    client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({"disk.enableUUID": "", "disk.EnableUUID": "FALSE"})))


@pytest.mark.parametrize(
    ("method", "fault", "task"),
    [
        ("ReconfigVM_Task", "NoPermission", False),
        ("ReconfigVM_Task", "TaskInProgress", True),
        ("ShutdownGuest", "NoPermission", False),
        ("PowerOnVM_Task", "InvalidState", True),
        ("PowerOnVM_Task", "NoPermission", False),
    ],
)
def test_a_refused_write_is_its_own_machines(site: Any, vcenter: Any, method: str, fault: str, task: bool) -> None:
    first, second = moid_of(site, "on-01"), moid_of(site, "on-02")
    body: dict[str, Any] = {"_typeName": fault}
    if fault == "NoPermission":
        body["object"] = {"_typeName": "ManagedObjectReference", "type": "VirtualMachine", "value": first}
        body["privilegeId"] = "VirtualMachine.Interact.PowerOff"
    vcenter.control.fault(body, method=method, name="on-01", task=task)
    try:
        changes = {c.moid: c for c in enable(site, first, second, power_off=True)}
    finally:
        vcenter.control.clear_faults()
    try:
        assert changes[first].code.startswith("vcenter_")
        assert body.get("privilegeId", "on-01") in changes[first].refusal.reason
        assert changes[first].refusal.remedy
        assert (changes[second].code, changes[second].after) == ("", "TRUE")
        assert look(vcenter, second) == (ON, "TRUE", "")
        # Whatever was begun on the first is finished or undone by the next run.
        enable(site, first, power_off=False)
        assert (look(vcenter, first)[0], look(vcenter, first)[2]) == (ON, "")
    finally:
        reset(vcenter, first)
        reset(vcenter, second)
