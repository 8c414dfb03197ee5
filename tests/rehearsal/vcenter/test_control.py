# SPDX-License-Identifier: GPL-3.0-or-later
"""The control endpoint: what tests set, break and count."""

from __future__ import annotations

import ssl
from http.client import HTTPSConnection
from urllib.parse import urlsplit

import pytest
from pyVmomi import vim

from rehearsal.vcenter import client
from rehearsal.vcenter.control import ControlError


@pytest.fixture(autouse=True)
def clean(vcenter):
    yield
    vcenter.control.clear_faults()


def test_counters_count_calls_by_method(vcenter):
    vm = client.find_vm(vcenter.si, name="app-01")
    vcenter.control.reset_counters()
    assert vcenter.control.counters() == {}
    for _dummy in range(3):
        client.get(vcenter.si, [vm], ["name"])
    assert vcenter.control.counters() == {"RetrievePropertiesEx": 3}


def test_properties_are_set_with_their_types(vcenter):
    store = client.names(vcenter.si, vim.Datastore)["datastore-1"]
    host = client.names(vcenter.si, vim.HostSystem)["esx-01"]
    vcenter.control.set(
        (store, "summary.freeSpace", 12345),
        (store, "summary.maintenanceMode", "inMaintenance"),
        (host, "config.product.licenseProductName", "VMware ESX Server"),
        (host, "runtime.connectionState", "disconnected"),
    )
    assert (store.summary.freeSpace, store.summary.maintenanceMode) == (12345, "inMaintenance")
    assert host.config.product.licenseProductName == "VMware ESX Server"
    assert host.runtime.connectionState == "disconnected"


def test_a_mount_can_be_made_read_only(vcenter):
    store = client.names(vcenter.si, vim.Datastore)["datastore-2"]
    mounts = [
        {"key": {"type": "HostSystem", "value": m.key._moId}, "mountInfo": {"accessMode": "readOnly"}}
        for m in store.host
    ]
    vcenter.control.set((store, "host", mounts))
    assert {m.mountInfo.accessMode for m in store.host} == {"readOnly"}


@pytest.mark.parametrize(
    ("moref", "path", "value", "words"),
    [
        ("Datastore:datastore-0", "summary.type", "NFS", "no such object"),
        ("Folder:group-d1", "colour", "red", "no property"),
        ("Folder:group-d1", "name.first", "red", "plain value"),
        ("Folder:group-d1", "name", {"no": "text"}, "name"),
        ("nonsense", "name", "x", "moref"),
    ],
)
def test_what_cannot_be_set_is_refused_and_locks_nothing(vcenter, moref, path, value, words):
    with pytest.raises(ControlError, match=words):
        vcenter.control.set((moref, path, value))
    assert client.get(vcenter.si, [vcenter.si.content.rootFolder], ["name"])[0]["name"] == "Datacenters"


def test_a_refusal_in_the_middle_of_an_update_leaves_the_object_usable(vcenter):
    store = client.names(vcenter.si, vim.Datastore)["datastore-1"]
    with pytest.raises(ControlError, match=r"info\.url"):
        vcenter.control.set((store, "info.url", "/elsewhere"))
    assert store.summary.name == "datastore-1"


def test_a_fault_hits_the_call_it_names_as_often_as_it_says(vcenter):
    vm = client.find_vm(vcenter.si, name="app-01")
    other = client.find_vm(vcenter.si, name="dc-01")
    vcenter.control.fault("NotAuthenticated", method="PowerOffVM_Task", name="app-01", skip=1, max=1)
    client.wait(vcenter.si, other.PowerOffVM_Task())
    client.wait(vcenter.si, vm.PowerOffVM_Task())
    client.wait(vcenter.si, vm.PowerOnVM_Task())
    with pytest.raises(vim.fault.NotAuthenticated):
        vm.PowerOffVM_Task()
    client.wait(vcenter.si, vm.PowerOffVM_Task())
    assert [rule["hits"] for rule in vcenter.control.call("GET", "/fault")] == [1]
    client.wait_all(vcenter.si, [vm.PowerOnVM_Task(), other.PowerOnVM_Task()])


def test_a_task_can_be_made_to_fail(vcenter):
    vm = client.find_vm(vcenter.si, name="app-01")
    vcenter.control.fault("FileLocked", method="ReconfigVM_Task", name="app-01", task=True, max=1)
    spec = vim.vm.ConfigSpec(annotation="x")
    task = vm.ReconfigVM_Task(spec)
    with pytest.raises(client.TaskFailed) as failed:
        client.wait(vcenter.si, task)
    assert isinstance(failed.value.fault, vim.fault.FileLocked)
    assert task.info.entity == vm
    client.wait(vcenter.si, vm.ReconfigVM_Task(spec))


@pytest.mark.parametrize(
    "rule",
    [
        {"method": "PowerOnVM_Task"},
        {"method": "Login", "task": True, "fault": {"_typeName": "NotAuthenticated"}},
        {"method": "Login", "fault": {"_typeName": "NoSuchFault"}},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(vcenter, rule):
    with pytest.raises(ControlError):
        vcenter.control.call("POST", "/fault", rule)
    assert vcenter.control.call("GET", "/fault") == []


def test_the_api_port_does_not_serve_the_control_endpoint(vcenter):
    context = ssl.create_default_context(cafile=str(vcenter.certificates.ca))
    address = urlsplit(vcenter.url).netloc
    for path in ("/counters", "/fault", "/set"):
        connection = HTTPSConnection(address, context=context, timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()
