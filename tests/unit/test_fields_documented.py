# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation and field of Azure that the code relies on is in docs/facts/fields.md with how sure it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "facts" / "fields.md"
#: Rooms that read Azure's answers or write its requests. vCenter's words are pyVmomi's, and stand in none of them.
ROOMS = ("failback", "azure", "shell")
MARKS = {"SEEN", "SPEC", "DOC", "INFER"}

#: A wire name: camel case. A key of a shape may end in "!".
WIRE = re.compile(r"[a-z][a-z0-9]*([A-Z][A-Za-z0-9]*)+!?\Z")
#: Words of our own or of vCenter that look like wire names.
NOT_WIRE = frozenset({"notResponding", "poweredOff", "poweredOn", "readWrite", "vCenter"})


def used() -> dict[str, set[str]]:
    """Wire names in the code's texts, with the files they stand in."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        for path in sorted((ROOT / "plugins" / "module_utils" / room).rglob("*.py")):
            for name in names_in(path.read_text(encoding="utf-8")):
                found.setdefault(name, set()).add(path.name)
    return found


def names_in(source: str) -> set[str]:
    texts = {n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {text.rstrip("!") for text in texts if WIRE.match(text)} - NOT_WIRE


def told() -> dict[str, str]:
    """Names of the table with their marks."""
    rows: dict[str, str] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("| `"):
            continue
        names, mark, meaning = (part.strip() for part in line.strip("|").split("|"))
        assert mark in MARKS, line
        assert meaning, line
        for name in re.findall(r"`([^`]+)`", names):
            assert name not in rows, f"{name} stands twice"
            rows[name] = mark
    return rows


def test_every_name_the_code_relies_on_is_in_the_table() -> None:
    known = told()
    missing = {name: sorted(files) for name, files in used().items() if name not in known}
    assert not missing, f"Add to {TABLE.relative_to(ROOT)} with a mark: {missing}"


def test_the_table_names_nothing_the_code_does_not_use() -> None:
    assert sorted(set(told()) - set(used())) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('details.get("newField")', {"newField"}),
        ('for key in ("someField", "other"): data[key]', {"someField"}),
        ('SHAPE = {"instanceType!": TEXT}', {"instanceType"}),
        ('x = "not a Field"; y = "snake_case"; z = "Pascal"', set()),
    ],
)
def test_how_names_are_found(source: str, names: set[str]) -> None:
    assert names_in(source) == names
