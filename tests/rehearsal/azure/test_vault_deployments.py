# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments and what they need, on the wire of the vault stand-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from wire import SUBSCRIPTION, Wire

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-homeward-dr"
DEPLOYMENT = f"{GROUP}/providers/Microsoft.Resources/deployments/one"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-dr-2"
NSG = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg"
NIC = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/nic"
COMPUTE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute"


def body(address: str = "10.60.0.9", **more: Any) -> dict[str, Any]:
    config = {
        "name": "primary",
        "properties": {"privateIPAddress": address, "subnet": {"id": f"{NETWORK}/subnets/servers"}},
    }
    common = {"apiVersion": "2023-11-01", "location": "westeurope"}
    made = [
        {
            "type": "Microsoft.Network/networkSecurityGroups",
            "name": "nsg",
            **common,
            "properties": {"securityRules": []},
        },
        {
            "type": "Microsoft.Network/networkInterfaces",
            "name": "nic",
            **common,
            "dependsOn": [NSG],
            "properties": {"ipConfigurations": [config], "networkSecurityGroup": {"id": NSG}},
        },
    ]
    template = {"$schema": "s", "contentVersion": "1.0.0.0", "parameters": {}, "resources": made, **more}
    return {"properties": {"mode": "Incremental", "template": template, "parameters": {}}}


@pytest.fixture
def wire(run_vault: Callable[..., Wire], small: dict[str, Any]) -> Wire:
    small["speed"] = 1
    return run_vault(small)


def finish(wire: Wire) -> dict[str, Any]:
    wire.control("POST", "/clock/advance", {"seconds": 3600})
    for _look in range(50):
        answer = wire.call("GET", DEPLOYMENT).json()
        if answer["properties"]["provisioningState"] != "Running":
            return answer
    raise AssertionError("the deployment does not end")


def test_a_deployment_runs_and_what_it_made_exists(wire: Wire) -> None:
    assert wire.call("GET", DEPLOYMENT).status_code == 404
    assert wire.call("POST", f"{DEPLOYMENT}/validate", body()).status_code == 200
    assert wire.call("GET", NIC).status_code == 404
    started = wire.call("PUT", DEPLOYMENT, body())
    assert started.status_code == 201
    assert "Azure-AsyncOperation" in started.headers
    assert wire.call("PUT", DEPLOYMENT, body()).json()["error"]["code"] == "DeploymentActive"
    ended = finish(wire)
    assert ended["properties"]["provisioningState"] == "Succeeded"
    assert [r["id"] for r in ended["properties"]["outputResources"]] == [NSG, NIC]
    assert wire.call("GET", NIC).json()["properties"]["provisioningState"] == "Succeeded"
    refused = wire.call("DELETE", NSG)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    assert wire.call("DELETE", NIC).status_code == 202
    wire.control("POST", "/clock/advance", {"seconds": 60})
    assert wire.call("GET", NIC).status_code == 404
    assert wire.call("DELETE", NIC).status_code == 204


def test_what_if_answers_behind_its_link_and_changes_nothing(wire: Wire) -> None:
    def changes() -> dict[str, str]:
        asked = wire.call("POST", f"{DEPLOYMENT}/whatIf", body())
        assert asked.status_code == 202
        told = wire.call("GET", asked.headers["Location"]).json()
        return {c["resourceId"]: c["changeType"] for c in told["properties"]["changes"]}

    assert changes() == {NSG: "Create", NIC: "Create"}
    assert wire.control("GET", "/counters")["writes"] == 0
    wire.call("PUT", DEPLOYMENT, body())
    finish(wire)
    assert changes() == {NSG: "NoChange", NIC: "NoChange"}


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        ({"properties": {}}, "InvalidRequestContent"),
        ({"properties": "x"}, "InvalidRequestContent"),
        (body(resources=["x"]), "InvalidTemplate"),
        (body(resources="x"), "InvalidTemplate"),
        (body(parameters={"secret": {"type": "secureString"}}), "InvalidTemplate"),
        (body(address="10.60.0.3"), "InvalidTemplateDeployment"),
        (body(address="10.70.0.9"), "InvalidTemplateDeployment"),
        (body(resources=[{"type": "Microsoft.Network/networkSecurityGroups", "name": "x"}]), "InvalidTemplate"),
    ],
)
def test_bad_deployments_are_refused(wire: Wire, request_body: dict[str, Any], code: str) -> None:
    for verb, path in (("POST", f"{DEPLOYMENT}/validate"), ("POST", f"{DEPLOYMENT}/whatIf"), ("PUT", DEPLOYMENT)):
        answer = wire.call(verb, path, request_body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert wire.call("GET", DEPLOYMENT).status_code == 404


def test_what_a_resource_holds_is_its_own_affair(wire: Wire) -> None:
    """A run command, for one, has a list of parameters."""
    request_body = body()
    request_body["properties"]["template"]["resources"][0]["properties"]["parameters"] = [{"name": "a", "value": "b"}]
    assert wire.call("POST", f"{DEPLOYMENT}/validate", request_body).status_code == 200


def test_addresses_sizes_quota_and_images_are_reported(wire: Wire) -> None:
    def free(address: str, network: str = NETWORK) -> dict[str, Any]:
        return dict(
            wire.call("GET", f"{network}/checkIPAddressAvailability?ipAddress={address}&api-version=2023-11-01").json()
        )

    assert free("10.60.0.4")["available"]
    assert not free("10.60.0.3")["available"]
    first = NETWORK.replace("vnet-dr-2", "vnet-dr")
    # The fleet's own process server is there.
    assert free("10.50.0.4", first)["availableIPAddresses"][0] == "10.50.0.5"
    names = {s["name"] for s in wire.call("GET", f"{COMPUTE}/skus").json()["value"]}
    assert "Standard_A8_v2" in names
    usages = wire.call("GET", f"{COMPUTE}/locations/westeurope/usages").json()["value"]
    assert {u["name"]["value"] for u in usages} >= {"cores", "standardDSv3Family"}
    gallery = f"{COMPUTE}/locations/westeurope/publishers/MicrosoftAzureSiteRecovery/artifacttypes/vmimage/offers/Process-Server"
    versions = f"{gallery}/skus/Windows-2012-R2-Datacenter/versions"
    assert wire.call("GET", versions).status_code == 404
    wire.control("POST", "/settings", {"gallery_image": True})
    assert isinstance(wire.call("GET", versions).json(), list)
