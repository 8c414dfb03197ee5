# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python that is too old is reported before anything else goes wrong with it."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.shell import python_floor

PLUGINS = Path(python_floor.__file__).resolve().parents[2]
# What is only an action plugin runs on the controller, and its module is documentation.
MODULES = sorted(path for path in (PLUGINS / "modules").glob("*.py") if "def main" in path.read_text())


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 7), (2, 7, 18)])
def test_an_old_one_ends_the_module_in_one_sentence(
    version: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        python_floor.demand_python(version, "/usr/bin/python3")
    told = json.loads(capsys.readouterr().out)
    assert (told["failed"], told["code"]) == (True, "python_too_old")
    assert "/usr/bin/python3 is Python " + ".".join(map(str, version)) in told["msg"]
    assert "ansible_python_interpreter" in told["remedy"]


def test_a_good_one_goes_on() -> None:
    python_floor.demand_python()
    python_floor.demand_python((3, 10, 0))


@pytest.mark.parametrize("file", [*MODULES, Path(python_floor.__file__)], ids=lambda p: p.stem)
def test_older_ones_can_read_as_far_as_the_question(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 7))
    if file.parent.name != "modules":
        return
    code = [
        n
        for n in tree.body
        if not isinstance(n, (ast.Assign, ast.Expr)) or isinstance(getattr(n, "value", 0), ast.Call)
    ]
    first = [ast.unparse(n) for n in code[:3]]
    assert first[0].startswith("from __future__")
    assert first[1].endswith("python_floor import demand_python")
    assert first[2] == "demand_python()"
