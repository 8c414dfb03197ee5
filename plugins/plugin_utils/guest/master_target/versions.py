# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of agents and servers, kernels, Pythons, and the choice of an agent's archive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from posixpath import basename

#: Newest ansible-core that manages a guest with this Python (SEEN in ansible-core 2.16 to 2.21; DOC, support matrix, for older ones).
NEWEST_CORE = {
    "2.6": "2.12",
    "2.7": "2.16",
    "3.5": "2.15",
    "3.6": "2.16",
    "3.7": "2.17",
    "3.8": "2.19",
}

VERSION = re.compile(r"_UA_(\d+(?:\.\d+)+)_")


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version or kernel release; empty when it holds none."""
    return tuple(int(n) for n in re.findall(r"\d+", version))


def release(version: str) -> tuple[int, ...]:
    """Major and minor: what the documents compare (a configuration server 9.4 takes master targets 9.4 and 9.3, not 9.5)."""
    return numbers(version)[:2]


def archive_version(name: str) -> str:
    """The version in an archive's name, empty without one."""
    found = VERSION.search(basename(name))
    return found.group(1) if found else ""


def newer_than(version: str, limits: Mapping[str, str]) -> list[str]:
    """The servers, by name, that an agent of this version would be newer than."""
    return [f"{name} ({limit})" for name, limit in limits.items() if limit and release(version) > release(limit)]


def choose_archive(names: Iterable[str], pattern: str, limits: Mapping[str, str]) -> str:
    """The newest archive that fits the pattern and is not newer than any server; empty when there is none."""
    fitting = [n for n in names if fnmatch(basename(n), pattern)]
    allowed = [n for n in fitting if not newer_than(archive_version(n), limits)]
    return max(allowed, key=lambda n: (numbers(archive_version(n)), n), default="")


def kernel_fits(kernel: str, rule: Mapping[str, object]) -> bool:
    """Whether a kernel release obeys a generation's rule: a ``pattern``, or ``ceilings`` by series (4.4: 4.4.0-81)."""
    ceilings = rule.get("ceilings")
    if isinstance(ceilings, Mapping):
        series = ".".join(str(n) for n in release(kernel))
        ceiling = ceilings.get(series)
        return bool(ceiling) and numbers(kernel)[:4] <= numbers(str(ceiling))[:4]
    return bool(re.search(str(rule.get("pattern", "")), kernel))


def core_manages(core: str, python: str) -> bool:
    """Whether this ansible-core manages a guest with this Python."""
    newest = NEWEST_CORE.get(python)
    if newest is None:
        return numbers(python) >= (3, 8)
    return release(core) <= numbers(newest)
