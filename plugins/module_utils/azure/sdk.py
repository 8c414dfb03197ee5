# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading Azure's Python packages when they are needed, with one clear sentence where they are not there."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..failback.model.errors import FailbackError

SITE_RECOVERY_PACKAGE = "azure-mgmt-recoveryservicessiterecovery"
#: What it imports beside azure-core.
SITE_RECOVERY_NEEDS = ("azure.mgmt.core", "isodate", "typing_extensions")
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

    Raises FailbackError ``sdk_missing`` or ``sdk_too_old`` (before 2.0 the vault was in the constructor: RUN,
    asr-api.md section 6).
    """
    try:
        import azure.mgmt.recoveryservicessiterecovery as package
    except ImportError as exc:
        raise _missing(SITE_RECOVERY_PACKAGE, exc) from exc
    _new_enough(str(getattr(package, "__version__", "0")))
    return package


def demand_site_recovery() -> None:
    """As ``site_recovery``, without importing it where that can be helped: only what sends operations needs it, and its
    models and operations take 75 ms of CPU."""
    try:
        found = find_spec("azure.mgmt.recoveryservicessiterecovery")
        whole = all(find_spec(name) for name in SITE_RECOVERY_NEEDS)
    except ImportError as exc:
        raise _missing(SITE_RECOVERY_PACKAGE, exc) from exc
    told = None
    if found is not None and found.origin and whole:
        try:
            text = Path(found.origin).with_name("_version.py").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            text = ""
        told = re.search(r"""^VERSION\s*=\s*["']([^"']+)""", text, re.MULTILINE)
    if told is None:
        site_recovery()
    else:
        _new_enough(told.group(1))


def _new_enough(version: str) -> None:
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < 2:
        raise FailbackError(
            "sdk_too_old",
            f"{SITE_RECOVERY_PACKAGE} {version} of {sys.executable} is too old: 2.0.0 or later is required.",
            f"Upgrade it for this interpreter: {INSTALL}",
            {"package": SITE_RECOVERY_PACKAGE, "version": version, "interpreter": sys.executable},
        )


def identity() -> Any:
    """The azure-identity package; FailbackError ``sdk_missing`` where it is not installed."""
    try:
        import azure.identity as package
    except ImportError as exc:
        raise _missing("azure-identity", exc) from exc
    return package


def client(
    credential: Any, subscription_id: str, *, base_url: str, scope: str, transport: Any, policies: list[Any]
) -> Any:
    """The SDK's client for one subscription, with our policies instead of the default ones (policies.py says why)."""
    return site_recovery().SiteRecoveryManagementClient(
        credential, subscription_id, base_url, credential_scopes=[scope], transport=transport, policies=policies
    )


def plain_client(base_url: str, transport: Any, policies: list[Any]) -> Any:
    """A client of azure-core for everything that the SDK does not send."""
    from azure.core import PipelineClient

    return PipelineClient(base_url, transport=transport, policies=policies)


def request(method: str, url: str, content: bytes | None = None) -> Any:
    """A request of azure-core with a JSON body, or none."""
    from azure.core.rest import HttpRequest

    headers = {} if content is None else {"Content-Type": "application/json", "Content-Length": str(len(content))}
    return HttpRequest(method, url, headers=headers, content=content)


def error_type() -> type[Exception]:
    """The root of azure-core's exceptions."""
    from azure.core.exceptions import AzureError

    return AzureError
