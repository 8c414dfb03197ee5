# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of asr_leftovers_info, which never writes, and of asr_leftovers, which removes those that are named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..azure.vaults import Vaults
from ..failback.deploy.spec import DEPLOYED, MARK
from ..failback.leftovers.found import (
    DEPLOYMENTS,
    KINDS,
    Leftover,
    claims,
    leftovers_of,
    places_of,
    records,
    table,
)
from ..failback.leftovers.removal import LeftoverRemoval, checked_ids, removal_lines
from ..failback.lifecycle.modernized import LIFECYCLE
from ..failback.model.errors import InputError, NotFound
from ..failback.model.identity import resource_group
from ..failback.model.items import Item, Json
from ..failback.model.servers import Fabric
from ..failback.model.words import stripped
from . import specs
from .addresses import HOME, side
from .module import Call
from .task_result import count


@dataclass(frozen=True)
class Look:
    """What is in Azure now. ``machines`` says of each machine whether the VM that the vault names is still there."""

    found: list[Leftover]
    machines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def left(self) -> list[Leftover]:
        return [leftover for leftover in self.found if not leftover.in_use]


def info_spec() -> specs.Spec:
    """The options of asr_leftovers_info."""
    return specs.merge(
        specs.azure(), specs.vault(), {"resource_groups": {"type": "list", "elements": "str", "default": []}}
    )


def removal_spec() -> specs.Spec:
    """The options of asr_leftovers."""
    return specs.merge(
        info_spec(),
        {
            "remove": {"type": "list", "elements": "str", "required": True},
            "remove_unknown": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 900},
        },
    )


def leftovers(call: Call) -> dict[str, Any]:
    """Resources in the groups that the vaults fail over to, with their machine and what still uses them."""
    vaults = call.open_vaults()
    seen = look(call, vaults)
    return {
        "changed": False,
        "leftovers": [leftover.result() for leftover in seen.left],
        "in_use": [leftover.result() for leftover in seen.found if leftover.in_use],
        "machines": seen.machines,
        "size_gb": sum(leftover.size_gb or 0 for leftover in seen.left),
        "lines": table(seen.found),
        "requests": {"writes": vaults.requests.writes, "reads": vaults.requests.reads},
    }


def remove(call: Call) -> dict[str, Any]:
    """Remove the named resources, each checked again. Fails naming each that was not removed; the others are."""
    params = call.params
    given = checked_ids(params["remove"])
    vaults = call.open_vaults()
    fates = LeftoverRemoval(
        lambda: look(call, vaults).found if given else [],
        vaults,
        call.clock,
        check=call.check,
        unknown_too=params["remove_unknown"],
        patience=params["wait_timeout"],
    ).run(given)
    bad = [fate for fate in fates if fate.why is not None]
    result: dict[str, Any] = {
        "changed": any(fate.done == "removed" for fate in fates),
        "resources": [fate.result() for fate in fates],
        "lines": removal_lines(fates, call.check),
        "requests": {"writes": vaults.requests.writes, "reads": vaults.requests.reads},
        "msg": f"{count(sum(f.done == 'removed' for f in fates), 'resource')} {'would be ' if call.check else ''}removed.",
    }
    if bad:
        result["code"] = "leftovers_kept"
        result["remedy"] = "Follow the reasons, or leave these resources out."
        result["msg"] = "\n".join(
            [
                f"{len(bad)} of {count(len(fates), 'resource')} not removed.",
                *(f"{fate.id}: {fate.why.reason} {fate.why.remedy}" for fate in bad if fate.why),
            ]
        )
        result["failed"] = True
    return result


def look(call: Call, vaults: Vaults) -> Look:
    """Read the vaults and their resources in Azure.

    Raises InputError where neither the vaults nor ``resource_groups`` report a group to look in (``group_unknown``), and for a
    named group that does not exist (``resource_group_not_found``): nothing would seem to be left in it.
    """
    # Lists omit the disks; only the single GET reports them.
    listed = [Item.parse(data, ref) for ref in call.refs for data in vaults.list_items(ref)]
    items = [Item.parse(vaults.get_item(item.id), item.vault) for item in listed]
    groups = {resource_group(item) for item in items} - {""}
    deployed: dict[str, list[Json] | None] = {}
    for name in filter(None, (stripped(word) for word in call.params["resource_groups"])):
        named = {f"/subscriptions/{ref.subscription_id}/resourcegroups/{name}".lower() for ref in call.refs}
        deployed.update((group, _deployments(vaults, group)) for group in named)
        exist = {group for group in named if deployed[group] is not None}
        if not exist:
            raise InputError(
                "resource_group_not_found",
                f"Resource group {name!r} ({{option:resource_groups}}) is in none of the vaults' subscriptions.",
                "Correct or remove it.",
            )
        groups |= exist
    known = claims(items)
    if not groups and not known:
        raise InputError(
            "group_unknown",
            "No machine of the vaults names the resource group it fails over to.",
            "Name the groups to look in with {option:resource_groups}.",
        )
    # A machine counts as being in Azure until the vault says that it is home.
    away = [item.friendly_name for item in items if side(item, LIFECYCLE) != HOME]
    fabrics = [Fabric.parse(data, ref) for ref in call.refs for data in vaults.list_fabrics(ref)]
    serving = [server.name for fabric in fabrics for server in fabric.process_servers]
    subscriptions = {ref.subscription_id.lower() for ref in call.refs}
    subscriptions |= {words[2] for words in (text.split("/") for text in (*groups, *known)) if len(words) > 2}
    found: list[Leftover] = []
    there: set[str] = set()
    for subscription in sorted(subscriptions):
        for kind, name in KINDS.items():
            entries = vaults.list_resources(f"/subscriptions/{subscription}/providers/{name}")
            there |= {str(entry.get("id") or "").lower() for entry in entries}
            found += leftovers_of(kind, entries, known, groups, MARK, away, serving)
    for group in sorted({*groups, *places_of(found)}):
        if group not in deployed:
            deployed[group] = _deployments(vaults, group)
        # The whole group may be gone.
        found += records(deployed[group] or [], DEPLOYED, serving)
    return Look(found, [_vm_of(item, there) for item in items])


def _deployments(vaults: Vaults, group: str) -> list[Json] | None:
    """The deployments of a resource group; None where there is no such group."""
    try:
        return vaults.list_resources(f"{group}/providers/{DEPLOYMENTS}")
    except NotFound:
        return None


def _vm_of(item: Item, there: set[str]) -> dict[str, Any]:
    """Whether the Azure VM that the vault's data names is still there; None where it names none."""
    named = [word for word in claims([item]) if "/microsoft.compute/virtualmachines/" in word]
    exists = any(word in there for word in named) if named else None
    return {
        "name": item.friendly_name,
        "vault": item.vault.name,
        "azure_vm": named[0] if named else None,
        "exists": exists,
    }
