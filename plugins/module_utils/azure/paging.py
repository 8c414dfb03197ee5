# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in pages: complete, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..failback.model.errors import ReadFailed
from .clouds import NAMED

#: A list is started again this many times in all when its pages do not fit together.
ATTEMPTS = 3

#: No list of ours is longer; a chain of links that is would never end.
MAX_PAGES = 1000


class _Broken(Exception):
    """Pages that cannot be the list: a sentence fragment saying why."""


def same_service(link: str, endpoint: str) -> bool:
    """True when ``link`` leads to the endpoint itself or to a regional host of the same service, over https.

    Links may name a regional host such as centraluseuap.management.azure.com (SEEN). A token must never go elsewhere.
    """
    try:
        ours, theirs = urlsplit(endpoint), urlsplit(link)
        same_port = (ours.port or 443) == (theirs.port or 443)
    except ValueError:
        return False
    if theirs.scheme != "https" or theirs.username is not None or not same_port:
        return False
    host, target = (ours.hostname or "").lower(), (theirs.hostname or "").lower()
    for cloud in NAMED.values():
        known = urlsplit(cloud.endpoint).hostname or ""
        # A regional endpoint may hand out links to the global one, and the other way round.
        if host == known or host.endswith(f".{known}"):
            return target == known or target.endswith(f".{known}")
    return bool(host) and (target == host or target.endswith(f".{host}"))


def _read_once(fetch: Callable[[str], Any], first: str, endpoint: str, what: str) -> list[Any]:
    entries: list[Any] = []
    links: set[str] = {first}
    pages: set[str] = set()
    ids: set[str] = set()
    url = first
    while True:
        page = fetch(url)
        values = page.get("value") if isinstance(page, Mapping) else None
        if not isinstance(values, list) or not all(isinstance(entry, Mapping) for entry in values):
            raise _Broken("a page has no list of entries")
        if values:
            print_of_page = json.dumps(values, sort_keys=True) if not values[0].get("id") else ""
            if print_of_page in pages:
                raise _Broken("a page was returned twice")
            if print_of_page:
                pages.add(print_of_page)
        for entry in values:
            key = str(entry.get("id") or "").lower()
            if key and key in ids:
                raise _Broken(f"'{key.rpartition('/')[2]}' was returned twice")
            ids.add(key)
        entries.extend(values)
        link = page.get("nextLink")
        if not link:
            return entries
        if not isinstance(link, str):
            raise _Broken("the link to the next page is not a string")
        url = urljoin(url, link)
        if not same_service(url, endpoint):
            raise ReadFailed(
                "read_failed",
                f"In {what}, the link to the next page points to another host, '{urlsplit(url).hostname}'.",
                "Check resource_manager_endpoint and any proxy between here and Azure.",
            )
        if url in links:
            raise _Broken("a link to the next page was returned twice")
        if len(links) >= MAX_PAGES:
            raise _Broken(f"there are more than {MAX_PAGES} pages")
        links.add(url)


def collect(fetch: Callable[[str], Any], first: str, endpoint: str, what: str, attempts: int = ATTEMPTS) -> list[Any]:
    """All entries of the list that begins at the URL ``first``, in the service's order.

    ``fetch`` gives the JSON at a URL or raises; ``what`` names the list in errors. Pages that repeat, overlap or hold
    no ``value`` are never trusted: the whole list is read again, ``attempts`` times in all, then ReadFailed.
    Machines that move between pages while they are read look the same and are handled the same way.
    """
    reason = ""
    for _attempt in range(attempts):
        try:
            return _read_once(fetch, first, endpoint, what)
        except _Broken as broken:
            reason = str(broken)
    raise ReadFailed(
        "read_failed",
        f"Azure's answer for {what} cannot be trusted: {reason}, {attempts} times in a row.",
        "Rerun in a few minutes.",
    )
