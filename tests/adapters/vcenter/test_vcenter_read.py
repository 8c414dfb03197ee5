# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk reading: the same few calls for any number of machines, pages followed, vanished machines tolerated."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from pyVmomi import vim

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import FailbackError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.module_utils.vcenter import answers, read, tasks
from ansible_collections.homeward.asr.plugins.module_utils.vcenter.read import Reader
from rehearsal.vcenter import client


def reads(counted: dict[str, int]) -> int:
    return counted.get("RetrievePropertiesEx", 0) + counted.get("ContinueRetrievePropertiesEx", 0)


def test_machines_by_uuid_bios_uuid_and_name(site: Any, vcenter: Any) -> None:
    by_name = site.machines(names=["OFF-01"], devices=True)[0]
    assert (by_name.name, by_name.powered_on, by_name.uuid_enabled) == ("off-01", False, False)
    assert by_name.host == "esx-01"
    assert by_name.datastores == ("datastore-1",)
    assert [d.controller for d in by_name.disks] == ["lsilogic"]
    assert by_name.disks[0].file.startswith("[datastore-1] off-01/")
    assert by_name.disks[0].size_bytes == 40 * 1024**3
    for uuid in (by_name.uuid.upper(), by_name.bios_uuid):
        assert [m.name for m in site.machines(uuids=[uuid])] == ["off-01"]
    assert site.machines(uuids=[by_name.uuid])[0].disks == ()


def test_the_number_of_calls_does_not_grow(site: Any, calls: Callable[[], dict[str, int]]) -> None:
    site.machines(names=["off-01"], devices=True)
    assert reads(calls()) == 3
    assert len(site.machines(names=["off-01", "off-02", "on-01", "on-02", "on-03", "mt-pod"], devices=True)) == 6
    assert reads(calls()) == 3
    assert site.machines(names=["no-such-machine"]) == []
    assert reads(calls()) == 1
    assert site.machines() == []
    assert reads(calls()) == 0


def test_pages_are_followed(site: Any, calls: Callable[[], dict[str, int]]) -> None:
    everything = {e.get("name") for e in site.reader.all_machines(("name",))}
    paged = Reader(site.content, page=3)
    assert {e.get("name") for e in paged.all_machines(("name",))} == everything
    assert calls().get("ContinueRetrievePropertiesEx", 0) == (len(everything) - 1) // 3
    paged.close()


def test_servers_by_guest_name_and_address(site: Any) -> None:
    assert [s.name for s in site.servers(names=["MT-Plain.example.org"])] == ["mt-plain"]
    found = site.servers(addresses=["10.20.1.20"])
    assert [(s.name, s.addresses) for s in found] == [("mt-pod", ("10.20.1.20",))]
    assert [s.name for s in site.servers(names=["mt-plain"], addresses=["10.20.1.20"])] == ["mt-plain", "mt-pod"]


def test_what_a_master_target_must_not_have_is_seen(site: Any) -> None:
    odd = site.servers(names=["mt-odd"])[0]
    assert odd.has_snapshot
    assert not odd.tools_running
    assert "pvscsi" in odd.controllers
    plain = site.servers(names=["mt-plain"])[0]
    assert not plain.has_snapshot
    assert plain.tools_running
    assert plain.controllers == ("lsilogic",)


def test_what_vcenter_only_remembers_is_reported_as_such(site: Any, vcenter: Any) -> None:
    """The power state of a VM under a silent host, of an inaccessible and of a suspended one proves nothing."""
    seen = site.machines(names=["on-01"])[0]
    assert (seen.connection, seen.host_connection, seen.doubt) == ("connected", "connected", "")
    vm = client.find_vm(vcenter.si, name="on-01")
    host = vm.runtime.host
    try:
        vcenter.control.set((host, "runtime.connectionState", "notResponding"))
        silent = site.machines(names=["on-01"])[0]
        assert silent.doubt == f"its host {host.name} is notResponding"
        for word in ("disconnected", "orphaned", "inaccessible", "invalid"):
            vcenter.control.set((vm, "runtime.connectionState", word))
            assert site.machines(names=["on-01"])[0].doubt == f"vCenter calls it {word}"
    finally:
        vcenter.control.set(
            (host, "runtime.connectionState", "connected"), (vm, "runtime.connectionState", "connected")
        )
    before = str(vm.runtime.powerState)
    try:
        vcenter.control.set((vm, "runtime.powerState", "suspended"))
        asleep = site.machines(names=["on-01"])[0]
        assert (asleep.powered_on, asleep.power, asleep.doubt) == (None, "suspended", "")
    finally:
        vcenter.control.set((vm, "runtime.powerState", before))


