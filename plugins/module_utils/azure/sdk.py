# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading Azure's Python packages when they are needed, with one clear sentence where they are not there."""

from __future__ import annotations

import logging
import sys
from typing import Any

from ..failback.model.errors import FailbackError

SITE_RECOVERY_PACKAGE = "azure-mgmt-recoveryservicessiterecovery"
INSTALL = f"pip install '{SITE_RECOVERY_PACKAGE}>=2.0.0,<3' azure-identity"


def _missing(package: str, exc: ImportError) -> FailbackError:
    return FailbackError(
        "sdk_missing",
        f"The Python package {package} cannot be imported by {sys.executable}: {exc}.",
        f"Install it for this interpreter: {INSTALL}",
        {"package": package, "interpreter": sys.executable, "import_error": str(exc)},
    )


def site_recovery() -> Any:
    """The Site Recovery SDK, 2.0.0 or later.

    Raises FailbackError ``sdk_missing`` or ``sdk_too_old`` (before 2.0 the vault stood in the constructor: RUN,
    asr-api.md section 6).
    """
    try:
        import azure.mgmt.recoveryservicessiterecovery as package
    except ImportError as exc:
        raise _missing(SITE_RECOVERY_PACKAGE, exc) from exc
    version = str(getattr(package, "__version__", "0"))
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < 2:
        raise FailbackError(
            "sdk_too_old",
            f"{SITE_RECOVERY_PACKAGE} {version} of {sys.executable} is too old: 2.0.0 or later is needed.",
            f"Upgrade it for this interpreter: {INSTALL}",
            {"package": SITE_RECOVERY_PACKAGE, "version": version, "interpreter": sys.executable},
        )
    return package


def identity() -> Any:
    """The azure-identity package; FailbackError ``sdk_missing`` where it is not installed."""
    try:
        import azure.identity as package
    except ImportError as exc:
        raise _missing("azure-identity", exc) from exc
    return package


def session(pool: int) -> Any:
    """A requests session for many threads, without retries of its own and deaf to netrc.

    requests would put a netrc entry for the host in place of our Authorization header; an ``auth`` of the session that
    does nothing keeps it from looking.
    """
    import requests
    from requests.adapters import HTTPAdapter

    for name in ("azure", "msal"):
        # Without a handler Python would print the libraries' warnings beside the module's result.
        logging.getLogger(name).addHandler(logging.NullHandler())
    made = requests.Session()
    made.auth = lambda request: request
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=pool, max_retries=0)
    made.mount("https://", adapter)
    return made


def client(
    credential: Any,
    subscription_id: str,
    *,
    base_url: str,
    scope: str,
    http: Any,
    ca_path: str | None,
    connect_timeout: float,
    read_timeout: float,
) -> Any:
    """The SDK's client for one subscription over the shared session ``http``.

    Its pipeline is left empty on purpose: the SDK's own policies send POSTs again by themselves (429, 500, 503, 504),
    do not recover from a plain 401 (RUN, asr-api.md section 6) and may register resource providers unasked.
    ``transport`` does those jobs by rules that suit operations which must never be accepted twice.
    """
    package = site_recovery()
    from azure.core.pipeline.transport import RequestsTransport

    transport = RequestsTransport(
        session=http,
        session_owner=False,
        connection_verify=ca_path or True,
        connection_timeout=connect_timeout,
        read_timeout=read_timeout,
    )
    return package.SiteRecoveryManagementClient(
        credential, subscription_id, base_url, credential_scopes=[scope], transport=transport, policies=[]
    )


def request(method: str, url: str, headers: dict[str, str], content: bytes | None) -> Any:
    """A request of azure-core."""
    from azure.core.rest import HttpRequest

    return HttpRequest(method, url, headers=headers, content=content)


def error_type() -> type[Exception]:
    """The root of azure-core's exceptions."""
    from azure.core.exceptions import AzureError

    return AzureError
