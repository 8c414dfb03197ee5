# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the scenarios that boot a real machine; one calm line for each step, the details in ``.build/log``.

``test_vm.py [everyday | packages | full]``: the everyday lane, the one with real package installation, or both. The scenarios of a lane
run side by side, each on a machine of its own: an emulated machine has little use for a second processor. Molecule goes through
each scenario's ``test_sequence`` and always destroys the machine. A step that Molecule leaves out is a failure here, and so is a passphrase
in Molecule's own output. The exit code is 0 when every step of every scenario was executed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
LOG = BUILD / "log"
#: What the host needs: Debian package -> a program of it.
HOST_PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "qemu-system-x86": "qemu-system-x86_64",
    "qemu-utils": "qemu-img",
    "e2fsprogs": "mke2fs",
    "openssh-client": "ssh-keygen",
}
#: The scenarios that run side by side, and then the next ones.
LANES = {
    "everyday": [["guest_network", "master_target_guest"]],
    "packages": [["master_target_guest_apt"]],
    "full": [["guest_network", "master_target_guest"], ["master_target_guest_apt"]],
}
BEGUN = re.compile(r"INFO +\[(?P<scenario>\S+) > (?P<step>\w+)\] Executing")
LEFT_OUT = re.compile(r"WARNING +\[\S+ > \w+\] Executed: .*[Mm]issing")
FAILED = re.compile(r"ERROR +\[\S+ > \w+\].*Executed: Failed")
TAIL_LINES = 60
#: Set when the user interrupts.
STOPPED = threading.Event()


def environment() -> dict[str, str]:
    """Our tools first in PATH, the checkout as the collection, a home directory of the build's own."""
    home = BUILD / "home"
    home.mkdir(parents=True, exist_ok=True)
    env = {
        **os.environ,
        "PATH": os.pathsep.join(
            [str(BUILD / "venv" / "bin"), "/usr/sbin", "/sbin", os.environ.get("PATH", os.defpath)]
        ),
        "HOME": str(home),
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD / "tree"),
        "PYTHONPATH": str(BUILD / "tree"),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }
    for name in ("FORCE_COLOR", "ANSIBLE_FORCE_COLOR", "PY_COLORS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        env.pop(name, None)
    return env


def say(text: str) -> None:
    """In one piece, as another scenario may write at the same time."""
    print(f"{text}\n", end="", flush=True)


def line(name: str, outcome: str, seconds: float, why: str = "") -> None:
    said = f"  {name:<44}{outcome:<9}{seconds:7.1f} s"
    say(f"{said}   {why}" if why else said)


def host_packages(env: dict[str, str]) -> bool:
    """Install what is missing on this Debian host."""
    missing = [p for p, program in HOST_PACKAGES.items() if not shutil.which(program, path=env["PATH"])]
    if not missing:
        return True
    begun = time.monotonic()
    log = LOG / "test-vm-packages.log"
    with log.open("wb") as stream:
        for command in (
            ["apt-get", "update", "--quiet"],
            ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing],
        ):
            full = {**env, "DEBIAN_FRONTEND": "noninteractive"}
            code = subprocess.run(
                command, env=full, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False
            ).returncode
            if code:
                line("packages of this host", "FAILED", time.monotonic() - begun)
                say(f"    {' '.join(command)} ended with {code}; see {log.relative_to(ROOT)}.")
                return False
    line("packages of this host", "ok", time.monotonic() - begun, ", ".join(missing))
    return True


