# SPDX-License-Identifier: GPL-3.0-or-later
"""Privileges are what roles and permissions say, for questions and for calls."""

from __future__ import annotations

import pytest
from pyVmomi import vim

from rehearsal.vcenter import client

WANTED = ["VirtualMachine.Config.AdvancedConfig", "Host.Inventory.EditCluster", "StoragePod.Config"]
PASSWORD = "not-the-administrators"


@pytest.fixture(scope="module")
def reader(vcenter):
    """A session of a user with read-only rights everywhere."""
    vcenter.control.user("reader", PASSWORD)
    permit(vcenter, vcenter.si.content.rootFolder, "VSPHERE.LOCAL\\reader", "ReadOnly")
    return vcenter.login("reader@vsphere.local", PASSWORD)


def permit(vcenter, entity, user, role):
    manager = vcenter.si.content.authorizationManager
    (found,) = (r.roleId for r in manager.roleList if r.name == role)
    permission = vim.AuthorizationManager.Permission(principal=user, group=False, propagate=True, roleId=found)
    manager.SetEntityPermissions(entity, [permission])


def granted(si, entity, ids):
    manager = si.content.authorizationManager
    key = si.content.sessionManager.currentSession.key
    (answer,) = manager.HasPrivilegeOnEntities([entity], key, ids)
    return {a.privId: a.isGranted for a in answer.privAvailability}


def test_the_administrator_has_every_privilege_that_exists(vcenter):
    root = vcenter.si.content.rootFolder
    assert granted(vcenter.si, root, [*WANTED, "No.Such"]) == {**dict.fromkeys(WANTED, True), "No.Such": False}


def test_a_reader_is_refused(vcenter, reader):
    cluster = client.names(vcenter.si, vim.ClusterComputeResource)["cluster-1"]
    assert granted(reader, cluster, [*WANTED, "System.Read"]) == {**dict.fromkeys(WANTED, False), "System.Read": True}
    manager = vcenter.si.content.authorizationManager
    (answer,) = manager.HasUserPrivilegeOnEntities([cluster], "reader", WANTED[:1])
    assert not answer.privAvailability[0].isGranted
    (answer,) = manager.HasUserPrivilegeOnEntities([cluster], "nobody", ["System.Read"])
    assert not answer.privAvailability[0].isGranted


def test_a_role_of_ones_own_grants_what_it_lists_where_it_is_given(vcenter):
    manager = vcenter.si.content.authorizationManager
    role = manager.AddAuthorizationRole("failback", ["VirtualMachine.Config.AdvancedConfig"])
    assert role in [r.roleId for r in manager.roleList if r.name == "failback"]
    vcenter.control.user("operator", PASSWORD)
    here = client.find_vm(vcenter.si, name="mt-linux-01")
    there = client.find_vm(vcenter.si, name="mt-windows-01")
    permit(vcenter, here, "operator", "failback")
    operator = vcenter.login("operator", PASSWORD)
    assert granted(operator, here, WANTED) == {WANTED[0]: True, WANTED[1]: False, WANTED[2]: False}
    assert not any(granted(operator, there, WANTED).values())
    spec = vim.vm.ConfigSpec(extraConfig=[vim.option.OptionValue(key="homeward.test", value="1")])
    client.wait(operator, operator_view(operator, here).ReconfigVM_Task(spec))
    with pytest.raises(vim.fault.NoPermission):
        operator_view(operator, there).ReconfigVM_Task(spec)


def operator_view(si, vm):
    """The same machine through another session."""
    return vim.VirtualMachine(vm._moId, si._stub)


def test_calls_without_the_privilege_are_refused_with_its_name(vcenter, reader):
    vm = operator_view(reader, client.find_vm(vcenter.si, name="mt-linux-01"))
    with pytest.raises(vim.fault.NoPermission) as refused:
        vm.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=[vim.option.OptionValue(key="a", value="b")]))
    assert refused.value.privilegeId == "VirtualMachine.Config.AdvancedConfig"
    with pytest.raises(vim.fault.NoPermission) as refused:
        vm.PowerOffVM_Task()
    assert refused.value.privilegeId == "VirtualMachine.Interact.PowerOff"
    assert vm.runtime.powerState == "poweredOn"


def test_a_wrong_password_and_an_unknown_user_are_refused(vcenter):
    for user, password in ((vcenter.user, "wrong"), ("stranger", vcenter.password)):
        with pytest.raises(vim.fault.InvalidLogin):
            vcenter.login(user, password)
