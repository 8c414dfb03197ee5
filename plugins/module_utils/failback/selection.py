# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Which replicated items the user means: by friendly name, pattern, consistency group or recovery plan."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence

from .errors import InputError
from .items import Item, Json
from .lifecycle import FAILOVER_TO_AZURE
from .order import ALL, PATTERN_CHARACTERS, Order

#: Names listed in a refusal before "and N more".
SHOWN = 40


def listing(names: Iterable[str], shown: int = SHOWN) -> str:
    """Names in order, cut after ``shown``."""
    ordered = sorted(set(names), key=str.lower)
    text = ", ".join(ordered[:shown])
    more = len(ordered) - shown
    return f"{text} and {more} more" if more > 0 else text or "none"


def plan_members(plans: Sequence[Json], name: str) -> set[str] | None:
    """Lower-case ids of the items of a recovery plan; None where no plan has that name."""
    for plan in plans:
        props: Json = plan.get("properties") or {}
        if name.lower() in (str(plan.get("name") or "").lower(), str(props.get("friendlyName") or "").lower()):
            return {
                str(entry.get("id") or "").lower()
                for group in props.get("groups") or ()
                for entry in group.get("replicationProtectedItems") or ()
            }
    return None


def select(order: Order, items: Sequence[Item], plans: Mapping[str, Sequence[Json]]) -> list[Item]:
    """The chosen items, ordered by name; group members stand together.

    ``plans`` maps a vault's key to its recovery plans. Raises InputError where nothing was chosen, a name fits
    nothing, a plain name fits several items, or a name to leave out fits nothing.
    """
    if not (order.machines or order.groups or order.recovery_plans):
        raise _no_choice(order, items, plans)
    if not items and tuple(word.lower() for word in order.machines) != (ALL,):
        raise InputError(
            "vault_empty",
            f"The vaults in 'vaults' ({listing(v.name for v in order.vaults)}) list no machine at all.",
            "Check that they are the right ones, that the account may read replicated items, and that machines are protected there.",
        )
    chosen: dict[str, Item] = {}
    for wanted in order.machines:
        for item in _by_name(wanted, items):
            chosen[item.key] = item
    for wanted in order.groups:
        members = [i for i in items if (i.group or "").lower() == wanted.lower()]
        if not members:
            raise InputError(
                "group_not_found",
                f"No machine belongs to the consistency group {wanted!r} named in 'groups'.",
                f"Choose from: {listing(i.group for i in items if i.group)}.",
            )
        chosen.update({i.key: i for i in members})
    for wanted in order.recovery_plans:
        chosen.update({i.key: i for i in _by_plan(wanted, items, plans)})
    excluded = _excluded(order.exclude, items)
    kept = [i for i in chosen.values() if i.key not in excluded]
    return sorted(kept, key=lambda i: ((i.group or i.friendly_name).lower(), i.friendly_name.lower(), i.key))


def _no_choice(order: Order, items: Sequence[Item], plans: Mapping[str, Sequence[Json]]) -> InputError:
    names = listing(i.friendly_name for i in items)
    if FAILOVER_TO_AZURE in order.route:
        return InputError(
            "no_machines",
            "No machines are named in 'machines'.",
            f"Name those to fail over to Azure one by one: {names}.",
        )
    return InputError(
        "no_machines",
        "No machines are chosen in 'machines', 'groups' or 'recovery_plans'.",
        f"Choose from: {names}"
        + _also("groups", {i.group for i in items if i.group})
        + _also("recovery plans", {str(p.get("name")) for ps in plans.values() for p in ps})
        + ". For every machine of the vaults, say machines: all.",
    )


def _excluded(names: Iterable[str], items: Sequence[Item]) -> set[str]:
    """Keys of the items to leave out. A misspelt name would move the very machine that was to stay."""
    keys: set[str] = set()
    for name in names:
        found = {i.key for i in items if name.lower() in (i.friendly_name.lower(), i.name.lower())}
        if not found:
            raise InputError(
                "machine_not_found",
                f"The machine {name!r} in 'exclude' is in none of the vaults, so nothing would be left out.",
                f"Correct the name or take it out; choose from: {listing(i.friendly_name for i in items)}.",
            )
        keys |= found
    return keys


def _by_name(wanted: str, items: Sequence[Item]) -> list[Item]:
    if wanted.lower() == ALL:
        return list(items)
    if PATTERN_CHARACTERS & set(wanted):
        found = [i for i in items if fnmatch.fnmatchcase(i.friendly_name.lower(), wanted.lower())]
    else:
        found = [i for i in items if wanted.lower() in (i.friendly_name.lower(), i.name.lower())]
        if len(found) > 1:
            where = listing(f"{i.name} in vault {i.vault.name}" for i in found)
            raise InputError(
                "machine_ambiguous",
                f"The machine {wanted!r} in 'machines' fits {len(found)} replicated items: {where}.",
                "Give the replicated item's own name, or name one vault alone in 'vaults'.",
            )
    if not found:
        raise InputError(
            "machine_not_found",
            f"The machine {wanted!r} in 'machines' is in none of the vaults.",
            f"Choose from: {listing(i.friendly_name for i in items)}.",
        )
    return found


def _by_plan(wanted: str, items: Sequence[Item], plans: Mapping[str, Sequence[Json]]) -> list[Item]:
    found: list[Item] = []
    known = False
    for vault, entries in plans.items():
        members = plan_members(entries, wanted)
        if members is not None:
            known = True
            found.extend(i for i in items if i.vault.key == vault and i.key in members)
    if not known:
        raise InputError(
            "plan_not_found",
            f"The recovery plan {wanted!r} in 'recovery_plans' is in none of the vaults.",
            f"Choose from: {listing(str(p.get('name')) for ps in plans.values() for p in ps)}.",
        )
    return found


def _also(what: str, names: Iterable[str]) -> str:
    names = sorted(set(names))
    return f"; {what}: {listing(names)}" if names else ""
