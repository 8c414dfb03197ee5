# SPDX-License-Identifier: GPL-3.0-or-later
"""Below the policies: connections, TLS, proxies, and what the SDK's operations make of answers."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from scripted_azure import ITEM, JOB, SUBSCRIPTION, VAULT, Answer, FastClock, Service, accepted, fails, open_vaults

from ansible_collections.homeward.asr.plugins.module_utils.azure import operations
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import SITE_RECOVERY_API, Vaults
from ansible_collections.homeward.asr.plugins.module_utils.tls import contexts

FABRIC = f"{VAULT.id}/replicationFabrics/f"

#: Resource, verb and body of each operation that is sent.
SENT = [
    (ITEM, "reProtect", {"properties": {"failoverDirection": "RecoveryToPrimary"}}),
    (ITEM, "unplannedFailover", {"properties": {"failoverDirection": "PrimaryToRecovery"}}),
    (ITEM, "plannedFailover", {"properties": {}}),
    (ITEM, "failoverCommit", None),
    (ITEM, "failoverCancel", None),
    (ITEM, "updateAppliance", {"properties": {"targetApplianceId": "a", "providerSpecificDetails": {"x": None}}}),
    (FABRIC, "reassociateGateway", {"properties": {"vmsToMigrate": ["a/b", "\u00fc"]}}),
    (f"{FABRIC}/replicationRecoveryServicesProviders/p", "refreshProvider", None),
]


@pytest.mark.parametrize(("resource", "verb", "body"), SENT, ids=[verb for _id, verb, _body in SENT])
def test_the_sdk_s_operations_send_what_is_meant(
    service: Service, vaults: Vaults, resource: str, verb: str, body: object
) -> None:
    found = operations.find(resource, verb, body)
    assert found is not None
    assert found.subscription == SUBSCRIPTION
    service.say(accepted(JOB))
    assert vaults.act(resource, verb, body).job == JOB  # type: ignore[arg-type]
    (seen,) = service.asked
    assert seen.method == "POST"
    assert seen.path.lower() == f"{resource}/{verb}".lower()
    assert seen.query == f"api-version={SITE_RECOVERY_API}"
    assert (json.loads(seen.body) if seen.body else None) == body
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["content-length"] == str(len(seen.body))


def test_what_the_sdk_does_not_have_is_sent_plainly(service: Service, vaults: Vaults) -> None:
    plan = f"{VAULT.id}/replicationRecoveryPlans/p"
    assert operations.find(plan, "reProtect", None) is None
    assert operations.find(ITEM, "reProtect", None) is None
    service.say(accepted(JOB))
    assert vaults.act(plan, "reProtect", None).job == JOB
    assert service.asked[0].path == f"{plan}/reProtect"


@pytest.mark.parametrize("pace", ["Sat, 03 Oct 2026 00:00:00 GMT", "soon", "1.5", ""])
def test_an_accepted_operation_stays_accepted_whatever_its_pace_says(
    service: Service, vaults: Vaults, pace: str
) -> None:
    """The SDK wants a whole number there, and fails after the service has accepted."""
    service.say(accepted(JOB, pace=pace))
    assert vaults.act(ITEM, "failoverCommit", None).job == JOB
    assert len(service.asked) == 1


@pytest.mark.parametrize("status", [201, 203, 206])
def test_any_success_is_an_acceptance(service: Service, vaults: Vaults, status: int) -> None:
    service.say(Answer(status, None, accepted(JOB).headers))
    assert vaults.act(ITEM, "unplannedFailover", {"properties": {}}).job == JOB
    assert len(service.asked) == 1


def test_the_authorities_are_parsed_once(service: Service, clock: FastClock) -> None:
    """For login, options and however many connections."""
    service.say(Answer(200, {"id": "i"}, wait=0.2))
    before = contexts._made.cache_info().misses
    vaults = open_vaults(service, clock)
    with ThreadPoolExecutor(max_workers=8) as pool:
        assert len(list(pool.map(lambda number: vaults.get_item(f"{ITEM}{number}"), range(8)))) == 8
    assert contexts._made.cache_info().misses == before + 1


def test_a_bundle_that_is_none_is_named(
    service: Service, clock: FastClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate\n")
    for bundle in (wrong, tmp_path / "absent.pem"):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        error = fails(service, clock, ca_path=None)
        assert error.code == "certificate_not_trusted"
        assert "REQUESTS_CA_BUNDLE" in error.remedy


@pytest.mark.parametrize("option", ["resource_manager_endpoint", "authority_host"])
def test_a_certificate_of_another_host_is_not_trusted(
    service: Service, clock: FastClock, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """The authority is trusted; the name is not the certificate's."""
    known = socket.getaddrinfo

    def told(host: str, *given: object, **options: object) -> object:
        return known("127.0.0.1" if host == "other.example" else host, *given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", told)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    error = fails(service, clock, **{option: f"https://other.example:{service.port}"})
    assert error.code == "certificate_not_trusted"
    assert service.asked == []


class Proxy:
    """An HTTP proxy that tunnels; the first lines it was sent are kept."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _address = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(near,), daemon=True).start()

    def _tunnel(self, near: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += near.recv(4096)
        self.asked.append(head)
        host, port = head.split()[1].decode().rsplit(":", 1)
        far = socket.create_connection((host, int(port)))
        near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        ends = {near: far, far: near}
        while True:
            for one in select.select(list(ends), [], [])[0]:
                try:
                    data = one.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    near.close()
                    far.close()
                    return
                ends[one].sendall(data)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(name="proxy")
def a_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    made = Proxy()
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://someone:canary-word@127.0.0.1:{made.port}")
    yield made
    made.close()


def test_the_proxy_of_the_environment_is_used(service: Service, clock: FastClock, proxy: Proxy) -> None:
    service.say(Answer(200, {"value": []}))
    assert open_vaults(service, clock).list_items(VAULT) == []
    assert len(proxy.asked) == 2  # the login's connection, and ours
    for head in proxy.asked:
        assert head.startswith(b"CONNECT 127.0.0.1:")
        assert b"Proxy-Authorization: Basic " in head
        assert b"Bearer" not in head
    assert "proxy-authorization" not in service.asked[0].headers


def test_no_proxy_is_honoured(
    service: Service, clock: FastClock, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    service.say(Answer(200, {"value": []}))
    assert open_vaults(service, clock).list_items(VAULT) == []
    assert proxy.asked == []


def test_a_proxy_that_is_not_there_means_unreachable(service: Service, clock: FastClock, proxy: Proxy) -> None:
    proxy.close()
    error = fails(service, clock)
    assert error.code == "unreachable"
    assert "canary-word" not in error.sentence()
