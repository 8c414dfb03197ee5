# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the gates can be read, before any of them runs."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.homeward.asr.plugins.plugin_utils.running import direct

ROOT = Path(__file__).resolve().parents[2]


def test_the_gates_can_be_listed() -> None:
    listed = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "gates.py"), "--list"], capture_output=True, text=True, check=False
    )
    assert listed.returncode == 0, listed.stderr
    assert "unit" in listed.stdout


def test_the_versions_that_are_tested_are_those_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    gates = importlib.import_module("gate_environments")
    pythons = importlib.import_module("pythons")
    table = (ROOT / "docs" / "docsite" / "rst" / "development.rst").read_text(encoding="utf-8")
    named = dict(re.findall(r"^(2\.\d+) +(3\.\d+)", table, re.MULTILINE))
    assert named.pop("2.19") == "3.11"
    assert named == gates.CORES
    workflow = (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    installed = set(re.findall(r"^ +(3\.\d+)$", workflow, re.MULTILINE))
    assert installed == {*gates.CORES.values(), "3.10"}
    # Those beside the one of the test tools come as a download where the machine has none.
    assert installed - {"3.11"} == set(pythons.BUILDS)
    newest = max(gates.CORES, key=lambda version: int(version.partition(".")[2]))
    # Modules are forked from Ansible's worker only on those.
    assert ".".join(map(str, direct.CORES[1])) == newest
    for guide in ("README.md", "docs/docsite/rst/quickstart.rst"):
        assert f"2.16 to {newest} are tested" in (ROOT / guide).read_text(encoding="utf-8"), guide
