# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of answers that the published description of Site Recovery does not hold: other services', and the links of a 202.

They hold what clients rely on (DOC, general knowledge of Resource Manager; SEEN for the links of a 202).
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "number"}
WORD = {"type": ["string", "null"]}


def obj(**properties: Any) -> dict[str, Any]:
    """An object with at least these properties."""
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def many(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def listing(of: dict[str, Any]) -> dict[str, Any]:
    return obj(value=many(of), nextLink=WORD)


def resource(**properties: Any) -> dict[str, Any]:
    """A resource of a group."""
    return obj(id=TEXT, name=TEXT, type=TEXT, location=TEXT, properties=obj(provisioningState=TEXT, **properties))


STATUS = obj(code=TEXT, level=TEXT, displayStatus=TEXT)
GROUP = obj(id=TEXT, name=TEXT, type=TEXT, location=TEXT, properties=obj(provisioningState=TEXT))
SUBSCRIPTION = obj(id=TEXT, subscriptionId=TEXT, tenantId=TEXT, displayName=TEXT, state=TEXT)
LOCATION = obj(id=TEXT, name=TEXT, displayName=TEXT)
PROVIDER = obj(
    id=TEXT,
    namespace=TEXT,
    registrationState=TEXT,
    resourceTypes=many(obj(resourceType=TEXT, locations=many(TEXT), apiVersions=many(TEXT))),
)
VAULT = resource()
VM = resource(
    vmId=TEXT,
    hardwareProfile=obj(vmSize=TEXT),
    storageProfile=obj(osDisk=obj(osType=TEXT, name=TEXT, managedDisk=obj(id=TEXT)), dataDisks=many(obj(lun=NUMBER))),
    networkProfile=obj(networkInterfaces=many(obj(id=TEXT))),
)
DISK = resource(diskState=TEXT)
NIC = resource(ipConfigurations=many(obj(name=TEXT, properties=obj(privateIPAddress=TEXT, subnet=obj(id=TEXT)))))
NETWORK = resource(addressSpace=obj(addressPrefixes=many(TEXT)), subnets=many(obj(id=TEXT, name=TEXT)))
GATEWAY = resource(
    gatewayType=TEXT, ipConfigurations=many(obj(name=TEXT, properties=obj(subnet=obj(id=TEXT)))), sku=obj(name=TEXT)
)
LINE = resource(connectionType=TEXT, virtualNetworkGateway1=obj(id=TEXT))
#: Only a single connection tells its state (DOC of Azure's clients).
LINE_ITSELF = resource(connectionType=TEXT, virtualNetworkGateway1=obj(id=TEXT), connectionStatus=TEXT)
DEPLOYMENT = obj(id=TEXT, name=TEXT, properties=obj(provisioningState=TEXT))
COMMAND = resource(source=obj(script=TEXT))
NOTHING: dict[str, Any] = {"type": "null"}

RSV = "microsoft.recoveryservices/vaults"
ASR = f"{RSV}/*"
FABRIC = f"{ASR}/replicationfabrics/*"
MACHINES = "microsoft.compute/virtualmachines"
PLACE = "microsoft.compute/locations/*"

#: What a 202's Azure-AsyncOperation answers (SEEN RCM 10, 11, 16).
OPERATION = obj(
    status=TEXT, name=TEXT, startTime=WORD, endTime=WORD, error={}, id=NOTHING, properties=NOTHING, percentComplete={}
)
#: What its Location answers in the end: the object, or nothing where it is gone.
RESULT = {"anyOf": [NOTHING, obj(id=TEXT, name=TEXT, type=TEXT, properties={"type": "object"})]}

#: Route -> shape of its answer.
SHAPES: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/"): {"anyOf": [SUBSCRIPTION, GROUP]},
    ("GET", "/resourcegroups"): listing(GROUP),
    ("GET", "/locations"): listing(LOCATION),
    ("GET", "/providers"): listing(PROVIDER),
    ("GET", "/providers/*"): PROVIDER,
    ("POST", "/providers/*/register"): PROVIDER,
    ("GET", "/resources"): listing(obj(id=TEXT, name=TEXT, type=TEXT, location=TEXT)),
    ("GET", "microsoft.authorization/locks"): listing(obj(id=TEXT, name=TEXT, type=TEXT, properties=obj(level=TEXT))),
    ("GET", RSV): listing(VAULT),
    ("GET", ASR): VAULT,
    ("GET", f"{ASR}/replicationoperationstatus/*"): OPERATION,
    ("GET", f"{FABRIC}/operationresults/*"): RESULT,
    ("GET", f"{FABRIC}/replicationrecoveryservicesproviders/*/operationresults/*"): RESULT,
    (
        "GET",
        f"{FABRIC}/replicationprotectioncontainers/*/replicationprotecteditems/*/operationresults/*",
    ): RESULT,
    ("GET", f"{ASR}/replicationjobs/*/operationresults/*"): RESULT,
    ("GET", f"{ASR}/replicationrecoveryplans/*/operationresults/*"): RESULT,
    ("GET", MACHINES): listing(VM),
    ("GET", f"{MACHINES}/*"): VM,
    ("DELETE", f"{MACHINES}/*"): NOTHING,
    ("GET", f"{MACHINES}/*/instanceview"): obj(statuses=many(STATUS)),
    ("POST", f"{MACHINES}/*/start"): NOTHING,
    ("POST", f"{MACHINES}/*/deallocate"): NOTHING,
    ("POST", f"{MACHINES}/*/poweroff"): NOTHING,
    ("POST", f"{MACHINES}/*/runcommand"): NOTHING,
    ("GET", f"{PLACE}/runcommandresults/*"): obj(value=many(obj(code=TEXT, level=TEXT, message=TEXT))),
    ("GET", f"{MACHINES}/*/runcommands/*"): COMMAND,
    ("PUT", f"{MACHINES}/*/runcommands/*"): COMMAND,
    ("GET", f"{PLACE}/operations/*"): obj(name=TEXT, status=TEXT, startTime=TEXT),
    ("GET", f"{PLACE}/usages"): listing(
        obj(currentValue=NUMBER, limit=NUMBER, unit=TEXT, name=obj(value=TEXT, localizedValue=TEXT))
    ),
    ("GET", f"{PLACE}/publishers/*/artifacttypes/*/offers/*/skus/*/versions"): many(
        obj(id=TEXT, name=TEXT, location=TEXT)
    ),
    ("GET", "microsoft.compute/skus"): listing(
        obj(
            resourceType=TEXT,
            name=TEXT,
            locations=many(TEXT),
            capabilities=many(obj(name=TEXT, value=TEXT)),
            restrictions=many(obj(type=TEXT, reasonCode=TEXT)),
        )
    ),
    ("GET", "microsoft.network/virtualnetworks/*/checkipaddressavailability"): obj(
        available={"type": "boolean"}, availableIPAddresses=many(TEXT)
    ),
    ("GET", "microsoft.network/virtualnetworkgateways"): listing(GATEWAY),
    ("GET", "microsoft.network/virtualnetworkgateways/*"): GATEWAY,
    ("GET", "microsoft.network/virtualnetworkgateways/*/connections"): listing(LINE),
    ("GET", "microsoft.network/connections"): listing(LINE),
    ("GET", "microsoft.network/connections/*"): LINE_ITSELF,
    ("PUT", "microsoft.resources/deployments/*"): DEPLOYMENT,
    ("GET", "microsoft.resources/deployments"): listing(DEPLOYMENT),
    ("GET", "microsoft.resources/deployments/*"): DEPLOYMENT,
    ("DELETE", "microsoft.resources/deployments/*"): NOTHING,
    ("POST", "microsoft.resources/deployments/*/validate"): DEPLOYMENT,
    ("POST", "microsoft.resources/deployments/*/whatif"): NOTHING,
    ("GET", "microsoft.resources/deployments/*/operationresults/*"): obj(
        status=TEXT, properties=obj(changes=many(obj(resourceId=TEXT, changeType=TEXT)))
    ),
}
for _kind, _shape in {
    "microsoft.compute/disks": DISK,
    "microsoft.compute/snapshots": resource(),
    "microsoft.network/networkinterfaces": NIC,
    "microsoft.network/networksecuritygroups": resource(),
    "microsoft.network/publicipaddresses": resource(),
    "microsoft.network/virtualnetworks": NETWORK,
}.items():
    SHAPES["GET", _kind] = listing(_shape)
    SHAPES["GET", f"{_kind}/*"] = _shape
    if _kind != "microsoft.network/virtualnetworks":
        SHAPES["DELETE", f"{_kind}/*"] = NOTHING

#: Every refusal of Resource Manager (SEEN CLI-A2A_self, CLI-vault).
REFUSAL = obj(error=obj(code=TEXT, message=TEXT))
