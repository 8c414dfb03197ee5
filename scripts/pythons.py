# SPDX-License-Identifier: GPL-3.0-or-later
"""Pythons for the gates on machines that do not have them.

They come as a Go module, through the same mirror as the modules of the vCenter stand-in: go-embed-python packs the builds of
python-build-standalone, a directory for each system with single large files compressed and a list of all in ``files.json``. pip is
not among them, and is added from its wheel.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

MODULE = "github.com/kluctl/go-embed-python"

#: Python's version, with the version of the module and the sum over its files, as Go writes it into go.sum.
BUILDS = {
    "3.10": ("v0.0.0-3.10.16-20241219-1", "h1:bfJRrtWlbdrPtwXXXZzA95yj2Pr9AvSbxDEm8YvbaP0="),
    "3.12": ("v0.0.0-3.12.3-20240415-1", "h1:IX2O3LJUL0AjYsROGZ4aNENTEb3c/Ll/0b9Yb/8P61Q="),
    "3.14": ("v0.0.0-3.14.6-20260610-1", "h1:oGUS7++Wm3LgxUfD6AmJgKbKQD2wdQFO9PzyJv6T+E4="),
}

SYSTEMS = {("Linux", "x86_64"): "linux-amd64", ("Linux", "aarch64"): "linux-arm64"}

PIP = "25.2"

#: What ``python -m venv`` runs to put pip into an environment.
ENSUREPIP = '''\
"""Install pip from the wheel beside this file."""
import pathlib
import runpy
import sys

wheel = str(next(pathlib.Path(__file__).parent.glob("pip-*.whl")))
sys.path.insert(0, wheel)
sys.argv = ["pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", wheel]
runpy.run_module("pip", run_name="__main__")
'''

#: Seconds for one download, and for each of the other steps.
PATIENCE = 300

#: Gates beside each other may want the same Python.
LOCK = threading.Lock()


class Unavailable(Exception):
    """This Python is not available on this machine, and why."""


def fetched(version: str, build: Path) -> Path:
    """The directory with ``python<version>``, unpacked once below ``build``. Raises Unavailable."""
    if version not in BUILDS:
        raise Unavailable("no build of it is known")
    system = SYSTEMS.get((platform.system(), platform.machine()))
    if system is None:
        raise Unavailable(f"no build of it is known for {platform.system()} on {platform.machine()}")
    released, checksum = BUILDS[version]
    made = build / f"python-{version}"
    stamp, wanted = made / "made", f"{released} {checksum} {PIP}"
    with LOCK:
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(made, ignore_errors=True)
            files = download(released, checksum, build) / "python" / "internal" / "data" / system
            try:
                unpack(files, made)
                complete(made, version)
            except (OSError, KeyError, ValueError) as exc:
                raise Unavailable(f"{MODULE}@{released} could not be unpacked: {exc!r}") from exc
            stamp.write_text(wanted, encoding="utf-8")
    return made / "bin"


def find_go(build: Path) -> str | None:
    """``go`` from the Python package that ``make setup`` installs where PATH has none that is new enough, else from PATH."""
    return shutil.which(
        "go", path=os.pathsep.join((str(build / "go-venv" / "bin"), os.environ.get("PATH", os.defpath)))
    )


def go_environment(build: Path) -> dict[str, str]:
    """What keeps Go's files in the checkout; the Makefile sets the same."""
    kept = {"GOPATH": "go", "GOMODCACHE": "go/mod", "GOCACHE": "go/cache", "XDG_CONFIG_HOME": "config"}
    return {**os.environ, **{name: str(build / path) for name, path in kept.items()}, "GOFLAGS": "-modcacherw"}


def download(released: str, checksum: str, build: Path) -> Path:
    """The directory of the module. Raises Unavailable."""
    go = find_go(build)
    if go is None:
        raise Unavailable("there is no Go to download it with")
    told = run([go, "mod", "download", "-json", f"{MODULE}@{released}"], cwd=build, env=go_environment(build))
    try:
        found = json.loads(told)
        directory, summed = Path(found["Dir"]), found["Sum"]
    except (ValueError, KeyError) as exc:
        raise Unavailable(f"go says {told.strip()[-300:]!r}") from exc
    if summed != checksum:
        raise Unavailable(f"{MODULE}@{released} has the sum {summed}, not {checksum}")
    return directory


def unpack(files: Path, target: Path) -> None:
    """Write what ``files.json`` lists below ``target``. Raises OSError, KeyError and ValueError."""
    for entry in json.loads((files / "files.json").read_text(encoding="utf-8"))["files"]:
        at = target / entry["name"]
        if (files / entry["name"]).is_dir():
            at.mkdir(parents=True, exist_ok=True)
            continue
        at.parent.mkdir(parents=True, exist_ok=True)
        if entry.get("symlink"):
            at.symlink_to(entry["symlink"])
        elif entry.get("compressed"):
            with gzip.open(files / f"{entry['name']}.gz") as packed, at.open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        else:
            shutil.copyfile(files / entry["name"], at)
        if not at.is_symlink():
            # Go's file mode: the lowest nine bits are the permissions. What was packed read-only must be removable, too.
            at.chmod(entry["perm"] & 0o777 | 0o600)


def complete(made: Path, version: str) -> None:
    """Add pip, compile the library (the gates run with PYTHONDONTWRITEBYTECODE), and see that it starts. Raises Unavailable."""
    library = made / "lib" / f"python{version}"
    bundled = library / "ensurepip"
    bundled.mkdir(exist_ok=True)
    (bundled / "__init__.py").touch()
    (bundled / "__main__.py").write_text(ENSUREPIP, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run([*pip, "--dest", str(bundled), f"pip=={PIP}"], cwd=made)
    program = str(made / "bin" / f"python{version}")
    # Some of its own tests are wrong on purpose.
    run([program, "-m", "compileall", "-q", "-x", "/test", str(library)], cwd=made)
    run([program, "-c", "import ssl, sqlite3, venv, zlib"], cwd=made)


def run(argv: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a command prints. Raises Unavailable."""
    try:
        done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Unavailable(f"{argv[0]} does not run: {exc}") from exc
    if done.returncode:
        raise Unavailable(f"{' '.join(argv[:4])}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout
