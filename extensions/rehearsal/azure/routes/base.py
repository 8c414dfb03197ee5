# SPDX-License-Identifier: GPL-3.0-or-later
"""What all routes share: the table, the resource a path names, pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from rehearsal.azure.call import Call, Reply
from rehearsal.azure.compute import Compute
from rehearsal.azure.deployments import Deployments
from rehearsal.azure.engine import Engine
from rehearsal.azure.errors import item_not_found
from rehearsal.azure.items import Item
from rehearsal.azure.ledger import Ledger
from rehearsal.azure.paging import make_token, next_link, page_text, read_token
from rehearsal.azure.resourcegroups import AzureResources
from rehearsal.azure.vault import VaultState
from rehearsal.azure.words import dumps, same
from rehearsal.azure.world import World
from rehearsal.fleet import stable_uuid

Handler = Callable[["Service", Call], Awaitable[Reply]]

#: Method and path without names, in lower case -> handler.
ROUTES: dict[tuple[str, str], Handler] = {}


class Service:
    """What handlers need."""

    def __init__(self, world: World, engine: Engine, ledger: Ledger) -> None:
        self.world = world
        self.engine = engine
        self.ledger = ledger
        self.compute = Compute(world)
        self.estate = AzureResources(world)
        self.deployments = Deployments(self.estate)
        #: What scripts run inside Azure VMs have printed, by operation.
        self.run_commands: dict[str, Any] = {}
        #: Answers of what-if that nobody has fetched yet.
        self.what_ifs: dict[str, Any] = {}
        #: The directory that the subscriptions trust.
        self.tenant = stable_uuid("tenant", world.fleet.name)


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        ROUTES[(method, path)] = handler
        return handler

    return keep


RSV = "microsoft.recoveryservices/vaults"
VAULT = f"{RSV}/*"
FABRIC = f"{VAULT}/replicationfabrics/*"
CONTAINER = f"{FABRIC}/replicationprotectioncontainers/*"
ITEM = f"{CONTAINER}/replicationprotecteditems/*"


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, body if isinstance(body, str) else dumps(body), headers)


def vault_of(call: Call) -> VaultState:
    assert call.vault is not None
    return call.vault


def fabric_of(call: Call) -> VaultState:
    """The vault, once the fabric's name in the path is right."""
    vault = vault_of(call)
    if not same(call.name(1), vault.fabric):
        raise item_not_found(call.name(1), call.ids)
    return vault


def container_of(call: Call) -> VaultState:
    vault = fabric_of(call)
    # A modernized item names its points under another container than its own (SEEN); such an id can be read too (INFER).
    if not same(call.name(2), vault.container) and not same(call.name(2), vault.cloud):
        raise item_not_found(call.name(2), call.ids)
    return vault


def item_of(call: Call) -> Item:
    container_of(call)
    if call.item is None:
        raise item_not_found(call.name(3), call.ids)
    return call.item


def page(service: Service, call: Call, kind: str, entries: list[Any], encode: Callable[[Any], str]) -> Reply:
    """One page of a list; the token holds the position of the next one."""
    call.is_list = True
    size = max(1, service.world.settings.page_size)
    token = call.skip_token
    start = read_token(kind, token) if token else 0
    end = start + size
    link = None
    if end < len(entries):
        link = next_link(call.base_url, call.request.rel_url.raw_path, dict(call.request.query), make_token(kind, end))
    return reply(page_text([encode(entry) for entry in entries[start:end]], link))


def bodies(service: Service, call: Call, kind: str, entries: list[dict[str, Any]]) -> Reply:
    return page(service, call, kind, entries, dumps)


def named(call: Call, position: int, found: list[dict[str, Any]]) -> dict[str, Any]:
    for body in found:
        if same(body["name"], call.name(position)):
            return body
    raise item_not_found(call.name(position), call.ids)
