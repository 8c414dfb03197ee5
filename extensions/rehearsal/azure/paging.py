# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of lists: ``{"value": [...], "nextLink": null}``, with an opaque, signed skip token (SEEN as an envelope)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote

from rehearsal.azure.errors import refused

_KEY = secrets.token_bytes(32)


def sign(text: str) -> str:
    digest = hmac.new(_KEY, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def make_token(kind: str, position: int) -> str:
    plain = f"{kind}|{position}"
    return base64.urlsafe_b64encode(f"{plain}|{sign(plain)[:16]}".encode()).decode().rstrip("=")


def read_token(kind: str, token: str) -> int:
    """The position in a token made for the same list. Raises Refused for any other text."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        made_for, position, signature = text.rsplit("|", 2)
        if made_for == kind and hmac.compare_digest(signature, sign(f"{made_for}|{position}")[:16]):
            return int(position)
    except (ValueError, UnicodeDecodeError):
        pass
    raise refused(400, "InvalidSkipToken", "The skipToken of the request is not one this list gave out.")


def page_text(entries: list[str], next_link: str | None) -> str:
    link = "null" if next_link is None else f'"{next_link}"'
    return f'{{"value":[{",".join(entries)}],"nextLink":{link}}}'


def next_link(base: str, path: str, query: dict[str, str], token: str) -> str:
    kept = "&".join(
        f"{quote(k, safe='$')}={quote(v)}" for k, v in query.items() if k.lower().lstrip("$") != "skiptoken"
    )
    return f"{base}{path}?{kept}&skipToken={token}"
