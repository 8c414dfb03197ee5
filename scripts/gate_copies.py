# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the files that git knows (or would know) under ``.build/gates``, as a repository of their own: tools of the ecosystem want
a collection at ``.../ansible_collections/homeward/asr`` with nothing else around it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from environments import BUILD, ROOT
from gate_run import GateCommand

WORK = BUILD / "gates"


TREE = WORK / "ansible_collections" / "homeward" / "asr"


def in_copy(*argv: str, root: Path = WORK, **env: str) -> GateCommand:
    """A step in a clean copy of the collection, below ``root``."""
    where = root / TREE.relative_to(WORK)
    return GateCommand(argv, cwd=where, env={"ANSIBLE_COLLECTIONS_PATH": str(root), "PYTHONPATH": "", **env})


def own_copy(name: str) -> Path:
    """The root of a copy for one gate alone, whose tool writes into the collection it looks at."""
    root = WORK / "copies" / name
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(TREE, root / TREE.relative_to(WORK), symlinks=True)
    return root


def copy_tree() -> None:
    """Copy what git knows, or would know, to where the ecosystem's tools expect a collection."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = sorted({os.fsdecode(n) for n in listed.stdout.split(b"\0") if n})
    if TREE.exists():
        shutil.rmtree(TREE)
    for name in names:
        source, target = ROOT / name, TREE / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # Tools ask git for the files; without a separate repository the copy would be an ignored folder of the checkout's.
    subprocess.run(["git", "init", "--quiet", "."], cwd=TREE, check=True)
    subprocess.run(["git", "add", "--all"], cwd=TREE, check=True)
