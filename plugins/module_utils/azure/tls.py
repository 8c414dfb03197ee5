# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connections to Azure trust."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

from ..tls.contexts import kept

#: Variables that name the trusted authorities where ca_path does not, as requests reads them.
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def context(ca_path: str | None = None, environment: Mapping[str, str] | None = None) -> ssl.SSLContext:
    """The context that trusts ``ca_path``, else what the variables name, else the authorities that requests brings along.

    The file is parsed once for all callers. Raises OSError for a file that is not there or holds no certificate in PEM form.
    """
    known = os.environ if environment is None else environment
    path = ca_path or next((known[name] for name in VARIABLES if known.get(name)), "") or _bundled()
    try:
        return kept(_load, path)
    except OSError as exc:
        # failures.ca_unusable knows these words: they are those of requests.
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {path}") from exc


def _bundled() -> str:
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return str(DEFAULT_CA_BUNDLE_PATH)


def _load(path: str) -> ssl.SSLContext:
    try:
        from urllib3.util.ssl_ import create_urllib3_context
    except ImportError:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        made = create_urllib3_context()
    if os.path.isdir(path):
        made.load_verify_locations(capath=path)
    else:
        made.load_verify_locations(cafile=path)
    return made
