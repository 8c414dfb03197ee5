# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal as the proofs use it: its control endpoint, machines to take, and runs that can be killed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from rehearsal import launcher

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent

#: Seconds after which something that should have come is taken for lost. Generous: the machine may be busy.
PATIENCE = 240.0

#: Operation (as the control endpoint names it) -> the stage it belongs to.
STAGE_OF = {
    "failover/to_azure": 1,
    "commit/to_azure": 1,
    "reprotect/to_onprem": 2,
    "failover/to_onprem": 3,
    "commit/to_onprem": 3,
    "reprotect/to_azure": 4,
}
OPERATIONS = tuple(STAGE_OF)

#: Last segment of an operation's path; a modernized failover to on-premises has a verb of its own.
VERBS = {"failover": "unplannedFailover", "commit": "failoverCommit", "reprotect": "reProtect"}
PLANNED = {"failover/to_onprem": "plannedFailover"}

#: What a reprotect to on-premises must be told where several fit; a modernized vault has no process server to choose.
PLACES = {"process_server": "ps-azure-01", "datastore": "datastore-1"}

#: Stage -> where its machines start, and the tasks (module and its own options) it consists of.
STAGES: dict[int, tuple[str, list[tuple[str, dict[str, Any]]]]] = {
    1: (
        "home",
        [
            ("asr_failover", {"direction": "to_azure", "confirm_failover_to_azure": True}),
            ("asr_commit", {"direction": "to_azure", "commit_when": "verified"}),
        ],
    ),
    2: ("out", [("asr_reprotect", {"direction": "to_onprem", **PLACES})]),
    3: (
        "ready",
        [
            ("asr_failover", {"direction": "to_onprem"}),
            ("asr_commit", {"direction": "to_onprem", "commit_when": "verified"}),
        ],
    ),
    4: ("home_unprotected", [("asr_reprotect", {"direction": "to_azure"})]),
}

#: Stages 2 to 4 in one task.
WAY_HOME: list[tuple[str, dict[str, Any]]] = [("asr_failback", {"commit_when": "verified", **PLACES})]

#: Position of a machine after a stage.
ENDS = {1: "out", 2: "ready", 3: "home_unprotected", 4: "home"}


def stage_operations(stage: int) -> dict[str, int]:
    """What the vault must have accepted for one machine once its stage is over: each operation one time."""
    return {operation: 1 for operation, number in STAGE_OF.items() if number == stage}


def until(look: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Look until it is true; gives what was seen."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.04)


@dataclass
class Run:
    """A run in a process group of its own; its output is in files, so that it never waits for a reader."""

    process: subprocess.Popen[bytes]
    output: Path

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def alive(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the whole group, as a terminal or a job controller does."""
        os.killpg(self.process.pid, number)

    def wait(self, seconds: float = PATIENCE) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the run does not end: {self.text()[-3000:]}") from None

    def kill(self) -> None:
        """kill -9 for the process and everything below it; workers of Ansible may have left the group."""
        for pid in reversed(descendants(self.process.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(10)


class Driven(Run):
    """A run of driver.py."""

    def lines(self) -> list[dict[str, Any]]:
        """One result for each slice so far; a line that was cut by a kill is left out."""
        found = []
        for line in self.text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def arrives(self) -> dict[str, dict[str, Any]]:
        """Wait for a good end; the machines of the last task by name."""
        code = self.wait()
        assert code == 0, f"exit code {code}: {self.text()[-4000:]}"
        return {m["name"]: m for m in self.lines()[-1]["machines"]}

    def story(self, name: str) -> dict[str, str]:
        """What this run did with a machine: step -> started or joined."""
        found = {}
        for line in self.lines():
            for machine in line.get("machines") or ():
                if machine["name"] == name:
                    found.update({entry["step"]: entry["done"] for entry in machine["steps"]})
        return found


def descendants(pid: int) -> list[int]:
    """A process and everything below it, parents first."""
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


class Hand:
    """Plain requests to Resource Manager with a token of one's own; nothing of the collection is in between."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.endpoint = environ["AZURE_RESOURCE_MANAGER_ENDPOINT"]
        self.vault = (
            f"/subscriptions/{environ['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{environ['ASR_RESOURCE_GROUP']}"
            f"/providers/Microsoft.RecoveryServices/vaults/{environ['ASR_VAULT']}"
        )
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = environ["REQUESTS_CA_BUNDLE"]
        form = {
            "grant_type": "client_credentials",
            "client_id": environ["AZURE_CLIENT_ID"],
            "client_secret": environ["AZURE_SECRET"],
            "scope": f"{self.endpoint}/.default",
        }
        authority = f"{environ['AZURE_AUTHORITY_HOST']}/{environ['AZURE_TENANT']}"
        reply = self.http.post(f"{authority}/oauth2/v2.0/token", data=form, timeout=120)
        self.http.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"

    def call(self, method: str, below: str) -> requests.Response:
        """A request below the vault."""
        return self.http.request(
            method, f"{self.endpoint}{self.vault}/{below}", params={"api-version": "2025-08-01"}, timeout=120
        )


@dataclass
class Scene:
    """A running rehearsal. ``told`` is what the launcher says of it."""

    directory: Path
    told: dict[str, Any]
    environ: dict[str, str]
    runs: list[Run] = field(default_factory=list)
    #: Requests that came before the present test.
    since: int = 0
    generation: str = "classic"
    _names: int = 0

    # -- the control endpoint ----------------------------------------------------------------------------------------

    def control(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.told["azure"]["control"]).netloc, timeout=120)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status == 200, f"control {path}: {answer.status} {text}"
        return json.loads(text)

    def fault(self, action: str, match: Mapping[str, Any], **parameters: Any) -> None:
        self.control("POST", "/faults", {"action": action, "match": dict(match), **parameters})

    def spoiled(self) -> int:
        """How many requests the present rules have caught."""
        return sum(rule["done"] for rule in self.control("GET", "/faults"))

    def hold(self, match: Mapping[str, Any], parties: int = 99, **parameters: Any) -> str:
        """Hold requests at a barrier (one request unless ``times`` says more); gives the barrier's name."""
        self._names += 1
        name = f"barrier-{self._names}"
        self.fault("barrier", match, **{"name": name, "parties": parties, "times": 1, **parameters})
        return name

    def held(self, name: str, run: Run, parties: int = 1) -> None:
        """Wait until so many requests stand at the barrier."""

        def look() -> bool:
            assert run.alive(), f"the run ended before it came to the point: {run.text()[-3000:]}"
            return self.control("GET", f"/barrier/{name}")["waiting"] >= parties

        until(look, f"a request at {name}")

    def release(self, name: str) -> None:
        self.control("POST", f"/barrier/{name}/release")

    def settings(self, **values: Any) -> None:
        self.control("POST", "/settings", values)

    def speed(self, value: float) -> None:
        self.control("POST", "/clock", {"speed": value})

    def counters(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", "/counters")
        return found

    def accepted(self, machine: str) -> dict[str, int]:
        """Operations the vault has accepted for a machine since the test began."""
        found: dict[str, int] = self.counters()["by_item"].get(machine, {})
        return found

    def truth(self, machine: str) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", f"/items/{machine}")
        return found

    def requests(self) -> list[dict[str, Any]]:
        """Every request that came to Resource Manager, oldest first."""
        log = self.directory / "requests.jsonl"
        text = log.read_text(encoding="utf-8") if log.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def hand(self) -> Hand:
        return Hand(self.environ)

    def verb(self, operation: str) -> str:
        """Last segment of an operation's path in this scene's vault."""
        planned = PLANNED.get(operation) if self.generation == "modernized" else None
        return planned or VERBS[operation.split("/")[0]]

    def sent(self, machine: str, operation: str) -> list[dict[str, Any]]:
        """Requests for one operation on a machine since the test began, accepted or not."""
        below = f"/{self.truth(machine)['item']}/{self.verb(operation)}?"
        return [e for e in self.requests()[self.since :] if e["method"] == "POST" and below in e["path"]]

    def read(self, below: str) -> int:
        """How many reads of a kind there were since the test began; ``below`` is in their paths."""
        return sum(e["method"] == "GET" and below in e["path"] for e in self.requests()[self.since :])

    def take(self, phase: str, number: int = 1) -> list[str]:
        """Idle machines that stand at a phase. What earlier tests left there serves as well."""
        found = [
            item["name"]
            for item in self.control("GET", "/items")
            if item["phase"] == phase and not item["busy"] and item["agent_registered"] and "fails" not in item["name"]
        ]
        assert len(found) >= number, f"the fleet holds {len(found)} idle machines at {phase}, {number} are wanted"
        return found[:number]

    # -- runs --------------------------------------------------------------------------------------------------------

    def drive(
        self, stage: int, machines: Sequence[str], options: Mapping[str, Any] | None = None, **wish: Any
    ) -> Driven:
        """Run a stage for machines with driver.py."""
        return self.drive_tasks(STAGES[stage][1], machines, options, **wish)

    def drive_tasks(
        self,
        tasks: Sequence[tuple[str, Mapping[str, Any]]],
        machines: Sequence[str],
        options: Mapping[str, Any] | None = None,
        **wish: Any,
    ) -> Driven:
        common = {"machines": list(machines), "poll_interval": 0.2, "slice_seconds": 3, "on_failure": "report"}
        if self.generation == "modernized":
            tasks = [(name, {k: v for k, v in own.items() if k != "process_server"}) for name, own in tasks]
        wanted = [{"module": name, "options": {**common, **own, **(options or {})}} for name, own in tasks]
        path = self._file("wish.json")
        path.write_text(json.dumps({"tasks": wanted, **wish}), encoding="utf-8")
        run = self._start([sys.executable, str(HERE / "driver.py"), str(path)], Driven)
        assert isinstance(run, Driven)
        return run

    def playbook(self, name: str, machines: Sequence[str], **variables: Any) -> Run:
        """Run one of the collection's playbooks for machines."""
        given = {"asr_machines": list(machines), "asr_commit_when": "verified", **variables}
        command = [str(BIN / "ansible-playbook"), f"homeward.asr.{name}"]
        command += ["-e", f"@{self.directory / 'vars.yml'}", "-e", json.dumps(given)]
        return self._start(command, Run)

    def _file(self, name: str) -> Path:
        folder = self.directory / "runs"
        folder.mkdir(exist_ok=True)
        return folder / f"{len(self.runs):03d}-{name}"

    def _start(self, command: Sequence[str], kind: type[Run]) -> Run:
        output = self._file("output.txt")
        with output.open("wb") as stream:
            process = subprocess.Popen(
                command,
                env=self.environ,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.runs.append(kind(process, output))
        return self.runs[-1]

    # -- between tests -----------------------------------------------------------------------------------------------

    def fresh(self, speed: float) -> None:
        """As at the start: no fault, good credentials, full buckets, counters at zero."""
        self.control("DELETE", "/faults")
        self.control("POST", "/secret", {"expired": False})
        self.settings(page_size=100, lag=5, busy_as="http", token_lifetime=3599)
        self.speed(speed)
        self.control("POST", "/counters/reset")
        self.since = len(self.requests())

    def sweep(self) -> None:
        """End runs that a test has left behind."""
        for run in self.runs:
            if run.alive():
                run.kill()


def start(directory: Path, fleet: Path, generation: str = "classic") -> Scene:
    """Bring a rehearsal up; ``stop`` takes it down."""
    told = launcher.up(launcher.RehearsalOptions(fleet=str(fleet), directory=directory), say=lambda _text: None)
    script = f". '{directory}/env' && exec env -0"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AZURE_", "VMWARE_", "ASR_", "ANSIBLE_"))}
    done = subprocess.run(["sh", "-c", script], env=clean, capture_output=True, check=True, timeout=120)
    environ = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if "=" in entry)
    home = directory / "home"
    home.mkdir()
    environ.update(
        HOME=str(home),
        # Ansible takes the home of remote_tmp from the user database, not from HOME.
        ANSIBLE_REMOTE_TMP=str(home / "remote"),
        ANSIBLE_LOCAL_TEMP=str(home / "local"),
        ANSIBLE_NOCOLOR="1",
        PYTHONPATH=str(ROOT / ".build" / "tree"),
    )
    return Scene(directory, told, environ, generation=generation)


def stop(scene: Scene) -> None:
    scene.sweep()
    launcher.down(scene.directory, say=lambda _text: None)
