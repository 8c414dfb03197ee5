# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate that lets imports only lead down, on a small tree with one wrong arrow."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script with a tree of its own, in which every room has a file."""
    spec = importlib.util.spec_from_file_location("check_imports", ROOT / "scripts" / "check_imports.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "check_imports", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for folder, floors in module.HOUSES.values():
        for room in floors:
            write(tmp_path, f"{folder}/{room}/__init__.py")
            write(tmp_path, f"{folder}/{room}/file.py")
            for inner in module.INNER.get(room, {}):
                write(tmp_path, f"{folder}/{room}/{inner}/__init__.py")
    return module


def write(root: Path, name: str, text: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_tree_without_arrows_passes(gate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main() == 0, capsys.readouterr().out


DOMAIN, UTILS = "plugins/module_utils/failback", "plugins/plugin_utils"
PACKAGE = "ansible_collections.homeward.asr.plugins"


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        (f"{DOMAIN}/model/a.py", "from ..wanted import file", "failback.model does not import failback.wanted"),
        (f"{DOMAIN}/readiness/facts/a.py", "from ..rules import b", "failback.readiness.facts does not import readiness.rules.b"),
        (f"{DOMAIN}/readiness/rules/a.py", "from ..file import b", "failback.readiness.rules does not import readiness.file"),
        (f"{UTILS}/variables/a.py", "from ..stages.file import b", "plugin_utils.variables does not import plugin_utils.stages"),
        (f"{UTILS}/output/a.py", f"from {PACKAGE}.plugin_utils.running import file", "plugin_utils.output does not import"),
        (f"{UTILS}/running/a.py", "from ..sources import file", "plugin_utils.running does not import plugin_utils.sources"),
        (f"{UTILS}/guest/network/a.py", "from ..master_target.b import c", "plugin_utils.guest.network does not import"),
        (f"{UTILS}/guest/sections.py", "from .network import b", "plugin_utils.guest.sections does not import"),
        (f"{UTILS}/stages/a.py", "from .. import runner", "plugin_utils has no room runner"),
        (f"{UTILS}/stages/a.py", "from . import a", "imports go in a circle: stages.a -> stages.a"),
        (f"{UTILS}/loose.py", "", "loose.py: it is in no room"),
        (f"{UTILS}/attic/__init__.py", "", "attic: its floor is not in scripts/check_imports.py"),
        ("plugins/filter/a.py", f"from {PACKAGE}.module_utils.shell import b", "filter does not import shell"),
        ("plugins/module_utils/azure/a.py", "from ..vcenter import b", "azure does not import vcenter"),
        ("plugins/module_utils/azure/a.py", "from ..failback.wanted import b", "adapters know failback.model only"),
        ("plugins/module_utils/tls/a.py", "from ..failback.model import b", "tls does not import failback"),
    ],
)  # fmt: skip
def test_an_arrow_that_does_not_lead_down_is_named(
    gate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, line: str, said: str
) -> None:
    write(tmp_path, file, f"{line}\n")
    assert gate.main() == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (f"{DOMAIN}/machines/a.py", "from ..readiness.rules import b"),
        (f"{DOMAIN}/readiness/a.py", "from .facts.b import c"),
        (f"{UTILS}/stages/a.py", "from ..before_commit import file"),
        (f"{UTILS}/guest/probe.py", "from .network import b"),
        (f"{UTILS}/guest/network/a.py", "from ..sections import b"),
        ("plugins/module_utils/vcenter/a.py", "from ..tls.contexts import kept"),
        ("plugins/action/a.py", f"from {PACKAGE}.plugin_utils.running.once import Once"),
    ],
)
def test_an_arrow_that_leads_down_passes(
    gate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, line: str
) -> None:
    write(tmp_path, file, f"{line}\n")
    assert gate.main() == 0, capsys.readouterr().out
