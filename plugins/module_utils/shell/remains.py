# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of asr_leftovers_info: read the vaults and their resources in Azure. It never writes."""

from __future__ import annotations

from typing import Any

from ..failback.deploy.spec import MARK
from ..failback.lifecycle.modernized import LIFECYCLE
from ..failback.machines.remains import KINDS, Claim, claims, remains, table
from ..failback.model.errors import InputError
from ..failback.model.identity import resource_group
from ..failback.model.items import Item
from .addresses import HOME, side
from .module import Call


def leftovers(call: Call) -> dict[str, Any]:
    """Resources in the groups that the vaults fail over to, with their machine and what still uses them.

    Raises InputError (``group_unknown``) where neither the vaults nor ``resource_groups`` report a group to look in.
    """
    vaults, params = call.open_vaults(), call.params
    # Lists omit the disks; only the single GET reports them.
    listed = [Item.parse(data, ref) for ref in call.refs for data in vaults.list_items(ref)]
    items = [Item.parse(vaults.get_item(item.id), item.vault) for item in listed]
    groups = {resource_group(item) for item in items} - {""}
    for name in params["resource_groups"]:
        groups |= {
            f"/subscriptions/{r.subscription_id}/resourcegroups/{name}".lower() for r in call.refs if name.strip()
        }
    known: dict[str, Claim] = claims(items)
    if not groups and not known:
        raise InputError(
            "group_unknown",
            "No machine of the vaults names the resource group it fails over to.",
            "Name the groups to look in with resource_groups.",
        )
    # A machine counts as being in Azure until the vault says that it is home.
    away = [item.friendly_name for item in items if side(item, LIFECYCLE) != HOME]
    subscriptions = {ref.subscription_id.lower() for ref in call.refs}
    subscriptions |= {words[2] for words in (text.split("/") for text in (*groups, *known)) if len(words) > 2}
    found = [
        remain
        for subscription in sorted(subscriptions)
        for kind, name in KINDS.items()
        for remain in remains(
            kind,
            vaults.list_resources(f"/subscriptions/{subscription}/providers/{name}"),
            known,
            groups,
            MARK,
            away,
        )
    ]
    left = [remain for remain in found if not remain.in_use]
    return {
        "changed": False,
        "leftovers": [remain.result() for remain in left],
        "in_use": [remain.result() for remain in found if remain.in_use],
        "size_gb": sum(remain.size_gb or 0 for remain in left),
        "lines": table(found),
        "requests": {"writes": vaults.requests.writes, "reads": vaults.requests.reads},
    }
