# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own checks between the failover home and its commit, against real sockets: each decides its machine's commit."""

from __future__ import annotations

import http.server
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from scene import Scene, linux, vault

#: The configuration server and its process server, where nothing answers.
NOBODY = "127.0.0.77"

ASKED = ("far-sighted", "cut-off", "cramped", "silent", "replaced", "stand-in")

#: Machines at home that are not protected to Azure yet.
HOME = ("stays-cut-off", "stays-unknown")

READY = ("open-port", "closed-port", "web-page", "own-tasks", "shop-01", "shop-02", "no-check")

FLEET: dict[str, Any] = {
    "name": "verify",
    "description": "Machines with checks of their own before the commit home",
    "speed": 600,
    "vaults": [
        vault(
            "vault-verify",
            process_servers=[{"name": "ps-azure-01"}, {"name": "CS-01", "ip": NOBODY, "in_azure": False}],
        )
    ],
    "machines": [
        *(linux(name, state="ready", **({"group": "shop"} if name.startswith("shop") else {})) for name in READY),
        *(linux(name, state="ready") for name in ("further", "refused", *ASKED)),
        *(linux(name, state="home_unprotected") for name in HOME),
    ],
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


class Page(http.server.BaseHTTPRequestHandler):
    """One page, and no line on standard error."""

    def do_GET(self) -> None:
        body = b"all systems go"
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.5", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def opened() -> Iterator[int]:
    with socket.create_server(("127.0.0.6", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def closed() -> Iterator[int]:
    """A port that is bound and does not listen, so that nobody else takes it meanwhile."""
    with socket.socket() as server:
        server.bind(("127.0.0.7", 0))
        yield server.getsockname()[1]


def test_each_machine_is_committed_by_its_own_checks(scene: Scene, web: int, opened: int, closed: int) -> None:
    (scene.directory / "own.yml").write_text(
        "- ansible.builtin.assert:\n    that:\n      - failed_over.name == 'own-tasks'\n      - failed_over.job | length > 0\n"
        "- ansible.builtin.stat:\n    path: /\n"
    )
    # A task file that clears what was found, runs the role itself, and would have the run commit without approval.
    (scene.directory / "meddler.yml").write_text(
        "- ansible.builtin.set_fact:\n    verify_failures: []\n    asr_accept: {rpo: because}\n"
        "  delegate_to: localhost\n  delegate_facts: true\n"
        "- ansible.builtin.set_fact:\n    verify_failures: []\n"
        "- ansible.builtin.include_role:\n    name: homeward.asr.verify\n"
        "  vars:\n    verify_checks: []\n    verify_job: '{{ failed_over.job }}'\n"
    )
    scene.notes["writes"] = scene.writes
    run = scene.playbook(
        "stage_3_failover_to_onprem",
        asr_machines=list(READY),
        asr_commit_when="verified",
        asr_verify_timeout=1,
        asr_verify={
            "open-*": {"tcp": opened},
            "closed-port": [{"tcp": closed}, {"tasks": "meddler.yml"}],
            "web-page": {"http": {"port": web, "path": "health", "text": "systems go"}},
            "own-tasks": {"tasks": "own.yml"},
            "shop": {"tcp": web},
            "shop-02": [{"http": f"http://{{address}}:{web}/nowhere"}],
        },
        asr_verify_addresses={
            "open-port": "127.0.0.6",
            "closed-port": "127.0.0.7",
            "web-page": "127.0.0.5",
            "shop-01": "127.0.0.5",
            "shop-02": "127.0.0.5",
        },
        ansible_connection="local",
        ansible_python_interpreter="{{ ansible_playbook_python }}",
    )
    assert run.rc == 2, run.text
    commit = run.machines("asr_commit")
    refused = {name: m["code"] for name, m in commit.items() if m["done"] in ("refused", "held")}
    assert refused == {"closed-port": "verify_failed", "shop-02": "verify_failed", "shop-01": "group_held"}, run.text
    for name in ("open-port", "web-page", "own-tasks", "no-check"):
        assert scene.sent(name) == ["failover_to_onprem", "commit_to_onprem"], run.text
    for name in refused:
        assert scene.sent(name) == ["failover_to_onprem"]
        assert scene.control(f"/items/{name}")["azure_vm"], "both copies are left alone"
    assert f"127.0.0.7 port {closed} did not answer" in commit["closed-port"]["reason"]
    assert "A task changed asr_accept during the run." in " ".join(run.text.split())
    assert "NEXT" in run.text
    assert "closed-port" in run.text[run.text.index("NEXT") :]


def ssh(scene: Scene, name: str, script: str) -> dict[str, str]:
    """A host's variables with this script for ssh; its last argument is what is run over there."""
    path = scene.directory / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return {"ansible_ssh_executable": str(path), "ansible_python_interpreter": "/nowhere/python"}


#: Runs it under another kernel, as far as can be seen.
THERE = "for last; do :; done\nsh -c \"$last\" | sed 's/^asr boot .*/asr boot another/'"


def test_a_machine_is_committed_by_what_it_reaches_from_inside(scene: Scene, opened: int) -> None:
    """By the plain connection of each: three answer, one cannot be logged in to, and for two the controller answers."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = dict.fromkeys(ASKED, ssh(scene, "there", THERE)) | {
        "silent": ssh(scene, "lost", "echo no route >&2\nexit 255"),
        "replaced": local,
        "stand-in": local,
    }
    (scene.directory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}), encoding="utf-8")
    wanted: dict[str, Any] = {
        "asr_machines": list(ASKED),
        "asr_commit_when": "verified",
        "asr_verify_timeout": 1,
        "asr_verify": {
            "far-sighted": [{"reaches": f"127.0.0.6:{opened}"}, {"room": True}],
            "cut-off": {"reaches": "servers"},
            "cramped": [{"reaches": [f"127.0.0.6:{opened}"]}, {"room": 999999999}],
            "silent": {"reaches": f"127.0.0.6:{opened}"},
            "replaced": {"reaches": f"127.0.0.6:{opened}"},
            "stand-in": {"connection": True},
        },
        "asr_report_file": "inside.html",
    }
    run = scene.playbook("stage_3_failover_to_onprem", "-i", "hosts.yml", **wanted)
    assert run.rc == 2, run.text
    commit = run.machines("asr_commit")
    assert {name: m["code"] for name, m in commit.items() if m["done"] == "refused"} == {
        "cut-off": "guest_ports",
        "silent": "guest_ports",
        "replaced": "guest_ports",
        "stand-in": "verify_failed",
    }, run.text
    for name in ASKED:
        committed = ["commit_to_onprem"] if name in ("far-sighted", "cramped") else []
        assert scene.sent(name) == ["failover_to_onprem", *committed], run.text
    reason = commit["cut-off"]["reason"]
    assert f"does not reach CS-01 at {NOBODY} on TCP 443 or CS-01 at {NOBODY} on TCP 9443" in reason
    assert "asr_accept" in commit["cut-off"]["remedy"]
    assert "no route" in commit["silent"]["reason"]
    for name in ("replaced", "stand-in"):
        assert "own host answered in its place" in commit[name]["reason"]
    proofs = {name: {p["proof"]: p for p in m["proofs"]} for name, m in commit.items()}
    assert proofs["far-sighted"]["guest"]["verdict"] == "holds"
    assert f"127.0.0.6 on TCP {opened}" in proofs["far-sighted"]["guest"]["value"]
    assert "MB free" in proofs["far-sighted"]["guest"]["value"]
    assert "checks" not in proofs["far-sighted"]
    assert proofs["cut-off"]["guest"]["verdict"] == proofs["silent"]["guest"]["verdict"] == "missing"
    # Too little room is a warning, in the table and the report.
    assert "guest_room" in run.text[run.text.index("WARNS") :]
    kept = json.loads((scene.directory / "inside.json").read_text(encoding="utf-8"))["findings"]
    assert {(f["rule"], f["name"], f["verdict"]) for f in kept if f["rule"].startswith("guest_")} == {
        ("guest_room", "cramped", "warn"),
        ("guest_ports", "cut-off", "block"),
        ("guest_ports", "silent", "block"),
        ("guest_ports", "replaced", "block"),
    }
    wanted["asr_machines"] = ["cut-off"]
    wanted["asr_accept"] = {"guest_ports": "The firewall opens tomorrow, says the owner"}
    again = scene.playbook("stage_3_failover_to_onprem", "-i", "hosts.yml", **wanted)
    assert again.rc == 0, again.text
    (proof,) = [p for p in again.machines("asr_commit")["cut-off"]["proofs"] if p["proof"] == "guest"]
    assert proof["verdict"] == "accepted"


def test_preflight_asks_machines_at_home_that_are_hosts_of_the_inventory(scene: Scene) -> None:
    hosts = {"stays-cut-off": ssh(scene, "there", THERE)}
    (scene.directory / "home.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}), encoding="utf-8")
    before = scene.writes
    wanted: dict[str, Any] = {
        "asr_machines": [*HOME, "web-page"],
        "asr_moments": ["reprotect_to_azure"],
        "asr_probe_guests": True,
    }
    seen = {}
    for mode in ("run", "check"):
        run = scene.playbook("preflight", "-i", "home.yml", *(["--check"] if mode == "check" else []), **wanted)
        (result,) = run.of("asr_preflight")
        told = {
            (f["rule"], f["name"]): f
            for f in result["findings"]
            if f["rule"].startswith("guest_") and f["name"] in HOME
        }
        seen[mode] = {key: f["verdict"] for key, f in told.items()}
        if mode == "run":
            assert f"does not reach CS-01 at {NOBODY} on TCP 443" in told["guest_ports", "stays-cut-off"]["text"], (
                run.text
            )
            assert "not a host of the inventory" in told["guest_ports", "stays-unknown"]["text"]
            assert run.rc == 2
            assert result["passed"]["guest_room"] == 1
    assert seen["run"] == {
        ("guest_ports", "stays-cut-off"): "block",
        ("guest_ports", "stays-unknown"): "unknown",
        ("guest_room", "stays-unknown"): "unknown",
    }
    # In check mode nothing runs in a machine.
    assert set(seen["check"].values()) == {"unknown"}
    assert scene.writes == before


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"further": {"tpc": 22}}, "Did you mean tcp"),
        ({"further": {"tcp": 70000}}, "70000"),
        ({"nobody-*": {"tcp": 22}}, "matches no machine"),
        ({"addresses": {"nobody": "10.0.0.1"}}, "matches no machine"),
    ],
)
def test_what_cannot_be_checked_is_refused_before_anything_is_sent(scene: Scene, given: Any, code: str) -> None:
    before = scene.writes
    variables = {"asr_verify_addresses": given["addresses"]} if "addresses" in given else {"asr_verify": given}
    # Check mode finds the same.
    options = ["--check"] if "addresses" in given else []
    run = scene.playbook("stage_3_failover_to_onprem", *options, asr_machines=["further"], **variables)
    assert run.rc == 2, run.text
    assert code in " ".join(run.text.split())
    assert scene.writes == before


def test_a_hook_refuses_one_machine_and_the_run_goes_on(scene: Scene) -> None:
    (scene.directory / "refuse.yml").write_text(
        "- ansible.builtin.set_fact:\n    asr_refuse: {refused: the listener is down}\n"
    )
    run = scene.playbook(
        "stage_3_failover_to_onprem",
        asr_machines=["further", "refused"],
        asr_commit_when="verified",
        asr_hooks_before_commit=["refuse.yml"],
    )
    assert run.rc == 2, run.text
    assert scene.sent("further") == ["failover_to_onprem", "commit_to_onprem"], run.text
    assert scene.sent("refused") == ["failover_to_onprem"]
    assert "the listener is down" in run.text[run.text.index("NEXT") - 800 :]


@pytest.mark.parametrize("count", [2, 60])
def test_the_event_of_added_machines_is_small_whatever_their_number(scene: Scene, count: int) -> None:
    entries = [
        {
            "host": f"m-{n}",
            "in_group": "asr_failed_over",
            "address": f"10.0.0.{n}",
            "address_given": "",
            "item_id": "/i" * 100,
        }
        for n in range(count)
    ]
    (scene.directory / "entries.json").write_text(json.dumps(entries), encoding="utf-8")
    run = scene.tasks(
        [
            {"ansible.builtin.set_fact": {"stage_ran": {"failed_over_file": str(scene.directory / "entries.json")}}},
            {
                "ansible.builtin.include_role": {
                    "name": "homeward.asr.stage",
                    "tasks_from": "failed_over",
                    "rolespec_validate": False,
                }
            },
            {
                "name": "Count them",
                "ansible.builtin.debug": {
                    "msg": "{{ groups.asr_failed_over | map('extract', hostvars, 'failed_over') }}"
                },
            },
        ],
        {"vars": {}},
    )
    assert run.rc == 0, run.text
    added = [told["result"] for told in run.results if told["action"].endswith("add_host")]
    assert max(len(json.dumps(result)) for result in added) < 30_000
    assert ("m-1 at 10.0.0.1" in run.text) is (count == 2)
    assert [m["address"] for m in run.task("Count them")["msg"]] == [e["address"] for e in entries]
