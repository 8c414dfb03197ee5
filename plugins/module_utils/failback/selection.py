# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Which replicated items the user means: by friendly name, pattern, consistency group or recovery plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .errors import InputError
from .items import Item, Json
from .lifecycle import FAILOVER_TO_AZURE
from .order import ALL, Order, no_plain_name
from .words import found_by, is_pattern, names_nothing, same

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
        if same(name, str(plan.get("name") or ""), str(props.get("friendlyName") or "")):
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
    if not items and not (len(order.machines) == 1 and same(order.machines[0], ALL)):
        raise InputError(
            "vault_empty",
            f"The vaults in 'vaults' ({listing(v.name for v in order.vaults)}) list no machine at all.",
            "Check that they are the right ones, that the account may read replicated items, and that machines are protected there.",
        )
    chosen: dict[str, Item] = {}
    for wanted in order.machines:
        for item in _by_name(wanted, items, plain=order.takes_plain_names_only):
            chosen[item.key] = item
    for wanted in order.groups:
        members = [i for i in items if same(wanted, i.group)]
        if not members:
            raise InputError(
                "group_not_found",
                f"No machine belongs to the consistency group {wanted!r} named in 'groups'.",
                f"Choose from: {listing(i.group for i in items if i.group)}.",
            )
        chosen.update({i.key: i for i in members})
    for wanted in order.recovery_plans:
        chosen.update({i.key: i for i in _by_plan(wanted, items, plans)})
    left_out = excluded(order.exclude, items)
    kept = [i for i in chosen.values() if i.key not in left_out]
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


def item_names(item: Item) -> tuple[str, ...]:
    """What a machine is called: people's name first, then the replicated item's own name and its id."""
    return item.friendly_name, item.name, item.id


def excluded(words: Iterable[str], items: Sequence[Item]) -> set[str]:
    """Keys of the items to leave out, by name or pattern. Raises InputError where a word fits nothing: a misspelt one would
    move the very machine that was to stay."""
    keys: set[str] = set()
    for word in words:
        _refuse_bare(word, "exclude")
        found = found_by(word, items, item_names)
        if not found:
            raise InputError(
                "machine_not_found",
                f"The machine {word!r} in 'exclude' is in none of the vaults, so nothing would be left out.",
                f"Correct the name or take it out; choose from: {listing(i.friendly_name for i in items)}.",
            )
        keys |= {i.key for i in found}
    return keys


def _refuse_bare(word: str, option: str) -> None:
    """A pattern of nothing but wildcards is what a template leaves of a prefix that was empty."""
    if names_nothing(word):
        raise InputError(
            "pattern_names_nothing",
            f"The pattern {word!r} in '{option}' names nothing.",
            "For every machine of the vaults, say machines: all; for some, give a part of their names.",
        )


def _by_name(wanted: str, items: Sequence[Item], plain: bool = False) -> list[Item]:
    exact = [i for i in items if same(wanted, *item_names(i))]
    if same(wanted, ALL):
        if exact:
            raise InputError(
                "machine_ambiguous",
                f"{wanted!r} in 'machines' means every machine, and there is a machine of that name.",
                f"For that machine alone give its replicated item's own name ({exact[0].name}); for every machine, name the groups or give patterns.",
            )
        return list(items)
    if len(exact) > 1:
        where = listing(f"{i.name} in vault {i.vault.name}" for i in exact)
        raise InputError(
            "machine_ambiguous",
            f"The machine {wanted!r} in 'machines' fits {len(exact)} replicated items: {where}.",
            "Give the replicated item's own name, or name one vault alone in 'vaults'.",
        )
    if not exact and is_pattern(wanted):
        if plain:
            raise no_plain_name(wanted)
        _refuse_bare(wanted, "machines")
    found = found_by(wanted, items, item_names)
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
