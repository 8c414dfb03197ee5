# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules right before a step of a run: whom they stop before anything is sent, on facts of that moment, in how many reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from builders import VAULT, P, of, stage, text
from center import Center, Resources, names, world
from world import World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.gates import WORDS
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ConnectionFailed
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.before_step import (
    BY_THE_RUN,
    PARTS,
    PROVEN,
    SITE_LISTS,
    VAULT_LISTS,
    MomentJudge,
    Recent,
    left_to_rules,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.catalogue import FIRM, RULES
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.rule import BLOCK
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

REPROTECT, FAILOVER = 2, 3


def take(
    there: World, site: Center | None, wanted: Order, cursor: Any = None, port: Resources | None = None
) -> dict[str, Any]:
    """One slice whose rules read the same world."""
    clock = Clock(monotonic=lambda: there.spent, sleep=there.sleep)
    known: Any = None if site is None else Recent(site, SITE_LISTS, clock)
    judge = MomentJudge(wanted, Recent(port or Resources(there), VAULT_LISTS, clock), known)  # type: ignore[arg-type]
    return {**there.slice(wanted, cursor, judge=judge), "findings": judge.findings}


def asked(number: int, **wishes: Any) -> Order:
    return stage(number, "all", wait=False, **{"commit_when": "manual", **wishes})


def sent(there: World) -> list[str]:
    return [name for name, _step in there.steps_sent()]


def snapshotted(number: int = 2) -> Center:
    return Center(names(number), has_snapshot=True)


@pytest.mark.parametrize(("number", "position"), [(REPROTECT, P.OUT), (FAILOVER, P.READY)])
def test_a_snapshot_of_the_master_target_stops_its_machines_before_anything_is_sent(number: int, position: P) -> None:
    there = world(position)
    for check in (True, False):
        result = take(there, snapshotted(), asked(number, check=check))
        for name in names():
            machine = of(result, name)
            assert (machine["done"], machine["code"], machine["steps"]) == ("refused", "mt_snapshot", [])
            assert "has a snapshot" in machine["reason"]
            assert "{accept:mt_snapshot=reason}" in machine["remedy"]
        assert sent(there) == []
        assert not result.get("plan")


def test_a_machine_on_a_datastore_that_the_host_does_not_mount_stays_alone() -> None:
    there, site = world(), Center(names())
    site.vms[0] = replace(site.vms[0], datastores=("far",))
    foreseen = take(there, site, asked(REPROTECT, check=True))
    assert of(foreseen, "m-000")["code"] == "datastore_mounted"
    assert [entry["machine"] for entry in foreseen["plan"]] == ["m-001"]
    result = take(there, site, asked(REPROTECT))
    assert of(result, "m-000")["code"] == "datastore_mounted"
    assert sent(there) == ["m-001"]


def test_what_is_accepted_goes_and_the_result_keeps_the_reason() -> None:
    there = world()
    result = take(there, snapshotted(), asked(REPROTECT, accept={"mt_snapshot": "It goes tonight, says the owner"}))
    assert sorted(sent(there)) == names()
    (entry,) = of(result, "m-000")["accepted"]
    assert (entry["gate"], entry["reason"]) == ("mt_snapshot", "It goes tonight, says the owner")


def test_each_step_is_judged_at_its_own_moment() -> None:
    there, site = world(), Center(names())
    take(there, site, asked(REPROTECT))
    assert sorted(sent(there)) == names()
    while any(there.state(name).position is not P.READY for name in names()):
        there.sleep(60)
    age(there)
    site.targets = snapshotted().targets
    result = take(there, site, asked(FAILOVER))
    assert {of(result, name)["code"] for name in names()} == {"mt_snapshot"}
    site.targets = Center(names()).targets
    take(there, site, asked(FAILOVER))
    assert sorted(sent(there)[2:]) == names()


def age(there: World) -> None:
    """Servers and agents have reported just now."""
    now = text(there.now)
    details = there.fabric["properties"]["customDetails"]
    details["lastHeartbeat"] = now
    for server in [*details["masterTargetServers"], *details["processServers"]]:
        server["lastHeartbeat"] = now
    for extra in there.extra.values():
        extra["details"]["lastHeartbeat"] = now


def test_all_that_blocks_a_failover_is_reported_at_once() -> None:
    there = world(P.READY, 1)
    there.extra["m-000"]["details"]["rpoInSeconds"] = 9000
    machine = of(take(there, snapshotted(1), asked(FAILOVER)), "m-000")
    assert "has a snapshot" in machine["reason"]
    assert "recovery point is" in machine["reason"]
    assert "mt_snapshot" in machine["remedy"]
    assert "rpo" in machine["remedy"]


@pytest.mark.parametrize(("number", "position"), [(REPROTECT, P.OUT), (FAILOVER, P.READY)])
def test_lists_and_calls_do_not_grow_with_the_machines(number: int, position: P) -> None:
    seen = []
    for machines in (4, 40):
        there, site = world(position, machines), Center(names(machines))
        # Lists of a real vault do not report what rules need, so each machine is read on its own, once.
        there.thin = True
        take(there, site, asked(number))
        assert len(sent(there)) == machines
        assert there.calls.pop("get_item") == machines
        assert there.calls.pop("act") == machines
        seen.append((dict(there.calls), dict(site.calls)))
    assert seen[0] == seen[1]
    assert all(calls == 1 for calls in seen[0][1].values()), seen


def test_a_list_that_is_kept_is_judged_by_the_time_it_was_read() -> None:
    there = world()
    port = Recent(Resources(there), VAULT_LISTS, Clock(monotonic=lambda: 0.0, sleep=there.sleep))
    before = there.now
    port.list_fabrics(VAULT)
    there.advance(7200)
    port.list_fabrics(VAULT)
    assert (port.now, there.calls["list_fabrics"]) == (before, 1)


def test_without_vcenter_a_failover_home_is_not_guessed() -> None:
    there = world(P.READY, 1)
    machine = of(take(there, None, asked(FAILOVER)), "m-000")
    assert machine["code"] == "vm_off"
    assert "Set hostname" in machine["remedy"]
    take(there, None, asked(FAILOVER, accept={"vm_off": "I looked, says the owner"}))
    assert sent(there) == ["m-000"]


class Dark(Center):
    """A vCenter that cannot be reached now."""

    def machines(self, uuids: Iterable[str] = (), names: Iterable[str] = (), devices: bool = False) -> Any:
        raise ConnectionFailed("vcenter_unreachable", "vCenter does not answer.")


def test_a_failover_home_waits_for_vcenter_and_a_reprotect_does_not() -> None:
    there = world(P.READY, 1)
    result = take(there, Dark(names(1)), asked(FAILOVER))
    assert (sent(there), of(result, "m-000")["code"]) == ([], None)
    there = world(P.OUT, 1)
    take(there, Dark(names(1)), asked(REPROTECT))
    assert sent(there) == ["m-000"]


def test_a_fellow_of_a_machine_that_a_rule_stops_is_held() -> None:
    there, site = world(), Center(names())
    for extra in there.extra.values():
        extra["details"] = {**extra["details"], "multiVmGroupName": "shop", "multiVmGroupId": "g-1"}
    site.vms[0] = replace(site.vms[0], datastores=("far",))
    result = take(there, site, asked(REPROTECT))
    assert [of(result, name)["done"] for name in names()] == ["refused", "held"]
    assert sent(there) == []


def told(result: dict[str, Any]) -> dict[str, tuple[str, str, str, list[str]]]:
    """Rule -> name, verdict, the reason it was accepted by, the machines it concerns."""
    return {f["rule"]: (f["name"], f["verdict"], f["accepted"], f["machines"]) for f in result["findings"]}


def test_warnings_stop_nobody_and_are_kept() -> None:
    there, site = world(number=1), Center(names(1))
    site.vms[0] = replace(site.vms[0], has_snapshot=True)
    result = take(there, site, asked(REPROTECT))
    assert sent(there) == ["m-000"]
    assert told(result)["vm_snapshot"] == ("m-000", "warn", "", ["m-000"])
    # Nobody says what the network in Azure is connected to, and that stops nobody either.
    assert told(result)["network_link"][:2] == ("m-000", "unknown")
    # The row says the rest: what it demands, where it comes from.
    (finding,) = [f for f in result["findings"] if f["rule"] == "vm_snapshot"]
    assert (finding["blocks"], finding["moments"], bool(finding["source"])) == (False, ["reprotect_to_onprem"], True)
    # What only preflight is given is not "not known" to every stage.
    assert not {"cs_backup", "mt_excluded"} & set(told(result))


def test_blocks_and_what_was_accepted_are_kept_for_servers_and_machines() -> None:
    there = world()
    result = take(there, snapshotted(), asked(REPROTECT))
    assert told(result)["mt_snapshot"] == ("mt-win", "block", "", names())
    said = "It goes tonight, says the owner"
    there = world()
    result = take(there, snapshotted(), asked(REPROTECT, accept={"mt_snapshot": said}))
    assert told(result)["mt_snapshot"] == ("mt-win", "block", said, names())


@pytest.mark.parametrize("accept", [{}, {"rpo": "Old data will do, says the owner"}])
def test_gates_are_findings_of_their_rules(accept: dict[str, str]) -> None:
    there = world(P.READY, 1)
    there.extra["m-000"]["details"]["rpoInSeconds"] = 9000
    result = take(there, Center(names(1)), asked(FAILOVER, accept=accept))
    assert told(result)["rpo"] == ("m-000", "block", accept.get("rpo", ""), ["m-000"])
    assert sent(there) == (["m-000"] if accept else [])


def test_a_machine_that_nothing_blocks_has_no_findings_but_what_is_unknown() -> None:
    there = world(P.READY, 1)
    result = take(there, Center(names(1)), asked(FAILOVER))
    assert {verdict for _name, verdict, _accepted, _machines in told(result).values()} <= {"unknown"}


def test_every_rule_that_blocks_is_asked_by_a_run_or_judged_by_it() -> None:
    assert set(PARTS) == {step for rule in RULES for step in rule.moments} - {"master_target", "process_server"}
    for rule in RULES:
        for step in rule.moments & set(PARTS):
            if rule.severity == BLOCK and not left_to_rules(rule, step):
                assert rule.id in {*BY_THE_RUN, *PROVEN, *WORDS}, rule.id


def test_what_a_run_does_not_let_pass_cannot_be_accepted() -> None:
    """Else preflight would pass with a reason what the stage then refuses all the same."""
    assert set(FIRM) <= {rule.id for rule in RULES if rule.severity == BLOCK}
    assert set(FIRM) >= BY_THE_RUN
    # An unreachable VM is not known to run either, and that rule is firm.
    assert PROVEN - set(WORDS) - {"onprem_reachable"} <= set(FIRM)
