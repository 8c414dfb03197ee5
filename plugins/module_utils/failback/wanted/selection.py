# SPDX-License-Identifier: GPL-3.0-or-later
"""Which replicated items the user means: by friendly name, pattern, consistency group or recovery plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..lifecycle.table import FAILOVER_TO_AZURE
from ..model.errors import InputError
from ..model.items import Item, Json
from ..model.words import Named, is_pattern, names_nothing, same
from .order import ALL, Order, no_plain_name
from .recovery_plans import Plan, parse_all

#: Names listed in a refusal before "and N more".
SHOWN = 40


def listing(names: Iterable[str], shown: int = SHOWN) -> str:
    """Names in order, cut after ``shown``."""
    ordered = sorted(set(names), key=str.lower)
    text = ", ".join(ordered[:shown])
    more = len(ordered) - shown
    return f"{text} and {more} more" if more > 0 else text or "none"


def choose_of(names: Iterable[str]) -> str:
    """The remedy of a name that is not offered."""
    some = list(names)
    return f"Choose one of: {listing(some)}." if some else "Nothing is offered there. To see why, {run:prepare}."


@dataclass(frozen=True)
class Gone:
    """A member of a recovery plan that its vault does not list; ``id`` as the plan spells it, ``vault`` the vault's key."""

    plan: str
    vault: str
    id: str


@dataclass
class Choice:
    """The selection: machines in order of their names, plan members that are not listed, and notes."""

    items: list[Item] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def select(order: Order, items: Sequence[Item], plans: Mapping[str, Sequence[Json]]) -> list[Item]:
    """The chosen items alone; see ``choose``."""
    return choose(order, items, plans).items


def choose(
    order: Order,
    items: Sequence[Item],
    plans: Mapping[str, Sequence[Json]],
    drives: Callable[[Item], bool] = lambda _item: True,
) -> Choice:
    """The selected machines; group members are adjacent.

    ``plans`` maps a vault's key to its recovery plans. Machines that ``drives`` rejects are refused if they are selected by
    name, group or plan; ``all`` and patterns leave them out and a note says so. Raises InputError where nothing was chosen, a
    name fits nothing, a plain name fits several items, a plan has no members, or a name to leave out fits nothing.
    """
    offered = [i for i in items if drives(i)]
    if not (order.machines or order.groups or order.recovery_plans):
        raise _no_choice(order, offered, plans)
    everything = len(order.machines) == 1 and same(order.machines[0], ALL)
    if not items and not everything:
        raise InputError(
            "vault_empty",
            f"The vaults in '{{option:vaults}}' ({listing(v.name for v in order.vaults)}) list no machines.",
            (
                "Check that these are the right vaults, that the account may read replicated items, and that machines "
                "are protected there."
            ),
        )
    choice = Choice()
    chosen: dict[str, Item] = {}
    index = Named(items, item_names)
    groups = Named(items, lambda i: (i.group,))
    for wanted in order.machines:
        found = _by_name(wanted, items, index, offered, plain=order.takes_plain_names_only)
        if not index.exact(wanted):
            foreign = [i for i in found if not drives(i)]
            found = [i for i in found if drives(i)]
            if foreign:
                choice.notes.append(_left_out(wanted, foreign))
        chosen.update({i.key: i for i in found})
    for wanted in order.groups:
        members = groups.exact(wanted)
        if not members:
            raise InputError(
                "group_not_found",
                f"No machine belongs to the consistency group {wanted!r} named in '{{option:groups}}'.",
                f"Choose from: {listing(i.group for i in items if i.group)}.",
            )
        chosen.update({i.key: i for i in members})
    known = parse_all(plans)
    listed = {(i.vault.key, i.key): i for i in items} if order.recovery_plans else {}
    for wanted in order.recovery_plans:
        for plan in _called(wanted, known):
            for member in plan.members:
                there = listed.get((plan.vault, member.lower()))
                if there is not None:
                    chosen[member.lower()] = there
                else:
                    choice.gone.append(Gone(plan.name, plan.vault, member))
            if plan.not_run:
                choice.notes.append(plan.not_run)
    left_out = excluded(order.exclude, items)
    choice.items = ordered(i for i in chosen.values() if i.key not in left_out)
    nameless = [
        i for i in items if i.odd and not i.properties.get("friendlyName") and i.key not in {*chosen, *left_out}
    ]
    if nameless and (order.groups or any(is_pattern(w) for w in order.machines) or any(i.group for i in choice.items)):
        choice.notes.append(
            f"Of {len(nameless)} machines the vaults list neither a name nor a group, so they are left out: "
            f"{listing(i.name or i.id for i in nameless)}. Check them in the vault."
        )
    if not choice.items and not choice.gone:
        choice.notes.append(
            "Nothing to do: "
            + ("'{option:exclude}' leaves out every selected machine." if chosen else _nothing(order, items))
        )
    return choice


