# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user with a permission on one machine sees of the inventory, whichever way it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from rehearsal.vcenter import client

PASSWORD = "not-the-administrators"
MINE, OTHER = "app-01", "dc-01"


@pytest.fixture(scope="module")
def si(vcenter: Any) -> Iterator[Any]:
    """A session of a user who may look at one machine, whose host and datastore are somebody else's."""
    state = {
        "state": "permission",
        "name": MINE,
        "user": "looker",
        "password": PASSWORD,
        "privileges": ["System.View", "System.Read"],
    }
    vcenter.control.play(state)
    session = vcenter.login("looker", PASSWORD)
    yield session
    client.disconnect(session)
    vcenter.control.play({"state": "permission", "name": MINE, "user": "looker", "off": True})


def whole(vcenter: Any, name: str) -> Any:
    return client.find_vm(vcenter.si, name=name)


def through(si: Any, thing: Any) -> Any:
    """The same object in another session."""
    return type(thing)(thing._moId, si._stub)


def test_lists_hold_what_the_user_may_look_at(vcenter: Any, si: Any) -> None:
    assert len(client.names(vcenter.si, vim.VirtualMachine)) > 2
    assert set(client.names(si, vim.VirtualMachine)) == {MINE}
    for kind in (vim.HostSystem, vim.Datastore, vim.ClusterComputeResource, vim.Network):
        assert client.names(si, kind) == {}, kind
        assert client.names(vcenter.si, kind), kind
    # What leads to the machine is there.
    assert set(client.names(si, vim.Datacenter)) == set(client.names(vcenter.si, vim.Datacenter))


def test_views_and_folders_name_nothing_else(vcenter: Any, si: Any) -> None:
    content = si.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    assert [vm.name for vm in view.view] == [MINE]
    folder = through(si, whole(vcenter, MINE).parent)
    assert [child._moId for child in folder.childEntity if isinstance(child, vim.VirtualMachine)] == [
        whole(vcenter, MINE)._moId
    ]
    view.Destroy()


def test_searches_find_nothing_else(vcenter: Any, si: Any) -> None:
    index = si.content.searchIndex
    for name, found in ((MINE, True), (OTHER, False)):
        uuid = whole(vcenter, name).config.instanceUuid
        assert (index.FindByUuid(None, uuid, True, True) is not None) is found, name
        assert bool(index.FindAllByUuid(None, uuid, True, True)) is found, name
        folder = through(si, whole(vcenter, name).parent)
        assert (index.FindChild(folder, name) is not None) is found, name


def test_a_look_by_id_is_refused(vcenter: Any, si: Any) -> None:
    other = through(si, whole(vcenter, OTHER))
    with pytest.raises(vim.fault.NoPermission) as refused:
        str(other.name)
    assert refused.value.privilegeId == "System.Read"
    collector = vmodl.query.PropertyCollector
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=other)],
        propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=["name", "runtime.powerState"])],
    )
    answers = si.content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
    (answer,) = answers.objects
    assert not answer.propSet
    assert {missing.path for missing in answer.missingSet} == {"name", "runtime.powerState"}
    assert all(isinstance(missing.fault, vim.fault.NoPermission) for missing in answer.missingSet)


def test_the_machine_itself_is_whole_but_for_what_lies_around_it(vcenter: Any, si: Any) -> None:
    mine = through(si, whole(vcenter, MINE))
    assert mine.config.instanceUuid == whole(vcenter, MINE).config.instanceUuid
    with pytest.raises(vim.fault.NoPermission):
        str(mine.runtime.host.name)


def test_a_reader_of_everything_sees_everything(vcenter: Any) -> None:
    manager = vcenter.si.content.authorizationManager
    (role,) = (r.roleId for r in manager.roleList if r.name == "ReadOnly")
    vcenter.control.user("reads-all", PASSWORD)
    root = vcenter.si.content.rootFolder
    permission = vim.AuthorizationManager.Permission(principal="reads-all", group=False, propagate=True, roleId=role)
    manager.SetEntityPermissions(root, [*manager.RetrieveEntityPermissions(root, False), permission])
    si = vcenter.login("reads-all", PASSWORD)
    for kind in (vim.VirtualMachine, vim.HostSystem, vim.Datastore):
        assert set(client.names(si, kind)) == set(client.names(vcenter.si, kind))
    client.disconnect(si)


def collected(si: Any, *specs: Any) -> Any:
    """A collector of the session's own with one filter."""
    collector = si.content.propertyCollector.CreatePropertyCollector()
    collector.CreateFilter(vmodl.query.PropertyCollector.FilterSpec(objectSet=specs[0], propSet=specs[1]), False)
    return collector


def updates(answer: Any) -> dict[str, Any]:
    """Values by machine, of an answer's updates."""
    sets = answer.filterSet if answer else []
    return {o.obj._moId: [c.val for c in o.changeSet] for s in sets for o in s.objectSet}


def test_updates_are_of_what_the_user_may_look_at(vcenter: Any, si: Any) -> None:
    kept = vmodl.query.PropertyCollector
    mine, other = whole(vcenter, MINE), whole(vcenter, OTHER)
    view = si.content.viewManager.CreateContainerView(si.content.rootFolder, [vim.VirtualMachine], True)
    all_of_them = [
        kept.ObjectSpec(
            obj=view, skip=True, selectSet=[kept.TraversalSpec(name="v", path="view", skip=False, type=type(view))]
        )
    ]
    names = [kept.PropertySpec(type=vim.VirtualMachine, pathSet=["runtime.powerState"])]
    collector = collected(si, all_of_them, names)
    first = collector.WaitForUpdatesEx("", kept.WaitOptions(maxWaitSeconds=5))
    assert set(updates(first)) == {mine._moId}
    assert updates(first)[mine._moId] == ["poweredOn"]
    client.wait(vcenter.si, other.PowerOff())
    assert collector.WaitForUpdatesEx(first.version, kept.WaitOptions(maxWaitSeconds=1)) is None
    client.wait(vcenter.si, other.PowerOn())
    client.wait(vcenter.si, mine.PowerOff())
    later = collector.WaitForUpdatesEx(first.version, kept.WaitOptions(maxWaitSeconds=5))
    assert updates(later) == {mine._moId: ["poweredOff"]}
    client.wait(vcenter.si, mine.PowerOn())
    collector.Destroy()
    view.Destroy()


def test_updates_of_a_machine_that_is_named_are_refused(vcenter: Any, si: Any) -> None:
    kept = vmodl.query.PropertyCollector
    other = through(si, whole(vcenter, OTHER))
    names = [kept.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])]
    collector = collected(si, [kept.ObjectSpec(obj=other)], names)
    (told,) = collector.WaitForUpdatesEx("", kept.WaitOptions(maxWaitSeconds=5)).filterSet
    assert not told.objectSet
    assert [(m.obj._moId, type(m.fault)) for m in told.missingSet] == [(other._moId, vim.fault.NoPermission)]
    collector.Destroy()
