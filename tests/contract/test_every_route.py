# SPDX-License-Identifier: GPL-3.0-or-later
"""Every route of the vault stand-in is asked in both generations, and each request and answer fits its description.

Routes of Site Recovery are measured by the published description, the others by beside_shapes. What a generation does not
have must be refused in Resource Manager's form; a route that nobody asks makes the walk red.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import test_answers
from asr_spec import Spec
from beside_shapes import REFUSAL, SHAPES
from vault_fixture import SMALL
from wire import AZURE_TO, HOME_TO, SUBSCRIPTION, Wire

from rehearsal.azure import armpath
from rehearsal.azure.routes import ROUTES

Route = tuple[str, str]

ITEM = (
    "microsoft.recoveryservices/vaults/*/replicationfabrics/*/replicationprotectioncontainers/*"
    "/replicationprotecteditems/*"
)
VAULT = "microsoft.recoveryservices/vaults/*"
FABRIC = f"{VAULT}/replicationfabrics/*"
PLAN = f"{VAULT}/replicationrecoveryplans/*"

#: Routes that are only ever refused, by generation, and why.
NEITHER: dict[Route, str] = {
    ("POST", f"{ITEM}/removedisks"): "the description has it for Azure to Azure alone (SPEC)",
    ("POST", f"{PLAN}/reprotect"): "deprecated (DOC)",
    ("GET", f"{FABRIC}/replicationnetworks/*"): "a VMware fabric lists no networks (INFER)",
    ("GET", f"{FABRIC}/replicationlogicalnetworks/*"): "a VMware fabric lists no networks (INFER)",
    ("GET", f"{FABRIC}/replicationnetworks/*/replicationnetworkmappings"): "no networks, no mappings (INFER)",
    **{
        (method, f"{FABRIC}/replicationnetworks/*/replicationnetworkmappings/*"): "no networks, no mappings (INFER)"
        for method in ("GET", "PUT", "PATCH", "DELETE")
    },
}
REFUSED: dict[str, dict[Route, str]] = {
    "classic": {
        **NEITHER,
        ("POST", f"{ITEM}/plannedfailover"): "a classic failback is an unplanned failover (SEEN)",
        ("POST", f"{ITEM}/failovercancel"): "a classic item never lists it (SEEN)",
        ("POST", f"{ITEM}/updateappliance"): "there are no appliances (SPEC)",
        ("POST", f"{ITEM}/adddisks"): "the description has it for InMageRcm (SPEC)",
        ("POST", f"{PLAN}/plannedfailover"): "a classic failback is an unplanned failover (SEEN)",
        ("POST", f"{PLAN}/failovercancel"): "a classic item never lists it (SEEN)",
    },
    "modernized": {
        **NEITHER,
        ("POST", f"{ITEM}/switchprovider"): "it leads to the modernized generation (SPEC)",
        ("POST", f"{FABRIC}/reassociategateway"): "machines move between appliances instead (SPEC)",
        ("GET", f"{FABRIC}/replicationvcenters/*"): "a modernized fabric has none (SEEN)",
        ("GET", f"{FABRIC}/replicationprotectioncontainers/*/replicationprotectableitems/*"): "it has none (SEEN)",
    },
}

MODERN = {
    "name": "vault-small",
    "generation": "modernized",
    "appliances": [{"name": "appliance-01", "ip": "10.20.3.10"}, {"name": "appliance-02", "ip": "10.20.3.11"}],
}
MANUAL = {
    "actionName": "Look at it",
    "failoverTypes": ["UnplannedFailover"],
    "failoverDirections": ["PrimaryToRecovery"],
    "customDetails": {"instanceType": "ManualActionDetails", "description": "Look at the first group."},
}
PLANNED = {
    "providerSpecificDetails": {"instanceType": "InMageRcmFailback", "recoveryPointType": "CrashConsistent"},
}
FAULT = {
    "operation": "failover",
    "direction": "to_azure",
    "level": "Error",
    "code": "95225",
    "message": "No.",
    "times": 1,
}


@dataclass
class Exchange:
    method: str
    path: str
    status: int
    request: Any
    answer: Any

    @property
    def route(self) -> Route:
        path = armpath.parse(self.path)
        return self.method, f"{path.namespace}/{path.route}" if path else ""

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"


class Walk:
    """Asks for everything once, in one generation."""

    def __init__(self, wire: Wire, generation: str) -> None:
        self.wire, self.generation = wire, generation
        self.modern = generation == "modernized"
        self.exchanges: list[Exchange] = []
        wire.http.hooks["response"].append(self._keep)
        self.fabric = wire.fabric()["id"]

    def _keep(self, reply: Any, **_: Any) -> None:
        path = urlsplit(reply.url).path
        if path.lower().startswith("/subscriptions"):
            sent = json.loads(reply.request.body) if reply.request.body else None
            answer = json.loads(reply.content) if reply.content else None
            self.exchanges.append(Exchange(reply.request.method, path, reply.status_code, sent, answer))

    # -- asking ------------------------------------------------------------------------------------------------------

    def done(self, method: str, path: str, body: Any = None) -> None:
        """An operation that ends well; both of its links are asked."""
        reply = self.wire.call(method, path, body)
        self.wire.good(self.wire.job(reply))
        self.wire.get(reply.headers["Azure-AsyncOperation"])
        assert self.wire.call("GET", reply.headers["Location"]).status_code in (200, 204)

    def step(self, item: dict[str, Any], verb: str, properties: dict[str, Any] | None = None) -> None:
        self.done("POST", f"{item['id']}/{verb}", None if properties is None else {"properties": properties})

    def no(self, method: str, path: str, body: Any = None) -> None:
        reply = self.wire.call(method, path, body)
        assert 400 <= reply.status_code < 500, f"{method} {path}: {reply.status_code} {reply.text[:300]}"

    def provider(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"instanceType": item["properties"]["providerSpecificDetails"]["instanceType"]}

    def out(self, item: dict[str, Any]) -> dict[str, Any]:
        more = {"performShutdown": "false"} if self.modern else {}
        wanted = {**self.provider(item), **more}
        return {**AZURE_TO, "sourceSiteOperations": "NotRequired", "providerSpecificDetails": wanted}

    # -- the parts of the journey ---------------------------------------------------------------------------------------

    def circle(self) -> None:
        wire, item = self.wire, self.wire.item("web-01")
        self.step(item, "unplannedFailover", self.out(item))
        self.step(item, "failoverCommit")
        if self.modern:
            agent = wire.get(self.fabric)["properties"]["customDetails"]["reprotectAgents"][0]
            storage = self.wire.get(item["id"])["properties"]["providerSpecificDetails"]["protectedDisks"][0]
            home = {
                "instanceType": "InMageRcm",
                "reprotectAgentId": agent["id"],
                "datastoreName": agent["accessibleDatastores"][0],
                "logStorageAccountId": storage["logStorageAccountId"],
            }
            wire.control("POST", "/items/web-01", {"agent_registered": True})
            self.step(item, "reProtect", {"failoverDirection": "RecoveryToPrimary", "providerSpecificDetails": home})
            wire.allows(item, "PlannedFailover")
            self.step(item, "plannedFailover", PLANNED)
            self.step(item, "failoverCancel")
            self.step(item, "plannedFailover", PLANNED)
        else:
            wire.registered(item)
            self.no("POST", f"{item['id']}/plannedFailover", {"properties": PLANNED})
            self.no("POST", f"{item['id']}/failoverCancel")
            self.step(item, "reProtect", wire.home_body(item))
            wire.allows(item, "UnplannedFailover")
            self.step(item, "unplannedFailover", {**HOME_TO, "sourceSiteOperations": "NotRequired"})
        self.step(item, "failoverCommit")

    def beside_the_way(self) -> None:
        wire, item = self.wire, self.wire.item("web-02")
        test = {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "VmNetworkAsInput",
            "networkId": "/x/vnet",
            "providerSpecificDetails": self.provider(item),
        }
        self.step(item, "testFailover", test)
        self.step(item, "testFailoverCleanup", {"comments": "done"})
        self.step(item, "unplannedFailover", self.out(item))
        last = wire.all(f"{item['id']}/recoveryPoints")[-1]
        point = {"recoveryPointId": last["id"]} if self.modern else {}
        self.step(
            item,
            "applyRecoveryPoint",
            {"recoveryPointId": last["id"], "providerSpecificDetails": {**self.provider(item), **point}},
        )
        self.changes(wire.item("web-04"))
        for name, verb in (("web-07", "POST"), ("web-08", "DELETE")):
            gone = wire.item(name)["id"]
            self.done(
                verb, gone + "/remove" if verb == "POST" else gone, {"properties": {}} if verb == "POST" else None
            )

    def changes(self, item: dict[str, Any]) -> None:
        wire = self.wire
        words = {"recoveryAzureVMName": "web-new", "recoveryAzureVMSize": "Standard_D4s_v3"}
        if self.modern:
            own = {"targetVmName": "web-new", "targetVmSize": "Standard_D4s_v3"}
            words = {"providerSpecificDetails": {**self.provider(item), **own}}  # type: ignore[dict-item]
        self.done("PATCH", item["id"], {"properties": words})
        self.step(item, "repairReplication")
        self.step(item, "updateMobilityService", {"runAsAccountId": "1"})
        wire.control("POST", "/items/web-04", {"health_error": {"code": "78026", "message": "Late."}})
        self.step(item, "resolveHealthErrors", {"healthErrors": [{"healthErrorId": "78026"}]})
        self.no(
            "POST",
            f"{item['id']}/removeDisks",
            {"properties": {"providerSpecificDetails": {"instanceType": "A2A", "vmManagedDisksIds": ["/x/disk"]}}},
        )
        wire.control("POST", "/items/web-04", {"new_disk_gb": 20})
        disks: dict[str, Any] = {"instanceType": "InMageRcm"}
        found = wire.get(item["id"])["properties"]["providerSpecificDetails"]
        names = [d["diskId"] for d in found.get("unprotectedDisks") or ()] or ["{disk}"]
        disks["disks"] = [{"diskId": n, "logStorageAccountId": "/x/logs", "diskType": "Standard_LRS"} for n in names]
        add = {"properties": {"providerSpecificDetails": disks}}
        target = {"instanceType": "InMageRcm"}
        moved = {"targetApplianceId": "none", "providerSpecificDetails": target}
        other = {
            "targetInstanceType": "InMageRcm",
            "providerSpecificDetails": {
                "instanceType": "InMageAzureV2",
                **dict.fromkeys(("targetVaultID", "targetFabricID", "targetApplianceID"), "/x/other"),
            },
        }
        servers = wire.get(self.fabric)["properties"]["customDetails"]["processServers"]
        first, last = servers[0]["id"], servers[-1]["id"]
        gateway = {"sourceProcessServerId": first, "targetProcessServerId": last, "updateType": "ServerLevel"}
        gateway["vmsToMigrate"] = [item["name"]]
        if self.modern:
            self.done("POST", f"{item['id']}/addDisks", add)
            told = wire.get(item["id"])["properties"]["providerSpecificDetails"]
            assert len(told["protectedDisks"]) == 2
            assert "unprotectedDisks" not in told
            self.step(item, "updateAppliance", {**moved, "targetApplianceId": last})
            self.no("POST", f"{item['id']}/switchProvider", {"properties": other})
            self.no("POST", f"{self.fabric}/reassociateGateway", {"properties": gateway})
        else:
            self.no("POST", f"{item['id']}/addDisks", add)
            self.no("POST", f"{item['id']}/updateAppliance", {"properties": moved})
            self.done("POST", f"{self.fabric}/reassociateGateway", {"properties": gateway})
            self.step(item, "switchProvider", other)

    def plans(self) -> None:
        wire, item, path = self.wire, self.wire.item("web-03"), f"{self.wire.vault}/replicationRecoveryPlans/made"
        group = {
            "groupType": "Boot",
            "replicationProtectedItems": [{"id": item["id"]}],
            "startGroupActions": [MANUAL],
            "endGroupActions": [],
        }
        body = {"primaryFabricId": self.fabric, "recoveryFabricId": "Microsoft Azure", "groups": [group]}
        self.done("PUT", path, {"properties": body})
        self.done("PATCH", path, {"properties": {"groups": [group]}})
        plan = wire.get(path)
        test = {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "NoNetworkAttachAsInput",
            "providerSpecificDetails": [
                {"instanceType": self.provider(item)["instanceType"], "recoveryPointType": "Latest"}
            ],
        }
        self.step(plan, "testFailover", test)
        self.step(plan, "testFailoverCleanup", {"comments": "done"})
        out = {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": test["providerSpecificDetails"],
        }
        reply = wire.start(plan, "unplannedFailover", out)
        job = self.job_path(reply)
        wire.until(lambda: wire.get(job), lambda seen: seen["properties"]["state"] == "Suspended")
        self.done("POST", f"{job}/resume", {"properties": {"comments": "Looked."}})
        self.step(plan, "failoverCommit")
        self.no("POST", f"{path}/reProtect")
        self.done("DELETE", path)
        home = wire.get(f"{wire.vault}/replicationRecoveryPlans/home")
        kind = {"instanceType": "InMageRcmFailback", "recoveryPointType": "CrashConsistent"}
        planned = {"failoverDirection": "PrimaryToRecovery", "providerSpecificDetails": [kind]}
        if self.modern:
            self.step(home, "plannedFailover", planned)
            self.step(home, "failoverCancel")
        else:
            self.no("POST", f"{home['id']}/plannedFailover", {"properties": planned})
            self.no("POST", f"{home['id']}/failoverCancel")

    def job_path(self, reply: Any) -> str:
        assert reply.status_code == 202, reply.text
        name = reply.headers["Location"].split("/operationresults/")[1].split("?")[0]
        return f"{self.wire.vault}/replicationJobs/{name}"

    def jobs(self) -> None:
        wire, item = self.wire, self.wire.item("web-05")
        failed = self.job_path(wire.start(item, "unplannedFailover", self.out(item)))
        wire.until(lambda: wire.get(failed), lambda seen: seen["properties"]["state"] == "Failed")
        self.done("POST", f"{failed}/restart")
        slow = wire.item("web-09")
        # A job that is cancelled must not have ended before.
        wire.control("POST", "/clock", {"speed": 1})
        running = self.job_path(wire.start(slow, "unplannedFailover", self.out(slow)))
        cancelled = wire.call("POST", f"{running}/cancel")
        wire.control("POST", "/clock", {"speed": SPEED})
        assert cancelled.status_code == 202, cancelled.text
        wire.get(running)
        self.done(
            "POST",
            f"{wire.vault}/replicationJobs/export",
            {"startTime": "2026-01-01T00:00:00Z", "jobStatus": "Failed", "jobName": "", "affectedObjectTypes": ""},
        )

    def settings(self) -> None:
        wire, fabric = self.wire, self.fabric
        for kind, name, change in (
            ("replicationAlertSettings", "defaultAlertSetting", {"customEmailAddresses": ["ops@home.example"]}),
            ("replicationVaultSettings", "default", {"vmwareToAzureProviderType": "VMWare"}),
        ):
            wire.get(f"{wire.vault}/{kind}")
            assert wire.call("PUT", f"{wire.vault}/{kind}/{name}", {"properties": change}).status_code == 200
            wire.get(f"{wire.vault}/{kind}/{name}")
        for verb in ("checkConsistency", "renewCertificate"):
            self.done("POST", f"{fabric}/{verb}")
        self.done("POST", f"{wire.vault}/replicationVaultHealth/default/refresh")
        (provider,) = wire.all(f"{fabric}/replicationRecoveryServicesProviders")[:1]
        self.done("POST", f"{provider['id']}/refreshProvider")
        for path in ("replicationNetworks/none", "replicationLogicalNetworks/none"):
            self.no("GET", f"{fabric}/{path}")
        mapping = f"{fabric}/replicationNetworks/none/replicationNetworkMappings"
        self.no("GET", mapping)
        body = {"properties": {"recoveryFabricName": "Microsoft Azure", "recoveryNetworkId": "/x/vnet"}}
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            self.no(method, f"{mapping}/one", body if method in ("PUT", "PATCH") else None)

    def reads(self) -> None:
        wire, vault, fabric = self.wire, self.wire.vault, self.fabric
        test_answers.look(wire)
        for path in ("Appliances", "SupportedOperatingSystems", "Networks", "NetworkMappings", "ProtectionContainers"):
            wire.get(f"{vault}/replication{path}")
        for path in ("MigrationItems", "ProtectionClusters", "ProtectionIntents"):
            wire.get(f"{vault}/replication{path}")
        for path in ("Classifications", "ClassificationMappings"):
            wire.get(f"{vault}/replicationStorage{path}")
        for path in ("Networks", "LogicalNetworks"):
            wire.get(f"{fabric}/replication{path}")
        item = wire.item("web-04")
        wire.get(f"{item['id']}/targetComputeSizes")
        if self.modern:
            self.no("GET", f"{fabric}/replicationvCenters/none")
            container = wire.all(f"{vault}/replicationProtectionContainers")[0]["id"]
            self.no("GET", f"{container}/replicationProtectableItems/none")

    def subscription(self) -> None:
        wire, below = self.wire, f"/subscriptions/{SUBSCRIPTION}"
        wire.get(below)
        wire.get(wire.vault)
        wire.get(wire.vault.rsplit("/", 1)[0])
        for path in ("resourceGroups", "locations", "providers", "providers/Microsoft.Compute", "resources"):
            wire.get(f"{below}/{path}")
        assert wire.call("POST", f"{below}/providers/Microsoft.Compute/register").status_code == 200
        compute = f"{below}/providers/Microsoft.Compute"
        for path in ("skus", "locations/westeurope/usages"):
            wire.get(f"{compute}/{path}")
        wire.control("POST", "/settings", {"gallery_image": True})
        gallery = (
            "MicrosoftAzureSiteRecovery/artifacttypes/vmimage/offers/Process-Server/skus/Windows-2012-R2-Datacenter"
        )
        wire.get(f"{compute}/locations/westeurope/publishers/{gallery}/versions")

    def machines(self) -> None:
        wire = self.wire
        vm = wire.all(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines")[0]["id"]
        wire.get(vm)
        wire.get(f"{vm}/instanceView")
        reply = wire.call("POST", f"{vm}/runCommand", {"commandId": "RunShellScript", "script": ["t 10.0.0.5 443"]})
        assert reply.status_code == 202, reply.text
        assert "asr tcp 10.0.0.5 443 open" in wire.get(reply.headers["Location"])["value"][0]["message"]
        for verb in ("deallocate", "start", "powerOff"):
            reply = wire.call("POST", f"{vm}/{verb}")
            assert reply.status_code == 202, reply.text
            wire.until(
                lambda link=reply.headers["Location"]: wire.get(link), lambda seen: seen["status"] == "Succeeded"
            )  # type: ignore[misc]
        wire.control("POST", "/locks", {"scope": vm, "name": "keep", "level": "CanNotDelete"})
        wire.get(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/locks")
        wire.control("DELETE", "/locks")
        eligible = f"{vm}/providers/Microsoft.RecoveryServices/replicationEligibilityResults"
        wire.get(eligible)
        wire.get(f"{eligible}/default")

    def deployments(self) -> None:
        wire, group = self.wire, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-homeward-dr"
        deployment = f"{group}/providers/Microsoft.Resources/deployments/one"
        made = parts(group)
        template = {"$schema": "s", "contentVersion": "1.0.0.0", "parameters": {}, "resources": list(made.values())}
        body = {"properties": {"mode": "Incremental", "template": template, "parameters": {}}}
        assert wire.call("POST", f"{deployment}/validate", body).status_code == 200
        wire.get(wire.call("POST", f"{deployment}/whatIf", body).headers["Location"])
        assert wire.call("PUT", deployment, body).status_code == 201
        ended = wire.until(
            lambda: wire.get(deployment), lambda seen: seen["properties"]["provisioningState"] != "Running"
        )
        assert ended["properties"]["provisioningState"] == "Succeeded", ended
        assert wire.get(deployment.rsplit("/", 1)[0])["value"]
        ids = [f"{group}/providers/{kind}/{kind.rsplit('/', 1)[1].lower()}" for kind in made]
        for one in ids:
            wire.get(one)
            wire.get(one.rsplit("/", 1)[0])
        network = f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-dr-2"
        wire.get(network)
        wire.get(network.rsplit("/", 1)[0])
        gateway = f"{group}/providers/Microsoft.Network/virtualNetworkGateways/vpn-dr"
        connection = f"{group}/providers/Microsoft.Network/connections/to-home"
        wire.get(gateway.rsplit("/", 1)[0])
        assert wire.get(gateway)["properties"]["gatewayType"] == "Vpn"
        for listed in (connection.rsplit("/", 1)[0], f"{gateway}/connections"):
            (one,) = wire.get(listed)["value"]
            assert (one["id"], one["properties"].get("connectionStatus")) == (connection, None)
        assert wire.get(connection)["properties"]["connectionStatus"] == "Connected"
        wire.get(f"{network}/checkIPAddressAvailability?ipAddress=10.60.0.44")
        command = f"{ids[-1]}/runCommands/one"
        script = {"location": "westeurope", "properties": {"source": {"script": "hostname"}}}
        assert wire.call("PUT", command, script).status_code == 201
        wire.get(command)
        for one in reversed(ids):
            assert wire.call("DELETE", one).status_code == 202
            wire.until(lambda one=one: wire.call("GET", one).status_code, lambda status: status == 404)  # type: ignore[misc]
        assert wire.call("DELETE", deployment).status_code == 202


def parts(group: str) -> dict[str, dict[str, Any]]:
    """A template's resources by type, each named as its type in lower case; those that need others come later."""
    network = f"{group}/providers/Microsoft.Network"
    subnet = {"id": f"{network}/virtualNetworks/vnet-dr-2/subnets/servers"}
    config = {"name": "primary", "properties": {"privateIPAddress": "10.60.0.9", "subnet": subnet}}
    wanted: dict[str, dict[str, Any]] = {
        "Microsoft.Network/networkSecurityGroups": {"securityRules": []},
        "Microsoft.Network/publicIPAddresses": {"publicIPAllocationMethod": "Static"},
        "Microsoft.Network/networkInterfaces": {"ipConfigurations": [config]},
        "Microsoft.Compute/disks": {"diskSizeGB": 32, "diskState": "Unattached"},
        "Microsoft.Compute/snapshots": {"diskSizeGB": 32},
        "Microsoft.Compute/virtualMachines": {
            "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
            "osProfile": {"computerName": "ps-new", "adminUsername": "operator"},
            "storageProfile": {
                "imageReference": {
                    "publisher": "MicrosoftWindowsServer",
                    "offer": "WindowsServer",
                    "sku": "2016-Datacenter",
                },
                "osDisk": {"name": "ps-new-os", "createOption": "FromImage"},
                "dataDisks": [],
            },
            "networkProfile": {"networkInterfaces": [{"id": f"{network}/networkInterfaces/networkinterfaces"}]},
        },
    }
    common = {"apiVersion": "2023-11-01", "location": "westeurope"}
    return {
        kind: {"type": kind, "name": kind.rsplit("/", 1)[1].lower(), **common, "properties": properties}
        for kind, properties in wanted.items()
    }