def test_a_machine_that_vanished_after_the_scan_is_left_out(site: Any, vcenter: Any) -> None:
    ghost = vim.VirtualMachine("vm-999999", site.service._stub)
    here = client.find_vm(vcenter.si, name="off-02")
    alive = vim.VirtualMachine(here._moId, site.service._stub)
    assert [e.get("name") for e in site.reader.some([("VirtualMachine", [ghost, alive], ("name",))])] == ["off-02"]
    assert site.reader.some([("VirtualMachine", [ghost], ("name",))]) == []


def test_a_failing_task_gives_its_fault_and_others_go_on(site: Any) -> None:
    machine = site.machines(names=["off-02"])[0]
    vm = vim.VirtualMachine(machine.moid, site.service._stub)
    clock = Clock(time.monotonic, time.sleep)
    good = vm.ReconfigVM_Task(spec=vim.vm.ConfigSpec(annotation="looked at"))
    bad = vm.PowerOffVM_Task()
    faults = tasks.wait(site.reader, [bad, good], clock)
    assert isinstance(faults[0], vim.fault.InvalidPowerState)
    assert faults[1] is None


def test_a_task_without_end_is_given_up_by_the_clock_handed_in(site: Any, vcenter: Any) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    class Never:
        """A reader for which every task still runs."""

        def some(self, wanted: Any) -> list[read.Entry]:
            return [read.Entry(t, {"info.state": "running"}) for t in wanted[0][1]]

    (fault,) = tasks.wait(Never(), [vim.Task("task-1")], Clock(lambda: now[0], sleep), timeout=60.0)  # type: ignore[arg-type]
    # One task without end is one machine's trouble; the others' outcomes are reported all the same.
    assert fault.code == "vcenter_task_timeout"
    assert 60.0 <= now[0] < 65.0


def test_a_fault_of_vcenter_is_one_sentence(site: Any, vcenter: Any) -> None:
    """An ended session is started again once; one that ends at every read is reported."""
    vcenter.control.fault("NotAuthenticated", method="RetrievePropertiesEx")
    with pytest.raises(FailbackError) as caught:
        site.machines(names=["off-01"])
    vcenter.control.clear_faults()
    assert caught.value.code == "vcenter_session_ended"


def test_a_machine_whose_files_cannot_be_read_is_not_lost_from_sight(site: Any, vcenter: Any) -> None:
    """An inaccessible VM has no configuration; its summary may still know who it is, or nothing may. It stays so: last."""
    was = site.machines(names=["lost-01"])[0]
    vm = client.find_vm(vcenter.si, name="lost-01")
    vcenter.control.set((vm, "config", None), (vm, "runtime.connectionState", "inaccessible"))
    known = site.machines(uuids=[was.uuid])
    assert [(m.name, m.identified) for m in known] == [("lost-01", True)]
    vcenter.control.set((vm, "summary.config.uuid", ""), (vm, "summary.config.instanceUuid", ""))
    assert [(m.name, m.identified, m.doubt) for m in site.machines(uuids=["nobody"])] == [
        ("lost-01", False, "vCenter calls it inaccessible")
    ]
    assert [m.name for m in site.machines(names=["on-02"])] == ["on-02"]


@pytest.mark.parametrize("large", [0, answers.LARGE])
def test_plain_answers_say_what_pyvmomi_says(site: Any, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    """Both readings of the same machines, disks, controllers, snapshots and settings are equal; the plain one is used."""
    names = {str(e.get("name")) for e in site.reader.all_machines(("name",))}
    monkeypatch.setattr(answers, "LARGE", large)

    def everyone() -> list[Any]:
        return [*site.machines(names=names, devices=True), *site.machines(names=names), *site.servers(names=names)]

    with monkeypatch.context() as patched:
        patched.setattr(read.pyvmomi, "deserialized", None)
        plain = everyone()
    with monkeypatch.context() as patched:
        patched.setattr(read, "can_retrieve", lambda _collector: False)
        assert everyone() == plain
    assert any(m.has_snapshot for m in plain)
    assert any(m.disks for m in plain)
    assert any(m.extra_config for m in plain)


@pytest.mark.parametrize("unknown", ["string", "ArrayOfVirtualDevice"])
def test_what_is_not_known_is_read_by_pyvmomi(site: Any, monkeypatch: pytest.MonkeyPatch, unknown: str) -> None:
    known = site.machines(names=["off-01"], devices=True)
    local, asked = answers._local, []

    def forgetful(name: str | None) -> str:
        word = local(name)
        return "Unheard" if word == unknown else word

    def deserialized(stub: Any, body: bytes, kind: Any, real: Any = read.pyvmomi.deserialized) -> Any:
        asked.append(kind)
        return real(stub, body, kind)

    monkeypatch.setattr(answers, "_local", forgetful)
    monkeypatch.setattr(read.pyvmomi, "deserialized", deserialized)
    assert site.machines(names=["off-01"], devices=True) == known
    assert asked
