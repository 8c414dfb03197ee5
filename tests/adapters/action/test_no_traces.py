# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-playbook, killed in the middle of a slice, leaves no secret behind: not on disk, not in sight.

The service is a socket that accepts and never answers, so the module hangs where it would wait for a token.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = shutil.which(
    "ansible-playbook", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)
CANARIES = ("canary-secret-1", "canary-password-2", "canary-vcenter-3")

PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: {python}
  tasks:
    - homeward.asr.asr_failover:
        direction: to_onprem
        machines: [all]
        vaults: [{{name: v, resource_group: rg}}]
        subscription_id: 00000000-0000-0000-0000-000000000001
        tenant: 00000000-0000-0000-0000-000000000002
        client_id: 00000000-0000-0000-0000-000000000003
        secret: canary-secret-1
        x509_certificate_password: canary-password-2
        resource_manager_endpoint: https://127.0.0.1:{port}
        authority_host: https://127.0.0.1:{port}
        disable_instance_discovery: true
      environment:
        VMWARE_PASSWORD: canary-vcenter-3
      {extra}
"""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A listener whose callers wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def other_python(tmp_path: Path) -> str:
    """A Python that is not the controller's own by its name, so that Ansible packs and starts the module."""
    path = tmp_path / "other-python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    path.chmod(0o700)
    return str(path)


def start(
    tmp_path: Path, port: int, extra: str = "", python: str = sys.executable, **env: str
) -> subprocess.Popen[bytes]:
    if PLAYBOOK is None:
        pytest.skip("ansible-playbook is not installed beside this Python")
    (tmp_path / "tmp").mkdir()
    play = tmp_path / "play.yml"
    play.write_text(PLAY.format(python=python, port=port, extra=extra))
    play.chmod(0o600)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AZURE_", "VMWARE_", "ASR_", "ANSIBLE_"))}
    clean.update(
        HOME=str(tmp_path / "home"),
        TMPDIR=str(tmp_path / "tmp"),
        # Ansible takes the home of remote_tmp from the user database, not from HOME.
        ANSIBLE_REMOTE_TMP=str(tmp_path / "remote"),
        ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"),
        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".build" / "tree"),
        ANSIBLE_LOCALHOST_WARNING="false",
        **env,
    )
    return subprocess.Popen(
        [PLAYBOOK, "-vvvv", "-i", "localhost,", "-c", "local", str(play)],
        env=clean,
        stdout=(tmp_path / "output.txt").open("wb"),
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def descendants(pid: int) -> list[int]:
    """A process and everything below it; Ansible's workers may have left its process group."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        parents.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(entry.parent.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue.extend(parents.get(found[-1], []))
    return found


def command_lines(pids: list[int]) -> str:
    texts = []
    for pid in pids:
        try:
            texts.append(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(texts)


def files_with_a_canary(root: Path) -> list[str]:
    found = []
    for path in root.rglob("*"):
        if path.is_file() and path.name != "play.yml":
            data = path.read_bytes()
            found.extend(f"{path}: {canary}" for canary in CANARIES if canary.encode() in data)
    return found


@pytest.mark.parametrize("packed", [False, True], ids=["forked", "packed by Ansible"])
def test_kill_minus_nine_leaves_nothing_and_nothing_was_in_sight(
    tmp_path: Path, silent: socket.socket, packed: bool
) -> None:
    python = other_python(tmp_path) if packed else sys.executable
    run = start(tmp_path, silent.getsockname()[1], python=python)
    pids = [run.pid]
    try:
        try:
            caller, _address = silent.accept()
        except TimeoutError:
            pytest.fail((tmp_path / "output.txt").read_text()[-3000:])
        with caller:
            pids = descendants(run.pid)
            seen = command_lines(pids)
            assert len(pids) > 2, seen
            assert not [canary for canary in CANARIES if canary in seen]
    finally:
        for pid in reversed(pids):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        run.wait(30)
    assert files_with_a_canary(tmp_path) == []


@pytest.mark.parametrize(
    ("extra", "env", "words"),
    [
        ("async: 60", {}, "wait: false"),
        ("", {"ANSIBLE_KEEP_REMOTE_FILES": "1"}, "ANSIBLE_KEEP_REMOTE_FILES"),
    ],
)
def test_what_would_write_secrets_to_disk_is_refused_in_words(
    tmp_path: Path, silent: socket.socket, extra: str, env: dict[str, str], words: str
) -> None:
    run = start(tmp_path, silent.getsockname()[1], extra, **env)
    assert run.wait(300) != 0
    assert words in (tmp_path / "output.txt").read_text()
    assert files_with_a_canary(tmp_path) == []


def test_a_run_that_ends_leaves_nothing(tmp_path: Path, silent: socket.socket) -> None:
    run = start(tmp_path, silent.getsockname()[1])
    caller, _address = silent.accept()
    caller.close()
    silent.close()
    deadline = time.monotonic() + 300
    assert run.wait(max(1.0, deadline - time.monotonic())) != 0
    assert files_with_a_canary(tmp_path) == []
    assert "Traceback" not in (tmp_path / "output.txt").read_text()
