# SPDX-License-Identifier: GPL-3.0-or-later
"""Placing machines of a modernized vault: appliance, datastore, log storage account, policy, account.

The appliance's reprotect agent is the master target, its process server the process server; both have the
appliance's id and name (asr-api.md 1.2, SEEN RCM 131). A machine that still exists on-premises goes back to its own datastore
(SEEN RCM 132: the first of discoveredVmDetails.datastores); a new one needs a name where several fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Union

from ..lifecycle.attached_disks import agent_id, disks_of
from ..lifecycle.bodies import Placement
from ..model.errors import InputError
from ..model.items import Item, Json, last_segment
from ..model.refusal import Refusal
from ..model.servers import Fabric, MasterTarget, Policy, ProcessServer
from ..model.texts import joined
from ..wanted.by_machine import value_for
from ..wanted.names import among
from ..wanted.order import Order
from ..wanted.selection import choose_of, listing
from .estate import Estate, Placed, Slots, ambiguous, first_name, one, stale, unsure

#: Kinds of policies, home and out (SEEN RCM 158 and 12).
HOMEWARD, OUTWARD = "InMageRcmFailback", "InMageRcm"

Found = Union[str, Refusal]


def unusable(server: MasterTarget | ProcessServer, now: datetime) -> str:
    """Why an appliance cannot be used now, in words that follow its name; empty for a good one."""
    if server.health == "Critical":
        said = joined(server.problems)
        return f"is in a critical state{': ' + said if said else ''}"
    return "has sent no heartbeat for 20 minutes" if stale(server.heartbeat, now) else ""


def for_home(
    members: Sequence[Item], fabric: Fabric, order: Order, estate: Estate, slots: Slots, bound: str | None
) -> MasterTarget | Refusal:
    """The appliance through which some machines fail back together. ``order`` is the one for the fabric."""
    if not fabric.master_targets:
        return Refusal(
            "appliance_none",
            "The vault has no appliance that can fail the machine back.",
            "Set up a replication appliance, register it with the vault, then rerun.",
        )
    wishes = [*order.master_targets, order.process_server or ""]
    named = [a for a in fabric.master_targets if among(a.name, wishes) or (a.fqdn and among(a.fqdn, wishes))]
    candidates = named or list(fabric.master_targets)
    well = [a for a in candidates if not unusable(a, estate.now)]
    if not well:
        return Refusal(
            "appliance_not_healthy",
            f"No appliance can be used: {listing(f'{a.name} {unusable(a, estate.now)}' for a in candidates)}.",
            "Fix what the vault reports for it, or set '{option:master_targets}' to another one, then rerun.",
        )
    offers = {a.id: [datastore(m, a, order, estate) for m in members] for a in well}
    reaching = [a for a in well if all(isinstance(found, str) for found in offers[a.id])]
    if not reaching:
        first = next(found for found in offers[well[0].id] if isinstance(found, Refusal))
        if first.code == "datastore_ambiguous":
            raise ambiguous("datastore", (d.name for a in well for d in a.datastores))
        return first
    if bound is not None:
        reaching = [a for a in reaching if a.id == bound]
        if not reaching:
            return Refusal(
                "group_appliance",
                f"The rest of the consistency group {members[0].group!r} uses an appliance that cannot be used now.",
                "Set '{option:master_targets}' to it, or wait until it is healthy.",
            )
    disks = sum(disks_of(m) for m in members)
    roomy = [a for a in reaching if slots.free(a) >= disks]
    if not roomy:
        return slots.refusal(disks, reaching, "an appliance")
    return max(roomy, key=lambda a: (slots.free(a), first_name(a.name)))


def datastore(item: Item, agent: MasterTarget, order: Order, estate: Estate) -> Found:
    """The machine's own datastore where the appliance reaches it, else the one named, else the only one."""
    reached = [d.name for d in agent.datastores]
    own = estate.home_of(item).datastores
    for name in own:
        if among(name, reached):
            return name
    doubt = unsure(item, "datastore", order.datastore)
    if doubt is not None:
        return doubt
    wanted = value_for(item, order.datastore)
    if wanted is not None:
        found = next((name for name in reached if among(wanted, [name])), None)
        return found or Refusal(
            "datastore_not_offered",
            f"The appliance {agent.name} does not reach the datastore {wanted!r} in '{{option:datastore}}'.",
            choose_of(reached),
        )
    if not reached:
        return Refusal(
            "datastore_none",
            f"The appliance {agent.name} reaches no datastore.",
            "Give its vCenter account rights to read and write datastores. Discovery takes up to 15 minutes.",
        )
    if own:
        return Refusal(
            "datastore_not_reached",
            (
                f"No appliance reaches the machine's own datastore ({listing(own)}), and '{{option:datastore}}' does not name "
                "another."
            ),
            f"Give the appliance access to it, or name one of these in '{{option:datastore}}': {listing(reached)}.",
        )
    if len(reached) > 1:
        return Refusal("datastore_ambiguous", "Several datastores fit.", "Set '{option:datastore}' to one of them.")
    return reached[0]


