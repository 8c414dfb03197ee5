# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rehearsal's tests share: the built vCenter stand-in, certificates, and servers stopped by their pids."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

EXTENSIONS = Path(__file__).resolve().parents[2] / "extensions"
if str(EXTENSIONS) not in sys.path:
    sys.path.insert(0, str(EXTENSIONS))

from rehearsal import fleet as fleets  # noqa: E402
from rehearsal import (  # noqa: E402
    fleet_file,
    launcher,
    processes,
    tls,
)
from rehearsal.vcenter import client  # noqa: E402
from rehearsal.vcenter.control import Control  # noqa: E402


@dataclass
class VCenter:
    """A running vCenter stand-in, a session as its administrator, and its control endpoint."""

    server: dict[str, Any]
    user: str
    password: str
    certificates: tls.Certificates
    log: Path
    si: Any
    control: Control

    @property
    def url(self) -> str:
        return self.server["url"]

    def login(self, user: str, password: str) -> Any:
        return client.connect(self.url, user, password, str(self.certificates.ca))

    def alive(self) -> bool:
        return processes.alive(self.server)


@pytest.fixture(scope="session")
def vcenter_binary() -> Path:
    return launcher.build_vcenter()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tls.Certificates:
    return tls.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def run_vcenter(
    vcenter_binary: Path, certificates: tls.Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., VCenter]]:
    """Start a vCenter stand-in with a fleet (a name or a Fleet) in it; stopped when the module's tests are over. A
    stand-in that died is an error that shows its last words."""
    running: list[VCenter] = []

    def run(fleet: str | fleets.Fleet = "classic-12", cache: Path | None = None) -> VCenter:
        model = fleet_file.load(fleet) if isinstance(fleet, str) else fleet
        directory = tmp_path_factory.mktemp("vcenter")
        password = secrets.token_urlsafe(12)
        server = launcher.start_vcenter(model, directory, certificates, password, vcenter_binary, cache)
        si = client.connect(server["url"], model.site.username, password, str(certificates.ca))
        log = directory / "log" / "vcenter.log"
        running.append(
            VCenter(server, model.site.username, password, certificates, log, si, Control(server["control"]))
        )
        return running[-1]

    yield run
    dead = [v for v in running if processes.stop(v.server) == "gone"]
    assert not dead, f"a vCenter stand-in died: {processes.last_words(dead[0].log, 30)}"


@pytest.fixture(scope="module")
def vcenter(run_vcenter: Callable[..., VCenter]) -> VCenter:
    """A vCenter stand-in with the fleet of twelve."""
    return run_vcenter()
