# SPDX-License-Identifier: GPL-3.0-or-later
"""What a vault is set to, what it supports, and the networks of its fabrics (SPEC as shapes)."""

from __future__ import annotations

from typing import Any

from rehearsal.azure.call import Call, Reply
from rehearsal.azure.engine import check_support
from rehearsal.azure.errors import item_not_found
from rehearsal.azure.routes.base import FABRIC, ROUTES, VAULT, Service, bodies, fabric_of, reply, route, vault_of
from rehearsal.azure.routes.jobs import accepted
from rehearsal.azure.routes.machines import MACHINES
from rehearsal.azure.vault import VaultState
from rehearsal.azure.words import RS, same

#: Route, type as it is written, the one name it has, its first values.
KEPT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "replicationalertsettings": (
        "replicationAlertSettings",
        "defaultAlertSetting",
        {"sendToOwners": "DoNotSend", "customEmailAddresses": [], "locale": "en-US"},
    ),
    "replicationvaultsettings": (
        "replicationVaultSettings",
        "default",
        {"migrationSolutionId": None, "vmwareToAzureProviderType": "Unknown"},
    ),
}


def _setting(vault: VaultState, kind: str) -> dict[str, Any]:
    written, name, first = KEPT[kind]
    return {
        "id": f"{vault.id}/{written}/{name}",
        "name": name,
        "type": f"{RS}/{written}",
        "properties": {**first, **vault.settings.get(kind, {})},
    }


def _kept(kind: str) -> None:
    written, name, first = KEPT[kind]

    async def listed(service: Service, call: Call) -> Reply:
        return bodies(service, call, written, [_setting(vault_of(call), kind)])

    async def got(service: Service, call: Call) -> Reply:
        if not same(call.name(1), name):
            raise item_not_found(call.name(1), call.ids)
        return reply(_setting(vault_of(call), kind))

    async def put(service: Service, call: Call) -> Reply:
        vault = vault_of(call)
        check_support(vault, call.ids)
        given = call.json().get("properties") or {}
        vault.settings[kind] = {key: given[key] for key in first if key in given}
        service.ledger.count_accepted("*", written, call.json(), "")
        return reply(_setting(vault, kind))

    ROUTES[("GET", f"{VAULT}/{kind}")] = listed
    ROUTES[("GET", f"{VAULT}/{kind}/*")] = got
    ROUTES[("PUT", f"{VAULT}/{kind}/*")] = put


for _kind in KEPT:
    _kept(_kind)


@route("GET", f"{VAULT}/replicationsupportedoperatingsystems")
async def supported_systems(service: Service, call: Call) -> Reply:
    vault = vault_of(call)
    wanted = call.query.get("instancetype") or ("InMageRcm" if vault.modernized else "InMageAzureV2")
    systems = (
        ("Windows Server", "Windows", ("2012 R2", "2016", "2019", "2022")),
        ("Red Hat Enterprise Linux", "Linux", ("7", "8", "9")),
        ("Ubuntu", "Linux", ("18.04", "20.04", "22.04")),
    )
    entry = {
        "instanceType": wanted,
        "supportedOs": [
            {
                "osName": name,
                "osType": kind,
                "osVersions": [{"version": version, "servicePack": None} for version in versions],
            }
            for name, kind, versions in systems
        ],
    }
    return reply(
        {
            "id": f"{vault.id}/replicationSupportedOperatingSystems",
            "name": "replicationSupportedOperatingSystems",
            "type": f"{RS}/replicationSupportedOperatingSystems",
            "properties": {"supportedOsList": [entry]},
        }
    )


def _eligible(service: Service, call: Call) -> dict[str, Any]:
    """Whether an Azure VM could be replicated from where it is; nothing in a rehearsal blocks it."""
    assert call.path is not None
    vm = service.compute.find(call.path.subscription, call.path.group or "", call.name(0))
    return {
        "id": f"{vm.id}/providers/Microsoft.RecoveryServices/replicationEligibilityResults/default",
        "name": "default",
        "type": "Microsoft.RecoveryServices/replicationEligibilityResults",
        "properties": {"clientRequestId": call.client_request_id, "errors": []},
    }


@route("GET", f"{MACHINES}/*/providers/*/replicationeligibilityresults")
async def list_eligibility(service: Service, call: Call) -> Reply:
    return reply({"value": [_eligible(service, call)]})


@route("GET", f"{MACHINES}/*/providers/*/replicationeligibilityresults/*")
async def get_eligibility(service: Service, call: Call) -> Reply:
    return reply(_eligible(service, call))


# -- fabrics ---------------------------------------------------------------------------------------------------------


def _empty(kind: str, vault_level: bool) -> None:
    """A list without entries: what other providers have, as networks of Hyper-V sites or migrations (INFER for VMware)."""

    async def listed(service: Service, call: Call) -> Reply:
        vault_of(call) if vault_level else fabric_of(call)
        return bodies(service, call, kind, [])

    async def missing(service: Service, call: Call) -> Reply:
        fabric_of(call)
        raise item_not_found(call.name(2), call.ids)

    if vault_level:
        ROUTES[("GET", f"{VAULT}/{kind}")] = listed
    else:
        ROUTES[("GET", f"{FABRIC}/{kind}")] = listed
        ROUTES[("GET", f"{FABRIC}/{kind}/*")] = missing


for _kind in (
    "replicationnetworks",
    "replicationnetworkmappings",
    "replicationstorageclassifications",
    "replicationstorageclassificationmappings",
    "replicationmigrationitems",
    "replicationprotectionclusters",
    "replicationprotectionintents",
):
    _empty(_kind, True)
for _kind in ("replicationnetworks", "replicationlogicalnetworks"):
    _empty(_kind, False)


def _fabric_job(verb: str, scenario: str, friendly: str) -> None:
    async def started(service: Service, call: Call) -> Reply:
        vault = fabric_of(call)
        check_support(vault, call.ids)
        job = service.engine.side_job(vault, scenario, friendly, "refresh", None, call.ids[0])
        service.ledger.count_accepted("*", verb, call.json() or None, job.name)
        return accepted(service, call, job)

    ROUTES[("POST", f"{FABRIC}/{verb.lower()}")] = started


_fabric_job("checkConsistency", "CheckFabricConsistency", "Check consistency")
_fabric_job("renewCertificate", "RenewCertificate", "Renew certificate")
