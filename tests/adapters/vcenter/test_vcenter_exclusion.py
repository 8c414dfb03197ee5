# SPDX-License-Identifier: GPL-3.0-or-later
"""Excluding master targets from vMotion: written, read back, restored to what was before, and finished after a death at any step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import VmChange
from ansible_collections.homeward.asr.plugins.module_utils.vcenter import exclusion, notes
from ansible_collections.homeward.asr.plugins.module_utils.vcenter.automatic_moves import (
    ADD,
    EDIT,
    REMOVE,
    Holder,
    Standing,
    plan,
)
from rehearsal.vcenter import client

DRS = {"enabled": True, "behavior": "partiallyAutomated"}


class Died(BaseException):
    """The process ends here."""


# what a plan is made of


def standing(drs: Any = None, sdrs: Any = None, former: Any = None, drs_on: bool = True, pods: bool = True) -> Standing:
    cluster = Holder("domain-c1", "cluster", drs_on, drs)
    pod = Holder("group-p1", "pod", True, sdrs)
    note = None if former is None else {"version": 1, "former": former}
    noted = {h.moid: h for h in (cluster, pod) if former and h.moid in former}
    return Standing("vm-1", "mt", cluster, (pod,) if pods else (), note, noted=noted)


FREE, OURS = None, {"enabled": False, "behavior": None}


@pytest.mark.parametrize(
    ("now", "note", "writes"),
    [
        (standing(), {"domain-c1": None, "group-p1": None}, {("domain-c1", ADD), ("group-p1", ADD)}),
        (standing(pods=False), {"domain-c1": None}, {("domain-c1", ADD)}),
        (standing(drs=DRS, pods=False), {"domain-c1": DRS}, {("domain-c1", EDIT)}),
        (standing(drs_on=False), {"group-p1": None}, {("group-p1", ADD)}),
        (standing(drs_on=False, pods=False), None, set()),
        # Excluded by others: nothing of ours to write, and nothing to lift later.
        (standing(drs=OURS, sdrs=OURS), None, set()),
        # Died after the note: the note stays as it is, and the overrides follow.
        (standing(former={"domain-c1": DRS, "group-p1": None}), None, {("domain-c1", ADD), ("group-p1", ADD)}),
        # Died between the two overrides.
        (standing(drs=OURS, former={"domain-c1": None, "group-p1": None}), None, {("group-p1", ADD)}),
        # Moved into a datastore cluster since: what was there before is noted beside the rest.
        (
            standing(drs=OURS, former={"domain-c1": DRS}),
            {"domain-c1": DRS, "group-p1": None},
            {("group-p1", ADD)},
        ),
    ],
)
def test_what_excluding_takes(now: Standing, note: Any, writes: set[tuple[str, str]]) -> None:
    work = plan(now, excluded=True)
    assert (None if work.note is None else work.note["former"]) == note
    assert {(w.holder, w.operation) for w in work.writes} == writes
    assert all(w.values == {"enabled": False} for w in work.writes)
    assert not work.drop_note


@pytest.mark.parametrize(
    ("now", "writes", "drop"),
    [
        (standing(drs=OURS, sdrs=OURS), [], False),
        (
            standing(drs=OURS, sdrs=OURS, former={"domain-c1": None, "group-p1": None}),
            [("domain-c1", REMOVE, {}), ("group-p1", REMOVE, {})],
            True,
        ),
        (standing(drs=OURS, former={"domain-c1": DRS}, pods=False), [("domain-c1", EDIT, {"enabled": True})], True),
        # The override is gone altogether: it is recreated as it was.
        (standing(former={"domain-c1": DRS}), [("domain-c1", ADD, DRS)], True),
        # It was excluded before us: it stays so.
        (standing(drs=OURS, former={"domain-c1": OURS}), [], True),
        # Died before the overrides, or after they were put back: only the note is left.
        (standing(former={"domain-c1": None, "group-p1": None}), [], True),
        (standing(sdrs={"enabled": None, "behavior": None}, former={"group-p1": None}), [], True),
        # The cluster is gone.
        (Standing("vm-1", "mt", note={"version": 1, "former": {"domain-c9": None}}), [], True),
    ],
)
def test_what_restoring_takes(now: Standing, writes: list[Any], drop: bool) -> None:
    work = plan(now, excluded=False)
    assert [(w.holder, w.operation, dict(w.values)) for w in work.writes] == writes
    assert work.drop_note is drop
    assert work.note is None


# against the stand-in


def vm_of(site: Any, name: str) -> Any:
    return vim.VirtualMachine(site.servers(names=[name])[0].moid, site.service._stub)


def holders(vcenter: Any) -> tuple[Any, Any]:
    content = vcenter.si.RetrieveContent()
    view = content.viewManager.CreateContainerView(
        content.rootFolder, [vim.ClusterComputeResource, vim.StoragePod], True
    )
    found = list(view.view)
    view.Destroy()
    cluster = next(o for o in found if isinstance(o, vim.ClusterComputeResource))
    return cluster, next(o for o in found if isinstance(o, vim.StoragePod))


def overrides(vcenter: Any, moid: str) -> tuple[Any, Any]:
    """The VM's two overrides as an administrator's own session reads them: (enabled, behaviour) or None."""
    cluster, pod = holders(vcenter)
    drs = [c for c in cluster.configurationEx.drsVmConfig or () if c.key._moId == moid]
    storage = [c for c in pod.podStorageDrsEntry.storageDrsConfig.vmConfig or () if c.vm._moId == moid]
    return tuple((found[0].enabled, found[0].behavior) if found else None for found in (drs, storage))  # type: ignore[return-value]


def note(vcenter: Any, moid: str) -> str:
    vm = vim.VirtualMachine(moid, vcenter.si._stub)
    return {o.key: o.value for o in vm.config.extraConfig}.get(notes.EXCLUSION_KEY, "")


def put(vcenter: Any, vm_moid: str, operation: str, **values: Any) -> None:
    """An administrator's own DRS override."""
    cluster, _dummy = holders(vcenter)
    vm = vim.VirtualMachine(vm_moid, vcenter.si._stub)
    spec = vim.cluster.DrsVmConfigSpec(operation=operation)
    if operation == REMOVE:
        spec.removeKey = vm
    else:
        spec.info = vim.cluster.DrsVmConfigInfo(key=vm, **values)
    client.wait(
        vcenter.si, cluster.ReconfigureComputeResource_Task(vim.cluster.ConfigSpecEx(drsVmConfigSpec=[spec]), True)
    )


