# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter stand-in for the adapter's tests: the rehearsal's own fixtures, and a fleet with every case to prepare."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_PATH = Path(__file__).resolve().parents[2] / "rehearsal" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("rehearsal_fixtures", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_fixtures = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _fixtures
_SPEC.loader.exec_module(_fixtures)

vcenter_binary = _fixtures.vcenter_binary
certificates = _fixtures.certificates
run_vcenter = _fixtures.run_vcenter

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock  # noqa: E402
from ansible_collections.homeward.asr.plugins.module_utils.vcenter.connection import SiteAccount, connect  # noqa: E402
from rehearsal.fleet import Fleet, Machine, MasterTarget, Vault  # noqa: E402
from rehearsal.fleet_file import load  # noqa: E402


def prepare_fleet() -> Fleet:
    """Two master targets (one with its files in a datastore cluster) and machines off and on, without EnableUUID."""
    base = load("classic-12")
    vault = Vault(
        name="vault-prepare",
        process_servers=base.vaults[0].process_servers,
        master_targets=(
            MasterTarget("mt-pod", ip="10.20.1.20", datastores=("datastore-1", "datastore-2")),
            MasterTarget("mt-plain", ip="10.20.1.21", datastores=("datastore-1",)),
            MasterTarget(
                "mt-odd",
                ip="10.20.1.22",
                datastores=("datastore-1",),
                controller="pvscsi",
                snapshot=True,
                tools_running=False,
            ),
        ),
    )
    machines = tuple(
        Machine(name, "vault-prepare", state=state, uuid_enabled=uuid)
        for name, state, uuid in (
            ("off-01", "out", False),
            ("off-02", "out", True),
            ("on-01", "home", False),
            ("on-02", "home", False),
            ("on-03", "home", True),
            ("lost-01", "home", True),
        )
    )
    return replace(base, name="prepare", description="for the adapter", vaults=(vault,), machines=machines)


@pytest.fixture(scope="module")
def vcenter(run_vcenter: Callable[..., Any]) -> Any:
    """A vCenter stand-in with the fleet to prepare."""
    return run_vcenter(prepare_fleet())


REAL = Clock(time.monotonic, time.sleep)


@pytest.fixture
def account(vcenter: Any) -> SiteAccount:
    parts = urlsplit(vcenter.url)
    return SiteAccount(
        hostname=str(parts.hostname),
        port=int(parts.port or 443),
        username=vcenter.user,
        password=vcenter.password,
        ca_path=str(vcenter.certificates.ca),
    )


@pytest.fixture
def site(account: SiteAccount) -> Iterator[Any]:
    opened = connect(account, REAL)
    yield opened
    opened.close()


@pytest.fixture
def calls(vcenter: Any) -> Callable[[], dict[str, int]]:
    """SOAP calls since the last question."""
    vcenter.control.reset_counters()

    def since() -> dict[str, int]:
        counted: dict[str, int] = vcenter.control.counters()
        vcenter.control.reset_counters()
        return counted

    return since
