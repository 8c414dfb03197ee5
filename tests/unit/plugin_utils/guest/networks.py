# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys of guests as roles/guest_network/files/guest.sh prints them, made of the parts a test is about."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Any

KEYFILE = """\
[connection]
id=lan
uuid=6b1f6d0f-53a1-4a2b-9d3c-0f4d2f6a1e11
type=ethernet
interface-name=eth0

[ipv4]
method=manual
address1=10.1.2.3/24,10.1.2.1
dns=10.1.0.53;
"""
LAN = "/etc/NetworkManager/system-connections/lan.nmconnection"
FSTAB = "UUID=1111-2222 / ext4 defaults 0 1\n/dev/vg0/data /data xfs defaults 0 0\n"
HOME: dict[str, Any] = {
    "user": "0",
    "dmi": "sys_vendor=VMware, Inc.\nproduct_name=VMware Virtual Platform\nchassis_asset_tag=No Asset Tag",
    "azure": "",
    "hostname": "web01",
    "links": "1 lo 00:00:00:00:00:00 virtual\n2 eth0 00:50:56:00:00:01 physical",
    "addresses": "1: lo    inet 127.0.0.1/8 scope host lo\n"
    "2: eth0    inet 10.1.2.3/24 brd 10.1.2.255 scope global noprefixroute eth0\\       valid_lft forever preferred_lft forever\n"
    "2: eth0    inet6 fe80::250:56ff:fe00:1/64 scope link \\       valid_lft forever preferred_lft forever",
    "routes": "default via 10.1.2.1 dev eth0 proto static metric 100 \n10.1.2.0/24 dev eth0 proto kernel scope link src 10.1.2.3",
    "resolver": "search example.com\nnameserver 10.1.0.53",
    "services": "NetworkManager.service enabled active\nsystemd-networkd.service disabled inactive",
    "packages": "NetworkManager 1.18-8.el7",
    "files": {LAN: KEYFILE, "/etc/hostname": "web01\n"},
    "kept": {},
    "kept_packages": "",
    "storage": {"/etc/fstab": FSTAB},
    "kept_storage": {},
    "blocks": "1111-2222\nsda1",
    "mappers": "control\nvg0/data\nvg0-data",
    "volumes": "VG vg0 aaaa 1 0\nLV vg0 data bbbb 1073741824 active",
    "tools": "vmtoolsd.service enabled active",
    "agents": "",
    "pending": "",
    "end": "ok",
}


def survey(**parts: Any) -> str:
    """A machine at home with NetworkManager, with these sections instead."""
    return "".join(f"\n#=# {name}\n{_section(value)}\n" for name, value in {**HOME, **parts}.items())


def azure_style(**parts: Any) -> str:
    """The same machine as recovery leaves it: no NetworkManager, DHCP by networkd, fstab altered."""
    broken: dict[str, Any] = {
        "addresses": "2: eth0    inet 10.1.2.90/24 brd 10.1.2.255 scope global dynamic eth0\\       valid_lft 86000sec preferred_lft 86000sec",
        "routes": "default via 10.1.2.1 dev eth0 proto dhcp src 10.1.2.90 metric 1024",
        "services": "systemd-networkd.service enabled active",
        "packages": "",
        "files": {
            "/etc/hostname": "web01\n",
            "/etc/systemd/network/10-azure.network": "[Match]\nName=eth0\n[Network]\nDHCP=yes\n",
        },
        "kept": {LAN: KEYFILE},
        "kept_packages": "NetworkManager 1.18-8.el7",
        "storage": {"/etc/fstab": FSTAB + "/dev/sdb1 /mnt auto nofail 0 2\n"},
    }
    return survey(**{**broken, **parts})


def _section(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    lines = []
    for path, text in value.items():
        mode = "600" if "system-connections" in path else "644"
        lines.append(f"FILE\t{mode}\troot:root\t{len(text.encode())}\t.{path}")
    content = "".join(value.values()).encode()
    return "\n".join([*lines, f"DATA\t{base64.b64encode(gzip.compress(content)).decode()}"])
