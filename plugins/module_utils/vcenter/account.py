# SPDX-License-Identifier: GPL-3.0-or-later
"""Which vCenter, and which account. Separate from the connection, so that a slice without vCenter does not import pyVmomi."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SiteAccount:
    """The vCenter connection options. ``ca_path`` is a PEM file (or a directory of hashed certificates) to trust."""

    hostname: str
    username: str
    password: str = field(repr=False)
    port: int = 443
    validate_certs: bool = True
    ca_path: str | None = None
    proxy_host: str | None = None
    proxy_port: int | None = None

    @property
    def address(self) -> str:
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{host}:{self.port}"
