# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription may make in a location: sizes, quota and images (DOC: general knowledge of Microsoft.Compute)."""

from __future__ import annotations

from typing import Any

#: Size -> family, vCPUs, memory in GB.
SIZES = {
    "Standard_A8_v2": ("standardAv2Family", 8, 16),
    "Standard_D2s_v3": ("standardDSv3Family", 2, 8),
    "Standard_D4s_v3": ("standardDSv3Family", 4, 16),
    "Standard_D8s_v3": ("standardDSv3Family", 8, 32),
    "Standard_D16s_v3": ("standardDSv3Family", 16, 64),
    "Standard_D4s_v5": ("standardDSv5Family", 4, 16),
}

#: Offered, but not to this subscription.
RESTRICTED = frozenset({"Standard_D4s_v5"})

#: Publisher, offer and sku of what the marketplace offers to all customers.
WINDOWS = ("MicrosoftWindowsServer", "WindowsServer", "2016-Datacenter")
#: The gallery image of the process server (SEEN as an identity, failback-domain.md 2.1).
GALLERY = ("MicrosoftAzureSiteRecovery", "Process-Server", "Windows-2012-R2-Datacenter")

CORES = 100


def skus(location: str) -> list[dict[str, Any]]:
    found = []
    for name, (family, cpus, memory) in SIZES.items():
        restrictions = []
        if name in RESTRICTED:
            restrictions = [
                {
                    "type": "Location",
                    "values": [location],
                    "restrictionInfo": {"locations": [location]},
                    "reasonCode": "NotAvailableForSubscription",
                }
            ]
        found.append(
            {
                "resourceType": "virtualMachines",
                "name": name,
                "tier": "Standard",
                "family": family,
                "locations": [location],
                "locationInfo": [{"location": location, "zones": ["1", "2", "3"]}],
                "capabilities": [{"name": "vCPUs", "value": str(cpus)}, {"name": "MemoryGB", "value": str(memory)}],
                "restrictions": restrictions,
            }
        )
    disk = {"resourceType": "disks", "name": "Premium_LRS", "locations": [location]}
    found.append({**disk, "capabilities": [], "restrictions": []})
    return found


def usages(cores_left: int, used_by_family: dict[str, int]) -> list[dict[str, Any]]:
    """``cores_left`` are the vCPUs the region still gives."""

    def usage(name: str, text: str, current: int, limit: int) -> dict[str, Any]:
        return {
            "unit": "Count",
            "currentValue": current,
            "limit": limit,
            "name": {"value": name, "localizedValue": text},
        }

    total = sum(used_by_family.values())
    found = [
        usage("cores", "Total Regional vCPUs", total, total + cores_left),
        usage("virtualMachines", "Virtual Machines", 0, 25000),
    ]
    for family in sorted({family for family, *_dummy in SIZES.values()}):
        found.append(usage(family, f"{family} vCPUs", used_by_family.get(family, 0), CORES))
    return found


def offered(publisher: str, offer: str, sku: str, gallery: bool) -> bool:
    wanted = (publisher.casefold(), offer.casefold(), sku.casefold())
    known = [WINDOWS] + ([GALLERY] if gallery else [])
    return wanted in [tuple(part.casefold() for part in entry) for entry in known]
