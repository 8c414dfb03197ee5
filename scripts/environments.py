# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments under ``.build`` that only the gates use, and the two ways in which a gate cannot run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pythons

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


#: Gates that run beside each other may want the same environment.
LOCKS: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class Skipped(Exception):
    """A gate that cannot run on this machine, and why."""


class Failed(Exception):
    """A gate that failed without a command failing, and why."""


def real_python(version: str) -> Path:
    """The directory of a Python that answers to its name; a version manager's stub that does not is passed over.

    Where the machine has none, one is downloaded. Raises Skipped.
    """
    places = [Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
        places += sorted((Path(root) / "versions").glob(f"{version}.*/bin"))
    for place in places:
        program = place / f"python{version}"
        if program.is_file() and "shims" not in place.parts:
            said = subprocess.run([program, "-c", "print(1)"], capture_output=True, check=False)
            if said.returncode == 0:
                return place
    try:
        return pythons.fetched(version, BUILD)
    except pythons.Unavailable as why:
        raise Skipped(f"there is no Python {version} on this machine, and none could be downloaded: {why}") from why


def environment_with(
    name: str, version: str, *packages: str, builders: Sequence[str] = (), alone: Sequence[str] = ()
) -> Path:
    """The programs of a separate virtual environment under ``.build``, created once from exactly these packages.

    With ``builders``, source packages are built with these and not in a place of pip's own. ``alone``: packages that are
    installed without their dependencies.
    """
    with LOCKS[name]:
        return made_with(BUILD / f"venv-{name}", version, packages, builders, alone)


def made_with(made: Path, version: str, packages: Sequence[str], builders: Sequence[str], alone: Sequence[str]) -> Path:
    stamp = made / "made"
    wanted = "\n".join((*packages, *alone))
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return made / "bin"
    program = sys.executable if version == PYTHON else str(real_python(version) / f"python{version}")
    shutil.rmtree(made, ignore_errors=True)
    pip = [str(made / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps = [[program, "-m", "venv", str(made)], [*pip, *packages]]
    if builders:
        steps[1:] = [[*pip, *builders], [*pip, "--no-build-isolation", *packages]]
    if alone:
        steps.append([*pip, "--no-deps", "--no-compile", *alone])
    for argv in steps:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{made.name} could not be made: {done.stderr.strip()[-400:]}")
    stamp.write_text(wanted, encoding="utf-8")
    return made / "bin"
