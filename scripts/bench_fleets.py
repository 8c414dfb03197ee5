# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleets that the benchmark measures, as files of the rehearsal."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import yaml

from rehearsal import generated_fleets
from rehearsal.fleet import Fleet

#: Rows for three subscriptions, on one and on three processes.
THREE = ("3 on 1", "3 on 3")


def plain(thing: Any) -> dict[str, Any]:
    """A part of a fleet as its file writes it: what differs from the defaults."""
    written: dict[str, Any] = {}
    for entry in fields(thing):
        value = getattr(thing, entry.name)
        if value == entry.default or value in ((), {}):
            continue
        if isinstance(value, tuple):
            value = [plain(part) if hasattr(part, "__dataclass_fields__") else part for part in value]
        elif hasattr(value, "__dataclass_fields__"):
            value = plain(value)
        written[entry.name] = value
    return written


def three_vaults(size: int) -> Fleet:
    """Three vaults in three subscriptions, each with that many machines."""
    one = generated_fleets.GENERATED["classic"](size)
    vaults, machines = [], []
    for part in "abc":
        vault = one.vaults[0]
        targets = tuple(
            replace(t, name=f"{t.name}-{part}", ip=f"10.3{ord(part) - 96}.{t.ip.partition('.')[2].partition('.')[2]}")
            for t in vault.master_targets
        )
        subscription = f"{part * 8}{vault.subscription_id[8:]}"
        vaults.append(replace(vault, name=f"vault-{part}", subscription_id=subscription, master_targets=targets))
        machines += [replace(m, name=f"{m.name}-{part}", vault=f"vault-{part}") for m in one.machines]
    return replace(one, vaults=tuple(vaults), machines=tuple(machines))


def fleet_file(directory: Path, generation: str, size: int) -> Path:
    """The generated fleet of a generation and size with every machine in Azure, as a file."""
    home = three_vaults(size) if generation in THREE else generated_fleets.GENERATED[generation](size)
    away = replace(
        home,
        name=f"bench-{generation.replace(' ', '-')}-{size}",
        machines=tuple(replace(m, state="out") for m in home.machines),
    )
    path = directory / f"bench-{generation.replace(' ', '-')}-{size}.yml"
    path.write_text(yaml.safe_dump(plain(away), sort_keys=False), encoding="utf-8")
    return path
