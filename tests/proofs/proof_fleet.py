# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleets of the proofs: brisk, alike, and with a machine that fails where one is wanted."""

from __future__ import annotations

from typing import Any

#: Service seconds in a real one.
SPEED = 600.0

#: Durations that leave the order of things as it is and take a fraction of a second each.
BRISK = {
    "commit/to_azure": 60.0,
    "reprotect/to_onprem": 240.0,
    "sync/to_onprem": 240.0,
    "sync/to_azure": 240.0,
    "sync/to_azure/primary": 120.0,
}

#: A machine whose first failover to on-premises fails, with a documented code that no repetition heals.
FAILS = "fails-once"
BROKEN = {
    "operation": "failover",
    "direction": "to_onprem",
    "code": "8038",
    "message": "The on-premises machine cannot be brought up.",
    "causes": "The host has too little memory.",
    "action": "Add memory to the host.",
}


#: What a vault of each generation has.
VAULTS: dict[str, dict[str, Any]] = {
    "classic": {
        "process_servers": [
            {"name": "ps-azure-01", "ip": "10.50.0.4", "in_azure": True},
            {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False},
        ],
        "master_targets": [{"name": "mt-linux-01", "os": "Linux"}],
        "run_as_accounts": ["vm-admin-linux"],
    },
    "modernized": {
        "generation": "modernized",
        "appliances": [{"name": f"appliance-0{number}", "host": f"esx-0{number}"} for number in (1, 2)],
    },
}


def fleet(machines: list[dict[str, Any]], generation: str = "classic", **settings: Any) -> dict[str, Any]:
    """A fleet of Linux machines in one vault of a generation."""
    return {
        "name": "proofs",
        "description": "Machines for proofs under faults and kills",
        "speed": SPEED,
        "durations": BRISK,
        "vaults": [{"name": "vault-proofs", **VAULTS[generation]}],
        "machines": [
            {
                "os": "Linux",
                "disks_gb": [10],
                "memory_mb": 512,
                "ip": f"10.20.0.{number}",
                "host": f"esx-0{number % 3 + 1}",
                **machine,
            }
            for number, machine in enumerate(machines, 11)
        ],
        **settings,
    }
