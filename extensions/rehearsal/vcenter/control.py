# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter stand-in's control endpoint, seen from Python (control.go says what each request does)."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit


class ControlError(RuntimeError):
    """The control endpoint refused a request; the text is its own sentence."""


class Control:
    """``address`` is the ``control`` entry of the ready file. The endpoint is on this machine, so a proxy in the
    environment is never asked."""

    def __init__(self, address: str, timeout: float = 300.0) -> None:
        self.address = urlsplit(address).netloc
        self.timeout = timeout

    def call(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection(self.address, timeout=self.timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            told = json.loads(answer.read() or b"null")
        finally:
            connection.close()
        if answer.status != 200:
            raise ControlError(f"{method} {path}: {told['error'] if isinstance(told, dict) else answer.reason}")
        return told

    def set(self, *settings: tuple[Any, str, Any]) -> None:
        """Give properties values: (managed object or "Type:value", path, JSON value)."""
        self.call("POST", "/set", [{"moref": moref(o), "path": p, "value": v} for o, p, v in settings])

    def fault(self, fault: str | dict[str, Any] | None = None, **rule: Any) -> None:
        """Add a fault rule; a word is the fault's type name. Keys: method, type, name, task, skip, max, delay_ms."""
        if fault is not None:
            rule["fault"] = {"_typeName": fault} if isinstance(fault, str) else fault
        self.call("POST", "/fault", rule)

    def clear_faults(self) -> None:
        self.call("DELETE", "/fault")

    def counters(self) -> dict[str, int]:
        """SOAP calls by method since the start or the last reset."""
        methods: dict[str, int] = self.call("GET", "/counters")["methods"]
        return methods

    def reset_counters(self) -> None:
        self.call("POST", "/counters/reset", {})

    def user(self, name: str, password: str) -> None:
        self.call("POST", "/users", {"name": name, "password": password})

    def play(self, *scenes: dict[str, Any]) -> None:
        """Play states: mappings with ``state`` and ``name``, and what else the state asks for (states.go). ``off`` puts
        things back."""
        self.call("POST", "/play", list(scenes))

    def clock(self, at: float, now: float, speed: float) -> None:
        """Let vCenter's time be ``now`` at the real time ``at``, both in seconds since the epoch, and run at ``speed``."""
        self.call("POST", "/clock", {"at": at, "now": now, "speed": speed})

    def dump(self, directory: str) -> None:
        self.call("POST", "/dump", {"dir": directory})


def moref(obj: Any) -> str:
    """A managed object as ``Type:value``; text is taken as it is."""
    return obj if isinstance(obj, str) else f"{obj._wsdlName}:{obj._moId}"
