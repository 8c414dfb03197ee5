# SPDX-License-Identifier: GPL-3.0-or-later
"""A running vault stand-in as the adapter's tests use it."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import Vaults, connect
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from rehearsal import tls

FLEET = "classic-12"
PAGE_SIZE = 5


@dataclass
class StandIn:
    """A running vault stand-in and its control endpoint."""

    server: dict[str, Any]
    certificates: tls.Certificates
    vault: VaultRef
    log: Path

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One question to the control endpoint; its JSON."""
        connection = http.client.HTTPConnection(urlsplit(self.server["control"]).netloc, timeout=120)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status == 200, f"{method} {path}: {text}"
        return json.loads(text)

    def counters(self) -> dict[str, Any]:
        counters: dict[str, Any] = self.control("GET", "/counters")
        return counters

    def fault(self, action: str, match: dict[str, Any], **parameters: Any) -> None:
        self.control("POST", "/faults", {"action": action, "match": match, **parameters})

    def account(self, **options: Any) -> AzureAccount:
        return AzureAccount(
            **{
                "tenant": self.server["tenant"],
                "client_id": self.server["client_id"],
                "secret": self.server["secrets"]["client_secret"],
                "resource_manager_endpoint": self.server["url"],
                "authority_host": self.server["url"],
                "ca_path": str(self.certificates.ca),
                **options,
            }
        )

    def connect(self, account: AzureAccount | None = None, **options: Any) -> Vaults:
        """Vaults over real time."""
        real = Clock(time.monotonic, time.sleep)
        return connect(account or self.account(), **{"clock": real, "random": lambda: 0.0, **options})
