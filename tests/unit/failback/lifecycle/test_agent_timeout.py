# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine whose agent does not register: waited for, then refused with nothing sent; in both generations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from builders import START, item, of, stage, text
from modern import rcm
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.decide import (
    Conditions,
    Observed,
    Send,
    Wait,
    decide,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.modernized import LIFECYCLE
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal

P = Position
HOME_ROUTE = ("reprotect_to_onprem",)


def test_a_classic_machine_is_refused_after_its_time_and_the_others_go_on(world: World) -> None:
    world.add("good", "silent")
    world.extra["silent"] = {"details": {"lastHeartbeat": text(START - timedelta(days=1))}}
    world.extra["silent"]["lastSuccessfulFailoverTime"] = text(START)
    result = world.go(stage(2, "good", "silent"))
    told = of(result, "silent")
    assert (told["done"], told["code"], told["changed"]) == ("refused", "agent_not_registered", False)
    assert "20 minutes" in told["reason"]
    assert told["remedy"].endswith("without checking the agent.")
    assert of(result, "good")["after"] == "ready"
    assert {name for name, _step in world.steps_sent()} == {"good"}


def test_the_machines_own_answer_has_the_last_word(world: World) -> None:
    """The list is behind by a quarter of an hour: the machine is read on its own before it is refused."""
    world.lag = 900.0
    world.add("web")
    world.agent_delay = 600.0
    world.states["web"] = [(START, world.state("web"))]
    world.extra["web"] = {"lastSuccessfulFailoverTime": text(START)}
    shown = world.show

    def show(name: str, state: Any) -> dict[str, Any]:
        found = shown(name, state)
        late = world.calls["list_items"] > world.calls["get_item"] and world.now < START + timedelta(hours=1)
        beat = START - timedelta(minutes=1) if late else world.now
        found["properties"]["providerSpecificDetails"]["lastHeartbeat"] = text(beat)
        return found

    world.show = show  # type: ignore[method-assign]
    world.now = START + timedelta(minutes=21)
    result = world.slice(stage(2, slice_seconds=1))
    assert of(result, "web")["code"] is None


def test_without_a_time_the_agent_is_not_looked_at(world: World) -> None:
    world.add("silent")
    world.extra["silent"] = {
        "lastSuccessfulFailoverTime": text(START),
        "details": {"lastHeartbeat": text(START - timedelta(days=1))},
    }
    world.slice(stage(2, "silent", agent_timeout=0.0, slice_seconds=1))
    assert world.steps_sent() == [("silent", "reprotect_to_onprem")]


@pytest.mark.parametrize("failover", [START, None], ids=["told", "not told"])
@pytest.mark.parametrize(("minutes", "kind"), [(19, Wait), (21, Refusal)])
def test_a_modernized_machine_is_given_its_time_too(failover: Any, minutes: int, kind: type) -> None:
    seen = rcm(
        position=P.OUT,
        lastSuccessfulFailoverTime=text(failover),
        details={"isAgentRegistrationSuccessfulAfterFailover": False},
    )
    now = START + timedelta(minutes=minutes)
    decision = decide(Observed(seen, now, since=START), HOME_ROUTE, LIFECYCLE, Conditions(agent_timeout=1200))
    assert isinstance(decision, kind)


def test_an_item_that_reports_no_failover_and_no_agent_is_left_to_the_service() -> None:
    seen = item(position=P.OUT, lastSuccessfulFailoverTime=None, details={"lastHeartbeat": None})
    decision = decide(Observed(seen, START, since=START), HOME_ROUTE, LIFECYCLE, Conditions())
    assert isinstance(decision, Send)
