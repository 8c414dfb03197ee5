# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the vCenter stand-in from its Go source."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

#: The collection's checkout (or the place it is installed at).
CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).resolve().parent / "vcenter"
BINARY = CHECKOUT / ".build" / "bin" / "vcenter-standin"
#: What govmomi v0.56.0 asks for (go.mod).
GO_NEEDED = (1, 25)


class BuildError(RuntimeError):
    """The stand-in cannot be built; one sentence with the remedy."""


def find_go() -> str:
    """The ``go`` command: beside the running Python first (a virtual environment may bring one), else on PATH."""
    beside = str(Path(sys.executable).parent)
    go = shutil.which("go", path=os.pathsep.join((beside, os.environ.get("PATH", os.defpath))))
    if go is None:
        raise BuildError(
            "The vCenter stand-in needs Go 1.25 or newer and no 'go' is on PATH; install Go, or give a ready binary "
            "with --vcenter-binary."
        )
    # Run in the module's directory, where Go 1.21 or newer fetches the version that go.mod names.
    told = subprocess.run([go, "version"], cwd=SOURCE, capture_output=True, text=True, check=False)
    found = re.search(r"go version go(\d+)\.(\d+)", told.stdout)
    if told.returncode or not found or (int(found[1]), int(found[2])) < GO_NEEDED:
        said = (told.stdout or told.stderr).strip().splitlines()
        raise BuildError(
            f"The vCenter stand-in needs Go 1.25 or newer and {go} says {said[-1] if said else 'nothing'!r}; install a "
            "newer Go, or give a ready binary with --vcenter-binary."
        )
    return go


def build_vcenter(target: Path = BINARY, say: Callable[[str], None] | None = None) -> Path:
    """Build the stand-in unless the binary is newer than its source; returns its path. Callers may run side by side.

    Takes about half a minute the first time (measured, 2 cores) and two seconds afterwards. Raises
    :class:`BuildError`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".vcenter-standin.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        inputs = [*SOURCE.glob("*.go"), SOURCE / "go.mod", SOURCE / "go.sum"]
        newest = max(path.stat().st_mtime for path in inputs)
        if target.is_file() and target.stat().st_mtime > newest:
            return target
        go = find_go()
        if say is not None:
            say("Building the vCenter stand-in (about half a minute the first time) ...")
        draft = target.with_name(target.name + ".new")
        command = [go, "build", "-trimpath", "-buildvcs=false", "-o", str(draft), "."]
        environment = {**os.environ, "CGO_ENABLED": "0"}
        if "HOME" not in environment and "GOCACHE" not in environment:
            environment["GOCACHE"] = str(CHECKOUT / ".build" / "go-cache")
        built = subprocess.run(command, cwd=SOURCE, env=environment, capture_output=True, text=True, check=False)
        if built.returncode:
            raise BuildError(f"The vCenter stand-in could not be built: {built.stderr.strip()}")
        draft.replace(target)
    return target
