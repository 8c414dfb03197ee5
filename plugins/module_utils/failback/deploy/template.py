# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment template of a process server in Azure. Pure: a wish in, the request's body out.

Everything is written out but the two secrets, which are secure parameters: the deployment's history, its outputs and the
run command's instance view never show them (DOC). Shapes are those of the published Resource Manager providers (DOC).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..model.items import Json
from .scripts import SETUP_COMMAND, SETUP_SCRIPT, SETUP_SECONDS
from .spec import Wish

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"

COMPUTE, DISKS, NETWORK = "2024-07-01", "2023-10-02", "2023-11-01"

#: Priorities of our rules; everything that is not allowed before the last is refused.
FIRST_RULE, LAST_RULE = 100, 4096


@dataclass(frozen=True)
class Picked:
    """What was chosen after looking at the subscription. ``attempt`` makes a repeated set-up run again."""

    location: str
    subnet_id: str
    size: str
    image: dict[str, str]
    unattended: bool
    configuration_server: str
    attempt: str = ""
    #: Only the network's parts: what is repaired on a process server that exists.
    network_only: bool = False
    warnings: tuple[str, ...] = field(default=())


def rules(wish: Wish) -> list[dict[str, Any]]:
    """The security group's rules (ports: failback-domain.md 2.4, DOC): data in, remote desktop where asked, else nothing.

    Outbound (443 to the configuration server and to Azure) is left to the network's defaults.
    """

    def rule(name: str, priority: int, port: str, sources: tuple[str, ...], access: str = "Allow") -> dict[str, Any]:
        source: dict[str, Any] = {"sourceAddressPrefix": sources[0]}
        if len(sources) > 1:
            source = {"sourceAddressPrefixes": list(sources)}
        return {
            "name": name,
            "properties": {
                "priority": priority,
                "direction": "Inbound",
                "access": access,
                "protocol": "Tcp" if access == "Allow" else "*",
                "sourcePortRange": "*",
                "destinationPortRange": port,
                "destinationAddressPrefix": "*",
                **source,
            },
        }

    made = [rule("replication-data", FIRST_RULE, str(wish.data_port), wish.data_sources or ("VirtualNetwork",))]
    if wish.rdp_sources:
        made.append(rule("remote-desktop", FIRST_RULE + 10, "3389", wish.rdp_sources))
    made.append(rule("nothing-else", LAST_RULE, "*", ("*",), "Deny"))
    return made


def resources(wish: Wish, choice: Picked) -> list[Json]:
    """The template's resources in the order they are made."""
    common: Json = {"location": choice.location, "tags": {k: _literal(v) for k, v in wish.marks.items()}}
    made: list[Json] = [
        {
            "type": "Microsoft.Network/networkSecurityGroups",
            "apiVersion": NETWORK,
            "name": f"{wish.name}-nsg",
            **common,
            "properties": {"securityRules": rules(wish)},
        }
    ]
    address: dict[str, Any] = {
        "name": "primary",
        "properties": {
            "privateIPAllocationMethod": "Static",
            "privateIPAddress": wish.address,
            "subnet": {"id": choice.subnet_id},
        },
    }
    nic: dict[str, Any] = {
        "type": "Microsoft.Network/networkInterfaces",
        "apiVersion": NETWORK,
        "name": f"{wish.name}-nic",
        **common,
        "dependsOn": [wish.nsg_id],
        "properties": {"ipConfigurations": [address], "networkSecurityGroup": {"id": wish.nsg_id}},
    }
    zones = {"zones": [wish.zone]} if wish.zone else {}
    if wish.public_address:
        public = wish.network_part("publicIPAddresses", "pip")
        made.append(
            {
                "type": "Microsoft.Network/publicIPAddresses",
                "apiVersion": NETWORK,
                "name": f"{wish.name}-pip",
                **common,
                **zones,
                "sku": {"name": "Standard"},
                "properties": {"publicIPAllocationMethod": "Static"},
            }
        )
        address["properties"]["publicIPAddress"] = {"id": public}
        nic["dependsOn"] = [wish.nsg_id, public]
    made.append(nic)
    if choice.network_only:
        return made
    disk = f"{wish.name}-cache"
    made.append(
        {
            "type": "Microsoft.Compute/disks",
            "apiVersion": DISKS,
            "name": disk,
            **common,
            **zones,
            "sku": {"name": wish.disk_type},
            "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": wish.tier().cache_gb},
        }
    )
    made.append(_machine(wish, choice, wish.compute_id("disks", disk), common, zones))
    if choice.unattended:
        made.append(_setup(wish, choice, common))
    return made


