# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shape the keys of a Site Recovery request's body must have: the service refuses what it cannot deserialize (DOC, no body recorded)."""

from __future__ import annotations

from typing import Any

from rehearsal.azure.errors import refused

OBJECTS = frozenset(
    (
        "properties",
        "providerSpecificDetails",
        "replicationProviderInput",
        "diskExclusionInput",
    )
)
LISTS_OF_OBJECTS = frozenset(
    (
        "groups",
        "replicationProtectedItems",
        "startGroupActions",
        "endGroupActions",
        "healthErrors",
        "vmNics",
        "ipConfigs",
        "disks",
    )
)
LISTS_OF_TEXTS = frozenset(("vmsToMigrate", "customEmailAddresses", "failoverTypes", "disksToInclude"))
#: Ends of keys that stand for one word or id. A number or boolean is taken for its text, as the service does.
WORDS = ("Id", "ID", "Type", "Name", "Size", "Direction", "Operations", "Drive", "performShutdown", "mode")


def check(body: dict[str, Any], plan: bool = False) -> None:
    """Raises Refused for the first key of another shape. A plan takes a list of providers' details where an item takes one.

    What a deployment's template says of its resources is for their own providers to check: a run command's parameters are a list.
    """
    for key, value in body.items():
        if value is None:
            continue
        listed = key in LISTS_OF_OBJECTS or (plan and key == "providerSpecificDetails")
        if listed and not (isinstance(value, list) and all(isinstance(entry, dict) for entry in value)):
            raise _misshapen(key, "a list of objects")
        if key in OBJECTS and not listed and not isinstance(value, dict):
            raise _misshapen(key, "an object")
        if key in LISTS_OF_TEXTS and not (isinstance(value, list) and all(isinstance(entry, str) for entry in value)):
            raise _misshapen(key, "a list of texts")
        if key == "id" or key.endswith(WORDS):
            if isinstance(value, dict | list):
                raise _misshapen(key, "one text")
        elif isinstance(value, dict) and key != "template":
            check(value, plan)
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, dict):
                    check(entry, plan)


def _misshapen(key: str, wanted: str) -> Exception:
    return refused(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: the property '{key}' is not {wanted}.",
    )
