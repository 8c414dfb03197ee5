# SPDX-License-Identifier: GPL-3.0-or-later
"""vCenter's clock follows the vault's: what is read, what happens, and what is asked for by time."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from pyVmomi import vim

from rehearsal.vcenter import client

DAY = timedelta(days=1)


def changes(si, vm, **span):
    """Times of the machine's power events."""
    by_time = vim.event.EventFilterSpec.ByTime(**span) if span else None
    by_vm = vim.event.EventFilterSpec.ByEntity(entity=vm, recursion="self")
    kinds = ["VmPoweredOffEvent", "VmPoweredOnEvent"]
    found = si.content.eventManager.QueryEvents(
        vim.event.EventFilterSpec(entity=by_vm, time=by_time, eventTypeId=kinds)
    )
    return sorted(e.createdTime for e in found)


def test_everything_in_vcenter_follows_a_clock_that_is_set(vcenter):
    si = vcenter.si
    vm = client.find_vm(si, name="app-01")
    text = "2026-03-01T12:00:00Z"
    client.wait(si, vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation=text)))
    (first,) = changes(si, vm)
    began = datetime.now(timezone.utc)
    vcenter.control.clock(at=time.time(), now=time.time() + DAY.total_seconds(), speed=1.0)
    jumped = si.CurrentTime()
    assert jumped >= began + DAY
    assert changes(si, vm) == [first], "what was before the jump stays where it was"
    task = vm.PowerOff()
    client.wait(si, task)
    assert changes(si, vm)[-1] >= jumped
    assert task.info.completeTime >= jumped
    assert len(changes(si, vm, beginTime=jumped)) == 1
    assert len(changes(si, vm, endTime=jumped)) == 1
    assert vm.config.annotation == text, "a text is nobody's clock"
