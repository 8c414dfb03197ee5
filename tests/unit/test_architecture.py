# SPDX-License-Identifier: GPL-3.0-or-later
"""The map in ARCHITECTURE.md names what is there: each room, and each test that holds a promise."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_room_is_on_the_map_on_the_floor_that_is_enforced() -> None:
    for house, (folder, floors) in check_imports().HOUSES.items():
        rooms = {path.name for path in (ROOT / folder).iterdir() if (path / "__init__.py").exists()}
        drawing = MAP.partition(f"\n {folder} ")[2].partition("\n plugins/")[0]
        drawn = {name: int(floor) for floor, name in re.findall(r"^ +(\d)  (\w+) +\S.*$", drawing, re.MULTILINE)}
        assert set(drawn) == rooms, house
        assert drawn == floors, house


def check_imports() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_imports", ROOT / "scripts" / "check_imports.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_imports"] = module
    spec.loader.exec_module(module)
    return module


def test_every_test_that_holds_a_promise_exists() -> None:
    promises = MAP.partition("## Promises")[2].partition("\n## ")[0]
    named = re.findall(r"`(?:tests/[\w/]*/)?(test_\w+\.py)`", promises)
    assert len(named) > 10
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(named) <= there, set(named) - there


def test_every_file_that_is_named_exists() -> None:
    for name in re.findall(r"`([\w/]+/[\w.]+\.(?:py|yml|md))`", MAP):
        places = [ROOT / name, *(ROOT / "plugins/module_utils/failback").glob(f"**/{name}")]
        assert any(place.exists() for place in places), name


def sources(*tops: str) -> list[tuple[Path, ast.Module]]:
    found = [path for top in tops for path in sorted((ROOT / top).rglob("*.py"))]
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in found]


def test_no_file_is_too_long_and_a_long_class_says_why() -> None:
    for path, tree in sources("plugins", "extensions", "scripts"):
        name = path.relative_to(ROOT).as_posix()
        # A module's documentation is as long as its options are many.
        if not name.startswith("plugins/modules/"):
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 450, name
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= 250:
                said = " ".join((ast.get_docstring(node) or "").split())
                assert re.search(r"\blong\b", said), f"{name}: {node.name}"


def test_a_class_name_means_one_thing() -> None:
    wanted_by_ansible = {"ActionModule", "FilterModule", "InventoryModule", "ModuleDocFragment"}
    names: dict[str, list[str]] = {}
    for path, tree in sources("plugins"):
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name not in wanted_by_ansible:
                names.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: places for name, places in names.items() if len(places) > 1} == {}
