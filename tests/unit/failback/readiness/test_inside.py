# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts inside Azure VMs: which VMs, what is asked, what is made of an answer; and that none runs unasked."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from builders import P, order
from center import Center, Resources, names, world

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import Rejected
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Json
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.inside import printed, script
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.preflight import preflight
from ansible_collections.homeward.asr.plugins.plugin_utils.output.wording import worded

LINUX = "Enable succeeded: \n[stdout]\nasr agent running\nasr free 812\nasr tcp 10.0.0.5 443 open\nasr tcp 10.50.0.4 9443 closed\n\n[stderr]\n"


def run(port: Resources, run_script: Any = None, **wishes: Any) -> dict[str, Any]:
    return preflight(replace(order((), **wishes), check=True), (), {}, port, Center(names()), None, run_script)  # type: ignore[arg-type]


def broken(result: dict[str, Any], rule: str) -> dict[str, str]:
    return {f["name"]: f["verdict"] for f in result["findings"] if f["rule"] == rule}


def test_what_a_script_prints_is_found_among_azures_words() -> None:
    found = printed({"value": [{"code": "ComponentStatus/StdOut/succeeded", "message": LINUX}]})
    assert (found.agent, found.free_mb, found.why) == ("running", 812.0, "")
    assert found.ports == {("10.0.0.5", 443): True, ("10.50.0.4", 9443): False}


@pytest.mark.parametrize(
    "answer", [{}, {"value": None}, {"value": [{"message": "asr tcp x"}]}, {"value": [{"message": None}]}]
)
def test_an_answer_that_is_not_understood_is_not_known(answer: Any) -> None:
    assert printed(answer).why


def test_the_script_of_linux_tells_an_open_port_from_a_closed_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        opened, closed = (("127.0.0.1", one.getsockname()[1]) for one in (server, bound))
        lines = "\n".join(script(False, [opened, closed])["script"])
        done = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, check=True)
    found = printed({"value": [{"message": f"Enable succeeded: \n[stdout]\n{done.stdout}\n[stderr]\n{done.stderr}"}]})
    assert found.ports == {opened: True, closed: False}
    assert found.agent == "missing"
    assert found.free_mb is not None


@pytest.mark.parametrize("windows", [True, False])
def test_an_address_that_is_none_never_becomes_part_of_a_script(windows: bool) -> None:
    body = script(windows, [("10.0.0.5", 443), ("10.0.0.5; rm -rf /", 443), ("$(id)", 443), ("fd00::5", 443)])
    assert [line for line in body["script"] if line.startswith("t ")] == ["t 10.0.0.5 443", "t fd00::5 443"]
    assert body["commandId"] == ("RunPowerShellScript" if windows else "RunShellScript")


def test_nothing_runs_unasked() -> None:
    result = run(Resources(world()))
    assert result["scripts_run"] == 0
    assert set(broken(result, "azure_ports").values()) == {"unknown"}
    assert "a script run inside" not in " ".join(result["lines"])


def test_each_machine_in_azure_is_asked_once_and_one_that_fails_is_not_known() -> None:
    asked: list[tuple[str, Json]] = []

    def answer(vm_id: str, body: Json) -> Json:
        asked.append((vm_id, body))
        if vm_id.endswith("m-001"):
            raise Rejected("forbidden", "The account may not run commands.", "Give it the right.")
        return {"value": [{"message": LINUX}]}

    result = run(Resources(world()), answer)
    assert sorted(vm_id.rpartition("/")[2] for vm_id, _body in asked) == names()
    assert broken(result, "azure_ports") == {"m-000": "warn", "m-001": "unknown"}
    (text,) = [f["text"] for f in result["findings"] if f["rule"] == "azure_ports" and f["name"] == "m-001"]
    assert "may not run commands" in text
    assert result["scripts_run"] == 2
    assert "a script run inside 2 Azure VMs" in " ".join(result["lines"])
    assert max(map(len, worded(result["lines"], True))) <= 120


@pytest.mark.parametrize("position", [P.HOME, P.HOME_UNCOMMITTED, P.HOME_UNPROTECTED, P.SYNCING_OUT])
def test_a_machine_that_does_not_work_in_azure_is_left_alone(position: P) -> None:
    asked: list[str] = []
    run(Resources(world(position)), lambda vm_id, body: asked.append(vm_id) or {})
    assert asked == []


def test_backups_of_servers_that_no_machine_has_are_said() -> None:
    port = Resources(world())
    result = preflight(replace(order(()), check=True), (), {"CS-9": "2026-01-01"}, port, None)  # type: ignore[arg-type]
    assert any("names CS-9" in note for note in result["warnings"])


def test_what_machines_at_home_have_found_is_judged_and_silence_is_not_known() -> None:
    there = world(P.HOME_UNPROTECTED)
    port = {"role": "configuration server", "name": "CS-1", "address": "10.0.0.5", "port": 443}
    ids = {row["name"]: row["item_id"] for row in run(Resources(there))["machines"]}

    def found(state: str, **more: Any) -> dict[str, Any]:
        looks = [
            {
                "item_id": ids["m-000"].upper(),
                "ports": [{**port, "state": state}],
                "free_mb": 400,
                "room_mb": 500,
                **more,
            }
        ]
        wanted = replace(order(()), check=True)
        result = preflight(wanted, (), {}, Resources(there), Center(names()), guests=looks)  # type: ignore[arg-type]
        return {rule: broken(result, rule) for rule in ("guest_ports", "guest_room")}

    assert found("open") == {"guest_ports": {"m-001": "unknown"}, "guest_room": {"m-000": "warn", "m-001": "unknown"}}
    assert found("closed")["guest_ports"] == {"m-000": "block", "m-001": "unknown"}
    assert found("open", why="No route")["guest_ports"] == {"m-000": "unknown", "m-001": "unknown"}
    assert broken(run(Resources(there)), "guest_ports") == {"m-000": "unknown", "m-001": "unknown"}
