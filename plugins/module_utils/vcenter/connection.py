# SPDX-License-Identifier: GPL-3.0-or-later
"""Who we are for vCenter, and a verified connection to it."""

from __future__ import annotations

import atexit
import http.client
import os
import socket
import ssl
from dataclasses import replace
from typing import Any

from ..failback.model.errors import ConnectionFailed, InputError
from ..failback.model.ports import Clock
from ..tls.contexts import kept
from . import pyvmomi
from .account import SiteAccount
from .address import address_of
from .site import Site

#: Seconds for the first contact, and for any single SOAP call.
FIRST_CONTACT_TIMEOUT = 20.0
CALL_TIMEOUT = 180

#: Answers of the proxy in front of a vCenter whose services do not run.
NOT_READY = frozenset({502, 503, 504})


def tls_context(account: SiteAccount) -> ssl.SSLContext:
    """The TLS rules of the connection.

    Always explicit: without a context pyVmomi skips verification for localhost (SEEN vcenter-simulator.md 2.8). The
    default context reads the system's roots and honours SSL_CERT_FILE.
    """
    if not account.validate_certs:
        # Without the system's authorities, which take 30 ms of CPU to parse.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        return trusting(account.ca_path)
    except (OSError, ssl.SSLError) as exc:
        raise InputError(
            "ca_path_unusable",
            f"The certificates in ca_path={account.ca_path!r} cannot be read: {exc}.",
            "Set it to the path of a PEM file with the certificate authority of your vCenter.",
        ) from exc


def trusting(ca_path: str | None) -> ssl.SSLContext:
    """The context that trusts ``ca_path``, else the system's authorities or those of the variables that OpenSSL reads.

    They are parsed once. Raises OSError or ssl.SSLError for what cannot be read.
    """
    system = ssl.get_default_verify_paths()
    # Without the variables OpenSSL reads the system's own; a run lasts for days, in which they may be updated.
    paths = [
        os.environ.get("SSL_CERT_FILE") or system.openssl_cafile,
        os.environ.get("SSL_CERT_DIR") or system.openssl_capath,
    ]
    return kept(_trusting, ca_path or "", paths)


def _trusting(path: str) -> ssl.SSLContext:
    if path and os.path.isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path or None)


_VARIABLES = {"hostname": "VMWARE_HOST", "username": "VMWARE_USER", "password": "VMWARE_PASSWORD"}


def _demand(account: SiteAccount) -> None:
    for option in _VARIABLES:
        if not str(getattr(account, option) or "").strip():
            raise InputError(
                "vcenter_option_missing",
                f"The vCenter option `{option}` is empty.",
                f"Set `{option}` or {_VARIABLES[option]}.",
            )


def plain_account(account: SiteAccount) -> SiteAccount:
    """The account with host names and ports as they are connected to. Raises InputError naming the option."""
    _demand(account)
    host, port = address_of("hostname", account.hostname, "port", account.port, "https")
    proxy, proxy_port = None, account.proxy_port
    if account.proxy_host and account.proxy_host.strip():
        proxy, proxy_port = address_of("proxy_host", account.proxy_host, "proxy_port", account.proxy_port, "http")
    return replace(account, hostname=host, port=port or 443, proxy_host=proxy, proxy_port=proxy_port)


def _why(exc: Exception) -> str:
    """The system's reason without its number; a time-out carries neither."""
    return str(getattr(exc, "strerror", None) or exc or type(exc).__name__)


