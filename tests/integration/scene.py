# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal as its user meets it: ansible-playbook in front, the vault's control endpoint and vCenter behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import yaml

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = ROOT / "extensions"
BIN = Path(sys.executable).parent
STANDIN = ROOT / ".build" / "bin" / "vcenter-standin"
CALLBACKS = Path(__file__).with_name("callbacks")

#: A command of these tests that takes longer hangs.
PATIENCE = 600.0

#: Variables of whoever runs the tests that would reach into the playbooks.
FOREIGN = ("AZURE_", "VMWARE_", "ASR_", "ANSIBLE_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")

Task = dict[str, Any]


def clean_environment() -> dict[str, str]:
    """This process's environment without what the tests set themselves."""
    return {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}


@dataclass(frozen=True)
class Outcome:
    """What a run of ansible-playbook left: exit code, all it printed, and the results of its tasks in order."""

    rc: int
    text: str
    results: list[dict[str, Any]] = field(default_factory=list)

    def of(self, module: str) -> list[dict[str, Any]]:
        """The results of our module of that name, in order, also as a stage of a chain. The report's is that of the chain's last task."""
        found: list[dict[str, Any]] = []
        known: list[Any] = []
        for told in self.results:
            action, result = told["action"], told["result"]
            if action == f"homeward.asr.{module}":
                found.append(result)
            elif action == "homeward.asr.asr_stages":
                stages = result.get("stages") or []
                # A task of a chain with hooks reports the stages before it, too.
                fresh = stages[len(known) :] if stages[: len(known)] == known else stages
                known = stages
                found += [r for r in fresh if module != "asr_report" and r.get("module") == module]
                if module == "asr_report" and "total" in result:
                    found.append(result)
        return found

    def task(self, name: str) -> dict[str, Any]:
        """The result of the one task of that name."""
        (found,) = [dict(r["result"]) for r in self.results if r["task"] == name]
        return found

    def machines(self, module: str) -> dict[str, dict[str, Any]]:
        """Where the module's last call left each machine."""
        return {str(m["name"]): m for m in self.of(module)[-1]["machines"]}


