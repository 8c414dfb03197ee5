# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site: guides of ``docs/docsite``, modules, roles, plugins; every warning is an error.

``build_docs.py`` writes HTML to ``.build/docs/build/html``. References into Ansible's own documentation are resolved
against a small inventory made here, so that nothing is fetched. ``make docs`` calls this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import gate_copies
import gate_run
from environments import PYTHON, environment_with

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
SITE = BUILD / "docs"

#: What the generated pages refer to in Ansible's documentation: labels, and environment variables of the cache options.
LABELS = (
    "action_plugins",
    "ansible_configuration_settings",
    "common_return_values",
    "ansible_collections.ansible.builtin.add_host_module",
)
VARIABLES = tuple(f"ANSIBLE_CACHE_PLUGIN{end}" for end in ("", "_CONNECTION", "_PREFIX", "_TIMEOUT"))

CONF = """\
project = "homeward.asr"
title = html_short_title = "homeward.asr"
copyright = "the homeward.asr contributors"
extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_theme_options = {"display_version": False, "vcs_pageview_mode": "edit"}
html_show_sphinx = False
html_use_index = False
html_copy_source = False
intersphinx_mapping = {"ansible_devel": ("https://docs.ansible.com/projects/ansible/devel/", "../ansible_devel.inv")}
default_role = "any"
nitpicky = True
"""


def inventory(path: Path) -> None:
    """A Sphinx inventory (version 2) that knows ``LABELS`` and ``VARIABLES``."""
    lines = "".join(f"{label} std:label -1 reference.html#{label} {label}\n" for label in LABELS)
    lines += "".join(f"{name} std:envvar 1 reference.html#envvar-{name} -\n" for name in VARIABLES)
    head = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: devel\n# The remainder of this file is compressed using zlib.\n"
    path.write_bytes(head.encode() + zlib.compress(lines.encode()))


def main() -> int:
    tools = environment_with("docs", PYTHON, "-r", "tests/requirements-docs.txt")
    gate_copies.copy_tree()
    shutil.rmtree(SITE, ignore_errors=True)
    # antsibull-docs writes only where nobody else may.
    (SITE / "rst").mkdir(parents=True, mode=0o700)
    (SITE / "conf.py").write_text(CONF, encoding="utf-8")
    inventory(SITE / "ansible_devel.inv")
    env = {**gate_run.environment(), "ANSIBLE_COLLECTIONS_PATH": str(gate_copies.WORK), "PYTHONPATH": ""}
    env["PATH"] = os.pathsep.join([str(tools), env["PATH"]])
    steps = (
        (
            "antsibull-docs",
            "collection",
            "--cleanup",
            "everything",
            "--use-current",
            "--squash-hierarchy",
            "--dest-dir",
            "rst",
            "homeward.asr",
        ),
        ("sphinx-build", "-M", "html", "rst", "build", "-q", "-c", ".", "-W", "--keep-going"),
    )
    for argv in steps:
        done = subprocess.run([str(tools / argv[0]), *argv[1:]], cwd=SITE, env=env, check=False)
        if done.returncode:
            return done.returncode
    print(f"The site is in {(SITE / 'build' / 'html').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
