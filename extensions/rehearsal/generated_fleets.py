# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets that are generated for any number of machines: ``classic-N`` and ``modernized-N``."""

from __future__ import annotations

from .fleet import SYSTEMS, Appliance, Fleet, Machine, MasterTarget, ProcessServer, Vault


def generated_classic(count: int) -> Fleet:
    """``classic-N``: N machines in one classic vault, spread over as many master targets as the 60-disk cap asks.

    Half of the machines run Windows, half Linux; each has one or two disks. A master target keeps four slots for its
    own disks, so 56 disks of machines fit.
    """
    vault = f"vault-classic-{count}"
    machines = _generated_machines(vault, count)
    targets = []
    for os in SYSTEMS:
        total = sum(len(m.disks_gb) for m in machines if m.os == os)
        # One spare target per system: the packing is greedy and machines have up to two disks.
        for n in range(1, -(-total // 55) + 1):
            targets.append(
                MasterTarget(
                    name=f"mt-{os.lower()}-{n:02d}",
                    os=os,
                    ip=f"10.20.{1 if os == 'Linux' else 2}.{n + 9}",
                    retention_volumes=("/mnt/retention",) if os == "Linux" else ("R",),
                )
            )
    return Fleet(
        name=f"classic-{count}",
        description=f"{count} generated machines in one classic vault",
        vaults=(
            Vault(
                name=vault,
                # Beside the addresses that its machines get in Azure.
                process_servers=(
                    ProcessServer("ps-azure-01", ip="10.50.251.4"),
                    ProcessServer("CS-01", ip="10.20.1.5", in_azure=False),
                ),
                master_targets=tuple(targets),
            ),
        ),
        machines=machines,
    )


def generated_modernized(count: int) -> Fleet:
    """``modernized-N``: the same machines in one modernized vault, over as many appliances as the 60-disk cap asks."""
    vault = f"vault-modernized-{count}"
    machines = _generated_machines(vault, count)
    total = sum(len(m.disks_gb) for m in machines)
    # One spare: the packing is greedy and machines have up to two disks.
    appliances = tuple(
        Appliance(f"appliance-{n:02d}", ip=f"10.20.3.{n + 9}", host=f"esx-{n % 3 + 1:02d}")
        for n in range(1, -(-total // 55) + 2)
    )
    return Fleet(
        name=f"modernized-{count}",
        description=f"{count} generated machines in one modernized vault",
        vaults=(Vault(name=vault, generation="modernized", appliances=appliances),),
        machines=machines,
    )


def _generated_machines(vault: str, count: int) -> tuple[Machine, ...]:
    """Half Windows, half Linux, with one or two disks each."""
    return tuple(
        Machine(
            name=f"app-{n:04d}",
            vault=vault,
            os="Windows" if n % 2 else "Linux",
            disks_gb=(40,) if n % 4 < 2 else (40, 20),
            memory_mb=1024,
            ip=f"10.{21 + n // 62500}.{n // 250 % 250}.{n % 250 + 2}",
            host=f"esx-{n % 3 + 1:02d}",
        )
        for n in range(1, count + 1)
    )


#: Kinds of fleets that are generated for any number of machines.
GENERATED = {"classic": generated_classic, "modernized": generated_modernized}
