# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as people write them, and what results say and keep to themselves of the connection."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.shell.notices import proxy_secrets, unverified
from ansible_collections.homeward.asr.plugins.module_utils.vcenter.address import address_of


@pytest.mark.parametrize(
    ("text", "port", "found"),
    [
        ("vc.example.org", 443, ("vc.example.org", 443)),
        ("  vc.example.org\n", 443, ("vc.example.org", 443)),
        ("vc.example.org.", 443, ("vc.example.org", 443)),
        ("vc:8443", 443, ("vc", 8443)),
        ("vc:8443", 8443, ("vc", 8443)),
        ("vc", 8443, ("vc", 8443)),
        ("https://vc/", 443, ("vc", 443)),
        ("HTTPS://vc:8443", 443, ("vc", 8443)),
        ("[::1]", 443, ("::1", 443)),
        ("[::1]:8443", 443, ("::1", 8443)),
        ("fe80::1%eth0", 443, ("fe80::1%eth0", 443)),
        ("2001:db8::7", 8443, ("2001:db8::7", 8443)),
        ("10.0.0.1:443", 443, ("10.0.0.1", 443)),
    ],
)
def test_a_host_and_its_port(text: str, port: int, found: tuple[str, int]) -> None:
    assert address_of("hostname", text, "port", port, "https") == found


@pytest.mark.parametrize(
    ("text", "port", "code"),
    [
        ("vc:8443", 9443, "vcenter_port_invalid"),
        ("[::1]:8443", 9443, "vcenter_port_invalid"),
        ("vc:https", 443, "vcenter_port_invalid"),
        ("vc:0", 443, "vcenter_port_invalid"),
        ("vc:70000", 443, "vcenter_port_invalid"),
        ("vc", -1, "vcenter_port_invalid"),
        ("vc:", 443, "vcenter_hostname_invalid"),
        ("[::1", 443, "vcenter_hostname_invalid"),
        ("[vc]", 443, "vcenter_hostname_invalid"),
        ("[::1]8443", 443, "vcenter_hostname_invalid"),
        ("http://vc", 443, "vcenter_hostname_invalid"),
        ("https://vc/sdk", 443, "vcenter_hostname_invalid"),
        ("vc one", 443, "vcenter_hostname_invalid"),
        ("vc,vd", 443, "vcenter_hostname_invalid"),
        (".", 443, "vcenter_hostname_invalid"),
        ("anna:pw@vc", 443, "vcenter_hostname_invalid"),
    ],
)
def test_what_is_no_address_is_named(text: str, port: int, code: str) -> None:
    with pytest.raises(InputError) as caught:
        address_of("hostname", text, "port", port, "https")
    assert caught.value.code == code
    assert "hostname" in caught.value.message or "port" in caught.value.message
    assert caught.value.remedy
    assert "pw" not in caught.value.sentence()


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"hostname": "vc", "validate_certs": False}, True),
        ({"hostname": "vc", "validate_certs": True}, False),
        ({"hostname": None, "validate_certs": False}, False),
        ({}, False),
    ],
)
def test_verification_that_is_off_is_said(params: dict[str, Any], told: bool) -> None:
    assert bool(unverified(params)) is told


def test_passwords_of_proxies_are_known_in_every_spelling() -> None:
    environ = {"https_proxy": "http://bob:p%40ss@proxy:3128", "HTTP_PROXY": "http://proxy:3128", "OTHER": "a:b@c"}
    found = proxy_secrets({"proxy_host": "anna:word@proxy"}, environ)
    assert found == {"anna:word", "word", "bob:p%40ss", "bob:p@ss", "p%40ss", "p@ss"}
    assert proxy_secrets({}, {}) == set()
