# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python that comes as a Go module is unpacked whole, and where that cannot be, the gate says why."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Go's bit for a directory, and the one for a symbolic link.
DIRECTORY, LINK = 1 << 31, 1 << 27


@pytest.fixture
def pythons(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("pythons", ROOT / "scripts" / "pythons.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SYSTEMS", {(module.platform.system(), module.platform.machine()): "linux-amd64"})
    monkeypatch.setitem(module.BUILDS, "3.10", ("v0.0.0-3.10.16", "h1:right"))
    return module


def module_directory(root: Path, missing: str = "") -> Path:
    """A module as Go unpacks it: a program that answers, compressed; a library; links and permissions in the list."""
    files = root / "python" / "internal" / "data" / "linux-amd64"
    contents = {
        "bin/python3.10": b"#!/bin/sh\nexit 0\n",
        "lib/python3.10/ssl.py": b"pass\n",
        "bin/tool": b"#!/bin/sh\n",
    }
    for name, content in contents.items():
        at = files / name
        at.parent.mkdir(parents=True, exist_ok=True)
        if name == "bin/python3.10":
            at.with_name(f"{at.name}.gz").write_bytes(gzip.compress(content))
        else:
            at.write_bytes(content)
            at.chmod(0o444)
    listed: list[dict[str, Any]] = [
        {"name": "bin", "size": 0, "perm": DIRECTORY | 0o755},
        {"name": "bin/python3.10", "perm": 0o775, "compressed": True},
        {"name": "bin/python3", "perm": LINK, "symlink": "python3.10"},
        {"name": "bin/tool", "perm": 0o775},
        {"name": "lib", "perm": DIRECTORY | 0o755},
        {"name": "lib/python3.10", "perm": DIRECTORY | 0o755},
        {"name": "lib/python3.10/ssl.py", "perm": 0o664},
    ]
    if missing:
        listed.append({"name": missing, "perm": 0o664})
    (files / "files.json").write_text(json.dumps({"files": listed}))
    return root


def with_go(directory: Path, module: Path, summed: str = "h1:right", code: int = 0) -> None:
    """A go command that has downloaded the module, and notes each call."""
    directory.mkdir()
    answer = json.dumps({"Dir": str(module), "Sum": summed, "Error": "no such host"})
    go = directory / "go"
    go.write_text(f"#!/bin/sh\necho called >> {directory}/calls\necho '{answer}'\nexit {code}\n")
    go.chmod(0o700)


def without_pip(pythons: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded here: pip's wheel is an empty file."""
    real = pythons.run

    def run(argv: list[str], cwd: Path, env: Any = None) -> str:
        if argv[1:4] == ["-m", "pip", "download"]:
            Path(argv[argv.index("--dest") + 1], "pip-1-py3-none-any.whl").touch()
            return ""
        return str(real(argv, cwd, env))

    monkeypatch.setattr(pythons, "run", run)


def test_a_python_is_unpacked_once_with_its_programs_links_and_pip(
    tmp_path: Path, pythons: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_go(tmp_path / "go", module_directory(tmp_path / "module"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'go'}{os.pathsep}{os.environ['PATH']}")
    without_pip(pythons, monkeypatch)
    (tmp_path / "python-3.10").mkdir()
    (tmp_path / "python-3.10" / "half-made").touch()
    bin_dir = pythons.fetched("3.10", tmp_path)
    assert bin_dir == tmp_path / "python-3.10" / "bin"
    for name in ("python3.10", "python3", "tool"):
        assert subprocess.run([bin_dir / name], check=False).returncode == 0, name
    assert os.readlink(bin_dir / "python3") == "python3.10"
    library = bin_dir.parent / "lib" / "python3.10"
    assert (library / "ssl.py").stat().st_mode & 0o777 == 0o664
    assert sorted(p.name for p in (library / "ensurepip").iterdir()) == [
        "__init__.py",
        "__main__.py",
        "pip-1-py3-none-any.whl",
    ]
    assert not (bin_dir.parent / "half-made").exists()
    assert pythons.fetched("3.10", tmp_path) == bin_dir
    assert (tmp_path / "go" / "calls").read_text() == "called\n"


@pytest.mark.parametrize(
    ("version", "go", "missing", "said"),
    [
        ("3.9", {}, "", "no build of it is known"),
        ("3.10", {"summed": "h1:other"}, "", "has the sum h1:other, not h1:right"),
        ("3.10", {"code": 1}, "", "no such host"),
        ("3.10", {}, "lib/absent", "could not be unpacked"),
        ("3.10", None, "", "there is no Go"),
    ],
)
def test_what_hinders_it_is_said_and_nothing_half_made_is_used(
    tmp_path: Path,
    pythons: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    go: dict[str, Any] | None,
    missing: str,
    said: str,
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    if go is not None:
        with_go(tmp_path / "go", module_directory(tmp_path / "module", missing), **go)
        monkeypatch.setenv("PATH", f"{tmp_path / 'go'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    without_pip(pythons, monkeypatch)
    for _attempt in range(2):
        with pytest.raises(pythons.Unavailable, match=said):
            pythons.fetched(version, tmp_path)


def test_a_python_that_does_not_start_is_not_used(
    tmp_path: Path, pythons: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_directory(tmp_path / "module")
    program = module / "python" / "internal" / "data" / "linux-amd64" / "bin" / "python3.10.gz"
    program.write_bytes(gzip.compress(b"#!/bin/sh\necho no ssl here >&2\nexit 1\n"))
    with_go(tmp_path / "go", module)
    monkeypatch.setenv("PATH", f"{tmp_path / 'go'}{os.pathsep}{os.environ['PATH']}")
    without_pip(pythons, monkeypatch)
    with pytest.raises(pythons.Unavailable, match="no ssl here"):
        pythons.fetched("3.10", tmp_path)


def test_ensurepip_installs_the_wheel_beside_it(tmp_path: Path, pythons: ModuleType) -> None:
    """The text that is written beside the wheel is a program, and hands the wheel to pip."""
    (tmp_path / "ensurepip").mkdir()
    (tmp_path / "ensurepip" / "__init__.py").touch()
    (tmp_path / "ensurepip" / "__main__.py").write_text(pythons.ENSUREPIP)
    wheel = tmp_path / "ensurepip" / "pip-1-py3-none-any.whl"
    wheel.mkdir()
    (wheel / "pip.py").write_text("import sys\nprint(sys.argv[1:])\n")
    ran = subprocess.run(
        [sys.executable, "-m", "ensurepip", "--upgrade"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert str(wheel) in ran.stdout, ran.stderr
    assert "install" in ran.stdout