@dataclass
class Scene:
    """One running rehearsal."""

    directory: Path
    env: dict[str, str]
    state: dict[str, Any]
    runs: int = 0
    #: What a module's fixtures want to hand to its tests.
    notes: dict[str, Any] = field(default_factory=dict)

    # -- in front --------------------------------------------------------------------------------------------------

    def environment(self, **more: str) -> dict[str, str]:
        """What ansible-playbook is started with; its files stay inside the rehearsal's directory."""
        return {
            **self.env,
            "HOME": str(self.directory / "home"),
            "ANSIBLE_HOME": str(self.directory / "home" / ".ansible"),
            "ANSIBLE_REMOTE_TMP": str(self.directory / "remote"),
            "ANSIBLE_LOCAL_TEMP": str(self.directory / "local"),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "told",
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def playbook(self, name: str, *options: str, **variables: Any) -> Outcome:
        """Run a playbook of ours by its short name with the rehearsal's variables and these over them."""
        command = ["ansible-playbook", f"homeward.asr.{name}", "-e", f"@{self.directory / 'vars.yml'}"]
        return self.command([*command, "-e", json.dumps(variables), *options])

    def command(self, command: list[str], env: dict[str, str] | None = None) -> Outcome:
        """Run a command as it stands, in the rehearsal's directory."""
        self.runs += 1
        told = self.directory / f"told-{self.runs}.jsonl"
        done = subprocess.run(
            command,
            env=self.environment(TOLD_FILE=str(told), **(env or {})),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
        return Outcome(done.returncode, done.stdout, [json.loads(line) for line in lines])

    def tasks(self, tasks: Iterable[Task], play: Task | None = None, env: dict[str, str] | None = None) -> Outcome:
        """Run tasks of one's own; a task that fails does not keep the next from running."""
        content = {
            "hosts": "localhost",
            "gather_facts": False,
            "ignore_errors": True,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            **(play or {}),
            "tasks": list(tasks),
        }
        path = self.directory / f"play-{self.runs + 1}.yml"
        path.write_text(yaml.safe_dump([content], sort_keys=False), encoding="utf-8")
        path.chmod(0o600)
        return self.command(["ansible-playbook", str(path), "-e", f"@{self.directory / 'vars.yml'}"], env)

    # -- behind ----------------------------------------------------------------------------------------------------

    def control(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Ask the vault's control endpoint: GET without a body, POST with one."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.state['azure']['control']}{path}", data, method=method)  # noqa: S310
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)

    @property
    def writes(self) -> int:
        """Writes that reached the vault, refused ones too."""
        return int(self.control("/counters")["writes"])

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Accepted operations in order: machine, step, body."""
        return [{**b, "machine": b["item"], "step": b["operation"].replace("/", "_")} for b in self.control("/bodies")]

    def sent(self, machine: str) -> list[str]:
        """Operations accepted for a machine, in order."""
        return [b["step"] for b in self.bodies if b["machine"] == machine]

    def phase(self, machine: str) -> str:
        """Where the vault itself knows the machine to be."""
        return str(self.control(f"/items/{machine}")["phase"])

    def until(self, look: Callable[[], Any], what: str, patience: float = 30.0) -> Any:
        """Look until there is something to see."""
        deadline = time.monotonic() + patience
        while not (seen := look()):
            assert time.monotonic() < deadline, f"{what}: not within {patience:g} s"
            time.sleep(0.05)
        return seen

    def registered(self, *machines: str) -> None:
        """Let the machines' agents be registered now, so that no test waits for them."""
        for machine in machines:
            self.control(f"/items/{machine}", {"agent_registered": True})

    # -- vCenter ---------------------------------------------------------------------------------------------------

    @cached_property
    def si(self) -> Any:
        from rehearsal.vcenter import client

        url = f"https://{self.env['VMWARE_HOST']}:{self.env['VMWARE_PORT']}/sdk"
        return client.connect(url, self.env["VMWARE_USER"], self.env["VMWARE_PASSWORD"], self.env["SSL_CERT_FILE"])

    def vm(self, name: str) -> Any:
        """A virtual machine by name; None when there is none."""
        from rehearsal.vcenter import client

        return client.find_vm(self.si, name=name)

    def leaf(self, name: str, path: str) -> Any:
        """One property of a virtual machine."""
        from rehearsal.vcenter import client

        (seen,) = client.get(self.si, [self.vm(name)], [path])
        return seen.get(path)

    def disks(self, name: str) -> dict[str, str]:
        """File -> UUID of a virtual machine's disks."""
        from rehearsal.vcenter import client

        return {d.backing.fileName: d.backing.uuid for d in client.disks(self.si, self.vm(name))}

    def host_of(self, name: str) -> str:
        from rehearsal.vcenter import client

        return str(client.get(self.si, [self.leaf(name, "runtime.host")], ["name"])[0]["name"])

    def power(self, name: str, on: bool) -> None:
        from rehearsal.vcenter import client

        vm = self.vm(name)
        client.wait(self.si, vm.PowerOnVM_Task() if on else vm.PowerOffVM_Task())


def launch(fleet: dict[str, Any], directory: Path, **options: str) -> Scene:
    """Start a rehearsal of the fleet in a directory of its own."""
    (directory / "home").mkdir(parents=True)
    source = directory.parent / f"{directory.name}.yml"
    source.write_text(yaml.safe_dump(fleet), encoding="utf-8")
    command = [sys.executable, "-m", "rehearsal", "up", "--fleet", str(source), "--dir", str(directory)]
    if STANDIN.is_file():
        command += ["--vcenter-binary", str(STANDIN)]
    for name, value in options.items():
        command += [f"--{name}", value]
    env = {**clean_environment(), "PYTHONPATH": str(EXTENSIONS), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    up = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert up.returncode == 0, up.stdout + up.stderr
    sourced = subprocess.run(
        ["sh", "-c", '. "$1"; env -0', "sh", str(directory / "env")],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    variables = dict(entry.split("=", 1) for entry in sourced.stdout.split("\0") if entry)
    return Scene(directory, variables, json.loads((directory / "state.json").read_text(encoding="utf-8")))


def stop(scene: Scene) -> None:
    """Take the rehearsal down through its pids."""
    subprocess.run(
        [sys.executable, "-m", "rehearsal", "down", "--dir", str(scene.directory)],
        env={**clean_environment(), "PYTHONPATH": str(EXTENSIONS)},
        check=True,
        capture_output=True,
        timeout=60,
    )


def vault(name: str, **more: Any) -> dict[str, Any]:
    """A vault in which every choice has one answer for Linux machines."""
    return {
        "name": name,
        "process_servers": [{"name": "ps-azure-01"}, {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False}],
        "master_targets": [{"name": "mt-linux-01", "os": "Linux", "host": "esx-01"}],
        **more,
    }


def linux(name: str, **more: Any) -> dict[str, Any]:
    """A small Linux machine."""
    return {"name": name, "os": "Linux", "disks_gb": [10], "memory_mb": 512, **more}
