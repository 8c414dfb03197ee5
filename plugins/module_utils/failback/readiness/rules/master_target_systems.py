# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule about a master target's operating system beside those of the machines it serves. Pure.

The service tells both as free text, and leaves the master target's empty in every recorded answer (SEEN asr-api.md): then the
rule is not known. Versions of different distributions do not compare.
"""

from __future__ import annotations

import re
from typing import Optional

from ...wanted.selection import listing
from ..facts.facts import Facts
from ..facts.moments import GATEWAY, ONLY_CLASSIC, REPROTECT
from ..facts.subjects import Gateway
from .rule import WARN, Rule, Said, bad, numbered, ok, unknown

#: A distribution's name in lower case, and its version.
Release = tuple[str, tuple[int, ...]]

_NUMBER = re.compile(r"(\d+(?:\.\d+)*)( R2)?", re.IGNORECASE)

#: Words that say nothing about the distribution.
_FILLERS = frozenset({"microsoft", "release", "version", "linux", "gnu/linux"})


def release(text: str) -> Release | None:
    """A system's name and version, from what the service tells: ``Ubuntu 16.04.7 LTS``, ``Microsoft Windows Server 2012 R2``."""
    found = _NUMBER.search(text)
    if found is None:
        return None
    words = [word for word in text[: found.start()].lower().split() if word not in _FILLERS]
    numbers = tuple(map(int, found[1].split(".")))
    return (" ".join(words), (*numbers, 2) if found[2] else numbers) if words else None


def is_newer(one: str, other: str) -> Optional[bool]:
    """Whether a system is newer than another; None where that cannot be said, as for 8.8 beside a mere 8."""
    mine, theirs = release(one), release(other)
    if mine is None or theirs is None or mine[0] != theirs[0]:
        return None
    if mine[1] == theirs[1]:
        return False
    shorter = min(len(mine[1]), len(theirs[1]))
    if mine[1][:shorter] != theirs[1][:shorter]:
        return mine[1] > theirs[1]
    # 2012 R2 beside 2012.
    return None if mine[0] != "windows server" else len(mine[1]) > len(theirs[1])


def mt_system(s: Gateway, _f: Facts) -> Said | None:
    if s.server is None or not s.systems:
        return None
    if not s.server.os_version:
        return unknown(f"The vault does not report the version of the operating system of {s.name}.")
    compared = {system: is_newer(system, s.server.os_version) if system else None for system in s.systems}
    newer = sorted(system for system, found in compared.items() if found)
    if newer:
        return bad(f"{s.name} has {s.server.os_version}, and machines have {listing(newer)}.")
    dark = sorted(system or "a version that is not reported" for system, found in compared.items() if found is None)
    if dark:
        return unknown(f"{s.name} has {s.server.os_version}, which cannot be compared with {listing(dark)}.")
    return ok(f"{s.name} has {s.server.os_version}, and no machine has a newer version.")


RULES: tuple[Rule, ...] = (
    Rule(
        "mt_system", "Master target's operating system is not older than the machines'", GATEWAY, REPROTECT, WARN, mt_system,
        "the server's entry on its fabric: osVersion; the replicated items: osVersion",
        "Build a master target with the newer version.", numbered((23,)), (23,), ONLY_CLASSIC,
    ),
)  # fmt: skip