@dataclass
class MoleculeProgress:
    """Follows Molecule's output and reports the steps as they end."""

    scenario: str
    steps: list[str]
    done: int = 0
    left_out: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    running: bool = False
    broken: bool = False

    def read(self, text: str) -> None:
        """One line of Molecule's. After a failure it only cleans up, which is not reported."""
        if self.broken:
            return
        if FAILED.search(text):
            self.end("FAILED")
            self.broken = True
        elif BEGUN.search(text):
            self.end("ok")
            self.begun, self.running = time.monotonic(), True
        elif LEFT_OUT.search(text):
            self.left_out.append(self.name())
            self.end("FAILED", "Molecule left it out")

    def name(self) -> str:
        step = self.steps[self.done] if self.done < len(self.steps) else "destroy"
        return f"{self.scenario}: {step.removeprefix('side_effect side_effects/').removesuffix('.yml')}"

    def end(self, outcome: str, why: str = "") -> None:
        if self.running:
            line(self.name(), outcome, time.monotonic() - self.begun, why)
            self.done += 1
            self.running = False


def side_by_side(scenarios: list[str], env: dict[str, str]) -> bool:
    """All of them at once. Another one's failure ends none."""
    with ThreadPoolExecutor(len(scenarios)) as pool:
        running = [pool.submit(run, scenario, env) for scenario in scenarios]
        try:
            wait(running)
        except KeyboardInterrupt:
            # Molecule, in the same process group, was interrupted, too. It leaves its machine, which its thread destroys.
            STOPPED.set()
            raise
        return all(done.result() for done in running)


def run(scenario: str, env: dict[str, str]) -> bool:
    """One scenario from destroy to destroy."""
    config = yaml.safe_load((ROOT / "molecule" / scenario / "molecule.yml").read_text(encoding="utf-8"))
    passphrases = Path(config["provisioner"]["env"]["MT_RUN"].replace("${MOLECULE_PROJECT_DIRECTORY}", str(ROOT)))
    watch = MoleculeProgress(scenario, [str(step) for step in config["scenario"]["test_sequence"]])
    log = LOG / f"test-vm-{scenario}.log"
    secrets: set[str] = set()
    command = [str(BUILD / "venv" / "bin" / "molecule"), "test", "--scenario-name", scenario]
    say(f"{scenario}: {len(watch.steps)} steps")
    begun = time.monotonic()
    with log.open("w", encoding="utf-8") as stream:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert child.stdout is not None
        for text in child.stdout:
            stream.write(f"{time.monotonic() - begun:7.1f} {text}")
            stream.flush()
            watch.read(text)
            secret = passphrases / "passphrase"
            if not secrets and secret.exists():
                secrets.add(secret.read_text(encoding="ascii").strip())
        code = child.wait()
    if STOPPED.is_set():
        destroy = [command[0], "destroy", "--scenario-name", scenario]
        subprocess.run(destroy, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return False
    if not watch.broken:
        watch.end("ok" if code == 0 else "FAILED")
    told = log.read_text(encoding="utf-8")
    leaked = any(s and s in told for s in secrets)
    short = code == 0 and watch.done < len(watch.steps)
    if code or watch.left_out:
        say("\n".join(f"    {scenario} | {text}" for text in told.splitlines()[-TAIL_LINES:]))
    if leaked:
        say(f"    {scenario}: the passphrase is in Molecule's output.")
    if short:
        say(f"    {scenario}: only {watch.done} of {len(watch.steps)} steps were executed.")
    if code or watch.left_out or leaked or short:
        say(f"    {scenario}: the whole log is {log.relative_to(ROOT)}")
        return False
    minutes, seconds = divmod(int(time.monotonic() - begun), 60)
    say(f"{scenario}: passed in {minutes} min {seconds} s")
    return True


def main() -> int:
    lane = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] else "everyday"
    if lane not in LANES:
        print(f"TEST_VM={lane} is no lane; the lanes are {', '.join(LANES)}.", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("make test-vm builds a Debian image and needs root. Run it as root on Debian 12.", file=sys.stderr)
        return 2
    LOG.mkdir(parents=True, exist_ok=True)
    env = environment()
    begun = time.monotonic()
    good = host_packages(env) and all(side_by_side(scenarios, env) for scenarios in LANES[lane])
    minutes, seconds = divmod(int(time.monotonic() - begun), 60)
    say(f"{'passed' if good else 'failed'} in {minutes} min {seconds} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
