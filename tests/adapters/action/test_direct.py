# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that is forked from Ansible's worker answers as one that Ansible packs and starts, and is as separate from it."""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.homeward.asr.plugins.plugin_utils.running import direct

ROOT = Path(__file__).resolve().parents[3]

#: A failure with a warning and a masked secret, and an option from the task's environment; no service is needed for it.
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Look
      homeward.asr.asr_preflight:
        vaults: [{name: v, resource_group: rg}]
        subscription_id: 00000000-0000-0000-0000-000000000001
        tenant: 00000000-0000-0000-0000-000000000002
        client_id: 00000000-0000-0000-0000-000000000003
        secret: a-secret-word
        hostname: vcenter.invalid
        username: u
        password: a-password-word
        validate_certs: false
        resource_manager_endpoint: https://127.0.0.1:1
        authority_host: https://127.0.0.1:1
        disable_instance_discovery: true
      environment:
        HTTPS_PROXY: "http://user:a-proxy-word@127.0.0.1:1"
      register: found
      ignore_errors: true
    - copy:
        dest: "{{ out }}"
        content: "{{ found | to_json }}"
"""


def answer(tmp_path: Path, python: str) -> tuple[dict[str, Any], str]:
    play, out = tmp_path / "play.yml", tmp_path / f"{Path(python).name}.json"
    play.write_text(PLAY)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AZURE_", "VMWARE_", "ASR_", "ANSIBLE_"))}
    env.update(
        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".build" / "tree"),
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_REMOTE_TMP=str(tmp_path / "remote"),
        ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"),
    )
    playbook = Path(sys.executable).with_name("ansible-playbook")
    command = [playbook, "-vvv", "-i", "localhost,", "-c", "local", "-e", f"out={out}", "-e"]
    ran = subprocess.run(
        [*command, f"ansible_python_interpreter={python}", str(play)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.exists(), ran.stdout + ran.stderr
    return json.loads(out.read_text()), ran.stdout


def test_both_ways_answer_alike(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o700)
    (forked, said), (packed, told) = answer(tmp_path, sys.executable), answer(tmp_path, str(other))
    assert "forked from this one" in said
    assert "forked from this one" not in told
    assert forked == packed
    assert forked["failed"]
    assert forked["code"]
    assert forked["warnings"]
    for text in (said, json.dumps(forked)):
        assert not [word for word in ("a-secret-word", "a-password-word", "a-proxy-word") if word in text]


def action(transport: str = "local", become: Any = None, delegate_to: str = "") -> Any:
    return SimpleNamespace(
        _connection=SimpleNamespace(transport=transport, become=become),
        _task=SimpleNamespace(become=bool(become), delegate_to=delegate_to),
        _templar=SimpleNamespace(template=lambda value: value),
    )


HERE = {"ansible_python_interpreter": sys.executable}


@pytest.mark.parametrize(
    ("given", "variables", "expected"),
    [
        ({}, HERE, True),
        ({}, {}, False),
        ({}, {"ansible_python_interpreter": "/usr/bin/another-python"}, False),
        ({}, {"ansible_python_interpreter": str(Path(sys.executable).with_name("python3"))}, True),
        ({"transport": "ssh"}, HERE, False),
        ({"become": "sudo"}, HERE, False),
        ({"delegate_to": "elsewhere"}, HERE, False),
        ({"delegate_to": "here"}, {"ansible_delegated_vars": {"here": HERE}}, True),
    ],
)
def test_only_where_the_module_would_run_here_anyway(
    given: dict[str, Any], variables: dict[str, Any], expected: bool
) -> None:
    assert direct.possible(action(**given), variables) is expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.15.9", False), ("2.16.0", True), ("2.19.14", True), ("2.21.5", True), ("2.22.0", False)],
)
def test_only_on_an_ansible_core_on_which_it_is_tested(
    monkeypatch: pytest.MonkeyPatch, version: str, expected: bool
) -> None:
    monkeypatch.setattr(direct, "__version__", version)
    assert direct.possible(action(), HERE) is expected


def test_what_is_imported_beforehand_is_there() -> None:
    for name, _option in direct.PACKAGES:
        importlib.import_module(name)


@pytest.mark.parametrize(
    ("name", "expected"), [("PYTHONPATH", True), ("LD_LIBRARY_PATH", True), ("HTTPS_PROXY", False), ("PATH", False)]
)
def test_not_where_the_environment_makes_another_python(name: str, expected: bool) -> None:
    assert direct.starts_otherwise({name: "/somewhere"}) is expected


def test_not_beside_other_threads() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not direct.possible(action(), HERE)
    finally:
        stop.set()
        thread.join()


def run(main: Any, tmp_path: Path, **environment: str) -> dict[str, Any]:
    return direct.run(SimpleNamespace(main=main), {"name": "x"}, environment, str(tmp_path))


def test_a_module_has_its_own_environment_directory_files_and_answer(tmp_path: Path) -> None:
    here, kept = os.getcwd(), os.pipe()

    def main() -> None:
        module = AnsibleModule(argument_spec={"name": {"type": "str"}})
        same = [os.fstat(fd).st_ino == inode for fd, inode in inodes.items()]
        module.warn("careful")
        module.exit_json(name=module.params["name"], seen=os.environ["SEEN"], directory=os.getcwd(), same=same)

    inodes = {fd: os.fstat(fd).st_ino for fd in kept}
    try:
        ended = run(main, tmp_path, SEEN="yes")
    finally:
        for fd in kept:
            os.close(fd)
    told = json.loads(ended["stdout"])
    assert (ended["rc"], told["name"], told["seen"], told["directory"]) == (0, "x", "yes", str(tmp_path))
    assert told["same"] == [False, False]
    assert "careful" in str(told["warnings"])
    assert "SEEN" not in os.environ
    assert os.getcwd() == here


def test_what_the_module_registers_for_its_end_runs_and_what_the_worker_registered_does_not(tmp_path: Path) -> None:
    worker, module = tmp_path / "worker", tmp_path / "module"
    atexit.register(worker.touch)
    try:
        run(lambda: atexit.register(module.touch), tmp_path)
    finally:
        atexit.unregister(worker.touch)
    assert module.exists()
    assert not worker.exists()


def test_more_than_a_pipe_holds_comes_through(tmp_path: Path) -> None:
    def main() -> None:
        sys.stderr.write("e" * 300_000)
        sys.stdout.write("o" * 300_000)
        raise SystemExit(3)

    ended = run(main, tmp_path)
    assert (ended["rc"], len(ended["stdout"]), len(ended["stderr"])) == (3, 300_000, 300_000)


def test_a_crash_and_a_kill_end_only_the_module(tmp_path: Path) -> None:
    def crash() -> None:
        raise ValueError("broken")

    def killed() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    crashed = run(crash, tmp_path)
    assert crashed["rc"] == 1
    assert "Traceback" in crashed["stderr"]
    assert "broken" in crashed["stderr"]
    assert run(killed, tmp_path)["rc"] == -signal.SIGKILL


def test_a_task_whose_time_is_over_leaves_no_process(tmp_path: Path) -> None:
    class Over(Exception):
        pass

    def over(_number: int, _frame: Any) -> None:
        raise Over

    read, write = os.pipe()

    def main() -> None:
        signal.pause()

    before = signal.signal(signal.SIGALRM, over)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Over):
            run(main, tmp_path)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        os.close(read)
        os.close(write)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_authorities_are_parsed_beforehand_unless_the_task_names_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Any] = []
    site = importlib.import_module(f"{direct.SHARED}vcenter.connection")
    monkeypatch.setattr(site, "trusting", parsed.append)
    monkeypatch.delenv("VMWARE_HOST", raising=False)
    direct.warm({"hostname": "vcenter", "ca_path": "/no/such/file"}, {"SSL_CERT_FILE": "/other"})
    direct.warm({"hostname": "vcenter", "validate_certs": False}, {})
    direct.warm({}, {})
    assert parsed == []
    direct.warm({"hostname": "vcenter", "ca_path": "/no/such/file"}, {})
    monkeypatch.setenv("VMWARE_HOST", "vcenter")
    direct.warm({}, {})
    assert parsed == ["/no/such/file", None]
