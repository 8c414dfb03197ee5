# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation and field that the code relies on is in docs/facts with how sure it is: Azure's and vCenter's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: A table, and the rooms that read those answers or write those requests.
TABLES = {"fields.md": ("failback", "azure", "shell"), "vcenter-fields.md": ("vcenter",)}
MARKS = {"SEEN", "SPEC", "DOC", "INFER"}

#: A wire name: camel case, or a path of vCenter's property collector. A key of a shape may end in "!".
WIRE = re.compile(r"[a-z][a-z0-9]*([A-Z][A-Za-z0-9]*)+!?\Z")
PATH = re.compile(r"(config|guest|info|podStorageDrsEntry|runtime|summary)(\.[a-z][A-Za-z0-9]*)+\Z")
#: Words of our own, of Python or of vCenter that look like wire names of the other side.
NOT_WIRE = {
    "fields.md": frozenset(
        {"notResponding", "poweredOff", "poweredOn", "readWrite", "vCenter", "addHandler", "getLogger"}
    ),
    "vcenter-fields.md": frozenset({"vCenter"}),
}


def used(table: str) -> dict[str, set[str]]:
    """Wire names in the code, with the files that have them."""
    found: dict[str, set[str]] = {}
    for room in TABLES[table]:
        for path in sorted((ROOT / "plugins" / "module_utils" / room).rglob("*.py")):
            for name in names_in(path.read_text(encoding="utf-8")) - NOT_WIRE[table]:
                found.setdefault(name, set()).add(path.name)
    return found


def names_in(source: str) -> set[str]:
    """Texts and attributes: a field is read by its key, or of a model or a pyVmomi object by its attribute."""
    nodes = list(ast.walk(ast.parse(source)))
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    texts |= {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    return {text.rstrip("!") for text in texts if WIRE.match(text) or PATH.match(text)}


def told(table: str) -> dict[str, str]:
    """Names of the table with their marks."""
    rows: dict[str, str] = {}
    for line in (ROOT / "docs" / "facts" / table).read_text(encoding="utf-8").splitlines():
        if not line.startswith("| `"):
            continue
        names, mark, meaning = (part.strip() for part in line.strip("|").split("|"))
        assert mark in MARKS, line
        assert meaning, line
        for name in re.findall(r"`([^`]+)`", names):
            assert name not in rows, f"{name} stands twice"
            rows[name] = mark
    return rows


@pytest.mark.parametrize("table", TABLES)
def test_every_name_the_code_relies_on_is_in_the_table(table: str) -> None:
    known = told(table)
    missing = {name: sorted(files) for name, files in used(table).items() if name not in known}
    assert not missing, f"Add to docs/facts/{table} with a mark: {missing}"


@pytest.mark.parametrize("table", TABLES)
def test_the_table_names_nothing_the_code_does_not_use(table: str) -> None:
    assert sorted(set(told(table)) - set(used(table))) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('details.get("newField")', {"newField"}),
        ('for key in ("someField", "other"): data[key]', {"someField"}),
        ('SHAPE = {"instanceType!": TEXT}', {"instanceType"}),
        ("size = disk.capacityInBytes", {"capacityInBytes"}),
        ('paths = ["runtime.powerState", "name", "os.path"]', {"runtime.powerState"}),
        ('x = "not a Field"; y = "snake_case"; z = "Pascal"', set()),
    ],
)
def test_how_names_are_found(source: str, names: set[str]) -> None:
    assert names_in(source) == names