SPEED = 1200


@pytest.fixture(scope="module", params=["classic", "modernized"])
def walk(request: pytest.FixtureRequest, run_vault: Callable[..., Wire]) -> Walk:
    made = copy.deepcopy(SMALL)
    if request.param == "modernized":
        made["vaults"] = [copy.deepcopy(MODERN)]
    made["speed"] = SPEED
    made["vaults"][0]["recovery_plans"] = {"home": ["web-06"]}
    made["machines"][4]["faults"] = [FAULT]
    made["machines"] += [
        {"name": f"web-{n:02d}", "os": "Linux", "disks_gb": [30], "ip": f"10.20.0.{n + 10}"} for n in range(6, 10)
    ]
    made["machines"][5]["state"] = "ready"
    wire = run_vault(made)
    wire.control("POST", "/settings", {"throttle": False})
    found = Walk(wire, request.param)
    found.circle()
    found.beside_the_way()
    found.plans()
    found.jobs()
    found.reads()
    found.settings()
    found.subscription()
    found.machines()
    found.deployments()
    return found


def test_every_route_is_asked(walk: Walk) -> None:
    good = {e.route for e in walk.exchanges if e.status < 400}
    refused = {e.route for e in walk.exchanges if 400 <= e.status < 500}
    expected = set(REFUSED[walk.generation])
    assert sorted(set(ROUTES) - good - expected) == [], "a route without a contract case"
    assert sorted(expected - refused) == [], "a refusal that was not seen"
    assert sorted(expected & good) == [], "told to be refused, and works"
    assert sorted(good - set(ROUTES)) == []