@pytest.fixture
def target(site: Any, vcenter: Any) -> Iterator[str]:
    """The master target in the datastore cluster, free before and after."""
    moid = site.servers(names=["mt-pod"])[0].moid
    assert overrides(vcenter, moid) == (None, None)
    assert note(vcenter, moid) == ""
    yield moid
    site.set_excluded([moid], excluded=False, check=False)
    assert overrides(vcenter, moid) == (None, None)
    assert note(vcenter, moid) == ""


def one(changes: list[VmChange]) -> VmChange:
    assert len(changes) == 1
    return changes[0]


def test_excluded_read_back_and_restored(site: Any, vcenter: Any, target: str) -> None:
    predicted = one(site.set_excluded([target], excluded=True, check=True))
    assert overrides(vcenter, target) == (None, None)
    assert note(vcenter, target) == ""
    done = one(site.set_excluded([target], excluded=True, check=False))
    assert predicted == done
    assert (done.before, done.after, done.changed, done.code) == ("free", "excluded", True, "")
    assert done.details["storage_drs"] == [{"datastore_cluster": "pod-1", "state": "excluded"}]
    assert overrides(vcenter, target) == ((False, None), (False, None)) or [
        o[0] for o in overrides(vcenter, target)
    ] == [False, False]
    again = one(site.set_excluded([target], excluded=True, check=False))
    assert (again.before, again.after, again.changed) == ("excluded", "excluded", False)
    lifted = one(site.set_excluded([target], excluded=False, check=False))
    assert (lifted.before, lifted.after, lifted.changed) == ("excluded", "free", True)
    assert not one(site.set_excluded([target], excluded=False, check=False)).changed


def test_a_former_override_comes_back(site: Any, vcenter: Any, target: str) -> None:
    put(vcenter, target, ADD, enabled=True, behavior="manual")
    site.set_excluded([target], excluded=True, check=False)
    assert overrides(vcenter, target)[0][0] is False
    site.set_excluded([target], excluded=False, check=False)
    assert overrides(vcenter, target)[0] == (True, "manual")
    put(vcenter, target, REMOVE)


