# SPDX-License-Identifier: GPL-3.0-or-later
"""Template deployments: validated, looked ahead (what-if), run on the virtual clock, remembered (DOC: general knowledge).

Templates are understood as far as they are plain: literal values, and ``[parameters('name')]`` where a value is secret.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from rehearsal.azure import catalogue, networks
from rehearsal.azure.clock import iso
from rehearsal.azure.errors import Refused, refused
from rehearsal.azure.resourcegroups import AzureResources, Body
from rehearsal.azure.words import same

_PARAMETER = re.compile(r"\[parameters\('([^']+)'\)\]")

#: What a run command shows when its script failed.
FAILED_SCRIPT = "The setup of the process server ended with exit code {code}."


@dataclass
class Deployment:
    """One deployment by its name; ``state`` is Running, Succeeded or Failed."""

    id: str
    template: Body
    parameters: Body
    started: float
    ends: float
    state: str = "Running"
    error: Body | None = None
    correlation: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def group(self) -> str:
        return self.id.split("/providers/")[0]

    def resources(self) -> list[Body]:
        return [placed(r, self.group) for r in self.template.get("resources") or ()]

    def body(self, now: float) -> Body:
        declared = self.template.get("parameters") or {}
        shown = {
            name: {"type": spec["type"], **({} if _secret(spec) else {"value": self.parameters.get(name)})}
            for name, spec in declared.items()
        }
        properties: Body = {
            "templateHash": str(int(_digest(self.template)[:15], 16)),
            "parameters": shown,
            "mode": "Incremental",
            "provisioningState": self.state,
            "timestamp": iso(min(now, self.ends)),
            "duration": f"PT{max(0.0, min(now, self.ends) - self.started):.3f}S",
            "correlationId": self.correlation,
            "providers": [],
            "dependencies": [],
        }
        if self.state == "Succeeded":
            properties["outputs"] = {
                name: {"type": out["type"], "value": out["value"]}
                for name, out in (self.template.get("outputs") or {}).items()
            }
            properties["outputResources"] = [{"id": r["id"]} for r in self.resources()]
        if self.error is not None:
            properties["error"] = self.error
        return {
            "id": self.id,
            "name": self.name,
            "type": "Microsoft.Resources/deployments",
            "tags": {},
            "properties": properties,
        }


def placed(resource: Body, group: str) -> Body:
    """A template's resource with the id it will have."""
    kinds, names = resource["type"].split("/"), resource["name"].split("/")
    below = "/".join(f"{kind}/{name}" for kind, name in zip(kinds[1:], names, strict=True))
    return {**resource, "id": f"{group}/providers/{kinds[0]}/{below}", "name": names[-1]}


def _secret(spec: Body) -> bool:
    return spec["type"].casefold() in ("securestring", "secureobject")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def resolved(value: Any, parameters: Body) -> Any:
    """A template's value with its parameters put in."""
    if isinstance(value, dict):
        return {k: resolved(v, parameters) for k, v in value.items()}
    if isinstance(value, list):
        return [resolved(v, parameters) for v in value]
    found = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
    return parameters.get(found.group(1)) if found else value


