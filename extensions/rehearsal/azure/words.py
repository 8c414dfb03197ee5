# SPDX-License-Identifier: GPL-3.0-or-later
"""Literal words and ids of the service (SEEN unless told otherwise)."""

from __future__ import annotations

import json
from typing import Any

AZURE = "Microsoft Azure"
#: Azure itself as a recovery container: the same fixed pair in a vault of 2021 and one of 2023.
AZURE_FABRIC = "d49858f157601230a6ac5862fbbc6e63bf38d23ecd96cf953767945d457fe9d5"
AZURE_CONTAINER = "d38048d4-b460-4791-8ece-108395ee8478"
#: Azure itself as a recovery server in the jobs of a classic vault.
AZURE_SERVER = "21a9403c-6ec1-44f2-b744-b4e50b792387"

NOT_STARTED_TIME = "0001-01-01T00:00:00"
NO_SCENARIO_TIME = "1753-01-01T01:01:01Z"
NEVER_EXPIRES = "9999-12-31T23:59:59.9999999"

RS = "Microsoft.RecoveryServices/vaults"
ITEM_TYPE = f"{RS}/replicationFabrics/replicationProtectionContainers/replicationProtectedItems"

#: Placed in rendered list entries where a value moves with time; replaced when the list is served.
HEARTBEAT_MARK = "@heartbeat@"
RPO_MARK = "@rpo@"
AGE_MARK = '"@age@"'
PROGRESS_MARK = '"@progress@"'

AGENT_VERSION = "9.66.7567.1"
MIB = 1024 * 1024
GIB = 1024 * MIB


def dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def same(a: str | None, b: str | None) -> bool:
    """Ids and names of ARM are compared without regard to case."""
    return (a or "").casefold() == (b or "").casefold()


def last_segment(resource_id: str) -> str:
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


def booltext(value: bool) -> str:
    """Booleans inside providerSpecificDetails are often strings."""
    return "true" if value else "false"
