# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport below azure-core's pipelines: one pool of connections, one TLS context, nothing sent twice.

It is an azure-core ``HttpTransport`` over urllib3, which azure-core's own transport uses too,
by way of requests: merging a session's settings, proxies and cookies into each request costs more CPU there than the
request itself (1.1 ms against 0.5). Proxies come from the variables that requests reads. A netrc file is never read.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from . import tls

#: Connections kept for threads that send side by side.
POOL = 32


class Lost(Exception):
    """A request without an answer; ``cause`` is what the library says."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Answer:
    """A whole answer, in the shape that azure-core and the SDK's operations read."""

    def __init__(self, request: Any, status: int, headers: Mapping[str, str], reason: str, content: bytes) -> None:
        self.request = request
        self.status_code = status
        self.headers = headers
        self.reason = reason
        self.content = content

    @property
    def content_type(self) -> str | None:
        return self.headers.get("content-type")

    def read(self) -> bytes:
        return self.content

    def iter_bytes(self, **options: Any) -> Iterator[bytes]:
        return iter((self.content,))

    def text(self, encoding: str | None = None) -> str:
        return self.content.decode(encoding or "utf-8", "replace")


def adapter(context: Callable[[], ssl.SSLContext], pool: int = POOL) -> Any:
    """An adapter of requests whose connections share the context, made at its first use. It never repeats a request."""
    from requests.adapters import HTTPAdapter

    lock = threading.Lock()

    class SharedAdapter(HTTPAdapter):
        trusts = False

        def ready(self) -> None:
            with lock:
                if not self.trusts:
                    self.init_poolmanager(4, pool, ssl_context=context())
                    self.trusts = True

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            options.setdefault("ssl_context", context())
            return super().proxy_manager_for(proxy, **options)

        def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
            host, _options = super().build_connection_pool_key_attributes(request, True, cert)
            return host, {"cert_reqs": "CERT_REQUIRED"}

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            # The context holds the trusted certificates: requests would load the bundle again for every connection.
            conn.cert_reqs = "CERT_REQUIRED"

        def send(self, *given: Any, **options: Any) -> Any:
            self.ready()
            return super().send(*given, **options)

    return SharedAdapter(pool_connections=4, pool_maxsize=pool, max_retries=0)


def login_transport(ca_path: str | None, connect_timeout: float, read_timeout: float) -> Any:
    """azure-core's own transport for azure-identity, over the shared context and deaf to netrc."""
    import requests

    from azure.core.pipeline.transport import RequestsTransport

    silence()
    session = requests.Session()
    # requests would put a netrc entry for the host in place of an Authorization header.
    session.auth = lambda request: request
    session.mount("https://", adapter(lambda: tls.context(ca_path)))
    return RequestsTransport(
        session=session, session_owner=False, connection_timeout=connect_timeout, read_timeout=read_timeout
    )


def silence() -> None:
    """Without a handler Python would print the libraries' warnings beside the module's result."""
    for name in ("azure", "msal", "urllib3"):
        logging.getLogger(name).addHandler(logging.NullHandler())


class Wire:
    """Sends what it is given, once. ``timeouts`` are the seconds for a connection and for the next bytes of an answer."""

    def __init__(self, ca_path: str | None, timeouts: tuple[float, float]) -> None:
        import urllib3

        silence()
        self._lost = (urllib3.exceptions.HTTPError, OSError, ValueError)
        self._timeout = urllib3.Timeout(connect=timeouts[0], read=timeouts[1])
        self._adapter = adapter(lambda: tls.context(ca_path))
        self._pools: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def open(self) -> None:
        """Connections are opened when they are needed."""

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def _pool(self, url: str) -> Any:
        """The connections to a URL's host, through the proxy that the environment names for it."""
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        with self._lock:
            if key not in self._pools:
                from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy

                proxy = select_proxy(url, get_environ_proxies(url, no_proxy=None))
                if proxy:
                    manager = self._adapter.proxy_manager_for(prepend_scheme_if_needed(proxy, "http"))
                else:
                    self._adapter.ready()
                    manager = self._adapter.poolmanager
                self._pools[key] = manager.connection_from_host(parts.hostname, parts.port, parts.scheme)
            return self._pools[key]

    def send(self, request: Any, **options: Any) -> Answer:
        """One request of azure-core and its whole answer; raises Lost."""
        parts = urlsplit(request.url)
        content = request.content
        try:
            reply = self._pool(request.url).request(
                request.method,
                parts.path + (f"?{parts.query}" if parts.query else ""),
                body=content.encode("utf-8") if isinstance(content, str) else content,
                headers=dict(request.headers),
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
                # An answer that ends before its own length is no answer.
                enforce_content_length=True,
            )
            return Answer(request, reply.status, reply.headers, reply.reason or "", reply.data)
        except self._lost as exc:
            raise Lost(exc) from exc