def test_many_at_once_take_no_more_reading(site: Any, calls: Any) -> None:
    moids = [s.moid for s in site.servers(names=["mt-pod", "mt-plain", "mt-odd"])]
    calls()
    site.set_excluded(moids, excluded=True, check=True)
    assert calls()["RetrievePropertiesEx"] == 3
    changes = {c.name: c for c in site.set_excluded(moids, excluded=True, check=False)}
    assert {c.after for c in changes.values()} == {"excluded"}
    assert changes["mt-plain"].details["storage_drs"] == []
    assert all(c.after == "free" for c in site.set_excluded(moids, excluded=False, check=False))


def test_no_drs_no_work(site: Any, vcenter: Any) -> None:
    cluster, _dummy = holders(vcenter)

    def switch(on: bool) -> None:
        spec = vim.cluster.ConfigSpecEx(drsConfig=vim.cluster.DrsConfigInfo(enabled=on))
        client.wait(vcenter.si, cluster.ReconfigureComputeResource_Task(spec, True))

    moid = site.servers(names=["mt-plain"])[0].moid
    switch(False)
    try:
        change = one(site.set_excluded([moid], excluded=True, check=False))
    finally:
        switch(True)
    assert (change.after, change.changed, change.details["drs"]) == ("immovable", False, "off")
    assert note(vcenter, moid) == ""


@pytest.mark.parametrize("excluded", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_next_run_recovers_from_death_at_any_write(
    site: Any, vcenter: Any, target: str, monkeypatch: Any, excluded: bool, when: str
) -> None:
    put(vcenter, target, ADD, enabled=True, behavior="manual")
    deaths = 0
    for step in range(1, 10):
        if not excluded:
            site.set_excluded([target], excluded=True, check=False)
        died = _die_at(site, target, monkeypatch, step, when, excluded)
        deaths += died
        site.set_excluded([target], excluded=True, check=False)
        assert [o[0] for o in overrides(vcenter, target)] == [False, False]
        site.set_excluded([target], excluded=False, check=False)
        assert overrides(vcenter, target) == ((True, "manual"), None)
        assert note(vcenter, target) == ""
        if not died:
            break
    # The note, two overrides in one go, and (lifting) the note's removal: two rounds of tasks either way.
    assert deaths == 2
    put(vcenter, target, REMOVE)


def _die_at(site: Any, target: str, monkeypatch: Any, step: int, when: str, excluded: bool) -> bool:
    """Run until the ``step``-th round of tasks and die there, before it starts or right after vCenter took it."""
    rounds = [0]
    real = exclusion.Excluder._do

    def deadly(self: Any, work: Any) -> Any:
        if any(work.values()):
            rounds[0] += 1
            if rounds[0] == step:
                if when == "after":
                    real(self, work)
                raise Died
        return real(self, work)

    with monkeypatch.context() as patch:
        patch.setattr(exclusion.Excluder, "_do", deadly)
        try:
            site.set_excluded([target], excluded=excluded, check=False)
        except Died:
            return True
    return False


def test_a_write_that_does_not_stick_is_reported(site: Any, target: str, monkeypatch: Any) -> None:
    real = exclusion.Excluder._override

    def lost(self: Any, moid: str, write: Any) -> Any:
        # vCenter says success and stores nothing, as some do for Storage DRS.
        if write.holder.startswith("group-"):
            return lambda: self._vm(moid).ReconfigVM_Task(spec=vim.vm.ConfigSpec())
        return real(self, moid, write)

    monkeypatch.setattr(exclusion.Excluder, "_override", lost)
    change = one(site.set_excluded([target], excluded=True, check=False))
    assert (change.code, change.after) == ("exclusion_not_kept", "partly")
    assert "mt-pod" in change.refusal.reason
    monkeypatch.undo()


def test_a_refused_write_stops_its_own_machine_only(site: Any, vcenter: Any, target: str) -> None:
    other = site.servers(names=["mt-plain"])[0].moid
    put(vcenter, other, ADD, enabled=False)
    vcenter.control.fault("NoPermission", method="ConfigureStorageDrsForPod_Task", max=1)
    changes = {c.moid: c for c in site.set_excluded([target, other], excluded=True, check=False)}
    vcenter.control.clear_faults()
    assert changes[target].code == "vcenter_no_permission"
    assert "`username`" in changes[target].refusal.reason
    assert changes[other].code == ""
    assert changes[other].after == "excluded"
    put(vcenter, other, REMOVE)


def test_a_note_that_cannot_be_read_is_left_alone(site: Any, vcenter: Any) -> None:
    server = site.servers(names=["mt-plain"])[0]
    vm = vim.VirtualMachine(server.moid, vcenter.si._stub)
    for text in ("{", '{"version": 99}', '{"version": 1}', '{"version": 1, "former": {"domain-c9": "x"}}'):
        client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({notes.EXCLUSION_KEY: text})))
        change = one(site.set_excluded([server.moid], excluded=False, check=False))
        assert change.code == "exclusion_note_unreadable"
        assert not change.changed
        assert note(vcenter, server.moid) == text
    client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({notes.EXCLUSION_KEY: ""})))


