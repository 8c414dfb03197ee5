# SPDX-License-Identifier: GPL-3.0-or-later
"""The types that the service's JSON must have where we read it, and what is left of an entry with other ones.

Null stands for absent (SEEN in recorded answers), and a number may come as text (SEEN RCM). Anything else that is not of
the kind due is left out, and its path is reported, so that one odd entry affects only itself: a machine whose entry is odd
is refused by name, and every other one is read as ever.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Union

Json = Mapping[str, Any]

#: A text, or a number where a text is due; a number, or a text that is one.
TEXT, NUMBER = "text", "number"

#: An object names the kinds of those of its keys that are read; a key that ends in "!" must be there. A list of one
#: kind holds only that. ``OPEN`` is an object of which nothing but that is asked.
Shape = Union[str, "Mapping[str, Any]", "list[Any]"]

OPEN: Shape = {}

_DISK = {
    "diskId": TEXT,
    "diskName": TEXT,
    "diskCapacityInBytes": NUMBER,
    "capacityInBytes": NUMBER,
    "resyncProgressPercentage": NUMBER,
    "irDetails": OPEN,
    "resyncDetails": OPEN,
    "logStorageAccountId": TEXT,
}

_HEALTH_ERRORS: Shape = [{"innerHealthErrors": [OPEN]}]

#: A replicated item (asr-api.md 1, ReplicationProtectedItem).
ITEM: Shape = {
    "id!": TEXT,
    "name": TEXT,
    "properties!": {
        "friendlyName": TEXT,
        "protectionState": TEXT,
        "protectionStateDescription": TEXT,
        "activeLocation": TEXT,
        "replicationHealth": TEXT,
        "policyId": TEXT,
        "policyFriendlyName": TEXT,
        "allowedOperations": [TEXT],
        "currentScenario": {"scenarioName": TEXT, "jobId": TEXT},
        "healthErrors": _HEALTH_ERRORS,
        "replicationHealthErrors": _HEALTH_ERRORS,
        "failoverHealthErrors": _HEALTH_ERRORS,
        "providerSpecificDetails!": {
            "instanceType!": TEXT,
            "infrastructureVmId": TEXT,
            "fabricDiscoveryMachineId": TEXT,
            "azureVirtualMachineId": TEXT,
            "targetVmId": TEXT,
            "recoveryAzureVMName": TEXT,
            "targetVmName": TEXT,
            "multiVmGroupName": TEXT,
            "multiVmGroupId": TEXT,
            "osType": TEXT,
            "osDetails": {"osType": TEXT},
            "mobilityAgentDetails": OPEN,
            "discoveredVmDetails": {"datastores": [TEXT]},
            "datastores": [TEXT],
            "protectedDisks": [_DISK],
            "protectedManagedDisks": [_DISK],
            "switchProviderBlockingErrorDetails": [OPEN],
            "validationErrors": [OPEN],
            "vmNics": [OPEN],
            "azureVMDiskDetails": [OPEN],
        },
    },
}

#: A text in place of an error's details is its message, so these are left to the reader.
_ERROR = OPEN

#: A job (asr-api.md 4).
JOB: Shape = {
    "id": TEXT,
    "name": TEXT,
    "properties!": {
        "scenarioName": TEXT,
        "state!": TEXT,
        "errors": [_ERROR],
        "allowedActions": [TEXT],
        "tasks": [{"name": TEXT, "friendlyName": TEXT, "state": TEXT, "errors": [_ERROR]}],
        "customDetails": {"affectedObjectDetails": OPEN, "protectedItemDetails": [OPEN]},
    },
}

_HEALTH = [OPEN]
_VOLUME = {"volumeName": TEXT, "capacityInBytes": NUMBER, "freeSpaceInBytes": NUMBER}
_SERVER = {"healthErrors": _HEALTH, "validationErrors": _HEALTH}
_APPLIANCE_PART = [{"healthErrors": _HEALTH, "accessibleDatastores": [TEXT], "ipAddresses": [TEXT]}]

#: A fabric (asr-api.md 1.1 and 1.2).
FABRIC: Shape = {
    "properties": {
        "customDetails": {
            "instanceType": TEXT,
            "processServers": [{**_SERVER, "ipAddresses": [TEXT]}],
            "masterTargetServers": [
                {**_SERVER, "retentionVolumes": [_VOLUME], "dataStores": [OPEN], "diskCount": NUMBER}
            ],
            "runAsAccounts": [OPEN],
            **dict.fromkeys(
                ("rcmProxies", "pushInstallers", "replicationAgents", "reprotectAgents", "marsAgents", "dras"),
                _APPLIANCE_PART,
            ),
        }
    }
}

#: A policy, a recovery plan, a recovery point, an Azure VM with its power state.
POLICY: Shape = {"properties": {"friendlyName": TEXT, "providerSpecificDetails": {"instanceType": TEXT}}}
PLAN: Shape = {
    "name": TEXT,
    "properties": {"friendlyName": TEXT, "groups": [{"replicationProtectedItems": [{"id": TEXT}]}]},
}
POINT: Shape = {"id": TEXT, "name": TEXT, "properties": OPEN}
_AZURE_DISK = {"name": TEXT, "diskSizeGB": NUMBER, "managedDisk": {"id": TEXT}}
AZURE_VM: Shape = {
    "id": TEXT,
    "properties": {
        "vmId": TEXT,
        "provisioningState": TEXT,
        "instanceView": {"statuses": [{"code": TEXT}]},
        "networkProfile": {"networkInterfaces": [{"id": TEXT}]},
        "storageProfile": {"osDisk": _AZURE_DISK, "dataDisks": [_AZURE_DISK]},
    },
}

#: Lists in which a null is ignored and is no reason to stop a machine.
_TALK = frozenset(
    {
        "healthErrors",
        "replicationHealthErrors",
        "failoverHealthErrors",
        "innerHealthErrors",
        "validationErrors",
        "switchProviderBlockingErrorDetails",
        "allowedOperations",
        "statuses",
        "vmNics",
        "azureVMDiskDetails",
    }
)

_GONE = object()


def understood(entry: Any, shape: Shape) -> tuple[Json, tuple[str, ...]]:
    """The entry without fields whose type differs from ``shape``, and the paths of what was left out."""
    odd: list[str] = []
    kept = _kept(entry, shape, "", odd)
    return (kept if isinstance(kept, Mapping) else {}), tuple(odd)


def all_understood(entries: Any, shape: Shape) -> list[Json]:
    """Each entry of a list as ``understood`` leaves it; what is odd in one is left out and is no loss to the others."""
    return [understood(entry, shape)[0] for entry in entries or ()]


def _kept(value: Any, shape: Shape, path: str, odd: list[str]) -> Any:
    if isinstance(shape, str):
        return _scalar(value, shape, path, odd)
    if isinstance(shape, list):
        return _entries(value, shape[0], path, odd)
    if not isinstance(value, Mapping):
        odd.append(path or "the entry itself")
        return _GONE
    changed: dict[str, Any] = {}
    for key, needed, part in _parts(shape):
        there = value.get(key)
        if there is None:
            if needed:
                odd.append(_under(path, key))
            continue
        if part is TEXT and isinstance(there, str):
            continue
        kept = _kept(there, part, _under(path, key), odd)
        if kept is not there:
            changed[key] = kept
    if not changed:
        return value
    return {key: there for key, there in {**value, **changed}.items() if there is not _GONE}


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


#: Object shapes by identity, taken apart once: thousands of entries are held against each. With the shape, so that it stays.
_TAKEN_APART: dict[int, tuple[Shape, list[tuple[str, bool, Shape]]]] = {}


def _parts(shape: Mapping[str, Any]) -> list[tuple[str, bool, Shape]]:
    """Field, whether it is needed, and its shape."""
    known = _TAKEN_APART.get(id(shape))
    if known is None:
        parts = [(name.rstrip("!"), name.endswith("!"), part) for name, part in shape.items()]
        known = _TAKEN_APART[id(shape)] = shape, parts
    return known[1]


def _entries(value: Any, shape: Shape, path: str, odd: list[str]) -> Any:
    if not isinstance(value, (list, tuple)):
        odd.append(path)
        return _GONE
    kept = []
    same = True
    for number, entry in enumerate(value):
        if entry is None:
            same = False
            if path.rpartition(".")[2] not in _TALK:
                odd.append(f"{path}[{number}]")
            continue
        found = _kept(entry, shape, f"{path}[{number}]", odd)
        same = same and found is entry
        if found is not _GONE:
            kept.append(found)
    return value if same else kept


def _scalar(value: Any, shape: str, path: str, odd: list[str]) -> Any:
    if shape == TEXT and isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if shape == NUMBER else str(value)
    if shape == NUMBER and isinstance(value, str):
        if not value.strip():
            return _GONE
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if math.isfinite(number):
            return int(number) if number.is_integer() else number
    odd.append(path)
    return _GONE
