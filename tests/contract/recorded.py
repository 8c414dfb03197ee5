# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares an answer with a recorded one: the same keys, the same types, the same words.

What belongs to the recorded place and hour is compared by its form: times by their zone, ids by their types and fixed parts,
names and measured numbers by their type alone. Everything else must be the same literal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
TIME = re.compile(r"(\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")
#: Years of the sentinels: such a time is a word.
SENTINELS = ("0001", "1601", "1753", "9999")

_PLACE = """
    name friendlyName fqdn vmFqdn osName version driverVersion agentVersion providerVersion machineName applianceName vmName
    policyFriendlyName lastUsedPolicyFriendlyName fabricFriendlyName primaryFabricFriendlyName
    primaryProtectionContainerFriendlyName sourceProtectionContainerFriendlyName sourceFabricFriendlyName
    processServerName reprotectAgentName targetVmName targetDataStoreName targetVmSize targetLocation targetSubnetName
    sourceNetworkId primaryNicIpAddress sourceIPAddress sourceIpAddress nicId macAddress diskId datastoreName
    processorCoreCount allocatedMemoryInMB capacityInBytes lastRpoInSeconds dataPendingInLogDataStoreInMB
    dataPendingAtSourceAgentInMB serviceEndpoint serviceResourceId serviceContainerId dataPlaneUri controlPlaneUri rcmUri
    audience aadAuthority protectedItemCount appConsistentFrequencyInMinutes
    totalMemoryInBytes availableMemoryInBytes usedMemoryInBytes memoryUsagePercentage totalSpaceInBytes
    availableSpaceInBytes usedSpaceInBytes freeSpacePercentage throughputUploadPendingDataInBytes throughputInBytes
    processorUsagePercentage
"""
#: Fields that hold a name, an address or a version of the recorded place, or something measured there.
PLACE = frozenset(_PLACE.split())
#: Sentences in which only what is in quotes is the place's.
SENTENCES = frozenset({"errorMessage", "possibleCauses", "message"})
#: A name of the place, or Azure itself.
AZURE_OR_PLACE = frozenset({"recoveryFabricFriendlyName", "recoveryProtectionContainerFriendlyName"})
#: Lists whose entries are names or addresses of the recorded place.
PLACE_LISTS = frozenset({"accessibleDatastores", "datastores", "ipAddresses"})
#: Fields newer than the recordings; the published description holds them.
NEWER = frozenset({"protectedItemCount", "forwardProtectedItemCount", "reverseProtectedItemCount"})
#: Names in ids that are the same everywhere.
FIXED = re.compile(r"^([0-9a-f]{64}|d38048d4-b460-4791-8ece-108395ee8478|None|cloud_)")
#: Names given by the service itself; the rest of an id's names are the place's.
SERVICE_NAMES = ("crashconsistency-policy-failback",)


def load(directory: Path, number: int) -> dict[str, Any]:
    (file,) = directory.glob(f"rcm_{number:03d}_*.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def differences(recorded: Any, answered: Any, key: str = "", place: str = "$") -> Iterator[str]:
    """What is not the same, each with its place; nothing when it is."""
    if type(recorded) is not type(answered):
        yield f"{place}: recorded {recorded!r}, answered {answered!r}"
    elif isinstance(recorded, dict):
        for name in sorted(set(recorded) - set(answered)):
            yield f"{place}.{name}: recorded {recorded[name]!r}, not answered"
        for name in sorted(set(answered) - set(recorded) - NEWER):
            yield f"{place}.{name}: never recorded, answered {answered[name]!r}"
        for name in recorded.keys() & answered.keys():
            yield from differences(recorded[name], answered[name], name, f"{place}.{name}")
    elif isinstance(recorded, list):
        if key in PLACE_LISTS:
            yield from (
                f"{place}: {entry!r} is no name" for entry in answered if not isinstance(entry, str) or not entry
            )
            return
        if len(recorded) != len(answered):
            yield f"{place}: recorded {len(recorded)} entries, answered {len(answered)}"
        for n, (one, other) in enumerate(zip(recorded, answered, strict=False)):
            yield from differences(one, other, key, f"{place}[{n}]")
    elif form(recorded, key) != form(answered, key):
        yield f"{place}: recorded {recorded!r}, answered {answered!r}"


def form(value: Any, key: str) -> Any:
    """What two values must have in common."""
    if not isinstance(value, str):
        return "number" if key in PLACE else value
    if value in SERVICE_NAMES:
        return value
    if key in PLACE:
        return "text" if value else ""
    if key in SENTENCES:
        return re.sub("'[^']*'", "'*'", value)
    if key in AZURE_OR_PLACE:
        return value if value == "Microsoft Azure" else "text"
    if value.startswith(("https://", "/")) and value.count("/") > 2:
        return id_form(value)
    if GUID.fullmatch(value):
        return "guid"
    time = TIME.fullmatch(value)
    if time and time.group(1) not in SENTINELS:
        return ("time", bool(time.group(3)))
    return value


def id_form(value: str) -> str:
    """An id or link with its names left out, but those that are the same everywhere. Case counts."""
    address, _dummy, query = value.partition("?")
    link = address.startswith("https://")
    path = address.split("/", 3)[3] if link else address.lstrip("/")
    out: list[str] = []
    before = ""
    for part in path.split("/"):
        fixed = FIXED.match(part)
        is_name = before in NAMED and part not in SERVICE_NAMES
        out.append((fixed.group() if fixed else "*") if is_name else part)
        before = part
    keys = ",".join(sorted(term.split("=")[0] for term in query.split("&") if term))
    return ("https://*/" if link else "/") + "/".join(out) + (f"?{keys}" if keys else "")


_NAMED = """
    Subscriptions subscriptions resourceGroups vaults replicationFabrics replicationProtectionContainers
    replicationProtectedItems replicationPolicies replicationJobs recoveryPoints replicationRecoveryServicesProviders
    replicationRecoveryPlans replicationProtectionContainerMappings replicationOperationStatus operationresults
    VMwareSites ServerSites machines vcenters runasaccounts virtualMachines disks storageAccounts virtualNetworks
"""
#: Types that are followed by a name.
NAMED = frozenset(_NAMED.split())