# what an override is worth


@pytest.mark.parametrize(
    ("now", "word", "movers", "ignored"),
    [
        (Holder("domain-c1", "c", True, OURS), "excluded", 1, 0),
        (Holder("domain-c1", "c", True, OURS, False, "fullyAutomated"), "ignores overrides", 1, 1),
        (Holder("domain-c1", "c", True, OURS, False, "partiallyAutomated"), "advises", 0, 0),
        (Holder("domain-c1", "c", True, OURS, False, "manual"), "advises", 0, 0),
        # A level that is not reported, or not known here, moves machines until the contrary is proven.
        (Holder("domain-c1", "c", True, OURS, False, ""), "ignores overrides", 1, 1),
        (Holder("domain-c1", "c", False, None, False, "fullyAutomated"), "off", 0, 0),
    ],
)
def test_an_override_is_worth_what_the_cluster_makes_of_it(now: Holder, word: str, movers: int, ignored: int) -> None:
    seen = Standing("vm-1", "mt", now)
    assert (now.word, len(seen.movers), len(seen.ignored)) == (word, movers, ignored)
    assert (seen.word == "excluded") == (word == "excluded")
    # Writing it again would change nothing.
    assert not plan(seen, excluded=True).anything or now.override is None


@pytest.mark.parametrize(
    ("now", "former", "noted"),
    [
        # Somebody gave it another override since: that is what a lift puts back.
        ({"enabled": True, "behavior": "manual"}, None, {"enabled": True, "behavior": "manual"}),
        ({"enabled": True, "behavior": "manual"}, DRS, {"enabled": True, "behavior": "manual"}),
        # A run that died after the note finds the former one.
        (DRS, DRS, None),
    ],
)
def test_what_a_person_set_between_runs_is_noted(now: Any, former: Any, noted: Any) -> None:
    work = plan(standing(drs=now, pods=False, former={"domain-c1": former}), excluded=True)
    assert (None if work.note is None else work.note["former"]["domain-c1"]) == noted
    assert [w.operation for w in work.writes] == [EDIT]


@pytest.mark.parametrize(
    "now",
    [
        # Ours was replaced by somebody's own, or the machine has left that cluster together with its override.
        standing(drs={"enabled": True, "behavior": "manual"}, pods=False, former={"domain-c1": None}),
        Standing(
            "vm-1",
            "mt",
            Holder("domain-c2", "other"),
            note={"version": 1, "former": {"domain-c1": DRS}},
            noted={"domain-c1": Holder("domain-c1", "cluster")},
        ),
    ],
)
def test_a_lift_leaves_alone_what_is_not_ours_any_more(now: Standing) -> None:
    work = plan(now, excluded=False)
    assert work.writes == ()
    assert work.drop_note


def drs(vcenter: Any, **values: Any) -> None:
    """Give the cluster DRS settings that the simulator's own reconfiguration drops."""
    cluster, _dummy = holders(vcenter)
    config = {
        "_typeName": "ClusterConfigInfoEx",
        "dasConfig": {"_typeName": "ClusterDasConfigInfo"},
        "drsConfig": {"_typeName": "ClusterDrsConfigInfo", "enabled": True, **values},
    }
    vcenter.control.set((cluster, "configurationEx", config))


