# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault stand-in for the adapter's tests: started per test module, stopped by its pid."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
EXTENSIONS = HERE.parents[2] / "extensions"
for folder in (HERE, EXTENSIONS):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from scripted_azure import FastClock, Service, open_vaults  # noqa: E402
from stand_in_azure import FLEET, PAGE_SIZE, StandIn  # noqa: E402

from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import Vaults  # noqa: E402
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef  # noqa: E402
from rehearsal import processes, tls  # noqa: E402
from rehearsal.fleet_file import load  # noqa: E402


@pytest.fixture(scope="module", name="running_stand_in")
def a_running_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    folder = tmp_path_factory.mktemp("stand-in")
    certificates = tls.make(folder / "tls")
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "rehearsal.azure", "--fleet", FLEET, "--dir", str(folder), "--ready", str(ready)]
    command += ["--cert", str(certificates.cert), "--key", str(certificates.key), "--ca", str(certificates.ca)]
    command += ["--page-size", str(PAGE_SIZE)]
    environment = {**os.environ, "PYTHONPATH": str(EXTENSIONS)}
    spec = load(FLEET).vaults[0]
    vault = VaultRef(spec.subscription_id, spec.resource_group, spec.name)
    server = processes.start("vault stand-in", command, environment, ready, folder / "log")
    try:
        yield StandIn(server, certificates, vault, folder / "requests.jsonl")
    finally:
        processes.stop(server)


@pytest.fixture(name="stand_in")
def a_stand_in(running_stand_in: StandIn) -> Iterator[StandIn]:
    """The stand-in with fresh counters and without faults."""
    running_stand_in.control("POST", "/counters/reset")
    yield running_stand_in
    running_stand_in.control("DELETE", "/faults")


@pytest.fixture(name="service")
def a_service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        yield service


@pytest.fixture(name="clock")
def a_clock() -> FastClock:
    return FastClock()


@pytest.fixture(name="vaults")
def some_vaults(service: Service, clock: FastClock) -> Vaults:
    return open_vaults(service, clock)
