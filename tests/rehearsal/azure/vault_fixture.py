# SPDX-License-Identifier: GPL-3.0-or-later
"""Vault stand-ins as real processes behind real TLS, and the small fleet that protocol tests use."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from wire import Wire

from rehearsal import fleet as fleets
from rehearsal import fleet_file, processes, tls

EXTENSIONS = Path(fleets.__file__).resolve().parents[1]

#: A few machines of one kind. Tests change copies of it.
SMALL: dict[str, Any] = {
    "name": "small",
    "description": "A few machines for the protocol",
    "speed": 600,
    "vaults": [
        {
            "name": "vault-small",
            "process_servers": [
                {"name": "ps-azure-01", "ip": "10.50.0.4", "in_azure": True},
                {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False},
            ],
            "master_targets": [
                {"name": "mt-linux-01", "os": "Linux"},
                {"name": "mt-windows-01", "os": "Windows", "ip": "10.20.1.11", "retention_volumes": ["R"]},
            ],
            "recovery_plans": {"shop": ["web-01", "web-02"]},
        }
    ],
    "machines": [
        {"name": name, "os": "Linux", "disks_gb": [30], "ip": f"10.20.0.{n}"}
        for n, name in enumerate(["web-01", "web-02", "web-03", "web-04", "web-05"], 11)
    ],
}


@pytest.fixture(scope="module")
def run_vault(
    certificates: tls.Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Wire]]:
    """Start a vault stand-in with a fleet (a name or its mapping); stopped by its pid when the module is over."""
    running: list[tuple[dict[str, Any], Path]] = []

    def run(fleet: str | dict[str, Any] = "classic-12", *options: str, vcenter: Any = None) -> Wire:
        directory = tmp_path_factory.mktemp("vault")
        if isinstance(fleet, dict):
            path = directory / "fleet.yml"
            path.write_text(yaml.safe_dump(fleet), encoding="utf-8")
            fleet = str(path)
        command = [sys.executable, "-m", "rehearsal.azure", "--fleet", fleet, "--dir", str(directory)]
        command += ["--cert", str(certificates.cert), "--key", str(certificates.key), "--ca", str(certificates.ca)]
        command += ["--ready", str(directory / "azure.json"), *options]
        environment = {
            **os.environ,
            "PYTHONPATH": str(EXTENSIONS),
            "REHEARSAL_CLIENT_SECRET": secrets.token_urlsafe(12),
        }
        if vcenter is not None:
            command += ["--vcenter-url", vcenter.url, "--vcenter-user", vcenter.user]
            environment["VCENTER_PASSWORD"] = vcenter.password
        log = directory / "log" / "azure.log"
        told = processes.start("vault stand-in", command, environment, directory / "azure.json", log)
        running.append((told, log))
        model = fleet_file.load(fleet)
        wire = Wire(told, str(certificates.ca), model.vaults[0].name, model.vaults[0].resource_group)
        wire.directory = directory  # type: ignore[attr-defined]
        return wire

    yield run
    dead = [log for told, log in running if processes.stop(told) == "gone"]
    assert not dead, f"a vault stand-in died: {processes.last_words(dead[0], 30)}"