class Deployments:
    """All deployments by id."""

    def __init__(self, estate: AzureResources) -> None:
        self.estate = estate
        self.world = estate.world
        self.known: dict[str, Deployment] = {}
        self.started = 0

    def find(self, deployment_id: str) -> Deployment | None:
        return self.known.get(deployment_id.casefold())

    # -- checks ---------------------------------------------------------------------------------------------------------

    def read(self, request: Body) -> tuple[Body, Body]:
        """Template and parameter values of a request; Raises Refused where it is no deployment."""
        properties = request.get("properties") or {}
        if not isinstance(properties, dict):
            raise refused(400, "InvalidRequestContent", "The property properties is no object.")
        template = properties.get("template")
        if properties.get("mode") != "Incremental" or not isinstance(template, dict):
            raise refused(400, "InvalidRequestContent", "The request needs properties.mode Incremental and a template.")
        for key in ("$schema", "contentVersion", "resources"):
            if key not in template:
                raise _invalid(f"Deployment template validation failed: the property '{key}' is missing.")
        values = properties.get("parameters") or {}
        listed, parameters = template["resources"], values.values() if isinstance(values, dict) else [values]
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in [*parameters, *listed]):
            raise _invalid("Deployment template validation failed: parameters and resources are objects.")
        given = {name: entry.get("value") for name, entry in values.items()}
        declared = template.get("parameters") or {}
        unknown, missing = sorted(set(given) - set(declared)), sorted(n for n in declared if not given.get(n))
        if unknown:
            raise _invalid(f"The template parameters '{', '.join(unknown)}' are not valid; they are not declared.")
        if missing:
            raise _invalid(f"The value for the template parameter '{missing[0]}' is not provided.")
        for entry in template["resources"]:
            lacking = [k for k in ("type", "apiVersion", "name", "location") if not entry.get(k)]
            if lacking:
                raise _invalid(f"The template resource '{entry.get('name')}' lacks '{lacking[0]}'.")
        return template, given

    def validate(self, group: str, template: Body, given: Body) -> list[Body]:
        """The resources as they would be made. Raises Refused for what cannot be made."""
        made = [resolved(placed(r, group), given) for r in template["resources"]]
        ids = {r["id"].casefold() for r in made}
        problems: list[Body] = []
        for resource in made:
            for needed in resource.get("dependsOn") or ():
                if needed.casefold() not in ids:
                    problems.append(_problem("InvalidTemplate", f"'{needed}' is not defined in the template."))
            kind = resource["type"].casefold()
            if kind == "microsoft.network/networkinterfaces":
                problems += self._interface(resource)
            elif kind == "microsoft.compute/virtualmachines":
                problems += self._machine(resource)
        if problems:
            raise Refused(
                400,
                {
                    "error": {
                        "code": "InvalidTemplateDeployment",
                        "message": "The template deployment is not valid according to the validation procedure.",
                        "details": problems,
                    }
                },
            )
        return made

    def _interface(self, nic: Body) -> list[Body]:
        problems = []
        for entry in nic["properties"]["ipConfigurations"]:
            subnet_id, address = entry["properties"]["subnet"]["id"], entry["properties"].get("privateIPAddress")
            network = self.estate.find(subnet_id.rsplit("/subnets/", 1)[0])
            names = [s["name"].casefold() for s in (network or {}).get("properties", {}).get("subnets", ())]
            if network is None or subnet_id.rsplit("/", 1)[-1].casefold() not in names:
                problems.append(_problem("InvalidResourceReference", f"Resource {subnet_id} was not found."))
                continue
            mine = self.estate.find(nic["id"])
            kept = mine is not None and mine["properties"]["ipConfigurations"][0]["properties"].get(
                "privateIPAddress"
            ) == (address)
            if not kept and not networks.is_free(network, address, self.estate.addresses()):
                problems.append(
                    _problem("PrivateIPAddressInUse", f"Private IP address {address} is in use or not in the subnet.")
                )
        return problems

    def _machine(self, vm: Body) -> list[Body]:
        size = vm["properties"]["hardwareProfile"]["vmSize"]
        if size not in catalogue.SIZES or size in catalogue.RESTRICTED:
            return [_problem("SkuNotAvailable", f"The requested VM size {size} is currently not available.")]
        image = vm["properties"]["storageProfile"]["imageReference"]
        if not catalogue.offered(image["publisher"], image["offer"], image["sku"], self.world.settings.gallery_image):
            return [
                _problem("PlatformImageNotFound", f"The platform image '{':'.join(image.values())}' is not available.")
            ]
        cores = catalogue.SIZES[size][1]
        if self.estate.find(vm["id"]) is None and cores > self.world.settings.cores_left:
            return [
                _problem("QuotaExceeded", f"Operation could not be completed as it exceeds the quota of {cores} cores.")
            ]
        return []

    def what_if(self, made: list[Body]) -> Body:
        """What would change, resource by resource."""
        changes = []
        for resource in made:
            there = self.estate.find(resource["id"])
            if there is None:
                changes.append({"resourceId": resource["id"], "changeType": "Create", "after": {"id": resource["id"]}})
                continue
            delta = [
                {"path": path, "propertyChangeType": "Modify", "before": old, "after": new}
                for path, old, new in _differences("", there, _public(resource))
            ]
            changes.append(
                {"resourceId": resource["id"], "changeType": "Modify" if delta else "NoChange", "delta": delta}
            )
        return {"status": "Succeeded", "properties": {"correlationId": str(uuid.uuid4()), "changes": changes}}

    # -- running -----------------------------------------------------------------------------------------------------

    def start(self, deployment_id: str, template: Body, given: Body) -> Deployment:
        """Begin a deployment. Raises Refused while one of that name runs."""
        running = self.find(deployment_id)
        if running is not None and running.state == "Running":
            raise refused(
                409,
                "DeploymentActive",
                f"Unable to edit or replace deployment '{running.name}': previous deployment is still active.",
            )
        group = deployment_id.split("/providers/")[0]
        made = self.validate(group, template, given)
        now = self.world.clock.now()
        public = {n: v for n, v in given.items() if not _secret(template["parameters"][n])}
        ends = now + self.world.durations["deployment"]
        deployment = Deployment(deployment_id, template, public, now, ends)
        self.known[deployment_id.casefold()] = deployment
        self.started += 1
        self.world.clock.call_at(deployment.ends, lambda: self._finish(deployment, made))
        return deployment

    def _finish(self, deployment: Deployment, made: list[Body]) -> None:
        code = self.world.settings.setup_exit_code
        for resource in made:
            command = resource["type"].casefold() == "microsoft.compute/virtualmachines/runcommands"
            self.estate.make(resource)
            if not command:
                continue
            secret = {p["name"]: p["value"] for p in resource["properties"].get("protectedParameters") or ()}
            plain = {p["name"]: p["value"] for p in resource["properties"].get("parameters") or ()}
            problem = code or (0 if secret.get("Passphrase") else 1)
            self.script_ended(resource["id"], problem)
            if problem:
                deployment.state = "Failed"
                deployment.error = {
                    "code": "DeploymentFailed",
                    "message": "At least one resource deployment operation failed.",
                    "details": [
                        {"code": "VMRunCommandScriptFailed", "message": FAILED_SCRIPT.format(code=problem)},
                    ],
                }
                return
            machine = self.estate.find(resource["id"].rsplit("/", 2)[0])
            name = (machine or {}).get("properties", {}).get("osProfile", {}).get("computerName", "")
            self.estate.registered(name, plain.get("ProcessServer", ""), plain.get("ConfigurationServer", ""))
        deployment.state = "Succeeded"

    def run_command(self, resource_id: str, request: Body) -> Body:
        """A single run command; its script runs for a while."""
        properties = request.get("properties") or {}
        script = str((properties.get("source") or {}).get("script") or "")
        if not script:
            raise refused(400, "InvalidParameter", "Required parameter 'source.script' is missing (null).")
        body = {**request, "id": resource_id, "name": resource_id.rsplit("/", 1)[-1]}
        body["type"] = "Microsoft.Compute/virtualMachines/runCommands"
        self.estate.make(body)
        kept = self.estate.find(resource_id)
        assert kept is not None
        kept["view"] = {"executionState": "Running", "exitCode": 0, "output": "", "error": ""}
        machine = self.estate.find(resource_id.rsplit("/", 2)[0])
        name = (machine or {}).get("properties", {}).get("osProfile", {}).get("computerName", "")
        removes = "uninstall" in script.casefold()

        def end() -> None:
            self.script_ended(resource_id, 0)
            if removes:
                self.estate.unregistered(name)

        self.world.clock.call_at(self.world.clock.now() + self.world.durations["process_server/removed"], end)
        return kept

    def script_ended(self, resource_id: str, code: int) -> None:
        kept = self.estate.find(resource_id)
        if kept is not None:
            kept["view"] = {
                "executionState": "Failed" if code else "Succeeded",
                "exitCode": code,
                "output": "",
                "error": FAILED_SCRIPT.format(code=code) if code else "",
                "endTime": iso(self.world.clock.now()),
            }


def _problem(code: str, message: str) -> Body:
    return {"code": code, "message": message}


def _invalid(message: str) -> Refused:
    return refused(400, "InvalidTemplate", message)


def _public(resource: Body) -> Body:
    """What of a declared resource can be compared with the existing one."""
    kept = {k: v for k, v in resource.items() if k in ("location", "tags", "zones", "sku", "properties")}
    properties = dict(kept.get("properties") or {})
    properties.pop("protectedParameters", None)
    if "osProfile" in properties:
        properties["osProfile"] = {k: v for k, v in properties["osProfile"].items() if k != "adminPassword"}
    return {**kept, "properties": properties}


def _differences(path: str, there: Any, wanted: Any) -> list[tuple[str, Any, Any]]:
    """Leaves that are declared and stand differently."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        found = []
        for key, value in wanted.items():
            found += _differences(f"{path}.{key}".lstrip("."), there.get(key), value)
        return found
    if isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        found = []
        for n, value in enumerate(wanted):
            found += _differences(f"{path}.{n}", there[n], value)
        return found
    if isinstance(wanted, str) and isinstance(there, str) and same(wanted, there):
        return []
    return [] if wanted == there else [(path, there, wanted)]
