# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS contexts of this process: to parse the trusted authorities takes some 30 ms of CPU, so it is done once while they are unchanged."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache

#: Makes the context that trusts what is at a path (a file or a directory; empty: a default of its own).
Make = Callable[[str], ssl.SSLContext]


def kept(make: Make, path: str, beside: Sequence[str] = ()) -> ssl.SSLContext:
    """What ``make(path)`` returns; made again once ``path``, or another path that it reads (``beside``), has another time or size.

    Raises what ``make`` raises; a failure is not kept.
    """
    return _made(make, path, tuple((read, _state(read)) for read in (path, *beside)))


@lru_cache(maxsize=8)
def _made(make: Make, path: str, _states: object) -> ssl.SSLContext:
    return make(path)


def _state(path: str) -> tuple[int, int]:
    """Time of the last change (ns) and size (bytes); zeros for what is not there."""
    try:
        told = os.stat(path)
    except OSError:
        return (0, 0)
    return (told.st_mtime_ns, told.st_size)
