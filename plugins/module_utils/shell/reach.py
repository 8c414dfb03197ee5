# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a TCP port answers, as this machine reaches it."""

from __future__ import annotations

import socket

#: Seconds an answer may take; a server at the other end of a VPN answers within a fraction of one.
PATIENCE = 5.0


def reach(address: str, port: int, patience: float = PATIENCE) -> str:
    """Why a port does not answer, as the end of a sentence; empty where it does. Nothing is sent over the connection."""
    try:
        socket.create_connection((address, port), timeout=patience).close()
    except socket.timeout:  # noqa: UP041 - Python 3.9 has two kinds
        return f"no answer within {patience:g} seconds"
    except OSError as exc:
        return str(exc.strerror or exc).lower()
    return ""
