# SPDX-License-Identifier: GPL-3.0-or-later
"""The published API description as JSON schemas: strict where it speaks, null allowed, fields seen in reality allowed.

Swagger 2 leaves much open: unknown fields pass, and a discriminated base class says nothing of its kinds. Here every
object with known properties takes no others, and an object with a discriminator must fit the kind it names.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema

#: Kinds that real answers name and the description does not; discriminated definition -> kind -> where it was seen.
SEEN_KINDS: dict[str, dict[str, str]] = {
    "TaskTypeDetails": {"TaskDetails": "tasks of recorded jobs name no kind of their own (RP1, RP2)"},
    "GroupTaskDetails": {"GroupTaskDetails": "group tasks of recorded reprotects say no more than that (RP1, RP2)"},
}

#: Fields that real answers hold and the description does not; definition -> field -> where it was seen.
SEEN_FIELDS: dict[str, dict[str, str]] = {
    "ProcessServer": {
        "historicHealth": "in list replies of recorded classic fabrics (FAB), absent from the single GET",
    },
    "InMageRcmProtectedDiskDetails": {
        "targetBlobUri": "in recorded modernized items (RCM 82)",
    },
    "InMageRcmPolicyDetails": {
        "associatedItemsCount": "in a recorded modernized policy (RCM 12)",
        "dataSourceType": "in a recorded modernized policy (RCM 12)",
        "status": "in a recorded modernized policy (RCM 12)",
    },
}


class Spec:
    def __init__(self, path: Path) -> None:
        self.raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.definitions: dict[str, Any] = self.raw["definitions"]

    # -- operations --------------------------------------------------------------------------------------------------

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], str, dict[str, Any]]]:
        routes = []
        for template, methods in self.raw["paths"].items():
            pattern = re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template))
            for method, operation in methods.items():
                routes.append((re.compile(pattern, re.IGNORECASE), method.upper(), operation))
        return routes

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation a request belongs to; None where the description does not know the path."""
        for pattern, verb, operation in self._routes:
            if verb == method and pattern.fullmatch(path):
                return operation
        return None

    def request_schema(self, operation: dict[str, Any]) -> dict[str, Any] | None:
        for parameter in operation["parameters"]:
            if parameter.get("in") == "body":
                return parameter["schema"]
        return None

    def response_schema(self, operation: dict[str, Any], status: int) -> dict[str, Any] | None:
        return operation["responses"][str(status)].get("schema")

    # -- schemas -----------------------------------------------------------------------------------------------------

    @cached_property
    def schemas(self) -> dict[str, Any]:
        return {name: self._definition(name) for name in self.definitions}

    def _kinds(self, base: str) -> dict[str, str]:
        """Discriminator value -> definition, for everything that derives from a base."""
        found = {}
        for name, definition in self.definitions.items():
            if name != base and base in self._ancestors(name):
                found[definition.get("x-ms-discriminator-value", name)] = name
        return found

    def _ancestors(self, name: str) -> list[str]:
        parents = [ref["$ref"].rsplit("/", 1)[1] for ref in self.definitions[name].get("allOf", [])]
        return parents + [older for parent in parents for older in self._ancestors(parent)]

    def _definition(self, name: str) -> dict[str, Any]:
        definition = self.definitions[name]
        if "enum" in definition:
            return self._nullable(definition)
        discriminator = definition.get("discriminator")
        kinds = self._kinds(name) if discriminator else {}
        if kinds:
            seen = [*SEEN_KINDS.get(name, {})]
            if self._ancestors(name):
                # A kind of something that has kinds itself.
                kinds = {definition.get("x-ms-discriminator-value", name): f"{name}/itself", **kinds}
            choices = [
                {
                    "if": {
                        "type": "object",
                        "properties": {discriminator: {"const": value}},
                        "required": [discriminator],
                    },
                    "then": self._plain(name) if kind.endswith("/itself") else {"$ref": f"#/definitions/{kind}"},
                }
                for value, kind in kinds.items()
            ]
            return {
                "type": ["object", "null"],
                "required": [discriminator],
                "properties": {discriminator: {"enum": sorted([*kinds, *seen])}},
                "allOf": choices,
            }
        return self._plain(name)

    def _plain(self, name: str) -> dict[str, Any]:
        """A definition without regard to its kinds."""
        properties: dict[str, Any] = {}
        required: list[str] = []
        for part in [*reversed(self._ancestors(name)), name]:
            for key, value in self.definitions[part].get("properties", {}).items():
                properties[key] = self._nullable(value)
            required += self.definitions[part].get("required", [])
        properties.update(dict.fromkeys(SEEN_FIELDS.get(name, {}), True))
        schema: dict[str, Any] = {"type": ["object", "null"], "properties": properties, "required": required}
        if properties:
            schema["additionalProperties"] = False
        return schema

    def _nullable(self, value: dict[str, Any]) -> dict[str, Any]:
        """A property's schema; null is always allowed (the service's own recorded answers hold nulls everywhere)."""
        if "$ref" in value:
            return {"anyOf": [{"type": "null"}, {"$ref": value["$ref"]}]}
        schema: dict[str, Any] = {"type": [value.get("type", "object"), "null"]}
        if "enum" in value and not (value.get("x-ms-enum") or {}).get("modelAsString", False):
            schema["enum"] = [*value["enum"], None]
        if value.get("format") == "date-time":
            # With a zone or without one (SEEN).
            schema["pattern"] = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$"
        if "items" in value:
            schema["items"] = self._nullable(value["items"])
        return schema

    def problems(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What is wrong with a body, each with its place; empty when it fits."""
        whole = (
            {**schema, "definitions": self.schemas}
            if "$ref" not in schema
            else {
                "allOf": [schema],
                "definitions": self.schemas,
            }
        )
        validator = jsonschema.Draft7Validator(whole)
        return [f"{error.json_path}: {error.message[:300]}" for error in leaves(validator.iter_errors(value))]


def leaves(errors: Any) -> Any:
    """The innermost causes: an anyOf with null says nothing on its own."""
    for error in errors:
        inner = [e for e in error.context or [] if e.validator_value != "null"]
        if inner:
            yield from leaves(inner)
        else:
            yield error