def _literal(text: str) -> str:
    """A text that Resource Manager does not take for an expression."""
    return f"[{text}" if text.startswith("[") else text


def _machine(wish: Wish, choice: Picked, disk_id: str, common: Json, zones: Json) -> Json:
    return {
        "type": "Microsoft.Compute/virtualMachines",
        "apiVersion": COMPUTE,
        "name": wish.name,
        **common,
        **zones,
        "dependsOn": [wish.nic_id, disk_id],
        "properties": {
            "hardwareProfile": {"vmSize": choice.size},
            "storageProfile": {
                "imageReference": dict(choice.image),
                "osDisk": {
                    "name": f"{wish.name}-os",
                    "createOption": "FromImage",
                    "caching": "ReadWrite",
                    "deleteOption": "Delete",
                    "managedDisk": {"storageAccountType": wish.disk_type},
                },
                "dataDisks": [
                    {
                        "lun": 0,
                        "createOption": "Attach",
                        # The cache is written once and sent on: host caching would only cost memory.
                        "caching": "None",
                        "deleteOption": "Delete",
                        "managedDisk": {"id": disk_id},
                    }
                ],
            },
            "osProfile": {
                "computerName": wish.name,
                "adminUsername": wish.admin_username,
                "adminPassword": "[parameters('adminPassword')]",
                "windowsConfiguration": {"provisionVMAgent": True, "enableAutomaticUpdates": False},
            },
            "networkProfile": {
                "networkInterfaces": [{"id": wish.nic_id, "properties": {"primary": True, "deleteOption": "Delete"}}]
            },
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        },
    }


def _setup(wish: Wish, choice: Picked, common: Json) -> Json:
    plain = {
        "ConfigurationServer": choice.configuration_server,
        "ProcessServer": wish.address,
        "InstallerUrl": wish.installer_url,
        "InstallerChecksum": wish.installer_checksum,
        "DataPort": str(wish.data_port),
        "Attempt": choice.attempt,
    }
    return {
        "type": "Microsoft.Compute/virtualMachines/runCommands",
        "apiVersion": COMPUTE,
        "name": f"{wish.name}/{SETUP_COMMAND}",
        **common,
        "dependsOn": [wish.vm_id],
        "properties": {
            "source": {"script": SETUP_SCRIPT},
            "parameters": [{"name": k, "value": v} for k, v in plain.items() if v],
            "protectedParameters": [{"name": "Passphrase", "value": "[parameters('passphrase')]"}],
            "asyncExecution": False,
            "timeoutInSeconds": SETUP_SECONDS,
            "treatFailureAsDeploymentFailure": True,
        },
    }


def resource_id(wish: Wish, resource: Json) -> str:
    """The id a template's resource will have."""
    kinds, names = resource["type"].split("/"), resource["name"].split("/")
    below = "/".join(f"{kind}/{name}" for kind, name in zip(kinds[1:], names, strict=True))
    return f"{wish.group_id}/providers/{kinds[0]}/{below}"


def made_ids(wish: Wish, choice: Picked) -> list[str]:
    """Everything the deployment makes, the VM's system disk too; what its removal may remove."""
    ids = [resource_id(wish, r) for r in resources(wish, choice)]
    return [*ids, wish.compute_id("disks", f"{wish.name}-os")]


def request(wish: Wish, choice: Picked, admin_password: str, passphrase: str) -> Json:
    """The deployment's request. Only secure parameters hold secrets."""
    parts = resources(wish, choice)
    declared: dict[str, Any] = {}
    values: dict[str, Any] = {}
    if not choice.network_only:
        declared["adminPassword"] = {"type": "secureString"}
        values["adminPassword"] = {"value": admin_password}
        if choice.unattended:
            declared["passphrase"] = {"type": "secureString"}
            values["passphrase"] = {"value": passphrase}
    template: Json = {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": declared,
        "resources": parts,
        "outputs": {
            "made": {"type": "array", "value": made_ids(wish, Picked(**{**vars(choice), "network_only": False}))},
            "unattended": {"type": "bool", "value": choice.unattended},
        },
    }
    return {"properties": {"mode": "Incremental", "template": template, "parameters": values}}


def without_secrets(body: Json) -> Json:
    """The request as it may be shown: without the secrets' values."""
    properties = body["properties"]
    hidden = {name: {"value": "(secret)"} for name in properties["parameters"]}
    return {"properties": {**properties, "parameters": hidden}}