def _first_contact(account: SiteAccount, context: ssl.SSLContext) -> None:
    """Fetch vCenter's version document once, to distinguish the reasons for a failure.

    pyVmomi does the same a moment later, but without a time-out and with the causes blurred.
    """
    if account.proxy_host:
        web = http.client.HTTPSConnection(
            account.proxy_host, account.proxy_port or 80, timeout=FIRST_CONTACT_TIMEOUT, context=context
        )
        web.set_tunnel(account.hostname, account.port)
        way = f" through the proxy {account.proxy_host}:{account.proxy_port or 80}"
        remedy = "Check `hostname`, `port`, `proxy_host`, `proxy_port` and the network."
    else:
        web = http.client.HTTPSConnection(
            account.hostname, account.port, timeout=FIRST_CONTACT_TIMEOUT, context=context
        )
        way = ""
        remedy = "Check `hostname`, `port` and the network."
    try:
        web.request("GET", "/sdk/vimServiceVersions.xml")
        answer = web.getresponse()
        status = answer.status
        if status == http.client.OK and b"<html" in answer.read(4096).lower():
            # A page where the list of versions is due: vCenter's own front while it initialises.
            status = http.client.SERVICE_UNAVAILABLE
    except ssl.SSLCertVerificationError as exc:
        raise ConnectionFailed(
            "vcenter_certificate_not_trusted",
            f"The certificate of vCenter {account.address} (`hostname`) is not trusted: {exc.verify_message}.",
            "Set `ca_path` (or SSL_CERT_FILE) to the certificate authority's PEM file; `{set:validate_certs=false}` "
            "turns the check off.",
        ) from exc
    except socket.gaierror as exc:
        raise ConnectionFailed(
            "vcenter_unreachable",
            f"The name in hostname={account.hostname!r} cannot be resolved{way}: {exc.strerror}.",
            remedy,
        ) from exc
    except ssl.SSLError as exc:
        raise ConnectionFailed(
            "vcenter_unreachable",
            f"No TLS connection to vCenter {account.address} (`hostname`){way}: {exc.reason or exc}.",
            remedy,
        ) from exc
    except (OSError, http.client.HTTPException) as exc:
        raise ConnectionFailed(
            "vcenter_unreachable",
            f"vCenter {account.address} (`hostname`) cannot be reached{way}: {_why(exc)}.",
            remedy,
        ) from exc
    finally:
        web.close()
    if status in NOT_READY:
        raise ConnectionFailed(
            "vcenter_not_ready",
            f"vCenter {account.address} is not ready (HTTP {status}): its services are still starting or are stopped.",
            "Wait until its services are running (see vCenter's management page), then rerun.",
        )
    if status != 200:
        raise ConnectionFailed(
            "vcenter_unreachable",
            f"{account.address} (`hostname`) answers, but is not a vCenter (HTTP {status} for its list of versions).",
            remedy,
        )


def connect(account: SiteAccount, clock: Clock) -> Site:
    """Log in and return the site. The session is closed by ``Site.close`` or when the process ends.

    Raises InputError (``vcenter_option_missing``, ``vcenter_hostname_invalid``, ``vcenter_port_invalid``,
    ``ca_path_unusable``), ConnectionFailed (``vcenter_unreachable``, ``vcenter_not_ready``,
    ``vcenter_certificate_not_trusted``, ``vcenter_login_failed``) and FailbackError (``pyvmomi_missing``).
    """
    site = Site(_login(account), clock, lambda: _login(account))
    atexit.register(site.close)
    return site


def _login(account: SiteAccount) -> Any:
    """A new session; raises what ``connect`` says."""
    pyvmomi.require()
    account = plain_account(account)
    context = tls_context(account)
    _first_contact(account, context)
    try:
        return pyvmomi.SmartConnect(
            host=account.hostname,
            port=account.port,
            user=account.username,
            pwd=account.password,
            sslContext=context,
            httpProxyHost=account.proxy_host,
            httpProxyPort=account.proxy_port or 80,
            httpConnectionTimeout=CALL_TIMEOUT,
        )
    except pyvmomi.vim.fault.InvalidLogin as exc:
        raise ConnectionFailed(
            "vcenter_login_failed",
            f"vCenter {account.address} does not accept the account {account.username!r}.",
            "Check `username` (with its domain, such as name@vsphere.local) and `password`.",
        ) from exc
    except pyvmomi.vim.fault.NoPermission as exc:
        raise ConnectionFailed(
            "vcenter_login_failed",
            f"The account {account.username!r} may not log in to vCenter {account.address}.",
            "Give the account in `username` a role on the inventory, then rerun.",
        ) from exc
    except Exception as exc:
        raise pyvmomi.explain(exc, f"log in to {account.address}") from exc
