# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in: TLS is verified, and every way to fail is one sentence that names the option."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import FailbackError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.module_utils.vcenter.connection import SiteAccount, connect
from rehearsal import tls

REAL = Clock(time.monotonic, time.sleep)


def refusal(account: SiteAccount) -> FailbackError:
    with pytest.raises(FailbackError) as caught:
        connect(account, REAL).close()
    assert account.password not in caught.value.sentence() or not account.password
    return caught.value


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_logs_in_over_verified_tls_and_logs_out(account: SiteAccount, vcenter: Any) -> None:
    vcenter.control.reset_counters()
    with connect(account, REAL) as site:
        assert "vCenter" in site.about
    counted = vcenter.control.counters()
    assert counted.get("Login") == 1
    assert counted.get("Logout") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_unknown_authority_is_refused_on_local_addresses_too(
    account: SiteAccount, host: str, tmp_path: Path
) -> None:
    other = tls.make(tmp_path / "tls")
    error = refusal(replace(account, hostname=host, ca_path=str(other.ca)))
    assert error.code == "vcenter_certificate_not_trusted"
    assert "`ca_path`" in error.sentence()
    assert "`{set:validate_certs=false}`" in error.sentence()


def test_the_environments_authorities_are_trusted(account: SiteAccount, vcenter: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(vcenter.certificates.bundle))
    connect(replace(account, ca_path=None), REAL).close()
    monkeypatch.delenv("SSL_CERT_FILE")
    assert refusal(replace(account, ca_path=None)).code == "vcenter_certificate_not_trusted"


def test_the_session_itself_is_verified_not_only_the_first_contact(site: Any) -> None:
    context = site.service._stub.schemeArgs["context"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_verification_is_switched_off_by_name_only(account: SiteAccount) -> None:
    connect(replace(account, ca_path=None, validate_certs=False), REAL).close()


@pytest.mark.parametrize(
    ("change", "code", "names"),
    [
        ({"password": "wrong"}, "vcenter_login_failed", ("`username`", "`password`")),
        ({"username": "nobody"}, "vcenter_login_failed", ("'nobody'",)),
        ({"hostname": "no-such-host.invalid"}, "vcenter_unreachable", ("hostname='no-such-host.invalid'",)),
        ({"hostname": "https://127.0.0.1/sdk"}, "vcenter_hostname_invalid", ("hostname=",)),
        ({"hostname": ""}, "vcenter_option_missing", ("`hostname`", "VMWARE_HOST")),
        ({"username": ""}, "vcenter_option_missing", ("`username`", "VMWARE_USER")),
        ({"password": ""}, "vcenter_option_missing", ("`password`", "VMWARE_PASSWORD")),
        ({"ca_path": "/no/such/file.pem"}, "ca_path_unusable", ("ca_path='/no/such/file.pem'",)),
    ],
)
def test_wrong_options_are_named(
    account: SiteAccount, change: dict[str, Any], code: str, names: tuple[str, ...]
) -> None:
    error = refusal(replace(account, **change))
    assert error.code == code
    assert all(name in error.sentence() for name in names), error.sentence()


def test_a_closed_port_and_an_unusable_proxy_are_distinguished(account: SiteAccount) -> None:
    error = refusal(replace(account, port=closed_port()))
    assert error.code == "vcenter_unreachable"
    assert "`port`" in error.sentence()
    error = refusal(replace(account, proxy_host="127.0.0.1", proxy_port=closed_port()))
    assert error.code == "vcenter_unreachable"
    assert "`proxy_host`" in error.sentence()


def test_something_that_is_no_vcenter(account: SiteAccount, vcenter: Any) -> None:
    control = int(vcenter.server["control"].rpartition(":")[2])
    assert refusal(replace(account, port=control)).code == "vcenter_unreachable"


def test_the_password_is_not_shown(account: SiteAccount) -> None:
    assert account.password not in repr(account)


def test_a_session_that_has_ended_is_started_again_for_a_look(account: SiteAccount, vcenter: Any) -> None:
    with connect(account, REAL) as site:
        before = {m.name for m in site.machines(names=["app-01"])}
        site.content.sessionManager.Logout()
        vcenter.control.reset_counters()
        assert {m.name for m in site.machines(names=["app-01"])} == before
        site.content.sessionManager.Logout()
        site.servers(names=["mt-linux-01"])
        assert vcenter.control.counters().get("Login") == 2


@pytest.mark.parametrize(
    "form", [" {host} ", "{host}:{port}", "https://{host}:{port}/", "\t{host}:{port}\n", "{host}."]
)
def test_a_host_is_taken_as_people_write_it(account: SiteAccount, form: str) -> None:
    host = form.format(host="localhost", port=account.port)
    port = 443 if str(account.port) in host else account.port
    connect(replace(account, hostname=host, port=port), REAL).close()


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, b""), (503, b"<html>503</html>"), (200, b"<HTML>The vCenter Server is initialising</HTML>")],
)
def test_services_that_still_start_are_not_ready(account: SiteAccount, vcenter: Any, status: int, body: bytes) -> None:
    class Front(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Front)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(vcenter.certificates.cert, vcenter.certificates.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        error = refusal(replace(account, port=server.server_address[1]))
    finally:
        server.shutdown()
        server.server_close()
    assert error.code == "vcenter_not_ready"
    assert error.remedy.endswith("then rerun.")


def test_a_proxys_password_is_never_reported(account: SiteAccount) -> None:
    error = refusal(replace(account, proxy_host="http://anna:s3cr3t-word@proxy.example:3128"))
    assert error.code == "vcenter_hostname_invalid"
    assert "s3cr3t-word" not in error.sentence()
