# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal's own certificate authority, recreated at every start."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import trustme

#: Where distributions keep the system's roots, in the order they are tried; certifi comes after them.
SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

#: What the server certificate is good for. 127.0.0.2 allows tests of verification on a local address that no client
#: treats as special.
NAMES = ("127.0.0.1", "localhost", "127.0.0.2")


@dataclass(frozen=True)
class Certificates:
    """Paths of what :func:`make` wrote."""

    #: Holds the rehearsal's CA alone.
    ca: Path
    #: Holds the system's roots and the rehearsal's CA: what REQUESTS_CA_BUNDLE and SSL_CERT_FILE point to, because
    #: programs beside ours read them as well.
    bundle: Path
    cert: Path
    key: Path


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that never exists with more rights than ``mode``."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content)


def system_roots() -> bytes:
    """The system's CA certificates in PEM form; certifi's where the system has none."""
    for candidate in SYSTEM_BUNDLES:
        path = Path(candidate)
        if path.is_file() and path.stat().st_size:
            return path.read_bytes()
    try:
        import certifi
    except ImportError:
        return b""
    return Path(certifi.where()).read_bytes()


def make(directory: Path) -> Certificates:
    """A new CA and a server certificate under ``directory``. The CA's own key is kept nowhere."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = trustme.CA(organization_name="homeward rehearsal")
    server = authority.issue_cert(*NAMES)
    made = Certificates(
        ca=directory / "ca.pem",
        bundle=directory / "ca-bundle.pem",
        cert=directory / "server.pem",
        key=directory / "server.key",
    )
    own = authority.cert_pem.bytes()
    roots = system_roots()
    write(made.ca, own, 0o644)
    write(made.bundle, roots + (b"" if not roots or roots.endswith(b"\n") else b"\n") + own, 0o644)
    write(made.cert, b"".join(blob.bytes() for blob in server.cert_chain_pems), 0o644)
    write(made.key, server.private_key_pem.bytes(), 0o600)
    return made
