# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names and ports as users write them: with blanks, with a port, with brackets, as the front of a link. Pure."""

from __future__ import annotations

import ipaddress
import re

from ..failback.model.errors import InputError

#: The default port.
USUAL = {"port": 443, "proxy_port": None}

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?\Z")


def address_of(option: str, text: str, port_option: str, port: int | None, scheme: str) -> tuple[str, int | None]:
    """The host and port meant by an option. ``scheme`` is what may be before it, such as ``https``.

    Raises InputError ``vcenter_hostname_invalid`` or ``vcenter_port_invalid``. A value with a user name in it is never
    repeated: a password may be beside it.
    """
    if "@" in text:
        raise InputError(
            "vcenter_hostname_invalid",
            f"`{option}` contains a user name or a password, which is not allowed there.",
            f"Set `{option}` to the name or address only.",
        )
    wrong = InputError(
        "vcenter_hostname_invalid",
        f"{option}={text!r} is not a host name.",
        f"Set `{option}` to a name or an address only, and `{port_option}` to the port.",
    )
    host, rest = text.strip(), ""
    if host.lower().startswith(f"{scheme}://"):
        host = host[len(scheme) + 3 :]
        host = host.removesuffix("/")
    if "/" in host:
        raise wrong
    if host.startswith("["):
        host, closed, rest = host[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or not _is_v6(host):
            raise wrong
        rest = rest[1:] if rest else ""
        if text.strip().endswith("]:"):
            raise wrong
    elif host.count(":") == 1:
        host, _colon, rest = host.partition(":")
        if not rest:
            raise wrong
    elif ":" in host and not _is_v6(host):
        raise wrong
    if ":" not in host:
        if not _NAME.match(host):
            raise wrong
        # A certificate never names the root's dot.
        host = host.removesuffix(".")
    found = _port(option, port_option, rest, port)
    return host, found


def _is_v6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.partition("%")[0]).version == 6
    except ValueError:
        return False


def _port(option: str, port_option: str, inside: str, given: int | None) -> int | None:
    """One port out of two places that may name it."""
    if inside and not (inside.isascii() and inside.isdigit()):
        raise InputError(
            "vcenter_port_invalid",
            f"The port {inside!r} in `{option}` is not a number.",
            f"Set the port in `{port_option}`.",
        )
    if inside and given not in (None, USUAL.get(port_option), int(inside)):
        raise InputError(
            "vcenter_port_invalid",
            f"`{option}` contains the port {int(inside)}, but {port_option} is {given}.",
            "Set the port in one place only.",
        )
    port = int(inside) if inside else given
    if port is not None and not 0 < port < 65536:
        raise InputError(
            "vcenter_port_invalid", f"{port_option}={port} is not a port.", f"Set `{port_option}` to 1 to 65535."
        )
    return port
