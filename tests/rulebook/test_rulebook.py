# SPDX-License-Identifier: GPL-3.0-or-later
"""The example rulebook in a real ansible-rulebook, on both stand-ins. ``RULEBOOK_BIN`` is the directory of its programs."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from scene import Scene, launch, linux, stop, vault

pytestmark = [
    pytest.mark.further,
    pytest.mark.skipif("RULEBOOK_BIN" not in os.environ, reason="run by the gate ansible-rulebook"),
]

FLEET: dict[str, Any] = {
    "name": "rulebook",
    "description": "One machine that is ready, and one that stays in Azure",
    "speed": 600,
    "vaults": [vault("vault-dr")],
    "machines": [
        linux("shop-01", state="ready", ip="10.20.0.21"),
        linux("other-01", state="out", ip="10.20.0.22"),
    ],
}
PATIENCE = 120.0


class Pager(ThreadingHTTPServer):
    """A web hook on loopback that keeps what it gets."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                pager.texts.append(str(json.loads(self.rfile.read(length))["text"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                """Nothing on standard error."""

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/page"


@pytest.fixture(name="pager")
def a_pager() -> Iterator[Pager]:
    with Pager() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(name="scene")
def a_scene(tmp_path: Path) -> Iterator[Scene]:
    scene = launch(FLEET, tmp_path / "rehearsal")
    yield scene
    stop(scene)


@contextmanager
def rulebook(scene: Scene, **variables: Any) -> Iterator[Path]:
    """The example, running; its output."""
    given = yaml.safe_load((scene.directory / "vars.yml").read_text(encoding="utf-8"))
    (scene.directory / "rulebook-vars.yml").write_text(yaml.safe_dump({**given, **variables}), encoding="utf-8")
    host = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (scene.directory / "hosts.yml").write_text(
        yaml.safe_dump({"all": {"hosts": {"localhost": host}}}), encoding="utf-8"
    )
    out = scene.directory / "rulebook.log"
    path = os.pathsep.join([os.environ["RULEBOOK_BIN"], os.environ["PATH"]])
    # The collection is found as ansible-galaxy finds it, not through PYTHONPATH.
    env = {**scene.environment(PATH=path), "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    env.pop("PYTHONPATH", None)
    command = ["ansible-rulebook", "-r", "homeward.asr.failback", "-i", "hosts.yml", "--vars", "rulebook-vars.yml"]
    with out.open("w", encoding="utf-8") as stream:
        running = subprocess.Popen(command, env=env, cwd=scene.directory, stdout=stream, stderr=subprocess.STDOUT)
        try:
            yield out
        finally:
            running.terminate()
            try:
                running.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait(30)


def test_stage_3_starts_when_machines_are_ready_and_people_are_paged(scene: Scene, pager: Pager) -> None:
    state = str(scene.directory / "events.json")
    options = {"asr_machines": ["shop-01"], "asr_user_interval": 1, "asr_user_state_file": state, "page_url": pager.url}
    with rulebook(scene, **options) as out:
        try:
            scene.until(lambda: scene.phase("shop-01") == "home_uncommitted", "stage 3", PATIENCE)
            scene.control("/items/other-01", {"replication_health": "Critical"})
            scene.until(lambda: any("other-01" in text for text in pager.texts), "the page about health", PATIENCE)
            silent = {"properties": {"customDetails": {"lastHeartbeat": "2020-01-01T00:00:00Z"}}}
            fault = {"action": "garbage", "match": {"path": "replicationFabrics\\?"}, "patch_entries": silent}
            scene.control("/faults", {**fault, "times": None})
            scene.until(lambda: any("is lost" in text for text in pager.texts), "the page about the server", PATIENCE)
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{out.read_text(encoding='utf-8')[-6000:]}") from None
        # Its commit waits for people, however often the rulebook looks.
        assert [step for step in scene.sent("shop-01") if "commit" in step.lower()] == []
        assert len(scene.sent("shop-01")) == 1
    assert len(pager.texts) == 2, pager.texts
