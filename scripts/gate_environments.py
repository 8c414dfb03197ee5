# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of `make test-all`: the same journeys with other versions, packages, tools and clients."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import awx
import clients
from environments import BUILD, PYTHON, ROOT, Failed, Skipped, environment_with, real_python
from gate_copies import TREE, WORK, in_copy, own_copy
from gate_run import VENV, GateCommand
from java import java_home
from seed_ansible_test import seed

INSTALLED = WORK / "installed"


#: Every ansible-core that is promised beside the one of the test tools, with the Python it is tried on.
CORES = {"2.16": "3.11", "2.17": "3.11", "2.18": "3.11", "2.20": "3.12", "2.21": "3.14"}


#: What runs the tests that are repeated in other environments.
PYTEST = "pytest==9.2.0"


def core(version: str) -> Path:
    """The programs of one ansible-core, with what the collection needs beside it, and pytest."""
    packages = (f"ansible-core=={version}.*", "-r", "requirements.txt", PYTEST)
    return environment_with(f"core-{version}", CORES[version], *packages)


#: What the sanity tests of the other cores look at.
SHIPPED = ("plugins/", "roles/", "playbooks/", "extensions/", "meta/", "galaxy.yml", "changelogs/")


def sanity_of(version: str) -> Callable[[], Sequence[GateCommand]]:
    """All sanity tests as one ansible-core has them."""

    def steps() -> Sequence[GateCommand]:
        places = [str(core(version)), str(real_python(CORES[version])), os.environ.get("PATH", "")]
        # What runs on the users' machines; the tests and scripts around it run on the core of the test tools alone.
        argv = ("ansible-test", "sanity", "--local", "--python", CORES[version], "--color", "no", *SHIPPED)
        # Its environments are its own: two of them may be made at the same time.
        home = BUILD / f"home-core-{version}"
        if not (home / ".ansible" / "test").is_dir():
            seed(home)
        return [in_copy(*argv, root=own_copy(f"sanity-{version}"), PATH=os.pathsep.join(places), HOME=str(home))]

    return steps


def journey_of(version: str) -> Callable[[], Sequence[GateCommand]]:
    """A short journey, out to Azure and home again, on one ansible-core."""
    return lambda: [internals(core(version)), *journey(f"core-{version}", core(version))]