def test_answers_fit(walk: Walk, spec: Spec) -> None:
    wrong = []
    for exchange in walk.exchanges:
        operation = spec.operation(exchange.method, exchange.path)
        if exchange.status >= 400:
            wrong += [f"{exchange}: {p}" for p in unlike(REFUSAL, exchange.answer)]
        elif operation is None:
            wrong += [f"{exchange}: {p}" for p in unlike(SHAPES[exchange.route], exchange.answer)]
        elif str(exchange.status) not in operation["responses"]:
            wrong.append(f"{exchange}: this status is not described")
        else:
            schema = spec.response_schema(operation, exchange.status)
            if schema is None:
                wrong += [f"{exchange}: no body is described"] if exchange.answer else []
            elif exchange.answer is not None:
                wrong += [f"{exchange}: {p}" for p in spec.problems(schema, exchange.answer)]
            elif exchange.status == 200:
                wrong.append(f"{exchange}: the body is missing")
    assert not wrong, "\n".join(sorted(set(wrong))[:30])


def test_requests_fit(walk: Walk, spec: Spec) -> None:
    wrong = []
    for exchange in walk.exchanges:
        operation = spec.operation(exchange.method, exchange.path)
        if operation is None or exchange.method == "GET":
            continue
        schema = spec.request_schema(operation)
        if schema is None:
            wrong += [f"{exchange}: no body is described"] if exchange.request is not None else []
        elif exchange.status < 400 or exchange.request is not None:
            wrong += [f"{exchange}: {p}" for p in spec.problems(schema, exchange.request)]
    assert not wrong, "\n".join(sorted(set(wrong))[:30])


def unlike(shape: dict[str, Any], answer: Any) -> list[str]:
    return [f"{e.json_path}: {e.message[:200]}" for e in jsonschema.Draft7Validator(shape).iter_errors(answer)]


def test_no_shape_is_left_over() -> None:
    """A shape is for a route that is served."""
    assert sorted(set(SHAPES) - set(ROUTES)) == []
