# SPDX-License-Identifier: GPL-3.0-or-later
"""Put pip where ``ansible-test`` looks before it downloads a bootstrap script from its own host.

``ansible-test`` keeps ``get_pip_<version>.py`` in ``~/.ansible/test/cache`` and runs it in each environment it makes.
Ours installs the pip wheel lying beside it (from the package index that pip is configured for), so that no further
host has to be reached. Usage: ``seed_ansible_test.py HOME``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

#: pip versions that ansible-core asks for in its environments: 2.16 and 2.17, 2.18 and 2.19, 2.20 and 2.21.
PIP_VERSIONS = ("23.1.2", "24.2", "25.2")

#: What ansible-test runs as get_pip_X.py. It reads the version from its own name.
BOOTSTRAP = '''\
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install pip from the wheel beside this file."""
import pathlib
import runpy
import sys

here = pathlib.Path(__file__).resolve()
version = here.stem[len("get_pip_"):].replace("_", ".")
sys.path.insert(0, str(here.with_name("pip-%s-py3-none-any.whl" % version)))
wanted = [arg for arg in sys.argv[1:] if arg not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install"] + wanted + ["pip==%s" % version]
runpy.run_module("pip", run_name="__main__")
'''


def seed(home: Path) -> None:
    """Write the bootstrap scripts and wheels; a half-made environment of an earlier, failed run is removed."""
    state = home / ".ansible" / "test"
    cache = state / "cache"
    if any(p.stat().st_size == 0 for p in cache.glob("*.download")):
        shutil.rmtree(state)
    cache.mkdir(parents=True, exist_ok=True)
    for version in PIP_VERSIONS:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--dest", str(cache), f"pip=={version}"], check=True)
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(BOOTSTRAP, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: seed_ansible_test.py HOME")
    seed(Path(sys.argv[1]))