@pytest.mark.parametrize(
    ("settings", "code", "word"),
    [
        (
            {"defaultVmBehavior": "fullyAutomated", "enableVmBehaviorOverrides": False},
            "exclusion_without_effect",
            "ignores",
        ),
        ({"defaultVmBehavior": "manual", "enableVmBehaviorOverrides": False}, "", "advises"),
        ({"defaultVmBehavior": "fullyAutomated", "enableVmBehaviorOverrides": True}, "", "excluded"),
        ({"defaultVmBehavior": "fullyAutomated"}, "", "excluded"),
        ({"enabled": None}, "exclusion_unknown", "unknown"),
    ],
)
def test_the_effect_is_read_back(site: Any, vcenter: Any, settings: dict[str, Any], code: str, word: str) -> None:
    moid = site.servers(names=["mt-plain"])[0].moid
    drs(vcenter, **settings)
    try:
        predicted = one(site.set_excluded([moid], excluded=True, check=True))
        done = one(site.set_excluded([moid], excluded=True, check=False))
        again = one(site.set_excluded([moid], excluded=True, check=False))
    finally:
        drs(vcenter, defaultVmBehavior="fullyAutomated")
        site.set_excluded([moid], excluded=False, check=False)
    assert predicted.code == done.code == again.code == code
    assert done.details["drs"].startswith(word)
    assert not again.changed
    assert bool(done.warnings) == (word == "advises")
    if code:
        assert done.after != "excluded"
        assert done.refusal.remedy.endswith("rerun.")


def test_a_datastore_that_is_being_emptied_is_reported(site: Any, vcenter: Any, target: str) -> None:
    store = client.names(vcenter.si, vim.Datastore)["datastore-1"]
    vcenter.control.set((store, "summary.maintenanceMode", "enteringMaintenance"))
    try:
        change = one(site.set_excluded([target], excluded=True, check=True))
    finally:
        vcenter.control.set((store, "summary.maintenanceMode", "normal"))
    assert any("datastore-1" in text for text in change.warnings)


@pytest.mark.parametrize(
    ("method", "fault", "task"),
    [
        (
            "ReconfigVM_Task",
            {"_typeName": "NoPermission", "privilegeId": "VirtualMachine.Config.AdvancedConfig"},
            False,
        ),
        ("ReconfigVM_Task", {"_typeName": "TaskInProgress"}, True),
        ("ReconfigVM_Task", {"_typeName": "InvalidState"}, True),
        (
            "ReconfigureComputeResource_Task",
            {"_typeName": "NoPermission", "privilegeId": "Host.Inventory.EditCluster"},
            True,
        ),
        ("ConfigureStorageDrsForPod_Task", {"_typeName": "InvalidState"}, True),
    ],
)
def test_one_fault_is_one_machines(
    site: Any, vcenter: Any, target: str, method: str, fault: dict[str, Any], task: bool
) -> None:
    other = site.servers(names=["mt-plain"])[0].moid
    if "privilegeId" in fault:
        fault["object"] = {"_typeName": "ManagedObjectReference", "type": "VirtualMachine", "value": target}
    vcenter.control.fault(fault, method=method, task=task, max=1)
    try:
        changes = {c.moid: c for c in site.set_excluded([target, other], excluded=True, check=False)}
    finally:
        vcenter.control.clear_faults()
        site.set_excluded([target, other], excluded=False, check=False)
    assert changes[target].code.startswith("vcenter_")
    assert changes[target].refusal.reason
    assert changes[target].refusal.remedy
    assert fault.get("privilegeId", "") in changes[target].refusal.reason
    assert (changes[other].code, changes[other].after) == ("", "excluded")


def test_a_copys_note_is_not_its_own(site: Any, vcenter: Any, target: str) -> None:
    """A clone carries the notes of the machine it was made from."""
    site.set_excluded([target], excluded=True, check=False)
    other = site.servers(names=["mt-plain"])[0].moid
    vm = vim.VirtualMachine(other, vcenter.si._stub)
    client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({notes.EXCLUSION_KEY: note(vcenter, target)})))
    try:
        assert not one(site.set_excluded([other], excluded=False, check=False)).changed
    finally:
        client.wait(vcenter.si, vm.ReconfigVM_Task(notes.change({notes.EXCLUSION_KEY: ""})))