def ordered(items: Iterable[Item]) -> list[Item]:
    """By name, a group's members side by side under the group's name."""
    return sorted(items, key=lambda i: ((i.group or i.friendly_name).lower(), i.friendly_name.lower(), i.key))


def _nothing(order: Order, items: Sequence[Item]) -> str:
    vaults = listing(v.name for v in order.vaults)
    if items:
        return f"the vaults in '{{option:vaults}}' ({vaults}) list no machine that this collection supports."
    return f"the vaults in '{{option:vaults}}' ({vaults}) list no machines."


def _left_out(wanted: str, foreign: Sequence[Item]) -> str:
    """What a pattern, or the word for every machine, fits and does not take."""
    providers = listing(i.instance_type or "an unnamed provider" for i in foreign)
    return (
        f"{wanted!r} in '{{option:machines}}' leaves out {len(foreign)} that replicate with {providers}, which this collection "
        f"does not support: {listing(i.friendly_name for i in foreign)}."
    )


def _no_choice(order: Order, items: Sequence[Item], plans: Mapping[str, Sequence[Json]]) -> InputError:
    names = listing(i.friendly_name for i in items)
    if FAILOVER_TO_AZURE in order.route:
        return InputError(
            "no_machines",
            "No machines are named in '{option:machines}'.",
            f"List those to fail over to Azure by name: {names}.",
        )
    return InputError(
        "no_machines",
        "No machines are selected in '{option:machines}', '{option:groups}' or '{option:recovery_plans}'.",
        f"Choose from: {names}"
        + _also("groups", {i.group for i in items if i.group})
        + _also("recovery plans", {str(p.get("name")) for ps in plans.values() for p in ps})
        + ". To select every machine of the vaults, set machines: all.",
    )


def item_names(item: Item) -> tuple[str, ...]:
    """What a machine is called."""
    return item.names


def excluded(words: Iterable[str], items: Sequence[Item]) -> set[str]:
    """Keys of the items to leave out, by name or pattern. Raises InputError where a word fits nothing: a misspelt one would
    move the very machine that was to stay."""
    keys: set[str] = set()
    index = Named(items, item_names)
    for word in words:
        _refuse_bare(word, "exclude")
        found = index.found(word)
        if not found:
            raise InputError(
                "machine_not_found",
                f"The machine {word!r} in '{{option:exclude}}' is in none of the vaults, so it would leave nothing out.",
                f"Correct or remove the name; choose from: {listing(i.friendly_name for i in items)}.",
            )
        keys |= {i.key for i in found}
    return keys


def _refuse_bare(word: str, option: str) -> None:
    """A pattern of nothing but wildcards is what a template leaves of a prefix that was empty."""
    if names_nothing(word):
        raise InputError(
            "pattern_too_broad",
            f"The pattern {word!r} in '{{option:{option}}}' has wildcards only.",
            "To select every machine of the vaults, set machines: all; to select some, include part of their names.",
        )


def _by_name(
    wanted: str, items: Sequence[Item], index: Named[Item], offered: Sequence[Item], plain: bool = False
) -> list[Item]:
    exact = index.exact(wanted)
    if same(wanted, ALL):
        if exact:
            raise InputError(
                "machine_ambiguous",
                f"{wanted!r} in '{{option:machines}}' means every machine, and a machine also has that name.",
                (
                    f"For that machine only, give the id of its replicated item ({exact[0].id}); for every machine, give "
                    "groups or patterns."
                ),
            )
        return list(items)
    if len(exact) > 1:
        where = listing(f"{i.friendly_name} in vault {i.vault.name} ({i.id})" for i in exact)
        raise InputError(
            "machine_ambiguous",
            f"The machine {wanted!r} in '{{option:machines}}' matches {len(exact)} replicated items: {where}.",
            "Give the id of the one you mean, as listed here.",
        )
    if not exact and is_pattern(wanted):
        if plain:
            raise no_plain_name(wanted)
        _refuse_bare(wanted, "machines")
    found = index.found(wanted)
    if not found:
        raise InputError(
            "machine_not_found",
            f"The machine {wanted!r} in '{{option:machines}}' is in none of the vaults.",
            f"Choose from: {listing(i.friendly_name for i in offered)}.",
        )
    return found


def _called(wanted: str, known: Sequence[Plan]) -> list[Plan]:
    """The recovery plans of a name, one a vault."""
    found = [plan for plan in known if plan.called(wanted)]
    if not found:
        raise InputError(
            "plan_not_found",
            f"The recovery plan {wanted!r} in '{{option:recovery_plans}}' is in none of the vaults.",
            f"Choose from: {listing(plan.name for plan in known)}.",
        )
    if not any(plan.members for plan in found):
        raise InputError(
            "plan_empty",
            f"The recovery plan {wanted!r} in '{{option:recovery_plans}}' has no machines.",
            "Add machines to it in the vault, or select them by name in '{option:machines}'.",
        )
    return found


def _also(what: str, names: Iterable[str]) -> str:
    names = sorted(set(names))
    return f"; {what}: {listing(names)}" if names else ""
