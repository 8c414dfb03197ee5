# SPDX-License-Identifier: GPL-3.0-or-later
"""A request and its answer, between the socket and the handlers."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from rehearsal.azure.armpath import ArmPath, parts_of
from rehearsal.azure.errors import refused
from rehearsal.azure.items import Item
from rehearsal.azure.vault import VaultState
from rehearsal.azure.words import same


@dataclass
class Reply:
    """An answer before it is sent. ``body`` is text, already encoded as JSON, or empty."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """One request, and what is known about it. ``target`` is path and query."""

    request: web.Request
    body: bytes
    base_url: str
    path: ArmPath | None = None
    vault: VaultState | None = None
    item: Item | None = None
    operation: str | None = None
    operation_and_direction: str | None = None
    principal: str = ""
    remaining: int | None = None
    activity: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: Set by list handlers: the entries came from a list.
    is_list: bool = False

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def target(self) -> str:
        return self.request.raw_path

    @property
    def url(self) -> str:
        return self.base_url + self.request.raw_path

    @property
    def parts(self) -> list[str]:
        """The path's parts, decoded. Empty ones are passed over, as Resource Manager does."""
        return parts_of(self.request.rel_url.raw_path)

    @property
    def query(self) -> dict[str, str]:
        return {key.lower(): value for key, value in self.request.query.items()}

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def skip_token(self) -> str | None:
        """``skipToken`` in any case, with and without the dollar."""
        return self.query.get("skiptoken") or self.query.get("$skiptoken")

    @property
    def client_request_id(self) -> str:
        return self.request.headers.get("x-ms-client-request-id") or self.activity

    @property
    def ids(self) -> tuple[str, str]:
        return self.client_request_id, self.activity

    @property
    def item_name(self) -> str | None:
        return self.item.name if self.item else None

    @property
    def friendly_name(self) -> str | None:
        return self.item.machine.name if self.item else None

    def name(self, position: int) -> str:
        """The n-th name of the path; 0 is the vault or the VM."""
        assert self.path is not None
        return self.path.names[position]

    def json(self) -> dict[str, Any]:
        """The body as a mapping; empty where there is none. Raises Refused."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise refused(
                400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."
            )
        return value


def find_item(vault: VaultState, name: str) -> Item | None:
    item = vault.items.get(name)
    if item is not None:
        return item
    return next((i for n, i in vault.items.items() if same(n, name)), None)


def parse_form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