def log_account(item: Item, order: Order, estate: Estate) -> Found:
    """Id of the storage account that takes the machine's changes: named, else its own, else the vault's only one."""
    known = estate.log_accounts.get(item.vault.key, frozenset())
    wanted = order.log_storage_account
    if wanted and wanted.startswith("/"):
        return wanted
    if wanted:
        found = next((account for account in known if last_segment(account).lower() == wanted.lower()), None)
        return found or Refusal(
            "log_storage_account_not_known",
            f"No machine of the vault uses the log storage account {wanted!r} ('{{option:log_storage_account}}'); they use "
            f"{listing(map(last_segment, known))}.",
            "Give its full id in '{option:log_storage_account}'.",
        )
    own = next(iter(accounts_of(item)), "")
    if own:
        return own
    if len(known) == 1:
        return next(iter(known))
    return Refusal(
        "log_storage_account_missing",
        "The vault does not report which storage account receives the machine's changes during failback.",
        "Set '{option:log_storage_account}' to the full id of a storage account in the vault's region.",
    )


def accounts_of(item: Item) -> list[str]:
    """Log storage accounts an item names: of its disks on the way out, its own during the failback (SEEN RCM 130, 158)."""
    disks: Sequence[Json] = item.details.get("protectedDisks") or ()
    named = [d.get("logStorageAccountId") for d in disks] + [item.details.get("logStorageAccountId")]
    return [str(account) for account in named if account]


def complete_home(item: Item, agent: MasterTarget, _fabric: Fabric, order: Order, estate: Estate) -> Placed:
    """The placement of one machine for a reprotect to on-premises. Without a policy the service takes the failback policy."""
    store = datastore(item, agent, order, estate)
    account = log_account(item, order, estate)
    policy = _policy(item, HOMEWARD, order.policy, "policy", estate)
    for found in (store, account, policy):
        if isinstance(found, Refusal):
            return found
    return Placement(
        process_server_id=agent.id,
        process_server=agent.name,
        master_target_id=agent.id,
        master_target=agent.name,
        datastore=str(store),
        policy_id=policy.id if isinstance(policy, Policy) else "",
        policy=policy.friendly_name if isinstance(policy, Policy) else "",
        # Not reported during the failback; kept for the reprotect to Azure, when the item no longer names it (SEEN RCM 130, 158).
        run_as_account_id=str(item.details.get("runAsAccountId") or ""),
        log_storage_account_id=str(account),
    )


def complete_out(item: Item, fabric: Fabric, order: Order, estate: Estate, before: Placement | None) -> Placed:
    """The placement of one machine for a reprotect to Azure. ``before`` is what this run chose for its failback."""
    option = "process_server" if order.reprotects_to_azure_only else "process_server_onprem"
    wanted = order.process_server_onprem or (order.process_server if order.reprotects_to_azure_only else None)
    well = [s for s in fabric.process_servers if not unusable(s, estate.now)]
    if not well and fabric.process_servers:
        return Refusal(
            "appliance_not_healthy",
            f"No appliance can be used: {listing(f'{s.name} {unusable(s, estate.now)}' for s in fabric.process_servers)}.",
            "Fix what the vault reports for it, then rerun.",
        )
    if wanted is None:
        # The appliance that it failed back through is the default for the reprotect to Azure.
        through = agent_id(item) or (before.master_target_id if before else "")
        well = [s for s in well if s.id == through] or well
    server = one(option, wanted, well, lambda s: s.name)
    if isinstance(server, Refusal):
        return server
    policy = _policy_out(item, order, estate)
    if isinstance(policy, Refusal):
        return policy
    return Placement(
        process_server_id=server.id,
        process_server=server.name,
        policy_id=policy.id,
        policy=policy.friendly_name,
        run_as_account_id=_account(item, order, before),
    )


def _policy(item: Item, kind: str, wanted: str | None, option: str, estate: Estate) -> Policy | Refusal | None:
    """The named policy; None where none is named for this vault."""
    if wanted is None:
        return None
    here = estate.policies.get(item.vault.key, ())
    return one(option, wanted, [p for p in here if p.instance_type == kind], lambda p: p.friendly_name)


def _policy_out(item: Item, order: Order, estate: Estate) -> Policy | Refusal:
    """The named policy, the one the item used last (SEEN RCM 158: lastUsedPolicyId), or the only one."""
    option = "policy" if order.reprotects_to_azure_only else "policy_to_azure"
    named = _policy(item, OUTWARD, order.forward_policy, option, estate)
    if named is not None:
        return named
    kind = [p for p in estate.policies.get(item.vault.key, ()) if p.instance_type == OUTWARD]
    last = str(item.details.get("lastUsedPolicyId") or item.policy_id or "").lower()
    return one(option, None, [p for p in kind if p.id.lower() == last] or kind, lambda p: p.friendly_name)


def _account(item: Item, order: Order, before: Placement | None) -> str:
    """The run-as account's id; optional in the request. The vault lists none by name, so a name is of no use here."""
    system = (item.os_type or "").lower()
    per_system = {"windows": order.run_as_account_windows, "linux": order.run_as_account_linux}.get(system)
    wanted = per_system or order.run_as_account or ""
    if wanted.startswith("/"):
        return wanted
    return str(item.details.get("runAsAccountId") or "") or (before.run_as_account_id if before else "")


def refuse_names(order: Order, estate: Estate) -> None:
    """Raises InputError for a log storage account that none of the vaults knows by that name."""
    wanted = order.log_storage_account
    known = sorted({last_segment(a) for accounts in estate.log_accounts.values() for a in accounts})
    if wanted and not wanted.startswith("/") and not among(wanted, known):
        raise InputError(
            "log_storage_account_not_found",
            f"{{option:log_storage_account}} {wanted!r} is not a log storage account of the vaults' machines.",
            f"Give its full id, or choose one of: {listing(known)}.",
        )
