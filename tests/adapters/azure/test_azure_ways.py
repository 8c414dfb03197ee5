# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the service: addresses and certificates."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from scripted_azure import (
    ITEM,
    SECRET,
    TENANT,
    VAULT,
    Answer,
    FastClock,
    Service,
    account,
    entries,
    fails,
)

from ansible_collections.homeward.asr.plugins.module_utils.azure import vaults as vaults_module
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import connect
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ConnectionFailed, Unknown
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_resource_manager_unreachable(service: Service, clock: FastClock) -> None:
    port = closed_port()
    error = fails(service, clock, resource_manager_endpoint=f"https://127.0.0.1:{port}")
    assert error.code == "unreachable"
    assert str(port) in error.message
    assert "refused" in error.message
    assert "resource_manager_endpoint" in error.remedy


def test_what_never_left_is_not_counted(service: Service, clock: FastClock) -> None:
    vaults = connect(
        account(service, resource_manager_endpoint=f"https://127.0.0.1:{closed_port()}"),
        clock=Clock(clock.monotonic, clock.sleep),
    )
    with pytest.raises(ConnectionFailed):
        vaults.list_items(VAULT)
    with pytest.raises(Unknown):
        vaults.act(ITEM, "reProtect", None)
    assert (vaults.requests.reads, vaults.requests.writes) == (0, 0)


def test_authority_unreachable(service: Service, clock: FastClock) -> None:
    error = fails(service, clock, authority_host=f"https://127.0.0.1:{closed_port()}")
    assert error.code == "unreachable"
    assert "authority_host" in error.remedy


def test_certificate_not_trusted(service: Service, clock: FastClock, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    error = fails(service, clock, ca_path=str(other))
    assert error.code == "certificate_not_trusted"
    assert "ca_path" in error.remedy


def test_certificate_of_resource_manager_not_trusted(service: Service, clock: FastClock, tmp_path: Path) -> None:
    with Service(tmp_path, "other") as other:
        error = fails(service, clock, resource_manager_endpoint=other.url)
    assert error.code == "certificate_not_trusted"
    assert clock.slept == []


CODE = """
import sys, time
sys.path.insert(0, {tree!r})
from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import connect
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
import os
url, secret = {url!r}, os.environ["S"]
account = AzureAccount(
    tenant={tenant!r}, client_id="c", secret=secret, resource_manager_endpoint=url, authority_host=url
)
print(len(connect(account, clock=Clock(time.monotonic, time.sleep)).list_items(VaultRef("s", "g", "v"))))
"""


def test_the_ca_variable_of_requests_is_honoured_and_netrc_is_not(service: Service, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    service.say(Answer(200, {"value": entries("a")}))
    tree = vaults_module.__file__.partition("ansible_collections")[0]
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(tree=tree, tenant=TENANT, url=service.url)],
        env={**os.environ, "S": SECRET, "REQUESTS_CA_BUNDLE": str(service.ca_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "1", done.stderr
    assert service.asked[0].headers["authorization"].startswith("Bearer ")
