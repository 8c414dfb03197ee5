# SPDX-License-Identifier: GPL-3.0-or-later
"""What came in: counters, the bodies of accepted operations (in memory only), and the request log on disk."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

_BLANKED = re.compile(r"(?i)\b(t|c|s|h|skipToken|sig|token)=[^&]*")

#: POSTs that change nothing.
LOOKING = ("/deployments/*/validate", "/deployments/*/whatif")


def blank(path_and_query: str) -> str:
    """Values of signed links and page tokens never reach the log."""
    return _BLANKED.sub(lambda m: f"{m.group(1)}=...", path_and_query)


@dataclass
class Ledger:
    """``reads`` and ``writes`` are ARM calls that passed the token check and the buckets; ``writes`` holds refused ones too."""

    log_path: Path | None = None
    reads: int = 0
    writes: int = 0
    lists: int = 0
    refused: int = 0
    throttled: int = 0
    unauthorized: int = 0
    tokens: int = 0
    faults: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    by_item: dict[str, Counter[str]] = field(default_factory=dict)
    by_route: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Line buffered: each request is on disk when its answer leaves.
        self._file = self.log_path.open("a", buffering=1, encoding="utf-8") if self.log_path else None

    def count_call(self, method: str, is_list: bool, route: str) -> None:
        if method in ("GET", "HEAD") or route.endswith(LOOKING):
            self.reads += 1
            self.lists += is_list
        else:
            self.writes += 1
        self.by_route[f"{method} {route}"] += 1

    def count_accepted(self, item: str, operation: str, body: Any, job: str) -> None:
        self.accepted[operation] += 1
        self.by_item.setdefault(item, Counter())[operation] += 1
        self.bodies.append({"item": item, "operation": operation, "body": body, "job": job})

    def write(self, method: str, target: str, status: int | str, client_request_id: str | None, body: bytes) -> None:
        if self._file is None:
            return
        entry = {
            "time": datetime.now(tz=timezone.utc).isoformat(timespec="milliseconds"),
            "method": method,
            "path": blank(target),
            "status": status,
            "x-ms-client-request-id": client_request_id,
            "body_sha256": hashlib.sha256(body).hexdigest() if body else None,
        }
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")

    def counters(self) -> dict[str, Any]:
        return {
            "reads": self.reads,
            "writes": self.writes,
            "lists": self.lists,
            "refused": self.refused,
            "throttled": self.throttled,
            "unauthorized": self.unauthorized,
            "tokens": self.tokens,
            "faults": self.faults,
            "accepted": dict(self.accepted),
            "by_item": {item: dict(counts) for item, counts in self.by_item.items()},
            "by_route": dict(self.by_route),
        }

    def reset(self) -> None:
        """Reset the counters; the log on disk stays."""
        fresh = Ledger()
        for name in self.__dataclass_fields__:
            if name != "log_path":
                setattr(self, name, getattr(fresh, name))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
