# SPDX-License-Identifier: GPL-3.0-or-later
"""The words by which subjects and rules find each other: generations, moments and kinds of subjects. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...lifecycle.table import (
    COMMIT_TO_AZURE,
    COMMIT_TO_ONPREM,
    FAILOVER_TO_AZURE,
    FAILOVER_TO_ONPREM,
    REPROTECT_TO_AZURE,
    REPROTECT_TO_ONPREM,
)

CLASSIC, MODERNIZED = "classic", "modernized"
BOTH = frozenset({CLASSIC, MODERNIZED})
ONLY_CLASSIC = frozenset({CLASSIC})

#: Moments: the steps of the life cycle, and the building of servers.
MASTER_TARGET, PROCESS_SERVER = "master_target", "process_server"
OUT = frozenset({FAILOVER_TO_AZURE})
REPROTECT = frozenset({REPROTECT_TO_ONPREM})
FAILOVER = frozenset({FAILOVER_TO_ONPREM})
COMMIT = frozenset({COMMIT_TO_ONPREM})
BACK = frozenset({REPROTECT_TO_AZURE})
STEPS = OUT | {COMMIT_TO_AZURE} | REPROTECT | FAILOVER | COMMIT | BACK
MOMENTS: tuple[str, ...] = (
    FAILOVER_TO_AZURE,
    COMMIT_TO_AZURE,
    REPROTECT_TO_ONPREM,
    FAILOVER_TO_ONPREM,
    COMMIT_TO_ONPREM,
    REPROTECT_TO_AZURE,
    MASTER_TARGET,
    PROCESS_SERVER,
)

#: What a rule is about.
MACHINE, GROUP, GATEWAY, PS, CS = "machine", "group", "gateway", "process_server", "configuration_server"
#: Servers while they are built: one that does not exist yet, and one as it is seen from inside.
PLANNED, MT_INSIDE = "planned_process_server", "master_target_inside"
ABOUT: Mapping[str, str] = MappingProxyType(
    {
        MACHINE: "machine",
        GROUP: "consistency group",
        GATEWAY: "master target or appliance",
        PS: "process server",
        CS: "configuration server",
        PLANNED: "process server to be deployed",
        MT_INSIDE: "master target from inside",
    }
)
