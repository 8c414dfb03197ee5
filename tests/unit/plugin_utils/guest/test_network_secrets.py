# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets stay on the machine, and come back from there."""

from __future__ import annotations

import pytest

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.secrets import MARK, fill, redact

S = "hunter2,with}odd chars"
PLAIN = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={S}\n",
        f"[802-1x]\nidentity=me\npassword={S}\nprivate-key-password={S}\n",
        f"[802-1x]\nphase2-private-key-password={S}\nca-cert-password={S}\npassword-raw={S}\n",
        f"[vpn-secrets]\nIPSec secret={S}\nanything={S}\n",
        f"[wireguard]\nprivate-key={S}\n\n[wireguard-peer.abc=]\npreshared-key={S}\n",
        f"[wifi-security]\nwep-key0={S}\nwep-key1={S}\nleap-password={S}\n",
        f"[gsm]\npin={S}\npassword={S}\n",
        f"[macsec]\nmka-cak={S}\n",
        f"network:\n  wifis:\n    w0:\n      access-points:\n        home:\n          password: {S}\n",
        f'network:\n  wifis:\n    w0:\n      access-points:\n        home: {{auth: {{key-management: psk, password: "{S}"}}}}\n',
        f"network:\n  wifis:\n    w0:\n      access-points:\n        home: {{password: {PLAIN}}}\n",
        f"auth:\n  password: |\n    {S}\n    more {S}\n  identity: me\n",
        f"tunnels:\n  wg0:\n    keys: {{private: {PLAIN}}}\n    peers:\n      - keys:\n          shared: x\n",
        f"tunnels:\n  wg0:\n    key: {PLAIN}\n",
        f"[WireGuard]\nPrivateKey={S}\n[WireGuardPeer]\nPresharedKey={S}\n",
        f"DEVICE=eth0\nIEEE_8021X_PASSWORD='{S}'\nIEEE_8021X_PRIVATE_KEY_PASSWORD=\"{S}\"\nWPA_PSK={S}\nKEY1=s:{S}\n",
        f"iface w0 inet dhcp\n  wpa-psk {S}\n  wpa-ssid home\n  wireless-key1 {S}\n  wpa-password {S}\n",
        f"//nas/x /x cifs username=me,password={PLAIN},vers=3 0 0\n//nas/y /y cifs user=me,pass={PLAIN} 0 0\n",
        f"# psk={S}\n#password: {S}\n",
    ],
)
def test_no_secret_is_left_and_all_come_back(text: str) -> None:
    plain = redact(text)
    assert "hunter2" not in plain
    assert MARK in plain
    assert redact(plain) == plain
    assert fill(plain, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "[connection]\nid=lan\nuuid=1\n\n[ipv4]\naddress1=10.1.2.3/24,10.1.2.1\nmethod=manual\n",
        "[wifi-security]\nkey-mgmt=wpa-psk\npsk-flags=1\n",
        "network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses: [10.1.2.3/24]\n      routes: [{to: default, via: 10.1.2.1}]\n",
        "iface eth0 inet static\n  address 10.1.2.3/24\n  gateway 10.1.2.1\n",
        "[WireGuardPeer]\nPublicKey=abc\n",
        "UUID=1111-2222 / ext4 defaults 0 1\n",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_an_edited_line_keeps_the_secret_beside_it() -> None:
    original = "[wifi]\nssid=a\n[wifi-security]\npsk=one\n[vpn]\npassword=two\n"
    edited = redact(original).replace("ssid=a", "ssid=b")
    assert fill(edited, original) == original.replace("ssid=a", "ssid=b")


def test_a_secret_that_is_not_kept_stays_a_mark() -> None:
    assert MARK in fill(f"[vpn]\npassword={MARK}\n", "[wifi]\npassword=other\n")
