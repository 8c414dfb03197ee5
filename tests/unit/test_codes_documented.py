# SPDX-License-Identifier: GPL-3.0-or-later
"""Every code the collection can give is explained in the troubleshooting guide, and the guide names no other.

Codes are found in the sources as they are written there: as first argument of what carries a code, as ``code=``, in tables of
(code, sentence) and code -> (reason, remedy). A code that is put together has ``*`` for the part that varies.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "docsite" / "rst" / "troubleshooting.rst"
PLUGINS = ROOT / "plugins"

#: What takes a code first.
FIRST = frozenset(
    [
        "ConnectionFailed",
        "FailbackError",
        "InputError",
        "NotFound",
        "ReadFailed",
        "Refusal",
        "Rejected",
        "Unknown",
        "_refused",
        "kind",
        "no",
    ]
)
CODE = re.compile(r"(\*_)?[a-z]+(_[a-z0-9]+)*(_\*)?")
#: Codes that are named by a constant, by the constant's name.
CONSTANTS = {"AGENT_MISSING", "AWAITING", "DIED", "HELD", "LEFT", "NOT_CONFIRMED", "WITHOUT_EFFECT"}
#: Words in a code's place that are none: what became of a machine.
OUTCOMES = {"again", "continue", "done", "failed", "awaiting_approval", "held", "unchanged", "refused", "waiting"}


def text_of(node: ast.AST) -> str:
    """A constant, or a text that is put together, with ``*`` for its parts; "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    return ""


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_sentence(node: ast.AST) -> bool:
    return " " in text_of(node)


def written(node: ast.AST) -> Iterator[str]:
    """Codes that one piece of source gives."""
    if isinstance(node, ast.Call):
        name = called(node)
        if name in FIRST and node.args:
            yield from alternatives(node.args[0])
        if name == "Problem" and len(node.args) > 1:
            yield from alternatives(node.args[0])
        yield from (text_of(k.value) for k in node.keywords if k.arg == "code")
    elif isinstance(node, ast.Tuple) and len(node.elts) >= 2 and is_sentence(node.elts[1]):
        yield text_of(node.elts[0])
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None and isinstance(value, ast.Tuple) and len(value.elts) == 2 and is_sentence(value.elts[0]):
                yield text_of(key)
            elif key is not None and text_of(key) == "code":
                yield text_of(value)
    elif isinstance(node, ast.Assign):
        target = node.targets[0]
        name = getattr(target, "id", "") or (text_of(target.slice) if isinstance(target, ast.Subscript) else "")
        if name in CONSTANTS | {"code"}:
            yield from alternatives(node.value)
        elif isinstance(target, ast.Tuple) and getattr(target.elts[0], "id", "") == "code":
            yield from alternatives(node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value)
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 3:
        yield text_of(node.value.elts[0])


def alternatives(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from alternatives(node.body)
        yield from alternatives(node.orelse)
    else:
        yield text_of(node)


@functools.lru_cache
def codes() -> dict[str, str]:
    """Each code with the file that gives it."""
    found: dict[str, str] = {}
    for path in sorted(PLUGINS.rglob("*.py")):
        if path.parent.name == "doc_fragments":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for code in written(node):
                if CODE.fullmatch(code) and code not in OUTCOMES:
                    found.setdefault(code, path.relative_to(ROOT).as_posix())
    return found


def documented() -> set[str]:
    """First words of the guide's definitions: lines of codes only, separated by commas."""
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    terms = (line for line, after in itertools.pairwise(lines) if line.startswith("``") and after.startswith("  "))
    return {code for line in terms for code in re.findall(r"``([^`]+)``", line)}


def test_the_collector_finds_codes_of_every_kind() -> None:
    assert {
        "commit_first",
        "vault_not_found",
        "locked",
        "rpo",
        "*_ambiguous",
        "job_*",
        "process_died",
        "still_running",
    } <= set(codes())


def test_every_code_is_explained() -> None:
    explained = documented()
    missing = {code: where for code, where in codes().items() if code not in explained}
    assert not missing, f"explain these in docs/docsite/rst/troubleshooting.rst: {missing}"


def test_the_guide_explains_no_code_that_is_gone() -> None:
    sources = "\n".join(p.read_text(encoding="utf-8") for p in PLUGINS.rglob("*.py"))
    gone = {code for code in documented() - set(codes()) if f'"{code}"' not in sources}
    assert not gone, f"these are not in the code any more: {sorted(gone)}"
