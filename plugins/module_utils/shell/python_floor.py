# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest Python that modules run on, checked before anything else is imported.

Each module calls this ahead of its other imports, so this file and the modules themselves must be readable for older
ones: no syntax here is younger than Python 3.7.
"""

from __future__ import annotations

import json
import sys

FLOOR = (3, 10)


def demand_python(version: tuple[int, ...] | None = None, executable: str = sys.executable) -> None:
    """End the module with one sentence where the Python that runs it is too old."""
    version = tuple(sys.version_info[:3]) if version is None else version
    if tuple(version[:2]) >= FLOOR:
        return
    found = "Python " + ".".join(str(part) for part in version[:3])
    # AnsibleModule cannot be imported there, so the result is written as it would be.
    sys.stdout.write(json.dumps(too_old(found, executable)) + "\n")
    raise SystemExit(1)


def too_old(found: str, executable: str) -> dict[str, object]:
    """The result of a module that cannot run there."""
    remedy = (
        "Set ansible_python_interpreter to a Python 3.10 or newer that has this collection's requirements, then rerun."
    )
    return {
        "failed": True,
        "changed": False,
        "code": "python_too_old",
        "msg": f"The modules of homeward.asr need Python 3.10 or newer, and {executable} is {found}. {remedy}",
        "remedy": remedy,
    }
