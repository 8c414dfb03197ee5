# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the service and of libraries, made fit to be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..failback.model.texts import LONGEST, printable

HIDDEN = "***"

_RULES = (
    # Operation links carry signed query values t, c, s and h (SEEN RCM, CLI-vault): no query of any link is shown.
    (re.compile(r"((?:https?://|/)[^\s?\"'<>]*)\?[^\s\"'<>]+"), rf"\1?{HIDDEN}"),
    # A user and a password before the host of a link, a proxy's for example.
    (re.compile(r"(://)[^\s/@\"'<>]+@"), rf"\1{HIDDEN}@"),
    # The same values without the link in front.
    (re.compile(r"(?<![\w-])(t|c|s|h|sig|signature)=[\w%.+/-]{16,}={0,2}", re.IGNORECASE), rf"\1={HIDDEN}"),
    (
        re.compile(
            r"(client_secret|client_assertion|access_token|refresh_token|password)([\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(Bearer\s+)[\w.~+/-]+=*", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), HIDDEN),
)


def redact(text: object, secrets: Iterable[str | None] = ()) -> str:
    """``text`` without signed query values, tokens and the given secrets."""
    shown = str(text)
    for secret in secrets:
        if secret:
            shown = shown.replace(secret, HIDDEN)
    for pattern, replacement in _RULES:
        shown = pattern.sub(replacement, shown)
    return shown


def one_line(text: object, secrets: Iterable[str | None] = (), limit: int = LONGEST) -> str:
    """``text`` as one redacted and clean line, cut at ``limit`` characters, without a full stop at the end."""
    shown = " ".join(printable(redact(text, secrets)).split())
    if len(shown) > limit:
        return shown[: limit - 3].rstrip() + "..."
    return shown.rstrip(".")
