# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault itself and the configuration server's side of it."""

from __future__ import annotations

from rehearsal.azure import appliances, fabric, inventory
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.engine import check_support
from rehearsal.azure.errors import refused
from rehearsal.azure.items import Item
from rehearsal.azure.routes.base import FABRIC, RSV, VAULT, Service, bodies, fabric_of, named, reply, route, vault_of
from rehearsal.azure.routes.jobs import accepted
from rehearsal.azure.words import same


@route("GET", RSV)
async def list_vaults(service: Service, call: Call) -> Reply:
    assert call.path is not None
    group, subscription = call.path.group, call.path.subscription
    found = [
        inventory.vault_body(v)
        for v in service.world.vaults
        if same(v.spec.subscription_id, subscription) and (group is None or same(v.spec.resource_group, group))
    ]
    return bodies(service, call, "vaults", found)


@route("GET", VAULT)
async def get_vault(service: Service, call: Call) -> Reply:
    return reply(inventory.vault_body(vault_of(call)))


@route("GET", f"{VAULT}/replicationvaulthealth")
async def get_health(service: Service, call: Call) -> Reply:
    return reply(inventory.vault_health(vault_of(call), service.world.clock))


@route("POST", f"{VAULT}/replicationvaulthealth/*/refresh")
async def refresh_health(service: Service, call: Call) -> Reply:
    vault = vault_of(call)
    job = service.engine.side_job(vault, "RefreshVaultHealth", "Refresh vault health", "health", None, call.ids[0])
    return accepted(service, call, job)


@route("GET", f"{VAULT}/replicationappliances")
async def list_appliances(service: Service, call: Call) -> Reply:
    """The components of the fabric, by appliance (SPEC). The keys of its filter are not described."""
    body = appliances.appliances(vault_of(call), await service.world.survey(), service.world.clock.now())
    return bodies(service, call, "appliances", [body] if body else [])


# -- fabric ----------------------------------------------------------------------------------------------------------


@route("GET", f"{VAULT}/replicationfabrics")
async def list_fabrics(service: Service, call: Call) -> Reply:
    views = await service.world.survey()
    body = fabric.fabric(vault_of(call), views, service.world.clock.now(), in_list=True)
    return bodies(service, call, "fabrics", [body])


@route("GET", FABRIC)
async def get_fabric(service: Service, call: Call) -> Reply:
    return reply(fabric.fabric(fabric_of(call), await service.world.survey(), service.world.clock.now()))


@route("GET", f"{VAULT}/replicationrecoveryservicesproviders")
async def list_all_providers(service: Service, call: Call) -> Reply:
    return bodies(service, call, "providers", fabric.providers(vault_of(call), service.world.clock.now()))


@route("GET", f"{FABRIC}/replicationrecoveryservicesproviders")
async def list_providers(service: Service, call: Call) -> Reply:
    return bodies(service, call, "providers", fabric.providers(fabric_of(call), service.world.clock.now()))


@route("GET", f"{FABRIC}/replicationrecoveryservicesproviders/*")
async def get_provider(service: Service, call: Call) -> Reply:
    return reply(named(call, 2, fabric.providers(fabric_of(call), service.world.clock.now())))


@route("POST", f"{FABRIC}/replicationrecoveryservicesproviders/*/refreshprovider")
async def refresh_provider(service: Service, call: Call) -> Reply:
    await get_provider(service, call)
    vault = fabric_of(call)
    check_support(vault, call.ids)
    job = service.engine.side_job(
        vault,
        "RefreshFabricLayout",
        "Refresh server details",
        "refresh",
        None,
        call.ids[0],
        lambda: service.estate.refreshed(vault),
    )
    job.owner_path = f"{vault.fabric_id}/replicationRecoveryServicesProviders/{call.name(2)}"
    return accepted(service, call, job)


@route("GET", f"{VAULT}/replicationvcenters")
async def list_all_vcenters(service: Service, call: Call) -> Reply:
    return bodies(service, call, "vcenters", fabric.vcenters(vault_of(call), service.world.clock.now()))


@route("GET", f"{FABRIC}/replicationvcenters")
async def list_vcenters(service: Service, call: Call) -> Reply:
    return bodies(service, call, "vcenters", fabric.vcenters(fabric_of(call), service.world.clock.now()))


@route("GET", f"{FABRIC}/replicationvcenters/*")
async def get_vcenter(service: Service, call: Call) -> Reply:
    return reply(named(call, 2, fabric.vcenters(fabric_of(call), service.world.clock.now())))


@route("POST", f"{FABRIC}/reassociategateway")
async def reassociate_gateway(service: Service, call: Call) -> Reply:
    """Move machines to another process server: all (SystemLevel) or those named (ServerLevel)."""
    vault = fabric_of(call)
    check_support(vault, call.ids)
    wanted = call.json().get("properties") or {}
    known = {server.id for server in vault.spec.process_servers}
    for key in ("sourceProcessServerId", "targetProcessServerId"):
        if wanted.get(key) not in known:
            raise refused(400, "InvalidRequest", f"The property {key} names no process server of this fabric.")
    chosen = wanted.get("vmsToMigrate") or []
    moving = [
        item
        for item in vault.items.values()
        if same(item.process_server, wanted["sourceProcessServerId"])
        and (wanted.get("updateType") == "SystemLevel" or _is_named(item, chosen))
    ]

    def move() -> None:
        for item in moving:
            item.process_server = wanted["targetProcessServerId"]
            item.touch()

    job = service.engine.side_job(
        vault, "ProcessServerFailover", "Changing Process server", "move_process_server", None, call.ids[0], move
    )
    source = next(s for s in vault.spec.process_servers if s.id == wanted["sourceProcessServerId"])
    job.target_id, job.target_name, job.target_type = source.id, source.name, "Server"
    service.ledger.count_accepted("*", "reassociateGateway", wanted, job.name)
    return accepted(service, call, job)


def _is_named(item: Item, chosen: list[str]) -> bool:
    """vmsToMigrate holds bare names (SPEC example): of machines, protectable items or items; ids are understood too."""
    known = (item.vm_id, item.protectable_name, item.name, item.id)
    return any(same(one, name) for one in chosen for name in known)
