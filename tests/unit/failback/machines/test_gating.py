# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that are about to move, as the gates and the rules see them."""

from __future__ import annotations

from builders import P, stage
from world import Port, Site, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.modernized import LIFECYCLE
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import FAILOVER_TO_ONPREM
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.gating import MOMENT, Gatekeeper
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.module_utils.failback.tracking.cursor import Memory
from ansible_collections.homeward.asr.plugins.module_utils.failback.tracking.state import SliceState


def test_a_machine_that_was_read_a_moment_ago_has_the_time_of_its_own_answer() -> None:
    world = World().add("web", position=P.READY)
    clock = Clock(monotonic=lambda: world.spent, sleep=world.sleep)
    state = SliceState(stage(3), Port(world), Site(world), clock, Memory.load(None), LIFECYCLE)
    with state.pool:
        state.read()
        ((item, track),) = state.open_tracks()
        operation = LIFECYCLE.operation(LIFECYCLE.generation(item) or "", FAILOVER_TO_ONPREM)
        assert operation is not None
        due = [(item, track, operation)]
        state.fetch(item)
        read = world.now
        world.sleep(MOMENT - 1)
        # A list that is read since has a later time, and says less.
        state.read()
        fresh, when = next(iter(Gatekeeper(state).whole(due).values()))
        assert (fresh.key, when) == (item.key, read)
        world.sleep(2)
        _fresh, when = next(iter(Gatekeeper(state).whole(due).values()))
        assert when == world.now
