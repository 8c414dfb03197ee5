# SPDX-License-Identifier: GPL-3.0-or-later
"""The levels above the resources: tenants, subscriptions, locations, providers, resource groups (DOC, nothing recorded)."""

from __future__ import annotations

from typing import Any

from rehearsal.azure import inventory
from rehearsal.azure.armpath import COMPUTE, NETWORK, RESOURCES, SITE_RECOVERY
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.errors import group_not_found, refused
from rehearsal.azure.filters import holds, parse_filter
from rehearsal.azure.routes.base import ROUTES, Service, bodies, reply, route
from rehearsal.azure.tokens import DOMAIN
from rehearsal.azure.versions import NAMED, RECOVERY_SERVICES
from rehearsal.azure.words import same

#: Namespaces as they are written, with the types of the resources that are in their groups.
PROVIDERS = {
    "Microsoft.RecoveryServices": (SITE_RECOVERY, "vaults", RECOVERY_SERVICES),
    "Microsoft.Compute": (COMPUTE, "virtualMachines", NAMED),
    "Microsoft.Network": (NETWORK, "virtualNetworks", NAMED),
    "Microsoft.Resources": (RESOURCES, "deployments", NAMED),
}


def _subscriptions(service: Service) -> list[str]:
    return list(dict.fromkeys(vault.spec.subscription_id for vault in service.world.vaults))


def _subscription(service: Service, name: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{name}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": name,
        "tenantId": service.tenant,
        "displayName": f"Rehearsal {name[:8]}",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _own(service: Service, call: Call) -> str:
    """The subscription of the path, as the fleet spells it."""
    assert call.path is not None
    wanted = call.path.subscription
    return next(name for name in _subscriptions(service) if same(name, wanted))


def _locations(service: Service, subscription: str) -> list[str]:
    return list(
        dict.fromkeys(v.spec.location for v in service.world.vaults if same(v.spec.subscription_id, subscription))
    )


def _groups(service: Service, subscription: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for vault in service.world.vaults:
        spec = vault.spec
        if not same(spec.subscription_id, subscription):
            continue
        for name in (spec.resource_group, spec.target_resource_group):
            found.setdefault(
                name.casefold(),
                {
                    "id": f"/subscriptions/{spec.subscription_id}/resourceGroups/{name}",
                    "name": name,
                    "type": "Microsoft.Resources/resourceGroups",
                    "location": spec.location,
                    "tags": {},
                    "properties": {"provisioningState": "Succeeded"},
                },
            )
    return list(found.values())


async def list_tenants(service: Service, call: Call) -> Reply:
    tenant = {
        "id": f"/tenants/{service.tenant}",
        "tenantId": service.tenant,
        "countryCode": "ZZ",
        "displayName": "Rehearsal",
        "domains": [DOMAIN],
        "defaultDomain": DOMAIN,
        "tenantCategory": "Home",
        "tenantType": "AAD",
    }
    return bodies(service, call, "tenants", [tenant])


async def list_subscriptions(service: Service, call: Call) -> Reply:
    return bodies(service, call, "subscriptions", [_subscription(service, n) for n in _subscriptions(service)])


#: Lists that need a token and stand below nothing.
TOP = {"tenants": list_tenants, "subscriptions": list_subscriptions}


@route("GET", "/")
async def get_subscription_or_group(service: Service, call: Call) -> Reply:
    """``/subscriptions/{id}`` and ``/subscriptions/{id}/resourceGroups/{name}``. HEAD of a group says 204 (DOC)."""
    assert call.path is not None
    subscription = _own(service, call)
    if call.path.group is None:
        return reply(_subscription(service, subscription))
    if call.method == "HEAD":
        return reply("", 204)
    for group in _groups(service, subscription):
        if same(group["name"], call.path.group):
            return reply(group)
    raise group_not_found(call.path.group)


@route("GET", "/resourcegroups")
async def list_groups(service: Service, call: Call) -> Reply:
    return bodies(service, call, "groups", _groups(service, _own(service, call)))


@route("GET", "/locations")
async def list_locations(service: Service, call: Call) -> Reply:
    subscription = _own(service, call)
    found = [
        {
            "id": f"/subscriptions/{subscription}/locations/{name}",
            "name": name,
            "type": "Region",
            "displayName": name,
            "regionalDisplayName": name,
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        }
        for name in _locations(service, subscription)
    ]
    return bodies(service, call, "locations", found)


def _provider(service: Service, call: Call, namespace: str) -> dict[str, Any]:
    subscription = _own(service, call)
    _lower, kind, versions = PROVIDERS[namespace]
    return {
        "id": f"/subscriptions/{subscription}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationFree" if namespace == "Microsoft.Resources" else "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": [
            {
                "resourceType": kind,
                "locations": _locations(service, subscription),
                "apiVersions": list(reversed(versions)),
                "defaultApiVersion": versions[-1],
                "capabilities": "CrossResourceGroupResourceMove, SupportsTags, SupportsLocation",
            }
        ],
    }


@route("GET", "/providers")
async def list_providers(service: Service, call: Call) -> Reply:
    return bodies(service, call, "providers", [_provider(service, call, name) for name in PROVIDERS])


@route("GET", "/providers/*")
async def get_provider(service: Service, call: Call) -> Reply:
    for name in PROVIDERS:
        if same(name, call.name(0)):
            return reply(_provider(service, call, name))
    raise refused(404, "InvalidResourceNamespace", f"The resource namespace '{call.name(0)}' is invalid.")


@route("POST", "/providers/*/register")
async def register_provider(service: Service, call: Call) -> Reply:
    """What is registered stays so."""
    return await get_provider(service, call)


@route("GET", "/resources")
async def list_resources(service: Service, call: Call) -> Reply:
    """Vaults and virtual machines of a subscription or a group, without their properties."""
    assert call.path is not None
    subscription, group = _own(service, call), call.path.group
    found: list[dict[str, Any]] = [
        inventory.vault_body(vault)
        for vault in service.world.vaults
        if same(vault.spec.subscription_id, subscription) and (group is None or same(vault.spec.resource_group, group))
    ]
    found += [service.compute.body(vm, False) for vm in service.compute.listed(subscription, group)]
    known = ("resourcetype", "name", "location", "resourcegroup")
    terms = parse_filter(call.query.get("$filter"), known)

    def value(body: dict[str, Any], key: str) -> str:
        if key == "resourcegroup":
            return str(body["id"]).split("/")[4]
        return str(body["type" if key == "resourcetype" else key])

    shown = [
        {key: body[key] for key in ("id", "name", "type", "location", "tags")}
        for body in found
        if holds(terms, lambda term, body=body: same(value(body, term[0]), term[2]))  # type: ignore[misc]
    ]
    return bodies(service, call, "resources", shown)


__all__ = ["ROUTES", "TOP"]
