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
    """What ``make(path)`` returns; made again once ``path``, or another path that it reads (``beside``), is another file or was written to.

    Raises what ``make`` raises; a failure is not kept.
    """
    return _made(make, path, tuple((read, _state(read)) for read in (path, *beside)))


@lru_cache(maxsize=8)
def _made(make: Make, path: str, _states: object) -> ssl.SSLContext:
    return make(path)


def _state(path: str) -> tuple[int, ...]:
    """Which file it is, when it was last changed (ns) and its size (bytes); zeros for what is not there.

    The time of its content alone is not enough: images and packages give files a time of their own, and certificates have like sizes.
    """
    try:
        told = os.stat(path)
    except OSError:
        return (0,)
    return (told.st_dev, told.st_ino, told.st_mtime_ns, told.st_ctime_ns, told.st_size)
