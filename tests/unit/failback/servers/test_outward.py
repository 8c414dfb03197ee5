# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that a machine at home is asked about, and the script it is asked with."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from builders import VAULT, P, fabric_json, item
from modern import agent_json, rcm, rcm_fabric_json

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import Fabric
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.inside_script import found, lines
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.outward import outward_servers
from ansible_collections.homeward.asr.plugins.plugin_utils.guest.probe import HERE, look, own_boot, script, towards

AZURE = {"id": "id-az", "friendlyName": "ps-azure", "ipAddress": "10.50.0.4"}
OWN = {"id": "id-ps", "friendlyName": "CS-1", "ipAddress": "10.0.0.5"}


def classic(*servers: dict[str, Any]) -> list[dict[str, Any]]:
    fabric = Fabric.parse(fabric_json(ipAddress="10.0.0.5", processServers=list(servers)), VAULT)
    return outward_servers(item(position=P.HOME_UNCOMMITTED), fabric)


def short(servers: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(s["role"].split()[0], s["address"], s["port"]) for s in servers]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (None, [("configuration", "10.0.0.5", 443), ("process", "10.0.0.5", 9443)]),
        ("PS-Azure", [("configuration", "10.0.0.5", 443), ("process", "10.50.0.4", 9443)]),
        # A name of another fabric's server does not apply here.
        ("elsewhere", [("configuration", "10.0.0.5", 443), ("process", "10.0.0.5", 9443)]),
    ],
)
def test_a_classic_machine_needs_its_configuration_server_and_one_process_server(named: Any, expected: Any) -> None:
    assert short(towards(classic(AZURE, OWN), named)) == expected


def test_where_none_is_the_natural_one_any_will_do() -> None:
    second = {**AZURE, "friendlyName": "ps-2", "ipAddress": "10.0.0.6"}
    assert short(towards(classic(AZURE, second))) == [
        ("configuration", "10.0.0.5", 443), ("process", "10.50.0.4", 9443), ("process", "10.0.0.6", 9443),
    ]  # fmt: skip


def test_a_modernized_machine_needs_both_ports_of_the_appliance_that_it_came_home_through() -> None:
    fabric = Fabric.parse(rcm_fabric_json(agent_json(1), agent_json(2)), VAULT)
    machine = rcm(position=P.HOME_UNCOMMITTED, details={"reprotectAgentId": "id-a2"})
    servers = towards(outward_servers(machine, fabric))
    assert {s["name"] for s in servers} == {"appliance-2"}
    assert short(servers) == [("appliance", "10.0.0.9", 443), ("appliance", "10.0.0.9", 9443)]
    assert {s["name"] for s in towards(outward_servers(machine, fabric), "appliance-1")} == {"appliance-1"}


def test_an_appliance_without_an_address_is_asked_by_its_name() -> None:
    data = rcm_fabric_json()
    (server,) = data["properties"]["customDetails"]["processServers"]
    server.update(ipAddresses=[], fqdn="appliance-1.example")
    servers = outward_servers(rcm(position=P.HOME_UNCOMMITTED), Fabric.parse(data, VAULT))
    assert {s["address"] for s in servers} == {"appliance-1.example"}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_script_runs_in_a_plain_shell(shell: str) -> None:
    done = subprocess.run([shell, "-c", script([])], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert found(done.stdout).free_mb is not None


def test_without_bash_nothing_is_called_closed(tmp_path: Any) -> None:
    lean = "\n".join(lines(False, [("127.0.0.1", 1)]))
    for tool in ("df", "awk"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    done = subprocess.run(
        ["/bin/sh", "-c", lean], capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)}
    )
    assert found(done.stdout).ports == {}


TARGETS = [
    {"role": "", "name": "", "address": "10.0.0.5", "port": 443},
    {"role": "", "name": "", "address": "10.0.0.6", "port": "9443"},
    {"role": "", "name": "", "address": "", "port": 443},
]


@pytest.mark.parametrize(
    ("answer", "states", "why"),
    [
        ({"stdout": "asr tcp 10.0.0.5 443 open\r\nasr tcp 10.0.0.6 9443 closed\r\nasr free 7\r\n"}, ["open", "closed", "untried"], ""),
        ({"stdout": "asr tcp 10.0.0.5 443 open\nasr free 7"}, ["open", "untried", "untried"], ""),
        ({"unreachable": True, "msg": "Connection\n refused"}, ["untried"] * 3, "Connection refused"),
        ({"unreachable": True}, ["untried"] * 3, "it cannot be reached"),
        ({"failed": True, "stdout": "", "stderr": "sh: not found"}, ["untried"] * 3, "sh: not found"),
        ({"stdout": "Welcome!"}, ["untried"] * 3, "the script printed nothing that is understood"),
        ({}, ["untried"] * 3, "the script printed nothing that is understood"),
    ],
)  # fmt: skip
def test_what_an_answer_means(answer: dict[str, Any], states: list[str], why: str) -> None:
    seen = look(answer, TARGETS)
    assert [port["state"] for port in seen["ports"]] == states
    assert seen["why"] == why
    assert seen["free_mb"] == ("" if why else 7)


NOISE = "Last login\nasr tcp 10.0.0.5 443 open\nasr free 9000\n"


def test_what_a_login_shell_prints_is_no_answer() -> None:
    seen = look({"stdout": f"{NOISE}Welcome! asr begin\nasr agent missing\nasr tcp 10.0.0.6 9443 open\n"}, TARGETS)
    assert [port["state"] for port in seen["ports"]] == ["untried", "open", "untried"]
    assert seen["free_mb"] == ""
    # A script that did not even begin: sh is not there.
    assert look({"stdout": f"{NOISE}asr begin\n", "failed": True}, TARGETS)["why"]


@pytest.mark.skipif(not own_boot(), reason="this system has no boot id")
def test_the_controller_never_answers_in_the_place_of_a_machine() -> None:
    """Whatever led back here: a local connection, or an address."""
    done = subprocess.run(["sh", "-c", script(TARGETS[:2])], capture_output=True, text=True, check=True)
    seen = look({"stdout": done.stdout}, TARGETS)
    assert (seen["why"], seen["elsewhere"], seen["free_mb"]) == (HERE, False, "")
    assert {port["state"] for port in seen["ports"]} == {"untried"}
    other = done.stdout.replace(own_boot(), "00000000-0000-4000-8000-000000000001")
    seen = look({"stdout": other}, TARGETS)
    assert (seen["why"], seen["elsewhere"]) == ("", True)
    assert seen["free_mb"] > 0