def floors() -> Sequence[GateCommand]:
    """The oldest packages that requirements.txt allows, together, on the oldest Python and ansible-core."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = [line.split(",")[0].replace(">=", "==") + ".*" for line in lines if line and not line.startswith("#")]
    if not packages or not all("==" in package for package in packages):
        raise Failed("requirements.txt does not name a floor for every package")
    # Old pyvmomi is a source package whose setup.py imports six.
    builders = ("setuptools", "wheel", "six")
    bin_dir = environment_with("floors", "3.10", "ansible-core==2.16.*", *packages, PYTEST, builders=builders)
    return [internals(bin_dir), *journey("floors", bin_dir)]


def internals(bin_dir: Path) -> GateCommand:
    """The tests of what depends on Ansible's internals, which differ from version to version: modules that are forked from its worker,
    and no secret on disk."""
    tests = [f"tests/adapters/action/{name}.py" for name in ("test_direct", "test_no_traces")]
    return GateCommand([str(bin_dir / "python"), "-m", "pytest", "-q", *tests])


def journey(name: str, bin_dir: Path) -> Sequence[GateCommand]:
    """The playbook rehearse with two machines and the programs of one environment."""
    vars_file = f"@{WORK / f'journey-{name}' / 'vars.yml'}"
    command = ("ansible-playbook", "homeward.asr.rehearse", "-e", vars_file)
    return rehearsal(f"journey-{name}", "classic-2", *command, bin_dir=bin_dir)


def sanity_oldest() -> Sequence[GateCommand]:
    """The oldest Python that modules run on: does everything compile and import there?"""
    path = os.pathsep.join([str(VENV / "bin"), str(real_python("3.10")), os.environ.get("PATH", "")])
    tests = ("--test", "compile", "--test", "import")
    argv = ("ansible-test", "sanity", "--venv", "--python", "3.10", "--color", "no", *tests)
    return [in_copy(*argv, root=own_copy("sanity-3.10"), PATH=path)]


def tarball() -> str:
    made = sorted((WORK / "dist").glob("homeward-asr-*.tar.gz"))
    if len(made) != 1:
        raise Failed(f"expected one tarball in {WORK / 'dist'}, found {len(made)}; the gate `build` makes it")
    return str(made[0])


def rehearsal(name: str, fleet: str, *command: str, bin_dir: Path | None = None) -> Sequence[GateCommand]:
    """A command against separate stand-ins, with the collection as it was built and installed."""
    if not (INSTALLED / "ansible_collections" / "homeward" / "asr" / "MANIFEST.json").is_file():
        raise Failed("the collection is not installed under .build/gates/installed; the gate `build` does it")
    up = f"--collections-path {INSTALLED}"
    env = {"PYTHONPATH": ""}
    if bin_dir:
        env["ANSIBLE_BIN"] = str(bin_dir)
    return [GateCommand(["scripts/with_rehearsal.sh", fleet, str(WORK / name), up, *command], env=env)]


def installed() -> Sequence[GateCommand]:
    """The tarball as a user has it: installed offline, with nothing of the checkout but the Python packages.

    Its own stand-ins are built and started, and its playbooks run against them.
    """
    root = WORK / "alone"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    at = root / "ansible_collections" / "homeward" / "asr"
    env = {"PYTHONPATH": "", "ANSIBLE_COLLECTIONS_PATH": str(root)}
    # The one dependency is for Windows guests alone, and Galaxy is not asked here.
    galaxy = ["ansible-galaxy", "collection", "install", tarball(), "-p", str(root), "--offline", "--no-deps"]
    return [
        GateCommand(galaxy, cwd=root, env=env),
        GateCommand(
            [str(ROOT / "scripts" / "rehearse_installed.sh"), str(at), str(root / "rehearsal")], cwd=root, env=env
        ),
    ]


def runner() -> Sequence[GateCommand]:
    """ansible-runner, which AWX is built on, with a project that only imports our playbook."""
    private = WORK / "runner-data"
    shutil.rmtree(private, ignore_errors=True)
    (private / "project").mkdir(parents=True)
    play = "---\n- name: Rehearse\n  ansible.builtin.import_playbook: homeward.asr.rehearse\n"
    (private / "project" / "site.yml").write_text(play, encoding="utf-8")
    options = f"-e @{WORK / 'runner' / 'vars.yml'}"
    return rehearsal(
        "runner", "classic-2", "ansible-runner", "run", str(private), "-p", "site.yml", "--cmdline", options
    )


RULEBOOK = ("ansible-rulebook==1.3.2", "ansible-core==2.19.14", "-r", "requirements.txt")


def rulebook() -> Sequence[GateCommand]:
    """The example rulebook in a real ansible-rulebook."""
    home = java_home()
    env = {"RULEBOOK_BIN": str(environment_with("rulebook", PYTHON, *RULEBOOK))}
    if home:
        places = [str(VENV / "bin"), str(home / "bin"), os.environ.get("PATH", os.defpath)]
        env.update(JAVA_HOME=str(home), PATH=os.pathsep.join(places))
    return [GateCommand([sys.executable, "-m", "pytest", "-q", "-m", "further", "tests/rulebook"], env=env)]


def awx_setup() -> Sequence[GateCommand]:
    """The role awx_setup with the real modules of awx.awx, against a small controller of the tests."""
    argv = [sys.executable, "-m", "pytest", "-q", "-m", "further", "tests/awx"]
    return [GateCommand(argv, env={"AWX_COLLECTIONS": str(awx.collections())})]


BUILDER = ("ansible-builder==3.2.0",)


def execution_environment() -> Sequence[GateCommand]:
    """ansible-builder makes the context of an execution environment with the tarball, and has found what the collection needs."""
    bin_dir = environment_with("builder", PYTHON, *BUILDER)
    where = WORK / "execution-environment"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    return [
        GateCommand([sys.executable, "scripts/execution_environment.py", tarball(), str(where), str(bin_dir)]),
    ]


def execution_environment_build() -> Sequence[GateCommand]:
    """The image itself, where podman can build it."""
    podman = shutil.which("podman")
    if podman is None:
        raise Skipped("there is no podman on this machine")
    if subprocess.run([podman, "info"], capture_output=True, check=False).returncode:
        raise Skipped("podman does not run here")
    bin_dir = environment_with("builder", PYTHON, *BUILDER)
    where = WORK / "execution-environment-image"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    return [
        GateCommand(
            [sys.executable, "scripts/execution_environment.py", tarball(), str(where), str(bin_dir), "--build"]
        ),
    ]


def foreign_clients(installed_clients: Callable[[], Sequence[clients.Client]]) -> Callable[[], Sequence[GateCommand]]:
    """Other people's clients, each with its own stand-ins of both generations."""

    def steps() -> Sequence[GateCommand]:
        made: list[GateCommand] = []
        for client in installed_clients():
            env = {"PYTHONPATH": "", "ANSIBLE_BIN": str(client.bin_dir), **client.env}
            up = ("mixed-12", str(WORK / f"client-{client.name}"), "--speed 3600 --page-size 3")
            made.append(GateCommand(["scripts/with_rehearsal.sh", *up, *client.command], env=env))
        return made

    return steps


def ansible_test_integration() -> Sequence[GateCommand]:
    """The targets under tests/integration/targets, as ansible-test finds and runs them."""
    root = own_copy("ansible-test-integration")
    built = root / TREE.relative_to(WORK) / ".build" / "bin" / "vcenter-standin"
    built.parent.mkdir(parents=True)
    shutil.copy2(BUILD / "bin" / "vcenter-standin", built)
    return [in_copy("ansible-test", "integration", "--color", "no", root=root)]
