# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the stock simulator would mislead: structures that do not decode, overrides that vanish."""

from __future__ import annotations

import pytest
from pyVmomi import vim, vmodl

from rehearsal.vcenter import client


@pytest.fixture
def target(vcenter):
    return client.find_vm(vcenter.si, name="mt-linux-01")


def test_whole_structures_decode(vcenter, target):
    assert target.runtime.powerState == "poweredOn"
    assert target.runtime.faultToleranceState == "notConfigured"
    assert target.summary.runtime.recordReplayState == "inactive"
    assert target.summary.config.name == "mt-linux-01"
    assert target.guest.toolsRunningStatus == "guestToolsRunning"
    assert target.config.hardware.numCPU == 4


def test_the_version_is_one_that_failback_supports(vcenter):
    about = vcenter.si.content.about
    assert (about.apiVersion, about.version) == ("8.0.3.0", "8.0.3")


def test_tools_follow_the_machines_power(vcenter):
    vm = client.find_vm(vcenter.si, name="app-01")
    client.wait(vcenter.si, vm.PowerOffVM_Task())
    assert vm.guest.toolsRunningStatus == "guestToolsNotRunning"
    assert vm.guest.toolsStatus == "toolsNotRunning"
    client.wait(vcenter.si, vm.PowerOnVM_Task())
    assert vm.guest.toolsRunningStatus == "guestToolsRunning"
    assert vm.summary.guest.toolsStatus == "toolsOk"


def drs(vcenter, target, operation, behavior=None):
    cluster = client.names(vcenter.si, vim.ClusterComputeResource)["cluster-1"]
    spec = vim.cluster.DrsVmConfigSpec(operation=operation)
    if operation == "remove":
        spec.removeKey = target
    else:
        spec.info = vim.cluster.DrsVmConfigInfo(key=target, enabled=False, behavior=behavior)
    task = cluster.ReconfigureComputeResource_Task(vim.cluster.ConfigSpecEx(drsVmConfigSpec=[spec]), True)
    client.wait(vcenter.si, task)
    return [(c.key, c.behavior) for c in cluster.configurationEx.drsVmConfig]


def test_a_drs_override_is_added_changed_and_removed(vcenter, target):
    assert drs(vcenter, target, "add", "manual") == [(target, "manual")]
    assert drs(vcenter, target, "edit", "partiallyAutomated") == [(target, "partiallyAutomated")]
    assert drs(vcenter, target, "remove") == []
    assert vcenter.alive()


def storage_drs(vcenter, target, operation, behavior=None):
    pod = client.names(vcenter.si, vim.StoragePod)["pod-1"]
    spec = vim.storageDrs.VmConfigSpec(operation=operation)
    if operation == "remove":
        spec.removeKey = target
    else:
        spec.info = vim.storageDrs.VmConfigInfo(vm=target, enabled=False, behavior=behavior)
    manager = vcenter.si.content.storageResourceManager
    task = manager.ConfigureStorageDrsForPod_Task(pod, vim.storageDrs.ConfigSpec(vmConfigSpec=[spec]), True)
    client.wait(vcenter.si, task)
    return [(c.vm, c.enabled, c.behavior) for c in pod.podStorageDrsEntry.storageDrsConfig.vmConfig]


def test_a_storage_drs_override_is_kept_read_back_and_removed(vcenter, target):
    assert storage_drs(vcenter, target, "add", "manual") == [(target, False, "manual")]
    assert storage_drs(vcenter, target, "edit", "automated") == [(target, False, "automated")]
    assert storage_drs(vcenter, target, "remove") == []
    pod = client.names(vcenter.si, vim.StoragePod)["pod-1"]
    assert pod.podStorageDrsEntry.storageDrsConfig.podConfig.enabled, "the pod's own settings stay"


def test_storage_drs_refuses_what_vcenter_refuses(vcenter, target):
    with pytest.raises(client.TaskFailed) as missing:
        storage_drs(vcenter, target, "remove")
    assert isinstance(missing.value.fault, vmodl.fault.InvalidArgument)
    assert "A specified parameter was not correct" in str(missing.value)
    storage_drs(vcenter, target, "add", "manual")
    try:
        with pytest.raises(client.TaskFailed):
            storage_drs(vcenter, target, "add", "manual")
    finally:
        assert storage_drs(vcenter, target, "remove") == []
